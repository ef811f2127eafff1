"""The door for events: stored before they are acknowledged, worked off from the inbox.

Bolt acks an event before its listener runs, so middleware keeps it first. A listener for every subscribed event only says
that there is work: Socket Mode acks nothing for an event without one.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext

from handlers.events.apply import HANDLERS
from handlers.kit import blocks as b
from handlers.kit.deps import Body, deps_of
from handlers.kit.message import Message
from models import inbox

EVENTS = tuple(HANDLERS)


def register(app: AsyncApp) -> None:
    app.use(keep_event)
    for name in EVENTS:
        app.event(name)(seen)


async def keep_event(body: Body, context: AsyncBoltContext, next_: Callable[[], Awaitable[Any]]) -> None:
    """Store an event before anything acknowledges it; a repeat finds itself stored already."""
    if body.get("type") == "event_callback":
        deps = deps_of(context)
        async with deps.db.write() as session:
            await inbox.store(session, str(body["event_id"]), str(body["event"]["type"]), body, now=deps.now())
    await next_()


async def seen(context: AsyncBoltContext) -> None:
    deps_of(context).wake()


async def render_help(*_: Any, **__: Any) -> Message:
    """What the bot understands, for somebody who writes to it."""
    text = (
        "I run the weekly deal review and write its notes. `/deals` answers for your deals, `/cadence` shows what is "
        "next, and my Home tab shows what waits for you. When I ask you something, a click is enough."
    )
    return Message(text, (b.section(text),))
