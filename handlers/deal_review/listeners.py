"""People come in: prompt cards, the walk through one's deals, `/deals`. What writes commits before its ack."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.ext.asyncio import AsyncSession

from handlers.deal_review import form, overview
from handlers.deal_review.ids import Action, CardRef, DealRef, Door, FormState, Unchanged, View
from handlers.kit import blocks as b
from handlers.kit.deps import Body, Deps, deps_of, trigger, user_id
from handlers.kit.once import once
from handlers.kit.views import show
from models import answers, people, reviews
from models.domain.errors import Stale, UserError
from models.domain.policy import Policy
from models.domain.rights import Act, may, require
from models.domain.text import key
from models.tables import Person


class NewDeal(Protocol):
    """The form of a new deal, its partners narrowed by some words; None when the words name none. Raises NotAllowed."""

    async def __call__(
        self, session: AsyncSession, actor: Person, query: str, *, now: datetime, policy: Policy
    ) -> dict[str, Any] | None: ...


def register(app: AsyncApp, new_deal: NewDeal | None = None) -> None:
    """`new_deal` is another feature's form, which `/deals new` opens: `handlers.features` knows both."""

    async def deals(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
        await list_deals(ack, body, client, context, new_deal)

    app.command("/deals")(deals)
    app.action(Door.REVIEW_MY_DEALS)(walk)
    app.action(Door.ANSWER_DEAL)(open_one)
    app.action(Action.NO_CHANGE)(save_no_change)
    app.action(Action.OUTCOME)(redraw)
    app.view(View.ANSWER)(save_answer)


async def list_deals(
    ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext, new_deal: NewDeal | None = None
) -> None:
    """`/deals`: everything I may answer for, now, any day. `/deals new`, perhaps with a partner: the form of a new one."""
    await ack()
    deps, text = deps_of(context), str(body.get("text") or "")
    word, _, rest = text.strip().partition(" ")
    view = None
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        if new_deal is not None and key(word) == "new":
            view = await new_deal(session, actor, rest, now=deps.now(), policy=deps.policy)
        if view is None:  # also where what follows “new” names no partner: it may be a deal called New York
            page = await overview.load(session, actor, text, now=deps.now(), policy=deps.policy)
            view = overview.modal(page)
    await client.views_open(trigger_id=trigger(body), view=view)


async def walk(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """The “Review my deals” button: open the first one that waits."""
    await ack()
    deps, ref = deps_of(context), CardRef.load(body["actions"][0]["value"])
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        occurrences = ref.o or await overview.current_occurrences(session, now=deps.now())
        view = await _next(session, deps, actor, FormState(walk=tuple(occurrences)), first=True)
    await show(client, body, view or _all_set())


async def open_one(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """The “Answer…” button: the form of one deal."""
    await ack()
    deps, ref = deps_of(context), DealRef.load(body["actions"][0]["value"])
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        view = await _form(session, deps, actor, FormState(o=ref.o, d=ref.d))
    await show(client, body, view)


async def save_no_change(ack: AsyncAck, body: Body, context: AsyncBoltContext) -> None:
    """One click: the action stands. The card is edited in place when the answer is stored."""
    deps, action = deps_of(context), body["actions"][0]
    said = Unchanged.load(action["value"])

    async def effect(session: AsyncSession) -> Mapping[str, Any]:
        actor = await people.acting(session, user_id(body))
        await answers.record_no_change(
            session, actor, occurrence_id=said.o, deal_id=said.d, action_id=said.a, revision=said.r,
            now=deps.now(), policy=deps.policy,
        )  # fmt: skip
        return {}

    # By what was said, not by the click: whoever saw no ack clicks again, and says the same thing.
    await once(deps, body, f"unchanged:{user_id(body)}:{said.o}:{said.d}:{said.a}:{said.r}", effect)
    await ack()
    deps.wake()


async def redraw(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """The fate of the last action decides which fields follow; what was typed elsewhere stays."""
    await ack()
    deps, view = deps_of(context), body["view"]
    state = FormState.load(view["private_metadata"])
    outcome = body["actions"][0]["selected_option"]["value"]
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        fresh = await _form(session, deps, actor, state.model_copy(update={"outcome": outcome}), keep=state)
    await client.views_update(view_id=view["id"], hash=view["hash"], view=fresh)


async def save_answer(ack: AsyncAck, body: Body, context: AsyncBoltContext) -> None:
    """Store one answer, then show the next deal. Acks after the commit: the closed modal is the receipt."""
    deps, view = deps_of(context), body["view"]
    state = FormState.load(view["private_metadata"])

    async def effect(session: AsyncSession) -> Mapping[str, Any]:
        owner_id = form.owner_of(view)
        known = await people.by_slack_ids(session, {user_id(body), owner_id})
        actor = people.admitted(known.get(user_id(body)))
        given = form.parse(view, state, known.get(owner_id))
        await answers.record(session, actor, given, now=deps.now(), policy=deps.policy)
        upcoming = await _next(session, deps, actor, state)
        return {"response_action": "update", "view": upcoming} if upcoming else {}

    try:
        response = await once(deps, body, f"view:{view['id']}:{view['hash']}", effect)
    except Stale as stale:
        response = {"response_action": "update", "view": await _with_both(deps, body, state, stale)}
    await ack(**response)
    deps.wake()


async def _with_both(deps: Deps, body: Body, state: FormState, stale: Stale) -> dict[str, Any]:
    """The same form with both values above the fields, and what was typed still in them."""
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        page = await _page(session, deps, actor, state)
        return form.modal(await form.with_both(session, page, body["view"], state, stale))


async def _next(
    session: AsyncSession, deps: Deps, actor: Person, state: FormState, *, first: bool = False
) -> dict[str, Any] | None:
    """The form of the next deal of a walk that still waits, or None at its end."""
    if not state.walk:
        return None
    left = await answers.still_open(session, actor, list(state.walk), now=deps.now(), policy=deps.policy)
    if not left:
        return None
    occurrence_id, view = left[0]
    place = 1 if first else state.place + 1
    upcoming = FormState(o=occurrence_id, d=view.id, walk=state.walk, place=place, total=place - 1 + len(left))
    return await _form(session, deps, actor, upcoming)


async def _form(
    session: AsyncSession,
    deps: Deps,
    actor: Person,
    state: FormState,
    *,
    keep: FormState | None = None,
) -> dict[str, Any]:
    """The form of one deal, for somebody who may answer for it. `keep`: what an open form has shown already."""
    page = await _page(session, deps, actor, state)
    if keep is not None:
        page = replace(page, state=page.state.model_copy(update={"shown": keep.shown, "a": keep.a}))
    return form.modal(page)


async def _page(session: AsyncSession, deps: Deps, actor: Person, state: FormState) -> form.FormPage:
    view = await reviews.one_view(session, state.d, now=deps.now(), policy=deps.policy)
    if view is None:
        raise UserError("This deal does not exist any more.")
    subject = await people.subject_of(
        session, owner_id=view.version.owner_id, partner=view.partner, now=deps.now(), policy=deps.policy
    )
    require(may(people.as_actor(actor), Act.ANSWER, subject))
    return await form.load(session, view, state, policy=deps.policy, me=actor.slack_id)


def _all_set() -> dict[str, Any]:
    text = ":white_check_mark: *All set.* Nothing waits for you. `/deals` lets you change an answer at any time."
    return b.modal(View.DEALS, "Your deals", [b.section(text)])
