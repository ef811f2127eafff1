"""Past quarters as they stood so many days before their end, and how they ended: what a predicted landing rests on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.deals import PRESENT, seen_by_all
from models.domain.deals import Category
from models.domain.fiscal import Quarter
from models.domain.forecast.facts import Landing
from models.domain.forecast.landing import OpenDeal, PastDeal, PastQuarter, landing
from models.domain.forecast.rates import convert
from models.domain.zones import local_date, local_to_utc, zone
from models.forecast.counting import COUNTED, Line, counts, is_simple
from models.forecast.scope import Scope
from models.tables import Deal, DealVersion

QUARTERS = 12
"""As many past quarters are looked at."""
UNSEEN = 0.1
"""A quarter is known when at most this part of the deals won in it were seen only after it was over."""
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class _Past:
    """A past quarter, and the moment that lies as far before its end as now before the present one's."""

    quarter: Quarter
    moment: datetime


async def predicted(session: AsyncSession, scope: Scope, won: int, lines: Sequence[Line]) -> Landing:
    """The predicted landing of the scope's quarter. `lines` are its deals that are not simple. Three statements at most."""
    terms = scope.ground.terms
    if scope.rate_day > scope.quarter.last:
        return Landing(why="the quarter is over")
    past = await past_quarters(session, scope, least=terms.landing_quarters)
    enough = len(past) >= terms.landing_quarters
    deals = await _open_deals(session, scope, lines) if enough else []
    return landing(won, deals, past, min_deals=terms.landing_deals, min_quarters=terms.landing_quarters)


async def past_quarters(session: AsyncSession, scope: Scope, *, least: int = 1) -> list[PastQuarter]:
    """The past quarters whose history is known, oldest first, at most twelve; none where there are fewer than `least`.

    Two statements, or none. Amounts are converted at the rates of today, so that a currency's fall is not read as a loss; a
    deal without a rate is left out.
    """
    places = _places(scope)
    if len(places) < least:
        return []
    then = await session.execute(
        select(
            _place(places), DealVersion.deal_id, DealVersion.category, DealVersion.amount, DealVersion.currency
        ).where(
            DealVersion.partner_id.is_not(None),
            DealVersion.category.in_(COUNTED),
            seen_by_all(),
            or_(*(and_(_closes(past), _stood(past.moment)) for past in places)),
        )
    )
    ended = await session.execute(
        select(_place(places), Deal.id, DealVersion.amount, DealVersion.currency, Deal.first_seen_at)
        .join(DealVersion, PRESENT)
        .where(
            DealVersion.partner_id.is_not(None),
            DealVersion.category == Category.WON,
            or_(*(_closes(past) for past in places)),
        )
    )
    before: list[list[Any]] = [[] for _ in places]
    after: list[list[Any]] = [[] for _ in places]
    for row in then:
        before[row[0]].append(row)
    for outcome in ended:
        after[outcome[0]].append(outcome)
    found = (_quarter(scope, past, before[place], after[place]) for place, past in enumerate(places))
    return [quarter for quarter in found if quarter is not None]


def _places(scope: Scope) -> list[_Past]:
    """The quarters before this one of which something was known at the moment asked for, oldest first."""
    here, fiscal, quarter = zone(scope.policy.zone), scope.policy.fiscal, scope.quarter
    left = (scope.quarter.last - scope.rate_day).days
    found: list[_Past] = []
    for _ in range(QUARTERS):
        quarter = fiscal.previous(quarter)
        day = quarter.last - timedelta(days=left)
        if scope.ground.installed_on is None or day < scope.ground.installed_on:
            break
        if quarter.last < scope.rate_day:
            found.append(_Past(quarter, local_to_utc(day + ONE_DAY, time(0), here)))
    return found[::-1]


def _closes(past: _Past) -> ColumnElement[bool]:
    return DealVersion.close_date.between(past.quarter.first, past.quarter.last)


def _stood(moment: datetime) -> ColumnElement[bool]:
    return and_(DealVersion.valid_from <= moment, or_(DealVersion.valid_to.is_(None), DealVersion.valid_to > moment))


def _place(places: Iterable[_Past]) -> ColumnElement[int]:
    """Which quarter a version closes in: they do not overlap."""
    return case(*((_closes(past), number) for number, past in enumerate(places)), else_=-1)


def _quarter(scope: Scope, past: _Past, before: Iterable[Any], after: Iterable[Any]) -> PastQuarter | None:
    """A past quarter; None where too much of it became known only afterwards."""
    here = zone(scope.policy.zone)
    won: dict[int, int] = {}
    late = 0
    for _, deal_id, amount, currency, first_seen in after:
        won[deal_id] = _value(scope, amount, currency) or 0
        late += local_date(first_seen, here) > past.quarter.last
    if late > UNSEEN * len(won):
        return None
    closed, deals, known = 0, list[PastDeal](), set[int]()
    for _, deal_id, category, amount, currency in before:
        value = _value(scope, amount, currency)
        if category == Category.WON:
            closed += won.get(deal_id, 0)
            known.add(deal_id)
        elif value is not None:
            deals.append(PastDeal(category, value, won.get(deal_id, 0)))
            known.add(deal_id)
    return PastQuarter(closed, tuple(deals), tuple(value for deal_id, value in won.items() if deal_id not in known))


def _value(scope: Scope, amount: int | None, currency: str) -> int | None:
    if amount is None or currency == scope.into:
        return amount
    rate = scope.rates.on(currency, scope.rate_day)
    return convert(amount, rate) if rate is not None else None


async def _open_deals(session: AsyncSession, scope: Scope, lines: Sequence[Line]) -> list[OpenDeal]:
    """The open deals of the quarter whose amount is known. One statement."""
    rows = await session.execute(
        select(DealVersion.category, DealVersion.amount)
        .join(Deal, PRESENT)
        .where(
            counts(scope.quarter), is_simple(scope.into), DealVersion.category != Category.WON,
            DealVersion.amount.is_not(None),
        )
    )  # fmt: skip
    simple = [OpenDeal(category, amount) for category, amount in rows if amount is not None]
    others = [
        OpenDeal(line.category, line.value)
        for line in lines
        if line.category != Category.WON and line.value is not None
    ]
    return [*simple, *others]
