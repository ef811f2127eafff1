"""What changed since a snapshot: the database finds the deals whose line differs, the domain splits each difference.

Simple deals that changed in the same way are split together: money is added, and counted deals are multiplied.
"""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

from sqlalchemy import Subquery, not_, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from models.domain.deals import Category
from models.domain.forecast.changes import BANDS, DealAt, Delta, split
from models.domain.forecast.facts import WHOLE, RollUpFacts
from models.domain.forecast.parts import REST, Part
from models.domain.forecast.rates import MissingRate, Rate, Rates, convert
from models.forecast import pairs
from models.forecast.counting import CHUNK, links
from models.forecast.rates import read
from models.forecast.scope import HIDDEN, Scope
from models.forecast.sides import Group, Pair
from models.forecast.tally import Lines
from models.forecast.ways import NEW, OLD, Way, Ways, Whose
from models.tables import DealPartner, Snapshot, SnapshotPart

_PLACE = {str(band): place for place, band in enumerate(BANDS)}
ONE_DAY = timedelta(days=1)


@dataclass
class Comparison:
    """A snapshot of the quarter and what there is now. `now` None: live; else a later snapshot, with its rates."""

    scope: Scope
    base: Snapshot
    facts: RollUpFacts
    now: Snapshot | None = None
    now_facts: RollUpFacts | None = None
    known_before: Rates | None = None
    known_now: Rates | None = None

    async def lines(self, session: AsyncSession, *, won_only: bool = False, deals: int | None = None) -> Lines:
        """The lines of what changed; `won_only` leaves out deals that are won on neither side.

        `deals` is how many count now, where that is known: then deals that came are first looked for among those with a fresh
        version, and among all only where that does not account for every deal.
        """
        found = Lines()
        await self._know(session)
        await self._add(session, found, self._kept(), self._kept(every=True), won_only=won_only)
        quick = found.copy()
        if deals is not None and self.scope.partner_ids is None:
            await self._add(session, quick, self._come(lately=True), self._come(), won_only=won_only)
            if self.facts.program.deals + sum(line.bands.deals for line in quick.program()) == deals:
                return quick
        await self._add(session, found, self._come(), self._come(), won_only=won_only)
        return found

    async def _know(self, session: AsyncSession) -> None:
        """The rates that were known then: one entered since, for a day before, explains a difference and hides none."""
        self.known_before = await read(session, self.scope.into, until=self.base.cut_off)
        if self.now is not None:
            self.known_now = await read(session, self.scope.into, until=self.now.cut_off)

    async def _add(
        self, session: AsyncSession, found: Lines, pair: Subquery, each: Subquery, *, won_only: bool
    ) -> None:  # fmt: skip
        """Add what the deals of `pair` changed; those that stand alone are read from `each`, by their ids."""
        alone: list[int] = []
        query = pairs.grouped(pair, self.scope.into).where(self._touched(pair), _won(pair, won_only))
        for group in map(Group._make, await session.execute(query)):
            if group.one:
                alone.append(group.one)
            else:
                self._add_group(found, group)
        async for _, deltas in self._of_deals(session, each, alone):
            found.add(deltas)

    async def deltas(self, session: AsyncSession, chunk: int = CHUNK) -> AsyncIterator[tuple[Pair, tuple[Delta, ...]]]:
        """Each deal that changed, with what changed in it: first those kept, then those that came, each by deal id."""
        await self._know(session)
        for pair in (self._kept(), self._come()):
            query = select(pair.c.deal_id).where(or_(pairs.differs(pair), not_(pairs.simple(pair, self.scope.into))))
            deal_ids = list(await session.scalars(query))
            async for row, deltas in self._of_deals(session, pair, deal_ids, chunk):
                if deltas:
                    yield row, deltas

    def _kept(self, *, every: bool = False) -> Subquery:
        return pairs.kept(self.base, self.scope.quarter, self.scope.into, self.now, every=every)

    def _come(self, *, lately: bool = False) -> Subquery:
        return pairs.come(self.base, self.scope.quarter, self.now, lately=lately)

    def _split(self, before: DealAt | None, after: DealAt | None) -> tuple[Delta, ...]:
        return split(before, after, self.scope.quarter, self._old_rates)

    async def _of_deals(
        self, session: AsyncSession, pair: Subquery, deal_ids: Iterable[int], chunk: int = CHUNK
    ) -> AsyncIterator[tuple[Pair, tuple[Delta, ...]]]:
        """Deals that have to be looked at one by one, by id."""
        wanted = sorted(deal_ids)
        for place in range(0, len(wanted), chunk):
            query = select(pair).where(pair.c.deal_id.in_(wanted[place : place + chunk])).order_by(pair.c.deal_id)
            rows = [Pair._make(row) for row in await session.execute(query)]
            before, after = await self._before(session, rows), await self._after(session, rows)
            for row in rows:
                old, new = before.get(row.deal_id), after.get(row.deal_id)
                yield row, () if _same(old, new) else self._split(old, new)

    def _touched(self, pair: Subquery) -> Any:
        """Deals in which a partner that the reader may see has or had a part."""
        ids = self.scope.partner_ids
        if ids is None:
            return true()
        now = select(DealPartner.deal_id).where(DealPartner.partner_id.in_(ids))
        then = select(SnapshotPart.deal_id).where(
            SnapshotPart.snapshot_id == self.base.id, SnapshotPart.partner_id.in_(ids)
        )
        return or_(pairs.seen_in(pair, ids), pair.c.deal_id.in_(now), pair.c.deal_id.in_(then))

    # One deal, or a group of deals that changed alike, on both sides.

    def _add_group(self, found: Lines, group: Group) -> None:
        """Where everybody is seen and every side is a partner's, what its way does; else the group is split itself."""
        known = (not group.b_there or group.b_partner) and (not group.n_there or group.n_partner)
        if not known or self.scope.partner_ids is not None:
            found.add(self._split(*self._of_group(group)), group.deals)
            return
        before, after = self._whose_before(group), self._whose_now(group)
        before, after = before or after, after or before
        if before is not None and after is not None:
            way = Way(
                group.b_there, group.b_category, group.b_place, group.b_sign, group.n_there, group.n_category,
                group.n_place, group.n_sign, group.grown, before.partner == after.partner, before.pm == after.pm,
            )  # fmt: skip
            self._ways.add(found, way, before, after, group.deals)

    def _whose_before(self, group: Group) -> Whose | None:
        if not group.b_there:
            return None
        return Whose(group.b_partner, self._pm_before(group), int(group.b_amount or 0))

    def _whose_now(self, group: Group) -> Whose | None:
        if not group.n_there:
            return None
        return Whose(group.n_partner, self._pm_now(group), int(group.n_amount or 0))

    @cached_property
    def _ways(self) -> Ways:
        return Ways(self._split_way)

    def _split_way(self, way: Way) -> tuple[Delta, ...]:
        """Split a deal that changed in this way."""
        old, new = way.example()
        partner_id, pm_id = OLD if way.same_partner else NEW, OLD if way.same_pm else NEW
        before = self._group_side(way.b_category, way.b_place, OLD, OLD, old) if way.b_there else None
        after = self._group_side(way.n_category, way.n_place, partner_id, pm_id, new) if way.n_there else None
        return self._split(before, after)

    def _of_group(self, group: Group) -> tuple[DealAt | None, DealAt | None]:
        before = after = None
        if group.b_there:
            before = self._group_side(
                group.b_category, group.b_place, group.b_partner, self._pm_before(group), group.b_amount
            )
        if group.n_there:
            after = self._group_side(
                group.n_category, group.n_place, group.n_partner, self._pm_now(group), group.n_amount
            )
        return before, after

    def _pm(self, partner_id: int | None) -> int | None:
        return self.scope.pms.get(partner_id) if partner_id is not None else None

    def _group_side(
        self, category: str, place: int, partner_id: int | None, pm_id: int | None, amount: Any
    ) -> DealAt:  # fmt: skip
        quarter = self.scope.quarter
        days = {pairs.IN: quarter.first, pairs.AFTER: quarter.last + ONE_DAY, pairs.BEFORE: quarter.first - ONE_DAY}
        value = int(amount) if amount is not None else None
        parts = () if partner_id is None else self._masked(_whole(partner_id, pm_id), partner_id)
        return self._at(0, category, days.get(place), self.scope.into, value, None, value, parts, partner_id, pm_id)

    def _masked(self, parts: Iterable[Part], primary: int | None) -> tuple[Part, ...]:
        return self.scope.masked(parts, primary)

    def _at(
        self, deal_id: int, category: str, close: date | None, currency: str, amount: int | None, rate: Rate | None,
        value: int | None, parts: tuple[Part, ...], partner_id: int | None, pm_id: int | None,
    ) -> DealAt:  # fmt: skip
        """A side. The kind of attribution moves no money, so it is left out here."""
        seen = self.scope.sees(partner_id)
        return DealAt(
            deal_id=deal_id, category=category, kind="", close_date=close, currency=currency, amount=amount, rate=rate,
            value=value, parts=parts, partner_id=partner_id if seen else HIDDEN, pm_id=pm_id if seen else HIDDEN,
        )  # fmt: skip

    async def _before(self, session: AsyncSession, rows: Iterable[Pair]) -> Mapping[int, DealAt]:
        """The deals as they were. Of those that did not count, only the partner is known, with the shares of then."""
        there = [row for row in rows if row.b_there]
        frozen = await frozen_parts(session, self.base.id, [row.deal_id for row in there if not row.b_plain])
        absent = [row.deal_id for row in there if not self._counted_before(row)]
        shares = await links(session, absent, at=self.base.cut_off)
        return {row.deal_id: self._before_of(row, frozen, shares) for row in there}

    def _counts_now(self, row: Pair | Group) -> bool:
        return row.n_partner is not None and row.n_category in _PLACE and row.n_place == pairs.IN

    def _pm_now(self, row: Pair | Group) -> int | None:
        """Whose the deal is on the other side; of a snapshot's deal that did not count, who managed its partner then."""
        return row.n_pm if self.now is None or self._counts_now(row) else self._pm(row.n_partner)

    def _pm_before(self, row: Pair | Group) -> int | None:
        """Whose the deal was; of one that did not count, who manages its partner."""
        return row.b_pm if self._counted_before(row) else self._pm(row.b_partner)

    def _counted_before(self, row: Pair | Group) -> bool:
        return row.b_partner is not None and row.b_category in _PLACE and row.b_place == pairs.IN

    def _before_of(self, row: Pair, frozen: Mapping[int, tuple[Part, ...]], shares: Mapping[int, Any]) -> DealAt:
        rate = self._rate(self.facts, self.base, row.b_currency, row.b_category, row.b_close)
        if not self._counted_before(row):
            parts = () if row.b_partner is None else self.scope.parts(row.b_partner, shares.get(row.deal_id, ()))
            value = row.b_amount if row.b_currency == self.scope.into else None
            return self._at(row.deal_id, row.b_category, row.b_close, row.b_currency, row.b_amount, rate, value, parts,
                            row.b_partner, self._pm(row.b_partner))  # fmt: skip
        whole = frozen.get(row.deal_id) or _whole(row.b_partner or REST, row.b_pm)
        return self._at(row.deal_id, row.b_category, row.b_close, row.b_currency, row.b_amount, rate, row.b_value,
                        self._masked(whole, row.b_partner), row.b_partner, row.b_pm)  # fmt: skip

    async def _after(self, session: AsyncSession, rows: Iterable[Pair]) -> Mapping[int, DealAt]:
        """The deals as they are."""
        there = [row for row in rows if row.n_there]
        shared = [row.deal_id for row in there if not row.n_plain]
        if self.now is not None:
            frozen = await frozen_parts(session, self.now.id, shared)
            return {row.deal_id: self._after_of(row, frozen.get(row.deal_id) or self._alone(row)) for row in there}
        shares = await links(session, shared)
        return {row.deal_id: self._after_of(row, self._parts_now(row, shares)) for row in there}

    def _parts_now(self, row: Pair, shares: Mapping[int, Any]) -> tuple[Part, ...]:
        return () if row.n_partner is None else self.scope.parts(row.n_partner, shares.get(row.deal_id, ()))

    def _alone(self, row: Pair) -> tuple[Part, ...]:
        return () if row.n_partner is None else _whole(row.n_partner, self._pm_now(row))

    def _after_of(self, row: Pair, parts: tuple[Part, ...]) -> DealAt:
        counted = self._counts_now(row)
        rate = self._rate(self.now_facts, self.now, row.n_currency, row.n_category, row.n_close)
        value = row.n_amount if row.n_currency == self.scope.into else row.n_value
        if counted and value is None and row.n_amount is not None:
            if rate is None:
                day = self.scope.rate_day_of(row.n_category, row.n_close)
                raise MissingRate(row.name, row.n_currency, self.scope.into, day)
            value = convert(row.n_amount, rate)
        return self._at(row.deal_id, row.n_category, row.n_close, row.n_currency, row.n_amount, rate,
                        value if counted else None, self._masked(parts, row.n_partner), row.n_partner, self._pm_now(row))  # fmt: skip

    def _rate(
        self, facts: RollUpFacts | None, of: Snapshot | None, currency: str, category: str, close: date | None
    ) -> Rate | None:
        """The rate of a side: as it was frozen with the snapshot, else as it stands."""
        if currency == self.scope.into:
            return None
        cut_off = of.rate_day if of is not None else self.scope.rate_day
        day = close if category == Category.WON and close is not None else cut_off
        known = self.known_before if of is self.base else self.known_now
        frozen = self._frozen(facts) if facts is not None else {}
        return frozen.get((currency, day)) or (known or self.scope.rates).on(currency, day)

    def _frozen(self, facts: RollUpFacts) -> Mapping[tuple[str, date], Rate]:
        return self._frozen_before if facts is self.facts else self._frozen_now

    @cached_property
    def _frozen_before(self) -> Mapping[tuple[str, date], Rate]:
        return dict(_frozen_rates(self.facts))

    @cached_property
    def _frozen_now(self) -> Mapping[tuple[str, date], Rate]:
        return dict(_frozen_rates(self.now_facts)) if self.now_facts is not None else {}

    @cached_property
    def _old_rates(self) -> Mapping[str, Rate]:
        """The base's rates by currency, for a deal whose currency was changed: those of its cut-off day."""
        return _OldRates(self.known_before or self.scope.rates, self.base.rate_day)


class _OldRates(Mapping[str, Rate]):
    """The rates in force on a day, looked up by currency; which currencies there are, nobody asks."""

    def __init__(self, rates: Rates, day: date) -> None:
        self._rates, self._day = rates, day

    def __getitem__(self, currency: str) -> Rate:
        rate = self._rates.on(currency, self._day)
        if rate is None:
            raise KeyError(currency)
        return rate

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def _frozen_rates(facts: RollUpFacts) -> Iterator[tuple[tuple[str, date], Rate]]:
    for used in facts.rates:
        yield (used.currency, used.day), Rate(used.currency, facts.currency, used.from_day, Decimal(used.rate))


async def frozen_parts(
    session: AsyncSession, snapshot_id: int, deal_ids: Iterable[int]
) -> dict[int, tuple[Part, ...]]:  # fmt: skip
    """The parts of these deals in a snapshot, in the order in which they divide a value. One statement, or none."""
    wanted = list(deal_ids)
    if not wanted:
        return {}
    rows = await session.execute(
        select(SnapshotPart.deal_id, SnapshotPart.partner_id, SnapshotPart.pm_id, SnapshotPart.share)
        .where(SnapshotPart.snapshot_id == snapshot_id, SnapshotPart.deal_id.in_(wanted))
    )  # fmt: skip
    found: dict[int, list[Part]] = {}
    for deal_id, partner_id, pm_id, share in rows:
        found.setdefault(deal_id, []).append(Part(partner_id, pm_id, share))
    return {deal_id: tuple(sorted(parts, key=_order)) for deal_id, parts in found.items()}


def _order(part: Part) -> tuple[bool, int, int]:
    """The largest share first, the rest last."""
    return part.partner_id == REST, -part.share, part.partner_id


def _whole(partner_id: int, pm_id: int | None) -> tuple[Part, ...]:
    return (Part(partner_id, pm_id, WHOLE),)


def _won(pair: Subquery, won_only: bool) -> Any:
    if not won_only:
        return true()
    return or_(pair.c.b_category == Category.WON, pair.c.n_category == Category.WON)


def _same(old: DealAt | None, new: DealAt | None) -> bool:
    """Whether a deal that counts stands as it stood, whatever its rate is."""
    return (
        old is not None and new is not None and old.value is not None and old.value == new.value
        and old.amount == new.amount and old.category == new.category and old.parts == new.parts
        and old.currency == new.currency and old.partner_id == new.partner_id and old.pm_id == new.pm_id
        and old.close_date == new.close_date
    )  # fmt: skip
