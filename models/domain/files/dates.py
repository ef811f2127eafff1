"""Dates as CRMs write them: ISO, 02/23/26 with or without an hour, 12 Mar 2026, and the serial numbers of spreadsheets.

The file's own rows settle the order of day and month: 02/23/26 has no 23rd month. Where none does, the file is refused
with the option that settles it, even if its headers are Salesforce's: the order follows the exporting person's locale,
and a close date read the wrong way round would move money between quarters without anybody noticing. Dates with dots
are day first, as everywhere that writes them, unless a row of the file shows otherwise.
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo

from models.domain.errors import BadFile
from models.domain.files.mapping import DateOrder
from models.domain.files.problems import Problem
from models.domain.text import clip

_CLOCK = r"(?:[01]?[0-9]|2[0-4]):[0-5][0-9](?::[0-5][0-9](?:[.,][0-9]+)?)?\s*(?:[AaPp]\.?[Mm]\.?)?"
_ZONE = r"(?:Z|[A-Z]{2,5}|(?:UTC|GMT)?[+-][0-9]{1,2}(?::?[0-9]{2})?)"
_HOUR = rf"(?:[T ,]+(?P<clock>{_CLOCK})\s*(?P<zone>\(?{_ZONE}\)?)?)?"
_ISO = re.compile(rf"([0-9]{{4}})([-/.])([0-9]{{1,2}})\2([0-9]{{1,2}}){_HOUR}")
_MARKED = re.compile(rf"([0-9]{{1,2}})([-/.])([0-9]{{1,2}})\2([0-9]{{4}}|[0-9]{{2}}){_HOUR}")
_WEEKDAY = r"(?:[A-Za-z]{3,9}\.?,? )?"
_DAY_MONTH = re.compile(
    rf"{_WEEKDAY}([0-9]{{1,2}})(?:st|nd|rd|th)?[ .-]+([A-Za-z]{{3,9}})\.?,?[ -]+([0-9]{{4}}|[0-9]{{2}}){_HOUR}"
)
_MONTH_DAY = re.compile(
    rf"{_WEEKDAY}([A-Za-z]{{3,9}})\.?[ -]+([0-9]{{1,2}})(?:st|nd|rd|th)?,?[ -]+([0-9]{{4}}|[0-9]{{2}}){_HOUR}"
)
_SERIAL = re.compile(r"([0-9]{5})(?:\.[0-9]+)?")
_SERIALS = range(20_000, 80_000)  # 1954 to 2119
_SERIAL_0 = date(1899, 12, 30)
_MONTHS = 12
_THIS_CENTURY = 69  # as C and Python read two-digit years: 00-68 is 20xx
_LONGEST = 28
_NAMES = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)

ORDERS: dict[DateOrder, str] = {"mdy": "month/day/year", "dmy": "day/month/year"}

Cell = tuple[int, str, str]
"""Line, header, text."""


@dataclass(frozen=True)
class DateStyle:
    """How a file writes dates: the order of 02/03/26, of 02.03.26, and which of its columns hold serial numbers."""

    order: DateOrder | None = None
    dotted: DateOrder = "dmy"
    serials: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Doubt:
    """A question that only a person can answer: the cells that raise it, each with what is open, and the options."""

    said: str
    cells: tuple[tuple[Cell, str], ...]
    options: tuple[str, ...]

    def refusal(self) -> BadFile:
        return BadFile(self.said, tuple(str(Problem(line, header, why)) for (line, header, _), why in self.cells))


@dataclass
class DateEvidence:
    """What the dates of a file show of their order, gathered cell by cell; keeps a handful of cells, never all."""

    _shown: dict[str, dict[DateOrder, Cell]] = field(default_factory=lambda: {"/": {}, ".": {}})
    _open: list[Cell] = field(default_factory=list)
    _serial: dict[str, bool] = field(default_factory=dict)
    dated: bool = False

    def take(self, line: int, header: str, text: str) -> None:
        if not text:
            return
        serial = bool(_SERIAL.fullmatch(text)) and int(text[:5]) in _SERIALS
        self._serial[header] = serial and self._serial.get(header, True)
        if text[2:3].isdigit() and text[:4].isdigit():
            return  # ISO, or a serial number
        match = _MARKED.fullmatch(text)
        if match is None:
            return
        cell, shown = (line, header, text), self._shown["." if match[2] == "." else "/"]
        self.dated = self.dated or match[2] != "."
        one, two = int(match[1]), int(match[3])
        if one > _MONTHS:
            shown.setdefault("dmy", cell)
        elif two > _MONTHS:
            shown.setdefault("mdy", cell)
        elif one != two and match[2] != "." and len(self._open) < 2:  # noqa: PLR2004 (two show the question)
            self._open.append(cell)

    def style(self, told: DateOrder | None) -> DateStyle:
        """What the file shows, `told` before that for 02/03/26. BadFile when there is a doubt."""
        doubt = self.doubt(told)
        if doubt:
            raise doubt.refusal()
        order = told or next(iter(self._shown["/"]), None)
        dotted: DateOrder = next(iter(self._shown["."]), "dmy")
        return DateStyle(order, dotted, frozenset(header for header, serial in self._serial.items() if serial))

    def warning(self, told: DateOrder | None) -> str:
        """What to look at where only the option, or an earlier file, says how dates are read; empty otherwise."""
        if told is None or self._shown["/"] or not self._open:
            return ""
        line, header, text = self._open[0]
        day = _long(parse_date(text, told))
        other = "dmy" if told == "mdy" else "mdy"
        return (
            f"Nothing in this file shows the order of its dates: “{text}” (line {line}, {header}) was read as {day}, by "
            f"--dates {told} or the file before. If that is wrong, use --dates {other}."
        )

    def doubt(self, told: DateOrder | None) -> Doubt | None:
        """What the file leaves open, with the cells that do; None when everything is clear."""
        for mark, shown in self._shown.items():
            if len(shown) > 1 and not (told and mark == "/"):
                return _both_ways(shown)
        if told or self._shown["/"] or not self._open:
            return None
        return Doubt(
            "The dates of this file have two readings.",
            tuple((cell, _two_readings(cell[2])) for cell in self._open),
            ("--dates mdy", "--dates dmy"),
        )


def _both_ways(shown: dict[DateOrder, Cell]) -> Doubt:
    one, other = sorted(shown.values(), key=lambda cell: cell[0])
    reason = f"“{other[2]}” has day and month the other way round than “{one[2]}” on line {one[0]}. Use one order."
    return Doubt("The dates of this file have two readings.", ((other, reason),), ("--dates mdy", "--dates dmy"))


def _two_readings(text: str) -> str:
    mdy, dmy = (parse_date(text, order) for order in ORDERS)
    return f"“{text}” could be {_long(mdy)} (--dates mdy) or {_long(dmy)} (--dates dmy). Say which."


def _long(day: date | None) -> str:
    return f"{day.day} {_NAMES[day.month - 1][:3].title()} {day.year}" if day else ""


def parse_date(text: str, order: DateOrder | None, *, dotted: DateOrder = "dmy", serial: bool = False) -> date | None:
    """The date of a cell; None for an empty one. An hour is read over: the date is the one that is written.

    Raises:
        ValueError: a sentence that says what is wrong with the text.
    """
    return _read(text, order, dotted, serial=serial)[0] if text else None


def parse_moment(
    text: str, order: DateOrder | None, *, zone: tzinfo, dotted: DateOrder = "dmy", serial: bool = False
) -> datetime | None:
    """The moment of a cell in UTC, None for an empty one; without an hour midnight, without a zone of its own in `zone`.

    Raises:
        ValueError: a sentence that says what is wrong with the text.
    """
    if not text:
        return None
    day, clock, offset = _read(text, order, dotted, serial=serial)
    at = datetime.combine(day, _time(clock, text), _zone(offset, zone, text))
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"“{text}” is not a day of the calendar.") from None


def _read(text: str, order: DateOrder | None, dotted: DateOrder, *, serial: bool) -> tuple[date, str, str]:
    """The date and, as they are written, the hour and the zone."""
    if match := _ISO.fullmatch(text):
        return _day(int(match[1]), int(match[3]), int(match[4]), text), match["clock"] or "", match["zone"] or ""
    if match := _MARKED.fullmatch(text):
        return _by_order(match, text, dotted if match[2] == "." else order), match["clock"] or "", match["zone"] or ""
    if serial and (match := _SERIAL.fullmatch(text)):
        return _SERIAL_0 + timedelta(days=int(match[1])), "", ""
    if match := _DAY_MONTH.fullmatch(text):
        return (
            _day(_year(match[3]), _month(match[2], text), int(match[1]), text),
            match["clock"] or "",
            match["zone"] or "",
        )
    if match := _MONTH_DAY.fullmatch(text):
        return (
            _day(_year(match[3]), _month(match[1], text), int(match[2]), text),
            match["clock"] or "",
            match["zone"] or "",
        )
    raise ValueError(f"“{clip(text, _LONGEST)}” is not a date. Write it as 2026-12-31.")


def _by_order(match: re.Match[str], text: str, order: DateOrder | None) -> date:
    one, two = int(match[1]), int(match[3])
    month, day = (two, one) if order == "dmy" else (one, two)
    if month > _MONTHS >= day:
        other = "mdy" if order == "dmy" else "dmy"
        was = ORDERS[order or "mdy"].replace("/", match[2])
        raise ValueError(f"“{text}” is not {was}, the order this file is read in. Mend it, or use --dates {other}.")
    return _day(_year(match[4]), month, day, text)


def _day(year: int, month: int, day: int, text: str) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise ValueError(f"“{text}” is not a day of the calendar.") from None


def _month(name: str, text: str) -> int:
    spelled = name.casefold()
    for number, month in enumerate(_NAMES, 1):
        if month == spelled or month[:3] == spelled or (spelled == "sept" and number == _NAMES.index("september") + 1):
            return number
    raise ValueError(f"“{clip(text, _LONGEST)}” is not a date. Write it as 2026-12-31.")


def _year(text: str) -> int:
    year = int(text)
    if len(text) == len("2026"):
        return year
    return year + (2000 if year < _THIS_CENTURY else 1900)


def _time(clock: str, text: str) -> time:
    """`08:55 PM`, `20:55:00.000`; midnight for nothing."""
    if not clock:
        return time()
    number = re.match(r"([0-9]+):([0-9]+)(?::([0-9]+))?", clock)
    hour, minute, second = (int(part or 0) for part in number.groups()) if number else (0, 0, 0)
    half = clock[-4:].replace(".", "").strip().lower()[-2:]
    if half in {"am", "pm"}:
        if not 1 <= hour <= _MONTHS:
            raise ValueError(f"“{text}” has an hour that no clock shows. Write it as 2026-12-31 14:05.")
        hour = hour % 12 + (12 if half == "pm" else 0)
    try:
        return time(hour, minute, second)
    except ValueError:
        raise ValueError(f"“{text}” has an hour that no clock shows. Write it as 2026-12-31 14:05.") from None


def _zone(offset: str, zone: tzinfo, text: str) -> tzinfo:
    """The offset a cell gives itself, else the zone of the file; a name such as CET is a question nobody here answers."""
    said = offset.strip("()")
    if said in {"", "Z", "UTC", "GMT"}:
        return UTC if said else zone
    match = re.fullmatch(r"(?:UTC|GMT)?([+-])([0-9]{1,2}):?([0-9]{2})?", said)
    if match is None:
        raise ValueError(
            f"“{text}” names the time zone {said}, which has more than one meaning. Write an offset such as +01:00."
        )
    minutes = int(match[2]) * 60 + int(match[3] or 0)
    if minutes >= 24 * 60:
        raise ValueError(f"“{text}” is more than a day away from UTC. Write an offset such as +01:00.")
    return timezone(timedelta(minutes=minutes if match[1] == "+" else -minutes))
