"""Cards: messages (and Home tabs) that show the present rows and are edited in place. No Slack in here."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Integer, and_, bindparam, case, func, or_, select, type_coerce, update
from sqlalchemy.ext.asyncio import AsyncSession

from models.tables import Card, CardOccurrence, Occurrence, UtcDateTime
from models.tables.base import table_of

HOME = "home"
PROMPT = "prompt"
NUDGE = "nudge"
CLOSE = "close"
CLOSE_NUDGE = "close_nudge"
PREPARE = "prepare"
DESK = "joint"
"""What waits at the joint channels: on the newest such card of a person, and on no other."""

_BEHIND = (Card.shown < Card.wanted, Card.dead == "", or_(Card.ts.is_not(None), Card.kind == HOME))


async def touch_everything(session: AsyncSession) -> None:
    """Wish for every Home and every card of a review ahead to be shown anew: an import may have changed any deal."""
    ahead = (
        select(CardOccurrence.card_id)
        .join(Occurrence, Occurrence.id == CardOccurrence.occurrence_id)
        .where(Occurrence.closed_at.is_(None))
    )
    await session.execute(
        update(Card)
        .where(or_(Card.kind == HOME, Card.id.in_(ahead)))
        .values(wanted=Card.wanted + 1)
        .execution_options(synchronize_session=False)
    )


_CARDS = table_of(Card)
_TOUCH = (
    update(_CARDS)
    .where(
        or_(
            _CARDS.c.id.in_(
                select(CardOccurrence.card_id).where(
                    CardOccurrence.occurrence_id.in_(bindparam("occurrences", expanding=True))
                )
            ),
            and_(_CARDS.c.kind == HOME, _CARDS.c.person_id.in_(bindparam("people", expanding=True))),
        )
    )
    .values(wanted=_CARDS.c.wanted + 1)
)


async def touch_occurrences(session: AsyncSession, occurrence_ids: Collection[int]) -> None:
    """Wish for every card that carries one of these reviews to be shown anew."""
    carriers = select(CardOccurrence.card_id).where(CardOccurrence.occurrence_id.in_(occurrence_ids))
    await session.execute(
        update(Card)
        .where(Card.id.in_(carriers))
        .values(wanted=Card.wanted + 1)
        .execution_options(synchronize_session=False)
    )


async def touch(session: AsyncSession, occurrence_ids: Collection[int], person_ids: Collection[int]) -> None:
    """Both at once: the cards of these reviews and the Home tabs of these people, in one statement."""
    await session.execute(_TOUCH, {"occurrences": list(occurrence_ids), "people": list(person_ids)})


async def touch_people(session: AsyncSession, person_ids: Collection[int]) -> None:
    """Wish for the Home tabs of these people, and their cards of reviews that are not closed, to be shown anew."""
    ahead = (
        select(CardOccurrence.card_id)
        .join(Occurrence, Occurrence.id == CardOccurrence.occurrence_id)
        .where(Occurrence.closed_at.is_(None))
    )
    await session.execute(
        update(Card)
        .where(Card.person_id.in_(person_ids), or_(Card.kind == HOME, Card.id.in_(ahead)))
        .values(wanted=Card.wanted + 1)
        .execution_options(synchronize_session=False)
    )


async def touch_homes(session: AsyncSession, person_ids: Collection[int] | None = None) -> None:
    """Wish for the Home tabs of these people (or everybody) to be shown anew."""
    query = update(Card).where(Card.kind == HOME).values(wanted=Card.wanted + 1)
    if person_ids is not None:
        query = query.where(Card.person_id.in_(person_ids))
    await session.execute(query.execution_options(synchronize_session=False))


async def home(session: AsyncSession, person_id: int, *, now: datetime) -> Card:
    """The person's Home tab, wished for anew; made at its first opening."""
    card = await session.scalar(select(Card).where(Card.kind == HOME, Card.person_id == person_id))
    if card is None:
        # A constant day, because a null would not be unique.
        card = Card(kind=HOME, person_id=person_id, day=date(1970, 1, 1), created_at=now, wanted=1)
        session.add(card)
        await session.flush()
    else:
        card.wanted += 1
        card.dead = ""  # it was opened, so it lives
    return card


async def pass_on(session: AsyncSession, card_id: int, person_id: int) -> None:
    """A newer desk card stands: the one before it is drawn anew, without what waits."""
    before = select(func.max(Card.id)).where(
        Card.kind == DESK, Card.person_id == person_id, Card.id < card_id, Card.ts.is_not(None)
    )
    await session.execute(
        update(Card)
        .where(Card.id == before.scalar_subquery())
        .values(wanted=Card.wanted + 1)
        .execution_options(synchronize_session=False)
    )


@dataclass(frozen=True)
class Wish:
    """One card whose shown version is behind, leased for one edit."""

    card_id: int
    kind: str
    person_id: int
    channel_id: str | None
    ts: str | None
    shown: int
    version: int
    fence: int
    partner_id: int | None = None
    """The partner whose joint channel the card stands in: it is written for them alone."""


_REAL_NOW = bindparam("real_now", type_=UtcDateTime())
EDITABLE = select(Card).where(
    *_BEHIND,
    or_(Card.lease_until.is_(None), Card.lease_until < _REAL_NOW),
    or_(Card.not_before.is_(None), Card.not_before <= _REAL_NOW),
)
"""The cards that could be edited at the real instant `real_now`."""
_CLAIM = (
    EDITABLE.order_by(case((Card.kind == HOME, 1), else_=0), Card.id)
    .limit(bindparam("most", type_=Integer()))
    .with_for_update(skip_locked=True)
)


async def claim(session: AsyncSession, *, real_now: datetime, lease_until: datetime, most: int = 10) -> list[Wish]:
    """Lease the cards that want an edit, messages first: posted (or Homes), behind, and in nobody else's hands."""
    rows = await session.scalars(_CLAIM, {"real_now": real_now, "most": most})
    wishes = []
    for card in rows:
        card.lease_until, card.fence = lease_until, card.fence + 1
        held = (card.id, card.kind, card.person_id, card.channel_id, card.ts, card.shown, card.wanted, card.fence)
        wishes.append(Wish(*held, card.partner_id))
    return wishes


_SHOWN = update(_CARDS).where(_CARDS.c.id == bindparam("card"), _CARDS.c.fence == bindparam("held"))


async def shown(session: AsyncSession, wish: Wish, *, not_before: datetime | None = None) -> bool:
    """Slack has this version now; a holder whose lease was taken over changes nothing, and is told False.

    `not_before` (real time) keeps the next edit off for a while, so that wishes gather.
    """
    result = await session.execute(
        _SHOWN,
        {
            "card": wish.card_id,
            "held": wish.fence,
            "shown": wish.version,
            "lease_until": None,
            "not_before": not_before,
        },
    )
    return bool(result.rowcount)  # type: ignore[attr-defined]


async def retry_later(session: AsyncSession, wish: Wish, *, not_before: datetime) -> None:
    await session.execute(
        update(Card)
        .where(Card.id == wish.card_id, Card.fence == wish.fence)
        .values(lease_until=None, not_before=not_before)
    )


async def hold_back(session: AsyncSession, *, homes: bool, not_before: datetime) -> None:
    """Slack limits a method, not a card: no Home (or no message) that is behind is edited before `not_before`."""
    behind = (
        select(Card.id)
        .where(
            *_BEHIND,
            (Card.kind == HOME) if homes else (Card.kind != HOME),
            or_(Card.not_before.is_(None), Card.not_before < not_before),
        )
        .with_for_update(skip_locked=True)
    )
    await session.execute(
        update(Card)
        .where(Card.id.in_(behind))
        .values(not_before=not_before)
        .execution_options(synchronize_session=False)
    )


_LATER = case(
    (Card.not_before.is_(None), Card.lease_until),
    (Card.lease_until.is_(None), Card.not_before),
    (Card.lease_until > Card.not_before, Card.lease_until),
    else_=Card.not_before,
)
NEXT_FREE = select(func.min(type_coerce(_LATER, UtcDateTime()))).where(*_BEHIND)
"""The next instant (real time) at which a card that is behind can be edited: a lease ends, a retry may begin."""


async def give_up(session: AsyncSession, wish: Wish, problem: str) -> bool:
    """The message is gone or may not be edited: never try again, and say why. False when the lease was lost."""
    result = await session.execute(
        update(Card).where(Card.id == wish.card_id, Card.fence == wish.fence).values(lease_until=None, dead=problem)
    )
    return bool(result.rowcount)  # type: ignore[attr-defined]


_ON_CARDS = (
    select(CardOccurrence.card_id, CardOccurrence.occurrence_id)
    .where(CardOccurrence.card_id.in_(bindparam("cards", expanding=True)))
    .order_by(CardOccurrence.occurrence_id)
)


async def occurrences_on(session: AsyncSession, card_ids: Collection[int]) -> dict[int, list[int]]:
    """Occurrence ids by card, in one statement."""
    rows = await session.execute(_ON_CARDS, {"cards": list(card_ids)})
    found: dict[int, list[int]] = {card_id: [] for card_id in card_ids}
    for card_id, occurrence_id in rows:
        found[card_id].append(occurrence_id)
    return found
