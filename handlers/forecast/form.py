"""The forms: sign, adjust, review and publish, close, targets and rates, definitions. Each with its own parser."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from handlers.forecast import words as f
from handlers.forecast.ids import Field, PartnerRef, QuarterRef, SignState, TargetState, TermsState, View
from handlers.kit import blocks as b
from handlers.kit import words as w
from handlers.kit.forms import Values
from handlers.kit.pages import short
from models.domain.errors import Conflict, FieldErrors
from models.domain.fiscal import Quarter
from models.domain.forecast.facts import PartnerPart, Ratios, RollUpFacts, Terms
from models.domain.forecast.landing import METHOD
from models.domain.text import count
from models.forecast.signing import Mine
from models.people import Directory
from models.tables import ExchangeRate, TermsVersion

MOST_SIGNED = 30
"""Partners in one form: three blocks each, of the hundred a form may have."""
MOST_TARGETS = 60
MOST_RATES = 12
MOST_NAMED = 12
LONGEST_REASON = 300


@dataclass(frozen=True)
class Signing:
    """What the form for signing shows. `typed` stands in the fields instead of what was signed before."""

    quarter: Quarter
    mine: Sequence[Mine]
    currency: str
    book: Directory
    page: bool
    typed: Mapping[int, tuple[str, str]] | None = None
    conflicts: tuple[Conflict, ...] = ()


def sign_modal(found: Signing) -> dict[str, Any]:
    """Commit and best case of each partner, beside what the deals add up to and what was signed before."""
    many = len(found.mine) > MOST_SIGNED
    ranked = sorted(
        found.mine, key=lambda one: (not one.expected, many and one.signed is not None, -(one.deals_best_case or 0))
    )
    listed = ranked[:MOST_SIGNED]
    made: list[b.Block] = [b.section(_both(found.conflicts))] if found.conflicts else []
    made.append(
        b.context(
            f"All amounts in {found.currency}, closed won included; best case includes the commit. Signing is your name and the "
            "time, and can be amended until the quarter is closed. What is left empty stays unsigned."
        )
    )
    for one in listed:
        made += _to_sign(one, found)
    if len(ranked) > MOST_SIGNED:
        more = count(len(ranked) - MOST_SIGNED, "more partner")
        made.append(b.context(f"{more}: sign these, then open the form again; what is signed moves to the end."))
    state = SignState(
        q=found.quarter.label,
        shown=tuple((one.partner.id, one.signature_id) for one in listed),
        filled=tuple(one.partner.id for one in listed if _is_own(one)),
        page=found.page,
    )
    return b.modal(View.SIGN, f"Sign {found.quarter.label}", made, metadata=state.dump(), submit="Sign", close="Cancel")


def _is_own(one: Mine) -> bool:
    """Whether the signature that stands is this person's to amend: theirs, of their own partner."""
    return one.for_id is None and one.signed is not None and not one.signed.former


def _to_sign(one: Mine, found: Signing) -> list[b.Block]:
    name = w.escape(short(one.partner.name, 100))
    for_whom = f" · for {w.escape(found.book.name(one.for_id))}" if one.for_id else ""
    lines = [f"*{name}*{for_whom}"]
    if one.blocked:
        lines.append(f":warning: {w.escape(one.blocked)}")
    elif not one.expected:
        lines.append("_No deal of it closes in this quarter: no number is expected._")
    else:
        unknown = f"; {one.unknown} of unknown amount" if one.unknown else ""
        lines.append(
            f"The deals add up to commit *{f.amount(one.deals_commit or 0, found.currency)}*, best case "
            f"*{f.amount(one.deals_best_case or 0, found.currency)}* ({count(one.deals, 'deal')}{unknown})"
        )
    if one.signed is not None:
        again = ", who no longer manages it: sign again" if one.signed.former else ""
        lines.append(f"Signed before: {f.amount(one.signed.commit, found.currency)} and "
                     f"{f.amount(one.signed.best_case, found.currency)} by {w.escape(found.book.name(one.signed.by_id))}{again}")  # fmt: skip
    # What somebody else signed is said and not filled in: a head who signs one partner as cover signs no other by it.
    own = one.signed if _is_own(one) else None
    before = (_plain(own.commit, found.currency), _plain(own.best_case, found.currency)) if own else ("", "")
    typed = (found.typed or {}).get(one.partner.id, before)
    # The latest signature is part of the ids: a form that comes back after somebody else signed must show what stands now.
    mark = f"{found.quarter.label}.{one.signature_id}"
    label = short(one.partner.name, 60)
    return [
        b.section("\n".join(lines)),
        b.text_input(f"{Field.COMMIT}_{one.partner.id}:{mark}", f"{label}: commit", typed[0], optional=True, most=40),
        b.text_input(
            f"{Field.BEST_CASE}_{one.partner.id}:{mark}", f"{label}: best case", typed[1], optional=True, most=40
        ),
    ]


def _plain(minor: int, currency: str) -> str:
    return f.amount(minor, currency).replace("−", "-")


def _both(conflicts: Sequence[Conflict]) -> str:
    lines = [":warning: *Somebody else signed while your form was open. What you typed is still here.*"]
    lines += [
        f"• {w.escape(held.field)}: {w.escape(held.by)} signed *{w.escape(held.present)}*; you typed *{w.escape(held.typed)}*"
        for held in conflicts[:MOST_NAMED]
    ]
    lines.append("Keep yours or take theirs in the fields below, then sign again.")
    return "\n".join(lines)


def typed_numbers(view: Mapping[str, Any], state: SignState) -> dict[int, tuple[str, str]]:
    """What was typed, by partner: commit and best case."""
    values = Values(view)
    return {
        partner_id: (values.text(f"{Field.COMMIT}_{partner_id}"), values.text(f"{Field.BEST_CASE}_{partner_id}"))
        for partner_id, _ in state.shown
    }


def adjust_modal(part: PartnerPart, quarter: Quarter, currency: str, book: Directory) -> dict[str, Any]:
    """The head's number, the signed one beside it, and why."""
    lines = [f"*{w.escape(short(part.name, 100))}* · {quarter.label} · {currency}"]
    if part.signed is not None:
        lines.append(
            f"Signed commit *{f.amount(part.signed.commit, currency)}* by {w.escape(book.name(part.signed.by_id))}"
        )
    else:
        lines.append("_Nobody has signed a number yet._")
    lines.append(f"Deals: {f.bands(part.bands, currency)}")
    initial, reason = "", ""
    if part.adjusted is not None:
        initial, reason = _plain(part.adjusted.commit, currency), part.adjusted.reason
        lines.append(
            f"Adjusted to *{f.amount(part.adjusted.commit, currency)}* by {w.escape(book.name(part.adjusted.by_id))}"
        )
    made = [
        b.section("\n".join(lines)),
        b.text_input(Field.COMMIT, "Commit as you see it", initial, optional=True, most=40,
                     hint="The signed number stays beside it. Leave it empty to take an adjustment back."),
        b.text_input(Field.REASON, "Why?", reason, optional=False, most=LONGEST_REASON,
                     hint="It stands beside the number on the roll-up."),
    ]  # fmt: skip
    ref = PartnerRef(q=quarter.label, p=part.partner_id).dump()
    return b.modal(View.ADJUST, f"Adjust {quarter.label}", made, metadata=ref, submit="Adjust", close="Cancel")


def review_modal(facts: RollUpFacts, text: str, where: str) -> dict[str, Any]:
    """The roll-up as it would be published, what is missing named above it."""
    made: list[b.Block] = []
    if facts.blocked:
        made.append(b.section(f":warning: *It cannot be published:* {w.escape(facts.blocked)}"))
    elif facts.missing:
        names = ", ".join(w.escape(short(name, 60)) for name in facts.missing[:MOST_NAMED])
        more = f" and {len(facts.missing) - MOST_NAMED} more" if len(facts.missing) > MOST_NAMED else ""
        made.append(
            b.section(f":warning: *Not submitted:* {names}{more}. Published now, they stand as missing, not as zero.")
        )
    made += b.paragraphs(text)
    if not facts.blocked:
        made.append(b.context(f"Published, it goes to {where} and is frozen; CRO and CFO sign it off there."))
    submit = "" if facts.blocked else "Publish"
    ref = QuarterRef(q=facts.period, page=True).dump()
    return b.modal(View.REVIEW, f"Roll-up {facts.period}", made, metadata=ref, submit=submit, close="Not now")


def close_modal(facts: RollUpFacts, looks: Sequence[str]) -> dict[str, Any]:
    """What the CFO closes, and what to look at before."""
    made: list[b.Block] = []
    if facts.blocked:
        made.append(b.section(f":warning: *It cannot be closed:* {w.escape(facts.blocked)}"))
    else:
        won = f.amount(facts.program.won, facts.currency)
        made.append(
            b.section(f"*Closed won in {facts.period}: {facts.currency} {won}*, {f.deals(facts.program)} counted.")
        )
    if looks:
        made.append(
            b.section("*To look at before*\n" + "\n".join(f"• {w.escape(text)}" for text in looks[:MOST_NAMED]))
        )
    made.append(
        b.context(
            "Closed, nobody signs or adjusts it any more; what changes in it later is a restatement of the next roll-up."
        )
    )
    submit = "" if facts.blocked else "Close it"
    ref = QuarterRef(q=facts.period, page=True).dump()
    return b.modal(View.CLOSE, f"Close {facts.period}", made, metadata=ref, submit=submit, close="Not now")


@dataclass(frozen=True)
class Targets:
    """Targets of one quarter by partner (0: the program) as they are typed, the rows they stand in, and the rates in force."""

    quarter: Quarter
    names: Mapping[int, str]
    amounts: Mapping[int, str]
    rows: Mapping[int, int]
    rates: Sequence[ExchangeRate]
    currency: str
    page: bool
    today: date
    needed: str = ""
    left_out: int = 0


def targets_modal(found: Targets) -> dict[str, Any]:
    """Targets of the quarter, and one more exchange rate; both can come by CSV too."""
    made: list[b.Block] = [b.section(f":warning: {w.escape(found.needed)}")] if found.needed else []
    made.append(b.context(f"Closed won of {found.quarter.label}, in {found.currency} unless an amount names its currency (EUR 500,000). "
                          "Empty: no target. Both come by file too: `cadence import --quotas` and `--rates`."))  # fmt: skip
    listed = list(found.names)[:MOST_TARGETS]
    for partner_id in listed:
        label = f"Target of {short(found.names[partner_id], 100)}" if partner_id else "Target of the program"
        made.append(b.text_input(f"{Field.AMOUNT}_{partner_id}:{found.quarter.label}", label, found.amounts.get(partner_id, ""),
                                 optional=True, most=40))  # fmt: skip
    if found.left_out or len(found.names) > MOST_TARGETS:
        made.append(b.context(f"{found.left_out + len(found.names) - len(listed)} more partners: by file"))
    made += [b.divider(), b.section(_rates(found))]
    made += [
        b.text_input(Field.CURRENCY, "Another rate: currency", optional=True, most=3, placeholder="EUR"),
        b.date_input(Field.DAY, "from", found.today, optional=True),
        b.text_input(
            Field.RATE, f"one of it is worth, in {found.currency}", optional=True, most=40, placeholder="1.0825"
        ),
    ]
    shown = tuple((partner_id, found.rows.get(partner_id, 0)) for partner_id in listed)
    state = TargetState(q=found.quarter.label, p=shown, page=found.page)
    return b.modal(View.TARGETS, "Targets and rates", made, metadata=state.dump(), submit="Save", close="Cancel")


def _rates(found: Targets) -> str:
    if not found.rates:
        return f"*Exchange rates*: none. Deals in another currency than {found.currency} need one."
    lines = [
        f"• 1 {row.currency} = {row.rate} {row.into} from {w.full_day(row.day)}" for row in found.rates[:MOST_RATES]
    ]
    if len(found.rates) > MOST_RATES:
        lines.append(f"… and {len(found.rates) - MOST_RATES} more")
    return "*Exchange rates*\n" + "\n".join(lines)


@dataclass(frozen=True)
class TypedTargets:
    """Targets as typed, by partner, and the rate that was added, if one was."""

    amounts: Mapping[int, str]
    currency: str
    day: date | None
    rate: str

    @property
    def has_rate(self) -> bool:
        return bool(self.currency.strip() or self.rate.strip())


def typed_targets(view: Mapping[str, Any], state: TargetState) -> TypedTargets:
    values = Values(view)
    return TypedTargets(
        amounts={partner_id: values.text(f"{Field.AMOUNT}_{partner_id}") for partner_id, _ in state.p},
        currency=values.text(Field.CURRENCY),
        day=values.date(Field.DAY),
        rate=values.text(Field.RATE),
    )


def terms_modal(terms: Terms, history: Sequence[TermsVersion], book: Directory, *, changes: bool) -> dict[str, Any]:
    """Definitions, ratios and thresholds as they stand; CRO and CFO change them, everybody who leads reads them."""
    made: list[b.Block] = [b.context(f"Version {terms.version}, printed on every roll-up.")]
    if not changes:
        made += [b.section(_terms_text(terms))]
    else:
        made += _terms_inputs(terms)
    made.append(b.section(f"*Predicted landing*\n{METHOD}"))
    if history:
        lines = [
            f"• version {row.number}, {w.full_day(row.at.date())}, {w.escape(book.name(row.by_id))}: {w.escape(short(row.reason, 120))}"
            for row in history[:MOST_NAMED]
        ]
        made.append(b.section("*Versions*\n" + "\n".join(lines)))
    state = TermsState(n=terms.version).dump()
    submit = "Save a new version" if changes else ""
    return b.modal(View.TERMS, "Definitions and ratios", made, metadata=state, submit=submit)


def _terms_text(terms: Terms) -> str:
    kinds = (("Sourced", terms.sourced), ("Influenced", terms.influenced), ("Co-sold", terms.co_sold))
    lines = [f"*{name}*: {w.escape(words)}" for name, words in kinds]
    return "\n".join([*lines, w.escape(f.terms(terms)), "_CRO and CFO change these._"])


def _terms_inputs(terms: Terms) -> list[b.Block]:
    mark = str(terms.version)
    ratios = terms.ratios
    numbers = (
        (Field.DAYS, "Days for both signatures below an attribution", terms.attribution_days),
        (Field.CLOSE_DAYS, "Working days after a quarter's end to close it", terms.close_days),
        (Field.RESIGN_DAYS, "Working days for a new partner manager to sign again", terms.resign_days),
        (Field.LANDING_DEALS, "Past deals a predicted landing rests on at least", terms.landing_deals),
        (Field.LANDING_QUARTERS, "Past quarters it rests on at least", terms.landing_quarters),
    )
    made = []
    for kind, words, share in (
        (Field.SOURCED, terms.sourced, ratios.sourced),
        (Field.INFLUENCED, terms.influenced, ratios.influenced),
        (Field.CO_SOLD, terms.co_sold, ratios.co_sold),
    ):
        name = f.KINDS[kind].capitalize()
        made.append(b.text_input(f"{kind}:{mark}", f"{name} means", words, multiline=True, most=500))
        made.append(b.text_input(f"{Field.RATIO}_{kind}:{mark}", f"{name}: AE quota credit", f.ratio(share), most=6,
                                 hint="Between 0 and 1; 0.5 is half of what was won."))  # fmt: skip
    made += [b.text_input(f"{field}:{mark}", label, str(value), most=6) for field, label, value in numbers]
    made.append(b.text_input(f"{Field.REASON}:{mark}", "Why is it changed?", most=LONGEST_REASON,
                             hint="It stands beside the new version."))  # fmt: skip
    return made


LIMITS = {
    Field.DAYS: (1, 90),
    Field.CLOSE_DAYS: (1, 30),
    Field.RESIGN_DAYS: (1, 30),
    Field.LANDING_DEALS: (10, 10_000),
    Field.LANDING_QUARTERS: (2, 40),
}


def typed_terms(view: Mapping[str, Any], before: Terms) -> tuple[Terms, str]:
    """The terms as typed, and why. Raises FieldErrors for what is no number or out of its bounds."""
    values = Values(view)
    errors: dict[str, str] = {}
    ratios: dict[str, int] = {}
    for kind in (Field.SOURCED, Field.INFLUENCED, Field.CO_SOLD):
        name = f"{Field.RATIO}_{kind}"
        share = _share(values.text(name))
        if share is None:
            errors[name] = "A ratio is a number between 0 and 1, such as 0.5."
        else:
            ratios[kind] = share
    numbers: dict[str, int] = {}
    for field, (low, high) in LIMITS.items():
        text = values.text(field).strip()
        if not text.isdecimal() or not low <= int(text) <= high:
            errors[field] = f"A whole number from {low} to {high}."
        else:
            numbers[field] = int(text)
    if errors:
        raise FieldErrors(errors)
    texts = {str(kind): values.text(kind) for kind in (Field.SOURCED, Field.INFLUENCED, Field.CO_SOLD)}
    changed = before.model_copy(update={**texts, **numbers, "ratios": Ratios(**ratios)})
    return changed, values.text(Field.REASON)


def _share(text: str) -> int | None:
    """A ratio as basis points; None for what is none, or finer than a hundredth of a percent."""
    plain = text.strip().replace(",", ".")
    whole, _, fraction = plain.partition(".")
    if not (whole.isdecimal() or not whole) or (fraction and not fraction.isdecimal()) or not (whole or fraction):
        return None
    if fraction[4:].strip("0"):
        return None
    found = int(whole or 0) * 10_000 + int(fraction[:4].ljust(4, "0"))
    return found if found <= 10_000 else None  # noqa: PLR2004 - the whole
