"""Fiscal quarters by money's date, and the weeks of meetings."""

from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from models.domain.fiscal import FiscalYear, Quarter, WeekModel

JANUARY, FEBRUARY = FiscalYear(start_month=1), FiscalYear(start_month=2)

GOLDEN = [
    (JANUARY, "2026Q1", date(2026, 1, 1), date(2026, 1, 5), date(2026, 3, 30)),
    (JANUARY, "2026Q2", date(2026, 4, 1), date(2026, 4, 6), date(2026, 6, 29)),
    (JANUARY, "2026Q3", date(2026, 7, 1), date(2026, 7, 6), date(2026, 9, 28)),
    (JANUARY, "2026Q4", date(2026, 10, 1), date(2026, 10, 5), date(2026, 12, 28)),
    (FEBRUARY, "2026Q1", date(2026, 2, 1), date(2026, 2, 2), date(2026, 4, 27)),
    (FEBRUARY, "2026Q2", date(2026, 5, 1), date(2026, 5, 4), date(2026, 7, 27)),
    (FEBRUARY, "2026Q3", date(2026, 8, 1), date(2026, 8, 3), date(2026, 10, 26)),
    (FEBRUARY, "2026Q4", date(2026, 11, 1), date(2026, 11, 2), date(2027, 1, 25)),
]


@pytest.mark.parametrize(("fiscal", "label", "starts", "week_1", "week_13"), GOLDEN)
def test_the_golden_rows(fiscal, label, starts, week_1, week_13):
    quarter = fiscal.quarter_of(starts)
    assert (quarter.label, quarter.first) == (label, starts)
    assert fiscal.weeks_in(quarter) == 13
    assert [fiscal.week_starts(quarter, week) for week in (1, 13, -1)] == [week_1, week_13, week_13]
    assert (fiscal.week_of(week_1), fiscal.week_of(week_13)) == ((quarter, 1), (quarter, 13))


@pytest.mark.parametrize("start_month", range(1, 13))
def test_the_last_day_of_a_quarter_is_followed_by_the_next_one(start_month):
    fiscal = FiscalYear(start_month=start_month)
    quarter = fiscal.quarter(2026, 1)
    for number in range(8):
        following = fiscal.next(quarter)
        assert following.first == quarter.last + timedelta(days=1)
        assert fiscal.previous(following) == quarter
        assert (quarter.year, quarter.number) == (2026 + number // 4, number % 4 + 1)
        assert quarter == fiscal.quarter(quarter.year, quarter.number)
        quarter = following


def test_a_fiscal_year_is_named_by_the_year_it_starts_in():
    assert FEBRUARY.quarter_of(date(2027, 1, 31)).label == "2026Q4"
    assert FEBRUARY.quarter_of(date(2027, 2, 1)).label == "2027Q1"
    assert FiscalYear(start_month=12).quarter_of(date(2027, 2, 28)).label == "2026Q1"


def test_a_quarter_in_a_leap_year_ends_on_29_february():
    assert FiscalYear(start_month=12).quarter_of(date(2028, 1, 1)).last == date(2028, 2, 29)


def test_stub_days_belong_to_the_new_quarter_for_money_and_to_the_old_ones_last_week_for_meetings():
    new_year = date(2026, 1, 1)
    assert JANUARY.quarter_of(new_year).label == "2026Q1"
    quarter, week = JANUARY.week_of(new_year)
    assert (quarter.label, week, JANUARY.weeks_in(quarter)) == ("2025Q4", 13, 13)
    assert new_year not in quarter
    assert date(2025, 12, 31) in quarter


def test_the_friday_of_week_13_can_fall_outside_the_quarter_and_the_qbr_then_stands_a_week_earlier():
    quarter = JANUARY.quarter(2026, 1)
    assert JANUARY.week_starts(quarter, 13) + timedelta(days=4) == date(2026, 4, 3)
    assert JANUARY.last_whole_week(quarter) == JANUARY.week_starts(quarter, 12)
    ends_on_a_friday = JANUARY.quarter(2027, 4)
    assert JANUARY.last_whole_week(ends_on_a_friday) == JANUARY.week_starts(ends_on_a_friday, 13)


def test_quarters_have_12_13_or_14_weeks_in_the_shares_that_were_measured():
    # 400 years are the whole Gregorian cycle, and every month starts a quarter of one of three fiscal years.
    years = [(FiscalYear(start_month=month), year) for month in (1, 2, 3) for year in range(2000, 2400)]
    quarters = [(fiscal, fiscal.quarter(year, number)) for fiscal, year in years for number in (1, 2, 3, 4)]
    counts = Counter(fiscal.weeks_in(quarter) for fiscal, quarter in quarters)
    assert {weeks: round(100 * count / len(quarters)) for weeks, count in counts.items()} == {12: 4, 13: 88, 14: 8}
    outside = sum(fiscal.last_whole_week(quarter) < fiscal.week_starts(quarter, -1) for fiscal, quarter in quarters)
    assert round(100 * outside / len(quarters)) == 57


@pytest.mark.parametrize("week", [0, 14, -14, 99])
def test_a_week_that_the_quarter_does_not_have_is_refused_in_a_sentence(week):
    with pytest.raises(ValueError, match=f"2026Q1 has weeks 1 to 13, not {week}"):
        JANUARY.week_starts(JANUARY.quarter(2026, 1), week)
    with pytest.raises(ValueError, match="2026Q1 has weeks 1 to 13"):
        JANUARY.week_ends(JANUARY.quarter(2026, 1), week)


@pytest.mark.parametrize("start_month", [0, 13])
def test_a_month_that_does_not_exist_starts_no_fiscal_year(start_month):
    with pytest.raises(ValidationError):
        FiscalYear(start_month=start_month)


@given(st.integers(1, 12), st.sampled_from([*WeekModel][:3]), st.dates(date(1990, 1, 1), date(2100, 1, 1)))
def test_every_date_belongs_to_exactly_one_quarter_and_one_week(start_month, model, day):
    fiscal = FiscalYear(start_month=start_month, model=model)
    quarter = fiscal.quarter_of(day)
    assert day in quarter
    assert day not in fiscal.next(quarter)
    assert day not in fiscal.previous(quarter)
    meeting_quarter, week = fiscal.week_of(day)
    assert isinstance(meeting_quarter, Quarter)
    assert fiscal.week_starts(meeting_quarter, week) <= day <= fiscal.week_ends(meeting_quarter, week)
    assert meeting_quarter in {fiscal.previous(quarter), quarter, fiscal.next(quarter)}
