"""What administrators and Slack itself do: archive, invite, share, deactivate; with the events that follow."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from bot.sandbox.delivery.events import Events
from bot.sandbox.delivery.http import HttpLink
from bot.sandbox.delivery.socket import SocketLink
from bot.sandbox.inputs import Refused
from bot.sandbox.models import Channel, User
from bot.sandbox.world import World

Json = dict[str, Any]


def _kind(channel: Channel, what: str) -> str:
    """Slack's name of the event: private channels are groups there."""
    return f"{'group' if channel.is_private else 'channel'}_{what}"


class Admin:
    """Each public action takes the JSON of its request and returns what changed."""

    def __init__(self, world: World, events: Events, sockets: SocketLink, callbacks: HttpLink | None = None) -> None:
        self._world = world
        self._events = events
        self._sockets = sockets
        self._callbacks = callbacks
        self.actions: dict[str, Callable[[Json], Awaitable[Json]]] = {
            "archive": self._archive,
            "unarchive": self._unarchive,
            "invite": self._invite,
            "kick": self._kick,
            "share": self._share,
            "unshare": self._unshare,
            "rename": self._rename,
            "channel_id_change": self._channel_id_change,
            "deactivate": self._deactivate,
            "reactivate": self._reactivate,
            "update_user": self._update_user,
            "add_user": self._add_user,
            "add_channel": self._add_channel,
            "disconnect_sockets": self._disconnect,
            "cut_sockets": self._cut,
            "redeliver": self._redeliver,
            "verify_url": self._verify_url,
        }

    async def do(self, name: str, args: Json) -> Json:
        """Run one action. Raises Refused for an unknown action, channel or person."""
        if name not in self.actions:
            raise Refused(f"no action {name!r}; there are: {', '.join(self.actions)}")
        done = await self.actions[name](args)
        self._world.watches.touch()
        await self._events.handed_over()
        await self._world.clock.settle()
        return {"ok": True, **done}

    def _channel(self, args: Json) -> Channel:
        name = str(args.get("channel", ""))
        found = self._world.channels.get(name)
        named = [one for one in self._world.channels.values() if one.name == name.removeprefix("#") and not one.is_im]
        if found is None and not named:
            raise Refused(f"no channel {name!r}")
        return found or named[0]

    def _user(self, args: Json) -> User:
        user = self._world.users.get(str(args.get("user", "")))
        if user is None:
            raise Refused(f"no person {args.get('user')!r}")
        return user

    def _shown(self, channel: Channel) -> Json:
        return {"channel": channel.to_api(self._world.team.id, bot_user=self._world.app.bot_user_id, full=True)}

    def _known(self, channel: Channel) -> bool:
        """The app hears of public channels and of those it is in."""
        return not channel.is_private or self._world.is_bot_member(channel)

    def _tell(self, channel: Channel, event: Json) -> None:
        if self._known(channel):
            self._events.emit(event)

    async def _archive(self, args: Json) -> Json:
        channel = self._channel(args)
        channel.is_archived = True
        self._tell(channel, {"type": _kind(channel, "archive"), "channel": channel.id, "user": args.get("by", "")})
        return self._shown(channel)

    async def _unarchive(self, args: Json) -> Json:
        channel = self._channel(args)
        channel.is_archived = False
        self._tell(channel, {"type": _kind(channel, "unarchive"), "channel": channel.id, "user": args.get("by", "")})
        return self._shown(channel)

    def _member_event(self, channel: Channel, user: User, kind: str) -> Json:
        letter = "G" if channel.is_private else "C"
        return {"type": kind, "user": user.id, "channel": channel.id, "channel_type": letter, "team": user.team_id}

    async def _invite(self, args: Json) -> Json:
        channel, user = self._channel(args), self._user(args)
        if user.id not in channel.members:
            channel.members.append(user.id)
            event = self._member_event(channel, user, "member_joined_channel")
            self._tell(channel, event | ({"inviter": args["by"]} if args.get("by") else {}))
        return self._shown(channel)

    async def _kick(self, args: Json) -> Json:
        channel, user = self._channel(args), self._user(args)
        if user.id in channel.members:
            known = self._known(channel)
            channel.members.remove(user.id)
            if known:
                self._events.emit(self._member_event(channel, user, "member_left_channel"))
        return self._shown(channel)

    async def _share(self, args: Json) -> Json:
        """Share with another company; with `pending` only invite it."""
        channel = self._channel(args)
        team = str(args.get("team", "T0OTHER01"))
        if args.get("pending"):
            channel.is_pending_ext_shared = True
            channel.pending_connected_team_ids = [*channel.pending_connected_team_ids, team]
            return self._shown(channel)
        channel.is_ext_shared = channel.is_shared = True
        channel.is_pending_ext_shared, channel.pending_connected_team_ids = False, []
        channel.connected_team_ids = [*channel.connected_team_ids, team]
        self._tell(channel, {"type": "channel_shared", "channel": channel.id, "connected_team_id": team})
        return self._shown(channel)

    async def _unshare(self, args: Json) -> Json:
        channel = self._channel(args)
        team = str(args.get("team") or (channel.connected_team_ids or ["T0OTHER01"])[0])
        channel.connected_team_ids = [one for one in channel.connected_team_ids if one != team]
        channel.is_ext_shared = channel.is_shared = bool(channel.connected_team_ids)
        channel.is_pending_ext_shared, channel.pending_connected_team_ids = False, []
        event = {"type": "channel_unshared", "channel": channel.id, "previously_connected_team_id": team}
        self._tell(channel, event | {"is_ext_shared": channel.is_ext_shared})
        return self._shown(channel)

    async def _rename(self, args: Json) -> Json:
        channel = self._channel(args)
        channel.name = str(args["name"])
        shown = {"id": channel.id, "name": channel.name, "created": channel.created}
        self._tell(channel, {"type": _kind(channel, "rename"), "channel": shown})
        return self._shown(channel)

    async def _channel_id_change(self, args: Json) -> Json:
        """What Slack does to a private channel when its sharing begins."""
        channel = self._channel(args)
        old, new = channel.id, str(args.get("to") or self._world.new_id("C"))
        channel.id = new
        self._world.channels = {one.id: one for one in self._world.channels.values()}
        for message in channel.messages.values():
            message.channel = new
        for file in self._world.files.values():
            if old in file.shares:
                file.shares[new] = file.shares.pop(old)
        self._tell(channel, {"type": "channel_id_changed", "old_channel_id": old, "new_channel_id": new})
        return self._shown(channel)

    def _user_event(self, user: User, kind: str) -> Json:
        world = self._world
        with_email = "users:read.email" in world.manifest.scopes
        shown = user.to_api(home_team=world.team.id, at=world.clock.now(), with_email=with_email)
        self._events.emit({"type": kind, "user": shown, "cache_ts": int(world.clock.now().timestamp())})
        return {"user": shown}

    async def _deactivate(self, args: Json) -> Json:
        user = self._user(args)
        user.deleted = True
        return self._user_event(user, "user_change")

    async def _reactivate(self, args: Json) -> Json:
        user = self._user(args)
        user.deleted = False
        return self._user_event(user, "user_change")

    async def _update_user(self, args: Json) -> Json:
        user = self._user(args)
        changes = {name: value for name, value in args.items() if name != "user"}
        for name in changes:
            if name == "id" or not hasattr(user, name):
                raise Refused(f"a person has no {name!r}")
        for name, value in changes.items():
            setattr(user, name, value)
        return self._user_event(user, "user_change")

    async def _add_user(self, args: Json) -> Json:
        user = User(**{"team_id": self._world.team.id, "id": self._world.new_id("U"), **args})
        self._world.users[user.id] = user
        return self._user_event(user, "team_join")

    async def _add_channel(self, args: Json) -> Json:
        channel = Channel(**{"id": self._world.new_id("C"), **args})
        self._world.channels[channel.id] = channel
        return self._shown(channel)

    async def _disconnect(self, args: Json) -> Json:
        return {"sockets": await self._sockets.disconnect(str(args.get("reason", "refresh_requested")))}

    async def _cut(self, _args: Json) -> Json:
        return {"sockets": self._sockets.cut()}

    async def _redeliver(self, args: Json) -> Json:
        try:
            self._events.redeliver(str(args.get("event_id")))
        except KeyError as unknown:
            raise Refused(f"no event has the id {args.get('event_id')!r}") from unknown
        return {"event_id": args["event_id"]}

    async def _verify_url(self, _args: Json) -> Json:
        """What Slack does when the address of the bot is entered: whether it echoes the challenge."""
        if self._callbacks is None:
            raise Refused("there is no address to verify: events are delivered over sockets")
        return await self._callbacks.verify()
