"""What Slack tells us: each event is worked off once, from the inbox, in the transaction that marks it done."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from handlers.events import channels, replies
from handlers.events.seen import Event, Handler, Seen
from handlers.kit.caller import IM
from handlers.kit.slack_users import slack_user
from models import cards, drafts, orphans, outbox, people
from models.drafts import Dropped
from models.outbox import Owed
from models.tables import Outbox, Person

FILE_SHARE = "file_share"
"""The subtype of a message that brings files."""


async def apply(session: AsyncSession, event: Event, seen: Seen) -> None:
    """Work off one event; an event nobody needs is done by being stored."""
    handler = HANDLERS.get(str(event.get("type")))
    if handler is not None:
        await handler(session, event, seen)


async def home_opened(session: AsyncSession, event: Event, seen: Seen) -> None:
    """Draw the Home tab of somebody we know; others see Slack's own empty page."""
    person = await people.by_slack_id(session, str(event["user"]))
    if people.is_ours(person) and event.get("tab", "home") == "home":
        await cards.home(session, person.id, now=seen.now)


async def user_changed(session: AsyncSession, event: Event, seen: Seen) -> None:
    """A new or changed user: match them to a person, notice deactivation and moved time zones."""
    user = slack_user(event["user"])
    await orphans.sync(
        session, [user], team_id=seen.team_id, enterprise_id=seen.enterprise_id, now=seen.now, policy=seen.policy
    )


async def message(session: AsyncSession, event: Event, seen: Seen) -> None:
    """Somebody writes to the bot: say once what it understands, as an answer in the same DM. A file is taken up.

    What was kept of a channel is a reply below a check-in.
    """
    subtype = event.get("subtype")
    if event.get("channel_type") != IM:
        await replies.apply(session, event, seen)
        return
    if subtype not in (None, FILE_SHARE):
        return
    if event.get("bot_id") or not event.get("user"):
        return
    person = await people.by_slack_id(session, str(event["user"]))
    if not people.is_ours(person):
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
    **channels.HANDLERS,
    "message": message,
}

__all__ = ["HANDLERS", "Seen", "apply"]
