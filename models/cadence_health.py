"""How every series of the quarter is kept: what was held, moved and skipped, by whom and why; and who is told of it.

A series is a weekly deal review or a meeting of the quarter's table. Holidays and the partner's cancellations are nobody's
fault: they neither count nor break a row. Reads, but for `escalate`, which owes messages. Never commits.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import crews, outbox, people
from models.cadences import AHEAD, Kind, Side, State
from models.calendars import REVIEW
from models.crews import STANDS_IN, Crew
from models.domain import notes as facts_of
from models.domain import review_times
from models.domain.fiscal import Quarter
from models.domain.notes import Health
from models.domain.policy import Policy
from models.domain.zones import local_date, zone
from models.outbox import Owed
from models.tables import Cadence, Change, Occurrence, Outbox, Partner, Person

LOOK_BACK = 10
"""Meetings of a series that a row of skips is looked for in: quarters end, a habit does not."""
TO_HEAD, TO_CRO = 2, 3
"""Skips in a row that reach the head of partnerships, and those that reach the CRO as well."""
ESCALATION = "escalation"
"""The template of the message."""


@dataclass(frozen=True)
class Met:
    """One meeting of a series, as far as its health goes. `recorded_at` is when its fate was said, `by_id` who said it."""

    id: int
    cadence_id: int
    day: date
    starts_at: datetime
    state: str
    side: str
    reason: str
    recorded_at: datetime | None
    by_id: int | None

    @property
    def is_skip(self) -> bool:
        """Skipped on our side; "not closed" and "not answered" are such."""
        return self.state == State.SKIPPED and self.side in (Side.OURS, "")

    @property
    def is_nobodys_fault(self) -> bool:
        return self.state == State.NO_MEETING or (self.state == State.SKIPPED and not self.is_skip)


@dataclass(frozen=True)
class Happening:
    """A meeting that was moved, skipped, or called off by somebody. `day` is its nominal day, `at` when that was said.

    `what`: moved, skipped or no_meeting. `side` is empty for a move. `by_id` is None where nobody said it: "not closed".
    """

    what: str
    day: date
    at: datetime
    by_id: int | None
    side: str
    reason: str


@dataclass(frozen=True)
class Series:
    """One series in the present fiscal quarter. `owner_id` manages the partner, or leads the company's meeting."""

    cadence_id: int
    meeting: str
    partner: str
    partner_id: int | None
    owner_id: int | None
    is_review: bool
    health: Health
    skips_in_a_row: int
    happenings: tuple[Happening, ...]
    """Newest first."""


@dataclass(frozen=True)
class Kept:
    """The quarter and week it is, and its series: those of partners first, then the company's."""

    quarter: Quarter
    week: int
    series: tuple[Series, ...]


@dataclass(frozen=True)
class Stretch:
    """Skips in a row of one series, oldest first."""

    cadence_id: int
    meeting: str
    partner: str
    owner_id: int | None
    skips: tuple[Met, ...]


@dataclass(frozen=True)
class Told:
    """What one escalation says: whose series, how far it reaches (`TO_HEAD` or `TO_CRO`), and the skips of each."""

    owner_id: int | None
    level: int
    stretches: tuple[Stretch, ...]


# Built once: putting a statement together costs more than running it.
_IS_SERIES = or_(Cadence.kind == Kind.WEEKLY_REVIEW, Cadence.meeting_id.is_not(None))
_SERIES = (
    select(Cadence, Partner.name)
    .outerjoin(Partner, Partner.id == Cadence.partner_id)
    .where(_IS_SERIES)
    .order_by(
        Cadence.partner_id.is_(None), Partner.name, Cadence.meeting_id.is_not(None), Cadence.meeting_id, Cadence.id
    )
)
_COLUMNS: tuple[Any, ...] = (
    Occurrence.id,
    Occurrence.cadence_id,
    Occurrence.nominal_day,
    Occurrence.starts_at,
    Occurrence.state,
    Occurrence.skip_side,
    Occurrence.skip_reason,
    Occurrence.closed_at,
    Occurrence.closed_by_id,
)
_MEETINGS = select(*_COLUMNS).join(Cadence, Cadence.id == Occurrence.cadence_id).where(_IS_SERIES)


async def of_quarter(session: AsyncSession, *, now: datetime, policy: Policy) -> Kept:
    """Every series that has a meeting in the present fiscal quarter; a constant number of statements."""
    quarter, week = policy.fiscal.week_of(local_date(now, zone(policy.zone)))
    first, last = _bounds(quarter, policy)
    crew = await crews.crew(session)
    inside = await _by_series(session, _MEETINGS.where(Occurrence.nominal_day.between(first, last)))
    back = await _looking_back(session, now)
    happened = await _happenings(session, inside, first, last)
    found = []
    for cadence, partner in await session.execute(_SERIES):
        if cadence.id not in inside:
            continue
        over = [met for met in inside[cadence.id] if met.starts_at <= now and met.state not in AHEAD]
        found.append(Series(
            cadence.id, _called(cadence, crew), partner or "", cadence.partner_id, crew.lead(cadence),
            cadence.kind == Kind.WEEKLY_REVIEW, facts_of.health(_state(met) for met in over),
            in_a_row(back.get(cadence.id, ())), tuple(happened.get(cadence.id, ())),
        ))  # fmt: skip
    return Kept(quarter, week, tuple(found))


def _state(met: Met) -> str:
    """The state as it counts: what the partner called off is no skip, whatever was written."""
    return State.NO_MEETING if met.is_nobodys_fault else met.state


def _bounds(quarter: Quarter, policy: Policy) -> tuple[date, date]:
    """The first and last day of the quarter's weeks: a meeting belongs to the quarter of its week."""
    return policy.fiscal.week_starts(quarter, 1), policy.fiscal.week_ends(quarter, -1)


def _called(cadence: Cadence, crew: Crew) -> str:
    row = crew.table.get(cadence.meeting_id or 0)
    return row.name if row is not None else REVIEW


async def _by_series(session: AsyncSession, query: Select[*tuple[Any, ...]]) -> dict[int, list[Met]]:
    """The meetings of each series, oldest first."""
    found: dict[int, list[Met]] = defaultdict(list)
    for row in await session.execute(query.order_by(Occurrence.starts_at, Occurrence.id)):
        found[row.cadence_id].append(Met(*row))
    return found


async def _looking_back(session: AsyncSession, now: datetime) -> dict[int, list[Met]]:
    """The last meetings of each series that have begun, and those ahead: one may be skipped long before its day."""
    begun = Occurrence.starts_at <= now
    place = func.row_number().over(
        partition_by=(Occurrence.cadence_id, begun), order_by=(Occurrence.starts_at.desc(), Occurrence.id.desc())
    )
    ranked = (
        select(Occurrence.id, begun.label("begun"), place.label("place"))
        .join(Cadence, Cadence.id == Occurrence.cadence_id)
        .where(_IS_SERIES)
        .subquery()
    )
    near = select(ranked.c.id).where(or_(ranked.c.place <= LOOK_BACK, ranked.c.begun.is_(False)))
    return await _by_series(session, select(*_COLUMNS).where(Occurrence.id.in_(near)))


def rows_of_skips(meetings: Iterable[Met]) -> list[tuple[Met, ...]]:
    """Each stretch of skips in a row, oldest first.

    A meeting that was held ends one, and so does one of which nobody has said yet what became of it: what is not known
    is not held against anybody. What was nobody's fault lies between two skips as if it had not been planned.
    """
    found: list[tuple[Met, ...]] = []
    row: list[Met] = []
    for met in meetings:
        if met.is_skip:
            row.append(met)
        elif not met.is_nobodys_fault and row:
            found.append(tuple(row))
            row = []
    return [*found, tuple(row)] if row else found


def in_a_row(meetings: Sequence[Met]) -> int:
    """The most skips in a row since a meeting of the series was last held."""
    held = [place for place, met in enumerate(meetings) if met.state in (State.HELD, State.HELD_LATE)]
    since = meetings[held[-1] + 1 :] if held else meetings
    return max((len(row) for row in rows_of_skips(since)), default=0)


async def _happenings(
    session: AsyncSession, inside: Mapping[int, Sequence[Met]], first: date, last: date
) -> dict[int, list[Happening]]:
    """Moves and skips of the quarter by series, newest first: each move from the trail, so that the second hides no first."""
    found: dict[int, list[Happening]] = defaultdict(list)
    for cadence_id, moved in await _moves(session, first, last):
        found[cadence_id].append(moved)
    for cadence_id, meetings in inside.items():
        found[cadence_id] += [
            Happening(_state(met), met.day, met.recorded_at, met.by_id, met.side, met.reason)
            for met in meetings
            if met.recorded_at is not None and (met.is_skip or (met.is_nobodys_fault and met.by_id is not None))
        ]
    for listed in found.values():
        listed.sort(key=lambda one: (one.at, one.day), reverse=True)
    return found


async def _moves(session: AsyncSession, first: date, last: date) -> list[tuple[int, Happening]]:
    """Every time somebody moved a meeting of these days; where the trail is silent, what the meeting itself says."""
    rows = await session.execute(
        select(Occurrence, Change)
        .join(Cadence, Cadence.id == Occurrence.cadence_id)
        .outerjoin(Change, and_(Change.entity == "occurrence", Change.entity_id == Occurrence.id,
                                Change.field == "starts_at"))
        .where(_IS_SERIES, Occurrence.nominal_day.between(first, last), Occurrence.moved_at.is_not(None))
        .order_by(Change.at)
    )  # fmt: skip
    return [(held.cadence_id, _move(held, change)) for held, change in rows]


def _move(held: Occurrence, change: Change | None) -> Happening:
    if change is not None:
        return Happening("moved", held.nominal_day, change.at, change.by_id, "", change.reason)
    return Happening(
        "moved", held.nominal_day, held.moved_at or held.starts_at, held.moved_by_id, "", held.moved_reason
    )


async def totals(session: AsyncSession, *, now: datetime, policy: Policy) -> tuple[Health, Health]:
    """Weekly reviews, and all other meetings, of the quarter that are over; counted by the database, without streaks."""
    quarter, _ = policy.fiscal.week_of(local_date(now, zone(policy.zone)))
    first, last = _bounds(quarter, policy)
    is_review = Cadence.kind == Kind.WEEKLY_REVIEW
    rows = await session.execute(
        select(is_review.label("is_review"), Occurrence.state, Occurrence.skip_side, func.count())
        .join(Cadence, Cadence.id == Occurrence.cadence_id)
        .where(
            _IS_SERIES,
            Occurrence.nominal_day.between(first, last),
            Occurrence.starts_at <= now,
            Occurrence.state.not_in(AHEAD),
        )
        .group_by("is_review", Occurrence.state, Occurrence.skip_side)
    )
    counts: dict[tuple[bool, str], int] = defaultdict(int)
    for review, state, side, number in rows:
        ours = state != State.SKIPPED or side in (Side.OURS, "")
        counts[bool(review), state if ours else State.NO_MEETING] += number
    return _counted(counts, of_reviews=True), _counted(counts, of_reviews=False)


def _counted(counts: Mapping[tuple[bool, str], int], *, of_reviews: bool) -> Health:
    held, late, skipped, without = (
        counts.get((of_reviews, state), 0) for state in (State.HELD, State.HELD_LATE, State.SKIPPED, State.NO_MEETING)
    )
    return Health(held=held, late=late, skipped=skipped, no_meeting=without)


# Who is told.


async def escalate(
    session: AsyncSession, friday: Occurrence, *, since: datetime | None, now: datetime, policy: Policy
) -> int:
    """Owe head and CRO one message a partner manager about rows of skips with a skip recorded from `since` on; how many.

    `since` is when this was last looked at; None: never. A skip that was told of once is not told of again as the newest.
    """
    stretches = await _fresh(session, since=since, now=now)
    if not stretches:
        return 0
    bundles = _bundles(stretches, await crews.crew(session))
    due = await _in_their_hours(session, {recipient for recipient, _ in bundles}, now, policy)
    owed = [
        Owed(
            key=f"escalation:{_level(bundle)}:{owner or 0}:{friday.slot}:{recipient}",
            template=ESCALATION,
            args=_args(owner, bundle),
            due_at=due[recipient],
            person_id=recipient,
            occurrence_id=friday.id,
        )
        for (recipient, owner), bundle in bundles.items()
    ]
    await outbox.enqueue(session, owed, now=now)
    return len(owed)


async def _fresh(session: AsyncSession, *, since: datetime | None, now: datetime) -> list[Stretch]:
    """The rows of skips that are long enough and have one that nobody was told of: of each series the longest."""
    told = await _told_of(session, since)
    new: dict[int, tuple[Met, ...]] = {}
    for cadence_id, meetings in (await _looking_back(session, now)).items():
        rows = [
            row
            for row in rows_of_skips(meetings)
            if len(row) >= TO_HEAD and any(_is_new(met, since, told) for met in row)
        ]
        if rows:
            new[cadence_id] = max(rows, key=len)
    if not new:
        return []
    crew = await crews.crew(session)
    return [
        Stretch(cadence.id, _called(cadence, crew), partner or "", crew.lead(cadence), new[cadence.id])
        for cadence, partner in await session.execute(_SERIES)
        if cadence.id in new
    ]


def _is_new(met: Met, since: datetime | None, told: Collection[int]) -> bool:
    # Not "later than": in the very instant of the last look somebody may have recorded a skip after it.
    return met.id not in told and (since is None or (met.recorded_at is not None and met.recorded_at >= since))


async def _told_of(session: AsyncSession, since: datetime | None) -> set[int]:
    """The skips that stood in an escalation made from `since` on."""
    query = select(Outbox.args).where(Outbox.template == ESCALATION)
    rows = await session.scalars(query if since is None else query.where(Outbox.created_at >= since))
    return {skip for args in rows for _, skips in args["series"] for skip in skips}


def _bundles(stretches: Iterable[Stretch], crew: Crew) -> dict[tuple[int, int | None], list[Stretch]]:
    """What each recipient hears of each partner manager (or lead): the CRO only of rows that reach so far."""
    found: dict[tuple[int, int | None], list[Stretch]] = defaultdict(list)
    for stretch in stretches:
        roles = ("head", "cro") if len(stretch.skips) >= TO_CRO else ("head",)
        for recipient in {_hears(role, stretch.owner_id, crew) for role in roles}:
            if recipient is not None:
                found[recipient, stretch.owner_id].append(stretch)
    return found


def _hears(role: str, owner_id: int | None, crew: Crew) -> int | None:
    """Who hears it as `role`; an admin who stands in is not told of their own series."""
    for name in STANDS_IN[role]:
        for person_id in crew.by_role.get(name, ()):
            if name != "admin" or person_id != owner_id:
                return person_id
    return None


def _level(stretches: Iterable[Stretch]) -> int:
    return TO_CRO if any(len(stretch.skips) >= TO_CRO for stretch in stretches) else TO_HEAD


def _args(owner_id: int | None, stretches: Sequence[Stretch]) -> dict[str, Any]:
    listed = [[stretch.cadence_id, [met.id for met in stretch.skips]] for stretch in stretches]
    return {"owner": owner_id, "level": _level(stretches), "series": listed}


async def _in_their_hours(
    session: AsyncSession, person_ids: Collection[int], now: datetime, policy: Policy
) -> dict[int, datetime]:
    """Now for whoever works now, else when they next do: nobody is woken for it, and it waits through an absence."""
    rows = await session.scalars(select(Person).where(Person.id.in_(person_ids)))
    readers = await people.readers(session, rows, policy)
    return {person_id: review_times.waits_until(reader, now) or now for person_id, reader in readers.items()}


async def told(session: AsyncSession, args: Mapping[str, Any]) -> Told:
    """What an escalation says, from the rows as they are when it is sent. A series that is gone is left out."""
    wanted = {cadence_id: set(skips) for cadence_id, skips in args["series"]}
    crew = await crews.crew(session)
    ids = [skip for skips in wanted.values() for skip in skips]
    skips = await _by_series(session, select(*_COLUMNS).where(Occurrence.id.in_(ids)))
    rows = (await session.execute(_SERIES.where(Cadence.id.in_(wanted)))).all()
    return Told(
        args["owner"],
        args["level"],
        tuple(
            Stretch(cadence.id, _called(cadence, crew), partner or "", args["owner"], tuple(skips[cadence.id]))
            for cadence, partner in rows
            if skips.get(cadence.id)
        ),
    )
