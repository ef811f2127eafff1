"""Naming a kind and signing it: two different people, the deal's owner and the partner's manager. Never commits.

Everything is judged with the deal held, so that two people who sign at once come one after the other.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from models import cards, changes, people
from models.attribution.desk import Claim, Desk, desk_of, kind_label
from models.attribution.summing import due_of, keep_in_step
from models.attribution.touches import Given, add_touch, judged
from models.domain.attribution import KINDS, LONGEST_REASON, TOUCHED, Signer, signed_state, signer
from models.domain.deals import Attribution
from models.domain.errors import Conflict, FieldErrors, Stale, UserError
from models.domain.forecast.facts import AttributionState
from models.domain.policy import Policy
from models.domain.rights import Act, may, require
from models.domain.text import clean, clip
from models.domain.zones import local_date, zone
from models.tables import AttributionClaim, AttributionSignature, Partner, Person

SOURCE = "slack"
WITHDRAWN = "the kind in force stays"
REPLACED = "another kind was named before both had signed"


@dataclass(frozen=True)
class Done:
    """What a signature did. `state`: how far the deal is now; `waits_for` says who has to sign, empty when both have.

    `replaced`: the kind somebody else had named and nobody had signed with them; `withdrawn`: a change was taken back,
    and the kind in force stays.
    """

    deal_id: int
    name: str
    kind: Attribution
    state: AttributionState
    in_force: bool
    waits_for: str = ""
    replaced: Attribution | None = None
    withdrawn: bool = False


async def claim(
    session: AsyncSession,
    actor: Person,
    deal_id: int,
    kind: str,
    *,
    now: datetime,
    policy: Policy,
    reason: str = "",
    touch: Given | None = None,
    seen: str | None = None,
) -> Done:
    """Say which kind a deal is, and sign one's own side of it; where the other side has said the same, both have signed.

    A kind other than the one in force is a change: it needs a reason, and the old one stays in force until both have
    signed. Naming another kind than the one that waits replaces it; naming the kind in force takes a waiting change back.
    Influenced and co-sold rest on a touch: `touch` records one where there is none. `seen` is the `Desk.print` of the form.

    Raises:
        NotAllowed: says who signs.
        FieldErrors: of `kind`, `reason`, `touch_day` or `touch_said`.
        Stale: somebody named something else meanwhile, or the deal went to another partner; nothing was saved.
    """
    desk = await desk_of(session, deal_id, now=now, policy=policy, held=True)
    require(may(people.as_actor(actor), Act.SIGN_ATTRIBUTION, desk.subject))
    wanted = _kind(kind)
    await _not_left(session, desk, wanted, seen)
    waiting = desk.waiting
    if waiting is not None and waiting.kind == wanted and not waiting.by(actor.id):
        return await _countersign(session, actor, desk, waiting, now=now, policy=policy)
    _not_stale(desk, wanted, seen)
    if desk.in_force is not None and desk.in_force.kind == wanted:
        return await _keep(session, actor, desk, now=now, policy=policy)
    _not_again(desk, actor, wanted)
    errors = _missing(desk, actor, wanted, reason, touch, now=now, policy=policy)
    if errors:
        raise FieldErrors(errors)
    if touch is not None and wanted in TOUCHED and desk.deal.touched_on is None:
        await add_touch(session, actor, desk, touch, now=now)
    return await _open(session, actor, desk, wanted, reason, now=now, policy=policy)


async def sign(session: AsyncSession, actor: Person, claim_id: int, *, now: datetime, policy: Policy) -> Done:
    """Put the second name below a claim.

    Raises:
        NotAllowed: says who signs.
        UserError: this person has signed already, or the claim waits no more; says what is there instead.
    """
    row = await session.get(AttributionClaim, claim_id)
    if row is None:
        raise UserError("This attribution does not exist any more.")
    desk = await desk_of(session, row.deal_id, now=now, policy=policy, held=True)
    require(may(people.as_actor(actor), Act.SIGN_ATTRIBUTION, desk.subject))
    waiting = desk.waiting
    if row.partner_id != desk.partner.id:
        raise UserError(
            f"What you were to sign is about {desk.partner_name(row.partner_id)}'s part in {desk.version.name}, which is a deal "
            f"of {desk.partner.name} now. Open it to sign that."
        )
    if waiting is None or waiting.row.id != claim_id:
        stands = waiting or desk.in_force
        raise UserError(
            f"What you were to sign waits no more: {desk.version.name} is {desk.said(stands)} now. Open it to look at it again."
        )
    return await _countersign(session, actor, desk, waiting, now=now, policy=policy)


def _kind(kind: str) -> Attribution:
    if kind not in {known.value for known in KINDS}:
        raise FieldErrors({"kind": "Choose sourced, influenced or co-sold."})
    return Attribution(kind)


async def _not_left(session: AsyncSession, desk: Desk, wanted: Attribution, seen: str | None) -> None:
    """A form that showed the deal with another partner asked about that one's part."""
    left = desk.left(seen)
    if left is None:
        return
    before = await session.get(Partner, left)
    raise Stale(
        (
            Conflict(
                field="partner",
                shown=f"a deal of {before.name if before else 'another partner'}",
                present=f"a deal of {desk.partner.name}, and {desk.said(desk.waiting or desk.in_force)}",
                typed=kind_label(wanted),
                by="",
            ),
        )
    )


def _not_stale(desk: Desk, wanted: Attribution, seen: str | None) -> None:
    """A form that showed something else decides about what its reader did not see."""
    if seen is None or seen == desk.print:
        return
    shown_in_force, shown_waiting, *_ = [*seen.split("."), "", ""]
    shown = next((claim for claim in desk.claims if str(claim.row.id) in (shown_waiting, shown_in_force)), None)
    present = desk.waiting or desk.in_force
    if present is None or present is shown:  # only a touch came in between: it is there now, and changes nothing here
        return
    by = desk.holders.get(present.signatures[-1].person_id) if present.signatures else None
    raise Stale(
        (
            Conflict(
                field="kind",
                shown=desk.said(shown),
                present=desk.said(present),
                typed=kind_label(wanted),
                by=by.name if by else "",
            ),
        )
    )


def _not_again(desk: Desk, actor: Person, wanted: Attribution) -> None:
    waiting = desk.waiting
    if waiting is not None and waiting.kind == wanted:
        raise FieldErrors({"kind": f"You have signed this already. {desk.waits_for(waiting)}"})
    if signer(people.as_actor(actor), desk.subject) is None:  # may() has said yes: a defect, not a person's mistake
        raise RuntimeError(f"person {actor.id} may sign deal {desk.deal.id} and has no side of it")


def _missing(
    desk: Desk, actor: Person, wanted: Attribution, reason: str, touch: Given | None, *, now: datetime, policy: Policy
) -> dict[str, str]:
    errors: dict[str, str] = {}
    if desk.in_force is not None and not clean(reason):
        errors["reason"] = (
            f"It is {kind_label(desk.in_force.kind)}, signed by both. Say why that changes: both have to sign the change."
        )
    elif desk.overrules(wanted, actor.id) and not clean(reason):
        errors["reason"] = (
            f"It is {desk.said(desk.waiting)}. Say why it is {kind_label(wanted)} instead: their signature falls, and both sign anew."
        )
    if wanted in TOUCHED and desk.deal.touched_on is None:
        today = local_date(now, zone(policy.zone))
        errors |= judged(touch or Given(), created=desk.version.created_date, today=today)
    return errors


async def _open(
    session: AsyncSession, actor: Person, desk: Desk, wanted: Attribution, reason: str, *, now: datetime, policy: Policy
) -> Done:
    """A new claim with its first name; the one that waited goes."""
    replaced = desk.waiting
    if replaced is not None:
        _retire(session, replaced, actor, now, REPLACED)
    row = AttributionClaim(
        deal_id=desk.deal.id,
        partner_id=desk.partner.id,
        kind=wanted.value,
        reason=clip(clean(reason), LONGEST_REASON) if desk.in_force is not None else "",
        opened_at=now,
        opened_by_id=actor.id,
    )
    session.add(row)
    await session.flush()
    who = signer(people.as_actor(actor), desk.subject)
    if who is not None:
        _add(session, row, actor, who, now)
    return await _settled(session, desk, wanted, now=now, policy=policy, replaced=replaced)


async def _countersign(
    session: AsyncSession, actor: Person, desk: Desk, waiting: Claim, *, now: datetime, policy: Policy
) -> Done:
    """The second name: the claim is in force, and the one before it is history."""
    if waiting.by(actor.id):
        raise UserError(f"You have signed this already, and two different people have to. {desk.waits_for(waiting)}")
    who = signer(people.as_actor(actor), desk.subject, waiting.taken)
    if who is None:
        side = next(iter(waiting.taken)).label
        raise UserError(f"Somebody has signed as {side} already. {desk.waits_for(waiting)}")
    old = desk.in_force  # read first: in a moment it is the new one
    _add(session, waiting.row, actor, who, now)
    waiting.row.due = due_of(desk.deal, desk.version, waiting.row.kind, desk.ground)
    waiting.row.in_force_at = now
    today = local_date(now, zone(policy.zone))
    waiting.row.late = signed_state(waiting.row.due, today) is AttributionState.LATE
    if old is not None:
        old.row.replaced_at = now
    return await _settled(session, desk, waiting.kind, now=now, policy=policy)


async def _keep(session: AsyncSession, actor: Person, desk: Desk, *, now: datetime, policy: Policy) -> Done:
    """The kind in force was named: a change that waits is taken back; without one there is nothing to sign."""
    waiting, in_force = desk.waiting, desk.in_force
    if waiting is None or in_force is None:
        raise FieldErrors({"kind": f"Nothing changes: the deal is {desk.said(in_force)}."})
    _retire(session, waiting, actor, now, WITHDRAWN)
    return await _settled(session, desk, in_force.kind, now=now, policy=policy, withdrawn=True)


def _retire(session: AsyncSession, waiting: Claim, actor: Person, now: datetime, why: str) -> None:
    waiting.row.replaced_at = now
    changes.note(
        session, "attribution_claim", waiting.row.id, "replaced_at", None, now.isoformat(),
        by_id=actor.id, source=SOURCE, at=now, reason=why,
    )  # fmt: skip


def _add(session: AsyncSession, row: AttributionClaim, actor: Person, who: Signer, now: datetime) -> None:
    session.add(
        AttributionSignature(claim_id=row.id, side=who.side.value, person_id=actor.id, for_id=who.for_id, at=now)
    )


async def _settled(
    session: AsyncSession,
    desk: Desk,
    kind: Attribution,
    *,
    now: datetime,
    policy: Policy,
    replaced: Claim | None = None,
    withdrawn: bool = False,
) -> Done:
    """The deal's row in step, every page that shows it told, and what came of it."""
    await keep_in_step(session, desk.deal, desk.version, desk.ground)
    fresh = await desk_of(session, desk.deal.id, now=now, policy=policy)
    await _show(session, fresh)
    waiting = fresh.waiting
    return Done(
        deal_id=desk.deal.id,
        name=desk.version.name,
        kind=kind,
        state=fresh.state,
        in_force=waiting is None,
        waits_for=fresh.waits_for(waiting) if waiting is not None else "",
        replaced=replaced.kind if replaced is not None else None,
        withdrawn=withdrawn,
    )


async def _show(session: AsyncSession, desk: Desk) -> None:
    """The Home tabs and cards of everybody whose signature it is or was."""
    ids = {desk.subject.owner_id, desk.subject.pm_id, *desk.subject.covers.values()}
    ids |= {held.person_id for one in desk.claims for held in one.signatures}
    await cards.touch_people(session, [one for one in ids if one is not None])
