"""Cadences and their occurrences: set up, fill the calendar, bump, skip, pause. Nothing here speaks to Slack."""

from calendar import monthrange
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from pydantic import TypeAdapter
from sqlalchemy import and_, bindparam, delete, func, or_, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

from models import cards, changes, crews, people
from models.crews import Crew
from models.domain.errors import FieldErrors, UserError
from models.domain.fiscal import FiscalYear
from models.domain.policy import Policy
from models.domain.rules import LONGEST_QUARTER, Meeting, Rule, WeeklyRule, resolve
from models.domain.text import clean
from models.domain.workdays import WorkCalendar
from models.domain.zones import local_date, local_time, local_to_utc, zone
from models.tables import (
    Answer,
    Cadence,
    CardOccurrence,
    MeetingKind,
    Minutes,
    Occurrence,
    Partner,
    Person,
    Setting,
    Step,
)

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
FRIDAY = 4
SLOT_STEP = timedelta(minutes=30)
LOOK_AHEAD = timedelta(weeks=8)
CALENDAR = "calendar"
"""The setting whose row is locked while the calendar changes."""
_RULE: TypeAdapter[Rule] = TypeAdapter(Rule)


class Kind(StrEnum):
    """What a cadence is. A new meeting is a kind with its steps in `scheduling.plan` and its words in `handlers`."""

    WEEKLY_REVIEW = "weekly_review"
    OTHER_PARTNERS = "other_partners"
    FRIDAY_NOTE = "friday_note"


class State(StrEnum):
    """Where an occurrence stands; closed and published are facts apart."""

    PLANNED = "planned"
    PROMPTED = "prompted"
    HELD = "held"
    HELD_LATE = "held_late"
    SKIPPED = "skipped"
    NO_MEETING = "no_meeting"


AHEAD = (State.PLANNED, State.PROMPTED)
OFF = "off"
"""The state of a cadence whose row of the quarter's table is off, or not for this partner any more; "paused" is a
person's word."""


class Side(StrEnum):
    """Whose side a meeting was skipped on. Holidays and the partner's cancellation never count against us."""

    OURS = "ours"
    PARTNER = "partner"
    HOLIDAY = "holiday"


@dataclass(frozen=True)
class Slot:
    """A stretch of time somebody is taken."""

    starts_at: datetime
    ends_at: datetime
    label: str

    def meets(self, other: "Slot") -> bool:
        return self.starts_at < other.ends_at and other.starts_at < self.ends_at


def rule_of(cadence: Cadence) -> Rule:
    return _RULE.validate_python(cadence.rule)


def weekly(weekday: int) -> dict[str, object]:
    return WeeklyRule(weekday=weekday).model_dump(mode="json")


async def calendar_of(session: AsyncSession, cadence: Cadence, policy: Policy) -> WorkCalendar:
    """The working days a cadence follows: its partner manager's calendar, else the company's."""
    pm = await session.get(Person, cadence.pm_id) if cadence.pm_id else None
    return WorkCalendar(code=pm.calendar) if pm and pm.calendar else policy.calendar


def meetings(
    cadence: Cadence,
    calendar: WorkCalendar,
    first: date,
    last: date,
    fiscal: FiscalYear = FiscalYear(),  # noqa: B008 - frozen; weekly rules do not look at it
) -> list[Meeting]:
    return resolve(rule_of(cadence), cadence.at, cadence.minutes, cadence.zone, calendar, first, last, fiscal)


def is_placed(cadence: Cadence) -> bool:
    """Whether its day and hour are found among its people's other meetings (`models.spreading`), not by its rule alone."""
    return bool(cadence.rule.get("spread")) or cadence.rule["kind"] == "quarter"


def last_planned_day(now: datetime, policy: Policy) -> date:
    """As far as the calendar is filled: to the end of the quarter that the horizon reaches into."""
    reached = local_date(now + policy.horizon, zone(policy.zone))
    quarter, _ = policy.fiscal.week_of(reached)
    return max(reached, policy.fiscal.week_ends(quarter, -1))


async def reviews_of(session: AsyncSession, pm_id: int) -> list[Cadence]:
    """The active weekly reviews of one partner manager, the week's first one first."""
    rows = await session.scalars(
        select(Cadence)
        .join(Partner, Partner.id == Cadence.partner_id)
        .where(Cadence.kind == Kind.WEEKLY_REVIEW, Cadence.state == "active", Partner.pm_id == pm_id)
    )
    return sorted(rows, key=lambda row: (row.rule["weekday"], row.at, row.id))


async def set_up_review(
    session: AsyncSession,
    partner: Partner,
    *,
    weekday: int,
    at: time,
    minutes: int,
    by: Person | None,
    now: datetime,
    policy: Policy,
) -> Cadence:
    """Start (or change, or resume) the weekly deal review of `partner`, in its partner manager's time zone.

    Raises FieldErrors: an overlap with another meeting of the partner manager names free slots; so does a weekend.
    """
    await hold_calendar(session, now=now)
    pm = await session.get(Person, partner.pm_id) if partner.pm_id else None
    if pm is None:
        raise FieldErrors(
            {"partner": f"{partner.name} has no partner manager yet. Name one in `/cadence start`, under Partners."}
        )
    existing = await session.scalar(
        select(Cadence).where(Cadence.kind == Kind.WEEKLY_REVIEW, Cadence.partner_id == partner.id)
    )
    wanted = Cadence(
        kind=Kind.WEEKLY_REVIEW,
        partner_id=partner.id,
        pm_id=pm.id,
        rule=weekly(weekday),
        at=at,
        zone=people.zone_of(pm, policy),
        minutes=minutes,
        starts_on=local_date(now, zone(people.zone_of(pm, policy))),
        created_at=now,
        created_by_id=by.id if by else None,
    )
    await refuse_bad_slot(session, wanted, except_id=existing.id if existing else None, now=now, policy=policy)
    if existing is None:
        session.add(wanted)
        await session.flush()
        changes.note(session, "cadence", wanted.id, "set up", None, describe(wanted), by_id=wanted.created_by_id,
                     source="slack", at=now)  # fmt: skip
        kept = wanted
    else:
        before = describe(existing)
        for name in ("rule", "at", "zone", "minutes", "pm_id"):
            setattr(existing, name, getattr(wanted, name))
        if existing.state != "active":  # the weeks of a pause are not made up for
            existing.state, existing.starts_on = "active", first_day(existing, now)
        changes.note(session, "cadence", existing.id, "rule", before, describe(existing),
                     by_id=by.id if by else None, source="slack", at=now)  # fmt: skip
        await replan_future(session, existing, now=now, policy=policy)
        kept = existing
    await ensure_standing(session, now=now, policy=policy)
    await fill(session, now=now, policy=policy)
    return kept


def first_day(cadence: Cadence, now: datetime) -> date:
    """The first day on which the cadence's hour is still to come."""
    clocks = zone(cadence.zone)
    today = local_date(now, clocks)
    return today if local_to_utc(today, cadence.at, clocks) > now else today + timedelta(days=1)


def describe(cadence: Cadence) -> str:
    """`Thursday 10:00, 30 minutes, Europe/London`."""
    return f"{WEEKDAYS[cadence.rule['weekday']]} {cadence.at:%H:%M}, {cadence.minutes} minutes, {cadence.zone}"


async def refuse_bad_slot(
    session: AsyncSession, wanted: Cadence, *, except_id: int | None, now: datetime, policy: Policy
) -> None:
    """Raise FieldErrors when the slot is outside working hours or meets another meeting of the partner manager."""
    if wanted.rule["weekday"] > FRIDAY:
        raise FieldErrors({"weekday": "Meetings are on working days. Choose Monday to Friday."})
    outside = _outside_hours(wanted.at, wanted.minutes, policy)
    if outside:
        raise FieldErrors({"at": outside})
    clash = await first_clash(session, wanted, except_id=except_id, now=now, policy=policy)
    if clash is None:
        return
    free = await free_slots(session, wanted, except_id=except_id, now=now, policy=policy)
    offer = f" Free on {WEEKDAYS[wanted.rule['weekday']]}: {', '.join(f'{at:%H:%M}' for at in free)}." if free else (
        " That day is full; choose another one."
    )  # fmt: skip
    raise FieldErrors({"at": f"This overlaps with {clash.label}.{offer}"})


def _outside_hours(at: time, minutes: int, policy: Policy) -> str:
    """The sentence for a meeting that does not begin and end within working hours; empty for one that does."""
    end = (datetime.combine(date(2000, 1, 1), at) + timedelta(minutes=minutes)).time()
    if policy.work_start <= at < end <= policy.work_end:
        return ""
    return f"Meetings are between {policy.work_start:%H:%M} and {policy.work_end:%H:%M} local time."


async def first_clash(
    session: AsyncSession, wanted: Cadence, *, except_id: int | None, now: datetime, policy: Policy
) -> Slot | None:
    taken = await taken_slots(session, wanted.pm_id, except_id=except_id, now=now, policy=policy)
    return _clash(wanted, taken, await calendar_of(session, wanted, policy), now)


def _clash(wanted: Cadence, taken: Collection[Slot], calendar: WorkCalendar, now: datetime) -> Slot | None:
    today = local_date(now, zone(wanted.zone))
    for meeting in meetings(wanted, calendar, today, today + LOOK_AHEAD):
        if meeting.starts_at is None or meeting.ends_at is None:
            continue
        mine = Slot(meeting.starts_at, meeting.ends_at, "")
        found = next((slot for slot in taken if slot.meets(mine)), None)
        if found:
            return found
    return None


async def why_not_led_by(session: AsyncSession, cadence: Cadence, pm: Person, *, now: datetime, policy: Policy) -> str:
    """Why `pm` cannot lead this review at its hour: it meets another of theirs, or is outside their hours; else empty."""
    trial = Cadence(
        kind=cadence.kind, pm_id=pm.id, rule=cadence.rule, at=cadence.at, zone=cadence.zone, minutes=cadence.minutes
    )
    taken = await taken_slots(session, pm.id, except_id=cadence.id, now=now, policy=policy)
    calendar = await calendar_of(session, trial, policy)
    ahead = await session.scalars(
        select(Occurrence).where(
            Occurrence.cadence_id == cadence.id, Occurrence.state.in_(AHEAD), Occurrence.ends_at > now
        )
    )
    planned = [Slot(row.starts_at, row.ends_at, "") for row in ahead]
    clash = _clash(trial, taken, calendar, now) or next(
        (slot for slot in taken if any(slot.meets(mine) for mine in planned)), None
    )
    mend = "Change its day or hour in `/cadence` first"
    if clash is not None:
        free = await free_slots(session, trial, except_id=cadence.id, now=now, policy=policy)
        hours = (
            f"; free on {WEEKDAYS[cadence.rule['weekday']]}: {', '.join(f'{at:%H:%M}' for at in free)}" if free else ""
        )
        return f"The weekly review ({describe(cadence)}) overlaps with {clash.label} of {pm.name}. {mend}{hours}."
    today = local_date(now, zone(cadence.zone))
    own = next((local_time(row.starts_at, zone(people.zone_of(pm, policy)))
                for row in meetings(cadence, calendar, today, today + LOOK_AHEAD) if row.starts_at), None)  # fmt: skip
    if own is not None and _outside_hours(own, cadence.minutes, policy):
        return (
            f"The weekly review ({describe(cadence)}) is at {own:%H:%M} for {pm.name}, outside working hours. {mend}."
        )
    return ""


async def hand_to(session: AsyncSession, partner: Partner, pm: Person, *, now: datetime, policy: Policy) -> None:
    """The partner's review is `pm`'s from its next occurrence on, at the same hour, by their own holidays.

    Raises FieldErrors when they cannot lead it at that hour. The caller holds the calendar.
    """
    cadence = await session.scalar(
        select(Cadence).where(Cadence.kind == Kind.WEEKLY_REVIEW, Cadence.partner_id == partner.id)
    )
    if cadence is None:
        return
    refusal = await why_not_led_by(session, cadence, pm, now=now, policy=policy) if cadence.state == "active" else ""
    if refusal:
        raise FieldErrors({"manager": refusal})
    before = await calendar_of(session, cadence, policy)
    cadence.pm_id = pm.id
    if cadence.state == "active" and await calendar_of(session, cadence, policy) != before:
        await replan_future(session, cadence, now=now, policy=policy)
        await fill(session, now=now, policy=policy)


async def taken_slots(
    session: AsyncSession, pm_id: int | None, *, except_id: int | None, now: datetime, policy: Policy
) -> list[Slot]:
    """When the partner manager meets in the next weeks: by the rules, and as bumped.

    Judged over weeks and not by the rule's hour, because two meetings in two zones can meet only in some weeks.
    """
    if pm_id is None:
        return []
    found: list[Slot] = []
    for cadence in await reviews_of(session, pm_id):
        if cadence.id == except_id:
            continue
        partner = await session.get(Partner, cadence.partner_id)
        label = f"the {partner.name if partner else 'other'} review at {cadence.at:%H:%M}"
        today = local_date(now, zone(cadence.zone))
        calendar = await calendar_of(session, cadence, policy)
        found += [
            Slot(meeting.starts_at, meeting.ends_at, label)
            for meeting in meetings(cadence, calendar, today, today + LOOK_AHEAD)
            if meeting.starts_at and meeting.ends_at
        ]
    found += await _of_the_table(session, pm_id, now=now)
    return found + await _bumped(session, pm_id, except_id=except_id, now=now)


async def _of_the_table(session: AsyncSession, pm_id: int, *, now: datetime) -> list[Slot]:
    """What the quarter's table has planned for the partner manager: each stands on its own day."""
    rows = await session.execute(
        _MEETINGS.where(Occurrence.ends_at > now, Occurrence.starts_at < now + LOOK_AHEAD, Occurrence.state.in_(AHEAD))
    )
    crew = await crews.crew(session)
    return [
        Slot(occurrence.starts_at, occurrence.ends_at, f"{_called(cadence, name, crew)} on {occurrence.day:%d %b}")
        for occurrence, cadence, name in rows
        if pm_id in crew.people(cadence)
    ]


_MEETINGS = (
    select(Occurrence, Cadence, Partner.name)
    .join(Cadence, Cadence.id == Occurrence.cadence_id)
    .outerjoin(Partner, Partner.id == Cadence.partner_id)
    .where(Cadence.meeting_id.is_not(None), Occurrence.ends_at > Occurrence.starts_at)
    .order_by(Occurrence.starts_at, Occurrence.id)
)


def _called(cadence: Cadence, partner: str | None, crew: Crew) -> str:
    """What a meeting is called in a sentence: `the Acme review`, `the Partner team call`."""
    row = crew.table.get(cadence.meeting_id or 0)
    what = row.name if row is not None else "review"
    return f"the {partner} {what}" if partner and row is None else f"the {what}{f' with {partner}' if partner else ''}"


async def _bumped(session: AsyncSession, pm_id: int, *, except_id: int | None, now: datetime) -> list[Slot]:
    """Where single reviews of the partner manager were moved to."""
    rows = await session.execute(
        select(Occurrence, Cadence, Partner.name)
        .join(Cadence, Cadence.id == Occurrence.cadence_id)
        .join(Partner, Partner.id == Cadence.partner_id)
        .where(
            Partner.pm_id == pm_id,
            Cadence.kind == Kind.WEEKLY_REVIEW,
            Occurrence.moved_at.is_not(None),
            Occurrence.state.in_(AHEAD),
            Occurrence.ends_at > now,
        )
    )
    return [
        Slot(moved.starts_at, moved.ends_at,
             f"the {name} review moved to {local_time(moved.starts_at, zone(cadence.zone)):%H:%M}")
        for moved, cadence, name in rows
        if cadence.id != except_id
    ]  # fmt: skip


async def free_slots(
    session: AsyncSession, wanted: Cadence, *, except_id: int | None, now: datetime, policy: Policy, most: int = 4
) -> list[time]:
    """The first free hours on the wanted weekday, from the default hour on, then earlier ones."""
    taken = await taken_slots(session, wanted.pm_id, except_id=except_id, now=now, policy=policy)
    calendar = await calendar_of(session, wanted, policy)
    hours = list(_half_hours(policy, wanted.minutes))
    ordered = [at for at in hours if at >= policy.review_at] + [at for at in hours if at < policy.review_at]
    free: list[time] = []
    for at in ordered:
        trial = Cadence(kind=wanted.kind, rule=wanted.rule, at=at, zone=wanted.zone, minutes=wanted.minutes)
        if _clash(trial, taken, calendar, now) is None:
            free.append(at)
        if len(free) == most:
            break
    return free


def _half_hours(policy: Policy, minutes: int) -> list[time]:
    day = date(2000, 1, 1)
    at = datetime.combine(day, policy.work_start)
    last = datetime.combine(day, policy.work_end) - timedelta(minutes=minutes)
    found = []
    while at <= last:
        found.append(at.time())
        at += SLOT_STEP
    return found


async def hold_calendar(session: AsyncSession, *, now: datetime) -> None:
    """Let one transaction at a time change the calendar: two replicas that fill it at once would make a slot twice.

    A row lock on PostgreSQL; SQLite's only writer is ours already.
    """
    if session.get_bind().dialect.name != "postgresql":
        return
    await session.execute(
        postgresql.insert(Setting).values(name=CALENDAR, value=None, changed_at=now).on_conflict_do_nothing()
    )
    await session.execute(select(Setting.name).where(Setting.name == CALENDAR).with_for_update())


# Built once: putting a statement together costs more than running it, and these run with every look at the plan.
_TIERS_BEHIND = select(Partner).where(or_(Partner.tier_week.is_(None), Partner.tier_week < bindparam("monday")))
_STANDING = select(Cadence).where(Cadence.kind != Kind.WEEKLY_REVIEW, Cadence.meeting_id.is_(None))
_RUNNING = (
    select(Cadence, Partner.pm_id)
    .join(Partner, Partner.id == Cadence.partner_id)
    .where(Cadence.kind == Kind.WEEKLY_REVIEW, Cadence.state == "active")
)
_MANAGERS = select(Person.id, Person.zone).where(Person.id.in_(select(Partner.pm_id).where(Partner.pm_id.is_not(None))))
_ANY_ROW_ON = select(MeetingKind.id).where(MeetingKind.enabled).limit(1)
_HANDED_OVER = (
    select(Cadence, Partner.pm_id)
    .join(Partner, Partner.id == Cadence.partner_id)
    .where(Cadence.kind == Kind.WEEKLY_REVIEW, Partner.pm_id.is_not(None), Cadence.pm_id != Partner.pm_id)
)
_ACTIVE = select(Cadence).where(Cadence.state == "active").order_by(Cadence.id)
_CLOCKS = select(MeetingKind.id, MeetingKind.clock, MeetingKind.changed_at)
# Not by what was moved or called off ahead: it stays when a rule is edited, and what was dropped before it is made again.
_NEWEST = (
    select(Occurrence.cadence_id, func.max(Occurrence.nominal_day))
    .where(
        or_(
            Occurrence.starts_at <= bindparam("now"),
            and_(
                Occurrence.state.in_((State.PLANNED, State.NO_MEETING)),
                Occurrence.closed_at.is_(None),
                Occurrence.moved_at.is_(None),
            ),
        )
    )
    .group_by(Occurrence.cadence_id)
)
_CALENDARS = select(Person.id, Person.calendar).where(Person.calendar != "")


async def ensure_standing(session: AsyncSession, *, now: datetime, policy: Policy) -> None:
    """Keep the cadences that follow from the reviews: each PM's *other partners*, and the Friday note.

    They exist from the first weekly review on; the other-partners slot follows the PM's first review of the week. With
    meetings of the quarter's table alone there is only the Friday on which the week is looked back at.
    """
    await _start_tiers(session, now=now, policy=policy)
    await _follow_managers(session)
    standing = {(row.kind, row.pm_id): row for row in await session.scalars(_STANDING)}
    reviews: dict[int, Cadence] = {}
    for review, pm_id in await session.execute(_RUNNING):
        if pm_id is None:
            continue
        first = reviews.get(pm_id)
        if first is None or (review.rule["weekday"], review.at) < (first.rule["weekday"], first.at):
            reviews[pm_id] = review
    reviewed = bool(reviews) or any(kind == Kind.OTHER_PARTNERS for kind, _ in standing)
    if not reviewed and not standing and await session.scalar(_ANY_ROW_ON) is None:
        return
    managers = (await session.execute(_MANAGERS)).all() if reviewed else ()
    for pm_id, own_zone in managers:
        leading = reviews.get(pm_id)
        rule = leading.rule if leading is not None else weekly(policy.review_weekday)
        at = leading.at if leading is not None else policy.review_at
        place = own_zone or policy.zone
        await _stand(session, standing.get((Kind.OTHER_PARTNERS, pm_id)), Cadence(
            kind=Kind.OTHER_PARTNERS, pm_id=pm_id, rule=rule, at=at, zone=place, minutes=0,
            starts_on=local_date(now, zone(place)), created_at=now,
        ), now=now, policy=policy)  # fmt: skip
    # A Friday holiday moves the note by its own rule (domain.review_times), so its slot stays on Friday.
    friday = WeeklyRule.model_validate({"weekday": FRIDAY, "shift": "keep"}).model_dump(mode="json")
    await _stand(session, standing.get((Kind.FRIDAY_NOTE, None)), Cadence(
        kind=Kind.FRIDAY_NOTE, rule=friday, at=policy.friday_note_at, zone=policy.zone, minutes=0,
        starts_on=local_date(now, zone(policy.zone)), created_at=now,
    ), now=now, policy=policy)  # fmt: skip


async def _start_tiers(session: AsyncSession, *, now: datetime, policy: Policy) -> None:
    """A change of tier starts next week, on Monday by the company's clock; a partner that is new counts at once.

    A partner that is not Tier 1 any more has no weekly review from then on; its deals are asked for among the others.
    """
    today = local_date(now, zone(policy.zone))
    monday = today - timedelta(days=today.weekday())
    behind = list(await session.scalars(_TIERS_BEHIND, {"monday": monday}))
    for partner in behind:
        ends = partner.tier_now == 1 and partner.tier != 1
        partner.tier_now, partner.tier_week = partner.tier, monday
        if ends:
            await _end_review(session, partner, now=now)


async def _end_review(session: AsyncSession, partner: Partner, *, now: datetime) -> None:
    cadence = await session.scalar(
        select(Cadence).where(
            Cadence.kind == Kind.WEEKLY_REVIEW, Cadence.partner_id == partner.id, Cadence.state == "active"
        )
    )
    if cadence is None:
        return
    cadence.state = "paused"
    await drop_untouched(session, cadence, now=now)  # one that was asked for already is still held
    changes.note(session, "cadence", cadence.id, "state", "active", "paused", by_id=None, source="system", at=now,
                 reason=f"Tier {partner.tier} from this week on")  # fmt: skip


async def _follow_managers(session: AsyncSession) -> None:
    """A review belongs to whoever manages its partner now; other meetings follow in `models.meetings`."""
    for review, pm_id in await session.execute(_HANDED_OVER):
        review.pm_id = pm_id


async def _stand(
    session: AsyncSession, existing: Cadence | None, wanted: Cadence, *, now: datetime, policy: Policy
) -> None:
    if existing is None:
        session.add(wanted)
        await session.flush()
        return
    if (existing.rule, existing.at, existing.zone) == (wanted.rule, wanted.at, wanted.zone):
        return
    existing.rule, existing.at, existing.zone = wanted.rule, wanted.at, wanted.zone
    await replan_future(session, existing, now=now, policy=policy)


async def fill(session: AsyncSession, *, now: datetime, policy: Policy) -> int:
    """Create the occurrences up to the horizon; returns how many. After downtime the missed slots are made too.

    A slot that exists is never made again, whatever its day became: the slot is the key.
    """
    cadences = list(await session.scalars(_ACTIVE))
    newest = await session.execute(_NEWEST, {"now": now})
    latest: dict[int, date] = {cadence_id: day for cadence_id, day in newest}  # noqa: C416 - a Row is a tuple
    codes = await session.execute(_CALENDARS)
    pm_calendars: dict[int, str] = {pm_id: code for pm_id, code in codes}  # noqa: C416 - likewise
    table = {row_id: (clock, changed_at) for row_id, clock, changed_at in await session.execute(_CLOCKS)}
    until = last_planned_day(now, policy)
    made = 0
    for cadence in cadences:
        if is_placed(cadence):
            continue
        clock, edited = table.get(cadence.meeting_id or 0, ("", cadence.created_at))
        code = None if clock == "company" else pm_calendars.get(cadence.pm_id or 0)
        calendar = WorkCalendar(code=code) if code else policy.calendar
        since = max(latest.get(cadence.id, cadence.starts_on) + timedelta(days=1), cadence.starts_on)
        if cadence.id not in latest:
            since = cadence.starts_on
        due = meetings(cadence, calendar, since, until, policy.fiscal) if since <= until else []
        if not due:
            continue
        present = set(await session.scalars(select(Occurrence.slot).where(Occurrence.cadence_id == cadence.id)))
        for meeting in due:
            if meeting.slot not in present and not _over_before(max(cadence.created_at, edited), meeting, now):
                session.add(_occurrence(cadence, meeting))
                made += 1
    await session.flush()
    return made


def _over_before(begins: datetime, meeting: Meeting, now: datetime) -> bool:
    """A meeting set up, or put into its row, after its own hour belongs to nobody: the series begins with the next one."""
    return meeting.starts_at is not None and meeting.starts_at <= begins <= now


def _occurrence(cadence: Cadence, meeting: Meeting) -> Occurrence:
    day = meeting.day or meeting.nominal_day
    starts_at = meeting.starts_at or local_to_utc(day, cadence.at, zone(cadence.zone))
    nothing = meeting.day is None
    return Occurrence(
        cadence_id=cadence.id,
        slot=meeting.slot,
        nominal_day=meeting.nominal_day,
        day=day,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=cadence.minutes),
        state=State.NO_MEETING if nothing else State.PLANNED,
        skip_side=Side.HOLIDAY if nothing else "",
        skip_reason=(meeting.reason or "") if nothing else "",
    )


async def replan_future(session: AsyncSession, cadence: Cadence, *, now: datetime, policy: Policy) -> None:
    """After a rule was edited: what lies ahead is filled anew. A slot whose new hour is over keeps its old one.

    Else a review moved from Thursday to Monday on a Wednesday would lose this week, or have met in the past.
    """
    today = local_date(now, zone(cadence.zone))
    calendar = await calendar_of(session, cadence, policy)
    first, last = today - timedelta(weeks=LONGEST_QUARTER), today + timedelta(weeks=1)
    over = {
        meeting.slot
        for meeting in meetings(cadence, calendar, first, last, policy.fiscal)
        if meeting.starts_at is None or meeting.starts_at <= now
    }
    await drop_untouched(session, cadence, now=now, keep=over)


async def drop_untouched(session: AsyncSession, cadence: Cadence, *, now: datetime, keep: Collection[str] = ()) -> None:
    """Remove future occurrences nobody has touched, but those of the slots to `keep`."""
    touched = select(Step.occurrence_id).where(Step.state != "planned")
    answered = select(Answer.occurrence_id)
    drafted = select(Minutes.occurrence_id)
    rows = await session.scalars(
        select(Occurrence.id).where(
            Occurrence.cadence_id == cadence.id,
            Occurrence.starts_at > now,
            Occurrence.state.in_((State.PLANNED, State.NO_MEETING)),
            Occurrence.closed_at.is_(None),  # what a person called off stays called off
            Occurrence.moved_at.is_(None),
            Occurrence.slot.not_in(keep),
            Occurrence.id.not_in(touched),
            Occurrence.id.not_in(answered),
            Occurrence.id.not_in(drafted),
        )
    )
    ids = list(rows)
    if ids:
        await cards.touch_occurrences(session, ids)
        await session.execute(delete(CardOccurrence).where(CardOccurrence.occurrence_id.in_(ids)))
        await session.execute(delete(Step).where(Step.occurrence_id.in_(ids)))
        await session.execute(delete(Occurrence).where(Occurrence.id.in_(ids)))


async def pause(session: AsyncSession, cadence: Cadence, *, reason: str, by: Person, now: datetime) -> None:
    """Stop the series until it is set up again. A review whose prompts are out is skipped; its answers stay."""
    if not clean(reason):
        raise FieldErrors({"reason": "Say why: a cadence that stops without a reason is how they die."})
    cadence.state = "paused"
    await drop_untouched(session, cadence, now=now)
    asked = await session.scalars(
        select(Occurrence).where(
            Occurrence.cadence_id == cadence.id,
            Occurrence.starts_at > now,
            Occurrence.state.in_(AHEAD),
            Occurrence.closed_at.is_(None),
        )
    )
    for occurrence in list(asked):
        await skip(session, occurrence, side=Side.OURS, reason=reason, by=by, now=now)
    changes.note(session, "cadence", cadence.id, "state", "active", "paused", by_id=by.id, source="slack", at=now,
                 reason=clean(reason))  # fmt: skip


async def bump(
    session: AsyncSession,
    occurrence: Occurrence,
    *,
    day: date,
    at: time,
    reason: str,
    by: Person,
    now: datetime,
    policy: Policy,
) -> None:
    """Move one meeting within its week (a monthly one within its month, a readout within its quarter).

    It keeps its slot, so nothing fires twice. Raises FieldErrors.
    """
    cadence = await session.get_one(Cadence, occurrence.cadence_id)
    refuse_settled(occurrence)
    clocks = zone(cadence.zone)
    starts_at = local_to_utc(day, at, clocks)
    moved = Slot(starts_at, starts_at + timedelta(minutes=cadence.minutes), "")
    errors: dict[str, str] = {}
    first, last, reach = bump_limits(rule_of(cadence), occurrence.nominal_day, policy)
    if not first <= day <= last:
        errors["day"] = (
            f"Choose a day in the same {reach}, or skip this {reach}'s {'review' if reach == 'week' else 'meeting'}."
        )
    elif not (await calendar_of(session, cadence, policy)).is_business_day(day):
        errors["day"] = "That is not a working day."
    elif starts_at <= now:
        errors["at"] = "That time is over. Choose a later one."
    elif starts_at == occurrence.starts_at:
        errors["at"] = "That is when it is planned already."
    elif outside := _outside_hours(local_time(moved.starts_at, clocks), cadence.minutes, policy):
        errors["at"] = outside
    if not clean(reason):
        errors["reason"] = "Say why it moves: the reason stands in the note."
    if not errors:
        clash = await _meets_occurrence(session, cadence, occurrence.id, moved)
        if clash:
            errors["at"] = f"This overlaps with {clash}."
    if errors:
        raise FieldErrors(errors)
    before = occurrence.starts_at.isoformat()
    occurrence.day, occurrence.starts_at, occurrence.ends_at = day, moved.starts_at, moved.ends_at
    occurrence.moved_at, occurrence.moved_by_id, occurrence.moved_reason = now, by.id, clean(reason)
    changes.note(session, "occurrence", occurrence.id, "starts_at", before, starts_at.isoformat(), by_id=by.id,
                 source="slack", at=now, reason=clean(reason))  # fmt: skip
    await cards.touch_occurrences(session, [occurrence.id])


def bump_limits(rule: Rule, nominal: date, policy: Policy) -> tuple[date, date, str]:
    """The first and last day a meeting may be moved to, and the stretch in a word: week, month or quarter."""
    if rule.kind in ("weekly", "quarter_week", "last_whole_week"):
        monday = nominal - timedelta(days=nominal.weekday())
        return monday, monday + timedelta(days=6), "week"
    if rule.kind == "nth_weekday":
        return nominal.replace(day=1), nominal.replace(day=monthrange(nominal.year, nominal.month)[1]), "month"
    quarter = policy.fiscal.quarter_of(nominal)
    return quarter.first, quarter.last, "quarter"


async def _meets_occurrence(session: AsyncSession, cadence: Cadence, except_id: int, moved: Slot) -> str:
    """The first meeting that somebody of this one has at that time, as people call it; empty when there is none."""
    crew = await crews.crew(session)
    mine = crew.people(cadence)
    rows = await session.execute(
        select(Occurrence, Cadence, Partner.name)
        .join(Cadence, Cadence.id == Occurrence.cadence_id)
        .outerjoin(Partner, Partner.id == Cadence.partner_id)
        .where(
            or_(Cadence.kind == Kind.WEEKLY_REVIEW, Cadence.meeting_id.is_not(None)),
            Occurrence.id != except_id,
            Occurrence.state.in_(AHEAD),
            Occurrence.ends_at > Occurrence.starts_at,
            Occurrence.starts_at < moved.ends_at,
            Occurrence.ends_at > moved.starts_at,
        )
        .order_by(Occurrence.starts_at, Occurrence.id)
    )
    for other, its, name in rows:
        if mine & crew.people(its):
            return f"{_called(its, name, crew)} at {local_time(other.starts_at, zone(cadence.zone)):%H:%M}"
    return ""


async def skip(
    session: AsyncSession, occurrence: Occurrence, *, side: Side, reason: str, by: Person, now: datetime
) -> None:
    """Record that one review does not happen: whose side, and why. Its answers still reach the Friday note."""
    refuse_settled(occurrence)
    if not clean(reason):
        raise FieldErrors({"reason": "Say why: a skipped review is recorded with its reason and your name."})
    before = occurrence.state
    occurrence.state = State.SKIPPED if side == Side.OURS else State.NO_MEETING
    occurrence.skip_side, occurrence.skip_reason = side, clean(reason)
    occurrence.closed_at, occurrence.closed_by_id = now, by.id
    changes.note(session, "occurrence", occurrence.id, "state", before, occurrence.state, by_id=by.id, source="slack",
                 at=now, reason=clean(reason))  # fmt: skip
    await cards.touch_occurrences(session, [occurrence.id])


def refuse_settled(occurrence: Occurrence) -> None:
    """Raise UserError when the review is already closed, skipped or held."""
    if occurrence.closed_at is not None or occurrence.state not in AHEAD:
        raise UserError(f"This review is already {occurrence.state.replace('_', ' ')}; it cannot be changed any more.")


async def lock_occurrence(session: AsyncSession, occurrence_id: int) -> tuple[Occurrence, Cadence]:
    """The occurrence, held until the transaction ends, and its cadence."""
    occurrence = await session.scalar(select(Occurrence).where(Occurrence.id == occurrence_id).with_for_update())
    if occurrence is None:
        raise UserError("This review does not exist any more; `/cadence` shows what is planned.")
    return occurrence, await session.get_one(Cadence, occurrence.cadence_id)


@dataclass(frozen=True)
class Planned:
    """One meeting ahead, with what people call it: `name` is empty for a weekly review, which its partner names.

    `people` are ours who are in it, `lead_id` whoever leads it.
    """

    occurrence: Occurrence
    cadence: Cadence
    partner: Partner | None
    name: str = ""
    lead_id: int | None = None
    people: frozenset[int] = frozenset()

    @property
    def title(self) -> str:
        return " · ".join(part for part in (self.partner.name if self.partner else "", self.name) if part)


async def coming(
    session: AsyncSession,
    *,
    now: datetime,
    until: datetime,
    pm_ids: Collection[int] | None = None,
    table: bool = False,
) -> list[Planned]:
    """The reviews from `now` (those running included) to `until`, in order; of these partner managers, or all.

    With `table` the meetings of the quarter's table too.
    """
    query = (
        select(Occurrence, Cadence, Partner)
        .join(Cadence, Cadence.id == Occurrence.cadence_id)
        .outerjoin(Partner, Partner.id == Cadence.partner_id)
        .where(Occurrence.ends_at > now, Occurrence.starts_at < until, Occurrence.ends_at > Occurrence.starts_at)
        .order_by(Occurrence.starts_at, Occurrence.id)
    )
    kinds = Cadence.kind == Kind.WEEKLY_REVIEW
    query = query.where(or_(kinds, Cadence.meeting_id.is_not(None)) if table else kinds)
    if pm_ids is not None:
        query = query.where(Partner.pm_id.in_(pm_ids))
    crew = await crews.crew(session)
    found = []
    for occurrence, cadence, partner in await session.execute(query):
        row = crew.table.get(cadence.meeting_id or 0)
        name = row.name if row is not None else ""
        found.append(Planned(occurrence, cadence, partner, name, crew.lead(cadence), crew.people(cadence)))
    return found


async def not_closed(session: AsyncSession, *, now: datetime) -> list[Planned]:
    """The meetings of the quarter's table that are over and that nobody has closed, oldest first."""
    rows = await session.execute(
        select(Occurrence, Cadence, Partner)
        .join(Cadence, Cadence.id == Occurrence.cadence_id)
        .join(MeetingKind, MeetingKind.id == Cadence.meeting_id)
        .outerjoin(Partner, Partner.id == Cadence.partner_id)
        .where(
            MeetingKind.leaves != "",
            Occurrence.closed_at.is_(None),
            Occurrence.state.in_(AHEAD),
            Occurrence.ends_at <= now,
            Occurrence.ends_at > Occurrence.starts_at,
        )
        .order_by(Occurrence.starts_at, Occurrence.id)
    )
    crew = await crews.crew(session)
    return [
        Planned(occurrence, cadence, partner, crew.table[cadence.meeting_id or 0].name, crew.lead(cadence),
                crew.people(cadence))
        for occurrence, cadence, partner in rows
    ]  # fmt: skip


async def tier1_counts(session: AsyncSession) -> dict[int, int]:
    """Tier 1 partners by partner manager."""
    rows = await session.execute(
        select(Partner.pm_id, func.count()).where(Partner.tier == 1, Partner.pm_id.is_not(None)).group_by(Partner.pm_id)
    )
    return {pm_id: number for pm_id, number in rows if pm_id is not None}


def ceiling_breach(count: int, policy: Policy) -> str:
    """The sentence that names a breach of the Tier 1 ceiling; empty when there is none."""
    if count <= policy.tier1_ceiling:
        return ""
    return (
        f"{count} Tier 1 partners for one partner manager; the ceiling is {policy.tier1_ceiling}. "
        "More than that and nobody gets weekly attention: move the rest to Tier 2."
    )
