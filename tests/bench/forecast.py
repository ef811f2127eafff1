"""The roll-up and what changed over 100,000 deals with 13 weeks of versions, to the raw SQL that only adds them up."""

import gc
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import and_, case, func, insert, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from models.db import Database
from models.domain.policy import Policy
from models.forecast import finding, publishing, reading
from models.people import get
from models.tables import (
    Deal,
    DealPartner,
    DealVersion,
    ExchangeRate,
    ImportRun,
    Partner,
    Person,
    PersonRole,
    Snapshot,
    SnapshotLine,
)
from tests import make, postgres
from tests.bench.ground import counting, sqlite_at

POLICY = Policy(zone="Europe/London", currency="USD")
QUARTER = POLICY.fiscal.quarter_of(date(2026, 4, 1))
FIRST = datetime(2026, 4, 6, 6, tzinfo=UTC)
WEEKS, DEALS, PARTNERS, MANAGERS, SELLERS = 13, 100_000, 60, 10, 200
WEEKLY = 0.1
FOREIGN, SHARED = 0.01, 0.01
"""As many deals of a hundred are in another currency, and shared by two partners."""
BASE_WEEK = 9
"""The roll-up that the last one is compared with."""
BATCH = 10_000


def monday(week: int) -> datetime:
    return FIRST + timedelta(weeks=week - 1)


async def history(url: str, deals: int = DEALS) -> Database:
    """A quarter of `deals` deals, each week a tenth of them changed; frozen in week 9 and lived on to week 13."""
    db = Database(url)
    await make.tables(db)
    rng = Random(7)
    async with db.write() as session:
        await _company(session)
    present: dict[int, dict[str, Any]] = {n: _deal(n, rng) for n in range(1, deals + 1)}
    async with db.write() as session:
        rows = [
            {"id": n, "crm_id": f"D{n}", "version_id": n, "first_seen_at": FIRST, "joint": False, "amount_shared": False,
             "partner_owner": "", "help_needed": ""} for n in present
        ]  # fmt: skip
        await _insert(session, Deal, rows)
        await _insert(session, DealVersion, [row | {"id": n} for n, row in present.items()])
        await _insert(session, DealPartner, [link for n, row in present.items() for link in _links(n, row, rng)])
    last = deals
    for week in range(2, WEEKS + 1):
        last = await _week(db, present, week, last, rng)
    if not db.is_sqlite:
        async with db.writer.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            await connection.execute(text("VACUUM ANALYZE"))
    return db


async def _company(session: AsyncSession) -> None:
    people = MANAGERS + SELLERS + 1
    await session.execute(insert(Person), [
        {"id": n, "name": f"Person {n}", "side": "ours", "zone": "", "calendar": "", "active": True, "guest": False,
         "created_at": FIRST} for n in range(1, people + 1)
    ])  # fmt: skip
    roles = ["head", *["pm"] * MANAGERS, *["ae"] * SELLERS]
    await session.execute(insert(PersonRole), [{"person_id": n, "role": role} for n, role in enumerate(roles, start=1)])
    await session.execute(insert(Partner), [
        {"id": n, "name": f"Partner {n}", "key": f"partner {n}", "tier": 1, "archetype": "", "stage": "",
         "pm_id": n % MANAGERS + 2, "internal_channel": "", "joint_channel": "", "created_at": FIRST}
        for n in range(1, PARTNERS + 1)
    ])  # fmt: skip
    session.add(ImportRun(kind="deals", file_name="x", digest="x", at=FIRST))
    session.add(ExchangeRate(currency="EUR", into="USD", day=date(2026, 1, 1), rate="1.0825", at=FIRST))


def _deal(n: int, rng: Random) -> dict[str, Any]:
    return {
        "deal_id": n, "valid_from": FIRST, "valid_to": None, "reported_at": FIRST, "source": "import",
        "name": f"Deal number {n}", "account": f"Account {n}", "partner_id": n % PARTNERS + 1,
        "owner_id": MANAGERS + 2 + n % SELLERS, "stage": "Qualification", "category": _category(rng),
        "amount": rng.randrange(1_000_00, 90_000_00), "currency": "EUR" if rng.random() < FOREIGN else "USD",
        "close_date": _day(rng), "created_date": date(2026, 3, 1) + timedelta(days=rng.randrange(60)), "next_step": "",
        "attribution": rng.choice(("sourced", "influenced", "co_sold")), "lost_reason": "", "said": {},
        "movement": "none", "moves": [],
    }  # fmt: skip


def _category(rng: Random) -> str:
    return rng.choices(("pipeline", "best_case", "commit", "won", "lost"), (40, 25, 15, 12, 8))[0]


def _day(rng: Random) -> date:
    """Nine of ten close in the quarter."""
    return QUARTER.first + timedelta(days=rng.randrange(91) if rng.random() < 0.9 else 91 + rng.randrange(60))


def _links(n: int, row: dict[str, Any], rng: Random) -> list[dict[str, Any]]:
    shares = [(row["partner_id"], 10_000)]
    if rng.random() < SHARED:
        shares = [(row["partner_id"], 6_000), (row["partner_id"] % PARTNERS + 1, 3_000)]
    return [
        {"deal_id": n, "partner_id": partner, "role": "", "share": share, "is_primary": place == 0, "valid_from": FIRST}
        for place, (partner, share) in enumerate(shares)
    ]


async def _week(db: Database, present: dict[int, dict[str, Any]], week: int, last: int, rng: Random) -> int:
    """A tenth of the deals change: category, amount or close date. Week 9 is published before it does."""
    at = monday(week)
    if week == BASE_WEEK:
        async with db.write() as session:
            await publishing.publish(
                session, await get(session, 1), QUARTER, now=at - timedelta(hours=1), policy=POLICY
            )
    changed = rng.sample(sorted(present), int(len(present) * WEEKLY))
    rows: list[dict[str, Any]] = []
    for n in changed:
        what = rng.choice(("category", "amount", "close_date"))
        fresh = {"category": _category(rng), "close_date": _day(rng), "amount": rng.randrange(1_000_00, 90_000_00)}[
            what
        ]
        last += 1
        present[n] = present[n] | {"id": last, what: fresh, "valid_from": at, "reported_at": at}
        rows.append(present[n])
    ids = {row["deal_id"]: row["id"] for row in rows}
    async with db.write() as session:
        await session.execute(
            text("UPDATE deal_version SET valid_to = :at WHERE valid_to IS NULL AND deal_id = :deal"),
            [{"at": at if not db.is_sqlite else f"{at:%Y-%m-%d %H:%M:%S.%f}", "deal": n} for n in ids],
        )
        await _insert(session, DealVersion, rows)
        await session.execute(
            text("UPDATE deal SET version_id = :version WHERE id = :deal"),
            [{"version": version, "deal": n} for n, version in ids.items()],
        )
    return last


async def _insert(session: AsyncSession, table: Any, rows: list[dict[str, Any]]) -> None:
    for place in range(0, len(rows), BATCH):
        await session.execute(insert(table), rows[place : place + BATCH])


async def raw(session: AsyncSession) -> None:
    """What any roll-up has to ask at least: both dates' sums by partner, band, kind and currency, and which deals differ.

    Each the plainest statement that answers it, its rows thrown away.
    """
    base = await finding.latest(session, QUARTER.label)
    assert base is not None
    for moment in (base.cut_off, monday(WEEKS) + timedelta(days=2)):
        (await session.execute(_as_of(moment))).all()
    (await session.execute(_differing(base))).all()
    (await session.execute(_come(base))).all()


def _as_of(moment: datetime) -> Any:
    version = DealVersion
    kind = case((Deal.attribution != "", Deal.attribution), else_=version.attribution).label("kind")
    return (
        select(version.partner_id, version.category, version.currency, kind, func.sum(version.amount), func.count())
        .join(Deal, Deal.id == version.deal_id)
        .where(version.valid_from <= moment, or_(version.valid_to.is_(None), version.valid_to > moment), _counts())
        .group_by(version.partner_id, version.category, version.currency, "kind")
    )


def _counts() -> Any:
    version = DealVersion
    return and_(
        version.close_date.between(QUARTER.first, QUARTER.last),
        version.partner_id.is_not(None),
        version.category.in_(("won", "commit", "best_case", "pipeline")),
    )


def _differing(base: Snapshot) -> Any:
    """The snapshot's deals that are no longer what they were, by what they were and are."""
    version, line = DealVersion, SnapshotLine
    return (
        select(
            line.partner_id, line.category, version.category, func.count(), func.sum(version.amount),
            func.sum(line.amount),
        )
        .join(Deal, Deal.id == line.deal_id)
        .outerjoin(version, version.id == Deal.version_id)
        .where(
            line.snapshot_id == base.id,
            or_(
                version.category != line.category, version.amount.is_distinct_from(line.amount),
                version.close_date.is_distinct_from(line.close_date), version.partner_id != line.partner_id,
            ),
        )
        .group_by(line.partner_id, line.category, version.category)
    )  # fmt: skip


def _come(base: Snapshot) -> Any:
    """The deals that count now and are not in the snapshot."""
    version, line = DealVersion, SnapshotLine
    return (
        select(version.partner_id, version.category, func.count(), func.sum(version.amount))
        .join(Deal, version.id == Deal.version_id)
        .outerjoin(line, and_(line.snapshot_id == base.id, line.deal_id == Deal.id))
        .where(_counts(), line.deal_id.is_(None))
        .group_by(version.partner_id, version.category)
    )


async def ours(session: AsyncSession) -> None:
    facts = await reading.draft(session, QUARTER, now=monday(WEEKS) + timedelta(days=2), policy=POLICY, strict=True)
    assert facts.changes is not None
    assert facts.program.deals > DEALS / 2


async def best(db: Database, *works: Callable[[AsyncSession], Awaitable[None]], rounds: int = 5) -> list[float]:
    """The best time of each, taken in turns, so that a busy moment of the machine is not one of them alone."""
    found: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for place, work in enumerate(works):
            gc.collect()
            async with db.read() as session:
                started = time.perf_counter()
                await work(session)
                found[place].append(time.perf_counter() - started)
    return [min(times) for times in found]


async def measured(url: str, name: str) -> list[dict[str, Any]]:
    db = await history(url)
    try:
        floor, value = await best(db, raw, ours)
        with counting(db) as seen:
            async with db.read() as session:
                await ours(session)
        started = time.perf_counter()
        async with db.write() as session:
            now = monday(WEEKS) + timedelta(days=2)
            await publishing.publish(session, await get(session, 1), QUARTER, now=now, policy=POLICY)
        published = time.perf_counter() - started
    finally:
        await db.close()
    return [
        {"what": f"roll-up and what changed, 100,000 deals, 13 weeks, {name}, to raw SQL", "value": value, "floor": floor,
         "limit": 3.0, "unit": "s"},
        {"what": f"its statements, {name}", "value": len(seen), "limit": None, "unit": ""},
        {"what": f"publishing it, {name}", "value": published, "limit": None, "unit": "s"},
    ]  # fmt: skip


async def roll_up(folder: Path, _api: str) -> list[dict[str, Any]]:
    """On SQLite, and on PostgreSQL where there is one."""
    rows = await measured(sqlite_at(folder, "forecast"), "SQLite")
    if postgres.missing() is None:
        with postgres.cluster() as base:
            rows += await measured(await postgres.fresh_database(base), "PostgreSQL")
    return rows
