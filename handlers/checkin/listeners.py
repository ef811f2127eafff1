"""People come in from a joint channel: the check-in's buttons and the form behind them.

The only doors that people of another company have. Who they are comes from their own team and a counterpart's row, what they
may answer for from the mark's row; a button or form says nothing but which mark it is about.
"""

from collections.abc import Mapping
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.ext.asyncio import AsyncSession

from handlers.checkin import form, insiders
from handlers.checkin.ids import BEYOND, Door, MarkRef
from handlers.checkin.opening import open_for_them
from handlers.checkin.strangers import UNKNOWN, ask_about
from handlers.kit.caller import Caller, caller_of
from handlers.kit.deps import Body, Deps, deps_of
from handlers.kit.once import once
from models import people
from models.domain.errors import ForPartner, NotAllowed
from models.domain.rights import Act, Subject, may, require
from models.joint import answers, checkin, counterparts, marks, stages, views
from models.tables import JointAnswer, JointDeal, Partner, Person

CLOSED = "This deal was won or lost meanwhile, so there is nothing left to say about it here."


def register(app: AsyncApp) -> None:
    app.action(Door.CHECK_IN)(open_form)
    app.view(Door.ANSWER_JOINT)(save)


async def open_form(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """A button of the check-in, or another deal chosen in its form."""
    await ack()
    deps, caller, ref = deps_of(context), caller_of(context), _pressed(body)
    if caller.ours:
        await insiders.show(client, body, deps, ref.m)
        return
    view = None
    async with deps.db.read() as session:
        person = await counterparts.speaking(session, caller.slack_id, caller.team_id)
        if person is not None:
            view = form.modal(await _page(session, deps, person, ref))
    if view is None:
        await ask_about(deps, body, caller, ref.m)
    else:
        await open_for_them(client, body, view)


async def save(ack: AsyncAck, body: Body, context: AsyncBoltContext) -> None:
    """Store what the partner says. Acks after the commit: the closed form is the receipt, the card shows it."""
    deps, caller, view = deps_of(context), caller_of(context), body["view"]

    async def effect(session: AsyncSession) -> Mapping[str, Any]:
        await _save(session, deps, caller, view)
        return {}

    await ack(**await once(deps, body, f"view:{view['id']}:{view['hash']}", effect))
    deps.wake()


async def _save(session: AsyncSession, deps: Deps, caller: Caller, view: Mapping[str, Any]) -> None:
    person = await counterparts.speaking(session, caller.slack_id, caller.team_id)
    if person is None or caller.ours:
        raise NotAllowed("Only people who were confirmed for the partner can answer here. Nothing was saved.")
    ref, now = MarkRef.load(view["private_metadata"]), deps.now()
    mark = await _authorised(session, person, ref.m, gone=answers.GONE)
    shown = answers.said_in(await _shown(session, mark, form.generation(view)))
    occurrence = await checkin.present(session, mark.partner_id, now=now)
    await answers.record(
        session, mark_id=mark.id, by=person, said_by=person.name, recorded_by=None, source=answers.FORM,
        said=form.parse(view, shown), shown=shown.prints(), occurrence_id=occurrence.id if occurrence else None, now=now,
        policy=deps.policy,
    )  # fmt: skip


def _pressed(body: Body) -> MarkRef:
    """What was pressed: a button of the card, or a deal in the form's own list, which lets people choose again."""
    action = body["actions"][0]
    chosen = action.get("selected_option")
    if chosen is None:
        return MarkRef.load(action.get("value") or "")
    value = str(chosen.get("value") or "")
    return MarkRef(m=int(value) if value.isdecimal() and int(value) < BEYOND else 0, more=True)


async def _page(session: AsyncSession, deps: Deps, person: Person, ref: MarkRef) -> form.FormPage:
    """The form of one joint deal, for somebody who may answer for it. Raises NotAllowed, ForPartner."""
    mark = await _authorised(session, person, ref.m)
    listed = await views.shared_deals(session, mark.partner_id, now=deps.now(), policy=deps.policy)
    deal = next((one for one in listed if one.ref == mark.id), None)
    if deal is None:
        raise ForPartner(CLOSED)
    partner = await session.get_one(Partner, mark.partner_id)
    said = (await answers.latest(session, [mark.id])).get(mark.id)
    words = stages.in_order(await stages.names(session, mark.partner_id), deps.policy.stages)
    return form.FormPage(
        partner=partner.name,
        deal=deal,
        words=words,
        last=said.id if said is not None else 0,
        choices=listed if ref.more else (),
    )


async def _authorised(session: AsyncSession, person: Person, mark_id: int, *, gone: str = "") -> JointDeal:
    """The mark, if it stands and this person may answer for it; else they learn nothing of it. Raises NotAllowed.

    `gone`: what somebody is told, with their words still before them, whose own partner's deal is not shared any more.
    """
    mark = await marks.one_standing(session, mark_id)
    if mark is None:
        if gone and await marks.was_of(session, mark_id, person.partner_id):
            raise ForPartner(gone)
        raise NotAllowed(UNKNOWN)
    require(may(people.as_actor(person), Act.ANSWER_JOINT, Subject(joint_with=mark.partner_id)))
    return mark


async def _shown(session: AsyncSession, mark: JointDeal, answer_id: int) -> JointAnswer | None:
    """The answer that stood when the form was drawn; one of another deal was made up, and says nothing."""
    answer = await session.get(JointAnswer, answer_id) if answer_id else None
    return answer if answer is not None and answer.joint_deal_id == mark.id else None
