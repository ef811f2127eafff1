"""What a roll-up's week asks of whom: sign, review and publish, sign off, close the quarter before. Reads only.

The week's tasks hang on the meetings of the quarter's table that leave a roll-up. Where none is turned on nobody is
asked; `/forecast` works without.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import crews, reviews
from models.crews import Crew
from models.deals import PRESENT
from models.domain.deals import Category
from models.domain.fiscal import Quarter
from models.domain.meetings import Leaves
from models.domain.policy import Policy
from models.domain.zones import local_date, local_to_utc, zone
from models.forecast import successors
from models.reviews import Staff
from models.tables import (
    Cadence,
    Deal,
    DealPartner,
    DealVersion,
    MeetingKind,
    Occurrence,
    Partner,
    PersonRole,
    QuarterClose,
    SignedCommit,
    SignOff,
    Snapshot,
)

Pair = tuple[Occurrence, Cadence]
AROUND = timedelta(days=6)
"""How far before and after its meeting a roll-up's week can reach."""
SIGNERS = ("cro", "cfo")
"""Who signs a roll-up off."""


class What(StrEnum):
    """What somebody is asked for."""

    SIGN = "sign"
    SIGN_AGAIN = "sign_again"
    REVIEW = "review"
    SIGN_OFF = "sign_off"
    CLOSE = "close"


@dataclass(frozen=True)
class Task:
    """One thing asked of one person in a roll-up's week; `done` of `total` (partners to sign; else one thing)."""

    occurrence_id: int
    person_id: int
    what: What
    period: str
    done: int
    total: int
    due: date | None = None

    @property
    def open(self) -> bool:
        return self.done < self.total


@dataclass(frozen=True)
class Week:
    """The week of one meeting that leaves a roll-up: whose quarter it is, and since when an answer is this week's."""

    occurrence: Occurrence
    cadence: Cadence
    quarter: Quarter
    since: datetime
    partner_managers: bool
    signers: bool


def is_published(found: Iterable[Task], occurrence_id: int) -> bool:
    """Whether there is anything to sign off in this meeting's week."""
    return any(task.what is What.SIGN_OFF and task.occurrence_id == occurrence_id for task in found)


def week_of(occurrence: Occurrence, cadence: Cadence, crew: Crew, policy: Policy) -> Week | None:
    """The roll-up's week around a meeting; None for a meeting that leaves something else."""
    row = crew.table.get(cadence.meeting_id or 0)
    if row is None or row.leaves != Leaves.ROLL_UP:
        return None
    monday = occurrence.nominal_day - timedelta(days=occurrence.nominal_day.weekday())
    return Week(
        occurrence,
        cadence,
        policy.fiscal.week_of(monday)[0],  # a week belongs to the quarter of its Monday, whatever day the meeting is on
        local_to_utc(monday, time(0), zone(policy.zone)),
        partner_managers="pm" in row.people,
        signers=any(role in row.people for role in SIGNERS),
    )


async def expected(session: AsyncSession, quarters: Collection[Quarter]) -> dict[str, dict[int, int | None]]:
    """By quarter: the partners with a deal that counts in it, and who manages each. One statement for each quarter."""
    found: dict[str, dict[int, int | None]] = {}
    counted = (Category.WON.value, Category.COMMIT.value, Category.BEST_CASE.value, Category.PIPELINE.value)
    for quarter in quarters:
        rows = await session.execute(
            select(Partner.id, Partner.pm_id)
            .select_from(Deal)
            .join(DealVersion, PRESENT)
            .join(
                DealPartner,
                (DealPartner.deal_id == Deal.id) & DealPartner.valid_to.is_(None) & (DealPartner.share > 0),
            )
            .join(Partner, Partner.id == DealPartner.partner_id)
            .where(
                DealVersion.partner_id.is_not(None),
                DealVersion.category.in_(counted),
                DealVersion.close_date.between(quarter.first, quarter.last),
            )
            .distinct()
        )
        found[quarter.label] = {partner_id: pm_id for partner_id, pm_id in rows}  # noqa: C416 - a Row is a tuple, which mypy does not know
    return found


async def askable(
    session: AsyncSession, pairs: Iterable[Pair], crew: Crew, staff: Staff, policy: Policy
) -> dict[int, tuple[set[int], set[int]]]:
    """By meeting: everybody a roll-up's week could ask, whether they have a deal in it or have answered. For the plan.

    It looks at no deal, so that an import does not have to be planned for; who is really asked the tick decides.
    Two sets: who is asked as the week begins (or, by the executives' meeting, after it), and who reviews on its day. Whoever
    manages partners and reviews the roll-up is in both.
    """
    weeks = _weeks(pairs, crew, policy)
    asking = any(week.partner_managers for week in weeks)
    managers = set(await session.scalars(select(Partner.pm_id).where(Partner.pm_id.is_not(None)))) if asking else set()
    found: dict[int, tuple[set[int], set[int]]] = {}
    for week in weeks:
        people: set[int] = set()
        reviewers: set[int] = set()
        if week.partner_managers:
            people |= {
                reviews.closer_for(pm, week.since + timedelta(days=1), staff) for pm in managers if pm is not None
            }
            people |= set(crew.by_role.get("cfo", ()))
            lead = crew.lead(week.cadence)
            reviewers |= {lead} if lead is not None else set()
        if week.signers:
            people |= {person for role in SIGNERS for person in crew.by_role.get(role, ())}
        here = staff.readers.keys()
        found[week.occurrence.id] = (people & here, reviewers & here)
    return found


async def tasks(
    session: AsyncSession, pairs: Iterable[Pair], crew: Crew, staff: Staff, *, now: datetime, policy: Policy
) -> list[Task]:
    """What these meetings' weeks ask now, done or not. A number of statements that does not grow with the deals."""
    weeks = _weeks(pairs, crew, policy)
    if not weeks:
        return []
    ground = await _read(session, weeks, policy)
    found: list[Task] = []
    for week in weeks:
        if week.partner_managers:
            found += _to_sign(week, ground, staff, now)
            found += _to_review(week, ground, crew)
            found += _to_close(week, ground, crew, now=now, policy=policy)
        if week.signers:
            found += _to_sign_off(week, ground, crew)
    return found


async def of_person(session: AsyncSession, person_id: int, *, now: datetime, policy: Policy) -> list[Task]:
    """What this week's roll-ups still ask of one person, each thing once, and what they are to sign again; for Home."""
    again = [
        *await _again(session, person_id, now=now, policy=policy),
        *await _unsigned(session, person_id, now=now, policy=policy),
    ]
    rows = await session.execute(
        select(Occurrence, Cadence)
        .join(Cadence, Cadence.id == Occurrence.cadence_id)
        .join(MeetingKind, MeetingKind.id == Cadence.meeting_id)
        .where(
            MeetingKind.leaves == Leaves.ROLL_UP,
            MeetingKind.enabled,
            Occurrence.starts_at.between(now - AROUND, now + AROUND),
        )
        .order_by(Occurrence.starts_at)
    )
    pairs = [(occurrence, cadence) for occurrence, cadence in rows]
    if not pairs:
        return again
    crew = await crews.crew(session)
    weeks = [week for week in _weeks(pairs, crew, policy) if week.since <= now]
    near = [(week.occurrence, week.cadence) for week in weeks]
    found = await tasks(session, near, crew, await reviews.staff(session, policy), now=now, policy=policy)
    open_ones = [task for task in found if task.person_id == person_id and task.open]
    asked = {(task.what, task.period): task for task in open_ones}
    known = {(What.SIGN_AGAIN if what is What.SIGN else what, period) for what, period in asked}
    return [*asked.values(), *(task for task in again if (task.what, task.period) not in known)]


async def _unsigned(session: AsyncSession, person_id: int, *, now: datetime, policy: Policy) -> list[Task]:
    """The quarter's newest roll-up, whenever it was published, while it waits for this person's name."""
    held = select(PersonRole.role).where(PersonRole.person_id == person_id, PersonRole.role.in_(SIGNERS))
    roles = set(await session.scalars(held))
    if not roles:
        return []
    quarter = policy.fiscal.quarter_of(local_date(now, zone(policy.zone)))
    newest = await session.scalar(
        select(Snapshot)
        .where(Snapshot.period == quarter.label, Snapshot.kind == "roll_up")
        .order_by(Snapshot.number.desc())
        .limit(1)
    )
    if newest is None or await session.get(QuarterClose, quarter.label) is not None:
        return []
    below = {
        row.role: row.person_id
        for row in await session.scalars(select(SignOff).where(SignOff.snapshot_id == newest.id))
    }
    waits = person_id not in below.values() and bool(roles - below.keys())
    return [Task(0, person_id, What.SIGN_OFF, quarter.label, 0, 1)] if waits else []


async def _again(session: AsyncSession, person_id: int, *, now: datetime, policy: Policy) -> list[Task]:
    """A predecessor's numbers, as one task; the earliest of their days."""
    found = await successors.of_manager(session, person_id, now=now, policy=policy)
    if not found:
        return []
    due = min(one.due for one in found)
    return [Task(0, person_id, What.SIGN_AGAIN, found[0].signed.period, 0, len(found), due)]


@dataclass(frozen=True)
class _Ground:
    """All that says what is done: by quarter's label."""

    expected: Mapping[str, Mapping[int, int | None]]
    signed: Mapping[tuple[str, int], datetime]
    published: Mapping[str, tuple[int, datetime]]
    """The newest published roll-up of a quarter, and when it was cut off."""
    signed_off: Mapping[int, Mapping[str, int]]
    closed: Mapping[str, datetime]


def _weeks(pairs: Iterable[Pair], crew: Crew, policy: Policy) -> list[Week]:
    made = (week_of(occurrence, cadence, crew, policy) for occurrence, cadence in pairs)
    return [week for week in made if week is not None]


def _quarters(weeks: Iterable[Week]) -> list[Quarter]:
    return list({week.quarter.label: week.quarter for week in weeks}.values())


async def _read(session: AsyncSession, weeks: Collection[Week], policy: Policy) -> _Ground:
    quarters = _quarters(weeks)
    labels = [quarter.label for quarter in quarters] + [policy.fiscal.previous(quarter).label for quarter in quarters]
    signed = await session.execute(
        select(SignedCommit.period, SignedCommit.partner_id, func.max(SignedCommit.at))
        .where(SignedCommit.period.in_(labels))
        .group_by(SignedCommit.period, SignedCommit.partner_id)
    )
    published: dict[str, tuple[int, datetime]] = {}
    for row in await session.scalars(select(Snapshot).where(Snapshot.period.in_(labels)).order_by(Snapshot.number)):
        published[row.period] = (row.id, row.cut_off)
    offs: dict[int, dict[str, int]] = defaultdict(dict)
    for off in await session.scalars(
        select(SignOff).where(SignOff.snapshot_id.in_([snapshot_id for snapshot_id, _ in published.values()]))
    ):
        offs[off.snapshot_id][off.role] = off.person_id
    closed = await session.execute(select(QuarterClose.period, QuarterClose.at).where(QuarterClose.period.in_(labels)))
    return _Ground(
        expected=await expected(session, [week.quarter for week in weeks if week.partner_managers]),
        signed={(period, partner_id): at for period, partner_id, at in signed},
        published=published,
        signed_off=offs,
        closed={period: at for period, at in closed},  # noqa: C416 - a Row is a tuple, which mypy does not know
    )


def _to_sign(week: Week, ground: _Ground, staff: Staff, now: datetime) -> list[Task]:
    """Each manager's partners, or their cover's while they are away."""
    label = week.quarter.label
    if label in ground.closed:
        return []
    by_person: dict[int, list[bool]] = defaultdict(list)
    for partner_id, pm_id in ground.expected[label].items():
        if pm_id is None:
            continue
        at = ground.signed.get((label, partner_id))
        by_person[reviews.closer_for(pm_id, now, staff)].append(at is not None and at >= week.since)
    return [
        Task(week.occurrence.id, person, What.SIGN, label, sum(done), len(done)) for person, done in by_person.items()
    ]


def _to_review(week: Week, ground: _Ground, crew: Crew) -> list[Task]:
    lead, published = crew.lead(week.cadence), ground.published.get(week.quarter.label)
    if lead is None or not ground.expected[week.quarter.label]:
        return []
    done = published is not None and published[1] >= week.since
    return [Task(week.occurrence.id, lead, What.REVIEW, week.quarter.label, int(done), 1)]


def _to_close(week: Week, ground: _Ground, crew: Crew, *, now: datetime, policy: Policy) -> list[Task]:
    """The quarter before, which was forecast and is over, until the CFO has closed it."""
    before = policy.fiscal.previous(week.quarter)
    at = ground.closed.get(before.label)
    if before.label not in ground.published or (at is not None and at < week.since):
        return []
    if local_date(now, zone(policy.zone)) <= before.last:  # a week may begin before its quarter does
        return []
    return [
        Task(week.occurrence.id, person, What.CLOSE, before.label, int(at is not None), 1)
        for person in crew.by_role.get("cfo", ())
    ]


def _to_sign_off(week: Week, ground: _Ground, crew: Crew) -> list[Task]:
    """What was published this week, until both have signed; whoever is CRO and CFO at once is asked once."""
    published = ground.published.get(week.quarter.label)
    if published is None or published[1] < week.since:
        return []
    signed = ground.signed_off.get(published[0], {})
    asked: dict[int, bool] = {}
    for role in SIGNERS:
        for person in crew.by_role.get(role, ()):
            asked[person] = asked.get(person, False) or role in signed or person in signed.values()
    return [
        Task(week.occurrence.id, person, What.SIGN_OFF, week.quarter.label, int(done), 1)
        for person, done in asked.items()
    ]
