"""The "close your reviews" card and its nudge: one line a review, edited as they are closed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from handlers.closing.ids import Door, OneRef
from handlers.kit import blocks as b
from handlers.kit import words as w
from handlers.kit.message import Message
from models import cards, people, reviews
from models.cadences import Kind
from models.domain.policy import Policy
from models.domain.text import clip, count
from models.domain.zones import zone
from models.people import Directory
from models.tables import Card, Occurrence, Partner

MOST_ROWS = 15
MOST_NAMES = 8


@dataclass(frozen=True)
class Row:
    """One review on the card."""

    occurrence: Occurrence
    partner: Partner
    deals: int
    answered: int


@dataclass(frozen=True)
class ClosePage:
    rows: tuple[Row, ...]
    clocks: ZoneInfo
    book: Directory

    @property
    def waiting(self) -> list[Row]:
        return [row for row in self.rows if row.occurrence.closed_at is None]


async def load(session: AsyncSession, card: Card, *, now: datetime, policy: Policy) -> ClosePage:
    ids = (await cards.occurrences_on(session, [card.id]))[card.id]
    carried = await reviews.scope(session, ids)
    listed = await reviews.under_review(session, ids, now=now, policy=policy, among=carried)
    done = await reviews.answered(session, ids)
    pairs = [pair for pair in carried if pair[1].kind == Kind.WEEKLY_REVIEW]
    partners = {
        row.id: row
        for row in await session.scalars(select(Partner).where(Partner.id.in_([pair[1].partner_id for pair in pairs])))
    }
    rows = tuple(
        Row(
            occurrence,
            partners[cadence.partner_id or 0],
            len(listed[occurrence.id]),
            sum(1 for view in listed[occurrence.id] if view.id in done[occurrence.id]),
        )
        for occurrence, cadence in pairs
    )
    book = await people.directory(session)
    return ClosePage(rows, zone(people.zone_of(book.people[card.person_id], policy)), book)


async def render_close(session: AsyncSession, card_id: int, *, now: datetime, policy: Policy) -> Message | None:
    page = await load(session, await session.get_one(Card, card_id), now=now, policy=policy)
    return close_card(page)


async def render_nudge(session: AsyncSession, card_id: int, *, now: datetime, policy: Policy) -> Message | None:
    page = await load(session, await session.get_one(Card, card_id), now=now, policy=policy)
    return close_nudge(page)


def close_card(page: ClosePage) -> Message:
    if not page.rows:
        text = "Nothing to close here any more: your reviews have another partner manager."
        return Message(text, (b.section(text),))
    left = page.waiting
    total = len(page.rows)
    lead = (
        f"{total - len(left)} of {total} closed. Two questions each: was it held, and what are the two or three commitments?"
        if left
        else f":white_check_mark: All set: {count(total, 'review')} closed, the notes are out."
    )
    made = [b.header("Close your reviews"), b.context(lead)]
    if len(left) > 1:
        first = OneRef(o=left[0].occurrence.id, walk=True)
        made.append(
            b.actions(b.button(f"Close all {len(left)}, one by one", Door.CLOSE_REVIEWS, first.dump(), style="primary"))
        )
    ranked = sorted(page.rows, key=lambda row: row.occurrence.closed_at is not None)  # what is to be done comes first
    made += [_row(row, page) for row in ranked[:MOST_ROWS]]
    if len(ranked) > MOST_ROWS:
        made.append(b.context(f"… and {len(ranked) - MOST_ROWS} more"))
    text = f"Close your reviews: {lead}\n" + "\n".join(_line(row, page) for row in page.rows)
    return Message(clip(text, 3500), tuple(made))


def _row(row: Row, page: ClosePage) -> b.Block:
    if row.occurrence.closed_at is not None:
        return b.section(_line(row, page))
    button = b.button("Close…", Door.CLOSE_ONE, OneRef(o=row.occurrence.id).dump())
    return b.section(_line(row, page), accessory=button)


def _line(row: Row, page: ClosePage) -> str:
    name = f"*{w.escape(clip(row.partner.name, 100))}*"
    occurrence = row.occurrence
    when = w.when(occurrence.starts_at, page.clocks)
    if occurrence.closed_at is None:
        return f"{name} · {when} · {row.answered} of {count(row.deals, 'deal')} answered"
    mark = ":white_check_mark:" if occurrence.state in ("held", "held_late") else ":warning:"
    words = occurrence.state.replace("_", " ")
    why = f": {w.escape(clip(occurrence.skip_reason, 120))}" if occurrence.skip_reason else ""
    by = f" (closed by {w.escape(page.book.name(occurrence.closed_by_id))})" if occurrence.closed_by_id else ""
    return f"{mark} {name} · {when} · {words}{why}{by}"


def close_nudge(page: ClosePage) -> Message:
    """What is missing from the Friday note, and the button that mends it."""
    left: Sequence[Row] = page.waiting
    if not left:
        text = ":white_check_mark: All your reviews are closed, thank you."
        return Message(text, (b.section(text),))
    names = ", ".join(w.escape(clip(row.partner.name, 60)) for row in left[:MOST_NAMES])
    more = f" and {len(left) - MOST_NAMES} more" if len(left) > MOST_NAMES else ""
    text = (
        f"*{count(len(left), 'review')} not closed:* {names}{more}. The Friday note says “waiting for you” for "
        f"{'it' if len(left) == 1 else 'each'} until you close {'it' if len(left) == 1 else 'them'}."
    )
    first = OneRef(o=left[0].occurrence.id, walk=True)
    return Message(
        text, (b.section(text), b.actions(b.button("Close now", Door.CLOSE_REVIEWS, first.dump(), style="primary")))
    )
