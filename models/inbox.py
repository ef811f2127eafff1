"""What came in: events stored before they are acknowledged, and forms that were saved once."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from models.tables import Inbox, Submission
from models.tables.base import table_of

MOST_ATTEMPTS = 5

# Built once: putting a statement together costs more than running it, and these run with every form and event.
_CLAIM = {
    "sqlite": sqlite.insert(table_of(Submission)).on_conflict_do_nothing(index_elements=["key"]),
    "postgresql": postgresql.insert(table_of(Submission)).on_conflict_do_nothing(index_elements=["key"]),
}

_STORE = {
    "sqlite": sqlite.insert(table_of(Inbox)).on_conflict_do_nothing(index_elements=["event_id"]),
    "postgresql": postgresql.insert(table_of(Inbox)).on_conflict_do_nothing(index_elements=["event_id"]),
}
_WAITING = (
    select(Inbox)
    .where(Inbox.done_at.is_(None), Inbox.attempts < MOST_ATTEMPTS)
    .order_by(Inbox.attempts, Inbox.id)
    .limit(1)
    .with_for_update(skip_locked=True)
)


async def store(session: AsyncSession, event_id: str, kind: str, payload: Mapping[str, Any], *, now: datetime) -> bool:
    """Keep an event; False when it is a repeat of one we have."""
    row = {
        "event_id": event_id, "type": kind, "payload": dict(payload), "received_at": now, "attempts": 0, "problem": "",
    }  # fmt: skip
    result = await session.execute(_STORE[session.get_bind().dialect.name], row)
    return bool(result.rowcount)  # type: ignore[attr-defined]


async def next_waiting(session: AsyncSession) -> Inbox | None:
    """The oldest event nobody has worked off, held until the transaction ends."""
    found: Inbox | None = await session.scalar(_WAITING)
    return found


async def begin_once(session: AsyncSession, key: str, *, now: datetime) -> dict[str, Any] | None:
    """Claim a key in this transaction; None when it is ours, else the response the first one got.

    Claimed before the effect, so that two at once cannot both have it: the second waits for the first one's commit.
    """
    dialect = session.get_bind().dialect.name
    result = await session.execute(_CLAIM[dialect], {"key": key, "response": {}, "at": now})
    if result.rowcount:  # type: ignore[attr-defined]
        return None
    found: dict[str, Any] = (
        await session.execute(select(Submission.response).where(Submission.key == key))
    ).scalar_one()
    return found


async def keep_response(session: AsyncSession, key: str, response: Mapping[str, Any]) -> None:
    """Keep what the first submission was answered with, in the effect's own transaction."""
    if response:
        await session.execute(update(Submission).where(Submission.key == key).values(response=dict(response)))
