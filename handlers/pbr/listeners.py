"""People come in: `/pbr`, preparing, publishing, correcting and reading monthly partner business reviews."""

from collections.abc import Mapping, Sequence
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from handlers.kit import words as w
from handlers.kit.deps import Body, Deps, deps_of, trigger, user_id
from handlers.kit.doors import CardRef
from handlers.kit.once import once
from handlers.kit.views import replace, show
from handlers.pbr import form, page
from handlers.pbr.ids import Action, Door, FormState, View
from models import pbr, people
from models.cadences import AHEAD
from models.domain.errors import Conflict, Stale
from models.domain.pbr import PbrFacts, Said
from models.domain.rights import Act, may, require
from models.domain.text import clip, key
from models.domain.zones import zone
from models.roster import listed
from models.shared import pages
from models.tables import Artifact, Cadence, Partner, Person


def register(app: AsyncApp) -> None:
    app.command("/pbr")(command)
    app.action(Door.OPEN_PBR)(open_one)
    app.action(Action.CORRECT)(correct)
    app.action(Action.VERSION)(show_version)
    app.action(Action.HELD)(redraw)
    app.action(Action.HOW)(redraw)
    app.view(View.FORM)(save)


async def command(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """`/pbr` lists my partners; `/pbr acme` opens the one that is meant; `/pbr acme 2026-10` shows a past one."""
    await ack()
    deps, text = deps_of(context), str(body.get("text") or "").strip()
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        view = await (_named(session, deps, actor, text) if key(text) else _list(session, deps, actor))
    await client.views_open(trigger_id=trigger(body), view=view)


async def open_one(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """“Open…” in the list, on the “prepare” card, and where a PBR waits to be closed."""
    await ack()
    deps, ref = deps_of(context), CardRef.load(body["actions"][0]["value"])
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        below = _below(body)
        view = await (_open(session, deps, actor, ref.o[0], below) if ref.o else _list(session, deps, actor))
    await show(client, body, view)


async def correct(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """“Correct…”: the form again, on what was published last."""
    await ack()
    deps, ref = deps_of(context), CardRef.load(body["actions"][0]["value"])
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        view = await _form(session, deps, actor, ref.o[0], below=_below(body))
    await show(client, body, view)


async def show_version(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """Another version of the same page."""
    await ack()
    deps, view = deps_of(context), body["view"]
    ref, chosen = CardRef.load(view["private_metadata"]), int(body["actions"][0]["selected_option"]["value"])
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        fresh = await _page(session, deps, actor, ref.o[0], version=chosen)
    await client.views_update(view_id=view["id"], hash=view["hash"], view=fresh)


async def redraw(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """Held or not, publish or draft: that decides which fields follow and which must be filled; what was typed stays."""
    await ack()
    deps, view, action = deps_of(context), body["view"], body["actions"][0]
    chosen = action["selected_option"]["value"]
    held = action["action_id"] == Action.HELD
    change = {"held": chosen == form.HELD} if held else {"publish": chosen == form.PUBLISH}
    state = FormState.load(view["private_metadata"]).model_copy(update=change)
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        fresh = await _form(session, deps, actor, state.o, keep=state)
    await client.views_update(view_id=view["id"], hash=view["hash"], view=fresh)


async def save(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """Keep the draft, or publish. Acks after the commit: the page that follows is the receipt."""
    deps, view = deps_of(context), body["view"]
    state = FormState.load(view["private_metadata"])

    async def effect(session: AsyncSession) -> Mapping[str, Any]:
        actor = await people.acting(session, user_id(body))
        submitted = await form.parse(session, view, state)
        if not form.wants_publishing(view):
            await pbr.save_draft(session, actor, submitted, now=deps.now(), policy=deps.policy)
            return {"response_action": "update", "view": await _saved(session, deps, actor, state.o)}
        await pbr.publish(session, actor, submitted, now=deps.now(), policy=deps.policy)
        return {"response_action": "update", "view": await _page(session, deps, actor, state.o, published=True)}

    try:
        response = await once(deps, body, f"view:{view['id']}:{view['hash']}", effect)
    except Stale as stale:
        await ack(response_action="update", view=await _with_both(deps, body, state, stale.conflicts))
        return
    await ack(**response)
    deps.wake()
    if state.below and view.get("previous_view_id"):
        async with deps.db.read() as session:
            actor = await people.acting(session, user_id(body))
            fresh = await (
                _page(session, deps, actor, state.o) if state.below == View.PAGE else _list(session, deps, actor)
            )
        await replace(client, str(view["previous_view_id"]), fresh)


def _below(body: Body) -> str:
    """The kind of view a form is pushed on, which shows a state that the form may change."""
    inside = body.get("view") or {}
    found = str(inside.get("callback_id") or "") if inside.get("type") == "modal" else ""
    return found if found in (View.LIST, View.PAGE) else ""


async def _named(session: AsyncSession, deps: Deps, actor: Person, text: str) -> dict[str, Any]:
    """What the words behind `/pbr` mean. Raises NotAllowed, UserError with what there is."""
    found = await pbr.find(session, actor, text, now=deps.now(), policy=deps.policy)
    if found.partner is None:
        return await _nearest(session, deps, actor, text, found)
    if found.month:
        meant = await pbr.of_month(session, found.partner, found.month, now=deps.now(), policy=deps.policy)
        return await _open(session, deps, actor, meant.id)
    occurrence = await pbr.current(session, found.partner.id, deps.now())
    if occurrence is None:
        raise pbr.refuse_absent(found.partner)
    return await _open(session, deps, actor, occurrence.id)


async def _nearest(session: AsyncSession, deps: Deps, actor: Person, text: str, found: pbr.Found) -> dict[str, Any]:
    """Several partners, or none: those there are, to choose from."""
    name = w.escape(clip(text, 80))
    if found.hits:
        lead = f"Several partners match “{name}”. Which one?"
        if found.month:
            lead += f" With its whole name, `/pbr` also opens {w.escape(clip(found.month, 20))}."
        return await _list(session, deps, actor, among=found.hits, lead=lead)
    mine = await pbr.visible(session, actor, now=deps.now(), policy=deps.policy)
    near = [partner for partner in mine if partner.name in found.near]
    lead = f"No partner of yours is called “{name}”."
    lead += (
        f" Did you mean {listed([w.escape(clip(one.name, 60)) for one in near])}?"
        if near
        else " `/pbr` lists those that are."
    )
    return await _list(session, deps, actor, among=near, lead=lead)


async def _list(
    session: AsyncSession, deps: Deps, actor: Person, *, among: Sequence[Partner] | None = None, lead: str = ""
) -> dict[str, Any]:
    now, policy = deps.now(), deps.policy
    partners = await pbr.visible(session, actor, now=now, policy=policy) if among is None else list(among)
    meant = await pbr.current_of(session, [partner.id for partner in partners], now)
    series = {
        row.id: row
        for row in await session.scalars(
            select(Cadence).where(Cadence.id.in_([one.cadence_id for one in meant.values()]))
        )
    }
    pairs = [(one, series[one.cadence_id]) for one in meant.values()]
    words = await pbr.summaries(session, pairs, now=now, policy=policy)
    rows = [page.Row(one, meant[one.id], words[meant[one.id].id]) for one in partners if one.id in meant]
    without = [one for one in partners if one.id not in meant]
    return page.list_modal(page.ListPage(rows, without, zone(people.zone_of(actor, policy)), lead))


async def _rights(session: AsyncSession, deps: Deps, actor: Person, partner: Partner, act: Act) -> bool:
    subject = await people.subject_of(session, partner=partner, now=deps.now(), policy=deps.policy)
    require(may(people.as_actor(actor), act, subject))
    return may(people.as_actor(actor), Act.PUBLISH_PBR, subject).allowed


async def _open(
    session: AsyncSession, deps: Deps, actor: Person, occurrence_id: int, below: str = ""
) -> dict[str, Any]:
    """The form of one that is still to be published, for those who may; the page for everybody else."""
    occurrence, _, partner = await pbr.read(session, occurrence_id)
    publishes = await _rights(session, deps, actor, partner, Act.SEE_PARTNER)
    if publishes and occurrence.state in AHEAD and occurrence.published_at is None:
        return await _form(session, deps, actor, occurrence_id, below=below)
    return await _page(session, deps, actor, occurrence_id)


async def _form(
    session: AsyncSession,
    deps: Deps,
    actor: Person,
    occurrence_id: int,
    *,
    keep: FormState | None = None,
    below: str = "",
    typed: Said | None = None,
    conflicts: tuple[Conflict, ...] = (),
) -> dict[str, Any]:
    """The form. `keep`: what an open one stands on; `typed`: what stands in its fields instead of the draft."""
    _, _, partner = await pbr.read(session, occurrence_id)
    await _rights(session, deps, actor, partner, Act.PUBLISH_PBR)
    desk = await pbr.desk_of(session, occurrence_id, now=deps.now(), policy=deps.policy, said=typed)
    fresh = form.begin(desk, publish=deps.now() >= desk.occurrence.starts_at, below=below)
    return form.modal(
        form.FormPage(
            desk=desk,
            state=fresh if keep is None else fresh.model_copy(update=_kept(keep, rebased=typed is not None)),
            book=await people.directory(session),
            policy=deps.policy,
            clocks=zone(people.zone_of(actor, deps.policy)),
            begun=deps.now() >= desk.occurrence.starts_at,
            conflicts=conflicts,
            overtaken=typed is not None,
            joint=await pages.is_joint(session, desk.partner),
        )
    )


def _kept(state: FormState, *, rebased: bool) -> dict[str, Any]:
    """What of an open form's memory goes on: all that says what it stands on, unless it stands on something new now."""
    names = {"held", "publish", "below"} | (set() if rebased else {"n", "d"})
    return {name: getattr(state, name) for name in names}


async def _with_both(deps: Deps, body: Body, state: FormState, conflicts: tuple[Conflict, ...]) -> dict[str, Any]:
    """The form anew after somebody was faster: both values above it, what this person typed in its fields."""
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        submitted = await form.parse(session, body["view"], state)
        return await _form(
            session, deps, actor, state.o, keep=state, typed=submitted.said, conflicts=conflicts
        )  # fmt: skip


async def _page(
    session: AsyncSession, deps: Deps, actor: Person, occurrence_id: int, *, version: int = 0, published: bool = False
) -> dict[str, Any]:
    """One PBR to read: the version asked for, else the newest, else the draft. `published`: it has just been."""
    occurrence, _, partner = await pbr.read(session, occurrence_id)
    publishes = await _rights(session, deps, actor, partner, Act.SEE_PARTNER)
    versions = await pbr.versions_of(session, occurrence_id)
    shown: Artifact | None = next((row for row in versions if row.version == version), next(iter(versions), None))
    facts = (
        PbrFacts.model_validate(shown.facts)
        if shown is not None
        else await pbr.gather(session, occurrence, deps.now(), deps.policy)
    )
    return page.modal(
        page.PbrPage(
            occurrence=occurrence,
            facts=facts,
            versions=versions,
            shown=shown,
            may_publish=publishes and (bool(versions) or occurrence.state not in AHEAD),
            clocks=zone(people.zone_of(actor, deps.policy)),
            book=await people.directory(session),
            policy=deps.policy,
            receipt=await _receipt(session, partner) if published else "",
        )
    )


async def _receipt(session: AsyncSession, partner: Partner) -> str:
    """Where the page went."""
    if partner.internal_channel:
        place = partner.internal_channel
        where = (
            f"<#{place}>" if place[:1] in ("C", "G") and place.isalnum() and place.isupper() else f"#{w.escape(place)}"
        )
        return f":white_check_mark: *Published* to {where}, and kept for good."
    pm = await session.get(Person, partner.pm_id) if partner.pm_id else None
    where = (
        f"sent to {w.escape(pm.name)}, because this partner has no internal channel"
        if pm
        else "kept; there is no channel"
    )
    return f":white_check_mark: *Published*: {where}."


async def _saved(session: AsyncSession, deps: Deps, actor: Person, occurrence_id: int) -> dict[str, Any]:
    await session.flush()
    occurrence, _, partner = await pbr.read(session, occurrence_id)
    facts = await pbr.gather(session, occurrence, deps.now(), deps.policy)
    return page.draft_saved(partner, facts, w.when(occurrence.starts_at, zone(people.zone_of(actor, deps.policy))))
