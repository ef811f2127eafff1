"""People come in: a new deal by its form, and one click on the question whether the CRM has it too."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.ext.asyncio import AsyncSession

from handlers.births import form
from handlers.births.ids import Door, FormState, MatchRef, View
from handlers.kit.deps import Body, Deps, deps_of, user_id
from handlers.kit.once import once
from handlers.kit.views import show
from models import answers, births, merging, people
from models.births import Born, Doubled
from models.cadences import Kind
from models.domain.policy import Policy
from models.domain.text import clip, key
from models.domain.zones import zone
from models.tables import Cadence, Person

Decide = Callable[..., Awaitable[None]]


def register(app: AsyncApp) -> None:
    app.action(Door.NEW_DEAL)(open_new)
    app.action(Door.SAME_DEAL)(save_same)
    app.action(Door.DIFFERENT_DEAL)(save_different)
    app.view(View.NEW)(save_new)


async def new_deal(
    session: AsyncSession, actor: Person, query: str, *, now: datetime, policy: Policy
) -> dict[str, Any] | None:
    """The form, its partners narrowed by `query`; None when that names none, and is something else. Raises NotAllowed."""
    page = await _page(session, actor, FormState(q=clip(query, form.LONGEST_QUERY)), now=now, policy=policy)
    return form.modal(page) if page.partners else None


async def open_new(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """“New deal…”."""
    await ack()
    deps = deps_of(context)
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        page = await _page(session, actor, FormState(), now=deps.now(), policy=deps.policy)
    await show(client, body, form.modal(page))


async def _page(
    session: AsyncSession, actor: Person, state: FormState, *, now: datetime, policy: Policy
) -> form.FormPage:
    partners = await births.offered(session, actor, now=now, policy=policy)
    wanted = key(state.q)
    return form.FormPage(
        partners=[one for one in partners if wanted in one.key] if wanted else partners,
        stages=births.open_stages(policy.stages),
        currency=policy.currency,
        may_name_owner=await births.may_name_owner(session, actor, now=now, policy=policy),
        me=actor.slack_id,
        state=state,
    )


async def save_new(ack: AsyncAck, body: Body, context: AsyncBoltContext) -> None:
    """Make the deal, then say when it is asked about. Acks after the commit."""
    deps, view = deps_of(context), body["view"]

    async def effect(session: AsyncSession) -> Mapping[str, Any]:
        actor = await people.acting(session, user_id(body))
        birth = await form.parse(session, view)
        born = await births.create(session, actor, birth, now=deps.now(), policy=deps.policy)
        return {"response_action": "update", "view": form.receipt(await _receipt(session, deps, actor, born))}

    try:
        response = await once(deps, body, f"view:{view['id']}:{view['hash']}", effect)
    except Doubled as doubled:
        response = {"response_action": "update", "view": await _with_near(deps, body, doubled)}
    await ack(**response)
    deps.wake()


async def _with_near(deps: Deps, body: Body, doubled: Doubled) -> dict[str, Any]:
    """The same form with the near deals above what was typed; saved again, it is meant."""
    state = FormState.load(body["view"]["private_metadata"])
    seen = tuple(sorted({*state.seen, *(one.deal_id for one in doubled.near)}))[: form.MOST_SEEN]
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        page = await _page(session, actor, state.model_copy(update={"seen": seen}), now=deps.now(), policy=deps.policy)
        typed, book = await form.parse(session, body["view"]), await people.directory(session)
    return form.modal(replace(page, typed=typed, near=doubled.near, book=book))


async def _receipt(session: AsyncSession, deps: Deps, actor: Person, born: Born) -> form.Receipt:
    upcoming = (await answers.occurrences_for(session, [born.partner], now=deps.now())).get(born.partner.id)
    cadence = await session.get(Cadence, upcoming.cadence_id) if upcoming is not None else None
    return form.Receipt(
        born=born,
        actor=actor,
        starts_at=upcoming.starts_at if upcoming is not None else None,
        meets=cadence is not None and cadence.kind == Kind.WEEKLY_REVIEW,
        clocks=zone(people.zone_of(actor, deps.policy)),
        crm=deps.policy.crm_is_truth,
    )


async def save_same(ack: AsyncAck, body: Body, context: AsyncBoltContext) -> None:
    """“Same deal”: one click; the card it stands on is edited in place."""
    await _decide(ack, body, context, merging.say_same)


async def save_different(ack: AsyncAck, body: Body, context: AsyncBoltContext) -> None:
    """“Different”."""
    await _decide(ack, body, context, births.say_different)


async def _decide(ack: AsyncAck, body: Body, context: AsyncBoltContext, decide: Decide) -> None:
    deps, action = deps_of(context), body["actions"][0]
    ref = MatchRef.load(action["value"])

    async def effect(session: AsyncSession) -> Mapping[str, Any]:
        actor = await people.acting(session, user_id(body))
        await decide(session, actor, ref.m, now=deps.now(), policy=deps.policy)
        return {}

    # By what was said, not by the click: whoever saw no ack clicks again, and says the same thing.
    await once(deps, body, f"{action['action_id']}:{user_id(body)}:{ref.m}", effect)
    await ack()
    deps.wake()
