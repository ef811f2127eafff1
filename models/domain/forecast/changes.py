"""What changed: every deal's difference between two sets of lines, split over the kinds of change.

The changes of one deal are applied one after the other, in the order of `ChangeKind`, and the deal is valued after each.
What a step adds or takes is that kind's, so the steps of a deal add up to its difference exactly, in each band, for each
partner and each manager, and so do the sums over deals.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from operator import add, attrgetter
from typing import Generic, TypeVar

from models.domain.deals import Category
from models.domain.fiscal import Quarter
from models.domain.forecast.facts import Bands, ChangeKind, ChangeLine
from models.domain.forecast.parts import REST, Part, divide
from models.domain.forecast.rates import Rate, convert

BANDS = (Category.WON, Category.COMMIT, Category.BEST_CASE, Category.PIPELINE)
"""The categories that count, in the order of `Bands`."""
NO_RATES: Mapping[str, Rate] = {}
_PLACE = {str(band): place for place, band in enumerate(BANDS)}
_DEALS, _UNKNOWN = len(BANDS), len(BANDS) + 1
_WIDTH = len(BANDS) + 2
_ASSIGNED = attrgetter("parts", "partner_id", "pm_id", "kind")
_Key = TypeVar("_Key")


@dataclass(frozen=True, slots=True)
class DealAt:
    """One deal as it stands in a set of lines, or as it stood when it did not count.

    `amount` in minor units of `currency`, None where unknown; `value` is the amount in the reporting currency, as stored,
    None where the amount is unknown or nobody had to convert it. `rate` is the rate it is or would be converted at. `kind`
    is the attribution in force. `parts` include the rest; without any the deal has no partner and does not count.
    `partner_id` and `pm_id` are the primary partner and its manager: above the partner the deal is counted once, there.
    """

    deal_id: int
    category: str
    kind: str
    close_date: date | None
    currency: str
    amount: int | None
    rate: Rate | None
    value: int | None
    parts: tuple[Part, ...]
    partner_id: int | None
    pm_id: int | None

    def counts(self, quarter: Quarter) -> bool:
        """Whether the deal stands in the quarter: with a partner, won or open, and closing in it."""
        in_time = self.close_date is not None and self.close_date in quarter
        return in_time and bool(self.parts) and self.category in _PLACE


@dataclass(frozen=True, slots=True)
class Moved:
    """Money that a kind of change adds to a band, or takes: at one partner (0: the rest), manager and attribution."""

    kind: ChangeKind
    band: str
    partner_id: int
    pm_id: int | None
    attribution: str
    amount: int


@dataclass(frozen=True, slots=True)
class Counted:
    """Deals that a kind of change brings in, or takes away, and how many of them have no known amount.

    At a partner (0: the rest), or, with `partner_id` None, above the partners, where a deal with several counts once.
    """

    kind: ChangeKind
    partner_id: int | None
    pm_id: int | None
    attribution: str
    deals: int
    unknown: int


@dataclass(frozen=True, slots=True)
class Delta:
    """What one kind of change does to one deal: never nothing."""

    kind: ChangeKind
    moved: tuple[Moved, ...]
    counted: tuple[Counted, ...]


def split(
    before: DealAt | None, after: DealAt | None, quarter: Quarter, old_rates: Mapping[str, Rate] = NO_RATES
) -> tuple[Delta, ...]:
    """One deal's difference in a quarter, by kind of change, in the order of `ChangeKind`.

    `before` None: the deal was not there yet, and all of it is new. `after` None: it is there no longer (merged as a
    duplicate), and leaves on the same line. A deal that counts on neither side gives nothing, whatever happened to it.

    While stepping, a deal has the value it had: `before.value`, or its amount at its old rate, or, where nobody knows
    that, at the new one. `old_rates` are the base's rates by currency, for a deal whose currency was changed.
    """
    was = before is not None and before.counts(quarter)
    is_now = after is not None and after.counts(quarter)
    if not (was or is_now) or before == after:
        return ()
    if before is None or after is None:
        return _delta(ChangeKind.NEW, before if was else None, after if is_now else None, quarter)
    steps = _steps(_valued(before, after, was=was), after, old_rates)
    return tuple(delta for kind, old, new in steps for delta in _delta(kind, old, new, quarter))


def _valued(before: DealAt, after: DealAt, *, was: bool) -> DealAt:
    """The deal as it was, with the value it has while stepping."""
    if was or before.value is not None or before.amount is None:
        return before
    rate = before.rate
    if rate is None and before.currency == after.currency:
        rate = after.rate
    # Where nobody can say what it was worth, it was worth what it is worth now: no line may say that it grew.
    if rate is None:
        return replace(before, currency=after.currency, amount=after.amount, value=after.value)
    return replace(before, value=convert(before.amount, rate))


def _steps(deal: DealAt, after: DealAt, old_rates: Mapping[str, Rate]) -> Iterator[tuple[ChangeKind, DealAt, DealAt]]:
    """The deal before and after each change, in the order of `ChangeKind`; the last one leaves it worth what `after` is."""
    crossing = _crossing(deal.category, after.category)
    if crossing is not None:
        following = replace(deal, category=after.category)
        yield crossing, deal, following
        deal = following
    if _ASSIGNED(deal) != _ASSIGNED(after):
        following = replace(deal, parts=after.parts, partner_id=after.partner_id, pm_id=after.pm_id, kind=after.kind)
        yield ChangeKind.REASSIGNED, deal, following
        deal = following
    if deal.category != after.category:
        following = replace(deal, category=after.category)
        yield ChangeKind.RECATEGORISED, deal, following
        deal = following
    if deal.close_date != after.close_date:
        following = replace(deal, close_date=after.close_date)
        yield _direction(deal.close_date, after.close_date), deal, following
        deal = following
    if (deal.amount, deal.currency) != (after.amount, after.currency):
        following = _resized(deal, after, old_rates)
        yield _growth(deal, following), deal, following
        deal = following
    if deal.value != after.value:
        yield ChangeKind.RATE, deal, after


def _crossing(before: str, after: str) -> ChangeKind | None:
    """The line of a deal that was won, lost or reopened; None where it stays open, won or lost."""
    if _side(before) == _side(after):
        return None
    return {Category.WON: ChangeKind.WON, Category.LOST: ChangeKind.LOST}.get(_side(after), ChangeKind.REOPENED)


def _side(category: str) -> Category:
    """Won, lost, or open, for which pipeline stands."""
    return Category(category) if category in (Category.WON, Category.LOST) else Category.PIPELINE


def _direction(before: date | None, after: date | None) -> ChangeKind:
    """From none to a date is pulled in, from a date to none pushed out; the two differ."""
    pulled = before is None or (after is not None and after < before)
    return ChangeKind.PULLED_IN if pulled else ChangeKind.PUSHED_OUT


def _resized(deal: DealAt, after: DealAt, old_rates: Mapping[str, Rate]) -> DealAt:
    """The deal with its new amount, valued at the old rate."""
    rate = deal.rate if deal.currency == after.currency else old_rates.get(after.currency)
    rate = rate or after.rate
    value = after.value if after.amount is None or rate is None else convert(after.amount, rate)
    return replace(deal, currency=after.currency, amount=after.amount, rate=rate, value=value)


def _growth(before: DealAt, after: DealAt) -> ChangeKind:
    """By the amounts where they are in one currency, else by their values. An amount that becomes known as 0 is bigger."""
    if before.currency == after.currency:
        old, new = before.amount, after.amount
    else:
        old, new = before.value, after.value
    bigger = (new or 0, new is not None) > (old or 0, old is not None)
    return ChangeKind.BIGGER if bigger else ChangeKind.SMALLER


_Money = dict[tuple[str, int, int | None, str], int]
_Counts = dict[tuple[int | None, int | None, str], tuple[int, int]]


def _delta(kind: ChangeKind, old: DealAt | None, new: DealAt | None, quarter: Quarter) -> tuple[Delta, ...]:
    """What a step does, as one delta; none where it does nothing."""
    money: _Money = {}
    counts: _Counts = {}
    for deal, sign in ((old, -1), (new, 1)):
        if deal is not None and deal.counts(quarter):
            _add(deal, sign, money, counts)
    moved = tuple(Moved(kind, *key, amount) for key, amount in money.items() if amount)
    counted = tuple(Counted(kind, *key, *numbers) for key, numbers in counts.items() if any(numbers))
    return (Delta(kind, moved, counted),) if moved or counted else ()


def _add(deal: DealAt, sign: int, money: _Money, counts: _Counts) -> None:
    """Add what a deal that counts contributes, with its sign."""
    for part, value in zip(deal.parts, divide(deal.value or 0, deal.parts), strict=True):
        key = (deal.category, part.partner_id, part.pm_id, deal.kind)
        money[key] = money.get(key, 0) + sign * value
    at = ((part.partner_id, part.pm_id, deal.kind) for part in deal.parts)
    for place in dict.fromkeys(((None, deal.pm_id, deal.kind), *at)):
        deals, unknown = counts.get(place, (0, 0))
        counts[place] = (deals + sign, unknown + sign * (deal.value is None))


class _Scope(Generic[_Key]):
    """The sums of one level: for each key and kind of change the bands, deals and unknown, and how many deals moved."""

    def __init__(self, key: Callable[[Moved | Counted], _Key], *, above: bool) -> None:
        self._key = key
        self._above = above
        self._sums: dict[_Key, dict[ChangeKind, list[int]]] = {}

    def add(self, delta: Delta) -> None:
        found: dict[_Key, list[int]] = {}
        for moved in delta.moved:
            found.setdefault(self._key(moved), [0] * _WIDTH)[_PLACE[moved.band]] += moved.amount
        for counted in delta.counted:
            if (counted.partner_id is None) == self._above:
                cell = found.setdefault(self._key(counted), [0] * _WIDTH)
                cell[_DEALS] += counted.deals
                cell[_UNKNOWN] += counted.unknown
        for key, cell in found.items():
            if any(cell):
                sums = self._sums.setdefault(key, {}).setdefault(delta.kind, [0] * (_WIDTH + 1))
                sums[:] = [*map(add, sums, cell), sums[-1] + 1]

    def lines(self) -> dict[_Key, tuple[ChangeLine, ...]]:
        return {key: tuple(_lines(sums)) for key, sums in self._sums.items()}


def _lines(sums: Mapping[ChangeKind, list[int]]) -> Iterator[ChangeLine]:
    for kind in ChangeKind:
        if kind in sums:
            won, commit, best_case, pipeline, deals, unknown, standing = sums[kind]
            bands = Bands(won=won, commit=commit, best_case=best_case, pipeline=pipeline, deals=deals, unknown=unknown)
            yield ChangeLine(kind=kind, bands=bands, deals=standing)


class Ledger:
    """The lines of what changed, summed over many deals: for the program, by manager, kind, partner and part.

    Add the deltas of one deal with one call: a line's `deals` counts the deals that stand on it. A deal whose change
    cancels out in a place, such as one that went from a partner to another of the same manager, does not stand on a line
    of that manager. Lines are in the order of `ChangeKind`; a kind on which no deal stands has none.
    """

    def __init__(self) -> None:
        self._program: _Scope[None] = _Scope(lambda _: None, above=True)
        self._pms: _Scope[int | None] = _Scope(lambda one: one.pm_id, above=True)
        self._kinds: _Scope[str] = _Scope(lambda one: one.attribution, above=True)
        self._partners: _Scope[int] = _Scope(lambda one: one.partner_id or REST, above=False)
        self._parts: _Scope[tuple[int | None, int]] = _Scope(
            lambda one: (one.pm_id, one.partner_id or REST), above=False
        )

    def add(self, deltas: Iterable[Delta]) -> None:
        """Add one deal's deltas, as one `split` gave them."""
        for delta in deltas:
            self._program.add(delta)
            self._pms.add(delta)
            self._kinds.add(delta)
            self._partners.add(delta)
            self._parts.add(delta)

    def program(self) -> tuple[ChangeLine, ...]:
        return self._program.lines().get(None, ())

    def by_pm(self) -> dict[int | None, tuple[ChangeLine, ...]]:
        """By the manager: of a part its partner's, of deals and unknown the primary partner's."""
        return self._pms.lines()

    def by_kind(self) -> dict[str, tuple[ChangeLine, ...]]:
        """By the attribution in force, "" where none is known."""
        return self._kinds.lines()

    def by_partner(self) -> dict[int, tuple[ChangeLine, ...]]:
        """By partner, whoever manages it; 0 is the rest of all managers."""
        return self._partners.lines()

    def by_part(self) -> dict[tuple[int | None, int], tuple[ChangeLine, ...]]:
        """By manager and partner, so that a manager's money is the sum of theirs.

        A partner that went to another manager is reassigned here, and not in `by_partner`.
        """
        return self._parts.lines()
