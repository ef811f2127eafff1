"""The bot's own HTTP server: `/healthz` and `/calendar` always, `/slack/events` in HTTP mode, `/control` with a local Slack."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp

from bot import feed
from bot.engine import Engine

Health = Callable[[], Awaitable[dict[str, Any]]]


def make(
    bolt: AsyncApp | None, engine: Engine | None, health: Health, calendar: feed.Read | None = None
) -> web.Application:
    """The routes: `bolt` only in HTTP mode, `engine` (control) only where the clock is the local Slack's."""
    app = web.Application(client_max_size=2 * 1024 * 1024)

    async def healthz(_request: web.Request) -> web.Response:
        found = await health()
        return web.json_response(found, status=200 if found["ok"] else 503)

    app.router.add_get("/healthz", healthz)
    if calendar is not None:
        app.router.add_get(feed.PATH, feed.handler(calendar))
    if bolt is not None:
        app.router.add_post("/slack/events", _slack(bolt))
    if engine is not None:
        app.router.add_get("/control/next", _next(engine))
        app.router.add_post("/control/run", _run(engine))
    return app


def _slack(bolt: AsyncApp) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def events(request: web.Request) -> web.StreamResponse:
        response = await bolt.async_dispatch(await to_bolt_request(request))
        return await to_aiohttp_response(response)

    return events


def _next(engine: Engine) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def tell(_request: web.Request) -> web.Response:
        return web.json_response(await _state(engine) | {"coming": await engine.coming()})

    return tell


def _run(engine: Engine) -> Callable[[web.Request], Awaitable[web.Response]]:
    one_at_a_time = asyncio.Lock()

    async def run(request: web.Request) -> web.Response:
        try:
            now = datetime.fromisoformat((await request.json())["now"])
        except (json.JSONDecodeError, KeyError, TypeError, ValueError):
            return web.json_response({"error": 'send {"now": "2026-11-25T10:00:00+00:00"}'}, status=400)
        if now.tzinfo is None:
            return web.json_response({"error": "now needs an offset, such as +00:00"}, status=400)
        async with one_at_a_time:
            quiet = await engine.run_at(now)
            return web.json_response(await _state(engine) | {"quiet": quiet})

    return run


async def _state(engine: Engine) -> dict[str, Any]:
    if not engine.clock.started:
        return {"now": None, "next_due": None, "next_what": None, "settling": False}
    due, what, settling = await engine.next_due()
    return {
        "now": engine.clock.now().isoformat(),
        "next_due": due.isoformat() if due else None,
        "next_what": what,
        "settling": settling,
    }
