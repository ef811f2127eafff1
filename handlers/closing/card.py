"""The "close your reviews" card and its nudge: one line a review, edited as they are closed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from handlers.closing.ids import CardRef, Door, OneRef
from handlers.kit import blocks as b
from handlers.kit import words as w
from handlers.kit.message import Message
from models import cards, crews, people, reviews
from models.cadences import Kind
from models.crews import Crew
from models.domain.meetings import Leaves
from models.domain.policy import Policy
from models.domain.text import clip, count
from models.domain.zones import zone
from models.people import Directory
from models.tables import Cadence, Card, Occurrence, Partner

MOST_ROWS = 15
MOST_NAMES = 8


@dataclass(frozen=True)
class Row:
    """One review on the card, or another meeting of the quarter's table: then `meeting` is its name.

    `door` is what its button opens.
    """

    occurrence: Occurrence
    partner: Partner | None
    deals: int
    answered: int
    meeting: str = ""
    door: Door = Door.CLOSE_ONE

    def title(self, most: int) -> str:
        """What the row is called, for mrkdwn: the partner, the meeting, or both."""
        return w.joined(self.partner.name if self.partner else "", self.meeting, most=most)


@dataclass(frozen=True)
class ClosePage:
    rows: tuple[Row, ...]
    clocks: ZoneInfo
    book: Directory

    @property
    def waiting(self) -> list[Row]:
        return [row for row in self.rows if row.occurrence.closed_at is None]

    @property
    def reviews(self) -> list[Row]:
        """The weekly reviews that wait: they are closed one after the other, and the Friday note waits for them."""
        return [row for row in self.waiting if not row.meeting]


async def load(session: AsyncSession, card: Card, *, now: datetime, policy: Policy) -> ClosePage:
    ids = (await cards.occurrences_on(session, [card.id]))[card.id]
    carried = await reviews.scope(session, ids)
    listed = await reviews.under_review(session, ids, now=now, policy=policy, among=carried)
    done = await reviews.answered(session, ids)
    crew = await crews.crew(session)
    pairs = [pair for pair in carried if pair[1].kind == Kind.WEEKLY_REVIEW or pair[1].meeting_id in crew.table]
    partners = {
        row.id: row
        for row in await session.scalars(select(Partner).where(Partner.id.in_([pair[1].partner_id for pair in pairs])))
    }
    rows = tuple(
        Row(
            occurrence,
            partners.get(cadence.partner_id or 0),
            len(listed[occurrence.id]),
            sum(1 for view in listed[occurrence.id] if view.id in done[occurrence.id]),
            *_meeting(cadence, crew),
        )
        for occurrence, cadence in pairs
    )
    book = await people.directory(session)
    return ClosePage(rows, zone(people.zone_of(book.people[card.person_id], policy)), book)


def _meeting(cadence: Cadence, crew: Crew) -> tuple[str, Door]:
    row = crew.table.get(cadence.meeting_id or 0)
    if row is None:
        return "", Door.CLOSE_ONE
    return row.name, Door.OPEN_PBR if row.leaves == Leaves.PBR else Door.CLOSE_MEETING


async def render_close(session: AsyncSession, card_id: int, *, now: datetime, policy: Policy) -> Message | None:
    page = await load(session, await session.get_one(Card, card_id), now=now, policy=policy)
    return close_card(page)


async def render_nudge(session: AsyncSession, card_id: int, *, now: datetime, policy: Policy) -> Message | None:
    page = await load(session, await session.get_one(Card, card_id), now=now, policy=policy)
    return close_nudge(page)


def close_card(page: ClosePage) -> Message:
    if not page.rows:
        text = "Nothing to close here any more: somebody else leads these meetings now."
        return Message(text, (b.section(text),))
    left = page.waiting
    total = len(page.rows)
    lead = (
        f"{total - len(left)} of {total} closed. {_questions(page.rows)}"
        if left
        else f":white_check_mark: All set: {_number(page.rows)} closed, the {'pages' if _mixed(page.rows) else 'notes'} are out."
    )
    made = [b.header(_heading(page.rows)), b.context(lead)]
    if len(page.reviews) > 1:
        first = OneRef(o=page.reviews[0].occurrence.id, walk=True)
        words = "Close all" if len(page.reviews) == len(left) else "Close the weekly reviews:"
        label = f"{words} {len(page.reviews)}, one by one"
        made.append(b.actions(b.button(label, Door.CLOSE_REVIEWS, first.dump(), style="primary")))
    ranked = sorted(page.rows, key=lambda row: row.occurrence.closed_at is not None)  # what is to be done comes first
    made += [_row(row, page) for row in ranked[:MOST_ROWS]]
    if len(ranked) > MOST_ROWS:
        made.append(b.context(f"… and {len(ranked) - MOST_ROWS} more"))
    text = f"{_heading(page.rows)}: {lead}\n" + "\n".join(_line(row, page) for row in page.rows)
    return Message(clip(text, 3500), tuple(made))


def _mixed(rows: Sequence[Row]) -> bool:
    """Whether meetings of the quarter's table are among them."""
    return any(row.meeting for row in rows)


def _heading(rows: Sequence[Row]) -> str:
    return "Close your meetings" if _mixed(rows) else "Close your reviews"


def _questions(rows: Sequence[Row]) -> str:
    if _mixed(rows):
        return "A form each: was it held, what came of it, and what is promised?"
    return "Two questions each: was it held, and what are the two or three commitments?"


def _number(rows: Sequence[Row]) -> str:
    return count(len(rows), "meeting" if _mixed(rows) else "review")


def _row(row: Row, page: ClosePage) -> b.Block:
    if row.occurrence.closed_at is not None:
        return b.section(_line(row, page))
    ref = CardRef(o=(row.occurrence.id,)) if row.door == Door.OPEN_PBR else OneRef(o=row.occurrence.id)
    button = b.button("Close…", row.door, ref.dump())
    return b.section(_line(row, page), accessory=button)


def _line(row: Row, page: ClosePage) -> str:
    name = f"*{row.title(100)}*"
    occurrence = row.occurrence
    when = w.when(occurrence.starts_at, page.clocks)
    if occurrence.closed_at is None:
        answered = "" if row.meeting else f" · {row.answered} of {count(row.deals, 'deal')} answered"
        return f"{name} · {when}{answered}"
    mark = ":white_check_mark:" if occurrence.state in ("held", "held_late") else ":warning:"
    words = occurrence.state.replace("_", " ")
    why = f": {w.escape(clip(occurrence.skip_reason, 120))}" if occurrence.skip_reason else ""
    by = f" (closed by {w.escape(page.book.name(occurrence.closed_by_id))})" if occurrence.closed_by_id else ""
    return f"{mark} {name} · {when} · {words}{why}{by}"


def close_nudge(page: ClosePage) -> Message:
    """What is not closed, what that holds up, and the button that mends it."""
    left = page.waiting
    if not left:
        text = f":white_check_mark: All your {'meetings' if _mixed(page.rows) else 'reviews'} are closed, thank you."
        return Message(text, (b.section(text),))
    names = ", ".join(row.title(60) for row in left[:MOST_NAMES])
    more = f" and {len(left) - MOST_NAMES} more" if len(left) > MOST_NAMES else ""
    one = len(left) == 1
    if page.reviews:
        why = f"The Friday note says “waiting for you” for {'it' if one else 'each'} until you close {'it' if one else 'them'}."
    else:
        why = f"Nobody has {'its' if one else 'their'} page until you close {'it' if one else 'them'}."
    text = f"*{_number(left)} not closed:* {names}{more}. {why}"
    made = [b.section(text)]
    if page.reviews:
        first = OneRef(o=page.reviews[0].occurrence.id, walk=True)
        made.append(b.actions(b.button("Close now", Door.CLOSE_REVIEWS, first.dump(), style="primary")))
    made += [_row(row, page) for row in left[:MOST_ROWS] if row.meeting]
    return Message(text, tuple(made))
