"""Dates as CRMs write them: ISO, and 02/23/26 with or without an hour, whose order has to be known and is not guessed.

The file's own rows settle the order: 02/23/26 has no 23rd month. Where none does, the file is refused with the option
that settles it, even if its headers are Salesforce's: the order follows the exporting person's locale, and a close date
read the wrong way round would move money between quarters without anybody noticing.
"""

import re
from collections.abc import Iterable
from datetime import date

from models.domain.errors import BadFile
from models.domain.files.mapping import DateOrder
from models.domain.files.table import Problem

_CLOCK = r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?\s*(?:[AaPp]\.?[Mm]\.?)?"
_HOUR = rf"(?:[T ,]+{_CLOCK}\s*(?:Z|UTC|[+-][0-9]{{2}}:?[0-9]{{2}})?)?"
_ISO = re.compile(rf"([0-9]{{4}})[-/]([0-9]{{1,2}})[-/]([0-9]{{1,2}}){_HOUR}")
_SLASHED = re.compile(rf"([0-9]{{1,2}})[/-]([0-9]{{1,2}})[/-]([0-9]{{4}}|[0-9]{{2}}){_HOUR}")
_DOTTED = re.compile(rf"([0-9]{{1,2}})\.([0-9]{{1,2}})\.([0-9]{{4}}|[0-9]{{2}}){_HOUR}")
_MONTHS = 12
_THIS_CENTURY = 69  # as C and Python read two-digit years: 00-68 is 20xx

ORDERS: dict[DateOrder, str] = {"mdy": "month/day/year", "dmy": "day/month/year"}

Cell = tuple[int, str, str]
"""Line, header, text."""


def order_of(cells: Iterable[Cell], told: DateOrder | None) -> DateOrder | None:
    """The order of the slashed dates in `cells`: as told, else as they show themselves; None when there are none.

    Raises:
        BadFile: nothing settles the order, or two lines settle it differently.
    """
    if told:
        return told
    shown: dict[DateOrder, Cell] = {}
    first: Cell | None = None
    for cell in cells:
        match = _SLASHED.fullmatch(cell[2])
        if match is None:
            continue
        first = first or cell
        if int(match[1]) > _MONTHS:
            shown.setdefault("dmy", cell)
        elif int(match[2]) > _MONTHS:
            shown.setdefault("mdy", cell)
    if first is None or len(shown) == 1:
        return next(iter(shown), None)
    if not shown:
        raise _refused(first, f"“{first[2]}” could be day or month first. Say which with --dates mdy or --dates dmy.")
    (_, one), (_, other) = sorted(shown.items(), key=lambda item: item[1][0])
    raise _refused(
        other, f"“{other[2]}” has day and month the other way round than “{one[2]}” on line {one[0]}. Use one order."
    )


def parse_date(text: str, order: DateOrder | None) -> date | None:
    """The date of a cell; None for an empty one. An hour is read over: the date is the one that is written.

    Raises:
        ValueError: a sentence that says what is wrong with the text.
    """
    if not text:
        return None
    if match := _ISO.fullmatch(text):
        return _day(int(match[1]), int(match[2]), int(match[3]), text)
    if match := _DOTTED.fullmatch(text):
        return _day(_year(match[3]), int(match[2]), int(match[1]), text)
    if match := _SLASHED.fullmatch(text):
        one, two = int(match[1]), int(match[2])
        month, day = (two, one) if order == "dmy" else (one, two)
        if month > _MONTHS >= day:
            other = "mdy" if order == "dmy" else "dmy"
            was = ORDERS[order or "mdy"]
            raise ValueError(f"“{text}” is not {was}, the order this file is read in. Mend it, or use --dates {other}.")
        return _day(_year(match[3]), month, day, text)
    shown = text if len(text) <= len("2026-12-31T23:59:59.000+00:00") else text[:28] + "…"
    raise ValueError(f"“{shown}” is not a date. Write it as 2026-12-31.")


def _day(year: int, month: int, day: int, text: str) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise ValueError(f"“{text}” is not a day of the calendar.") from None


def _year(text: str) -> int:
    year = int(text)
    if len(text) == len("2026"):
        return year
    return year + (2000 if year < _THIS_CENTURY else 1900)


def _refused(cell: Cell, reason: str) -> BadFile:
    line, header, _ = cell
    return BadFile("The dates of this file have two readings.", (str(Problem(line, header, reason)),))
