"""Two deals made one: what was born in Slack lives on, and is the CRM's deal from then on. Never commits.

Nothing anybody said is lost. The CRM owns the columns; where people here said otherwise, that stands beside them as a
statement, to be mended in the CRM. The deal that the import had made becomes invisible and keeps its versions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import attribution, births, cards, changes, handover
from models.answers import CRM_FIELDS
from models.attribution import Claim
from models.births import State
from models.deals import COPIED, Source, append_version, lock, set_links
from models.domain.errors import UserError
from models.domain.policy import Policy
from models.imports import records
from models.joint import marks
from models.tables import (
    Answer,
    CrmRecord,
    Deal,
    DealMatch,
    DealPartner,
    DealVersion,
    ImportChange,
    LossReason,
    NextAction,
    Partner,
    Person,
    Touch,
)

SOURCE = "import"
_KEPT = "Its deal is one with another, whose next action stands."
_KEPT_CLAIM = "Its deal is one with another, whose attribution stands."


@dataclass(frozen=True)
class _Two:
    """Both deals, locked, with what stands of each: `ours` lives on, `twin` is the one the import had made."""

    match: DealMatch
    ours: Deal
    version: DealVersion
    twin: Deal
    theirs: DealVersion
    record: CrmRecord


async def say_same(session: AsyncSession, actor: Person, match_id: int, *, now: datetime, policy: Policy) -> None:
    """They are one deal. A second click has no effect; it cannot be taken back.

    Raises:
        NotAllowed: says who can.
        UserError: they cannot be one any more, and why.
    """
    match = await births.held(session, match_id)
    await births.decidable(session, actor, match, now=now, policy=policy)
    if match.state == State.SAME:
        return
    two = await _both(session, match)
    source = Source(at=now, by_id=actor.id, name=SOURCE)
    stood = two.theirs.partner_id, two.theirs.owner_id
    await _hide(session, two, source)
    await _name(session, two)
    await _stand(session, two, source, policy)
    await _carry(session, two, source)
    await _carry_attribution(session, two, source, policy)
    await marks.move_to(session, two.twin.id, two.ours.id, by_id=actor.id, at=now)
    await _settle(session, two, source)
    _trail(session, two, actor, now)
    await _show(session, two, actor, stood)


async def _both(session: AsyncSession, match: DealMatch) -> _Two:
    """The two deals. Raises UserError where somebody said otherwise, or one of them is another's already."""
    ours, version = await lock(session, match.deal_id)
    twin = await session.get_one(Deal, match.other_id, populate_existing=True)
    if ours.crm_id is not None:
        raise UserError(
            f"{version.name} is a deal of the CRM already ({ours.crm_id}). One deal here can be only one deal there."
        )
    if twin.version_id is None:
        raise UserError("This deal of the CRM is matched with another one already. It can be only one deal here.")
    if match.state == State.DIFFERENT:
        raise UserError("Somebody has said already that these are different deals.")
    record = await session.scalar(select(CrmRecord).where(CrmRecord.deal_id == twin.id))
    if record is None:
        raise UserError("The CRM's record of this deal is gone. Import the deals again.")
    return _Two(match, ours, version, twin, await session.get_one(DealVersion, twin.version_id), record)


async def _hide(session: AsyncSession, two: _Two, source: Source) -> None:
    """Nobody sees the twin from now on: no version of it stands, its parts of partners have ended."""
    two.twin.version_id, two.twin.crm_id = None, None
    two.theirs.valid_to = source.at
    await session.execute(
        update(DealPartner)
        .where(DealPartner.deal_id == two.twin.id, DealPartner.valid_to.is_(None))
        .values(valid_to=source.at)
    )
    await session.flush()  # its CRM id is free only now


async def _name(session: AsyncSession, two: _Two) -> None:
    """The CRM's record, and whatever an import under way is about to do with it, mean the deal that lives on."""
    two.record.deal_id = two.ours.id
    two.ours.crm_id = two.record.crm_id
    # What was staged was worked out from the twin's version, which stands no more: the import works it out again.
    await session.execute(update(ImportChange).where(ImportChange.deal_id == two.twin.id).values(deal_id=two.ours.id))
    await session.flush()


async def _stand(session: AsyncSession, two: _Two, source: Source, policy: Policy) -> None:
    """The CRM's columns, with what people said; its partners; and what the deal's own row holds of both."""
    ours, twin, version, theirs = two.ours, two.twin, two.version, two.theirs
    values: dict[str, Any] = {name: getattr(theirs, name) for name in COPIED}
    values["owner_id"] = theirs.owner_id if theirs.owner_id is not None else version.owner_id
    if policy.crm_is_truth:
        values["said"] = {**theirs.said, **await _said(session, two, policy)}
    else:  # what was said here is the truth
        values |= {name: getattr(version, name) for name in (*CRM_FIELDS, "currency")}
        values["said"] = {}
    await append_version(session, ours, version, values, source, stages=policy.stages)
    await set_links(session, ours.id, records.links(two.record.values), at=source.at)
    ours.first_seen_at = min(ours.first_seen_at, twin.first_seen_at)
    ours.moved_at = max((at for at in (ours.moved_at, twin.moved_at) if at is not None), default=None)
    ours.missing_since, twin.missing_since = twin.missing_since, None
    ours.partner_owner = ours.partner_owner or twin.partner_owner
    ours.help_needed = _together(ours.help_needed, twin.help_needed)


def _together(one: str, other: str) -> str:
    return " / ".join(dict.fromkeys(text for text in (one, other) if text))


async def _said(session: AsyncSession, two: _Two, policy: Policy) -> dict[str, Any]:
    """What people had said here where the CRM says otherwise, as statements of who said it and when.

    Not what nobody said: an unknown amount, an empty date, a category that only follows from the stage. What was said of
    the twin meanwhile stays where it is younger. An amount in another currency cannot stand beside the CRM's: it is in the
    deal's versions and in its trail.
    """
    version, theirs = two.version, two.theirs
    versions = list(
        await session.scalars(
            select(DealVersion)
            .where(DealVersion.deal_id == two.ours.id)
            .order_by(DealVersion.valid_from, DealVersion.id)
        )
    )
    found: dict[str, Any] = {}
    for name in CRM_FIELDS:
        value = getattr(version, name)
        if value in (None, "", getattr(theirs, name)) or not _was_said(name, version, theirs, policy):
            continue
        statement = _statement(name, versions)
        held = theirs.said.get(name)
        if held is None or held["at"] < statement["at"]:
            found[name] = statement
    return found


def _was_said(name: str, version: DealVersion, theirs: DealVersion, policy: Policy) -> bool:
    if name == "amount":
        return version.currency == theirs.currency
    if name == "category":
        known = policy.stages.find(version.stage)
        return version.stage != theirs.stage or known is None or known[1] != version.category
    return True


def _statement(name: str, versions: Sequence[DealVersion]) -> dict[str, Any]:
    """Who said the value that stands, and when: with the first of the versions that have it without a break."""
    value = getattr(versions[-1], name)
    first = versions[-1]
    for version in reversed(versions):
        if getattr(version, name) != value:
            break
        first = version
    plain = value.isoformat() if isinstance(value, date) else value
    return {"value": plain, "at": first.reported_at.isoformat(), "by": first.by_id}


async def _carry(session: AsyncSession, two: _Two, source: Source) -> None:
    """What was answered for the twin meanwhile, and its next actions, are the deal's. One action is open: its own first."""
    both = (two.ours.id, two.twin.id)
    opened = list(
        await session.scalars(select(NextAction).where(NextAction.deal_id.in_(both), NextAction.state == "open"))
    )
    if len(opened) == len(both):
        spare = next(action for action in opened if action.deal_id == two.twin.id)
        spare.state, spare.closed_at, spare.closed_by_id = "dropped", source.at, source.by_id
        spare.close_note = _KEPT
        changes.note(session, "next_action", spare.id, "state", "open", "dropped", by_id=source.by_id, source="slack",
                     at=source.at, reason=_KEPT)  # fmt: skip
        await session.flush()
    for table in (NextAction, Answer, LossReason, Touch):
        await session.execute(
            update(table)
            .where(table.deal_id == two.twin.id)
            .values(deal_id=two.ours.id)
            .execution_options(synchronize_session="fetch")
        )


async def _carry_attribution(session: AsyncSession, two: _Two, source: Source, policy: Policy) -> None:
    """What was claimed of either is kept. About each partner's part one kind stands, as if it had been one deal always."""
    ours = await attribution.claims_of(session, two.ours.id)
    theirs = await attribution.claims_of(session, two.twin.id)
    for partner_id in {claim.row.partner_id for claim in (*ours, *theirs)}:
        mine, other = ([one for one in of if one.live and one.row.partner_id == partner_id] for of in (ours, theirs))
        for claim in _spare(mine, other):
            claim.row.replaced_at = source.at
            changes.note(session, "attribution_claim", claim.row.id, "replaced_at", None, source.at.isoformat(),
                         by_id=source.by_id, source="slack", at=source.at, reason=_KEPT_CLAIM)  # fmt: skip
    for claim in theirs:
        claim.row.deal_id = two.ours.id
    await session.flush()
    ground = await attribution.ground(session, now=source.at, policy=policy)
    _, version = await lock(session, two.ours.id)
    await attribution.keep_in_step(session, two.ours, version, ground)


def _spare(ours: Sequence[Claim], theirs: Sequence[Claim]) -> list[Claim]:
    """Of live claims about one partner those that stand no more: one is in force, its own first, before one that waits."""
    live = [*ours, *theirs]
    signed = next((claim for claim in live if claim.row.in_force_at is not None), None)
    waiting = next((claim for claim in ours if claim.row.in_force_at is None), None)
    if waiting is None and signed is None:
        waiting = next(iter(live), None)
    return [claim for claim in live if claim not in (signed, waiting) or (claim is waiting and signed in theirs)]


async def _settle(session: AsyncSession, two: _Two, source: Source) -> None:
    """This question is answered, and with it every other one about either deal: each can be only one."""
    by_id = source.by_id or 0
    either = (two.ours.id, two.twin.id)
    others = await session.scalars(
        select(DealMatch).where(
            or_(DealMatch.deal_id.in_(either), DealMatch.other_id.in_(either)),
            DealMatch.id != two.match.id,
            DealMatch.state == State.OPEN,
        )
    )
    await births.settle(session, list(others), State.DIFFERENT, by_id=by_id, now=source.at)
    await births.settle(session, [two.match], State.SAME, by_id=by_id, now=source.at)


def _trail(session: AsyncSession, two: _Two, actor: Person, now: datetime) -> None:
    """A line on each; and what of ours the CRM's columns replaced without a statement beside them."""
    line: Mapping[str, Any] = {"by_id": actor.id, "source": "slack", "at": now}
    crm_id = two.record.crm_id
    changes.note(session, "deal", two.ours.id, "crm_id", None, crm_id, reason="the same deal as the CRM's", **line)
    changes.note(session, "deal", two.twin.id, "merged_into", None, two.ours.id, reason="the same deal", **line)
    if two.version.amount is not None and two.version.currency != two.theirs.currency:
        before = {"amount": two.version.amount, "currency": two.version.currency}
        after = {"amount": two.theirs.amount, "currency": two.theirs.currency}
        changes.note(session, "deal", two.ours.id, "amount", before, after, reason="the CRM's currency", **line)


async def _show(
    session: AsyncSession, two: _Two, actor: Person, stood: tuple[int | None, int | None]
) -> None:  # fmt: skip
    """Every card and Home tab that showed either deal, before or now."""
    partner_id, owner_id = stood
    partner_ids = {found for found in (partner_id, two.version.partner_id) if found is not None}
    managers = await session.scalars(select(Partner.pm_id).where(Partner.id.in_(partner_ids)))
    person_ids = {actor.id, owner_id, two.version.owner_id, *managers}
    await handover.touch(session, partner_ids, {found for found in person_ids if found is not None})
    await cards.touch_homes(session)
