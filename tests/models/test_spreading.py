"""Meetings of several partners: nobody in two at once while there is room, inside their days, and pulses in turn."""

from collections import Counter
from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from models import cadences, crews, pulses, spreading
from models.cadences import Side
from models.domain.zones import local_date, local_time, zone
from models.tables import Cadence, Occurrence, PulseAnswer
from tests import make, table
from tests.make import NOW, POLICY
from tests.table import at, days

ZONES = ("Europe/London", "America/New_York", "Asia/Kolkata", "Pacific/Auckland")
SPREAD_ROWS = ("forecast_one_on_one", "pipeline_one_on_one", "pbr", "readout")


@pytest.fixture
async def session(sqlite):
    async with sqlite.write() as session:
        yield session


async def all_rows(session):
    return await session.scalar(select(func.count()).select_from(Occurrence))


async def hours(session):
    return {row.id: row.starts_at for row in await session.scalars(select(Occurrence))}


async def days_of(session, key, slot):
    """The days and hours of a slot, partner by partner."""
    rows = await session.execute(
        select(Occurrence, Cadence)
        .join(Cadence, Cadence.id == Occurrence.cadence_id)
        .where(Cadence.kind == key, Occurrence.slot == slot)
        .order_by(Cadence.id)
    )
    return [(row.day, local_time(row.starts_at, zone(cadence.zone))) for row, cadence in rows]


@table.examples(12)
@given(
    partners=st.integers(1, 6),
    managers=st.integers(1, 6),
    places=st.permutations(ZONES),
    month=st.integers(0, 11),
    reviews=st.booleans(),
)
async def test_nobody_is_in_two_meetings_at_once_or_beyond_the_days_limit_while_there_is_room(
    sqlite, partners, managers, places, month, reviews
):
    now = datetime(2026 + month // 12, month % 12 + 1, 1, 6, tzinfo=make.UTC)
    async with sqlite.read() as session:
        chiefs, pms, found = await table.company(session, partners, managers=managers, zones=places, now=now)
        if reviews:
            for number, partner in enumerate(found):
                place = number // managers
                await make.review(session, partner, at=time(10 + place // 2, 30 * (place % 2)), now=now)
        await table.turn(session, *SPREAD_ROWS, now=now)
        everybody = await table.by_person(session)
        for pm in pms[:partners]:
            mine = everybody[pm.id]
            assert mine, pm.name
            assert table.overlaps(mine) == []
            assert max(table.a_day(mine, "pbr").values()) <= 2
            assert max(table.a_day(mine, "readout").values(), default=0) <= 2
            assert max(table.a_day(mine, "forecast_one_on_one").values(), default=0) <= 3
        for chief in (chiefs["head"], chiefs["cro"], chiefs["cfo"]):
            assert max(table.a_day(everybody[chief.id], "readout").values()) <= 2
            assert table.overlaps(everybody[chief.id]) == []
        await inside(session, everybody)


async def inside(session, everybody):
    """Every meeting lies in its working hours, on a working day, in the stretch its slot names."""
    for rows in everybody.values():
        for occurrence, cadence in rows:
            clocks = zone(cadence.zone)
            opens, ends = local_time(occurrence.starts_at, clocks), local_time(occurrence.ends_at, clocks)
            assert POLICY.work_start <= opens < ends <= POLICY.work_end
            assert occurrence.day == local_date(occurrence.starts_at, clocks)
            assert occurrence.day.weekday() < 5
            if cadence.kind == "readout":
                quarter = POLICY.fiscal.quarter_of(occurrence.nominal_day)
                assert occurrence.nominal_day <= occurrence.day <= quarter.last
                assert occurrence.slot == quarter.label
            if cadence.kind == "pbr":
                assert occurrence.slot == f"{occurrence.day:%Y-%m}"
                assert occurrence.day >= occurrence.nominal_day


async def test_five_pbrs_take_three_days_from_the_first_friday_on_two_a_day(session):
    await table.company(session, 5)
    await table.turn(session, "pbr")
    assert await days_of(session, "pbr", "2026-03") == [
        (date(2026, 3, 6), time(10)), (date(2026, 3, 6), time(11)),
        (date(2026, 3, 9), time(10)), (date(2026, 3, 9), time(11)), (date(2026, 3, 10), time(10)),
    ]  # fmt: skip


async def test_more_than_fit_are_placed_beyond_the_limit_rather_than_lost(session):
    """Fifty partners of one manager in February: 16 business days from the first Friday on have room for 32."""
    now = at(30, 8, month=1)
    await table.company(session, 36, now=now)
    await table.turn(session, "pbr", now=now)
    found = Counter(day for day, _ in await days_of(session, "pbr", "2026-02"))
    assert sum(found.values()) == 36
    assert len(found) == 16
    assert min(found.values()) == 2
    assert max(found) <= date(2026, 2, 27)
    crowded = (await table.by_person(session))[(await session.scalars(select(Cadence.pm_id).limit(1))).one()]
    assert table.overlaps(crowded) == [], "beyond the day's limit, but never two at once while hours are free"


async def test_readouts_begin_on_the_third_tuesday_and_end_with_the_quarter_two_a_day(session):
    await table.company(session, 6)
    await table.turn(session, "readout")
    found = [day for day, _ in await days_of(session, "readout", "2026Q1")]
    assert found == [date(2026, 3, day) for day in (17, 17, 18, 18, 19, 19)]
    assert Counter(found).most_common(1)[0][1] == 2


async def test_twenty_one_to_ones_of_one_manager_fill_their_two_days_and_none_is_lost(session):
    now = at(2, 6, month=1)
    await table.company(session, 20, now=now)
    await table.turn(session, "forecast_one_on_one", now=now)
    found = Counter(day for day, _ in await days_of(session, "forecast_one_on_one", "2026Q1-w05"))
    assert set(found) == {date(2026, 2, 2), date(2026, 2, 3)}
    assert sum(found.values()) == 20
    mine = (await table.by_person(session))[(await session.scalars(select(Cadence.pm_id).limit(1))).one()]
    assert [pair for pair in table.overlaps(mine) if pair[0].slot == "2026Q1-w05"] == []


@pytest.mark.parametrize(
    ("start", "slot", "day"),
    [
        (at(22, 8, month=6), "2026-07", date(2026, 7, 6)),  # Friday 3 July is Independence Day, observed
        (at(14, 8, month=12), "2027-01", date(2027, 1, 4)),  # Friday 1 January 2027
        (at(16, 8, month=11), "2026-12", date(2026, 12, 4)),
    ],
)
@pytest.mark.parametrize("company", [True, False])
async def test_a_pbr_on_a_holiday_moves_to_the_next_business_day_and_keeps_its_slot(session, start, slot, day, company):
    """The manager's own holidays count, else the company's."""
    _, (pm, *_), _ = await table.company(session, 3, now=start)
    if not company:
        pm.calendar = "US"
    policy = POLICY.model_copy(update={"holidays": "US"}) if company else POLICY
    await table.turn(session, "pbr", now=start, policy=policy)
    found = [day for day, _ in await days_of(session, "pbr", slot)]
    nxt = day + days(3) if day.weekday() == 4 else day + days(1)
    assert found == [day, day, nxt]


async def test_one_to_ones_are_on_monday_and_tuesday_of_their_weeks_before_the_leadership_roll_up(session):
    now = at(28, 8, month=3)  # 2026Q2 begins on Monday 6 April
    chiefs, (pm, *_), partners = await table.company(session, 4, now=now)
    await table.turn(session, "forecast_one_on_one", "pipeline_one_on_one", "leadership_roll_up", now=now)
    fiscal = POLICY.fiscal
    quarter = fiscal.quarter(2026, 2)
    roll_ups = await table.held(session, await table.series(session, "leadership_roll_up"))
    for key, weeks in (("forecast_one_on_one", (1, 5, 9)), ("pipeline_one_on_one", (3, 7, 11))):
        for week in weeks:
            slot, monday = f"2026Q2-w{week:02d}", fiscal.week_starts(quarter, week)
            found = await days_of(session, key, slot)
            assert len(found) == len(partners)
            assert {day for day, _ in found} == {monday, monday + days(1)}
            if key == "forecast_one_on_one":
                assert all(day < roll_ups[slot].day for day, _ in found)
    assert {slot for slot in roll_ups if slot.startswith("2026Q2")} == {"2026Q2-w01", "2026Q2-w05", "2026Q2-w09"}
    people = (await crews.crew(session)).people(await table.series(session, "leadership_roll_up"))
    assert people == {chiefs["head"].id, pm.id}


async def test_a_partner_added_later_is_placed_behind_and_moves_nobody(session):
    _, (pm, *_), _ = await table.company(session, 3)
    await table.turn(session, "pbr", "readout", "forecast_one_on_one")
    before = await hours(session)
    late = await make.partner(session, "Aardvark", pm, created_at=NOW)
    await table.plan(session, now=NOW + timedelta(hours=2))
    after = await hours(session)
    assert {key: after[key] for key in before} == before
    assert (await table.held(session, await table.series(session, "pbr", late)))["2026-03"].day == date(2026, 3, 9)
    assert table.overlaps((await table.by_person(session))[pm.id]) == []


async def test_filling_again_places_nothing_and_two_companies_alike_get_the_same_days(tmp_path):
    found = []
    for number in range(2):
        async with make.opened(f"sqlite:///{tmp_path / f'{number}.db'}") as db, db.write() as session:
            await table.company(session, 4, 5, managers=2, zones=ZONES)
            await table.turn(session, *table.SPECS)
            count = await all_rows(session)
            for _ in range(2):
                assert await spreading.fill(session, now=NOW, policy=POLICY) == 0
                assert await cadences.fill(session, now=NOW, policy=POLICY) == 0
            assert await all_rows(session) == count
            rows = await session.execute(
                select(Cadence.kind, Cadence.partner_id, Occurrence.slot, Occurrence.starts_at).join(
                    Cadence, Cadence.id == Occurrence.cadence_id
                )
            )
            found.append(sorted(map(str, rows)))
    assert found[0] == found[1]


async def test_what_is_planned_anew_in_the_middle_of_its_days_is_not_put_into_the_past(session):
    """A change of the fiscal setting drops what is untouched: five readouts of the last days are placed again, ahead."""
    await table.company(session, 8)
    await table.turn(session, "readout")
    now = at(19, 12)
    before = await days_of(session, "readout", "2026Q1")
    assert [day for day, _ in before][-4:] == [
        date(2026, 3, 19),
        date(2026, 3, 19),
        date(2026, 3, 20),
        date(2026, 3, 20),
    ]
    await table.plan(session, now=now)
    for cadence in (await session.scalars(select(Cadence).where(Cadence.kind == "readout"))).all():
        await cadences.drop_untouched(session, cadence, now=now)
    await table.plan(session, now=now)
    rows = await session.scalars(select(Occurrence).where(Occurrence.slot == "2026Q1").order_by(Occurrence.cadence_id))
    after = list(rows)
    assert len(after) == 8
    assert all(row.starts_at > now for row in after[6:])


async def test_after_downtime_what_was_missed_is_placed_where_it_can_still_be_held(session):
    await table.company(session, 2)
    await table.turn(session, "pbr")
    back = at(8, 12, month=9)  # Tuesday; the first Friday of September was the 4th, nothing was planned beyond July
    await table.plan(session, now=back)
    assert [day for day, _ in await days_of(session, "pbr", "2026-09")] == [date(2026, 9, 9), date(2026, 9, 9)]
    assert [day for day, _ in await days_of(session, "pbr", "2026-08")] == [date(2026, 8, 7), date(2026, 8, 7)]


# Pulses.


async def pulse_days(session, slot="2026Q2"):
    rows = await session.execute(
        select(Cadence.partner_id, Occurrence.day)
        .join(Cadence, Cadence.id == Occurrence.cadence_id)
        .where(Cadence.kind == "pulse", Occurrence.slot == slot)
        .order_by(Occurrence.starts_at, Cadence.id)
    )
    return [(partner_id, day) for partner_id, day in rows]


SPRING = at(30, 8, month=3)  # before the first week of 2026Q2


async def test_pulses_are_two_a_week_for_one_manager_from_week_2_on(session):
    _, _, partners = await table.company(session, 0, 7, managers=2, now=SPRING)
    await table.turn(session, "pulse", now=SPRING)
    found = dict(await pulse_days(session))
    monday = date(2026, 4, 13)
    assert [found[partner.id] for partner in partners[::2]] == [monday, monday, monday + days(7), monday + days(7)]
    assert [found[partner.id] for partner in partners[1::2]] == [monday, monday, monday + days(7)]
    row = await table.held(session, await table.series(session, "pulse", partners[0]))
    assert row["2026Q2"].starts_at == row["2026Q2"].ends_at == at(13, 9, month=4), "10:00 in London's summer"


async def test_a_week_whose_monday_is_a_holiday_asks_on_tuesday(session):
    policy = POLICY.model_copy(update={"holidays": "GB-ENG"})
    await table.company(session, 0, 10, now=SPRING)
    await table.turn(session, "pulse", now=SPRING, policy=policy)
    asked = Counter(day for _, day in await pulse_days(session))
    assert asked[date(2026, 5, 5)] == 2, "Monday 4 May is a bank holiday"
    assert date(2026, 5, 4) not in asked


async def test_whom_nobody_was_asked_about_for_longest_comes_first(session):
    _, (pm, *_), (one, two, three, four, five) = await table.company(session, 0, 5, now=SPRING)
    await table.turn(session, "pulse", now=SPRING - days(100))
    for partner, ago in ((one, 5), (two, 90), (three, 40)):
        old = (await table.held(session, await table.series(session, "pulse", partner)))["2026Q1"]
        session.add(PulseAnswer(occurrence_id=old.id, partner_id=partner.id, at=SPRING - days(ago), by_id=pm.id, active=True,
                                next_deal="", verdict="keep", why=""))  # fmt: skip
    await session.flush()
    for row in await session.scalars(select(Occurrence).where(Occurrence.slot == "2026Q2")):
        await session.delete(row)
    await session.flush()
    await table.plan(session, now=SPRING)
    assert [partner_id for partner_id, _ in await pulse_days(session)] == [four.id, five.id, two.id, three.id, one.id]


async def test_partners_that_find_no_room_are_counted_by_manager(session):
    """Weeks 2 to 12 of 2026Q2 have room for two each: week 13 does not lie wholly inside it."""
    _, (pm, *_), _ = await table.company(session, 0, 30, now=SPRING)
    await table.turn(session, "pulse", now=SPRING)
    weeks = Counter(day for _, day in await pulse_days(session))
    assert set(weeks.values()) == {2}
    asked = sum(weeks.values())
    assert asked == 22
    assert max(weeks) <= POLICY.fiscal.quarter(2026, 2).last
    assert await pulses.not_this_quarter(session, now=SPRING, policy=POLICY) == {}, "it has not begun"
    now = at(14, 8, month=4)
    assert await pulses.not_this_quarter(session, now=now, policy=POLICY) == {pm.id: 30 - asked}


async def test_pulses_turned_on_in_the_stub_days_or_week_1_name_who_finds_no_room_too(session):
    """2026Q2's money begins on 1 April, its week 1 on Monday 6: a row turned on on the 7th asks from week 2 on."""
    tuesday = at(7, 8, month=4)
    _, (pm, *_), _ = await table.company(session, 0, 30, now=tuesday)
    await table.turn(session, "pulse", now=tuesday)
    asked = len(await pulse_days(session))
    assert asked < 30
    assert await pulses.not_this_quarter(session, now=at(14, 8, month=4), policy=POLICY) == {pm.id: 30 - asked}


async def test_who_found_no_room_is_the_first_to_be_asked_about_in_the_next_quarter(session):
    _, _, partners = await table.company(session, 0, 26, now=SPRING)
    await table.turn(session, "pulse", now=SPRING)
    asked = {partner_id for partner_id, _ in await pulse_days(session)}
    left_out = {partner.id for partner in partners} - asked
    assert left_out
    rows = await session.scalars(select(Occurrence).where(Occurrence.slot == "2026Q2"))
    for row in rows:
        cadence = await session.get_one(Cadence, row.cadence_id)
        session.add(PulseAnswer(occurrence_id=row.id, partner_id=cadence.partner_id, at=row.starts_at, by_id=cadence.pm_id,
                                active=True, next_deal="", verdict="keep", why=""))  # fmt: skip
    await session.flush()
    await table.plan(session, now=at(6, 8, month=6))
    first = [partner_id for partner_id, _ in await pulse_days(session, "2026Q3")][: len(left_out)]
    assert set(first) == left_out


async def test_a_pulse_planned_anew_asks_in_a_week_that_is_still_to_come(session):
    """Its partner's manager has room in a week that is over: nobody can be asked there."""
    _, (pm, *_), partners = await table.company(session, 0, 5, now=SPRING)
    await table.turn(session, "pulse", now=SPRING)
    now = at(15, 8, month=4)
    other = await make.person(session, "Paul Other", "pm", created_at=SPRING)
    partners[0].pm_id = other.id  # the first week of Pat has room again
    await table.plan(session, now=now)
    last = await table.series(session, "pulse", partners[4])
    await cadences.drop_untouched(session, last, now=now)
    await table.plan(session, now=now)
    assert (await table.held(session, last))["2026Q2"].starts_at > now
    assert pm.id == last.pm_id


async def test_a_skipped_meeting_leaves_its_hour_free_for_who_comes_later(session):
    _, (pm, *_), (acme,) = await table.company(session, 1)
    await table.turn(session, "pbr")
    found = (await table.held(session, await table.series(session, "pbr", acme)))["2026-03"]
    await cadences.skip(session, found, side=Side.PARTNER, reason="they cancelled", by=pm, now=NOW)
    late = await make.partner(session, "Late", pm)
    await table.plan(session)
    again = (await table.held(session, await table.series(session, "pbr", late)))["2026-03"]
    assert again.starts_at == found.starts_at
