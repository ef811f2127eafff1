"""Everything that is delivered to the bot on somebody's behalf: noted in the order of the wire, broken where told to."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, Literal

from bot.sandbox.delivery.events import CUT, DUPLICATE, Events
from bot.sandbox.delivery.link import NO_ANSWER, NOT_REACHED, Ack, Link, Parcel
from bot.sandbox.faults import Faults
from bot.sandbox.inputs import Refused
from bot.sandbox.log import Log
from bot.sandbox.world import World

Json = dict[str, Any]
Kind = Literal["command", "interaction", "event"]
ENVELOPES: dict[str, Literal["slash_commands", "interactive"]] = {
    "command": "slash_commands",
    "interaction": "interactive",
}


def place_of(payload: Json) -> str:
    """The conversation that a command or an interaction comes from, if any."""
    channel = payload.get("channel")
    return str(payload.get("channel_id") or (channel.get("id") if isinstance(channel, dict) else "") or "")


class Wire:
    """Commands and interactions of people, and payloads that somebody wants delivered just as they are."""

    def __init__(self, world: World, events: Events, link: Link, *, log: Log, faults: Faults) -> None:
        self._world = world
        self._events = events
        self._link = link
        self._log = log
        self._faults = faults
        self._twins: set[asyncio.Task[Ack]] = set()

    @property
    def connected(self) -> bool:
        return self._link.connected

    async def ask(self, kind: str, name: str, payload: Json) -> Ack:
        """Deliver one command or interaction; faults may break it or have it arrive twice."""
        place = place_of(payload)
        if self._faults.for_delivery(DUPLICATE, name, place, event=False):
            twin = asyncio.create_task(self._once(kind, name, payload))
            self._twins.add(twin)
            twin.add_done_callback(self._twins.discard)
        return await self._once(kind, name, payload)

    async def _once(self, kind: str, name: str, payload: Json) -> Ack:
        entry = self._log.begin(kind, name, payload, raw=payload)
        cut = self._faults.for_delivery(CUT, name, place_of(payload), event=False)
        ack = await self._link.ask(Parcel(ENVELOPES[kind], payload, name, entry.n, cut.when if cut else None))
        entry.complete(ack.payload, error=ack.error)
        return replace(ack, n=entry.n)

    async def deliver(self, kind: str, payload: Json) -> Json:
        """Deliver a payload exactly as given, forged or not: {ok, acked, error, response}."""
        if kind == "event":
            ack = await self._event(payload)
        elif kind in ENVELOPES:
            ack = await self._once(kind, str(payload.get("command") or payload.get("type") or kind), payload)
        else:
            raise Refused(f"no kind {kind!r}; there are: event, {', '.join(ENVELOPES)}")
        await self._events.handed_over()
        await self._world.clock.settle()
        self._world.watches.touch()
        return {"ok": ack.ok, "acked": ack.ok, "error": ack.error, "response": ack.payload}

    async def _event(self, payload: Json) -> Ack:
        if not self._link.connected:
            return Ack(error=NOT_REACHED)
        task = self._events.deliver(payload)
        done, _ = await asyncio.wait([task], timeout=self._world.options.ack_seconds)
        return Ack(error=task.result() if done else NO_ANSWER)

    async def replay(self, n: int) -> Json:
        """Deliver what the log holds under this number once more, word for word."""
        entry = self._log.find(n)
        if entry is None or entry.raw is None:
            raise Refused(f"entry {n} of the log is no event, command or interaction that could be sent again")
        return await self.deliver(entry.kind, entry.raw)

    async def close(self) -> None:
        for twin in list(self._twins):
            twin.cancel()
        await asyncio.gather(*self._twins, return_exceptions=True)
