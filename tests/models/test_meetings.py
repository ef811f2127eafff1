"""The rows of the quarter's table: off until turned on, changed without anything firing twice or being lost."""

from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from models import cadences, meetings
from models.cadences import Kind, Side
from models.domain.errors import UserError
from models.domain.meetings import BUILT_IN, Clock, Per, Spec
from models.domain.rules import NthWeekdayRule, QuarterRule, QuarterWeekRule, Spread, WeeklyRule
from models.tables import (
    Answer,
    Base,
    Cadence,
    Card,
    CardOccurrence,
    Change,
    MeetingKind,
    Minutes,
    Occurrence,
    Step,
)
from tests import make, table
from tests.make import NOW, POLICY
from tests.table import at, days


@pytest.fixture
async def session(sqlite):
    async with sqlite.write() as session:
        yield session


async def cadences_of(session, key):
    rows = await session.scalars(select(Cadence).where(Cadence.kind == key).order_by(Cadence.id))
    return list(rows)


async def test_the_rows_that_come_with_the_code_are_installed_once_off_and_in_their_order(db):
    async with db.write() as session:
        first = await meetings.install(session, now=NOW)
        assert [row.key for row in first] == [spec.key for spec in BUILT_IN]
        assert not any(row.enabled for row in first)
    async with db.write() as session:
        await meetings.install(session, now=NOW + days(1))
        await table.plan(session)
        rows = await meetings.rows(session)
        assert [meetings.spec_of(row) for row in rows] == list(BUILT_IN), "stored and read back as it was"
        assert {row.changed_at for row in rows} == {NOW}
        assert await session.scalar(select(func.count()).select_from(Cadence)) == 0, "all of it is off"


async def test_a_row_that_a_newer_version_brings_is_added_and_what_was_changed_stays(session):
    await meetings.install(session, now=NOW)
    await meetings.save(session, table.SPECS["team_call"].model_copy(update={"at": time(11)}), by=None, now=NOW,
                        policy=POLICY)  # fmt: skip
    await session.delete(await table.row(session, "mbr"))
    await session.flush()
    await meetings.install(session, now=NOW + days(1))
    again = await table.row(session, "mbr")
    assert (again.enabled, again.built_in, again.changed_at) == (False, True, NOW + days(1))
    assert (await table.row(session, "team_call")).at == time(11)
    assert len(await meetings.rows(session)) == len(BUILT_IN)


async def test_a_row_turned_on_makes_one_cadence_for_the_company_each_tier_1_partner_or_each_other(db):
    async with db.write() as session:
        _, (pm, *_), (acme, beta, other) = await table.company(session, 2, 1)
        alone = await make.partner(session, "Nobody's")
        pm.zone = "America/New_York"
        head = await make.person(session, "Hedda Lead", "head")
        await table.turn(session, "team_call", "pbr", "pulse", by=head)
        (call,) = await cadences_of(session, "team_call")
        assert (call.partner_id, call.pm_id, call.zone, call.created_by_id) == (None, None, "Europe/London", head.id)
        pbrs = await cadences_of(session, "pbr")
        assert [(row.partner_id, row.pm_id, row.zone) for row in pbrs] == [
            (acme.id, pm.id, "America/New_York"), (beta.id, pm.id, "America/New_York"),
        ]  # fmt: skip
        assert [row.partner_id for row in await cadences_of(session, "pulse")] == [other.id]
        assert alone.id not in {row.partner_id for row in await session.scalars(select(Cadence))}
        assert await cadences_of(session, "mbr") == []
        noted = (await session.scalars(select(Change).where(Change.field == "enabled", Change.by_id == head.id))).all()
        assert len(noted) == 3
        assert await meetings.number_enabled(session) == 3
        await table.turn(session, "team_call", "pbr", "pulse")
        assert len(await cadences_of(session, "pbr")) == 2, "on is on already"


async def test_off_drops_what_nobody_was_asked_about_and_keeps_what_was_asked(session):
    await table.company(session)
    await table.turn(session, "team_call")
    call = await table.series(session, "team_call")
    first, second, third, *_ = (await table.held(session, call)).values()
    session.add(Step(occurrence_id=first.id, kind="agenda", recipient="x", due_at=NOW, void_at=NOW, state="done"))
    second.moved_at = NOW
    await cadences.skip(session, third, side=Side.OURS, reason="summer", by=await make.person(session), now=NOW)
    await table.turn(session, "team_call", on=False)
    assert call.state == cadences.OFF
    assert list((await table.held(session, call)).values()) == [first, second, third]
    await table.plan(session, now=NOW + days(30))
    assert len(await table.held(session, call)) == 3, "what is off is not planned"


async def test_on_again_does_not_make_up_for_the_weeks_it_was_off(session):
    await table.company(session)
    await table.turn(session, "team_call", "pbr")
    call = await table.series(session, "team_call")
    await table.turn(session, "team_call", "pbr", on=False)
    await table.plan(session, now=at(30, 8))
    later = at(2, 12, month=4)  # a Thursday
    await table.turn(session, "team_call", "pbr", now=later)
    assert (await table.series(session, "team_call")).id == call.id
    found = await table.held(session, call)
    assert next(iter(found)) == "2026-W15"
    assert all(row.starts_at > later for row in found.values())
    for pbr in await cadences_of(session, "pbr"):
        assert [slot for slot in await table.held(session, pbr) if slot < "2026-04"] == []
        assert "2026-04" in await table.held(session, pbr)


async def test_a_row_turned_on_after_its_own_hour_begins_with_the_next_one(session):
    await table.company(session)
    await table.turn(session, "team_call", now=at(2, 9, 30))
    assert next(iter(await table.held(session, await table.series(session, "team_call")))) == "2026-W11"


async def test_a_change_moves_what_is_ahead_and_untouched_and_what_was_asked_for_keeps_its_hour(db):
    async with db.write() as session:
        await table.company(session)
        await table.turn(session, "team_call")
        call = await table.series(session, "team_call")
        before = await table.held(session, call)
        asked, moved = before["2026-W10"], before["2026-W12"]
        session.add(Step(occurrence_id=asked.id, kind="agenda", recipient="x", due_at=NOW, void_at=NOW, state="late"))
        moved.moved_at, moved.starts_at, moved.ends_at = NOW, moved.starts_at + days(1), moved.ends_at + days(1)
        kept = {row.slot: (row.starts_at, row.ends_at) for row in (asked, moved)}
        spec = table.SPECS["team_call"].model_copy(
            update={"rule": WeeklyRule(weekday=2), "at": time(11), "minutes": 45}
        )
        await table.save(session, spec)
        after = await table.held(session, call)
        assert list(after) == list(before)
        assert {slot: (after[slot].starts_at, after[slot].ends_at) for slot in kept} == kept
        fresh = after["2026-W13"]
        assert (fresh.starts_at, fresh.ends_at) == (at(25, 11), at(25, 11, 45))
        (noted,) = await session.scalars(select(Change).where(Change.field == "spec"))
        assert (noted.before["at"], noted.after["at"]) == ("09:30:00", "11:00:00")


async def test_the_same_row_saved_again_changes_nothing(session):
    await table.company(session)
    await table.turn(session, "team_call")
    before = {row.id for row in await session.scalars(select(Occurrence))}
    await table.save(session, table.SPECS["team_call"])
    assert {row.id for row in await session.scalars(select(Occurrence))} == before
    assert list(await session.scalars(select(Change).where(Change.field == "spec"))) == []


async def test_a_skipped_meeting_further_ahead_does_not_swallow_the_weeks_before_it_when_the_row_changes(session):
    await table.company(session)
    await table.turn(session, "team_call")
    call = await table.series(session, "team_call")
    before = await table.held(session, call)
    await cadences.skip(
        session, before["2026-W13"], side=Side.OURS, reason="ill", by=await make.person(session), now=NOW
    )
    await table.save(session, table.SPECS["team_call"].model_copy(update={"at": time(11)}))
    after = await table.held(session, call)
    assert list(after) == list(before)
    assert after["2026-W11"].starts_at == at(9, 11)


async def test_a_review_whose_hour_changes_keeps_the_weeks_before_one_that_was_moved(session):
    team = await make.small(session)
    before = await table.held(session, team.cadence)
    await cadences.bump(session, before["2026-W13"], day=date(2026, 3, 27), at=time(10), reason="ill", by=team.pm, now=NOW,
                        policy=POLICY)  # fmt: skip
    await make.review(session, team.acme, at=time(14), by=team.pm)
    assert list(await table.held(session, team.cadence)) == list(before)


async def test_a_week_named_after_it_was_over_is_not_made_up_for(session):
    """Week 9 begins on 2 March: on that Thursday the MBR of week 8 is changed to weeks 7, 8 and 12."""
    await table.company(session)
    await table.turn(session, "mbr", now=at(2, 8, month=2))
    spec = table.SPECS["mbr"]
    await table.plan(session, now=at(5, 12))
    changed = spec.model_copy(update={"rule": QuarterWeekRule(weeks=(7, 8, 12), weekday=1)})
    await table.save(session, changed, now=at(5, 12))
    found = await table.held(session, await table.series(session, "mbr"))
    assert [slot for slot in found if slot.startswith("2026Q1")] == ["2026Q1-w08", "2026Q1-w12"]


async def test_a_monthly_meeting_changed_to_a_day_that_is_over_keeps_this_months_old_one(session):
    await table.company(session)
    last = table.own(rule=NthWeekdayRule(weekday=4, nth=-1))
    await table.save(session, last)
    series = await table.series(session, "enablement")
    assert (await table.held(session, series))["2026-03"].day == date(2026, 3, 27)
    await table.save(session, last.model_copy(update={"rule": NthWeekdayRule(weekday=4, nth=1)}), now=at(20, 12))
    found = await table.held(session, series)
    assert (found["2026-03"].day, found["2026-04"].day) == (date(2026, 3, 27), date(2026, 4, 3))


SPREAD = st.sampled_from([None, Spread(days=2, per_day=3)])
RULES = st.one_of(
    st.builds(WeeklyRule, weekday=st.integers(0, 4)),
    st.builds(NthWeekdayRule, weekday=st.integers(0, 4), nth=st.sampled_from([1, 2, 3, -1])),
    st.builds(QuarterWeekRule, weeks=st.just((1, 5, 9)), weekday=st.integers(0, 4), spread=SPREAD),
)


@table.examples(25)
@given(
    rule=RULES,
    change=st.tuples(st.integers(0, 4), st.times(time(8), time(16)), st.sampled_from([15, 30, 90])),
    moment=st.integers(0, 60 * 24 * 80),
    touched=st.sets(st.integers(0, 12), max_size=4),
    per=st.sampled_from([Per.COMPANY, Per.TIER1]),
)
async def test_whenever_a_row_changes_every_slot_of_the_quarter_stands_once_before_and_after(
    sqlite, rule, change, moment, touched, per
):
    weekday, hour, minutes = change
    async with sqlite.read() as session:
        await table.company(session, 3)
        start, now = at(2, month=1), at(2, month=1) + timedelta(minutes=moment)
        spec = table.own(rule=rule, per=per, lead="head", people=("head", "pm"), channel="")
        await table.save(session, spec, now=start)
        for day in range(0, (now - start).days, 7):
            await table.plan(session, now=start + days(day))
        await table.plan(session, now=now)
        before = {series.id: await table.held(session, series) for series in await cadences_of(session, "enablement")}
        kept = {}
        for rows in before.values():
            for place, (slot, found) in enumerate(rows.items()):
                if place in touched and found.starts_at > now:
                    found.state = "prompted"
                if found.starts_at <= now or found.state == "prompted":
                    kept[found.cadence_id, slot] = (found.starts_at, found.ends_at)
        changed = rule.model_copy(update={"weekday": weekday})
        await table.save(
            session, spec.model_copy(update={"rule": changed, "at": hour.replace(second=0, microsecond=0), "minutes": minutes}),
            now=now,
        )  # fmt: skip
        assert len(before) == (1 if per == Per.COMPANY else 3)
        for series_id, rows in before.items():
            after = await table.held(session, await session.get_one(Cadence, series_id))
            # At the far end a slot may begin to be planned, or not yet; the first week's hour may lie ahead once more.
            until = min(max(after), max(rows))
            planned = [sorted(slot for slot in found if min(rows) <= slot <= until) for found in (rows, after)]
            assert planned[0] == planned[1], "nothing twice, nothing lost"
            own = {slot: value for (of, slot), value in kept.items() if of == series_id}
            assert {slot: (after[slot].starts_at, after[slot].ends_at) for slot in own} == own
            fresh = [row for slot, row in after.items() if slot not in own]
            assert all(row.starts_at > now for row in fresh), "nothing is moved into the past"


async def test_a_partner_that_rises_to_tier_1_leaves_the_pulses_and_meets_from_next_week_on_and_back(session):
    _, _, (_, beta) = await table.company(session, 1, 1)
    await table.turn(session, "pbr", "pulse", "forecast_one_on_one")
    beta.tier = 1
    friday = at(6, 12)
    await table.plan(session, now=friday)
    assert (await table.series(session, "pulse", beta)).state == "active", "a change of tier starts next week"
    assert len(await cadences_of(session, "pbr")) == 1
    monday = at(9, 8)
    await table.plan(session, now=monday)
    pulse = await table.series(session, "pulse", beta)
    assert (pulse.state, list(await table.held(session, pulse))) == (cadences.OFF, ["2026Q1"]), "it was asked about"
    pbr = await table.series(session, "pbr", beta)
    assert list(await table.held(session, pbr)) == ["2026-03", "2026-04", "2026-05", "2026-06", "2026-07"]
    beta.tier = 3
    await table.plan(session, now=at(10, 8))
    assert pbr.state == "active"
    await table.plan(session, now=at(16, 8))
    assert (pbr.state, list(await table.held(session, pbr)), pulse.state) == (cadences.OFF, ["2026-03"], "active")
    assert list(await table.held(session, pulse)) == ["2026Q1", "2026Q2"], (
        "not asked twice in the quarter it was away in"
    )


async def test_a_new_manager_takes_the_meetings_over_in_their_zone_and_nothing_is_doubled(session):
    _, _, (acme,) = await table.company(session, 1)
    await table.turn(session, "pbr", "forecast_one_on_one")
    pbr = await table.series(session, "pbr", acme)
    before = await table.held(session, pbr)
    paul = await make.person(session, "Paul Other", "pm", zone="America/New_York")
    acme.pm_id = paul.id
    await table.plan(session, now=NOW + timedelta(hours=1))
    after = await table.held(session, pbr)
    assert (pbr.pm_id, pbr.zone, list(after)) == (paul.id, "America/New_York", list(before))
    assert after["2026-04"].starts_at == at(3, 14, month=4), "10:00 in New York"
    found = await table.steps(session, after["2026-03"])
    assert {step.person_id for step in found.values() if step.person_id} == {paul.id}


async def test_a_partner_nobody_manages_any_more_has_no_meetings_until_somebody_does(session):
    _, (pm, *_), (acme,) = await table.company(session, 1)
    await table.turn(session, "pbr")
    acme.pm_id = None
    await table.plan(session)
    pbr = await table.series(session, "pbr", acme)
    assert (pbr.state, list(await table.held(session, pbr))) == (cadences.OFF, [])
    acme.pm_id = pm.id
    await table.plan(session)
    assert (pbr.state, next(iter(await table.held(session, pbr)))) == ("active", "2026-03")


async def test_a_row_of_ones_own_is_filled_and_gets_its_steps_without_code(db):
    async with db.write() as session:
        chiefs, _, (acme, beta) = await table.company(session)
        one = table.own(
            name="Enablement", rule=QuarterWeekRule(weeks=(10, -1), weekday=3, spread=Spread(days=2, per_day=1)), per=Per.TIER1,
            clock=Clock.PM, lead="head", people=("pm", "head"), agenda=("Certifications",),
        )  # fmt: skip
        row = await table.save(session, one, by=chiefs["head"])
        assert (row.enabled, row.built_in, row.position, row.changed_by_id) == (
            True,
            False,
            len(BUILT_IN),
            chiefs["head"].id,
        )
        assert meetings.spec_of(row) == one
        days_ = {}
        for partner in (acme, beta):
            found = await table.held(session, await table.series(session, "enablement", partner))
            assert list(found)[:2] == ["2026Q1-w10", "2026Q1-w13"]
            days_[partner.id] = found["2026Q1-w10"].day
        assert days_ == {acme.id: date(2026, 3, 12), beta.id: date(2026, 3, 13)}
        await table.plan(session, now=at(9, 8))
        found = await table.held(session, await table.series(session, "enablement", acme))
        kinds = {kind: step.due_at for (kind, _), step in (await table.steps(session, found["2026Q1-w10"])).items()}
        assert kinds == {
            "agenda": at(12, 14, 50), "close_request": at(12, 15, 45), "close_nudge": at(13, 10),
            "expire": at(19, 15, 45),
        }  # fmt: skip
        assert (await session.scalars(select(Change).where(Change.field == "added"))).one().after["key"] == "enablement"


async def test_a_meeting_of_each_partner_once_a_quarter_is_placed_although_its_rule_says_no_spread(session):
    await table.company(session, 4, now=at(30, 8))
    await table.save(
        session, table.own(rule=QuarterRule(week=2, weekday=1), per=Per.TIER1, people=("pm",)), now=at(30, 8)
    )
    found = [await table.held(session, series) for series in await cadences_of(session, "enablement")]
    assert [rows["2026Q2"].day for rows in found] == [date(2026, 4, 14)] * 4
    assert len({rows["2026Q2"].starts_at for rows in found}) == 4


@pytest.mark.parametrize("key", list(Kind))
async def test_a_row_cannot_take_the_name_of_a_meeting_that_is_set_up_elsewhere(session, key):
    with pytest.raises(UserError, match="belongs to a meeting that is set up elsewhere; choose another one"):
        await table.save(session, table.own(key))


async def test_a_row_that_is_not_there_is_refused_in_words(session):
    with pytest.raises(UserError, match="not in the quarter's table any more"):
        await meetings.turn(session, "nothing", on=True, by=None, now=NOW, policy=POLICY)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"key": "Has Spaces"}, "key"),
        ({"name": ""}, "name"),
        ({"name": "x" * 61}, "name"),
        ({"minutes": 481}, "minutes"),
        ({"minutes": "many"}, "minutes"),
        ({"preparation": -1}, "preparation"),
        ({"lead": "boss"}, "lead"),
        ({"per": "everybody"}, "per"),
        ({"rule": {"kind": "weekly", "weekday": 7}}, "rule.weekly.weekday"),
        ({"rule": {"kind": "quarter_week", "weeks": (), "weekday": 1}}, "rule.quarter_week.weeks"),
        ({"rule": {"kind": "quarter_week", "weeks": (0,), "weekday": 1}}, "rule.quarter_week"),
        ({"rule": {"kind": "yearly"}}, "rule"),
        ({"questions": ({"key": "a", "label": ""},)}, "questions.0.label"),
    ],
)
def test_a_row_that_fits_no_table_is_refused_with_the_place(change, place):
    with pytest.raises(UserError, match=f"^This does not fit the quarter's table: {place}: ") as found:
        meetings.checked(**table.own().model_dump() | change)
    assert len(str(found.value)) < 250


def test_every_built_in_row_is_checked_as_a_form_is():
    for spec in BUILT_IN:
        assert meetings.checked(**spec.model_dump()) == spec
        assert isinstance(spec, Spec)


async def test_planning_takes_as_many_statements_for_many_rows_and_partners(sqlite):
    counted = []
    for tier1, others in ((2, 2), (12, 12)):
        async with sqlite.write() as session:
            await table.company(session, tier1, others)
            await table.turn(session, *table.SPECS)
            await session.flush()
            with make.counting(sqlite) as statements:
                await meetings.ensure(session, now=NOW, policy=POLICY)
            counted.append(len(statements))
            await session.rollback()
    assert counted[0] == counted[1]


async def test_answers_keep_a_meeting_where_it_is(session):
    """A weekly review: what was said for a week stays with it."""
    team = await make.small(session)
    session.add(
        Answer(occurrence_id=team.week.id, deal_id=team.deals["Deal 0"].id, by_id=team.ann.id, at=NOW, kind="form")
    )
    await session.flush()
    assert datetime(2026, 3, 5, 10, tzinfo=make.UTC) == team.week.starts_at
    await make.review(session, team.acme, at=time(14), by=team.pm)
    assert (await make.occurrence(session, team.cadence)).id == team.week.id


async def test_the_number_of_rows_that_are_on_is_counted(session):
    assert await meetings.number_enabled(session) == 0
    await meetings.install(session, now=NOW)
    await meetings.turn(session, "mbr", on=True, by=None, now=NOW, policy=POLICY)
    assert await meetings.number_enabled(session) == 1
    assert (await session.scalars(select(MeetingKind.key).where(MeetingKind.enabled))).all() == ["mbr"]


# What points to a meeting that is planned anew.


async def test_a_meeting_with_a_draft_is_kept_and_one_on_a_card_leaves_it_when_the_row_is_turned_off(session):
    chiefs, _, _ = await table.company(session, 2, 2)
    await table.turn(session, "pbr", "pulse")
    await table.plan(session)
    planned = list(await session.scalars(select(Occurrence).order_by(Occurrence.starts_at, Occurrence.id)))
    drafted, carried = planned[0], planned[1]
    session.add(Minutes(occurrence_id=drafted.id, said={"change_0": "Demo together"}, changed_at=NOW))
    card = Card(
        kind="pulses", person_id=chiefs["head"].id, day=NOW.date(), created_at=NOW, wanted=1, shown=1, dead="", fence=0
    )
    session.add(card)
    await session.flush()
    session.add(CardOccurrence(card_id=card.id, occurrence_id=carried.id))
    await session.flush()
    kept_id, gone_id = drafted.id, carried.id
    for key in ("pbr", "pulse"):
        await meetings.turn(session, key, on=False, by=None, now=NOW, policy=POLICY)
    await session.flush()
    left = set(await session.scalars(select(Occurrence.id)))
    assert kept_id in left
    assert gone_id not in left
    await session.refresh(card)
    assert card.wanted == 2, "the card is shown anew without it"


def test_everything_that_points_to_a_meeting_is_known_to_what_drops_one():
    """A table that is added later must say what becomes of its rows when a meeting is planned anew."""
    pointing = {
        found.name
        for found in Base.metadata.sorted_tables
        for key in found.foreign_keys
        if key.column.table.name == "occurrence"
    }
    settled_only = {"artifact", "commitment", "commitment_fate", "outbox", "pulse_answer"}  # after it was asked for
    settled_only |= {"joint_answer", "reply_proposal"}  # of reviews alone, once the partner was asked
    assert pointing == settled_only | {"step", "answer", "minutes", "card_occurrence"}


# A window that is still open.


async def test_off_and_on_again_within_a_window_places_what_has_not_been_held_anew(session):
    await table.company(session, 4)
    friday = at(6, 7)  # the first Friday of March: PBRs on this day and the next ones
    await table.turn(session, "pbr", now=friday)
    before = await march(session)
    assert len(before) == 4
    later = at(9, 12)
    await table.turn(session, "pbr", on=False, now=later)
    await table.turn(session, "pbr", now=later + timedelta(minutes=1))
    after = await march(session)
    assert len(after) == 4
    assert all(row.starts_at > later for row in after if row.id not in {held.id for held in before})


async def march(session):
    return list(await session.scalars(select(Occurrence).where(Occurrence.slot == "2026-03")))


@pytest.mark.parametrize(("turned_on", "days_"), [
    (at(10, 12), [date(2026, 3, 11), date(2026, 3, 11)]),  # the Tuesday after the first Friday: from the next morning on
    (at(16, 12), []),  # ten days after it: from April on, not crammed into what is left of March
])  # fmt: skip
async def test_a_row_turned_on_within_a_week_of_its_first_day_still_meets_in_that_month(session, turned_on, days_):
    await table.company(session, 2)
    await table.turn(session, "pbr", now=turned_on)
    assert [row.day for row in await march(session)] == days_


async def test_pulses_are_never_made_for_days_gone_by_and_their_number_does_not_grow(session):
    await table.company(session, 1, 60)  # more than two a week find no room
    await table.turn(session, "pulse", now=at(2, 8))
    for month in (6, 9, 12):
        now = at(15, 8, month=month)
        await table.plan(session, now=now)
        old = await session.scalars(
            select(Occurrence).where(Occurrence.starts_at < now - timedelta(days=14), Occurrence.state == "planned")
        )
        made = [row for row in old if row.slot > "2026Q1" and row.starts_at > now - timedelta(days=1)]
        assert made == []


async def test_a_new_managers_meetings_are_placed_around_what_they_have(session):
    _, (one, two), partners = await table.company(session, 6, managers=2)
    await table.turn(session, "forecast_one_on_one")
    for partner in partners:
        partner.pm_id = two.id
    await session.flush()
    await table.plan(session, now=NOW + timedelta(hours=1))
    mine = (await table.by_person(session))[two.id]
    assert len(mine) >= 6
    assert table.overlaps(mine) == []
    assert (await table.by_person(session)).get(one.id, []) == []
