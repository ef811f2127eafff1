"""What somebody who has left still holds, and who is asked about it, once. Never commits.

*Orphaned* is nothing that is stored: it is what an open deal, next action or commitment is while its owner is not
active, and a partner while its manager is not.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import cards, outbox, people
from models.domain import review_times
from models.domain.policy import Policy
from models.handover import InHand, in_hand
from models.outbox import Owed
from models.people import SlackUser, SyncResult
from models.tables import Person

_GONE = select(Person.id).where(Person.active.is_(False), Person.side == "ours")


async def sync(
    session: AsyncSession,
    users: Collection[SlackUser],
    *,
    team_id: str,
    now: datetime,
    policy: Policy | None,
    enterprise_id: str = "",
) -> SyncResult:
    """`people.sync`, and what follows when somebody has left: cards show it, and whoever answers for it is asked.

    Without a policy nobody is asked: business time is not known yet.
    """
    found = await people.sync(session, users, team_id=team_id, enterprise_id=enterprise_id, now=now)
    if found.deactivated:
        await session.flush()
        await cards.touch_everything(session)
    # Not of these alone: who left before there was anybody to ask is asked about when there is.
    if policy is not None and (found.deactivated or len(users) > 1):
        await ask_about_orphans(session, now=now, policy=policy)
    return found


async def ask_about_orphans(session: AsyncSession, *, now: datetime, policy: Policy) -> int:
    """Owe whoever answers for it one question about what each leaver holds; the number of questions owed by now.

    A partner's manager answers for what belongs to the partner; the head of partnerships (else an admin) for the rest
    and for what the leaver managed. The key makes it one question for each leaver and each of them, whoever looks how
    often; while they are away, their cover gets it.
    """
    gone = list(await session.scalars(_GONE))
    left = (
        {person_id: held for person_id, held in (await in_hand(session, gone)).items() if not held.empty}
        if gone
        else {}
    )
    if not left:
        return 0
    book = (await people.directory(session)).people
    fallback = _fallback(book)
    wanted = [(person_id, who) for person_id, held in left.items() for who in _answerable(held, book, fallback)]
    covers = await people.covers(session, now=now, policy=policy)
    recipients = {who: _stand_in(who, covers, book) for _, who in wanted}
    readers = await people.readers(session, [book[held] for held in set(recipients.values())], policy)
    await outbox.enqueue(
        session,
        [
            Owed(
                key=f"orphaned:{person_id}:{who}",
                template="orphaned",
                args={"person_id": person_id, "for_id": who},
                due_at=review_times.waits_until(readers[recipients[who]], now) or now,
                person_id=recipients[who],
            )
            for person_id, who in wanted
        ],
        now=now,
    )
    return len(wanted)


def _fallback(book: Mapping[int, Person]) -> int | None:
    """The head of partnerships, else an admin: who is asked where no partner manager is left."""
    for role in ("head", "admin"):
        found = min(
            (person.id for person in book.values() if _here(person.id, book) and person.has(role)), default=None
        )
        if found is not None:
            return found
    return None


def _here(person_id: int | None, book: Mapping[int, Person]) -> bool:
    person = book.get(person_id) if person_id is not None else None
    return person is not None and person.active and person.side == "ours"


def _answerable(held: InHand, book: Mapping[int, Person], fallback: int | None) -> set[int]:
    found = {item.pm_id if _here(item.pm_id, book) else fallback for item in held.items}
    if held.partners:
        found.add(fallback)
    return {who for who in found if who is not None}


def _stand_in(who: int, covers: Mapping[int, int], book: Mapping[int, Person]) -> int:
    cover = covers.get(who)
    return cover if cover is not None and _here(cover, book) else who


@dataclass(frozen=True)
class Question:
    """What somebody is asked about a leaver: the part of it that is theirs to give, as it is now."""

    person: Person
    held: InHand


async def question(session: AsyncSession, person_id: int, for_id: int) -> Question | None:
    """What the question says now; None when there is nothing left to ask, or the person is back."""
    book = (await people.directory(session)).people
    person = book.get(person_id)
    if person is None or person.active:
        return None
    held, fallback = (await in_hand(session, [person_id]))[person_id], _fallback(book)
    items = tuple(item for item in held.items if (item.pm_id if _here(item.pm_id, book) else fallback) == for_id)
    mine = InHand(items, held.partners if for_id == fallback else ())
    return None if mine.empty else Question(person, mine)
