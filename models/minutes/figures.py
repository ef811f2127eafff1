"""Sums and lists of deals for the pages of meetings: added by the database, however many deals there are."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, func, literal, literal_column, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import reviews
from models.attribution import sql
from models.deals import PRESENT
from models.domain.deals import Category
from models.domain.minutes import DealLine, Section
from models.domain.notes import MoneySum
from models.domain.policy import Policy
from models.notes import deal_fact
from models.tables import Deal, DealVersion

LONGEST_LIST = 40
"""As many deals of one list as a page could ever show; the others are counted with their sum."""
Where = ColumnElement[bool]


@dataclass(frozen=True)
class Cell:
    """The deals of one partner, category, kind in force, state of its signatures and currency. `unknown` have no amount.

    `state` is "" where nobody asked for it.
    """

    partner_id: int
    category: str
    attribution: str
    currency: str
    amount: int
    deals: int
    unknown: int
    state: str = ""


_KIND: ColumnElement[str] = literal_column("kind_in_force")  # by their names: PostgreSQL takes a bound value that
_STATE: ColumnElement[str] = literal_column("state_today")  # stands twice for two


async def cells(session: AsyncSession, *where: Where, state: ColumnElement[str] | None = None) -> list[Cell]:
    """Deals with a partner as they stand, added up; `state`: how far they are signed, as SQL. One statement."""
    rows = await session.execute(
        select(
            DealVersion.partner_id,
            DealVersion.category,
            sql.kind().label("kind_in_force"),
            DealVersion.currency,
            func.coalesce(func.sum(DealVersion.amount), 0),
            func.count(),
            func.count() - func.count(DealVersion.amount),
            (literal("") if state is None else state).label("state_today"),
        )
        .join(Deal, PRESENT)
        .where(DealVersion.partner_id.is_not(None), *where)
        .group_by(DealVersion.partner_id, DealVersion.category, _KIND, DealVersion.currency, _STATE)
    )
    return [
        Cell(partner_id, category, attribution, currency, int(amount or 0), deals, unknown, signed)
        for partner_id, category, attribution, currency, amount, deals, unknown, signed in rows
        if partner_id is not None
    ]


def added(found: Iterable[Cell], only: Callable[[Cell], bool] = lambda _: True) -> tuple[MoneySum, ...]:
    """The cells that `only` lets through, by currency, the largest first."""
    totals: dict[str, list[int]] = {}
    for cell in filter(only, found):
        sums = totals.setdefault(cell.currency, [0, 0, 0])
        sums[0] += cell.amount
        sums[1] += cell.deals
        sums[2] += cell.unknown
    return tuple(
        MoneySum(currency=currency, amount=amount, deals=deals, unknown=unknown)
        for currency, (amount, deals, unknown) in sorted(totals.items(), key=lambda item: (-item[1][0], item[0]))
    )


def of_category(*categories: Category) -> Callable[[Cell], bool]:
    return lambda cell: cell.category in categories


def closes(first: date, last: date) -> Where:
    """Deals whose close date lies in this stretch, both days included: money follows its date."""
    return DealVersion.close_date.between(first, last)


async def listed(
    session: AsyncSession,
    title: str,
    *where: Where,
    names: Mapping[int, str],
    nothing: str,
    now: datetime,
    policy: Policy,
    open_only: bool = True,
) -> Section:
    """A list of deals, the largest first; what is beyond any page is counted with its sum. Three statements."""
    there = (DealVersion.partner_id.is_not(None), *where)
    ids = list(
        await session.scalars(
            select(Deal.id)
            .join(DealVersion, PRESENT)
            .where(*there)
            .order_by(DealVersion.amount.is_(None), DealVersion.amount.desc(), DealVersion.name, Deal.id)
            .limit(LONGEST_LIST)
        )
    )
    if not ids:
        return Section(title=title, nothing=nothing)
    views = await reviews.views(session, Deal.id.in_(ids), now=now, policy=policy, open_only=open_only)
    place = {deal_id: number for number, deal_id in enumerate(ids)}
    views.sort(key=lambda view: place[view.id])
    lines = tuple(
        DealLine(deal=deal_fact(view, None, ()), partner=names.get(view.version.partner_id or 0, "")) for view in views
    )
    more, rest = 0, tuple[MoneySum, ...]()
    if len(ids) == LONGEST_LIST:
        beyond = await cells(session, *where, Deal.id.not_in(ids))
        more, rest = sum(cell.deals for cell in beyond), added(beyond)
    return Section(title=title, deals=lines, more=more, more_sum=rest, nothing=nothing)


def of_partners(partner_ids: Collection[int] | None) -> tuple[Where, ...]:
    """Deals of these partners, or of all."""
    return () if partner_ids is None else (DealVersion.partner_id.in_(partner_ids),)
