"""People come in: `/forecast`, signing, adjusting, publishing, signing off, closing, targets, rates and terms."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.ext.asyncio import AsyncSession

from handlers.forecast import files, form, reading
from handlers.forecast.ids import (
    Action,
    Door,
    Field,
    PartnerRef,
    QuarterRef,
    SignState,
    SnapshotRef,
    TargetState,
    TermsState,
    View,
)
from handlers.forecast.reading import page_view, quarter_of, reader
from handlers.kit import blocks as b
from handlers.kit import words as w
from handlers.kit.deps import Body, Deps, deps_of, user_id
from handlers.kit.forms import Values
from handlers.kit.once import once
from handlers.kit.views import replace, show
from models import outbox, people
from models.domain.errors import FieldErrors, Stale
from models.domain.money import parse_amount
from models.domain.rights import Act, Subject, may, require
from models.domain.text import count
from models.forecast import (
    adjusting,
    announcing,
    closing,
    finding,
    holding,
    publishing,
    quotas,
    rates,
    signing,
    signing_off,
    terms,
)
from models.outbox import Owed
from models.tables import Person

Opens = Callable[[AsyncSession, Person, Deps], Awaitable[dict[str, Any]]]


def register(app: AsyncApp) -> None:
    app.command("/forecast")(command)
    app.action(Door.FORECAST)(open_page)
    app.action(f"{Action.QUARTER}.before")(turn_page)
    app.action(f"{Action.QUARTER}.after")(turn_page)
    app.action(Door.SIGN_COMMIT)(open_sign)
    app.view(View.SIGN)(save_signatures)
    app.action(Action.ADJUST)(open_adjust)
    app.view(View.ADJUST)(save_adjustment)
    app.action(Door.REVIEW_ROLL_UP)(open_review)
    app.view(View.REVIEW)(publish)
    app.action(Action.SIGN_OFF)(sign_off)
    app.action(Door.CLOSE_QUARTER)(open_close)
    app.view(View.CLOSE)(close)
    app.action(Action.TARGETS)(open_targets)
    app.view(View.TARGETS)(save_targets)
    app.action(Action.TERMS)(open_terms)
    app.view(View.TERMS)(save_terms)
    app.action(Action.SNAPSHOT)(open_snapshot)
    app.action(Action.WORKBOOK)(ask_for_workbook)


async def command(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """`/forecast` shows this quarter, `/forecast 2026Q3` another one."""
    await ack()
    await _open(deps_of(context), body, client, str(body.get("text") or ""))


async def open_page(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """The same from a card or Home."""
    await ack()
    ref = QuarterRef.load(body["actions"][0]["value"])
    await _open(deps_of(context), body, client, ref.q)


async def _open(deps: Deps, body: Body, client: AsyncWebClient, text: str) -> None:
    """A window at once, its figures as soon as they are added up."""
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        quarter = quarter_of(text, deps)
        found = await reader(session, actor, quarter, deps)
    view_id = await show(client, body, reading.adding_up(quarter))
    async with deps.db.read() as session:
        view = await page_view(session, found, deps)
    await replace(client, view_id, view)


async def turn_page(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """The quarter before or after, in the same window."""
    await ack()
    deps, ref = deps_of(context), QuarterRef.load(body["actions"][0]["value"])
    await _refresh(deps, body, client, str(body["view"]["id"]), ref.q)


async def _refresh(
    deps: Deps, body: Body, client: AsyncWebClient, view_id: str, label: str, said: str = ""
) -> None:  # fmt: skip
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        found = await reader(session, actor, quarter_of(label, deps), deps)
        view = await page_view(session, found, deps, said=said)
    await replace(client, view_id, view)


async def _show(body: Body, client: AsyncWebClient, deps: Deps, opens: Opens) -> None:
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        view = await opens(session, actor, deps)
    await show(client, body, view)


async def _effect(
    body: Body, deps: Deps, ack: AsyncAck, act: Callable[[AsyncSession, Person], Awaitable[Mapping[str, Any]]]
) -> None:
    """Do it once, and ack after the commit: the closed (or changed) form is the receipt."""
    view = body["view"]

    async def effect(session: AsyncSession) -> Mapping[str, Any]:
        return await act(session, await people.acting(session, user_id(body)))

    await ack(**await once(deps, body, f"view:{view['id']}:{view['hash']}", effect))
    deps.wake()


def _receipt(body: Body, title: str, said: str) -> dict[str, Any]:
    """What answers a form that was opened from a message or Home: below others the page says it."""
    if body["view"].get("previous_view_id"):
        return {}
    return {"response_action": "update", "view": b.modal(View.DONE, title, [b.section(said)])}


async def _below(deps: Deps, body: Body, client: AsyncWebClient, label: str, said: str) -> None:
    """The page that the form was pushed on, anew, with what has been done."""
    below = body["view"].get("previous_view_id")
    if below:
        await _refresh(deps, body, client, str(below), label, said)


async def open_sign(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    await ack()
    ref = QuarterRef.load(body["actions"][0]["value"])

    async def opens(session: AsyncSession, actor: Person, deps: Deps) -> dict[str, Any]:
        return await reading.sign_view(session, actor, quarter_of(ref.q, deps), deps, below=ref.page)

    await _show(body, client, deps_of(context), opens)


async def save_signatures(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """Each number under the signer's own name; what somebody else signed meanwhile comes back with both values."""
    deps, view = deps_of(context), body["view"]
    state = SignState.load(view["private_metadata"])
    typed = form.typed_numbers(view, state)
    stored = 0

    async def act(session: AsyncSession, actor: Person) -> Mapping[str, Any]:
        nonlocal stored
        _refuse_emptied(typed, state)
        numbers = signing.numbers_of(typed, deps.policy)
        if not numbers:
            raise FieldErrors({_first(state): "Type a number, such as 120000; 0 is a number too."})
        made = await signing.sign(
            session, actor, state.q, numbers, dict(state.shown), now=deps.now(), policy=deps.policy
        )
        stored = len(made)
        await announcing.refresh(session, now=deps.now())
        return {}

    try:
        await _effect(body, deps, ack, act)
    except Stale as stale:
        async with deps.db.read() as session:
            actor = await people.acting(session, user_id(body))
            fresh = await reading.sign_view(
                session, actor, quarter_of(state.q, deps), deps, below=state.page, typed=typed,
                conflicts=stale.conflicts,
            )  # fmt: skip
        await ack(response_action="update", view=fresh)
        return
    said = (
        f":white_check_mark: Signed: {count(stored, 'partner')}."
        if stored
        else "Nothing was changed: these numbers were signed already."
    )
    await _below(deps, body, client, state.q, said)


def _refuse_emptied(typed: Mapping[int, tuple[str, str]], state: SignState) -> None:
    """A signature is amended and not taken back: fields that showed one and were emptied would change nothing silently."""
    emptied = [partner_id for partner_id in state.filled if not "".join(typed.get(partner_id, ("", ""))).strip()]
    if emptied:
        words = "It is signed already, and a signature is not taken back. Type the number that holds now; 0 is one."
        raise FieldErrors({f"{Field.COMMIT}_{partner_id}": words for partner_id in emptied})


def _first(state: SignState) -> str:
    return f"{Field.COMMIT}_{state.shown[0][0]}" if state.shown else Field.COMMIT


async def open_adjust(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    await ack()
    ref = PartnerRef.load(body["actions"][0]["value"])

    async def opens(session: AsyncSession, actor: Person, deps: Deps) -> dict[str, Any]:
        return await reading.adjust_view(session, actor, quarter_of(ref.q, deps), ref.p, deps)

    await _show(body, client, deps_of(context), opens)


async def save_adjustment(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    deps, ref = deps_of(context), PartnerRef.load(body["view"]["private_metadata"])
    values = Values(body["view"])

    async def act(session: AsyncSession, actor: Person) -> Mapping[str, Any]:
        try:
            commit = parse_amount(values.text(Field.COMMIT), deps.policy.currency)
        except ValueError as wrong:
            raise FieldErrors({Field.COMMIT: str(wrong)}) from None
        await adjusting.adjust(
            session, actor, ref.q, ref.p, commit, values.text(Field.REASON), now=deps.now(), policy=deps.policy
        )
        await announcing.refresh(session, now=deps.now())
        return {}

    await _effect(body, deps, ack, act)
    await _below(deps, body, client, ref.q, ":white_check_mark: Adjusted; the signed number stays beside it.")


async def open_review(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """The roll-up as it would be published; a window at once, as it adds up every deal."""
    await ack()
    deps, ref = deps_of(context), QuarterRef.load(body["actions"][0]["value"])
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        quarter = quarter_of(ref.q, deps)
        require(may(people.as_actor(actor), Act.PUBLISH_ROLL_UP, Subject()))
        await closing.refuse_closed(session, quarter)
    view_id = await show(client, body, reading.adding_up(quarter))
    async with deps.db.read() as session:
        view = await reading.review_view(session, actor, quarter, deps)
    await replace(client, view_id, view)


async def publish(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """Freeze the roll-up and owe its message, in one transaction."""
    deps, ref = deps_of(context), QuarterRef.load(body["view"]["private_metadata"])

    async def act(session: AsyncSession, actor: Person) -> Mapping[str, Any]:
        made = await publishing.publish(session, actor, quarter_of(ref.q, deps), now=deps.now(), policy=deps.policy)
        await announcing.announce(session, made, now=deps.now(), policy=deps.policy)
        return _receipt(body, f"Roll-up {ref.q}", said)

    said = f":white_check_mark: *Published* to {reading.where(deps.policy)}, and frozen."
    await _effect(body, deps, ack, act)
    await _below(deps, body, client, ref.q, said)


async def sign_off(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """“Sign off” below a published roll-up, in the channel or in `/forecast`."""
    deps, action = deps_of(context), body["actions"][0]
    ref = SnapshotRef.load(action["value"])

    async def effect(session: AsyncSession) -> Mapping[str, Any]:
        actor = await people.acting(session, user_id(body))
        await signing_off.sign_off(session, actor, ref.s, now=deps.now())
        await announcing.show_signatures(session, ref.s)
        await announcing.refresh(session, now=deps.now())
        return {}

    await once(deps, body, f"click:{Action.SIGN_OFF}:{user_id(body)}:{action['action_ts']}", effect)
    await ack()
    deps.wake()
    inside = body.get("view") or {}
    if inside.get("type") == "modal":
        async with deps.db.read() as session:
            actor = await people.acting(session, user_id(body))
            view = await reading.snapshot_view(session, actor, ref.s, deps)
        await replace(client, str(inside["id"]), reading.with_receipt(view, ":white_check_mark: *Signed off.*"))


async def open_close(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    await ack()
    ref = QuarterRef.load(body["actions"][0]["value"])

    async def opens(session: AsyncSession, actor: Person, deps: Deps) -> dict[str, Any]:
        return await reading.close_view(session, actor, quarter_of(ref.q, deps), deps)

    await _show(body, client, deps_of(context), opens)


async def close(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    deps, ref = deps_of(context), QuarterRef.load(body["view"]["private_metadata"])

    async def act(session: AsyncSession, actor: Person) -> Mapping[str, Any]:
        made = await closing.close(session, actor, quarter_of(ref.q, deps), now=deps.now(), policy=deps.policy)
        snapshot = await finding.snapshot(session, made.snapshot_id)
        await announcing.announce(session, snapshot, now=deps.now(), policy=deps.policy)
        return _receipt(body, f"Close {ref.q}", said)

    said = f":lock: *{w.escape(ref.q)} is closed.*"
    await _effect(body, deps, ack, act)
    await _below(deps, body, client, ref.q, said)


async def open_targets(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    await ack()
    ref = QuarterRef.load(body["actions"][0]["value"])

    async def opens(session: AsyncSession, actor: Person, deps: Deps) -> dict[str, Any]:
        return await reading.targets_view(session, actor, quarter_of(ref.q, deps), deps, below=ref.page)

    await _show(body, client, deps_of(context), opens)


async def save_targets(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """Every target that differs, and the rate that was added: all of it or none, each error on its field."""
    deps, view = deps_of(context), body["view"]
    state = TargetState.load(view["private_metadata"])
    typed = form.typed_targets(view, state)

    async def act(session: AsyncSession, actor: Person) -> Mapping[str, Any]:
        await holding.hold(session, now=deps.now())
        errors: dict[str, str] = {}
        if typed.has_rate:
            try:
                await rates.set_rate(
                    session, actor, typed.currency.strip().upper(), typed.day, typed.rate, now=deps.now(),
                    policy=deps.policy,
                )  # fmt: skip
            except FieldErrors as wrong:
                errors |= wrong.errors
        changed, refused = await reading.changed_targets(session, state, typed.amounts, deps)
        errors |= refused
        for partner_id, text in changed.items():
            try:
                await quotas.set_quota(
                    session, actor, state.q, partner_id or None, text, now=deps.now(), policy=deps.policy
                )
            except FieldErrors as wrong:
                errors[f"{Field.AMOUNT}_{partner_id}"] = str(wrong)
        if errors:
            raise FieldErrors(errors)
        return {}

    await _effect(body, deps, ack, act)
    await _below(deps, body, client, state.q, ":white_check_mark: Targets and rates are saved.")


async def open_terms(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    await ack()

    async def opens(session: AsyncSession, actor: Person, _: Deps) -> dict[str, Any]:
        return await reading.terms_view(session, actor)

    await _show(body, client, deps_of(context), opens)


async def save_terms(ack: AsyncAck, body: Body, context: AsyncBoltContext) -> None:
    """A new version, unless somebody has written one while the form was open."""
    deps, view = deps_of(context), body["view"]
    state = TermsState.load(view["private_metadata"])

    async def act(session: AsyncSession, actor: Person) -> Mapping[str, Any]:
        wanted, reason = form.typed_terms(view, await terms.current(session))
        await terms.change(session, actor, wanted, reason, now=deps.now(), policy=deps.policy, seen=state.n)
        await announcing.refresh(session, now=deps.now())
        return {}

    await _effect(body, deps, ack, act)


async def open_snapshot(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    await ack()
    ref = SnapshotRef.load(body["actions"][0]["value"])

    async def opens(session: AsyncSession, actor: Person, deps: Deps) -> dict[str, Any]:
        return await reading.snapshot_view(session, actor, ref.s, deps)

    await _show(body, client, deps_of(context), opens)


async def ask_for_workbook(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """Owe the workbook of a published roll-up to whoever pressed the button, who may read all of it."""
    deps, action = deps_of(context), body["actions"][0]
    ref = SnapshotRef.load(action["value"])
    key = f"{announcing.WORKBOOK}:{ref.s}:{user_id(body)}:{action['action_ts']}"

    async def effect(session: AsyncSession) -> Mapping[str, Any]:
        actor = await people.acting(session, user_id(body))
        require(may(people.as_actor(actor), Act.SEE_ALL, Subject()))
        found = await finding.snapshot(session, ref.s)
        owed = Owed(
            key=key, template=announcing.WORKBOOK, args={"snapshot_id": found.id, "person": actor.id}, due_at=deps.now(),
            person_id=actor.id, urgent=True,
        )  # fmt: skip
        await outbox.enqueue(session, [owed], now=deps.now())
        return {}

    await once(deps, body, f"click:{key}", effect)
    await ack()
    deps.wake()
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        view = await reading.snapshot_view(session, actor, ref.s, deps)
    await replace(client, str(body["view"]["id"]), reading.with_receipt(view, files.ON_ITS_WAY))
