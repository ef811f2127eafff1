"""“To prepare”: drafts of PBRs, pulses, forecasts to sign, one card a day; and the head's card of a quarter's pulses."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from handlers.kit import blocks as b
from handlers.kit import words as w
from handlers.kit.doors import QuarterRef as PeriodRef
from handlers.kit.message import Message
from handlers.meetings.ids import CardRef, Door, OneRef
from models import cards, crews, pbr, people, pulses, reviews
from models.crews import Crew
from models.domain.meetings import Leaves
from models.domain.policy import Policy
from models.domain.text import clip, count
from models.domain.zones import zone
from models.forecast import asking
from models.forecast.asking import Task, What
from models.people import Directory
from models.pulses import VERDICTS, Asked
from models.tables import Cadence, Card, Occurrence, Partner, PulseAnswer

MOST_ROWS = 20
MOST_REPORTED = 40


@dataclass(frozen=True)
class Row:
    """One thing to prepare."""

    occurrence: Occurrence
    partner: Partner
    name: str
    pulse: bool
    answer: PulseAnswer | None = None
    draft: str = ""
    """How far a PBR's draft is, in words."""

    @property
    def done(self) -> bool:
        return self.occurrence.closed_at is not None


@dataclass(frozen=True)
class PreparePage:
    """What one card shows: `tasks` are the forecast's, the others are drafts and pulses."""

    rows: tuple[Row, ...]
    clocks: ZoneInfo
    book: Directory
    tasks: tuple[Task, ...] = ()

    @property
    def left(self) -> int:
        return sum(1 for row in self.rows if not row.done) + sum(1 for task in self.tasks if task.open)


def _leaves(crew: Crew, cadence: Cadence) -> str:
    row = crew.table.get(cadence.meeting_id or 0)
    return row.leaves if row is not None else ""


async def load(session: AsyncSession, card: Card, *, now: datetime, policy: Policy) -> PreparePage:
    ids = (await cards.occurrences_on(session, [card.id]))[card.id]
    crew = await crews.crew(session)
    answers = await pulses.last_answers(session, ids)
    rows = []
    pairs = await reviews.scope(session, ids)
    drafts = [pair for pair in pairs if _leaves(crew, pair[1]) == Leaves.PBR]
    told = await pbr.summaries(session, drafts, now=now, policy=policy) if drafts else {}
    for occurrence, cadence in pairs:
        row = crew.table.get(cadence.meeting_id or 0)
        partner = await session.get(Partner, cadence.partner_id) if cadence.partner_id is not None else None
        if row is not None and partner is not None:
            pulse = row.leaves == Leaves.PULSE
            rows.append(
                Row(occurrence, partner, row.name, pulse, answers.get(occurrence.id), told.get(occurrence.id, ""))
            )
    book = await people.directory(session)
    return PreparePage(
        tuple(rows),
        zone(people.zone_of(book.people[card.person_id], policy)),
        book,
        await _tasks(session, pairs, crew, card.person_id, now=now, policy=policy),
    )


async def _tasks(
    session: AsyncSession,
    pairs: Sequence[tuple[Occurrence, Cadence]],
    crew: Crew,
    person_id: int,
    *,
    now: datetime,
    policy: Policy,
) -> tuple[Task, ...]:
    """What the forecast asks of this person in the weeks that the card carries; each thing once."""
    weeks = [pair for pair in pairs if _leaves(crew, pair[1]) == Leaves.ROLL_UP]
    if not weeks:
        return ()
    staff = await reviews.staff(session, policy)
    found = await asking.tasks(session, weeks, crew, staff, now=now, policy=policy)
    return tuple({(one.what, one.period): one for one in found if one.person_id == person_id}.values())


async def render(session: AsyncSession, card_id: int, *, now: datetime, policy: Policy) -> Message | None:
    return prepare_card(await load(session, await session.get_one(Card, card_id), now=now, policy=policy))


def prepare_card(page: PreparePage) -> Message:
    if not page.rows and not page.tasks:
        text = "Nothing to prepare any more: somebody else leads these meetings now."
        return Message(text, (b.section(text),))
    left = page.left
    lead = (
        f"{count(left, 'thing')} to look at, in your own time before the meeting."
        if left
        else ":white_check_mark: All done, thank you."
    )
    made = [b.header("To prepare"), b.context(lead)]
    ranked = sorted(page.rows, key=lambda row: row.done)
    made += [_task(task) for task in page.tasks]
    made += [_row(row, page) for row in ranked[:MOST_ROWS]]
    if len(ranked) > MOST_ROWS:
        made.append(b.context(f"… and {len(ranked) - MOST_ROWS} more"))
    text = f"To prepare: {lead}\n" + "\n".join(
        [*(_task_line(task) for task in page.tasks), *(_line(row, page) for row in page.rows)]
    )
    return Message(clip(text, 3500), tuple(made))


TASKS = {
    What.SIGN: (Door.SIGN_COMMIT, "Sign…"),
    What.SIGN_AGAIN: (Door.SIGN_COMMIT, "Sign…"),
    What.REVIEW: (Door.REVIEW_ROLL_UP, "Review…"),
    What.SIGN_OFF: (Door.FORECAST, "Open…"),
    What.CLOSE: (Door.CLOSE_QUARTER, "Close…"),
}


def _task(task: Task) -> b.Block:
    door, label = TASKS[task.what]
    if not task.open:
        door, label = Door.FORECAST, "Open…"
    return b.section(_task_line(task), accessory=b.button(label, door, PeriodRef(q=task.period).dump()))


def _task_line(task: Task) -> str:
    """What is asked, in a line; done or not."""
    mark = "" if task.open else ":white_check_mark: "
    if task.what is What.SIGN:
        return f"{mark}*Forecast {task.period}* · {task.done} of {count(task.total, 'partner')} signed this week: commit and best case"
    if task.what is What.REVIEW:
        state = "look at every number, adjust with a reason, publish" if task.open else "published"
        return f"{mark}*Roll-up {task.period}* · {state}"
    if task.what is What.SIGN_OFF:
        state = "it waits for your name" if task.open else "signed off"
        return f"{mark}*Roll-up {task.period}* · {state}"
    state = "the quarter is over: close it, so that it stands" if task.open else "closed"
    return f"{mark}*{task.period}* · {state}"


def _row(row: Row, page: PreparePage) -> b.Block:
    if row.done and not row.pulse:
        return b.section(_line(row, page))
    if row.pulse:
        label = "Change…" if row.answer else "Answer…"
        return b.section(
            _line(row, page), accessory=b.button(label, Door.ANSWER_PULSE, OneRef(o=row.occurrence.id).dump())
        )
    button = b.button("Open the draft", Door.OPEN_PBR, CardRef(o=(row.occurrence.id,)).dump())
    return b.section(_line(row, page), accessory=button)


def _line(row: Row, page: PreparePage) -> str:
    name = f"*{w.escape(clip(row.partner.name, 100))}*"
    if row.pulse:
        if row.answer is not None:
            return f":white_check_mark: {name} · pulse: {said_of(row.answer)}"
        state = "not answered in time" if row.done else "active? next deal? keep, raise or off-board?"
        return f"{name} · pulse: {state}"
    when = w.when(row.occurrence.starts_at, page.clocks)
    if row.done:
        return f":white_check_mark: {name} · {w.escape(row.name)} · {when} · {row.occurrence.state.replace('_', ' ')}"
    return f"{name} · {w.escape(row.name)} · {when}\n{w.escape(row.draft)}"


def said_of(answer: PulseAnswer) -> str:
    """What somebody said of a partner, in half a line."""
    parts = ["active" if answer.active else "*not active*"]
    if answer.next_deal:
        parts.append(f"next deal {w.escape(clip(answer.next_deal, 80))}")
    parts.append(f"*{VERDICTS[answer.verdict]}*" if answer.verdict != "keep" else VERDICTS[answer.verdict])
    return ", ".join(parts)


async def render_report(session: AsyncSession, card_id: int, *, now: datetime, policy: Policy) -> Message | None:  # noqa: ARG001 - renderers share one signature
    ids = (await cards.occurrences_on(session, [card_id]))[card_id]
    found = await pulses.asked(session, ids)
    return report_card(found, await people.directory(session))


def report_card(found: Sequence[Asked], book: Directory) -> Message:
    """All pulses of a quarter for the head: what asks for a decision stands first."""
    if not found:
        text = "No partner outside Tier 1 is asked about this quarter any more."
        return Message(text, (b.section(text),))
    slot = found[0].occurrence.slot
    answered = sum(1 for item in found if item.answer is not None)
    heading = f"Partner pulse {slot}"
    lead = f"{answered} of {count(len(found), 'partner')} answered. Tier and off-boarding are yours to decide: `/cadence start`, Partners."
    lines = [_report_line(item, book) for item in found]
    shown = lines[:MOST_REPORTED]
    if len(lines) > len(shown):
        shown.append(f"_… and {len(lines) - len(shown)} more_")
    made = [b.header(heading), b.context(lead), *b.paragraphs("\n".join(shown))]
    return Message(clip(f"{heading}: {lead}\n" + "\n".join(shown), 3500), tuple(made))


def _report_line(item: Asked, book: Directory) -> str:
    name = f"*{w.escape(clip(item.partner.name, 60))}*"
    manager = w.escape(book.name(item.pm_id))
    if item.answer is None:
        state = "not answered" if item.occurrence.closed_at is not None else f"is asked on {w.day(item.occurrence.day)}"
        return f"• {name} · {manager}: {state}"
    why = f": {w.escape(clip(item.answer.why, 120))}" if item.answer.why else ""
    return f"• {name} · {w.escape(book.name(item.answer.by_id))}: {said_of(item.answer)}{why}"
