"""The rows of a quarter: its weeks, its end, and the days over which several partners are spread."""

import itertools
from datetime import date, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from models.domain.fiscal import FiscalYear, Quarter, Table, WeekModel
from models.domain.rules import (
    Bound,
    ClosingMonthRule,
    LastWholeWeekRule,
    NthWeekdayRule,
    QuarterRule,
    QuarterWeekRule,
    Rule,
    Shift,
    Spread,
    WeeklyRule,
    candidate_days,
    nominal_days,
    resolve,
)
from models.domain.workdays import ClosedDay, WorkCalendar
from tests.domain.test_fiscal_models import CALENDARS, quarters_of

MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY = range(7)
ONE_DAY = timedelta(days=1)
NO_HOLIDAYS, US, GERMANY = WorkCalendar(), WorkCalendar(code="US"), WorkCalendar(code="DE-BY")
JANUARY, FEBRUARY, DAY_ONE = FiscalYear(), FiscalYear(start_month=2), FiscalYear(model=WeekModel.DAY_ONE)
FORECAST = QuarterWeekRule(weeks=(1, 5, 9), weekday=MONDAY, spread=Spread(days=2, per_day=3))
PBR = NthWeekdayRule(weekday=FRIDAY, nth=1, spread=Spread(until=Bound.MONTH, per_day=2))
READOUT = ClosingMonthRule(weekday=TUESDAY, nth=3, spread=Spread(until=Bound.QUARTER, per_day=2))
QBR = LastWholeWeekRule(weekday=WEDNESDAY)


def closed(*days: date) -> WorkCalendar:
    return WorkCalendar(closed=tuple(ClosedDay(day, "Founders' Day") for day in days))


def slots(rule, first, last, fiscal=JANUARY):
    return {nominal.slot: nominal.day for nominal in nominal_days(rule, first, last, fiscal)}


# Slots


def test_the_weeks_of_a_quarter_carry_its_label_and_their_number():
    assert slots(FORECAST, date(2026, 10, 1), date(2026, 12, 31)) == {
        "2026Q4-w01": date(2026, 10, 5),
        "2026Q4-w05": date(2026, 11, 2),
        "2026Q4-w09": date(2026, 11, 30),
    }
    assert slots(FORECAST, date(2026, 11, 1), date(2027, 1, 31), FEBRUARY) == {
        "2026Q4-w01": date(2026, 11, 2),
        "2026Q4-w05": date(2026, 11, 30),
        "2026Q4-w09": date(2026, 12, 28),
    }


def test_a_week_counted_from_the_end_has_the_slot_of_its_number():
    rule = QuarterWeekRule(weeks=(-1, 13, 8), weekday=THURSDAY)
    assert slots(rule, date(2026, 1, 5), date(2026, 4, 5)) == {
        "2026Q1-w08": date(2026, 2, 26),
        "2026Q1-w13": date(2026, 4, 2),  # in April, and in the week of the first quarter
    }


def test_a_week_that_a_quarter_does_not_have_is_left_out():
    rule = QuarterWeekRule(weeks=(14,), weekday=MONDAY)
    long = [quarter.label for quarter in quarters_of(JANUARY) if JANUARY.weeks_in(quarter) == 14]
    assert [slot.partition("-")[0] for slot in slots(rule, date(2000, 1, 1), date(2099, 12, 31))] == long


def test_a_last_week_without_the_weekday_takes_its_last_working_day():
    quarter = DAY_ONE.quarter(2026, 1)  # its week 13 goes from Thursday 26 to Tuesday 31 March
    last = (DAY_ONE.week_starts(quarter, -1), DAY_ONE.week_ends(quarter, -1))
    assert last == (date(2026, 3, 26), date(2026, 3, 31))
    days = [slots(QuarterWeekRule(weeks=(-1,), weekday=day), *last, DAY_ONE)["2026Q1-w13"].day for day in range(7)]
    assert days == [30, 31, 31, 26, 27, 28, 29]


def test_closing_rituals_of_the_golden_quarters():
    year = date(2026, 1, 1), date(2026, 12, 31)
    assert slots(QBR, *year) == {
        "2026Q1-w12": date(2026, 3, 25),
        "2026Q2-w12": date(2026, 6, 24),
        "2026Q3-w12": date(2026, 9, 23),
        "2026Q4-w12": date(2026, 12, 23),
    }
    assert slots(READOUT, *year) == {
        "2026Q1": date(2026, 3, 17),
        "2026Q2": date(2026, 6, 16),
        "2026Q3": date(2026, 9, 15),
        "2026Q4": date(2026, 12, 15),
    }
    assert slots(READOUT, date(2027, 1, 1), date(2027, 1, 31), FEBRUARY) == {"2026Q4": date(2027, 1, 19)}
    assert slots(QuarterRule(), *year)["2026Q4"] == date(2026, 10, 12)


@pytest.mark.parametrize(("ends", "weekday", "nth", "day"), [
    ("2026-05-02", TUESDAY, 3, date(2026, 4, 21)),
    ("2026-05-15", FRIDAY, -1, date(2026, 5, 15)),  # the last Friday of May lies after the quarter's end
    ("2026-05-15", TUESDAY, 3, date(2026, 5, 12)),
    ("2026-02-28", TUESDAY, 1, date(2026, 2, 3)),
    ("2026-03-13", MONDAY, 1, date(2026, 2, 16)),
], ids=str)  # fmt: skip
def test_where_a_quarter_does_not_end_with_a_month_the_readout_stays_in_it(ends, weekday, nth, day):
    start = "2026-02-01" if day != date(2026, 2, 16) else "2026-02-10"
    table = Table.parse(f"2026Q1={start},end={ends}")
    fiscal = FiscalYear(model=WeekModel.TABLE, table=table)
    assert slots(ClosingMonthRule(weekday=weekday, nth=nth), table.starts, table.ends, fiscal) == {"2026Q1": day}


def test_a_quarter_too_short_for_its_row_meets_in_its_last_week():
    fiscal = FiscalYear(model=WeekModel.TABLE, table=Table.parse("2026Q1=2026-02-02,end=2026-03-01"))
    assert slots(QuarterRule(week=6), date(2026, 2, 2), date(2026, 3, 1), fiscal) == {"2026Q1": date(2026, 2, 23)}


def test_the_label_of_a_kept_quarter_stands_in_its_slots():
    kept = Quarter(2026, 4, date(2026, 10, 1), date(2026, 12, 31), label="FY27-Q1")
    fiscal = FiscalYear(kept=(kept,))
    assert slots(QuarterRule(), date(2026, 10, 1), date(2026, 12, 31), fiscal) == {"FY27-Q1": date(2026, 10, 12)}


EVERY = [
    QuarterWeekRule(weeks=(1, 5, 9), weekday=MONDAY),
    QuarterWeekRule(weeks=(3, 8, -1), weekday=FRIDAY),
    QuarterRule(),
    QBR,
    READOUT,
]


@pytest.mark.parametrize("fiscal", CALENDARS, ids=lambda fiscal: f"{fiscal.model}-{fiscal.start_month}")
def test_over_a_hundred_years_every_row_fires_once_for_each_of_its_weeks(fiscal):
    quarters = quarters_of(fiscal, date(2000, 3, 1), date(2099, 9, 1))
    first, last = fiscal.week_starts(quarters[0], 1), fiscal.week_ends(quarters[-1], -1)
    for rule in EVERY:
        found = list(nominal_days(rule, first, last, fiscal))
        each = 3 if isinstance(rule, QuarterWeekRule) else 1
        assert len({slot for slot, _ in found}) == len(found) == each * len(quarters), rule
        assert [day for _, day in found] == sorted({day for _, day in found})
        for place, (slot, day) in enumerate(found):
            quarter = quarters[place // each]
            assert slot.partition("-")[0] == quarter.label
            if rule in (QBR, READOUT):
                assert day in quarter
            else:
                assert fiscal.week_of(day)[0] == quarter


@pytest.mark.parametrize("fiscal", [CALENDARS[0], CALENDARS[1], CALENDARS[5], CALENDARS[-1]], ids=lambda one: one.model)
@pytest.mark.parametrize("calendar", [US, GERMANY], ids=["US", "DE"])
def test_whatever_the_holidays_closing_days_stay_in_their_quarter_and_none_is_lost(fiscal, calendar):
    for rule in (QBR, READOUT, LastWholeWeekRule(weekday=FRIDAY, spread=Spread(days=3, per_day=1))):
        for _, nominal in nominal_days(rule, date(2020, 1, 1), date(2060, 1, 1), fiscal):
            days = candidate_days(rule, nominal, calendar, fiscal)
            assert days
            assert all(calendar.is_business_day(day) for day in days)
            assert {fiscal.quarter_of(day) for day in days} == {fiscal.quarter_of(nominal)}


@given(st.sampled_from(CALENDARS), st.sampled_from(EVERY), st.lists(st.dates(date(2020, 1, 1), date(2030, 1, 1)), min_size=3, max_size=5, unique=True).map(sorted))  # fmt: skip
def test_adjoining_ranges_neither_miss_nor_double_a_row(fiscal, rule, cuts):
    pieces = [nominal_days(rule, first, last - ONE_DAY, fiscal) for first, last in itertools.pairwise(cuts)]
    whole = nominal_days(rule, cuts[0], cuts[-1] - ONE_DAY, fiscal)
    assert list(itertools.chain.from_iterable(pieces)) == list(whole)
    assert not list(nominal_days(rule, cuts[1], cuts[0], fiscal))


@pytest.mark.parametrize("weekday", range(7))
def test_a_weekly_row_fires_once_a_week_whatever_the_quarters_are(weekday):
    days = list(nominal_days(WeeklyRule(weekday=weekday), date(2000, 1, 1), date(2099, 12, 31), DAY_ONE))
    assert {b.day - a.day for a, b in itertools.pairwise(days)} == {timedelta(weeks=1)}
    assert len({slot for slot, _ in days}) == len(days)


# Holidays


def day_of(rule, nominal, calendar, fiscal=JANUARY):
    (meeting,) = resolve(rule, time(10), 30, "Europe/Berlin", calendar, nominal, nominal, fiscal)
    assert (meeting.day,) == candidate_days(rule, nominal, calendar, fiscal)[:1] or meeting.day is None
    return meeting.day


@pytest.mark.parametrize(("rule", "nominal", "calendar", "moved"), [
    (QuarterWeekRule(weeks=(9,), weekday=MONDAY), date(2026, 11, 30), NO_HOLIDAYS, date(2026, 11, 30)),
    (QuarterWeekRule(weeks=(3,), weekday=MONDAY), date(2026, 1, 19), US, date(2026, 1, 20)),  # M L King
    (QuarterWeekRule(weeks=(-1,), weekday=FRIDAY), date(2026, 4, 3), GERMANY, date(2026, 4, 2)),  # Good Friday
    (QuarterWeekRule(weeks=(1,), weekday=MONDAY), date(2026, 4, 6), GERMANY, date(2026, 4, 7)),  # Easter Monday
    (LastWholeWeekRule(weekday=FRIDAY), date(2026, 12, 25), GERMANY, date(2026, 12, 28)),
    (ClosingMonthRule(weekday=THURSDAY, nth=-1), date(2026, 12, 31), closed(date(2026, 12, 31)), date(2026, 12, 30)),
    (WeeklyRule(weekday=THURSDAY), date(2026, 5, 14), GERMANY, date(2026, 5, 13)),  # Ascension
    (WeeklyRule(weekday=THURSDAY), date(2026, 11, 26), US, date(2026, 11, 25)),
    (PBR, date(2026, 7, 3), US, date(2026, 7, 6)),
    (NthWeekdayRule(weekday=FRIDAY, nth=1), date(2026, 5, 1), GERMANY, date(2026, 5, 4)),
], ids=lambda one: str(getattr(one, "kind", "")))  # fmt: skip
def test_a_holiday_moves_a_row_inside_its_quarter(rule, nominal, calendar, moved):
    assert day_of(rule, nominal, calendar) == moved


def test_the_other_shifts_of_a_quarters_row():
    monday = date(2026, 10, 5)
    shut = closed(monday)
    assert day_of(QuarterWeekRule(weeks=(1,), weekday=MONDAY, shift=Shift.SKIP), monday, shut) is None
    assert day_of(QuarterWeekRule(weeks=(1,), weekday=MONDAY, shift=Shift.KEEP), monday, shut) == monday
    before = QuarterWeekRule(weeks=(1,), weekday=MONDAY, shift=Shift.PREV_BUSINESS)
    assert day_of(before, monday, shut) == date(2026, 10, 6)  # before it is another quarter's week
    bounded = QuarterWeekRule(weeks=(5,), weekday=FRIDAY, bound=Bound.WEEK)
    assert day_of(bounded, date(2026, 11, 6), closed(date(2026, 11, 6))) == date(2026, 11, 5)
    assert candidate_days(FORECAST, monday, closed(*(monday + n * ONE_DAY for n in range(91)))) == ()


# Several partners


def test_without_a_spread_a_slot_has_one_day_or_none():
    rule = WeeklyRule(weekday=MONDAY)
    assert candidate_days(rule, date(2026, 5, 18), US) == (date(2026, 5, 18),)
    assert candidate_days(rule, date(2026, 5, 25), US) == ()


def test_pbrs_begin_on_the_first_friday_or_the_next_business_day_and_go_on_until_the_month_ends():
    days = candidate_days(PBR, date(2026, 7, 3), US)
    assert (days[0], days[1], days[-1], len(days)) == (date(2026, 7, 6), date(2026, 7, 7), date(2026, 7, 31), 20)
    days = candidate_days(PBR, date(2026, 11, 6), US)
    assert days[:3] == (date(2026, 11, 6), date(2026, 11, 9), date(2026, 11, 10))
    assert date(2026, 11, 26) not in days
    (meeting,) = resolve(PBR, time(10), 30, "UTC", US, date(2026, 7, 3), date(2026, 7, 3))
    assert (meeting.slot, meeting.day, meeting.reason) == ("2026-07", date(2026, 7, 6), "Independence Day (observed)")


def test_one_to_ones_take_two_business_days_from_the_monday_on():
    assert candidate_days(FORECAST, date(2026, 10, 5), US) == (date(2026, 10, 5), date(2026, 10, 6))
    monday = date(2026, 1, 19)
    rule = QuarterWeekRule(weeks=(3,), weekday=MONDAY, spread=Spread(days=2, per_day=3))
    assert candidate_days(rule, monday, US) == (date(2026, 1, 20), date(2026, 1, 21))


def test_a_spread_over_days_may_leave_its_week_but_never_its_quarter():
    rule = QuarterWeekRule(weeks=(-1,), weekday=FRIDAY, bound=Bound.WEEK, spread=Spread(days=3, per_day=1))
    assert candidate_days(rule, date(2026, 4, 3), US) == (date(2026, 4, 3),)
    middle = rule.model_copy(update={"weeks": (5,)})
    assert candidate_days(middle, date(2026, 2, 6), US) == (date(2026, 2, 6), date(2026, 2, 9), date(2026, 2, 10))


def test_a_month_or_a_week_bounds_a_spread_inside_the_quarter():
    rule = QuarterWeekRule(weeks=(1,), weekday=THURSDAY, spread=Spread(until=Bound.WEEK, per_day=1))
    assert candidate_days(rule, date(2026, 10, 8), US) == (date(2026, 10, 8), date(2026, 10, 9))
    monthly = ClosingMonthRule(weekday=FRIDAY, nth=-1, spread=Spread(until=Bound.MONTH, per_day=1))
    assert candidate_days(monthly, date(2026, 12, 25), NO_HOLIDAYS)[-1] == date(2026, 12, 31)
    counted = NthWeekdayRule(weekday=FRIDAY, nth=-1, spread=Spread(days=5, per_day=1))
    assert candidate_days(counted, date(2026, 11, 27), NO_HOLIDAYS) == (date(2026, 11, 27), date(2026, 11, 30))


def test_readouts_go_from_the_third_tuesday_to_the_quarters_last_day():
    days = candidate_days(READOUT, date(2026, 12, 15), GERMANY)
    assert (days[0], days[-1]) == (date(2026, 12, 15), date(2026, 12, 31))
    assert date(2026, 12, 25) not in days
    days = candidate_days(READOUT, date(2027, 1, 19), GERMANY, FEBRUARY)
    assert (days[0], days[-1]) == (date(2027, 1, 19), date(2027, 1, 29))


# Rules as data


@pytest.mark.parametrize(
    "rule", [PBR, FORECAST, READOUT, QBR, QuarterRule(week=3, weekday=TUESDAY)], ids=lambda one: one.kind
)
def test_a_row_survives_being_stored_as_json(rule):
    rules = TypeAdapter(Rule)
    assert rules.validate_json(rules.dump_json(rule)) == rule


@pytest.mark.parametrize(
    "data",
    [
        {"kind": "quarter_week", "weekday": 0, "weeks": []},
        {"kind": "quarter_week", "weekday": 0, "weeks": [0]},
        {"kind": "quarter_week", "weekday": 0, "weeks": [99]},
        {"kind": "last_whole_week", "weekday": 5},
        {"kind": "closing_month", "weekday": 1, "nth": 5},
        {"kind": "quarter", "week": 0},
        {"kind": "quarter", "spread": {"per_day": 1}},
        {"kind": "quarter", "spread": {"per_day": 1, "days": 2, "until": "month"}},
        {"kind": "quarter", "spread": {"per_day": 0, "days": 2}},
    ],
)
def test_an_impossible_row_is_refused(data):
    with pytest.raises(ValidationError):
        TypeAdapter(Rule).validate_python(data)
