"""Quarters that have begun are stored, once, and come back whatever the settings became."""

from datetime import UTC, date, datetime

from sqlalchemy import select

from models import fiscal_calendar
from models.domain.fiscal import FiscalYear, Table, WeekModel
from models.tables import FiscalQuarter

NOW = datetime(2026, 11, 10, 9, tzinfo=UTC)
JANUARY, FEBRUARY = FiscalYear(), FiscalYear(start_month=2)


async def keep(database, fiscal, *, today, now=NOW):
    async with database.write() as session:
        return await fiscal_calendar.keep(session, fiscal, today=today, now=now)


async def stored(database):
    async with database.write() as session:
        rows = await session.scalars(select(FiscalQuarter).order_by(FiscalQuarter.first))
        return [(row.label, row.first, row.last, row.model) for row in rows]


async def test_the_first_time_todays_quarter_and_the_one_before_it(db):
    fiscal = await keep(db, JANUARY, today=date(2026, 11, 10))
    assert fiscal.kept == (JANUARY.quarter(2026, 3), JANUARY.quarter(2026, 4))
    assert await stored(db) == [
        ("2026Q3", date(2026, 7, 1), date(2026, 9, 30), "first_monday"),
        ("2026Q4", date(2026, 10, 1), date(2026, 12, 31), "first_monday"),
    ]
    async with db.write() as session:
        assert set(await session.scalars(select(FiscalQuarter.kept_at))) == {NOW}


async def test_the_same_day_again_changes_nothing_and_a_new_quarter_is_added(empty):
    first = await keep(empty, JANUARY, today=date(2026, 11, 10))
    assert await keep(empty, JANUARY, today=date(2026, 12, 31)) == first
    assert [quarter.label for quarter in (await keep(empty, JANUARY, today=date(2027, 1, 1))).kept][2:] == ["2027Q1"]
    assert len((await keep(empty, JANUARY, today=date(2025, 1, 1))).kept) == 3  # a clock that was put back


async def test_quarters_that_passed_while_nobody_looked_are_kept_too(empty):
    await keep(empty, JANUARY, today=date(2026, 2, 1))
    fiscal = await keep(empty, JANUARY, today=date(2026, 11, 10))
    assert [quarter.label for quarter in fiscal.kept] == ["2025Q4", "2026Q1", "2026Q2", "2026Q3", "2026Q4"]


async def test_a_quarter_whose_week_has_begun_before_its_first_day_is_kept(empty):
    fiscal = await keep(empty, FiscalYear(model=WeekModel.ISO_THURSDAY), today=date(2025, 12, 29))
    assert [quarter.label for quarter in fiscal.kept] == ["2025Q3", "2025Q4", "2026Q1"]


async def test_a_stretch_is_stored_once_its_days_are_lived_and_can_be_taken_back_until_then(db):
    await keep(db, JANUARY, today=date(2026, 11, 10))
    planned = await keep(db, FEBRUARY, today=date(2026, 12, 31))
    assert planned.quarter_of(date(2027, 1, 31)).label == "2026Q4"
    assert (await stored(db))[-1][2] == date(2026, 12, 31)
    assert (await keep(db, JANUARY, today=date(2026, 12, 31))).quarter_of(date(2027, 1, 31)).label == "2027Q1"
    lived = await keep(db, FEBRUARY, today=date(2027, 1, 1))
    assert (await stored(db))[-1][:3] == ("2026Q4", date(2026, 10, 1), date(2027, 1, 31))
    back = await keep(db, JANUARY, today=date(2027, 1, 2))
    assert lived.kept == back.kept
    assert back.quarter_of(date(2027, 3, 31)).label == "2026Q4"
    assert (await stored(db))[-1][2] == date(2027, 1, 31)
    assert [one.label for one in (await keep(db, JANUARY, today=date(2027, 4, 1))).kept] == [
        "2026Q3",
        "2026Q4",
        "2027Q2",
    ]
    assert (await stored(db))[1][2] == date(2027, 3, 31)


async def test_a_quarter_keeps_the_model_of_its_time(empty):
    table = Table.parse("2026Q3=2026-08-02,2026Q4=2026-11-01,end=2027-01-30")
    await keep(empty, FiscalYear(model=WeekModel.TABLE, table=table), today=date(2026, 11, 10))
    fiscal = await keep(empty, JANUARY, today=date(2026, 11, 11))
    quarter = fiscal.quarter_of(date(2026, 11, 11))
    assert (quarter.model, quarter.first) == (WeekModel.TABLE, date(2026, 11, 1))
    assert fiscal.week_of(date(2026, 11, 8)) == (quarter, 2)
