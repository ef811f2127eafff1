"""What the calendar costs each of ours, preparation included: this week, on average over the quarter, and at its peak."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import cadences, crews, reviews
from models.cadences import Kind, State
from models.crews import Crew
from models.domain.agenda import speaking_slots
from models.domain.fiscal import Quarter
from models.domain.policy import Policy
from models.domain.zones import local_date, zone
from models.tables import Cadence, Occurrence

MANAGERS_PREPARATION, SELLERS_PREPARATION = 10, 5
"""Minutes before a weekly review: its partner manager reads the agenda and last week's commitments, an AE looks through
their own deals. A row of the quarter's table says its own (`MeetingKind.preparation`)."""
ALLOWED, ALLOWED_PARTNERS, ALLOWED_MORE = 6 * 60, 3, 2 * 60
"""Minutes a week on average for a partner manager with up to three Tier 1 partners, and for each one beyond.

The field guide's promise: a single partner manager with three Tier 1 partners runs the whole cadence in under six hours
of meetings a week. Two hours for each further one go on in proportion."""
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Share:
    """One person's part in one meeting, in minutes; `day` is the meeting's own."""

    person_id: int
    day: date
    minutes: int
    preparation: int


@dataclass(frozen=True)
class Hours:
    """One person's quarter, in minutes, preparation included. `tier1` is how many Tier 1 partners they manage."""

    person_id: int
    this_week: int
    total: int
    weeks: int
    peak: int
    peak_week: int
    tier1: int = 0

    @property
    def average(self) -> int:
        return round(self.total / self.weeks)

    @property
    def allowance(self) -> int | None:
        """What a week may cost them on average; None for whoever manages no Tier 1 partner."""
        return allowance(self.tier1) if self.tier1 else None

    @property
    def is_over(self) -> bool:
        return self.allowance is not None and self.total > self.allowance * self.weeks


@dataclass(frozen=True)
class QuarterHours:
    """The quarter and its week it is, and everybody's hours, the most costly average first."""

    quarter: Quarter
    week: int
    people: tuple[Hours, ...]


def allowance(tier1: int) -> int:
    """Minutes a week that a partner manager with so many Tier 1 partners may need."""
    return ALLOWED + ALLOWED_MORE * max(0, tier1 - ALLOWED_PARTNERS)


def spell(minutes: int) -> str:
    """`5 h 10`, `6 h`, `45 min`."""
    whole, rest = divmod(minutes, 60)
    if not whole:
        return f"{rest} min"
    return f"{whole} h {rest:02d}" if rest else f"{whole} h"


async def of_quarter(session: AsyncSession, *, now: datetime, policy: Policy) -> QuarterHours:
    """Everybody's hours in the present fiscal quarter, what is planned and what was held; a constant number of statements.

    The average is over the weeks from the first one that has a meeting of anybody's: a cadence that began in week 9 is
    not made cheap by the eight weeks before it.
    """
    fiscal = policy.fiscal
    quarter, week = fiscal.week_of(local_date(now, zone(policy.zone)))
    found = await shares(session, fiscal.week_starts(quarter, 1), fiscal.week_ends(quarter, -1), now=now, policy=policy)
    by_week: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for share in found:
        by_week[share.person_id][fiscal.week_of(share.day)[1]] += share.minutes + share.preparation
    began = min((number for weeks in by_week.values() for number in weeks), default=1)
    counted = fiscal.weeks_in(quarter) - began + 1
    tier1 = await cadences.tier1_counts(session)
    listed = [_hours(who, weeks, week, counted, tier1.get(who, 0)) for who, weeks in by_week.items()]
    return QuarterHours(quarter, week, tuple(sorted(listed, key=lambda one: (-one.total, one.person_id))))


def _hours(person_id: int, weeks: Mapping[int, int], week: int, counted: int, tier1: int) -> Hours:
    peak_week = max(weeks, key=lambda number: (weeks[number], -number))
    return Hours(person_id, weeks.get(week, 0), sum(weeks.values()), counted, weeks[peak_week], peak_week, tier1)


class _Meeting(NamedTuple):
    occurrence_id: int
    day: date
    starts_at: datetime
    ends_at: datetime
    cadence: Cadence


_MEETINGS = (
    select(Occurrence.id, Occurrence.day, Occurrence.starts_at, Occurrence.ends_at, Cadence)
    .join(Cadence, Cadence.id == Occurrence.cadence_id)
    .where(
        or_(Cadence.kind == Kind.WEEKLY_REVIEW, Cadence.meeting_id.is_not(None)),
        Occurrence.ends_at > Occurrence.starts_at,
        Occurrence.state.not_in((State.SKIPPED, State.NO_MEETING)),
    )
    .order_by(Occurrence.starts_at, Occurrence.id)
)


async def shares(session: AsyncSession, first: date, last: date, *, now: datetime, policy: Policy) -> list[Share]:
    """Who spends how long in which meeting of these days. What was skipped, or had no meeting, costs nothing."""
    found = await session.execute(_MEETINGS.where(Occurrence.day.between(first, last)))
    rows = [_Meeting(*row) for row in found]
    crew = await crews.crew(session)
    speakers = await _speakers(session, rows, now=now, policy=policy)
    return [share for row in rows for share in _shares(row, crew, speakers)]


def _shares(row: _Meeting, crew: Crew, speakers: Mapping[int, dict[int, int]]) -> list[Share]:
    cadence, day, minutes = row.cadence, row.day, int((row.ends_at - row.starts_at) / MINUTE)
    kind = crew.table.get(cadence.meeting_id or 0)
    preparation = MANAGERS_PREPARATION if kind is None else kind.preparation
    through = crew.people(cadence)
    return [
        *(Share(person_id, day, minutes, preparation) for person_id in sorted(through)),
        *(
            Share(person_id, day, min(spoken, minutes), SELLERS_PREPARATION)
            for person_id, spoken in speakers.get(cadence.id, {}).items()
            if person_id not in through
        ),
    ]


async def _speakers(
    session: AsyncSession, rows: Collection[_Meeting], *, now: datetime, policy: Policy
) -> dict[int, dict[int, int]]:
    """By weekly review, how many minutes each who answers for its deals is heard: their own slot.

    Taken from the meeting that is next, for all weeks alike: deals close and change hands, and nobody keeps what they were.
    """
    chosen: dict[int, int] = {}
    settled: set[int] = set()
    for row in rows:
        if row.cadence.kind == Kind.WEEKLY_REVIEW and row.cadence.id not in settled:
            chosen[row.cadence.id] = row.occurrence_id
            settled |= {row.cadence.id} if row.ends_at > now else set()
    if not chosen:
        return {}
    pairs = await reviews.scope(session, list(chosen.values()))
    listed = await reviews.owned(session, [], now=now, policy=policy, among=pairs)
    staff = await reviews.staff(session, policy)
    found: dict[int, dict[int, int]] = {}
    for occurrence, cadence in pairs:
        deals: dict[int, int] = defaultdict(int)
        for duty in reviews.duties(occurrence, cadence.pm_id, listed[occurrence.id], staff):
            deals[duty.responder_id] += len(duty.deal_ids)
        slots = speaking_slots(occurrence.starts_at, int((occurrence.ends_at - occurrence.starts_at) / MINUTE), deals)
        found[cadence.id] = {person_id: int((end - begin) / MINUTE) for person_id, (begin, end) in slots.items()}
    return found
