"""People come in: signing attribution from a list or a form, and recording touches, from a form or from a message."""

from collections.abc import Mapping
from dataclasses import replace as with_
from datetime import UTC, datetime
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.ext.asyncio import AsyncSession

from handlers.attribution import form, touch
from handlers.attribution.ids import Action, ClaimRef, DealRef, Door, FormState, Shortcut, TouchState, View
from handlers.kit.deps import Body, Deps, deps_of, trigger, user_id
from handlers.kit.once import once
from handlers.kit.views import replace, show
from models import attribution, people
from models.attribution import Desk, Given
from models.domain.errors import FieldErrors, Stale, UserError
from models.domain.rights import Act, may
from models.domain.zones import local_date, zone
from models.tables import Person


def register(app: AsyncApp) -> None:
    app.action(Door.SIGN_ATTRIBUTION)(open_list)
    app.action(Door.ATTRIBUTION)(open_form)
    app.action(Action.KIND)(redraw)
    app.action(Action.SIGN)(save_click)
    app.view(View.FORM)(save_form)
    app.shortcut(Shortcut.TOUCH)(open_touch_of_message)
    app.action(Action.TOUCH)(open_touch)
    app.action(Action.ANOTHER)(open_another)
    app.options(Action.DEAL)(offer_deals)
    app.options(Action.ANOTHER)(offer_deals)
    app.view(View.TOUCH)(save_touch)


# Signing.


async def open_list(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """“Sign attribution…”: what waits for one's signature."""
    await ack()
    deps = deps_of(context)
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        view = await _list(session, deps, actor)
    await _show(client, body, view)


async def _show(client: AsyncWebClient, body: Body, view: dict[str, Any]) -> None:
    """On top of what is open, or in the place of a receipt: Slack stacks three views and no more."""
    inside = body.get("view") or {}
    if inside.get("callback_id") == View.DONE:
        await client.views_update(view_id=inside["id"], view=view)
    else:
        await show(client, body, view)


async def _list(session: AsyncSession, deps: Deps, actor: Person, *, lead: str = "") -> dict[str, Any]:
    waiting = await attribution.waiting_for(session, actor, now=deps.now(), policy=deps.policy)
    book = await people.names(session, [item.by_id for item in waiting.items], known=actor)
    ground = await attribution.ground(session, now=deps.now(), policy=deps.policy)
    return form.list_modal(waiting, book, ground.terms, lead=lead)


async def save_click(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """“Sign”: the second name, in one click; the list then shows what is left."""
    deps, ref = deps_of(context), ClaimRef.load(body["actions"][0]["value"])

    async def effect(session: AsyncSession) -> Mapping[str, Any]:
        actor = await people.acting(session, user_id(body))
        done = await attribution.sign(session, actor, ref.c, now=deps.now(), policy=deps.policy)
        return {"said": form.receipt(done)}

    # By what was signed, not by the click: whoever saw no ack clicks again, and says the same thing.
    said = await once(deps, body, f"{Action.SIGN}:{user_id(body)}:{ref.c}", effect)
    await ack()
    deps.wake()
    view = body.get("view") or {}
    if view.get("type") == "modal":
        async with deps.db.read() as session:
            actor = await people.acting(session, user_id(body))
            fresh = await _list(session, deps, actor, lead=str(said["said"]))
        await replace(client, str(view["id"]), fresh)


async def open_form(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """The form of one deal, from a list, a receipt or a page that names it."""
    await ack()
    await _open(client, body, deps_of(context), DealRef.load(body["actions"][0]["value"]).d)


async def open_another(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """The menu of the list: the form of a deal that waits for nobody, for a change, a touch or a look at its history."""
    await ack()
    chosen = str((body["actions"][0].get("selected_option") or {}).get("value") or "")
    if chosen.isdecimal():
        await _open(client, body, deps_of(context), int(chosen))


async def _open(client: AsyncWebClient, body: Body, deps: Deps, deal_id: int) -> None:
    below = View.LIST if (body.get("view") or {}).get("callback_id") == View.LIST else ""
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        desk = await _desk(session, deps, actor, deal_id)
        page = await _page(session, deps, actor, desk, form.begin(desk, below=below))
    await _show(client, body, form.modal(page))


async def redraw(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """The kind decides which fields follow; what was typed elsewhere stays, and what the form has shown."""
    await ack()
    deps, view = deps_of(context), body["view"]
    kind = body["actions"][0]["selected_option"]["value"]
    state = FormState.load(view["private_metadata"]).model_copy(update={"kind": kind})
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        desk = await _desk(session, deps, actor, state.d)
        page = await _page(session, deps, actor, desk, state)
    await client.views_update(view_id=view["id"], hash=view["hash"], view=form.modal(page))


async def save_form(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """Sign. Acks after the commit: what follows is the receipt."""
    deps, view = deps_of(context), body["view"]
    state, typed = FormState.load(view["private_metadata"]), form.parse(view)

    async def effect(session: AsyncSession) -> Mapping[str, Any]:
        actor = await people.acting(session, user_id(body))
        done = await attribution.claim(
            session, actor, state.d, typed.kind, reason=typed.reason, touch=typed.touch, seen=state.seen,
            now=deps.now(), policy=deps.policy,
        )  # fmt: skip
        return {"response_action": "update", "view": form.done_modal(done, listed=state.below == View.LIST)}

    try:
        response = await once(deps, body, f"view:{view['id']}:{view['hash']}", effect)
    except Stale as stale:
        await ack(response_action="update", view=await _with_both(deps, body, state, stale))
        return
    await ack(**response)
    deps.wake()
    if state.below == View.LIST and view.get("previous_view_id"):
        async with deps.db.read() as session:
            fresh = await _list(session, deps, await people.acting(session, user_id(body)))
        await replace(client, str(view["previous_view_id"]), fresh)


async def _with_both(deps: Deps, body: Body, state: FormState, stale: Stale) -> dict[str, Any]:
    """The same form with both values above it, and what was typed still in its fields."""
    typed = form.parse(body["view"])
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        desk = await _desk(session, deps, actor, state.d)
        fresh = state.model_copy(update={"seen": desk.print, "kind": typed.kind})
        page = await _page(session, deps, actor, desk, fresh)
    return form.modal(with_(page, typed=typed, conflicts=stale.conflicts))


async def _desk(session: AsyncSession, deps: Deps, actor: Person, deal_id: int) -> Desk:
    return await attribution.open_desk(session, actor, deal_id, now=deps.now(), policy=deps.policy)


async def _page(session: AsyncSession, deps: Deps, actor: Person, desk: Desk, state: FormState) -> form.FormPage:
    ids = {held.person_id for claim in desk.claims for held in claim.signatures}
    ids |= {held.for_id for claim in desk.claims for held in claim.signatures if held.for_id}
    ids |= {one.by_id for one in desk.touches}
    return form.FormPage(
        desk=desk,
        book=await people.names(session, ids, known=actor),
        zone=zone(people.zone_of(actor, deps.policy)),
        may_sign=may(people.as_actor(actor), Act.SIGN_ATTRIBUTION, desk.subject).allowed,
        state=state,
        reader_id=actor.id,
    )


# Touches.


async def open_touch_of_message(
    ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext
) -> None:  # fmt: skip
    """The shortcut on a message: what it says and when is in the form already."""
    await ack()
    deps, message, channel = deps_of(context), body["message"], body["channel"]
    state = TouchState(channel=str(channel["id"]), name=str(channel.get("name") or ""), ts=str(message["ts"]))
    text = str(message.get("text") or "")
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        choices = await _choices(session, deps, actor, state, most=2)
        if not choices:
            raise UserError(
                "There is no deal that you could record a touch of: you own none, and manage no partner that has one."
            )
        said = await people.by_slack_ids(session, touch.mentioned(text))
    given = Given(_day_of(state.ts, deps), touch.plain(text, {key: person.name for key, person in said.items()}))
    page = touch.TouchPage(state, given, first=choices[0] if len(choices) == 1 else None)
    await client.views_open(trigger_id=trigger(body), view=touch.modal(page))


def _day_of(ts: str, deps: Deps) -> Any:
    """The company's date of a message."""
    return local_date(datetime.fromtimestamp(float(ts), UTC), zone(deps.policy.zone))


async def _choices(
    session: AsyncSession, deps: Deps, actor: Person, state: TouchState, *, query: str = "", most: int = 100
) -> list[attribution.Choice]:
    places = [place for place in (state.channel, state.name) if place]
    return await attribution.touchable(
        session, actor, query=query, places=places, now=deps.now(), policy=deps.policy, most=most
    )


async def offer_deals(ack: AsyncAck, body: Body, context: AsyncBoltContext) -> None:
    """The deals that fit what is being typed; the actor's rights decide which there are."""
    deps = deps_of(context)
    state = TouchState.load(str((body.get("view") or {}).get("private_metadata") or ""))
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        choices = await _choices(session, deps, actor, state, query=str(body.get("value") or ""))
    await ack(**touch.options(choices))


async def open_touch(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """“Record a touch…” in a deal's form: in its place, and back to it when it is recorded."""
    await ack()
    deps, view = deps_of(context), body["view"]
    deal_id, opened = DealRef.load(body["actions"][0]["value"]).d, FormState.load(view["private_metadata"])
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        desk = await _desk(session, deps, actor, deal_id)
    state = TouchState(d=deal_id, form=opened.model_copy(update={"seen": desk.print}))
    fresh = touch.modal(touch.TouchPage(state, Given(), desk=desk))
    await client.views_update(view_id=view["id"], hash=view["hash"], view=fresh)


async def save_touch(ack: AsyncAck, body: Body, context: AsyncBoltContext) -> None:
    """Record it. From a message the receipt offers to sign; in a deal's form, that form shows it."""
    deps, view = deps_of(context), body["view"]
    state = TouchState.load(view["private_metadata"])
    deal_id, given = touch.parse(view, state)

    async def effect(session: AsyncSession) -> Mapping[str, Any]:
        actor = await people.acting(session, user_id(body))
        if not deal_id:
            raise FieldErrors({"deal": "Choose the deal that the partner touched."})
        seen = state.form.seen if state.form is not None else None
        desk = await attribution.record_touch(
            session, actor, deal_id, given, now=deps.now(), policy=deps.policy, seen=seen
        )
        if state.form is not None:
            fresh = state.form.model_copy(update={"seen": desk.print})
            return {"response_action": "update", "view": form.modal(await _page(session, deps, actor, desk, fresh))}
        may_sign = may(people.as_actor(actor), Act.SIGN_ATTRIBUTION, desk.subject).allowed
        return {"response_action": "update", "view": touch.receipt(desk, may_sign=may_sign)}

    await ack(**await once(deps, body, f"view:{view['id']}:{view['hash']}", effect))
    deps.wake()
