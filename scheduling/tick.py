"""Time comes in: turn every step owed at `now` into cards, artifacts and outbox rows.

One transaction claims the due steps and writes what follows; a replica that loses the race finds them claimed. What is
past its window is recorded as late, never dropped silently and never fired in a burst; what is late but still wanted
waits for working hours.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import cadence_health, cards, changes, closing, crews, meetings, notes, outbox, people, reviews
from models.cadences import AHEAD, Side, State
from models.domain import review_times
from models.domain.policy import Policy
from models.domain.workdays import Reader, in_working_hours
from models.domain.zones import local_date
from models.forecast import asking
from models.forecast.asking import Task, Week, What
from models.insert import add_missing
from models.joint import checkin
from models.minutes.closing import channel_of
from models.minutes.gather import page
from models.outbox import Owed
from models.tables import Cadence, Card, CardOccurrence, Occurrence, Partner, Step
from scheduling.plan import StepKind, at_work, settle

ON_TIME = timedelta(minutes=15)
MEETING_AGENDA = "meeting_agenda"
"""The agenda of a meeting of the quarter's table: artifact and template."""


@dataclass(frozen=True)
class Due:
    """One claimed step with what it belongs to."""

    step: Step
    occurrence: Occurrence
    cadence: Cadence


@dataclass(frozen=True)
class Moment:
    """What the doers of one tick share."""

    session: AsyncSession
    now: datetime
    policy: Policy
    staff: reviews.Staff


Doer = Callable[[Moment, list[Due]], Awaitable[int]]


async def tick(session: AsyncSession, *, now: datetime, policy: Policy) -> int:
    """Do every step owed at `now`; the number of steps settled or put off. Never commits."""
    due = await _claim(session, now)
    if not due:
        return 0
    moment = Moment(session, now, policy, await reviews.staff(session, policy))
    late = [item for item in due if item.step.void_at <= now]
    await settle(session, [item.step for item in late], "late", now=now, note="past its window")
    ready = await _in_hours(moment, [item for item in due if item.step.void_at > now])
    by_kind: dict[str, list[Due]] = defaultdict(list)
    for item in ready:
        by_kind[item.step.kind].append(item)
    for kind, doer in DO.items():
        if by_kind[kind]:
            await doer(moment, by_kind[kind])
    return len(due)


# Built once: it runs with every look.
_DUE = (
    select(Step, Occurrence, Cadence)
    .join(Occurrence, Occurrence.id == Step.occurrence_id)
    .join(Cadence, Cadence.id == Occurrence.cadence_id)
    .where(Step.state == "planned", Step.due_at <= bindparam("now"))
    .order_by(Step.due_at, Step.id)
    .with_for_update(skip_locked=True, of=Step)
)


async def _claim(session: AsyncSession, now: datetime) -> list[Due]:
    rows = await session.execute(_DUE, {"now": now})
    return [Due(step, occurrence, cadence) for step, occurrence, cadence in rows]


async def _in_hours(moment: Moment, due: list[Due]) -> list[Due]:
    """Those that may go out now. The rest waits for its reader's working hours, or is late if they come too late."""
    company = people.company_reader(moment.policy)
    ready: list[Due] = []
    for item in due:
        reader = _reader(item, moment, company)
        opens = review_times.waits_until(reader, moment.now) if reader is not None else moment.now
        if opens is not None and opens <= moment.now:
            ready.append(item)
        elif opens is None or opens >= item.step.void_at:
            await settle(moment.session, [item.step], "late", now=moment.now, note="no working hours left before it")
        else:
            item.step.due_at = opens
    return ready


def _reader(item: Due, moment: Moment, company: Reader) -> Reader | None:
    """Whose working hours a step waits for; None for what nobody reads, and for a channel's post that is on time."""
    if item.step.kind in (StepKind.EXPIRE, StepKind.OVER, StepKind.CHECK_IN_OVER):
        return None
    if item.step.kind == StepKind.CHECK_IN:
        manager = moment.staff.readers.get(item.cadence.pm_id or 0)
        return at_work(manager) if manager is not None else company
    if item.step.person_id is not None:
        return moment.staff.readers.get(item.step.person_id)
    return company if moment.now - item.step.due_at > ON_TIME else None


async def prompt(moment: Moment, due: list[Due]) -> int:
    """One card for each person and local day, all their reviews in it; a review added later joins it."""
    asked = await _with_open_deals(moment, due)
    await _put_on_cards(moment, asked, cards.PROMPT)
    await settle(moment.session, _without(due, asked), "nothing", now=moment.now)
    prompted = [item.occurrence.id for item in due if item.occurrence.state == State.PLANNED]
    if prompted:
        await moment.session.execute(
            update(Occurrence)
            .where(Occurrence.id.in_(prompted))
            .values(state=State.PROMPTED, prompted_at=moment.now)
            .execution_options(synchronize_session=False)
        )
    return len(asked)


async def nudge(moment: Moment, due: list[Due]) -> int:
    """One nudge a person a day, only for what is still open."""
    due = await _after_a_pause(moment, due)
    asked = await _with_open_deals(moment, due)
    await _put_on_cards(moment, asked, cards.NUDGE)
    await settle(moment.session, _without(due, asked), "nothing", now=moment.now)
    return len(asked)


def _without(due: list[Due], asked: list[Due]) -> list[Step]:
    """The steps of those who need not be asked."""
    asked_ids = {item.step.id for item in asked}
    return [item.step for item in due if item.step.id not in asked_ids]


async def _after_a_pause(moment: Moment, due: list[Due]) -> list[Due]:
    """Those whose reader was asked three hours ago; after downtime prompt and nudge fall due at once. The rest waits."""
    rows = await moment.session.execute(
        select(Step.person_id, Step.state, Step.settled_at, Step.due_at).where(
            Step.kind == StepKind.PROMPT,
            Step.occurrence_id.in_(sorted({item.occurrence.id for item in due})),
            Step.state.in_(("planned", "done")),
        )
    )
    asked: dict[int | None, datetime] = {}
    for person_id, state, settled_at, due_at in rows:
        at = settled_at if state == "done" and settled_at is not None else due_at
        asked[person_id] = min(asked.get(person_id, at), at)
    ready: list[Due] = []
    for item in due:
        allowed = asked.get(item.step.person_id, moment.now) + review_times.QUIET_AFTER_PROMPT
        if item.step.person_id not in asked or allowed <= moment.now:
            ready.append(item)
        else:
            item.step.due_at = allowed  # planning anew drops it where that is too late
    return ready


async def _with_open_deals(moment: Moment, due: list[Due]) -> list[Due]:
    """The steps whose person still has a deal to answer for: never to someone who has answered."""
    ids = sorted({item.occurrence.id for item in due})
    listed = await reviews.owned(moment.session, ids, now=moment.now, policy=moment.policy)
    done = await reviews.answered(moment.session, ids)
    waiting: set[tuple[int, int]] = set()
    for item in {item.occurrence.id: item for item in due}.values():
        for duty in reviews.duties(item.occurrence, item.cadence.pm_id, listed[item.occurrence.id], moment.staff):
            if any(deal_id not in done[item.occurrence.id] for deal_id in duty.deal_ids):
                waiting.add((item.occurrence.id, duty.responder_id))
    return [
        item for item in due if item.occurrence.state in AHEAD and (item.occurrence.id, item.step.person_id) in waiting
    ]


async def _put_on_cards(moment: Moment, due: list[Due], kind: str) -> None:
    """Make (or find) each person's card of their local day, put the reviews on it, and owe its first post."""
    if not due:
        return
    session, now = moment.session, moment.now
    days = {
        item.step.person_id: local_date(now, moment.staff.readers[item.step.person_id].zone)
        for item in due
        if item.step.person_id is not None
    }
    fresh = [
        {"kind": kind, "person_id": person_id, "day": day, "created_at": now, "wanted": 1, "shown": 0, "dead": "",
         "fence": 0}
        for person_id, day in days.items()
    ]  # fmt: skip
    await add_missing(session, Card, fresh, key=("kind", "person_id", "day"))
    found = await session.execute(
        select(Card.id, Card.person_id, Card.day).where(Card.kind == kind, Card.day.in_(set(days.values())))
    )
    card_of = {(person_id, day): card_id for card_id, person_id, day in found}
    links = [
        {"card_id": card_of[item.step.person_id, days[item.step.person_id]], "occurrence_id": item.occurrence.id}
        for item in due
        if item.step.person_id is not None
    ]
    await _link(session, links)
    await outbox.enqueue(session, list(_card_posts(due, days, card_of, kind)), now=now)
    await settle(session, [item.step for item in due], "done", now=now)
    await cards.touch_homes(session, list(days))


async def _link(session: AsyncSession, links: list[dict[str, int]]) -> None:
    await add_missing(session, CardOccurrence, links, key=("card_id", "occurrence_id"))
    await session.execute(
        update(Card)
        .where(Card.id.in_({link["card_id"] for link in links}))
        .values(wanted=Card.wanted + 1)
        .execution_options(synchronize_session=False)
    )


def _card_posts(
    due: Iterable[Due], days: dict[int, date], card_of: dict[tuple[int, date | None], int], kind: str
) -> Iterable[Owed]:
    latest: dict[int, datetime] = {}
    due_at: dict[int, datetime] = {}
    for person_id, step in [(item.step.person_id, item.step) for item in due if item.step.person_id is not None]:
        latest[person_id] = max(latest.get(person_id, step.void_at), step.void_at)
        due_at[person_id] = min(due_at.get(person_id, step.due_at), step.due_at)
    for person_id, void_at in latest.items():
        day = days[person_id]
        card_id = card_of[person_id, day]
        yield Owed(
            key=f"{kind}:{person_id}:{day.isoformat()}",
            template=kind,
            args={"card_id": card_id},
            due_at=due_at[person_id],
            void_at=void_at,
            person_id=person_id,
            card_id=card_id,
        )


async def prepare(moment: Moment, due: list[Due]) -> int:
    """Drafts to look at, pulses to answer, forecasts to sign: one card a person and local day."""
    crew = await crews.crew(moment.session)
    pairs = {item.occurrence.id: (item.occurrence, item.cadence) for item in due}
    weeks = {
        one: week for one, pair in pairs.items() if (week := asking.week_of(*pair, crew, moment.policy)) is not None
    }
    asked = await asking.tasks(
        moment.session, [pairs[one] for one in weeks], crew, moment.staff, now=moment.now, policy=moment.policy
    )
    due = [item for item in due if not _not_yet(moment, item, weeks.get(item.occurrence.id), asked)]
    still = [item for item in due if _is_asked(item, asked, week=item.occurrence.id in weeks)]
    await settle(moment.session, _without(due, still), "nothing", now=moment.now)
    await _put_on_cards(moment, still, cards.PREPARE)
    return len(still)


def _is_asked(item: Due, asked: Iterable[Task], *, week: bool) -> bool:
    """Whether there is something left to do: of a roll-up's week what this very step asks for."""
    if not week:
        return item.occurrence.closed_at is None and item.occurrence.state in AHEAD
    reviews_it = item.step.kind == StepKind.REVIEW
    return any(
        task.open and (task.what is What.REVIEW) is reviews_it
        for task in asked
        if (task.occurrence_id, task.person_id) == (item.occurrence.id, item.step.person_id)
    )


def _not_yet(moment: Moment, item: Due, week: Week | None, asked: Iterable[Task]) -> bool:
    """Put off to the next morning what asks for a sign-off while the roll-up is not published; true if it was."""
    if week is None or not week.signers or week.partner_managers or asking.is_published(asked, item.occurrence.id):
        return False
    reader = moment.staff.readers.get(item.step.person_id or 0)
    due = review_times.next_morning(reader, moment.now, moment.policy.prompt_at) if reader is not None else None
    if due is None or due >= item.step.void_at:
        return False
    item.step.due_at = due
    return True


async def agenda(moment: Moment, due: list[Due]) -> int:
    """The agenda in the meeting's channel; a direct message to whoever leads it where there is none."""
    ahead = [item for item in due if item.occurrence.closed_at is None and item.occurrence.state in AHEAD]
    await settle(moment.session, _without(due, ahead), "nothing", now=moment.now)
    await _table_agendas(moment, [item for item in ahead if item.cadence.meeting_id is not None])
    return await _review_agendas(moment, [item for item in ahead if item.cadence.meeting_id is None])


async def _table_agendas(moment: Moment, due: list[Due]) -> None:
    session, policy = moment.session, moment.policy
    crew = await crews.crew(session) if due else None
    for item in due:
        if crew is None or item.cadence.meeting_id is None:
            continue
        spec = meetings.spec_of(crew.table[item.cadence.meeting_id])
        channel = await channel_of(session, item.cadence, spec, policy)
        lead = crew.lead(item.cadence)
        if lead is not None:  # nobody is written to while they are away
            lead = reviews.closer_for(lead, item.occurrence.starts_at, moment.staff)
        if not channel and await _put_off(moment, item, lead):
            continue
        facts = await page(session, item.occurrence, item.cadence, now=moment.now, policy=policy)
        artifact = await notes.freeze(
            session, item.occurrence, MEETING_AGENDA, facts, partner_id=item.cadence.partner_id, now=moment.now
        )
        owed = Owed(
            key=f"agenda:{item.occurrence.id}",
            template=MEETING_AGENDA,
            args={"artifact_id": artifact.id},
            due_at=item.step.due_at,
            void_at=item.step.void_at,
            channel_ref=channel,
            person_id=None if channel else lead,
            occurrence_id=item.occurrence.id,
        )
        await outbox.enqueue(session, [owed] if channel or lead is not None else [], now=moment.now)
        await settle(session, [item.step], "done", now=moment.now)


async def _put_off(moment: Moment, item: Due, person_id: int | None) -> bool:
    """Whether an agenda that a person gets waits for their working hours; too late for them is recorded as late."""
    reader = moment.staff.readers.get(person_id) if person_id is not None else None
    if reader is None:
        return False
    opens = review_times.waits_until(reader, moment.now)
    if opens is not None and opens <= moment.now:
        return False
    if opens is None or opens >= item.step.void_at:
        await settle(moment.session, [item.step], "late", now=moment.now, note="outside its reader's working hours")
    else:
        item.step.due_at = opens
    return True


async def _review_agendas(moment: Moment, due: list[Due]) -> int:
    partners = await _partners(moment, due)
    owed, sent = [], []
    for item in due:
        partner = partners[item.cadence.partner_id or 0]
        if not partner.internal_channel and await _put_off(moment, item, partner.pm_id):
            continue
        sent.append(item.step)
        facts, waiting, absent = await notes.agenda_facts(
            moment.session, item.occurrence.id, now=moment.now, policy=moment.policy
        )
        artifact = await notes.freeze(
            moment.session, item.occurrence, notes.AGENDA, facts, partner_id=partner.id, now=moment.now
        )
        owed.append(
            Owed(
                key=f"agenda:{item.occurrence.id}",
                template=notes.AGENDA,
                args={
                    "artifact_id": artifact.id,
                    "waiting": waiting,
                    "absent": absent,
                    # Everybody is named; called only who is at work: a mention rings on a telephone at night too.
                    "call": [who for who in waiting if in_working_hours(moment.staff.readers[who], moment.now)],
                },
                due_at=item.step.due_at,
                void_at=item.step.void_at,
                channel_ref=partner.internal_channel,
                person_id=None if partner.internal_channel else partner.pm_id,
                occurrence_id=item.occurrence.id,
            )
        )
    await outbox.enqueue(moment.session, owed, now=moment.now)
    await settle(moment.session, sent, "done", now=moment.now)
    return len(owed)


async def _partners(moment: Moment, due: Iterable[Due]) -> dict[int, Partner]:
    ids = {item.cadence.partner_id for item in due}
    return {row.id: row for row in await moment.session.scalars(select(Partner).where(Partner.id.in_(ids)))}


async def check_in(moment: Moment, due: list[Due]) -> int:
    """The co-sell check-in, one a review: in the partner's joint channel, else on its manager's desk."""
    partners = await _partners(moment, due)
    made = 0
    for item in due:
        ahead = item.occurrence.closed_at is None and item.occurrence.state in AHEAD
        owed = ahead and await checkin.owe(
            moment.session, item.occurrence, partners[item.cadence.partner_id or 0], now=moment.now,
            policy=moment.policy, step=item.step,
        )  # fmt: skip
        await settle(moment.session, [item.step], "done" if owed else "nothing", now=moment.now)
        made += owed
    return made


async def check_in_over(moment: Moment, due: list[Due]) -> int:
    """The review begins: the check-in says that it is over, and its buttons go. Whatever waited for it waits no more."""
    await checkin.over(moment.session, [item.occurrence.id for item in due], now=moment.now, policy=moment.policy)
    await settle(moment.session, [item.step for item in due], "done", now=moment.now)
    return len(due)


async def close_request(moment: Moment, due: list[Due]) -> int:
    """One "close your reviews" card after the partner manager's last review of the day."""
    return await _closing_card(moment, due, cards.CLOSE)


async def close_nudge(moment: Moment, due: list[Due]) -> int:
    """Before the Friday note: what is not closed yet."""
    return await _closing_card(moment, due, cards.CLOSE_NUDGE)


async def _closing_card(moment: Moment, due: list[Due], kind: str) -> int:
    still = [item for item in due if item.occurrence.closed_at is None and item.occurrence.state in AHEAD]
    await settle(moment.session, [item.step for item in due if item not in still], "nothing", now=moment.now)
    await _put_on_cards(moment, still, kind)
    # Last week's review that nobody closed stands on the same card: it can still be closed.
    for pm_id in {item.step.person_id for item in still if item.step.person_id is not None}:
        older = await closing.waiting_for(moment.session, pm_id, now=moment.now)
        card_id = await moment.session.scalar(
            select(Card.id).where(Card.kind == kind, Card.person_id == pm_id).order_by(Card.id.desc()).limit(1)
        )
        if card_id is not None and older:
            await _link(moment.session, [{"card_id": card_id, "occurrence_id": row.id} for row, _ in older])
    return len(still)


async def consolidate(moment: Moment, due: list[Due]) -> int:
    """The Friday note; and whoever has to hear of a series that is skipped again and again, hears it."""
    for item in due:
        since = await _last_look(moment, item)
        await cadence_health.escalate(
            moment.session, item.occurrence, since=since, now=moment.now, policy=moment.policy
        )
        artifact = await notes.publish_friday(moment.session, item.occurrence, now=moment.now, policy=moment.policy)
        await settle(moment.session, [item.step], "done" if artifact else "nothing", now=moment.now)
    await cards.touch_homes(moment.session)
    return len(due)


async def _last_look(moment: Moment, item: Due) -> datetime | None:
    """When a week was last consolidated, one without any review included; None before the first."""
    last: datetime | None = await moment.session.scalar(
        select(func.max(Step.settled_at))
        .join(Occurrence, Occurrence.id == Step.occurrence_id)
        .where(
            Step.kind == StepKind.CONSOLIDATE,
            Step.state.in_(("done", "nothing")),
            Occurrence.cadence_id == item.cadence.id,
        )
    )
    return last


async def expire(moment: Moment, due: list[Due]) -> int:
    """A review never closed is recorded as skipped, our side, "not closed"."""
    for item in due:
        if item.occurrence.closed_at is None and item.occurrence.state in AHEAD:
            why = "not closed" if item.occurrence.ends_at > item.occurrence.starts_at else "not answered"
            before, item.occurrence.state = item.occurrence.state, State.SKIPPED
            item.occurrence.skip_side, item.occurrence.skip_reason = Side.OURS, why
            item.occurrence.closed_at = moment.now
            changes.note(moment.session, "occurrence", item.occurrence.id, "state", before, State.SKIPPED,
                         by_id=None, source="system", at=moment.now, reason=why)  # fmt: skip
    await settle(moment.session, [item.step for item in due], "done", now=moment.now)
    await cards.touch_occurrences(moment.session, [item.occurrence.id for item in due])
    return len(due)


async def over(moment: Moment, due: list[Due]) -> int:
    """What leaves nothing behind, such as office hours, was held when its time is over."""
    for item in due:
        if item.occurrence.closed_at is None and item.occurrence.state in AHEAD:
            item.occurrence.state, item.occurrence.closed_at = State.HELD, moment.now
    await settle(moment.session, [item.step for item in due], "done", now=moment.now)
    return len(due)


#: What is done for each kind of step, in this order: what ends a week comes before what consolidates it.
DO: dict[str, Doer] = {
    StepKind.PROMPT: prompt,
    StepKind.PREPARE: prepare,
    StepKind.REMIND: prepare,
    StepKind.REVIEW: prepare,
    StepKind.NUDGE: nudge,
    StepKind.CHECK_IN: check_in,
    StepKind.CHECK_IN_OVER: check_in_over,
    StepKind.AGENDA: agenda,
    StepKind.CLOSE_REQUEST: close_request,
    StepKind.CLOSE_NUDGE: close_nudge,
    StepKind.EXPIRE: expire,
    StepKind.OVER: over,
    StepKind.CONSOLIDATE: consolidate,
}
