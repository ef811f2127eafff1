"""Telling the bot the time, over its own HTTP server."""

from __future__ import annotations

import asyncio
from datetime import datetime

import aiohttp

from bot.sandbox.clock import Due

NEXT_TIMEOUT = 5.0
UNREACHABLE = (aiohttp.ClientError, asyncio.TimeoutError, OSError, ValueError, KeyError)


class HttpControl:
    """`POST /control/run` and `GET /control/next` of a bot that may start, stop and die at any time."""

    def __init__(self, session: aiohttp.ClientSession, bot_url: str, run_timeout: float) -> None:
        self._session = session
        self._base = bot_url.rstrip("/")
        self._run_timeout = aiohttp.ClientTimeout(total=run_timeout)
        self._next_timeout = aiohttp.ClientTimeout(total=NEXT_TIMEOUT)

    async def run(self, now: datetime) -> Due | None:
        return await self._ask("POST", "/control/run", {"now": now.isoformat()}, self._run_timeout)

    async def next(self) -> Due | None:
        return await self._ask("GET", "/control/next", None, self._next_timeout)

    async def _ask(self, verb: str, path: str, body: dict[str, str] | None, limit: aiohttp.ClientTimeout) -> Due | None:
        try:
            async with self._session.request(verb, self._base + path, json=body, timeout=limit) as answer:
                answer.raise_for_status()
                return Due.from_dict(await answer.json())
        except UNREACHABLE:
            return None
