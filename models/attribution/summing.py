"""The sum of a deal's claims and touches on its own row: the one place that writes it. Never commits."""

from datetime import date

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.attribution.desk import Claim, claims_of
from models.attribution.terms import Ground
from models.domain.attribution import signed_state
from models.domain.policy import Policy
from models.domain.zones import local_date, zone
from models.tables import Deal, DealVersion, Touch


async def keep_in_step(session: AsyncSession, deal: Deal, version: DealVersion, ground: Ground, policy: Policy) -> None:
    """Let `Deal.attribution`, `attribution_state` and `touched_on` say what the claims and touches do; flushes.

    What is in force stands, judged by the day it was due on when the second name came. A claim that waits follows the
    clock, since an earlier touch may still be recorded.
    """
    await session.flush()
    deal.touched_on = await session.scalar(select(func.min(Touch.day)).where(Touch.deal_id == deal.id))
    live = [claim for claim in await claims_of(session, deal.id) if claim.live]
    for claim in live:
        if claim.row.in_force_at is None:
            claim.row.due = due_of(deal, version, claim.row.kind, ground)
    standing = next((claim for claim in live if claim.row.in_force_at is not None), live[0] if live else None)
    deal.attribution = standing.row.kind if standing is not None else ""
    deal.attribution_state = _state(standing, policy) if standing is not None else ""
    await session.flush()


def due_of(deal: Deal, version: DealVersion, kind: str, ground: Ground) -> date | None:
    """The last day for both signatures; None for a deal without a clock."""
    clock = ground.clock(deal, version, kind=kind)
    return None if clock.is_legacy(ground.installed_on) else clock.due(ground.days)


def _state(standing: Claim, policy: Policy) -> str:
    at = standing.row.in_force_at
    return signed_state(standing.row.due, local_date(at, zone(policy.zone)) if at is not None else None).value
