"""Small quarters to make files of: rows first, and the facts added up from them, so that a file can be held to both."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from types import SimpleNamespace
from typing import Any

from handlers.files import rows as r
from models.domain.deals import Attribution, Category
from models.domain.forecast.facts import (
    AccuracyFacts,
    AdjustedFacts,
    AttributionState,
    Bands,
    ChangeKind,
    ChangeLine,
    Changes,
    Coverage,
    CreditFacts,
    CurrencyPart,
    Gap,
    KindPart,
    Landing,
    PartnerPart,
    PmPart,
    RateUsed,
    Restatement,
    RollUpFacts,
    Share,
    SignedFacts,
    StatePart,
    Terms,
    WeekFigure,
)
from models.domain.minutes import Figure, MeetingFacts, PartnerFigures, Said, Section, Signature
from models.domain.money import minor_digits
from models.domain.notes import ActionFact, CommitmentFact, DealFact, Health, MoneySum, MoveFact, WeeklyFacts, sums
from models.domain.pbr import Gap as PbrGap
from models.domain.pbr import LostFact, PbrFacts, Pursued, by_attribution, by_category
from models.people import Directory

HAN_FONT = "Noto Serif CJK SC"
NOW = datetime(2026, 11, 18, 15, 0, tzinfo=UTC)
FIRST, LAST = date(2026, 10, 1), date(2026, 12, 31)
OPEN = (Category.COMMIT, Category.BEST_CASE, Category.PIPELINE)
RATES = {"USD": None, "EUR": "1.0842", "JPY": "0.0066", "KWD": "3.2515"}
NAMES = {
    1: "Mara Lindqvist", 2: "Tomás Ferreira", 3: "Ngozi Okafor", 4: "Anna Kowalska", 5: "Bruno Sala", 6: "Chloé Martin",
    7: "Priya Raman", 8: "Owen Blake",
}  # fmt: skip
PARTNERS = ("Acme Systems", "Borealis Cloud", "Cobalt Partners", "Delta Integrators", "Everline", "Foundry & Sons")
ACCOUNTS = (
    "Halyard Logistics",
    "Northwind Retail",
    "Obsidian Energy",
    "Pinecrest Health",
    "Quarry Bank",
    "Rosewater Foods",
)
HOSTILE = (
    "=cmd|' /C calc'!A0", "+1+1", "-2", "@SUM(A1)", "#set text(red); *bold* _it_ $x$", '"quotes" and \'more\'', "line\nbreak\ttab",
    "W" * 300, "Wort" * 75, "", "a", "\\u{0} \\", "<b>&amp;</b>", "\x00nul\x1b\uffff\ufffe", "_x0041_", "{{ 7 * 7 }}",
)  # fmt: skip


def book(more: dict[int, str] | None = None) -> Directory:
    people = {key: SimpleNamespace(id=key, name=name, slack_id=None) for key, name in (NAMES | (more or {})).items()}
    return Directory(people)  # type: ignore[arg-type]


@dataclass
class Quarter:
    """The rows of a quarter, and its facts."""

    facts: RollUpFacts
    deals: list[r.DealRow] = field(default_factory=list)
    parts: list[r.PartRow] = field(default_factory=list)
    changes: list[r.ChangeRow] = field(default_factory=list)
    signatures: list[r.SignatureRow] = field(default_factory=list)
    adjustments: list[r.AdjustmentRow] = field(default_factory=list)
    claims: list[r.ClaimRow] = field(default_factory=list)
    credit: list[r.CreditRow] = field(default_factory=list)
    rates: list[r.RateRow] = field(default_factory=list)
    targets: list[r.TargetRow] = field(default_factory=list)
    sign_offs: tuple[Signature, ...] = ()


def _value(amount: int | None, currency: str, into: str = "USD") -> int | None:
    if amount is None or RATES[currency] is None:
        return amount
    exact = Decimal(amount).scaleb(minor_digits(into) - minor_digits(currency)) * Decimal(RATES[currency] or 1)
    return int(exact.quantize(Decimal(1), ROUND_HALF_EVEN))


def make_deal(number: int, rng: random.Random, pms: Sequence[tuple[int, int | None]]) -> r.DealRow:
    """One deal of a generated quarter; about one in twelve has no amount."""
    partner, pm = rng.choice(pms)
    currency = rng.choices(list(RATES), (70, 20, 5, 5))[0]
    amount = None if rng.random() < 0.08 else int(rng.lognormvariate(0, 1.1) * 6_000_000)
    if amount is not None and currency == "JPY":
        amount = amount * 2
    category = rng.choices((Category.WON, *OPEN), (25, 20, 25, 30))[0]
    kind = rng.choices(("sourced", "influenced", "co_sold", ""), (50, 25, 20, 5))[0]
    state = rng.choice(list(AttributionState)).value
    close = FIRST + timedelta(days=rng.randrange(92))
    account = rng.choice(ACCOUNTS)
    return r.DealRow(
        number, f"006Qn{number:07d}", f"{account.split()[0]} {rng.choice(('renewal', 'platform', 'expansion', 'rollout'))} {number}",
        account, partner, pm, rng.choice((4, 5, 6, None)), kind, state, category.value, close, currency, amount, RATES[currency],
        date(2026, 11, 18) if currency != "USD" else None, _value(amount, currency),
    )  # fmt: skip


def parts_of(deal: r.DealRow, rng: random.Random, pms: Sequence[tuple[int, int | None]]) -> list[r.PartRow]:
    """Mostly the whole deal; one in eight is shared with another partner, and a tenth of it is nobody's."""

    def part(partner: int, pm: int | None, share: int, value: int | None) -> r.PartRow:
        return r.PartRow(deal.deal_id, deal.name, partner, pm, deal.category, share, value)

    if rng.random() > 0.12 or len(pms) < 2:
        return [part(deal.partner_id, deal.pm_id, 10_000, deal.value)]
    other, other_pm = rng.choice([found for found in pms if found[0] != deal.partner_id])
    if deal.value is None:
        return [part(deal.partner_id, deal.pm_id, 6_000, None), part(other, other_pm, 3_000, None),
                part(0, deal.pm_id, 1_000, None)]  # fmt: skip
    mine, theirs = deal.value * 6 // 10, deal.value * 3 // 10
    return [part(deal.partner_id, deal.pm_id, 6_000, mine), part(other, other_pm, 3_000, theirs),
            part(0, deal.pm_id, 1_000, deal.value - mine - theirs)]  # fmt: skip


def bands(rows: Iterable[Any]) -> Bands:
    """The bands of deals or parts."""
    cells = dict.fromkeys(Bands.model_fields, 0)
    for row in rows:
        cells["deals"] += 1
        cells["unknown"] += row.value is None
        cells[row.category] += row.value or 0
    return Bands(**cells)


def _own(rows: Iterable[r.DealRow]) -> Bands:
    return bands(row._replace(value=row.amount) for row in rows)


def _ratio(part: int, whole: int) -> int | None:
    return int(Decimal(10_000 * part / Decimal(whole)).quantize(Decimal(1), ROUND_HALF_EVEN)) if whole else None


def change_lines(rows: Iterable[r.ChangeRow]) -> tuple[ChangeLine, ...]:
    rows, lines = list(rows), []
    for kind in ChangeKind:
        mine = [row for row in rows if row.kind == kind]
        if mine:
            cells = {
                band: sum(row.amount for row in mine if row.band == band)
                for band in ("won", "commit", "best_case", "pipeline")
            }
            lines.append(ChangeLine(kind=kind, bands=Bands(**cells), deals=sum(row.deals for row in mine)))
    return tuple(lines)


def _changes_of(parts: Sequence[r.PartRow], rng: random.Random) -> list[r.ChangeRow]:
    rows, seen = [], set()
    for part in parts:
        if rng.random() > 0.45 or part.value is None:
            continue
        kind = rng.choices(list(ChangeKind), (5, 4, 1, 1, 2, 3, 3, 3, 4, 3, 2))[0]
        amount = part.value if kind in (ChangeKind.NEW, ChangeKind.WON) else int(part.value * rng.uniform(-0.6, 0.5))
        rows.append(r.ChangeRow(part.deal_id, part.name, kind.value, part.category, part.partner_id, part.pm_id, amount,
                                int((part.deal_id, kind) not in seen)))  # fmt: skip
        seen.add((part.deal_id, kind))
    return rows


def quarter(seed: int = 1, number: int = 60, *, partners: int = 5, hostile: bool = False) -> Quarter:
    """A quarter of `number` deals with `partners` partners, everything in it that a roll-up may have."""
    rng = random.Random(seed)
    managers = (1, 2, None) if partners > 2 else (1,)
    pms = [(place, managers[place % len(managers)]) for place in range(1, partners + 1)]
    deals = [make_deal(place, rng, pms) for place in range(1, number + 1)]
    if hostile:
        deals = [deal._replace(name=HOSTILE[place % len(HOSTILE)], account=HOSTILE[-1 - place % len(HOSTILE)])
                 for place, deal in enumerate(deals)]  # fmt: skip
    parts = [part for deal in deals for part in parts_of(deal, rng, pms)]
    changes = _changes_of(parts, rng)
    made = Quarter(RollUpFacts(period="2026Q4", first=FIRST, last=LAST, label="Week 5 roll-up", kind="roll_up", cut_off=NOW,
                               rate_day=NOW.date(), currency="USD", program=bands(deals)),
                   deals, parts, changes)  # fmt: skip
    _sign(made, pms, rng)
    names = {
        place: f"{PARTNERS[(place - 1) % len(PARTNERS)]}{' ' + str(place) if place > len(PARTNERS) else ''}"
        for place, _ in pms
    }
    if hostile:
        names = {place: HOSTILE[place % len(HOSTILE)] or "Nameless" for place in names}
    groups = _pms(made, pms, names)
    counts = sum(partner.commit or 0 for pm in groups for partner in pm.partners)
    won, quota = made.facts.program.won, 30_000_000 * number // 5
    before = _before(made)
    credit = _credit(made)
    made.targets += [r.TargetRow(None, "USD", quota, quota, NOW, 8, "targets.csv", True),
                     r.TargetRow(None, "USD", quota // 2, quota // 2, NOW - timedelta(days=30), 8, "targets.csv", False)]  # fmt: skip
    made.rates += [
        r.RateRow(currency, "USD", date(2026, 11, 1), rate, NOW, 8, "rates.csv")
        for currency, rate in RATES.items()
        if rate
    ]
    made.sign_offs = (Signature(role="cro", person_id=7, at=NOW), Signature(role="cfo", person_id=8))
    kinds = [kind for kind in Attribution if any(deal.kind == kind for deal in deals)]
    made.facts = made.facts.model_copy(
        update={
            "number": 2, "pms": groups, "crm_as_of": NOW - timedelta(hours=8), "signed_commit": sum(pm.signed_commit for pm in groups),
            "signed_best_case": sum(pm.signed_best_case for pm in groups), "adjusted_commit": counts,
            "missing": tuple(p.name for pm in groups for p in pm.partners if p.signed is None and p.partner_id and p.expected),
            "by_kind": tuple(KindPart(kind=kind, bands=bands(d for d in deals if d.kind == kind), states=tuple(
                StatePart(state=state, bands=bands(d for d in deals if (d.kind, d.state) == (kind, state)))
                for state in AttributionState if any((d.kind, d.state) == (kind, state) for d in deals))) for kind in kinds),
            "by_currency": tuple(CurrencyPart(currency=currency, original=_own(d for d in deals if d.currency == currency),
                                              converted=bands(d for d in deals if d.currency == currency))
                                 for currency in RATES if any(d.currency == currency for d in deals)),
            "rates": tuple(RateUsed(currency=currency, day=date(2026, 11, 18), from_day=date(2026, 11, 1), rate=rate,
                                    deals=sum(d.currency == currency for d in deals))
                           for currency, rate in RATES.items() if rate and any(d.currency == currency for d in deals)),
            "changes": before, "quota": quota, "attainment": _ratio(won, quota),
            "coverage": Coverage(reached=won >= quota, basis_points=None if won >= quota else _ratio(made.facts.program.open, quota - won)),
            "partner_share": Share(part=made.facts.program.open // 2, whole=made.facts.program.open,
                                   basis_points=_ratio(made.facts.program.open // 2, made.facts.program.open)),
            "total_share": Share(part=0, whole=0, basis_points=None, why="no direct deals are imported"),
            "credit": credit, "landing": Landing(p10=won + 40_000_000, p50=won + 70_000_000, p90=won + 110_000_000, deals=212,
                                                 quarters=6, tried=5, held=4),
            "accuracy": (AccuracyFacts(person_id=1, period="2026Q3", signed=41_000_000, closed=38_000_000, basis_points=9_268, partners=3),
                         AccuracyFacts(person_id=2, period="2026Q3", signed=0, closed=0, basis_points=None, partners=1)),
            "restatements": (Restatement(period="2026Q3", closed_at=NOW - timedelta(days=42), before=98_000_000, after=97_250_000,
                                         lines=(ChangeLine(kind=ChangeKind.SMALLER, bands=Bands(won=-750_000), deals=1),)),),
            "gaps": (Gap(what="amount", deals=4, names=("Halyard renewal 3", "Quarry platform 9")), Gap(what="owner", deals=2)),
            "terms": Terms(version=3, since=date(2026, 9, 1), by_id=8), "weeks": weeks(before, 7),
        }
    )  # fmt: skip
    return made


def weeks(changes: Changes | None, number: int) -> tuple[WeekFigure, ...]:
    """Ends of weeks from before to after, in a straight line."""
    if changes is None:
        return ()
    found = []
    for place in range(number):
        part = (place + 1) / number
        cells = {name: int(getattr(changes.before, name) * (1 - part) + getattr(changes.after, name) * part)
                 for name in ("won", "commit", "best_case", "pipeline")}  # fmt: skip
        found.append(WeekFigure(day=date(2026, 10, 9) + timedelta(days=7 * place), bands=Bands(**cells)))
    return tuple(found)


def _sign(made: Quarter, pms: Sequence[tuple[int, int | None]], rng: random.Random) -> None:
    """Most partners are signed, one twice; one number is adjusted, one adjustment was taken back."""
    for place, (partner, pm) in enumerate(pms):
        if place == 2:
            continue
        mine = bands(part for part in made.parts if part.partner_id == partner)
        commit = (mine.won + mine.commit) * rng.randint(80, 120) // 100
        row = r.SignatureRow(partner, pm, commit, commit + mine.best_case, pm or 3, None if pm else 1, NOW - timedelta(days=2),
                             mine.won + mine.commit, mine.won + mine.commit + mine.best_case, True)  # fmt: skip
        if place == 0:
            made.signatures.append(row._replace(commit=commit // 2, at=NOW - timedelta(days=30), counts=False))
        made.signatures.append(row)
    first = made.signatures[-1]
    made.adjustments.append(
        r.AdjustmentRow(first.partner_id, first.pm_id, first.commit * 9 // 10, "One customer has paused", 3, NOW, True)
    )
    if len(made.signatures) > 1:
        made.adjustments.append(r.AdjustmentRow(made.signatures[0].partner_id, 1, None, "Taken back", 3, NOW, True))
    for deal in made.deals[:5]:
        made.claims.append(r.ClaimRow(deal.deal_id, deal.name, deal.partner_id, deal.kind or "sourced", "", NOW, 4, NOW.date(), 4, None, NOW, 1, None, NOW,
                                      NOW, None))  # fmt: skip


def _pms(made: Quarter, pms: Sequence[tuple[int, int | None]], names: dict[int, str]) -> tuple[PmPart, ...]:
    signed = {row.partner_id: row for row in made.signatures if row.counts}
    adjusted = {row.partner_id: row for row in made.adjustments if row.counts and row.commit is not None}
    groups = []
    for pm in dict.fromkeys(pm for _, pm in pms):
        mine = [part for part in made.parts if part.pm_id == pm]
        listed = [partner for partner, of in pms if of == pm] + (
            [0] if any(part.partner_id == 0 for part in mine) else []
        )
        partners = tuple(
            _partner(partner, pm, mine, made, names, signed.get(partner), adjusted.get(partner)) for partner in listed
        )
        money = bands(mine)
        counted = bands(deal for deal in made.deals if deal.pm_id == pm)
        groups.append(PmPart(
            pm_id=pm, bands=money.model_copy(update={"deals": counted.deals, "unknown": counted.unknown}),
            signed_commit=sum(p.signed.commit for p in partners if p.signed), changes=change_lines(c for c in made.changes if c.pm_id == pm),
            signed_best_case=sum(p.signed.best_case for p in partners if p.signed),
            missing=sum(p.signed is None for p in partners), partners=partners,
        ))  # fmt: skip
    return tuple(groups)


def _partner(partner: int, pm: int | None, parts: list[r.PartRow], made: Quarter, names: dict[int, str],
             signed: r.SignatureRow | None, adjusted: r.AdjustmentRow | None) -> PartnerPart:  # fmt: skip
    mine = bands(part for part in parts if part.partner_id == partner)
    quota = None
    if partner and partner % 2:
        quota = mine.won * 2 + 1_000_000
        made.targets.append(r.TargetRow(partner, "USD", quota, quota, NOW, 8, "targets.csv", True))
    return PartnerPart(
        partner_id=partner, name=names.get(partner, "rest"), pm_id=pm, bands=mine, quota=quota,
        attainment=_ratio(mine.won, quota) if quota else None, expected=bool(partner) and mine.deals > 0,
        signed=SignedFacts(commit=signed.commit, best_case=signed.best_case, by_id=signed.by_id, for_id=signed.for_id, at=signed.at,
                           deals_commit=signed.deals_commit, deals_best_case=signed.deals_best_case) if signed else None,
        adjusted=AdjustedFacts(commit=adjusted.commit or 0, reason=adjusted.reason, by_id=3, at=NOW) if adjusted else None,
        changes=change_lines(c for c in made.changes if (c.partner_id, c.pm_id) == (partner, pm)),
    )  # fmt: skip


def _before(made: Quarter) -> Changes:
    lines = change_lines(made.changes)
    after = made.facts.program
    moved = Bands.sum(line.bands for line in lines)
    before = {name: getattr(after, name) - getattr(moved, name) for name in ("won", "commit", "best_case", "pipeline")}
    return Changes(
        since=NOW - timedelta(days=28), since_label="Week 1 roll-up", before=Bands(**before), after=after, lines=lines
    )


def _credit(made: Quarter) -> tuple[CreditFacts, ...]:
    ratios = Terms().ratios
    for deal in made.deals:
        if deal.category == "won" and deal.value is not None:
            ratio = ratios.of(deal.kind)
            made.credit.append(r.CreditRow(deal.deal_id, deal.name, deal.owner_id, deal.kind, deal.state, ratio, deal.value,
                                           deal.value * ratio // 10_000, deal.state not in ("signed", "late")))  # fmt: skip
    found = []
    for owner in dict.fromkeys(row.owner_id for row in made.credit):
        mine = [row for row in made.credit if row.owner_id == owner]
        found.append(CreditFacts(person_id=owner, won=sum(row.value for row in mine), credit=sum(row.credit for row in mine),
                                 unsigned=sum(row.credit for row in mine if row.unsigned), deals=len(mine)))  # fmt: skip
    return tuple(found)


def deal_fact(number: int, rng: random.Random, **more: Any) -> DealFact:
    account = rng.choice(ACCOUNTS)
    category = rng.choice(OPEN)
    action = ActionFact(
        text=rng.choice(("Send pricing", "Book the security review with IT", "Agree the joint success plan")),
        owner_id=rng.choice((4, 5, 6)),
        due=date(2026, 11, 12) + timedelta(days=rng.randrange(20)),
        overdue=rng.random() < 0.2,
    )
    moves = (
        (MoveFact(field="stage", forward=True, before="Qualification", after="Proposal/Price Quote"),)
        if rng.random() < 0.25
        else ()
    )
    if not moves and rng.random() < 0.2:
        moves = (MoveFact(field="close_date", forward=False, before="2026-11-30", after="2027-01-15"),)
    given = {
        "deal_id": number, "name": f"{account}: {rng.choice(('renewal', 'platform', 'expansion', 'rollout'))} {number}", "account": account,
        "owner_id": rng.choice((4, 5, 6)), "stage": "Qualification", "category": category.value,
        "amount": None if rng.random() < 0.06 else rng.randrange(20, 4000) * 100_000, "currency": "EUR" if rng.random() < 0.1 else "USD",
        "close_date": date(2026, 12, 1) + timedelta(days=rng.randrange(60)), "days": rng.randrange(60), "stalled": rng.random() < 0.2,
        "action": None if rng.random() < 0.1 else action, "joint": rng.random() < 0.3, "in_crm": rng.random() > 0.05, "moves": moves,
        "answered": "form" if rng.random() < 0.7 else "", "help_needed": "A reference in retail before the board meets" if rng.random() < 0.1 else "",
        "attribution": rng.choice(("sourced", "influenced", "co_sold", "")),
    }  # fmt: skip
    return DealFact(**given | more)


def commitments(*fates: str) -> tuple[CommitmentFact, ...]:
    texts = (
        "Joint pitch for Halyard written and sent",
        "Two reference customers named",
        "Security questionnaire answered for Quarry Bank",
    )
    return tuple(
        CommitmentFact(commitment_id=place, text=texts[place % 3], owner_id=1 + place % 6, due=date(2026, 12, 3), fate=fate,
                       due_before=date(2026, 11, 20) if fate == "moved" else None)
        for place, fate in enumerate(fates)
    )  # fmt: skip


def weekly(number: int = 12, seed: int = 1, **more: Any) -> WeeklyFacts:
    """A weekly note of `number` deals."""
    rng = random.Random(seed)
    deals = sorted((deal_fact(place, rng) for place in range(1, number + 1)), key=lambda deal: -(deal.amount or 0))
    joint = sums(deals)
    given: dict[str, Any] = {
        "partner_id": 1, "partner": "Acme Systems", "pm_id": 1, "slot": "2026-W47", "day": date(2026, 11, 19), "state": "held", "closed_by": 1,
        "joint": joint, "joint_before": tuple(total.model_copy(update={"amount": total.amount * 9 // 10}) for total in joint),
        "by_category": by_category(deals), "deals": tuple(deals), "closed": tuple(deal_fact(900 + place, rng, category=category)
                                                                              for place, category in enumerate(("won", "lost")) if number),
        "commitments": commitments("kept", "moved", "dropped", "carried", "new", "new"), "health": Health(held=6, late=1, streak=4),
        "crm_as_of": NOW,
    }  # fmt: skip
    return WeeklyFacts(**given | more)


def pbr(number: int = 10, seed: int = 1, **more: Any) -> PbrFacts:
    """A PBR with `number` open deals, a third as many won and half as many lost."""
    rng = random.Random(seed)
    deals = [deal_fact(place, rng) for place in range(1, number + 1)]
    won = [deal_fact(1000 + place, rng, category="won") for place in range(number // 3)]
    lost = [LostFact(**deal_fact(2000 + place, rng, category="lost").model_dump(),
                     reason="" if place % 3 == 2 else "They chose to build it themselves with their own team", shared=place % 2 == 0)
            for place in range(number // 2)]  # fmt: skip
    given: dict[str, Any] = {
        "partner_id": 1, "partner": "Acme Systems", "pm_id": 1, "slot": "2026-11", "day": date(2026, 11, 6), "state": "held", "closed_by": 1,
        "month": date(2026, 10, 1), "ends": date(2026, 10, 31), "pipeline_day": date(2026, 11, 6), "deals": tuple(deals), "joint": sums(deals),
        "joint_before": sums(deals[1:]), "before_month": date(2026, 9, 1), "by_category": by_category(deals),
        "by_attribution": by_attribution(deals), "won": tuple(won), "won_by_attribution": by_attribution(won), "lost": tuple(lost),
        "moved": 4, "slipped": 2,
        "missing": tuple(PbrGap(kind="reason", deal_id=deal.deal_id, name=deal.name) for deal in lost if not deal.reason),
        "pursuit": (*tuple(Pursued(key=f"d{deal.deal_id}", account=deal.account, deal=deal.name, amount=deal.amount, currency=deal.currency, close_date=deal.close_date) for deal in deals[:5]), Pursued(account="Sable Insurance", note="overlap list")),
        "changes": ("Book the technical win before pricing", "One joint discovery script for retail"), "changes_before": ("Weekly office hours",),
        "commitments": commitments("kept", "carried", "new", "new", "new"), "health": Health(held=8, late=1, skipped=1, streak=3),
        "crm_as_of": NOW,
    }  # fmt: skip
    return PbrFacts(**given | more)


def money(amount: int, deals: int = 1, currency: str = "USD") -> MoneySum:
    return MoneySum(currency=currency, amount=amount, deals=deals, unknown=0)


def meeting(*, program: bool = False, **more: Any) -> MeetingFacts:
    """A readout of a partner, or of the program."""
    figures = (
        Figure(label="closed won", of="2026Q4", money=(money(118_000_000, 9), money(21_500_000, 2, "EUR")), before=(money(96_000_000, 7),)),
        Figure(label="of it sourced", money=(money(70_000_000, 5), money(21_500_000, 2, "EUR"))),
        Figure(label="of it influenced", money=(money(38_000_000, 3),)),
        Figure(label="of it co-sold", money=(money(10_000_000, 1),)),
        Figure(label="commit", money=(money(64_000_000, 5),)), Figure(label="best case", money=(money(41_000_000, 4),)),
        Figure(label="pipeline", money=(money(120_000_000, 11), money(8_000_000, 1, "EUR"))),
    )  # fmt: skip
    coming = tuple(Figure(label=label, of="2027Q1", money=(money(amount, 4),)) for label, amount in
                   (("commit", 30_000_000), ("best case", 52_000_000), ("pipeline", 164_000_000)))  # fmt: skip
    sections = [Section(title="2026Q4 to 15 Dec", figures=figures), Section(title="Forecast of 2027Q1", figures=coming)]
    said = (Said(label="What we ask of them", text="Name a solution architect for retail\nTwo references by January\nA seat in the partner portal"),
            Said(label="What they ask of us", text="Faster deal registration\nCo-funded event in March"))  # fmt: skip
    if program:
        sections.append(
            Section(
                title="By partner",
                partners=tuple(
                    PartnerFigures(
                        partner=f"{PARTNERS[place % 6]} {place}",
                        pm_id=1,
                        won=(money(10_000_000 * (14 - place)),),
                        commit=(money(5_000_000),),
                        pipeline=(money(90_000_000, 3), money(1_000_000, 1, "EUR")),
                    )
                    for place in range(14)
                ),
            )
        )
        said = (Said(label="What was decided", text="Fund a second partner manager\nPark the referral program"),)
    given: dict[str, Any] = {
        "kind": "program_readout" if program else "readout", "leaves": "readout", "slot": "2026Q4", "day": date(2026, 12, 15),
        "name": "Program readout" if program else "Executive readout", "starts_at": datetime(2026, 12, 15, 16, tzinfo=UTC), "minutes": 90,
        "partner_id": None if program else 1, "partner": "" if program else "Acme Systems", "lead_id": 1, "sponsors": (3, 7), "state": "held",
        "closed_by": 1, "agenda": ("Revenue produced", "Next quarter's forecast"), "sections": tuple(sections), "said": said,
        "commitments": commitments("kept", "moved", "carried", "new", "new", "new"), "first": False, "crm_as_of": NOW,
        "absent": ("These are sums of deals.", "Attribution is the CRM's column; nobody has signed it."),
    }  # fmt: skip
    return MeetingFacts(**given | more)
