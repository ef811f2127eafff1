"""Forms that come at once share a commit: everybody is told only after it, and nobody pays for somebody else's mistake."""

import asyncio
import sqlite3

import pytest
from sqlalchemy import event, func, select

from models import inbox, together
from models.tables import Submission
from tests.make import NOW


@pytest.fixture
def commits(sqlite):
    seen = []
    event.listen(sqlite.writer.sync_engine, "commit", seen.append)
    return seen


async def claim(db, key, *, fail=False):
    async with db.write_together() as session:
        await inbox.begin_once(session, key, now=NOW)
        await asyncio.sleep(0)
        if fail:
            raise ValueError(key)
    return key


def seen_from_outside(db):
    connection = sqlite3.connect(db.url.database)
    try:
        return {row[0] for row in connection.execute("SELECT key FROM submission")}
    finally:
        connection.close()


async def test_many_at_once_share_few_commits_and_lose_nothing(sqlite, commits):
    await asyncio.gather(*(claim(sqlite, f"k{number}") for number in range(60)))
    assert seen_from_outside(sqlite) == {f"k{number}" for number in range(60)}
    assert 60 / together.MOST <= len(commits) <= 4


async def test_everybody_is_told_only_after_the_commit(sqlite):
    async def look(key):
        await claim(sqlite, key)
        return key in seen_from_outside(sqlite)

    assert all(await asyncio.gather(*(look(f"k{number}") for number in range(30))))


async def test_one_who_fails_takes_back_nothing_but_their_own(sqlite):
    done = await asyncio.gather(
        *(claim(sqlite, f"k{number}", fail=number % 3 == 0) for number in range(12)), return_exceptions=True
    )
    assert [isinstance(row, ValueError) for row in done] == [number % 3 == 0 for number in range(12)]
    assert seen_from_outside(sqlite) == {f"k{number}" for number in range(12) if number % 3}


async def test_one_who_is_cancelled_leaves_the_others_their_commit(sqlite):
    tasks = [asyncio.create_task(claim(sqlite, f"k{number}")) for number in range(8)]
    await asyncio.sleep(0.002)
    tasks[0].cancel()
    tasks[5].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    kept = {f"k{number}" for number in range(8) if number not in (0, 5)}
    assert kept <= seen_from_outside(sqlite)
    assert await claim(sqlite, "later") in seen_from_outside(sqlite)


async def test_a_commit_that_fails_is_told_to_everybody_it_covered(sqlite):
    def refuse(_connection):
        raise sqlite3.OperationalError("disk I/O error")

    event.listen(sqlite.writer.sync_engine, "commit", refuse)
    done = await asyncio.gather(*(claim(sqlite, f"k{number}") for number in range(5)), return_exceptions=True)
    event.remove(sqlite.writer.sync_engine, "commit", refuse)
    assert all(isinstance(row, sqlite3.OperationalError) for row in done)
    assert seen_from_outside(sqlite) == set()
    assert await claim(sqlite, "later") in seen_from_outside(sqlite)


async def test_a_plain_transaction_waits_for_the_group_and_the_group_for_it(sqlite):
    async def plain(number):
        async with sqlite.write() as session:
            await inbox.begin_once(session, f"p{number}", now=NOW)

    await asyncio.gather(*(work for number in range(10) for work in (claim(sqlite, f"k{number}"), plain(number))))
    async with sqlite.read() as session:
        assert await session.scalar(select(func.count()).select_from(Submission)) == 20


async def test_a_begin_that_is_cancelled_while_it_waits_for_another_process_leaves_the_writer_usable(sqlite):
    other = sqlite3.connect(sqlite.url.database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waiting = asyncio.create_task(claim(sqlite, "cancelled"))
    await asyncio.sleep(0.05)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    other.execute("COMMIT")
    other.close()
    assert await claim(sqlite, "next") == "next"
    assert seen_from_outside(sqlite) == {"next"}


async def test_the_last_in_line_who_is_cancelled_leaves_nobody_waiting(sqlite):
    entered, go_on = asyncio.Event(), asyncio.Event()

    async def first():
        async with sqlite.write_together() as session:
            await inbox.begin_once(session, "first", now=NOW)
            entered.set()
            await go_on.wait()

    one = asyncio.create_task(first())
    await entered.wait()
    two = asyncio.create_task(claim(sqlite, "second"))
    await asyncio.sleep(0)
    go_on.set()
    # The first leaves its transaction open for the second, who does not come.
    two.cancel()
    async with asyncio.timeout(10):
        await asyncio.gather(one, two, return_exceptions=True)
        await claim(sqlite, "third")
    assert {"first", "third"} <= seen_from_outside(sqlite)
