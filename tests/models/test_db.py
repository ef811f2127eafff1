"""The ground: files nobody else reads, instants and not clock readings, and a hundred savers who lose nothing."""

import asyncio
import os
import stat
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError, StatementError

from models import answers, deals
from models.db import Database, normalise
from models.deals import Source
from models.tables import Answer, Deal, DealVersion, NextAction, Person, Step
from tests import make
from tests.make import NOW, POLICY

SAVERS = 100


async def test_the_sqlite_file_is_its_owners_alone_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        db = Database(f"sqlite:///{tmp_path / 'below' / 'cadence.db'}")
        await make.tables(db)
        files = [tmp_path / "below" / name for name in ("cadence.db", "cadence.db-wal", "cadence.db-shm")]
        assert {stat.S_IMODE(path.stat().st_mode) for path in files if path.exists()} == {0o600}
        await db.close()
    finally:
        os.umask(before)


async def test_an_existing_file_with_open_rights_is_closed_to_others(tmp_path):
    path = Path(tmp_path / "cadence.db")
    path.touch(0o644)
    await Database(f"sqlite:///{path}").close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("typed", "driver"),
    [
        ("sqlite:///x.db", "sqlite+aiosqlite"),
        ("sqlite+aiosqlite:///x.db", "sqlite+aiosqlite"),
        ("postgres://h/d", "postgresql+asyncpg"),
        ("postgresql://h/d", "postgresql+asyncpg"),
        ("postgresql+asyncpg://h/d", "postgresql+asyncpg"),
    ],
)
def test_urls_as_people_write_them_get_the_async_driver(typed, driver):
    assert normalise(typed).drivername == driver


def test_another_database_is_refused_by_its_name():
    with pytest.raises(ValueError, match="DATABASE_URL names 'mysql'"):
        normalise("mysql://h/d")


async def test_a_naive_instant_never_reaches_the_database(db):
    async with db.write() as session:
        session.add(Person(name="Ann", created_at=datetime(2026, 3, 2, 8)))  # noqa: DTZ001 - naive on purpose
        with pytest.raises(StatementError, match="a naive datetime reached the database"):
            await session.flush()
        await session.rollback()


async def test_an_instant_comes_back_as_the_same_instant_in_utc(db):
    auckland = datetime(2026, 3, 2, 21, 30, 5, 123456, tzinfo=timezone(timedelta(hours=13)))
    async with db.write() as session:
        await make.person(session, created_at=auckland)
    async with db.read() as session:
        found = (await session.scalars(select(Person))).one().created_at
    assert found == auckland
    assert found.utcoffset() == timedelta(0)


async def test_foreign_keys_are_kept(db):
    with pytest.raises(IntegrityError):
        async with db.write() as session:
            session.add(Step(occurrence_id=1, kind="prompt", recipient="p1", due_at=NOW, void_at=NOW))


async def test_sqlite_is_durable_and_lets_readers_read_while_one_writes(sqlite):
    async with sqlite.writer.connect() as connection:
        found = {
            name: (await connection.execute(text(f"PRAGMA {name}"))).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    async with sqlite.write() as session:
        await make.person(session)
        async with sqlite.read() as reading:
            assert await reading.scalar(select(func.count()).select_from(Person)) == 0


async def test_what_raises_inside_a_write_is_rolled_back_whole(db):
    with pytest.raises(RuntimeError):
        async with db.write() as session:
            await make.person(session)
            raise RuntimeError
    async with db.read() as session:
        assert await session.scalar(select(func.count()).select_from(Person)) == 0
    await db.ping()


async def versions_of(db, deal_id):
    async with db.read() as session:
        rows = await session.scalars(select(DealVersion).where(DealVersion.deal_id == deal_id).order_by(DealVersion.id))
        return list(rows)


async def stands(db, deal_id):
    """The amount of the version that stands, once it is the only open one: nobody's was left beside it."""
    async with db.read() as session:
        version = await deals.current_version(session, deal_id)
    assert [row.id for row in await versions_of(db, deal_id) if row.valid_to is None] == [version.id]
    return version.amount


async def test_a_hundred_people_count_one_deal_up_at_once_and_no_step_is_lost(db):
    async with db.write() as session:
        one = await make.deal(session, "Big", None, None, amount=0)

    async def add(number: int) -> None:
        async with db.write() as session:
            deal, current = await deals.lock(session, one.id)
            source = Source(at=NOW + timedelta(seconds=number), by_id=None, name="test")
            await deals.append_version(session, deal, current, {"amount": current.amount + 1}, source)

    await asyncio.gather(*(add(number) for number in range(SAVERS)))
    versions = await versions_of(db, one.id)
    assert sorted(version.amount for version in versions) == list(range(SAVERS + 1))
    assert await stands(db, one.id) == SAVERS


async def test_a_hundred_forms_saved_at_once_are_a_hundred_answers_and_lose_no_change(db):
    async with db.write() as session:
        team = await make.small(session, deals=1, crm=False)
        one = team.deals["Deal 0"]
        await make.action(session, one, team.ann)
        heads = [
            await make.person(session, f"Head{number} X", "head", email=f"h{number}@x", slack_id=f"UH{number}")
            for number in range(SAVERS)
        ]
        start = (await make.current(session, one)).amount

    async def save(head: Person) -> None:
        async with db.write() as session:
            await deals.lock(session, one.id)  # what the form shows is read in the transaction that saves it
            given = await make.shown(session, await session.get_one(Deal, one.id), team.week)
            changed = make.typed(
                given, amount=given.fields.amount + 1, help_needed=f"{given.fields.help_needed} {head.id}"
            )
            await answers.record(session, head, changed, now=NOW, policy=POLICY)

    await asyncio.gather(*(save(head) for head in heads))
    versions = await versions_of(db, one.id)
    assert await stands(db, one.id) == start + SAVERS
    assert len(versions) == SAVERS + 1
    async with db.read() as session:
        assert set(await session.scalars(select(Answer.by_id))) == {head.id for head in heads}
        helped = (await session.get_one(Deal, one.id)).help_needed.split()
    assert sorted(helped, key=int) == sorted((str(head.id) for head in heads), key=int)


async def test_people_who_change_different_fields_of_one_open_form_all_keep_their_change(db):
    async with db.write() as session:
        team = await make.small(session, deals=1, crm=False)
        one = team.deals["Deal 0"]
        await make.action(session, one, team.ann)
        given = await make.shown(session, one, team.week)
    changes = {
        "next_text": "call them", "next_due": date(2026, 3, 20), "shared_text": "joint call", "partner_owner": "Cal",
        "stage": "Needs Analysis", "category": "best_case", "amount": 5, "close_date": date(2026, 4, 1), "help_needed": "yes",
    }  # fmt: skip

    async def save(name: str) -> None:
        async with db.write() as session:
            await answers.record(session, team.head, make.typed(given, **{name: changes[name]}), now=NOW, policy=POLICY)

    await asyncio.gather(*(save(name) for name in changes))
    async with db.read() as session:
        now_is = (await make.shown(session, await session.get_one(Deal, one.id), team.week)).fields
        assert await session.scalar(select(func.count()).select_from(NextAction)) == 1
    assert {name: getattr(now_is, name) for name in changes} == changes
    assert await stands(db, one.id) == changes["amount"]
