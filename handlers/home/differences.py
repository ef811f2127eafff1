"""“To mend in the CRM” as a file: asked for with a button on Home, delivered in the direct message."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from slack_bolt.async_app import AsyncAck
from slack_bolt.context.async_context import AsyncBoltContext
from sqlalchemy.ext.asyncio import AsyncSession

from handlers.kit import words as w
from handlers.kit.deps import Body, deps_of, user_id
from handlers.kit.message import Attached, Message
from handlers.kit.once import once
from models import differences, outbox, people
from models.domain.policy import Policy
from models.domain.text import count
from models.domain.zones import local_date, zone
from models.outbox import Owed
from models.tables import Person

TEMPLATE = "differences"


async def ask_for_file(ack: AsyncAck, body: Body, context: AsyncBoltContext) -> None:
    """Owe the file to whoever pressed the button; what is in it is decided when it is written."""
    deps, action = deps_of(context), body["actions"][0]
    key = f"{TEMPLATE}:{user_id(body)}:{action['action_ts']}"

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


async def render(
    session: AsyncSession, args: Mapping[str, Any], *, now: datetime, policy: Policy
) -> Message | None:  # fmt: skip
    person = await session.get(Person, int(args["person"]))
    if person is None:
        return None
    clocks = zone(people.zone_of(person, policy))
    rows = await differences.list_differences(session, person)
    if not rows:
        return Message("Nothing is left to mend: the CRM says what was said here.")
    today = local_date(now, clocks)
    deals = len({(row.crm_id, row.deal) for row in rows})
    text = (
        f"*To mend in the CRM*: {count(len(rows), 'value')} of {count(deals, 'deal')}, as they were said here. "
        "What is mended leaves the list with the next import."
    )
    file = Attached(
        f"to-mend-{today.isoformat()}.csv", f"To mend in the CRM, {w.day(today)}", differences.as_csv(rows, clocks)
    )
    return Message(text, file=file)
