"""The totals of the roll-up as formulas: program, managers and partners, kinds, currencies, and what changed."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from handlers.files.grid import Checked, Grid, half_even
from handlers.files.sheets import day, local, major
from handlers.files.words import ROLL_UP_KINDS as KINDS
from models.domain.deals import Category
from models.domain.forecast.facts import Bands, ChangeLine, PartnerPart, PmPart
from models.domain.money import minor_digits

BANDS: Final = (Category.WON, Category.COMMIT, Category.BEST_CASE, Category.PIPELINE)
WON, COMMIT, BEST, PIPELINE, OPEN, TOTAL, DEALS, UNKNOWN = range(1, 9)
SIGNED, SIGNED_BEST, ADJUSTED, COUNTS, TARGET, ATTAINED, CHANGED = range(9, 16)
PARTNER_ID, PM_ID = 16, 17
BAND_HEADS = ("Closed won", "Commit", "Best case", "Pipeline", "Open", "Total", "Deals", "No amount")
PARTNER_HEADS = (*BAND_HEADS, "Signed commit", "Signed best case", "Adjusted commit", "Commit that counts", "Target",
                 "Attainment", "Change", "Partner id", "Manager id")  # fmt: skip
REST: Final = "No partner's share"
NOT_SUBMITTED, NOT_EXPECTED = "not submitted", "not expected"
_SIGNED, _ADJUSTED = '"signed commit"', '"adjustment"'


class Totals(Grid):
    """The sections that add up the lists behind them."""

    def _head(self) -> None:
        facts, styles = self.facts, self.styles
        self.sheet.set_row(0, 30)
        self.sheet.write_string(0, 0, f"Partner forecast {facts.period}", styles.title())
        self.row = 1
        kind = "draft, nobody has published it" if facts.kind == "draft" else facts.label
        pairs: list[tuple[str, Any]] = [
            ("Roll-up", kind), ("Quarter", f"{facts.first.day} {facts.first:%B %Y} to {facts.last.day} {facts.last:%B %Y}"),
            ("Cut-off", local(facts.cut_off, self.zone)), ("Rates of open deals as of", day(facts.rate_day)),
            ("CRM as of", local(facts.crm_as_of, self.zone) if facts.crm_as_of else "no CRM import yet"),
            ("All amounts in", facts.currency), ("Times in", str(self.zone)),
        ]  # fmt: skip
        if facts.blocked:
            self.sheet.write_string(
                self.row, 0, f"No totals: {facts.blocked}", styles.get(bold=True, font_color="#B34700")
            )
            self.row += 1
        for label, value in pairs:
            self.label(label, line=False)
            if isinstance(value, str):
                self.said(1, value, bold=True)
            else:
                form = "d mmm yyyy, hh:mm" if label != "Rates of open deals as of" else "d mmm yyyy"
                self.sheet.write_datetime(self.row, 1, value, styles.get(bold=True, num_format=form, align="left"))
            if label == "CRM as of" and facts.crm_stale:
                self.said(3, "more than two working days old", quiet=True)
            self.row += 1
        self.label("Difference to the message", line=False)
        zero = styles.get(bold=True, align="left", num_format="0." + "0" * self.digits if self.digits else "0")
        self.sheet.write_formula(self.row, 1, "=SUMPRODUCT(ABS(CheckDifference))", zero, 0)
        self.said(3, "every total below beside the message's own: see the sheet “Check”", quiet=True)
        self.row += 1

    def _program(self, target: str | None) -> None:
        facts = self.facts
        self.section(
            "Program", "Every deal with a partner that closes in the quarter, once; categories exclude one another."
        )
        self.heads("", *BAND_HEADS, *PARTNER_HEADS[8:14], "Change")
        self.label("Program", bold=True, fill=True)
        look: dict[str, Any] = {"bold": True, "fill": True}
        self._bands("Program", facts.program, "DealValue", "DealCategory", (), **look)
        for column, total, name, said in (
            (SIGNED, "SignCommit", "signed commit", facts.signed_commit),
            (SIGNED_BEST, "SignBest", "signed best case", facts.signed_best_case),
        ):
            formula = self.rounded(f'SUMIFS({total},SignWhat,"signed commit",SignCounts,"yes")')
            self.formula(column, formula, said, f"Program: {name}", **look)
        adjusted = sum(part.adjusted.commit for part in facts.partners if part.adjusted is not None)
        formula = self.rounded('SUMIFS(SignCommit,SignWhat,"adjustment",SignCounts,"yes")')
        self.formula(ADJUSTED, formula, adjusted, "Program: adjusted commits", **look)
        counts = self._counting_rows()
        self.formula(COUNTS, self.rounded(counts), sum(part.commit or 0 for part in facts.partners),
                     "Program: commit that counts", **look)  # fmt: skip
        self._target(facts.quota, facts.attainment, target, "Program", **look)
        if facts.changes is not None:
            changed = (facts.changes.after - facts.changes.before).total
            self.formula(CHANGED, self.rounded("SUM(ChangeAmount)"), changed, "Program: what changed", **look)
        self.won_cell, self.open_cell = self.at(WON, fixed=True), self.at(OPEN, fixed=True)
        self.target_cell = self.at(TARGET, fixed=True)
        self.row += 1

    def _counting_rows(self) -> str:
        """The partners' rows of “commit that counts”: they stand below, on as many rows as there are partners and managers."""
        first = self.row + 4  # this row, a blank one, the section's title and note, its header
        parts = len(self.facts.pms) + len(self.facts.partners)
        rows = f"{self.at(COUNTS, first + 1)}:{self.at(COUNTS, first + max(parts, 1))}"
        ids = f"{self.at(PARTNER_ID, first + 1)}:{self.at(PARTNER_ID, first + max(parts, 1))}"
        return f'SUMIFS({rows},{ids},">=0")'

    def _bands(
        self, what: str, bands: Bands, total: str, category: str, where: Sequence[tuple[str, str]], **look: Any
    ) -> None:
        """Eight cells: four sums over a list, open and total beside them, and how many deals. `where`: names and criteria."""
        criteria = "".join(f",{name},{criterion}" for name, criterion in where)
        source = total.removesuffix("Value")
        for place, band in enumerate(BANDS):
            formula = self.rounded(f'SUMIFS({total},{category},"{band.label}"{criteria})')
            self.formula(WON + place, formula, getattr(bands, band.value), f"{what}: {band.label}", **look)
        self._added(bands, what, **look)
        known = f"{source}Known"
        counted = f'COUNTIFS({category},"<>"{criteria})'
        self.formula(DEALS, counted, bands.deals, f"{what}: deals", kind="whole", **look)
        self.formula(
            UNKNOWN, f'COUNTIFS({known},"no"{criteria})', bands.unknown, f"{what}: no amount", kind="whole", **look
        )

    def _added(self, bands: Bands, what: str = "", **look: Any) -> None:
        self.formula(OPEN, self.rounded(f"SUM({self.at(COMMIT)}:{self.at(PIPELINE)})"), bands.open,
                     f"{what}: open" if what else "", **look)  # fmt: skip
        self.formula(TOTAL, self.rounded(f"{self.at(WON)}+{self.at(OPEN)}"), bands.total,
                     f"{what}: total" if what else "", **look)  # fmt: skip

    def _target(self, quota: int | None, attained: int | None, formula: str | None, what: str, **look: Any) -> None:
        if quota is None:
            for column in (TARGET, ATTAINED):
                self.sheet.write_string(self.row, column, "no target", self._words(**look))
            return
        if formula is not None:
            self.formula(TARGET, formula, quota, f"{what}: target", **look)
        else:
            self.number(TARGET, quota, **look)
        ratio = half_even(f"{self.at(WON)}/{self.at(TARGET)}")
        guarded = f'IF({self.at(TARGET)}=0,"no target",{ratio})'
        if attained is None:
            self.sheet.write_formula(self.row, ATTAINED, f"={guarded}", self._words(**look), "no target")
        else:
            self.formula(ATTAINED, guarded, attained, f"{what}: attainment", kind="ratio", **look)

    def _partners(self) -> None:
        self.section("By partner manager and partner",
                     "A partner counts its share of each deal; a deal is counted at its primary partner's manager.")  # fmt: skip
        self.heads("", *PARTNER_HEADS)
        for pm in self.facts.pms:
            self._manager(pm)
            for partner in pm.partners:
                self._partner(partner, pm)

    def _manager(self, pm: PmPart) -> None:
        name = self.people.name(pm.pm_id) if pm.pm_id is not None else "No partner manager"
        self.label(name, bold=True, fill=True)
        look: dict[str, Any] = {"bold": True, "fill": True}
        me = self.at(PM_ID)
        what = name
        for place, band in enumerate(BANDS):
            formula = self.rounded(f'SUMIFS(PartValue,PartCategory,"{band.label}",PartManager,{me})')
            self.formula(WON + place, formula, getattr(pm.bands, band.value), f"{what}: {band.label}", **look)
        self._added(pm.bands, what, **look)
        self.formula(DEALS, f"COUNTIFS(DealManager,{me})", pm.bands.deals, f"{what}: deals", kind="whole", **look)
        self.formula(UNKNOWN, f'COUNTIFS(DealManager,{me},DealKnown,"no")', pm.bands.unknown, f"{what}: no amount",
                     kind="whole", **look)  # fmt: skip
        for column, said, words in ((SIGNED, pm.signed_commit, "signed commit"),
                                    (SIGNED_BEST, pm.signed_best_case, "signed best case")):  # fmt: skip
            rows = f"{self.at(column, self.row + 1)}:{self.at(column, self.row + max(len(pm.partners), 1))}"
            formula = self.rounded(f"SUM({rows})") if pm.partners else "0"
            self.formula(column, formula, said, f"{what}: {words}", **look)
        for column in (ADJUSTED, COUNTS, TARGET, ATTAINED):
            self.sheet.write_blank(self.row, column, None, self._style(**look))
        self._changed(pm.changes, f",ChangeManager,{me}", what, **look)
        self.sheet.write_blank(self.row, PARTNER_ID, None, self._style("id", **look))
        self.sheet.write_number(self.row, PM_ID, pm.pm_id or 0, self._style("id", **look))
        self.row += 1

    def _partner(self, partner: PartnerPart, pm: PmPart) -> None:
        name = partner.name if partner.partner_id else REST
        self.label(name, indent=1)
        mine = (("PartPartner", self.at(PARTNER_ID)), ("PartManager", self.at(PM_ID)))
        what = f"{name} ({self.people.name(pm.pm_id)})"
        self._bands(what, partner.bands, "PartValue", "PartCategory", mine)
        self._signed(partner, what)
        if partner.partner_id:
            target = f'SUMIFS(TargetAmount,TargetPartner,{self.at(PARTNER_ID)},TargetCounts,"yes")'
            self._target(partner.quota, partner.attainment, target, what)
        self._changed(partner.changes, f",ChangePartner,{self.at(PARTNER_ID)},ChangeManager,{self.at(PM_ID)}", what)
        self.sheet.write_number(self.row, PARTNER_ID, partner.partner_id, self._style("id"))
        self.sheet.write_number(self.row, PM_ID, pm.pm_id or 0, self._style("id"))
        self.row += 1

    def _signed(self, partner: PartnerPart, what: str) -> None:
        """Signed, adjusted and the one that counts; not submitted is said, because it is not zero."""
        if not partner.partner_id:
            for column in range(SIGNED, CHANGED):
                self.sheet.write_blank(self.row, column, None, self._style())
            return
        signed, adjusted, nothing = (
            partner.signed,
            partner.adjusted,
            NOT_SUBMITTED if partner.expected else NOT_EXPECTED,
        )
        mine = f'SignPartner,{self.at(PARTNER_ID)},SignCounts,"yes",SignWhat'
        for column, total, words in ((SIGNED, "SignCommit", "commit"), (SIGNED_BEST, "SignBest", "best case")):
            formula = f'IF(COUNTIFS({mine},"signed commit")=0,"{nothing}",{self.rounded(f"SUMIFS({total},{mine},{_SIGNED})")})'
            said = None if signed is None else signed.commit if column == SIGNED else signed.best_case
            self._or_words(column, formula, said, nothing, f"{what}: signed {words}")
        formula = f'IF(COUNTIFS({mine},"adjustment")=0,"",{self.rounded(f"SUMIFS(SignCommit,{mine},{_ADJUSTED})")})'
        said = adjusted.commit if adjusted is not None else None
        self._or_words(ADJUSTED, formula, said, "", f"{what}: adjusted commit")
        formula = f'IF({self.at(ADJUSTED)}="",{self.at(SIGNED)},{self.at(ADJUSTED)})'
        self._or_words(COUNTS, formula, partner.commit, nothing, f"{what}: commit that counts")

    def _or_words(self, column: int, formula: str, said: int | None, words: str, what: str) -> None:
        if said is not None:
            self.formula(column, formula, said, what)
        else:
            self.sheet.write_formula(self.row, column, f"={formula}", self._words(), words)

    def _changed(self, lines: Iterable[ChangeLine], where: str, what: str, **look: Any) -> None:
        if self.facts.changes is None:
            self.sheet.write_blank(self.row, CHANGED, None, self._style(**look))
            return
        said = sum(line.bands.total for line in lines)
        formula = self.rounded(f"SUMIFS(ChangeAmount{where})")
        self.formula(CHANGED, formula, said, f"{what}: what changed", **look)

    def _kinds(self) -> None:
        self.section("By attribution", "Each kind, and how far its deals are signed.")
        self.heads("", *BAND_HEADS)
        for part in self.facts.by_kind:
            kind = KINDS[part.kind]
            self.label(kind[:1].upper() + kind[1:], bold=True, fill=True)
            where = (("DealKind", f'"{kind}"'),)
            self._bands(f"Kind {kind}", part.bands, "DealValue", "DealCategory", where, bold=True, fill=True)
            self.row += 1
            for cell in part.states:
                self.label(cell.state.label, indent=1)
                both = (*where, ("DealState", f'"{cell.state.label}"'))
                self._bands(f"Kind {kind}, {cell.state.label}", cell.bands, "DealValue", "DealCategory", both)
                self.row += 1

    def _currencies(self) -> None:
        facts = self.facts
        self.section("By currency", f"Amounts as they are, and converted to {facts.currency} deal by deal.")
        self.heads("", *BAND_HEADS)
        for part in facts.by_currency:
            where = (("DealCurrency", f'"{part.currency}"'),)
            if part.currency != facts.currency:
                self.label(f"{part.currency}, as it is")
                self._own(part.currency, part.original)
                self.row += 1
            self.label(f"{part.currency} in {facts.currency}" if part.currency != facts.currency else part.currency)
            self._bands(f"Currency {part.currency}", part.converted, "DealValue", "DealCategory", where)
            self.row += 1

    def _own(self, currency: str, bands: Bands) -> None:
        """The sums of a currency as it is, in its own decimals."""
        style, digits = self._style("money", own=currency), minor_digits(currency)
        cells = [(WON + place, f'SUMIFS(DealAmount,DealCurrency,"{currency}",DealCategory,"{band.label}")',
                  getattr(bands, band.value)) for place, band in enumerate(BANDS)]  # fmt: skip
        cells += [(OPEN, f"SUM({self.at(COMMIT)}:{self.at(PIPELINE)})", bands.open),
                  (TOTAL, f"{self.at(WON)}+{self.at(OPEN)}", bands.total)]  # fmt: skip
        for column, formula, said in cells:
            self.sheet.write_formula(self.row, column, f"=ROUND({formula},{digits})", style, major(said, currency))
            self.checked.append(
                Checked(f"{currency} as it is: {BAND_HEADS[column - 1].lower()}", self.row, column, said, currency)
            )

    def _changes(self) -> None:
        changes = self.facts.changes
        if changes is None:
            self.section("What changed", "The first roll-up of the quarter: nothing to compare with.")
            return
        since = local(changes.since, self.zone)
        self.section(
            "What changed", f"Since {changes.since_label}, {since.day} {since:%b %Y}. Every difference is on one line."
        )
        self.heads("", *BAND_HEADS[:7])
        self.label("Before", bold=True, fill=True)
        first = self.row
        for place, band in enumerate(BANDS):
            self.number(WON + place, getattr(changes.before, band.value), bold=True, fill=True)
        self._added(changes.before, bold=True, fill=True)
        self.sheet.write_blank(self.row, DEALS, None, self._style(fill=True))
        self.row += 1
        for line in changes.lines:
            self._change_line(line)
        self.label("After", bold=True, fill=True)
        for place, band in enumerate(BANDS):
            column = WON + place
            formula = self.rounded(f"SUM({self.at(column, first)}:{self.at(column, self.row - 1)})")
            self.formula(
                column, formula, getattr(changes.after, band.value), f"After: {band.label}", bold=True, fill=True
            )
        self._added(changes.after, "After", bold=True, fill=True)
        self.sheet.write_blank(self.row, DEALS, None, self._style(fill=True))
        self.row += 1

    def _change_line(self, line: ChangeLine) -> None:
        label = line.kind.label
        self.label(label[:1].upper() + label[1:], indent=1)
        for place, band in enumerate(BANDS):
            formula = self.rounded(f'SUMIFS(ChangeAmount,ChangeLine,"{label}",ChangeBand,"{band.label}")')
            self.formula(WON + place, formula, getattr(line.bands, band.value), f"Line {label}: {band.label}")
        self._added(line.bands, f"Line {label}")
        self.formula(
            DEALS, f'SUMIFS(ChangeDeals,ChangeLine,"{label}")', line.deals, f"Line {label}: deals", kind="whole"
        )
        self.row += 1
