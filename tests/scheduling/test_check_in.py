"""The check-in's hour: planned for reviews of partners with joint deals, once a review, and over when that begins."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import select

from models import cadences
from models.domain.policy import Policy
from models.joint import marks
from models.tables import Absence, Card, DealPartner, Outbox, Step
from scheduling.plan import StepKind, materialise, replan
from scheduling.tick import tick
from tests import make
from tests.make import NOW, POLICY


def at(day, hour, minute=0, month=3):
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


@pytest.fixture
async def session(sqlite):
    async with sqlite.write() as session:
        yield session


@pytest.fixture
async def team(session):
    made = await make.small(session)
    made.mark = await make.joint(session, made.deals["Deal 0"], made.acme)
    await make.joint_channel(session, made.acme)
    return made


async def steps(session, kind=StepKind.CHECK_IN):
    return list(await session.scalars(select(Step).where(Step.kind == kind).order_by(Step.due_at)))


async def check_ins(session):
    return list(await session.scalars(select(Outbox).where(Outbox.template == "checkin")))


async def run(session, now, policy=POLICY):
    await materialise(session, now=now, policy=policy)
    await session.flush()
    while await tick(session, now=now, policy=policy):
        await session.flush()
        await materialise(session, now=now, policy=policy)
        await session.flush()


async def test_it_is_due_at_the_managers_hour_the_working_day_before_and_void_when_the_review_begins(session, team):
    await materialise(session, now=NOW, policy=POLICY)
    step = (await steps(session))[0]
    assert (step.occurrence_id, step.recipient, step.person_id) == (team.week.id, "channel", None)
    assert (step.due_at, step.void_at) == (at(4, 10), at(5, 10))
    over = (await steps(session, StepKind.CHECK_IN_OVER))[0]
    assert over.due_at == at(5, 10)
    assert len(StepKind.CHECK_IN_OVER) <= 16, "the column's length"


async def test_a_partner_without_joint_deals_is_asked_nothing(session):
    await make.small(session)
    await materialise(session, now=NOW, policy=POLICY)
    assert await steps(session) == await steps(session, StepKind.CHECK_IN_OVER) == []


async def test_a_deal_marked_or_taken_back_in_time_changes_the_plan(session, team):
    await materialise(session, now=NOW, policy=POLICY)
    assert await steps(session)
    await marks.take_back(session, team.pm, team.mark.id, now=NOW, policy=POLICY)
    await replan(session, now=NOW, policy=POLICY)
    assert await steps(session) == []
    await marks.mark(
        session, team.pm, team.deals["Deal 1"].id, team.acme.id, amount_shared=False, now=NOW, policy=POLICY
    )
    await replan(session, now=NOW, policy=POLICY)
    assert (await steps(session))[0].occurrence_id == team.week.id


async def test_a_first_deal_that_is_marked_in_the_review_is_asked_about_before_the_next_one_and_nothing_was_missed(
    session,
):
    team = await make.small(session)
    await make.joint_channel(session, team.acme)
    await run(session, at(5, 10, 5))
    await marks.mark(
        session, team.pm, team.deals["Deal 0"].id, team.acme.id, amount_shared=False, now=at(5, 10, 10), policy=POLICY
    )
    await run(session, at(5, 10, 11))
    assert [(step.due_at, step.state) for step in await steps(session)] == [(at(11, 10), "planned")]


@pytest.mark.parametrize(
    ("zone", "review", "due"),
    [
        ("Europe/London", (3, time(10)), at(4, 10)),
        ("America/New_York", (3, time(10)), at(4, 15)),
        ("Asia/Singapore", (3, time(10)), at(4, 2)),
        ("Europe/London", (0, time(10)), at(6, 10)),  # a Monday's review: Friday
    ],
)
async def test_it_goes_by_the_managers_own_clock(session, zone, review, due):
    pm = await make.person(session, "Pat Manager", "pm", zone=zone)
    acme = await make.partner(session, "Acme", pm)
    await make.review(session, acme, weekday=review[0], at=review[1])
    await make.joint(session, await make.deal(session, "One", acme, pm), acme)
    await materialise(session, now=NOW, policy=POLICY)
    assert due in [step.due_at for step in await steps(session)]


@pytest.mark.parametrize(
    ("review_on", "due"),
    [
        (date(2026, 3, 30), datetime(2026, 3, 27, 10, tzinfo=UTC)),  # clocks go forward on the Sunday between
        (date(2026, 3, 31), datetime(2026, 3, 30, 9, tzinfo=UTC)),  # 10:00 in summer time
        (date(2026, 10, 26), datetime(2026, 10, 23, 9, tzinfo=UTC)),  # and back
        (date(2026, 10, 27), datetime(2026, 10, 26, 10, tzinfo=UTC)),
        (date(2026, 4, 7), datetime(2026, 4, 2, 9, tzinfo=UTC)),  # Easter: Good Friday and Monday are none
        (date(2026, 12, 29), datetime(2026, 12, 24, 10, tzinfo=UTC)),  # Christmas and Boxing Day (Monday in lieu)
    ],
)
async def test_clocks_that_change_and_holidays_move_it_to_the_right_hour(session, review_on, due):
    policy = Policy(zone="Europe/London", holidays="GB-ENG")
    now = datetime.combine(review_on - timedelta(days=8), time(8), tzinfo=UTC)
    pm = await make.person(session, "Pat Manager", "pm", zone="Europe/London")
    acme = await make.partner(session, "Acme", pm)
    await make.review(session, acme, weekday=review_on.weekday(), now=now, policy=policy)
    await make.joint(session, await make.deal(session, "One", acme, pm), acme)
    await materialise(session, now=now, policy=policy)
    assert due in [step.due_at for step in await steps(session)]


async def test_the_managers_absence_moves_nothing_since_the_partner_reads_it(session, team):
    session.add(Absence(person_id=team.pm.id, first_day=date(2026, 2, 20), last_day=date(2026, 3, 10), recorded_at=NOW))
    await materialise(session, now=NOW, policy=POLICY)
    assert (await steps(session))[0].due_at == at(4, 10)
    await run(session, at(4, 10))
    assert len(await check_ins(session)) == 1


async def test_it_is_owed_once_however_often_time_comes_by(session, team):
    for now in (at(4, 9, 59), at(4, 10), at(4, 10), at(4, 10, 1), at(4, 18), at(5, 9)):
        await run(session, now)
    assert [row.key for row in await check_ins(session)] == [f"checkin:{team.week.id}"]
    assert (await steps(session))[0].state == "done"


async def test_after_a_bump_nobody_is_asked_a_second_time(session, team):
    await run(session, at(4, 10))
    await cadences.bump(session, team.week, day=date(2026, 3, 6), at=time(10), reason="travel", by=team.pm, now=at(4, 11),
                        policy=POLICY)  # fmt: skip
    await run(session, at(5, 10))
    await run(session, at(5, 12))
    assert [row.key for row in await check_ins(session)] == [f"checkin:{team.week.id}"]
    over = (await steps(session, StepKind.CHECK_IN_OVER))[0]
    assert (over.due_at, over.state) == (at(6, 10), "planned")


async def test_after_downtime_it_is_late_by_hours_but_not_by_a_review(session, team):
    await materialise(session, now=NOW, policy=POLICY)
    await run(session, at(4, 16))
    assert len(await check_ins(session)) == 1


async def test_late_in_the_evening_it_waits_for_the_morning_and_goes_out_before_the_review(session, team):
    await materialise(session, now=NOW, policy=POLICY)
    await run(session, at(4, 20))
    assert await check_ins(session) == []
    assert (await steps(session))[0].due_at == at(5, 8)
    await run(session, at(5, 8))
    assert len(await check_ins(session)) == 1


async def test_after_the_review_has_begun_it_is_late_and_recorded_as_such(session, team):
    await materialise(session, now=NOW, policy=POLICY)
    await run(session, at(5, 10, 1))
    assert await check_ins(session) == []
    assert (await steps(session))[0].state == "late"


async def test_a_review_that_was_skipped_is_checked_in_for_by_nobody(session, team):
    await materialise(session, now=NOW, policy=POLICY)
    team.week.state = "skipped"
    await run(session, at(4, 10))
    assert await check_ins(session) == []


async def test_when_the_last_joint_deal_was_closed_meanwhile_the_step_settles_as_nothing(session, team):
    await materialise(session, now=NOW, policy=POLICY)
    (await make.current(session, team.deals["Deal 0"])).category = "won"
    await session.flush()
    await tick(session, now=at(4, 10), policy=POLICY)  # the plan has not seen it yet
    assert await check_ins(session) == []
    assert (await steps(session))[0].state == "nothing"


async def test_when_the_review_begins_the_card_is_drawn_anew(session, team):
    await run(session, at(4, 10))
    card = (await session.scalars(select(Card).where(Card.kind == "checkin"))).one()
    wanted = card.wanted
    await run(session, at(5, 10))
    await session.refresh(card)
    assert card.wanted > wanted
    assert (await steps(session, StepKind.CHECK_IN_OVER))[0].state == "done"


async def test_planning_ends_the_mark_of_a_deal_that_left_its_partner(session, team):
    (await make.current(session, team.deals["Deal 0"])).partner_id = None
    for link in await session.scalars(select(DealPartner).where(DealPartner.deal_id == team.deals["Deal 0"].id)):
        link.valid_to = NOW
    await session.flush()
    await materialise(session, now=NOW, policy=POLICY)
    assert team.mark.ended_why == "unlinked"
    assert await steps(session) == []
