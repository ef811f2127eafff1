"""People come in: absence and cover from the Home tab."""

from collections.abc import Mapping
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.ext.asyncio import AsyncSession

from handlers.home.differences import ask_for_file
from handlers.home.ids import AbsenceRef, Action, Field, View
from handlers.kit import blocks as b
from handlers.kit.deps import Body, deps_of, trigger, user_id
from handlers.kit.forms import Values
from handlers.kit.once import once
from models import cards, people
from models.domain.errors import FieldErrors


def register(app: AsyncApp) -> None:
    app.action(Action.AWAY)(open_away)
    app.action(Action.BACK)(take_back)
    app.action(Action.MEND_FILE)(ask_for_file)
    app.view(View.AWAY)(save_away)


async def open_away(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    await ack()
    async with deps_of(context).db.read() as session:
        await people.acting(session, user_id(body))
    await client.views_open(trigger_id=trigger(body), view=away_form())


def away_form() -> dict[str, Any]:
    made = [
        b.date_input(Field.FIRST, "First day away"),
        b.date_input(Field.LAST, "Last day away"),
        b.user_input(Field.COVER, "Who covers for you?", optional=True,
                     hint="They get your prompts and answer in their own name. Without a cover you are named as absent."),
    ]  # fmt: skip
    return b.modal(View.AWAY, "Absence and cover", made, submit="Save", close="Cancel")


async def save_away(ack: AsyncAck, body: Body, context: AsyncBoltContext) -> None:
    deps, values = deps_of(context), Values(body["view"])

    async def effect(session: AsyncSession) -> Mapping[str, Any]:
        actor = await people.acting(session, user_id(body))
        first, last, slack_id = values.date(Field.FIRST), values.date(Field.LAST), values.user(Field.COVER)
        if first is None or last is None:
            raise FieldErrors({Field.FIRST: "Choose the first and the last day."})
        cover = await people.by_slack_id(session, slack_id) if slack_id else None
        if slack_id and cover is None:
            raise FieldErrors({Field.COVER: people.why_no_owner(None)})
        await people.record_absence(
            session, actor, first=first, last=last, cover=cover, by=actor, now=deps.now(), policy=deps.policy
        )
        await cards.touch_homes(session, [actor.id, *([cover.id] if cover else [])])
        return {}

    await ack(**await once(deps, body, f"view:{body['view']['id']}:{body['view']['hash']}", effect))
    deps.wake()


async def take_back(ack: AsyncAck, body: Body, context: AsyncBoltContext) -> None:
    deps, action = deps_of(context), body["actions"][0]
    ref = AbsenceRef.load(action["value"])

    async def effect(session: AsyncSession) -> Mapping[str, Any]:
        actor = await people.acting(session, user_id(body))
        await people.cancel_absence(session, ref.a, by=actor, now=deps.now())
        await cards.touch_homes(session)
        return {}

    await once(deps, body, f"click:{user_id(body)}:{action['action_ts']}:{ref.a}", effect)
    await ack()
    deps.wake()
