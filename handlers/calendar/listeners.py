"""People come in: one's own calendar, as an address to subscribe to and as a file. Nobody sees anybody else's."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.ext.asyncio import AsyncSession

from handlers.calendar import ics, page
from handlers.calendar.ids import Action, Door
from handlers.kit import words as w
from handlers.kit.deps import Body, Deps, deps_of, user_id
from handlers.kit.message import Attached, Message
from handlers.kit.once import once
from handlers.kit.views import replace, show
from models import calendars, outbox, people
from models.domain.policy import Policy
from models.domain.text import count
from models.domain.zones import local_date, zone
from models.outbox import Owed
from models.tables import Person

TEMPLATE = "calendar"


def register(app: AsyncApp) -> None:
    app.action(Door.MY_CALENDAR)(open_page)
    app.action(Action.RENEW)(renew)
    app.action(Action.FILE)(ask_for_file)


async def open_page(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    await ack()
    await show(client, body, page.modal(await _address(deps_of(context), body)))


async def _address(deps: Deps, body: Body) -> str:
    """The address of whoever acts; made the first time, if it can be reached at all."""
    if not deps.public_url:
        async with deps.db.read() as session:
            await people.acting(session, user_id(body))
        return ""
    async with deps.db.write_together() as session:
        actor = await people.acting(session, user_id(body))
        return page.address_of(deps.public_url, await calendars.secret_of(session, actor, now=deps.now()))


async def renew(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """Another address; what is kept of the click does not say which."""
    deps = deps_of(context)

    async def effect(session: AsyncSession) -> Mapping[str, Any]:
        await calendars.renew(session, await people.acting(session, user_id(body)), now=deps.now())
        return {}

    await once(deps, body, f"click:{_key(body)}", effect)
    await ack()
    await _show_again(deps, body, client, page.RENEWED)


async def ask_for_file(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """Owe the file to whoever pressed the button; what is in it is decided when it is written."""
    deps, key = deps_of(context), _key(body)

    async def effect(session: AsyncSession) -> Mapping[str, Any]:
        actor = await people.acting(session, user_id(body))
        owed = Owed(
            key=key, template=TEMPLATE, args={"person": actor.id}, due_at=deps.now(), person_id=actor.id, urgent=True
        )
        await outbox.enqueue(session, [owed], now=deps.now())
        return {}

    await once(deps, body, f"click:{key}", effect)
    await ack()
    deps.wake()
    await _show_again(deps, body, client, page.SENT)


def _key(body: Body) -> str:
    action = body["actions"][0]
    return f"{action['action_id']}:{user_id(body)}:{action['action_ts']}"


async def _show_again(deps: Deps, body: Body, client: AsyncWebClient, said: str) -> None:
    view = page.modal(await _address(deps, body), said=said)
    await replace(client, str(body["view"]["id"]), view)


async def render(session: AsyncSession, args: Mapping[str, Any], *, now: datetime, policy: Policy) -> Message | None:
    """The file in the direct message; nothing for whoever has left meanwhile."""
    person = await session.get(Person, int(args["person"]))
    if person is None or not person.active or person.side != "ours":
        return None
    found = await calendars.entries(session, person, now=now, policy=policy)
    if not found:
        return Message("No meeting of yours is planned.")
    today = local_date(now, zone(people.zone_of(person, policy)))
    data = await asyncio.to_thread(ics.write, found)  # a hundred meetings take longer than a click may wait
    file = Attached(f"cadence-{today.isoformat()}.ics", f"My meetings, {w.day(today)}", data)
    return Message(f"*My calendar*: {count(len(found), 'meeting')}, to be imported into a calendar program.", file=file)
