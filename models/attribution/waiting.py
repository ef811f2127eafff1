"""Whose signature is missing: the deals that wait for one person's name. Reads only, a constant number of statements."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import people
from models.attribution import sql
from models.attribution.terms import Ground, ground, kind_of
from models.deals import PRESENT
from models.domain.attribution import TOUCHED, Side
from models.domain.deals import OPEN, Attribution, Category
from models.domain.policy import Policy
from models.domain.text import count
from models.tables import AttributionClaim, AttributionSignature, Deal, DealVersion, Partner, Person

MOST = 50
FAR = 10_000


@dataclass(frozen=True)
class Item:
    """A deal that waits for somebody's name. `claim_id`: what the other side has signed, `by_id` who did; 0: nobody has.

    `days_left` until the last day for both signatures, negative past it; None: a touch has to be recorded first, or the
    deal is older than the installation.
    """

    deal_id: int
    name: str
    partner: str
    amount: int | None
    currency: str
    kind: Attribution
    claim_id: int
    by_id: int | None
    reason: str
    changes: Attribution | None
    days_left: int | None
    due: date | None
    legacy: bool

    @property
    def countdown(self) -> str:
        """How much time is left, in a few words."""
        if self.legacy:
            return "older than Cadence, no clock"
        if self.days_left is None:
            return "no touch recorded yet"
        if self.days_left < 0:
            return f"{count(-self.days_left, 'day')} overdue"
        return f"{count(self.days_left, 'day')} left" if self.days_left else "due today"


@dataclass(frozen=True)
class Waiting:
    """The most urgent ones, and how many there are."""

    items: tuple[Item, ...] = ()
    total: int = 0

    def of(self, deal_id: int) -> Item | None:
        return next((item for item in self.items if item.deal_id == deal_id), None)


async def waiting_for(
    session: AsyncSession,
    person: Person,
    *,
    now: datetime,
    policy: Policy,
    covers: Mapping[int, int] | None = None,
    most: int = MOST,
) -> Waiting:
    """The deals whose attribution this person has to sign, as owner, partner manager or cover of either; the nearest due first.

    Of partners' deals that are open, or were won since the last quarter began: those nobody has signed, and those whose
    other side has. Of deals older than the installation only the latter. `covers`: who stands in for whom, if it was read.
    """
    standing_in = await people.covers(session, now=now, policy=policy) if covers is None else covers
    mine = [person.id, *(away for away, cover in standing_in.items() if cover == person.id)]
    here = await ground(session, now=now, policy=policy)
    rows = (await session.execute(_query(person.id, mine, here, policy).limit(most))).all()
    items = sorted((_item(row, here) for row in rows), key=_urgency)
    return Waiting(tuple(items), rows[0].total if rows else 0)


def _query(person_id: int, mine: list[int], here: Ground, policy: Policy) -> Select[*tuple[Any, ...]]:
    owns, manages = DealVersion.owner_id.in_(mine), Partner.pm_id.in_(mine)
    unsigned = and_(
        AttributionClaim.id.is_(None),
        Deal.attribution_state == "",
        ~sql.legacy(here.installed_on),
    )
    one_sided = and_(
        AttributionSignature.person_id != person_id,
        or_(
            and_(AttributionSignature.side == Side.AE.value, manages),
            and_(AttributionSignature.side == Side.PM.value, owns),
        ),
    )
    return (
        select(Deal, DealVersion, Partner.name.label("partner"), AttributionClaim, AttributionSignature.person_id,
               func.count().over().label("total"))
        .join(DealVersion, PRESENT)
        .join(Partner, Partner.id == DealVersion.partner_id)
        .outerjoin(AttributionClaim, _WAITS)
        .outerjoin(AttributionSignature, AttributionSignature.claim_id == AttributionClaim.id)
        .where(or_(owns, manages), counts(here.today, policy), or_(unsigned, one_sided))
        .order_by(_begins().is_(None), _begins(), Deal.first_seen_at, Deal.id)
    )  # fmt: skip


_WAITS = and_(
    AttributionClaim.deal_id == Deal.id,
    AttributionClaim.partner_id == DealVersion.partner_id,
    AttributionClaim.replaced_at.is_(None),
    AttributionClaim.in_force_at.is_(None),
)


def _begins() -> ColumnElement[date | None]:
    """When the clock began, as far as a column says so: what the list is ordered by before it is cut."""
    touched = sql.kind().in_([kind.value for kind in TOUCHED])
    return case((touched, Deal.touched_on), else_=DealVersion.created_date)


def counts(today: date, policy: Policy) -> ColumnElement[bool]:
    """Open, or won since the last quarter began: what is older nobody asks about any more."""
    since = policy.fiscal.previous(policy.fiscal.quarter_of(today)).first
    won = and_(DealVersion.category == Category.WON.value, DealVersion.close_date >= since)
    return or_(DealVersion.category.in_([category.value for category in OPEN]), won)


def _item(row: Row[*tuple[Any, ...]], here: Ground) -> Item:
    deal, version, partner, claim, by_id, _ = row
    clock = here.clock(deal, version, kind=claim.kind if claim is not None else None)
    legacy = clock.is_legacy(here.installed_on)
    return Item(
        deal_id=deal.id,
        name=version.name,
        partner=partner,
        amount=version.amount,
        currency=version.currency,
        kind=Attribution(claim.kind if claim is not None else kind_of(deal, version)),
        claim_id=claim.id if claim is not None else 0,
        by_id=by_id,
        reason=claim.reason if claim is not None else "",
        changes=Attribution(deal.attribution) if claim is not None and deal.attribution != claim.kind else None,
        days_left=None if legacy else clock.days_left(here.today, here.days),
        due=None if legacy else clock.due(here.days),
        legacy=legacy,
    )


def _urgency(item: Item) -> tuple[int, bool, int]:
    """The nearest due first; then what has no day, a claim that waits before the rest."""
    return (FAR if item.days_left is None else item.days_left, item.claim_id == 0, item.deal_id)
