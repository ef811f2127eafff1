"""What head and CRO hear of a series that is skipped again and again: facts, in the words of those who recorded them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from handlers.health.ids import Door
from handlers.health.words import LONGEST_NAME, named, person, quoted, short
from handlers.kit import blocks as b
from handlers.kit import words as w
from handlers.kit.message import Message
from models import cadence_health, people
from models.cadence_health import LOOK_BACK, TO_CRO, Met, Stretch, Told
from models.domain.policy import Policy
from models.people import Names

MOST_SERIES = 10
MOST_SKIPS = 3
LONGEST = 3800
"""Characters of the whole message: Slack takes 4,000."""


async def render(session: AsyncSession, args: Mapping[str, Any], *, now: datetime, policy: Policy) -> Message | None:  # noqa: ARG001 - renderers share one signature
    """The message as the rows say it now; None when nothing of it is left."""
    told = await cadence_health.told(session, args)
    return message(told, await people.directory(session)) if told.stretches else None


def message(told: Told, book: Names) -> Message:
    """One page; the longest rows first, and what does not fit is counted."""
    room = MOST_SERIES
    text = _text(told, book, room)
    while len(text) > LONGEST and room > 1:
        room -= 1
        text = _text(told, book, room)
    button = b.button("All meetings…", Door.OPEN_CADENCE, "all")
    return Message(text, (*b.paragraphs(text), b.actions(button)))


def _text(told: Told, book: Names, room: int) -> str:
    ranked = sorted(told.stretches, key=lambda one: -len(one.skips))
    lines = [f"*Meetings skipped in a row* · {_owner(told, book)}"]
    for one in ranked[:room]:
        lines += _lines(one, book)
    if len(ranked) > room:
        lines.append(f"… and {len(ranked) - room} more series; `/cadence` shows them under “Health and hours…”.")
    reach = "Three in a row reach the CRO as well as" if told.level >= TO_CRO else "Two in a row reach"
    lines.append(f"{reach} the head of partnerships. Holidays and the partner's cancellations are not counted.")
    return "\n".join(lines)


def _owner(told: Told, book: Names) -> str:
    """The partner manager, or who leads the company's meetings."""
    if told.owner_id is None:
        return "nobody leads them"
    role = "partner manager" if any(one.partner for one in told.stretches) else "led by"
    return f"{role} {person(book, told.owner_id)}"


def _lines(one: Stretch, book: Names) -> list[str]:
    """What, for how long, whose side; who recorded each skip and why; what to do."""
    number = f"{len(one.skips)} or more" if len(one.skips) >= LOOK_BACK else str(len(one.skips))
    shown = [_skip(met, book) for met in reversed(one.skips[-MOST_SKIPS:])]
    hidden = len(one.skips) - len(shown)
    if hidden:
        shown.append(f"and {hidden} before")
    command = f"`/cadence {short(one.partner, LONGEST_NAME)}`" if one.partner else "`/cadence`"
    return [
        f"• {named(one.meeting, one.partner)}: {number} skipped in a row since {w.day(one.skips[0].day)}, our side",
        f"   {' · '.join(shown)}",
        f"   To move it, change its hour or pause it: {command}",
    ]


def _skip(met: Met, book: Names) -> str:
    """`Thu 26 Feb: “ill” (Pat Manager)`; what nobody closed or answered has no name beside it."""
    by = f" ({person(book, met.by_id)})" if met.by_id is not None else ""
    return f"{w.day(met.day)}: {quoted(met.reason)}{by}"
