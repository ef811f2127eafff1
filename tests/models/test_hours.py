"""What the calendar costs: a quarter of every meeting, preparation included, week by week and person by person."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import update

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
    print(f"{start:%Y-%m}: {found}, {spell(found.average)} on average, peak week {found.peak_week}: {spell(found.peak)}")
    assert (found.weeks, found.tier1, found.allowance) == (13, 3, 360)
    assert found.total < 360 * found.weeks
    assert found.average < 360
    assert not found.is_over
    assert found.peak > found.average
