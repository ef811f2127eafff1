"""Exchange rates: which one is in force on a day, and converting minor units with it, exactly, rounded once."""

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache

from models.domain.errors import UserError
from models.domain.forecast.rounding import half_even
from models.domain.money import minor_digits

_ONE = Decimal(1)
_LONGEST = 40
_WHOLE_DIGITS = 9
_DECIMALS = 12
_NUMBER = re.compile(r"(?P<whole>[0-9]*)(?:(?P<mark>[.,])(?P<fraction>[0-9]+))?")


class MissingRate(UserError):
    """A deal cannot be converted: nobody has entered a rate of `currency` into `into` that is in force on `day`.

    `deal` is the deal's name, "" where no single deal is meant; `needed_by` says what else wants it.
    """

    def __init__(self, deal: str, currency: str, into: str, day: date, *, needed_by: str = "") -> None:
        wants = f"the deal “{deal}”" if deal else needed_by
        needs = f", which {wants} needs" if wants else ""
        super().__init__(
            f"There is no exchange rate from {currency} into {into} for {day.day} {day:%b %Y}{needs}. The "
            "head of partnerships, the CRO or the CFO enters one that holds from that day on or earlier: `/forecast` → *Targets "
            "and rates…*, or `cadence import --rates FILE`."
        )
        self.deal = deal
        self.currency = currency
        self.into = into
        self.day = day


@dataclass(frozen=True, slots=True)
class Rate:
    """One unit of `currency` is worth `value` units of `into`, from `day` on; units are major ones, such as dollars."""

    currency: str
    into: str
    day: date
    value: Decimal


class Rates:
    """The rates into one currency.

    Rows into another currency are left out. Of several rows of one currency and day the last given counts, so give them
    in the order in which they were entered.
    """

    def __init__(self, into: str, rows: Iterable[Rate]) -> None:
        self.into = into
        latest = {(row.currency, row.day): row for row in rows if row.into == into and row.currency != into}
        self._rows: dict[str, list[Rate]] = {}
        for row in sorted(latest.values(), key=lambda row: row.day):
            self._rows.setdefault(row.currency, []).append(row)
        self._days = {currency: [row.day for row in rows] for currency, rows in self._rows.items()}
        self._found: dict[tuple[str, date], Rate | None] = {}

    def on(self, currency: str, day: date) -> Rate | None:
        """The rate in force on `day`: the latest entered for it or a day before. The reporting currency is 1 of itself."""
        key = (currency, day)
        if key not in self._found:
            self._found[key] = self._find(currency, day)
        return self._found[key]

    def need(self, currency: str, day: date, deal: str = "") -> Rate:
        """As `on`.

        Raises:
            MissingRate: no rate is in force; the sentence names `deal`, the currency and the day.
        """
        rate = self.on(currency, day)
        if rate is None:
            raise MissingRate(deal, currency, self.into, day)
        return rate

    def _find(self, currency: str, day: date) -> Rate | None:
        if currency == self.into:
            return Rate(currency, self.into, day, _ONE)
        place = bisect_right(self._days.get(currency, ()), day)
        return self._rows[currency][place - 1] if place else None


def convert(minor: int, rate: Rate) -> int:
    """Minor units of `rate.currency` as minor units of `rate.into`: exact, then rounded half-even once."""
    numerator, denominator = _factor(rate.currency, rate.into, rate.value)
    return half_even(minor * numerator, denominator)


@lru_cache(maxsize=4096)
def _factor(currency: str, into: str, value: Decimal) -> tuple[int, int]:
    """What minor units are multiplied with, as a fraction: the rate, and the different number of minor digits."""
    numerator, denominator = value.as_integer_ratio()
    return numerator * 10 ** minor_digits(into), denominator * 10 ** minor_digits(currency)


def parse_rate(text: str) -> Decimal:
    """An exchange rate as written by people: `1.0850`, `0,92`.

    A point begins the decimals, and so does a comma, unless it could group thousands (`1,085`).

    Raises:
        ValueError: a sentence that says what is wrong with the text.
    """
    said = text.strip()
    if not said:
        raise ValueError("A rate is missing. Write a number such as 1.085.")
    if len(said) > _LONGEST:
        raise ValueError(f"“{said[: _LONGEST - 1]}…” is too long for a rate.")
    if said.startswith(("-", "\u2212")):
        raise ValueError(f"“{said}” is negative. A rate is above zero.")
    match = _NUMBER.fullmatch(said)
    if match is None or said[0] in ".,":
        raise ValueError(_not_a_rate(said))
    whole, fraction = match["whole"].lstrip("0"), match["fraction"] or ""
    if match["mark"] == "," and len(fraction) == 3 and 1 <= len(whole) <= 3 and said[0] != "0":  # noqa: PLR2004 (a group)
        raise ValueError(f"“{said}” could mean two rates. Write {whole}.{fraction} or {whole}{fraction}.")
    if len(whole) > _WHOLE_DIGITS or len(fraction.rstrip("0")) > _DECIMALS:
        raise ValueError(
            f"“{said}” has too many digits: a rate has at most {_WHOLE_DIGITS} before the point and {_DECIMALS} after it."
        )
    value = Decimal(f"{whole or '0'}.{fraction}")
    if not value:
        raise ValueError(f"“{said}” is zero. A rate is above zero.")
    return value


def _not_a_rate(said: str) -> str:
    if "." in said and "," in said:
        return f"“{said}” has a comma and a point. Write a rate without separators of thousands, such as 1085.25."
    return f"“{said}” is not a rate. Write a number such as 1.085."
