"""What the views of the forecast show to one reader: who may see what is decided here, from the database's rows."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from handlers.forecast import card, form, page, render
from handlers.forecast.ids import Action, Field, SnapshotRef, TargetState, View
from handlers.kit import blocks as b
from handlers.kit import words as w
from handlers.kit.deps import Deps
from models import people
from models.domain.errors import Conflict, NotAllowed, UserError
from models.domain.fiscal import Quarter
from models.domain.money import format_money
from models.domain.policy import Policy
from models.domain.rights import Act, Subject, may, require
from models.domain.zones import local_date, zone
from models.forecast import asking, closing, finding, quotas, rates, reading, signing, signing_off, terms
from models.tables import Partner, Person, Quota


@dataclass(frozen=True)
class Reader:
    """Who looks at which quarter. `partner_ids`: what a partner manager may see; None for those who see all."""

    actor: Person
    quarter: Quarter
    partner_ids: frozenset[int] | None


def today_of(deps: Deps) -> date:
    return local_date(deps.now(), zone(deps.policy.zone))


def quarter_of(text: str, deps: Deps) -> Quarter:
    """The quarter somebody typed. Raises UserError with the nearest labels."""
    return finding.quarter_named(text, today_of(deps), deps.policy)


async def reader(session: AsyncSession, actor: Person, quarter: Quarter, deps: Deps) -> Reader:
    """What this person may read of the forecast. Raises NotAllowed with who can."""
    as_actor = people.as_actor(actor)
    if may(as_actor, Act.SEE_ALL, Subject()).allowed:
        return Reader(actor, quarter, None)
    covers = await people.covers(session, now=deps.now(), policy=deps.policy)
    stood_for = [away for away, cover in covers.items() if cover == actor.id]
    mine = frozenset(await session.scalars(select(Partner.id).where(Partner.pm_id.in_([actor.id, *stood_for]))))
    if not mine:
        require(may(as_actor, Act.SEE_FORECAST, Subject()))
    return Reader(actor, quarter, mine)


async def page_view(session: AsyncSession, found: Reader, deps: Deps, *, said: str = "") -> dict[str, Any]:
    """`/forecast` for one reader."""
    actor, quarter, policy, now = found.actor, found.quarter, deps.policy, deps.now()
    leads = found.partner_ids is None
    rights = people.as_actor(actor)
    return page.modal(
        page.QuarterPage(
            quarter=quarter,
            before=policy.fiscal.previous(quarter),
            after=policy.fiscal.next(quarter),
            facts=await reading.draft(session, quarter, now=now, policy=policy, partner_ids=found.partner_ids),
            mine=await _mine(session, actor, quarter, deps),
            snapshots=[
                (one, await signing_off.sign_offs(session, one.id))
                for one in (await finding.snapshots(session, quarter.label))[: page.MOST_SNAPSHOTS + 1]
            ]
            if leads
            else (),
            closed=await closing.closed(session, quarter.label),
            may=page.Rights(
                leads=leads,
                adjusts=may(rights, Act.ADJUST_ROLL_UP, Subject()).allowed,
                publishes=may(rights, Act.PUBLISH_ROLL_UP, Subject()).allowed,
                closes=may(rights, Act.CLOSE_QUARTER, Subject()).allowed,
                sets_targets=may(rights, Act.SET_TARGETS, Subject()).allowed,
                sets_terms=may(rights, Act.SET_TERMS, Subject()).allowed,
                signs_off=may(rights, Act.SIGN_OFF, Subject()).allowed,
            ),
            book=await people.directory(session),
            policy=policy,
            clocks=zone(policy.zone),  # as the roll-up itself: one page has one clock
            over=today_of(deps) > quarter.last,
            said=said,
        )
    )


async def _mine(session: AsyncSession, actor: Person, quarter: Quarter, deps: Deps) -> list[signing.Mine]:
    """What the person signs; nothing for those who only read. The head signs as cover, so theirs are what nobody signed."""
    try:
        found = await signing.mine(session, actor, quarter, now=deps.now(), policy=deps.policy)
    except NotAllowed:
        return []
    return found


def adding_up(quarter: Quarter) -> dict[str, Any]:
    """What stands for the moment that a hundred thousand deals take: a trigger lives three seconds."""
    return b.modal(View.PAGE, f"Forecast {quarter.label}", [b.section(":hourglass_flowing_sand: Adding up the deals…")])


async def sign_view(
    session: AsyncSession,
    actor: Person,
    quarter: Quarter,
    deps: Deps,
    *,
    below: bool,
    typed: dict[int, tuple[str, str]] | None = None,
    conflicts: tuple[Conflict, ...] = (),
) -> dict[str, Any]:
    """The form for signing. Raises NotAllowed, UserError for a quarter that is closed."""
    await closing.refuse_closed(session, quarter)
    mine = await signing.mine(session, actor, quarter, now=deps.now(), policy=deps.policy)
    names = {one.partner.id: one.partner.name for one in mine}
    return form.sign_modal(
        form.Signing(
            quarter=quarter,
            mine=mine,
            currency=deps.policy.currency,
            book=await people.directory(session),
            page=below,
            typed=typed,
            conflicts=tuple(replace(held, field=_named(held.field, names)) for held in conflicts),
        )
    )


def _named(field: str, names: Mapping[int, str]) -> str:
    """`commit_12` as `Acme, commit`."""
    what, _, partner_id = field.rpartition("_")
    return f"{names.get(int(partner_id), 'a partner')}, {what.replace('_', ' ')}" if partner_id.isdecimal() else field


async def adjust_view(
    session: AsyncSession, actor: Person, quarter: Quarter, partner_id: int, deps: Deps
) -> dict[str, Any]:
    require(may(people.as_actor(actor), Act.ADJUST_ROLL_UP, Subject()))
    await closing.refuse_closed(session, quarter)
    facts = await reading.draft(session, quarter, now=deps.now(), policy=deps.policy, partner_ids=[partner_id])
    part = next((one for one in facts.partners if one.partner_id == partner_id), None)
    if part is None:
        raise UserError("This partner has nothing in the quarter to adjust. Open `/forecast` again.")
    return form.adjust_modal(part, quarter, facts.currency, await people.directory(session))


async def review_view(session: AsyncSession, actor: Person, quarter: Quarter, deps: Deps) -> dict[str, Any]:
    require(may(people.as_actor(actor), Act.PUBLISH_ROLL_UP, Subject()))
    await closing.refuse_closed(session, quarter)
    facts = await reading.draft(session, quarter, now=deps.now(), policy=deps.policy)
    text = render.page_text(facts, await people.directory(session), deps.policy)
    return form.review_modal(facts, text, where(deps.policy))


def where(policy: Policy) -> str:
    """Where a published roll-up goes, in words."""
    channel = policy.executive_channel or policy.leadership_channel
    return (
        channel_name(channel)
        if channel
        else "you alone, because no executive channel is set (CADENCE_EXECUTIVE_CHANNEL)"
    )


def channel_name(channel: str) -> str:
    return (
        f"<#{channel}>"
        if channel[:1] in ("C", "G") and channel.isalnum() and channel.isupper()
        else f"#{w.escape(channel)}"
    )


async def close_view(session: AsyncSession, actor: Person, quarter: Quarter, deps: Deps) -> dict[str, Any]:
    require(may(people.as_actor(actor), Act.CLOSE_QUARTER, Subject()))
    await closing.refuse_closed(session, quarter)
    if today_of(deps) <= quarter.last:
        raise UserError(
            f"{quarter.label} is not over: it can be closed from {w.full_day(quarter.last)} on, when that day has ended."
        )
    facts = await reading.draft(session, quarter, now=deps.now(), policy=deps.policy)
    looks = await closing.before_closing(session, quarter, now=deps.now(), policy=deps.policy)
    return form.close_modal(facts, looks)


async def targets_view(
    session: AsyncSession, actor: Person, quarter: Quarter, deps: Deps, *, below: bool
) -> dict[str, Any]:
    require(may(people.as_actor(actor), Act.SET_TARGETS, Subject()))
    stored = await quotas.stored(session, quarter.label)
    due = (await asking.expected(session, [quarter]))[quarter.label]
    wanted = {partner_id for partner_id in stored if partner_id is not None} | set(due)
    names = {
        row.id: row.name
        for row in await session.scalars(select(Partner).where(Partner.id.in_(wanted)).order_by(Partner.name))
    }
    facts = await reading.draft(session, quarter, now=deps.now(), policy=deps.policy)
    return form.targets_modal(
        form.Targets(
            quarter=quarter,
            names={0: "", **names},
            amounts={
                partner_id or 0: _typed(row.amount, row.currency, deps.policy) for partner_id, row in stored.items()
            },
            rows={partner_id or 0: row.id for partner_id, row in stored.items()},
            rates=await rates.list_rates(session, deps.policy.currency),
            currency=deps.policy.currency,
            page=below,
            today=min(today_of(deps), quarter.first),
            needed=facts.blocked,
        )
    )


async def changed_targets(
    session: AsyncSession, state: TargetState, typed: Mapping[int, str], deps: Deps
) -> tuple[dict[int, str], dict[str, str]]:
    """The targets that differ from what the form showed, and an error for each that somebody else changed meanwhile."""
    present = {partner_id or 0: row for partner_id, row in (await quotas.stored(session, state.q)).items()}
    ids = [row_id for _, row_id in state.p if row_id]
    before = {row.id: row for row in await session.scalars(select(Quota).where(Quota.id.in_(ids)))}
    changed: dict[int, str] = {}
    errors: dict[str, str] = {}
    for partner_id, row_id in state.p:
        shown, now = before.get(row_id), present.get(partner_id)
        text = typed.get(partner_id, "").strip()
        if text == (_typed(shown.amount, shown.currency, deps.policy) if shown is not None else ""):
            continue  # left as it was shown
        if (now.id if now is not None else 0) != row_id:
            by = await session.get(Person, now.by_id) if now is not None and now.by_id is not None else None
            said = _typed(now.amount, now.currency, deps.policy) if now is not None else "no target"
            errors[f"{Field.AMOUNT}_{partner_id}"] = (
                f"{by.name if by is not None else 'Somebody'} changed it meanwhile: {said}. Open the form again to change it."
            )
            continue
        changed[partner_id] = text
    return changed, errors


def _typed(minor: int | None, currency: str, policy: Policy) -> str:
    """A target as it can be typed again."""
    if minor is None:
        return ""
    said = format_money(minor, currency)
    return said.removeprefix(f"{currency} ") if currency == policy.currency else said


async def terms_view(session: AsyncSession, actor: Person) -> dict[str, Any]:
    rights = people.as_actor(actor)
    require(may(rights, Act.SEE_ALL, Subject()))
    changes = may(rights, Act.SET_TERMS, Subject()).allowed
    return form.terms_modal(
        await terms.current(session), await terms.versions(session), await people.directory(session), changes=changes
    )


async def snapshot_view(session: AsyncSession, actor: Person, snapshot_id: int, deps: Deps) -> dict[str, Any]:
    """A published roll-up to read, and its workbook; “Sign off” for whoever can."""
    require(may(people.as_actor(actor), Act.SEE_ALL, Subject()))
    found = await card.load(session, snapshot_id, deps.policy)
    message = card.message(found)
    ref = SnapshotRef(s=snapshot_id).dump()
    made = [*message.blocks, b.actions(b.button("Send me the workbook", Action.WORKBOOK, ref))]
    return b.modal(View.SNAPSHOT, f"Roll-up {found.facts.period}", made, metadata=ref)


def with_receipt(view: dict[str, Any], said: str) -> dict[str, Any]:
    """The same view below a sentence that says what has just been done."""
    return {**view, "blocks": [b.section(said), *view["blocks"]][:100]}
