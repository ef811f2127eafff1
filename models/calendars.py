"""One person's meetings as a calendar program shows them, and the secret address of that calendar."""

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import and_, bindparam, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import changes, crews, people, reviews
from models.cadences import Kind, State
from models.domain.policy import Policy
from models.insert import add_missing
from models.tables import Answer, Cadence, CalendarFeed, Change, MeetingKind, Occurrence, Partner, Person

BACK = timedelta(days=30)
"""How far a calendar looks back; forward it shows all that is planned."""
SECRET_BYTES = 32
REVIEW = "Weekly deal review"
SERIES_STEP = 1_000
"""What a change of the series adds to an entry's revision; one of the meeting itself adds one."""


@dataclass(frozen=True)
class Entry:
    """One meeting. Instants are UTC; `zone` is the clock its hour follows; `partner` is empty for the company's own.

    `cadence_id`, `since` (when the series was set up) and `slot` name it for good: a bump or an edited rule changes
    none of them. `revision` rises with every change and never falls.
    """

    cadence_id: int
    since: datetime
    slot: str
    meeting: str
    partner: str
    starts_at: datetime
    ends_at: datetime
    zone: str
    state: str
    changed_at: datetime
    revision: int = 0
    side: str = ""
    reason: str = ""
    moved_by: str = ""
    moved_reason: str = ""
    agenda: tuple[str, ...] = ()

    @property
    def is_cancelled(self) -> bool:
        return self.state in (State.SKIPPED, State.NO_MEETING)


class _Row(NamedTuple):
    occurrence: Occurrence
    cadence: Cadence
    partner: Partner | None


class _Trail(NamedTuple):
    """How often something was changed, and when last."""

    number: int
    last: datetime


_Trails = Mapping[tuple[str, int], _Trail]

# Built once: putting a statement together costs more than running it, and programs ask for their feeds all day.
_MEETINGS = (
    select(Occurrence, Cadence, Partner)
    .join(Cadence, Cadence.id == Occurrence.cadence_id)
    .outerjoin(Partner, Partner.id == Cadence.partner_id)
    .where(
        Cadence.minutes > 0,
        Cadence.kind.not_in((Kind.OTHER_PARTNERS, Kind.FRIDAY_NOTE)),
        Occurrence.starts_at >= bindparam("since"),
    )
    .order_by(Occurrence.starts_at, Occurrence.id)
)
_ANSWERED = (
    select(Answer.occurrence_id)
    .where(
        Answer.occurrence_id.in_(bindparam("ids", expanding=True)),
        func.coalesce(Answer.for_id, Answer.by_id) == bindparam("person"),
    )
    .distinct()
)
_TRACED = ("cadence", "meeting_kind", "partner", "occurrence")
_TRAIL = (
    select(Change.entity, Change.entity_id, func.count(), func.max(Change.at))
    .where(or_(*(
        and_(Change.entity == name, Change.entity_id.in_(bindparam(f"{name}_ids", expanding=True))) for name in _TRACED
    )))
    .group_by(Change.entity, Change.entity_id)
)  # fmt: skip


async def entries(session: AsyncSession, person: Person, *, now: datetime, policy: Policy) -> list[Entry]:
    """The person's meetings from 30 days back to the end of what is planned, in order of time; whoever is away keeps them.

    A number of statements that does not grow with meetings or deals.
    """
    found = await session.execute(_MEETINGS, {"since": now - BACK})
    crew = await crews.crew(session)
    rows = await _of(session, person, [_Row(*row) for row in found], crew, now=now, policy=policy)
    if not rows:
        return []
    trails = await _trails(session, rows)
    names = await people.names(session, {row.occurrence.moved_by_id for row in rows}, known=person)
    return [_entry(row, crew.table.get(row.cadence.meeting_id or 0), trails, names) for row in rows]


async def _of(
    session: AsyncSession, person: Person, rows: Collection[_Row], crew: crews.Crew, *, now: datetime, policy: Policy
) -> list[_Row]:
    """Those the person is in: by role, as a partner's manager, or with deals under review."""
    mine = {row.occurrence.id for row in rows if person.id in crew.people(row.cadence) or _manages(person, row)}
    others = [
        (row.occurrence, row.cadence)
        for row in rows
        if row.cadence.kind == Kind.WEEKLY_REVIEW and row.occurrence.id not in mine
    ]
    if others:
        mine |= await _with_deals(session, person, others, now=now, policy=policy)
    return [row for row in rows if row.occurrence.id in mine]


def _manages(person: Person, row: _Row) -> bool:
    """Whether the review is of a partner that became theirs: its series follows with the next look at the plan."""
    return row.cadence.kind == Kind.WEEKLY_REVIEW and row.partner is not None and row.partner.pm_id == person.id


async def _with_deals(
    session: AsyncSession, person: Person, pairs: reviews.Pairs, *, now: datetime, policy: Policy
) -> set[int]:
    """The reviews that carry a deal of theirs now, and those they answered for: a deal that closed changes no past."""
    asked = await reviews.asked(session, pairs, now=now, policy=policy)
    owned = {place for place, deals in asked.items() if any(deal.owner_id == person.id for deal in deals)}
    ids = [occurrence.id for occurrence, _ in pairs]
    return owned | set(await session.scalars(_ANSWERED, {"ids": ids, "person": person.id}))


async def _trails(session: AsyncSession, rows: Collection[_Row]) -> _Trails:
    ids = {
        "cadence": {row.cadence.id for row in rows},
        "meeting_kind": {row.cadence.meeting_id for row in rows if row.cadence.meeting_id is not None},
        "partner": {row.cadence.partner_id for row in rows if row.cadence.partner_id is not None},
        "occurrence": {row.occurrence.id for row in rows},
    }
    found = await session.execute(_TRAIL, {f"{name}_ids": sorted(ids[name]) for name in _TRACED})
    return {(entity, entity_id): _Trail(number, last) for entity, entity_id, number, last in found}


def _entry(row: _Row, kind: MeetingKind | None, trails: _Trails, names: people.Names) -> Entry:
    occurrence, cadence, partner = row
    sources = (("cadence", cadence.id), ("meeting_kind", cadence.meeting_id or 0), ("partner", cadence.partner_id or 0))
    series = [trails[key] for key in sources if key in trails]
    own = [trails[key] for key in (("occurrence", occurrence.id),) if key in trails]
    moved = occurrence.moved_at is not None
    return Entry(
        cadence_id=cadence.id,
        since=cadence.created_at,
        slot=occurrence.slot,
        meeting=kind.name if kind is not None else REVIEW,
        partner=partner.name if partner is not None else "",
        starts_at=occurrence.starts_at,
        ends_at=occurrence.ends_at,
        zone=cadence.zone,
        state=occurrence.state,
        changed_at=max((trail.last for trail in (*series, *own)), default=cadence.created_at),
        # A meeting that was dropped and made anew after its rule was edited has lost its own changes, but the edit is
        # one of the series and weighs more than all of them.
        revision=SERIES_STEP * sum(trail.number for trail in series) + sum(trail.number for trail in own),
        side=occurrence.skip_side,
        reason=occurrence.skip_reason,
        moved_by=names.name(occurrence.moved_by_id) if moved and occurrence.moved_by_id is not None else "",
        moved_reason=occurrence.moved_reason if moved else "",
        agenda=tuple(kind.agenda) if kind is not None else (),
    )


async def secret_of(session: AsyncSession, person: Person, *, now: datetime) -> str:
    """The secret part of the person's address, made when it is first asked for."""
    fresh = {"person_id": person.id, "secret": _new_secret(), "made_at": now}
    await add_missing(session, CalendarFeed, [fresh], key=("person_id",))
    return (await session.scalars(select(CalendarFeed.secret).where(CalendarFeed.person_id == person.id))).one()


async def renew(session: AsyncSession, person: Person, *, now: datetime) -> None:
    """Give the person another address; the old one ends at once. The trail says that it was done, never what it is."""
    await secret_of(session, person, now=now)
    feed = await session.get_one(CalendarFeed, person.id, with_for_update=True)
    feed.secret, feed.made_at = _new_secret(), now
    changes.note(session, "person", person.id, "calendar address", None, None, by_id=person.id, source="slack", at=now)


async def whose(session: AsyncSession, secret: str) -> Person | None:
    """Whose calendar an address leads to; None for one nobody has, and for whoever left or is not ours any more."""
    return await session.scalar(
        select(Person)
        .join(CalendarFeed, CalendarFeed.person_id == Person.id)
        .where(CalendarFeed.secret == secret, Person.active, Person.side == "ours")
    )


def _new_secret() -> str:
    return secrets.token_urlsafe(SECRET_BYTES)
