"""What is owed around every meeting, and when: steps are rows, recomputed while nobody has acted on them.

`replan` makes the planned rows agree with the present: people come and go, deals change hands, a review is bumped. A
step that was done, or recorded as late, is never touched again: that is what keeps a bump from prompting twice.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import and_, bindparam, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import cadences, crews, fiscal_calendar, meetings, notes, reviews, spreading
from models.cadences import AHEAD, Kind
from models.domain import review_times
from models.domain.meetings import Leaves
from models.domain.policy import Policy
from models.domain.workdays import Reader
from models.domain.zones import local_date, local_to_utc, zone
from models.forecast import asking
from models.insert import add_missing
from models.joint import marks
from models.minutes.closing import cutoff
from models.spreading import PULSE_OPEN
from models.tables import (
    Absence,
    Cadence,
    Deal,
    DealPartner,
    DealVersion,
    FiscalQuarter,
    JointDeal,
    MeetingKind,
    Occurrence,
    Partner,
    Person,
    PersonRole,
    Setting,
    Step,
)

ASKING = (Kind.WEEKLY_REVIEW, Kind.OTHER_PARTNERS)
"""The meetings before which owners of deals are asked."""
AHEAD_DAYS = timedelta(days=10)
BEHIND_DAYS = timedelta(days=16)
READS = (
    Absence, Cadence, Deal, DealPartner, DealVersion, FiscalQuarter, JointDeal, MeetingKind, Occurrence, Partner, Person,
    PersonRole, Setting, Step,
)  # fmt: skip
"""All that a plan is made from: a test compares it with the statements."""


class StepKind:
    """The steps around meetings. What a row of the quarter's table owes follows from its data (`_table_steps`)."""

    PROMPT = "prompt"
    PREPARE = "prepare"
    REMIND = "remind"
    REVIEW = "review"
    NUDGE = "nudge"
    CHECK_IN = "check_in"
    CHECK_IN_OVER = "check_in_over"
    AGENDA = "agenda"
    CLOSE_REQUEST = "close_request"
    CLOSE_NUDGE = "close_nudge"
    CONSOLIDATE = "consolidate"
    EXPIRE = "expire"
    OVER = "over"


@dataclass(frozen=True)
class Wanted:
    """One step as it should be. Times are business time; `recipient` is `p<id>` or `channel`."""

    occurrence_id: int
    kind: str
    recipient: str
    person_id: int | None
    due_at: datetime
    void_at: datetime

    @property
    def key(self) -> tuple[int, str, str]:
        return self.occurrence_id, self.kind, self.recipient


@dataclass(frozen=True)
class Prompting:
    """When somebody is asked about one review: the base of their nudge."""

    occurrence: Occurrence
    person_id: int
    reader: Reader
    due_at: datetime


async def materialise(session: AsyncSession, *, now: datetime, policy: Policy) -> int:
    """Fill the calendar up to the horizon and plan the steps of what is near; the number of steps changed."""
    await cadences.hold_calendar(session, now=now)
    await marks.end_unlinked(session, now=now)
    await fiscal_calendar.keep(session, policy.fiscal, today=local_date(now, zone(policy.zone)), now=now)
    await fiscal_calendar.follow(session, policy, now=now)
    await cadences.ensure_standing(session, now=now, policy=policy)
    await meetings.ensure(session, now=now, policy=policy)
    await cadences.fill(session, now=now, policy=policy)
    await spreading.fill(session, now=now, policy=policy)
    return await replan(session, now=now, policy=policy)


# Built once: putting a statement together costs more than running it, and these run with every look.
_FORGOTTEN = and_(  # after a downtime longer than any window: still to be recorded as never closed
    Occurrence.starts_at <= bindparam("after"),
    Occurrence.state.in_(AHEAD),
    Occurrence.closed_at.is_(None),
    or_(Cadence.kind == Kind.WEEKLY_REVIEW, Cadence.meeting_id.is_not(None)),
)
_NEAR = (
    select(Occurrence, Cadence)
    .join(Cadence, Cadence.id == Occurrence.cadence_id)
    .where(
        or_(
            and_(Occurrence.starts_at > bindparam("after"), Occurrence.starts_at < bindparam("before")),
            _FORGOTTEN,
        )
    )
    .order_by(Occurrence.starts_at, Occurrence.id)
)
_STEPS = select(Step).where(Step.occurrence_id.in_(bindparam("ids", expanding=True)))


async def replan(session: AsyncSession, *, now: datetime, policy: Policy) -> int:
    """Make the planned steps agree with the present; the number of rows that changed."""
    pairs = await _near(session, now)
    rows = list(await session.scalars(_STEPS, {"ids": [pair[0].id for pair in pairs]}))
    present = {(row.occurrence_id, row.kind, row.recipient): row for row in rows}
    wanted = {item.key: item for item in await _wanted(session, pairs, present, now=now, policy=policy)}
    missed = _missed(pairs, now)
    changed = await _drop(
        session,
        [row for key, row in present.items() if row.state == "planned" and key not in wanted and not missed(row)],
    )
    fresh = [item for key, item in wanted.items() if key not in present]
    changed += await _insert(session, fresh)
    for key, item in wanted.items():
        row = present.get(key)
        if row is None or row.state != "planned":
            continue
        waiting = row.due_at > item.due_at and item.due_at <= now  # the tick has put it off to working hours
        if not waiting and (row.due_at, row.void_at) != (item.due_at, item.void_at):
            row.due_at, row.void_at = item.due_at, item.void_at
            changed += 1
    return changed


async def _near(session: AsyncSession, now: datetime) -> list[tuple[Occurrence, Cadence]]:
    rows = await session.execute(_NEAR, {"after": now - BEHIND_DAYS, "before": now + AHEAD_DAYS})
    return [(occurrence, cadence) for occurrence, cadence in rows]


def _missed(pairs: Iterable[tuple[Occurrence, Cadence]], now: datetime) -> Callable[[Step], bool]:
    """Whether a step's window passed while nobody ticked: it is recorded as late by the tick, not forgotten here."""
    standing = {occurrence.id for occurrence, _ in pairs if occurrence.state in AHEAD and occurrence.closed_at is None}
    return lambda step: step.void_at <= now and step.occurrence_id in standing


async def _drop(session: AsyncSession, rows: list[Step]) -> int:
    if rows:
        await session.execute(delete(Step).where(Step.id.in_([row.id for row in rows])))
    return len(rows)


async def _insert(session: AsyncSession, items: list[Wanted]) -> int:
    values = [
        {
            "occurrence_id": item.occurrence_id,
            "kind": item.kind,
            "recipient": item.recipient,
            "person_id": item.person_id,
            "due_at": item.due_at,
            "void_at": item.void_at,
            "state": "planned",
            "note": "",
        }
        for item in items
    ]
    await add_missing(session, Step, values, key=("occurrence_id", "kind", "recipient"))
    return len(items)


async def _wanted(
    session: AsyncSession,
    pairs: list[tuple[Occurrence, Cadence]],
    present: Mapping[tuple[int, str, str], Step],
    *,
    now: datetime,
    policy: Policy,
) -> list[Wanted]:
    staff = await reviews.staff(session, policy)
    ahead = [pair for pair in pairs if pair[0].state in AHEAD and pair[0].closed_at is None]
    asking = [pair for pair in ahead if pair[1].kind in ASKING and pair[0].starts_at > now]
    listed = await reviews.asked(session, asking, now=now, policy=policy)
    steps = [
        *_prompts(asking, listed, staff, present, policy),
        *_meeting_steps(ahead, policy),
        *await _check_in_steps(session, ahead, staff, now=now, policy=policy),
        *_closing_steps(ahead, pairs, staff, policy),
        *_friday_steps(pairs, policy),
        *await _table_steps(
            session, [pair for pair in ahead if pair[1].meeting_id is not None], staff, present, now=now, policy=policy
        ),
        *await _forecast_steps(session, pairs, staff, now=now, policy=policy),
    ]
    # What must not be sent any more when it is planned for the first time, because the review was set up after it,
    # is late and recorded as such by the tick; what lies before the cadence existed is not owed at all.
    made = {occurrence.id: cadence.created_at for occurrence, cadence in pairs}
    return [step for step in steps if step.void_at > made[step.occurrence_id]]


def _prompts(
    asking: Iterable[tuple[Occurrence, Cadence]],
    listed: Mapping[int, list[reviews.OwnedDeal]],
    staff: reviews.Staff,
    present: Mapping[tuple[int, str, str], Step],
    policy: Policy,
) -> list[Wanted]:
    prompts: list[Prompting] = []
    for occurrence, cadence in asking:
        for person_id in {
            duty.responder_id for duty in reviews.duties(occurrence, cadence.pm_id, listed[occurrence.id], staff)
        }:
            reader = staff.readers[person_id]
            due = review_times.prompt_due(reader, occurrence.starts_at, policy.prompt_at)
            if due is not None:
                prompts.append(Prompting(occurrence, person_id, reader, due))
    wanted = [_to_person(item.occurrence, StepKind.PROMPT, item.person_id, item.due_at) for item in prompts]
    by_day: dict[tuple[int, date], list[Prompting]] = defaultdict(list)
    for item in prompts:
        by_day[item.person_id, local_date(item.due_at, item.reader.zone)].append(item)
    for (person_id, _), group in by_day.items():
        first = min(group, key=lambda item: item.occurrence.starts_at)
        asked = present.get((first.occurrence.id, StepKind.PROMPT, f"p{person_id}"))
        asked_at = _asked_at(asked, first.due_at)
        nudge = review_times.nudge_due(
            first.reader, first.occurrence.starts_at, asked_at, policy.nudge_day_of, policy.nudge_fallback
        )
        if nudge is not None:
            wanted += [_to_person(item.occurrence, StepKind.NUDGE, person_id, nudge) for item in group]
    return wanted


def _asked_at(prompt: Step | None, due: datetime) -> datetime:
    """When the prompt was sent, or will be: the tick may have put it off to its reader's working hours."""
    if prompt is None or prompt.state not in ("planned", "done"):
        return due
    return prompt.settled_at or max(prompt.due_at, due)


def _to_person(occurrence: Occurrence, kind: str, person_id: int, due: datetime) -> Wanted:
    return Wanted(occurrence.id, kind, f"p{person_id}", person_id, due, occurrence.starts_at)


def _meeting_steps(ahead: Iterable[tuple[Occurrence, Cadence]], policy: Policy) -> list[Wanted]:
    return [
        Wanted(
            occurrence.id,
            StepKind.AGENDA,
            "channel",
            None,
            review_times.agenda_due(occurrence.starts_at, policy.agenda_lead),
            occurrence.ends_at,
        )
        for occurrence, cadence in ahead
        if cadence.kind == Kind.WEEKLY_REVIEW
    ]


async def _check_in_steps(
    session: AsyncSession,
    ahead: Iterable[tuple[Occurrence, Cadence]],
    staff: reviews.Staff,
    *,
    now: datetime,
    policy: Policy,
) -> list[Wanted]:
    """What a partner with joint deals is asked before its review, and that it is over when the review begins.

    A first deal that is marked in the review or after it asks nothing of this one, and nothing of it was missed.
    """
    weekly = [pair for pair in ahead if pair[1].kind == Kind.WEEKLY_REVIEW and pair[1].pm_id in staff.readers]
    joint = await marks.partners_with_any(session) if weekly else frozenset()
    wanted: list[Wanted] = []
    for occurrence, cadence in weekly:
        starts = occurrence.starts_at
        due = check_in_due(staff.readers[_manager(cadence)], starts, policy) if cadence.partner_id in joint else None
        if due is not None:
            if starts > now:
                wanted.append(Wanted(occurrence.id, StepKind.CHECK_IN, "channel", None, due, starts))
            wanted.append(_for_ever(occurrence, StepKind.CHECK_IN_OVER, starts))
    return wanted


def check_in_due(reader: Reader, starts_at: datetime, policy: Policy) -> datetime | None:
    """The manager's hour of prompts on their last working day before the review, by their calendar.

    Their absences move nothing: the channel is read by the partner, and the review has somebody who stands in for them.
    """
    return review_times.prompt_due(at_work(reader), starts_at, policy.prompt_at)


def at_work(reader: Reader) -> Reader:
    """The same clock and calendar without absences: for what is said in somebody's name, not to them."""
    return reader.model_copy(update={"absences": ()})


def _closing_steps(
    ahead: Iterable[tuple[Occurrence, Cadence]],
    pairs: Iterable[tuple[Occurrence, Cadence]],
    staff: reviews.Staff,
    policy: Policy,
) -> list[Wanted]:
    reviews_ahead = [pair for pair in ahead if pair[1].kind == Kind.WEEKLY_REVIEW and pair[1].pm_id in staff.readers]
    last_of_day: dict[tuple[int, date], datetime] = {}
    for occurrence, cadence in reviews_ahead:
        key = _manager(cadence), _day_of(occurrence, staff.readers[_manager(cadence)])
        last_of_day[key] = max(last_of_day.get(key, occurrence.ends_at), occurrence.ends_at)
    consolidations = _consolidations(pairs, policy)
    wanted: list[Wanted] = []
    for occurrence, cadence in reviews_ahead:
        pm, reader = _manager(cadence), staff.readers[_manager(cadence)]
        cutoff = notes.cutoff(occurrence, policy)
        last = last_of_day[pm, _day_of(occurrence, reader)]
        closer = reviews.closer_for(pm, last, staff)
        request = review_times.close_request_due(staff.readers[closer], last)
        if request is not None:
            wanted.append(Wanted(occurrence.id, StepKind.CLOSE_REQUEST, f"p{closer}", closer, request, cutoff))
        consolidation = consolidations.get(occurrence.slot)
        if consolidation is not None:
            closer = reviews.closer_for(pm, consolidation, staff)
            nudge = review_times.close_nudge_due(staff.readers[closer], consolidation)
            if nudge is not None and nudge > occurrence.ends_at:
                wanted.append(Wanted(occurrence.id, StepKind.CLOSE_NUDGE, f"p{closer}", closer, nudge, consolidation))
        wanted.append(Wanted(occurrence.id, StepKind.EXPIRE, "channel", None, cutoff, cutoff + timedelta(days=3650)))
    return wanted


def _manager(cadence: Cadence) -> int:
    if cadence.pm_id is None:
        raise LookupError(f"cadence {cadence.id} has no partner manager")
    return cadence.pm_id


def _day_of(occurrence: Occurrence, reader: Reader) -> date:
    return local_date(occurrence.starts_at, reader.zone)


def _consolidations(pairs: Iterable[tuple[Occurrence, Cadence]], policy: Policy) -> dict[str, datetime]:
    """When each week's Friday note is due, by slot: never before the week's last review has ended."""
    last: dict[str, datetime] = {}
    fridays: dict[str, date] = {}
    for occurrence, cadence in pairs:
        if cadence.kind == Kind.FRIDAY_NOTE:
            fridays[occurrence.slot] = occurrence.nominal_day
        elif cadence.kind == Kind.WEEKLY_REVIEW and occurrence.state in (*AHEAD, "held", "held_late"):
            last[occurrence.slot] = max(last.get(occurrence.slot, occurrence.ends_at), occurrence.ends_at)
    return {
        slot: review_times.consolidation_due(
            policy.calendar, zone(policy.zone), friday, last.get(slot), policy.friday_note_at
        )
        for slot, friday in fridays.items()
    }


def _friday_steps(pairs: list[tuple[Occurrence, Cadence]], policy: Policy) -> list[Wanted]:
    due = _consolidations(pairs, policy)
    return [
        Wanted(
            occurrence.id,
            StepKind.CONSOLIDATE,
            "channel",
            None,
            due[occurrence.slot],
            max(notes.cutoff(occurrence, policy), due[occurrence.slot] + timedelta(days=1)),
        )
        for occurrence, cadence in pairs
        if cadence.kind == Kind.FRIDAY_NOTE and occurrence.published_at is None
    ]


async def _table_steps(
    session: AsyncSession,
    ahead: list[tuple[Occurrence, Cadence]],
    staff: reviews.Staff,
    present: Mapping[tuple[int, str, str], Step],
    *,
    now: datetime,
    policy: Policy,
) -> list[Wanted]:
    """What the meetings of the quarter's table owe, from their rows alone."""
    if not ahead:
        return []
    crew = await crews.crew(session)
    wanted: list[Wanted] = []
    for occurrence, cadence in ahead:
        spec, lead = meetings.spec_of(crew.table[cadence.meeting_id or 0]), crew.lead(cadence)
        if spec.leaves == Leaves.PULSE:
            wanted += _pulse_steps(occurrence, lead, staff)
            continue
        agenda = review_times.agenda_due(occurrence.starts_at, policy.agenda_lead)
        wanted.append(Wanted(occurrence.id, StepKind.AGENDA, "channel", None, agenda, occurrence.ends_at))
        if not spec.is_closed_by_hand:
            wanted.append(_for_ever(occurrence, StepKind.OVER, occurrence.ends_at))
            continue
        wanted.append(_for_ever(occurrence, StepKind.EXPIRE, cutoff(occurrence)))
        if lead is not None:
            if spec.leaves == Leaves.PBR:
                wanted += _prepare_steps(occurrence, lead, staff, policy)
            wanted += _lead_steps(occurrence, lead, staff, present, now=now, policy=policy)
    return wanted


def _for_ever(occurrence: Occurrence, kind: str, due: datetime) -> Wanted:
    """A step that records something and is never too late."""
    return Wanted(occurrence.id, kind, "channel", None, due, due + timedelta(days=3650))


def _prepare_steps(occurrence: Occurrence, lead: int, staff: reviews.Staff, policy: Policy) -> list[Wanted]:
    """A draft to look at, in the days before."""
    asked = reviews.closer_for(lead, occurrence.starts_at, staff)
    reader = staff.readers.get(asked)
    due = review_times.prepare_due(reader, occurrence.starts_at, at=policy.prompt_at) if reader is not None else None
    return [] if due is None else [_to_person(occurrence, StepKind.PREPARE, asked, due)]


def _lead_steps(
    occurrence: Occurrence,
    lead: int,
    staff: reviews.Staff,
    present: Mapping[tuple[int, str, str], Step],
    *,
    now: datetime,
    policy: Policy,
) -> list[Wanted]:
    """What the one who leads a meeting is asked: to close it, and once more the morning after they were asked."""
    closer = reviews.closer_for(lead, occurrence.ends_at, staff)
    reader = staff.readers.get(closer)
    request = review_times.close_request_due(reader, occurrence.ends_at) if reader is not None else None
    if reader is None or request is None:
        return []
    last = cutoff(occurrence)
    wanted = [Wanted(occurrence.id, StepKind.CLOSE_REQUEST, f"p{closer}", closer, request, last)]
    asked = present.get((occurrence.id, StepKind.CLOSE_REQUEST, f"p{closer}"))
    asked_at = _asked_at(asked, request)
    if asked is None or asked.state == "planned":
        asked_at = max(asked_at, now)  # after downtime it is asked now, and not nudged with the same breath
    nudge = review_times.next_morning(reader, asked_at, policy.prompt_at)
    if nudge is not None and nudge < last:
        wanted.append(Wanted(occurrence.id, StepKind.CLOSE_NUDGE, f"p{closer}", closer, nudge, last))
    return wanted


SIGN_OFF_OPEN = timedelta(days=4)
"""How long after its meeting somebody may still be asked to sign a roll-up off: the next week's page says it anyway."""


async def _forecast_steps(
    session: AsyncSession,
    pairs: list[tuple[Occurrence, Cadence]],
    staff: reviews.Staff,
    *,
    now: datetime,
    policy: Policy,
) -> list[Wanted]:
    """What a roll-up's week asks: numbers on Monday and again on Tuesday, the review on the day, signatures after it.

    Who has answered is not asked: the tick looks. A meeting that is closed may still wait for a signature.
    """
    near = [pair for pair in pairs if pair[1].meeting_id is not None and pair[0].ends_at + SIGN_OFF_OPEN > now]
    if not near:
        return []
    crew = await crews.crew(session)
    weeks = [week for pair in near if (week := asking.week_of(*pair, crew, policy)) is not None]
    asked = await asking.askable(session, near, crew, staff, policy) if weeks else {}
    wanted: list[Wanted] = []
    for week in weeks:
        if week.occurrence.state == "no_meeting":
            continue
        people, reviewers = asked[week.occurrence.id]
        wanted += [step for one in sorted(people) for step in _numbers_steps(week, one, staff.readers[one], policy)]
        wanted += [step for one in sorted(reviewers) for step in _review_steps(week, one, staff.readers[one], policy)]
    return wanted


def _numbers_steps(week: asking.Week, person_id: int, reader: Reader, policy: Policy) -> list[Wanted]:
    """Asked as the week begins and once more the next morning; of what is to be signed off, after the meeting."""
    occurrence = week.occurrence
    if week.partner_managers:
        monday = local_date(week.since + timedelta(hours=12), zone(policy.zone))
        due, last = _morning_of(monday, reader, policy), occurrence.ends_at
    else:
        due, last = occurrence.starts_at, occurrence.ends_at + SIGN_OFF_OPEN
    if due is None or due >= last:
        return []
    asks = [Wanted(occurrence.id, StepKind.PREPARE, f"p{person_id}", person_id, due, last)]
    again = review_times.next_morning(reader, due, policy.prompt_at)
    if again is not None and again < last:
        asks.append(Wanted(occurrence.id, StepKind.REMIND, f"p{person_id}", person_id, again, last))
    return asks


def _review_steps(week: asking.Week, person_id: int, reader: Reader, policy: Policy) -> list[Wanted]:
    """Asked on the meeting's day; of an early meeting on the working day before."""
    occurrence = week.occurrence
    due = _morning_of(occurrence.day, reader, policy)
    if due is None or due >= occurrence.starts_at:
        due = review_times.prepare_due(reader, occurrence.starts_at, days=1, at=policy.prompt_at)
    return [] if due is None else [_to_person(occurrence, StepKind.REVIEW, person_id, due)]


def _morning_of(day: date, reader: Reader, policy: Policy) -> datetime | None:
    """The hour of prompts on this day by the reader's clock, or on their first working day after it."""
    return review_times.next_morning(
        reader, local_to_utc(day - timedelta(days=1), time(12), reader.zone), policy.prompt_at
    )


def _pulse_steps(occurrence: Occurrence, lead: int | None, staff: reviews.Staff) -> list[Wanted]:
    """One question to the partner's manager; it stays open for two weeks."""
    last = occurrence.starts_at + PULSE_OPEN
    steps = [_for_ever(occurrence, StepKind.EXPIRE, last)]
    asked = reviews.closer_for(lead, occurrence.starts_at, staff) if lead is not None else None
    if asked is not None and asked in staff.readers:
        steps.append(Wanted(occurrence.id, StepKind.PREPARE, f"p{asked}", asked, occurrence.starts_at, last))
    return steps


async def settle(session: AsyncSession, steps: Iterable[Step], state: str, *, now: datetime, note: str = "") -> None:
    """Record what became of these steps."""
    ids = [step.id for step in steps]
    if ids:
        await session.execute(update(Step).where(Step.id.in_(ids)).values(state=state, settled_at=now, note=note))
