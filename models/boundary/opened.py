"""Internal channels that people of another company read by now: told to the manager when it begins, shown while it is so."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import channels
from models.domain.policy import Policy
from models.joint import desk
from models.tables import ChannelState, Partner, Person


@dataclass(frozen=True)
class Opened:
    """A partner's internal channel that others read, or are invited to read. `pending`: nobody has accepted yet."""

    partner_id: int
    partner: str
    where: str
    pending: bool


async def begins(session: AsyncSession, channel_id: str, *, now: datetime, policy: Policy) -> None:
    """Slack says that this channel is shared, and did not say so before: whoever is asked about its partner hears it."""
    for partner in await _partners_in(session, channel_id):
        await desk.ask_partner(session, partner, now=now, policy=policy)


async def ends(session: AsyncSession, channel_id: str, *, now: datetime, policy: Policy) -> None:
    """It is ours alone again, as far as Slack has said: nobody is told about it any more."""
    for partner in await _partners_in(session, channel_id):
        await desk.touch_partner(session, partner, now=now, policy=policy)


async def opened_for(session: AsyncSession, person: Person, *, now: datetime, policy: Policy) -> list[Opened]:
    """The internal channels that others read, of partners about which this person is asked."""
    partners = list(await session.scalars(select(Partner).where(Partner.internal_channel != "").order_by(Partner.id)))
    known = await channels.known_all(session, {partner.internal_channel for partner in partners})
    found = []
    for partner in partners:
        state = known.get(partner.internal_channel)
        if state is None or not is_open(state):
            continue
        keepers = await desk.keepers(session, partner, now=now, policy=policy)
        if person.id == partner.pm_id or person.id in {one.id for one in keepers}:
            where = channels.label(state, partner.internal_channel)
            found.append(Opened(partner.id, partner.name, where, pending=not state.is_ext_shared))
    return found


def is_open(state: ChannelState) -> bool:
    """Whether people of another company read it, or are invited to."""
    return state.is_ext_shared or state.is_pending_shared


async def _partners_in(session: AsyncSession, channel_id: str) -> list[Partner]:
    partners = list(await session.scalars(select(Partner).where(Partner.internal_channel != "").order_by(Partner.id)))
    known = await channels.known_all(session, {partner.internal_channel for partner in partners})
    return [
        one for one in partners if one.internal_channel in known and known[one.internal_channel].slack_id == channel_id
    ]
