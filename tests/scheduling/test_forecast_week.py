"""What a roll-up's week asks of whom: numbers on Monday and Tuesday, the review on the day, signatures afterwards."""

from datetime import date, datetime

import pytest
from sqlalchemy import select

from models import crews, reviews
from models.domain.fiscal import WeekModel
from models.forecast import asking
from models.forecast.asking import What
from models.tables import (
    Absence,
    Cadence,
    Card,
    CardOccurrence,
    DealPartner,
    Occurrence,
    Partner,
    QuarterClose,
    SignedCommit,
    SignOff,
    Snapshot,
)
from tests import make, table
from tests.make import NOW, POLICY
from tests.scheduling.test_table_steps import Clock, p
from tests.table import at

ROLL_UPS = ("leadership_roll_up", "executive_roll_up")
WEEK = "2026Q1-w09"  # Monday 2 March; Wednesday 14:00 the leadership, Thursday 16:00 the executives


class Week(Clock):
    """A company in the week of a roll-up: two managers, a deal with each of three partners."""

    async def begin(self, *, deals=True, zones=("UTC",), on=ROLL_UPS):
        async with self.db.write() as session:
            self.chiefs, self.pms, self.partners = await table.company(session, 3, managers=2, zones=zones)
            for number, partner in enumerate(self.partners if deals else ()):
                await make.deal(session, f"Deal {number}", partner, None)
            await table.turn(session, *on)
        return self

    async def sign(self, *partners, by, when, period="2026Q1"):
        async with self.db.write() as session:
            for partner in partners:
                session.add(SignedCommit(
                    period=period, partner_id=partner.id, pm_id=partner.pm_id, by_id=by.id, at=when, currency="USD",
                    commit=1, best_case=2, deals_commit=1, deals_best_case=2,
                ))  # fmt: skip

    async def publish(self, when, *, period="2026Q1", number=1, kind="roll_up"):
        async with self.db.write() as session:
            made = Snapshot(period=period, number=number, kind=kind, label="week 9", cut_off=when, rate_day=when.date(),
                            currency="USD", made_by_id=self.chiefs["head"].id, facts={})  # fmt: skip
            session.add(made)
            await session.flush()
            return made.id

    async def sign_off(self, snapshot_id, role, when):
        async with self.db.write() as session:
            session.add(SignOff(snapshot_id=snapshot_id, role=role, person_id=self.chiefs[role].id, at=when))

    async def cards(self):
        """Who has a card of what to prepare, by day of March."""
        async with self.db.read() as session:
            rows = await session.scalars(select(Card).where(Card.kind == "prepare").order_by(Card.id))
            return {(row.person_id, row.day.day) for row in rows}

    async def tasks(self, person, when):
        async with self.db.read() as session:
            found = await asking.of_person(session, person.id, now=when, policy=self.policy)
            return {(task.what, task.period, task.done, task.total) for task in found}


@pytest.fixture
def week(sqlite):
    return Week(sqlite, POLICY)


async def test_each_manager_is_asked_on_monday_and_once_more_on_tuesday(week):
    await week.begin()
    found = await week.steps("leadership_roll_up", WEEK)
    for pm in week.pms:
        assert found["prepare", p(pm)] == at(2, 10)
        assert found["remind", p(pm)] == at(3, 10)
    assert found["review", p(week.chiefs["head"])] == at(4, 10), "the day it is published"


async def test_who_signed_is_not_asked_again(week):
    await week.begin()
    first, second = week.pms
    await week.at(at(2, 10))
    assert await week.cards() == {(first.id, 2), (second.id, 2)}
    await week.sign(week.partners[0], week.partners[2], by=first, when=at(2, 11))
    await week.at(at(3, 10))
    assert await week.cards() == {(first.id, 2), (second.id, 2), (second.id, 3)}, "the first has signed both of theirs"


async def test_one_partner_left_is_reason_enough_to_remind(week):
    await week.begin()
    await week.sign(week.partners[0], by=week.pms[0], when=at(2, 9))
    assert await week.tasks(week.pms[0], at(2, 12)) == {(What.SIGN, "2026Q1", 1, 2)}
    await week.at(at(2, 10), at(3, 10))
    assert (week.pms[0].id, 3) in await week.cards()


async def test_a_signature_of_an_earlier_week_is_asked_for_anew(week):
    await week.begin()
    await week.sign(*week.partners, by=week.pms[0], when=datetime(2026, 2, 3, 10, tzinfo=make.UTC))
    assert await week.tasks(week.pms[1], at(2, 12)) == {(What.SIGN, "2026Q1", 0, 1)}


async def test_managers_without_a_deal_in_the_quarter_are_left_in_peace(week):
    await week.begin(deals=False)
    await week.at(at(2, 10), at(3, 10), at(4, 10))
    assert await week.cards() == set()


async def test_the_head_is_asked_on_the_day_unless_it_is_published(week):
    await week.begin()
    head = week.chiefs["head"]
    await week.at(at(4, 10))
    assert (head.id, 4) in await week.cards()
    assert await week.tasks(head, at(4, 11)) == {(What.REVIEW, "2026Q1", 0, 1)}
    await week.publish(at(4, 13))
    assert await week.tasks(head, at(4, 14)) == set()


async def test_the_head_of_an_early_meeting_is_asked_the_working_day_before(week):
    async with week.db.write() as session:
        spec = table.SPECS["leadership_roll_up"].model_copy(update={"at": datetime(2026, 3, 4, 8, 30).time()})  # noqa: DTZ001 - an hour of the wall clock
        await table.save(session, spec)
    await week.begin()
    found = await week.steps("leadership_roll_up", WEEK)
    assert found["review", p(week.chiefs["head"])] == at(3, 10)


async def test_a_manager_who_is_the_head_too_is_asked_for_numbers_and_for_the_review(week):
    await week.begin()
    head = week.chiefs["head"]
    async with week.db.write() as session:
        for partner in week.partners:
            (await session.get(Partner, partner.id)).pm_id = partner.pm_id = head.id
    await week.at(at(2, 10), at(3, 10), at(4, 10))
    assert await week.cards() == {(head.id, 2), (head.id, 3), (head.id, 4)}
    await week.sign(*week.partners, by=head, when=at(4, 11))
    assert await week.tasks(head, at(4, 12)) == {(What.REVIEW, "2026Q1", 0, 1)}


async def test_a_head_who_has_signed_is_not_reminded_for_the_review_that_is_not_due(week):
    await week.begin()
    head = week.chiefs["head"]
    async with week.db.write() as session:
        for partner in week.partners:
            (await session.get(Partner, partner.id)).pm_id = partner.pm_id = head.id
    await week.at(at(2, 10))
    await week.sign(*week.partners, by=head, when=at(2, 11))
    await week.at(at(3, 10))
    assert await week.cards() == {(head.id, 2)}


async def test_a_week_belongs_to_the_quarter_of_its_monday_in_every_model(week):
    """By ISO weeks the fourth quarter's first week begins on 28 September: it asks for the fourth quarter."""
    week.policy = POLICY.model_copy(update={"fiscal_model": WeekModel.ISO_THURSDAY})
    start = datetime(2026, 9, 21, 8, tzinfo=make.UTC)
    async with week.db.write() as session:
        week.chiefs, week.pms, (acme,) = await table.company(session, 1, now=start)
        await make.deal(session, "Autumn", acme, None, seen=start, close_date=date(2026, 11, 20))
        await table.turn(session, *ROLL_UPS, now=start, policy=week.policy)
    await week.publish(datetime(2026, 7, 1, 12, tzinfo=make.UTC), period="2026Q3")
    monday = datetime(2026, 9, 28, 12, tzinfo=make.UTC)
    assert await week.tasks(week.pms[0], monday) == {(What.SIGN, "2026Q4", 0, 1)}
    asked = {what for what, *_ in await week.tasks(week.chiefs["cfo"], monday)}
    assert What.CLOSE not in asked, "the third quarter is not over"
    october = datetime(2026, 10, 1, 12, tzinfo=make.UTC)
    assert (What.CLOSE, "2026Q3", 0, 1) in await week.tasks(week.chiefs["cfo"], october)


async def test_what_is_published_late_is_still_asked_to_be_signed_off(week):
    await week.begin()
    await week.at(at(5, 16), at(6, 10))
    await week.publish(at(6, 11))
    await week.at(at(6, 12), at(9, 10))
    people = {week.chiefs["cro"].id, week.chiefs["cfo"].id}
    assert {(person, day) for person, day in await week.cards() if person in people} == {
        (person, 9) for person in people
    }


async def test_a_partner_without_a_share_of_its_deal_is_not_expected(week):
    await week.begin()
    async with week.db.write() as session:
        (
            await session.scalars(select(DealPartner).where(DealPartner.partner_id == week.partners[1].id))
        ).one().share = 0
    assert await week.tasks(week.pms[1], at(2, 12)) == set()


async def test_cro_and_cfo_are_asked_after_the_meeting_and_the_next_morning_until_they_signed(week):
    await week.begin()
    cro, cfo = week.chiefs["cro"], week.chiefs["cfo"]
    snapshot = await week.publish(at(4, 15))
    await week.at(at(5, 16))
    assert {(cro.id, 5), (cfo.id, 5)} <= await week.cards()
    await week.sign_off(snapshot, "cro", at(5, 17))
    async with week.db.write() as session:  # the meeting is closed meanwhile: its signature may still be missing
        found = (await session.scalars(select(Occurrence).join(Cadence).where(
            Cadence.kind == "executive_roll_up", Occurrence.slot == WEEK))).one()  # fmt: skip
        found.state, found.closed_at = "held", at(5, 17)
    await week.at(at(6, 10))
    assert (cfo.id, 6) in await week.cards()
    assert (cro.id, 6) not in await week.cards()


async def test_nobody_is_asked_to_sign_off_what_is_not_published(week):
    await week.begin()
    await week.at(at(5, 16), at(6, 10))
    people = {person for person, day in await week.cards() if day >= 5}
    assert people == set()


async def test_the_cfo_is_asked_to_close_the_quarter_before_while_it_is_open(week):
    await week.begin()
    assert await week.tasks(week.chiefs["cfo"], at(2, 12)) == set(), "it was never forecast: nothing to close"
    old = await week.publish(datetime(2025, 12, 30, 12, tzinfo=make.UTC), period="2025Q4")
    assert await week.tasks(week.chiefs["cfo"], at(2, 12)) == {(What.CLOSE, "2025Q4", 0, 1)}
    await week.at(at(2, 10))
    assert (week.chiefs["cfo"].id, 2) in await week.cards()
    async with week.db.write() as session:
        session.add(QuarterClose(period="2025Q4", at=at(2, 11), by_id=week.chiefs["cfo"].id, snapshot_id=old))
    assert await week.tasks(week.chiefs["cfo"], at(2, 12)) == set()


async def test_an_absent_managers_cover_is_asked(week):
    await week.begin()
    first, second = week.pms
    async with week.db.write() as session:
        session.add(Absence(person_id=first.id, first_day=date(2026, 3, 2), last_day=date(2026, 3, 6), cover_id=second.id,
                            recorded_at=NOW))  # fmt: skip
    await week.at(at(2, 10))
    assert await week.cards() == {(second.id, 2)}
    assert await week.tasks(second, at(2, 12)) == {(What.SIGN, "2026Q1", 0, 3)}


async def test_a_manager_in_another_zone_is_asked_on_their_own_monday(week):
    await week.begin(zones=("Asia/Tokyo", "America/New_York"))
    found = await week.steps("leadership_roll_up", WEEK)
    assert found["prepare", p(week.pms[0])] == at(2, 1), "10:00 in Tokyo"
    assert found["prepare", p(week.pms[1])] == at(2, 15), "10:00 in New York"


async def test_without_the_rows_nobody_is_asked(week):
    await week.begin(on=())
    await week.at(at(2, 10), at(3, 10), at(4, 10), at(5, 16))
    assert await week.cards() == set()


async def test_the_same_tick_twice_asks_once(week):
    await week.begin()
    await week.at(at(2, 10))
    before = await week.count()
    await week.at(at(2, 10), at(2, 11))
    assert await week.count() == before


async def test_a_closed_quarter_is_not_signed_any_more(week):
    await week.begin()
    snapshot = await week.publish(at(2, 9), kind="closing")
    async with week.db.write() as session:
        session.add(QuarterClose(period="2026Q1", at=at(2, 9), by_id=week.chiefs["cfo"].id, snapshot_id=snapshot))
    assert await week.tasks(week.pms[0], at(2, 12)) == set()


async def test_a_card_says_each_thing_once(week):
    await week.begin()
    await week.at(at(2, 10))
    async with week.db.read() as session:
        card = (
            await session.scalars(select(Card).where(Card.person_id == week.pms[0].id, Card.kind == "prepare"))
        ).one()
        ids = list(await session.scalars(select(CardOccurrence.occurrence_id).where(CardOccurrence.card_id == card.id)))
        pairs = await reviews.scope(session, ids)
        crew, staff = await crews.crew(session), await reviews.staff(session, POLICY)
        found = await asking.tasks(session, pairs, crew, staff, now=at(2, 12), policy=POLICY)
    assert [(task.what, task.done, task.total) for task in found if task.person_id == week.pms[0].id] == [
        (What.SIGN, 0, 2)
    ]
