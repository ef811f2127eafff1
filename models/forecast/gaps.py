"""What deals lack: an amount, an owner, an attribution, or a close date, without which they stand in no quarter."""

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.deals import PRESENT
from models.domain.forecast.facts import Gap
from models.domain.text import clip
from models.forecast.counting import counts, kind_now, own
from models.forecast.counting import undated as without_date
from models.forecast.scope import Scope
from models.tables import Deal, DealVersion

MOST = 5
LONGEST = 60


async def gaps(
    session: AsyncSession, scope: Scope, *, undated: int, unknown: int, unowned: int, unattributed: int
) -> tuple[Gap, ...]:
    """Each thing that deals lack, with the names of the largest few. The numbers are those of deals that count.

    One statement for each gap.
    """
    here = (counts(scope.quarter), *own(scope))
    found: tuple[tuple[str, int, tuple[ColumnElement[bool], ...]], ...] = (
        ("amount", unknown, (*here, DealVersion.amount.is_(None))),
        ("close date", undated, (without_date(), *own(scope))),
        ("owner", unowned, (*here, DealVersion.owner_id.is_(None))),
        ("attribution", unattributed, (*here, kind_now() == "")),
    )
    return tuple(
        [Gap(what=what, deals=deals, names=await _names(session, where)) for what, deals, where in found if deals]
    )


async def _names(session: AsyncSession, where: tuple[ColumnElement[bool], ...]) -> tuple[str, ...]:
    query = (
        select(DealVersion.name)
        .join(Deal, PRESENT)
        .where(*where)
        .order_by(DealVersion.amount.is_(None), DealVersion.amount.desc(), DealVersion.name, Deal.id)
        .limit(MOST)
    )
    return tuple(clip(name, LONGEST) for name in await session.scalars(query))
