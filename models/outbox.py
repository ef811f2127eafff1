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

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    String,
    Update,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    type_coerce,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from models import cards
from models.insert import add_missing
from models.tables import Card, Outbox, Pace, UtcDateTime

PACE = timedelta(seconds=1)
WAITING = ("pending", "sending")
INTERNAL, PARTNER = "internal", "partner"
"""Who may read a message: our own company alone, or one partner too."""
HELD = "held"
ENDED = (HELD, "void", "failed", "undetermined")


@dataclass(frozen=True)
class Owed:
    """One message to enqueue. Either a person (their DM) or a channel (id or name), perhaps below a parent row.

    For the audience `partner` it is that of `partner_id`, and it goes to their joint channel, as it is when it is sent.
    """

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
    audience: str = INTERNAL
    partner_id: int | None = None


async def enqueue(session: AsyncSession, owed: Collection[Owed], *, now: datetime) -> None:
    """Add what is not there yet, by key. One statement for any number of messages."""
    parents = {item.parent_key for item in owed if item.parent_key}
    ids: dict[str, int] = {}
    if parents:
        found = await session.execute(select(Outbox.key, Outbox.id).where(Outbox.key.in_(parents)))
        ids = {key: row_id for key, row_id in found}  # noqa: C416 - a Row is a tuple, which mypy does not know
    rows = [_row(item, ids, now) for item in owed]
    await add_missing(session, Outbox, rows, key=("key",))


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
        "audience": item.audience,
        "partner_id": item.partner_id,
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

    Rows left `sending` by a holder that died come back here once their lease is over, for read-back. Claimants at the
    same moment aim at the same first row of a channel, and only one gets it.
    """
    await session.execute(_END_ORPHANS, execution_options={"synchronize_session": False})
    chosen = await session.scalars(
        _CLAIM, {"now": now, "real_now": real_now, "most": most}, execution_options={"populate_existing": True}
    )
    rows = list(chosen)
    for row in rows:
        row.lease_until, row.fence = real_now + lease, row.fence + 1
    await session.flush()
    return rows


def _destination(row: type[Outbox] = Outbox) -> ColumnElement[str]:
    # "@" begins no channel's name, so that a person and a channel never share a pace.
    return func.coalesce("@" + cast(row.person_id, String), func.ltrim(row.channel_ref, "#"))


def destination(row: Outbox) -> str:
    """What pacing and "one at a time" go by: the person or the channel."""
    return f"@{row.person_id}" if row.person_id is not None else row.channel_ref.lstrip("#")


# Built once: putting a statement together costs many times what running it does, and these run with every look.
_NOW = bindparam("now", type_=UtcDateTime())
_REAL_NOW = bindparam("real_now", type_=UtcDateTime())
_FREE = (Outbox.state.in_(WAITING), or_(Outbox.lease_until.is_(None), Outbox.lease_until < _REAL_NOW))


def _due(*columns: Any) -> Select[Any]:
    """The rows that could be sent at once, however many of a channel."""
    parent, held = aliased(Outbox), aliased(Outbox)
    busy = select(_destination(held)).where(held.state.in_(WAITING), held.lease_until >= _REAL_NOW)
    return (
        select(*columns)
        .select_from(Outbox)
        .outerjoin(parent, parent.id == Outbox.parent_id)
        .outerjoin(Pace, Pace.channel == _destination())
        .where(
            *_FREE,
            Outbox.due_at <= _NOW,
            or_(Outbox.not_before.is_(None), Outbox.not_before <= _REAL_NOW),
            or_(Outbox.parent_id.is_(None), parent.state == "sent"),
            or_(Pace.next_at.is_(None), Pace.next_at <= _NOW),
            _destination().not_in(busy),
        )
    )


def _claim() -> Select[Outbox]:
    order = (Outbox.urgent.desc(), Outbox.due_at, Outbox.id)
    place = func.row_number().over(partition_by=_destination(), order_by=order).label("place")
    ready = _due(Outbox.id, place).subquery()
    return (
        select(Outbox)
        # Free again: PostgreSQL judges a row that was changed while it was being locked by these conditions alone.
        .where(*_FREE, Outbox.id.in_(select(ready.c.id).where(ready.c.place == 1)))
        .order_by(*order)
        .limit(bindparam("most", type_=Integer()))
        .with_for_update(skip_locked=True)
    )


def _orphans() -> Select[int]:
    parent = aliased(Outbox)
    return (
        select(Outbox.id)
        .join(parent, parent.id == Outbox.parent_id)
        .where(Outbox.state == "pending", parent.state.in_(ENDED))
    )


def _end_orphans() -> Update:
    """What was enqueued below a message that will never be sent ends like it: it would wait for ever."""
    parent = aliased(Outbox)
    of_parent = select(parent.state).where(parent.id == Outbox.parent_id).scalar_subquery()
    why = select(parent.problem).where(parent.id == Outbox.parent_id).scalar_subquery()
    return (
        update(Outbox)
        .where(Outbox.id.in_(_orphans().with_for_update(skip_locked=True, of=Outbox)))
        .values(state=of_parent, problem=literal("the message above it was not sent: ") + why)
    )


_CLAIM, _END_ORPHANS = _claim(), _end_orphans()
_ANYTHING = select(or_(_due(literal(1)).exists(), _orphans().exists(), cards.EDITABLE.exists()))


async def anything(session: AsyncSession, *, now: datetime, real_now: datetime) -> bool:
    """Whether there is anything to claim, here or among the cards: a look that takes no lock."""
    return bool(await session.scalar(_ANYTHING, {"now": now, "real_now": real_now}))


async def begin_attempt(
    session: AsyncSession,
    row_id: int,
    fence: int,
    *,
    now: datetime,
    lease_until: datetime | None = None,
    channel_id: str | None = None,
    file_id: str | None = None,
) -> bool:
    """Commit this before the call: from here on the message may exist. False when the lease was lost.

    `lease_until` (real time) makes the lease whole again, so that it outlives the call; `channel_id` is where to look
    for the message if the answer is lost, `file_id` the file to ask for its shares instead.
    """
    result = await session.execute(
        update(Outbox)
        .where(Outbox.id == row_id, Outbox.fence == fence, Outbox.state.in_(WAITING))
        .values(
            state="sending",
            attempts=Outbox.attempts + 1,
            first_try_at=func.coalesce(Outbox.first_try_at, literal(now, UtcDateTime())),
            lease_until=lease_until or Outbox.lease_until,
            channel_id=channel_id or Outbox.channel_id,
            file_id=file_id or Outbox.file_id,
        )
    )
    return bool(result.rowcount)  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Sent:
    """Where a message ended up. `ts` is None for a file whose message Slack has not named in time."""

    channel_id: str
    ts: str | None
    card_version: int | None = None


async def finish(session: AsyncSession, row: Outbox, fence: int, sent: Sent, *, now: datetime) -> bool:
    """The message stands. Sets the card's place and the channel's pace; False when the lease was lost."""
    result = await session.execute(
        update(Outbox)
        .where(Outbox.id == row.id, Outbox.fence == fence, Outbox.state.in_(WAITING))
        .values(
            state="sent",
            channel_id=sent.channel_id,
            ts=sent.ts,
            sent_at=now,
            lease_until=None,
            not_before=None,
            problem="",
        )
    )
    if not result.rowcount:  # type: ignore[attr-defined]
        return False
    if row.card_id is not None:
        await session.execute(
            update(Card)
            .where(Card.id == row.card_id)
            .values(channel_id=sent.channel_id, ts=sent.ts, shown=sent.card_version or 0)
        )
        if row.template == cards.DESK and row.person_id is not None:
            await cards.pass_on(session, row.card_id, row.person_id)
    await _pace(session, destination(row), now + PACE)
    return True


async def _pace(session: AsyncSession, channel: str, next_at: datetime) -> None:
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    values = {"channel": channel, "next_at": next_at}
    await session.execute(
        insert(Pace).values(values).on_conflict_do_update(index_elements=["channel"], set_={"next_at": next_at})
    )


async def settle(session: AsyncSession, row_id: int, fence: int, state: str, problem: str) -> bool:
    """End a row that will not be sent: void, failed, held or undetermined, with the reason for a person.

    What waits below it in a thread ends with it: it would wait for ever. False, and nothing, when the lease was lost.
    """
    values = {"state": state, "problem": problem, "lease_until": None, "not_before": None}
    if state == HELD:  # whatever was decided before, it waits for a decision again
        values |= {"decision": "", "decided_at": None, "decided_by_id": None}
    result = await session.execute(
        update(Outbox).where(Outbox.id == row_id, Outbox.fence == fence, Outbox.state.in_(WAITING)).values(values)
    )
    if not result.rowcount:  # type: ignore[attr-defined]
        return False
    await session.execute(
        update(Outbox)
        .where(Outbox.parent_id == row_id, Outbox.state == "pending")
        .values(state=state, problem=f"the message above it was not sent: {problem}")
    )
    return True


async def edit_held(session: AsyncSession, card_id: int, problem: str) -> Outbox | None:
    """A card that stands may not be shown anew where it stands: its row says why, and waits for a decision."""
    row: Outbox | None = await session.scalar(
        select(Outbox).where(Outbox.card_id == card_id, Outbox.state == "sent").order_by(Outbox.id.desc()).limit(1)
    )
    if row is not None:
        row.problem, row.decision, row.decided_at, row.decided_by_id = problem, "", None, None
        await session.flush()
    return row


async def release(
    session: AsyncSession, row_id: int, fence: int, *, state: str, not_before: datetime | None, problem: str = ""
) -> None:
    """Give the lease back: try again after `not_before` (real time)."""
    await session.execute(
        update(Outbox)
        .where(Outbox.id == row_id, Outbox.fence == fence, Outbox.state.in_(WAITING))
        .values(state=state, lease_until=None, not_before=not_before, problem=problem)
    )


async def hold_back(session: AsyncSession, *, now: datetime, not_before: datetime) -> None:
    """Slack limits a method, not a message: nothing that is due is tried before `not_before` (real time)."""
    waiting = (
        select(Outbox.id)
        .where(
            Outbox.state.in_(WAITING),
            Outbox.due_at <= now,
            or_(Outbox.not_before.is_(None), Outbox.not_before < not_before),
        )
        .with_for_update(skip_locked=True)
    )
    await session.execute(
        update(Outbox)
        .where(Outbox.id.in_(waiting))
        .values(not_before=not_before)
        .execution_options(synchronize_session=False)
    )


@dataclass(frozen=True)
class Outlook:
    """When something can be sent or edited next. `paced` and `due` are business time, `free` and `edits` real time."""

    paced: datetime | None
    """A row that is due already goes on, and waits for its channel's pace."""
    due: datetime | None
    """Anything waiting can be sent, pacing included, unless real time holds it back beyond `real_now`."""
    free: datetime | None
    """A lease ends or a retry may begin, of the rows that could go on now."""
    edits: datetime | None
    """A lease ends or a retry may begin, of the cards that are behind."""


async def outlook(session: AsyncSession, *, now: datetime, real_now: datetime) -> Outlook:
    """What lies ahead, in one statement: it is asked at every simulated instant."""
    row = (await session.execute(_OUTLOOK, {"now": now, "real_now": real_now})).one()
    return Outlook(*row)


def _earliest(instant: ColumnElement[Any], *conditions: ColumnElement[bool]) -> Select[datetime]:
    parent = aliased(Outbox)
    return (
        select(func.min(type_coerce(instant, UtcDateTime())))
        .select_from(Outbox)
        .outerjoin(parent, parent.id == Outbox.parent_id)
        .outerjoin(Pace, Pace.channel == _destination())
        .where(Outbox.state.in_(WAITING), or_(Outbox.parent_id.is_(None), parent.state == "sent"), *conditions)
    )


_PACED = case((Pace.next_at > Outbox.due_at, Pace.next_at), else_=Outbox.due_at)
_FREE_BY = and_(
    or_(Outbox.lease_until.is_(None), Outbox.lease_until <= _REAL_NOW),
    or_(Outbox.not_before.is_(None), Outbox.not_before <= _REAL_NOW),
)
_LATER = case(
    (Outbox.not_before.is_(None), Outbox.lease_until),
    (Outbox.lease_until.is_(None), Outbox.not_before),
    (Outbox.lease_until > Outbox.not_before, Outbox.lease_until),
    else_=Outbox.not_before,
)
_OUTLOOK = select(
    _earliest(_PACED, Outbox.due_at <= _NOW, Pace.next_at > _NOW, _FREE_BY).scalar_subquery(),
    _earliest(_PACED, _FREE_BY).scalar_subquery(),
    _earliest(_LATER, Outbox.due_at <= _NOW, or_(Pace.next_at.is_(None), Pace.next_at <= _NOW)).scalar_subquery(),
    cards.NEXT_FREE.scalar_subquery(),
)
