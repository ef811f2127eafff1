"""What administrators and Slack itself do: archive, invite, share, deactivate; with the events that follow."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from bot.sandbox.delivery.events import Events
from bot.sandbox.delivery.http import HttpLink
from bot.sandbox.delivery.socket import SocketLink
from bot.sandbox.members import Members
from bot.sandbox.models import Channel
from bot.sandbox.places import Places, kind_of
from bot.sandbox.refused import Refused
from bot.sandbox.sharing import Sharing
from bot.sandbox.switches import NoButtons
from bot.sandbox.world import World

Json = dict[str, Any]


class Admin:
    """Each public action takes the JSON of its request and returns what changed."""

    def __init__(self, world: World, events: Events, sockets: SocketLink, callbacks: HttpLink | None = None) -> None:
        self._world = world
        self._events = events
        self._sockets = sockets
        self._callbacks = callbacks
        self._places = Places(world, events)
        self.actions: dict[str, Callable[[Json], Awaitable[Json]]] = {
            "archive": self._archive,
            "unarchive": self._unarchive,
            "rename": self._rename,
            **Sharing(world, self._places).actions,
            "add_channel": self._add_channel,
            "delete_channel": self._delete_channel,
            **Members(world, events, self._places).actions,
            "forbid_buttons": self._forbid_buttons,
            "allow_buttons": self._allow_buttons,
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
        self._world.reached.look()
        self._world.watches.touch()
        await self._events.handed_over()
        await self._world.clock.settle()
        return {"ok": True, **done}

    async def _archive(self, args: Json) -> Json:
        return self._archived(args, "archive", over=True)

    async def _unarchive(self, args: Json) -> Json:
        return self._archived(args, "unarchive", over=False)

    def _archived(self, args: Json, what: str, *, over: bool) -> Json:
        places = self._places
        channel = places.channel(args)
        channel.is_archived = over
        places.tell(channel, {"type": kind_of(channel, what), "channel": channel.id, "user": args.get("by", "")})
        return places.shown(channel)

    async def _rename(self, args: Json) -> Json:
        places = self._places
        channel = places.channel(args)
        channel.name = str(args["name"])
        shown = {"id": channel.id, "name": channel.name, "created": channel.created}
        places.tell(channel, {"type": kind_of(channel, "rename"), "channel": shown})
        self._world.reached.renamed(channel)
        return places.shown(channel)

    async def _add_channel(self, args: Json) -> Json:
        channel = Channel(**{"id": self._world.new_id("C"), **args})
        self._world.channels[channel.id] = channel
        return self._places.shown(channel)

    async def _delete_channel(self, args: Json) -> Json:
        places = self._places
        channel = places.channel(args)
        places.tell(
            channel, {"type": kind_of(channel, "deleted"), "channel": channel.id, "actor_id": args.get("by", "")}
        )
        self._world.delete(channel)
        return {"deleted": channel.id}

    async def _forbid_buttons(self, args: Json) -> Json:
        """Of a channel, of a company, of one company in one channel, or everywhere."""
        switches, rule = self._world.switches, self._rule(args)
        switches.no_buttons = [*(one for one in switches.no_buttons if one != rule), rule]
        return {"switches": switches.to_dict()}

    async def _allow_buttons(self, args: Json) -> Json:
        """Takes one rule back; without channel and team all of them."""
        switches, rule = self._world.switches, self._rule(args)
        switches.no_buttons = [one for one in switches.no_buttons if rule not in (NoButtons(), one)]
        return {"switches": switches.to_dict()}

    def _rule(self, args: Json) -> NoButtons:
        channel = self._places.channel(args).id if args.get("channel") else ""
        return NoButtons(channel, str(args.get("team") or ""))

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
