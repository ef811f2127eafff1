"""Marks: which deals a partner may see. Marking, and sharing an amount, is somebody's act per deal, and is kept.

Only a mark that stands *and* whose deal is linked to the partner right now lets anything cross. What reads deals for a
partner asks `STANDS`; `end_unlinked` then writes down that a mark whose link is gone has ended, so that it does not come
to life again with another link.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import changes, deals, people, reviews
from models.deals import PRESENT
from models.domain.deals import OPEN
from models.domain.errors import UserError
from models.domain.policy import Policy
from models.domain.rights import Act, may, require
from models.joint import desk, showing
from models.reviews import DealView
from models.tables import Deal, DealPartner, DealVersion, JointAnswer, JointDeal, Partner, Person, ReplyProposal

TAKEN_BACK, UNLINKED, MERGED = "taken_back", "unlinked", "merged"

_PART = exists().where(
    DealPartner.deal_id == JointDeal.deal_id,
    DealPartner.partner_id == JointDeal.partner_id,
    DealPartner.valid_to.is_(None),
)
STANDS = and_(JointDeal.valid_to.is_(None), or_(DealVersion.partner_id == JointDeal.partner_id, _PART))
"""Whether a mark lets anything cross; for statements that join the deal's version which stands (`PRESENT`)."""

_MARKS = select(JointDeal).join(Deal, Deal.id == JointDeal.deal_id).join(DealVersion, PRESENT).where(STANDS)
_STANDING = _MARKS.where(JointDeal.partner_id == bindparam("partner")).order_by(JointDeal.id)
_ONE = _MARKS.where(JointDeal.id == bindparam("mark")).execution_options(populate_existing=True)
_PARTNERS = (
    select(JointDeal.partner_id)
    .join(Deal, Deal.id == JointDeal.deal_id)
    .join(DealVersion, PRESENT)
    .where(STANDS, DealVersion.category.in_(OPEN))
    .distinct()
)
_LOST = (
    select(JointDeal)
    .outerjoin(Deal, Deal.id == JointDeal.deal_id)
    .outerjoin(DealVersion, PRESENT)
    .where(JointDeal.valid_to.is_(None), or_(DealVersion.id.is_(None), and_(
        or_(DealVersion.partner_id.is_(None), DealVersion.partner_id != JointDeal.partner_id), ~_PART)))
)  # fmt: skip
_STAND = (
    select(JointDeal.id, JointDeal.partner_id, DealVersion.category.in_(OPEN), or_(
        DealVersion.partner_id == JointDeal.partner_id, _PART))
    .outerjoin(Deal, Deal.id == JointDeal.deal_id)
    .outerjoin(DealVersion, PRESENT)
    .where(JointDeal.valid_to.is_(None))
)  # fmt: skip


async def standing(session: AsyncSession, partner_id: int) -> list[JointDeal]:
    """The marks that stand with this partner and whose deal is linked to it right now, the oldest first."""
    return list(await session.scalars(_STANDING, {"partner": partner_id}))


async def one_standing(session: AsyncSession, mark_id: int) -> JointDeal | None:
    """This mark as it is now, if it still lets anything cross."""
    found: JointDeal | None = await session.scalar(_ONE, {"mark": mark_id})
    return found


async def partners_with_any(session: AsyncSession) -> frozenset[int]:
    """The partners that have an open joint deal: those with something to check in about."""
    return frozenset(await session.scalars(_PARTNERS))


async def stand(session: AsyncSession) -> frozenset[tuple[int, int, bool, bool]]:
    """How every mark stands: its number and partner, whether its deal is open, whether it is linked. For who plans by it."""
    rows = await session.execute(_STAND)
    return frozenset(
        (mark_id, partner_id, bool(is_open), bool(linked)) for mark_id, partner_id, is_open, linked in rows
    )


async def was_of(session: AsyncSession, mark_id: int, partner_id: int | None) -> bool:
    """Whether this mark is, or was, one with this partner: they knew of the deal once."""
    of = await session.scalar(select(JointDeal.partner_id).where(JointDeal.id == mark_id))
    return of is not None and of == partner_id


async def candidates(session: AsyncSession, partner_id: int, *, now: datetime, policy: Policy) -> list[DealView]:
    """The open deals linked to the partner, biggest first: those that could be marked joint, and those that are."""
    part = select(DealPartner.deal_id).where(DealPartner.partner_id == partner_id, DealPartner.valid_to.is_(None))
    linked = or_(DealVersion.partner_id == partner_id, Deal.id.in_(part))
    return sorted(await reviews.views(session, linked, now=now, policy=policy), key=reviews.weight)


async def mark(
    session: AsyncSession,
    actor: Person,
    deal_id: int,
    partner_id: int,
    *,
    amount_shared: bool,
    now: datetime,
    policy: Policy,
) -> JointDeal:
    """Let the partner see this deal from now on; one that it sees already keeps its mark.

    Raises:
        NotAllowed: says who can.
        UserError: the deal is not, or no longer, one of this partner's.
    """
    partner = await _authorised(session, actor, partner_id, now=now, policy=policy)
    deal, version = await deals.lock(session, deal_id)
    if not await _is_linked(session, version, partner_id):
        raise UserError(f"{version.name} is not a deal of {partner.name}, so it cannot be joint with them.")
    row = await session.scalar(
        select(JointDeal).where(
            JointDeal.deal_id == deal_id, JointDeal.partner_id == partner_id, JointDeal.valid_to.is_(None)
        )
    )
    if row is not None:
        await _share(session, row, deal, amount_shared, by_id=actor.id, at=now)
    else:
        row = JointDeal(
            deal_id=deal_id, partner_id=partner_id, amount_shared=amount_shared, valid_from=now, by_id=actor.id
        )
        session.add(row)
        await session.flush()
        _note(session, row, "joint", None, _said(row), by_id=actor.id, at=now)
    await _sum_up(session, [deal_id])
    await _show(session, [row])
    return row


async def take_back(session: AsyncSession, actor: Person, mark_id: int, *, now: datetime, policy: Policy) -> None:
    """The partner sees nothing of the deal any more. A second click has no effect.

    Raises NotAllowed (who can), UserError (nobody knows this mark).
    """
    row = await _held(session, actor, mark_id, now=now, policy=policy)
    if row.valid_to is None:
        _end(session, row, TAKEN_BACK, by_id=actor.id, at=now)
        await _sum_up(session, [row.deal_id])
        await _show(session, [row])


async def share_amount(
    session: AsyncSession, actor: Person, mark_id: int, shared: bool, *, now: datetime, policy: Policy
) -> None:
    """Whether the partner sees the deal's amount too. Raises NotAllowed (who can), UserError (not joint any more)."""
    row = await _held(session, actor, mark_id, now=now, policy=policy)
    if row.valid_to is not None:
        raise UserError("This deal is not joint any more, so nothing of it is shared. Mark it joint first.")
    deal, _ = await deals.lock(session, row.deal_id)
    await _share(session, row, deal, shared, by_id=actor.id, at=now)
    await _sum_up(session, [row.deal_id])
    await _show(session, [row])


async def end_unlinked(session: AsyncSession, *, now: datetime) -> int:
    """End the marks whose deal left their partner, or was merged away; the number of marks that ended."""
    rows = list(await session.scalars(_LOST))
    for row in rows:
        _end(session, row, UNLINKED, by_id=None, at=now, source="system")
    if rows:
        await _sum_up(session, [row.deal_id for row in rows])
        await _show(session, rows)
    return len(rows)


async def move_to(session: AsyncSession, twin_id: int, deal_id: int, *, by_id: int | None, at: datetime) -> None:
    """Two deals are one: what stood of the twin's marks is the surviving deal's, with all that the partner said.

    Where both were joint with the same partner, one mark is left, and it shares the amount only if both did.
    """
    rows = list(
        await session.scalars(
            select(JointDeal)
            .where(JointDeal.deal_id.in_((twin_id, deal_id)), JointDeal.valid_to.is_(None))
            .order_by(JointDeal.id)
        )
    )
    kept = {row.partner_id: row for row in rows if row.deal_id == deal_id}
    for row in (one for one in rows if one.deal_id == twin_id):
        other = kept.get(row.partner_id)
        if other is None:
            _note(session, row, "joint", {"deal": twin_id}, {"deal": deal_id}, by_id=by_id, at=at)
            row.deal_id = deal_id
            continue
        other.amount_shared = other.amount_shared and row.amount_shared
        for table in (JointAnswer, ReplyProposal):
            await session.execute(
                update(table)
                .where(table.joint_deal_id == row.id)
                .values(joint_deal_id=other.id)
                .execution_options(synchronize_session="fetch")
            )
        await _mean_instead(session, row, other)
        _end(session, row, MERGED, by_id=by_id, at=at)
    await session.flush()
    await _sum_up(session, [twin_id, deal_id])
    await _show(session, rows)


async def _mean_instead(session: AsyncSession, old: JointDeal, new: JointDeal) -> None:
    """A reply that waits and could mean the deal of the old mark could mean that of the new one."""
    waiting = select(ReplyProposal).where(ReplyProposal.partner_id == old.partner_id, ReplyProposal.state == "open")
    for reply in await session.scalars(waiting):
        reply.candidates = list(dict.fromkeys(new.id if ref == old.id else ref for ref in reply.candidates))


async def _authorised(
    session: AsyncSession, actor: Person, partner_id: int, *, now: datetime, policy: Policy
) -> Partner:
    partner = await session.get(Partner, partner_id)
    if partner is None:
        raise UserError("This partner does not exist any more.")
    subject = await people.subject_of(session, partner=partner, now=now, policy=policy)
    require(may(people.as_actor(actor), Act.MARK_JOINT, subject))
    return partner


async def _held(session: AsyncSession, actor: Person, mark_id: int, *, now: datetime, policy: Policy) -> JointDeal:
    """The mark, its deal locked, for somebody who may decide about it."""
    row = await session.get(JointDeal, mark_id)
    if row is None:
        raise UserError("Nobody knows this joint deal. Open the page again.")
    await _authorised(session, actor, row.partner_id, now=now, policy=policy)
    await deals.hold(session, row.deal_id)
    await session.refresh(row)
    return row


async def _is_linked(session: AsyncSession, version: DealVersion, partner_id: int) -> bool:
    if version.partner_id == partner_id:
        return True
    part = select(func.count()).where(
        DealPartner.deal_id == version.deal_id,
        DealPartner.partner_id == partner_id,
        DealPartner.valid_to.is_(None),
    )
    return bool(await session.scalar(part))


async def _share(
    session: AsyncSession, row: JointDeal, deal: Deal, shared: bool, *, by_id: int, at: datetime
) -> None:  # fmt: skip
    if row.amount_shared != shared:
        before, row.amount_shared = row.amount_shared, shared
        of = {"partner": row.partner_id}
        changes.note(session, "deal", deal.id, "amount_shared", {**of, "shared": before}, {**of, "shared": shared},
                     by_id=by_id, source="slack", at=at)  # fmt: skip


def _end(
    session: AsyncSession, row: JointDeal, why: str, *, by_id: int | None, at: datetime, source: str = "slack"
) -> None:  # fmt: skip
    row.valid_to, row.ended_by_id, row.ended_why = at, by_id, why
    _note(session, row, "joint", _said(row), None, by_id=by_id, at=at, source=source, reason=why)


def _said(row: JointDeal) -> dict[str, Any]:
    return {"partner": row.partner_id, "amount_shared": row.amount_shared}


def _note(
    session: AsyncSession,
    row: JointDeal,
    field: str,
    before: Any,
    after: Any,
    *,
    by_id: int | None,
    at: datetime,
    source: str = "slack",
    reason: str = "",
) -> None:
    changes.note(session, "deal", row.deal_id, field, before, after, by_id=by_id, source=source, at=at, reason=reason)


async def _sum_up(session: AsyncSession, deal_ids: Iterable[int]) -> None:
    """`Deal.joint` and `Deal.amount_shared` say whether any mark stands, and whether any shares the amount."""
    await session.flush()
    ids = set(deal_ids)
    rows = await session.execute(
        select(JointDeal.deal_id, JointDeal.amount_shared).where(
            JointDeal.deal_id.in_(ids), JointDeal.valid_to.is_(None)
        )
    )
    shared: dict[int, bool] = {}
    for deal_id, amount in rows:
        shared[deal_id] = shared.get(deal_id, False) or amount
    for deal in await session.scalars(select(Deal).where(Deal.id.in_(ids))):
        deal.joint, deal.amount_shared = deal.id in shared, shared.get(deal.id, False)


async def _show(session: AsyncSession, rows: Collection[JointDeal]) -> None:
    """Every card that shows one of these deals: the check-in, our own prompts, the manager's desk."""
    for partner_id in sorted({row.partner_id for row in rows}):
        deal_ids = [row.deal_id for row in rows if row.partner_id == partner_id]
        await showing.touch(session, partner_id, deal_ids, old=True)
        partner = await session.get_one(Partner, partner_id)
        if partner.pm_id is not None:
            await desk.touch(session, partner.pm_id)
