"""The quota credit of the deals won in a quarter."""

from collections.abc import Sequence

from sqlalchemy import func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.domain.deals import Category
from models.domain.forecast.credit import Earned, Won, credit
from models.domain.forecast.facts import AttributionState, CreditFacts
from models.forecast.counting import STANDS, Line, counts, is_simple, kind_now, state_now
from models.forecast.scope import Scope
from models.tables import Deal, DealVersion


async def earned(session: AsyncSession, scope: Scope, lines: Sequence[Line]) -> tuple[CreditFacts, ...]:
    """Each owner's credit. `lines` are the deals that are not simple; those without an amount give none. One statement."""
    rows = await session.execute(
        select(
            DealVersion.owner_id, kind_now().label("kind"), state_now(scope).label("state"), func.sum(DealVersion.amount),
            func.count(),
        )
        .join(Deal, STANDS)
        .where(
            counts(scope.quarter), is_simple(scope.into), DealVersion.category == Category.WON,
            DealVersion.amount.is_not(None),
        )
        .group_by(DealVersion.owner_id, literal_column("kind"), literal_column("state"))
    )  # fmt: skip
    found: list[Earned | Won] = [
        Earned(owner_id, kind, AttributionState(state), int(amount or 0), deals)
        for owner_id, kind, state, amount, deals in rows
    ]
    found += [
        Won(line.deal_id, line.owner_id, line.value, line.kind, AttributionState(line.state))
        for line in lines
        if line.category == Category.WON and line.value is not None
    ]
    return credit(found, scope.ground.terms.ratios)
