"""Whether 1,234 is a thousand or a little over one: settled by the other amounts of the file, never by a hunch.

A wrong guess would be wrong by a factor of a thousand. What the column shows decides; where it shows nothing, only a
currency whose countries all write one mark does, and that is said; else the file is refused with the option that
settles it.
"""

from dataclasses import dataclass, field

from models.domain.files.dates import Cell, Doubt
from models.domain.files.fields import words
from models.domain.money import (
    DecimalMark,
    currency_in,
    decimal_open,
    decimal_shown,
    known_currency,
    minor_digits,
    ungrouped,
)

_POINT = words(
    """
    USD GBP AUD NZD HKD SGD JPY CNY KRW TWD THB MYR PHP INR PKR ILS MXN KES NGN AED SAR KWD BHD OMR JOD
    """
)
_COMMA = words(
    """
    BRL DKK NOK SEK PLN CZK HUF RON BGN TRY RUB UAH IDR VND ARS CLP COP ISK RSD TND
    """
)
_MANY_DECIMALS = 3
_OPTIONS = ("--decimal .", "--decimal ,")


@dataclass
class AmountEvidence:
    """What the amounts of a file show of their decimal mark; keeps a handful of cells, never all.

    `currencies` are the codes seen, those of the currency column and those inside amounts.
    """

    currencies: set[str] = field(default_factory=set)
    _shown: dict[DecimalMark, Cell] = field(default_factory=dict)
    _open: dict[tuple[DecimalMark, str], Cell] = field(default_factory=dict)
    _ungrouped: Cell | None = None

    def take(self, line: int, header: str, text: str, currency: str) -> None:
        """One amount that is not empty, and the currency it is in unless it names its own."""
        if text.isdigit():
            code = currency
            if len(text) > _MANY_DECIMALS and self._ungrouped is None:
                self._ungrouped = (line, header, text)
        else:
            code = currency_in(text) or currency
            self._mark(line, header, text, code)
        if known_currency(code):
            self.currencies.add(code)

    def _mark(self, line: int, header: str, text: str, code: str) -> None:
        cell = (line, header, text)
        doubtful, shown = decimal_open(text), decimal_shown(text)
        if doubtful:
            self._open.setdefault((doubtful, code), cell)
        elif shown:
            self._shown.setdefault(shown, cell)
        if self._ungrouped is None and ungrouped(text):
            self._ungrouped = cell

    @property
    def shown(self) -> DecimalMark | None:
        """The one mark that amounts with a single reading show; None when there are none, or both."""
        return next(iter(self._shown)) if len(self._shown) == 1 else None

    def decimal(self, told: DecimalMark | None) -> tuple[DecimalMark | None, str]:
        """The mark to read doubtful amounts by (None when there are none), and the warning that goes with it.

        Raises:
            BadFile: nothing settles it.
        """
        doubt = self.doubt(told)
        if doubt:
            raise doubt.refusal()
        if not self._open:
            return told, ""
        if len(self._shown) == 1:
            return told or next(iter(self._shown)), ""
        mark = told or self._customary()
        (_, code), (line, header, text) = next(iter(self._open.items()))
        other = "," if mark == "." else "."
        if told:
            return told, (
                f"Nothing in this file settles what the separator of “{text}” (line {line}, {header}) means: it was read "
                f"with “{mark}” before the cents, as told. If that is wrong, use “--decimal {other}”."
            )
        return mark, (
            f"Nothing but the currency says what the separator of “{text}” (line {line}, {header}) means: {code} is "
            f"written with “{mark}” before the cents. If this file is not, import it with “--decimal {other}”."
        )

    def doubt(self, told: DecimalMark | None) -> Doubt | None:
        """The amounts that have two readings, with the option that settles them; None when all is clear."""
        if told or not self._open or len(self._shown) == 1 or (not self._shown and self._customary()):
            return None
        cells = [*self._open.values()][:2]
        return Doubt(
            "The amounts of this file have two readings.",
            tuple((cell, self._two_readings(cell[2])) for cell in cells),
            _OPTIONS,
        )

    def _two_readings(self, text: str) -> str:
        mark = decimal_open(text)
        both = f"“{text}” could be thousands or decimals"
        if len(self._shown) > 1:
            point, comma = self._shown["."], self._shown[","]
            both += f", since “{point[2]}” (line {point[0]}) and “{comma[2]}” (line {comma[0]}) are written differently"
        elif self._ungrouped:
            both += f", since “{self._ungrouped[2]}” (line {self._ungrouped[0]}) groups no thousands"
        thousands, decimals = ("--decimal .", "--decimal ,") if mark == "," else ("--decimal ,", "--decimal .")
        return f"{both}. Say which: {thousands} reads thousands, {decimals} reads decimals."

    def _customary(self) -> DecimalMark | None:
        """The one mark that the currencies of all doubtful amounts agree on, if it leaves a reading that is usual."""
        if self._ungrouped:
            return None
        found = {_custom(mark, code) for mark, code in self._open}
        return found.pop() if len(found) == 1 else None


def _custom(mark: DecimalMark, code: str) -> DecimalMark | None:
    custom: DecimalMark | None = "." if code in _POINT else "," if code in _COMMA else None
    if custom is None:
        return None
    if mark == custom and minor_digits(code) < _MANY_DECIMALS:
        return None  # USD 1.234 is no usual amount either way
    return custom
