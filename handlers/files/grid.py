"""The cells of the workbook's first sheet, and what they are checked against.

Each total also goes to the sheet “Check”, which puts the formula beside the message's own number: the difference is 0.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from handlers.files.sheets import BAND, HEAD, LINE, QUIET, Styles, major, page_setup, reference, text
from models.domain.forecast.facts import RollUpFacts
from models.domain.money import minor_digits
from models.people import Names

if TYPE_CHECKING:
    from xlsxwriter import Workbook as Book
    from xlsxwriter.format import Format

MONEY_WIDTH = 15
WIDTHS = (40, *(MONEY_WIDTH,) * 6, 8, 9, *(MONEY_WIDTH,) * 5, 12, MONEY_WIDTH, 9, 10)
_FORMATS: Final = {"whole": "#,##0", "ratio": "0.00%", "times": "0.0000"}


@dataclass(frozen=True)
class Checked:
    """A total of the message, where its formula stands, and what the message says. `kind`: money, whole or ratio."""

    what: str
    row: int
    column: int
    said: int
    kind: str


class Grid:
    """A sheet that is written from top to bottom; constant memory allows no way back."""

    def __init__(self, book: "Book", styles: Styles, facts: RollUpFacts, people: Names, zone: ZoneInfo) -> None:
        self.sheet = book.add_worksheet("Roll-up")
        self.styles, self.facts, self.people, self.zone = styles, facts, people, zone
        self.row, self.checked = 0, list[Checked]()
        self.digits = minor_digits(facts.currency)
        self.won_cell = self.open_cell = ""
        for place, width in enumerate(WIDTHS):
            self.sheet.set_column(place, place, max(width, room(facts)) if width == MONEY_WIDTH else width)
        self.sheet.hide_gridlines(2)
        page_setup(self.sheet, f"Roll-up {facts.period}")

    def at(self, column: int, row: int | None = None, *, fixed: bool = False) -> str:
        return reference(self.row if row is None else row, column, fixed=fixed)

    def label(self, said: str, *, bold: bool = False, indent: int = 0, fill: bool = False, line: bool = True) -> None:
        style = self._style(bold=bold, fill=fill, indent=indent) if line else self.styles.get(bold=bold)
        text(self.sheet, self.row, 0, said, self.styles, style)

    def said(self, column: int, words: str, *, bold: bool = False, quiet: bool = False, right: bool = False) -> None:
        look = {"bold": bold} | ({"font_color": QUIET} if quiet else {})
        style = self.styles.get(**look, **({"align": "right", "bottom": 1, "bottom_color": LINE} if right else {}))
        text(self.sheet, self.row, column, words, self.styles, style)

    def formula(
        self, column: int, formula: str, said: int, what: str = "", *, kind: str = "money", **look: Any
    ) -> None:
        """A formula, with what the message says as its cached value; `what` names it among the checks."""
        value = major(said, self.facts.currency) if kind == "money" else said / (1 if kind == "whole" else 10_000)
        self.sheet.write_formula(self.row, column, f"={formula}", self._style(kind, **look), value)
        if what:
            self.checked.append(Checked(what, self.row, column, said, kind))

    def number(self, column: int, said: int, *, kind: str = "money", **look: Any) -> None:
        value = major(said, self.facts.currency) if kind == "money" else said
        self.sheet.write_number(self.row, column, value, self._style(kind, **look))

    def _style(
        self, kind: str = "", *, bold: bool = False, fill: bool = False, indent: int = 0, own: str = ""
    ) -> "Format":
        look: dict[str, Any] = {"bold": bold, "bottom": 1, "bottom_color": LINE}
        if fill:
            look["bg_color"] = BAND
        if indent:
            look["indent"] = indent
        if kind == "money":
            return self.styles.money(own or self.facts.currency, **look)
        formats = {"whole": '#,##0;[Red]-#,##0;"–"', "ratio": "0.0%", "times": '0.00"×"'}
        if kind == "id":
            return self.styles.get(font_color="#9AA5B1", **{**look, "align": "right"})
        return self.styles.get(**look, **({"num_format": formats[kind], "align": "right"} if kind in formats else {}))

    def _words(self, *, bold: bool = False, fill: bool = False) -> "Format":
        """The look of words where a number would stand."""
        look = {"bg_color": BAND} if fill else {}
        return self.styles.money(
            self.facts.currency, bold=bold, bottom=1, bottom_color=LINE, font_color=QUIET, align="right", **look
        )

    def heads(self, *heads: str) -> None:
        self.sheet.set_row(self.row, 30 if "No amount" in heads else 18)
        for place, head in enumerate(heads):
            self.sheet.write_string(self.row, place, head, self.styles.header(right=place > 0))
        self.row += 1

    def section(self, title: str, note: str = "") -> None:
        self.row += 1
        self.sheet.set_row(self.row, 22)
        self.sheet.write_string(self.row, 0, title, self.styles.section())
        self.row += 1
        if note:
            self.sheet.write_string(self.row, 0, note, self.styles.note())
            self.row += 1

    def rounded(self, formula: str) -> str:
        """Sums are rounded to the currency's last digit: what binary fractions lose in 100,000 additions never shows."""
        return f"ROUND({formula},{self.digits})"


def room(facts: RollUpFacts) -> int:
    """The width of a column that holds the largest amount there may be."""
    largest = max(
        facts.program.total,
        facts.quota or 0,
        facts.signed_best_case,
        *(part.original.total for part in facts.by_currency),
    )
    return len(f"{largest / 10 ** minor_digits(facts.currency):,.2f}") + 3


def half_even(quotient: str) -> str:
    """A ratio in basis points rounded half-even, as the message's: ROUND goes up on a tie, and one too far from an even number."""
    tenths = f"10000*{quotient}"
    return f"(ROUND({tenths},0)-(MOD({tenths},2)=0.5))/10000"


def check_sheet(book: "Book", styles: Styles, currency: str, checked: Sequence[Checked]) -> None:
    """Every total of the roll-up beside what the message says, and the difference, which is 0."""
    sheet = book.add_worksheet("Check")
    sheet.hide_gridlines(2)
    widths: Mapping[int, float] = {0: 60, 1: 20, 2: 20, 3: 14}
    for place, width in widths.items():
        sheet.set_column(place, place, width)
    sheet.set_row(0, 26)
    sheet.write_string(0, 0, "Check", styles.title())
    sheet.write_string(
        1, 0, "Every total: as the workbook adds it up, as the message says it, and the difference.", styles.note()
    )
    for place, head in enumerate(("Total", "Workbook", "Message", "Difference")):
        sheet.write_string(3, place, head, styles.header(right=place > 0))
    sheet.freeze_panes(4, 1)
    page_setup(sheet, "Check", repeat=3)
    for row, item in enumerate(checked, 4):
        _check_row(sheet, styles, currency, row, item)
    last = max(4 + len(checked), 5)
    sheet.autofilter(3, 0, last - 1, 3)
    sheet.conditional_format(4, 3, last - 1, 3, {"type": "cell", "criteria": "!=", "value": 0,
                                                 "format": book.add_format({"bg_color": "#F8D7C8", "bold": True})})  # fmt: skip
    sheet.set_tab_color(HEAD)
    book.define_name("CheckDifference", f"=Check!$D$5:$D${last}")


def _check_row(sheet: Any, styles: Styles, currency: str, row: int, item: Checked) -> None:
    line = {"bottom": 1, "bottom_color": LINE}
    if item.kind in _FORMATS:
        value = item.said / (1 if item.kind == "whole" else 10_000)
        style, digits = styles.get(num_format=_FORMATS[item.kind], **line), 4
    else:
        own = currency if item.kind == "money" else item.kind
        value, style, digits = major(item.said, own), styles.money(own, **line), minor_digits(own)
    text(sheet, row, 0, item.what, styles, styles.get(**line))
    sheet.write_formula(row, 1, f"='Roll-up'!{reference(item.row, item.column)}", style, value)
    sheet.write_number(row, 2, value, style)
    sheet.write_formula(row, 3, f"=ROUND(B{row + 1}-C{row + 1},{digits})", styles.get(num_format="0.00##", **line), 0)
