"""People come in: `/cadence`, setting up, moving, skipping and pausing reviews."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from handlers.cadence import forms, overview
from handlers.cadence.ids import Action, Door, Field, MenuRef, Ref, View
from handlers.kit.deps import Body, Deps, deps_of, trigger, user_id
from handlers.kit.doors import SetUpRef
from handlers.kit.forms import Values
from handlers.kit.once import once
from handlers.kit.views import replace, show
from models import cadences, cards, crews, first_run, people
from models.cadences import Kind, Planned, Side
from models.domain.errors import FieldErrors, NotAllowed, UserError
from models.domain.policy import Policy
from models.domain.rights import Act, Subject, may, require
from models.domain.text import key
from models.domain.zones import zone
from models.minutes import closing as minutes
from models.roster import listed
from models.tables import Cadence, Occurrence, Partner, Person


def register(app: AsyncApp) -> None:
    app.command("/cadence")(command)
    app.action(Door.OPEN_CADENCE)(open_overview)
    app.action(Door.SET_UP)(open_set_up)
    app.action(Action.MENU)(open_menu)
    app.view(View.SET_UP)(save_set_up)
    app.view(View.BUMP)(save_bump)
    app.view(View.SKIP)(save_skip)
    app.view(View.PAUSE)(save_pause)


async def command(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """`/cadence` shows what is next; `start` sets Cadence up, `setup` a review; `/cadence acme` is about one partner."""
    await ack()
    text = str(body.get("text") or "").strip()
    deps = deps_of(context)
    async with deps.db.read() as session:
        actor = await _acting(session, deps, body)
        if key(text) == "start":
            view = await deps.pages.set_up(session, actor, now=deps.now(), policy=deps.policy)
        elif key(text) in ("setup", "set up"):
            view = await _set_up_form(session, deps, actor, None)
        else:
            view = overview.modal(await overview.load(session, actor, text, now=deps.now(), policy=deps.policy))
    await client.views_open(trigger_id=trigger(body), view=view)


async def _acting(session: AsyncSession, deps: Deps, body: Body) -> Person:
    """Who types. Somebody unknown hears who is setting Cadence up, while somebody is. Raises NotAllowed."""
    try:
        return await people.acting(session, user_id(body))
    except NotAllowed as refused:
        if await people.by_slack_id(session, user_id(body)) is not None:
            raise
        found = await first_run.facts(session, now=deps.now(), policy=deps.policy)
        if found.finished or not found.setting_up:
            raise
        names = listed(found.setting_up)
        raise NotAllowed(
            f"Cadence does not know you yet: {names} is setting it up. Ask to be added under “People and roles” "
            "(`/cadence start`)."
        ) from refused


async def open_overview(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    await ack()
    deps = deps_of(context)
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        page = await overview.load(session, actor, "", now=deps.now(), policy=deps.policy)
    await show(client, body, overview.modal(page))


async def open_set_up(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    await ack()
    deps, ref = deps_of(context), SetUpRef.load(body["actions"][0]["value"])
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        view = await _set_up_form(session, deps, actor, ref.p or None)
    await show(client, body, {**view, "private_metadata": ref.dump()})


async def open_menu(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """The menu beside one meeting: move, skip, change, pause."""
    await ack()
    deps, ref = deps_of(context), MenuRef.load(body["actions"][0]["selected_option"]["value"])
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        occurrence = await session.get(Occurrence, ref.o)
        if occurrence is None:
            raise UserError("This review does not exist any more; `/cadence` shows what is planned.")
        planned = await _require_plan(session, deps, actor, occurrence)
        view = await _menu_form(session, deps, actor, planned, ref.m)
    await show(client, body, view)


async def _menu_form(session: AsyncSession, deps: Deps, actor: Person, item: Planned, chosen: str) -> dict[str, Any]:
    """What the menu's word opens for this meeting."""
    occurrence, cadence, partner = item.occurrence, item.cadence, item.partner
    clocks = zone(cadence.zone)
    if chosen == "change" and partner is not None and not item.name:
        return await _set_up_form(session, deps, actor, partner.id)
    cadences.refuse_settled(occurrence)
    if chosen == "pause" and partner is not None and not item.name:
        return forms.pause(occurrence, partner)
    if chosen == "skip":
        return forms.skip(occurrence, item.title, clocks, review=not item.name, partner=partner is not None)
    if chosen == "bump":
        reach = cadences.bump_limits(cadences.rule_of(cadence), occurrence.nominal_day, deps.policy)[2]
        return forms.bump(occurrence, item.title, clocks, reach)
    raise UserError("Only weekly reviews are changed or paused here; the table is under “Meetings of the quarter…”.")


async def save_set_up(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """Start or change a weekly review; then back to where it was asked for, which shows it."""
    deps = deps_of(context)
    wanted = forms.parse_set_up(body["view"], deps.policy)
    first = SetUpRef.load(body["view"]["private_metadata"]).first_run

    async def effect(session: AsyncSession) -> Mapping[str, Any]:
        actor = await people.acting(session, user_id(body))
        partner = await session.get(Partner, wanted.partner_id)
        if partner is None:
            raise FieldErrors({Field.PARTNER: "Choose a partner."})
        await _require(session, deps, actor, partner)
        if partner.tier != 1:
            raise FieldErrors({Field.PARTNER: f"{partner.name} is Tier {partner.tier}. Weekly reviews are for Tier 1: "
                                              "raise its tier first, in `/cadence start` or the partners file."})  # fmt: skip
        await cadences.set_up_review(
            session, partner, weekday=wanted.weekday, at=wanted.at, minutes=wanted.minutes, by=actor,
            now=deps.now(), policy=deps.policy,
        )  # fmt: skip
        await cards.touch_homes(session)
        return {} if first else await _overview(session, deps, actor, body)

    await _save(ack, deps, body, effect)
    if first:
        async with deps.db.read() as session:
            actor = await people.acting(session, user_id(body))
            page = await deps.pages.set_up(session, actor, now=deps.now(), policy=deps.policy)
        await replace(client, str(body["view"].get("root_view_id") or ""), page)


async def save_bump(ack: AsyncAck, body: Body, context: AsyncBoltContext) -> None:
    deps, moved = deps_of(context), forms.parse_bump(body["view"])

    async def effect(session: AsyncSession) -> Mapping[str, Any]:
        actor, occurrence = await _for_form(session, deps, body)
        if moved.day is None or moved.at is None:
            raise FieldErrors({Field.DAY: "Choose the new day and hour."})
        await cadences.bump(
            session, occurrence, day=moved.day, at=moved.at, reason=moved.reason, by=actor, now=deps.now(),
            policy=deps.policy,
        )  # fmt: skip
        return await _overview(session, deps, actor, body)

    await _save(ack, deps, body, effect)


async def save_skip(ack: AsyncAck, body: Body, context: AsyncBoltContext) -> None:
    deps, values = deps_of(context), Values(body["view"])

    async def effect(session: AsyncSession) -> Mapping[str, Any]:
        actor, occurrence = await _for_form(session, deps, body)
        side = Side(values.option(Field.SIDE) or Side.OURS)
        await cadences.skip(session, occurrence, side=side, reason=values.text(Field.REASON), by=actor, now=deps.now())
        return await _overview(session, deps, actor, body)

    await _save(ack, deps, body, effect)


async def save_pause(ack: AsyncAck, body: Body, context: AsyncBoltContext) -> None:
    deps, values = deps_of(context), Values(body["view"])

    async def effect(session: AsyncSession) -> Mapping[str, Any]:
        actor, occurrence = await _for_form(session, deps, body)
        cadence = await session.get_one(Cadence, occurrence.cadence_id)
        await cadences.pause(session, cadence, reason=values.text(Field.REASON), by=actor, now=deps.now())
        return await _overview(session, deps, actor, body)

    await _save(ack, deps, body, effect)


async def _save(
    ack: AsyncAck, deps: Deps, body: Body, effect: Callable[[AsyncSession], Awaitable[Mapping[str, Any]]]
) -> None:
    """Commit, then ack: the closed (or refreshed) modal is the receipt."""
    view = body["view"]
    response = await once(deps, body, f"view:{view['id']}:{view['hash']}", effect)
    await ack(**response)
    deps.wake()


async def _overview(session: AsyncSession, deps: Deps, actor: Person, body: Body) -> Mapping[str, Any]:
    """Back to the overview, which shows what has just been done, when the form was opened from it."""
    await session.flush()
    if not body["view"].get("previous_view_id"):
        return {}
    page = await overview.load(session, actor, "", now=deps.now(), policy=deps.policy)
    return {"response_action": "update", "view": overview.modal(page)}


async def _for_form(session: AsyncSession, deps: Deps, body: Body) -> tuple[Person, Occurrence]:
    ref = Ref.load(body["view"]["private_metadata"])
    actor = await people.acting(session, user_id(body))
    occurrence, _ = await cadences.lock_occurrence(session, ref.o)
    await _require_plan(session, deps, actor, occurrence)
    return actor, occurrence


async def _require_plan(session: AsyncSession, deps: Deps, actor: Person, occurrence: Occurrence) -> Planned:
    """The meeting with what it is called. Raises UserError where there is none to plan, NotAllowed with who can."""
    cadence = await session.get_one(Cadence, occurrence.cadence_id)
    crew = await crews.crew(session)
    row = crew.table.get(cadence.meeting_id or 0)
    if occurrence.ends_at == occurrence.starts_at or (cadence.kind != Kind.WEEKLY_REVIEW and row is None):
        raise UserError("Only meetings can be moved, skipped or paused.")
    subject = await minutes.subject_of(session, cadence, crew, now=deps.now(), policy=deps.policy)
    require(may(people.as_actor(actor), Act.PLAN, subject))
    partner = await session.get(Partner, cadence.partner_id) if cadence.partner_id is not None else None
    return Planned(occurrence, cadence, partner, row.name if row is not None else "", crew.lead(cadence))


async def _require(session: AsyncSession, deps: Deps, actor: Person, partner: Partner) -> None:
    subject = await people.subject_of(session, partner=partner, now=deps.now(), policy=deps.policy)
    require(may(people.as_actor(actor), Act.PLAN, subject))


async def _set_up_form(session: AsyncSession, deps: Deps, actor: Person, partner_id: int | None) -> dict[str, Any]:
    """The set-up form, at the next free hour of the partner manager's day."""
    policy = deps.policy
    covers = await people.covers(session, now=deps.now(), policy=policy)
    rows = await session.scalars(select(Partner).where(Partner.tier == 1).order_by(Partner.name))
    partners = [
        partner
        for partner in rows
        if may(people.as_actor(actor), Act.PLAN, Subject(pm_id=partner.pm_id, covers=covers)).allowed
    ]
    if not partners and not actor.has("pm", "head", "admin"):
        require(may(people.as_actor(actor), Act.PLAN, Subject()))
    if not partners:
        raise UserError(
            "There is no Tier 1 partner that you may plan for. `/cadence start` adds partners, their tiers and managers; so "
            "does a partners file (`cadence import partners.csv --partners`)."
        )
    running = {
        cadence.partner_id: cadence
        for cadence in await session.scalars(
            select(Cadence).where(Cadence.kind == Kind.WEEKLY_REVIEW, Cadence.state == "active")
        )
        if cadence.partner_id is not None
    }
    return forms.set_up(await _set_up_page(session, deps, partners, running, partner_id, policy))


async def _set_up_page(
    session: AsyncSession,
    deps: Deps,
    partners: list[Partner],
    running: dict[int, Cadence],
    partner_id: int | None,
    policy: Policy,
) -> forms.SetUpPage:
    waiting = [partner for partner in partners if partner.id not in running]
    chosen = next((partner for partner in partners if partner.id == partner_id), None) or next(
        iter(waiting), partners[0]
    )
    pm = await session.get(Person, chosen.pm_id) if chosen.pm_id else None
    place = people.zone_of(pm, policy) if pm else policy.zone
    present = running.get(chosen.id)
    if present is not None:
        return forms.SetUpPage(partners, running, chosen, present.rule["weekday"], present.at, present.minutes, place)
    trial = Cadence(
        kind=Kind.WEEKLY_REVIEW, pm_id=chosen.pm_id, rule=cadences.weekly(policy.review_weekday), at=policy.review_at,
        zone=place, minutes=policy.review_minutes,
    )  # fmt: skip
    free = await cadences.free_slots(session, trial, except_id=None, now=deps.now(), policy=policy)
    counts = await cadences.tier1_counts(session)
    return forms.SetUpPage(
        partners, running, chosen, policy.review_weekday, free[0] if free else policy.review_at,
        policy.review_minutes, place, cadences.ceiling_breach(counts.get(chosen.pm_id or 0, 0), policy), tuple(free),
    )  # fmt: skip
