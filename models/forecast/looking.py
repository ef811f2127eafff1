"""One look at all deals: sums of the simple ones, ids of the others, what was created, what has no date."""

from collections import Counter
from dataclasses import dataclass, field

from sqlalchemy import BigInteger, ColumnElement, and_, case, cast, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.domain.deals import OPEN, Attribution, Category
from models.domain.fiscal import Quarter
from models.domain.forecast.facts import AttributionState
from models.forecast.counting import STANDS, counts, is_simple, kind_now, state_now, touching, undated
from models.forecast.scope import Scope
from models.tables import Deal, DealVersion

SOURCED, OF_PARTNER, DIRECT = "sourced", "partner", "direct"
"""Whose pipeline is: sourced by a partner, another of a partner's, direct."""
_OPEN = frozenset(str(band) for band in OPEN)
_COUNTS, _UNDATED, _ELSE = 1, 2, 0
_PLACES = 3
_CATEGORIES = tuple(str(category) for category in Category)
_KINDS = tuple(str(kind) for kind in Attribution)
_STATES = tuple(str(state) for state in AttributionState)


@dataclass(frozen=True, slots=True)
class Cell:
    """Simple deals of one partner, category, kind and state, added up. `unowned` of the `deals` have no owner."""

    partner_id: int
    category: str
    kind: str
    state: str
    amount: int
    deals: int
    unknown: int
    unowned: int


@dataclass
class Found:
    """What one look at all deals found.

    `cells` are the simple deals that count, `others` the ids of those that count and are not simple. `created` is the money of
    simple deals created in the quarter, by whose they are, `created_others` the ids of the others. `undated` deals are open and
    have no close date.
    """

    cells: list[Cell] = field(default_factory=list)
    others: list[int] = field(default_factory=list)
    created: Counter[str] = field(default_factory=Counter)
    created_others: list[int] = field(default_factory=list)
    undated: int = 0


async def look(session: AsyncSession, scope: Scope, *where: ColumnElement[bool]) -> Found:
    """Every deal once: those that count, those created in the quarter, those without a date. One statement.

    Simple deals come added up, of each other one the id.
    """
    code = _code(scope).label("code")
    rows = await session.execute(
        select(
            code, func.sum(DealVersion.amount), func.count(), func.count() - func.count(DealVersion.amount),
            func.count() - func.count(DealVersion.owner_id),
        )
        .join(Deal, STANDS)
        .where(or_(counts(scope.quarter), _created(scope.quarter), undated()), *touching(scope), *where)
        .group_by("code")
    )  # fmt: skip
    found = Found()
    for number, amount, deals, unknown, unowned in rows:
        if number < 0:
            _take_one(found, -number)
        else:
            _take_cell(found, scope, number, (int(amount or 0), deals, unknown, unowned))
    return found


def _code(scope: Scope) -> ColumnElement[int]:
    """All that a deal is grouped by as one number, below zero where it is alone: sorting by seven texts takes far longer."""
    place = case((counts(scope.quarter), _COUNTS), (DealVersion.close_date.is_(None), _UNDATED), else_=_ELSE)
    is_new = case((_created(scope.quarter), 1), else_=0)
    alike: ColumnElement[int] = cast(func.coalesce(DealVersion.partner_id, 0), BigInteger)
    for expression, values in (
        (DealVersion.category, _CATEGORIES), (kind_now(), _KINDS), (state_now(scope), _STATES),
    ):  # fmt: skip
        last = len(values) - 1
        digit = case({value: number for number, value in enumerate(values[:-1])}, value=expression, else_=last)
        alike = alike * len(values) + digit
    tail = place * 2 + is_new
    alone = cast(Deal.id, BigInteger) * (_PLACES * 2) + tail
    return case((is_simple(scope.into), alike * (_PLACES * 2) + tail), else_=-alone)


def _take_one(found: Found, number: int) -> None:
    """A deal that is not simple."""
    deal_id, tail = divmod(number, _PLACES * 2)
    place, is_new = divmod(tail, 2)
    if place == _COUNTS:
        found.others.append(deal_id)
    if is_new:
        found.created_others.append(deal_id)


def _take_cell(found: Found, scope: Scope, number: int, sums: tuple[int, int, int, int]) -> None:
    """Simple deals that are alike."""
    number, tail = divmod(number, _PLACES * 2)
    place, is_new = divmod(tail, 2)
    number, state = divmod(number, len(_STATES))
    number, kind = divmod(number, len(_KINDS))
    partner_id, category = divmod(number, len(_CATEGORIES))
    if place == _COUNTS:
        found.cells.append(Cell(partner_id, _CATEGORIES[category], _KINDS[kind], _STATES[state], *sums))
    elif place == _UNDATED and _CATEGORIES[category] in _OPEN and partner_id and scope.sees(partner_id):
        found.undated += sums[1]
    if is_new:
        sourced = _KINDS[kind] == Attribution.SOURCED
        found.created[DIRECT if not partner_id else SOURCED if sourced else OF_PARTNER] += sums[0]


def _created(quarter: Quarter) -> ColumnElement[bool]:
    """Deals created in the quarter, whatever became of them, that have an amount."""
    return and_(DealVersion.created_date.between(quarter.first, quarter.last), DealVersion.amount.is_not(None))
