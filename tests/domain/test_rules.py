"""From rules to meetings; at the end against dateutil, over every time zone and ten years."""

import itertools
from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib.resources import files

import pytest
from dateutil import rrule
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from models.domain.fiscal import FiscalYear
from models.domain.rules import Bound, Meeting, NthWeekdayRule, Rule, Shift, WeeklyRule, nominal_days, resolve
from models.domain.workdays import ClosedDay, WorkCalendar
from models.domain.zones import UnknownZone, known_zones, zone

MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY = range(7)
NO_HOLIDAYS = WorkCalendar()
US = WorkCalendar(code="US")


def meeting_of(rule, nominal: date, calendar: WorkCalendar, **more) -> Meeting:
    (meeting,) = resolve(rule, time(10), 30, "America/New_York", calendar, nominal, nominal, **more)
    return meeting


def closed(*days: date) -> WorkCalendar:
    return WorkCalendar(closed=tuple(ClosedDay(day, "Founders' Day") for day in days))


# Slots


def test_a_weekly_slot_is_the_iso_week_of_its_nominal_day():
    slots = [
        nominal.slot for nominal in nominal_days(WeeklyRule(weekday=THURSDAY), date(2026, 12, 24), date(2027, 1, 14))
    ]
    assert slots == ["2026-W52", "2026-W53", "2027-W01", "2027-W02"]


def test_week_53_reaches_into_january_and_keeps_its_old_year():
    (nominal,) = nominal_days(WeeklyRule(weekday=FRIDAY), date(2027, 1, 1), date(2027, 1, 1))
    assert nominal == ("2026-W53", date(2027, 1, 1))


def test_a_monthly_slot_is_its_month():
    nominal = list(nominal_days(NthWeekdayRule(weekday=FRIDAY, nth=1), date(2026, 11, 1), date(2027, 1, 31)))
    assert nominal == [("2026-11", date(2026, 11, 6)), ("2026-12", date(2026, 12, 4)), ("2027-01", date(2027, 1, 1))]


def test_a_month_without_a_fifth_friday_gives_no_slot():
    slots = [n.slot for n in nominal_days(NthWeekdayRule(weekday=FRIDAY, nth=5), date(2026, 1, 1), date(2026, 12, 31))]
    assert slots == ["2026-01", "2026-05", "2026-07", "2026-10"]


def test_the_last_friday_is_the_fourth_or_the_fifth():
    days = [n.day for n in nominal_days(NthWeekdayRule(weekday=FRIDAY, nth=-1), date(2026, 1, 1), date(2026, 2, 28))]
    assert days == [date(2026, 1, 30), date(2026, 2, 27)]


def test_the_range_includes_both_ends_and_filters_nominal_days():
    weekly, monthly = WeeklyRule(weekday=THURSDAY), NthWeekdayRule(weekday=THURSDAY, nth=4)
    thanksgiving = date(2026, 11, 26)
    for rule in (weekly, monthly):
        assert [n.day for n in nominal_days(rule, thanksgiving, thanksgiving)] == [thanksgiving]
        assert not list(nominal_days(rule, date(2026, 11, 27), date(2026, 11, 30)))
        assert not list(nominal_days(rule, thanksgiving, date(2026, 11, 25)))


def test_every_second_week_goes_on_through_week_53():
    rule = WeeklyRule(weekday=THURSDAY, every=2, anchor=date(2026, 12, 14))
    slots = [n.slot for n in nominal_days(rule, date(2026, 12, 1), date(2027, 2, 1))]
    assert slots == ["2026-W49", "2026-W51", "2026-W53", "2027-W02", "2027-W04"]


# Holidays


def test_thanksgiving_moves_the_weekly_review_to_wednesday_and_it_keeps_its_slot():
    meeting = meeting_of(WeeklyRule(weekday=THURSDAY), date(2026, 11, 26), US)
    assert meeting == Meeting(
        slot="2026-W48",
        nominal_day=date(2026, 11, 26),
        day=date(2026, 11, 25),
        starts_at=datetime(2026, 11, 25, 15, 0, tzinfo=UTC),
        ends_at=datetime(2026, 11, 25, 15, 30, tzinfo=UTC),
        reason="Thanksgiving Day",
    )


def test_an_ordinary_day_has_no_reason():
    assert meeting_of(WeeklyRule(weekday=THURSDAY), date(2026, 11, 19), US).reason is None


def test_a_weekly_meeting_in_a_week_without_business_days_before_it_does_not_happen():
    monday = date(2026, 5, 25)
    meeting = meeting_of(WeeklyRule(weekday=MONDAY), monday, US)
    assert (meeting.slot, meeting.nominal_day, meeting.day, meeting.starts_at, meeting.ends_at) == (
        "2026-W22",
        monday,
        None,
        None,
        None,
    )
    assert meeting.reason == "Memorial Day"


def test_a_whole_week_of_holidays_has_no_meeting():
    week = [date(2026, 12, 21) + timedelta(days=n) for n in range(5)]
    meeting = meeting_of(WeeklyRule(weekday=THURSDAY), week[3], closed(*week))
    assert (meeting.day, meeting.reason) == (None, "Founders' Day")


@pytest.mark.parametrize(
    ("nominal", "moved_to"),
    [(date(2026, 7, 3), date(2026, 7, 6)), (date(2027, 1, 1), date(2027, 1, 4))],
    ids=["Independence Day observed", "New Year"],
)
def test_a_first_friday_that_is_a_us_holiday_moves_to_the_next_business_day(nominal, moved_to):
    assert meeting_of(NthWeekdayRule(weekday=FRIDAY, nth=1), nominal, US).day == moved_to


HOLIDAY = date(2026, 10, 30)  # a Friday, the last business day of its month
SHIFTS = [
    ("skip", Shift.SKIP, Bound.WEEK, [HOLIDAY], None),
    ("keep", Shift.KEEP, Bound.WEEK, [HOLIDAY], HOLIDAY),
    ("previous", Shift.PREV_BUSINESS, Bound.WEEK, [HOLIDAY], date(2026, 10, 29)),
    (
        "previous, over another holiday",
        Shift.PREV_BUSINESS,
        Bound.WEEK,
        [HOLIDAY, date(2026, 10, 29)],
        date(2026, 10, 28),
    ),
    ("next, not beyond the week", Shift.NEXT_BUSINESS, Bound.WEEK, [HOLIDAY], None),
    ("next, not beyond the month", Shift.NEXT_BUSINESS, Bound.MONTH, [HOLIDAY], None),
    ("next, over the month's end", Shift.NEXT_BUSINESS, Bound.QUARTER, [HOLIDAY], date(2026, 11, 2)),
    (
        "next, over the weekend and a holiday",
        Shift.NEXT_BUSINESS,
        Bound.QUARTER,
        [HOLIDAY, date(2026, 11, 2)],
        date(2026, 11, 3),
    ),
]


@pytest.mark.parametrize(
    ("shift", "bound", "holidays", "day"), [row[1:] for row in SHIFTS], ids=[row[0] for row in SHIFTS]
)
def test_the_nth_weekday_comes_first_and_the_holiday_shift_after(shift, bound, holidays, day):
    rule = NthWeekdayRule(weekday=FRIDAY, nth=-1, shift=shift, bound=bound)
    meeting = meeting_of(rule, HOLIDAY, closed(*holidays))
    assert (meeting.slot, meeting.day) == ("2026-10", day)
    assert meeting.reason == (None if shift is Shift.KEEP else "Founders' Day")


def test_a_shift_may_reach_the_first_and_the_last_day_of_its_bound():
    tuesday = date(2026, 11, 24)
    assert meeting_of(WeeklyRule(weekday=TUESDAY), tuesday, closed(tuesday)).day == date(2026, 11, 23)
    thanksgiving = date(2026, 11, 26)
    assert meeting_of(
        NthWeekdayRule(weekday=THURSDAY, nth=4), thanksgiving, closed(thanksgiving, date(2026, 11, 27))
    ).day == date(2026, 11, 30)


def test_a_shift_bounded_by_the_quarter_stops_at_the_fiscal_one():
    rule = NthWeekdayRule(weekday=FRIDAY, nth=-1, bound=Bound.QUARTER)
    assert meeting_of(rule, HOLIDAY, closed(HOLIDAY), fiscal=FiscalYear(start_month=2)).day is None
    assert meeting_of(rule, HOLIDAY, closed(HOLIDAY), fiscal=FiscalYear(start_month=1)).day == date(2026, 11, 2)


def test_a_declared_working_saturday_can_take_a_shifted_meeting():
    calendar = WorkCalendar(closed=(ClosedDay(HOLIDAY),), working=frozenset({date(2026, 10, 31)}))
    rule = WeeklyRule(weekday=FRIDAY, shift=Shift.NEXT_BUSINESS)
    assert meeting_of(rule, HOLIDAY, calendar).day == date(2026, 10, 31)


def test_a_weekend_chosen_on_purpose_is_no_holiday():
    assert meeting_of(WeeklyRule(weekday=SATURDAY), date(2026, 11, 21), US).day == date(2026, 11, 21)


# Instants


def test_a_meeting_is_as_long_as_it_says_also_over_a_clock_change():
    (meeting,) = resolve(
        WeeklyRule(weekday=SUNDAY),
        time(1, 30),
        60,
        "America/New_York",
        NO_HOLIDAYS,
        date(2026, 11, 1),
        date(2026, 11, 1),
    )
    assert meeting.starts_at == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
    assert meeting.ends_at == datetime(2026, 11, 1, 6, 30, tzinfo=UTC)


def test_the_friday_that_apia_skipped_starts_at_the_same_hour_of_the_day_after():
    (meeting,) = resolve(
        WeeklyRule(weekday=FRIDAY), time(10), 30, "Pacific/Apia", NO_HOLIDAYS, date(2011, 12, 30), date(2011, 12, 30)
    )
    assert meeting.starts_at.astimezone(zone("Pacific/Apia")).isoformat() == "2011-12-31T10:00:00+14:00"


def test_no_week_is_lost_after_spring_forward():
    meetings = resolve(
        WeeklyRule(weekday=MONDAY), time(0), 30, "America/New_York", NO_HOLIDAYS, date(2027, 3, 8), date(2027, 3, 22)
    )
    assert [m.day for m in meetings] == [date(2027, 3, 8), date(2027, 3, 15), date(2027, 3, 22)]


def test_an_unknown_zone_is_refused_in_a_sentence():
    with pytest.raises(UnknownZone, match="is not a time zone"):
        resolve(
            WeeklyRule(weekday=MONDAY), time(10), 30, "Mars/Olympus", NO_HOLIDAYS, date(2026, 1, 1), date(2026, 1, 1)
        )


# Rules as data


def test_a_rule_survives_being_stored_as_json():
    rules = TypeAdapter(Rule)
    for rule in (WeeklyRule(weekday=THURSDAY, every=2), NthWeekdayRule(weekday=FRIDAY, nth=-1, shift=Shift.SKIP)):
        assert rules.validate_json(rules.dump_json(rule)) == rule


@pytest.mark.parametrize(
    "data",
    [
        {"kind": "weekly", "weekday": 7},
        {"kind": "weekly", "weekday": 3, "every": 0},
        {"kind": "nth_weekday", "weekday": 4, "nth": 0},
        {"kind": "nth_weekday", "weekday": 4, "nth": 6},
        {"kind": "daily"},
    ],
)
def test_an_impossible_rule_is_refused(data):
    with pytest.raises(ValidationError):
        TypeAdapter(Rule).validate_python(data)


# Against an independent library

FIRST, LAST = date(2020, 1, 1), date(2029, 12, 31)
START, END = datetime(2020, 1, 1, tzinfo=UTC), datetime(2029, 12, 31, tzinfo=UTC)
HOURS = (time(0, 30), time(2, 30), time(10))
RRULE_DAYS = (rrule.MO, rrule.TU, rrule.WE, rrule.TH, rrule.FR, rrule.SA, rrule.SU)


@cache
def dateutil_days(rule: WeeklyRule | NthWeekdayRule) -> list[date]:
    weekday = RRULE_DAYS[rule.weekday]
    if isinstance(rule, WeeklyRule):
        # dateutil counts intervals from its own start: give it the anchor's week.
        found = rrule.rrule(
            rrule.WEEKLY,
            dtstart=datetime.combine(rule.anchor, time(), UTC),
            until=END,
            interval=rule.every,
            byweekday=weekday,
            wkst=rrule.MO,
        )
    else:
        found = rrule.rrule(rrule.MONTHLY, dtstart=START, until=END, byweekday=weekday(rule.nth))
    return [each.date() for each in found if each >= START]


ALL_RULES = [
    *(
        WeeklyRule(weekday=day, every=every, anchor=anchor)
        for day in range(7)
        for every in (1, 2, 3)
        for anchor in (date(2019, 12, 30), date(2020, 1, 1))
    ),
    *(NthWeekdayRule(weekday=day, nth=nth) for day in range(7) for nth in (1, 2, 3, 4, 5, -1)),
]


@pytest.mark.parametrize("rule", ALL_RULES, ids=repr)
def test_nominal_days_are_those_of_dateutil_and_every_slot_is_another(rule):
    nominal = list(nominal_days(rule, FIRST, LAST))
    assert [each.day for each in nominal] == dateutil_days(rule)
    assert len({each.slot for each in nominal}) == len(nominal)
    named = "%G-W%V" if isinstance(rule, WeeklyRule) else "%Y-%m"
    assert [each.slot for each in nominal] == [each.day.strftime(named) for each in nominal]


@settings(deadline=None)
@given(st.sampled_from(ALL_RULES), st.lists(st.dates(FIRST, LAST), min_size=3, max_size=6, unique=True).map(sorted))
def test_adjoining_ranges_neither_miss_nor_double_a_slot(rule, cuts):
    pieces = [nominal_days(rule, first, last - timedelta(days=1)) for first, last in itertools.pairwise(cuts)]
    whole = nominal_days(rule, cuts[0], cuts[-1] - timedelta(days=1))
    assert list(itertools.chain.from_iterable(pieces)) == list(whole)


class Clocks:
    """How far a zone's clocks are from UTC, in seconds, and since when.

    Asked in one direction only, from instant to clock, so that nothing here shares what is under test: the way from a
    clock reading to an instant, with its gaps and repeated hours.
    """

    DAY = 86_400
    SINCE, UNTIL = int(START.timestamp()) - 7 * DAY, int(END.timestamp()) + 7 * DAY

    def __init__(self, name: str) -> None:
        self._zone = zone(name)
        self.starts, self.offsets = [self.SINCE], [self._offset(self.SINCE)]
        for moment in range(self.SINCE, self.UNTIL, self.DAY):
            offset = self._offset(moment + self.DAY)
            if offset != self.offsets[-1]:
                self.starts.append(
                    moment
                    + bisect_right(range(self.DAY), False, key=lambda s, m=moment, o=offset: self._offset(m + s) == o)
                )
                self.offsets.append(offset)

    def _offset(self, moment: int) -> int:
        return int(datetime.fromtimestamp(moment, self._zone).utcoffset().total_seconds())

    def instants(self, readings: list[int]) -> list[int]:
        """For ascending clock readings (seconds as if they were UTC) the first instant that shows each; where the
        clocks jump over one, the instant as far after the jump as the reading is after its beginning."""
        found, part = [], 0
        for reading in readings:
            while part + 1 < len(self.starts) and reading >= self.starts[part + 1] + self.offsets[part]:
                part += 1
            jumped_over = reading - self.offsets[part] < self.starts[part]
            found.append(reading - self.offsets[part - jumped_over])
        return found


@cache
def readings(rule: WeeklyRule | NthWeekdayRule, at: time) -> list[int]:
    return [int(datetime.combine(day, at, UTC).timestamp()) for day in dateutil_days(rule)]


@cache
def instant_at(moment: int) -> datetime:
    return datetime.fromtimestamp(moment, UTC)


@cache
def clocks_by_zone() -> dict[str, Clocks]:
    """Every zone's clocks; names that share their data share them too."""
    by_data: dict[bytes, Clocks] = {}
    found = {}
    for name in sorted(known_zones()):
        data = files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()
        if data not in by_data:
            by_data[data] = Clocks(name)
        found[name] = by_data[data]
    return found


def assert_no_date_missed_or_doubled(
    rule: WeeklyRule | NthWeekdayRule, name: str, clocks: Clocks, hours: Sequence[time] = HOURS
) -> None:
    for at in hours:
        meetings = resolve(rule, at, 30, name, NO_HOLIDAYS, FIRST, LAST)
        assert [meeting.day for meeting in meetings] == dateutil_days(rule), (name, at)
        wanted = list(map(instant_at, clocks.instants(readings(rule, at))))
        assert [meeting.starts_at for meeting in meetings] == wanted, (name, at)


@pytest.mark.parametrize(
    "rule",
    [WeeklyRule(weekday=SUNDAY), NthWeekdayRule(weekday=SUNDAY, nth=-1), NthWeekdayRule(weekday=FRIDAY, nth=1)],
    ids=["every Sunday", "the last Sunday", "the first Friday"],
)
def test_in_every_zone_over_ten_years_no_date_is_missed_or_doubled(rule):
    # Another name for the same data is asked at one hour: that it is known, and that it is that data.
    asked: set[Clocks] = set()
    for name, clocks in clocks_by_zone().items():
        assert_no_date_missed_or_doubled(rule, name, clocks, HOURS[:1] if clocks in asked else HOURS)
        asked.add(clocks)


@pytest.mark.parametrize("weekday", [MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY])
def test_in_every_zone_that_changes_its_clocks_no_weekday_is_missed_or_doubled(weekday):
    # One name for each way of changing clocks: the test before this one already asks every name.
    ways = {(*clocks.starts, *clocks.offsets): (name, clocks) for name, clocks in clocks_by_zone().items()}
    changing = [(name, clocks) for name, clocks in ways.values() if len(clocks.starts) > 1]
    assert len(changing) > 20
    for name, clocks in changing:
        assert_no_date_missed_or_doubled(WeeklyRule(weekday=weekday), name, clocks)


def test_the_independent_computation_knows_a_gap_and_a_repeated_hour():
    clocks = clocks_by_zone()["America/New_York"]
    gap, twice = datetime(2027, 3, 14, 2, 30, tzinfo=UTC), datetime(2027, 11, 7, 1, 30, tzinfo=UTC)
    instants = clocks.instants([int(gap.timestamp()), int(twice.timestamp())])
    assert list(map(instant_at, instants)) == [
        datetime(2027, 3, 14, 7, 30, tzinfo=UTC),
        datetime(2027, 11, 7, 5, 30, tzinfo=UTC),
    ]
