"""Counterparts: who of another company may speak for a partner. Proposed by what they do, bound by the partner's manager."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import changes
from models.domain.policy import Policy
from models.domain.text import clean
from models.joint import desk
from models.tables import Counterpart, Partner, Person

CONFIRMED, PROPOSED, DECLINED, REVOKED = "confirmed", "proposed", "declined", "revoked"


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
    row: Counterpart | None = await session.scalar(
        select(Counterpart).where(
            Counterpart.slack_id == slack_id,
            Counterpart.slack_team_id == team_id,
            Counterpart.partner_id == partner_id,
        )
    )
    if row is not None:
        return row
    row = Counterpart(
        partner_id=partner_id, slack_id=slack_id, slack_team_id=team_id, name=clean(name) or slack_id, how=how,
        proposed_at=now,
    )  # fmt: skip
    session.add(row)
    await session.flush()
    changes.note(session, "counterpart", row.id, "state", None, PROPOSED, by_id=None, source=how, at=now)
    partner = await session.get_one(Partner, partner_id)
    if partner.pm_id is not None:
        await desk.ask(session, partner.pm_id, now=now, policy=policy)
    return row
