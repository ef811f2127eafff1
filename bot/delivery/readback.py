"""Looking for a message that may stand already, by the random key in its metadata."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bot.delivery.calls import NotAnswered
from bot.delivery.contract import Identity
from bot.delivery.desk import Desk
from models.tables import Outbox

EVENT_TYPE = "cadence"
BEFORE_FIRST_TRY = timedelta(minutes=5)
"""How far Slack's clock may be behind ours."""

PAGE = 200


@dataclass(frozen=True)
class Found:
    channel_id: str
    ts: str


async def find(desk: Desk, row: Outbox) -> Found | None:
    """The message of this row, if it stands. None means: the whole stretch was read and it is not there.

    Raises Refused, RateLimited or NotAnswered when it could not be read: then nobody knows.
    """
    if row.first_try_at is None or row.channel_id is None:
        return None  # never attempted
    ours = await desk.identity()
    oldest = f"{(row.first_try_at - BEFORE_FIRST_TRY).timestamp():.6f}"
    parent_ts = await _parent_ts(desk, row)
    cursor: str | None = None
    while True:
        page = await desk.call(
            "conversations.history" if parent_ts is None else "conversations.replies",
            channel=row.channel_id,
            ts=parent_ts,
            oldest=oldest,
            inclusive=True,
            include_all_metadata=True,
            limit=PAGE,
            cursor=cursor,
        )
        messages = page.get("messages")
        if not isinstance(messages, list):
            raise NotAnswered("unreadable")
        for message in messages:
            if is_ours(message, ours, row.nonce):
                return Found(row.channel_id, str(message["ts"]))
        cursor = (page.get("response_metadata") or {}).get("next_cursor") or None
        if cursor is None:
            if page.get("has_more"):
                raise NotAnswered("incomplete")
            return None


async def fresh(desk: Desk, row: Outbox) -> Outbox:
    """The row as it stands: an attempt that was committed in this turn is not in the one that was claimed."""
    async with desk.db.read() as session:
        return await session.get(Outbox, row.id) or row


async def _parent_ts(desk: Desk, row: Outbox) -> str | None:
    if row.parent_id is None:
        return None
    async with desk.db.read() as session:
        parent = await session.get(Outbox, row.parent_id)
    if parent is None or parent.ts is None:
        raise NotAnswered("no_parent")
    return parent.ts


def is_ours(message: Mapping[str, Any], ours: Identity, nonce: str) -> bool:
    """Whether our own bot wrote it for this row. The key alone proves nothing: members can read and repeat it."""
    metadata = message.get("metadata") or {}
    payload = metadata.get("event_payload") or {}
    by_us = message.get("user") == ours.bot_user_id or bool(ours.bot_id and message.get("bot_id") == ours.bot_id)
    return by_us and metadata.get("event_type") == EVENT_TYPE and payload.get("key") == nonce
