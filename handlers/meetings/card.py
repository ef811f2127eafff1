"""“To prepare”: drafts of PBRs to look at and pulses to answer, one card a day; and the head's card of a quarter's pulses."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from handlers.kit import blocks as b
from handlers.kit import words as w
from handlers.kit.message import Message
from handlers.meetings.ids import CardRef, Door, OneRef
from models import cards, crews, pbr, people, pulses, reviews
from models.crews import Crew
from models.domain.meetings import Leaves
from models.domain.policy import Policy
from models.domain.text import clip, count
from models.domain.zones import zone
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
    rows: tuple[Row, ...]
    clocks: ZoneInfo
    book: Directory

    @property
    def left(self) -> list[Row]:
        return [row for row in self.rows if not row.done]


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
    return PreparePage(tuple(rows), zone(people.zone_of(book.people[card.person_id], policy)), book)


async def render(session: AsyncSession, card_id: int, *, now: datetime, policy: Policy) -> Message | None:
    return prepare_card(await load(session, await session.get_one(Card, card_id), now=now, policy=policy))


def prepare_card(page: PreparePage) -> Message:
    if not page.rows:
        text = "Nothing to prepare any more: somebody else leads these meetings now."
        return Message(text, (b.section(text),))
    left = page.left
    lead = (
        f"{count(len(left), 'thing')} to look at, in your own time before the meeting."
        if left
        else ":white_check_mark: All done, thank you."
    )
    made = [b.header("To prepare"), b.context(lead)]
    ranked = sorted(page.rows, key=lambda row: row.done)
    made += [_row(row, page) for row in ranked[:MOST_ROWS]]
    if len(ranked) > MOST_ROWS:
        made.append(b.context(f"… and {len(ranked) - MOST_ROWS} more"))
    text = f"To prepare: {lead}\n" + "\n".join(_line(row, page) for row in page.rows)
    return Message(clip(text, 3500), tuple(made))


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
