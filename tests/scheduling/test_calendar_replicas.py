"""Two replicas fill the calendar at once: every slot is made once, and neither fails."""

import asyncio
from collections import Counter

from sqlalchemy import delete, select

from models.tables import Cadence, Occurrence, Step
from scheduling.plan import materialise
from tests.world import load, small_team


async def test_two_replicas_that_fill_the_calendar_at_once_make_every_slot_once(db):
    team = small_team()
    await load(db, team)
    async with db.write() as session:
        await session.execute(delete(Step))
        await session.execute(delete(Occurrence))

    async def replica() -> None:
        async with db.write() as session:
            await materialise(session, now=team.start, policy=team.policy)

    await asyncio.gather(*(replica() for _ in range(6)))
    async with db.read() as session:
        slots = Counter((row.cadence_id, row.slot) for row in await session.scalars(select(Occurrence)))
        kinds = Counter(row.kind for row in await session.scalars(select(Cadence)))
    assert slots and set(slots.values()) == {1}
    assert kinds == {"weekly_review": 1, "other_partners": 1, "friday_note": 1}
