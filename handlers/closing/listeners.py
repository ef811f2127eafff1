"""People come in: closing reviews, one by one. The note is published in the transaction that closes the review."""

from collections.abc import Mapping
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.ext.asyncio import AsyncSession

from handlers.closing import form
from handlers.closing.ids import Action, Door, FormState, OneRef, View
from handlers.kit import words as w
from handlers.kit.deps import Body, Deps, deps_of, user_id
from handlers.kit.once import once
from handlers.kit.views import show
from models import closing, people, reviews
from models.cadences import Kind
from models.domain.errors import UserError
from models.domain.rights import Act, may, require
from models.domain.text import count
from models.domain.zones import zone
from models.shared import pages
from models.tables import Occurrence, Partner, Person


def register(app: AsyncApp) -> None:
    app.action(Door.CLOSE_REVIEWS)(open_form)
    app.action(Door.CLOSE_ONE)(open_form)
    app.action(Action.HELD)(redraw)
    app.view(View.CLOSE)(save)


async def open_form(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """The “Close…” button: the form of one review, or of the first of several."""
    await ack()
    deps, ref = deps_of(context), OneRef.load(body["actions"][0]["value"])
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        total = 1
        if ref.walk:
            waiting = await _waiting(session, deps, ref.o)
            if waiting:
                ref = OneRef(o=waiting[0].id, walk=True)
            total = max(1, len(waiting))
        view = await _form(session, deps, actor, FormState(o=ref.o, total=total))
    await show(client, body, view)


async def redraw(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """Held or not decides which fields follow; what was typed elsewhere stays."""
    await ack()
    deps, view = deps_of(context), body["view"]
    held = body["actions"][0]["selected_option"]["value"] == form.HELD
    state = FormState.load(view["private_metadata"]).model_copy(update={"held": held})
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        fresh = await _form(session, deps, actor, state)
    await client.views_update(view_id=view["id"], hash=view["hash"], view=fresh)


async def save(ack: AsyncAck, body: Body, context: AsyncBoltContext) -> None:
    """Close, publish, show the next one. Acks after the commit: the closed modal is the receipt."""
    deps, view = deps_of(context), body["view"]
    state = FormState.load(view["private_metadata"])

    async def effect(session: AsyncSession) -> Mapping[str, Any]:
        actor = await people.acting(session, user_id(body))
        submitted = await form.parse(session, view, state)
        await closing.close(session, actor, submitted, now=deps.now(), policy=deps.policy)
        if state.place >= state.total:
            return {}
        waiting = await _waiting(session, deps, state.o)
        if not waiting:
            return {}
        upcoming = FormState(o=waiting[0].id, place=state.place + 1, total=state.place + len(waiting))
        return {"response_action": "update", "view": await _form(session, deps, actor, upcoming)}

    response = await once(deps, body, f"view:{view['id']}:{view['hash']}", effect)
    await ack(**response)
    deps.wake()


async def _waiting(session: AsyncSession, deps: Deps, occurrence_id: int) -> list[Occurrence]:
    """The reviews of the same partner manager that are over and not closed."""
    pairs = await reviews.scope(session, [occurrence_id])
    if not pairs:
        return []
    partner = await session.get_one(Partner, pairs[0][1].partner_id)
    if partner.pm_id is None:
        return []
    return [row for row, _ in await closing.waiting_for(session, partner.pm_id, now=deps.now())]


async def _form(session: AsyncSession, deps: Deps, actor: Person, state: FormState) -> dict[str, Any]:
    pairs = await reviews.scope(session, [state.o])
    if not pairs or pairs[0][1].kind != Kind.WEEKLY_REVIEW:
        raise UserError("This review does not exist any more; `/cadence` shows what is planned.")
    occurrence, cadence = pairs[0]
    partner = await session.get_one(Partner, cadence.partner_id)
    subject = await people.subject_of(session, partner=partner, now=deps.now(), policy=deps.policy)
    require(may(people.as_actor(actor), Act.CLOSE_REVIEW, subject))
    if occurrence.closed_at is not None:
        raise UserError(f"The {partner.name} review of {w.day(occurrence.day)} is already closed.")
    standing = await closing.to_judge(session, cadence.id)
    listed = await reviews.under_review(session, [occurrence.id], now=deps.now(), policy=deps.policy)
    done = await reviews.answered(session, [occurrence.id])
    clocks = zone(people.zone_of(actor, deps.policy))
    answered = sum(1 for view in listed[occurrence.id] if view.id in done[occurrence.id])
    page = form.ClosingPage(
        occurrence=occurrence,
        partner=partner,
        commitments=standing,
        summary=f"{w.when(occurrence.starts_at, clocks)} · {answered} of {count(len(listed[occurrence.id]), 'deal')} answered",
        book=await people.directory(session),
        joint=await pages.is_joint(session, partner),
        state=state.model_copy(update={"c": tuple(item.id for item in standing)}),
    )
    return form.modal(page)
