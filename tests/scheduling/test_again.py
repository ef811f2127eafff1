"""The plan is made anew when a row it reads or the minute has changed, whoever changed it; else it is left alone."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text, update

from models.db import Database
from models.tables import Change, Deal, DealPartner, DealVersion, JointDeal, Occurrence, Partner, Person, Step
from scheduling.again import Planner
from scheduling.plan import READS
from tests import make, table
from tests.make import NOW, POLICY


class Asked:
    """A planner and whether it really planned: what it does then is many statements."""

    def __init__(self, db):
        self.db, self.planner = db, Planner(db, POLICY)

    async def planned(self, now=NOW):
        with make.counting(self.db) as statements:
            async with self.db.write() as session:
                await self.planner.renew(session, now=now)
        return any("FROM occurrence" in statement for statement in statements)

    async def settled(self, now=NOW):
        """Until it has nothing more to change."""
        for _ in range(5):
            if not await self.planned(now):
                return
        raise AssertionError("it plans for ever")


@pytest.fixture
async def asked(sqlite):
    found = Asked(sqlite)
    async with sqlite.write() as session:
        found.team = await make.small(session)
    assert await found.planned()
    await found.settled()
    return found


async def change(db, statement):
    async with db.write() as session:
        await session.execute(statement)


async def test_the_same_rows_in_the_same_minute_are_planned_once(asked):
    assert not await asked.planned(NOW + timedelta(seconds=59))
    assert await asked.planned(NOW + timedelta(seconds=60))
    assert not await asked.planned(NOW + timedelta(seconds=61))


@pytest.mark.parametrize("statement", [
    update(Person).where(Person.name == "Ann").values(zone="Pacific/Auckland"),
    update(Occurrence).values(closed_at=NOW),
    Partner.__table__.update().values(tier=1),
    text("UPDATE step SET note = 'by hand'"),
], ids=["orm", "another table", "core", "text"])  # fmt: skip
async def test_what_is_written_here_is_planned_for(asked, statement):
    await change(asked.db, statement)
    assert await asked.planned()


async def test_what_a_session_flushes_is_planned_for(asked):
    async with asked.db.write() as session:
        (await session.get_one(Person, asked.team.ann.id)).active = False
    assert await asked.planned()


async def test_an_answer_that_leaves_a_deal_with_its_owner_is_not_planned_for(asked):
    await change(asked.db, update(DealVersion).values(amount=5, stage="Proposal"))
    assert not await asked.planned()
    await change(asked.db, update(DealVersion).values(owner_id=asked.team.bob.id))
    assert await asked.planned()


async def test_a_deal_that_changes_hands_and_back_is_planned_for_each_time(asked):
    async with asked.db.read() as session:
        ids = list(await session.scalars(select(DealVersion.id).where(DealVersion.owner_id == asked.team.ann.id)))
    for owner in (asked.team.bob, asked.team.ann):
        await change(asked.db, update(DealVersion).where(DealVersion.id.in_(ids)).values(owner_id=owner.id))
        with pytest.raises(LookupError):
            async with asked.db.write() as session:
                await asked.planner.renew(session, now=NOW)
                raise LookupError
        assert await asked.planned()
        await asked.settled()


async def test_a_joint_deal_that_leaves_a_partner_is_planned_for(asked):
    """The deal's own partner and owner stay; what changes is whether another partner has it too."""
    async with asked.db.write() as session:
        other = await make.partner(session, "Beta", asked.team.pm)
        deal = await session.get_one(Deal, asked.team.deals["Deal 0"].id)
        link = DealPartner(deal_id=deal.id, partner_id=other.id, is_primary=False, valid_from=NOW)
        session.add(link)
        mark = await make.joint(session, deal, other)
    await asked.settled()
    await change(asked.db, update(DealPartner).where(DealPartner.id == link.id).values(share=1))
    assert not await asked.planned()
    await change(asked.db, update(DealPartner).where(DealPartner.id == link.id).values(valid_to=NOW))
    assert await asked.planned()
    async with asked.db.read() as session:
        assert (await session.get_one(JointDeal, mark.id)).ended_why == "unlinked"


async def test_what_another_process_writes_is_planned_for(asked):
    other = Database(str(asked.db.url))
    await change(other, update(Person).where(Person.id == asked.team.ann.id).values(active=False))
    await other.close()
    assert await asked.planned()
    async with asked.db.read() as session:
        query = select(func.count()).select_from(Step).where(Step.person_id == asked.team.ann.id)
        assert await session.scalar(query) == 0


async def test_what_no_plan_reads_changes_nothing(asked):
    async with asked.db.write() as session:
        session.add(Change(at=NOW, source="slack", entity="deal", entity_id=1, field="help_needed"))
    assert not await asked.planned()


async def test_a_plan_that_was_rolled_back_is_made_again(asked):
    await change(asked.db, update(Person).where(Person.id == asked.team.ann.id).values(zone="Pacific/Auckland"))
    with pytest.raises(LookupError):
        async with asked.db.write() as session:
            assert await asked.planner.renew(session, now=NOW) > 0
            raise LookupError
    assert await asked.planned()
    async with asked.db.read() as session:
        prompt = await session.scalar(select(Step).where(Step.kind == "prompt", Step.person_id == asked.team.ann.id))
    assert prompt.due_at.hour == 21


async def test_a_new_connection_is_a_change_of_which_nobody_knows(asked):
    await asked.db.writer.dispose()
    assert await asked.planned()


async def test_where_other_replicas_may_write_unseen_it_is_always_planned(postgres_base):
    from models.tables import Base
    from tests import postgres

    db = Database(await postgres.fresh_database(postgres_base))
    async with db.writer.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    found = Asked(db)
    async with db.write() as session:
        await make.small(session)
    assert [await found.planned() for _ in range(3)] == [True, True, True]
    await db.close()


async def test_the_tables_a_plan_reads_are_the_ones_it_says(sqlite):
    planner = Planner(sqlite, POLICY)
    async with sqlite.write() as session:
        await make.small(session)
        await table.turn(session, "leadership_roll_up")
    with make.counting(sqlite) as statements:
        async with sqlite.write() as session:
            await planner.renew(session, now=NOW)
    read = {name for statement in statements for name in re.findall(r"(?:FROM|JOIN) (\w+)", statement)}
    assert read == {model.__tablename__ for model in READS}
