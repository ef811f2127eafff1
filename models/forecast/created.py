"""Pipeline created in the quarter: what partners sourced of it, and what partners' part of all of it is."""

from collections import Counter

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.deals import PRESENT
from models.domain.deals import Attribution
from models.domain.forecast.facts import Share
from models.domain.forecast.rates import MissingRate, convert
from models.domain.forecast.ratios import share
from models.forecast.counting import CHUNK, kind_now
from models.forecast.looking import DIRECT, OF_PARTNER, SOURCED, Found
from models.forecast.scope import Scope
from models.tables import Deal, DealVersion

NO_DIRECT = "no direct deals are imported"
NOTHING = "no deal with a known amount was created in the quarter"


async def shares(session: AsyncSession, scope: Scope, found: Found) -> tuple[Share, Share]:
    """Partner-sourced pipeline of partner pipeline, and of total new pipeline; of the deals created in the quarter.

    A deal without a creation date or an amount tells nothing. Won deals are converted as of their close date, others as of the
    cut-off day; where a rate is missing there is no share, and `why` says so.
    """
    sums = Counter(found.created)
    try:
        await _convert(session, scope, found.created_others, sums)
    except MissingRate as error:
        unknown = Share(part=0, whole=0, basis_points=None, why=str(error))
        return unknown, unknown
    partner = sums[SOURCED] + sums[OF_PARTNER]
    direct = await session.scalar(
        select(Deal.id).join(DealVersion, PRESENT).where(DealVersion.partner_id.is_(None)).limit(1)
    )
    if direct is None:
        total = Share(part=sums[SOURCED], whole=partner, basis_points=None, why=NO_DIRECT)
    else:
        total = share(sums[SOURCED], partner + sums[DIRECT], NOTHING)
    return share(sums[SOURCED], partner, NOTHING), total


async def _convert(session: AsyncSession, scope: Scope, deal_ids: list[int], sums: Counter[str]) -> None:
    """Add deals that are shared or in another currency, each converted as a whole."""
    for place in range(0, len(deal_ids), CHUNK):
        rows = await session.execute(
            select(
                DealVersion.partner_id, kind_now(), DealVersion.name, DealVersion.category, DealVersion.close_date,
                DealVersion.currency, DealVersion.amount,
            )
            .join(Deal, PRESENT)
            .where(Deal.id.in_(deal_ids[place : place + CHUNK]))
        )  # fmt: skip
        for partner_id, kind, name, category, close_date, currency, amount in rows:
            whose = DIRECT if partner_id is None else SOURCED if kind == Attribution.SOURCED else OF_PARTNER
            value = amount or 0
            if currency != scope.into:
                value = convert(value, scope.rates.need(currency, scope.rate_day_of(category, close_date), name))
            sums[whose] += value
