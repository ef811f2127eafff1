"""What every sheet of a workbook has in common: formats, columns with names, rows that are written once and in order."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from handlers.files.words import stored
from models.domain.money import minor_digits
from models.domain.text import clean, clip

# Loaded with the first workbook that is written: a bot nobody asks for one does without 12 MB.
if TYPE_CHECKING:
    from xlsxwriter import Workbook as Book
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

FONT, INK, QUIET, LINE, HEAD, BAND = "Calibri", "#1F2933", "#6B7785", "#D5DBE1", "#1F3A5F", "#F3F6F9"
LONGEST = 2_000
"""As many characters of a text as a cell takes: a reader wants a line, and Excel refuses over 32,767."""
MOST_ROWS = 1_048_576
FIRST = 4
"""The row (from 0) at which a list's rows begin: a title, a sentence, a blank row and the header stand above."""
_RISKY = ("=", "+", "-", "@")


def major(minor: int, currency: str) -> float:
    """Minor units as the decimal a sheet shows; exact to the last digit below 10^13 with two decimals."""
    return float(minor / 10 ** minor_digits(currency))


class Styles:
    """The formats of one workbook, each made once."""

    def __init__(self, book: "Book") -> None:
        self._book, self._made = book, dict[tuple[tuple[str, Any], ...], Any]()
        self._looks = dict[int, dict[str, Any]]()

    def get(self, **properties: Any) -> "Format":
        wanted = {"font_name": FONT, "font_size": 10, "font_color": INK, "valign": "vcenter"} | properties
        key = tuple(sorted(wanted.items()))
        if key not in self._made:
            self._made[key] = self._book.add_format(wanted)
            self._looks[id(self._made[key])] = wanted
        return self._made[key]

    def marked(self, style: "Format") -> "Format":
        """The same look for text that must stay text when somebody edits its cell."""
        return self.get(**{**self._looks.get(id(style), {}), "quote_prefix": True})

    def money(self, currency: str, **properties: Any) -> "Format":
        """A number in this currency's decimals; negative ones are red too, never only red; none is a dash."""
        decimals = minor_digits(currency)
        plain = "#,##0" + ("." + "0" * decimals if decimals else "")
        return self.get(num_format=f'{plain};[Red]-{plain};"–"', **{"align": "right"} | properties)

    def title(self) -> "Format":
        return self.get(font_size=16, bold=True, font_color=HEAD)

    def note(self) -> "Format":
        return self.get(font_color=QUIET, italic=True)

    def header(self, *, right: bool = False, indent: bool = False) -> "Format":
        look = {"align": "right" if right else "left"} | ({"indent": 1} if indent else {})
        return self.get(bold=True, font_color="#FFFFFF", bg_color=HEAD, text_wrap=True, **look)

    def section(self) -> "Format":
        return self.get(bold=True, font_size=12, font_color=HEAD, bottom=2, bottom_color=HEAD)


@dataclass(frozen=True)
class Column:
    """A column of a list. `kind`: text, id, whole, money (the roll-up's currency), own (the row's), ratio, day, instant, rate.

    `name`: what the whole column is called in formulas; empty where none asks for it.
    """

    head: str
    width: float
    kind: str = "text"
    name: str = ""


RIGHT = ("whole", "money", "own", "ratio", "rate")


class Listing:
    """One sheet with one long list: written row by row, never kept in memory."""

    def __init__(
        self,
        book: "Book",
        styles: Styles,
        title: str,
        sentence: str,
        columns: Sequence[Column],
        currency: str,
        zone: ZoneInfo,
    ) -> None:
        self.book, self.styles, self.columns, self.currency, self.zone = book, styles, columns, currency, zone
        self.title, self.row = title, FIRST
        self.sheet: Worksheet = book.add_worksheet(title)
        rights = [False, *(column.kind in RIGHT for column in columns)]
        self._formats = [self._format(column, after) for column, after in zip(columns, rights, strict=False)]
        self._begin(sentence)

    def _begin(self, sentence: str) -> None:
        sheet = self.sheet
        sheet.hide_gridlines(2)
        for place, column in enumerate(self.columns):
            sheet.set_column(place, place, column.width)
        sheet.set_row(0, 26)
        sheet.write_string(0, 0, self.title, self.styles.title())
        sheet.write_string(1, 0, sentence, self.styles.note())
        sheet.set_row(FIRST - 1, 30)
        for place, column in enumerate(self.columns):
            after = place > 0 and self.columns[place - 1].kind in RIGHT and column.kind not in RIGHT
            style = self.styles.header(right=column.kind in RIGHT, indent=after)
            sheet.write_string(FIRST - 1, place, column.head, style)
        sheet.freeze_panes(FIRST, min(3, len(self.columns) - 1))
        page_setup(sheet, self.title, repeat=FIRST - 1)

    def _format(self, column: Column, after_number: bool) -> "Format":
        styles = self.styles
        line: dict[str, Any] = {"bottom": 1, "bottom_color": LINE}
        if after_number and column.kind not in RIGHT:
            line["indent"] = 1
        if column.kind == "money":
            return styles.money(self.currency, **line)
        given: dict[str, dict[str, Any]] = {
            "id": {"font_color": QUIET, "align": "left"}, "whole": {"num_format": "#,##0"}, "ratio": {"num_format": "0.00%"},
            "day": {"num_format": "d mmm yyyy", "align": "left"}, "instant": {"num_format": "d mmm yyyy, hh:mm", "align": "left"},
            "rate": {"num_format": "0.0#########"},
        }  # fmt: skip
        return styles.get(**line, **given.get(column.kind, {}))

    def write(self, values: Sequence[Any], *, own: str = "") -> None:
        """One row. `own`: the currency of its `own` amounts.

        Raises:
            ValueError: there are more rows than a sheet can hold; nothing is left out silently.
        """
        if self.row >= MOST_ROWS:
            raise ValueError(
                f"The sheet “{self.title}” is full: a workbook holds {MOST_ROWS - FIRST:,} rows of it at most."
            )
        for place, (column, value) in enumerate(zip(self.columns, values, strict=True)):
            style = self._formats[place]
            if column.kind == "own":
                style = self.styles.money(own, bottom=1, bottom_color=LINE)
            self.cell(place, value, column.kind, style, own)
        self.row += 1

    def cell(self, place: int, value: Any, kind: str, style: "Format", own: str = "") -> None:
        sheet, row = self.sheet, self.row
        if value is None or value == "":
            sheet.write_blank(row, place, None, style)
        elif kind == "money":
            sheet.write_number(row, place, major(value, self.currency), style)
        elif kind == "own":
            sheet.write_number(row, place, major(value, own), style)
        elif kind == "ratio":
            sheet.write_number(row, place, value / 10_000, style)
        elif kind == "rate":
            sheet.write_number(row, place, float(value), style)
        elif kind == "day":
            sheet.write_datetime(row, place, datetime(value.year, value.month, value.day), style)  # noqa: DTZ001 - Excel's
        elif kind == "instant":
            sheet.write_datetime(row, place, local(value, self.zone), style)
        elif isinstance(value, str):
            text(sheet, row, place, value, self.styles, style)
        else:
            sheet.write_number(row, place, value, style)

    def end(self) -> None:
        """Names the columns, now that their length is known, and lets them be filtered."""
        last = max(self.row - 1, FIRST)
        self.sheet.autofilter(FIRST - 1, 0, last, len(self.columns) - 1)
        for place, column in enumerate(self.columns):
            if column.name:
                top, end = (reference(row, place, fixed=True) for row in (FIRST, last))
                self.book.define_name(column.name, f"='{self.title}'!{top}:{end}")


def reference(row: int, column: int, *, fixed: bool = False) -> str:
    """`C5`, or `$C$5`: a cell by its row and column, both from 0."""
    letters, left = "", column + 1
    while left:
        left, letter = divmod(left - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return f"${letters}${row + 1}" if fixed else f"{letters}{row + 1}"


def text(sheet: "Worksheet", row: int, place: int, value: str, styles: Styles, style: "Format") -> None:
    """Text stays text: what could be read as a formula is marked, so that editing its cell does not make it one either."""
    said = stored(clip(clean(value), LONGEST))
    if said.startswith(_RISKY):
        style = styles.marked(style)
    sheet.write_string(row, place, said, style)


def local(instant: datetime, zone: ZoneInfo) -> datetime:
    """The company's wall clock: a sheet knows no time zones."""
    return instant.astimezone(zone).replace(tzinfo=None, microsecond=0)


def day(value: date) -> datetime:
    return datetime(value.year, value.month, value.day)  # noqa: DTZ001 - a sheet knows no time zones


def page_setup(sheet: "Worksheet", title: str, *, repeat: int | None = None) -> None:
    """Landscape A4, one page wide, its header on every page, pages numbered."""
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
    sheet.fit_to_pages(1, 0)
    sheet.set_footer(f"&L&8{title}&R&8&P / &N")
    if repeat is not None:
        sheet.repeat_rows(repeat)
