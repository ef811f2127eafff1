"""The harness's side of the bot's processes: they are born, killed, born again, and reached through one door."""

import asyncio
import itertools
import json
import os
import random
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from bot import failpoints

ROOT = Path(__file__).resolve().parent.parent.parent
STARTS_WITHIN = 60.0
STOPS_WITHIN = 30.0


class Broken(AssertionError):
    """The bot does what no crash excuses: it will not start, or it ends by itself."""


class Life:
    """One process from birth to death."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.pid: asyncio.Future[int] = loop.create_future()
        self.url: asyncio.Future[str] = loop.create_future()
        self.died: asyncio.Future[int] = loop.create_future()

    def tell(self, word: str, rest: Sequence[str]) -> None:
        if not self.pid.done():
            self.pid.set_result(int(rest[0]))
        if word == "ready" and not self.url.done():
            self.url.set_result(rest[1])
        if word == "died" and not self.died.done():
            self.died.set_result(int(rest[1]))

    async def end(self, number: signal.Signals) -> None:
        """Send the signal, unless it is dead already."""
        pid = await self.pid
        if not self.died.done():
            with suppress(ProcessLookupError):
                os.kill(pid, number)


class Nursery:
    """Bears bots quickly: a process that has imported everything and forks."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._lives: dict[str, Life] = {}
        self._names = itertools.count(1)

    def bear(self, environment: Mapping[str, str], log: Path) -> Life:
        assert self._process.stdin is not None
        name, life = str(next(self._names)), Life()
        self._lives[name] = life
        order = {"id": name, "environment": dict(environment), "log": str(log)}
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        return life

    async def listen(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            word, _, rest = line.decode().strip().partition(" ")
            name, *more = rest.split(" ")
            if word in ("born", "ready", "died") and name in self._lives:
                self._lives[name].tell(word, more)


@asynccontextmanager
async def nursery() -> AsyncIterator[Nursery]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.crash.bot", "--nursery",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    made = Nursery(process)
    ears = asyncio.create_task(made.listen())
    try:
        yield made
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), STOPS_WITHIN)
        except TimeoutError:
            process.kill()
            await process.wait()
        await ears


class Replica:
    """A bot that is started again whenever it dies, as a supervisor would; `points` are where its first lives end."""

    def __init__(
        self, mother: Nursery, environment: Mapping[str, str], points: Sequence[str], log: Path, *, rest: float = 0.0
    ) -> None:
        self._mother, self._environment, self._log, self._rest = mother, dict(environment), log, rest
        self._points = list(points)
        self.life: Life | None = None
        self.url = ""
        self.kills: list[str] = []
        self._killed_by = ""
        self._stopping = False
        self._task = asyncio.create_task(self._supervise())

    @property
    def to_come(self) -> list[str]:
        """The points of the lives that have not ended yet."""
        return self._points[len(self.kills) :]

    async def _supervise(self) -> None:
        while not self._stopping:
            point = next(iter(self.to_come), "")
            self.life = self._mother.bear(self._environment | {failpoints.VARIABLE: point, "PORT": "0"}, self._log)
            async with asyncio.timeout(STARTS_WITHIN):
                await asyncio.wait({self.life.url, self.life.died}, return_when=asyncio.FIRST_COMPLETED)
            self.url = self.life.url.result() if self.life.url.done() else ""
            status = await self.life.died
            self.url = ""
            if status == -signal.SIGKILL:
                self.kills.append(self._killed_by or point or "?")
                self._killed_by = ""
            elif not self._stopping or status != 0:
                raise Broken(f"a bot ended by itself with status {status}:\n{self.said()[-3000:]}")
            await asyncio.sleep(self._rest)

    async def kill(self) -> None:
        """kill -9, now."""
        if self.life is not None and not self.life.died.done():
            self._killed_by = "random"
            await self.life.end(signal.SIGKILL)
            await self.life.died

    def check(self) -> None:
        """Raise what the supervisor died of."""
        if self._task.done() and not self._task.cancelled():
            self._task.result()

    def said(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    async def stop(self) -> None:
        """SIGTERM, and the end must be clean."""
        self._stopping = True
        if self.life is not None:
            if self.life.died.done():
                await asyncio.sleep(0)
            await self.life.end(signal.SIGTERM)
        async with asyncio.timeout(STOPS_WITHIN):
            await self._task

    async def abandon(self) -> None:
        """kill -9 and no questions, when the week has failed already."""
        self._stopping = True
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        if self.life is not None:
            await self.life.end(signal.SIGKILL)


class Door:
    """The one address that the local Slack knows; behind it live as many bots as there are just now."""

    def __init__(self) -> None:
        self.replicas: list[Replica] = []
        self.url = ""
        self._session: aiohttp.ClientSession | None = None
        self._runner: web.AppRunner | None = None

    async def open(self) -> None:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60))
        app = web.Application(client_max_size=4 * 1024 * 1024)
        app.router.add_route("*", "/control/{what}", self._control)
        app.router.add_route("*", "/{path:.*}", self._one)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        if self._session is not None:
            await self._session.close()

    async def until_up(self, within: float = STARTS_WITHIN) -> None:
        """Wait for a bot that is ready. Raises what a supervisor died of."""
        until = time.monotonic() + within
        while True:
            for replica in self.replicas:
                replica.check()
            if any(replica.url for replica in self.replicas):
                return
            if time.monotonic() > until:
                raise Broken("no bot came up: " + "".join(one.said()[-2000:] for one in self.replicas))
            await asyncio.sleep(0.02)

    async def _ask(self, url: str, request: web.Request, body: bytes) -> tuple[int, bytes, str] | None:
        assert self._session is not None
        kept = {
            name: value for name, value in request.headers.items() if name.lower() not in ("host", "content-length")
        }
        try:
            async with self._session.request(request.method, url + request.path_qs, data=body, headers=kept) as answer:
                return answer.status, await answer.read(), answer.content_type
        except (aiohttp.ClientError, OSError, TimeoutError):
            return None

    async def _one(self, request: web.Request) -> web.Response:
        """An event or a click over HTTP goes to one of them."""
        body = await request.read()
        living = [replica.url for replica in self.replicas if replica.url]
        answer = await self._ask(random.choice(living), request, body) if living else None
        if answer is None:
            return web.Response(status=502)
        return web.Response(status=answer[0], body=answer[1], content_type=answer[2])

    async def _control(self, request: web.Request) -> web.Response:
        """Everybody is told the time; together they answer as one."""
        body = await request.read()
        living = [replica.url for replica in self.replicas if replica.url]
        answers = await asyncio.gather(*(self._ask(url, request, body) for url in living))
        good = [json.loads(answer[1]) for answer in answers if answer is not None and answer[0] == 200]
        if not good:
            return web.Response(status=502)
        return web.json_response(together(good))


def together(answers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The earliest of what several bots say is next; unsettled if any of them is."""
    merged = dict(answers[0])
    merged["now"] = None if any(one["now"] is None for one in answers) else min(one["now"] for one in answers)
    merged["settling"] = any(one["settling"] for one in answers)
    counted = [one for one in answers if one["next_due"] and (one["settling"] or not merged["settling"])]
    first = min(counted, key=lambda one: one["next_due"], default=None)
    merged["next_due"], merged["next_what"] = (first["next_due"], first["next_what"]) if first else (None, None)
    return merged
