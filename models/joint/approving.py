"""The first post to a partner's joint channel: nothing is posted there before its manager looked at it, and at who reads it.

A channel is approved as `Partner.joint_channel` says it, for the workspaces that were connected (or invited) then: with
another channel, or one more workspace, the next post waits until somebody looks again.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import changes, people
from models.domain.errors import UserError
from models.domain.policy import Policy
from models.domain.rights import Act, may, require
from models.joint import desk
from models.tables import ChannelState, Partner, Person


@dataclass(frozen=True)
class Place:
    """A partner's joint channel as Slack last described it. `seen` False: nobody has asked Slack yet."""

    ref: str
    name: str = ""
    seen: bool = False
    is_member: bool = True
    is_archived: bool = False
    is_shared: bool = False
    gone: bool = False
    connected: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    unsaid: bool = False
    """It is shared, and Slack does not say with which workspaces."""

    @property
    def label(self) -> str:
        """`#joint-acme`; an id where the name is not known."""
        return f"#{self.name or self.ref.removeprefix('#')}"

    @property
    def teams(self) -> frozenset[str]:
        """Every workspace besides our own that reads the channel, or is invited to."""
        return frozenset({*self.connected, *self.pending})


async def place(session: AsyncSession, partner: Partner) -> Place | None:
    """The partner's joint channel; None without one."""
    return (await places(session, [partner])).get(partner.id)


async def places(session: AsyncSession, partners: Collection[Partner]) -> dict[int, Place]:
    """The joint channels of several partners, by partner, in one statement; those without one are left out."""
    refs = {partner.id: partner.joint_channel.removeprefix("#") for partner in partners if partner.joint_channel}
    if not refs:
        return {}
    wanted = set(refs.values())
    rows = await session.scalars(
        select(ChannelState)
        .where(ChannelState.slack_id.in_(wanted) | ChannelState.name.in_(wanted))
        .order_by(ChannelState.is_archived.desc(), ChannelState.is_member, ChannelState.slack_id)
    )
    known: dict[str, ChannelState] = {}
    for row in rows:  # the best of several with one name comes last; an id is never a name
        known[row.slack_id] = row
        if row.name:
            known[row.name] = row
    return {partner_id: _place(ref, known.get(ref)) for partner_id, ref in refs.items()}


def _place(ref: str, row: ChannelState | None) -> Place:
    if row is None:
        return Place(ref)
    return Place(
        ref, row.name, seen=True, is_member=row.is_member, is_archived=row.is_archived,
        is_shared=row.is_shared or row.is_pending_shared, gone=row.lost_at is not None,
        unsaid=(row.is_ext_shared and not row.connected) or (row.is_pending_shared and not row.pending),
        connected=tuple(str(team) for team in row.connected or ()), pending=tuple(str(team) for team in row.pending or ()),
    )  # fmt: skip


def allows(partner: Partner, teams: Collection[str]) -> bool:
    """Whether a post to the partner's joint channel was approved for these workspaces."""
    return (
        bool(partner.joint_channel)
        and partner.joint_approved == partner.joint_channel
        and set(teams) <= {str(team) for team in partner.joint_teams or ()}
    )


async def is_approved(session: AsyncSession, partner: Partner) -> bool:
    """Whether something may be posted in the partner's joint channel, as far as Slack last said who reads it."""
    found = await place(session, partner)
    return found is not None and allows(partner, found.teams)


async def approve(
    session: AsyncSession,
    actor: Person,
    partner_id: int,
    *,
    teams: Collection[str],
    now: datetime,
    policy: Policy,
    channel: str | None = None,
) -> Partner:
    """Let Cadence post in the joint channel, for the workspaces that the actor was shown; `channel` is the one they saw.

    Raises NotAllowed, and UserError where the channel is another one meanwhile, or somebody reads it who was not shown.
    """
    partner = await partner_for(session, actor, partner_id, Act.APPROVE_POST, now=now, policy=policy)
    found = await place(session, partner)
    if found is None or channel not in (None, partner.joint_channel):
        raise UserError(f"The joint channel of {partner.name} is another one now. Look at the post again.")
    if found.gone or found.is_archived:
        raise UserError(f"{found.label} is gone or archived. Choose another joint channel for {partner.name}.")
    if not found.teams <= set(teams):
        raise UserError(f"Another workspace was connected to {found.label} meanwhile. Look at the post again.")
    before = {"channel": partner.joint_approved, "teams": list(partner.joint_teams or ())}
    after = {"channel": partner.joint_channel, "teams": sorted(found.teams)}
    if before != after:
        partner.joint_approved, partner.joint_teams = partner.joint_channel, sorted(found.teams)
        partner.joint_approved_by_id = actor.id
        changes.note(
            session, "partner", partner.id, "joint_approved", before, after, by_id=actor.id, source="slack", at=now
        )
    await session.flush()
    await desk.touch_partner(session, partner, now=now, policy=policy)
    return partner


async def withdraw(session: AsyncSession, actor: Person, partner_id: int, *, now: datetime, policy: Policy) -> Partner:
    """Post nothing more in the joint channel until somebody looks again. Raises NotAllowed, UserError."""
    partner = await partner_for(session, actor, partner_id, Act.APPROVE_POST, now=now, policy=policy)
    if partner.joint_approved:
        before = {"channel": partner.joint_approved, "teams": list(partner.joint_teams or ())}
        forget(partner)
        changes.note(
            session, "partner", partner.id, "joint_approved", before, None, by_id=actor.id, source="slack", at=now
        )
        await session.flush()
        await desk.touch_partner(session, partner, now=now, policy=policy)
    return partner


def forget(partner: Partner) -> None:
    """The joint channel is another one: what was approved for the last one says nothing of it."""
    partner.joint_approved, partner.joint_approved_by_id, partner.joint_teams = "", None, []


async def partner_for(
    session: AsyncSession, actor: Person, partner_id: int, act: Act, *, now: datetime, policy: Policy, lock: bool = True
) -> Partner:
    """The partner, if the actor may do this with it: held against others with `lock`. Raises NotAllowed, UserError."""
    query = select(Partner).where(Partner.id == partner_id)
    partner = await session.scalar(query.with_for_update() if lock else query)
    if partner is None:
        raise UserError("This partner is not there any more. `/cadence` shows those that are.")
    subject = await people.subject_of(session, partner=partner, now=now, policy=policy)
    require(may(people.as_actor(actor), act, subject))
    return partner
