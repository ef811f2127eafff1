"""Fiscal quarters that have begun are kept: their labels and weeks stand, whatever the settings become."""

from datetime import date, datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import cadences
from models.domain.fiscal import FiscalYear, Quarter, WeekModel
from models.domain.policy import Policy
from models.insert import add_missing
from models.tables import Cadence, FiscalQuarter, Setting

SETTING = "fiscal"
"""The setting whose row says by which calendar the quarters were planned last."""
BY_QUARTER = ("quarter_week", "last_whole_week", "closing_month", "quarter")


async def keep(session: AsyncSession, fiscal: FiscalYear, *, today: date, now: datetime) -> FiscalYear:
    """The same calendar with every quarter kept that has begun by `today` (the company's date).

    What is missing is stored, and nothing stored is changed but the last day of a quarter that a changed setting
    stretched (`FiscalYear.to_keep`). Safe to call again and in several replicas; without anything new it only reads.
    """
    stored = await _stored(session)
    fiscal = fiscal.model_copy(update={"kept": stored})
    fresh = [quarter for quarter in fiscal.to_keep(today) if quarter not in stored]
    if not fresh:
        return fiscal
    for label, last in _stretched(stored, fresh):
        await session.execute(update(FiscalQuarter).where(FiscalQuarter.label == label).values(last=last))
    await add_missing(session, FiscalQuarter, [_row(quarter, now) for quarter in fresh], key=("label",))
    return fiscal.model_copy(update={"kept": await _stored(session)})


async def stored(session: AsyncSession) -> tuple[Quarter, ...]:
    """The quarters that have begun so far, as they were."""
    return await _stored(session)


async def follow(session: AsyncSession, policy: Policy, *, now: datetime) -> bool:
    """After a fiscal setting was changed: what is planned by quarters and still untouched goes, to be planned anew.

    Its slots carry the labels of quarters that have not begun; those of quarters that have are the same as before. True
    if anything was changed. The caller holds the calendar.
    """
    said = {"start": policy.fiscal_start_month, "model": policy.fiscal_model.value,
            "table": policy.fiscal_table.model_dump(mode="json") if policy.fiscal_table else None}  # fmt: skip
    row = await session.get(Setting, SETTING)
    if row is not None and row.value == said:
        return False
    if row is None:
        session.add(Setting(name=SETTING, value=said, changed_at=now))
        return False
    row.value, row.changed_at = said, now
    for cadence in list(await session.scalars(select(Cadence).where(Cadence.meeting_id.is_not(None)))):
        if cadence.rule["kind"] in BY_QUARTER:
            await cadences.drop_untouched(session, cadence, now=now)
    return True


async def _stored(session: AsyncSession) -> tuple[Quarter, ...]:
    columns = (
        FiscalQuarter.year,
        FiscalQuarter.number,
        FiscalQuarter.first,
        FiscalQuarter.last,
        FiscalQuarter.model,
        FiscalQuarter.label,
    )
    rows = await session.execute(select(*columns).order_by(FiscalQuarter.first))
    return tuple(
        Quarter(year, number, first, last, WeekModel(model), label) for year, number, first, last, model, label in rows
    )


def _stretched(stored: tuple[Quarter, ...], fresh: list[Quarter]) -> list[tuple[str, date]]:
    labels = {quarter.label for quarter in stored}
    return [(quarter.label, quarter.last) for quarter in fresh if quarter.label in labels]


def _row(quarter: Quarter, now: datetime) -> dict[str, object]:
    return {
        "label": quarter.label,
        "year": quarter.year,
        "number": quarter.number,
        "first": quarter.first,
        "last": quarter.last,
        "model": quarter.model.value,
        "kept_at": now,
    }
