"""Fiscal quarters, and the weeks in which a partnerships team meets.

Two calendars on purpose. Money follows its date: a deal closed on 1 January belongs to the quarter that starts then.
Meetings follow their week, and a `WeekModel` says where week 1 begins. Both are total: every date has one quarter, and
one week of one quarter.

A quarter that has begun is kept as it was (`FiscalYear.kept`), because slots and artifacts carry its label. A changed
setting begins with its first quarter after the last one kept; the days between belong to that one, for money and for
weeks, so that nothing fires twice and no day is left out. A week that a kept quarter has begun is never cut short either.
"""

import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from functools import cached_property
from itertools import pairwise
from string import ascii_lowercase
from typing import Any, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from models.domain.errors import UserError

QUARTERS = 4
MONTHS_IN_QUARTER = 3
DAYS_IN_WEEK = 7
THURSDAY = 3
ONE_DAY = timedelta(days=1)
MONDAY_TO_FRIDAY_SPAN = timedelta(days=4)
THIRTEEN_WEEKS = timedelta(weeks=13)
OWN_WEEK_DAYS = 4
"""A last block of days that is shorter than a week is a week of its own from this many days on."""
CLOSING_REACH = timedelta(days=14)
"""A quarter closes in the month of the day this long before its last: one that ends on 2 May closes in April."""
SHORTEST, LONGEST = 4, 26
"""Weeks that a quarter of a table may have: a short year of transition is meant, a mistyped year is not."""


class BadTable(UserError):
    """A table of quarters that does not make sense; the sentence says how to mend it."""


class WeekModel(StrEnum):
    """Where the weeks of a quarter begin.

    FIRST_MONDAY: on the first Monday on or after the quarter's first day. The stub days before it belong to the last
    week of the previous quarter.

    ISO_THURSDAY: a week from Monday to Sunday belongs to the quarter in which its Thursday lies.

    DAY_ONE: blocks of seven days from the quarter's first day. What is left at the end is a week of its own if it has at
    least 4 days, else it is added to the week before.

    TABLE: quarters stand in a table (4-4-5, 52 or 53 weeks); their weeks are blocks as in DAY_ONE.
    """

    FIRST_MONDAY = "first_monday"
    ISO_THURSDAY = "iso_thursday"
    DAY_ONE = "day_one"
    TABLE = "table"


@dataclass(frozen=True, slots=True)
class Quarter:
    """A fiscal quarter from `first` to `last`, both included; `year` is the year in which its fiscal year starts.

    `label` is its name in artifacts and slots, `2026Q4` unless it is given. `model` says how its weeks are counted.
    """

    year: int
    number: int
    first: date
    last: date
    model: WeekModel = WeekModel.FIRST_MONDAY
    label: str = ""

    def __post_init__(self) -> None:
        if not self.label:
            object.__setattr__(self, "label", f"{self.year}Q{self.number}")

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last


class TableRow(BaseModel):
    """A quarter of a table: it begins on `first` and ends on the day before the next row's."""

    model_config = ConfigDict(frozen=True)

    year: int
    number: int = Field(ge=1, le=QUARTERS)
    first: date

    @property
    def index(self) -> int:
        """Quarters counted through the years, so that neighbours differ by one."""
        return self.year * QUARTERS + self.number - 1


class Table(BaseModel):
    """Quarters by hand, in order and without a hole; `ends` is the last day of the last one.

    Raises:
        ValidationError: a quarter is left out, or does not last 4 to 26 weeks.
    """

    model_config = ConfigDict(frozen=True)

    rows: tuple[TableRow, ...] = Field(min_length=1)
    ends: date

    @property
    def starts(self) -> date:
        return self.rows[0].first

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        for row, following in pairwise(self.rows):
            if following.index != row.index + 1:
                raise ValueError(
                    f"{_name(row.index + 1)} should follow {_name(row.index)}, not {_name(following.index)}"
                )
        bounds = (*(row.first for row in self.rows), self.ends + ONE_DAY)
        for row, (first, following_first) in zip(self.rows, pairwise(bounds), strict=True):
            if not timedelta(weeks=SHORTEST) <= following_first - first <= timedelta(weeks=LONGEST):
                raise ValueError(
                    f"{_name(row.index)} should last {SHORTEST} to {LONGEST} weeks; from {first} to "
                    f"{following_first - ONE_DAY} are {(following_first - first).days} days"
                )
        return self

    @classmethod
    def parse(cls, text: str) -> Self:
        """The table written as `2026Q1=2026-02-01,2026Q2=2026-05-03,end=2026-08-01`.

        Raises:
            BadTable: with a sentence that names the part to mend.
        """
        parts = [part.strip() for part in text.split(",") if part.strip()]
        dates = dict(map(_part, parts))
        if len(dates) < len(parts):
            raise BadTable("should name every quarter once")
        ends = dates.pop("END", None)
        if ends is None or not dates:
            raise BadTable(
                "should read like 2026Q1=2026-02-01,2026Q2=2026-05-03,end=2026-08-01, with the last day as end"
            )
        rows = tuple(TableRow(year=int(name[:4]), number=int(name[5]), first=day) for name, day in dates.items())
        try:
            return cls(rows=rows, ends=ends)
        except ValidationError as error:
            raise BadTable(error.errors()[0]["msg"].removeprefix("Value error, ")) from None


class _Weeks(NamedTuple):
    """The weeks of a quarter: from `opens` on, up to but not including `closes`."""

    opens: date
    closes: date
    total: int


class FiscalYear(BaseModel):
    """A company's fiscal quarters and their weeks.

    A fiscal year starts on the first day of `start_month` (1 to 12), or where the `table` says, and is named by the year
    it starts in. Before and after a table quarters go on in steps of 13 weeks: a scheduler must not stop because nobody
    wrote next year's table; `outside_table` says so. `kept` are the quarters that had begun, whatever was set then.

    Raises:
        ValidationError: no such month, or the model is a table and there is none.
    """

    model_config = ConfigDict(frozen=True)

    start_month: int = Field(default=1, ge=1, le=12)
    model: WeekModel = WeekModel.FIRST_MONDAY
    table: Table | None = None
    kept: tuple[Quarter, ...] = ()

    @model_validator(mode="after")
    def _has_its_table(self) -> Self:
        if self.model is WeekModel.TABLE and self.table is None:
            raise ValueError("The model “table” needs a table of quarters.")
        return self

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:  # noqa: ARG002
        """A copy is made anew: what this one has worked out would be wrong in another."""
        return type(self)(**{name: getattr(self, name) for name in type(self).model_fields} | dict(update or {}))

    def quarter(self, year: int, number: int) -> Quarter:
        """Quarter `number` (1 to 4) of the fiscal year `year`, the kept one if there is one.

        Where kept quarters took its place it does not exist; then the quarter in which it would have begun.
        """
        lived = (quarter for quarter in self._lived if (quarter.year, quarter.number) == (year, number))
        return next(lived, None) or self.quarter_of(self._first_of(year * QUARTERS + number - 1))

    def quarter_of(self, day: date) -> Quarter:
        """The quarter of money dated `day`."""
        if not self._lived:
            return self._planned(self._index_of(day))
        place = bisect_right(self._lived, day, key=lambda quarter: quarter.first)
        if place and day in self._lived[place - 1]:
            return self._lived[place - 1]
        return self._planned(self._index_of(day) if place else min(self._index_of(day), self._last_before))

    def next(self, quarter: Quarter) -> Quarter:
        return self.quarter_of(quarter.last + ONE_DAY)

    def previous(self, quarter: Quarter) -> Quarter:
        return self.quarter_of(quarter.first - ONE_DAY)

    def week_of(self, day: date) -> tuple[Quarter, int]:
        """The quarter and week (from 1) of a meeting on `day`."""
        quarter = self.quarter_of(day)
        weeks = self._weeks(quarter)
        if not weeks.opens <= day < weeks.closes:
            quarter = self.previous(quarter) if day < weeks.opens else self.next(quarter)
            weeks = self._weeks(quarter)
        return quarter, min((day - weeks.opens).days // DAYS_IN_WEEK + 1, weeks.total)

    def weeks_in(self, quarter: Quarter) -> int:
        """12, 13 or 14 as a rule; more where a changed setting stretched the quarter, others as a table says."""
        return self._weeks(quarter).total

    def week_starts(self, quarter: Quarter, week: int) -> date:
        """The first day of a week: 1 is the first, -1 the last.

        Raises:
            ValueError: the quarter has no such week; the sentence names those it has.
        """
        opens, _, count = self._weeks(quarter)
        return opens + timedelta(weeks=_number(quarter, week, count) - 1)

    def week_ends(self, quarter: Quarter, week: int) -> date:
        """The last day of a week, counted as in `week_starts`; a last week may have more or less than seven days."""
        opens, closes, count = self._weeks(quarter)
        number = _number(quarter, week, count)
        return (closes if number == count else opens + timedelta(weeks=number)) - ONE_DAY

    def last_whole_week(self, quarter: Quarter) -> date:
        """The Monday of the last Monday to Friday inside the quarter, by money and by weeks: the QBR stands in it.

        Its Thursday lies in the quarter, so that every model counts its days among the quarter's own.
        """
        day = quarter.last - MONDAY_TO_FRIDAY_SPAN
        return day - timedelta(days=day.weekday())

    def closing_month(self, quarter: Quarter) -> date:
        """The first day of the month in which the quarter closes: that of the day 14 days before its last."""
        return (quarter.last - CLOSING_REACH).replace(day=1)

    def outside_table(self, day: date) -> bool:
        """Whether the table does not reach `day`, so that its quarter is a guess of 13 weeks."""
        if self.model is not WeekModel.TABLE or self.table is None:
            return False
        return day > self.table.ends or (day < self.table.starts and self.quarter_of(day) not in self._lived)

    def to_keep(self, today: date) -> tuple[Quarter, ...]:
        """What should be kept on `today`, in order: every quarter that has begun, by its dates or by its weeks.

        Where nothing is kept yet: today's and the one before it. Afterwards every one since the last. What is kept stays
        as it is, but for one thing: once days are lived that a changed setting added to a quarter, they are its own for
        good. Until then the setting can be put back as if nothing had been.
        """
        begun = max(self.quarter_of(today), self.week_of(today)[0], key=lambda quarter: quarter.first)
        kept = sorted(self.kept, key=lambda quarter: quarter.first)
        found = [lived if quarter.last < today else quarter for quarter, lived in zip(kept, self._lived, strict=True)]
        quarter = self.next(self._lived[-1]) if kept else self.previous(self.quarter_of(today))
        while quarter.first <= begun.first:
            found.append(quarter)
            quarter = self.next(quarter)
        return tuple(found)

    # From here on quarters of the setting are counted by one index through the years: 4 times the year and 0 to 3.

    @cached_property
    def _lived(self) -> tuple[Quarter, ...]:
        """The kept quarters in order, each up to the next one, the last up to the setting's next."""
        kept = sorted(self.kept, key=lambda quarter: quarter.first)
        if not kept:
            return ()
        goes_on = self._first_of(self._index_of(kept[-1].last) + 1)
        ends = [*(quarter.first for quarter in kept[1:]), goes_on]
        return tuple(replace(quarter, last=end - ONE_DAY) for quarter, end in zip(kept, ends, strict=True))

    @cached_property
    def _last_before(self) -> int:
        """The last quarter of the setting that ended before the first one kept began."""
        return self._index_of(self._lived[0].first) - 1

    @cached_property
    def _quarters(self) -> dict[int, Quarter]:
        return {}

    @cached_property
    def _week_spans(self) -> dict[date, _Weeks]:
        return {}

    def _planned(self, index: int) -> Quarter:
        """A quarter of the setting; the one before the kept ones lasts up to them."""
        if index not in self._quarters:
            last = self._first_of(index + 1) - ONE_DAY
            if self._lived and index == self._last_before:
                last = self._lived[0].first - ONE_DAY
            year, number = divmod(index, QUARTERS)
            self._quarters[index] = Quarter(
                year, number + 1, self._first_of(index), last, self.model, self._free_label(_name(index))
            )
        return self._quarters[index]

    def _free_label(self, label: str) -> str:
        """The label, or with a letter from `b` on if a kept quarter has it: a slot that exists is never made again."""
        taken = {quarter.label for quarter in self._lived}
        return next(name for name in (label, *(label + letter for letter in ascii_lowercase[1:])) if name not in taken)

    def _first_of(self, index: int) -> date:
        """The first day of a quarter of the setting."""
        if self.model is not WeekModel.TABLE or self.table is None:
            year, number = divmod(index, QUARTERS)
            return _add_months(date(year, self.start_month, 1), number * MONTHS_IN_QUARTER)
        place = index - self.table.rows[0].index
        if place < 0:
            return self.table.starts + place * THIRTEEN_WEEKS
        beyond = place - len(self.table.rows)
        return self.table.rows[place].first if beyond < 0 else self.table.ends + ONE_DAY + beyond * THIRTEEN_WEEKS

    def _index_of(self, day: date) -> int:
        """The quarter of the setting in which `day` lies."""
        if self.model is not WeekModel.TABLE or self.table is None:
            return (day.year * 12 + day.month - self.start_month) // MONTHS_IN_QUARTER
        base = self.table.rows[0].index
        if day < self.table.starts:
            return base + (day - self.table.starts) // THIRTEEN_WEEKS
        if day > self.table.ends:
            return base + len(self.table.rows) + (day - self.table.ends - ONE_DAY) // THIRTEEN_WEEKS
        return base - 1 + bisect_right(self.table.rows, day, key=lambda row: row.first)

    def _weeks(self, quarter: Quarter) -> _Weeks:
        if quarter.first not in self._week_spans:
            own = self.quarter_of(quarter.first)
            opens, closes = self._opens(own), self._opens(self.next(own))
            count, rest = divmod((closes - opens).days, DAYS_IN_WEEK)
            blocks = own.model in {WeekModel.DAY_ONE, WeekModel.TABLE}
            self._week_spans[quarter.first] = _Weeks(opens, closes, count + (blocks and rest >= OWN_WEEK_DAYS))
        return self._week_spans[quarter.first]

    def _opens(self, quarter: Quarter) -> date:
        """The first day of a quarter's week 1: as its model says, but not before the weeks of a kept one are over.

        Where the model changed, the first week that would cut the kept quarter's last one goes to it whole. A quarter
        whose predecessor was not kept is the first one lived, or has the same model.
        """
        opens = _opening(quarter.model, quarter.first)
        before = self.previous(quarter)
        if before not in self._lived:
            return opens
        over = _opening(before.model, quarter.first)
        return opens + -(-max(over - opens, timedelta()) // timedelta(weeks=1)) * timedelta(weeks=1)


def _name(index: int) -> str:
    year, number = divmod(index, QUARTERS)
    return f"{year}Q{number + 1}"


def _part(part: str) -> tuple[str, date]:
    """One part of a written table, such as `2026Q1=2026-02-01`."""
    name, _, day = (piece.strip() for piece in part.upper().partition("="))
    if not re.fullmatch(r"[0-9]{4}Q[1-4]|END", name):
        raise BadTable(f"“{part}” should read like 2026Q1=2026-02-01 or end=2027-01-30")
    try:
        return name, date.fromisoformat(day)
    except ValueError:
        raise BadTable(f"“{part}” should have a date such as 2026-02-01") from None


def _number(quarter: Quarter, week: int, count: int) -> int:
    number = week if week > 0 else count + 1 + week
    if not (week and 1 <= number <= count):
        raise ValueError(f"{quarter.label} has weeks 1 to {count}, not {week}.")
    return number


def _opening(model: WeekModel, first: date) -> date:
    """Where the weeks of a quarter that begins on `first` begin."""
    if model is WeekModel.FIRST_MONDAY:
        return first + timedelta(days=-first.weekday() % DAYS_IN_WEEK)
    if model is WeekModel.ISO_THURSDAY:
        return first + timedelta(days=(THURSDAY - first.weekday()) % DAYS_IN_WEEK - THURSDAY)
    return first


def _add_months(first: date, months: int) -> date:
    """The first day of the month that many months later."""
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    return date(year, month + 1, 1)
