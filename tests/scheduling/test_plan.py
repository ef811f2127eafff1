"""What is owed around a meeting, and when: planned anew at will, and never touched once somebody acted on it."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import select

from models import cadences
from models.tables import Absence, Cadence, Occurrence, Step
from scheduling.plan import StepKind, _manager, materialise, replan
from tests import make
from tests.make import NOW, POLICY


def at(day, hour, minute=0):
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


@pytest.fixture
async def session(sqlite):
    async with sqlite.write() as session:
        yield session


async def plan(session, now=NOW, policy=POLICY):
    return await replan(session, now=now, policy=policy)


async def steps(session, week=None, kind=None):
    query = select(Step).order_by(Step.due_at, Step.id)
    if week is not None:
        query = query.where(Step.occurrence_id == week.id)
    if kind is not None:
        query = query.where(Step.kind == kind)
    return list(await session.scalars(query))


async def due(session, week, kind):
    return {row.recipient: row.due_at for row in await steps(session, week, kind)}


async def test_a_week_is_planned_hour_by_hour(session):
    team = await make.small(session)
    assert await materialise(session, now=NOW, policy=POLICY) > 0
    ann, bob, pm = (f"p{who.id}" for who in (team.ann, team.bob, team.pm))
    assert {kind: await due(session, team.week, kind) for kind in ("prompt", "nudge", "agenda", "close_request",
                                                                   "close_nudge", "expire")} == {
        "prompt": {ann: at(4, 10), bob: at(4, 10)},
        "nudge": {ann: at(5, 8), bob: at(5, 8)},
        "agenda": {"channel": at(5, 9, 50)},
        "close_request": {pm: at(5, 10, 30)},
        "close_nudge": {pm: at(6, 12)},
        "expire": {"channel": at(13, 15)},
    }  # fmt: skip
    friday = (await steps(session, kind=StepKind.CONSOLIDATE))[0]
    assert (friday.due_at, friday.void_at) == (at(6, 15), at(13, 15))
    void = {row.kind: row.void_at for row in await steps(session, team.week)}
    assert void == {
        "prompt": at(5, 10), "nudge": at(5, 10), "agenda": at(5, 10, 30), "close_request": at(13, 15),
        "close_nudge": at(6, 15), "expire": at(13, 15) + timedelta(days=3650),
    }  # fmt: skip


async def test_planning_again_changes_nothing(session):
    await make.small(session)
    await materialise(session, now=NOW, policy=POLICY)
    before = [(row.id, row.due_at) for row in await steps(session)]
    for later in (0, 1, 120):
        assert await plan(session, NOW + timedelta(minutes=later)) == 0
    assert [(row.id, row.due_at) for row in await steps(session)] == before


async def test_the_prompt_is_on_the_readers_own_last_working_day_and_hour(session):
    team = await make.small(session)
    team.ann.zone, team.bob.zone = "Pacific/Auckland", "Pacific/Honolulu"
    await plan(session)
    assert await due(session, team.week, "prompt") == {
        f"p{team.ann.id}": at(3, 21),  # Wednesday 10:00 in Auckland; the review is on Thursday there too, 23:00
        f"p{team.bob.id}": at(4, 20),  # Wednesday 10:00 in Honolulu; the review is on Thursday there, at midnight
    }


async def test_absence_and_holiday_move_the_prompt_before_them(session):
    team = await make.small(session)
    session.add(Absence(person_id=team.ann.id, first_day=date(2026, 3, 4), last_day=date(2026, 3, 5), recorded_at=NOW))
    await plan(session)
    assert (await due(session, team.week, "prompt"))[f"p{team.ann.id}"] == at(3, 10)


async def test_a_deal_that_changes_hands_moves_its_prompt_and_a_done_step_stays(session):
    team = await make.small(session, deals=1)
    await plan(session)
    (await make.current(session, team.deals["Deal 0"])).owner_id = team.bob.id
    assert await plan(session) == 4
    assert set(await due(session, team.week, "prompt")) == {f"p{team.bob.id}"}
    (row,) = await steps(session, team.week, "prompt")
    row.state, row.settled_at = "done", at(4, 10)
    (await make.current(session, team.deals["Deal 0"])).owner_id = team.ann.id
    await plan(session)
    assert set(await due(session, team.week, "prompt")) == {f"p{team.ann.id}", f"p{team.bob.id}"}


@pytest.mark.parametrize("settle", ["close", "skip"])
async def test_what_is_settled_owes_nothing_more(session, settle):
    team = await make.small(session)
    await plan(session)
    if settle == "skip":
        await cadences.skip(session, team.week, side=cadences.Side.OURS, reason="ill", by=team.pm, now=NOW)
    else:
        team.week.state, team.week.closed_at = "held", NOW
    await plan(session)
    assert await steps(session, team.week) == []


async def test_no_deals_mean_no_prompts_and_still_an_agenda(session):
    team = await make.small(session, deals=0)
    await plan(session)
    assert {row.kind for row in await steps(session, team.week)} == {"agenda", "close_request", "close_nudge", "expire"}


async def test_a_bump_moves_what_is_still_planned_and_never_what_is_done(session):
    team = await make.small(session)
    await plan(session)
    for row in await steps(session, team.week, "prompt"):
        row.state, row.settled_at = "done", at(4, 10)
    await cadences.bump(session, team.week, day=date(2026, 3, 6), at=time(14), reason="ill", by=team.pm, now=at(4, 12),
                        policy=POLICY)  # fmt: skip
    await plan(session, at(4, 12))
    assert [(row.state, row.due_at) for row in await steps(session, team.week, "prompt")] == [("done", at(4, 10))] * 2
    assert await due(session, team.week, "agenda") == {"channel": at(6, 13, 50)}
    assert (await due(session, team.week, "nudge"))[f"p{team.ann.id}"] == at(6, 8)


async def test_the_nudge_is_never_under_three_hours_after_the_prompt_was_sent(session):
    team = await make.small(session)
    await cadences.bump(
        session, team.week, day=date(2026, 3, 5), at=time(17), reason="x", by=team.pm, now=NOW, policy=POLICY
    )
    await plan(session)
    for row in await steps(session, team.week, "prompt"):
        row.state, row.settled_at = "done", at(5, 9)  # the bot was off until nine
    await plan(session, at(5, 9, 1))
    assert set((await due(session, team.week, "nudge")).values()) == {at(5, 12)}


async def test_a_reader_in_several_reviews_is_nudged_once_before_the_first(session):
    team = await make.small(session)
    second = await make.partner(session, "Second", team.pm)
    later = await make.review(session, second, at=time(14))
    await make.deal(session, "S", second, team.ann)
    await plan(session)
    other = await make.occurrence(session, later)
    ann = f"p{team.ann.id}"
    assert (await due(session, team.week, "nudge"))[ann] == (await due(session, other, "nudge"))[ann] == at(5, 8)


async def test_the_closing_request_comes_after_the_managers_last_review_of_the_day(session):
    team = await make.small(session)
    later = await make.review(session, await make.partner(session, "Second", team.pm), at=time(14))
    await plan(session)
    pm = f"p{team.pm.id}"
    for week in (team.week, await make.occurrence(session, later)):
        assert await due(session, week, "close_request") == {pm: at(5, 14, 30)}


async def test_the_friday_note_waits_for_the_weeks_last_review(session):
    team = await make.small(session)
    await cadences.bump(
        session, team.week, day=date(2026, 3, 6), at=time(16), reason="x", by=team.pm, now=NOW, policy=POLICY
    )
    await plan(session)
    assert [row.due_at for row in await steps(session, kind=StepKind.CONSOLIDATE)][:1] == [at(6, 16, 30)]


async def test_on_a_friday_holiday_note_and_nudge_move_to_the_day_before(session):
    closed = POLICY.model_copy(update={"closed_days": (date(2026, 3, 6),)})
    team = await make.small(session, policy=closed)
    await plan(session, policy=closed)
    assert [row.due_at for row in await steps(session, kind=StepKind.CONSOLIDATE)][:1] == [at(5, 15)]
    assert set((await due(session, team.week, "close_nudge")).values()) == {at(5, 12)}


async def test_a_published_friday_note_is_not_owed_again(session):
    await make.small(session)
    await plan(session)
    friday = await session.get(Occurrence, (await steps(session, kind=StepKind.CONSOLIDATE))[0].occurrence_id)
    friday.published_at = at(6, 15)
    await plan(session, at(6, 16))
    assert friday.id not in {row.occurrence_id for row in await steps(session, kind=StepKind.CONSOLIDATE)}


async def test_what_was_over_before_the_review_was_set_up_is_not_owed(session):
    pm, ann = await make.person(session, "Pat", "pm"), await make.person(session, "Ann", "ae")
    acme = await make.partner(session, "Acme", pm)
    await make.deal(session, "D", acme, ann)
    created = at(5, 9, 55)  # five minutes before the hour: no agenda any more, prompts and nudges still
    cadence = await make.review(session, acme, now=created)
    week = await make.occurrence(session, cadence)
    await plan(session, created)
    assert {row.kind: row.due_at for row in await steps(session, week)}["agenda"] == at(5, 9, 50)
    late = await make.review(session, await make.partner(session, "Late", pm), at=time(9, 30), now=at(5, 9, 20))
    await plan(session, at(5, 9, 21))
    assert (await make.occurrence(session, late)).starts_at == at(5, 9, 30)


async def test_what_the_tick_put_off_to_working_hours_is_not_moved_back(session):
    team = await make.small(session)
    await plan(session, at(5, 20))
    row = (await steps(session, team.week, "close_request"))[0]
    row.due_at = at(6, 8)
    assert await plan(session, at(5, 20)) == 0
    assert row.due_at == at(6, 8)


async def test_what_is_long_past_or_far_ahead_is_left_alone(session):
    team = await make.small(session)
    await plan(session, NOW)
    slots = {(await session.get(Occurrence, row.occurrence_id)).slot for row in await steps(session)}
    assert slots == {"2026-W10"}
    await plan(session, NOW + timedelta(days=30))
    slots = {(await session.get(Occurrence, row.occurrence_id)).slot for row in await steps(session)}
    assert team.week.slot in slots
    assert {"2026-W13", "2026-W14"} <= slots


async def test_pausing_after_the_prompt_skips_the_week_and_owes_nothing_more(session):
    team = await make.small(session)
    await plan(session)
    team.week.state = "prompted"
    await cadences.pause(session, team.cadence, reason="x", by=team.pm, now=at(4, 11))
    await plan(session, at(4, 11))
    assert team.week.state == "skipped"
    assert await steps(session, team.week) == []


async def test_a_cadence_without_a_manager_owes_no_closing(session):
    team = await make.small(session)
    team.cadence.pm_id = None
    await session.flush()
    await plan(session)
    assert {row.kind for row in await steps(session, team.week)} == {"prompt", "nudge", "agenda"}
    assert (await session.get_one(Cadence, team.cadence.id)).pm_id is None


async def test_who_does_not_work_for_a_year_is_not_asked_and_closes_nothing(session):
    team = await make.small(session, deals=1)
    team.ann.active = False  # an orphan is the partner manager's, who is away
    session.add(Absence(person_id=team.pm.id, first_day=date(2025, 1, 1), last_day=date(2028, 1, 1), recorded_at=NOW))
    await session.flush()
    await plan(session)
    assert {row.kind for row in await steps(session, team.week)} == {"agenda", "expire"}


def test_a_review_without_a_manager_is_a_mistake_of_ours_where_one_is_needed():
    with pytest.raises(LookupError, match="cadence 7 has no partner manager"):
        _manager(make.a_cadence(7, pm_id=None))


async def test_a_review_just_inside_the_horizon_waits_for_its_friday_to_come_into_view(session):
    team = await make.small(session)
    edge = await make.occurrence(session, team.cadence, "2026-W11")
    await plan(session, at(2, 12))
    assert {row.kind for row in await steps(session, edge)} >= {"prompt", "agenda", "close_request", "expire"}
    assert await steps(session, edge, "close_nudge") == []
    await plan(session, at(3, 16))
    assert len(await steps(session, edge, "close_nudge")) == 1
