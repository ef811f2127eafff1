"""People come in: a command that opens a form, and a hundred submissions at once, each against a bare Bolt app."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import aiosqlite
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy import select, text, true

from bot.app import Bot, build
from bot.trying import SECRET, settings_for
from handlers.deal_review import form, overview
from handlers.deal_review.ids import FormState, View
from handlers.features import register_all
from models import people, reviews
from models.tables import Occurrence, Person
from scheduling.tick import tick
from tests.bench.ground import NOW, POLICY, command, company, signed, sqlite_at, submission

ROUNDS, BATCH = 9, 40


async def our_bot(url: str, api: str) -> Bot:
    """The real bot in HTTP mode, its clock standing, nothing running but what a request causes."""
    bot = build(settings_for({
        "SLACK_BOT_TOKEN": "xoxb-local", "SLACK_SIGNING_SECRET": SECRET, "SLACK_API_URL": api, "DATABASE_URL": url,
        "CADENCE_SIMULATED_CLOCK": "1", "CADENCE_ZONE": "Europe/London",
    }))  # fmt: skip
    bot.clock.set(NOW)
    await bot.engine.delivery.identify()
    return bot


class Registered:
    """Stands in for an app while our features register, and remembers what they wait for, in their order."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, Any]] = []

    def __getattr__(self, kind: str) -> Callable[[Any], Callable[[Any], None]]:
        def register(what: Any) -> Callable[[Any], None]:
            if kind != "use":
                self.seen.append((kind, what))
            return lambda _listener: None

        return register


def bare_app(api: str, session: aiohttp.ClientSession, **own: Any) -> AsyncApp:
    """Stock Bolt with as many listeners as ours, of the same kinds and in the same order; `own` are the ones that act."""

    async def authorize(**_: Any) -> AuthorizeResult:
        return AuthorizeResult(
            enterprise_id=None, team_id="T0HOME", bot_user_id="U0BOT", bot_id="B0BOT", bot_token="xoxb-local"
        )

    client = AsyncWebClient(token="xoxb-local", base_url=api, session=session)
    app = AsyncApp(client=client, signing_secret=SECRET, authorize=authorize)

    async def nothing(ack: Any) -> None:
        await ack()

    ours = Registered()
    register_all(ours)
    for kind, what in ours.seen:
        getattr(app, kind)(what)(own.get(f"{kind}:{what}", nothing))
    assert set(own) <= {f"{kind}:{what}" for kind, what in ours.seen}
    return app


async def cpu(app: AsyncApp) -> float:
    """CPU seconds of this process for one `/deals`, until all that it started is over; requests are made before."""
    requests = [signed(command("/deals", "U00002")) for _ in range(BATCH)]
    before = time.process_time()
    for request in requests:
        response = await app.async_dispatch(request)
        assert response.status == 200
        await settled()
    return (time.process_time() - before) / BATCH


async def paired(
    ours: Callable[[], Awaitable[float]], floor: Callable[[], Awaitable[float]]
) -> tuple[float, float, float]:
    """Medians of both and of the ratio, round by round, so that the machine's moods cancel out."""
    await ours(), await floor()
    rounds = [(await ours(), await floor()) for _ in range(ROUNDS)]
    ratio = statistics.median(mine / other for mine, other in rounds)
    return statistics.median(mine for mine, _ in rounds), statistics.median(other for _, other in rounds), ratio


RAW_READ = """
SELECT p.*, (SELECT group_concat(role) FROM person_role r WHERE r.person_id = p.id) FROM person p WHERE p.slack_id = ?;
SELECT a.* FROM absence a JOIN person p ON p.id = a.person_id WHERE a.cancelled_at IS NULL;
SELECT d.*, v.*, pa.*, n.* FROM deal d JOIN deal_version v ON v.deal_id = d.id AND v.valid_to IS NULL
  LEFT JOIN partner pa ON pa.id = v.partner_id LEFT JOIN next_action n ON n.deal_id = d.id AND n.state = 'open'
  WHERE (v.owner_id IN (?) OR pa.pm_id IN (?)) AND v.category IN ('pipeline', 'best_case', 'commit');
SELECT o.*, c.* FROM occurrence o JOIN cadence c ON c.id = o.cadence_id
  WHERE o.state IN ('planned', 'prompted') AND o.closed_at IS NULL ORDER BY o.starts_at;
SELECT * FROM answer WHERE occurrence_id IN (SELECT id FROM occurrence WHERE closed_at IS NULL) ORDER BY at, id;
SELECT p.*, r.role FROM person p LEFT JOIN person_role r ON r.person_id = p.id
"""


async def command_ratio(folder: Path, api: str) -> dict[str, Any]:
    """CPU of `/deals`: ack, read, open the form; against a bare app that acks, reads raw and opens the same form."""
    url = sqlite_at(folder, "command")
    db = await company(url, partners=2, aes=6, deals=30)
    await db.close()
    bot = await our_bot(url, api)
    statements = [part.strip() for part in RAW_READ.split(";")]
    arguments = [("U00002",), (), (2, 2), (), (), ()]
    async with aiohttp.ClientSession() as session, aiosqlite.connect(url.removeprefix("sqlite:///")) as raw:
        view: dict[str, Any] = {}

        async def floor_listener(ack: Any, client: AsyncWebClient, body: dict[str, Any]) -> None:
            await ack()
            for statement, values in zip(statements, arguments, strict=True):
                async with raw.execute(statement, values) as cursor:
                    await cursor.fetchall()
            await client.views_open(trigger_id=body["trigger_id"], view=view)

        floor_app = bare_app(api, session, **{"command:/deals": floor_listener})
        view.update(await _opened(bot))
        mine, floor, ratio = await paired(lambda: cpu(bot.bolt), lambda: cpu(floor_app))
    await bot.stop()
    return {"ours_ms": mine * 1000, "floor_ms": floor * 1000, "ratio": ratio, "limit": 2.0}


async def _opened(bot: Bot) -> dict[str, Any]:
    async with bot.db.read() as session:
        actor = await people.acting(session, "U00002")
        return overview.modal(await overview.load(session, actor, "", now=NOW, policy=POLICY))


async def settled() -> None:
    """Until every task a request has started is over: what runs after the ack is part of its cost."""
    me = asyncio.current_task()
    while others := [task for task in asyncio.all_tasks() if task is not me]:
        await asyncio.wait(others)


async def submissions_ratio(folder: Path, api: str) -> dict[str, Any]:
    """100 answer forms at once, each committed before its ack; against 100 bare dispatches that insert and commit."""
    count = 100
    url = sqlite_at(folder, "submissions")
    db = await company(url, partners=4, aes=100, deals=800, pms=1)
    async with db.write() as session:
        await tick(session, now=NOW.replace(day=4, hour=10), policy=POLICY)
    await db.close()
    bot = await our_bot(url, api)
    number = 0

    async def forms() -> list[dict[str, Any]]:
        nonlocal number
        number += 1
        async with bot.db.read() as session:
            occurrences = {row.cadence_id: row.id for row in await session.scalars(
                select(Occurrence).order_by(Occurrence.starts_at.desc())
            )}  # fmt: skip
            people_ = list(await session.scalars(select(Person).where(Person.id > 1).order_by(Person.id).limit(count)))
            views = await reviews.views(session, true(), now=NOW, policy=POLICY)
        by_owner = {view.version.owner_id: view for view in views if (view.id - 1) // count == number % 8}
        made = []
        for person in people_:
            deal = by_owner[person.id]
            async with bot.db.read() as session:
                state = FormState(o=occurrences[deal.version.partner_id], d=deal.id)
                page = await form.load(session, deal, state, policy=POLICY, me=person.slack_id)
            view = form.modal(page)
            made.append((person.slack_id, _filled(view, person.slack_id, number)))
        return made

    async def ours() -> float:
        requests = [signed(submission(view, user)) for user, view in await forms()]
        before = time.perf_counter()
        responses = await asyncio.gather(*(bot.bolt.async_dispatch(request) for request in requests))
        took = time.perf_counter() - before
        refused = [row.body for row in responses if row.status != 200 or "errors" in (row.body or "")]
        assert not refused, refused[:2]
        return took

    async with aiohttp.ClientSession() as session:
        floor_db = await company(sqlite_at(folder, "floor"), partners=1, aes=1, deals=0)

        async def floor_listener(ack: Any, body: dict[str, Any]) -> None:
            async with floor_db.write() as write:
                await write.execute(
                    text("INSERT INTO submission (key, response, at) VALUES (:key, :response, :at)"),
                    {
                        "key": f"{body['view']['id']}:{number}:{time.perf_counter_ns()}",
                        "response": "{}",
                        "at": "2026-01-01",
                    },
                )
            await ack()

        floor_app = bare_app(api, session, **{f"view:{View.ANSWER}": floor_listener})

        async def floor() -> float:
            requests = [signed(submission(view, user)) for user, view in await forms()]
            before = time.perf_counter()
            await asyncio.gather(*(floor_app.async_dispatch(request) for request in requests))
            return time.perf_counter() - before

        mine, other, ratio = await paired(ours, floor)
        await floor_db.close()
    await bot.stop()
    return {"ours_ms": mine * 1000, "floor_ms": other * 1000, "ratio": ratio, "limit": 2.0}


def _filled(view: dict[str, Any], user: str, number: int) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for block in view["blocks"]:
        if block["type"] != "input":
            continue
        element = block["element"]
        name = block["block_id"].split(":")[0]
        kind = element["type"]
        value: dict[str, Any] = {"type": kind}
        if kind == "plain_text_input":
            value["value"] = f"send pricing, round {number}" if name == "next_text" else element.get("initial_value")
        elif kind == "datepicker":
            value["selected_date"] = "2026-03-20" if name == "next_due" else element.get("initial_date")
        elif kind == "users_select":
            value["selected_user"] = user
        else:
            value["selected_option"] = element.get("initial_option")
        values[block["block_id"]] = {element["action_id"]: value}
    return {
        **{key: view[key] for key in ("type", "callback_id", "private_metadata", "blocks")},
        "id": f"V{user}{number}", "hash": f"{number}", "team_id": "T0HOME", "state": {"values": values},
    }  # fmt: skip
