"""What the calendar costs: a quarter of every meeting, preparation included, week by week and person by person."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import select

from models import cadences, health, hours, meetings
from models.domain.meetings import BUILT_IN
from models.hours import Hours, allowance, spell
from models.tables import Cadence, Occurrence
from scheduling.plan import materialise
from tests import make
from tests.make import NOW, POLICY

START = datetime(2026, 1, 2, 8, tzinfo=UTC)  # the Friday before week 1 of 2026Q1
HOLIDAYS = POLICY.model_copy(update={"holidays": "GB-ENG"})


async def company(session, partners=3, *, now=START, policy=POLICY, rows=tuple(spec.key for spec in BUILT_IN)):
    """One partner manager with so many Tier 1 partners and their reviews, four leaders, every row of the table on."""
    pm = await make.person(session, "Pat Manager", "pm")
    leaders = [await make.person(session, f"{role.title()} Lead", role) for role in ("head", "cro", "cfo", "ceo")]
    for number in range(partners):
        one = await make.partner(session, f"Partner {number}", pm)
        at = (datetime.combine(now.date(), time(10)) + timedelta(minutes=30 * number)).time()
        await make.review(session, one, at=at, now=now, policy=policy)
    await meetings.install(session, now=now)
    for key in rows:
        await meetings.turn(session, key, on=True, by=None, now=now, policy=policy)
    await materialise(session, now=now, policy=policy)
    return pm, leaders


async def of(session, who, *, now, policy=POLICY):
    found = await hours.of_quarter(session, now=now, policy=policy)
    return next(one for one in found.people if one.person_id == who.id)


@pytest.mark.parametrize(
    ("start", "policy"),
    [
        (START, POLICY),
        (datetime(2026, 4, 3, 8, tzinfo=UTC), HOLIDAYS),
        (datetime(2026, 7, 3, 8, tzinfo=UTC), POLICY),
        (datetime(2026, 10, 2, 8, tzinfo=UTC), HOLIDAYS),
    ],
)
async def test_one_manager_with_three_tier_1_partners_runs_the_whole_cadence_in_under_six_hours_a_week(
    sqlite, start, policy
):
    async with sqlite.write() as session:
        pm, _ = await company(session, now=start, policy=policy)
        found = await of(session, pm, now=start + timedelta(days=7), policy=policy)
    print(
        f"{start:%Y-%m}: {found}, {spell(found.average)} on average, peak week {found.peak_week}: {spell(found.peak)}"
    )
    assert (found.weeks, found.tier1, found.allowance) == (13, 3, 360)
    assert found.total < 360 * found.weeks
    assert found.average < 360
    assert not found.is_over
    assert found.peak > found.average


async def test_the_first_of_the_quarter_says_what_each_week_is_made_of(sqlite):
    """Only reviews and the team call: 3 times 30 and 10, once 30 and 5, every week; the head has the call alone."""
    async with sqlite.write() as session:
        pm, leaders = await company(session, rows=("team_call",))
        mine = await of(session, pm, now=START + timedelta(days=7))
        heads = await of(session, leaders[0], now=START + timedelta(days=7))
    assert (mine.this_week, mine.average, mine.peak, mine.peak_week, mine.weeks) == (155, 155, 155, 1, 13)
    assert (heads.this_week, heads.average, heads.allowance, heads.is_over) == (35, 35, None, False)


async def test_a_seller_costs_their_own_slot_and_five_minutes_before_it(sqlite):
    async with sqlite.write() as session:
        team = await make.small(session, deals=3)
        found = await hours.shares(session, date(2026, 3, 2), date(2026, 3, 8), now=NOW, policy=POLICY)
    assert {share.person_id: (share.minutes, share.preparation) for share in found} == {
        team.pm.id: (30, 10), team.ann.id: (20, 5), team.bob.id: (10, 5),
    }  # fmt: skip


@pytest.mark.parametrize("state", ["skipped", "no_meeting"])
async def test_what_does_not_happen_costs_nothing(sqlite, state):
    async with sqlite.write() as session:
        team = await make.small(session)
        team.week.state = state
        found = await of(session, team.pm, now=NOW)
    assert (found.this_week, found.peak, found.peak_week, found.weeks) == (0, 40, 10, 4), "weeks 10 to 13 are left"


async def test_a_cadence_that_began_late_in_the_quarter_is_averaged_over_the_weeks_it_runs(sqlite):
    async with sqlite.write() as session:
        team = await make.small(session)
        found = await of(session, team.pm, now=NOW)
    assert (found.total, found.weeks, found.average) == (200, 5, 40)


async def test_a_meeting_that_moved_to_another_week_costs_in_that_one(sqlite):
    async with sqlite.write() as session:
        team = await make.small(session)
        team.week.day = date(2026, 3, 12)
        await session.flush()
        found = await of(session, team.pm, now=NOW)
    assert (found.this_week, found.peak, found.peak_week) == (0, 80, 10)


async def test_an_empty_calendar_has_no_hours(sqlite):
    async with sqlite.read() as session:
        assert (await hours.of_quarter(session, now=NOW, policy=POLICY)).people == ()


@pytest.mark.parametrize(("partners", "minutes"), [(1, 360), (3, 360), (4, 480), (6, 720)])
def test_six_hours_are_for_three_partners_and_two_more_for_each_beyond(partners, minutes):
    assert allowance(partners) == minutes
    exact = Hours(1, 0, minutes * 13, 13, 0, 1, partners)
    assert not exact.is_over
    assert Hours(1, 0, minutes * 13 + 1, 13, 0, 1, partners).is_over


@pytest.mark.parametrize(
    ("minutes", "said"), [(0, "0 min"), (45, "45 min"), (360, "6 h"), (310, "5 h 10"), (61, "1 h 01")]
)
def test_minutes_are_said_in_words(minutes, said):
    assert spell(minutes) == said


async def test_a_manager_above_it_is_named_among_what_is_to_mend_and_only_for_those_who_see_all(sqlite):
    async with sqlite.write() as session:
        pm, _ = await company(session)
        assert not [
            one for one in await health.problems(session, now=NOW, policy=POLICY) if "on average" in one.sentence
        ]
        for row in await session.scalars(reviews()):
            row.ends_at = row.starts_at + timedelta(minutes=60)
        await session.flush()
        found = await of(session, pm, now=NOW)
        said = [
            one.sentence
            for one in await health.problems(session, now=NOW, policy=POLICY)
            if "on average" in one.sentence
        ]
        own = await health.problems(session, now=NOW, policy=POLICY, partner_ids=[1, 2, 3])
    assert found.is_over
    assert said == [
        (
            f"Pat Manager: {spell(found.average)} of meetings a week on average, preparation included; 3 Tier 1 partners may "
            "cost 6 h. Shorten or turn off a meeting, or move a partner."
        )
    ]
    assert not [one for one in own if "on average" in one.sentence]


def reviews():
    return (
        select(Occurrence)
        .join(Cadence, Cadence.id == Occurrence.cadence_id)
        .where(Cadence.kind == cadences.Kind.WEEKLY_REVIEW)
    )


async def statements(url, sellers):
    async with make.opened(url) as db:
        async with db.write() as session:
            team = await make.small(session, deals=0)
            for number in range(sellers):
                seller = await make.person(session, f"S{number} X", "ae")
                await make.deal(session, f"D{number}", team.acme, seller)
        with make.counting(db) as found:
            async with db.read() as session:
                await hours.of_quarter(session, now=NOW, policy=POLICY)
        return len(found)


async def test_the_number_of_statements_does_not_grow_with_people(tmp_path):
    assert await statements(f"sqlite:///{tmp_path / 'a.db'}", 1) == await statements(
        f"sqlite:///{tmp_path / 'b.db'}", 40
    )
