"""The bot's own server: whether it lives, and a clock to turn only where the Slack is on this machine."""

from datetime import UTC, datetime

import pytest
from aiohttp.test_utils import TestClient, TestServer

from bot.app import build
from bot.clock import Clock
from bot.settings import load
from bot.web import make
from tests.make import NOW

FEED = "/calendar/{secret}.ics"


class Engine:
    """As much of an engine as the control endpoint asks."""

    def __init__(self):
        self.clock, self.ran = Clock(simulated=True), []

    async def run_at(self, now):
        self.clock.set(now)
        self.ran.append(now)
        return True

    async def next_due(self):
        return NOW, "prompt to 2 people", False

    async def coming(self):
        return [{"at": NOW.isoformat(), "what": "Mon 08:00, prompt to 2 people"}]


async def healthy():
    return {"ok": True, "database": True}


async def ill():
    return {"ok": False, "database": False}


async def get(app, path):
    async with TestClient(TestServer(app)) as client, client.get(path) as response:
        return response.status, await response.json() if response.content_type == "application/json" else None


async def post(client, body):
    async with client.post("/control/run", **body) as response:
        return response.status, await response.json()


@pytest.mark.parametrize(("health", "status"), [(healthy, 200), (ill, 503)])
async def test_healthz_is_ok_or_says_that_it_is_not(health, status):
    assert await get(make(None, None, health), "/healthz") == (status, await health())


async def test_without_a_simulated_clock_there_is_no_control_and_without_http_no_events():
    for path in ("/control/next", "/control/run", "/slack/events"):
        assert (await get(make(None, None, healthy), path))[0] == 404


async def test_control_says_what_comes_and_turns_the_clock():
    engine = Engine()
    async with TestClient(TestServer(make(None, engine, healthy))) as client:
        async with client.get("/control/next") as response:
            assert (await response.json())["now"] is None
        assert await post(client, {"json": {"now": NOW.isoformat()}}) == (200, {
            "now": NOW.isoformat(), "next_due": NOW.isoformat(), "next_what": "prompt to 2 people", "settling": False,
            "quiet": True,
        })  # fmt: skip
    assert engine.ran == [NOW]


@pytest.mark.parametrize(
    "body", [{"data": "no json"}, {"json": {}}, {"json": {"now": 5}}, {"json": {"now": "soon"}}, {"json": []},
             {"json": {"now": "2026-03-02T08:00:00"}}],
)  # fmt: skip
async def test_an_instant_that_is_none_is_refused_in_words(body):
    async with TestClient(TestServer(make(None, Engine(), healthy))) as client:
        status, answer = await post(client, body)
    assert status == 400
    assert "now" in answer["error"]


def settings(tmp_path, **more):
    return load(**{"slack_bot_token": "xoxb-x", "slack_app_token": "xapp-x",
                   "database_url": f"sqlite:///{tmp_path / 'x.db'}", **more})  # fmt: skip


@pytest.mark.parametrize(
    ("more", "paths"),
    [
        ({}, {"/healthz", FEED}),
        ({"slack_app_token": None, "slack_signing_secret": "s"}, {"/healthz", FEED, "/slack/events"}),
        ({"slack_api_url": "http://127.0.0.1:1/api/"}, {"/healthz", FEED}),
        ({"slack_api_url": "http://127.0.0.1:1/api/", "simulated_clock": True},
         {"/healthz", FEED, "/control/next", "/control/run"}),
    ],
)  # fmt: skip
async def test_control_exists_only_with_a_simulated_clock_on_this_machine(tmp_path, more, paths):
    bot = build(settings(tmp_path, **more))
    try:
        assert {route.resource.canonical for route in bot._web().router.routes()} == paths
        health = await bot.health()
        assert (health["ok"], health["database"], health["slack"]) == (True, True, "http")
    finally:
        await bot.stop()


async def test_an_unreachable_database_makes_it_ill(tmp_path):
    bot = build(settings(tmp_path))
    await bot.db.close()
    bot.db.reader = bot.db.writer = type(bot.db)(f"sqlite:///{tmp_path}/x.db").reader
    (tmp_path / "x.db").unlink()
    (tmp_path / "x.db").mkdir()
    try:
        assert (await bot.health())["ok"] is False
    finally:
        await bot.stop()


async def test_two_turns_of_the_clock_come_one_after_the_other():
    import asyncio

    engine = Engine()
    later = datetime(2026, 3, 2, 9, tzinfo=UTC)
    async with TestClient(TestServer(make(None, engine, healthy))) as client:
        found = await asyncio.gather(*(post(client, {"json": {"now": at.isoformat()}}) for at in (NOW, later)))
    assert [status for status, _ in found] == [200, 200]
    assert engine.ran == [NOW, later]
