"""How each series of the quarter is kept: counts, rows of skips, who moved what and why; holidays are nobody's fault."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import select

from models import cadence_health, cadences, meetings
from models.cadence_health import Met, in_a_row, rows_of_skips, totals
from models.cadences import Side, State
from models.domain.notes import Health
from models.tables import Cadence, Occurrence
from scheduling.plan import materialise
from tests import make
from tests.make import NOW, POLICY

OURS, PARTNER, HOLIDAY = Side.OURS, Side.PARTNER, Side.HOLIDAY
STATES = {
    "h": (State.HELD, ""), "l": (State.HELD_LATE, ""), "s": (State.SKIPPED, OURS), "p": (State.NO_MEETING, PARTNER),
    "f": (State.NO_MEETING, HOLIDAY), "?": (State.PROMPTED, ""), "w": (State.SKIPPED, PARTNER),
}  # fmt: skip


def met(letters):
    return [
        Met(place, 1, date(2026, 1, 1) + timedelta(weeks=place), NOW + timedelta(weeks=place - 20), *STATES[letter],
            "why", NOW, 1)
        for place, letter in enumerate(letters)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("letters", "rows", "now"),
    [
        ("", [], 0),
        ("hhl", [], 0),
        ("s", [1], 1),
        ("hss", [2], 2),
        ("sfs", [2], 2),
        ("spsfs", [3], 3),
        ("sws", [2], 2),
        ("ssh", [2], 0),
        ("sshs", [2, 1], 1),
        ("s?s", [1, 1], 1),
        ("ss?", [2], 2),
        ("ss?s", [2, 1], 2),
        ("pf", [], 0),
        ("ssl?", [2], 0),
    ],
)
def test_a_row_of_skips_ends_where_a_meeting_was_held_or_is_not_settled_and_nowhere_else(letters, rows, now):
    assert [len(row) for row in rows_of_skips(met(letters))] == rows
    assert in_a_row(met(letters)) == now


async def settled(session, cadence, slot, letter, *, by=None, at=NOW, reason="ill"):
    found = await make.occurrence(session, cadence, slot)
    found.state, found.skip_side = STATES[letter]
    found.skip_reason = reason if found.skip_side else ""
    found.closed_at, found.closed_by_id = at, by.id if by else None
    await session.flush()
    return found


async def of(session, *, now, name="Acme"):
    found = await cadence_health.of_quarter(session, now=now, policy=POLICY)
    return next(one for one in found.series if name in (one.partner, one.meeting))


@pytest.fixture
async def team(db):
    async with db.write() as session:
        return await make.small(session, deals=0)


async def test_a_series_counts_what_is_over_and_names_who_moved_and_skipped_and_why(db, team):
    """Week 10 moved twice and held late, 11 skipped by us, 12 called off by them, 13 not closed by anybody, 14 ahead."""
    async with db.write() as session:
        first = await make.occurrence(session, team.cadence, "2026-W10")
        for day, reason in ((4, "travel"), (6, "ill")):
            await cadences.bump(session, first, day=date(2026, 3, day), at=time(11), reason=reason, by=team.head,
                                now=NOW + timedelta(hours=day), policy=POLICY)  # fmt: skip
        await settled(session, team.cadence, "2026-W10", "l", by=team.pm)
        for slot, side, reason in (("2026-W11", OURS, "fair"), ("2026-W12", PARTNER, "they are away")):
            await cadences.skip(session, await make.occurrence(session, team.cadence, slot), side=side, reason=reason,
                                by=team.pm, now=NOW + timedelta(days=1))  # fmt: skip
        await settled(session, team.cadence, "2026-W13", "s", reason="not closed", at=NOW + timedelta(days=30))
    async with db.read() as session:
        found = await of(session, now=datetime(2026, 3, 28, 12, tzinfo=UTC))
    assert found.health == Health(held=0, late=1, skipped=2, no_meeting=1, streak=0)
    assert (found.skips_in_a_row, found.owner_id, found.meeting, found.is_review) == (
        2, team.pm.id, "Weekly deal review", True)  # fmt: skip
    assert [(one.what, one.day.day, one.by_id, one.side, one.reason) for one in found.happenings] == [
        ("skipped", 26, None, "ours", "not closed"),
        ("no_meeting", 19, team.pm.id, "partner", "they are away"),
        ("skipped", 12, team.pm.id, "ours", "fair"),
        ("moved", 5, team.head.id, "", "ill"),
        ("moved", 5, team.head.id, "", "travel"),
    ]


async def test_the_streak_is_of_meetings_held_and_a_holiday_does_not_break_it(db, team):
    async with db.write() as session:
        for slot, letter in (("2026-W10", "h"), ("2026-W11", "f"), ("2026-W12", "h")):
            await settled(session, team.cadence, slot, letter)
    async with db.read() as session:
        found = await of(session, now=datetime(2026, 3, 20, tzinfo=UTC))
    assert (found.health.streak, found.skips_in_a_row, found.happenings) == (2, 0, ()), "a holiday was nobody's doing"


async def test_skips_in_a_row_are_counted_over_the_end_of_a_quarter_and_the_rest_is_not(db, team):
    """The last reviews of one quarter and the first of the next; `first_monday` begins 2026Q2 on 6 April."""
    async with db.write() as session:
        await materialise(session, now=NOW, policy=POLICY)
        for slot in ("2026-W13", "2026-W14", "2026-W15"):
            await settled(session, team.cadence, slot, "s", by=team.pm)
    async with db.read() as session:
        found = await of(session, now=datetime(2026, 4, 10, tzinfo=UTC))
    assert found.health == Health(skipped=1)
    assert [one.day for one in found.happenings] == [date(2026, 4, 9)]
    assert found.skips_in_a_row == 3


async def test_the_stub_days_before_week_1_belong_to_the_quarter_before(db, team):
    """Thursday 2 April is in 2026Q2 by money, and in week 13 of 2026Q1 for meetings."""
    async with db.write() as session:
        await settled(session, team.cadence, "2026-W14", "s", by=team.pm)
    async with db.read() as session:
        march = await cadence_health.of_quarter(session, now=datetime(2026, 4, 3, tzinfo=UTC), policy=POLICY)
        april = await cadence_health.of_quarter(session, now=datetime(2026, 4, 6, 9, tzinfo=UTC), policy=POLICY)
    assert (march.quarter.label, march.week, march.series[0].health.skipped) == ("2026Q1", 13, 1)
    assert (april.quarter.label, april.week) == ("2026Q2", 1)
    assert all(not one.health.skipped for one in april.series)


async def test_every_meeting_of_the_table_is_a_series_the_companys_own_by_who_leads_them(db, team):
    async with db.write() as session:
        for key in ("team_call", "mbr", "pbr"):
            await meetings.turn(session, key, on=True, by=team.head, now=NOW, policy=POLICY)
        await materialise(session, now=NOW, policy=POLICY)
    async with db.read() as session:
        found = await cadence_health.of_quarter(session, now=NOW, policy=POLICY)
    assert [(one.partner, one.meeting, one.owner_id) for one in found.series] == [
        ("Acme", "Weekly deal review", team.pm.id),
        ("Acme", "Monthly partner business review", team.pm.id),
        ("", "Partner team call", team.head.id),
    ]


async def test_home_counts_weekly_reviews_and_other_meetings_apart(db, team):
    async with db.write() as session:
        await meetings.turn(session, "team_call", on=True, by=team.head, now=NOW, policy=POLICY)
        await materialise(session, now=NOW, policy=POLICY)
        for slot, letter in (("2026-W10", "h"), ("2026-W11", "s"), ("2026-W12", "w")):
            await settled(session, team.cadence, slot, letter)
        call = (await session.scalars(select(Cadence).where(Cadence.kind == "team_call"))).one()
        await settled(session, call, "2026-W11", "l")
    async with db.read() as session:
        found = await totals(session, now=datetime(2026, 3, 20, tzinfo=UTC), policy=POLICY)
        series = await cadence_health.of_quarter(session, now=datetime(2026, 3, 20, tzinfo=UTC), policy=POLICY)
    assert found == (Health(held=1, skipped=1, no_meeting=1), Health(late=1))
    assert sum(one.health.held + one.health.late for one in series.series) == 2


async def test_nothing_planned_is_no_series(db):
    async with db.read() as session:
        found = await cadence_health.of_quarter(session, now=NOW, policy=POLICY)
        assert await totals(session, now=NOW, policy=POLICY) == (Health(), Health())
    assert found.series == ()


async def statements(url, partners):
    async with make.opened(url) as made:
        async with made.write() as session:
            team = await make.small(session, deals=0)
            for number in range(partners):
                other = await make.person(session, f"P{number} X", "pm")
                cadence = await make.review(session, await make.partner(session, f"N{number}", other))
                for slot in ("2026-W10", "2026-W11"):
                    await settled(session, cadence, slot, "s", by=other)
            friday = (await session.scalars(
                select(Occurrence).join(Cadence, Cadence.id == Occurrence.cadence_id).where(
                    Cadence.kind == "friday_note", Occurrence.slot == "2026-W11"))).one()  # fmt: skip
        with make.counting(made) as found:
            async with made.write() as session:
                await cadence_health.of_quarter(session, now=NOW + timedelta(days=12), policy=POLICY)
                await totals(session, now=NOW, policy=POLICY)
                owed = await cadence_health.escalate(session, await session.merge(friday, load=False), since=None,
                                                     now=NOW + timedelta(days=12), policy=POLICY)  # fmt: skip
        assert owed == partners
        assert team.head.id
        return len(found)


async def test_the_number_of_statements_does_not_grow_with_series(tmp_path):
    few = await statements(f"sqlite:///{tmp_path / 'few.db'}", 1)
    assert await statements(f"sqlite:///{tmp_path / 'many.db'}", 30) == few
