"""Counterparts: who of another company may speak for a partner. Proposed by what they do; `binding` is what the manager says."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import changes
from models.domain.policy import Policy
from models.domain.text import clean, clip
from models.insert import add_missing
from models.joint import desk
from models.tables import ChannelState, Counterpart, Partner, Person

CONFIRMED, PROPOSED, DECLINED, REVOKED = "confirmed", "proposed", "declined", "revoked"
CLICKED, REPLIED, NAMED, JOINED = "clicked", "replied", "named", "joined"
ENTITY = "counterpart"
LONGEST_NAME = 200


async def speaking(session: AsyncSession, slack_id: str, team_id: str) -> Person | None:
    """The partner's person behind a click of an outsider; None for everybody who is not bound, in this very company.

    A missing team is nobody: unknown means no.
    """
    if not slack_id or not team_id:
        return None
    found: Person | None = await session.scalar(
        select(Person)
        .join(Counterpart, Counterpart.person_id == Person.id)
        .where(
            Counterpart.slack_id == slack_id,
            Counterpart.slack_team_id == team_id,
            Counterpart.state == CONFIRMED,
            Person.side == "theirs",
            Person.active.is_(True),
            Person.partner_id == Counterpart.partner_id,
        )
    )
    return found


async def propose(
    session: AsyncSession,
    *,
    slack_id: str,
    team_id: str,
    name: str,
    partner_id: int,
    how: str,
    now: datetime,
    policy: Policy,
) -> Counterpart | None:
    """Ask the partner's manager whether this person speaks for the partner; once, however often they act.

    Whoever was declined or revoked is not asked about again: the manager can still confirm them on the partner's page.
    None where it cannot be said which company they are of.
    """
    if not slack_id or not team_id:
        return None
    row = await known(session, slack_id, team_id, partner_id)
    if row is not None:
        if not row.slack_team_id:  # named in a file, which knows no workspace: now they have shown it
            row.slack_team_id = team_id
        if row.name == row.slack_id and clean(name):
            row.name = clip(clean(name), LONGEST_NAME)
        return row
    return await _ask(session, partner_id, slack_id, team_id, name, how=how, now=now, policy=policy)


async def known(session: AsyncSession, slack_id: str, team_id: str, partner_id: int) -> Counterpart | None:
    """The row of this person in this company; else the one that a file named, which says no company."""
    rows = await session.scalars(
        select(Counterpart)
        .where(
            Counterpart.slack_id == slack_id,
            Counterpart.slack_team_id.in_((team_id, "")),
            Counterpart.partner_id == partner_id,
        )
        .order_by(Counterpart.slack_team_id.desc())
    )
    return rows.first()


async def _ask(
    session: AsyncSession,
    partner_id: int,
    slack_id: str,
    team_id: str,
    name: str,
    *,
    how: str,
    now: datetime,
    policy: Policy,
    person_id: int | None = None,
    by_id: int | None = None,
) -> Counterpart | None:
    """A new row, or the one that another click has just made."""
    fresh = {
        "partner_id": partner_id, "slack_id": slack_id, "slack_team_id": team_id, "how": how, "state": PROPOSED,
        "name": clip(clean(name), LONGEST_NAME) or slack_id, "proposed_at": now, "person_id": person_id,
    }  # fmt: skip
    await add_missing(session, Counterpart, [fresh], key=("slack_id", "slack_team_id", "partner_id"))
    row = await known(session, slack_id, team_id, partner_id)
    if row is not None:
        changes.note(session, ENTITY, row.id, "state", None, PROPOSED, by_id=by_id, source=how, at=now)
        await desk.ask_partner(session, await session.get_one(Partner, partner_id), now=now, policy=policy)
    return row


async def named_in_file(
    session: AsyncSession, person: Person, slack_id: str, *, by_id: int | None, now: datetime, policy: Policy
) -> Counterpart | None:
    """A people file says which Slack user a contact is: a proposal, never a binding. None where somebody knows already."""
    if person.side != "theirs" or person.partner_id is None or not slack_id:
        return None
    there = await session.scalar(
        select(Counterpart.id).where(Counterpart.slack_id == slack_id, Counterpart.partner_id == person.partner_id)
    )
    if there is not None:
        return None
    return await _ask(
        session, person.partner_id, slack_id, "", person.name,
        how=NAMED, now=now, policy=policy, person_id=person.id, by_id=by_id,
    )  # fmt: skip


async def joined(
    session: AsyncSession, *, channel_id: str, slack_id: str, team_id: str, our_team: str, now: datetime, policy: Policy
) -> Counterpart | None:
    """Somebody came into a channel: if it is a partner's joint one and they are of another company, they are proposed."""
    if not team_id or team_id == our_team or await is_ours(session, slack_id):
        return None
    partner = await partner_in(session, channel_id)
    if partner is None:
        return None
    return await propose(
        session, slack_id=slack_id, team_id=team_id, name="", partner_id=partner.id, how=JOINED, now=now, policy=policy
    )


async def partner_in(session: AsyncSession, channel_id: str) -> Partner | None:
    """The partner whose joint channel this is, by its id or by the name it is known under."""
    state = await session.get(ChannelState, channel_id)
    refs = [channel_id, *([state.name, f"#{state.name}"] if state is not None and state.name else [])]
    found: Partner | None = await session.scalar(
        select(Partner).where(Partner.joint_channel.in_(refs)).order_by(Partner.id).limit(1)
    )
    return found


async def is_ours(session: AsyncSession, slack_id: str) -> bool:
    side = await session.scalar(select(Person.side).where(Person.slack_id == slack_id))
    return side == "ours"


@dataclass(frozen=True)
class People:
    """Who of a partner there is: those who may answer, those to decide about, those who may not, and contacts."""

    confirmed: tuple[Counterpart, ...] = ()
    proposed: tuple[Counterpart, ...] = ()
    refused: tuple[Counterpart, ...] = ()
    contacts: tuple[Person, ...] = ()

    def is_unbound(self, person: Person) -> bool:
        """Whether a contact is nobody in Slack yet."""
        return person.id not in {one.person_id for one in self.confirmed}


async def of_partner(session: AsyncSession, partner_id: int) -> People:
    """Everybody of a partner, in two statements."""
    rows: Sequence[Counterpart] = (
        await session.scalars(
            select(Counterpart).where(Counterpart.partner_id == partner_id).order_by(Counterpart.name, Counterpart.id)
        )
    ).all()

    def those(*states: str) -> tuple[Counterpart, ...]:
        return tuple(row for row in rows if row.state in states)

    return People(
        those(CONFIRMED), those(PROPOSED), those(DECLINED, REVOKED), tuple(await contacts(session, partner_id))
    )


async def contacts(session: AsyncSession, partner_id: int) -> list[Person]:
    """The partner's people by name, in Slack or not."""
    rows = await session.scalars(
        select(Person)
        .where(Person.side == "theirs", Person.partner_id == partner_id, Person.active.is_(True))
        .order_by(Person.name, Person.id)
    )
    return list(rows)


async def waiting(session: AsyncSession, partner_ids: Collection[int]) -> list[Counterpart]:
    """Who waits to be confirmed, the first who acted first."""
    rows = await session.scalars(
        select(Counterpart)
        .where(Counterpart.partner_id.in_(partner_ids), Counterpart.state == PROPOSED)
        .order_by(Counterpart.proposed_at, Counterpart.id)
    )
    return list(rows)


async def confirmed(session: AsyncSession, partner_ids: Collection[int]) -> list[Counterpart]:
    """Who speaks for these partners, the first confirmed first."""
    rows = await session.scalars(
        select(Counterpart)
        .where(Counterpart.partner_id.in_(partner_ids), Counterpart.state == CONFIRMED)
        .order_by(Counterpart.decided_at, Counterpart.id)
    )
    return list(rows)


async def decided(session: AsyncSession, partner_ids: Collection[int], since: datetime) -> list[Counterpart]:
    """What was decided since, the latest last."""
    rows = await session.scalars(
        select(Counterpart)
        .where(
            Counterpart.partner_id.in_(partner_ids),
            Counterpart.state != PROPOSED,
            Counterpart.decided_at >= since,
        )
        .order_by(Counterpart.decided_at, Counterpart.id)
    )
    return list(rows)
