"""A published roll-up goes out: one message in the executives' channel that shows its signatures, its files below it."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import cards, outbox
from models.domain.policy import Policy
from models.outbox import Owed
from models.tables import Card, CardOccurrence, MeetingKind, Occurrence, Person, PersonRole, Snapshot
from models.tables.cadence import Cadence

CARD = "roll_up"
"""The card's kind, and the template of its first post."""
CHANGES, WEEKS, WORKBOOK = "forecast_changes", "forecast_weeks", "forecast_workbook"
"""Files below it, each an outbox row of its own."""
FOR_FORECAST = ("head", "cro", "cfo", "ceo", "pm")
KEPT_FRESH = timedelta(days=16)


def key_of(snapshot: Snapshot) -> str:
    return f"{CARD}:{snapshot.id}"


async def announce(session: AsyncSession, snapshot: Snapshot, *, now: datetime, policy: Policy) -> None:
    """Owe the message and its files, to the executive channel, else leadership's, else whoever made the snapshot."""
    channel = policy.executive_channel or policy.leadership_channel
    person = None if channel else snapshot.made_by_id
    card = Card(kind=CARD, person_id=snapshot.made_by_id, snapshot_id=snapshot.id, created_at=now, wanted=1)
    session.add(card)
    await session.flush()
    await outbox.enqueue(
        session,
        [
            Owed(
                key=key_of(snapshot),
                template=CARD,
                args={"card_id": card.id},
                due_at=now,
                person_id=person,
                channel_ref=channel,
                card_id=card.id,
                urgent=True,
            )
        ],
        now=now,
    )
    files = [
        Owed(
            key=f"{template}:{snapshot.id}",
            template=template,
            args={"snapshot_id": snapshot.id},
            due_at=now,
            person_id=person,
            channel_ref=channel,
            parent_key=key_of(snapshot),
        )
        for template in (CHANGES, WEEKS, WORKBOOK)
    ]
    await outbox.enqueue(session, files, now=now)
    earlier = select(Snapshot.id).where(Snapshot.period == snapshot.period, Snapshot.number < snapshot.number)
    await _edit(session, Card.snapshot_id.in_(earlier))  # they are not to be signed any more, and say so
    await refresh(session, now=now)


async def refresh(session: AsyncSession, *, now: datetime) -> None:
    """Show anew what shows the forecast: Home of those it concerns, and this week's cards that ask for it."""
    people = select(PersonRole.person_id).where(PersonRole.role.in_(FOR_FORECAST))
    await cards.touch_homes(session, list(await session.scalars(select(Person.id).where(Person.id.in_(people)))))
    weeks = (
        select(Occurrence.id)
        .join(Cadence, Cadence.id == Occurrence.cadence_id)
        .join(MeetingKind, MeetingKind.id == Cadence.meeting_id)
        .where(MeetingKind.leaves == "roll_up", Occurrence.starts_at > now - KEPT_FRESH)
    )
    asked = select(CardOccurrence.card_id).where(CardOccurrence.occurrence_id.in_(weeks))
    await session.execute(
        update(Card)
        .where(Card.id.in_(asked), Card.created_at > now - KEPT_FRESH)
        .values(wanted=Card.wanted + 1)
        .execution_options(synchronize_session=False)
    )


async def show_signatures(session: AsyncSession, snapshot_id: int) -> None:
    """Edit the message of a roll-up: somebody has signed it."""
    await _edit(session, Card.snapshot_id == snapshot_id)


async def _edit(session: AsyncSession, which: ColumnElement[bool]) -> None:
    await session.execute(
        update(Card).where(which).values(wanted=Card.wanted + 1).execution_options(synchronize_session=False)
    )
