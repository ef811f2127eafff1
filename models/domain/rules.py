"""From a rule ("every Thursday", "the first Friday") to local dates and UTC instants.

A slot names a meeting for good: 2026-W48, 2026-11. It comes from the nominal day, before any holiday is looked at, so
that a meeting moved by a holiday keeps its key and nothing fires twice.
"""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from models.domain.fiscal import FiscalYear
from models.domain.workdays import WorkCalendar
from models.domain.zones import local_to_utc, zone

ONE_DAY = timedelta(days=1)
A_MONDAY = date(1970, 1, 5)
LAST = -1


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


Rule = Annotated[WeeklyRule | NthWeekdayRule, Field(discriminator="kind")]


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


def nominal_days(rule: WeeklyRule | NthWeekdayRule, first: date, last: date) -> Iterator[Nominal]:
    """The slots whose nominal day lies from `first` to `last`, both included, in order."""
    return _weekly(rule, first, last) if isinstance(rule, WeeklyRule) else _monthly(rule, first, last)


def resolve(
    rule: WeeklyRule | NthWeekdayRule,
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
    outside it. `fiscal` says where a quarter ends, for rules bounded by it.

    Raises:
        UnknownZone: `zone_name` is no time zone.
    """
    clocks, length = zone(zone_name), timedelta(minutes=minutes)
    meetings = []
    for slot, nominal in nominal_days(rule, first, last):
        holiday = calendar.holiday_name(nominal)
        moves = holiday is not None and rule.shift is not Shift.KEEP
        day = _shifted(rule, nominal, calendar, fiscal) if moves else nominal
        reason = holiday if moves else None
        if day is None:
            meetings.append(Meeting(slot, nominal, None, None, None, reason))
        else:
            starts_at = local_to_utc(day, at, clocks)
            meetings.append(Meeting(slot, nominal, day, starts_at, starts_at + length, reason))
    return meetings


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


def _nth_weekday(year: int, month: int, rule: NthWeekdayRule) -> date | None:
    first_weekday, length = monthrange(year, month)
    earliest = 1 + (rule.weekday - first_weekday) % 7
    number = earliest + 7 * (rule.nth - 1) if rule.nth != LAST else earliest + (length - earliest) // 7 * 7
    return date(year, month, number) if number <= length else None


def _shifted(
    rule: WeeklyRule | NthWeekdayRule, nominal: date, calendar: WorkCalendar, fiscal: FiscalYear
) -> date | None:
    """The nearest business day in the rule's direction and bound; None if there is none, or the rule says skip."""
    if rule.shift is Shift.SKIP:
        return None
    step = ONE_DAY if rule.shift is Shift.NEXT_BUSINESS else -ONE_DAY
    first, last = _limits(rule.bound, nominal, fiscal)
    day = nominal + step
    while first <= day <= last:
        if calendar.is_business_day(day):
            return day
        day += step
    return None


def _limits(bound: Bound, day: date, fiscal: FiscalYear) -> tuple[date, date]:
    """The first and last day a meeting of `day` may move to."""
    if bound is Bound.WEEK:
        monday = day - timedelta(days=day.weekday())
        return monday, monday + 6 * ONE_DAY
    if bound is Bound.MONTH:
        return day.replace(day=1), day.replace(day=monthrange(day.year, day.month)[1])
    quarter = fiscal.quarter_of(day)
    return quarter.first, quarter.last
