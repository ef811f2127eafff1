"""Everything that people outside the company could ever see, so that somebody can judge what has leaked to them.

Nothing is ever taken out: what was edited, deleted or closed has been seen.
"""

from __future__ import annotations

import base64
import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bot.sandbox import outsiders
from bot.sandbox.models import Channel, File, Message, User, View
from bot.sandbox.watch import Effect

if TYPE_CHECKING:
    from bot.sandbox.world import World

Json = dict[str, Any]
KINDS = ("message", "ephemeral", "edit", "file", "view", "home", "options", "errors", "channel")


@dataclass(frozen=True)
class Audience:
    """Who outside the company sees a conversation."""

    teams: tuple[str, ...] = ()
    users: tuple[str, ...] = ()

    def without(self, other: Audience) -> Audience:
        teams = tuple(one for one in self.teams if one not in other.teams)
        return Audience(teams, tuple(one for one in self.users if one not in other.users))

    def __bool__(self) -> bool:
        return bool(self.teams or self.users)


@dataclass(frozen=True)
class Sight:
    """One thing that somebody outside could see, as it was then."""

    n: int
    at: str
    kind: str
    audience: Audience
    content: Json
    channel: str = ""
    channel_name: str = ""
    by: str = ""
    by_app: bool = True
    ts: str = ""
    thread_ts: str | None = None
    before_share: bool = False
    before_join: bool = False
    shown: bool = True
    file: File | None = field(default=None, repr=False)

    def to_dict(self) -> Json:
        rest = {name: value for name, value in vars(self).items() if name not in ("audience", "file", "content")}
        content = self.content
        if self.file is not None:
            content = content | {"base64": base64.b64encode(self.file.data).decode()}
        return rest | {"teams": list(self.audience.teams), "users": list(self.audience.users), "content": content}


class Reached:
    """Follows what becomes visible. Whoever lets somebody in calls `look`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._sights: list[Sight] = []
        self._known: dict[int, Audience] = {}
        """By the identity of a channel, whose Slack id may change: who could see it so far."""
        self._views: set[str] = set()
        self.look()

    def read(self, *, team: str = "", user: str = "", channel: str = "", since: int = 0) -> list[Json]:
        """What this company's people, or this one person, could see; without either, all that anybody outside could."""
        self.look()
        teams = set(outsiders.workspaces(self._world, team)) if team else set()
        return [
            one.to_dict()
            for one in self._sights
            if one.n > since
            and (not team or teams & set(one.audience.teams))
            and (not user or user in one.audience.users)
            and channel in ("", one.channel, one.channel_name)
        ]

    # what becomes visible

    def notice(self, effect: Effect) -> None:
        """Something became visible to somebody."""
        if isinstance(effect.item, Message) and not effect.item.deleted:
            self.message(effect.item, edited=effect.kind == "update")
        elif isinstance(effect.item, View):
            self._view(effect.item)

    def message(self, message: Message, *, edited: bool = False, shown: bool = True) -> None:
        """A message, or one changed, with its files."""
        channel = self._world.channels[message.channel]
        self._look_at(channel, but=message)
        audience = self._of_channel(channel)
        if message.ephemeral_to is not None:
            audience = self._of_people([message.ephemeral_to])
        kind = "edit" if edited else "ephemeral" if message.ephemeral_to else "message"
        self._message(kind, message, channel, audience, files=not edited, shown=shown)

    def options(self, user: User, view: View, action_id: str, typed: str, options: list[Json]) -> None:
        """What the app offered for something typed."""
        content = {"view_id": view.id, "action_id": action_id, "value": typed, "options": options}
        self._add("options", self._of_people([user.id]), content)

    def renamed(self, channel: Channel) -> None:
        """A channel is called otherwise, which everybody in it sees."""
        self._name(channel, self._of_channel(channel))

    def errors(self, view: View) -> None:
        """What the app wrote at the inputs of a form."""
        if view.errors:
            self._add("errors", self._of_people([view.user]), {"view_id": view.id, "errors": dict(view.errors)})

    def _name(self, channel: Channel, audience: Audience) -> None:
        if not channel.is_im:
            about = {"channel": channel.id, "channel_name": channel.name, "by_app": False}
            self._add("channel", audience, {"name": channel.name, "topic": channel.topic}, **about)

    def _view(self, view: View) -> None:
        audience = self._of_people([view.user])
        if view.type == "home":
            shown = self._world.home_of(self._world.users[view.user]) is not None
            self._add("home", audience, {"view_id": view.id, "view": view.body}, shown=shown)
            return
        how = "updated" if view.id in self._views else "pushed" if view.previous_view_id else "opened"
        self._views.add(view.id)
        content = {"how": how, "view_id": view.id, "callback_id": view.body.get("callback_id", ""), "view": view.body}
        self._add("view", audience, content)

    # who comes to see what stands there already

    def look(self) -> None:
        """Note for every conversation who sees it now, and what stood there before they came."""
        for channel in list(self._world.channels.values()):
            self._look_at(channel)

    def _look_at(self, channel: Channel, *, but: Message | None = None) -> None:
        now = self._of_channel(channel)
        fresh = now.without(self._known.get(id(channel), Audience()))
        self._known[id(channel)] = now
        if not fresh:
            return
        self._name(channel, fresh)
        for message in list(channel.messages.values()):
            if message is but or message.deleted or message.ephemeral_to is not None:
                continue
            self._message(
                "message", message, channel, fresh, before_share=bool(fresh.teams), before_join=not fresh.teams
            )

    # helpers

    def _of_channel(self, channel: Channel) -> Audience:
        people = outsiders.outside(self._world, channel)
        teams = [*outsiders.connected(self._world, channel), *outsiders.companies_of(self._world, people)]
        return Audience(tuple(dict.fromkeys(teams)), tuple(people))

    def _of_people(self, people: list[str]) -> Audience:
        known = [self._world.users[one] for one in people if one in self._world.users]
        outside = [one.id for one in known if one.is_guest or outsiders.is_outsider(self._world, one)]
        return Audience(tuple(outsiders.companies_of(self._world, outside)), tuple(outside))

    def _message(
        self, kind: str, message: Message, channel: Channel, audience: Audience, *, files: bool = True, **more: Any
    ) -> None:
        about = {
            "channel": channel.id,
            "channel_name": channel.name,
            "by": message.user,
            "by_app": message.bot_id is not None,
            "ts": message.ts,
            "thread_ts": message.thread_ts,
            **more,
        }
        content = {"text": message.text, "blocks": message.blocks, "metadata": message.metadata, "files": message.files}
        if kind == "edit" and message.edits:
            content["before"] = message.edits[-1]
        self._add(kind, audience, content, **about)
        for file in (self._world.files[one] for one in message.files if files):
            named = ("id", "name", "title", "alt_txt", "mimetype", "size")
            self._add("file", audience, {name: getattr(file, name) for name in named}, file=file, **about)

    def _add(self, kind: str, audience: Audience, content: Json, **more: Any) -> None:
        if audience:
            at = self._world.clock.now().isoformat()
            sight = Sight(len(self._sights) + 1, at, kind, audience, copy.deepcopy(content), **more)
            self._sights.append(sight)
