"""Socket Mode: tickets, hello, envelopes to one of several sockets, retries of what was not acknowledged."""

from __future__ import annotations

import asyncio
import itertools
import json
import secrets
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from aiohttp import WSMsgType, web

from bot.sandbox.delivery.link import NO_ANSWER, NOT_REACHED, Ack
from bot.sandbox.options import SandboxOptions

Json = dict[str, Any]
RETRIES = 3
MOST_SOCKETS = 10
CONNECTION_SECONDS = 3600


class SocketLink:
    """All sockets of the app. Any envelope may go to any of them."""

    def __init__(self, options: SandboxOptions, app_id: str, on_connect: Callable[[], None]) -> None:
        self._options = options
        self._app_id = app_id
        self._on_connect = on_connect
        self._tickets: set[str] = set()
        self._sockets: list[web.WebSocketResponse] = []
        self._wires: dict[web.WebSocketResponse, asyncio.Transport] = {}
        self._turn = itertools.count()
        self._pending: dict[str, asyncio.Future[Any]] = {}
        self._here = asyncio.Event()
        self._late: set[asyncio.Task[None]] = set()

    @property
    def connected(self) -> bool:
        return bool(self._sockets)

    def ticket(self, url: str) -> str:
        """The address of one socket, good for one connection."""
        ticket = secrets.token_urlsafe(18)
        self._tickets.add(ticket)
        return f"{url.replace('http', 'ws', 1)}/link/?ticket={ticket}&app_id={self._app_id}"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One socket from hello to its end."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets or len(self._sockets) >= MOST_SOCKETS:
            return web.Response(status=401 if ticket not in self._tickets else 429)
        self._tickets.discard(ticket)
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        self._sockets.append(socket)
        if request.transport is not None:
            self._wires[socket] = request.transport
        try:
            await socket.send_json(self._hello())
            self._here.set()
            self._on_connect()
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._heard(message.data)
        finally:
            self._gone(socket)
            self._wires.pop(socket, None)
        return socket

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": len(self._sockets),
            "connection_info": {"app_id": self._app_id},
            "debug_info": {"host": "local", "approximate_connection_time": CONNECTION_SECONDS},
        }

    def _heard(self, raw: str) -> None:
        with suppress(json.JSONDecodeError):
            data = json.loads(raw)
            waiting = self._pending.get(str(data.get("envelope_id"))) if isinstance(data, dict) else None
            if waiting is not None and not waiting.done():
                waiting.set_result(data.get("payload"))

    def _gone(self, socket: web.WebSocketResponse) -> None:
        if socket in self._sockets:
            self._sockets.remove(socket)
        if not self._sockets:
            self._here.clear()

    # out

    async def ask(self, kind: str, payload: Json) -> Ack:
        """Deliver and wait for the ack; retries go on after the person has seen the failure."""
        envelope = {
            "type": kind,
            "envelope_id": str(uuid.uuid4()),
            "payload": payload,
            "accepts_response_payload": True,
        }
        if not self.connected:
            return Ack(error=NOT_REACHED)
        waiting = self._expect(envelope["envelope_id"])
        if not await self._send(envelope):
            self._pending.pop(str(envelope["envelope_id"]), None)
            return Ack(error=NOT_REACHED)
        done, _ = await asyncio.wait([waiting], timeout=self._options.ack_seconds)
        if done:
            self._pending.pop(str(envelope["envelope_id"]), None)
            return Ack(waiting.result())
        task = asyncio.create_task(self._again(envelope, waiting))
        self._late.add(task)
        task.add_done_callback(self._late.discard)
        return Ack(error=NO_ANSWER)

    async def tell(self, payload: Json) -> str | None:
        """Wait for a socket, send, and retry until the ack comes."""
        envelope = {
            "type": "events_api",
            "envelope_id": str(uuid.uuid4()),
            "payload": payload,
            "accepts_response_payload": False,
            "retry_attempt": 0,
            "retry_reason": "",
        }
        waiting = self._expect(envelope["envelope_id"])
        try:
            for attempt in range(RETRIES + 1):
                if attempt:
                    envelope |= {"retry_attempt": attempt, "retry_reason": "timeout"}
                await self._send_when_possible(envelope)
                done, _ = await asyncio.wait([waiting], timeout=self._retry_after)
                if done:
                    return None
        finally:
            self._pending.pop(str(envelope["envelope_id"]), None)
        return "timeout"

    @property
    def _retry_after(self) -> float:
        return self._options.socket_retry_seconds * self._options.retry_scale

    async def _again(self, envelope: Json, waiting: asyncio.Future[Any]) -> None:
        """Resend what a person's client has already given up; the answer changes nothing any more."""
        try:
            early = max(0.0, self._retry_after - self._options.ack_seconds)
            for attempt in range(1, RETRIES + 1):
                done, _ = await asyncio.wait([waiting], timeout=early if attempt == 1 else self._retry_after)
                if done:
                    return
                if self.connected:
                    await self._send({**envelope, "retry_attempt": attempt, "retry_reason": "timeout"})
        finally:
            self._pending.pop(str(envelope["envelope_id"]), None)

    def _expect(self, envelope_id: Any) -> asyncio.Future[Any]:
        waiting: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._pending[str(envelope_id)] = waiting
        return waiting

    async def _send_when_possible(self, envelope: Json) -> None:
        sent = False
        while not sent:
            await self._here.wait()
            sent = await self._send(envelope)

    async def _send(self, envelope: Json) -> bool:
        """Send to the next socket in turn, or to another if that one just broke."""
        for _ in range(len(self._sockets)):
            if not self._sockets:
                break
            socket = self._sockets[next(self._turn) % len(self._sockets)]
            try:
                await socket.send_json(envelope)
            except (ConnectionError, RuntimeError):
                self._gone(socket)
            else:
                return True
        return False

    # told to end

    async def disconnect(self, reason: str = "refresh_requested") -> int:
        """Ask every socket to reconnect, as Slack does every hour or so; the number asked."""
        sockets = list(self._sockets)
        for socket in sockets:
            if reason != "warning":
                self._gone(socket)
            with suppress(ConnectionError, RuntimeError):
                await socket.send_json({"type": "disconnect", "reason": reason, "debug_info": {"host": "local"}})
        return len(sockets)

    def cut(self) -> int:
        """Break every socket without a word; the number broken."""
        sockets = list(self._sockets)
        for socket in sockets:
            self._gone(socket)
            wire = self._wires.pop(socket, None)
            if wire is not None:
                wire.abort()
        return len(sockets)

    async def close(self) -> None:
        for task in list(self._late):
            task.cancel()
        for socket in list(self._sockets):
            with suppress(ConnectionError, RuntimeError, asyncio.TimeoutError):
                await asyncio.wait_for(socket.close(), 1)
