"""Forms that come at once share a commit: all are kept, a failed one takes nothing along, nobody waits for ever."""

import asyncio

import pytest
from sqlalchemy import select

from models.tables import Setting
from tests.world import MONDAY


def fact(name: str) -> Setting:
    return Setting(name=name, value=1, changed_at=MONDAY)


async def names(db) -> set[str]:
    async with db.read() as session:
        return set(await session.scalars(select(Setting.name)))


async def test_a_hundred_at_once_are_all_kept(db):
    async def one(place: int) -> None:
        async with db.write_together() as session:
            session.add(fact(f"n{place}"))

    await asyncio.gather(*(one(place) for place in range(100)))
    assert await names(db) == {f"n{place}" for place in range(100)}


async def test_one_that_fails_takes_back_its_own_work_alone(db):
    async def one(place: int) -> None:
        async with db.write_together() as session:
            session.add(fact(f"n{place}"))
            await session.flush()
            if place % 3 == 0:
                raise ValueError("refused")

    ended = await asyncio.gather(*(one(place) for place in range(30)), return_exceptions=True)
    assert [type(error) for error in ended if error] == [ValueError] * 10
    assert await names(db) == {f"n{place}" for place in range(30) if place % 3}


async def test_one_who_is_cancelled_while_waiting_leaves_nobody_waiting(sqlite):
    entered, go_on = asyncio.Event(), asyncio.Event()

    async def first() -> None:
        async with sqlite.write_together() as session:
            session.add(fact("first"))
            entered.set()
            await go_on.wait()

    async def second() -> None:
        async with sqlite.write_together() as session:
            session.add(fact("second"))

    one = asyncio.create_task(first())
    await entered.wait()
    two = asyncio.create_task(second())
    await asyncio.sleep(0)
    go_on.set()
    # The first leaves its transaction open, because somebody waits for it; then that somebody goes away.
    while not one.done() and not sqlite._together._turn.locked():
        await asyncio.sleep(0)
    two.cancel()
    async with asyncio.timeout(10):
        await one
        with pytest.raises(asyncio.CancelledError):
            await two
    assert "first" in await names(sqlite)
    async with asyncio.timeout(10), sqlite.write() as session:
        session.add(fact("third"))
    assert "third" in await names(sqlite)
