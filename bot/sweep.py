"""The hourly look at the channels that posts go to: whether they are ours, who of outside reads them, and which are gone.

Whose members were read when is kept in the rows, so that a restart goes on where it was; an event that says less than it should
makes a channel due at once. Delivery reads members itself where nobody did lately: this only makes what is known be known early.
"""

import logging
from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.delivery import members
from bot.delivery.calls import CallFailed, RateLimited
from bot.delivery.channels import find, look_at_joint, look_up
from bot.delivery.desk import Desk, Ends
from models import boundary, channels
from models.boundary import opened
from models.channels import Seen
from models.domain.policy import Policy
from models.outbox import HELD, INTERNAL, WAITING
from models.tables import ChannelState, MeetingKind, Outbox, Partner

logger = logging.getLogger("cadence.sweep")
EVERY = timedelta(hours=1)
AGAIN_AFTER = timedelta(minutes=10)
"""How long a channel that could not be read is left alone."""
LATELY = timedelta(days=35)
MOST = 50
"""Channels in one turn: the others follow in the next."""


async def sweep(desk: Desk, *, now: datetime, real_now: datetime) -> list[str]:
    """Read the members of every internal channel that is due; the ids of those that were read.

    `now` is business time, `real_now` the time by which an hour has passed.
    """
    await _describe(desk, now)
    async with desk.db.read() as session:
        due = await _due(session, desk.policy, now=now, real_now=real_now)
        joint = await _joint(session)
    read: list[str] = []
    came: list[str] = []
    left: list[str] = []
    for channel_id in [one for one in due if not desk.known.left_alone(one)][:MOST]:
        try:
            found = await _read(desk, channel_id, joint.get(channel_id), now)
        except RateLimited:
            break  # the others are as due in the next turn
        except (CallFailed, Ends) as failed:
            logger.info("sweep: channel=%s was not read: %s", channel_id, failed.code)
            desk.known.leave_alone(channel_id, AGAIN_AFTER)
            continue
        read.append(channel_id)
        came += found[0]
        left += found[1]
    if read:
        logger.info("sweep: channels=%s came=%s left=%s", _ids(read), _ids(came), _ids(left))
        async with desk.db.write() as session:
            if await boundary.is_anything_held(session):
                await boundary.show_desks(session, now=now, policy=desk.policy)
    return read


def _ids(ids: Collection[str]) -> str:
    return ",".join(ids) or "-"


async def _describe(desk: Desk, now: datetime) -> None:
    """Channels that nothing was posted to yet are known by what somebody wrote: ask Slack which they are."""
    async with desk.db.read() as session:
        refs = await _places(session, desk.policy, now)
        known = await channels.known_all(session, refs)
        unknown = [ref for ref in refs if ref not in known]
    for ref in unknown[:MOST]:
        if desk.known.left_alone(ref):
            continue
        try:
            seen = await find(desk, ref)
            if seen.is_ext_shared or seen.is_pending_shared:
                await _tell(desk, seen.slack_id, now)
        except RateLimited:
            return
        except (CallFailed, Ends):
            desk.known.leave_alone(ref, AGAIN_AFTER)  # it is said where it matters: at the post, and by the doctor


async def _read(desk: Desk, channel_id: str, partner: Partner | None, now: datetime) -> tuple[list[str], list[str]]:
    """The channel as Slack describes it now, and who is in it, where nothing else keeps internal posts away already.

    Of a partner's joint channel only whether it is still there: who of the partner reads it is the partner's matter. Whose
    members were not read, of that nothing is kept that says they were: it may be ours alone again before the hour is over.
    """
    seen = await (_look_at_ours(desk, channel_id, now) if partner is None else look_at_joint(desk, partner))
    if partner is None and seen.is_member and not seen.is_archived and not seen.is_ext_shared and not seen.unknown:
        return await members.sweep(desk, channel_id)
    desk.known.leave_alone(channel_id, EVERY)
    return [], []


async def _look_at_ours(desk: Desk, channel_id: str, now: datetime) -> Seen:
    """As Slack describes it now; that it is shared, or about to be, is told where no event has said it."""
    async with desk.db.read() as session:
        state = await session.get(ChannelState, channel_id)
        before = state is not None and opened.is_open(state)
    seen = await look_up(desk, channel_id)
    if not before and (seen.is_ext_shared or seen.is_pending_shared):
        await _tell(desk, channel_id, now)
    return seen


async def _tell(desk: Desk, channel_id: str, now: datetime) -> None:
    async with desk.db.write() as session:
        await opened.begins(session, channel_id, now=now, policy=desk.policy)


async def _due(session: AsyncSession, policy: Policy, *, now: datetime, real_now: datetime) -> list[str]:
    """The channels that Slack has described, and whose members were not read within the hour, oldest first."""
    found = await channels.known_all(session, await _places(session, policy, now))
    states = {state.slack_id: state for state in found.values()}
    due = [one for one in states.values() if one.swept_at is None or real_now - one.swept_at >= EVERY]
    due.sort(key=lambda one: (one.swept_at is not None, one.swept_at or real_now, one.slack_id))
    return [one.slack_id for one in due]


async def _joint(session: AsyncSession) -> dict[str, Partner]:
    """Partners by the id of their joint channel, as far as Slack has described it."""
    partners = list(
        await session.scalars(select(Partner).where(Partner.joint_channel != "").order_by(Partner.id.desc()))
    )
    known = await channels.known_all(session, [partner.joint_channel for partner in partners])
    return {known[partner.joint_channel].slack_id: partner for partner in partners if partner.joint_channel in known}


async def _places(session: AsyncSession, policy: Policy, now: datetime) -> list[str]:
    """The channels that something internal goes to, and the joint ones, by id or name."""
    refs = set(await session.scalars(select(Partner.internal_channel).distinct()))
    refs |= set(await session.scalars(select(Partner.joint_channel).distinct()))
    refs |= set(await session.scalars(select(MeetingKind.channel).where(MeetingKind.enabled)))
    refs |= {policy.leadership_channel, policy.team_channel, policy.executive_channel}
    refs |= set(
        await session.scalars(
            select(Outbox.channel_ref)
            .where(
                Outbox.audience == INTERNAL,
                Outbox.person_id.is_(None),
                (Outbox.created_at > now - LATELY) | Outbox.state.in_((*WAITING, HELD)),
            )
            .distinct()
        )
    )
    return sorted({ref.removeprefix("#") for ref in refs if ref})
