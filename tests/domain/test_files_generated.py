"""Files nobody has seen: every encoding, separator, order of dates and style of amounts, against an independent reader."""

import csv
import io
import re
from datetime import UTC, date, datetime
from decimal import Decimal

from hypothesis import assume, given
from hypothesis import strategies as st

from models.domain.errors import BadFile
from models.domain.files import Bytes, Mapping, deal_file, opened, parse_deals, survey
from models.domain.files.records import Row
from models.domain.files.table import read_table
from models.domain.text import clean

# What Windows-1252 has, so that every encoding can carry it; no separators of lines that only some programs know.
LETTERS = "".join(
    bytes([code]).decode("cp1252") for code in range(32, 256) if code not in {0x7F, 0x81, 0x8D, 0x8F, 0x90, 0x9D}
)
WORDS = st.text(st.sampled_from(LETTERS + ",;\t\"'\n"), max_size=25)
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "cp1252"]
DATES = {"%Y-%m-%d": None, "%Y-%m-%d %H:%M": None, "%m/%d/%Y": "mdy", "%d/%m/%y": "dmy", "%d.%m.%Y": None, "%d-%m-%Y": "dmy",
         "%m/%d/%y %I:%M %p": "mdy", "%d %b %Y": None, "%b %d, %Y": None}  # fmt: skip
STYLES = {",.": (",", "."), ".,": (".", ","), " ,": (" ", ","), "'.": ("'", "."), "|.": ("", ".")}
DEALS = st.lists(
    st.fixed_dictionaries(
        {
            "Name": WORDS.filter(clean),
            "Account": WORDS,
            "Next Step": WORDS,
            "cents": st.one_of(st.none(), st.integers(-(10**9), 10**12)),
            "close": st.one_of(st.none(), st.datetimes(datetime(1970, 1, 1), datetime(2060, 1, 1))),  # noqa: DTZ001
        }
    ),
    min_size=1,
    max_size=6,
)


@given(
    DEALS, st.sampled_from(ENCODINGS), st.sampled_from(",;\t"), st.sampled_from(sorted(DATES)), st.sampled_from(sorted(STYLES)),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]), st.sampled_from(["\n", "\r\n"]), st.integers(0, 3),
)  # fmt: skip
def test_a_generated_file_reads_as_an_independent_reader_reads_it(
    deals, encoding, delimiter, form, style, quoting, end, titles
):
    data = written(deals, delimiter, form, STYLES[style], quoting, end, titles).encode(encoding)
    assume(plainly(data, encoding))
    mapping = Mapping(dates=DATES[form], decimal=STYLES[style][1])
    parsed = parse_deals(opened(Bytes(data)), mapping=mapping)
    assert parsed.problems == ()
    text = data.decode(encoding)
    lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))[titles:]
    wanted = [dict(zip(lines[0], cells, strict=True)) for cells in lines[1:]]
    assert len(parsed.rows) == len(wanted) == len(deals)
    for row, cells in zip(parsed.rows, wanted, strict=True):
        assert (row.name, row.account, row.next_step) == tuple(
            clean(cells[h]) for h in ("Name", "Account", "Next Step")
        )
        assert row.amount == independent_amount(cells["Amount"], *STYLES[style])
        assert row.close_date == (independent_date(cells["Close Date"], form) if cells["Close Date"] else None)


@given(
    DEALS, st.sampled_from(ENCODINGS), st.sampled_from(",;\t"), st.sampled_from(sorted(DATES)), st.sampled_from(sorted(STYLES))
)  # fmt: skip
def test_without_a_word_from_anybody_a_file_is_read_right_or_asked_about(deals, encoding, delimiter, form, style):
    data = written(deals, delimiter, form, STYLES[style], csv.QUOTE_MINIMAL, "\n", 0).encode(encoding)
    assume(plainly(data, encoding))
    document = opened(Bytes(data))
    try:
        parsed = parse_deals(document)
    except BadFile as error:
        questions = survey(document).questions
        assert str(error) in {question.said for question in questions}
        assert all(line >= 2 and header in {"Amount", "Close Date"} for q in questions for line, header, _ in q.cells)
        return
    assert survey(document).questions == ()
    assert parsed.problems == ()
    for row, deal in zip(parsed.rows, deals, strict=True):
        assert row.close_date == (deal["close"].date() if deal["close"] else None)
        assert row.amount == deal["cents"]


@given(
    st.lists(st.lists(WORDS.map(lambda text: f"x{text}"), min_size=3, max_size=3), min_size=1, max_size=6),
    st.sampled_from(",;\t"),
)
def test_cells_of_a_table_are_those_of_the_csv_module(rows, delimiter):
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerows([["crm_id", "name", "stage"], *rows])
    found = read_table(text.getvalue()).rows
    assert [row.cells for row in found] == [
        tuple(row) for row in csv.reader(io.StringIO(text.getvalue(), newline=""), delimiter=delimiter)
    ][1:]
    assert all(isinstance(row, Row) and row.line >= 2 for row in found)


def test_a_file_can_be_read_twice_and_says_the_same():
    text = "crm_id,name,partner,owner,stage\n1,D,,Ann,Closed Won\n2,E,,,\n1,F,,Ann,Closed Won\n3,G,,Ann,Closed Won\n"
    file = deal_file(text)
    first, second = list(file.rows()), list(file.rows())
    assert first == second
    assert file.seen == {"1", "2", "3"}
    assert file.survey.rows == 4


def written(deals, delimiter, form, style, quoting, end, titles):
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=end)
    for number in range(titles):
        writer.writerow([f"Title {number}"])
    writer.writerow(
        ["Deal ID", "Name", "Account", "Partner", "Owner", "Stage", "Amount", "Currency", "Close Date", "Next Step"]
    )
    for number, deal in enumerate(deals):
        close = deal["close"].strftime(form) if deal["close"] else ""
        cells = [
            deal["Name"],
            deal["Account"],
            "Acme",
            "Ann",
            "Closed Won",
            amount(deal["cents"], *style),
            "USD",
            close,
            deal["Next Step"],
        ]
        writer.writerow([str(number), *cells])
    return text.getvalue()


def plainly(data, encoding):
    """Whether Windows-1252 looks like nothing else: its “Ã¼” are the bytes of UTF-8's “ü”."""
    return encoding != "cp1252" or re.search(rb"[\xc2-\xf4][\x80-\xbf]", data) is None


def amount(cents, group, point):
    if cents is None:
        return ""
    whole, rest = divmod(abs(cents), 100)
    return ("-" if cents < 0 else "") + f"{whole:,}".replace(",", group) + f"{point}{rest:02d}"


def independent_amount(text, group, point):
    if not text:
        return None
    return int(Decimal((text.replace(group, "") if group else text).replace(point, ".")) * 100)


def independent_date(text, form) -> date:
    return datetime.strptime(text, form).replace(tzinfo=UTC).date()
