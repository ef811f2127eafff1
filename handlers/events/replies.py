"""Replies below a check-in: what of a channel's messages is looked at, decided before anything is stored.

Of everything people write in channels only replies below our own check-ins are kept; their words only if a counterpart
wrote them whom the partner's manager has confirmed. Of anybody else's reply nothing is kept but that there was one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from handlers.events.seen import Event, Seen
from models.joint import hearing
from models.joint.hearing import Reply

NEW, CHANGED, DELETED = "new", "changed", "deleted"
TAKEN = (None, "file_share", "thread_broadcast")
"""The subtypes of a message that somebody wrote: plain, with a file, shown in the channel too."""


@dataclass(frozen=True)
class Happened:
    """A reply, and what became of it: new, changed or deleted."""

    what: str
    reply: Reply


def read(event: Event) -> Happened | None:
    """The reply that a channel's message event is about; None for all that is none."""
    channel, subtype = event.get("channel"), event.get("subtype")
    if subtype == "message_changed":
        return _found(CHANGED, channel, event.get("message"))
    if subtype == "message_deleted":
        return _found(DELETED, channel, event.get("previous_message"))
    return _found(NEW, channel, event) if subtype in TAKEN else None


def _found(what: str, channel: Any, message: Any) -> Happened | None:
    if not isinstance(message, Mapping) or not isinstance(channel, str) or message.get("bot_id"):
        return None
    ts, thread_ts, user = (message.get(name) for name in ("ts", "thread_ts", "user"))
    if not all(isinstance(one, str) and one for one in (ts, thread_ts, user)) or ts == thread_ts:
        return None
    if what != DELETED and message.get("subtype") not in TAKEN:
        return None
    team = str(message.get("user_team") or message.get("team") or "")
    words = str(message.get("text") or "") if what != DELETED else ""
    return Happened(what, Reply(channel, str(ts), str(thread_ts), str(user), team, words))


async def to_keep(session: AsyncSession, body: Mapping[str, Any], *, ours: bool) -> dict[str, Any] | None:
    """The event as it may be stored; None for what is acknowledged and never stored. `ours`: one of our own people wrote it."""
    event = body["event"]
    found = read(event)
    if found is None or (ours and found.what == NEW):
        return None
    reply = found.reply
    card = await hearing.check_in_of(session, reply.channel_id, reply.thread_ts)
    if card is None:
        return None
    may_be_read = await hearing.speaker(session, card, reply.slack_id, reply.team_id) is not None
    if found.what == CHANGED:
        # Slack does not always say an editor's team; whose message it was stands in the proposal.
        may_be_read = may_be_read or await hearing.is_authors(session, reply)
        if not may_be_read:
            return None
    return {
        "type": body.get("type"),
        "event_id": body["event_id"],
        "event": {
            "type": "message", "channel_type": event.get("channel_type"), "what": found.what, "channel": reply.channel_id,
            "ts": reply.ts, "thread_ts": reply.thread_ts, "user": reply.slack_id, "team": reply.team_id,
            "text": reply.words if may_be_read else "",
        },
    }  # fmt: skip


async def apply(session: AsyncSession, event: Event, seen: Seen) -> None:
    """Work off a reply that was kept."""
    reply = Reply(
        str(event["channel"]), str(event["ts"]), str(event["thread_ts"]), str(event["user"]), str(event.get("team") or ""),
        str(event.get("text") or ""),
    )  # fmt: skip
    if event.get("what") == CHANGED:
        await hearing.edited(session, reply, now=seen.now, policy=seen.policy)
    elif event.get("what") == DELETED:
        await hearing.deleted(session, reply.channel_id, reply.ts, now=seen.now, policy=seen.policy)
    else:
        await hearing.heard(session, reply, now=seen.now, policy=seen.policy)
