"""What people write: messages, files with them, and what they change or take away afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bot.sandbox import find, outsiders
from bot.sandbox.delivery.events import Events
from bot.sandbox.models import Channel, File, Message, User, kind_of
from bot.sandbox.refused import Refused
from bot.sandbox.world import World

if TYPE_CHECKING:
    from bot.sandbox.people import People

Json = dict[str, Any]


def escaped(text: str) -> str:
    """What a client makes of what is typed."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


class Writing:
    """Each action names the person who acts, and answers what became visible to them."""

    def __init__(self, world: World, events: Events, people: People) -> None:
        self._world = world
        self._events = events
        self._people = people

    async def message(self, user_id: str, channel_name: str, text: str, thread_ts: str | None = None) -> Json:
        """Write a message as a person; the client escapes what is typed."""
        user = find.person(self._world, user_id)
        return await self._write(user, self._open_to(user, channel_name, thread_ts), text, thread_ts, [])

    async def edit(self, user_id: str, channel_name: str, ts: str, text: str) -> Json:
        """Change what one wrote oneself."""
        user, channel, message = self._own(user_id, channel_name, ts)
        before = self._world.message_api(message)

        def change() -> None:
            self._world.edit(message, text=escaped(text), blocks=[], metadata=message.metadata)
            self._events.message_changed(message, before)

        return await self._done(user, channel, change)

    async def delete(self, user_id: str, channel_name: str, ts: str) -> Json:
        """Take away what one wrote oneself."""
        user, channel, message = self._own(user_id, channel_name, ts)
        before = self._world.message_api(message)

        def take_away() -> None:
            self._world.remove(message)
            self._events.message_deleted(message, before)

        return await self._done(user, channel, take_away)

    def _own(self, user_id: str, channel_name: str, ts: str) -> tuple[User, Channel, Message]:
        user = find.person(self._world, user_id)
        channel = self._open_to(user, channel_name, None)
        message = find.message(channel, user, ts)
        if message.user != user.id:
            raise Refused(f"{user.label} did not write this message")
        return user, channel, message

    async def _done(self, user: User, channel: Channel, change: Callable[[], None]) -> Json:
        with self._people.watching(user, channel) as watch:
            change()
            await self._events.handed_over()
            await self._people.aftermath(watch, 0.0)
            return {"ok": True, **self._people.seen(user, watch)}

    async def upload(
        self,
        user_id: str,
        channel_name: str,
        files: list[tuple[str, bytes]],
        text: str = "",
        thread_ts: str | None = None,
    ) -> Json:
        """Share files (name and bytes) as a person, with a message to them. Raises Refused for none at all."""
        user = find.person(self._world, user_id)
        channel = self._open_to(user, channel_name, thread_ts)
        if not files or not all(name for name, _ in files):
            raise Refused("give at least one file, each with a name")
        return await self._write(user, channel, text, thread_ts, [self._stored(user, *one) for one in files])

    def _stored(self, user: User, name: str, data: bytes) -> str:
        world = self._world
        mimetype, filetype = kind_of(name)
        file = File(world.new_id("F"), name, name, mimetype, filetype, len(data), user.id, world.clock.now(), data)
        world.files[file.id] = file
        return file.id

    def _open_to(self, user: User, channel_name: str, thread_ts: str | None) -> Channel:
        """A conversation in which this person can write. Raises Refused."""
        channel = find.place(self._world, user, channel_name)
        if user.id not in channel.members or channel.is_archived:
            raise Refused(f"{user.label} cannot write in #{channel.name}")
        if channel.is_im and outsiders.is_outsider(self._world, user) and outsiders.is_stranger(self._world, user):
            raise Refused(f"{user.label} is of another company and in no channel shared with it: the app is not there")
        if thread_ts is not None:
            find.message(channel, user, thread_ts)
        return channel

    async def _write(self, user: User, channel: Channel, text: str, thread_ts: str | None, files: list[str]) -> Json:
        world = self._world
        subtype = "file_share" if files else None
        message = world.post(channel, user.id, escaped(text), thread_ts=thread_ts, subtype=subtype, files=files)
        channel.read[user.id] = message.ts
        shown = {"files": [world.file_api(world.files[one]) for one in files]} if files else {}
        with self._people.watching(user, channel) as watch:
            self._events.message_posted(message)
            await self._events.handed_over()
            await self._people.aftermath(watch, 0.0)
            return {"ok": True, "ts": message.ts, "channel": channel.id, **shown, **self._people.seen(user, watch)}
