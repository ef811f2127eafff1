"""What waits for somebody at the joint channels: one card a person and day, edited as more comes and as it is done.

What the card shows is `models.joint.waiting`.
"""

from collections.abc import Collection
from datetime import date, datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import cards, outbox, people
from models.domain import review_times
from models.domain.policy import Policy
from models.domain.workdays import Reader
from models.domain.zones import local_date
from models.insert import add_missing
from models.outbox import Owed
from models.tables import Card, Outbox, Partner, Person

CARD = cards.DESK
"""The kind of the card, and its template: held posts, counterparts and replies to confirm, first posts to look at."""
MOST_EDITED = 3
"""How many of somebody's cards are edited when something is decided; on an older one a button still says so."""


async def ask(session: AsyncSession, person_id: int, *, now: datetime, policy: Policy) -> None:
    """Something waits for this person: their card of today is made, or shows it too. Never outside their working hours."""
    person = await session.get(Person, person_id)
    if person is None or not person.active or person.side != "ours":
        return
    reader = (await people.readers(session, [person], policy))[person.id]
    due, day = review_times.waits_until(reader, now) or now, day_of(reader, now)
    fresh = {"kind": CARD, "person_id": person.id, "day": day, "created_at": now, "wanted": 1, "shown": 0, "dead": "",
             "fence": 0}  # fmt: skip
    await add_missing(session, Card, [fresh], key=("kind", "person_id", "day"))
    await touch(session, person.id)
    await cards.touch_homes(session, [person.id])
    card_id = await session.scalar(
        select(Card.id).where(Card.kind == CARD, Card.person_id == person.id, Card.day == day)
    )
    owed = Owed(
        key=f"{CARD}:{person.id}:{day.isoformat()}", template=CARD, args={"card_id": card_id}, due_at=due,
        person_id=person.id, card_id=card_id,
    )  # fmt: skip
    await outbox.enqueue(session, [owed], now=now)
    await _owe_again(session, owed)


async def _owe_again(session: AsyncSession, owed: Owed) -> None:
    """Of a card that was not sent, because all was decided before, nothing stands: what comes later that day brings it."""
    await session.execute(
        update(Outbox)
        .where(Outbox.key == owed.key, Outbox.state == "void")
        .values(state="pending", due_at=owed.due_at, problem="")
        .execution_options(synchronize_session=False)
    )


def day_of(reader: Reader, now: datetime) -> date:
    """The day whose card somebody is asked on: today, or the next on which they work."""
    return local_date(review_times.waits_until(reader, now) or now, reader.zone)


async def touch(session: AsyncSession, person_id: int) -> None:
    """Something was decided, by whomever: their latest cards show it."""
    await _touch(session, [person_id])


async def _touch(session: AsyncSession, person_ids: Collection[int]) -> None:
    for person_id in sorted(set(person_ids)):
        newest = (
            select(Card.id)
            .where(Card.kind == CARD, Card.person_id == person_id)
            .order_by(Card.day.desc(), Card.id.desc())
            .limit(MOST_EDITED)
        )
        ids = list(await session.scalars(newest))
        await session.execute(
            update(Card)
            .where(Card.id.in_(ids))
            .values(wanted=Card.wanted + 1)
            .execution_options(synchronize_session=False)
        )


async def touch_message(session: AsyncSession, channel_id: str, ts: str) -> None:
    """The card that a button was pressed on shows what came of it, however old it is."""
    await session.execute(
        update(Card)
        .where(Card.kind == CARD, Card.channel_id == channel_id, Card.ts == ts)
        .values(wanted=Card.wanted + 1)
        .execution_options(synchronize_session=False)
    )


async def keepers(session: AsyncSession, partner: Partner, *, now: datetime, policy: Policy) -> list[Person]:
    """Who is asked about this partner: its manager, or who covers for them today; without one the head, else admins."""
    pm = await session.get(Person, partner.pm_id) if partner.pm_id is not None else None
    if pm is not None and pm.active and pm.side == "ours":
        cover_id = (await people.covers(session, now=now, policy=policy)).get(pm.id)
        cover = await session.get(Person, cover_id) if cover_id is not None else None
        return [cover] if cover is not None and cover.active and cover.side == "ours" else [pm]
    return await stand_ins(session)


async def stand_ins(session: AsyncSession) -> list[Person]:
    """Who is asked about a partner without a manager: the head of partnerships, without one an admin."""
    leaders = sorted(await people.heads_and_admins(session), key=lambda person: person.id)
    heads = [person for person in leaders if person.has("head")]
    return heads[:1] or leaders[:1]


async def ask_partner(session: AsyncSession, partner: Partner, *, now: datetime, policy: Policy) -> None:
    """Something of this partner waits: whoever is asked about it finds it on their card."""
    for person in await keepers(session, partner, now=now, policy=policy):
        await ask(session, person.id, now=now, policy=policy)


async def touch_partner(session: AsyncSession, partner: Partner, *, now: datetime, policy: Policy) -> None:
    """Something of this partner was decided: the cards of its manager, of their cover and of who stands in show it."""
    asked = {person.id for person in await keepers(session, partner, now=now, policy=policy)}
    if partner.pm_id is not None:
        asked.add(partner.pm_id)
    await _touch(session, asked)
    await cards.touch_homes(session, asked)
