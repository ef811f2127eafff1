"""The quarter's bands at the end of each of its weeks, from the history of its deals: one pass over it, however many weeks.

A version counts in every week that ends while it stands, so it is enough to know in which week each begins and ends.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.deals import seen_by_all
from models.domain.deals import Category
from models.domain.fiscal import Quarter
from models.domain.forecast.changes import BANDS
from models.domain.forecast.facts import WeekFigure
from models.domain.forecast.parts import Part, divide
from models.domain.forecast.rates import Rate, convert
from models.domain.policy import Policy
from models.domain.zones import local_to_utc, zone
from models.forecast.adding import bands_of
from models.forecast.counting import CHUNK, counts, links, shared_ids
from models.forecast.scope import HIDDEN, Scope
from models.tables import DealPartner, DealVersion

ONE_DAY = timedelta(days=1)
_PLACE = {str(band): place for place, band in enumerate(BANDS)}
_WIDTH = len(BANDS) + 2


@dataclass
class _Points:
    """The ends of weeks, and what stood at each. `broken`: a rate is missing there, so there is no sum."""

    days: Sequence[date]
    sums: list[list[int]] = field(default_factory=list)
    broken: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.sums = [[0] * _WIDTH for _ in self.days]

    def add(self, place: int, category: str, amount: int, deals: int, unknown: int) -> None:
        sums = self.sums[place]
        sums[_PLACE[category]] += amount
        sums[-2] += deals
        sums[-1] += unknown

    def figures(self) -> tuple[WeekFigure, ...]:
        return tuple(
            WeekFigure(day=day, bands=bands_of(sums))
            for place, (day, sums) in enumerate(zip(self.days, self.sums, strict=True))
            if place not in self.broken
        )


async def figures(session: AsyncSession, scope: Scope) -> tuple[WeekFigure, ...]:
    """The weeks that are over, from the one in which Cadence came. One statement, and two for each chunk of others.

    Simple versions come added up, of each other one the id. Shares of a deal that several partners have matter where not all of
    them may be seen; they are those of today. A week for which a rate is missing is left out: a part of its money is no sum.
    """
    days = week_ends(scope.quarter, scope.rate_day, scope.ground.installed_on, scope.policy)
    if not days:
        return ()
    points, others = _Points(days), list[tuple[int, int, int]]()
    begins = _week_of(DealVersion.valid_from, days, scope.policy).label("begins")
    ends = _week_of(DealVersion.valid_to, days, scope.policy).label("ends")
    one = case((_is_simple(scope), 0), else_=DealVersion.id).label("one")
    query = select(
        one, begins, ends, DealVersion.category, func.sum(DealVersion.amount), func.count(),
        func.count() - func.count(DealVersion.amount),
    ).where(counts(scope.quarter), seen_by_all(), *_touching(scope))  # fmt: skip
    rows = await session.execute(query.group_by("begins", "ends", DealVersion.category, "one"))
    for version_id, first, after, category, amount, deals, unknown in rows:
        if version_id and first < after:
            others.append((version_id, first, after))
        for place in range(first, 0 if version_id else after):
            points.add(place, category, int(amount or 0), deals, unknown)
    for place in range(0, len(others), CHUNK):
        await _add_others(session, scope, points, others[place : place + CHUNK])
    return points.figures()


def _is_simple(scope: Scope) -> ColumnElement[bool]:
    """In the reporting currency; and one partner's alone, where only some may be seen."""
    plain = DealVersion.currency == scope.into
    return plain if scope.partner_ids is None else and_(plain, DealVersion.deal_id.not_in(shared_ids()))


def _touching(scope: Scope) -> tuple[ColumnElement[bool], ...]:
    if scope.partner_ids is None:
        return ()
    mine = select(DealPartner.deal_id).where(
        DealPartner.valid_to.is_(None), DealPartner.partner_id.in_(scope.partner_ids)
    )
    alone = and_(DealVersion.partner_id.in_(scope.partner_ids), DealVersion.deal_id.not_in(shared_ids()))
    return (or_(alone, DealVersion.deal_id.in_(mine)),)


def week_ends(quarter: Quarter, today: date, installed_on: date | None, policy: Policy) -> list[date]:
    """The last days of the quarter's weeks that are over and of which something is known."""
    fiscal = policy.fiscal
    ends = (fiscal.week_ends(quarter, number) for number in range(1, fiscal.weeks_in(quarter) + 1))
    return [day for day in ends if day < today and installed_on is not None and day >= installed_on]


def _week_of(moment: Any, days: Sequence[date], policy: Policy) -> ColumnElement[int]:
    """The first week whose end a moment lies before: a version counts from there on, or no longer. Never: after all."""
    ends = [local_to_utc(day + ONE_DAY, time(0), zone(policy.zone)) for day in days]

    def search(low: int, high: int) -> ColumnElement[int]:
        """Halves the weeks with each question: this is asked of every version there is, twice."""
        if low == high:
            return literal(low)
        middle = (low + high) // 2
        return case((moment < ends[middle], search(low, middle)), else_=search(middle + 1, high))

    return case((moment.is_(None), len(days)), else_=search(0, len(days)))


async def _add_others(
    session: AsyncSession, scope: Scope, points: _Points, chunk: list[tuple[int, int, int]]
) -> None:  # fmt: skip
    """Versions that are converted, or whose parts are not all to be seen, one by one."""
    shared = DealVersion.deal_id.in_(shared_ids()) if scope.partner_ids is not None else literal(False)
    query = select(
        DealVersion.id, DealVersion.deal_id, DealVersion.partner_id, DealVersion.category, DealVersion.currency,
        DealVersion.amount, DealVersion.close_date, shared.label("shared"),
    ).where(DealVersion.id.in_([version_id for version_id, _, _ in chunk]))  # fmt: skip
    rows = {row.id: row for row in await session.execute(query)}
    shares = await links(session, {row.deal_id for row in rows.values() if row.shared})
    for version_id, first, after in chunk:
        row = rows[version_id]
        _add_version(scope, points, row, range(first, after), shares.get(row.deal_id, ()))


def _add_version(
    scope: Scope, points: _Points, row: Any, places: Iterable[int], shares: Iterable[tuple[int, int]]
) -> None:  # fmt: skip
    """One version in its weeks, at the rate of each week's last day; won deals at that of their close date."""
    counted = scope.sees(row.partner_id)
    converted = row.amount is not None and row.currency != scope.into
    parts = scope.parts(row.partner_id, shares) if scope.partner_ids is not None else ()
    held: Rate | None = None
    value = _seen(row.amount or 0, parts)
    for place in places:
        if converted:
            day = row.close_date if row.category == Category.WON else points.days[place]
            rate = scope.rates.on(row.currency, day)
            if rate is None:
                points.broken.add(place)
                continue
            if rate is not held:  # as a rule it is that of the week before
                held, value = rate, _seen(convert(row.amount, rate), parts)
        points.add(place, row.category, value, int(counted), int(counted and row.amount is None))


def _seen(value: int, parts: Sequence[Part]) -> int:
    """What of a value may be seen; all of it without parts."""
    if not parts:
        return value
    return sum(share for part, share in zip(parts, divide(value, parts), strict=True) if part.partner_id != HIDDEN)
