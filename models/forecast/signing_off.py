"""The CRO's and the CFO's names below a published roll-up: two different people."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.domain.errors import UserError
from models.domain.rights import Act, Subject, may, require
from models.forecast import finding
from models.forecast.holding import hold
from models.people import as_actor
from models.tables import Person, PersonRole, SignOff

ROLES = ("cro", "cfo")


async def sign_off(session: AsyncSession, actor: Person, snapshot_id: int, *, now: datetime) -> SignOff:
    """Put the actor's name on the line of their role.

    Somebody who is both signs the line that nobody else could sign, else the first that is free; the other one is another
    person's (`still_open` says which).

    Raises:
        NotAllowed: says who can.
        UserError: the line is signed already (who, when), the actor has signed the other one, or there is a newer snapshot of
            the quarter.
    """
    require(may(as_actor(actor), Act.SIGN_OFF, Subject()))
    await hold(session, now=now)
    snapshot = await finding.snapshot(session, snapshot_id)
    below = await sign_offs(session, snapshot_id)
    own = [role for role in ROLES if actor.has(role)]
    if snapshot.kind != "roll_up":
        raise UserError(
            f"This is no roll-up to sign off: it is the {snapshot.kind} of {snapshot.period}, which stands as it is."
        )
    await _refuse_again(session, actor, own, below)
    closed = await finding.closed(session, snapshot.period)
    if closed is not None:
        name = await session.scalar(select(Person.name).where(Person.id == closed.by_id))
        raise UserError(
            f"{name} closed {snapshot.period} on {_day(closed.at)}: its roll-ups are not signed off any more."
        )
    newest = await finding.last_roll_up(session, snapshot.period)
    if newest is not None and newest.id != snapshot.id:
        raise UserError(
            f"This is roll-up {snapshot.number} of {snapshot.period} ({snapshot.label}). There is a newer one, number "
            f"{newest.number} ({newest.label}): that is the one to sign off. Open it in `/forecast {snapshot.period}`."
        )
    free = [role for role in own if role not in {row.role for row in below}]
    row = SignOff(snapshot_id=snapshot_id, role=await _line(session, actor, free), person_id=actor.id, at=now)
    session.add(row)
    await session.flush()
    return row


async def sign_offs(session: AsyncSession, snapshot_id: int) -> list[SignOff]:
    """The names below a snapshot, the CRO's first."""
    rows = await session.scalars(select(SignOff).where(SignOff.snapshot_id == snapshot_id))
    return sorted(rows, key=lambda row: ROLES.index(row.role))


async def still_open(session: AsyncSession, snapshot_id: int) -> tuple[str, ...]:
    """The lines nobody has signed yet, such as `("cfo",)`."""
    below = {row.role for row in await sign_offs(session, snapshot_id)}
    return tuple(role for role in ROLES if role not in below)


async def _refuse_again(session: AsyncSession, actor: Person, own: Collection[str], below: list[SignOff]) -> None:
    mine = next((row for row in below if row.person_id == actor.id), None)
    if mine is not None:
        other = next(role for role in ROLES if role != mine.role)
        more = f" Another person signs as {other.upper()}." if other in own else ""
        raise UserError(f"You have signed it off already, as {mine.role.upper()} on {_day(mine.at)}.{more}")
    taken = {row.role: row for row in below}
    if all(role in taken for role in own):
        row = taken[next(iter(own))]
        name = await session.scalar(select(Person.name).where(Person.id == row.person_id))
        raise UserError(f"{name} has signed it off already, as {row.role.upper()} on {_day(row.at)}.")


async def _line(session: AsyncSession, actor: Person, free: list[str]) -> str:
    """Which of the actor's free lines: the one that nobody else could sign, else the first."""
    if len(free) == 1:
        return free[0]
    others = await session.scalars(
        select(PersonRole.role)
        .join(Person, Person.id == PersonRole.person_id)
        .where(Person.active.is_(True), Person.side == "ours", Person.id != actor.id, PersonRole.role.in_(ROLES))
    )
    held = set(others)
    return next((role for role in free if role not in held), free[0])


def _day(at: datetime) -> str:
    return f"{at.day} {at:%b %Y}"
