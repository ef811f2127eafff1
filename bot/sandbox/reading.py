"""The reading half of the driver: what stands in the local Slack, as JSON."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from bot.sandbox.delivery.events import Events
from bot.sandbox.log import Log
from bot.sandbox.models import Message
from bot.sandbox.people import People
from bot.sandbox.world import World

Json = dict[str, Any]


def stored(message: Message) -> Json:
    """A message as Slack stores it, history included, for judging from Slack's own state."""
    return {
        "ts": message.ts,
        "channel": message.channel,
        "user": message.user,
        "text": message.text,
        "blocks": message.blocks,
        "thread_ts": message.thread_ts,
        "metadata": message.metadata,
        "edited_count": len(message.edits),
        "history": message.edits,
        "deleted": message.deleted,
        "ephemeral_to": message.ephemeral_to,
        "mentions": message.mentions,
        "files": message.files,
        "posted": message.at.isoformat(),
    }


class Reading:
    """Looks, and changes nothing."""

    def __init__(self, world: World, people: People, events: Events, log: Log) -> None:
        self._world = world
        self._people = people
        self._events = events
        self._log = log

    def routes(self) -> dict[str, Callable[[web.Request], Awaitable[Any]]]:
        return {
            "state": self._state,
            "log": self._read_log,
            "messages": self._messages,
            "read": self._read,
            "inbox": self._inbox,
            "views": self._views,
            "clock": self._clock,
            "limits": self._limits,
            "reached": self._reached,
            "switches": self._switches,
        }

    async def _state(self, _request: web.Request) -> Json:
        world = self._world
        return {
            "team": vars(world.team),
            "app": vars(world.app),
            "users": [world.user_api(one, everything=True) | {"title": one.title} for one in world.users.values()],
            "channels": [world.channel_api(one) | {"members": one.members} for one in world.channels.values()],
            "clock": self.clock_json(),
            "problems": list(world.problems),
            "version": world.watches.version,
            "deliveries": self._events.waiting,
            "companies": [vars(one) for one in world.companies.values()],
            "switches": world.switches.to_dict(),
        }

    async def _read_log(self, request: web.Request) -> list[Json]:
        query = request.query
        return self._log.read(
            since=int(query.get("since", "0")),
            kind=query.get("kind", ""),
            method=query.get("method", ""),
            limit=int(query.get("limit", "0")),
        )

    async def _messages(self, request: web.Request) -> list[Json]:
        """All messages of a channel (id, or a person's id for their DM), or of all channels."""
        name = request.query.get("channel", "")
        channels = list(self._world.channels.values())
        if name:
            channels = [one for one in channels if name in (one.id, one.im_user) or (one.name and one.name == name)]
        return [stored(message) for channel in channels for message in channel.messages.values()]

    async def _read(self, request: web.Request) -> list[Json]:
        return self._people.read(request.query["user"], request.query.get("channel", "bot"))

    async def _inbox(self, request: web.Request) -> list[Json]:
        return self._people.inbox(request.query["user"])

    async def _views(self, request: web.Request) -> list[Json]:
        return self._people.open_views(request.query["user"])

    async def _limits(self, _request: web.Request) -> list[Json]:
        """What came near a limit, oldest first."""
        return list(self._world.near)

    async def _reached(self, request: web.Request) -> list[Json]:
        """What people of other companies, and guests, could ever see."""
        query = request.query
        return self._world.reached.read(
            team=query.get("team", ""),
            user=query.get("user", ""),
            channel=query.get("channel", ""),
            since=int(query.get("since", "0")),
        )

    async def _switches(self, _request: web.Request) -> Json:
        return {"ok": True, "switches": self._world.switches.to_dict()}

    def clock_json(self) -> Json:
        clock = self._world.clock
        due = clock.due
        return {
            "now": clock.now().isoformat(),
            "simulated": clock.simulated,
            "bot_reachable": clock.reachable,
            "note": clock.note,
            "next_due": due.next_due.isoformat() if due and due.next_due else None,
            "next_what": due.next_what if due else None,
            "coming": due.coming if due else [],
        }

    async def _clock(self, _request: web.Request) -> Json:
        await self._world.clock.beat()
        return self.clock_json()
