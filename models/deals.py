"""Deals: current versions, appending a version, links to partners. Functions take the session and never commit."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models.attributed import sum_up
from models.domain.deals import DEFAULT_STAGES, Move, StageTable, Standing, effective, movement, moves_between
from models.domain.errors import UserError
from models.tables import Deal, DealPartner, DealVersion, ImportRun
from models.tables.base import table_of

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

PRESENT = and_(
    DealVersion.deal_id == Deal.id,
    DealVersion.id == Deal.version_id,
    DealVersion.valid_to.is_(None),  # says nothing more: it lets the indexes by owner and by partner be used
)
"""Joins a deal to the version that stands. Whatever else is open is an import that nobody may see yet."""

_UNSEEN = ("staging", "abandoned")


def seen_by_all() -> ColumnElement[bool]:
    """Of all versions that ever were: those that stood, and none of an import that is staged or was given up."""
    hidden = select(ImportRun.id).where(ImportRun.state.in_(_UNSEEN))
    return or_(DealVersion.import_id.is_(None), DealVersion.import_id.not_in(hidden))


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


async def first_version(session: AsyncSession, deal: Deal, values: Mapping[str, Any], source: Source) -> DealVersion:
    """The version a deal begins with, and from now on stands; nothing has moved, because nothing before it is known.

    Flushes, since the pointer wants its id: the deal has to have one as well.
    """
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
    await session.flush()
    deal.version_id = version.id
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
    """Close `current` and let the version with `changes` stand; sets the stall clock when it moved forward.

    With another primary partner the attribution is summed up anew, since what was signed is about the one before. The caller
    holds the deal (`lock`). `extra_moves` are movements that are no field, such as a completed action. With the same
    partner the deal's own row is written with the caller's next flush. Raises RuntimeError when `current` is not what stands:
    a caller that did not hold the deal would undo what somebody else has just said.
    """
    if current.id != deal.version_id:
        raise RuntimeError(f"version {current.id} of deal {deal.id} does not stand: {deal.version_id} does")
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
    current.valid_to = source.at
    session.add(after)
    await session.flush()
    deal.version_id = after.id  # only now, as the stall clock: the deal's row is written once, not before and after
    if any(move.forward for move in moves):
        deal.moved_at = source.at
    if after.partner_id != current.partner_id:
        await sum_up(session, deal)
    return after


async def lock(session: AsyncSession, deal_id: int) -> tuple[Deal, DealVersion]:
    """The deal and its current version, held until the transaction ends (SQLite: the writer is already ours)."""
    # Read anew even where the session knows the deal: whoever held it until now has made another version stand.
    held = select(Deal).where(Deal.id == deal_id).with_for_update().execution_options(populate_existing=True)
    deal = await session.scalar(held)
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
    found = await session.scalar(select(DealVersion).join(Deal, PRESENT).where(Deal.id == deal_id))
    if found is None:
        raise UserError("This deal does not exist any more.")
    return found


async def current_versions(session: AsyncSession, deal_ids: Collection[int]) -> dict[int, DealVersion]:
    """Current versions by deal id, in one statement."""
    rows = await session.scalars(select(DealVersion).join(Deal, PRESENT).where(Deal.id.in_(deal_ids)))
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


async def name_owner(session: AsyncSession, deal_ids: Collection[int], owner_id: int, source: Source) -> None:
    """Let a version with this owner stand of each of these deals: nobody moved or slipped by it, so no stall clock is set.

    The caller holds the deals; `Deal` objects it has loaded keep their old pointer.
    """
    found = select(DealVersion.deal_id, *(getattr(DealVersion, name) for name in COPIED)).join(Deal, PRESENT)
    rows = (await session.execute(found.where(Deal.id.in_(deal_ids)))).mappings().all()
    if not rows:
        return
    standing_ = select(Deal.version_id).where(Deal.id.in_(deal_ids))
    await session.execute(
        update(DealVersion)
        .where(DealVersion.id.in_(standing_))
        .values(valid_to=source.at)
        .execution_options(synchronize_session=False)
    )
    fresh = {
        "owner_id": owner_id, "valid_from": source.at, "reported_at": source.at, "by_id": source.by_id,
        "source": source.name, "import_id": source.import_id, "movement": "none", "moves": [],
    }  # fmt: skip
    made = await session.execute(
        insert(table_of(DealVersion)).returning(table_of(DealVersion).c.deal_id, table_of(DealVersion).c.id),
        [dict(row) | fresh for row in rows],
    )
    await session.execute(
        update(table_of(Deal)).where(table_of(Deal).c.id == bindparam("of")).values(version_id=bindparam("stands")),
        [{"of": deal_id, "stands": version_id} for deal_id, version_id in made],
    )
