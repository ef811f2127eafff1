"""A deal's row and its waiting claim in step with what was signed and recorded. Never commits."""

from datetime import date

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.attributed import sum_up
from models.attribution.terms import Ground
from models.tables import AttributionClaim, Deal, DealVersion


async def keep_in_step(session: AsyncSession, deal: Deal, version: DealVersion, ground: Ground) -> None:
    """Let `Deal.attribution`, `attribution_state` and `touched_on` say what the primary partner's claims and touches do; flushes.

    What is in force stands, judged by the day it was due on when the second name came. A claim that waits follows the
    clock, since an earlier touch may still be recorded. `version` is the one that stands.
    """
    await sum_up(session, deal)
    for row in await session.scalars(
        select(AttributionClaim).where(
            AttributionClaim.deal_id == deal.id,
            AttributionClaim.partner_id == version.partner_id,
            AttributionClaim.replaced_at.is_(None),
            AttributionClaim.in_force_at.is_(None),
        )
    ):
        row.due = due_of(deal, version, row.kind, ground)
    await session.flush()


def due_of(deal: Deal, version: DealVersion, kind: str, ground: Ground) -> date | None:
    """The last day for both signatures; None for a deal without a clock."""
    clock = ground.clock(deal, version, kind=kind)
    return None if clock.is_legacy(ground.installed_on) else clock.due(ground.days)
