"""Choosing which channel is shared with a partner. What was approved for the last one says nothing of it."""

from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import channels, roster
from models.domain.errors import FieldErrors
from models.domain.policy import Policy
from models.domain.rights import Act
from models.joint import approving, desk
from models.tables import Partner, Person

CHANNEL = "channel"
"""The field that a refused channel is said on."""


async def choose(
    session: AsyncSession, actor: Person, partner_id: int, slack_id: str, *, now: datetime, policy: Policy
) -> Partner:
    """Make this the partner's joint channel; nothing is posted there before somebody has looked at the first post.

    Raises NotAllowed, UserError, and FieldErrors on `channel` for one that is internal, archived or another partner's.
    """
    await roster.hold(session, now=now)
    partner = await approving.partner_for(session, actor, partner_id, Act.SET_CHANNEL, now=now, policy=policy)
    state = await channels.known(session, slack_id)
    refs = {slack_id, *([state.name, f"#{state.name}"] if state is not None and state.name else ())}
    refusal = await _why_not(session, partner, refs, channels.label(state, slack_id))
    if state is not None and state.is_archived:
        refusal = refusal or f"{channels.label(state, slack_id)} is archived. Unarchive it in Slack, or choose another."
    if refusal:
        raise FieldErrors({CHANNEL: refusal})
    if partner.joint_channel not in refs:
        roster.note_partner(session, partner, "joint_channel", partner.joint_channel, slack_id, by=actor, now=now)
        partner.joint_channel = slack_id
        approving.forget(partner)
        await session.flush()
        await desk.touch_partner(session, partner, now=now, policy=policy)
    return partner


async def _why_not(session: AsyncSession, partner: Partner, refs: set[str], place: str) -> str:
    rows = await session.scalars(
        select(Partner).where(or_(Partner.internal_channel.in_(refs), Partner.joint_channel.in_(refs)))
    )
    for other in rows:
        if other.internal_channel in refs:
            return f"{place} is the internal channel of {other.name}. What is internal must never reach a partner."
        if other.id != partner.id:
            return f"{place} is the joint channel of {other.name}. Each partner has one of its own."
    return ""
