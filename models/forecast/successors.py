"""Numbers that somebody signed who no longer manages the partner: they stand, and the new manager signs again. Reads only."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.domain.policy import Policy
from models.domain.workdays import next_business_day
from models.domain.zones import local_date, zone
from models.forecast import terms
from models.tables import Change, Partner, QuarterClose, SignedCommit


@dataclass(frozen=True)
class Again:
    """A signed commit that the partner's present manager is to sign anew. `due`: the last day to do it in time."""

    partner: Partner
    signed: SignedCommit
    due: date


async def of_manager(session: AsyncSession, person_id: int, *, now: datetime, policy: Policy) -> list[Again]:
    """The partners somebody took over whose number of this quarter is still their predecessor's."""
    return await _read(session, Partner.pm_id == person_id, now=now, policy=policy)


async def of_partner(session: AsyncSession, partner_id: int, *, now: datetime, policy: Policy) -> Again | None:
    """The same for one partner; None where nobody signed, or its present manager has."""
    return next(iter(await _read(session, Partner.id == partner_id, now=now, policy=policy)), None)


async def _read(
    session: AsyncSession, which: ColumnElement[bool], *, now: datetime, policy: Policy
) -> list[Again]:  # fmt: skip
    """Three statements, one where nothing is to be signed again."""
    clocks = zone(policy.zone)
    quarter = policy.fiscal.quarter_of(local_date(now, clocks))
    newest = (
        select(func.max(SignedCommit.id)).where(SignedCommit.period == quarter.label).group_by(SignedCommit.partner_id)
    )
    closed = select(QuarterClose.period).where(QuarterClose.period == quarter.label)
    rows = await session.execute(
        select(Partner, SignedCommit)
        .join(SignedCommit, SignedCommit.partner_id == Partner.id)
        .where(
            which,
            SignedCommit.id.in_(newest),
            Partner.pm_id.is_not(None),
            SignedCommit.pm_id.is_distinct_from(Partner.pm_id),
            ~closed.exists(),
        )
        .order_by(Partner.name, Partner.id)
    )
    found = [(partner, signed) for partner, signed in rows]
    if not found:
        return []
    changed = await session.execute(
        select(Change.entity_id, func.max(Change.at))
        .where(Change.entity == "partner", Change.field == "pm_id", Change.entity_id.in_([one.id for one, _ in found]))
        .group_by(Change.entity_id)
    )
    since: dict[int, datetime] = {partner_id: at for partner_id, at in changed}  # noqa: C416 - a Row is a tuple, which mypy does not know
    days = (await terms.current(session)).resign_days
    return [
        Again(partner, signed, _due(local_date(since.get(partner.id, signed.at), clocks), days, policy))
        for partner, signed in found
    ]


def _due(day: date, days: int, policy: Policy) -> date:
    """So many working days of the company after this day."""
    for _ in range(days):
        day = next_business_day(policy.calendar, day)
    return day
