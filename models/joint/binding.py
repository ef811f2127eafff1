"""What a partner's manager says of a counterpart: confirmed, not ours, revoked; or named by hand.

A confirmation binds one Slack user *of one workspace* to one partner. Until then nothing opens for them, and from the moment it
is taken back nothing does again.
"""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import changes
from models.domain.errors import FieldErrors, UserError
from models.domain.policy import Policy
from models.domain.rights import Act
from models.domain.text import clean, clip, key
from models.joint import approving, counterparts, desk
from models.joint.counterparts import CONFIRMED, DECLINED, ENTITY, LONGEST_NAME, NAMED, PROPOSED, REVOKED
from models.people import SlackUser
from models.tables import Counterpart, Partner, Person, ReplyProposal


async def get(session: AsyncSession, counterpart_id: int) -> Counterpart:
    """The row, held against others. Raises UserError for a button of what is no longer there."""
    row: Counterpart | None = await session.scalar(
        select(Counterpart).where(Counterpart.id == counterpart_id).with_for_update()
    )
    if row is None:
        raise UserError("This person is not there any more. Open the partner's page again.")
    return row


async def confirm(
    session: AsyncSession,
    actor: Person,
    counterpart_id: int,
    *,
    now: datetime,
    policy: Policy,
    user: SlackUser | None = None,
    our_team: str = "",
    contact_id: int | None = None,
) -> Person:
    """Bind this Slack user, in their own workspace, to the partner: from now on they may answer for its joint deals.

    They are the contact of `contact_id`, else one with their e-mail address or name, else a new person. `user` is what Slack
    says of them just now. Who was declined or revoked may be confirmed too; an older binding of the same person
    to this partner, in another workspace, ends. Raises NotAllowed, UserError.
    """
    row = await get(session, counterpart_id)
    partner = await approving.partner_for(
        session, actor, row.partner_id, Act.CONFIRM_COUNTERPART, now=now, policy=policy
    )
    if row.state == CONFIRMED:
        raise UserError(f"{row.name} speaks for {partner.name} already.")
    if user is not None:
        _follow(row, user)
    if not row.slack_team_id:
        raise UserError(f"Slack does not say which company {row.name} is of, so nobody can be sure who answers.")
    if row.slack_team_id == our_team:
        raise UserError(f"{row.name} is in our own workspace, so they cannot speak for {partner.name}.")
    await _free(session, row, partner, actor, now=now)
    person = await _person(session, row, partner, user.email if user is not None else "", contact_id, now=now, by=actor)
    await _release(session, row.slack_id, person)
    before = row.state
    if person.slack_id != row.slack_id:
        changes.note(
            session, "person", person.id, "slack_id", person.slack_id, row.slack_id, by_id=actor.id, source="slack", at=now
        )  # fmt: skip
    person.slack_id, person.slack_team_id, person.active = row.slack_id, row.slack_team_id, True
    row.state, row.person_id, row.decided_at, row.decided_by_id = CONFIRMED, person.id, now, actor.id
    await session.flush()
    changes.note(session, ENTITY, row.id, "state", before, CONFIRMED, by_id=actor.id, source="slack", at=now)
    await desk.touch_partner(session, partner, now=now, policy=policy)
    return person


def _follow(row: Counterpart, user: SlackUser) -> None:
    """What Slack says just now counts: name and workspace. Whoever moved to another company was proposed for the old one."""
    if user.is_bot or user.deleted:
        raise UserError(why_not(user, ours=False))
    if row.slack_team_id and user.team_id and user.team_id != row.slack_team_id and not _is_enterprise(row, user):
        raise UserError(f"{row.name} is of another workspace now than when they were proposed. Name them again.")
    row.slack_team_id = row.slack_team_id or user.team_id
    if user.name:
        row.name = clip(clean(user.name), LONGEST_NAME)


def _is_enterprise(row: Counterpart, user: SlackUser) -> bool:
    """On Grid an event names somebody's enterprise where their profile names one of its workspaces."""
    return bool(user.enterprise_id) and row.slack_team_id == user.enterprise_id


async def _free(session: AsyncSession, row: Counterpart, partner: Partner, actor: Person, *, now: datetime) -> None:
    """Nobody speaks for two. Raises UserError where they speak for another partner, or are one of us."""
    if await counterparts.is_ours(session, row.slack_id):
        raise UserError(f"{row.name} is one of our own people, so they cannot speak for {partner.name}.")
    others = await session.scalars(
        select(Counterpart).where(
            Counterpart.slack_id == row.slack_id, Counterpart.state == CONFIRMED, Counterpart.id != row.id
        )
    )
    for other in others:
        if other.partner_id != partner.id:
            name = await session.scalar(select(Partner.name).where(Partner.id == other.partner_id))
            raise UserError(
                f"{row.name} speaks for {name} already, and one person speaks for one partner. Revoke them there first."
            )
        row.person_id = row.person_id or other.person_id
        _end(session, other, REVOKED, actor, now=now)
    await session.flush()


async def _person(
    session: AsyncSession,
    row: Counterpart,
    partner: Partner,
    email: str,
    contact_id: int | None,
    *,
    now: datetime,
    by: Person,
) -> Person:
    """Whom of the partner this is: who they were before, a contact of that address or name, or somebody new."""
    contacts = await counterparts.contacts(session, partner.id)
    bound = set(
        await session.scalars(
            select(Counterpart.person_id).where(
                Counterpart.partner_id == partner.id, Counterpart.state == CONFIRMED, Counterpart.id != row.id
            )
        )
    )
    alike: tuple[Callable[[Person], bool], ...] = (
        lambda one: one.id == contact_id,
        lambda one: one.id == row.person_id,
        lambda one: one.slack_id == row.slack_id,
        lambda one: bool(email) and (one.email or "").casefold() == email.casefold(),
        lambda one: key(one.name) == key(row.name),
    )
    free = [one for one in contacts if one.id not in bound]
    found = next((one for same in alike for one in free if same(one)), None)
    if found is not None:
        return found
    person = Person(name=row.name, side="theirs", partner_id=partner.id, created_at=now, roles=[])
    session.add(person)
    await session.flush()
    changes.note(session, "person", person.id, "name", None, person.name, by_id=by.id, source="slack", at=now)
    return person


async def _release(session: AsyncSession, slack_id: str, person: Person) -> None:
    """A Slack id that stands at somebody else without a confirmation (from an old file) binds nobody: it is let go."""
    holders = await session.scalars(select(Person).where(Person.slack_id == slack_id, Person.id != person.id))
    for holder in holders:
        holder.slack_id, holder.slack_team_id = None, None
    await session.flush()


async def decline(session: AsyncSession, actor: Person, counterpart_id: int, *, now: datetime, policy: Policy) -> None:
    """They do not speak for the partner, and are not asked about again. Raises NotAllowed, UserError."""
    row = await get(session, counterpart_id)
    partner = await approving.partner_for(
        session, actor, row.partner_id, Act.CONFIRM_COUNTERPART, now=now, policy=policy
    )
    if row.state == CONFIRMED:
        raise UserError(f"{row.name} speaks for {partner.name} by now. Revoke them on the partner's page.")
    await _decide(session, row, partner, DECLINED, actor, now=now, policy=policy)


async def revoke(session: AsyncSession, actor: Person, counterpart_id: int, *, now: datetime, policy: Policy) -> None:
    """They speak for the partner no longer: from this commit on nothing opens for them. Raises NotAllowed, UserError."""
    row = await get(session, counterpart_id)
    partner = await approving.partner_for(
        session, actor, row.partner_id, Act.CONFIRM_COUNTERPART, now=now, policy=policy
    )
    person = await session.get(Person, row.person_id) if row.person_id is not None else None
    if row.state == CONFIRMED and person is not None and person.slack_id == row.slack_id:
        changes.note(
            session, "person", person.id, "slack_id", person.slack_id, None, by_id=actor.id, source="slack", at=now
        )
        person.slack_id, person.slack_team_id, person.dm_channel = None, None, None
    if row.state != REVOKED:
        await _decide(session, row, partner, REVOKED, actor, now=now, policy=policy)
        await _withdraw_words(session, row, actor, now=now)


async def _withdraw_words(session: AsyncSession, row: Counterpart, actor: Person, *, now: datetime) -> None:
    """What they wrote and nobody has confirmed yet is not taken as the partner's word any more."""
    await session.execute(
        update(ReplyProposal)
        .where(ReplyProposal.counterpart_id == row.id, ReplyProposal.state == "open")
        .values(state="dropped", decided_at=now, decided_by_id=actor.id, words="")
        .execution_options(synchronize_session="fetch")
    )


async def _decide(
    session: AsyncSession,
    row: Counterpart,
    partner: Partner,
    state: str,
    actor: Person,
    *,
    now: datetime,
    policy: Policy,
) -> None:
    if row.state == state:
        return
    _end(session, row, state, actor, now=now)
    await session.flush()
    await desk.touch_partner(session, partner, now=now, policy=policy)


def _end(session: AsyncSession, row: Counterpart, state: str, actor: Person, *, now: datetime) -> None:
    changes.note(session, ENTITY, row.id, "state", row.state, state, by_id=actor.id, source="slack", at=now)
    row.state, row.decided_at, row.decided_by_id = state, now, actor.id


async def name_user(
    session: AsyncSession,
    actor: Person,
    partner_id: int,
    user: SlackUser,
    *,
    ours: bool,
    now: datetime,
    policy: Policy,
) -> Person:
    """The manager names a Slack user of the partner, which is a confirmation. Raises NotAllowed, FieldErrors on `person`.

    `ours`: whether the user's own workspace is of our company. A bot, a guest and everybody of ours is refused.
    """
    await approving.partner_for(session, actor, partner_id, Act.CONFIRM_COUNTERPART, now=now, policy=policy)
    refusal = why_not(user, ours=ours or await counterparts.is_ours(session, user.slack_id))
    if refusal:
        raise FieldErrors({"person": refusal})
    row = await counterparts.known(session, user.slack_id, user.team_id, partner_id)
    if row is None:
        row = Counterpart(
            partner_id=partner_id, slack_id=user.slack_id, slack_team_id=user.team_id, how=NAMED, proposed_at=now,
            state=PROPOSED, name=clip(clean(user.name), LONGEST_NAME) or user.slack_id,
        )  # fmt: skip
        session.add(row)
        await session.flush()
        changes.note(session, ENTITY, row.id, "state", None, PROPOSED, by_id=actor.id, source=NAMED, at=now)
    try:
        return await confirm(session, actor, row.id, now=now, policy=policy, user=user)
    except FieldErrors:
        raise
    except UserError as refused:
        raise FieldErrors({"person": str(refused)}) from None


def why_not(user: SlackUser, *, ours: bool) -> str:
    """Why this Slack user cannot speak for a partner; empty when they can."""
    if user.is_bot:
        return "This is an app. Choose a person of the partner."
    if user.deleted:
        return f"{user.name} is deactivated in Slack. Choose somebody else."
    if ours and not user.guest:
        return f"{user.name} is of our own company. Choose a person of the partner."
    if user.guest:
        return f"{user.name} is a guest of a workspace. Choose a full member of the partner's own workspace."
    if not user.team_id:
        return (
            f"Slack does not say which company {user.name} is of. Let them click or reply in the joint channel first."
        )
    return ""
