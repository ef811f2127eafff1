"""Which cards show a joint deal, and have to be drawn anew when something of it changes: the check-in and our own."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import cards
from models.tables import Cadence, Card, CardOccurrence, Deal, DealVersion, JointDeal, Occurrence, Partner

CHECK_IN = "checkin"
"""The kind of a check-in's card, and its template."""


async def touch(session: AsyncSession, partner_id: int, deal_ids: Collection[int] = (), *, old: bool = False) -> None:
    """Wish for the partner's check-ins to be shown anew, and all of ours that shows these deals: reviews' cards, Home tabs.

    `old`: check-ins of reviews that are over too, since a deal that was taken back must not stay to be read there.
    """
    await session.flush()
    await _touch_check_ins(session, Card.partner_id == partner_id, old=old)
    if not deal_ids:
        return
    rows = (
        await session.execute(
            select(DealVersion.owner_id, DealVersion.partner_id, Partner.pm_id)
            .join(Deal, Deal.version_id == DealVersion.id)
            .outerjoin(Partner, Partner.id == DealVersion.partner_id)
            .where(Deal.id.in_(deal_ids))
        )
    ).all()
    partners = {row.partner_id for row in rows if row.partner_id is not None}
    persons = {who for row in rows for who in (row.owner_id, row.pm_id) if who is not None}
    carriers = (
        select(CardOccurrence.card_id)
        .join(Occurrence, Occurrence.id == CardOccurrence.occurrence_id)
        .join(Cadence, Cadence.id == Occurrence.cadence_id)
        .where(Occurrence.closed_at.is_(None), or_(Cadence.partner_id.in_(partners), Cadence.pm_id.in_(persons)))
    )
    await session.execute(
        update(Card)
        .where(Card.id.in_(carriers), Card.kind != CHECK_IN)
        .values(wanted=Card.wanted + 1)
        .execution_options(synchronize_session=False)
    )
    await cards.touch_homes(session, persons)


async def touch_deal(session: AsyncSession, deal_id: int) -> None:
    """One of us has answered for a joint deal: the check-ins of every partner that sees it show what crosses of that."""
    of_deal = select(JointDeal.partner_id).where(JointDeal.deal_id == deal_id, JointDeal.valid_to.is_(None))
    await _touch_check_ins(session, Card.partner_id.in_(of_deal), old=False)


async def _touch_check_ins(session: AsyncSession, which: ColumnElement[bool], *, old: bool) -> None:
    ahead = (
        select(CardOccurrence.card_id)
        .join(Occurrence, Occurrence.id == CardOccurrence.occurrence_id)
        .where(Occurrence.closed_at.is_(None))
    )
    found = [Card.kind == CHECK_IN, which] if old else [Card.kind == CHECK_IN, which, Card.id.in_(ahead)]
    await session.execute(
        update(Card).where(*found).values(wanted=Card.wanted + 1).execution_options(synchronize_session=False)
    )
