"""Which deals count in a quarter, and their sums: added up by the database wherever no exchange rate or share is needed.

*Simple* is a deal that is one partner's alone, in the reporting currency. All others come as rows, since they are rounded
each for itself.
"""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.attribution import sql as attribution
from models.domain.deals import OPEN, Category
from models.domain.fiscal import Quarter
from models.domain.forecast.facts import WHOLE
from models.domain.forecast.parts import Part
from models.domain.forecast.rates import MissingRate, Rate, convert
from models.forecast.scope import Scope
from models.tables import Deal, DealPartner, DealVersion, Person

COUNTED = tuple(str(band) for band in (Category.WON, Category.COMMIT, Category.BEST_CASE, Category.PIPELINE))
"""Categories of the deals that count."""
STANDS = and_(DealVersion.id == Deal.version_id, DealVersion.valid_to.is_(None))
"""As `PRESENT`, for sums over all deals: that the version is of this deal is always true, and a planner takes it for rare."""
CHUNK = 2_000


@dataclass(frozen=True, slots=True)
class Line:
    """One deal that counts, converted. `rate` is None where the amount is in the reporting currency.

    `value` is None where the amount is unknown, or where `missing` says that it cannot be converted.
    """

    deal_id: int
    version_id: int
    name: str
    partner_id: int
    owner_id: int | None
    category: str
    kind: str
    state: str
    close_date: date
    currency: str
    amount: int | None
    shared: bool
    parts: tuple[Part, ...]
    rate_day: date | None
    rate: Rate | None
    value: int | None
    missing: MissingRate | None


def shared_ids() -> Select[int]:
    """Deals that are not the whole of one partner."""
    return select(DealPartner.deal_id).where(
        DealPartner.valid_to.is_(None), or_(DealPartner.share != WHOLE, DealPartner.is_primary.is_(False))
    )


def with_partner() -> ColumnElement[bool]:
    """Deals that are not direct. Nearly all are: an index over partners would be a long way round, so none is offered."""
    return func.coalesce(DealVersion.partner_id, 0) != 0


def counts(quarter: Quarter) -> ColumnElement[bool]:
    """A version that counts in the quarter."""
    return and_(
        DealVersion.category.in_(COUNTED),
        DealVersion.close_date.between(quarter.first, quarter.last),
        with_partner(),
    )


def undated() -> ColumnElement[bool]:
    """Open deals without a close date, which stand in no quarter."""
    return and_(
        DealVersion.category.in_([str(band) for band in OPEN]), DealVersion.close_date.is_(None), with_partner()
    )


def is_simple(into: str) -> ColumnElement[bool]:
    return and_(DealVersion.currency == into, Deal.id.not_in(shared_ids()))


def own(scope: Scope) -> tuple[ColumnElement[bool], ...]:
    """Deals whose primary partner the reader may see."""
    return () if scope.partner_ids is None else (DealVersion.partner_id.in_(scope.partner_ids),)


def touching(scope: Scope) -> tuple[ColumnElement[bool], ...]:
    """Deals in which a partner that the reader may see has a part."""
    if scope.partner_ids is None:
        return ()
    links = select(DealPartner.deal_id).where(
        DealPartner.valid_to.is_(None), DealPartner.partner_id.in_(scope.partner_ids)
    )
    return (or_(DealVersion.partner_id.in_(scope.partner_ids), Deal.id.in_(links)),)


def kind_now() -> ColumnElement[str]:
    return attribution.kind()


def state_now(scope: Scope) -> ColumnElement[str]:
    ground = scope.ground
    return attribution.state(ground.today, ground.installed_on, ground.days, scope.policy)


def names_of(columns: Iterable[ColumnElement[Any]]) -> list[str]:
    """The labels of columns, to group by: written out again, SQLite would work each expression out twice."""
    return [str(column.key) for column in columns]


async def lines(
    session: AsyncSession, scope: Scope, deal_ids: Iterable[int], chunk: int = CHUNK
) -> AsyncIterator[Line]:
    """These deals, each converted and with its parts, by id; two statements for each chunk."""
    wanted = sorted(deal_ids)
    for place in range(0, len(wanted), chunk):
        rows = [_Row._make(row) for row in await session.execute(_rows(scope, wanted[place : place + chunk]))]
        shares = await links(session, [row.id for row in rows if row.shared])
        for row in rows:
            yield line_of(scope, row, shares.get(row.id, ()))


class _Row(NamedTuple):
    """A deal as `_rows` reads it: the columns in their order, since a field of a tuple is found many times faster."""

    id: int
    version_id: int
    name: str
    partner_id: int
    owner_id: int | None
    category: str
    kind: str
    state: str
    close_date: date
    currency: str
    amount: int | None
    shared: bool


def _rows(scope: Scope, deal_ids: list[int]) -> Select[*tuple[Any, ...]]:
    return (
        select(
            Deal.id,
            DealVersion.id.label("version_id"),
            DealVersion.name,
            DealVersion.partner_id,
            DealVersion.owner_id,
            DealVersion.category,
            kind_now().label("kind"),
            state_now(scope).label("state"),
            DealVersion.close_date,
            DealVersion.currency,
            DealVersion.amount,
            Deal.id.in_(shared_ids()).label("shared"),
        )
        .join(DealVersion, STANDS)
        .where(Deal.id.in_(deal_ids))
        .order_by(Deal.id)
    )


def line_of(scope: Scope, row: _Row, shares: Iterable[tuple[int, int]]) -> Line:
    """A row of `_rows`, with its parts and its value."""
    rate_day = rate = missing = None
    value = row.amount
    if row.currency != scope.into and row.amount is not None:
        rate_day = scope.rate_day_of(row.category, row.close_date)
        rate = scope.rates.on(row.currency, rate_day)
        if rate is None:
            missing = MissingRate(row.name, row.currency, scope.into, rate_day)
        value = convert(row.amount, rate) if rate is not None else None
    return Line(
        deal_id=row.id, version_id=row.version_id, name=row.name, partner_id=row.partner_id, owner_id=row.owner_id,
        category=row.category, kind=row.kind, state=row.state, close_date=row.close_date, currency=row.currency,
        amount=row.amount, shared=bool(row.shared), parts=scope.parts(row.partner_id, shares), rate_day=rate_day,
        rate=rate, value=value, missing=missing,
    )  # fmt: skip


async def links(
    session: AsyncSession, deal_ids: Iterable[int], *, at: datetime | None = None
) -> dict[int, list[tuple[int, int]]]:
    """Partner and share of these deals' open links, or of those that were open at a moment. One statement, or none."""
    wanted = list(deal_ids)
    if not wanted:
        return {}
    open_: ColumnElement[bool] = DealPartner.valid_to.is_(None)
    if at is not None:
        open_ = and_(DealPartner.valid_from <= at, or_(DealPartner.valid_to.is_(None), DealPartner.valid_to > at))
    rows = await session.execute(
        select(DealPartner.deal_id, DealPartner.partner_id, DealPartner.share)
        .where(DealPartner.deal_id.in_(wanted), open_)
        .order_by(DealPartner.deal_id, DealPartner.id)
    )
    found: dict[int, list[tuple[int, int]]] = {}
    for deal_id, partner_id, share in rows:
        found.setdefault(deal_id, []).append((partner_id, share))
    return found


async def people_named(session: AsyncSession, person_ids: Iterable[int | None]) -> dict[int, str]:
    """Names by id, in one statement."""
    wanted = {person_id for person_id in person_ids if person_id is not None}
    rows = await session.execute(select(Person.id, Person.name).where(Person.id.in_(wanted)))
    return {person_id: name for person_id, name in rows}  # noqa: C416 - rows are no pairs to mypy
