"""Cadences: slots that never fire twice, rules that change only the untouched future, managers who are never in two places."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import func, select

from models import cadences
from models.cadences import Kind, Side
from models.domain.errors import FieldErrors, UserError
from models.domain.policy import Policy
from models.tables import Answer, Cadence, Change, Occurrence, Partner, Step
from tests import make
from tests.make import NOW, POLICY


@pytest.fixture
async def session(sqlite):
    async with sqlite.write() as session:
        yield session


async def rows_of(session, cadence):
    rows = await session.scalars(
        select(Occurrence).where(Occurrence.cadence_id == cadence.id).order_by(Occurrence.nominal_day)
    )
    return list(rows)


async def standing(session, kind):
    return list(await session.scalars(select(Cadence).where(Cadence.kind == kind)))


async def refused(awaited):
    with pytest.raises(FieldErrors) as found:
        await awaited
    return found.value.errors


async def test_setting_up_fills_the_calendar_to_the_end_of_the_quarter_the_horizon_reaches_and_never_doubles(session):
    team = await make.small(session)
    rows = await rows_of(session, team.cadence)
    assert [row.slot for row in rows] == [f"2026-W{week}" for week in range(10, 28)]  # 2026Q2 ends with Thursday 2 July
    for _ in range(2):
        assert await cadences.fill(session, now=NOW, policy=POLICY) == 0
    assert len(await rows_of(session, team.cadence)) == 18
    assert await cadences.fill(session, now=NOW + timedelta(weeks=12), policy=POLICY) == 0
    assert await cadences.fill(session, now=NOW + timedelta(weeks=13), policy=POLICY) == 13 * 3


async def test_the_hour_stays_local_over_the_clock_change(session):
    team = await make.small(session)
    starts = {row.slot: row.starts_at.hour for row in await rows_of(session, team.cadence)}
    assert (starts["2026-W13"], starts["2026-W14"]) == (10, 9)  # London springs forward on 29 March


async def test_after_downtime_the_missed_slots_are_made_too(session):
    team = await make.small(session)
    assert await cadences.fill(session, now=NOW + timedelta(weeks=20), policy=POLICY) == 39
    assert len(await rows_of(session, team.cadence)) == 31


async def test_a_meeting_set_up_after_its_own_hour_begins_next_week(session):
    pm = await make.person(session, "Pat", "pm")
    acme = await make.partner(session, "Acme", pm)
    thursday = datetime(2026, 3, 5, 15, tzinfo=UTC)
    cadence = await make.review(session, acme, now=thursday)
    assert (await rows_of(session, cadence))[0].slot == "2026-W11"


async def test_an_edited_rule_replaces_only_future_rows_that_nobody_has_touched(session):
    team = await make.small(session, deals=1)
    prompted, stepped, answered, moved, free, *_ = await rows_of(session, team.cadence)
    prompted.state = "prompted"
    session.add(Step(occurrence_id=stepped.id, kind="prompt", recipient="p1", due_at=NOW, void_at=NOW, state="done"))
    session.add(
        Answer(occurrence_id=answered.id, deal_id=team.deals["Deal 0"].id, by_id=team.ann.id, at=NOW, kind="form")
    )
    session.add(Step(occurrence_id=free.id, kind="agenda", recipient="channel", due_at=NOW, void_at=NOW))
    moved.moved_at = NOW
    await session.flush()
    again = await make.review(session, team.acme, weekday=1, at=time(14), by=team.pm)
    assert again.id == team.cadence.id
    rows = await rows_of(session, team.cadence)
    assert [row.slot for row in rows] == [f"2026-W{week}" for week in range(10, 28)]
    assert [(row.day.weekday(), row.starts_at.hour) for row in rows[:4]] == [(3, 10)] * 4
    assert (rows[4].day.weekday(), rows[4].starts_at.hour) == (1, 13)
    assert await session.scalar(select(func.count()).select_from(Step)) == 1
    trail = (await session.scalars(select(Change).where(Change.field == "rule"))).one()
    assert trail.before == "Thursday 10:00, 30 minutes, Europe/London"
    assert trail.after == "Tuesday 14:00, 30 minutes, Europe/London"


async def test_a_rule_edited_after_its_new_hour_begins_next_week_and_this_week_keeps_its_old_hour(session):
    team = await make.small(session)
    wednesday = NOW + timedelta(days=2)
    await make.review(session, team.acme, weekday=0, at=time(9), now=wednesday)
    found = {row.slot: row.day for row in await rows_of(session, team.cadence)}
    assert (found["2026-W10"], found["2026-W11"]) == (date(2026, 3, 5), date(2026, 3, 9))
    (others,) = await standing(session, Kind.OTHER_PARTNERS)
    assert [row.day for row in await rows_of(session, others)][:2] == [date(2026, 3, 5), date(2026, 3, 9)]


async def test_a_bump_keeps_the_slot_and_is_noted(session):
    team = await make.small(session)
    await bump(session, team, day=date(2026, 3, 6), at=time(9))
    week = team.week
    assert (week.slot, week.nominal_day, week.day) == ("2026-W10", date(2026, 3, 5), date(2026, 3, 6))
    assert week.starts_at == datetime(2026, 3, 6, 9, tzinfo=UTC)
    assert week.ends_at - week.starts_at == timedelta(minutes=30)
    assert (week.moved_by_id, week.moved_reason) == (team.pm.id, "ill")
    assert await cadences.fill(session, now=NOW, policy=POLICY) == 0


async def bump(session, team, *, day=date(2026, 3, 6), at=time(9), reason="ill", now=NOW, policy=POLICY, week=None):
    await cadences.bump(session, week or team.week, day=day, at=at, reason=reason, by=team.pm, now=now, policy=policy)


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"day": date(2026, 3, 12)}, {"day": "Choose a day in the same week, or skip this week's review."}),
        ({"day": date(2026, 3, 7)}, {"day": "That is not a working day."}),
        ({"day": date(2026, 3, 2), "at": time(8)}, {"at": "That time is over. Choose a later one."}),
        ({"at": time(7, 30)}, {"at": "Meetings are between 08:00 and 18:00 local time."}),
        ({"at": time(17, 45)}, {"at": "Meetings are between 08:00 and 18:00 local time."}),
        ({"at": time(23, 45)}, {"at": "Meetings are between 08:00 and 18:00 local time."}),
        ({"reason": " "}, {"reason": "Say why it moves: the reason stands in the note."}),
    ],
)
async def test_a_bump_to_where_no_meeting_can_be_is_refused_in_words(session, change, errors):
    team = await make.small(session)
    assert await refused(bump(session, team, **change)) == errors
    assert team.week.moved_at is None


async def test_a_bump_onto_a_holiday_or_another_review_is_refused(session):
    team = await make.small(session)
    team.pm.calendar = "GB-ENG"
    await make.review(session, await make.partner(session, "Second", team.pm), at=time(11))
    errors = await refused(bump(session, team, day=date(2026, 3, 5), at=time(11, 15)))
    assert errors == {"at": "This overlaps with the Second review at 11:00."}
    easter = (await rows_of(session, team.cadence))[4]
    assert easter.nominal_day == date(2026, 4, 2)
    assert await refused(bump(session, team, week=easter, day=date(2026, 4, 3))) == {
        "day": "That is not a working day."
    }


async def test_a_review_may_be_bumped_next_to_another_one(session):
    team = await make.small(session)
    await make.review(session, await make.partner(session, "Second", team.pm), at=time(11))
    await bump(session, team, day=date(2026, 3, 5), at=time(11, 30))


async def test_what_is_settled_is_not_bumped_or_skipped_any_more(session):
    team = await make.small(session)
    await skip(session, team)
    for change in (bump(session, team), skip(session, team)):
        with pytest.raises(UserError, match="already skipped; it cannot be changed any more"):
            await change


async def skip(session, team, side=Side.OURS, reason="ill"):
    await cadences.skip(session, team.week, side=side, reason=reason, by=team.pm, now=NOW)


@pytest.mark.parametrize(
    ("side", "state"), [(Side.OURS, "skipped"), (Side.PARTNER, "no_meeting"), (Side.HOLIDAY, "no_meeting")]
)
async def test_a_skip_says_whose_side_it_was_and_why(session, side, state):
    team = await make.small(session)
    assert "reason" in await refused(skip(session, team, reason=""))
    await skip(session, team, side)
    assert (team.week.state, team.week.skip_side, team.week.skip_reason) == (state, side, "ill")
    assert (team.week.closed_at, team.week.closed_by_id) == (NOW, team.pm.id)


async def test_a_pause_stops_the_series_and_setting_up_again_resumes_it(session):
    team = await make.small(session)
    team.week.state = "prompted"
    assert "reason" in await refused(cadences.pause(session, team.cadence, reason="", by=team.pm, now=NOW))
    await cadences.pause(session, team.cadence, reason="summer", by=team.pm, now=NOW)
    assert [row.slot for row in await rows_of(session, team.cadence)] == ["2026-W10"]
    await cadences.fill(session, now=NOW + timedelta(days=7), policy=POLICY)
    assert len(await rows_of(session, team.cadence)) == 1
    again = await make.review(session, team.acme, by=team.pm, now=NOW + timedelta(days=7))
    assert (again.id, again.state) == (team.cadence.id, "active")
    assert [row.slot for row in await rows_of(session, again)][:2] == ["2026-W10", "2026-W11"]


async def test_weeks_that_passed_while_paused_are_not_made_up_for(session):
    team = await make.small(session)
    await cadences.pause(session, team.cadence, reason="summer", by=team.pm, now=NOW)
    later = NOW + timedelta(weeks=6)
    await make.review(session, team.acme, by=team.pm, now=later)
    slots = [row.slot for row in await rows_of(session, team.cadence)]
    assert slots[0] == "2026-W16"


async def test_a_holiday_moves_the_review_to_the_day_before_and_keeps_its_slot(session):
    pm = await make.person(session, "Pat", "pm", calendar="US")
    acme = await make.partner(session, "Acme", pm)
    cadence = await make.review(session, acme, now=datetime(2026, 11, 20, 8, tzinfo=UTC))
    thanksgiving = next(row for row in await rows_of(session, cadence) if row.slot == "2026-W48")
    assert thanksgiving.nominal_day == date(2026, 11, 26)
    assert (thanksgiving.day, thanksgiving.state) == (date(2026, 11, 25), "planned")


async def test_a_week_without_any_working_day_has_no_meeting_and_says_why(session):
    closed = tuple(date(2026, 3, 9) + timedelta(days=number) for number in range(5))
    pm = await make.person(session, "Pat", "pm")
    policy = POLICY.model_copy(update={"closed_days": closed})
    cadence = await make.review(session, await make.partner(session, "Acme", pm), policy=policy)
    week = (await rows_of(session, cadence))[1]
    assert (week.slot, week.state, week.skip_side, week.skip_reason) == (
        "2026-W11",
        "no_meeting",
        "holiday",
        "a closed day",
    )


async def test_a_partner_without_a_manager_cannot_have_a_review(session):
    acme = await make.partner(session)
    assert await refused(make.review(session, acme)) == {
        "partner": "Acme has no partner manager yet. Name one in `/cadence start`, under Partners."
    }


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"weekday": 5}, {"weekday": "Meetings are on working days. Choose Monday to Friday."}),
        ({"at": time(7, 45)}, {"at": "Meetings are between 08:00 and 18:00 local time."}),
        ({"at": time(17, 45)}, {"at": "Meetings are between 08:00 and 18:00 local time."}),
        ({"at": time(23, 50)}, {"at": "Meetings are between 08:00 and 18:00 local time."}),
    ],
)
async def test_a_meeting_outside_working_hours_is_refused(session, change, errors):
    acme = await make.partner(session, "Acme", await make.person(session, "Pat", "pm"))
    assert await refused(make.review(session, acme, **change)) == errors


async def test_the_last_half_hour_of_the_day_is_still_within_working_hours(session):
    acme = await make.partner(session, "Acme", await make.person(session, "Pat", "pm"))
    await make.review(session, acme, at=time(17, 30))


async def test_meetings_of_a_manager_never_overlap_and_free_slots_are_offered(session):
    team = await make.small(session)
    second = await make.partner(session, "Second", team.pm)
    assert await refused(make.review(session, second, at=time(10, 15))) == {
        "at": "This overlaps with the Acme review at 10:00. Free on Thursday: 10:30, 11:00, 11:30, 12:00."
    }
    await make.review(session, second, at=time(10, 30))
    await make.review(session, second, at=time(10, 30))  # saving the same hour again is no clash with itself


async def test_free_slots_begin_at_the_default_hour_and_then_earlier(session):
    team = await make.small(session)
    trial = make.a_cadence(pm_id=team.pm.id, minutes=60)
    late = POLICY.model_copy(update={"review_at": time(16)})
    free = await cadences.free_slots(session, trial, except_id=None, now=NOW, policy=late)
    assert [f"{at:%H:%M}" for at in free] == ["16:00", "16:30", "17:00", "08:00"]


async def test_a_full_day_says_so(session):
    pm = await make.person(session, "Pat", "pm")
    short = POLICY.model_copy(update={"work_start": time(10), "work_end": time(11)})
    for number, at in enumerate((time(10), time(10, 30))):
        await make.review(session, await make.partner(session, f"P{number}", pm), at=at, policy=short)
    errors = await refused(make.review(session, await make.partner(session, "Third", pm), policy=short))
    assert errors == {"at": "This overlaps with the P0 review at 10:00. That day is full; choose another one."}


async def test_a_manager_who_moved_zones_is_still_never_in_two_places(session):
    """Acme's review is kept at 10:00 in London; from New York 06:00 would be the same instant, out of working hours,
    but in the weeks between the two clock changes 15:00 London is 11:00 and not 10:00 New York."""
    team = await make.small(session)
    late = await make.review(session, await make.partner(session, "Late", team.pm), at=time(15))
    team.pm.zone = "America/New_York"
    second = await make.partner(session, "Second", team.pm)
    for at in (time(10), time(11)):  # 15:00 London before and after 8 March
        errors = await refused(make.review(session, second, at=at))
        assert errors["at"].startswith("This overlaps with the Late review at 15:00. Free on Thursday: ")
    assert late.zone == "Europe/London"
    await make.review(session, second, at=time(12))


async def test_what_a_bump_takes_is_taken_for_a_new_review_too(session):
    team = await make.small(session)
    await bump(session, team, day=date(2026, 3, 6), at=time(14))
    second = await make.partner(session, "Second", team.pm)
    errors = await refused(make.review(session, second, weekday=4, at=time(14)))
    assert errors["at"].startswith("This overlaps with the Acme review moved to 14:00. Free on Friday: ")


async def test_the_standing_cadences_follow_from_the_first_review_on(session):
    await cadences.ensure_standing(session, now=NOW, policy=POLICY)
    assert await standing(session, Kind.FRIDAY_NOTE) == []
    team = await make.small(session)
    (friday,) = await standing(session, Kind.FRIDAY_NOTE)
    (others,) = await standing(session, Kind.OTHER_PARTNERS)
    assert (friday.rule["weekday"], friday.at, friday.zone) == (4, time(15), "Europe/London")
    assert (others.pm_id, others.rule["weekday"], others.at) == (team.pm.id, 3, time(10))
    await make.review(session, await make.partner(session, "Second", team.pm), weekday=1, at=time(9))
    assert (others.rule["weekday"], others.at) == (1, time(9))
    assert {row.day.weekday() for row in await rows_of(session, others)} == {1}
    assert len(await standing(session, Kind.OTHER_PARTNERS)) == 1


async def test_a_manager_without_a_review_is_asked_at_the_default_hour(session):
    team = await make.small(session)
    other = await make.person(session, "Zoe", "pm", zone="America/New_York")
    await make.partner(session, "Theirs", other, tier=2)
    await cadences.ensure_standing(session, now=NOW, policy=POLICY)
    found = {row.pm_id: row for row in await standing(session, Kind.OTHER_PARTNERS)}
    assert set(found) == {team.pm.id, other.id}
    assert (found[other.id].rule["weekday"], found[other.id].at, found[other.id].zone) == (
        3,
        time(10),
        "America/New_York",
    )


async def test_the_friday_note_keeps_its_friday_on_a_holiday(session):
    await make.small(session)
    (friday,) = await standing(session, Kind.FRIDAY_NOTE)
    policy = POLICY.model_copy(update={"holidays": "GB-ENG"})
    await cadences.fill(session, now=NOW + timedelta(weeks=2), policy=policy)
    good_friday = next(row for row in await rows_of(session, friday) if row.slot == "2026-W14")
    assert good_friday.day == date(2026, 4, 3)


async def test_a_review_follows_its_partner_to_a_new_manager(session):
    team = await make.small(session)
    zoe = await make.person(session, "Zoe", "pm")
    team.acme.pm_id = zoe.id
    await cadences.ensure_standing(session, now=NOW, policy=POLICY)
    assert team.cadence.pm_id == zoe.id


@pytest.mark.parametrize(("count", "ceiling"), [(6, 6), (0, 6), (3, 3)])
def test_up_to_the_ceiling_nothing_is_said(count, ceiling):
    assert cadences.ceiling_breach(count, Policy(tier1_ceiling=ceiling)) == ""


async def test_one_tier_1_partner_more_than_the_ceiling_is_named(session):
    pm = await make.person(session, "Pat", "pm")
    for number in range(7):
        await make.partner(session, f"P{number}", pm)
    await make.partner(session, "Two", pm, tier=2)
    await make.partner(session, "Nobody's")
    counts = await cadences.tier1_counts(session)
    assert counts == {pm.id: 7}
    assert cadences.ceiling_breach(counts[pm.id], POLICY) == (
        "7 Tier 1 partners for one partner manager; the ceiling is 6. "
        "More than that and nobody gets weekly attention: move the rest to Tier 2."
    )


async def test_what_comes_is_in_order_and_of_these_managers(session):
    team = await make.small(session)
    zoe = await make.person(session, "Zoe", "pm")
    await make.review(session, await make.partner(session, "Early", zoe), weekday=1)
    until = NOW + timedelta(days=7)
    found = await cadences.coming(session, now=NOW, until=until)
    assert [item.partner.name for item in found] == ["Early", "Acme"]
    found = await cadences.coming(session, now=NOW, until=until, pm_ids=[team.pm.id])
    assert [item.partner.name for item in found] == ["Acme"]


async def test_a_review_that_does_not_exist_is_said_so(session):
    with pytest.raises(UserError, match="This review does not exist any more"):
        await cadences.lock_occurrence(session, 99)


async def test_two_replicas_that_fill_at_once_make_every_slot_once(db):
    async with db.write() as session:
        pm = await make.person(session, "Pat", "pm")
        await make.review(session, await make.partner(session, "Acme", pm))
    async with db.write() as session:
        await cadences.fill(session, now=NOW + timedelta(days=7), policy=POLICY)
    async with db.read() as session:
        partners = (await session.scalars(select(Partner.id))).all()
        doubled = select(func.count()).select_from(Occurrence).group_by(Occurrence.cadence_id, Occurrence.slot)
        assert set(await session.scalars(doubled)) == {1}
    assert len(partners) == 1
