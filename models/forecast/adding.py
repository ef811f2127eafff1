"""Cells and lines added up to partners, managers, kinds and currencies: every level from the same parts."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from models.domain.deals import Attribution
from models.domain.forecast.changes import BANDS
from models.domain.forecast.facts import AttributionState, Bands, CurrencyPart, KindPart, RateUsed, StatePart
from models.domain.forecast.parts import REST, divide
from models.domain.forecast.rates import MissingRate, Rate
from models.forecast.counting import Line
from models.forecast.looking import Cell
from models.forecast.rates import written
from models.forecast.scope import HIDDEN, Scope

_PLACE = {str(band): place for place, band in enumerate(BANDS)}
_DEALS, _UNKNOWN, _WIDTH = len(BANDS), len(BANDS) + 1, len(BANDS) + 2
Place = tuple[int | None, int]
"""A manager and a partner (0: the rest)."""


def bands_of(sums: list[int]) -> Bands:
    won, commit, best_case, pipeline, deals, unknown = sums
    return Bands(won=won, commit=commit, best_case=best_case, pipeline=pipeline, deals=deals, unknown=unknown)


def _zeros() -> list[int]:
    return [0] * _WIDTH


@dataclass
class Sums:
    """What the deals of a scope add up to.

    `parts` by manager and partner, each deal counted at every partner; `counts` (deals, unknown) by manager, each deal once;
    `kinds` by kind and state and `currencies` (as they are, converted), each deal once.
    """

    scope: Scope
    parts: dict[Place, list[int]] = field(default_factory=dict)
    counts: dict[int | None, list[int]] = field(default_factory=dict)
    kinds: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    currencies: dict[str, tuple[list[int], list[int]]] = field(default_factory=dict)
    rates: Counter[tuple[str, date]] = field(default_factory=Counter)
    used: dict[tuple[str, date], Rate] = field(default_factory=dict)
    unowned: int = 0
    missing: MissingRate | None = None

    def add_cell(self, cell: Cell) -> None:
        """Simple deals: one partner's, in the reporting currency."""
        place = _PLACE[cell.category]
        pm_id = self.scope.pms.get(cell.partner_id)
        self.unowned += cell.unowned
        for sums in (
            self.parts.setdefault((pm_id, cell.partner_id), _zeros()),
            self.kinds.setdefault((cell.kind, cell.state), _zeros()),
            *self.currencies.setdefault(self.scope.into, (_zeros(), _zeros())),
        ):
            sums[place] += cell.amount
            sums[_DEALS] += cell.deals
            sums[_UNKNOWN] += cell.unknown
        self._count(pm_id, cell.deals, cell.unknown)

    def add_line(self, line: Line) -> None:
        """A deal in a foreign currency, or of several partners."""
        self.missing = self.missing or line.missing
        unknown, place = int(line.amount is None), _PLACE[line.category]
        counted = self.scope.sees(line.partner_id)
        value, amount = self._add_parts(line, place, unknown)
        whole, converted = self.currencies.setdefault(line.currency, (_zeros(), _zeros()))
        kinds = self.kinds.setdefault((line.kind, line.state), _zeros())
        whole[place] += amount
        converted[place] += value
        kinds[place] += value
        if counted:
            for sums in (kinds, whole, converted):
                sums[_DEALS] += 1
                sums[_UNKNOWN] += unknown
            self._count(self.scope.pms.get(line.partner_id), 1, unknown)
            self.unowned += line.owner_id is None
        if line.rate is not None and line.rate_day is not None:
            self.rates[line.currency, line.rate_day] += 1
            self.used[line.currency, line.rate_day] = line.rate

    def _add_parts(self, line: Line, place: int, unknown: int) -> tuple[int, int]:
        """Add each partner's part; the value and the amount of all that may be seen."""
        values, amounts = divide(line.value or 0, line.parts), divide(line.amount or 0, line.parts)
        seen = seen_amount = 0
        for part, value, amount in zip(line.parts, values, amounts, strict=True):
            if part.partner_id == HIDDEN:
                continue
            sums = self.parts.setdefault((part.pm_id, part.partner_id), _zeros())
            sums[place] += value
            sums[_DEALS] += 1
            sums[_UNKNOWN] += unknown
            seen, seen_amount = seen + value, seen_amount + amount
        return seen, seen_amount

    def _count(self, pm_id: int | None, deals: int, unknown: int) -> None:
        counted = self.counts.setdefault(pm_id, [0, 0])
        counted[0] += deals
        counted[1] += unknown

    @cached_property
    def expected(self) -> set[int]:
        """Partners with an open or won deal in the quarter; asked once all is added."""
        return {partner_id for (_, partner_id), sums in self.parts.items() if partner_id != REST and sums[_DEALS]}

    @property
    def deals(self) -> int:
        """How many deals count, each once."""
        return sum(deals for deals, _ in self.counts.values())

    @property
    def unknown(self) -> int:
        """How many of them have no known amount."""
        return sum(unknown for _, unknown in self.counts.values())

    @property
    def unattributed(self) -> int:
        """How many of them have no kind of attribution."""
        return sum(cell[_DEALS] for (kind, _), cell in self.kinds.items() if not kind)

    def by_partner(self) -> dict[int, Bands]:
        """Each partner's bands; a partner has one manager, so it stands in one place."""
        return {partner_id: bands_of(sums) for (_, partner_id), sums in self.parts.items() if partner_id != REST}

    def bands(self, pm_id: int | None, partner_id: int) -> Bands:
        return bands_of(self.parts.get((pm_id, partner_id), _zeros()))

    def pm_bands(self, pm_id: int | None) -> Bands:
        """A manager's money is the sum of their partners'; deals are counted once, where they are primary."""
        money = [sum(column) for column in zip(*self._of(pm_id), strict=True)] or _zeros()
        money[_DEALS:] = self.counts.get(pm_id, [0, 0])
        return bands_of(money)

    def _of(self, pm_id: int | None) -> Iterable[list[int]]:
        return [sums for (manager, _), sums in self.parts.items() if manager == pm_id]

    def by_kind(self) -> tuple[KindPart, ...]:
        """Kinds in the order of their definition, unknown last; states in their own order."""
        return tuple(
            KindPart(
                kind=kind,
                bands=Bands.sum(bands_of(sums) for (name, _), sums in self.kinds.items() if name == kind),
                states=tuple(
                    StatePart(state=state, bands=bands_of(self.kinds[kind.value, state.value]))
                    for state in AttributionState
                    if (kind.value, state.value) in self.kinds
                ),
            )
            for kind in Attribution
            if any(name == kind for name, _ in self.kinds)
        )

    def by_currency(self) -> tuple[CurrencyPart, ...]:
        """The reporting currency first, then by name."""
        order = sorted(self.currencies, key=lambda currency: (currency != self.scope.into, currency))
        return tuple(
            CurrencyPart(
                currency=currency,
                original=bands_of(self.currencies[currency][0]),
                converted=bands_of(self.currencies[currency][1]),
            )
            for currency in order
        )

    def rates_used(self) -> tuple[RateUsed, ...]:
        return tuple(
            RateUsed(
                currency=currency, day=day, from_day=self.used[currency, day].day,
                rate=written(self.used[currency, day].value), deals=deals,
            )
            for (currency, day), deals in sorted(self.rates.items())
        )  # fmt: skip
