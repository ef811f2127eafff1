"""Who is in a meeting and who leads it: from the roles its row names and the partner it is about."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.tables import Cadence, MeetingKind, Occurrence, Person, PersonRole

STANDS_IN = {
    "head": ("head", "admin"),
    "cro": ("cro", "head", "admin"),
    "cfo": ("cfo", "head", "admin"),
    "ceo": ("ceo", "head", "admin"),
}
"""Who leads a meeting where nobody has the role that should."""

# Built once: putting a statement together costs more than running it, and these run with every look at the plan.
_ROWS = select(MeetingKind).order_by(MeetingKind.position, MeetingKind.id)
_ROLES = (
    select(PersonRole.role, PersonRole.person_id)
    .join(Person, Person.id == PersonRole.person_id)
    .where(Person.active, Person.side == "ours")
    .order_by(PersonRole.person_id)
)
_BY_ID = (
    select(Occurrence.id, Cadence)
    .join(Cadence, Cadence.id == Occurrence.cadence_id)
    .where(Occurrence.id.in_(bindparam("ids", expanding=True)))
)


async def rows(session: AsyncSession) -> list[MeetingKind]:
    """Every row of the quarter's table, in its order."""
    return list(await session.scalars(_ROWS))


@dataclass(frozen=True)
class Crew:
    """Who has which role, and the rows by id: what says who is in a meeting."""

    by_role: Mapping[str, tuple[int, ...]]
    table: Mapping[int, MeetingKind]

    def lead(self, cadence: Cadence) -> int | None:
        """Who leads a meeting and is asked to close it; of a partner's meeting its manager."""
        row = self.table.get(cadence.meeting_id or 0)
        if row is None or row.lead == "pm":
            return cadence.pm_id
        ranked = (self.by_role.get(role, ()) for role in STANDS_IN[row.lead])
        return next((ids[0] for ids in ranked if ids), None)

    def people(self, cadence: Cadence) -> frozenset[int]:
        """Ours who are in the meeting, whoever leads it included; of a weekly review its manager.

        AEs come to reviews for their own deals and are not among them.
        """
        row = self.table.get(cadence.meeting_id or 0)
        if row is None:
            return frozenset({cadence.pm_id} if cadence.pm_id is not None else ())
        lead = self.lead(cadence)
        found: set[int] = {lead} if lead is not None else set()
        for role in row.people:
            if role == "pm" and cadence.partner_id is not None:
                found |= {cadence.pm_id} if cadence.pm_id is not None else set()
            else:
                found |= set(self.by_role.get(role, ()))
        return frozenset(found)


async def crew(session: AsyncSession) -> Crew:
    """Roles and rows, in two statements."""
    by_role: dict[str, list[int]] = defaultdict(list)
    for role, person_id in await session.execute(_ROLES):
        by_role[role].append(person_id)
    return Crew({role: tuple(ids) for role, ids in by_role.items()}, {row.id: row for row in await rows(session)})


async def people_of(session: AsyncSession, occurrence_ids: Collection[int]) -> dict[int, frozenset[int]]:
    """Ours who are in each of these meetings, by occurrence; AEs of weekly reviews are the caller's to add."""
    known = await crew(session)
    found = await session.execute(_BY_ID, {"ids": list(occurrence_ids)})
    return {occurrence_id: known.people(cadence) for occurrence_id, cadence in found}
