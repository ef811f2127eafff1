"""Letting Cadence post to a partner: whoever looked at the first post says yes, and what waited for that goes out."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from models import boundary
from models.boundary import asking, held
from models.domain.policy import Policy
from models.joint import approving, checkin
from models.outbox import PARTNER
from models.shared import owing
from models.tables import Outbox, Partner, Person


async def allow(
    session: AsyncSession,
    actor: Person,
    partner_id: int,
    *,
    teams: Collection[str],
    now: datetime,
    policy: Policy,
    channel: str | None = None,
) -> Partner:
    """Approve the joint channel for these workspaces, and owe it what has waited: an open check-in, pages of the last week.

    Raises NotAllowed, and UserError where the channel or who reads it is not what the actor was shown.
    """
    partner = await approving.approve(session, actor, partner_id, teams=teams, now=now, policy=policy, channel=channel)
    await checkin.owe_waiting(session, partner, now=now, policy=policy)
    await owing.owe_waiting(session, partner, now=now, policy=policy)
    await _release(session, actor, partner, now=now, policy=policy)
    return partner


async def _release(session: AsyncSession, actor: Person, partner: Partner, *, now: datetime, policy: Policy) -> None:
    """What was held or not edited because somebody else was connected meanwhile goes on; what is too late by now does not.

    What something else speaks against stays on the desk: Cadence may not be in the channel.
    """
    for ground in await asking.open_grounds(session, Outbox.partner_id == partner.id, Outbox.audience == PARTNER):
        row = ground.row
        if row.state == "held" and row.void_at is not None and row.void_at <= now:
            await boundary.drop(session, actor, row.id, now=now, policy=policy)
        elif await held.is_free(session, ground):
            await boundary.post_it_now(session, actor, row.id, now=now, policy=policy)
