import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.domain.money import format_money, known_currency, minor_digits, parse_amount, short_money


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("", "USD", None),
        ("   ", "USD", None),
        ("0", "USD", 0),
        ("15000", "USD", 1_500_000),
        ("15000.5", "USD", 1_500_050),
        ("15000.50", "USD", 1_500_050),
        ("15000.500", "USD", 1_500_050),
        ("15000.000000", "USD", 1_500_000),
        (".50", "USD", 50),
        ("0.123", "KWD", 123),
        ("1,234", "USD", 123_400),
        ("1,234,567", "USD", 123_456_700),
        ("1,234,567.89", "USD", 123_456_789),
        ("1.234.567,89", "EUR", 123_456_789),
        ("1 234 567,89", "EUR", 123_456_789),
        ("1\u202f234\u00a0567,89", "EUR", 123_456_789),
        ("1'234'567.89", "CHF", 123_456_789),
        ("12,5", "EUR", 1250),
        ("1234,56", "EUR", 123_456),
        ("1,25,000.00", "INR", 12_500_000),
        ("12,34,567", "INR", 123_456_700),
        ("$1,234.00", "USD", 123_400),
        ("USD 412,000", "USD", 41_200_000),
        ("usd 412,000", "USD", 41_200_000),
        ("412 000 €", "EUR", 41_200_000),
        ("412000 EUR", "EUR", 41_200_000),
        ("-5", "USD", -500),
        ("\u22125", "USD", -500),
        ("$-5", "USD", -500),
        ("-$5", "USD", -500),
        ("(1,234.50)", "USD", -123_450),
        ("($1,234.50)", "USD", -123_450),
        ("1234", "JPY", 1234),
        ("1,234", "JPY", 1234),
        ("1234.00", "JPY", 1234),
        ("1.234", "KWD", 1234),
        ("00012", "USD", 1200),
        ("1.5000", "CLF", 15_000),
    ],
)
def test_amounts_are_read_where_only_one_reading_is_possible(text, currency, minor):
    assert parse_amount(text, currency) == minor


@pytest.mark.parametrize(
    ("text", "currency", "sentence"),
    [
        ("lots", "USD", "“lots” is not an amount. Write a number such as 412000 or 412,000.50."),
        ("NaN", "USD", "“NaN” is not an amount. Write a number such as 412000 or 412,000.50."),
        ("inf", "USD", "“inf” is not an amount. Write a number such as 412000 or 412,000.50."),
        ("1e400", "USD", "“1e400” is not an amount. Write a number such as 412000 or 412,000.50."),
        ("1.25E+06", "USD", "“1.25E+06” is not an amount. Write a number such as 412000 or 412,000.50."),
        ("--5", "USD", "“--5” has two minus signs."),
        ("(-5)", "USD", "“(-5)” has two minus signs."),
        ("٣٤", "USD", "“٣٤” is not an amount. Write a number such as 412000 or 412,000.50."),
        ("412000.", "USD", "“412000.” is not an amount. Write a number such as 412000 or 412,000.50."),
        ("412k", "USD", "“412k” is shortened. Write the whole number, such as 412000."),
        ("€5", "USD", "“€5” is not in USD, the currency of this deal."),
        ("EUR 5", "USD", "“EUR 5” is not in USD, the currency of this deal."),
        ("1.234", "USD", "“1.234” could mean 1234 or 1.234. Write it without separators."),
        ("1.000", "EUR", "“1.000” could mean 1000 or 1.000. Write it without separators."),
        ("1,234", "KWD", "“1,234” could mean 1234 or 1.234. Write it without separators."),
        ("1.000", "JPY", "“1.000” could mean 1000 or 1.000. Write it without separators."),
        ("12,34,56", "USD", "“12,34,56” has separators in unusual places. Write it without separators."),
        ("1,234 567", "USD", "“1,234 567” has separators in unusual places. Write it without separators."),
        ("1.234,567.89", "USD", "“1.234,567.89” has separators in unusual places. Write it without separators."),
        ("1 2.3 4", "USD", "“1 2.3 4” has separators in unusual places. Write it without separators."),
        ("0.123", "USD", "“0.123” has too many decimals: USD has 2."),
        ("5.5", "JPY", "“5.5” has too many decimals: JPY has none."),
        ("1" * 16, "USD", "“1111111111111111” is too large for an amount."),
        ("9" * 60, "USD", "“" + "9" * 39 + "…” is too long for an amount."),
    ],
)
def test_what_is_no_amount_or_could_be_two_is_refused_with_a_sentence(text, currency, sentence):
    with pytest.raises(ValueError) as caught:
        parse_amount(text, currency)
    assert str(caught.value) == sentence


@given(st.integers(1 - 10**14, 10**14 - 1), st.sampled_from(["USD", "JPY", "KWD", "EUR", "CLF"]))
def test_a_printed_amount_reads_back_as_itself_or_is_refused_never_as_another(minor, currency):
    try:
        read = parse_amount(format_money(minor, currency), currency)
    except ValueError:
        assert minor_digits(currency) >= 3
    else:
        assert read == minor


@given(st.text(max_size=50))
def test_any_text_is_an_amount_or_refused_in_words(text):
    try:
        minor = parse_amount(text, "USD")
    except ValueError as error:
        assert str(error).endswith(".")
    else:
        assert minor is None or abs(minor) < 10**18


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (41_200_000, "USD", "USD 412,000"),
        (41_200_050, "USD", "USD 412,000.50"),
        (-5, "USD", "USD -0.05"),
        (0, "USD", "USD 0"),
        (1234, "JPY", "JPY 1,234"),
        (1234, "KWD", "KWD 1.234"),
    ],
)
def test_money_prints_decimals_only_where_there_are_some(minor, currency, text):
    assert format_money(minor, currency) == text


@pytest.mark.parametrize(
    ("minor", "text"),
    [
        (0, "USD 0"),
        (8_525, "USD 85"),
        (99_940, "USD 999"),
        (99_960, "USD 1k"),
        (1_234_500, "USD 12.3k"),
        (41_200_000, "USD 412k"),
        (99_949_900, "USD 999k"),
        (99_999_900, "USD 1M"),
        (125_000_000, "USD 1.25M"),
        (-125_000_000, "USD -1.25M"),
        (1_000_000_000, "USD 10M"),
        (123_456_789_000, "USD 1.23B"),
        (12_345_678_900_000, "USD 123B"),
        (1_234_567_890_000_000, "USD 12.3T"),
        (123_456_789_000_000_000, "USD 1,230T"),
    ],
)
def test_short_money_has_three_figures(minor, text):
    assert short_money(minor, "USD") == text


def test_currencies_are_those_of_iso_4217():
    assert known_currency("USD")
    assert known_currency("KWD")
    assert not known_currency("usd")
    assert not known_currency("XYZ")
    assert not known_currency("")
    assert minor_digits("USD") == 2
    assert minor_digits("JPY") == 0
    assert minor_digits("KWD") == 3
