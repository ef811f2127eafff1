"""The calendar feed over real HTTP: what a calendar program gets, and what a stranger does not."""

import logging

import pytest
from aiohttp.test_utils import TestClient, TestServer
from icalendar import Calendar
from sqlalchemy.exc import OperationalError

from bot import feed
from bot.app import build
from bot.clock import Clock
from bot.web import make as routes
from models import calendars
from tests import make
from tests.bot.test_web import healthy, settings
from tests.make import NOW, POLICY


@pytest.fixture
async def small(sqlite):
    async with sqlite.write() as session:
        return await make.small(session)


@pytest.fixture
async def secret(sqlite, small):
    return await asked(sqlite, small.pm)


async def asked(db, person):
    async with db.write() as session:
        return await calendars.secret_of(session, person, now=NOW)


@pytest.fixture
async def web(sqlite):
    clock = Clock(simulated=True)
    clock.set(NOW)
    async with TestClient(TestServer(routes(None, None, healthy, feed.reader(sqlite, clock, POLICY)))) as client:
        yield client


async def get(web, secret, **headers):
    async with web.get(f"/calendar/{secret}.ics", headers=headers) as answer:
        return answer.status, answer.headers, await answer.read()


async def test_the_address_gives_the_calendar_to_whoever_has_it(web, secret):
    status, headers, body = await get(web, secret)
    assert status == 200
    assert headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert headers["Cache-Control"].startswith("private")
    assert {event["SUMMARY"] for event in Calendar.from_ical(body).events} == {"Acme: Weekly deal review"}
    async with web.head(f"/calendar/{secret}.ics") as answer:
        assert (answer.status, await answer.read()) == (200, b"")


async def test_what_has_not_changed_is_not_sent_again(web, sqlite, secret, small):
    _, headers, body = await get(web, secret)
    tag = headers["ETag"]
    for known in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        status, again, nothing = await get(web, secret, **{"If-None-Match": known})
        assert (status, nothing, again["ETag"]) == (304, b"", tag), known
        assert again["Cache-Control"].startswith("private")
    async with sqlite.write() as session:
        (await session.get_one(type(small.acme), small.acme.id)).name = "Acme Two"
    status, headers, changed = await get(web, secret, **{"If-None-Match": tag})
    assert (status, headers["ETag"] == tag, changed == body) == (200, False, False)


@pytest.mark.parametrize("wrong", ["x", "a" * 43, "", "..", "%2e%2e%2fhealthz", "a'%20OR%201=1--", "é" * 43])
async def test_an_address_nobody_has_is_not_found_and_nothing_more(web, secret, wrong):
    status, _, body = await get(web, wrong)
    assert (status, body) == (404, b"404: Not Found")


async def test_another_address_ends_the_old_one(web, sqlite, secret, small):
    async with sqlite.write() as session:
        await calendars.renew(session, await session.get_one(type(small.pm), small.pm.id), now=NOW)
    assert (await get(web, secret))[0] == 404
    assert (await get(web, await asked(sqlite, small.pm)))[0] == 200


@pytest.mark.parametrize("gone", [{"active": False}, {"side": "partner"}])
async def test_whoever_left_takes_their_address_along(web, sqlite, secret, small, gone):
    async with sqlite.write() as session:
        person = await session.get_one(type(small.pm), small.pm.id)
        for name, value in gone.items():
            setattr(person, name, value)
    status, _, body = await get(web, secret)
    assert (status, body) == (404, b"404: Not Found")


async def test_each_address_is_one_person_s(web, sqlite, secret, small):
    status, _, body = await get(web, await asked(sqlite, small.head))
    assert (status, len(Calendar.from_ical(body).events)) == (200, 0)


async def test_a_database_that_fails_says_to_come_again_and_no_log_has_the_address(caplog):
    async def broken(secret):
        raise OperationalError("SELECT", {"secret": secret}, OSError("disk I/O error"))

    caplog.set_level(logging.DEBUG)
    async with TestClient(TestServer(routes(None, None, healthy, broken))) as client:
        status, headers, body = await get(client, "s3cret" * 7)
    assert (status, headers["Retry-After"]) == (503, "60")
    said = " ".join(row.getMessage() for row in caplog.records if row.name != "aiohttp.access")  # the bot has none
    assert "OperationalError" in said
    assert "s3cret" not in said + body.decode()


async def test_before_the_local_slack_has_said_the_time_it_says_to_come_again(sqlite, secret):
    read = feed.reader(sqlite, Clock(simulated=True), POLICY)
    async with TestClient(TestServer(routes(None, None, healthy, read))) as client:
        assert (await get(client, secret))[0] == 503


@pytest.mark.parametrize("more", [{}, {"slack_app_token": None, "slack_signing_secret": "s"}])
async def test_the_feed_is_there_in_both_modes(tmp_path, more):
    bot = build(settings(tmp_path, **more))
    try:
        assert "/calendar/{secret}.ics" in {route.resource.canonical for route in bot._web().router.routes()}
    finally:
        await bot.stop()
