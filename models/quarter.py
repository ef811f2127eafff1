"""A fiscal quarter as a table: week, meeting, state; and which of its meetings collide. Reads only."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import crews, reviews
from models.cadences import AHEAD, Kind
from models.crews import Crew
from models.domain.fiscal import Quarter
from models.domain.policy import Policy
from models.domain.zones import local_date, zone
from models.tables import Cadence, Occurrence, Partner, Person

WARNING = timedelta(weeks=2)
"""How long before a quarter begins its collisions are shown."""
WIDE = ("head", "cro", "cfo", "ceo", "admin")
REVIEW = "Weekly deal review"


@dataclass(frozen=True)
class Line:
    """One meeting of the table. `people` are ours who are in it."""

    occurrence: Occurrence
    name: str
    partner: str
    lead_id: int | None
    people: frozenset[int]
    weekly: bool

    @property
    def title(self) -> str:
        return " · ".join(part for part in (self.partner, self.name) if part)


@dataclass(frozen=True)
class Week:
    number: int
    first: date
    last: date
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Collision:
    """Two meetings at once, and who is in both."""

    one: Line
    other: Line
    people: tuple[int, ...]


@dataclass(frozen=True)
class QuarterPage:
    """A quarter as one person may see it. `step` counts from the present one; `this_week` is 0 outside of it."""

    quarter: Quarter
    step: int
    weeks: tuple[Week, ...]
    this_week: int
    collisions: tuple[Collision, ...]


async def load(session: AsyncSession, actor: Person, step: int, *, now: datetime, policy: Policy) -> QuarterPage:
    """The quarter `step` before or after the present one: all its meetings for leadership, one's own for the others."""
    fiscal, today = policy.fiscal, local_date(now, zone(policy.zone))
    present, week = fiscal.week_of(today)
    quarter = present
    for _ in range(abs(step)):
        quarter = fiscal.next(quarter) if step > 0 else fiscal.previous(quarter)
    first, last = fiscal.week_starts(quarter, 1), fiscal.week_ends(quarter, -1)
    found = await lines(session, first, last)
    if not actor.has(*WIDE):
        found = await _own(session, actor, found, now=now, policy=policy)
    by_week: dict[int, list[Line]] = defaultdict(list)
    for line in found:
        by_week[fiscal.week_of(line.occurrence.day)[1]].append(line)
    return QuarterPage(
        quarter=quarter,
        step=step,
        weeks=tuple(
            Week(number, fiscal.week_starts(quarter, number), fiscal.week_ends(quarter, number), tuple(by_week[number]))
            for number in range(1, fiscal.weeks_in(quarter) + 1)
        ),
        this_week=week if step == 0 else 0,
        collisions=tuple(collisions(found)),
    )


async def lines(session: AsyncSession, first: date, last: date) -> list[Line]:
    """Every meeting from `first` to `last`, both included, in order. Three statements."""
    crew = await crews.crew(session)
    rows = await session.execute(
        select(Occurrence, Cadence, Partner.name)
        .join(Cadence, Cadence.id == Occurrence.cadence_id)
        .outerjoin(Partner, Partner.id == Cadence.partner_id)
        .where(
            Occurrence.day >= first,
            Occurrence.day <= last,
            or_(Cadence.kind == Kind.WEEKLY_REVIEW, Cadence.meeting_id.is_not(None)),
        )
        .order_by(Occurrence.starts_at, Occurrence.id)
    )
    return [_line(occurrence, cadence, name, crew) for occurrence, cadence, name in rows]


def _line(occurrence: Occurrence, cadence: Cadence, partner: str | None, crew: Crew) -> Line:
    row = crew.table.get(cadence.meeting_id or 0)
    name = row.name if row is not None else REVIEW
    return Line(occurrence, name, partner or "", crew.lead(cadence), crew.people(cadence), row is None)


async def _own(
    session: AsyncSession, actor: Person, found: Sequence[Line], *, now: datetime, policy: Policy
) -> list[Line]:
    """One's own meetings: those one is in, and reviews of partners one has open deals with."""
    views = await reviews.views(session, Partner.id.is_not(None), now=now, policy=policy, owner_id=actor.id)
    partners = {view.partner.name for view in views if view.partner}
    return [line for line in found if actor.id in line.people or (line.weekly and line.partner in partners)]


def collisions(found: Iterable[Line]) -> list[Collision]:
    """Meetings still ahead that overlap and share somebody, in order."""
    ahead = [
        line for line in found if line.occurrence.state in AHEAD and line.occurrence.ends_at > line.occurrence.starts_at
    ]
    ahead.sort(key=lambda line: line.occurrence.starts_at)
    hits = []
    for place, line in enumerate(ahead):
        for other in ahead[place + 1 :]:
            if other.occurrence.starts_at >= line.occurrence.ends_at:
                break
            both = line.people & other.people
            if both:
                hits.append(Collision(line, other, tuple(sorted(both))))
    return hits


async def coming_collisions(session: AsyncSession, *, now: datetime, policy: Policy) -> list[Collision]:
    """What collides in the rest of this quarter, and of the next one from two weeks before it begins."""
    fiscal, today = policy.fiscal, local_date(now, zone(policy.zone))
    quarter, _ = fiscal.week_of(today)
    last = fiscal.week_ends(quarter, -1)
    if last - today <= WARNING:
        last = fiscal.week_ends(fiscal.next(quarter), -1)
    return collisions(await lines(session, today, last))
