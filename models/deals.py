"""Deals: current versions, appending a version, links to partners. Functions take the session and never commit."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models.domain.deals import DEFAULT_STAGES, Move, StageTable, Standing, effective, movement, moves_between
from models.domain.errors import UserError
from models.tables import Deal, DealPartner, DealVersion

COPIED = (
    "name",
    "account",
    "partner_id",
    "owner_id",
    "stage",
    "category",
    "amount",
    "currency",
    "close_date",
    "created_date",
    "next_step",
    "attribution",
    "lost_reason",
    "said",
)


@dataclass(frozen=True)
class Source:
    """Where a change comes from: who, from what, when."""

    at: datetime
    by_id: int | None
    name: str
    import_id: int | None = None


def standing(version: DealVersion) -> Standing:
    """What the CRM (or whoever owns the deal) says."""
    return Standing(
        stage=version.stage,
        category=version.category,
        amount=version.amount,
        currency=version.currency,
        close_date=version.close_date,
    )


def spoken(version: DealVersion) -> Standing:
    """What people say: statements made in Slack stand over the CRM's values."""
    return effective(standing(version), version.said)


def first_version(session: AsyncSession, deal: Deal, values: Mapping[str, Any], source: Source) -> DealVersion:
    """The version a deal begins with; nothing has moved yet, because nothing before it is known."""
    version = DealVersion(
        deal_id=deal.id,
        valid_from=source.at,
        reported_at=source.at,
        by_id=source.by_id,
        source=source.name,
        import_id=source.import_id,
        **values,
    )
    session.add(version)
    return version


async def append_version(
    session: AsyncSession,
    deal: Deal,
    current: DealVersion,
    changes: Mapping[str, Any],
    source: Source,
    *,
    stages: StageTable = DEFAULT_STAGES,
    extra_moves: tuple[Move, ...] = (),
) -> DealVersion:
    """Close `current` and append the version with `changes`; sets the stall clock when it moved forward.

    The caller holds the deal (`lock`). `extra_moves` are movements that are no field, such as a completed action.
    """
    values = {name: getattr(current, name) for name in COPIED} | dict(changes)
    after = DealVersion(
        deal_id=deal.id,
        valid_from=source.at,
        reported_at=source.at,
        by_id=source.by_id,
        source=source.name,
        import_id=source.import_id,
        **values,
    )
    moves = (*moves_between(spoken(current), spoken(after), stages), *extra_moves)
    after.movement = movement(moves)
    after.moves = [move.as_json() for move in moves]
    if any(move.forward for move in moves):
        deal.moved_at = source.at
    current.valid_to = source.at
    await session.flush()  # the old row must be closed before the new one: one current version a deal
    session.add(after)
    await session.flush()
    return after


async def lock(session: AsyncSession, deal_id: int) -> tuple[Deal, DealVersion]:
    """The deal and its current version, held until the transaction ends (SQLite: the writer is already ours)."""
    deal = await session.scalar(select(Deal).where(Deal.id == deal_id).with_for_update())
    if deal is None:
        raise UserError("This deal does not exist any more.")
    return deal, await current_version(session, deal_id)


async def hold(session: AsyncSession, deal_id: int) -> None:
    """Lock the deal until the transaction ends; SQLite's writer is ours already.

    A statement of its own on PostgreSQL: one that waits for the lock and joins would see the joined rows as they were
    before the wait.
    """
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(select(Deal.id).where(Deal.id == deal_id).with_for_update())


async def current_version(session: AsyncSession, deal_id: int) -> DealVersion:
    found = await session.scalar(
        select(DealVersion).where(DealVersion.deal_id == deal_id, DealVersion.valid_to.is_(None))
    )
    if found is None:
        raise UserError("This deal does not exist any more.")
    return found


async def current_versions(session: AsyncSession, deal_ids: Collection[int]) -> dict[int, DealVersion]:
    """Current versions by deal id, in one statement."""
    rows = await session.scalars(
        select(DealVersion).where(DealVersion.deal_id.in_(deal_ids), DealVersion.valid_to.is_(None))
    )
    return {row.deal_id: row for row in rows}


async def set_links(
    session: AsyncSession, deal_id: int, wanted: Mapping[int, tuple[str, int, bool]], *, at: datetime
) -> bool:
    """Make the deal's partner links these: partner id to (role, share in basis points, primary). True if changed."""
    rows = await session.scalars(
        select(DealPartner).where(DealPartner.deal_id == deal_id, DealPartner.valid_to.is_(None))
    )
    present = {row.partner_id: row for row in rows}
    same = {partner: (row.role, row.share, row.is_primary) for partner, row in present.items()}
    if same == dict(wanted):
        return False
    stale = [row.id for partner, row in present.items() if same[partner] != wanted.get(partner)]
    if stale:
        await session.execute(update(DealPartner).where(DealPartner.id.in_(stale)).values(valid_to=at))
    for partner, (role, share, primary) in wanted.items():
        if same.get(partner) != (role, share, primary):
            session.add(
                DealPartner(
                    deal_id=deal_id, partner_id=partner, role=role, share=share, is_primary=primary, valid_from=at
                )
            )
    return True
