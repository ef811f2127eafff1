"""The sum of a deal's claims and touches on its own row: the one statement that writes it, for one deal or for many.

A claim is about one partner's part in a deal, and a touch is one partner's: only those of the primary partner that the
version which stands names are summed up. Of a partner that the deal left they stay, and count again when it comes back.
Below `models.attribution`, so that whatever lets another partner stand can sum up again.
"""

from typing import Any

from sqlalchemy import ColumnElement, Select, Update, and_, case, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models.domain.forecast.facts import AttributionState
from models.tables import AttributionClaim, Deal, DealVersion, Touch

SUMMED = ("attribution", "attribution_state", "touched_on")

_STANDS = and_(DealVersion.id == Deal.version_id, DealVersion.deal_id == Deal.id)
_STATE = case(
    (AttributionClaim.in_force_at.is_(None), AttributionState.ONE_SIDED.value),
    (AttributionClaim.late, AttributionState.LATE.value),
    else_=AttributionState.SIGNED.value,
)
_TOUCHED = (
    select(func.min(Touch.day))
    .join(DealVersion, DealVersion.partner_id == Touch.partner_id)
    .where(Touch.deal_id == Deal.id, _STANDS)
    .correlate(Deal)
)


def _standing(what: Any) -> Select[tuple[Any]]:
    """Something of the claim in force, or, where none is, of the one that waits."""
    return (
        select(what)
        .select_from(AttributionClaim)
        .join(DealVersion, DealVersion.partner_id == AttributionClaim.partner_id)
        .where(AttributionClaim.deal_id == Deal.id, AttributionClaim.replaced_at.is_(None), _STANDS)
        .order_by(AttributionClaim.in_force_at.is_(None), AttributionClaim.id)
        .limit(1)
        .correlate(Deal)
    )


_SUM = (
    update(Deal)
    .values(
        attribution=func.coalesce(_standing(AttributionClaim.kind).scalar_subquery(), ""),
        attribution_state=func.coalesce(_standing(_STATE).scalar_subquery(), ""),
        touched_on=_TOUCHED.scalar_subquery(),
    )
    .execution_options(synchronize_session=False)
)


def summing(which: ColumnElement[bool]) -> Update:
    """The statement that sums up these deals. Objects of them that a session holds have to be refreshed (`SUMMED`)."""
    return _SUM.where(which)


def known() -> ColumnElement[bool]:
    """Deals of which anything was ever claimed or touched; the sums of all others are empty, and stay so."""
    return or_(
        select(AttributionClaim.id).where(AttributionClaim.deal_id == Deal.id).correlate(Deal).exists(),
        select(Touch.id).where(Touch.deal_id == Deal.id).correlate(Deal).exists(),
    )


async def sum_up(session: AsyncSession, deal: Deal) -> None:
    """Sum up one deal, and let its object say so; flushes."""
    await session.flush()
    await session.execute(summing(Deal.id == deal.id))
    await session.refresh(deal, SUMMED)
