"""Attribution: when its clock begins, by when two people have to have signed, and how far a deal is.

Days are calendar days of the company's zone. The clock has three beginnings: sourced (and a deal nobody has named a kind
for) its creation, influenced and co-sold the first recorded touch, and a deal older than the installation none at all.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from models.domain.deals import Attribution
from models.domain.forecast.facts import AttributionState
from models.domain.notes import DealFact, MoneySum, sums
from models.domain.rights import Actor, Subject

LONGEST_REASON = 500
LONGEST_TOUCH = 500
LONGEST_AGO = 731
"""Days: an older touch is a typing error."""
TOUCHED = frozenset({Attribution.INFLUENCED, Attribution.CO_SOLD})
"""The kinds that rest on a touch of the partner."""
KINDS = (Attribution.SOURCED, Attribution.INFLUENCED, Attribution.CO_SOLD)
KIND_LABELS = {
    Attribution.SOURCED: "sourced",
    Attribution.INFLUENCED: "influenced",
    Attribution.CO_SOLD: "co-sold",
    Attribution.NONE: "not known",
}
SIGNED = frozenset({AttributionState.SIGNED, AttributionState.LATE, AttributionState.ONE_SIDED})
"""The states that signatures make; the others follow from the day it is."""


class Side(StrEnum):
    """Whose name it is: the deal's owner's or the partner's manager's."""

    AE = "ae"
    PM = "pm"

    @property
    def label(self) -> str:
        return "AE" if self is Side.AE else "partner manager"


@dataclass(frozen=True)
class Clock:
    """What a deal's state is worked out from. `signed` is `Deal.attribution_state`, `first_seen` its day here."""

    kind: str
    first_seen: date
    created: date | None = None
    touched: date | None = None
    signed: str = ""

    @property
    def begins(self) -> date | None:
        """The day from which the days count; None: a touch has to be recorded first."""
        return beginning(self.kind, self.created or self.first_seen, self.touched)

    def due(self, days: int) -> date | None:
        """The last day on which the second signature is in time."""
        begins = self.begins
        return None if begins is None else begins + timedelta(days=days)

    def days_left(self, today: date, days: int) -> int | None:
        """Days until that day, negative when it has passed, 0 on the day itself; None without a clock."""
        due = self.due(days)
        return None if due is None else (due - today).days

    def is_legacy(self, installed_on: date | None) -> bool:
        """Older than the installation: nobody could have signed in time, so it is reported apart."""
        return installed_on is not None and self.created is not None and self.created < installed_on

    def state(self, today: date, *, installed_on: date | None, days: int) -> AttributionState:
        """How far the deal is on this day. Legacy says so whoever has signed."""
        if self.is_legacy(installed_on):
            return AttributionState.LEGACY
        if self.signed in SIGNED:
            return AttributionState(self.signed)
        left = self.days_left(today, days)
        if left is None:
            return AttributionState.NO_CLOCK
        return AttributionState.OVERDUE if left < 0 else AttributionState.OPEN


def by_state(deals: Iterable[DealFact]) -> dict[AttributionState, tuple[MoneySum, ...]]:
    """The sums of the states there are, in their order; of deals whose state nobody asked for, none."""
    listed = list(deals)
    found = {state: sums(deal for deal in listed if deal.attribution_state == state) for state in AttributionState}
    return {state: total for state, total in found.items() if total}


def beginning(kind: str, created: date, touched: date | None) -> date | None:
    """When the clock of a kind begins; None where it rests on a touch that nobody has recorded."""
    return touched if kind in TOUCHED else created


def signed_state(due: date | None, second_on: date | None) -> AttributionState:
    """What the signatures make: one only, both in time, or the second after the due day. No due day: in time."""
    if second_on is None:
        return AttributionState.ONE_SIDED
    return AttributionState.LATE if due is not None and second_on > due else AttributionState.SIGNED


@dataclass(frozen=True)
class Signer:
    """The side somebody signs, and for whom when it is not in their own right: whose cover they are."""

    side: Side
    for_id: int | None = None


def signer(actor: Actor, subject: Subject, taken: Collection[str] = ()) -> Signer | None:
    """Which side this person's name would be, of those not `taken`; None: neither is theirs to sign.

    One's own part comes before somebody else's: who owns the deal and covers for the manager signs as the owner, so that
    the manager can still sign when they are back.
    """
    candidates = (
        (Side.AE, subject.owner_id, True),
        (Side.PM, subject.pm_id, True),
        (Side.AE, subject.owner_id, False),
        (Side.PM, subject.pm_id, False),
    )
    for side, holder, own in candidates:
        if side in taken or holder is None:
            continue
        if own and holder == actor.id:
            return Signer(side)
        if not own and subject.covers.get(holder) == actor.id:
            return Signer(side, for_id=holder)
    return None


@dataclass(frozen=True)
class Who:
    """Who is to sign one side: their name and whether they are still here. `same`: they hold the other side as well."""

    side: Side
    name: str = ""
    active: bool = True
    same: bool = False
    partner: str = ""


def has_to_sign(who: Who) -> str:
    """Who has to sign this side; where nobody can, what is to be mended and how."""
    if not who.name:
        if who.side is Side.AE:
            return "Nobody owns this deal, so nobody can sign as its AE: name its owner in the CRM and import it again."
        return (
            f"{who.partner} has no partner manager, so nobody can sign as one: the head of partnerships or an admin names "
            "one in `/cadence start`, under Partners."
        )
    if not who.active:
        return f"{who.name} ({who.side.label}) has left: once their work is handed over, their successor signs."
    if who.same:
        return (
            f"{who.name} owns this deal and manages {who.partner}, and two different people have to sign: name another owner "
            f"or another partner manager, or let a cover sign while {who.name} is away."
        )
    return f"{who.name} ({who.side.label}) has to sign."


def touch_error(day: date | None, *, created: date | None, today: date) -> str:
    """Why no touch can have been on this day; empty when it can. A touch is of a deal that exists."""
    if day is None:
        return "Say on which day the partner touched the deal."
    if day > today:
        return "This day is still to come. A touch is recorded when it has happened."
    if created is not None and day < min(created, today):
        return f"The deal was created on {created.day} {created:%b %Y}. A touch is of an existing deal: choose a later day."
    if (today - day).days > LONGEST_AGO:
        return "This day is more than two years ago. Check the year."
    return ""
