"""People come in: what becomes of a file they have dropped."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.ext.asyncio import AsyncSession

from handlers.imports import form
from handlers.imports.ids import Action, DraftRef, View
from handlers.kit import blocks as b
from handlers.kit import words as w
from handlers.kit.deps import Body, Deps, deps_of, user_id
from handlers.kit.message import Message
from handlers.kit.once import once
from handlers.kit.views import show
from models import drafts, people
from models.domain.errors import UserError
from models.domain.policy import Policy
from models.drafts import State
from models.imports.found import Found
from models.imports.options import Options
from models.tables import ImportDraft, Person

Decision = Callable[[AsyncSession, Person, DraftRef, datetime], Awaitable[None]]


def register(app: AsyncApp) -> None:
    app.action(Action.IMPORT)(import_it)
    app.action(Action.WITHDRAW)(put_away)
    app.action(Action.AGAIN)(try_again)
    app.action(Action.ANSWER)(open_questions)
    app.view(View.QUESTIONS)(save_answers)


async def import_it(ack: AsyncAck, body: Body, context: AsyncBoltContext) -> None:
    """“Import”: what the dry run has shown, however often it is pressed."""

    async def decide(session: AsyncSession, actor: Person, ref: DraftRef, now: datetime) -> None:
        await drafts.approve(session, actor, ref.d, ref.n, skip_bad=ref.skip, now=now)

    await _decide(ack, body, deps_of(context), decide)


async def put_away(ack: AsyncAck, body: Body, context: AsyncBoltContext) -> None:
    async def decide(session: AsyncSession, actor: Person, ref: DraftRef, now: datetime) -> None:
        await drafts.withdraw(session, actor, ref.d, now=now)

    await _decide(ack, body, deps_of(context), decide)


async def try_again(ack: AsyncAck, body: Body, context: AsyncBoltContext) -> None:
    async def decide(session: AsyncSession, actor: Person, ref: DraftRef, now: datetime) -> None:
        await drafts.again(session, actor, ref.d, now=now)

    await _decide(ack, body, deps_of(context), decide)


async def _decide(ack: AsyncAck, body: Body, deps: Deps, decide: Decision) -> None:
    """One click on a card, once; acked after the commit."""
    action = body["actions"][0]
    ref = DraftRef.load(action["value"])

    async def effect(session: AsyncSession) -> Mapping[str, Any]:
        actor = await people.acting(session, user_id(body))
        await decide(session, actor, ref, deps.now())
        return {}

    await once(deps, body, f"click:{user_id(body)}:{action['action_ts']}:{ref.d}", effect)
    await ack()
    deps.wake()


async def open_questions(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """“Answer the questions…” or “Change how it is read…”."""
    await ack()
    deps, ref = deps_of(context), DraftRef.load(body["actions"][0]["value"])
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        draft = await drafts.seen_by(session, actor, ref.d, ref.n)
        found, options = _asked(draft)
        of = await form.ground(session, actor, options, now=deps.now(), policy=deps.policy)
        view = form.modal(draft.file_name, ref, found, options, of)
    await show(client, body, view)


def _asked(draft: ImportDraft) -> tuple[Found, Options]:
    if draft.state != State.ASKED:
        raise UserError(f"{draft.file_name} is past its questions: it is being imported, or was already.")
    return Found.from_json(draft.found), Options.from_json(draft.options)


async def save_answers(ack: AsyncAck, body: Body, context: AsyncBoltContext) -> None:
    """Keep what was said; the file is looked over again. Acks after the commit: the card is the receipt."""
    deps, view = deps_of(context), body["view"]
    ref = DraftRef.load(view["private_metadata"])

    async def effect(session: AsyncSession) -> Mapping[str, Any]:
        actor = await people.acting(session, user_id(body))
        draft = await drafts.seen_by(session, actor, ref.d, ref.n)
        found, options = _asked(draft)
        of = await form.ground(session, actor, options, now=deps.now(), policy=deps.policy)
        told = await form.parse(session, view, found, options, of)
        await drafts.answer(session, actor, ref.d, ref.n, told, now=deps.now())
        return {}

    await ack(**await once(deps, body, f"view:{view['id']}:{view['hash']}", effect))
    deps.wake()


async def render_refusal(
    session: AsyncSession, args: Mapping[str, Any], *, now: datetime, policy: Policy  # noqa: ARG001 - as every renderer
) -> Message | None:  # fmt: skip
    """The one answer to somebody who dropped a file and may not import; nothing once they may."""
    refusal = await drafts.why_not(session, await people.get(session, int(args["person"])))
    if not refusal:
        return None
    text = f"{w.escape(refusal)} The file was not opened or kept."
    return Message(text, (b.section(text),))
