"""How near each signer of the quarter before came to what closed."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import time, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.domain.deals import Category
from models.domain.forecast.facts import AccuracyFacts
from models.domain.forecast.ratios import accuracy
from models.domain.zones import local_to_utc, zone
from models.forecast import finding, numbers
from models.forecast.adding import Sums
from models.forecast.counting import lines
from models.forecast.looking import look
from models.forecast.scope import Scope
from models.tables import DealVersion, QuarterClose, Snapshot


async def accuracies(session: AsyncSession, scope: Scope) -> tuple[AccuracyFacts, ...]:
    """What each person signed last for the quarter before, and what closed of the same partners: best accuracy first.

    A number that was amended when the quarter was over is no forecast: what counts was signed by its last day.
    Closed is what the closing snapshot says, and as long as there is none what the deals say; nothing where a rate is missing.
    """
    before = scope.policy.fiscal.previous(scope.quarter)
    over = local_to_utc(before.last + timedelta(days=1), time(0), zone(scope.policy.zone))
    signatures = await numbers.signed(session, before.label, scope.partner_ids, currency=scope.into, before=over)
    if not signatures:
        return ()
    won = await _closing(session, before.label)
    if won is None:
        won = await _live(session, replace(scope, quarter=before))
    if won is None:
        return ()
    signed: dict[int, int] = defaultdict(int)
    closed: dict[int, int] = defaultdict(int)
    partners: dict[int, int] = defaultdict(int)
    for partner_id, row in signatures.items():
        signed[row.by_id] += row.commit
        closed[row.by_id] += won.get(partner_id, 0)
        partners[row.by_id] += 1
    found = [
        AccuracyFacts(
            person_id=person_id, period=before.label, signed=signed[person_id], closed=closed[person_id],
            basis_points=accuracy(signed[person_id], closed[person_id]), partners=number,
        )
        for person_id, number in partners.items()
    ]  # fmt: skip
    return tuple(
        sorted(found, key=lambda one: (one.basis_points is None, -(one.basis_points or 0), one.person_id or 0))
    )


async def _closing(session: AsyncSession, period: str) -> Mapping[int, int] | None:
    """Closed-won by partner as the quarter was closed; None while it is not."""
    row = await session.scalar(
        select(Snapshot)
        .join(QuarterClose, QuarterClose.snapshot_id == Snapshot.id)
        .where(QuarterClose.period == period)
    )
    if row is None:
        return None
    return {part.partner_id: part.bands.won for part in finding.facts_of(row).partners}


async def _live(session: AsyncSession, scope: Scope) -> Mapping[int, int] | None:
    """Closed-won by partner as the deals say; None where a rate is missing."""
    sums, is_won = Sums(scope), DealVersion.category == Category.WON
    found = await look(session, scope, is_won)
    for cell in found.cells:
        sums.add_cell(cell)
    async for line in lines(session, scope, found.others):
        sums.add_line(line)
    return None if sums.missing else {partner_id: bands.won for partner_id, bands in sums.by_partner().items()}
