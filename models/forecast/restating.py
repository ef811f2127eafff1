"""Restatements: closed-won of closed quarters that is no longer what was last stated."""

from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.domain.forecast.facts import Bands, ChangeLine, Restatement
from models.forecast import finding
from models.forecast.changed import Comparison
from models.forecast.scope import Scope
from models.tables import QuarterClose, Snapshot

STATED = ("closing", "restatement")
"""The kinds of snapshots that say what a closed quarter came to."""
QUARTERS = 4


async def restated(session: AsyncSession, scope: Scope) -> tuple[Restatement, ...]:
    """The closed ones of the four quarters before the scope's that changed since they were last stated, oldest first.

    Raises:
        MissingRate: a won deal has no rate.
    """
    quarters = [finding.beside(scope.quarter, -step, scope.policy) for step in range(QUARTERS, 0, -1)]
    labels = [quarter.label for quarter in quarters]
    closed = {
        row.period: row for row in await session.scalars(select(QuarterClose).where(QuarterClose.period.in_(labels)))
    }
    found: list[Restatement] = []
    for quarter in quarters:
        base = await last_stated(session, quarter.label) if quarter.label in closed else None
        if base is None or base.currency != scope.into:
            continue
        facts = finding.facts_of(base)
        comparison = Comparison(replace(scope, quarter=quarter), base, facts)
        lines = _won_alone((await comparison.lines(session, won_only=True)).program())
        if lines:
            after = facts.program.won + sum(line.bands.won for line in lines)
            found.append(
                Restatement(
                    period=quarter.label, closed_at=closed[quarter.label].at, before=facts.program.won, after=after,
                    lines=lines,
                )
            )  # fmt: skip
    return tuple(found)


async def last_stated(session: AsyncSession, period: str) -> Snapshot | None:
    """The snapshot that last said what a closed quarter came to."""
    newest = select(Snapshot).where(Snapshot.period == period, Snapshot.kind.in_(STATED))
    return await session.scalar(newest.order_by(Snapshot.number.desc()).limit(1))


def _won_alone(lines: tuple[ChangeLine, ...]) -> tuple[ChangeLine, ...]:
    """The lines as far as they move closed-won: what is still open in a closed quarter was never stated."""
    return tuple(line.model_copy(update={"bands": Bands(won=line.bands.won)}) for line in lines if line.bands.won)
