"""From a rule ("every Thursday", "the first Friday", "week 5 of the quarter") to local dates and UTC instants.

A slot names a meeting for good: 2026-W48, 2026-11, 2026Q4-w05, 2026Q4. It comes from the nominal day, before any holiday
is looked at, so that a meeting moved by a holiday keeps its key and nothing fires twice.

Where several partners meet in one slot, a rule spreads them over days: `candidate_days` names the days, `placing` the
hour.
"""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from itertools import chain, islice
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from models.domain.fiscal import FiscalYear, Quarter
from models.domain.workdays import WorkCalendar
from models.domain.zones import local_to_utc, zone

ONE_DAY = timedelta(days=1)
ONE_WEEK = timedelta(weeks=1)
A_MONDAY = date(1970, 1, 5)
LAST = -1
FRIDAY = 4
LONGEST_QUARTER = 53
"""Weeks beyond which no rule counts: the longest quarter of a table, stretched by a changed setting, has fewer."""


class Shift(StrEnum):
    """What a meeting does when its nominal day is a holiday."""

    SKIP = "skip"
    NEXT_BUSINESS = "next_business"
    PREV_BUSINESS = "prev_business"
    KEEP = "keep"


class Bound(StrEnum):
    """How far a shifted meeting may go: it stays in the week (Monday to Sunday), month or fiscal quarter of its day."""

    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"


class Spread(BaseModel):
    """The meetings of one slot spread over business days, at most `per_day` a day for one person.

    They begin with the slot's day and go on over `days` business days, that one included, or `until` the end of the week,
    month or quarter of its nominal day.

    Raises:
        ValidationError: neither or both of `days` and `until` are given.
    """

    model_config = ConfigDict(frozen=True)

    days: int | None = Field(default=None, ge=1)
    until: Bound | None = None
    per_day: int = Field(ge=1)

    @model_validator(mode="after")
    def _ends_once(self) -> Self:
        if (self.days is None) == (self.until is None):
            raise ValueError("A spread goes over a number of days, or until an end: one of them.")
        return self


class WeeklyRule(BaseModel):
    """On `weekday` (Monday is 0) of every `every`-th week, counted from the week of `anchor`.

    On a holiday: the previous business day of the same week, else no meeting.
    """

    model_config = ConfigDict(frozen=True)

    kind: Literal["weekly"] = "weekly"
    weekday: int = Field(ge=0, le=6)
    every: int = Field(default=1, ge=1)
    anchor: date = A_MONDAY
    shift: Shift = Shift.PREV_BUSINESS
    bound: Bound = Bound.WEEK
    spread: Spread | None = None


class NthWeekdayRule(BaseModel):
    """The `nth` `weekday` (Monday is 0) of every month; -1 is the last. A month without a fifth has no meeting.

    On a holiday: the next business day of the same month, else no meeting.
    """

    model_config = ConfigDict(frozen=True)

    kind: Literal["nth_weekday"] = "nth_weekday"
    weekday: int = Field(ge=0, le=6)
    nth: Literal[1, 2, 3, 4, 5, -1]
    shift: Shift = Shift.NEXT_BUSINESS
    bound: Bound = Bound.MONTH
    spread: Spread | None = None


class _Quarterly(BaseModel):
    """What the rules of a quarter's rows share.

    On a holiday: the next business day inside the quarter, else the one before, so that what closes a quarter stays in
    it. Whatever the bound says, neither a shift nor a spread leaves the quarter.
    """

    model_config = ConfigDict(frozen=True)

    shift: Shift = Shift.NEXT_BUSINESS
    bound: Bound = Bound.QUARTER
    spread: Spread | None = None


class QuarterWeekRule(_Quarterly):
    """On `weekday` (Monday is 0) of some `weeks` of every quarter: 1 is its first, -1 its last.

    A week the quarter does not have is left out, one named twice (13 and -1) counts once. A last week too short to have
    the weekday takes its last day from Monday to Friday. The quarter is that of the week.

    Raises:
        ValidationError: no weeks, or a week 0.
    """

    kind: Literal["quarter_week"] = "quarter_week"
    weeks: tuple[Annotated[int, Field(ge=-LONGEST_QUARTER, le=LONGEST_QUARTER)], ...] = Field(min_length=1)
    weekday: int = Field(ge=0, le=6)

    @model_validator(mode="after")
    def _no_week_zero(self) -> Self:
        if 0 in self.weeks:
            raise ValueError("A quarter's weeks are counted from 1, or back from -1; there is no week 0.")
        return self


class LastWholeWeekRule(_Quarterly):
    """On `weekday` (0 to 4) of the last Monday to Friday that lies wholly inside the quarter."""

    kind: Literal["last_whole_week"] = "last_whole_week"
    weekday: int = Field(ge=0, le=FRIDAY)


class ClosingMonthRule(_Quarterly):
    """The `nth` `weekday` of the month in which the quarter closes, such as the third Tuesday; -1 is the last.

    Always inside the quarter: where a quarter does not end with a month, whole weeks earlier or later.
    """

    kind: Literal["closing_month"] = "closing_month"
    weekday: int = Field(ge=0, le=6)
    nth: Literal[1, 2, 3, 4, -1]


class QuarterRule(_Quarterly):
    """Once a quarter, on `weekday` of its `week`; a quarter with fewer weeks meets in its last."""

    kind: Literal["quarter"] = "quarter"
    week: int = Field(default=2, ge=1, le=LONGEST_QUARTER)
    weekday: int = Field(default=0, ge=0, le=6)


QuarterlyRule = QuarterWeekRule | LastWholeWeekRule | ClosingMonthRule | QuarterRule
AnyRule = WeeklyRule | NthWeekdayRule | QuarterlyRule
Rule = Annotated[AnyRule, Field(discriminator="kind")]


class Nominal(NamedTuple):
    """A slot and the local date the rule alone gives it."""

    slot: str
    day: date


@dataclass(frozen=True, slots=True)
class Meeting:
    """One slot of a cadence after its holidays.

    `day` is the local date, None if there is no meeting; `starts_at` and `ends_at` are UTC, None with it. `reason`
    names the holiday that moved or cancelled the meeting, else None. Where clocks skip `at` just before midnight,
    `starts_at` falls on the local date after `day`.
    """

    slot: str
    nominal_day: date
    day: date | None
    starts_at: datetime | None
    ends_at: datetime | None
    reason: str | None = None


def nominal_days(
    rule: AnyRule,
    first: date,
    last: date,
    fiscal: FiscalYear = FiscalYear(),  # noqa: B008 (frozen, so it can be shared)
) -> Iterator[Nominal]:
    """The slots whose nominal day lies from `first` to `last`, both included, in order.

    `fiscal` says what a quarter is, for the rules that count in quarters.
    """
    if isinstance(rule, WeeklyRule):
        return _weekly(rule, first, last)
    if isinstance(rule, NthWeekdayRule):
        return _monthly(rule, first, last)
    return _quarterly(rule, first, last, fiscal)


def resolve(
    rule: AnyRule,
    at: time,
    minutes: int,
    zone_name: str,
    calendar: WorkCalendar,
    first: date,
    last: date,
    fiscal: FiscalYear = FiscalYear(),  # noqa: B008 (frozen, so it can be shared)
) -> list[Meeting]:
    """The meetings at local time `at`, lasting `minutes`, whose nominal day lies from `first` to `last`, both included.

    The range filters nominal days so that adjoining ranges neither miss nor double a meeting; a shifted meeting may lie
    outside it. `fiscal` says what a quarter is. A rule that spreads its meetings gives the first of its days.

    Raises:
        UnknownZone: `zone_name` is no time zone.
    """
    clocks, length = zone(zone_name), timedelta(minutes=minutes)
    meetings = []
    for slot, nominal in nominal_days(rule, first, last, fiscal):
        day = _day_of(rule, nominal, calendar, fiscal)
        reason = None if rule.shift is Shift.KEEP else calendar.holiday_name(nominal)
        if day is None:
            meetings.append(Meeting(slot, nominal, None, None, None, reason))
        else:
            starts_at = local_to_utc(day, at, clocks)
            meetings.append(Meeting(slot, nominal, day, starts_at, starts_at + length, reason))
    return meetings


def candidate_days(
    rule: AnyRule,
    nominal: date,
    calendar: WorkCalendar,
    fiscal: FiscalYear = FiscalYear(),  # noqa: B008 (frozen, so it can be shared)
) -> tuple[date, ...]:
    """The days a meeting of the slot with this nominal day may have, the best first.

    Without a spread: its day after the holidays. With one: that day and the business days after it. Empty where the rule
    has no meeting.
    """
    day = _day_of(rule, nominal, calendar, fiscal)
    if day is None or rule.spread is None:
        return () if day is None else (day,)
    # Days that are counted may leave the week or month they began in, but not the quarter of a quarter's row.
    until = rule.spread.until or (Bound.QUARTER if isinstance(rule, _Quarterly) else rule.bound)
    _, last = _limits(rule, until, nominal, fiscal)
    later = (each for each in _days(day + ONE_DAY, last) if calendar.is_business_day(each))
    return (day, *islice(later, None if rule.spread.days is None else rule.spread.days - 1))


def _weekly(rule: WeeklyRule, first: date, last: date) -> Iterator[Nominal]:
    # Weeks are counted from an anchor and not by their ISO number: every second week must survive a week 53.
    start = rule.anchor - timedelta(days=rule.anchor.weekday() - rule.weekday)
    step = 7 * rule.every
    for ordinal in range(first.toordinal() + (start - first).days % step, last.toordinal() + 1, step):
        day = date.fromordinal(ordinal)
        year, week, _ = day.isocalendar()
        yield Nominal(f"{year}-W{week:02d}", day)


def _monthly(rule: NthWeekdayRule, first: date, last: date) -> Iterator[Nominal]:
    for months in range(first.year * 12 + first.month - 1, last.year * 12 + last.month):
        year, month = divmod(months, 12)
        day = _nth_weekday(year, month + 1, rule)
        if day is not None and first <= day <= last:
            yield Nominal(f"{year}-{month + 1:02d}", day)


def _nth_weekday(year: int, month: int, rule: NthWeekdayRule | ClosingMonthRule) -> date | None:
    first_weekday, length = monthrange(year, month)
    earliest = 1 + (rule.weekday - first_weekday) % 7
    number = earliest + 7 * (rule.nth - 1) if rule.nth != LAST else earliest + (length - earliest) // 7 * 7
    return date(year, month, number) if number <= length else None


def _quarterly(rule: QuarterlyRule, first: date, last: date, fiscal: FiscalYear) -> Iterator[Nominal]:
    # A quarter's weeks reach a few days into its neighbours' money: one more quarter on either side.
    quarter, stop = fiscal.previous(fiscal.quarter_of(first)), fiscal.next(fiscal.quarter_of(last))
    while quarter.first <= stop.first:
        yield from (nominal for nominal in _in_quarter(rule, quarter, fiscal) if first <= nominal.day <= last)
        quarter = fiscal.next(quarter)


def _in_quarter(rule: QuarterlyRule, quarter: Quarter, fiscal: FiscalYear) -> list[Nominal]:
    """The slots of one quarter, in order."""
    if isinstance(rule, ClosingMonthRule):
        return [Nominal(quarter.label, _in_closing_month(rule, quarter, fiscal))]
    count = fiscal.weeks_in(quarter)
    if isinstance(rule, QuarterRule):
        return [Nominal(quarter.label, _weekday_in(quarter, min(rule.week, count), rule.weekday, fiscal))]
    if isinstance(rule, LastWholeWeekRule):
        monday = fiscal.last_whole_week(quarter)
        _, week = fiscal.week_of(monday)
        return [Nominal(f"{quarter.label}-w{week:02d}", monday + timedelta(days=rule.weekday))]
    named = {week if week > 0 else count + 1 + week for week in rule.weeks}
    return [
        Nominal(f"{quarter.label}-w{week:02d}", _weekday_in(quarter, week, rule.weekday, fiscal))
        for week in range(1, count + 1)
        if week in named
    ]


def _weekday_in(quarter: Quarter, week: int, weekday: int, fiscal: FiscalYear) -> date:
    """The first such weekday of a week; where the quarter's end cuts it off, the last day from Monday to Friday."""
    first, last = fiscal.week_starts(quarter, week), fiscal.week_ends(quarter, week)
    day = first + timedelta(days=(weekday - first.weekday()) % 7)
    if day <= last:
        return day
    return next(each for each in _days(last, first, -1) if each.weekday() <= FRIDAY)


def _in_closing_month(rule: ClosingMonthRule, quarter: Quarter, fiscal: FiscalYear) -> date:
    month = fiscal.closing_month(quarter)
    day = _nth_weekday(month.year, month.month, rule) or month
    while day > quarter.last:
        day -= ONE_WEEK
    while day < quarter.first:
        day += ONE_WEEK
    return day


def _day_of(rule: AnyRule, nominal: date, calendar: WorkCalendar, fiscal: FiscalYear) -> date | None:
    """The day after its holidays; None if there is no business day in the rule's bound, or the rule says skip."""
    if rule.shift is Shift.KEEP or not calendar.is_holiday(nominal):
        return nominal
    if rule.shift is Shift.SKIP:
        return None
    first, last = _limits(rule, rule.bound, nominal, fiscal)
    later, earlier = _days(nominal + ONE_DAY, last), _days(nominal - ONE_DAY, first, -1)
    ways = (later, earlier) if rule.shift is Shift.NEXT_BUSINESS else (earlier, later)
    tried = chain(*ways) if isinstance(rule, _Quarterly) else ways[0]
    return next((day for day in tried if calendar.is_business_day(day)), None)


def _limits(rule: AnyRule, bound: Bound, day: date, fiscal: FiscalYear) -> tuple[date, date]:
    """The first and last day a meeting of `day` may move to."""
    if bound is Bound.QUARTER:
        return _quarter_limits(rule, day, fiscal)
    if bound is Bound.WEEK:
        first = day - timedelta(days=day.weekday())
        last = first + 6 * ONE_DAY
    else:
        first, last = day.replace(day=1), day.replace(day=monthrange(day.year, day.month)[1])
    if not isinstance(rule, _Quarterly):
        return first, last
    earliest, latest = _quarter_limits(rule, day, fiscal)
    return max(first, earliest), min(last, latest)


def _quarter_limits(rule: AnyRule, day: date, fiscal: FiscalYear) -> tuple[date, date]:
    """The quarter's weeks for what stands in one of its weeks, its own dates for everything else."""
    if isinstance(rule, QuarterWeekRule | QuarterRule):
        quarter, _ = fiscal.week_of(day)
        return fiscal.week_starts(quarter, 1), fiscal.week_ends(quarter, LAST)
    quarter = fiscal.quarter_of(day)
    return quarter.first, quarter.last


def _days(first: date, last: date, step: int = 1) -> Iterator[date]:
    """From `first` to `last`, both included, a day at a time; backwards with -1."""
    return map(date.fromordinal, range(first.toordinal(), last.toordinal() + step, step))
