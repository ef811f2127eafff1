"""The roll-up as a workbook that finance can audit: every total a formula over deals, parts, changes and signatures.

Written in flat memory, whatever the number of deals: each list is handed over in as many chunks as one likes and is
gone from memory with the next row. Everything here is plain and blocking: call it from a worker thread.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, BinaryIO, Self
from zoneinfo import ZoneInfo

from handlers.files import rows as r
from handlers.files.columns import lists, terms_in_words
from handlers.files.grid import check_sheet
from handlers.files.rollup import RollUpSheet
from handlers.files.sheets import LINE, Listing, Styles, page_setup
from handlers.files.totals import REST
from handlers.files.words import ROLL_UP_KINDS as KINDS
from models.domain.deals import Category
from models.domain.forecast.facts import AttributionState, ChangeKind, RollUpFacts
from models.domain.minutes import Signature
from models.domain.money import minor_digits
from models.people import Names

PROGRAM = 0
"""What stands for the program in the column of partners' ids of targets."""


def _yes(value: bool) -> str:
    return "yes" if value else "no"


class Workbook:
    """One workbook, from its rows and then `close()`; leaving it as a context manager closes it.

    Each list may be handed over in chunks and in any order among the lists; the Roll-up is written last, though it stands
    first. `file`: a path or a binary file. `sign_offs`: the CRO's and the CFO's, signed or not.
    """

    def __init__(
        self,
        file: str | BinaryIO,
        facts: RollUpFacts,
        book: Names,
        *,
        zone: ZoneInfo,
        sign_offs: Sequence[Signature] = (),
    ) -> None:
        self._facts, self._people, self._zone, self._sign_offs = facts, book, zone, tuple(sign_offs)
        from xlsxwriter import Workbook as Book  # noqa: PLC0415 - loaded with the first workbook

        self._folder = TemporaryDirectory(prefix="cadence-workbook-")
        self._book = Book(file, {"constant_memory": True, "tmpdir": self._folder.name})
        self._book.set_calc_mode("auto")
        self._book.set_properties({"title": f"Partner forecast {facts.period}", "comments": facts.label})
        self._styles = Styles(self._book)
        self._partners = {part.partner_id: part.name for part in facts.partners} | {0: REST}
        self._page = RollUpSheet(self._book, self._styles, facts, book, zone)
        self._lists = {
            title: Listing(self._book, self._styles, title, sentence, columns, facts.currency, zone)
            for title, sentence, columns in lists(facts.currency)
        }
        self._targets = {True: 0, False: 0}
        self._converted = dict[tuple[str, date | None], list[int]]()
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abandon()

    def deals(self, rows: Iterable[r.DealRow]) -> None:
        listing, name = self._lists["Deals"], self._people.name
        for row in rows:
            values = (
                row.deal_id, row.crm_id, row.name, row.account, row.partner_id, self._partner(row.partner_id),
                row.pm_id or 0, name(row.pm_id), name(row.owner_id), KINDS.get(row.kind, row.kind), _state(row.state),
                Category(row.category).label, row.close_date, row.currency, row.amount, row.rate, row.rate_day, row.value,
                _yes(row.value is not None),
            )  # fmt: skip
            listing.write(values, own=row.currency)
            cell = self._converted.setdefault((row.currency, row.rate_day), [0, 0])
            cell[0] += row.amount or 0
            cell[1] += row.value or 0

    def parts(self, rows: Iterable[r.PartRow]) -> None:
        for row in rows:
            self._lists["Parts"].write(
                (row.deal_id, row.name, row.partner_id, self._partner(row.partner_id), row.pm_id or 0,
                 self._people.name(row.pm_id), Category(row.category).label, row.share, row.value, _yes(row.value is not None))
            )  # fmt: skip

    def changes(self, rows: Iterable[r.ChangeRow]) -> None:
        for row in rows:
            self._lists["What changed"].write(
                (row.deal_id, row.name, ChangeKind(row.kind).label, Category(row.band).label, row.partner_id,
                 self._partner(row.partner_id), row.pm_id or 0, self._people.name(row.pm_id), row.amount, row.deals)
            )  # fmt: skip

    def signatures(self, rows: Iterable[r.SignatureRow]) -> None:
        for row in rows:
            self._sign("signed commit", row.partner_id, row.pm_id, row.commit, row.best_case, row.by_id, row.for_id, row.at,
                       row.deals_commit, row.deals_best_case, "", row.counts)  # fmt: skip

    def adjustments(self, rows: Iterable[r.AdjustmentRow]) -> None:
        for row in rows:
            self._sign("adjustment", row.partner_id, row.pm_id, row.commit, None, row.by_id, None, row.at, None, None,
                       row.reason, row.counts and row.commit is not None)  # fmt: skip

    def _sign(self, what: str, partner_id: int, pm_id: int | None, commit: int | None, best: int | None, by_id: int,
              for_id: int | None, at: Any, deals_commit: int | None, deals_best: int | None, reason: str, counts: bool,
              ) -> None:  # fmt: skip
        name = self._people.name
        self._lists["Signatures"].write(
            (what, partner_id, self._partner(partner_id), name(pm_id), commit, best, name(by_id),
             name(for_id) if for_id is not None else "", at, deals_commit, deals_best, reason, _yes(counts))
        )  # fmt: skip

    def attribution(self, rows: Iterable[r.ClaimRow]) -> None:
        def name(person_id: int | None) -> str:
            return self._people.name(person_id) if person_id is not None else ""

        for row in rows:
            self._lists["Attribution"].write(
                (row.deal_id, row.name, self._partner(row.partner_id), KINDS.get(row.kind, row.kind), row.opened_at,
                 name(row.opened_by_id), row.due,
                 name(row.ae_id), name(row.ae_for_id), row.ae_at, name(row.pm_id), name(row.pm_for_id), row.pm_at,
                 row.in_force_at, row.replaced_at, row.reason)
            )  # fmt: skip

    def credit(self, rows: Iterable[r.CreditRow]) -> None:
        for row in rows:
            self._lists["Credit"].write(
                (row.deal_id, row.name, row.owner_id or 0, self._people.name(row.owner_id), KINDS.get(row.kind, row.kind),
                 _state(row.state), row.ratio, row.value, row.credit, _yes(row.unsigned))
            )  # fmt: skip

    def rates(self, rows: Iterable[r.RateRow]) -> None:
        """The rates as they were entered; the sheet “Conversions” shows which of them deals were converted with."""
        for row in rows:
            by = self._people.name(row.by_id) if row.by_id is not None else ""
            self._lists["Rates"].write((row.currency, row.into, row.day, row.rate, row.at, by, row.source))

    def targets(self, rows: Iterable[r.TargetRow]) -> None:
        """Targets as they were entered, and what they come to in the roll-up's currency."""
        for row in rows:
            counts = row.counts and row.value is not None
            if counts:
                self._targets[row.partner_id is None] += row.value or 0
            partner = "Program" if row.partner_id is None else self._partner(row.partner_id)
            by = self._people.name(row.by_id) if row.by_id is not None else ""
            self._lists["Targets"].write(
                (
                    row.partner_id or PROGRAM,
                    partner,
                    row.currency,
                    row.amount,
                    row.value,
                    row.at,
                    by,
                    row.source,
                    _yes(counts),
                ),
                own=row.currency,
            )

    def close(self) -> None:
        """Writes conversions, terms, the Roll-up and the checks, and the file."""
        if self._closed:
            return
        self._closed = True
        self._conversions()
        for listing in self._lists.values():
            listing.end()
        self._terms()
        self._page.write(self._sign_offs, self._target())
        check_sheet(self._book, self._styles, self._facts.currency, self._page.checked)
        self._book.close()
        self._folder.cleanup()

    def abandon(self) -> None:
        """Leaves nothing behind: neither a file nor what was written of one."""
        self._closed = True
        for sheet in self._book.worksheets():
            sheet.row_data_fh.close()
        self._book.fileclosed = True
        self._folder.cleanup()

    def _partner(self, partner_id: int) -> str:
        return self._partners.get(partner_id) or f"Partner {partner_id}"

    def _target(self) -> str | None:
        """The program's target is a row of its own, or else the sum of the partners'."""
        for program, formula in (
            (True, f'SUMIFS(TargetAmount,TargetPartner,{PROGRAM},TargetCounts,"yes")'),
            (False, f'SUMIFS(TargetAmount,TargetPartner,">{PROGRAM}",TargetCounts,"yes")'),
        ):
            if self._facts.quota is not None and self._targets[program] == self._facts.quota:
                return formula
        return None

    def _conversions(self) -> None:
        """What was converted with each rate: amount × rate beside the sum of values, which were rounded deal by deal."""
        listing, into = self._lists["Conversions"], self._facts.currency
        line: dict[str, Any] = {"bottom": 1, "bottom_color": LINE}
        money = self._styles.money(into, **line)
        for used in self._facts.rates:
            own, row = self._styles.money(used.currency, **line), listing.row + 1
            amount, value = (float(part) for part in self._converted.get((used.currency, used.day), (0, 0)))
            amount, value = amount / 10 ** minor_digits(used.currency), value / 10 ** minor_digits(into)
            product = amount * float(used.rate)
            listing.write(
                (used.currency, used.rate, used.day, used.from_day, used.deals, *[None] * 4), own=used.currency
            )
            where = f'DealCurrency,"{used.currency}",DealRateDay,C{row}'
            for place, formula, style, cached in (
                (5, f"ROUND(SUMIFS(DealAmount,{where}),{minor_digits(used.currency)})", own, amount),
                (6, f"F{row}*B{row}", money, product),
                (7, f"ROUND(SUMIFS(DealValue,{where}),{minor_digits(into)})", money, value),
                (8, f"G{row}-H{row}", self._styles.get(num_format="0.0000", **line), product - value),
            ):
                listing.sheet.write_formula(row - 1, place, f"={formula}", style, cached)

    def _terms(self) -> None:
        """Definitions, ratios and thresholds in force, one a row."""
        terms, styles = self._facts.terms, self._styles
        sheet = self._book.add_worksheet("Terms")
        sheet.hide_gridlines(2)
        sheet.set_column(0, 0, 38)
        sheet.set_column(1, 1, 110)
        page_setup(sheet, "Terms")
        sheet.set_row(0, 26)
        sheet.write_string(0, 0, "Terms", styles.title())
        since = f", since {terms.since.day} {terms.since:%b %Y}" if terms.since else ""
        by = f", by {self._people.name(terms.by_id)}" if terms.by_id is not None else ""
        sheet.write_string(1, 0, f"Version {terms.version}{since}{by}", styles.note())
        for row, (label, said) in enumerate(terms_in_words(self._facts), 3):
            sheet.write_string(row, 0, label, styles.get(bold=True, valign="top"))
            sheet.write_string(row, 1, said, styles.get(text_wrap=True, valign="top"))


def _state(value: str) -> str:
    return AttributionState(value).label if value else ""
