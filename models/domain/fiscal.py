"""Fiscal quarters, and the weeks in which a partnerships team meets (`first_monday`).

Two calendars on purpose. Money follows its date: a deal closed on 1 January belongs to the quarter that starts then.
Meetings follow their week: week 1 begins on the first Monday on or after the quarter's first day, and the stub days
before it belong to the last week of the previous quarter.
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta

from pydantic import BaseModel, ConfigDict, Field

QUARTERS = 4
MONTHS_IN_QUARTER = 3
DAYS_IN_WEEK = 7
MONDAY_TO_FRIDAY_SPAN = timedelta(days=4)


@dataclass(frozen=True, slots=True, order=True)
class Quarter:
    """A fiscal quarter from `first` to `last`, both included; `year` is the year in which its fiscal year starts."""

    year: int
    number: int
    first: date
    last: date

    @property
    def label(self) -> str:
        """Its name in artifacts and slots, such as `2026Q4`."""
        return f"{self.year}Q{self.number}"

    def next(self) -> "Quarter":
        year, number = (self.year + 1, 1) if self.number == QUARTERS else (self.year, self.number + 1)
        return _starting(year, number, _add_months(self.first, MONTHS_IN_QUARTER))

    def previous(self) -> "Quarter":
        year, number = (self.year - 1, QUARTERS) if self.number == 1 else (self.year, self.number - 1)
        return _starting(year, number, _add_months(self.first, -MONTHS_IN_QUARTER))

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last


class FiscalYear(BaseModel):
    """A fiscal year that starts on the first day of `start_month` (1 to 12) and is named by the year it starts in."""

    model_config = ConfigDict(frozen=True)

    start_month: int = Field(default=1, ge=1, le=12)

    def quarter(self, year: int, number: int) -> Quarter:
        """Quarter `number` (1 to 4) of the fiscal year `year`."""
        return _starting(year, number, _add_months(date(year, self.start_month, 1), (number - 1) * MONTHS_IN_QUARTER))

    def quarter_of(self, day: date) -> Quarter:
        """The quarter of money dated `day`."""
        year = day.year if day.month >= self.start_month else day.year - 1
        return self.quarter(year, (day.month - self.start_month) % 12 // MONTHS_IN_QUARTER + 1)

    def week_of(self, day: date) -> tuple[Quarter, int]:
        """The quarter and week (from 1) of a meeting on `day`: those of the Monday of its week."""
        monday = day - timedelta(days=day.weekday())
        quarter = self.quarter_of(monday)
        return quarter, (monday - _first_monday(quarter)).days // DAYS_IN_WEEK + 1


def weeks_in(quarter: Quarter) -> int:
    """12, 13 or 14: the Mondays that lie in the quarter."""
    return (_first_monday(quarter.next()) - _first_monday(quarter)).days // DAYS_IN_WEEK


def monday_of(quarter: Quarter, week: int) -> date:
    """The Monday of a week: 1 is the first, -1 the last.

    Raises:
        ValueError: the quarter has no such week.
    """
    count = weeks_in(quarter)
    number = week if week > 0 else count + 1 + week
    if not (week and 1 <= number <= count):
        raise ValueError(f"{quarter.label} has weeks 1 to {count}, not {week}.")
    return _first_monday(quarter) + timedelta(weeks=number - 1)


def last_whole_week(quarter: Quarter) -> int:
    """The last week whose Monday to Friday lies inside the quarter: closing rituals such as the QBR stand in it."""
    count = weeks_in(quarter)
    return count if monday_of(quarter, count) + MONDAY_TO_FRIDAY_SPAN <= quarter.last else count - 1


def _first_monday(quarter: Quarter) -> date:
    return quarter.first + timedelta(days=-quarter.first.weekday() % DAYS_IN_WEEK)


def _starting(year: int, number: int, first: date) -> Quarter:
    closing = _add_months(first, MONTHS_IN_QUARTER - 1)
    return Quarter(year, number, first, closing.replace(day=monthrange(closing.year, closing.month)[1]))


def _add_months(first: date, months: int) -> date:
    """The first day of the month that many months later."""
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    return date(year, month + 1, 1)
