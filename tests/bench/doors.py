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
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy import event, select, text, true
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot.app import Bot, build
from bot.delivery.contract import Identity
from bot.trying import SECRET, settings_for
from handlers.deal_review import form, overview
from handlers.deal_review.ids import FormState, View
from handlers.features import register_all
from models import people, reviews
from models.tables import Occurrence, Person
from scheduling.tick import tick
from tests.bench.ground import NOW, POLICY, command, company, counting, signed, sqlite_at, submission

ROUNDS, BATCH, AT_ONCE = 7, 40, 100


async def our_bot(url: str, api: str) -> Bot:
    """The real bot in HTTP mode, its clock standing, nothing running but what a request causes."""
    bot = build(settings_for({
        "SLACK_BOT_TOKEN": "xoxb-local", "SLACK_SIGNING_SECRET": SECRET, "SLACK_API_URL": api, "DATABASE_URL": url,
        "CADENCE_SIMULATED_CLOCK": "1", "CADENCE_ZONE": "Europe/London",
    }))  # fmt: skip
    bot.clock.set(NOW)
    bot.engine.delivery.desk.known.identity = Identity(team_id="T0HOME", bot_user_id="U0BOT", bot_id="B0BOT")
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
    ours: Callable[[int], Awaitable[float]], floor: Callable[[int], Awaitable[float]]
) -> tuple[float, float, float]:
    """Medians of both and of the ratio, round by round, so that the machine's moods cancel out."""
    await ours(0), await floor(0)
    rounds = [(await ours(number), await floor(number)) for number in range(1, ROUNDS + 1)]
    ratio = statistics.median(mine / other for mine, other in rounds)
    return statistics.median(mine for mine, _ in rounds), statistics.median(other for _, other in rounds), ratio


RAW_READ = (
    "SELECT p.*, r.role FROM person p LEFT JOIN person_role r ON r.person_id = p.id WHERE p.slack_id = 'U00002'",
    """SELECT a.person_id, a.cover_id, a.first_day, a.last_day, p.zone FROM absence a JOIN person p ON p.id = a.person_id
    WHERE a.cancelled_at IS NULL AND a.cover_id IS NOT NULL""",
    """SELECT d.*, v.*, pa.*, n.* FROM deal d JOIN deal_version v ON v.deal_id = d.id AND v.id = d.version_id
    AND v.valid_to IS NULL
    LEFT JOIN partner pa ON pa.id = v.partner_id LEFT JOIN next_action n ON n.deal_id = d.id AND n.state = 'open'
    WHERE (v.owner_id = 2 OR pa.pm_id = 2) AND v.category IN ('pipeline', 'best_case', 'commit')""",
    """SELECT o.*, c.kind, c.partner_id, c.pm_id, c.state FROM occurrence o JOIN cadence c ON c.id = o.cadence_id
    WHERE o.state IN ('planned', 'prompted') AND o.closed_at IS NULL AND o.starts_at < '2026-03-23'
    AND (c.partner_id IN (1, 2) OR c.kind = 'other_partners' AND c.pm_id = 1) ORDER BY o.starts_at, o.id""",
    "SELECT DISTINCT deal_id FROM answer WHERE occurrence_id IN (1, 2)",
)
"""What `/deals` reads for this person, with the ids already known."""


async def command_ratio(folder: Path, api: str) -> list[dict[str, Any]]:
    """CPU of `/deals`: ack, read, open the form; against a bare app that acks, reads raw and opens the same form."""
    url = sqlite_at(folder, "command")
    db = await company(url, partners=2, aes=6, deals=30)
    await db.close()
    bot = await our_bot(url, api)
    async with aiohttp.ClientSession() as session, aiosqlite.connect(url.removeprefix("sqlite:///")) as raw:
        view: dict[str, Any] = {}

        async def floor_listener(ack: Any, client: AsyncWebClient, body: dict[str, Any]) -> None:
            await ack()
            for statement in RAW_READ:
                async with raw.execute(statement) as cursor:
                    await cursor.fetchall()
            await client.views_open(trigger_id=body["trigger_id"], view=view)

        floor_app = bare_app(api, session, **{"command:/deals": floor_listener})
        view.update(await _opened(bot))
        mine, floor, ratio = await paired(lambda _: cpu(bot.bolt), lambda _: cpu(floor_app))
    await bot.stop()
    what = "CPU of /deals: ack, read, open the form; bare Bolt and raw SQL"
    return [{"what": what, "value": mine * 1000, "floor": floor * 1000, "ratio": ratio, "limit": 2.0, "unit": "ms"}]


async def _opened(bot: Bot) -> dict[str, Any]:
    async with bot.db.read() as session:
        actor = await people.acting(session, "U00002")
        return overview.modal(await overview.load(session, actor, "", now=NOW, policy=POLICY))


async def settled() -> None:
    """Until every task a request has started is over: what runs after the ack is part of its cost."""
    me = asyncio.current_task()
    while others := [task for task in asyncio.all_tasks() if task is not me]:
        await asyncio.wait(others)


def stock_engine(path: Path) -> AsyncEngine:
    """SQLAlchemy's own engine on aiosqlite: one writer that says BEGIN IMMEDIATE, WAL, FULL."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{path}", pool_size=1, max_overflow=0)

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


async def answering(folder: Path, api: str) -> Bot:
    """A bot whose hundred AEs have been asked, each for eight deals."""
    url = sqlite_at(folder, "submissions")
    db = await company(url, partners=4, aes=AT_ONCE, deals=8 * AT_ONCE)
    async with db.write() as session:
        await tick(session, now=NOW.replace(day=4, hour=10), policy=POLICY)
    await db.close()
    return await our_bot(url, api)


async def forms(bot: Bot, number: int) -> list[AsyncBoltRequest]:
    """One filled form of each AE for the deal of this number, as Slack sends it."""
    async with bot.db.read() as session:
        occurrences = {row.cadence_id: row.id for row in await session.scalars(
            select(Occurrence).order_by(Occurrence.starts_at.desc())
        )}  # fmt: skip
        owners = {person.id: person.slack_id for person in await session.scalars(select(Person))}
        views = await reviews.views(session, true(), now=NOW, policy=POLICY)
        made = []
        for deal in views:
            if (deal.id - 1) // AT_ONCE == number:
                me = owners[deal.version.owner_id]
                state = FormState(o=occurrences[deal.version.partner_id], d=deal.id)
                page = await form.load(session, deal, state, policy=POLICY, me=me)
                made.append(signed(submission(_filled(form.modal(page), me, number), me)))
    assert len(made) == AT_ONCE
    return made


async def at_once(app: AsyncApp, requests: list[AsyncBoltRequest]) -> float:
    """Seconds until all of them, sent together, are answered."""
    before = time.perf_counter()
    responses = await asyncio.gather(*(app.async_dispatch(request) for request in requests))
    took = time.perf_counter() - before
    refused = [row.body for row in responses if row.status != 200 or "errors" in (row.body or "")]
    assert not refused, refused[:2]
    return took


async def submissions_ratio(folder: Path, api: str) -> list[dict[str, Any]]:
    """100 answer forms at once, each committed before its ack; against 100 bare dispatches that insert and commit.

    The floor is stock Bolt on stock SQLAlchemy and aiosqlite, with one writer and as durable as ours. Nothing of ours is
    in it, so that an improvement of ours cannot move it.
    """
    bot = await answering(folder, api)
    engine = stock_engine(folder / "floor.db")
    async with engine.begin() as connection:
        await connection.execute(
            text("CREATE TABLE submission (key TEXT PRIMARY KEY, response TEXT NOT NULL, at TEXT NOT NULL)")
        )
    insert = text("INSERT INTO submission VALUES (:key, '{}', '2026-01-01')")

    async def floor_listener(ack: Any, body: dict[str, Any]) -> None:
        async with engine.begin() as connection:
            await connection.execute(insert, {"key": body["view"]["id"]})
        await ack()

    async with aiohttp.ClientSession() as session:
        floor_app = bare_app(api, session, **{f"view:{View.ANSWER}": floor_listener})

        async def ours(number: int) -> float:
            return await at_once(bot.bolt, await forms(bot, number))

        async def floor(number: int) -> float:
            return await at_once(floor_app, await forms(bot, number))

        mine, other, ratio = await paired(ours, floor)
    await engine.dispose()
    await bot.stop()
    what = "100 forms at once, committed before the ack; bare dispatch and commit"
    return [{"what": what, "value": mine * 1000, "floor": other * 1000, "ratio": ratio, "limit": 2.0, "unit": "ms"}]


async def statements_of_a_command(folder: Path) -> int:
    db = await company(sqlite_at(folder, "command"), partners=2, aes=6, deals=30)
    with counting(db) as seen:
        async with db.read() as session:
            actor = await people.acting(session, "U00002")
            await overview.load(session, actor, "", now=NOW, policy=POLICY)
    await db.close()
    return len(seen)


async def statements_of_a_submission(folder: Path) -> int:
    bot = await answering(folder, "http://127.0.0.1:1/")
    request = (await forms(bot, 0))[0]
    with counting(bot.db) as seen:
        await at_once(bot.bolt, [request])
    await bot.stop()
    return len(seen)


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
