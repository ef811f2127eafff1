"""What all actions of administrators on channels and people share: finding them, and telling the app."""

from __future__ import annotations

from typing import Any

from bot.sandbox.delivery.events import Events
from bot.sandbox.models import Channel, User
from bot.sandbox.refused import Refused
from bot.sandbox.world import World

Json = dict[str, Any]


def kind_of(channel: Channel, what: str) -> str:
    """Slack's name of the event: private channels are groups there."""
    return f"{'group' if channel.is_private else 'channel'}_{what}"


class Places:
    def __init__(self, world: World, events: Events) -> None:
        self._world = world
        self._events = events

    def channel(self, args: Json) -> Channel:
        """The channel meant, by id or name. Raises Refused."""
        name = str(args.get("channel", ""))
        found = self._world.channels.get(name)
        named = [one for one in self._world.channels.values() if one.name == name.removeprefix("#") and not one.is_im]
        if found is None and not named:
            raise Refused(f"no channel {name!r}")
        return found or named[0]

    def user(self, args: Json) -> User:
        """The person meant, by id. Raises Refused."""
        user = self._world.users.get(str(args.get("user", "")))
        if user is None:
            raise Refused(f"no person {args.get('user')!r}")
        return user

    def shown(self, channel: Channel) -> Json:
        return {"channel": self._world.channel_api(channel)}

    def knows(self, channel: Channel) -> bool:
        """The app hears of public channels and of those it is in."""
        return not channel.is_private or self._world.is_bot_member(channel)

    def tell(self, channel: Channel, event: Json) -> None:
        if self.knows(channel):
            self._events.emit(event)

    # coming and going

    def join(self, channel: Channel, user: User, *, by: str = "") -> None:
        """Somebody is in the channel from now on."""
        channel.members = [*channel.members, user.id]
        event = self._member_event(channel, user, "member_joined_channel")
        self.tell(channel, event | ({"inviter": by} if by else {}))

    def leave(self, channel: Channel, user: User, *, by: str = "") -> None:
        """Somebody is no longer in the channel; the app hears of its own leaving twice."""
        known = self.knows(channel)
        channel.members = [one for one in channel.members if one != user.id]
        if known:
            self._events.emit(self._member_event(channel, user, "member_left_channel"))
        if user.id == self._world.app.bot_user_id:
            self._events.emit({"type": kind_of(channel, "left"), "channel": channel.id, "actor_id": by or user.id})

    def _member_event(self, channel: Channel, user: User, kind: str) -> Json:
        letter = "G" if channel.is_private else "C"
        grid = self._world.company(user.team_id).enterprise_id
        event = {"type": kind, "user": user.id, "channel": channel.id, "channel_type": letter, "team": user.team_id}
        return event | ({"enterprise": grid} if grid else {})
