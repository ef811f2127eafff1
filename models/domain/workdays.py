"""Who works when: holidays, absences and working hours, in the reader's own zone."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from functools import cache, lru_cache
from types import MappingProxyType
from typing import NamedTuple, Self
from zoneinfo import ZoneInfo

import holidays
from pydantic import BaseModel, ConfigDict, model_validator

from models.domain.errors import UserError
from models.domain.zones import as_utc, local_date, local_to_utc, zone

ONE_DAY = timedelta(days=1)
MONDAY_TO_FRIDAY = frozenset(range(5))
HORIZON_DAYS = 366
"""How far a search for a working day goes before it says that there is none: a year, a leap day included."""


class UnknownCalendar(UserError):
    """The code is no country or subdivision with a holiday calendar."""


class NoBusinessDay(LookupError):
    """A calendar closes every day of a year: a mistake in its closed days, not a holiday."""


@cache
def _subdivisions() -> Mapping[str, frozenset[str]]:
    return {country: frozenset(codes) for country, codes in holidays.list_supported_countries().items()}


def _split(code: str) -> tuple[str, str | None]:
    country, dash, subdivision = code.partition("-")
    return country, subdivision if dash else None


@cache
def check_calendar_code(code: str) -> None:
    """Accept `US`, `GB-SCT` or the empty code for no public holidays.

    Raises:
        UnknownCalendar: with a sentence that names the nearest thing known about the code.
    """
    if not code:
        return
    country, subdivision = _split(code)
    known = _subdivisions().get(country)
    if known is None:
        raise UnknownCalendar(f"There is no holiday calendar “{code}”. Use a country code like US, or GB-SCT.")
    if subdivision is not None and subdivision not in known:
        choices = f"It has {', '.join(sorted(known))}." if known else f"Use {country} alone."
        raise UnknownCalendar(f"{country} has no holiday calendar “{subdivision}”. {choices}")


@lru_cache(maxsize=4096)
def _public_holidays(code: str, year: int) -> Mapping[date, str]:
    """Holidays by date, shared by every reader of one code: a thousand readers cost one table a year."""
    if not code:
        return MappingProxyType({})
    country, subdivision = _split(code)
    # English where the data has it, else the local name.
    table = holidays.country_holidays(country, subdiv=subdivision, years=year, expand=False, language="en_US")
    return MappingProxyType({day: name for day, name in table.items() if day.year == year})


class ClosedDay(NamedTuple):
    """A day off that no public calendar knows, with the name people see."""

    day: date
    name: str = "a closed day"


class WorkCalendar(BaseModel):
    """Public holidays of a country or subdivision, corrected by a company's or partner's own lists.

    `code` is like `US` or `GB-SCT`, empty for no public holidays. `closed` adds days off. `working` wins over
    everything: such a day is worked though it is a holiday or a weekend.

    Raises:
        UnknownCalendar: nobody keeps a calendar under this code.
    """

    model_config = ConfigDict(frozen=True)

    code: str = ""
    closed: tuple[ClosedDay, ...] = ()
    working: frozenset[date] = frozenset()

    @model_validator(mode="after")
    def _code_is_known(self) -> Self:
        check_calendar_code(self.code)
        return self

    def holiday_name(self, day: date) -> str | None:
        """What the day is called on which nobody works, or None; weekends are no holidays."""
        if day in self.working:
            return None
        own = next((closed.name for closed in self.closed if closed.day == day), None)
        return own or _public_holidays(self.code, day.year).get(day)

    def is_holiday(self, day: date) -> bool:
        return self.holiday_name(day) is not None

    def is_business_day(self, day: date) -> bool:
        """Monday to Friday and no holiday, or declared a working day."""
        return day in self.working or (day.weekday() in MONDAY_TO_FRIDAY and not self.is_holiday(day))


class Absence(NamedTuple):
    """Away from `first` to `last`, both included, dates of the person's own zone."""

    first: date
    last: date


class Reader(BaseModel):
    """Somebody the bot may write to: a person, or the company as the reader of its channels.

    `calendar` is the reader's own, else the company's: the caller decides. Working hours are local, from `work_start`
    up to but not including `work_end`; `workweek` counts Monday as 0.

    Raises:
        UnknownZone: `zone_name` is no time zone.
        ValidationError: the working day ends before it starts, or an absence does.
    """

    model_config = ConfigDict(frozen=True)

    zone_name: str
    calendar: WorkCalendar = WorkCalendar()
    absences: tuple[Absence, ...] = ()
    work_start: time = time(8)
    work_end: time = time(18)
    workweek: frozenset[int] = MONDAY_TO_FRIDAY

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        zone(self.zone_name)
        if self.work_start >= self.work_end:
            raise ValueError("The working day must end after it starts.")
        if any(absence.last < absence.first for absence in self.absences):
            raise ValueError("An absence must not end before it starts.")
        return self

    @property
    def zone(self) -> ZoneInfo:
        return zone(self.zone_name)


class WorkingHours(NamedTuple):
    """The instants (UTC) between which a reader works on one day: opening included, closing not."""

    opening: datetime
    closing: datetime


def is_absent(reader: Reader, day: date) -> bool:
    return any(absence.first <= day <= absence.last for absence in reader.absences)


def is_working_day(reader: Reader, day: date) -> bool:
    """A day of the reader's workweek, neither a holiday of their calendar nor in an absence."""
    if is_absent(reader, day):
        return False
    return day in reader.calendar.working or (day.weekday() in reader.workweek and not reader.calendar.is_holiday(day))


def working_hours(reader: Reader, day: date) -> WorkingHours | None:
    """The reader's hours on a local date; None if they do not work, or no clock of theirs shows that date.

    Hours are a span of instants, not of clock readings: a repeated hour cannot interrupt the day, and an hour the
    clocks skip opens it later.
    """
    if not is_working_day(reader, day):
        return None
    opening, closing = (local_to_utc(day, at, reader.zone) for at in (reader.work_start, reader.work_end))
    if opening >= closing or local_date(opening, reader.zone) != day:
        return None
    return WorkingHours(opening, closing)


def in_working_hours(reader: Reader, instant: datetime) -> bool:
    hours = working_hours(reader, local_date(instant, reader.zone))
    return hours is not None and hours.opening <= instant < hours.closing


def next_working_instant(reader: Reader, instant: datetime) -> datetime | None:
    """The instant itself (in UTC) inside the reader's working hours, else their next opening.

    None if they do not work within 366 days: the caller asks for their cover, nobody waits for a year.
    """
    instant = as_utc(instant)
    for day in _days(local_date(instant, reader.zone), ONE_DAY):
        hours = working_hours(reader, day)
        if hours is not None and instant < hours.closing:
            return max(instant, hours.opening)
    return None


def last_working_day_before(reader: Reader, day: date) -> date | None:
    """The reader's last working day strictly before the local date `day`; None if there is none within 366 days."""
    return next((each for each in _days(day - ONE_DAY, -ONE_DAY) if is_working_day(reader, each)), None)


def working_days_between(reader: Reader, after: date, until: date) -> int:
    """How many of the reader's working days lie after `after` up to and including `until`; Friday to Monday is one."""
    return sum(is_working_day(reader, after + n * ONE_DAY) for n in range(1, (until - after).days + 1))


def previous_business_day(calendar: WorkCalendar, day: date) -> date:
    """The calendar's last business day strictly before `day`.

    Raises:
        NoBusinessDay: there is none within 366 days.
    """
    return _business_day(calendar, day, -ONE_DAY)


def next_business_day(calendar: WorkCalendar, day: date) -> date:
    """The calendar's first business day strictly after `day`.

    Raises:
        NoBusinessDay: there is none within 366 days.
    """
    return _business_day(calendar, day, ONE_DAY)


def _business_day(calendar: WorkCalendar, day: date, step: timedelta) -> date:
    for each in _days(day + step, step):
        if calendar.is_business_day(each):
            return each
    raise NoBusinessDay(f"The calendar has no business day within {HORIZON_DAYS} days of {day.isoformat()}.")


def _days(start: date, step: timedelta) -> Iterator[date]:
    return (start + n * step for n in range(HORIZON_DAYS))
