"""People come in: what waits on the desk is decided with a click, or in a form on top of it."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.ext.asyncio import AsyncSession

from handlers.joint import forms, opening, page_listeners, slack
from handlers.joint.ids import Action, Door, Field, GuestRef, PreviewRef, Ref, View
from handlers.joint.opening import refresh, refresh_below, under
from handlers.kit.deps import Body, Deps, deps_of, user_id
from handlers.kit.once import once
from handlers.kit.views import show
from models import boundary, people
from models.domain.errors import FieldErrors, UserError
from models.joint import answers, approving, binding, posting, replies
from models.tables import Counterpart, Person

Decide = Callable[[AsyncSession, Deps, Person, Ref], Awaitable[object]]


def register(app: AsyncApp) -> None:
    app.action(Door.JOINT_DESK)(open_desk)
    app.action(Action.CONFIRM_PERSON)(confirm_person)
    app.action(Action.NOT_OURS)(not_theirs)
    app.action(Action.REVOKE)(revoke)
    app.action(Action.LOOK)(open_preview)
    app.action(Action.WITHDRAW)(withdraw)
    app.action(opening.REPLY_BUTTONS)(confirm_reply)
    app.action(Action.REPLY_EDIT)(open_edit)
    app.action(Action.REPLY_DROP)(drop_reply)
    app.action(Action.HELD_SAFE)(send_safe)
    app.action(Action.HELD_MOVE)(open_move)
    app.action(Action.HELD_NOW)(post_now)
    app.action(Action.HELD_DROP)(drop_held)
    app.action(Action.ALLOW_GUEST)(allow_guest)
    app.view(View.PREVIEW)(save_approval)
    app.view(View.EDIT)(save_edit)
    app.view(View.MOVE)(save_move)
    page_listeners.register(app)


async def open_desk(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """“Show everything…” on a full card, and the button on Home."""
    await ack()
    deps = deps_of(context)
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        view = await opening.desk_view(session, deps, actor)
    await show(client, body, view)


async def _click(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext, decide: Decide) -> None:
    """A decision by one click: made once, then shown where it was pressed."""
    deps, action = deps_of(context), body["actions"][0]
    ref = Ref.load(action.get("value") or "")

    async def effect(session: AsyncSession) -> Mapping[str, Any]:
        actor = await people.acting(session, user_id(body))
        await decide(session, deps, actor, ref)
        return {}

    await once(deps, body, f"click:{action['action_ts']}:{action['action_id']}:{action.get('value')}", effect)
    await ack()
    deps.wake()
    await refresh(client, body, deps)


async def confirm_person(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """Bind somebody to their partner; who they are and of which workspace is asked of Slack at this moment."""
    await ack()
    deps, ref = deps_of(context), Ref.load(body["actions"][0]["value"])
    async with deps.db.read() as session:
        row = await session.get(Counterpart, ref.c)
        slack_id = row.slack_id if row is not None else ""
    user = await slack.user(client, slack_id) if slack_id else None

    async def decide(session: AsyncSession, deps: Deps, actor: Person, ref: Ref) -> None:
        await binding.confirm(
            session, actor, ref.c, now=deps.now(), policy=deps.policy, user=user, our_team=deps.team_id()
        )

    await _click(ack, body, client, context, decide)


async def not_theirs(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    async def decide(session: AsyncSession, deps: Deps, actor: Person, ref: Ref) -> None:
        await binding.decline(session, actor, ref.c, now=deps.now(), policy=deps.policy)

    await _click(ack, body, client, context, decide)


async def revoke(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    async def decide(session: AsyncSession, deps: Deps, actor: Person, ref: Ref) -> None:
        await binding.revoke(session, actor, ref.c, now=deps.now(), policy=deps.policy)

    await _click(ack, body, client, context, decide)


async def open_preview(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """“Look at it…”: who reads the channel is asked of Slack before it is shown."""
    await ack()
    deps, ref = deps_of(context), Ref.load(body["actions"][0]["value"])
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        channel = await opening.channel_to_approve(session, deps, actor, ref.p)
    await slack.look(deps, client, channel)
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        view = await opening.preview_view(session, deps, actor, ref.p, under=under(body))
    await show(client, body, view)


async def save_approval(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """“Post it here”: for the workspaces that stood in the preview, and no other."""
    deps, view = deps_of(context), body["view"]
    ref = PreviewRef.load(view["private_metadata"])

    async def effect(session: AsyncSession) -> Mapping[str, Any]:
        actor = await people.acting(session, user_id(body))
        await posting.allow(session, actor, ref.p, teams=ref.teams, channel=ref.ch, now=deps.now(), policy=deps.policy)
        return {}

    await ack(**await once(deps, body, f"view:{view['id']}:{view['hash']}", effect))
    deps.wake()
    await refresh_below(client, body, deps, ref.under, ref.p)


async def withdraw(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    async def decide(session: AsyncSession, deps: Deps, actor: Person, ref: Ref) -> None:
        await approving.withdraw(session, actor, ref.p, now=deps.now(), policy=deps.policy)

    await _click(ack, body, client, context, decide)


async def confirm_reply(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """As it was understood, for the deal on the button."""

    async def decide(session: AsyncSession, deps: Deps, actor: Person, ref: Ref) -> None:
        try:
            await replies.confirm(
                session, actor, ref.r, mark_id=ref.d or None, shown=ref.k, now=deps.now(), policy=deps.policy
            )
        except FieldErrors as errors:
            raise UserError(f"{errors} Press Edit… to put it right.") from None

    await _click(ack, body, client, context, decide)


async def drop_reply(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    async def decide(session: AsyncSession, deps: Deps, actor: Person, ref: Ref) -> None:
        await replies.drop(session, actor, ref.r, now=deps.now(), policy=deps.policy)

    await _click(ack, body, client, context, decide)


async def open_edit(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """“Edit…”: what a reply means, said by one of us, beside its words."""
    await ack()
    deps, ref = deps_of(context), Ref.load(body["actions"][0]["value"])
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        one = await replies.one(session, actor, ref.r, now=deps.now(), policy=deps.policy)
        if not one.deals:
            raise UserError("None of the deals this reply could mean is joint any more. Drop it.")
        view = forms.edit_reply(one, await opening.words_of(session, deps, one.partner.id), under=under(body))
    await show(client, body, view)


async def save_edit(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    deps, view = deps_of(context), body["view"]
    ref = Ref.load(view["private_metadata"])

    async def effect(session: AsyncSession) -> Mapping[str, Any]:
        actor = await people.acting(session, user_id(body))
        mark_id, said = forms.parse_said(view)
        if not mark_id:
            raise FieldErrors({Field.DEAL: "Choose the deal they mean."})
        before = answers.said_in((await answers.latest(session, [mark_id])).get(mark_id))
        await replies.confirm(
            session,
            actor,
            ref.r,
            mark_id=mark_id,
            said=replies.merged(before, said),
            shown=ref.k,
            now=deps.now(),
            policy=deps.policy,
        )
        return {}

    await ack(**await once(deps, body, f"view:{view['id']}:{view['hash']}", effect))
    deps.wake()
    await refresh_below(client, body, deps, ref.under, ref.p)


async def send_safe(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    async def decide(session: AsyncSession, deps: Deps, actor: Person, ref: Ref) -> None:
        await boundary.send_safe(session, actor, ref.h, now=deps.now(), policy=deps.policy)

    await _click(ack, body, client, context, decide)


async def post_now(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    async def decide(session: AsyncSession, deps: Deps, actor: Person, ref: Ref) -> None:
        await boundary.post_it_now(session, actor, ref.h, now=deps.now(), policy=deps.policy)

    await _click(ack, body, client, context, decide)


async def drop_held(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    async def decide(session: AsyncSession, deps: Deps, actor: Person, ref: Ref) -> None:
        await boundary.drop(session, actor, ref.h, now=deps.now(), policy=deps.policy)

    await _click(ack, body, client, context, decide)


async def open_move(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """“Move to another channel…”: where does it go instead?"""
    await ack()
    deps, ref = deps_of(context), Ref.load(body["actions"][0]["value"])
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        found = await boundary.held_for(session, actor, now=deps.now(), policy=deps.policy)
        held = next((one for one in found if one.id == ref.h), None)
        if held is None:
            raise UserError("This message does not wait for your decision any more.")
    await show(client, body, forms.move(held, under=under(body)))


async def save_move(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    deps, view = deps_of(context), body["view"]
    ref = Ref.load(view["private_metadata"])

    async def effect(session: AsyncSession) -> Mapping[str, Any]:
        actor = await people.acting(session, user_id(body))
        channel = forms.chosen_channel(view)
        await boundary.move(session, actor, ref.h, channel, now=deps.now(), policy=deps.policy)
        return {}

    await ack(**await once(deps, body, f"view:{view['id']}:{view['hash']}", effect))
    deps.wake()
    await refresh_below(client, body, deps, ref.under, 0)


async def allow_guest(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """An admin lets a guest read what is internal in this channel."""
    guest = GuestRef.load(body["actions"][0]["value"])

    async def decide(session: AsyncSession, deps: Deps, actor: Person, _: Ref) -> None:
        await boundary.allow_guest(session, actor, guest.ch, guest.u, now=deps.now(), policy=deps.policy)

    await _click(ack, body, client, context, decide)
