"""The facts of a monthly partner business review (PBR), and what its form holds before they are frozen.

Pure: built from what the database says, rendered elsewhere. A PBR's slot is its own month, and it reviews the month before:
people name it by the month reviewed. Amounts are integer minor units.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Literal

from pydantic import BaseModel

from models.domain.deals import Attribution, Category
from models.domain.errors import UserError
from models.domain.notes import CommitmentFact, DealFact, Frozen, Health, MoneySum, sums
from models.domain.text import clean, key, lines_of

KINDS = (Attribution.SOURCED, Attribution.INFLUENCED, Attribution.CO_SOLD, Attribution.NONE)
"""The order in which a split by attribution is said; deals without one are a part of it, so that the parts add up."""
BANDS = (Category.COMMIT, Category.BEST_CASE, Category.PIPELINE)
LEAST_CHANGES, MOST_CHANGES = 1, 2
MOST_NAMED = 12
LONGEST_TYPED = 3000
"""Of a reason: what a form's field takes. A longer one of the CRM's stays the CRM's."""
_MONTH = re.compile(r"(\d{4})-(\d{2})")
_NAMES = tuple(f"{date(2000, number, 1):%B}".casefold() for number in range(1, 13))
_SHORTEST_NAME = 3
_JANUARY, _DECEMBER = 1, 12


class LostFact(DealFact):
    """A deal lost in the month. `reason_by` is null where the reason is the CRM's; `shared`: the partner may see it."""

    reason: str = ""
    reason_by: int | None = None
    shared: bool = False


class Gap(BaseModel):
    """Something a number cannot be trusted without, and the deal it is about."""

    model_config = Frozen
    kind: Literal["reason", "attribution", "close_date", "amount", "undated", "said"]
    deal_id: int
    name: str

    @property
    def sentence(self) -> str:
        return f"{self.name} {SENTENCES[self.kind]}."


SENTENCES = {
    "reason": "was lost and has no reason",
    "attribution": "has no attribution",
    "close_date": "has no close date",
    "amount": "has no amount",
    "undated": "was closed without a close date, and counts in no month",
    "said": "is said to be closed, and still open in the CRM",
}


class Pursued(BaseModel):
    """One account of the pursuit list. `key` is d<deal id> or t<target id>; empty where somebody typed it."""

    model_config = Frozen
    key: str = ""
    account: str
    deal: str = ""
    amount: int | None = None
    currency: str = ""
    close_date: date | None = None
    note: str = ""


class PbrFacts(BaseModel):
    """Everything one page about one partner and one month may show.

    `joint`, `by_category` and `by_attribution` are the open pipeline of `pipeline_day`, the day of the first publication;
    what was won and lost is counted anew for every version. The `…_before` are those of the version corrected.
    `shared_pursuit` and `shared_changes` were typed for the partner's eyes.
    """

    model_config = Frozen
    schema_version: int = 1
    version: int = 1
    what_changed: str = ""
    partner_id: int
    partner: str
    pm_id: int | None
    slot: str
    day: date
    state: str
    side: str = ""
    reason: str = ""
    moved_reason: str = ""
    moved_by: int | None = None
    closed_by: int | None = None
    month: date
    ends: date
    provisional: Literal["", "month", "crm"] = ""
    pipeline_day: date
    deals: tuple[DealFact, ...] = ()
    joint: tuple[MoneySum, ...] = ()
    joint_before: tuple[MoneySum, ...] | None = None
    before_month: date | None = None
    by_category: dict[str, tuple[MoneySum, ...]] = {}
    by_attribution: dict[str, tuple[MoneySum, ...]] = {}
    won: tuple[DealFact, ...] = ()
    won_by_attribution: dict[str, tuple[MoneySum, ...]] = {}
    lost: tuple[LostFact, ...] = ()
    won_before: tuple[MoneySum, ...] | None = None
    lost_before: tuple[MoneySum, ...] | None = None
    moved: int = 0
    slipped: int = 0
    missing: tuple[Gap, ...] = ()
    pursuit: tuple[Pursued, ...] = ()
    changes: tuple[str, ...] = ()
    changes_before: tuple[str, ...] = ()
    shared_pursuit: tuple[str, ...] = ()
    shared_changes: tuple[str, ...] = ()
    commitments: tuple[CommitmentFact, ...] = ()
    health: Health = Health()
    crm_as_of: datetime | None = None
    crm_stale: bool = False

    @property
    def without_attribution(self) -> int:
        return sum(1 for gap in self.missing if gap.kind == "attribution")

    @property
    def has_deals(self) -> bool:
        return bool(self.deals or self.won or self.lost)


class Loss(BaseModel):
    """Why one deal was lost, as typed."""

    model_config = Frozen
    reason: str = ""
    shared: bool = False


class TypedVerdict(BaseModel):
    model_config = Frozen
    fate: str = ""
    due: date | None = None


class TypedPromise(BaseModel):
    model_config = Frozen
    text: str = ""
    owner_id: int | None = None
    due: date | None = None
    shared: str = ""


class Said(BaseModel):
    """What a PBR's form holds: kept whole as a draft, complete or not. `accounts` are typed one a line.

    `shared_pursuit` and `shared_changes` are for the partner's eyes, one a line.
    """

    model_config = Frozen
    held: bool = True
    side: str = ""
    reason: str = ""
    lost: dict[int, Loss] = {}
    pursuit: tuple[str, ...] = ()
    accounts: str = ""
    changes: tuple[str, ...] = ()
    verdicts: dict[int, TypedVerdict] = {}
    promises: tuple[TypedPromise, ...] = ()
    what_changed: str = ""
    shared_pursuit: str = ""
    shared_changes: str = ""


def reviewed(slot: str) -> date:
    """The first day of the month that the PBR of this slot reviews: `2026-11` reviews October."""
    year, month = int(slot[:4]), int(slot[5:7])
    return date(year - 1, _DECEMBER, 1) if month == _JANUARY else date(year, month - 1, 1)


def next_month(month: date) -> date:
    """The first day of the month after."""
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1)


def last_day(month: date) -> date:
    return next_month(month) - timedelta(days=1)


def slot_for(month: date) -> str:
    """The slot of the PBR that reviews this month."""
    return f"{next_month(month):%Y-%m}"


def looks_like_month(text: str) -> bool:
    """Whether somebody meant a month by this word, right or wrong: it has a digit, or is one's name, perhaps cut."""
    word = text.strip(".").casefold()
    named = len(word) >= _SHORTEST_NAME and any(name.startswith(word) for name in _NAMES)
    return named or any(char.isdigit() for char in word)


def month_of(text: str) -> date | None:
    """The month that `2026-10` names; None when it names none."""
    found = _MONTH.fullmatch(text.strip())
    if found is None or not _JANUARY <= int(found[2]) <= _DECEMBER or int(found[1]) == 0:
        return None
    return date(int(found[1]), int(found[2]), 1)


def refuse_month(text: str, partner: str, months: Collection[date], today: date) -> UserError:
    """Why there is no PBR by that name: no month, one to come, or one that had none; and which there are."""
    wanted = month_of(text)
    if wanted is None:
        why = f"“{clean(text)}” is no month: write the month reviewed as year and month, such as 2026-10."
    elif wanted >= today.replace(day=1) and wanted > max(months, default=date.min):
        why = f"The PBR of {wanted:%Y-%m} with {partner} is not planned yet: it follows that month."
    else:
        why = f"There was no PBR of {wanted:%Y-%m} with {partner}."
    named = sorted(months, reverse=True)
    more = f" and {len(named) - MOST_NAMED} before" if len(named) > MOST_NAMED else ""
    there = ", ".join(f"{month:%Y-%m}" for month in named[:MOST_NAMED])
    return UserError(f"{why} There {'is one' if len(named) == 1 else 'are PBRs'} of {there}{more}." if named else why)


def provisional(month: date, *, today: date, crm_day: date | None) -> Literal["", "month", "crm"]:
    """Why the month's numbers may still change: it is not over, or the CRM's export is from before its end."""
    if today <= last_day(month):
        return "month"
    return "crm" if crm_day is not None and crm_day <= last_day(month) else ""


def by_category(deals: Iterable[DealFact]) -> dict[str, tuple[MoneySum, ...]]:
    listed = list(deals)
    return {band.value: sums(deal for deal in listed if deal.category == band) for band in BANDS}


def by_attribution(deals: Iterable[DealFact]) -> dict[str, tuple[MoneySum, ...]]:
    """The sums of each kind; an attribution nobody knows counts as none, so that the parts always add up."""
    listed = list(deals)
    return {kind.value: sums(deal for deal in listed if kind_of(deal) == kind) for kind in KINDS}


def kind_of(deal: DealFact) -> Attribution:
    return Attribution(deal.attribution) if deal.attribution in tuple(Attribution) else Attribution.NONE


def gaps(
    deals: Iterable[DealFact], won: Iterable[DealFact], lost: Iterable[LostFact], undated: Iterable[DealFact]
) -> tuple[Gap, ...]:
    """What is missing, in the order in which it is worth mending."""
    deals, won, lost = list(deals), list(won), list(lost)
    found = [_gap("reason", deal) for deal in lost if not deal.reason]
    found += [_gap("undated", deal) for deal in undated]
    found += [_gap("attribution", deal) for deal in (*won, *deals) if kind_of(deal) == Attribution.NONE]
    found += [_gap("amount", deal) for deal in (*won, *lost, *deals) if deal.amount is None]
    found += [_gap("close_date", deal) for deal in deals if deal.close_date is None]
    return (*found, *(_gap("said", deal) for deal in deals if _said_closed(deal)))


def _gap(kind: str, deal: DealFact) -> Gap:
    return Gap.model_validate({"kind": kind, "deal_id": deal.deal_id, "name": deal.name})


def _said_closed(deal: DealFact) -> bool:
    return any(said.field == "category" and not Category(said.said).is_open for said in deal.said)


def ranked(deals: Iterable[DealFact]) -> list[DealFact]:
    """Most valuable first, unknown amounts last."""
    return sorted(
        deals, key=lambda deal: (deal.amount is None, -(deal.amount or 0), deal.name.casefold(), deal.deal_id)
    )


def carried_over(before: Collection[CommitmentFact], present: Iterable[CommitmentFact], later: Collection[int]
                 ) -> tuple[CommitmentFact, ...]:  # fmt: skip
    """The commitments of a corrected version: as they stood in the one before, and what this correction adds.

    `later`: ids of those made in meetings after this one, which a page about this one knows nothing of.
    """
    now = {item.commitment_id: item for item in present if item.commitment_id not in later}
    kept = []
    for item in before:
        fresh = now.pop(item.commitment_id, None)
        judged_now = fresh is not None and item.due_before is None and fresh.due_before is not None
        kept.append(fresh if fresh is not None and judged_now else item)
    added = [item for item in now.values() if item.fate == "new" or not before or item.due_before is not None]
    return (*kept, *added)


def typed_accounts(text: str) -> tuple[str, ...]:
    """The accounts typed one a line; empty lines and repetitions left out."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        if clean(line):
            found.setdefault(key(line), clean(line))
    return tuple(found.values())


def typed_changes(said: Said) -> tuple[str, ...]:
    return tuple(clean(text) for text in said.changes if clean(text))


def said_of(facts: PbrFacts) -> Said:
    """A correction begins with what the version before it says; the losses' reasons are rows of their own."""
    return Said(
        held=facts.state in ("held", "held_late"),
        side=facts.side,
        reason=facts.reason,
        pursuit=tuple(item.key for item in facts.pursuit if item.key),
        accounts="\n".join(item.account for item in facts.pursuit if not item.key),
        changes=facts.changes,
        shared_pursuit="\n".join(facts.shared_pursuit),
        shared_changes="\n".join(facts.shared_changes),
    )


def differences(
    theirs: Said, yours: Said, *, deals: Mapping[int, str], people: Mapping[int, str]
) -> list[tuple[str, str, str]]:
    """What two people typed differently: field in words, theirs, yours. `deals` and `people` are names by id."""
    found = [
        ("Held", _yes(theirs.held), _yes(yours.held)),
        ("Why it was not held", theirs.reason, yours.reason),
        ("Accounts typed", ", ".join(typed_accounts(theirs.accounts)), ", ".join(typed_accounts(yours.accounts))),
        ("What changed", theirs.what_changed, yours.what_changed),
        (
            "Accounts for the partner",
            ", ".join(lines_of(theirs.shared_pursuit)),
            ", ".join(lines_of(yours.shared_pursuit)),
        ),
        (
            "Changes for the partner",
            "; ".join(lines_of(theirs.shared_changes)),
            "; ".join(lines_of(yours.shared_changes)),
        ),
    ]
    if set(theirs.pursuit) != set(yours.pursuit):
        found.append(("Pursuit list", f"{len(theirs.pursuit)} chosen", f"{len(yours.pursuit)} chosen"))
    found += [
        (f"Change {place + 1}", _at(theirs.changes, place), _at(yours.changes, place)) for place in range(MOST_CHANGES)
    ]
    for deal_id in theirs.lost.keys() & yours.lost.keys():
        label = f"Why “{deals.get(deal_id, 'a deal')}” was lost"
        found.append((label, _loss(theirs.lost[deal_id]), _loss(yours.lost[deal_id])))
    for place in range(max(len(theirs.promises), len(yours.promises))):
        both = [_promise(side.promises, place, people) for side in (theirs, yours)]
        found.append((f"Commitment {place + 1}", both[0], both[1]))
    for commitment_id in sorted(theirs.verdicts.keys() | yours.verdicts.keys()):
        both = [_verdict(side.verdicts.get(commitment_id)) for side in (theirs, yours)]
        found.append(("A last commitment", both[0], both[1]))
    return [(label, one or "nothing", other or "nothing") for label, one, other in found if one != other]


def _yes(held: bool) -> str:
    return "held" if held else "not held"


def _at(texts: tuple[str, ...], place: int) -> str:
    return clean(texts[place]) if place < len(texts) else ""


def _loss(loss: Loss) -> str:
    return f"{clean(loss.reason) or 'no reason'}{' (the partner may see it)' if loss.shared else ''}"


def _promise(promises: tuple[TypedPromise, ...], place: int, people: Mapping[int, str]) -> str:
    held = promises[place] if place < len(promises) else TypedPromise()
    owner = people.get(held.owner_id, "somebody") if held.owner_id is not None else ""
    shared = f"for the partner: {clean(held.shared)}" if clean(held.shared) else ""
    said = (clean(held.text), owner, f"by {held.due:%d %b}" if held.due else "", shared)
    return ", ".join(part for part in said if part)


def _verdict(verdict: TypedVerdict | None) -> str:
    if verdict is None or not verdict.fate:
        return ""
    return verdict.fate + (f" to {verdict.due:%d %b}" if verdict.due else "")
