"""Money in integer minor units of an ISO 4217 currency: reading what people and CRMs write, printing it again.

Nothing here is ever a float. What could mean two amounts is refused, because a guess in a forecast is worse than a
question.
"""

import re
import unicodedata
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final, Literal

DecimalMark = Literal[".", ","]
"""What stands before the cents; the other one, if there is one, groups thousands."""

_LONGEST = 40
_MOST_DIGITS = 14  # before the point; with four decimals that still fits a 64-bit column
_NEXT_UNIT = 1000


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


_CODES: Final = _codes(
    """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLF
    CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF
    IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK
    MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR
    SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UYW UZS
    VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
    """
)
_DIGITS: Final = (
    dict.fromkeys(_codes("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"), 0)
    | dict.fromkeys(_codes("BHD IQD JOD KWD LYD OMR TND"), 3)
    | dict.fromkeys(_codes("CLF UYW"), 4)
)
_DOLLARS = _codes(
    "USD AUD BBD BMD BND BSD BZD CAD FJD GYD HKD JMD KYD LRD NAD NZD SBD SGD SRD TTD TWD XCD ARS CLP COP CUP DOP MXN"
)
_SIGNS: Final = {
    "$": _DOLLARS,
    "€": frozenset({"EUR"}),
    "£": _codes("GBP EGP FKP GIP SHP SSP SYP LBP"),
    "¥": frozenset({"JPY", "CNY"}),
    "₪": frozenset({"ILS"}),
    "₹": frozenset({"INR"}),
    "₩": frozenset({"KRW", "KPW"}),
    "₺": frozenset({"TRY"}),
    "₽": frozenset({"RUB"}),
    "zł": frozenset({"PLN"}),
    "R$": frozenset({"BRL"}),
    "US$": frozenset({"USD"}),
    "CA$": frozenset({"CAD"}),
    "C$": frozenset({"CAD"}),
    "A$": frozenset({"AUD"}),
    "AU$": frozenset({"AUD"}),
    "NZ$": frozenset({"NZD"}),
    "HK$": frozenset({"HKD"}),
    "S$": frozenset({"SGD"}),
}
_SPACES = dict.fromkeys(map(ord, "\u00a0\u202f\u2009\u2007"), " ")
_AROUND = re.compile(r"(?P<before>[^0-9.,]*)(?P<body>[0-9](?:[0-9.,' ]*[0-9])?|\.[0-9]+)(?P<after>[^0-9]*)")
_MULTIPLES = frozenset({"k", "K", "m", "M", "mn", "bn", "b", "B", "t", "T"})
_MARKS: Final[tuple[DecimalMark, ...]] = (".", ",")
_UNITS: Final = ((10**3, "k"), (10**6, "M"), (10**9, "B"), (10**12, "T"))
_GROUP = 3


def known_currency(code: str) -> bool:
    """Whether `code` is the upper-case code of a currency in use."""
    return code in _CODES


def minor_digits(currency: str) -> int:
    """How many digits the minor unit has: USD 2, JPY 0, KWD 3."""
    return _DIGITS.get(currency, 2)


def currency_in(text: str) -> str | None:
    """The currency an amount names itself, by code (`EUR 5`) or by a sign that only one uses (`5 €`); else None."""
    match = _AROUND.fullmatch(_plain(text))
    if match is None:
        return None
    for mark in (match["before"].strip("(- "), match["after"].strip(")- ")):
        if mark.upper() in _CODES:
            return mark.upper()
        if len(_SIGNS.get(mark, ())) == 1:
            return next(iter(_SIGNS[mark]))
    return None


def decimal_shown(text: str) -> DecimalMark | None:
    """The decimal mark an amount can only mean: `.` of `1,234.50` and `1,234,567`; None where it shows none."""
    body = _body(text)
    marks = [mark for mark in body if mark in ".,"]
    if not marks or decimal_open(text):
        return None
    if len(marks) > 1 and len(set(marks)) == 1:
        return "," if marks[0] == "." else "."
    return "." if marks[-1] == "." else ","


def decimal_open(text: str) -> DecimalMark | None:
    """The mark of an amount that could group thousands or begin decimals, such as the comma of `1,234`; else None."""
    body = _body(text)
    for mark in _MARKS:
        whole, found, fraction = body.partition(mark)
        if found and _could_be_group(whole, fraction):
            return mark
    return None


def ungrouped(text: str) -> bool:
    """Whether thousands stand without any separator, as in `15000` and `15000.50`."""
    return re.match(r"[0-9]{4}", _body(text)) is not None


def _body(text: str) -> str:
    match = _AROUND.fullmatch(_plain(text))
    return match["body"] if match else ""


def _plain(text: str) -> str:
    said = text if text.isascii() else unicodedata.normalize("NFC", text).translate(_SPACES)
    return said.replace("\u2212", "-").replace("’", "'").strip()


def parse_amount(text: str, currency: str, decimal: DecimalMark | None = None) -> int | None:
    """The amount in minor units; None for an empty text, which means unknown.

    Takes thousands separators, a decimal comma or point, a currency sign or code before or after, a minus before or
    after, or parentheses. Without `decimal` only what has one reading is taken; with it, that mark begins the decimals.

    Raises:
        ValueError: a sentence that says what is wrong with the text.
    """
    said = _plain(text)
    if not said:
        return None
    shown = f"“{said}”" if len(said) <= _LONGEST else f"“{said[: _LONGEST - 1]}…”"
    if len(said) > _LONGEST:
        raise ValueError(f"{shown} is too long for an amount.")
    text, outer = _unsigned(said)
    body, inner = _unsigned(_bare(text, currency, shown))
    if outer and inner:
        raise ValueError(f"{shown} has two minus signs.")
    whole, fraction = _told(body, decimal, shown) if decimal else _split(body, currency, shown)
    digits = minor_digits(currency)
    if len(whole.lstrip("0")) > _MOST_DIGITS:
        raise ValueError(f"{shown} is too large for an amount.")
    if fraction[digits:].strip("0"):
        raise ValueError(f"{shown} has too many decimals: {currency} has {digits or 'none'}.")
    minor = int(whole + fraction[:digits].ljust(digits, "0"))
    return -minor if outer or inner else minor


def format_money(minor: int, currency: str) -> str:
    """`USD 412,000`; with decimals only if they are not zero: `USD 412,000.50`."""
    digits = minor_digits(currency)
    whole, rest = divmod(abs(minor), 10**digits)
    minus = "-" if minor < 0 else ""
    return f"{currency} {minus}{whole:,}" + (f".{rest:0{digits}d}" if rest else "")


def short_money(minor: int, currency: str) -> str:
    """Three figures at most: `USD 1.25M`, `USD 412k`, `USD 85`. For headlines; what must tie out uses format_money."""
    minus = "-" if minor < 0 else ""
    amount = Decimal(abs(minor)).scaleb(-minor_digits(currency))
    number, suffix = amount.quantize(Decimal(1), ROUND_HALF_EVEN), ""
    for unit, name in _UNITS:
        if number < _NEXT_UNIT:
            break
        number, suffix = _three_figures(amount / unit), name
    figures = f"{number:,f}"
    if "." in figures:
        figures = figures.rstrip("0").rstrip(".")
    return f"{currency} {minus}{figures}{suffix}"


def _three_figures(number: Decimal) -> Decimal:
    """Rounded half-even to three significant figures."""
    return number.quantize(Decimal(1).scaleb(number.adjusted() - 2), ROUND_HALF_EVEN)


def _unsigned(text: str) -> tuple[str, bool]:
    """The text without a leading minus or the parentheses of bookkeeping, and whether there was either."""
    if text.startswith("(") and text.endswith(")"):
        return text[1:-1].strip(), True
    if text.startswith("-"):
        return text[1:].strip(), True
    if text.endswith("-"):
        return text[:-1].strip(), True
    return text, False


def _bare(text: str, currency: str, shown: str) -> str:
    """The number without the currency's sign or code, and with the minus that may stand behind either."""
    match = _AROUND.fullmatch(text)
    if match is None:
        raise ValueError(f"{shown} is not an amount. Write a number such as 412000 or 412,000.50.")
    before, after = match["before"].strip(), match["after"].strip()
    if before.endswith("(") and after.startswith(")"):  # USD (1,234.50)
        before, after = before[:-1].strip() + "-", after[1:].strip()
    minus = before.endswith("-")
    marks = [mark for mark in (before.removesuffix("-").strip(), after) if mark]
    for mark in marks:
        _check_mark(mark, currency, shown)
    return ("-" if minus else "") + match["body"]


def _check_mark(mark: str, currency: str, shown: str) -> None:
    code = mark.upper()
    if code == currency or currency in _SIGNS.get(mark, ()):
        return
    if code in _CODES or mark in _SIGNS:
        raise ValueError(f"{shown} is not in {currency}, the currency of this deal.")
    if mark in _MULTIPLES:
        raise ValueError(f"{shown} is shortened. Write the whole number, such as 412000.")
    raise ValueError(f"{shown} is not an amount. Write a number such as 412000 or 412,000.50.")


def _split(body: str, currency: str, shown: str) -> tuple[str, str]:
    """The digits before and after the decimal mark, thousands separators gone; refuses what has two readings."""
    marks = [mark for mark in body if mark in ".,"]
    if len(set(marks)) == 2:  # noqa: PLR2004 (a point and a comma)
        point = max(marks, key=body.rindex)
        whole, _, fraction = body.rpartition(point)
        return _ungrouped(whole, shown), _only_digits(fraction, shown)
    if len(marks) > 1:
        return _ungrouped(body, shown), ""
    if not marks:
        return _ungrouped(body, shown), ""
    whole, _, fraction = body.partition(marks[0])
    if _could_be_group(whole, fraction):
        return _one_mark(whole, marks[0], fraction, currency, shown)
    return _ungrouped(whole, shown), _only_digits(fraction, shown)


def _told(body: str, decimal: DecimalMark, shown: str) -> tuple[str, str]:
    """The digits before and after the decimal mark that is known; refuses what is written with the other one."""
    whole, mark, fraction = body.partition(decimal)
    try:
        return _ungrouped(whole, shown), _only_digits(fraction, shown) if mark else ""
    except ValueError:
        other = "," if decimal == "." else "."
        raise ValueError(
            f"{shown} is not written with “{decimal}” before the cents, as this file is read. Mend it, or use “--decimal "
            f"{other}”."
        ) from None


def _could_be_group(whole: str, fraction: str) -> bool:
    """Whether the only mark could separate thousands: `1,234` but neither `1234,567` nor `0,123`."""
    return re.fullmatch(r"[1-9][0-9]{0,2}", whole) is not None and re.fullmatch(r"[0-9]{3}", fraction) is not None


def _one_mark(whole: str, mark: str, fraction: str, currency: str, shown: str) -> tuple[str, str]:
    """`1,234` is thousands where the currency has no third decimal; `1.234` is decimals only where it has one."""
    third_decimal = minor_digits(currency) >= _GROUP
    if mark == "," and not third_decimal:
        return whole + fraction, ""
    if mark == "." and third_decimal:
        return whole, fraction
    raise ValueError(f"{shown} could mean {whole}{fraction} or {whole}.{fraction}. Write it without separators.")


def _ungrouped(whole: str, shown: str) -> str:
    """The digits of a whole number whose thousands may be separated, by one kind of mark and in the right places."""
    if whole.isdigit() or not whole:
        return whole or "0"
    marks = {mark for mark in whole if not mark.isdigit()}
    mark = re.escape(next(iter(marks)))
    grouped = rf"[0-9]{{1,3}}(?:{mark}[0-9]{{3}})+"
    if mark == ",":  # lakh and crore: 1,25,000
        grouped += r"|[0-9]{1,2}(?:,[0-9]{2})+,[0-9]{3}"
    if len(marks) > 1 or re.fullmatch(grouped, whole) is None:
        raise ValueError(f"{shown} has separators in unusual places. Write it without separators.")
    return "".join(mark for mark in whole if mark.isdigit())


def _only_digits(fraction: str, shown: str) -> str:
    if not fraction.isdigit():
        raise ValueError(f"{shown} has separators in unusual places. Write it without separators.")
    return fraction
