"""The quota credit of the deals won in a quarter."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.deals import PRESENT
from models.domain.deals import Category
from models.domain.forecast.credit import Won, credit
from models.domain.forecast.facts import AttributionState, CreditFacts
from models.forecast.counting import Line, counts, is_simple, kind_now, state_now
from models.forecast.scope import Scope
from models.tables import Deal, DealVersion


async def earned(session: AsyncSession, scope: Scope, lines: Sequence[Line]) -> tuple[CreditFacts, ...]:
    """Each owner's credit. `lines` are the deals that are not simple; those without an amount give none. One statement."""
    rows = await session.execute(
        select(Deal.id, DealVersion.owner_id, DealVersion.amount, kind_now(), state_now(scope))
        .join(DealVersion, PRESENT)
        .where(
            counts(scope.quarter), is_simple(scope.into), DealVersion.category == Category.WON,
            DealVersion.amount.is_not(None),
        )
    )  # fmt: skip
    won = [
        Won(deal_id, owner_id, amount or 0, kind, AttributionState(state))
        for deal_id, owner_id, amount, kind, state in rows
    ]
    won += [
        Won(line.deal_id, line.owner_id, line.value, line.kind, AttributionState(line.state))
        for line in lines
        if line.category == Category.WON and line.value is not None
    ]
    return credit(sorted(won, key=lambda deal: deal.deal_id), scope.ground.terms.ratios)
