"""The workbook, recalculated by somebody else's program without its cached values, is the message, total by total."""

import io
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from handlers.files.sheets import Column, Listing, Styles, reference
from handlers.files.words import stored
from handlers.files.workbook import Workbook
from models.domain.forecast.facts import Bands
from models.domain.money import minor_digits
from models.domain.text import clean
from tests.files import samples
from tests.files.opened import BERLIN, QUARTERS, Opened

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(params=QUARTERS)
def workbook(request: pytest.FixtureRequest, opened: dict[str, Opened]) -> Opened:
    return opened[request.param]


def rows(sheet: Any, section: str, width: int = 18) -> list[list[Any]]:
    """The rows of one section of the roll-up, below its header, up to the blank row."""
    values = [[cell.value for cell in row] + [None] * width for row in sheet.iter_rows()]
    start = next(place for place, row in enumerate(values) if row[0] == section) + 1
    end = next(
        (place for place in range(start, len(values)) if not any(v is not None for v in values[place])), len(values)
    )
    return values[start:end]


def bands_of(row: list[Any]) -> list[float]:
    return [round(value or 0, 4) for value in row[1:9]]


def expected(bands: Bands, currency: str, *, counts: bool = True) -> list[float]:
    by = 10 ** minor_digits(currency)
    money = [
        bands.won / by,
        bands.commit / by,
        bands.best_case / by,
        bands.pipeline / by,
        bands.open / by,
        bands.total / by,
    ]
    return [*money, bands.deals, bands.unknown] if counts else money


def test_every_total_recalculated_without_cached_values_is_the_message(workbook: Opened) -> None:
    assert workbook.stripped > 20
    sheet, facts = workbook.recalculated["Roll-up"], workbook.facts
    currency, by = facts.currency, 10 ** minor_digits(facts.currency)

    program = rows(sheet, "Program")[-1]
    assert bands_of(program) == expected(facts.program, currency)
    assert program[9:11] == [facts.signed_commit / by, facts.signed_best_case / by]
    assert program[12] == facts.adjusted_commit / by
    if facts.quota is not None:
        assert program[13] == facts.quota / by
        assert round(program[14] * 10_000, 6) == facts.attainment

    told = {
        (row[16], row[17]): row for row in rows(sheet, "By partner manager and partner") if isinstance(row[17], int)
    }
    for pm in facts.pms:
        assert bands_of(told[None, pm.pm_id or 0]) == expected(pm.bands, currency)
        assert told[None, pm.pm_id or 0][9] == pm.signed_commit / by
        for partner in pm.partners:
            row = told[partner.partner_id, pm.pm_id or 0]
            assert bands_of(row) == expected(partner.bands, currency)
            assert row[15] == sum(line.bands.total for line in partner.changes) / by
            if partner.signed is not None:
                assert row[9] == partner.signed.commit / by
                assert row[12] == (partner.commit or 0) / by
            elif partner.partner_id:
                assert row[9] == row[12] == ("not submitted" if partner.expected else "not expected")

    kinds = rows(sheet, "By attribution")[2:]
    assert [bands_of(row) for row in kinds] == [
        expected(bands, currency)
        for kind in facts.by_kind
        for bands in (kind.bands, *(part.bands for part in kind.states))
    ]
    money = {row[0]: row for row in rows(sheet, "By currency")}
    for part in facts.by_currency:
        same = part.currency == currency
        assert bands_of(money[part.currency if same else f"{part.currency} in {currency}"]) == expected(
            part.converted, currency
        )
        if not same:
            assert bands_of(money[f"{part.currency}, as it is"])[:6] == expected(
                part.original, part.currency, counts=False
            )


def test_the_lines_of_what_changed_recalculated_lead_from_before_to_after(opened: dict[str, Opened]) -> None:
    facts = opened["usual"].facts
    assert facts.changes is not None
    changes, lines = facts.changes, rows(opened["usual"].recalculated["Roll-up"], "What changed")[2:]
    assert bands_of(lines[0])[:6] == expected(changes.before, "USD", counts=False)
    assert bands_of(lines[-1])[:6] == expected(changes.after, "USD", counts=False)
    assert [(bands_of(row)[:6], row[7]) for row in lines[1:-1]] == [
        (expected(line.bands, "USD", counts=False), line.deals) for line in changes.lines
    ]


def test_credit_coverage_and_accuracy_recalculated_are_the_message(opened: dict[str, Opened]) -> None:
    facts, sheet = opened["usual"].facts, opened["usual"].recalculated["Roll-up"]
    credit = {row[5]: row for row in rows(sheet, "Quota credit")[2:]}
    for line in facts.credit:
        assert credit[line.person_id or 0][1:5] == [line.won / 100, line.credit / 100, line.unsigned / 100, line.deals]
    shares = rows(sheet, "Coverage and shares")[1:]
    assert round(shares[0][3] * 10_000, 6) == facts.coverage.basis_points
    accuracy = rows(sheet, "Accuracy of signed commits")[2:]
    assert [round(accuracy[0][4] * 10_000, 6), accuracy[1][4]] == [9_268, "not rated"]


def test_the_difference_to_the_message_is_nought_everywhere(workbook: Opened) -> None:
    checks = [row for row in workbook.recalculated["Check"].iter_rows(min_row=5, values_only=True) if row[0]]
    assert len(checks) >= 10
    assert {row[3] for row in checks} == {0}
    front = next(
        row
        for row in workbook.recalculated["Roll-up"].iter_rows(values_only=True)
        if row[0] == "Difference to the message"
    )
    assert front[1] == 0


def test_cached_values_are_those_that_a_recalculation_finds(workbook: Opened) -> None:
    for sheet in ("Roll-up", "Conversions", "Check"):
        pairs = zip(workbook.cached[sheet].iter_rows(), workbook.recalculated[sheet].iter_rows(), strict=False)
        for told, found in pairs:
            for one, other in zip(told, found, strict=False):
                if isinstance(one.value, int | float):
                    assert other.value == pytest.approx(one.value, abs=1e-6), one.coordinate
                else:
                    assert (other.value or None) == (one.value or None), one.coordinate


def test_a_row_that_is_lost_on_the_way_shows_as_a_difference(opened: dict[str, Opened]) -> None:
    sheet = opened["lossy"].recalculated
    differences = {row[0]: row[3] for row in sheet["Check"].iter_rows(min_row=5, values_only=True)}
    assert differences["Program: deals"] == -1
    front = next(row for row in sheet["Roll-up"].iter_rows(values_only=True) if row[0] == "Difference to the message")
    assert front[1] >= 1


def test_text_that_looks_like_a_formula_stays_text(opened: dict[str, Opened]) -> None:
    sheet = opened["hostile"].formulas["Deals"]
    cells = [
        cell
        for row in sheet.iter_rows(min_row=5, min_col=3, max_col=4)
        for cell in row
        if str(cell.value)[:1] in tuple("=+-@")
    ]
    assert len(cells) > 20
    assert {cell.data_type for cell in cells} <= {"s", "inlineStr"}
    assert all(cell.quotePrefix for cell in cells)
    formulas = [cell for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]
    assert formulas == []


def test_amounts_are_numbers_in_their_own_decimals_and_dates_are_dates(opened: dict[str, Opened]) -> None:
    sheet, made = opened["usual"].cached["Deals"], samples.quarter(1)
    by_id = {row[0].value: row for row in sheet.iter_rows(min_row=5)}
    formats = {"USD": "0.00", "JPY": "#,##0;", "KWD": "0.000"}
    for deal in made.deals:
        row = by_id[deal.deal_id]
        assert row[12].value.date() == deal.close_date
        assert row[14].value == (None if deal.amount is None else deal.amount / 10 ** minor_digits(deal.currency))
        assert row[17].value == (None if deal.value is None else deal.value / 100)
        if deal.amount is not None and deal.currency in formats:
            assert formats[deal.currency] in row[14].number_format


def test_sheets_are_made_for_reading_and_printing(opened: dict[str, Opened]) -> None:
    book = opened["usual"].formulas
    assert book.sheetnames == ["Roll-up", "Deals", "Parts", "What changed", "Signatures", "Attribution", "Credit", "Conversions",
                               "Rates", "Targets", "Terms", "Check"]  # fmt: skip
    for name in ("Deals", "Parts", "What changed", "Signatures"):
        sheet = book[name]
        assert sheet.freeze_panes and sheet.auto_filter.ref and sheet.print_title_rows
        assert (sheet.page_setup.orientation, sheet.page_setup.fitToHeight) == ("landscape", 0)


def peak(number: int) -> int:
    """The peak memory of a workbook of that many deals, whose rows are made as they are asked for."""
    import random

    facts, pms = samples.quarter(1, 5).facts, [(1, 1), (2, 2)]
    rng = random.Random(7)

    def deals() -> Iterator[Any]:
        return (samples.make_deal(place, rng, pms) for place in range(number))

    tracemalloc.start()
    with Workbook(io.BytesIO(), facts, samples.book(), zone=BERLIN) as workbook:
        workbook.deals(deals())
        workbook.parts(part for deal in deals() for part in samples.parts_of(deal, rng, pms))
        before_zip = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return before_zip


def test_memory_is_flat_whatever_the_number_of_deals() -> None:
    small, large = peak(60), peak(600)
    assert large < small * 1.25


def test_a_sheet_that_is_full_says_so_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from xlsxwriter import Workbook as Book

    book = Book(io.BytesIO(), {"constant_memory": True})
    listing = Listing(book, Styles(book), "Deals", "", (Column("Deal", 10),), "USD", BERLIN)
    listing.row = 1_048_576
    with pytest.raises(ValueError, match="The sheet “Deals” is full: a workbook holds 1,048,572 rows of it at most"):
        listing.write(("one too many",))
    listing.row = 5
    book.close()


def test_a_workbook_that_fails_halfway_leaves_neither_a_file_nor_its_parts(tmp_path: Path) -> None:
    made = samples.quarter(1, 5)
    with (
        pytest.raises(RuntimeError),
        Workbook(str(tmp_path / "a.xlsx"), made.facts, samples.book(), zone=BERLIN) as workbook,
    ):
        workbook.deals(made.deals)
        folder = Path(workbook._folder.name)
        assert any(folder.iterdir())
        raise RuntimeError
    assert not (tmp_path / "a.xlsx").exists()
    assert not folder.exists()


def test_a_reference_is_the_librarys_own() -> None:
    from xlsxwriter.utility import xl_rowcol_to_cell

    for row, column in ((0, 0), (4, 25), (9, 26), (1_048_575, 701), (0, 702), (7, 16_383)):
        assert reference(row, column) == xl_rowcol_to_cell(row, column)
        assert reference(row, column, fixed=True) == xl_rowcol_to_cell(row, column, row_abs=True, col_abs=True)


def test_a_bot_that_writes_no_file_loads_none_of_the_libraries() -> None:
    program = (
        "import sys; from handlers.files import chart, deck, paper, workbook; "
        "print([name for name in ('typst', 'pptx', 'xlsxwriter') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT, timeout=60
    )
    assert done.stdout.strip() == "[]"


def test_names_come_out_of_the_workbook_as_they_went_in(opened: dict[str, Opened]) -> None:
    made = QUARTERS["hostile"]()
    wanted = [stored(clean(deal.name)) or None for deal in made.deals]
    for book in (opened["hostile"].cached, opened["hostile"].recalculated):
        rows = book["Deals"].iter_rows(min_row=5, max_row=4 + len(wanted), values_only=True)
        # The reader leaves the mark by which a file says that _x0041_ is meant as it stands.
        assert [row[2] and row[2].replace("_x005F_", "_") for row in rows] == wanted
