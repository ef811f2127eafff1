"""The first sheet of the workbook: every total of the message as a formula over the lists behind it."""

from collections.abc import Sequence

from handlers.files.grid import half_even
from handlers.files.sheets import LINE, local
from handlers.files.totals import Totals
from handlers.files.words import ROLES
from handlers.files.words import ROLL_UP_KINDS as KINDS
from models.domain.deals import Attribution
from models.domain.minutes import Signature
from models.domain.text import count


class RollUpSheet(Totals):
    """The whole sheet, its sections in their order."""

    def write(self, sign_offs: Sequence[Signature], target: str | None) -> None:
        """The whole sheet. `target`: the formula of the program's target; None where no row adds up to it."""
        self._head()
        self._program(target)
        self._partners()
        self._kinds()
        self._currencies()
        self._changes()
        self._ratios()
        self._credit()
        self._accuracy()
        self._landing()
        self._restatements()
        self._gaps()
        self._terms()
        self._sign_offs(sign_offs)

    def _ratios(self) -> None:
        facts = self.facts
        self.section("Coverage and shares")
        self.heads("", "Part", "Whole", "Ratio")
        self._coverage()
        for name, share in (("Sourced by partners, of partner pipeline", facts.partner_share),
                            ("Sourced by partners, of total new pipeline", facts.total_share)):  # fmt: skip
            self.label(name)
            if share is None:
                self.said(1, "not measured", quiet=True, right=True)
            elif share.basis_points is None:
                self.number(1, share.part)
                self.number(2, share.whole)
                self.said(3, "–", quiet=True, right=True)
                self.said(4, share.why or "nothing to divide by", quiet=True)
            else:
                self.number(1, share.part)
                self.number(2, share.whole)
                self.formula(3, half_even(f"{self.at(1)}/{self.at(2)}"), share.basis_points, name, kind="ratio")
            self.row += 1

    def _coverage(self) -> None:
        facts = self.facts
        self.label("Coverage: open pipeline ÷ (target − closed)")
        if facts.quota is None:
            self.said(1, "no target", quiet=True, right=True)
            self.row += 1
            return
        self.formula(1, self.open_cell, facts.program.open)
        self.formula(2, self.rounded(f"{self.target_cell}-{self.won_cell}"), facts.quota - facts.program.won)
        guarded = f'IF({self.at(2)}<=0,"reached",{half_even(f"{self.at(1)}/{self.at(2)}")})'
        if facts.coverage.basis_points is not None and not facts.coverage.reached:
            self.formula(3, guarded, facts.coverage.basis_points, "Coverage", kind="times")
        else:
            self.sheet.write_formula(self.row, 3, f"={guarded}", self._words(), "reached")
        self.row += 1

    def _credit(self) -> None:
        self.section(
            "Quota credit",
            "Deals won in the quarter × the ratio of their kind; credits per deal are on the sheet “Credit”.",
        )
        self.heads("Account executive", "Won", "Credit", "Unsigned", "Deals", "Person id")
        for line in self.facts.credit:
            name = self.people.name(line.person_id) if line.person_id is not None else "No AE"
            self.label(name)
            who = f",CreditOwner,{self.at(5)}"
            self.formula(1, self.rounded(f"SUMIFS(CreditValue{who})"), line.won, f"Credit of {name}: won")
            self.formula(2, self.rounded(f"SUMIFS(CreditCredit{who})"), line.credit, f"Credit of {name}")
            unsigned = self.rounded(f'SUMIFS(CreditCredit{who},CreditUnsigned,"yes")')
            self.formula(3, unsigned, line.unsigned, f"Credit of {name}: unsigned")
            self.formula(4, f"COUNTIFS(CreditOwner,{self.at(5)})", line.deals, f"Credit of {name}: deals", kind="whole")
            self.sheet.write_number(self.row, 5, line.person_id or 0, self._style("id"))
            self.row += 1
        if not self.facts.credit:
            self._nothing("Nothing is won yet.")

    def _nothing(self, sentence: str) -> None:
        self.sheet.write_string(self.row, 0, sentence, self.styles.note())
        self.row += 1

    def _accuracy(self) -> None:
        self.section(
            "Accuracy of signed commits",
            "1 − |signed − closed| ÷ the larger of both, never below 0; not rated when both are 0.",
        )
        if not self.facts.accuracy:
            self._nothing("No closed quarter yet.")
            return
        self.heads("Signer", "Quarter", "Signed", "Closed", "Accuracy", "Partners")
        for line in self.facts.accuracy:
            name = self.people.name(line.person_id)
            self.label(name)
            self.said(1, line.period, right=True)
            self.number(2, line.signed)
            self.number(3, line.closed)
            most = f"MAX({self.at(2)},{self.at(3)})"
            ratio = half_even(f"(1-ABS({self.at(2)}-{self.at(3)})/{most})")
            formula = f'IF({most}<=0,"not rated",MAX(0,{ratio}))'
            if line.basis_points is None:
                self.sheet.write_formula(self.row, 4, f"={formula}", self._words(), "not rated")
            else:
                self.formula(4, formula, line.basis_points, f"Accuracy of {name}, {line.period}", kind="ratio")
            self.number(5, line.partners, kind="whole")
            self.row += 1

    def _landing(self) -> None:
        landing = self.facts.landing
        self.section("Predicted landing of closed won")
        if not landing.shown:
            self._nothing(f"Not shown: {landing.why}.")
            return
        self.heads("", "P10", "P50", "P90")
        self.label("Closed won at the quarter's end")
        for place, said in enumerate((landing.p10, landing.p50, landing.p90), 1):
            self.number(place, said)
        self.row += 1
        held = f"; {landing.held} of {landing.tried} past ranges held" if landing.tried else ""
        rests = f"{count(landing.deals, 'past deal')} of {count(landing.quarters, 'quarter')}"
        self._nothing(f"8 of 10 outcomes lie between P10 and P90; rests on {rests}{held}.")

    def _restatements(self) -> None:
        self.section("Restatements of closed quarters")
        if not self.facts.restatements:
            self._nothing("None.")
            return
        self.heads("Quarter", "Closed", "As closed", "Now", "Difference")
        for item in self.facts.restatements:
            self.label(item.period)
            style = self.styles.get(num_format="d mmm yyyy", align="right", bottom=1, bottom_color=LINE)
            self.sheet.write_datetime(self.row, 1, local(item.closed_at, self.zone), style)
            self.number(2, item.before)
            self.number(3, item.after)
            self.formula(4, self.rounded(f"{self.at(3)}-{self.at(2)}"), item.after - item.before,
                         f"Restatement of {item.period}")  # fmt: skip
            self.row += 1
            for line in item.lines:
                self.label(line.kind.label, indent=1)
                for column in (1, 2, 3):
                    self.sheet.write_blank(self.row, column, None, self._style())
                self.number(4, line.bands.won)
                self.row += 1

    def _gaps(self) -> None:
        facts = self.facts
        self.section("Lacking")
        for gap in facts.gaps:
            self.label(f"Without {gap.what}", line=False)
            self.said(1, count(gap.deals, "deal"))
            self.said(2, ", ".join(gap.names), quiet=True)
            self.row += 1
        for label, names in (("Not submitted", facts.missing), ("Not expected", facts.not_expected)):
            if names:
                self.label(label, line=False)
                self.said(1, count(len(names), "partner"))
                self.said(2, ", ".join(names), quiet=True)
                self.row += 1
        if not (facts.gaps or facts.missing or facts.not_expected):
            self._nothing("Nothing.")

    def _terms(self) -> None:
        terms = self.facts.terms
        self.section("Definitions", f"Version {terms.version}; all of them are on the sheet “Terms”.")
        for kind in (Attribution.SOURCED, Attribution.INFLUENCED, Attribution.CO_SOLD):
            words = KINDS[kind]
            self.label(words[:1].upper() + words[1:], line=False)
            self.said(1, f"{terms.definition(kind)} Quota credit {terms.ratios.of(kind.value) / 10_000:g}.")
            self.row += 1

    def _sign_offs(self, sign_offs: Sequence[Signature]) -> None:
        self.section("Sign-off")
        for item in sign_offs:
            self.label(ROLES.get(item.role, item.role), line=False)
            who = self.people.name(item.person_id) if item.person_id is not None else "nobody has this role"
            self.said(1, who)
            if item.at is None:
                self.said(3, "not signed", quiet=True)
            else:
                when = local(item.at, self.zone)
                self.said(3, f"signed {when.day} {when:%b %Y, %H:%M}")
            self.row += 1
        if not sign_offs:
            self._nothing("Nobody has signed it off.")
