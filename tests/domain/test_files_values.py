"""Dates, amounts and ids in cells: what is read, what is asked, and that nothing is silently wrong by a factor."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.domain.errors import BadFile
from models.domain.files import Mapping, parse_deals, safe_cell
from models.domain.files.dates import parse_date, parse_moment
from models.domain.files.ids import record_key
from models.domain.money import currency_in, decimal_open, decimal_shown, parse_amount, ungrouped


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-03-12", date(2026, 3, 12)),
        ("2026/3/12", date(2026, 3, 12)),
        ("2026.03.12", date(2026, 3, 12)),
        ("2026-03-12 14:05", date(2026, 3, 12)),
        ("2026-03-12T14:05:00.000+0000", date(2026, 3, 12)),
        ("2026-03-12T23:59:59Z", date(2026, 3, 12)),
        ("3/12/2026", date(2026, 3, 12)),
        ("03-12-26", date(2026, 3, 12)),
        ("3/12/2026, 2:05 PM", date(2026, 3, 12)),
        ("12.03.2026 14:05", date(2026, 3, 12)),
        ("12 Mar 2026", date(2026, 3, 12)),
        ("12-Mar-26", date(2026, 3, 12)),
        ("12. March 2026", date(2026, 3, 12)),
        ("Mar 12, 2026", date(2026, 3, 12)),
        ("March 12th, 2026 2:05 p.m.", date(2026, 3, 12)),
        ("Thu, 12 Mar 2026 14:05:00 GMT", date(2026, 3, 12)),
        ("Thu, Sept 3, 2026", date(2026, 9, 3)),
        ("2026-03-12 14:05 EST", date(2026, 3, 12)),
        ("2026-03-12 14:05 (UTC+1)", date(2026, 3, 12)),
    ],
)
def test_dates_are_read_in_every_form_a_crm_writes(text, day):
    assert parse_date(text, "mdy") == day


@pytest.mark.parametrize(
    "text",
    [
        "2026-13-01",
        "2026-02-30",
        "31.02.2026",
        "12 Mai 2026",
        "Foo 12, 2026",
        "2026-03-12 25:00",
        "46000",
        "soon",
        "2026-03/12",
        "1" * 90,
    ],
)
def test_what_is_no_date_is_refused_in_a_sentence(text):
    with pytest.raises(ValueError) as caught:
        parse_date(text, "mdy")
    assert str(caught.value).endswith(".")
    assert len(str(caught.value)) < 200


NEW_YORK = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("", None),
        ("02/23/26 08:55 PM", datetime(2026, 2, 24, 1, 55, tzinfo=UTC)),
        ("02/23/26 12:00 AM", datetime(2026, 2, 23, 5, 0, tzinfo=UTC)),
        ("02/23/26 12:30 p.m.", datetime(2026, 2, 23, 17, 30, tzinfo=UTC)),
        ("2026-02-23T20:55:00.000Z", datetime(2026, 2, 23, 20, 55, tzinfo=UTC)),
        ("2026-02-23T20:55:07+0530", datetime(2026, 2, 23, 15, 25, 7, tzinfo=UTC)),
        ("2026-02-23 20:55 GMT-3", datetime(2026, 2, 23, 23, 55, tzinfo=UTC)),
        ("2026-02-23", datetime(2026, 2, 23, 5, 0, tzinfo=UTC)),
        ("2026-07-01 09:00", datetime(2026, 7, 1, 13, 0, tzinfo=UTC)),
    ],
)
def test_moments_are_in_the_files_zone_unless_they_name_their_own(text, at):
    assert parse_moment(text, "mdy", zone=NEW_YORK) == at


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-23 24:30",
        "2026-02-23 13:00 PM",
        "2026-02-23 09:00 CET",
        "2026-02-23 09:00 +99",
        "0001-01-01 00:00 +05",
        "x",
    ],
)
def test_a_moment_that_no_clock_shows_is_refused_in_a_sentence(text):
    with pytest.raises(ValueError) as caught:
        parse_moment(text, "mdy", zone=NEW_YORK)
    assert str(caught.value).endswith(".")


DATED = "crm_id,name,partner,owner,stage,close_date,created_date\n"


def dated(*pairs, **told):
    text = DATED + "".join(f'{n},D,,Ann,Qualification,"{close}","{made}"\n' for n, (close, made) in enumerate(pairs))
    return parse_deals(text, mapping=Mapping(**told))


def test_a_day_that_is_the_same_both_ways_is_no_question():
    assert dated(("03/03/26", ""), ("04-04-2026", "")).rows[0].close_date == date(2026, 3, 3)


def test_dots_are_day_first_unless_the_file_shows_otherwise():
    assert dated(("02.03.2026", "")).rows[0].close_date == date(2026, 3, 2)
    assert dated(("02.03.2026", "12.31.2026")).rows[0].close_date == date(2026, 2, 3)
    with pytest.raises(BadFile) as caught:
        dated(("02.03.2026", "12.31.2026"), ("31.12.2026", ""))
    assert caught.value.problems == (
        (
            "line 3, close_date: “31.12.2026” has day and month the other way round than “12.31.2026” on line 2. Use one "
            "order."
        ),
    )


def test_an_order_that_only_the_option_or_an_earlier_file_gives_is_said():
    assert dated(("02/03/2026", ""), dates="dmy").warnings == (
        (
            "Nothing in this file shows the order of its dates: “02/03/2026” (line 2, close_date) was read as 2 Mar 2026, "
            "by --dates dmy or the file before. If that is wrong, use --dates mdy."
        ),
    )
    assert dated(("02/03/2026", "23/02/2026"), dates="dmy").warnings == ()
    assert dated(("02/02/2026", ""), dates="mdy").warnings == ()


def test_one_columns_dates_settle_the_others():
    assert dated(("02/03/2026", "23/02/2026")).rows[0].close_date == date(2026, 3, 2)


def test_serial_numbers_are_dates_only_where_the_whole_column_is_such():
    parsed = dated(("46000", "2026-01-01"), ("", ""), ("46091.5", ""))
    assert [row.close_date for row in parsed.rows] == [date(2025, 12, 9), None, date(2026, 3, 10)]
    assert parsed.warnings == (
        (
            "The dates of close_date are serial numbers of a spreadsheet, read as days since 30 Dec 1899. If they come "
            "out four years early, the workbook counts from 1904: format the column as dates and save it again."
        ),
    )
    for other in ("2026-01-01", "123456", "99999"):
        assert "“46000” is not a date" in str(dated(("46000", ""), (other, "")).problems[0])


@pytest.mark.parametrize(
    ("text", "mark", "currency", "minor"),
    [
        ("1,234", ".", "USD", 123_400),
        ("1,234", ",", "KWD", 1_234),
        ("1,50", ",", "EUR", 150),
        ("1.234", ",", "EUR", 123_400),
        ("1.500", ".", "EUR", 150),
        ("1.234.567,8", ",", "EUR", 123_456_780),
        ("1 234,5", ",", "EUR", 123_450),
        ("1'234.50", ".", "CHF", 123_450),
        ("1,234-", None, "USD", -123_400),
        ("1.234,56-", None, "EUR", -123_456),
        ("USD (1,234.50)", None, "USD", -123_450),
        ("EUR -5", None, "EUR", -500),
        ("US$ 5", None, "USD", 500),
        ("5 CA$", None, "CAD", 500),
        ("€1.234,56", None, "EUR", 123_456),
        ("15000", ",", "EUR", 1_500_000),
    ],
)
def test_amounts_are_read_by_the_mark_that_is_told(text, mark, currency, minor):
    assert parse_amount(text, currency, mark) == minor


@pytest.mark.parametrize(
    ("text", "mark", "sentence"),
    [
        (
            "1.234,56",
            ".",
            "“1.234,56” is not written with “.” before the cents, as this file is read. Mend it, or use “--decimal ,”.",
        ),
        (
            "1234.56",
            ",",
            "“1234.56” is not written with “,” before the cents, as this file is read. Mend it, or use “--decimal .”.",
        ),
        ("1.2e6", ".", "“1.2e6” is not an amount. Write a number such as 412000 or 412,000.50."),
        ("1,234", ",", "“1,234” has too many decimals: USD has 2."),
        ("(USD -5)", ".", "“(USD -5)” has two minus signs."),
    ],
)
def test_amounts_against_the_mark_that_is_told_are_refused(text, mark, sentence):
    with pytest.raises(ValueError) as caught:
        parse_amount(text, "USD", mark)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("text", "shown", "doubtful"),
    [
        ("1,234", None, ","),
        ("1.234", None, "."),
        ("USD 12,500", None, ","),
        ("(1.500)", None, "."),
        ("1,234.50", ".", None),
        ("1.234,50", ",", None),
        ("1,234,567", ".", None),
        ("1.234.567", ",", None),
        ("12.5", ".", None),
        ("1234,567", ",", None),
        ("0,123", ",", None),
        ("1234", None, None),
        ("1 234", None, None),
        ("1'234'567", None, None),
        ("lots", None, None),
    ],
)
def test_what_an_amount_shows_of_its_decimal_mark(text, shown, doubtful):
    assert (decimal_shown(text), decimal_open(text)) == (shown, doubtful)


def test_ungrouped_thousands_are_seen():
    assert [ungrouped(text) for text in ("15000", "€15000.50", "1,500", "150")] == [True, True, False, False]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("USD 5", "USD"),
        ("5 eur", "EUR"),
        ("€5", "EUR"),
        ("(GBP 5)", "GBP"),
        ("US$5", "USD"),
        ("$5", None),
        ("5", None),
        ("x", None),
        ("5 k", None),
    ],
)
def test_an_amount_may_name_its_currency(text, code):
    assert currency_in(text) == code


def priced(*amounts, currency="", **told):
    rows = "".join(f"{n};D;;Ann;Qualification;{text};{currency}\n" for n, text in enumerate(amounts))
    return parse_deals("crm_id;name;partner;owner;stage;amount;currency\n" + rows, mapping=Mapping(**told))


@pytest.mark.parametrize(
    ("amounts", "currency", "told", "first"),
    [
        (("1,234", "1,234.50"), "EUR", None, 123_400),
        (("1.234", "12,5"), "EUR", None, 123_400),
        (("1.234", "1.234.567"), "EUR", None, 123_400),
        (("12,500", "3"), "USD", None, 1_250_000),
        (("12.500", "3"), "BRL", None, 1_250_000),
        (("1.234", "1.000"), "KWD", None, 1_234),
        (("12,500", "15000"), "USD", ".", 1_250_000),
        (("12,500", "15000"), "EUR", ",", 1_250),
        (("USD 12,500", "USD 1"), "", None, 1_250_000),
    ],
)
def test_a_thousand_or_one_is_settled_by_the_column_the_currency_or_the_option(amounts, currency, told, first):
    parsed = priced(*amounts, currency=currency, decimal=told)
    assert parsed.problems == ()
    assert parsed.rows[0].amount == first


def test_what_only_the_currency_settles_is_said():
    assert priced("12,500", "3", currency="USD").warnings == (
        (
            "Nothing but the currency says what the separator of “12,500” (line 2, amount) means: USD is written with “.” "
            "before the cents. If this file is not, import it with “--decimal ,”."
        ),
    )
    assert priced("12.500", "3", currency="BRL").warnings[0].endswith("“--decimal .”.")
    assert priced("1,234", "1,234.50", currency="USD").warnings == ()
    assert priced("1,234", "1,234.50", currency="USD", decimal=".").warnings == ()
    assert priced("12,500", currency="EUR", decimal=".").warnings == (
        (
            "Nothing in this file settles what the separator of “12,500” (line 2, amount) means: it was read with “.” "
            "before the cents, as told. If that is wrong, use “--decimal ,”."
        ),
    )


@pytest.mark.parametrize(
    ("amounts", "currency", "problems"),
    [
        (
            ("12,500", "12.500"),
            "EUR",
            (
                (
                    "line 2, amount: “12,500” could be thousands or decimals. Say which: --decimal . reads thousands, "
                    "--decimal , reads decimals."
                ),
                (
                    "line 3, amount: “12.500” could be thousands or decimals. Say which: --decimal , reads thousands, "
                    "--decimal . reads decimals."
                ),
            ),
        ),
        (
            ("12.500", "3"),
            "USD",
            (
                (
                    "line 2, amount: “12.500” could be thousands or decimals. Say which: --decimal , reads thousands, "
                    "--decimal . reads decimals."
                ),
            ),
        ),
        (
            ("12,500", "15000"),
            "USD",
            (
                (
                    "line 2, amount: “12,500” could be thousands or decimals, since “15000” (line 3) groups no thousands. "
                    "Say which: --decimal . reads thousands, --decimal , reads decimals."
                ),
            ),
        ),
        (
            ("12,500", "€15000.5"),
            "EUR",
            None,
        ),
        (
            ("1,500", "1.500,20", "1,500.20"),
            "USD",
            (
                (
                    "line 2, amount: “1,500” could be thousands or decimals, since “1,500.20” (line 4) and “1.500,20” "
                    "(line 3) are written differently. Say which: --decimal . reads thousands, --decimal , reads decimals."
                ),
            ),
        ),
    ],
)
def test_amounts_that_nothing_settles_are_refused_with_the_option(amounts, currency, problems):
    if problems is None:
        assert priced(*amounts, currency=currency).rows[0].amount == 1_250_000  # the point of the other row settles it
        return
    with pytest.raises(BadFile) as caught:
        priced(*amounts, currency=currency)
    assert (str(caught.value), caught.value.problems) == ("The amounts of this file have two readings.", problems)


def test_styles_may_be_mixed_where_each_amount_has_one_reading():
    assert [row.amount for row in priced("1.500,20", "1,500.20", "7", currency="EUR").rows] == [150_020, 150_020, 700]


def test_the_cells_own_currency_wins_over_the_default_and_must_agree_with_the_column():
    rows = priced("USD 5", "€ 6", "7", currency="").rows
    assert [(row.amount, row.currency) for row in rows] == [(500, "USD"), (600, "EUR"), (700, "USD")]
    assert "is not in EUR" in str(priced("USD 5", currency="EUR").problems[0])
    assert str(priced("5", currency="XYZ").problems[0]) == (
        "line 2, currency: “XYZ” is not a currency code. Use one like USD, EUR or JPY."
    )


@given(
    st.lists(st.integers(0, 10**9), min_size=1, max_size=8),
    st.sampled_from([(",", "."), (".", ","), (" ", ","), ("'", "."), ("", "."), ("", ",")]),
    st.sampled_from(["USD", "EUR", "BRL", "CHF", "JPY", "KWD"]),
    st.integers(0, 3),
    st.booleans(),
)
def test_an_amount_is_read_as_it_was_written_or_the_file_is_refused(thousandths, style, code, decimals, tell):
    """Whatever the style, the number of decimals and the currency: never another number, above all not a thousandfold."""
    group, point = style
    meant = [number // 10 ** (3 - decimals) for number in thousandths]

    def shown(number):
        whole, rest = divmod(number, 10**decimals)
        return f"{whole:,}".replace(",", group) + (f"{point}{rest:0{decimals}d}" if decimals else "")

    digits = {"JPY": 0, "KWD": 3}.get(code, 2)
    try:
        parsed = priced(*map(shown, meant), currency=code, decimal=point if tell else None)
    except BadFile as error:
        assert not tell
        assert "two readings" in str(error)
        return
    for row in parsed.rows:
        number = meant[int(row.crm_id)]
        assert row.amount == number * 10**digits // 10**decimals or (not tell and parsed.warnings)
    if tell:
        refused = [number for number in meant if number * 10**digits % 10**decimals]
        assert len(parsed.problems) == len(refused)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("006bm00000LKJNN", "006bm00000LKJNNAA5"),
        ("006bm00000LKJNNAA5", "006bm00000LKJNNAA5"),
        ("006bm00000LKJNNxxx", "006bm00000LKJNNAA5"),
        ("001bm00001ZL8U9", "001bm00001ZL8U9AAL"),
        ("18000000001", "18000000001"),
        ("006xx000004BBB00AAX", "006xx000004BBB00AAX"),
        ("", ""),
    ],
)
def test_fifteen_and_eighteen_characters_are_one_id(text, key):
    assert record_key(text) == key


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+49 89 1234", "'+49 89 1234"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\rx", "'\rx"),
        (" \n =cmd|' /C calc'!A0", "' \n =cmd|' /C calc'!A0"),
        ("＝1+1", "'＝1+1"),
        ("-5", "-5"),
        ("-1234.50", "-1234.50"),
        ("a=b", "a=b"),
        ("", ""),
        ("'=1", "'=1"),
    ],
)
def test_a_cell_that_is_written_out_is_never_a_live_formula(text, cell):
    assert safe_cell(text) == cell


@given(st.text(max_size=30))
def test_a_safe_cell_begins_with_nothing_a_spreadsheet_runs_and_loses_nothing(text):
    cell = safe_cell(text)
    assert cell.removeprefix("'") == text.removeprefix("'")
    assert safe_cell(cell) == cell
    assert cell.strip()[:1] not in {"=", "+", "@"}


def test_formulas_in_cells_are_text_when_they_come_in():
    text = 'crm_id,name,partner,owner,stage,next_step\n1,"=HYPERLINK(""x"")",,Ann,Qualification,@home\n'
    (row,) = parse_deals(text).rows
    assert (row.name, row.next_step) == ('=HYPERLINK("x")', "@home")
