"""People come in: the page of a partner's joint channel, and the forms that change it."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.ext.asyncio import AsyncSession

from handlers.joint import forms, opening, slack
from handlers.joint.ids import Action, Door, Field, JointRef, Ref, View
from handlers.joint.opening import refresh_below, under
from handlers.kit.deps import Body, Deps, deps_of, user_id
from handlers.kit.forms import Values
from handlers.kit.once import once
from handlers.kit.views import replace, show
from models import people
from models.domain.errors import FieldErrors, UserError
from models.domain.rights import Act
from models.domain.text import clip, key
from models.joint import answers, approving, binding, channel, checkin, counterparts, marks, replies, stages, views
from models.joint import page as joint_page
from models.joint.page import JointPage
from models.shared import copying
from models.tables import Person

Save = Callable[[AsyncSession, Deps, Person, Ref], Awaitable[None]]
MakeForm = Callable[[JointPage], dict[str, Any]]
MOST_TEXT = 2900


def register(app: AsyncApp) -> None:
    app.action(Door.JOINT)(open_page)
    app.action(Action.PAGE)(open_from_list)
    app.action(Action.CHOOSE_DEALS)(open_deals)
    app.action(Action.STAGES)(open_stages)
    app.action(Action.NAME_PERSON)(open_person)
    app.action(Action.CHANNEL)(open_channel)
    app.action(Action.WRITE_DOWN)(open_write)
    app.action(Action.COPY)(open_copy)
    app.view(View.DEALS)(save_deals)
    app.view(View.STAGES)(save_stages)
    app.view(View.PERSON)(save_person)
    app.view(View.CHANNEL)(save_channel)
    app.view(View.WRITE)(save_write)
    app.view(View.COPY)(close_copy)


async def open_page(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """“Joint channels…” in `/cadence` and elsewhere: one partner's page, or the list of mine."""
    await ack()
    deps, ref = deps_of(context), JointRef.load(body["actions"][0].get("value") or "")
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        view = await opening.page_or_list(session, deps, actor, ref.p)
    await show(client, body, view)


async def open_from_list(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """The page in place of the list: Slack stacks three windows and no more."""
    await ack()
    deps, ref = deps_of(context), Ref.load(body["actions"][0]["value"])
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        view = await opening.page_view(session, deps, actor, ref.p)
    await replace(client, body["view"]["id"], view)


async def _open(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext, made: MakeForm) -> None:
    """A form on top of the partner's page, for whoever may open the page."""
    await ack()
    deps, ref = deps_of(context), Ref.load(body["actions"][0]["value"])
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        view = made(await joint_page.load(session, actor, ref.p, now=deps.now(), policy=deps.policy))
    await show(client, body, view)


async def open_deals(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    def made(page: JointPage) -> dict[str, Any]:
        if not page.candidates:
            raise UserError(f"No open deal is linked to {page.partner.name}, so there is nothing to share.")
        return forms.choose_deals(page, under=under(body))

    await _open(ack, body, client, context, made)


async def open_stages(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    policy = deps_of(context).policy
    await _open(
        ack, body, client, context,
        lambda page: forms.stages_form(
            page, opening.stages_to_name(joint_page.stages_of(page, policy), policy), under=under(body)
        ),
    )  # fmt: skip


async def open_person(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    await _open(ack, body, client, context, lambda page: forms.name_person(page, under=under(body)))


async def open_channel(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    await _open(ack, body, client, context, lambda page: forms.choose_channel(page, under=under(body)))


async def open_write(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """“Write down what they said…”: in a call, or by e-mail."""
    await ack()
    deps, ref = deps_of(context), Ref.load(body["actions"][0]["value"])
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        partner = await approving.partner_for(
            session, actor, ref.p, Act.RECORD_REPORTED, now=deps.now(), policy=deps.policy, lock=False
        )
        deals = await _deals(session, deps, ref.p)
        if not deals:
            raise UserError(f"No open deal is joint with {partner.name}. Mark one on its page first.")
        known = [person.name for person in await counterparts.contacts(session, ref.p)]
        words = await opening.words_of(session, deps, ref.p)
        view = forms.write_down(partner.name, ref.p, deals, known, words, under=under(body))
    await show(client, body, view)


async def _deals(session: AsyncSession, deps: Deps, partner_id: int) -> dict[int, str]:
    listed = await views.shared_deals(session, partner_id, now=deps.now(), policy=deps.policy)
    return {deal.ref: deal.account for deal in listed}


async def open_copy(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """The same partner-safe words that would be posted, to be sent some other way."""
    await ack()
    deps, ref = deps_of(context), Ref.load(body["actions"][0]["value"])
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        partner = await approving.partner_for(
            session, actor, ref.p, Act.RECORD_REPORTED, now=deps.now(), policy=deps.policy, lock=False
        )
        text = await checkin.text_to_copy(session, ref.p, now=deps.now(), policy=deps.policy)
        texts = [("Check-in", text)] if text else []
        texts += [(one.title, one.text) for one in await copying.to_copy(session, ref.p, now=deps.now())]
    await show(client, body, forms.copy(partner.name, [(title, clip(text, MOST_TEXT)) for title, text in texts]))


async def close_copy(ack: AsyncAck) -> None:
    """“Done”: nothing of the text is kept."""
    await ack()


async def _save(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext, save: Save) -> None:
    """A form's effect, once; the view below shows it."""
    deps, view = deps_of(context), body["view"]
    ref = Ref.load(view["private_metadata"])

    async def effect(session: AsyncSession) -> Mapping[str, Any]:
        await save(session, deps, await people.acting(session, user_id(body)), ref)
        return {}

    await ack(**await once(deps, body, f"view:{view['id']}:{view['hash']}", effect))
    deps.wake()
    await refresh_below(client, body, deps, ref.under, ref.p)


async def save_deals(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """Only what was ticked or unticked in this form changes: what somebody else marked meanwhile stays."""

    async def save(session: AsyncSession, deps: Deps, actor: Person, ref: Ref) -> None:
        how: Any = {"now": deps.now(), "policy": deps.policy}
        added, removed = forms.chosen_deals(body["view"], Field.DEALS)
        shared, kept_back = forms.chosen_deals(body["view"], Field.AMOUNTS)
        for deal_id in sorted(added):
            await marks.mark(session, actor, deal_id, ref.p, amount_shared=deal_id in shared, **how)
        standing = {row.deal_id: row for row in await marks.standing(session, ref.p)}
        for deal_id in sorted(removed & standing.keys()):
            await marks.take_back(session, actor, standing.pop(deal_id).id, **how)
        if shared - standing.keys():
            raise FieldErrors({Field.AMOUNTS: "Only a joint deal's amount can be shared: choose the deal above too."})
        for deal_id in sorted(shared | (kept_back & standing.keys())):
            await marks.share_amount(session, actor, standing[deal_id].id, deal_id in shared, **how)

    await _save(ack, body, client, context, save)


async def save_stages(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    async def save(session: AsyncSession, deps: Deps, actor: Person, ref: Ref) -> None:
        wanted = forms.chosen_words(body["view"])
        try:
            await stages.set_names(session, actor, ref.p, wanted, now=deps.now(), policy=deps.policy)
        except FieldErrors as wrong:
            places = {stage: f"{Field.WORD}_{place}" for place, stage in enumerate(wanted)}
            raise FieldErrors({places.get(stage, stage): words for stage, words in wrong.errors.items()}) from None

    await _save(ack, body, client, context, save)


async def save_person(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """The manager names somebody: who they are, and of which workspace, is asked of Slack just now."""
    chosen = Values(body["view"]).user(Field.PERSON)
    user = await slack.user(client, chosen) if chosen else None

    async def save(session: AsyncSession, deps: Deps, actor: Person, ref: Ref) -> None:
        if not chosen:
            raise FieldErrors({Field.PERSON: "Choose one person."})
        if user is None:
            raise FieldErrors({Field.PERSON: "Slack does not say who this is just now. Try again in a moment."})
        ours = user.team_id == deps.team_id() or bool(
            deps.enterprise_id() and user.enterprise_id == deps.enterprise_id()
        )
        await binding.name_user(session, actor, ref.p, user, ours=ours, now=deps.now(), policy=deps.policy)

    await _save(ack, body, client, context, save)


async def save_channel(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    async def save(session: AsyncSession, deps: Deps, actor: Person, ref: Ref) -> None:
        chosen = forms.chosen_channel(body["view"])
        await channel.choose(session, actor, ref.p, chosen, now=deps.now(), policy=deps.policy)

    held: Body = next(iter(body["view"]["state"]["values"].get(Field.CHANNEL, {}).values()), {})
    await slack.look(deps_of(context), client, str(held.get("selected_conversation") or ""))
    await _save(ack, body, client, context, save)


async def save_write(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """What was said elsewhere stands as reported by them, with the name of who wrote it down."""

    async def save(session: AsyncSession, deps: Deps, actor: Person, ref: Ref) -> None:
        await approving.partner_for(
            session, actor, ref.p, Act.RECORD_REPORTED, now=deps.now(), policy=deps.policy, lock=False
        )
        name = forms.said_by(body["view"])
        mark_id, said = forms.parse_said(body["view"])
        if mark_id not in await _deals(session, deps, ref.p):
            raise FieldErrors({Field.DEAL: "This deal is not joint with them any more. Choose another."})
        before = answers.said_in((await answers.latest(session, [mark_id])).get(mark_id))
        contacts = await counterparts.contacts(session, ref.p)
        by = next((person for person in contacts if key(person.name) == key(name)), None)
        occurrence = await checkin.present(session, ref.p, now=deps.now())
        await answers.record(
            session, mark_id=mark_id, by=by, said_by=name, recorded_by=actor, source=answers.REPORTED,
            said=replies.merged(before, said), shown=None, occurrence_id=occurrence.id if occurrence else None,
            now=deps.now(), policy=deps.policy,
        )  # fmt: skip

    await _save(ack, body, client, context, save)
