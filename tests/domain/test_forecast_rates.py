from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.domain.errors import UserError
from models.domain.forecast.rates import MissingRate, Rate, Rates, convert, parse_rate
from models.domain.forecast.rounding import half_even
from models.domain.money import minor_digits

DAY = date(2026, 11, 2)
CURRENCIES = st.sampled_from(["USD", "EUR", "JPY", "KWD", "CLF"])


def rate(value, currency="EUR", into="USD", day=DAY):
    return Rate(currency, into, day, Decimal(value))


def test_in_force_is_the_latest_of_its_day_or_before():
    early, late = rate("1.1", day=DAY), rate("1.2", day=DAY + timedelta(days=7))
    rates = Rates("USD", [late, early])
    assert rates.on("EUR", DAY - timedelta(days=1)) is None
    assert rates.on("EUR", DAY) == early
    assert rates.on("EUR", DAY + timedelta(days=6)) == early
    assert rates.on("EUR", DAY + timedelta(days=7)) == late
    assert rates.on("EUR", DAY + timedelta(days=900)) == late
    assert rates.on("GBP", DAY) is None


def test_of_two_rows_of_one_day_the_last_given_wins():
    assert Rates("USD", [rate("1.3"), rate("1.1"), rate("1.2")]).on("EUR", DAY) == rate("1.2")


def test_the_reporting_currency_is_one_of_itself_whatever_somebody_entered():
    assert Rates("USD", [rate("7", currency="USD")]).on("USD", DAY) == rate(1, currency="USD")


def test_rates_into_another_currency_are_not_used():
    assert Rates("USD", [rate("0.9", into="GBP")]).on("EUR", DAY) is None


def test_a_missing_rate_names_deal_currency_and_date_and_how_to_mend_it():
    with pytest.raises(MissingRate) as missing:
        Rates("USD", []).need("JPY", DAY, "Acme renewal")
    assert str(missing.value) == (
        "There is no exchange rate from JPY into USD for 2 Nov 2026, which the deal “Acme renewal” needs. The head of "
        "partnerships, the CRO or the CFO enters one that holds from that day on or earlier: `/forecast` → *Targets and rates…*, or "
        "`cadence import --rates FILE`."
    )
    assert isinstance(missing.value, UserError)
    assert (missing.value.deal, missing.value.currency, missing.value.into, missing.value.day) == (
        "Acme renewal",
        "JPY",
        "USD",
        DAY,
    )
    assert "which" not in str(MissingRate("", "JPY", "USD", DAY))
    assert Rates("USD", [rate("1.1")]).need("EUR", DAY) == rate("1.1")


@pytest.mark.parametrize(
    ("minor", "one", "result"),
    [
        (100_000, rate("1.085"), 108_500),  # EUR 1,000.00 is USD 1,085.00
        (1, rate("0.5"), 0),  # half a cent goes to the even cent: 0
        (3, rate("0.5"), 2),  # one and a half: 2
        (5, rate("0.5"), 2),  # two and a half: 2
        (-1, rate("0.5"), 0),
        (-3, rate("0.5"), -2),
        (-5, rate("0.5"), -2),
        (1_000_000, rate("0.0067", currency="JPY"), 670_000),  # JPY 1,000,000 is USD 6,700.00
        (670_000, rate("149.25", currency="USD", into="JPY"), 999_975),  # USD 6,700.00 is JPY 999,975
        (1_234, rate("3.25", currency="KWD"), 401),  # KWD 1.234 is USD 4.0105
        (100, rate("0.3075", currency="USD", into="KWD"), 308),  # USD 1.00 is KWD 0.3075: 307.5, to the even
        (300, rate("0.307500000001", currency="USD", into="KWD"), 923),
        (1, rate("1"), 1),
        (0, rate("1.085"), 0),
        (10**15, rate("123456789.123456789012"), 123456789123456789012000),
    ],
)
def test_conversion_is_exact_and_rounded_once(minor, one, result):
    assert convert(minor, one) == result


@settings(max_examples=60)
@given(
    st.integers(-(10**15), 10**15),
    CURRENCIES,
    CURRENCIES,
    st.decimals("0.000000000001", "999999999", places=12, allow_nan=False, allow_infinity=False),
)
def test_conversion_agrees_with_decimals_rounded_half_even(minor, currency, into, value):
    one = Rate(currency, into, DAY, value)
    with localcontext() as context:
        context.prec = 80
        units = Decimal(minor).scaleb(-minor_digits(currency)) * value
        expected = units.scaleb(minor_digits(into)).quantize(Decimal(1), ROUND_HALF_EVEN)
    assert convert(minor, one) == expected


@settings(max_examples=60)
@given(st.integers(-(10**6), 10**6), st.integers(1, 50))
def test_half_even_is_that_of_fractions(numerator, denominator):
    assert half_even(numerator, denominator) == round(Fraction(numerator, denominator))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", "1"),
        ("1.085", "1.085"),
        (" 1.0850 ", "1.0850"),
        ("0,92", "0.92"),
        ("0,925", "0.925"),
        ("1,0850", "1.0850"),
        ("1234,567", "1234.567"),
        ("149.25", "149.25"),
        ("0.0067", "0.0067"),
        ("000.5", "0.5"),
        ("1.500000000000000000", "1.5"),
        ("123456789.123456789012", "123456789.123456789012"),
    ],
)
def test_rates_are_read_where_they_have_one_reading(text, value):
    assert parse_rate(text) == Decimal(value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "A rate is missing. Write a number such as 1.085."),
        ("  ", "A rate is missing. Write a number such as 1.085."),
        ("about 1.1", "“about 1.1” is not a rate. Write a number such as 1.085."),
        ("NaN", "“NaN” is not a rate. Write a number such as 1.085."),
        ("1e3", "“1e3” is not a rate. Write a number such as 1.085."),
        ("5.", "“5.” is not a rate. Write a number such as 1.085."),
        (".5", "“.5” is not a rate. Write a number such as 1.085."),
        ("1.2.3", "“1.2.3” is not a rate. Write a number such as 1.085."),
        ("１", "“１” is not a rate. Write a number such as 1.085."),
        ("-1.1", "“-1.1” is negative. A rate is above zero."),
        ("\u22121.1", "“\u22121.1” is negative. A rate is above zero."),
        ("0", "“0” is zero. A rate is above zero."),
        ("0,00", "“0,00” is zero. A rate is above zero."),
        ("1,085", "“1,085” could mean two rates. Write 1.085 or 1085."),
        (
            "1,085.25",
            "“1,085.25” has a comma and a point. Write a rate without separators of thousands, such as 1085.25.",
        ),
        (
            "1234567890",
            "“1234567890” has too many digits: a rate has at most 9 before the point and 12 after it.",
        ),
        (
            "1.1234567890123",
            "“1.1234567890123” has too many digits: a rate has at most 9 before the point and 12 after it.",
        ),
        ("1" * 41, "“" + "1" * 39 + "…” is too long for a rate."),
    ],
)
def test_what_is_no_rate_is_refused_with_a_sentence(text, sentence):
    with pytest.raises(ValueError) as refused:
        parse_rate(text)
    assert str(refused.value) == sentence
