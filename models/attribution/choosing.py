"""The deals that somebody may record a touch of, as a menu offers them. Reads only, two statements."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from models import people
from models.attribution.waiting import counts
from models.deals import PRESENT
from models.domain.policy import Policy
from models.domain.text import clean
from models.domain.zones import local_date, zone
from models.tables import Deal, DealVersion, Partner, Person

MOST = 100


class Choice(NamedTuple):
    """A deal of a menu."""

    deal_id: int
    name: str
    partner: str


async def touchable(
    session: AsyncSession,
    actor: Person,
    *,
    query: str = "",
    places: Collection[str] = (),
    now: datetime,
    policy: Policy,
    most: int = MOST,
) -> list[Choice]:
    """The deals of partners this person owns or manages (for the head: all), in which `query` stands, the largest first.

    `places`: id and name of the channel somebody is in; deals of the partner whose channel it is come before the rest.
    """
    wanted = clean(query)
    named = or_(
        *(field.icontains(wanted, autoescape=True) for field in (DealVersion.name, DealVersion.account, Partner.name))
    )
    here = [or_(Partner.internal_channel.in_(places), Partner.joint_channel.in_(places)).desc()] if places else []
    mine: ColumnElement[bool] = true()
    if not actor.has("head"):
        covers = await people.covers(session, now=now, policy=policy)
        ids = [actor.id, *(away for away, cover in covers.items() if cover == actor.id)]
        mine = or_(DealVersion.owner_id.in_(ids), Partner.pm_id.in_(ids))
    rows = await session.execute(
        select(Deal.id, DealVersion.name, Partner.name)
        .join(DealVersion, PRESENT)
        .join(Partner, Partner.id == DealVersion.partner_id)
        .where(mine, counts(local_date(now, zone(policy.zone)), policy), named if wanted else true())
        .order_by(*here, DealVersion.amount.is_(None), DealVersion.amount.desc(), DealVersion.name, Deal.id)
        .limit(most)
    )
    return [Choice(*row) for row in rows]
