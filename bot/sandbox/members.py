"""People who come, go, and change: of our workspace, guests, and people of other companies."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import fields
from typing import Any

from bot.sandbox import outsiders
from bot.sandbox.delivery.events import Events
from bot.sandbox.models import Channel, User
from bot.sandbox.places import Places
from bot.sandbox.refused import Refused
from bot.sandbox.seed import Team
from bot.sandbox.world import World

Json = dict[str, Any]


FIELDS = frozenset(one.name for one in fields(User))


class Members:
    """Actions of administrators on people; each takes the JSON of its request and returns what changed."""

    def __init__(self, world: World, events: Events, places: Places) -> None:
        self._world = world
        self._events = events
        self._places = places
        self.actions: dict[str, Callable[[Json], Awaitable[Json]]] = {
            "invite": self._invite,
            "kick": self._kick,
            "add_company": self._add_company,
            "add_user": self._add_user,
            "update_user": self._update_user,
            "move_user": self._move_user,
            "deactivate": self._deactivate,
            "reactivate": self._reactivate,
        }

    async def _invite(self, args: Json) -> Json:
        channel, user = self._places.channel(args), self._places.user(args)
        if user.id not in channel.members:
            self._require_room(channel, user)
            self._places.join(channel, user, by=str(args.get("by") or ""))
        return self._places.shown(channel)

    def _require_room(self, channel: Channel, user: User) -> None:
        world = self._world
        if not outsiders.may_come(world, user, channel):
            whose = world.company(user.team_id).name
            raise Refused(f"{user.label} is of {whose}, with which #{channel.name} is not shared; share it first")
        others = [one.name for one in world.channels.values() if user.id in one.members and not one.is_im]
        if user.is_ultra_restricted and others:
            raise Refused(f"{user.label} is a guest of one channel, and is in #{others[0]} already")

    async def _kick(self, args: Json) -> Json:
        channel, user = self._places.channel(args), self._places.user(args)
        if user.id in channel.members:
            self._places.leave(channel, user, by=str(args.get("by") or ""))
        return self._places.shown(channel)

    async def _add_company(self, args: Json) -> Json:
        team = Team(**{"id": self._world.new_id("T"), **args})
        self._world.companies[team.id] = team
        return {"company": vars(team)}

    async def _add_user(self, args: Json) -> Json:
        """Somebody new; the app hears of one who joins our workspace."""
        user = User(**{"team_id": self._world.team.id, "id": self._world.new_id("U"), **args})
        self._world.users[user.id] = user
        if user.team_id != self._world.team.id:
            return {"user": self._world.user_api(user)}
        return self._told(user, "team_join")

    async def _update_user(self, args: Json) -> Json:
        user = self._places.user(args)
        changes = {name: value for name, value in args.items() if name != "user"}
        for name in changes:
            if name == "id" or name not in FIELDS:
                raise Refused(f"a person has no {name!r}")
        for name, value in changes.items():
            setattr(user, name, value)
        return self._told(user, "user_change")

    async def _move_user(self, args: Json) -> Json:
        """Somebody goes to another company and keeps their id: out of every channel that company has no part in."""
        user = self._places.user(args)
        user.team_id = str(args["team"])
        for channel in list(self._world.channels.values()):
            if user.id in channel.members and not channel.is_im and not outsiders.may_come(self._world, user, channel):
                self._places.leave(channel, user)
        return self._told(user, "user_change")

    async def _deactivate(self, args: Json) -> Json:
        user = self._places.user(args)
        user.deleted = True
        return self._told(user, "user_change")

    async def _reactivate(self, args: Json) -> Json:
        user = self._places.user(args)
        user.deleted = False
        return self._told(user, "user_change")

    def _told(self, user: User, kind: str) -> Json:
        shown = self._world.user_api(user)
        self._events.emit({"type": kind, "user": shown, "cache_ts": int(self._world.clock.now().timestamp())})
        return {"user": shown}
