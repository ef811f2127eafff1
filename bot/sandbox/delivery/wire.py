"""Everything that is delivered to the bot on somebody's behalf: noted in the order of the wire, broken where told to."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, Literal

from bot.sandbox.delivery.events import CUT, DUPLICATE, Events
from bot.sandbox.delivery.http import OK, SIGNATURES, Answer, HttpLink, Letter, parsed
from bot.sandbox.delivery.link import NO_ANSWER, NOT_REACHED, Ack, Link, Parcel
from bot.sandbox.delivery.socket import SocketLink
from bot.sandbox.faults import Faults
from bot.sandbox.log import Entry, Log
from bot.sandbox.refused import Refused
from bot.sandbox.world import World

Json = dict[str, Any]
KINDS: dict[str, Literal["events_api", "slash_commands", "interactive"]] = {
    "event": "events_api",
    "command": "slash_commands",
    "interaction": "interactive",
}


def _name(payload: Json, kind: str) -> str:
    event = payload.get("event")
    inner = event.get("type") if isinstance(event, dict) else ""
    return str(payload.get("command") or inner or payload.get("type") or kind)


def place_of(payload: Json) -> str:
    """The conversation that a command or an interaction comes from, if any."""
    channel = payload.get("channel")
    return str(payload.get("channel_id") or (channel.get("id") if isinstance(channel, dict) else "") or "")


class Wire:
    """Commands and interactions of people, and payloads that somebody wants delivered just as they are."""

    def __init__(
        self, world: World, events: Events, *, sockets: SocketLink, callbacks: HttpLink | None, log: Log, faults: Faults
    ) -> None:
        """`callbacks`: where the bot's address is known, used for deliveries only if the options say so."""
        over_http = callbacks if world.options.deliver == "http" else None
        self._link: Link = over_http or sockets
        self._sockets = sockets
        self._callbacks = callbacks
        self._world = world
        self._events = events
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

    async def _once(self, kind: str, name: str, payload: Json, link: Link | None = None) -> Ack:
        entry = self._log.begin(kind, name, payload, raw=payload)
        cut = self._faults.for_delivery(CUT, name, place_of(payload), event=False)
        ack = await (link or self._link).ask(Parcel(KINDS[kind], payload, name, entry.n, cut.when if cut else None))
        entry.complete(ack.payload, error=ack.error)
        return replace(ack, n=entry.n)

    async def deliver(self, kind: str, payload: Json, *, over: str = "", signature: str = "") -> Json:
        """Deliver a payload exactly as given, forged or not: {ok, acked, error, response}, over HTTP also {status}.

        `over` socket or http, whatever is usual here; `signature` (HTTP only) is one of SIGNATURES.
        """
        if kind not in KINDS:
            raise Refused(f"no kind {kind!r}; there are: {', '.join(KINDS)}")
        if signature or over == "http":
            return await self._posted(kind, payload, over or "http", signature or "right")
        if over not in ("", "socket"):
            raise Refused(f"deliveries go over socket or http, not {over!r}")
        link = self._sockets if over else self._link
        ack = await (
            self._event(payload, link) if kind == "event" else self._once(kind, _name(payload, kind), payload, link)
        )
        await self._settled()
        return {"ok": ack.ok, "acked": ack.ok, "error": ack.error, "response": ack.payload}

    async def _posted(self, kind: str, payload: Json, over: str, signature: str) -> Json:
        """One signed (or not) request to the bot's /slack/events."""
        if over != "http":
            raise Refused("sockets carry no signature")
        if signature not in SIGNATURES:
            raise Refused(f"no signature {signature!r}; there are: {', '.join(SIGNATURES)}")
        name = _name(payload, kind)
        entry = self._log.begin(kind, name, payload, raw=payload)
        answer = await self._http().deliver(Parcel(KINDS[kind], payload, name, entry.n), signature)
        return await self._answered(answer, entry)

    async def _answered(self, answer: Answer, entry: Entry) -> Json:
        status, text, _ = answer
        acked = status in OK
        error = None if acked else f"http_{status}" if status else text
        entry.complete(parsed(text) if acked else {"status": status}, error=error)
        await self._settled()
        return {
            "ok": acked,
            "acked": acked,
            "error": error,
            "status": status,
            "response": parsed(text) if status else None,
        }

    def _http(self) -> HttpLink:
        if self._callbacks is None:
            raise Refused("there is no address of the bot to post to: start with bot_url")
        return self._callbacks

    async def _settled(self) -> None:
        await self._events.handed_over()
        await self._world.clock.settle()
        self._world.watches.touch()

    async def _event(self, payload: Json, link: Link) -> Ack:
        if not link.connected:
            return Ack(error=NOT_REACHED)
        task = self._events.deliver(payload, link)
        done, _ = await asyncio.wait([task], timeout=self._world.options.ack_seconds)
        return Ack(error=task.result() if done else NO_ANSWER)

    async def replay(self, n: int) -> Json:
        """Deliver what the log holds under this number once more, word for word."""
        entry = self._log.find(n)
        if entry is None or entry.raw is None:
            raise Refused(f"entry {n} of the log is no event, command or interaction that could be sent again")
        if isinstance(entry.raw, Letter):
            again = self._log.begin("http", "replay", {"of": n})
            return await self._answered(await self._http().again(entry.raw, entry.method, n=again.n), again)
        return await self.deliver(entry.kind, entry.raw)

    async def close(self) -> None:
        for twin in list(self._twins):
            twin.cancel()
        await asyncio.gather(*self._twins, return_exceptions=True)
