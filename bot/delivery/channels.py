"""The boundary: an internal post goes only to a channel that Slack, asked just now, says is ours alone."""

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import real_now
from bot.delivery.calls import NotAnswered, Refused
from bot.delivery.desk import Desk, Ends
from bot.delivery.sentences import sentence
from models import outbox
from models.tables import ChannelState

IS_ID = re.compile(r"[CDG][A-Z0-9]+")
"""Slack's channel ids; the name of a channel has no capitals."""

FRESH = timedelta(minutes=1)
LIST_AGAIN_AFTER = 5.0
PAGE = 1000


@dataclass(frozen=True)
class Seen:
    """What Slack says of a channel. `unknown`: it does not say whether the channel is shared."""

    slack_id: str
    name: str
    is_private: bool
    is_member: bool
    is_archived: bool
    is_shared: bool
    is_pending_shared: bool
    unknown: bool

    @classmethod
    def of(cls, channel: Mapping[str, Any]) -> "Seen":
        """Read a channel object, reading everything that is not plainly no as yes."""
        flags = ("is_ext_shared", "is_shared", "is_org_shared")
        return cls(
            slack_id=str(channel.get("id") or ""),
            name=str(channel.get("name") or ""),
            is_private=bool(channel.get("is_private")),
            is_member=channel.get("is_member") is True,
            is_archived=bool(channel.get("is_archived")),
            is_shared=any(channel.get(flag) for flag in flags) or bool(channel.get("connected_team_ids")),
            is_pending_shared=any(
                channel.get(name) for name in ("is_pending_ext_shared", "pending_shared", "pending_connected_team_ids")
            ),
            unknown=any(not isinstance(channel.get(flag), bool) for flag in flags[:2])
            or bool(channel.get("is_im") or channel.get("is_mpim")),
        )

    def why_not(self) -> Ends | None:
        """Why nothing internal may be posted here."""
        place = f"#{self.name}" if self.name else self.slack_id
        if self.is_shared:
            return Ends("held", "shared", f"{place} is shared with another company or workspace.")
        if self.is_pending_shared:
            return Ends("held", "pending_shared", f"{place} is about to be shared with another company.")
        if self.unknown:
            return Ends("held", "sharing_unknown", f"Slack does not say whether {place} is shared.")
        if self.is_archived:
            return Ends("failed", "is_archived", f"{place} is archived.")
        if not self.is_member:
            return Ends("failed", "not_in_channel", f"Cadence is not in {place}. Invite it there.")
        return None


async def ours_alone(desk: Desk, ref: str) -> str:
    """The id of the channel that `ref` (an id or a name) means, which is certainly not shared, looked up just now.

    Raises Ends (held, failed) with a sentence, or what the look-up fails with.
    """
    name = ref.removeprefix("#")
    if IS_ID.fullmatch(name):
        seen = await look_up(desk, name)
    else:
        seen = await _by_name(desk, name.casefold())
    problem = seen.why_not()
    if problem is not None:
        raise problem
    return seen.slack_id


async def may_edit(desk: Desk, channel_id: str) -> Ends | None:
    """Why a message in this channel may not be edited. A state looked up within the last minute is good enough."""
    async with desk.db.read() as session:
        state = await session.get(ChannelState, channel_id)
        real = await outbox.database_now(session, real_now())
    if state is not None and state.checked_at is not None and real - state.checked_at < FRESH:
        return Seen(
            channel_id, state.name, state.is_private, state.is_member, state.is_archived, state.is_shared,
            state.is_pending_shared, unknown=False,
        ).why_not()  # fmt: skip
    try:
        return (await look_up(desk, channel_id)).why_not()
    except Ends as end:
        return end


async def look_up(desk: Desk, channel_id: str) -> Seen:
    """Ask Slack, and remember what it says."""
    try:
        answer = await desk.call("conversations.info", channel=channel_id)
    except Refused as refused:
        if refused.passes:
            raise
        state = "failed" if refused.code == "channel_not_found" else "held"
        raise Ends(state, refused.code, sentence("look_up", refused.code)) from None
    seen = Seen.of(answer.get("channel") or {})
    if not seen.slack_id:
        raise NotAnswered("unreadable")
    async with desk.db.write() as session:
        checked_at = None if seen.unknown else await outbox.database_now(session, real_now())
        await _store(session, [seen], checked_at)
    return seen


async def _by_name(desk: Desk, name: str) -> Seen:
    channel_id = await _remembered(desk, name)
    if channel_id is not None:
        seen = await look_up(desk, channel_id)
        if seen.name.casefold() == name:
            return seen
    # Unknown, or renamed since: read the list once.
    await _list(desk)
    channel_id = await _remembered(desk, name)
    if channel_id is None:
        raise Ends("failed", "channel_not_found", f"There is no channel #{name} that Cadence can see. Invite it there.")
    return await look_up(desk, channel_id)


async def _remembered(desk: Desk, name: str) -> str | None:
    async with desk.db.read() as session:
        found: str | None = await session.scalar(
            select(ChannelState.slack_id)
            .where(ChannelState.name == name)
            .order_by(ChannelState.is_archived, ChannelState.is_member.desc(), ChannelState.slack_id)
            .limit(1)
        )
    return found


async def _list(desk: Desk) -> None:
    """Read all channels that Slack shows us, unless that was done a moment ago."""
    async with desk.known.listing:
        last = desk.known.channels_listed_at
        if last is not None and time.monotonic() - last < LIST_AGAIN_AFTER:
            return
        seen: list[Seen] = []
        cursor: str | None = None
        while True:
            page = await desk.call(
                "conversations.list", types="public_channel,private_channel", limit=PAGE, cursor=cursor
            )
            seen += [Seen.of(channel) for channel in page.get("channels") or ()]
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or None
            if cursor is None:
                break
        async with desk.db.write() as session:
            await _store(session, [one for one in seen if one.slack_id], None)
        desk.known.channels_listed_at = time.monotonic()


async def _store(session: AsyncSession, seen: Iterable[Seen], checked_at: datetime | None) -> None:
    """Remember channels. Only an answer about the very channel is a check; a list gives names."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    rows = [{name: value for name, value in asdict(one).items() if name != "unknown"} for one in seen]
    for start in range(0, len(rows), 500):
        values = [row | {"checked_at": checked_at} for row in rows[start : start + 500]]
        statement = insert(ChannelState).values(values)
        changes = {
            name: statement.excluded[name]
            for name in values[0]
            if name != "slack_id" and (name != "checked_at" or checked_at is not None)
        }
        await session.execute(statement.on_conflict_do_update(index_elements=["slack_id"], set_=changes))
