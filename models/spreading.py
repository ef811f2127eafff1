"""Days and hours for meetings of several partners: 1:1s, PBRs, readouts and pulses, spread so that nobody meets twice at once.

A slot is placed once, after everything its people have already, and then stands: who is added later is placed behind.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import cadences, crews
from models.cadences import AHEAD, State
from models.crews import Crew
from models.domain.meetings import Clock, Leaves
from models.domain.placing import Placed, Span, place
from models.domain.policy import Policy
from models.domain.rules import AnyRule, Nominal, candidate_days, nominal_days
from models.domain.workdays import WorkCalendar
from models.domain.zones import local_date, local_to_utc, zone
from models.tables import Cadence, MeetingKind, Occurrence, Person, PulseAnswer

PULSES_A_WEEK = 2
PULSE_OPEN = timedelta(days=14)
"""How long a pulse waits for its answer."""
PER_DAY = 3
"""Meetings of one row a day for one person, where the row has no spread of its own."""
WEEK = timedelta(days=7)
MARGIN = timedelta(days=1)
TAKING = (*AHEAD, State.HELD, State.HELD_LATE)


@dataclass(frozen=True)
class Missing:
    """One slot of a cadence that has no day yet, and the days it may have."""

    cadence: Cadence
    row: MeetingKind
    nominal: Nominal
    days: tuple[date, ...]


@dataclass
class Diary:
    """Who is taken when, and how many of a row's meetings somebody has on a day; filled as meetings are placed."""

    spans: dict[int, list[Span]] = field(default_factory=lambda: defaultdict(list))
    load: dict[tuple[int, int], dict[date, int]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))

    def add(self, people: Iterable[int], row_id: int | None, day: date, span: Span) -> None:
        for person_id in people:
            self.spans[person_id].append(span)
            if row_id is not None:
                self.load[row_id, person_id][day] += 1

    def taken(self, people: Iterable[int]) -> list[Span]:
        return [span for person_id in people for span in self.spans.get(person_id, ())]

    def busiest(self, row_id: int, people: Iterable[int], days: Sequence[date]) -> dict[date, int]:
        """The most meetings of this row that any of these people has on each day."""
        return {day: max((self.load[row_id, who][day] for who in people), default=0) for day in days}


_SPREAD = (
    select(Cadence, MeetingKind)
    .join(MeetingKind, MeetingKind.id == Cadence.meeting_id)
    .where(Cadence.state == "active")
    .order_by(MeetingKind.position, Cadence.id)
)


async def fill(session: AsyncSession, *, now: datetime, policy: Policy) -> int:
    """Place what has no day yet up to the end of what is planned; how many. The caller holds the calendar."""
    missing = await _missing(session, now=now, policy=policy)
    pulses = [item for item in missing if item.row.leaves == Leaves.PULSE]
    others = [item for item in missing if item.row.leaves != Leaves.PULSE and item.days]
    made = await _ask_in_turn(session, pulses, policy=policy)
    if not others:
        return made
    crew = await crews.crew(session)
    first = min(item.days[0] for item in others)
    last = max(item.days[-1] for item in others)
    diary = await _diary(session, crew, first, last)
    for item in others:
        placed = _place(item, crew, diary, policy)
        if placed is not None:
            session.add(_occurrence(item, placed))
            made += 1
    await session.flush()
    return made


async def _missing(session: AsyncSession, *, now: datetime, policy: Policy) -> list[Missing]:
    pairs = [(cadence, row) for cadence, row in await session.execute(_SPREAD) if cadences.is_placed(cadence)]
    if not pairs:
        return []
    present: dict[int, set[str]] = defaultdict(set)
    known = select(Occurrence.cadence_id, Occurrence.slot).where(
        Occurrence.cadence_id.in_([cadence.id for cadence, _ in pairs])
    )
    for cadence_id, slot in await session.execute(known):
        present[cadence_id].add(slot)
    codes = await session.execute(select(Person.id, Person.calendar).where(Person.calendar != ""))
    calendars: dict[int, str] = {person_id: code for person_id, code in codes}  # noqa: C416 - a Row is a tuple
    until = cadences.last_planned_day(now, policy)
    found = []
    for cadence, row in pairs:
        rule = cadences.rule_of(cadence)
        code = calendars.get(cadence.pm_id or 0) if row.clock == Clock.PM else None
        calendar = WorkCalendar(code=code) if code else policy.calendar
        pulse = row.leaves == Leaves.PULSE
        since = _opens(rule, cadence.starts_on, policy)
        if pulse:  # nobody is asked what was due longer ago than an answer is waited for
            since = max(since, _opens(rule, local_date(now - PULSE_OPEN, zone(cadence.zone)), policy))
        for nominal in nominal_days(rule, since, until, policy.fiscal):
            if nominal.slot in present[cadence.id]:
                continue
            days = candidate_days(rule, nominal.day, calendar, policy.fiscal)
            if pulse:
                days = _mornings(nominal.day, calendar, policy)
            begins = max(cadence.created_at, row.changed_at)
            if pulse:
                begins = max(begins, now - PULSE_OPEN)
            found.append(Missing(cadence, row, nominal, _still(cadence, days, begins, now)))
    return found


def _opens(rule: AnyRule, day: date, policy: Policy) -> date:
    """The first nominal day whose meetings a series that begins on `day` still has.

    A pulse is asked in what is left of its quarter, a 1:1 in what is left of its week. A PBR or a readout that began up to
    a week ago is made up for; one that began before that waits for the next: nine of them in the month's last two days
    are no cadence.
    """
    if rule.kind == "quarter":
        return policy.fiscal.week_starts(policy.fiscal.week_of(day)[0], 1)
    return _monday(day) if rule.kind == "quarter_week" else day - WEEK


def _still(cadence: Cadence, days: Sequence[date], begins: datetime, now: datetime) -> tuple[date, ...]:
    """The days on which it can still meet; after downtime, when none is left, those that were missed.

    None before the series, or its row as it is now, began: a meeting set up after its own hour belongs to nobody.
    """
    clocks = zone(cadence.zone)
    starts = {day: local_to_utc(day, cadence.at, clocks) for day in days if day >= cadence.starts_on}
    ahead = tuple(day for day in starts if starts[day] > max(begins, now))
    return ahead or tuple(day for day in starts if starts[day] > begins)


def _mornings(nominal: date, calendar: WorkCalendar, policy: Policy) -> tuple[date, ...]:
    """One day a week from the nominal one to the quarter's last: the first business day from its weekday on."""
    quarter, _ = policy.fiscal.week_of(nominal)
    last = policy.fiscal.last_whole_week(quarter) + timedelta(days=4)
    found = []
    day = nominal
    while day <= last:
        friday = day + timedelta(days=4 - day.weekday())
        choice = next(
            (at for n in range((friday - day).days + 1) if calendar.is_business_day(at := day + timedelta(days=n))),
            None,
        )
        if choice is not None:
            found.append(choice)
        day += WEEK
    return tuple(found)


async def _diary(session: AsyncSession, crew: Crew, first: date, last: date) -> Diary:
    """What is in everybody's calendar on these days (and a day to both sides, for other zones)."""
    diary = Diary()
    found = await session.execute(
        select(Occurrence, Cadence)
        .join(Cadence, Cadence.id == Occurrence.cadence_id)
        .where(
            Occurrence.day >= first - MARGIN,
            Occurrence.day <= last + MARGIN,
            Occurrence.ends_at > Occurrence.starts_at,
            Occurrence.state.in_(TAKING),
        )
    )
    for occurrence, cadence in found:
        span = Span(occurrence.starts_at, occurrence.ends_at)
        diary.add(crew.people(cadence), cadence.meeting_id, occurrence.day, span)
    return diary


def _place(item: Missing, crew: Crew, diary: Diary, policy: Policy) -> Placed | None:
    cadence, row = item.cadence, item.row
    people = crew.people(cadence)
    spread = cadence.rule.get("spread") or {}
    placed = place(
        item.days, at=cadence.at, minutes=cadence.minutes, zone_name=cadence.zone, opens=policy.work_start,
        closes=policy.work_end, taken=diary.taken(people), load=diary.busiest(row.id, people, item.days),
        per_day=spread.get("per_day", PER_DAY),
    )  # fmt: skip
    if placed is not None:
        diary.add(people, row.id, placed.day, Span(placed.starts_at, placed.ends_at))
    return placed


def _occurrence(item: Missing, placed: Placed) -> Occurrence:
    return Occurrence(
        cadence_id=item.cadence.id, slot=item.nominal.slot, nominal_day=item.nominal.day, day=placed.day,
        starts_at=placed.starts_at, ends_at=placed.ends_at, state=State.PLANNED,
    )  # fmt: skip


async def _ask_in_turn(session: AsyncSession, pulses: Sequence[Missing], *, policy: Policy) -> int:
    """At most two pulses a week for one partner manager; whom nobody was asked about for longest comes first.

    Who finds no room is not asked about this quarter, and the first in the next: `models.health` names them.
    """
    if not pulses:
        return 0
    found = await session.execute(
        select(PulseAnswer.partner_id, func.max(PulseAnswer.at)).group_by(PulseAnswer.partner_id)
    )
    asked: Mapping[int, datetime] = {partner_id: at for partner_id, at in found}  # noqa: C416 - a Row is a tuple
    load = await _pulse_load(session, policy)
    made = 0
    for item in sorted(pulses, key=lambda item: _last_asked(item, asked)):
        cadence = item.cadence
        day = next((day for day in item.days if load[cadence.pm_id, _monday(day)] < PULSES_A_WEEK), None)
        if day is None:
            continue
        load[cadence.pm_id, _monday(day)] += 1
        starts_at = local_to_utc(day, cadence.at, zone(cadence.zone))
        session.add(_occurrence(item, Placed(day, starts_at, starts_at, crowded=False)))
        made += 1
    await session.flush()
    return made


def _last_asked(item: Missing, asked: Mapping[int, datetime]) -> tuple[str, bool, str, int]:
    at = asked.get(item.cadence.partner_id or 0)
    return item.nominal.slot, at is not None, at.isoformat() if at else "", item.cadence.id


async def _pulse_load(session: AsyncSession, policy: Policy) -> dict[tuple[int | None, date], int]:
    """How many pulses each partner manager has in each week, by its Monday."""
    load: dict[tuple[int | None, date], int] = defaultdict(int)
    rows = await session.execute(
        select(Cadence.pm_id, Occurrence.starts_at, Cadence.zone)
        .join(Occurrence, Occurrence.cadence_id == Cadence.id)
        .join(MeetingKind, MeetingKind.id == Cadence.meeting_id)
        .where(MeetingKind.leaves == Leaves.PULSE)
    )
    for pm_id, starts_at, place_ in rows:
        load[pm_id, _monday(local_date(starts_at, zone(place_ or policy.zone)))] += 1
    return load


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
