"""Socket Mode: tickets, hello, envelopes to one of several sockets, retries of what was not acknowledged."""

from __future__ import annotations

import asyncio
import itertools
import json
import secrets
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from bot.sandbox.delivery.link import NO_ANSWER, NOT_REACHED, Ack, Break, Parcel, nothing, scaled
from bot.sandbox.log import Log
from bot.sandbox.options import SandboxOptions

Json = dict[str, Any]
RETRIES = 3
MOST_SOCKETS = 10
WARNED = 10.0
"""Seconds between the warning and the end of a connection's life."""
BROKEN = (ConnectionError, RuntimeError)


@dataclass(eq=False)
class Connection:
    """One socket; `over` is set when nothing can be expected from it any more."""

    number: int
    socket: web.WebSocketResponse
    wire: asyncio.Transport | None
    over: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class Post:
    """One envelope under way, and the ack it waits for."""

    parcel: Parcel
    envelope: Json
    acked: asyncio.Future[Any]
    breaks: Break | None
    sent: Callable[[], None]


class SocketLink:
    """All sockets of the app. Any envelope may go to any of them."""

    def __init__(self, options: SandboxOptions, app_id: str, log: Log, on_connect: Callable[[], None]) -> None:
        self._options = options
        self._app_id = app_id
        self._log = log
        self._on_connect = on_connect
        self._tickets: set[str] = set()
        self._connections: list[Connection] = []
        self._numbers = itertools.count(1)
        self._turn = itertools.count()
        self._pending: dict[str, Post] = {}
        self._here = asyncio.Event()
        self._late: set[asyncio.Task[str | None]] = set()

    @property
    def connected(self) -> bool:
        return bool(self._connections)

    def ticket(self, url: str) -> str:
        """The address of one socket, good for one connection."""
        ticket = secrets.token_urlsafe(18)
        self._tickets.add(ticket)
        return f"{url.replace('http', 'ws', 1)}/link/?ticket={ticket}&app_id={self._app_id}"

    # one connection, from hello to its end

    async def handle(self, request: web.Request) -> web.StreamResponse:
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets or len(self._connections) >= MOST_SOCKETS:
            return web.Response(status=401 if ticket not in self._tickets else 429)
        self._tickets.discard(ticket)
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        one = Connection(next(self._numbers), socket, request.transport)
        self._connections.append(one)
        machinery = [asyncio.create_task(self._age(one)), asyncio.create_task(self._ping(one))]
        try:
            await self._say(one, self._hello())
            self._here.set()
            self._on_connect()
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._heard(message.data)
        finally:
            for task in machinery:
                task.cancel()
            self._gone(one)
            one.over.set()
            self._note(one, "closed", None)
        return socket

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": len(self._connections),
            "connection_info": {"app_id": self._app_id},
            "debug_info": {
                "host": "local",
                "approximate_connection_time": int(self._options.connection_seconds),
            },
        }

    async def _age(self, one: Connection) -> None:
        """Warn shortly before the end of its life, then ask it to reconnect."""
        life = self._options.connection_seconds
        warned = min(WARNED, life / 2)
        await asyncio.sleep(life - warned)
        await self._ask_to_go(one, "warning")
        await asyncio.sleep(warned)
        await self._ask_to_go(one, "refresh_requested")

    async def _ping(self, one: Connection) -> None:
        """Clients that were pinged once take a server that stops for dead; their own pings are echoed by themselves."""
        with suppress(*BROKEN):
            while True:
                await asyncio.sleep(self._options.ping_seconds)
                await one.socket.ping(b"Ping from the local Slack")

    async def _ask_to_go(self, one: Connection, reason: str) -> None:
        """Ask a socket to reconnect; after a warning it still gets envelopes, and its acks count to its last moment."""
        if reason != "warning":
            self._gone(one)
        with suppress(*BROKEN):
            await self._say(one, {"type": "disconnect", "reason": reason, "debug_info": {"host": "local"}})

    async def _say(self, one: Connection, words: Json) -> None:
        """Hello and disconnect: machinery, no deliveries."""
        self._note(one, str(words["type"]), words)
        await one.socket.send_json(words)

    def _note(self, one: Connection, what: str, words: Json | None) -> None:
        self._log.add("socket", what, {"connection": one.number, **({"sent": words} if words else {})}, None)

    def _heard(self, raw: str) -> None:
        """An ack; anything else that a client says is no business of Slack's."""
        with suppress(json.JSONDecodeError):
            data = json.loads(raw)
            post = self._pending.get(str(data.get("envelope_id"))) if isinstance(data, dict) else None
            if post is not None and not post.acked.done():
                post.acked.set_result(data.get("payload"))

    def _gone(self, one: Connection) -> None:
        if one in self._connections:
            self._connections.remove(one)
        if not self._connections:
            self._here.clear()

    # out

    async def ask(self, parcel: Parcel) -> Ack:
        """Deliver and wait for the ack; retries go on after the person has seen the failure."""
        if not self.connected:
            return Ack(error=NOT_REACHED)
        post = self._begin(parcel, {"accepts_response_payload": True})
        task = asyncio.create_task(self._until_acked(post, patient=False))
        self._late.add(task)
        task.add_done_callback(self._late.discard)
        done, _ = await asyncio.wait([post.acked], timeout=self._options.ack_seconds)
        return Ack(post.acked.result()) if done else Ack(error=NO_ANSWER)

    async def tell(self, parcel: Parcel) -> str | None:
        """Wait for a socket, send, and retry until the ack comes."""
        more = {"accepts_response_payload": False, "retry_attempt": 0, "retry_reason": ""}
        return await self._until_acked(self._begin(parcel, more), patient=True)

    def _begin(self, parcel: Parcel, more: Json) -> Post:
        envelope = {"type": parcel.kind, "envelope_id": str(uuid.uuid4()), "payload": parcel.payload, **more}
        post = Post(parcel, envelope, asyncio.get_running_loop().create_future(), parcel.breaks, parcel.sent)
        self._pending[envelope["envelope_id"]] = post
        return post

    async def _until_acked(self, post: Post, *, patient: bool) -> str | None:
        """Send up to four times; None when it was acked. The impatient wait no longer for a socket than for an ack."""
        try:
            for attempt in range(RETRIES + 1):
                if attempt:
                    post.envelope |= {"retry_attempt": attempt, "retry_reason": "timeout"}
                if await self._attempt(post, patient=patient):
                    return None
        finally:
            self._pending.pop(str(post.envelope["envelope_id"]), None)
        return "timeout"

    async def _attempt(self, post: Post, *, patient: bool) -> bool:
        """Whether it was acked. What a dropped socket had not acked goes over another one, as part of the same try."""
        pause = scaled(self._options.socket_retry_seconds, self._options)
        end = None if patient else asyncio.get_running_loop().time() + pause
        while (one := await self._sent(post, end)) is not None:
            post.sent()
            post.sent = nothing
            if await self._acked(post, one, pause):
                return True
            if not one.over.is_set():
                return False
        return False

    async def _acked(self, post: Post, one: Connection, pause: float) -> bool:
        """Wait for the ack, at most until the socket is gone."""
        over = asyncio.ensure_future(one.over.wait())
        try:
            await asyncio.wait({post.acked, over}, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
        finally:
            over.cancel()
        return post.acked.done()

    async def _sent(self, post: Post, end: float | None) -> Connection | None:
        """Send as soon as there is a socket; the one it went over, or None if there was none until `end`."""
        while True:
            left = None if end is None else end - asyncio.get_running_loop().time()
            if left is not None and left <= 0:
                return None
            try:
                await asyncio.wait_for(self._here.wait(), left)
            except TimeoutError:
                return None
            one = await self._send(post)
            if one is not None:
                return one

    async def _send(self, post: Post) -> Connection | None:
        """Send over the next socket in turn, or over another if that one just broke."""
        for _ in range(len(self._connections)):
            if not self._connections:
                break
            one = self._connections[next(self._turn) % len(self._connections)]
            breaks, post.breaks = post.breaks, None
            if breaks == "before":
                self._cut(one)
                continue
            shown = {name: value for name, value in post.envelope.items() if name != "payload"}
            about = {"connection": one.number, "of": post.parcel.n, "name": post.parcel.name}
            self._log.add("socket", post.parcel.kind, about | shown, None)
            try:
                await one.socket.send_json(post.envelope)
            except BROKEN:
                self._gone(one)
                continue
            if breaks == "after":
                self._cut(one, flush=True)
            return one
        return None

    # told to end

    async def disconnect(self, reason: str = "refresh_requested") -> int:
        """Ask every socket to reconnect, as Slack does every hour or so; the number asked."""
        connections = list(self._connections)
        for one in connections:
            await self._ask_to_go(one, reason)
        return len(connections)

    def cut(self) -> int:
        """Break every socket without a word; the number broken."""
        connections = list(self._connections)
        for one in connections:
            self._cut(one)
        return len(connections)

    def _cut(self, one: Connection, *, flush: bool = False) -> None:
        """Break a socket; with `flush` what was written still arrives."""
        self._gone(one)
        one.over.set()
        if one.wire is not None:
            if flush:
                one.wire.close()
            else:
                one.wire.abort()

    async def close(self) -> None:
        for task in list(self._late):
            task.cancel()
        await asyncio.gather(*self._late, return_exceptions=True)
        for one in list(self._connections):
            with suppress(*BROKEN, asyncio.TimeoutError):
                await asyncio.wait_for(one.socket.close(), 1)
