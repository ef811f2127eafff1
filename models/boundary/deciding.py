"""Deciding about a held message: its partner-safe version instead, another channel, there after all, or not at all.

Each decision is judged by the row and the actor, noted, and made once: repeated it changes nothing.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import cards, changes, channels, people
from models.boundary import guests
from models.boundary.asking import Asked, Ground, grounds, open_grounds
from models.boundary.held import is_free
from models.domain.errors import FieldErrors, UserError
from models.domain.policy import Policy
from models.domain.rights import Act, may, require
from models.joint import desk
from models.outbox import INTERNAL
from models.shared import owing
from models.tables import Card, Outbox, Partner, Person

SAFE, MOVED, POSTED, DROPPED = "safe", "moved", "posted", "dropped"
ENTITY = "outbox"
CHANNEL = "channel"
"""The field that a refused channel is said on."""
_SAID = {
    SAFE: "its partner-safe version was sent", MOVED: "it was moved to another channel",
    POSTED: "it was posted there after all", DROPPED: "it was dropped",
}  # fmt: skip


async def send_safe(session: AsyncSession, actor: Person, outbox_id: int, *, now: datetime, policy: Policy) -> None:
    """The partner-safe version goes to the joint channel instead. Raises NotAllowed, UserError."""
    ground = await _held(session, actor, outbox_id, SAFE, now=now, policy=policy)
    if ground is None:
        return
    if ground.row.state != "held" or not await owing.owe_safe(session, ground.row, now=now, policy=policy):
        raise UserError("There is no partner-safe version of this message. Move it to another channel, or drop it.")
    await _end(session, ground, "the partner-safe version was sent instead")
    await _decided(session, ground, SAFE, actor, now=now, policy=policy)


async def move(session: AsyncSession, actor: Person, outbox_id: int, to: str, *, now: datetime, policy: Policy) -> None:
    """It goes to another channel (id or name) of ours, with what waits below it.

    Slack is asked about that channel when it is posted. Raises NotAllowed, UserError, and FieldErrors on `channel`.
    """
    ground = await _held(session, actor, outbox_id, MOVED, now=now, policy=policy)
    if ground is None:
        return
    row = ground.row
    if row.state != "held" or row.audience != INTERNAL:
        raise UserError(
            "This message belongs in its own channel. Post it there once nothing speaks against it, or drop it."
        )
    refusal = await why_not_there(session, to)
    if refusal:
        raise FieldErrors({CHANNEL: refusal})
    before, row.channel_ref, row.parent_id = row.channel_ref, to, None
    await _wait_again(session, row, now)
    await _decided(session, ground, MOVED, actor, now=now, policy=policy, places=(before, to))


async def why_not_there(session: AsyncSession, to: str) -> str:
    """Why nothing internal is moved to this channel, as far as that is known; empty where nothing speaks against it."""
    if not to:
        return "Choose a channel."
    state = await channels.known(session, to)
    refs = {to, to.removeprefix("#"), *([state.slack_id, state.name] if state is not None else ())} - {""}
    joint = await session.scalar(select(Partner.name).where(Partner.joint_channel.in_(refs)).limit(1))
    place = channels.label(state, to)
    if joint is not None:
        return f"{place} is the joint channel of {joint}. Choose one that is internal."
    if state is None:
        return ""
    if state.is_ext_shared or state.is_pending_shared:
        return f"{place} is shared with another company, or about to be. Choose one that is internal."
    if state.is_archived:
        return f"{place} is archived. Choose another."
    if await guests.standing(session, state.slack_id):
        return f"A guest is in {place} whom no admin has allowed there. Choose another."
    return ""


async def post_it_now(session: AsyncSession, actor: Person, outbox_id: int, *, now: datetime, policy: Policy) -> None:
    """It is posted where it belongs after all, or its card is shown anew. Raises NotAllowed, UserError while it may not be."""
    ground = await _held(session, actor, outbox_id, POSTED, now=now, policy=policy)
    if ground is None:
        return
    row = ground.row
    if not await is_free(session, ground):
        raise UserError(f"It still cannot be posted there. {row.problem}")
    if row.state == "held":
        await _leave_another_thread(session, ground)
        await _wait_again(session, row, now)
    else:
        row.problem = ""
        await session.execute(
            update(Card).where(Card.id == row.card_id).values(dead="", wanted=Card.wanted + 1, not_before=None)
        )
    await _decided(session, ground, POSTED, actor, now=now, policy=policy)


async def _leave_another_thread(session: AsyncSession, ground: Ground) -> None:
    """A partner's message whose thread stands in a channel that is not theirs any more stands for itself."""
    row = ground.row
    if row.parent_id is None or ground.partner is None or row.audience == INTERNAL:
        return
    parent = await session.get(Outbox, row.parent_id)
    state = await channels.known(session, ground.partner.joint_channel)
    if parent is not None and (state is None or parent.channel_id != state.slack_id):
        row.parent_id = None


async def drop(session: AsyncSession, actor: Person, outbox_id: int, *, now: datetime, policy: Policy) -> None:
    """It is not sent, and what waits below it is not either. Raises NotAllowed, UserError."""
    ground = await _held(session, actor, outbox_id, DROPPED, now=now, policy=policy)
    if ground is None:
        return
    await _end(session, ground, f"dropped by {actor.name}")
    await _decided(session, ground, DROPPED, actor, now=now, policy=policy)


async def allow_guest(
    session: AsyncSession, actor: Person, channel_id: str, slack_id: str, *, now: datetime, policy: Policy
) -> None:
    """An admin lets this guest read what is internal in this channel; whoever waits for that sees it on their desk.

    Raises NotAllowed, UserError.
    """
    if await guests.allow(session, actor, channel_id, slack_id, now=now):
        await show_desks(session, now=now, policy=policy)
        await desk.touch(session, actor.id)


async def show_desks(session: AsyncSession, *, now: datetime, policy: Policy, but: Collection[int] = ()) -> None:
    """What is known of channels has changed: whoever messages wait for sees what can be done now."""
    asked, wanted = Asked(session, now, policy), set()
    for ground in await open_grounds(session):
        wanted |= {person.id for person in await asked.about(ground)}
    for person_id in sorted(wanted - set(but)):
        await desk.touch(session, person_id)
    await cards.touch_homes(session, sorted(wanted))


async def _held(
    session: AsyncSession, actor: Person, outbox_id: int, wish: str, *, now: datetime, policy: Policy
) -> Ground | None:
    """The message, if it waits for a decision and the actor may make it; None where this very decision was made already."""
    row = await session.get(Outbox, outbox_id, with_for_update=True, populate_existing=True)
    found = await grounds(session, Outbox.id == outbox_id) if row is not None else []
    if row is None or not found:
        raise UserError("This message is not there any more.")
    (ground,) = found
    subject = await people.subject_of(session, partner=ground.partner, pm_id=ground.lead_id, now=now, policy=policy)
    require(may(people.as_actor(actor), Act.DECIDE_HELD, subject))
    if row.decision == wish:
        return None
    if row.decision:
        by = await session.get(Person, row.decided_by_id) if row.decided_by_id is not None else None
        raise UserError(
            f"This was decided already: {_SAID[row.decision]}{f', by {by.name}' if by is not None else ''}."
        )
    if row.state == "sent" and not row.problem:
        raise UserError("This message was sent meanwhile.")
    if row.state not in ("held", "sent"):
        raise UserError("This message does not wait for a decision any more.")
    return ground


async def _end(session: AsyncSession, ground: Ground, why: str) -> None:
    row = ground.row
    row.problem = "" if row.state == "sent" else why
    if row.state == "sent":
        return
    row.state = "void"
    for below in await _below(session, row):
        below.state, below.problem = "void", why


async def _wait_again(session: AsyncSession, row: Outbox, now: datetime) -> None:
    """Held messages go on as if they were new: whatever may have stood of them was looked for before they were held."""
    for one in (row, *await _below(session, row)):
        one.state, one.problem, one.void_at, one.due_at, one.channel_ref = "pending", "", None, now, row.channel_ref
        one.not_before = one.first_try_at = one.channel_id = one.file_id = None


async def _below(session: AsyncSession, row: Outbox) -> list[Outbox]:
    """What was held because of it, down its thread."""
    found: list[Outbox] = []
    parents = [row.id]
    while parents:
        more = list(await session.scalars(select(Outbox).where(Outbox.parent_id.in_(parents), Outbox.state == "held")))
        found += more
        parents = [one.id for one in more]
    return found


async def _decided(
    session: AsyncSession,
    ground: Ground,
    decision: str,
    actor: Person,
    *,
    now: datetime,
    policy: Policy,
    places: tuple[str, str] | None = None,
) -> None:
    row = ground.row
    row.decision, row.decided_at, row.decided_by_id = decision, now, actor.id
    before, after = (places[0], {"decision": decision, "channel": places[1]}) if places else (None, decision)
    changes.note(session, ENTITY, row.id, "decision", before, after, by_id=actor.id, source="slack", at=now)
    await session.flush()
    told = {actor.id, *(person.id for person in await Asked(session, now, policy).about(ground))}
    for person_id in sorted(told):
        await desk.touch(session, person_id)
    await cards.touch_homes(session, sorted(told))
