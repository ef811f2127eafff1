"""The door for events: stored before they are acknowledged, worked off from the inbox.

Bolt acks an event before its listener runs, so middleware keeps it first. A listener for every subscribed event only says
that there is work: Socket Mode acks nothing for an event without one.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.middleware.async_middleware import AsyncMiddleware
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from handlers.events import replies
from handlers.events.apply import HANDLERS
from handlers.kit import blocks as b
from handlers.kit.caller import IM, caller_of
from handlers.kit.deps import Body, Deps, deps_of
from handlers.kit.message import Message
from models import inbox

EVENTS = tuple(HANDLERS)


def register(app: AsyncApp) -> None:
    app.use(KeepEvent())
    for name in EVENTS:
        app.event(name)(seen)


class KeepEvent(AsyncMiddleware):
    """Stores an event before anything acknowledges it; a repeat finds itself stored already.

    Of what people write in channels nothing is stored but replies below our check-ins, and of those only what may be read.
    """

    async def async_process(
        self,
        *,
        req: AsyncBoltRequest,
        resp: BoltResponse,  # noqa: ARG002 - Bolt's signature
        next: Callable[[], Awaitable[BoltResponse]],  # noqa: A002 - Bolt's name
    ) -> BoltResponse | None:
        body = req.body
        if body.get("type") == "event_callback":
            deps = deps_of(req.context)
            kept = await _to_keep(deps, body, ours=caller_of(req.context).ours)
            if kept is None:  # acknowledged, and nobody is woken by what people write to each other
                return BoltResponse(status=200, body="")
            async with deps.db.write_together() as session:
                await inbox.store(session, str(body["event_id"]), str(body["event"]["type"]), kept, now=deps.now())
        return await next()


async def _to_keep(deps: Deps, body: Body, *, ours: bool) -> Body | None:
    """The event, or what of it may be stored; None for nothing."""
    event = body["event"]
    if event.get("type") != "message" or event.get("channel_type") == IM:
        return body
    if replies.read(event) is None:  # as nearly everything people write: told without a look at the database
        return None
    async with deps.db.read() as session:
        return await replies.to_keep(session, body, ours=ours)


async def seen(context: AsyncBoltContext) -> None:
    deps_of(context).wake()


async def render_help(*_: Any, **__: Any) -> Message:
    """What the bot understands, for somebody who writes to it."""
    text = (
        "I run the weekly deal review and write its notes. `/deals` answers for your deals, `/cadence` shows what is "
        "next, and my Home tab shows what waits for you. When I ask you something, a click is enough. A CSV file of your CRM "
        "dropped here is looked over first: nothing is imported before you say so."
    )
    return Message(text, (b.section(text),))
