"""The desk as a card in somebody's direct messages, and as a window: what waits, what is decided, nothing twice."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from handlers.joint import sections
from handlers.joint.ids import Door, JointRef, View
from handlers.joint.sections import Section, name
from handlers.kit import blocks as b
from handlers.kit import words as w
from handlers.kit.message import Message
from models.domain.policy import Policy
from models.domain.text import clip, count
from models.joint import desk, waiting
from models.joint.waiting import Decided, Desk
from models.tables import Card, Person

MOST_BLOCKS = 42
"""A message takes fifty: header and lead, what is left out, what was decided, and some to spare."""
MOST_IN_WINDOW = 90
MOST_DECIDED = 15
TEXT_LIMIT = 3500
WORDS = {
    "confirmed": ":white_check_mark: {name} speaks for {partner}",
    "declined": ":heavy_multiplication_x: {name} does not speak for {partner}",
    "revoked": ":heavy_multiplication_x: {name} speaks for {partner} no longer",
    "reply": ":white_check_mark: {name}’s reply ({partner}) was confirmed",
    "dropped": ":heavy_multiplication_x: {name}’s reply ({partner}) was dropped",
    "approved": ":white_check_mark: {partner}: the joint channel may be posted to",
    "withdrawn": ":heavy_multiplication_x: {partner}: nothing is posted to the joint channel",
    "safe": ":white_check_mark: {name}: the partner-safe version instead",
    "moved": ":white_check_mark: {name}: moved to another channel",
    "posted": ":white_check_mark: {name}: posted after all",
    "held_dropped": ":heavy_multiplication_x: {name}: dropped",
    "allowed": ":white_check_mark: {name} may stay in {partner}",
}


async def render(session: AsyncSession, card_id: int, *, now: datetime, policy: Policy) -> Message | None:
    """What the card says now; nothing when all was decided before it was sent. What waits stands on the newest one only."""
    card = await session.get_one(Card, card_id)
    person = await session.get_one(Person, card.person_id)
    found = await waiting.waiting(session, person, now=now, policy=policy, since=card.created_at)
    newer = await session.scalar(
        select(Card)
        .where(Card.kind == desk.CARD, Card.person_id == card.person_id, Card.ts.is_not(None), Card.id > card.id)
        .order_by(Card.id)
        .limit(1)
    )
    if newer is not None:
        return moved_on(found, newer)
    if card.ts is None and not found:
        return None
    return message(found)


def message(found: Desk) -> Message:
    """What waits with its buttons, then what was decided since the card was made."""
    lead = lead_line(found)
    listed, hidden = fitted(sections.of(found), MOST_BLOCKS)
    made = [b.header("Partners and shared channels"), b.section(lead), *listed]
    if hidden:
        more = b.button("Show everything…", Door.JOINT_DESK, JointRef().dump())
        made.append(
            b.section(f"… and {count(hidden, 'more thing')} that {'waits' if hidden == 1 else 'wait'}", accessory=more)
        )
    lines = [decided_line(one) for one in found.decided]
    made += [*_pages_button(found), *decided_blocks(lines)]
    text = "\n".join([lead, *(_plain(section) for section in sections.of(found)), *lines])
    return Message(clip(text, TEXT_LIMIT), tuple(made))


def moved_on(found: Desk, newer: Card) -> Message:
    """An older card: what was decided while it was the newest one; what waits stands further down."""
    lines = [decided_line(one) for one in found.decided if one.at < newer.created_at]
    lead = (
        f"What still waits stands on the card of {w.day(newer.day)}."
        if found
        else ":white_check_mark: All decided, thank you."
    )
    made = [b.section(lead), *decided_blocks(lines)]
    return Message(clip("\n".join([lead, *lines]), TEXT_LIMIT), tuple(made))


def window(found: Desk) -> dict[str, Any]:
    """The same as a window, where a message has no room: from Home and from a full card."""
    listed, hidden = fitted(sections.of(found), MOST_IN_WINDOW)
    made = [b.section(lead_line(found)), *listed]
    if hidden:
        made.append(b.context(f"… and {hidden} more: they stand here as soon as these are decided."))
    made += _pages_button(found)
    return b.modal(View.DESK, "Shared channels", made)


def _pages_button(found: Desk) -> list[b.Block]:
    """Where the partners' pages are, while anything waits."""
    return [b.divider(), b.actions(b.button("Joint channels…", Door.JOINT, JointRef().dump()))] if found else []


def lead_line(found: Desk) -> str:
    if found.count:
        verb = "waits" if found.count == 1 else "wait"
        return f"*{count(found.count, 'thing')}* {verb} for your word. Nothing of it reaches a partner before that."
    if found.copies:
        return "Nothing waits for your word. These partners have no joint channel:"
    return ":white_check_mark: All decided, thank you. Nothing waits."


def fitted(listed: Sequence[Section], most: int) -> tuple[list[b.Block], int]:
    """As many whole items as there is room for, every section's first ones first; how many are left out."""
    made: list[b.Block] = []
    hidden = 0
    for place, section in enumerate(listed):
        # The sections below keep room for their title and their first item.
        kept = sum(2 + len(later.items[0]) for later in listed[place + 1 :])
        opened = False
        for number, item in enumerate(section.items):
            room = most - len(made) - kept - (0 if opened else 2)
            if len(item) > room:
                hidden += len(section.items) - number
                break
            if not opened:
                made += [b.divider(), b.section(f"*{section.title}* ({len(section.items)})")]
                opened = True
            made += item
    return made, hidden


def decided_line(one: Decided) -> str:
    words = WORDS.get(one.what, one.what).format(name=name(one.name), partner=name(one.partner))
    return f"{words} ({name(one.by)})"


def decided_blocks(lines: Sequence[str]) -> list[b.Block]:
    """The last of them; what is older is counted."""
    if not lines:
        return []
    shown = list(lines[-MOST_DECIDED:])
    left = len(lines) - len(shown)
    more = [f"and {left} more"] if left else []
    return [b.divider(), *[b.context(text) for text in _pages([*shown, *more])]]


def _pages(lines: Sequence[str]) -> list[str]:
    """Lines as texts that a context has room for."""
    found: list[str] = []
    for line in lines:
        if found and len(found[-1]) + len(line) + 1 <= b.CONTEXT_LIMIT:
            found[-1] = f"{found[-1]}\n{line}"
        else:
            found.append(line)
    return found


def _plain(section: Section) -> str:
    heads = [item[0]["text"]["text"].split("\n")[0] for item in section.items]
    return "\n".join([f"{section.title}:", *(f"• {head}" for head in heads)])
