"""HTTP mode, over real HTTP: only what Slack signed within five minutes gets in, and nothing has its effect twice."""

import asyncio
import hashlib
import hmac
import json
import time
from urllib.parse import urlencode

import aiohttp
import pytest
from aiohttp import web
from sqlalchemy import func, select

from bot.trying import SECRET
from models.tables import Absence, CalendarFeed, Inbox
from tests.boundary import ground as g
from tests.boundary.company import ELSEWHERE, NED, STRANGER, TEAM
from tests.boundary.ground import Caller

ME = Caller(NED)
AWAY = {
    "first": {"value": {"type": "datepicker", "selected_date": "2026-05-04"}},
    "last": {"value": {"type": "datepicker", "selected_date": "2026-05-08"}},
}


@pytest.fixture
async def address(ground):
    """Where the bot's own server takes what Slack sends."""
    runner = web.AppRunner(ground.bot._web(), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    await runner.cleanup()


def form(payload):
    fields = payload if "command" in payload else {"payload": json.dumps(payload)}
    return urlencode(fields).encode(), "application/x-www-form-urlencoded"


def event(payload):
    return json.dumps(payload).encode(), "application/json"


def signed(body, *, secret=SECRET, age=0):
    stamp = str(int(time.time()) - age)
    mac = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={mac}"}


async def post(ground, address, made, headers):
    body, kind = made
    async with aiohttp.ClientSession() as http, http.post(
        address, data=body, headers={"Content-Type": kind, **headers}
    ) as answer:  # fmt: skip
        found = answer.status, await answer.text()
    await ground.bot.engine.listening(5)
    return found


async def number(ground, what):
    async with ground.bot.db.read() as session:
        return await session.scalar(select(func.count()).select_from(what))


def away():
    return form(g.submission(ME, g.view_of("home.away_form", "", AWAY)))


REQUESTS = {
    "a form": away,
    "a click": lambda: form(g.click(ME, g.button("calendar.renew", ""), view=g.view_of("calendar.page"))),
    "a command": lambda: form(g.command(ME, "/deals")),
    "an event": lambda: event(g.happened("app_home_opened", user=NED, channel="D1", tab="home")),
    "a question of Slack's": lambda: event({"type": "url_verification", "challenge": "abc", "token": "x"}),
}
WRONG = {
    "no signature": lambda _body: {},
    "no hour": lambda body: {"X-Slack-Signature": signed(body)["X-Slack-Signature"]},
    "another's secret": lambda body: signed(body, secret="another-secret"),
    "no secret": lambda body: signed(body, secret=""),
    "an old one": lambda body: signed(body, age=301),
    "one of the future": lambda body: signed(body, age=-301),
    "one of another body": lambda body: signed(body + b" "),
    "an old one with a new hour": lambda body: (
        signed(body, age=400) | {"X-Slack-Request-Timestamp": str(int(time.time()))}
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("request_", REQUESTS)
async def test_what_slack_did_not_sign_just_now_is_refused_and_changes_nothing(ground, address, request_, wrong):
    made = REQUESTS[request_]()
    status, text = await post(ground, address, made, WRONG[wrong](made[0]))
    assert status == 401
    assert "challenge" not in text
    assert "abc" not in text
    assert ground.look() == frozenset()
    assert ground.slack.said == []


@pytest.mark.parametrize("age", [0, 299, -299])
async def test_what_slack_signed_within_five_minutes_gets_in(ground, address, age):
    before = await number(ground, Absence)
    made = away()
    status, _ = await post(ground, address, made, signed(made[0], age=age))
    assert status == 200
    assert await number(ground, Absence) == before + 1


async def test_slacks_own_question_is_answered_when_it_is_signed(ground, address):
    made = REQUESTS["a question of Slack's"]()
    assert await post(ground, address, made, signed(made[0])) == (200, '{"challenge": "abc"}')


async def test_that_slack_limits_us_is_nobodys_act_and_no_refusal(ground, address):
    made = event({"type": "app_rate_limited", "token": "x", "team_id": TEAM, "api_app_id": "A0"})
    await post(ground, address, made, signed(made[0]))
    assert ground.slack.said == []


async def test_the_very_same_form_again_within_the_five_minutes_is_stored_once(ground, address):
    before, made = await number(ground, Absence), away()
    headers = signed(made[0])
    answers = [await post(ground, address, made, headers) for _ in range(3)]
    assert len(set(answers)) == 1
    assert answers[0][0] == 200
    assert await number(ground, Absence) == before + 1


async def test_the_very_same_form_three_times_at_once_is_stored_once(ground, address):
    before, made = await number(ground, Absence), away()
    headers = signed(made[0])
    answers = await asyncio.gather(*(post(ground, address, made, headers) for _ in range(3)))
    assert {status for status, _ in answers} == {200}
    assert await number(ground, Absence) == before + 1


async def test_the_very_same_click_again_has_its_effect_once(ground, address):
    made = form(g.click(ME, g.button("calendar.renew", ""), view=g.view_of("calendar.page")))
    headers, secrets = signed(made[0]), []
    for _ in range(3):
        assert (await post(ground, address, made, headers))[0] == 200
        async with ground.bot.db.read() as session:
            secrets.append(set(await session.scalars(select(CalendarFeed.secret))))
    assert secrets[0] == secrets[1] == secrets[2] != set()


async def test_the_very_same_event_again_is_kept_once(ground, address):
    made = event(g.happened("app_home_opened", user=NED, channel="D1", tab="home", team=TEAM))
    headers = signed(made[0])
    for _ in range(3):
        assert (await post(ground, address, made, headers))[0] == 200
    assert await number(ground, Inbox) == 1


async def test_a_signature_is_no_right(ground, address):
    """Slack signs what an outsider sends, too."""
    stranger = Caller(STRANGER, ELSEWHERE)
    made = form(g.submission(stranger, g.view_of("home.away_form", "", AWAY)))
    status, text = await post(ground, address, made, signed(made[0]))
    assert status == 200
    assert "Only people of our own company can do this." in text
    assert ground.look() == frozenset()


async def test_socket_mode_takes_nothing_over_http(ground, company_file, tmp_path):
    async with g.playing(
        company_file, tmp_path / "other.db", SLACK_APP_TOKEN="xapp-1", SLACK_SIGNING_SECRET=""
    ) as other:
        paths = {str(resource.canonical) for resource in other.bot._web().router.resources()}
    assert "/slack/events" not in paths
    assert "/healthz" in paths
