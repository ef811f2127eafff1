"""The facts of the written artifacts: frozen, versioned, with person ids where a name would grow stale.

Pure: built from what the database says, rendered elsewhere. Amounts are integer minor units.
"""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Frozen = ConfigDict(frozen=True)


class MoneySum(BaseModel):
    """A sum in one currency. `unknown` deals have no amount: counted, never guessed."""

    model_config = Frozen
    currency: str
    amount: int
    deals: int
    unknown: int


class ActionFact(BaseModel):
    model_config = Frozen
    text: str
    owner_id: int
    due: date
    overdue: bool


class SaidFact(BaseModel):
    """A statement made in Slack that differs from the CRM."""

    model_config = Frozen
    field: str
    said: Any
    crm: Any
    by_id: int | None
    at: datetime


class MoveFact(BaseModel):
    model_config = Frozen
    field: str
    forward: bool
    before: Any = None
    after: Any = None


class PartnerSays(BaseModel):
    """What a partner last said of a joint deal: its word, beside ours. For our own pages alone.

    `ours` is our stage, in the words agreed with the partner if there are any; `differs`: theirs is another one.
    `reported`: one of us wrote it down.
    """

    model_config = Frozen
    partner: str
    stage: str = ""
    ours: str = ""
    differs: bool = False
    action: str = ""
    owner: str = ""
    due: date | None = None
    ask: str = ""
    by: str = ""
    on: date
    reported: bool = False

    @property
    def asks_something(self) -> bool:
        """Whether it is something to speak about: another stage than ours, or an ask."""
        return self.differs or bool(self.ask)


class DealFact(BaseModel):
    """One deal as a note shows it. `days` without forward movement; `stalled` when they reach the limit.

    `attribution` is the kind in force, `attribution_state` the value of its `AttributionState`; empty where nobody asked.
    `partner_says`: what the partner of this page said of it.
    """

    model_config = Frozen
    deal_id: int
    name: str
    account: str
    owner_id: int | None
    stage: str
    category: str
    amount: int | None
    currency: str
    close_date: date | None
    days: int
    stalled: bool
    action: ActionFact | None
    said: tuple[SaidFact, ...] = ()
    help_needed: str = ""
    attribution: str = ""
    attribution_state: str = ""
    joint: bool = False
    missing: bool = False
    in_crm: bool = True
    answered: Literal["", "form", "no_change"] = ""
    answered_by: int | None = None
    moves: tuple[MoveFact, ...] = ()
    partner_says: PartnerSays | None = None

    @property
    def forward(self) -> tuple[MoveFact, ...]:
        return tuple(move for move in self.moves if move.forward)

    @property
    def slips(self) -> tuple[MoveFact, ...]:
        return tuple(move for move in self.moves if not move.forward)


class CommitmentFact(BaseModel):
    """A commitment and what this review said of it: kept, moved, dropped, carried, or new."""

    model_config = Frozen
    commitment_id: int
    text: str
    owner_id: int
    due: date
    fate: str
    due_before: date | None = None


class Health(BaseModel):
    """The cadence this quarter. `streak`: reviews held in a row, those without a meeting not counting."""

    model_config = Frozen
    held: int = 0
    late: int = 0
    skipped: int = 0
    no_meeting: int = 0
    streak: int = 0


class WeeklyFacts(BaseModel):
    """The weekly note of one partner: everything the page may show, ranked by amount."""

    model_config = Frozen
    schema_version: int = 1
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
    late: bool = False
    since: date | None = None
    joint: tuple[MoneySum, ...] = ()
    joint_before: tuple[MoneySum, ...] | None = None
    by_category: dict[str, tuple[MoneySum, ...]] = {}
    deals: tuple[DealFact, ...] = ()
    closed: tuple[DealFact, ...] = ()
    uncounted: tuple[DealFact, ...] = ()
    commitments: tuple[CommitmentFact, ...] = ()
    health: Health = Health()
    crm_as_of: datetime | None = None
    crm_stale: bool = False

    @property
    def answered(self) -> int:
        return sum(1 for deal in self.deals if deal.answered)

    @property
    def not_in_crm(self) -> tuple[MoneySum, ...]:
        """What of the joint pipeline no export of the CRM has."""
        return sums(deal for deal in self.deals if not deal.in_crm)


class PartnerLine(BaseModel):
    """One partner in the Friday note."""

    model_config = Frozen
    occurrence_id: int
    partner_id: int
    partner: str
    pm_id: int | None
    state: str
    side: str = ""
    reason: str = ""
    closed: bool
    joint: tuple[MoneySum, ...] = ()
    joint_before: tuple[MoneySum, ...] | None = None
    moved: int = 0
    slipped: int = 0
    stalled: int = 0
    help: int = 0
    commitments: int = 0
    not_in_crm: tuple[MoneySum, ...] = ()
    health: Health = Health()


class OtherFacts(BaseModel):
    """The *other partners* of one PM: their deals under review and what was answered."""

    model_config = Frozen
    pm_id: int
    slot: str
    deals: tuple[DealFact, ...]
    partners: dict[int, str]
    partner_of: dict[int, int]


class FridayFacts(BaseModel):
    """The consolidated note for leadership."""

    model_config = Frozen
    schema_version: int = 1
    slot: str
    day: date
    late: bool = False
    partners: tuple[PartnerLine, ...]
    others: tuple[OtherFacts, ...] = ()
    crm_as_of: datetime | None = None
    crm_stale: bool = False


def sums(deals: Iterable[DealFact]) -> tuple[MoneySum, ...]:
    """The amounts by currency, in the order of their size; deals of unknown amount are counted apart."""
    totals: dict[str, list[int]] = {}
    for deal in deals:
        cell = totals.setdefault(deal.currency, [0, 0, 0])
        cell[0] += deal.amount or 0
        cell[1] += 1
        cell[2] += deal.amount is None
    return tuple(
        MoneySum(currency=currency, amount=amount, deals=number, unknown=unknown)
        for currency, (amount, number, unknown) in sorted(totals.items(), key=lambda item: (-item[1][0], item[0]))
    )


def difference(now: Iterable[MoneySum], before: Iterable[MoneySum]) -> dict[str, int]:
    """By how much the sum of each currency changed; currencies of both sides."""
    after_by = {line.currency: line.amount for line in now}
    before_by = {line.currency: line.amount for line in before}
    return {
        currency: after_by.get(currency, 0) - before_by.get(currency, 0)
        for currency in sorted(after_by.keys() | before_by.keys())
    }


def health(states: Iterable[str]) -> Health:
    """Cadence health of occurrences that are over, oldest first."""
    listed = list(states)
    streak = 0
    for state in reversed(listed):
        if state in ("held", "held_late"):
            streak += 1
        elif state != "no_meeting":
            break
    return Health(
        held=listed.count("held"),
        late=listed.count("held_late"),
        skipped=listed.count("skipped"),
        no_meeting=listed.count("no_meeting"),
        streak=streak,
    )


def merge_health(parts: Iterable[Health]) -> Health:
    listed = list(parts)
    return Health(
        held=sum(part.held for part in listed),
        late=sum(part.late for part in listed),
        skipped=sum(part.skipped for part in listed),
        no_meeting=sum(part.no_meeting for part in listed),
        streak=min((part.streak for part in listed), default=0),
    )
