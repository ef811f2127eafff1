"""The outbox: what is owed to whom, claimed by one replica at a time, finished exactly once.

`enqueue` runs in the transaction of the effect that owes the message. Delivery claims rows, commits `sending` with the
attempt and its first-try time *before* it calls Slack, and finishes with a fence token, so that a holder whose lease
was taken over changes nothing.
"""

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, String, case, cast, func, or_, select, type_coerce, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from models.tables import Card, Outbox, Pace, UtcDateTime

PACE = timedelta(seconds=1)


@dataclass(frozen=True)
class Owed:
    """One message to enqueue. Either a person (their DM) or a channel (id or name), perhaps below a parent row."""

    key: str
    template: str
    args: Mapping[str, Any]
    due_at: datetime
    person_id: int | None = None
    channel_ref: str = ""
    parent_key: str = ""
    card_id: int | None = None
    occurrence_id: int | None = None
    void_at: datetime | None = None
    urgent: bool = False


async def enqueue(session: AsyncSession, owed: Collection[Owed], *, now: datetime) -> int:
    """Add what is not there yet, by key; returns how many. One statement for any number of messages."""
    if not owed:
        return 0
    parents = {item.parent_key for item in owed if item.parent_key}
    ids: dict[str, int] = {}
    if parents:
        found = await session.execute(select(Outbox.key, Outbox.id).where(Outbox.key.in_(parents)))
        ids = dict(found.tuples())
    rows = [_row(item, ids, now) for item in owed]
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    added = 0
    for start in range(0, len(rows), 500):
        result = await session.execute(
            insert(Outbox).values(rows[start : start + 500]).on_conflict_do_nothing(index_elements=["key"])
        )
        added += result.rowcount  # type: ignore[attr-defined]
    return added


def _row(item: Owed, ids: Mapping[str, int], now: datetime) -> dict[str, Any]:
    return {
        "key": item.key,
        # Random, because metadata can be read by any member of the channel: it must say nothing.
        "nonce": secrets.token_hex(16),
        "template": item.template,
        "args": dict(item.args),
        "person_id": item.person_id,
        "channel_ref": item.channel_ref,
        "parent_id": ids[item.parent_key] if item.parent_key else None,
        "card_id": item.card_id,
        "occurrence_id": item.occurrence_id,
        "urgent": item.urgent,
        "state": "pending",
        "due_at": item.due_at,
        "void_at": item.void_at,
        "created_at": now,
        "attempts": 0,
        "fence": 0,
        "problem": "",
    }


async def database_now(session: AsyncSession, real_now: datetime) -> datetime:
    """Real time as the replicas share it: PostgreSQL's clock, or our own where there is only us."""
    if session.get_bind().dialect.name != "postgresql":
        return real_now
    found: datetime = (await session.execute(select(func.clock_timestamp()))).scalar_one()
    return found


async def claim(
    session: AsyncSession, *, now: datetime, real_now: datetime, lease: timedelta, most: int = 8
) -> list[Outbox]:
    """Lease rows that are due: at most one a channel or person, urgent ones first; a thread waits for its parent.

    Rows left `sending` by a holder that died come back here once their lease is over, for read-back.
    """
    parent = aliased(Outbox)
    query = (
        select(Outbox)
        .outerjoin(parent, parent.id == Outbox.parent_id)
        .outerjoin(Pace, Pace.channel == _destination())
        .where(
            Outbox.due_at <= now,
            or_(Outbox.state == "pending", Outbox.state == "sending"),
            or_(Outbox.lease_until.is_(None), Outbox.lease_until < real_now),
            or_(Outbox.not_before.is_(None), Outbox.not_before <= real_now),
            or_(Outbox.parent_id.is_(None), parent.state == "sent"),
            or_(Pace.next_at.is_(None), Pace.next_at <= now),
        )
        .order_by(Outbox.urgent.desc(), Outbox.due_at, Outbox.id)
        .limit(most * 8)
        .with_for_update(skip_locked=True, of=Outbox)
    )
    busy = set(
        await session.scalars(select(_destination()).where(Outbox.state == "sending", Outbox.lease_until >= real_now))
    )
    chosen: list[Outbox] = []
    for row in await session.scalars(query):
        place = destination(row)
        if place in busy or len(chosen) == most:
            continue
        busy.add(place)
        row.lease_until, row.fence = real_now + lease, row.fence + 1
        chosen.append(row)
    await session.flush()
    return chosen


def _destination() -> ColumnElement[str]:
    return func.coalesce("p" + cast(Outbox.person_id, String), Outbox.channel_ref)


def destination(row: Outbox) -> str:
    """What pacing and "one at a time" go by: the person or the channel."""
    return f"p{row.person_id}" if row.person_id is not None else row.channel_ref


async def begin_attempt(session: AsyncSession, row_id: int, fence: int, *, now: datetime) -> bool:
    """Commit this before the call: from here on the message may exist. False when the lease was lost."""
    result = await session.execute(
        update(Outbox)
        .where(Outbox.id == row_id, Outbox.fence == fence)
        .values(state="sending", attempts=Outbox.attempts + 1, first_try_at=func.coalesce(Outbox.first_try_at, now))
    )
    return bool(result.rowcount)  # type: ignore[attr-defined]


async def remember_channel(session: AsyncSession, row_id: int, fence: int, channel_id: str) -> None:
    await session.execute(
        update(Outbox).where(Outbox.id == row_id, Outbox.fence == fence).values(channel_id=channel_id)
    )


@dataclass(frozen=True)
class Sent:
    """Where a message ended up."""

    channel_id: str
    ts: str
    card_version: int | None = None


async def finish(session: AsyncSession, row: Outbox, fence: int, sent: Sent, *, now: datetime) -> bool:
    """The message stands. Sets the card's place and the channel's pace; False when the lease was lost."""
    result = await session.execute(
        update(Outbox)
        .where(Outbox.id == row.id, Outbox.fence == fence, Outbox.state != "sent")
        .values(state="sent", channel_id=sent.channel_id, ts=sent.ts, sent_at=now, lease_until=None, problem="")
    )
    if not result.rowcount:  # type: ignore[attr-defined]
        return False
    if row.card_id is not None:
        await session.execute(
            update(Card)
            .where(Card.id == row.card_id)
            .values(channel_id=sent.channel_id, ts=sent.ts, shown=sent.card_version or 0)
        )
    await _pace(session, destination(row), now + PACE)
    return True


async def _pace(session: AsyncSession, channel: str, next_at: datetime) -> None:
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    values = {"channel": channel, "next_at": next_at}
    await session.execute(
        insert(Pace).values(values).on_conflict_do_update(index_elements=["channel"], set_={"next_at": next_at})
    )


async def settle(session: AsyncSession, row_id: int, fence: int, state: str, problem: str) -> None:
    """End a row that will not be sent: void, failed, held or undetermined, with the reason for a person.

    What waits below it in a thread ends with it: it would wait for ever.
    """
    await session.execute(
        update(Outbox)
        .where(Outbox.id == row_id, Outbox.fence == fence)
        .values(state=state, problem=problem, lease_until=None)
    )
    await session.execute(
        update(Outbox)
        .where(Outbox.parent_id == row_id, Outbox.state == "pending")
        .values(state=state, problem=f"the message above it was not sent: {problem}")
    )


async def release(
    session: AsyncSession, row_id: int, fence: int, *, state: str, not_before: datetime | None, problem: str = ""
) -> None:
    """Give the lease back: try again after `not_before` (real time)."""
    await session.execute(
        update(Outbox)
        .where(Outbox.id == row_id, Outbox.fence == fence)
        .values(state=state, lease_until=None, not_before=not_before, problem=problem)
    )


async def next_due(session: AsyncSession) -> datetime | None:
    """The next instant (business time) at which something waiting can be sent, pacing included."""
    parent = aliased(Outbox)
    paced = case((Pace.next_at > Outbox.due_at, Pace.next_at), else_=Outbox.due_at)
    found: datetime | None = await session.scalar(
        select(func.min(type_coerce(paced, UtcDateTime())))
        .select_from(Outbox)
        .outerjoin(parent, parent.id == Outbox.parent_id)
        .outerjoin(Pace, Pace.channel == _destination())
        .where(Outbox.state.in_(("pending", "sending")), or_(Outbox.parent_id.is_(None), parent.state == "sent"))
    )
    return found
