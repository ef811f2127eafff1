"""What Slack tells us: each event is worked off once, from the inbox, in the transaction that marks it done."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from handlers.kit.slack_users import slack_user
from models import cards, drafts, orphans, outbox, people
from models.domain.policy import Policy
from models.drafts import Dropped
from models.outbox import Owed
from models.tables import ChannelState, Outbox, Partner, Person

Event = Mapping[str, Any]
Handler = Callable[[AsyncSession, Event, "Seen"], Awaitable[None]]
FILE_SHARE = "file_share"
"""The subtype of a message that brings files."""


class Seen:
    """What every handler is given besides the event: when, whose workspace, and who we are."""

    def __init__(self, *, now: datetime, team_id: str, bot_user_id: str, policy: Policy, event_id: str) -> None:
        self.now, self.team_id, self.bot_user_id = now, team_id, bot_user_id
        self.policy, self.event_id = policy, event_id


async def apply(session: AsyncSession, event: Event, seen: Seen) -> None:
    """Work off one event; an event nobody needs is done by being stored."""
    handler = HANDLERS.get(str(event.get("type")))
    if handler is not None:
        await handler(session, event, seen)


async def home_opened(session: AsyncSession, event: Event, seen: Seen) -> None:
    """Draw the Home tab of somebody we know; others see Slack's own empty page."""
    person = await people.by_slack_id(session, str(event["user"]))
    if person is not None and person.side == "ours" and event.get("tab", "home") == "home":
        await cards.home(session, person.id, now=seen.now)


async def user_changed(session: AsyncSession, event: Event, seen: Seen) -> None:
    """A new or changed user: match them to a person, notice deactivation and moved time zones."""
    user = slack_user(event["user"])
    await orphans.sync(session, [user], team_id=seen.team_id, now=seen.now, policy=seen.policy)


async def channel_changed(session: AsyncSession, event: Event, seen: Seen) -> None:
    """Sharing, archiving, renaming, coming and going: forget what we knew, so that the next post asks Slack."""
    channel = event.get("channel")
    channel_id = channel["id"] if isinstance(channel, Mapping) else str(channel)
    await session.execute(update(ChannelState).where(ChannelState.slack_id == channel_id).values(checked_at=None))


async def membership_changed(session: AsyncSession, event: Event, seen: Seen) -> None:
    if event.get("user") == seen.bot_user_id:
        await channel_changed(session, event, seen)


async def channel_id_changed(session: AsyncSession, event: Event, seen: Seen) -> None:
    """Follow a channel to its new id, wherever its old one is written."""
    old, new = str(event["old_channel_id"]), str(event["new_channel_id"])
    for column in (Partner.internal_channel, Partner.joint_channel):
        await session.execute(update(Partner).where(column == old).values({column.key: new}))
    await session.execute(
        update(Outbox).where(Outbox.channel_ref == old, Outbox.state.in_(("pending", "held"))).values(channel_ref=new)
    )
    row = await session.get(ChannelState, old)
    if row is not None:
        await session.delete(row)


async def message(session: AsyncSession, event: Event, seen: Seen) -> None:
    """Somebody writes to the bot: say once what it understands, as an answer in the same DM. A file is taken up."""
    subtype = event.get("subtype")
    if event.get("channel_type") != "im" or subtype not in (None, FILE_SHARE):
        return
    if event.get("bot_id") or not event.get("user"):
        return
    person = await people.by_slack_id(session, str(event["user"]))
    if person is None or person.side != "ours" or not person.active:
        return
    if subtype == FILE_SHARE:
        await _files(session, event, person, seen)
        return
    waiting = await session.scalar(
        select(Outbox.id).where(Outbox.person_id == person.id, Outbox.template == "help", Outbox.state == "pending")
    )
    if waiting is None:
        key = f"help:{seen.event_id}"
        await outbox.enqueue(
            session,
            [Owed(key=key, template="help", args={}, due_at=seen.now, person_id=person.id, urgent=True)],
            now=seen.now,
        )


async def _files(session: AsyncSession, event: Event, person: Person, seen: Seen) -> None:
    """Each file is a draft of its own; nothing is taken from somebody who may not import, and they hear who can."""
    files = [file for file in event.get("files") or () if file.get("id")]
    if files and await drafts.why_not(session, person):
        owed = Owed(
            key=f"{drafts.NOT_YOURS}:{seen.event_id}", template=drafts.NOT_YOURS, args={"person": person.id},
            due_at=seen.now, person_id=person.id, urgent=True,
        )  # fmt: skip
        await outbox.enqueue(session, [owed], now=seen.now)
        return
    for file in files:
        dropped = Dropped(str(file["id"]), str(file.get("name") or file.get("title") or ""), int(file.get("size") or 0))
        await drafts.offer(session, person, dropped, now=seen.now)


HANDLERS: dict[str, Handler] = {
    "app_home_opened": home_opened,
    "user_change": user_changed,
    "team_join": user_changed,
    "channel_archive": channel_changed,
    "channel_unarchive": channel_changed,
    "channel_rename": channel_changed,
    "channel_shared": channel_changed,
    "channel_unshared": channel_changed,
    "group_archive": channel_changed,
    "group_rename": channel_changed,
    "group_unarchive": channel_changed,
    "channel_id_changed": channel_id_changed,
    "member_joined_channel": membership_changed,
    "member_left_channel": membership_changed,
    "message": message,
}
