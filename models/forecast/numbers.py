"""The numbers people put their names to, as they stand: signed commits, the head's adjustments."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.domain.forecast.facts import AdjustedFacts, SignedFacts
from models.tables import Adjustment, SignedCommit


async def signed(
    session: AsyncSession,
    period: str,
    partner_ids: Collection[int] | None = None,
    *,
    currency: str | None = None,
    before: datetime | None = None,
) -> dict[int, SignedCommit]:
    """The latest signature of each partner, made before an instant where one is given. One statement.

    With `currency` only numbers in it: after a change of the reporting currency the old ones cannot be added to the new.
    """
    newest = select(func.max(SignedCommit.id)).where(SignedCommit.period == period).group_by(SignedCommit.partner_id)
    if before is not None:
        newest = newest.where(SignedCommit.at < before)
    query = select(SignedCommit).where(SignedCommit.id.in_(newest))
    if currency is not None:
        query = query.where(SignedCommit.currency == currency)
    if partner_ids is not None:
        query = query.where(SignedCommit.partner_id.in_(partner_ids))
    return {row.partner_id: row for row in await session.scalars(query)}


async def adjusted(
    session: AsyncSession, period: str, partner_ids: Collection[int] | None = None, *, currency: str | None = None
) -> dict[int, Adjustment]:
    """The adjustment that counts of each partner, those taken back left out; `currency` as above. One statement."""
    newest = select(func.max(Adjustment.id)).where(Adjustment.period == period).group_by(Adjustment.partner_id)
    query = select(Adjustment).where(Adjustment.id.in_(newest), Adjustment.commit.is_not(None))
    if currency is not None:
        query = query.where(Adjustment.currency == currency)
    if partner_ids is not None:
        query = query.where(Adjustment.partner_id.in_(partner_ids))
    return {row.partner_id: row for row in await session.scalars(query)}


def signed_facts(row: SignedCommit, pms: Mapping[int, int | None]) -> SignedFacts:
    """The signature; of somebody who manages the partner no more it says so."""
    return SignedFacts(
        commit=row.commit, best_case=row.best_case, by_id=row.by_id, for_id=row.for_id, at=row.at,
        deals_commit=row.deals_commit, deals_best_case=row.deals_best_case,
        former=row.pm_id is not None and row.pm_id != pms.get(row.partner_id),
    )  # fmt: skip


def adjusted_facts(row: Adjustment) -> AdjustedFacts:
    return AdjustedFacts(commit=row.commit or 0, reason=row.reason, by_id=row.by_id, at=row.at)
