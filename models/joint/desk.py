"""What waits for somebody at the joint channels: one card a person and day, edited as more comes and as it is done."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import outbox, people
from models.domain import review_times
from models.domain.policy import Policy
from models.domain.zones import local_date
from models.insert import add_missing
from models.outbox import Owed
from models.tables import Card, Person

CARD = "joint"
"""The kind of the card, and its template: held posts, counterparts and replies to confirm, first posts to look at."""


async def ask(session: AsyncSession, person_id: int, *, now: datetime, policy: Policy) -> None:
    """Something waits for this person: their card of today is made, or shows it too. Never outside their working hours."""
    person = await session.get(Person, person_id)
    if person is None or not person.active or person.side != "ours":
        return
    reader = (await people.readers(session, [person], policy))[person.id]
    due = review_times.waits_until(reader, now) or now
    day = local_date(due, reader.zone)
    fresh = {"kind": CARD, "person_id": person.id, "day": day, "created_at": now, "wanted": 1, "shown": 0, "dead": "",
             "fence": 0}  # fmt: skip
    await add_missing(session, Card, [fresh], key=("kind", "person_id", "day"))
    await touch(session, person.id)
    card_id = await session.scalar(
        select(Card.id).where(Card.kind == CARD, Card.person_id == person.id, Card.day == day)
    )
    owed = Owed(
        key=f"{CARD}:{person.id}:{day.isoformat()}", template=CARD, args={"card_id": card_id}, due_at=due,
        person_id=person.id, card_id=card_id,
    )  # fmt: skip
    await outbox.enqueue(session, [owed], now=now)


async def touch(session: AsyncSession, person_id: int) -> None:
    """Something was decided, by whomever: every card of theirs shows it."""
    await session.execute(
        update(Card)
        .where(Card.kind == CARD, Card.person_id == person_id)
        .values(wanted=Card.wanted + 1)
        .execution_options(synchronize_session=False)
    )
