"""People come in: closing a meeting of the quarter's table, answering a pulse, the quarter, and the table itself."""

from collections.abc import Mapping
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.ext.asyncio import AsyncSession

from handlers.kit import words as w
from handlers.kit.deps import Body, Deps, deps_of, user_id
from handlers.kit.once import once
from handlers.kit.views import show
from handlers.meetings import form, quarter, table
from handlers.meetings.card import said_of
from handlers.meetings.ids import Action, CloseState, Door, Field, OneRef, QuarterRef, RowRef, View
from models import closing, meetings, people, pulses
from models import quarter as quarters
from models.domain.errors import FieldErrors
from models.domain.meetings import Leaves
from models.domain.rights import Act, Subject, may, require
from models.domain.zones import zone
from models.minutes import closing as minutes
from models.minutes import gather
from models.shared import pages
from models.tables import MeetingKind, Partner, Person


def register(app: AsyncApp) -> None:
    app.action(Door.CLOSE_MEETING)(open_close)
    app.action(Action.HELD)(redraw)
    app.view(View.CLOSE)(save_close)
    app.action(Door.ANSWER_PULSE)(open_pulse)
    app.view(View.PULSE)(save_pulse)
    app.action(Door.QUARTER)(open_quarter)
    app.action(Action.QUARTER_BEFORE)(step_quarter)
    app.action(Action.QUARTER_AFTER)(step_quarter)
    app.action(Door.MEETINGS)(open_table)
    app.action(Action.ROW)(row_menu)
    app.action(Action.ADD)(open_row)
    app.view(View.ROW)(save_row)


async def open_close(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """The “Close…” button of one meeting."""
    await ack()
    deps, ref = deps_of(context), OneRef.load(body["actions"][0]["value"])
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        view = await _close_form(session, deps, actor, CloseState(o=ref.o))
    await show(client, body, view)


async def redraw(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """Held or not decides which fields follow; what was typed elsewhere stays."""
    await ack()
    deps, view = deps_of(context), body["view"]
    held = body["actions"][0]["selected_option"]["value"] == form.HELD
    state = CloseState.load(view["private_metadata"]).model_copy(update={"held": held})
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        fresh = await _close_form(session, deps, actor, state)
    await client.views_update(view_id=view["id"], hash=view["hash"], view=fresh)


async def save_close(ack: AsyncAck, body: Body, context: AsyncBoltContext) -> None:
    """Close and publish. Acks after the commit: the closed modal is the receipt."""
    deps, view = deps_of(context), body["view"]
    state = CloseState.load(view["private_metadata"])

    async def effect(session: AsyncSession) -> Mapping[str, Any]:
        actor = await people.acting(session, user_id(body))
        _, _, spec, _ = await minutes.load(session, state.o)
        submitted, said = await form.parse_close(session, view, state, spec)
        await minutes.close(session, actor, submitted, said, now=deps.now(), policy=deps.policy)
        return {}

    response = await once(deps, body, f"view:{view['id']}:{view['hash']}", effect)
    await ack(**response)
    deps.wake()


async def _close_form(session: AsyncSession, deps: Deps, actor: Person, state: CloseState) -> dict[str, Any]:
    occurrence, cadence, spec, crew = await minutes.load(session, state.o)
    subject = await minutes.subject_of(session, cadence, crew, now=deps.now(), policy=deps.policy)
    require(may(people.as_actor(actor), Act.CLOSE_MEETING, subject))
    minutes.refuse_closed(occurrence, spec, held=False, now=deps.now())
    standing = await closing.to_judge(session, cadence.id)
    clocks = zone(people.zone_of(actor, deps.policy))
    partner = await session.get(Partner, cadence.partner_id) if cadence.partner_id is not None else None
    page = form.ClosePage(
        occurrence=occurrence,
        spec=spec,
        partner=partner,
        commitments=standing,
        said=await gather.said_of(session, occurrence.id),
        when=w.when(occurrence.starts_at, clocks),
        book=await people.directory(session),
        joint=partner is not None and spec.leaves == Leaves.READOUT and await pages.is_joint(session, partner),
        state=state.model_copy(update={"c": tuple(item.id for item in standing)}),
    )
    return form.close_modal(page)


async def open_pulse(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """“Answer…” beside a partner on the card of what to prepare."""
    await ack()
    deps, ref = deps_of(context), OneRef.load(body["actions"][0]["value"])
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        occurrence, _, partner = await pulses.load(session, ref.o)
        subject = await people.subject_of(session, partner=partner, now=deps.now(), policy=deps.policy)
        require(may(people.as_actor(actor), Act.CLOSE_REVIEW, subject))
        last = (await pulses.last_answers(session, [occurrence.id])).get(occurrence.id)
        before = await pulses.before(session, partner.id, occurrence.id)
        told = f"Last time ({w.day(before.at.date())}): {said_of(before)}" if before is not None else ""
        view = form.pulse_modal(occurrence, partner, last, told)
    await show(client, body, view)


async def save_pulse(ack: AsyncAck, body: Body, context: AsyncBoltContext) -> None:
    deps, view = deps_of(context), body["view"]

    async def effect(session: AsyncSession) -> Mapping[str, Any]:
        actor = await people.acting(session, user_id(body))
        await pulses.answer(session, actor, form.parse_pulse(view), now=deps.now(), policy=deps.policy)
        return {}

    response = await once(deps, body, f"view:{view['id']}:{view['hash']}", effect)
    await ack(**response)
    deps.wake()


async def open_quarter(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """“The quarter…”: week, meeting, state."""
    await ack()
    deps = deps_of(context)
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        view = await _quarter(session, deps, actor, QuarterRef())
    await show(client, body, view)


async def step_quarter(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """The quarter before or after."""
    await ack()
    deps, ref = deps_of(context), QuarterRef.load(body["actions"][0]["value"])
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        view = await _quarter(session, deps, actor, ref)
    await client.views_update(view_id=body["view"]["id"], hash=body["view"]["hash"], view=view)


async def _quarter(session: AsyncSession, deps: Deps, actor: Person, ref: QuarterRef) -> dict[str, Any]:
    page = await quarters.load(session, actor, ref.n, now=deps.now(), policy=deps.policy)
    return quarter.modal(page, zone(people.zone_of(actor, deps.policy)), await people.directory(session))


async def open_table(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """“Meetings of the quarter…”: every row, on or off."""
    await ack()
    deps = deps_of(context)
    async with deps.db.write() as session:
        actor = await people.acting(session, user_id(body))
        view = await _table(session, deps, actor)
    await show(client, body, view)


async def _table(session: AsyncSession, deps: Deps, actor: Person) -> dict[str, Any]:
    require(may(people.as_actor(actor), Act.SET_UP_COMPANY, Subject()))
    rows = await meetings.install(session, now=deps.now())
    return table.modal([(row, meetings.spec_of(row)) for row in rows])


async def row_menu(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """Turn a row on or off, or change it. What writes commits before its ack."""
    deps, ref = deps_of(context), RowRef.load(body["actions"][0]["selected_option"]["value"])
    if ref.m == "change":
        await ack()
        async with deps.db.read() as session:
            actor = await people.acting(session, user_id(body))
            require(may(people.as_actor(actor), Act.SET_UP_COMPANY, Subject()))
            row = await meetings.get(session, ref.k)
            view = table.row_modal(meetings.spec_of(row), table.fingerprint(meetings.spec_of(row)))
        await show(client, body, view)
        return
    async with deps.db.write() as session:
        actor = await people.acting(session, user_id(body))
        require(may(people.as_actor(actor), Act.SET_UP_COMPANY, Subject()))
        await meetings.turn(session, ref.k, on=ref.m == "on", by=actor, now=deps.now(), policy=deps.policy)
        view = await _table(session, deps, actor)
    await ack()
    deps.wake()
    await client.views_update(view_id=body["view"]["id"], view=view)


async def open_row(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """“Add a meeting…”: a row of one's own."""
    await ack()
    deps = deps_of(context)
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        require(may(people.as_actor(actor), Act.SET_UP_COMPANY, Subject()))
    await show(client, body, table.row_modal(None))


async def _refuse_stale(session: AsyncSession, row: MeetingKind) -> None:
    """Raise FieldErrors: somebody else changed the row since the form was opened. What was typed stays in it."""
    by = await session.get(Person, row.changed_by_id) if row.changed_by_id is not None else None
    now = table.describe(meetings.spec_of(row))
    raise FieldErrors(
        {
            Field.AT: f"{by.name if by else 'Somebody'} changed this meeting meanwhile; it is now: {now}. Open it again to change it."
        }
    )


async def save_row(ack: AsyncAck, body: Body, context: AsyncBoltContext) -> None:
    deps, view = deps_of(context), body["view"]

    async def effect(session: AsyncSession) -> Mapping[str, Any]:
        actor = await people.acting(session, user_id(body))
        require(may(people.as_actor(actor), Act.SET_UP_COMPANY, Subject()))
        ref = RowRef.load(view["private_metadata"])
        rows = {row.key: row for row in await meetings.install(session, now=deps.now())}
        known = {key: meetings.spec_of(row) for key, row in rows.items()}
        if ref.k in rows and table.fingerprint(known[ref.k]) != ref.at:
            await _refuse_stale(session, rows[ref.k])
        spec = table.parse(view, known.get(ref.k), frozenset(known), deps.policy)
        await meetings.save(session, spec, by=actor, now=deps.now(), policy=deps.policy)
        if not view.get("previous_view_id"):
            return {}
        return {"response_action": "update", "view": await _table(session, deps, actor)}

    response = await once(deps, body, f"view:{view['id']}:{view['hash']}", effect)
    await ack(**response)
    deps.wake()
