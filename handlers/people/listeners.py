"""People come in: handing somebody's open work to a successor, and naming a partner manager."""

from collections.abc import Mapping
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.ext.asyncio import AsyncSession

from handlers.kit.deps import Body, Deps, deps_of, user_id
from handlers.kit.once import once
from handlers.kit.views import show
from handlers.people import form
from handlers.people.ids import Door, FormState, PeopleRef, View
from models import handover, managers, people
from models.domain.errors import UserError
from models.handover import InHand
from models.managers import Named, NewManager
from models.tables import Person


def register(app: AsyncApp) -> None:
    app.action(Door.HAND_OVER)(open_hand_over)
    app.action(Door.NEW_MANAGER)(open_new_manager)
    app.view(View.HAND_OVER)(save_hand_over)
    app.view(View.NEW_MANAGER)(save_new_manager)


async def open_hand_over(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """“Give them to somebody…” on the question about a leaver, or “Hand over work…” in `/cadence`."""
    await ack()
    deps, ref = deps_of(context), PeopleRef.load(body["actions"][0]["value"])
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        person, held = None, InHand()
        if ref.f:
            person = await people.get(session, ref.f)
            held = await handover.may_give(session, actor, person, now=deps.now(), policy=deps.policy)
        else:
            await handover.require_any(session, actor, now=deps.now(), policy=deps.policy)
    await show(client, body, form.hand_over(person, held, FormState(f=ref.f)))


async def save_hand_over(ack: AsyncAck, body: Body, context: AsyncBoltContext) -> None:
    """Acks after the commit: the closed modal is the receipt."""
    deps, view = deps_of(context), body["view"]

    async def effect(session: AsyncSession) -> Mapping[str, Any]:
        actor = await people.acting(session, user_id(body))
        wanted = await form.parse_hand_over(session, view)
        await handover.give(session, actor, wanted, now=deps.now(), policy=deps.policy)
        return {}

    await ack(**await once(deps, body, f"view:{view['id']}:{view['hash']}", effect))
    deps.wake()


async def open_new_manager(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """The form for one partner, or for all of a leaver's, one after the other."""
    await ack()
    deps, ref = deps_of(context), PeopleRef.load(body["actions"][0]["value"])
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        page = await _page(session, deps, actor, FormState(f=ref.f, p=ref.p))
    await show(client, body, form.new_manager(page))


async def save_new_manager(ack: AsyncAck, body: Body, context: AsyncBoltContext) -> None:
    """Name one manager, then show the leaver's next partner. Acks after the commit."""
    deps, view = deps_of(context), body["view"]
    state = FormState.load(view["private_metadata"])

    async def effect(session: AsyncSession) -> Mapping[str, Any]:
        actor = await people.acting(session, user_id(body))
        wanted = await form.parse_new_manager(session, view)
        named = await managers.name_manager(session, actor, wanted, now=deps.now(), policy=deps.policy)
        return await _next(session, deps, actor, state, wanted, named)

    await ack(**await once(deps, body, f"view:{view['id']}:{view['hash']}", effect))
    deps.wake()


async def _next(
    session: AsyncSession, deps: Deps, actor: Person, state: FormState, wanted: NewManager, named: Named
) -> Mapping[str, Any]:
    """The next partner without a manager; else nothing, unless there is a breach to name."""
    name = wanted.to.name if wanted.to is not None else ""
    said = f"{name} manages {named.partner.name} from now on."
    if state.f and (await handover.in_hand(session, [state.f]))[state.f].partners:
        page = await _page(
            session, deps, actor, state.model_copy(update={"place": state.place + 1}), wanted,
            f"{said} {named.breach}".strip(),
        )  # fmt: skip
        return {"response_action": "update", "view": form.new_manager(page)}
    return {"response_action": "update", "view": form.done(said, named.breach)} if named.breach else {}


async def _page(
    session: AsyncSession, deps: Deps, actor: Person, state: FormState, wanted: NewManager | None = None, said: str = ""
) -> form.ManagerPage:
    before = await people.get(session, state.f) if state.f else None
    ids = list(state.p) or None
    if before is not None:
        ids = [partner.id for partner in (await handover.in_hand(session, [before.id]))[before.id].partners]
        if not ids:
            raise UserError(f"{before.name} manages no partner any more: each has a named manager.")
    partners = await managers.may_name(session, actor, ids, now=deps.now(), policy=deps.policy)
    to = wanted.to.slack_id if wanted is not None and wanted.to is not None else None
    return form.ManagerPage(partners, before, state, to, wanted.reason if wanted is not None else "", said)
