"""What came in: events stored before they are acknowledged, and forms that were saved once."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from models.tables import Inbox, Submission

MOST_ATTEMPTS = 5


async def store(session: AsyncSession, event_id: str, kind: str, payload: Mapping[str, Any], *, now: datetime) -> bool:
    """Keep an event; False when it is a repeat of one we have."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    result = await session.execute(
        insert(Inbox)
        .values(event_id=event_id, type=kind, payload=dict(payload), received_at=now, attempts=0, problem="")
        .on_conflict_do_nothing(index_elements=["event_id"])
    )
    return bool(result.rowcount)  # type: ignore[attr-defined]


async def next_waiting(session: AsyncSession) -> Inbox | None:
    """The oldest event nobody has worked off, held until the transaction ends."""
    found: Inbox | None = await session.scalar(
        select(Inbox)
        .where(Inbox.done_at.is_(None), Inbox.attempts < MOST_ATTEMPTS)
        .order_by(Inbox.attempts, Inbox.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    return found


async def stored_response(session: AsyncSession, key: str) -> dict[str, Any] | None:
    """What the first submission with this key was answered with; None when this is the first."""
    found: dict[str, Any] | None = await session.scalar(select(Submission.response).where(Submission.key == key))
    return found


async def store_response(session: AsyncSession, key: str, response: Mapping[str, Any], *, now: datetime) -> None:
    """Keep the answer in the effect's own transaction, so that a repeat has no effect and the same answer."""
    session.add(Submission(key=key, response=dict(response), at=now))
    await session.flush()
