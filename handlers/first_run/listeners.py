"""People come in: “Set up Cadence”, the lists behind its steps, and the looks at Slack and at the first prompt."""

from collections.abc import Callable, Mapping
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.ext.asyncio import AsyncSession

from handlers.first_run import forms, lists, page, preview, saving, slack
from handlers.first_run.ids import Action, CrmRef, Door, FormState, Row, View
from handlers.first_run.page import SetUpPage
from handlers.kit.deps import Body, Deps, deps_of, user_id
from handlers.kit.forms import Values
from handlers.kit.once import once
from handlers.kit.views import replace, show
from models import channels, first_run, people
from models.domain.errors import UserError
from models.domain.rights import Act
from models.tables import Person

List = Callable[[SetUpPage, int], dict[str, Any]]
LISTS: Mapping[str, List] = {View.PARTNERS: lists.partners, View.PEOPLE: lists.people, View.CHANNELS: lists.channels}
ACTS = {View.PARTNERS: Act.ADD_PARTNER, View.PEOPLE: Act.ADD_PERSON}


def register(app: AsyncApp) -> None:
    app.action(Door.FIRST_RUN)(open_page)
    app.action(Action.CRM)(save_crm)
    app.action(Action.PARTNERS)(open_partners)
    app.action(Action.PEOPLE)(open_people)
    app.action(Action.CHANNELS)(open_channels)
    app.action(Action.LOOK_AGAIN)(look_again)
    app.action(Action.TURN_BACK)(turn)
    app.action(Action.TURN_ON)(turn)
    app.action(Action.ADD_PARTNER)(open_partner)
    app.action(Action.CHANGE_PARTNER)(open_partner)
    app.action(Action.ADD_PERSON)(open_person)
    app.action(Action.CHANGE_PERSON)(open_person)
    app.action(Action.CHANNEL)(open_channel)
    app.action(Action.WAY)(choose_way)
    app.action(Action.PREVIEW)(open_preview)
    app.action(Action.WHO)(show_somebody_else)
    app.view(View.PARTNER)(saving.save_partner)
    app.view(View.PERSON)(saving.save_person)
    app.view(View.CHANNEL)(saving.save_channel)


async def open_page(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """“Set up Cadence”, from the welcome, the Home tab or `/cadence`."""
    await ack()
    deps = deps_of(context)
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        view = await page.view(session, actor, now=deps.now(), policy=deps.policy)
    await show(client, body, view)


async def save_crm(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """“We have no CRM”, and that it has one after all. Acks after the commit."""
    deps, action = deps_of(context), body["actions"][0]
    ref = CrmRef.load(action["value"])

    async def effect(session: AsyncSession) -> Mapping[str, Any]:
        actor = await people.acting(session, user_id(body))
        await first_run.say_no_crm(session, actor, without=ref.without, now=deps.now())
        return {}

    await once(deps, body, f"click:{user_id(body)}:{action['action_ts']}:{action['action_id']}", effect)
    await ack()
    deps.wake()
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        view = await page.view(session, actor, now=deps.now(), policy=deps.policy)
    await replace(client, str(body["view"]["id"]), view)


async def open_partners(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    await ack()
    await show(client, body, (await _list(deps_of(context), body, View.PARTNERS, 0))[1])


async def open_people(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    await ack()
    await show(client, body, (await _list(deps_of(context), body, View.PEOPLE, 0))[1])


async def open_channels(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """What is remembered of the channels at once; what Slack says of them a moment later."""
    await ack()
    deps = deps_of(context)
    found, view = await _list(deps, body, View.CHANNELS, 0)
    view_id = await show(client, body, view)
    await _look(client, deps, body, found, view_id, 0)


async def look_again(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    await ack()
    deps, at = deps_of(context), Row.load(body["actions"][0]["value"]).at
    found, _ = await _list(deps, body, View.CHANNELS, at)
    await _look(client, deps, body, found, str(body["view"]["id"]), at)


async def _look(client: AsyncWebClient, deps: Deps, body: Body, found: SetUpPage, view_id: str, at: int) -> None:
    """Ask Slack about the channels shown, keep what it says, and draw the list and the page below it anew."""
    facts = found.facts
    refs = [one.room.ref for one in facts.tier1 if one.room is not None and one.id in found.mine]
    rooms = await slack.rooms(client, [*([facts.leadership.ref] if facts.leadership else []), *refs])
    if not rooms:
        return
    async with deps.db.write() as session:
        await channels.remember(session, rooms)
    await saving.redraw(client, deps, body, {view_id: lambda fresh: lists.channels(fresh, at)})


async def turn(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """Another page of a list, in its place."""
    await ack()
    at, name = Row.load(body["actions"][0]["value"]).at, str(body["view"]["callback_id"])
    _, view = await _list(deps_of(context), body, name, at)
    await replace(client, str(body["view"]["id"]), view)


async def _list(deps: Deps, body: Body, name: str, at: int) -> tuple[SetUpPage, dict[str, Any]]:
    """A list for the person who asks. Raises NotAllowed; UserError for a list there is none of."""
    draw = LISTS.get(name)
    if draw is None:
        raise UserError("This button is from an older version of Cadence. Open the form again.")
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        if name in ACTS:
            page.require_all(actor, ACTS[View(name)])
        found = await page.load(session, actor, now=deps.now(), policy=deps.policy)
    return found, draw(found, at)


async def open_partner(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """A new partner, or one of the list."""
    await ack()
    deps, ref = deps_of(context), Row.load(body["actions"][0]["value"])
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        page.require_all(actor, Act.ADD_PARTNER)
        facts = await first_run.facts(session, now=deps.now(), policy=deps.policy)
        present = next((one for one in facts.partners if one.id == ref.i), None)
        if ref.i and present is None:
            raise UserError("This partner is not there any more. Open the list of partners again.")
        manager = await session.get(Person, present.pm_id) if present and present.pm_id and present.manager else None
    state = FormState(i=ref.i, at=ref.at)
    slack_id = manager.slack_id if manager is not None else None
    tier = 2 if facts.tier1 else 1
    bare = sum(1 for one in facts.partners if not one.manager and one.id != ref.i)
    await show(client, body, forms.partner(forms.PartnerForm(deps.policy, state, present, slack_id, tier, bare=bare)))


async def open_person(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """Somebody new, or one of the list."""
    await ack()
    deps, ref = deps_of(context), Row.load(body["actions"][0]["value"])
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        page.require_all(actor, Act.ADD_PERSON)
        present = await people.get(session, ref.i) if ref.i else None
        view = forms.person(present, FormState(i=ref.i, at=ref.at), deps.policy)
    await show(client, body, view)


async def open_channel(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    await ack()
    ref = Row.load(body["actions"][0]["value"])
    await show(client, body, await _channel(deps_of(context), body, FormState(i=ref.i, at=ref.at)))


async def choose_way(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """Other fields, because a new channel needs a name and one that exists does not."""
    await ack()
    state = FormState.load(body["view"]["private_metadata"])
    way = Values(body["view"]).option("way") or state.way
    view = await _channel(deps_of(context), body, state.model_copy(update={"way": way}))
    await replace(client, str(body["view"]["id"]), view)


async def _channel(deps: Deps, body: Body, state: FormState) -> dict[str, Any]:
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        partner = await first_run.partner_of(session, actor, state.i, now=deps.now(), policy=deps.policy)
        facts = await first_run.facts(session, now=deps.now(), policy=deps.policy)
    room = next((one.room for one in facts.partners if one.id == partner.id), None)
    return forms.channel(partner.name, room, state)


async def open_preview(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """The card of whoever has most deals under the first review."""
    await ack()
    await show(client, body, await _preview(deps_of(context), body, 0))


async def show_somebody_else(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    await ack()
    chosen = (body["actions"][0].get("selected_option") or {}).get("value") or "0"
    view = await _preview(deps_of(context), body, int(chosen) if chosen.isdecimal() else 0)
    await replace(client, str(body["view"]["id"]), view)


async def _preview(deps: Deps, body: Body, person_id: int) -> dict[str, Any]:
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        page.require_all(actor, Act.SET_UP_COMPANY)
        asked = await first_run.first_prompts(session, now=deps.now(), policy=deps.policy)
        chosen = next((one for one in asked if one.person_id == person_id), asked[0] if asked else None)
        card = None
        if chosen is not None:
            card = await deps.pages.prompt(
                session, chosen.person_id, chosen.occurrence_ids, now=deps.now(), policy=deps.policy
            )
    return preview.modal(asked, chosen, card)
