"""Every model of weeks, every start month, a hundred years; and tables of quarters."""

import itertools
from datetime import date, timedelta

import pytest
from pydantic import ValidationError

from models.domain.fiscal import BadTable, FiscalYear, Quarter, Table, TableRow, WeekModel

ONE_DAY, ONE_WEEK = timedelta(days=1), timedelta(weeks=1)


def four_four_five(first_year=2000, years=100) -> Table:
    """52 or 53 weeks: a year begins on the Sunday next to 1 February; the long ones have 14 weeks in the fourth quarter."""
    near = [date(year, 2, 1) for year in range(first_year, first_year + years + 1)]
    starts = [day + timedelta(days=(3 - (day.weekday() + 4) % 7)) for day in near]
    rows = [
        TableRow(year=year, number=number + 1, first=start + number * 13 * ONE_WEEK)
        for year, start in zip(range(first_year, first_year + years), starts, strict=False)
        for number in range(4)
    ]
    return Table(rows=tuple(rows), ends=starts[-1] - ONE_DAY)


TABLE = four_four_five()
CALENDARS = [
    *(FiscalYear(start_month=month, model=model) for month in range(1, 13) for model in [*WeekModel][:3]),
    FiscalYear(model=WeekModel.TABLE, table=TABLE),
]


def quarters_of(fiscal, first=date(2000, 1, 1), last=date(2099, 12, 31)):
    quarter, found = fiscal.quarter_of(first), []
    while quarter.first <= last:
        found.append(quarter)
        quarter = fiscal.next(quarter)
    return found


def check_tiles(fiscal, quarters):
    """Quarters, and the weeks of consecutive quarters, follow one another without a hole or an overlap."""
    for quarter, following in itertools.pairwise(quarters):
        assert following.first == quarter.last + ONE_DAY
        assert fiscal.previous(following) == quarter
        assert fiscal.week_ends(quarter, -1) + ONE_DAY == fiscal.week_starts(following, 1)
        count = fiscal.weeks_in(quarter)
        for week in range(1, count):
            assert fiscal.week_starts(quarter, week) + 6 * ONE_DAY == fiscal.week_ends(quarter, week)
            assert fiscal.week_starts(quarter, week + 1) == fiscal.week_ends(quarter, week) + ONE_DAY
        for week in (1, 2, count - 1, count):
            first, last = fiscal.week_starts(quarter, week), fiscal.week_ends(quarter, week)
            assert fiscal.week_of(first) == fiscal.week_of(last) == (quarter, week)


@pytest.mark.parametrize("fiscal", CALENDARS, ids=lambda fiscal: f"{fiscal.model}-{fiscal.start_month}")
def test_over_a_hundred_years_the_weeks_tile_the_calendar_and_closing_rituals_stay_inside(fiscal):
    quarters = quarters_of(fiscal)
    assert len({quarter.label for quarter in quarters}) == len(quarters)
    check_tiles(fiscal, quarters)
    for quarter in quarters:
        assert 12 <= fiscal.weeks_in(quarter) <= 14
        monday = fiscal.last_whole_week(quarter)
        assert monday.weekday() == 0
        assert monday in quarter
        assert monday + 4 * ONE_DAY in quarter
        assert monday + 11 * ONE_DAY not in quarter
        assert {fiscal.week_of(monday + n * ONE_DAY)[0] for n in range(5)} == {quarter}


def test_a_week_belongs_to_the_quarter_of_its_thursday():
    fiscal = FiscalYear(model=WeekModel.ISO_THURSDAY)
    assert fiscal.week_of(date(2025, 12, 29)) == (fiscal.quarter(2026, 1), 1)  # Thursday is 1 January
    assert fiscal.week_of(date(2027, 1, 3)) == (fiscal.quarter(2026, 4), 14)  # Thursday is 31 December
    assert fiscal.quarter_of(date(2025, 12, 29)).label == "2025Q4"  # money follows its date
    for day in (date(2026, 1, 1) + n * ONE_DAY for n in range(800)):
        thursday = day + (3 - day.weekday()) * ONE_DAY
        assert fiscal.week_of(day)[0] == fiscal.quarter_of(thursday)


@pytest.mark.parametrize(
    ("quarter", "days", "weeks", "last_week"),
    [((2026, 1), 90, 13, 6), ((2026, 2), 91, 13, 7), ((2026, 3), 92, 13, 8)],
    ids=["six days are a week", "whole weeks", "one day is added to the week before"],
)
def test_what_blocks_of_seven_days_leave_at_the_end(quarter, days, weeks, last_week):
    fiscal = FiscalYear(model=WeekModel.DAY_ONE)
    found = fiscal.quarter(*quarter)
    assert (found.last - found.first).days + 1 == days
    assert fiscal.week_starts(found, 1) == found.first
    assert fiscal.week_ends(found, -1) == found.last
    assert fiscal.weeks_in(found) == weeks
    assert (fiscal.week_ends(found, -1) - fiscal.week_starts(found, -1)).days + 1 == last_week


# Tables

RETAIL = "2026Q1=2026-02-01, 2026q2=2026-05-03,2026Q3=2026-08-02,2026Q4=2026-11-01,end=2027-01-30"


def test_a_table_is_read_as_it_is_written_in_the_settings():
    fiscal = FiscalYear(model=WeekModel.TABLE, table=Table.parse(RETAIL))
    assert fiscal.quarter(2026, 2) == Quarter(2026, 2, date(2026, 5, 3), date(2026, 8, 1), WeekModel.TABLE)
    assert [fiscal.quarter_of(day).label for day in (date(2026, 5, 2), date(2026, 5, 3), date(2027, 1, 30))] == [
        "2026Q1", "2026Q2", "2026Q4",
    ]  # fmt: skip
    assert fiscal.weeks_in(fiscal.quarter(2026, 1)) == 13
    assert fiscal.closing_month(fiscal.quarter(2026, 1)) == date(2026, 4, 1)  # it ends on 2 May


def test_a_year_of_53_weeks_has_a_quarter_of_14():
    fiscal = FiscalYear(model=WeekModel.TABLE, table=TABLE)
    weeks = {
        year: sum(fiscal.weeks_in(fiscal.quarter(year, number)) for number in (1, 2, 3, 4))
        for year in range(2000, 2100)
    }
    assert set(weeks.values()) == {52, 53}
    long = next(year for year, count in weeks.items() if count == 53)
    assert [fiscal.weeks_in(fiscal.quarter(long, number)) for number in (1, 2, 3, 4)] == [13, 13, 13, 14]


def test_beyond_both_ends_of_a_table_quarters_go_on_in_13_weeks_and_it_says_so():
    fiscal = FiscalYear(model=WeekModel.TABLE, table=Table.parse(RETAIL))
    check_tiles(fiscal, quarters_of(fiscal, date(2020, 1, 1), date(2035, 1, 1)))
    assert fiscal.quarter_of(date(2027, 1, 31)) == Quarter(
        2027, 1, date(2027, 1, 31), date(2027, 5, 1), WeekModel.TABLE
    )
    assert fiscal.quarter_of(date(2026, 1, 31)).label == "2025Q4"
    outside = [date(2026, 1, 31), date(2026, 2, 1), date(2027, 1, 30), date(2027, 1, 31)]
    assert [fiscal.outside_table(day) for day in outside] == [True, False, False, True]
    assert not FiscalYear().outside_table(date(1990, 1, 1))


def test_days_of_a_kept_quarter_before_the_table_are_no_guess():
    kept = (Quarter(2025, 4, date(2025, 10, 1), date(2026, 1, 31)),)
    fiscal = FiscalYear(model=WeekModel.TABLE, table=Table.parse(RETAIL), kept=kept)
    assert not fiscal.outside_table(date(2026, 1, 5))
    assert fiscal.outside_table(date(2025, 9, 30))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2026Q1=2026-02-01", "with the last day as end"),
        ("end=2026-02-01", "with the last day as end"),
        ("2026Q5=2026-02-01,end=2026-05-02", "“2026Q5=2026-02-01” should read like"),
        ("2026Q1=soon,end=2026-05-02", "“2026Q1=soon” should have a date"),
        ("2026Q1=2026-02-01,2026Q1=2026-02-01,end=2026-05-02", "every quarter once"),
        ("2026Q1=2026-02-01,2026Q3=2026-05-03,end=2026-08-01", "2026Q2 should follow 2026Q1, not 2026Q3"),
        ("2026Q1=2026-02-01,2026Q2=2026-02-08,end=2026-08-01", "2026Q1 should last 4 to 26 weeks"),
        ("2026Q4=2026-11-01,2027Q1=2027-01-31,end=2072-05-01", "2027Q1 should last 4 to 26 weeks"),
        ("2026Q2=2026-05-03,2026Q3=2026-02-01,end=2026-08-01", "2026Q2 should last"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused_in_words(text, words):
    with pytest.raises(BadTable, match=words):
        Table.parse(text)


def test_the_model_table_needs_one():
    with pytest.raises(ValidationError, match="needs a table"):
        FiscalYear(model=WeekModel.TABLE)


def test_a_copy_knows_nothing_of_what_its_origin_worked_out():
    fiscal = FiscalYear()
    day = date(2026, 2, 1)
    assert fiscal.week_of(day) == (fiscal.quarter(2026, 1), 4)
    copy = fiscal.model_copy(update={"start_month": 2, "model": WeekModel.DAY_ONE})
    assert copy.week_of(day) == (Quarter(2026, 1, day, date(2026, 4, 30), WeekModel.DAY_ONE), 1)
    assert (copy == FiscalYear(start_month=2, model=WeekModel.DAY_ONE), fiscal == FiscalYear()) == (True, True)
