"""Joint channels that are gone, archived or disconnected: said once to the partner's manager, shown until it is mended."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import channels
from models.domain.policy import Policy
from models.joint import desk
from models.tables import ChannelState, Partner, Person


@dataclass(frozen=True)
class Lost:
    """A joint channel that is gone, archived or disconnected. `why` is a sentence."""

    partner_id: int
    partner: str
    where: str
    why: str
    since: datetime


async def partners_in(session: AsyncSession, channel_id: str) -> list[Partner]:
    """The partners whose joint channel this is, by its id or by its name."""
    state = await session.get(ChannelState, channel_id)
    refs = [channel_id, *([state.name, f"#{state.name}"] if state is not None and state.name else ())]
    rows = await session.scalars(select(Partner).where(Partner.joint_channel.in_(refs)).order_by(Partner.id))
    return list(rows)


async def lost(
    session: AsyncSession, channel_id: str, *, now: datetime, policy: Policy, archived: bool = False
) -> bool:
    """Slack says that a channel is gone. If it is a joint one, its partner's manager hears it, once. Whether they were told."""
    partners = await partners_in(session, channel_id)
    if not partners:
        return False
    state = await session.get(ChannelState, channel_id)
    if state is None:
        await channels.remember(session, [ChannelState(slack_id=channel_id, name="", is_archived=archived)])
        state = await session.get_one(ChannelState, channel_id)
    if state.lost_at is not None:
        return False
    state.lost_at = now
    state.is_archived = state.is_archived or archived
    await session.flush()
    for partner in partners:
        await desk.ask_partner(session, partner, now=now, policy=policy)
    return True


async def found(session: AsyncSession, channel_id: str) -> None:
    """The channel is there again, and its partner in it."""
    await session.execute(
        update(ChannelState)
        .where(ChannelState.slack_id == channel_id, ChannelState.lost_at.is_not(None))
        .values(lost_at=None)
        .execution_options(synchronize_session=False)
    )


async def lost_for(session: AsyncSession, person: Person, *, now: datetime, policy: Policy) -> list[Lost]:
    """The joint channels that this person is to see to: of partners they manage, or stand in for whoever does."""
    gone = list(await session.scalars(select(ChannelState).where(ChannelState.lost_at.is_not(None))))
    told = []
    for state in gone:
        for partner in await partners_in(session, state.slack_id):
            keepers = await desk.keepers(session, partner, now=now, policy=policy)
            if state.lost_at is not None and (person.id == partner.pm_id or person.id in {one.id for one in keepers}):
                place = channels.label(state, state.slack_id)
                told.append(Lost(partner.id, partner.name, place, why(state, place, partner.name), state.lost_at))
    return told


def why(state: ChannelState, place: str, partner: str) -> str:
    """What became of it, in a sentence."""
    if state.is_archived:
        return f"{place} is archived."
    if not state.is_member:
        return f"Cadence is not in {place} any more, or Slack does not show it: it was left, deleted or disconnected."
    return f"{partner} is not connected to {place} any more."
