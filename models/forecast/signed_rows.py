"""What people put their names to in a quarter, as a workbook lists it: short lists, in the order they came to be."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from models.forecast.rows import AdjustmentRow, QuotaRow, SignatureRow, SignOffRow
from models.tables import Adjustment, Partner, Person, Quota, SignedCommit, SignOff, Snapshot


async def signatures(session: AsyncSession, snapshot: Snapshot) -> list[SignatureRow]:
    """Every signature of the period up to the snapshot's cut-off, in the order they were made."""
    by, behalf = aliased(Person), aliased(Person)
    rows = await session.execute(
        select(SignedCommit, Partner.name, by.name, behalf.name)
        .join(Partner, Partner.id == SignedCommit.partner_id)
        .join(by, by.id == SignedCommit.by_id)
        .outerjoin(behalf, behalf.id == SignedCommit.for_id)
        .where(SignedCommit.period == snapshot.period, SignedCommit.at <= snapshot.cut_off)
        .order_by(SignedCommit.id)
    )
    return [SignatureRow(row, partner, name, other or "") for row, partner, name, other in rows]


async def adjustments(session: AsyncSession, snapshot: Snapshot) -> list[AdjustmentRow]:
    """Every adjustment of the period up to the snapshot's cut-off, in the order they were made."""
    rows = await session.execute(
        select(Adjustment, Partner.name, Person.name)
        .join(Partner, Partner.id == Adjustment.partner_id)
        .join(Person, Person.id == Adjustment.by_id)
        .where(Adjustment.period == snapshot.period, Adjustment.at <= snapshot.cut_off)
        .order_by(Adjustment.id)
    )
    return [AdjustmentRow(row, partner, name) for row, partner, name in rows]


async def quotas(session: AsyncSession, snapshot: Snapshot) -> list[QuotaRow]:
    """Every target of the period up to the snapshot's cut-off, in the order they were entered."""
    rows = await session.execute(
        select(Quota, Partner.name, Person.name)
        .outerjoin(Partner, Partner.id == Quota.partner_id)
        .outerjoin(Person, Person.id == Quota.by_id)
        .where(Quota.period == snapshot.period, Quota.at <= snapshot.cut_off)
        .order_by(Quota.id)
    )
    return [QuotaRow(row, partner or "", name or "") for row, partner, name in rows]


async def sign_offs(session: AsyncSession, snapshot: Snapshot) -> list[SignOffRow]:
    """The names below the snapshot, the CRO's first."""
    rows = await session.execute(
        select(SignOff, Person.name)
        .join(Person, Person.id == SignOff.person_id)
        .where(SignOff.snapshot_id == snapshot.id)
        .order_by(SignOff.role.desc())
    )
    return [SignOffRow(row, name) for row, name in rows]
