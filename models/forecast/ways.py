"""The ways in which simple deals change: each is split once, and what it does is true of every group that changed so.

What a group adds to a line are its amounts before, its amounts after, or what lies between; which of them depends on the
way alone: on categories, close dates and the signs of the amounts, but neither on their size nor on whose the deals are.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import NamedTuple

from models.domain.forecast.changes import Delta
from models.domain.forecast.facts import ChangeKind
from models.forecast.tally import Lines, line_cells

OLD, NEW = 1, 2
"""Stand for who had a deal before and who has it after; OLD for both where they are the same."""
_SMALL, _LARGE = 1_000, 1_000_000


class Way(NamedTuple):
    """How a group changed. `grown` and the signs are those of `pairs.grouped`: None where an amount is unknown."""

    b_there: bool
    b_category: str
    b_place: int
    b_sign: int | None
    n_there: bool
    n_category: str
    n_place: int
    n_sign: int | None
    grown: int | None
    same_partner: bool
    same_pm: bool

    def example(self) -> tuple[int | None, int | None]:
        """An amount before and one after that are of this way, and can be told apart in what they add up to."""
        before = after = _LARGE
        if self.grown:  # a difference has the sign of the larger amount where that is the later one
            before, after = (_SMALL, _LARGE) if self.n_sign == self.grown else (_LARGE, _SMALL)
        return (
            None if self.b_sign is None else before * self.b_sign,
            None if self.n_sign is None else after * self.n_sign,
        )


class Whose(NamedTuple):
    """Whose the deals of a group are on one side, and their amounts added up: 0 where they are unknown."""

    partner: int | None
    pm: int | None
    amount: int


class _Effect(NamedTuple):
    """What a way does on one line: to a band, how often both amounts are added; to the counts, what each deal is."""

    level: str
    of: int | None
    kind: ChangeKind
    money: tuple[tuple[int, int, int], ...]
    deals: int
    unknown: int


@dataclass
class Ways:
    """What each way does, found out when it is first met: `split` splits a deal that stands for all of it."""

    split: Callable[[Way], Iterable[Delta]]
    known: dict[Way, tuple[_Effect, ...]] = field(default_factory=dict)

    def add(self, lines: Lines, way: Way, before: Whose, after: Whose, deals: int) -> None:
        """Add what a group of so many deals changed."""
        effects = self.known.get(way)
        if effects is None:
            effects = self.known[way] = tuple(self._effects(way))
        for level, of, kind, money, each, unknown in effects:
            whose = before if of == OLD else after
            cell = lines.cell((level, None if of is None else whose.partner if level == "partner" else whose.pm), kind)
            for place, old, new in money:
                cell[place] += old * before.amount + new * after.amount
            cell[-3] += each * deals
            cell[-2] += unknown * deals
            cell[-1] += deals

    def _effects(self, way: Way) -> Iterator[_Effect]:
        for delta in self.split(way):
            for (level, of), cell in line_cells(delta, 1).items():
                if any(cell):
                    *bands, deals, unknown, _ = cell
                    money = tuple((place, *_made_of(sums, way)) for place, sums in enumerate(bands) if sums)
                    yield _Effect(level, of, delta.kind, money, deals, unknown)


def _made_of(sums: int, way: Way) -> tuple[int, int]:
    """How often the amounts before and after are in what the example did to a band."""
    before, after = way.example()
    return next(
        (old, new)
        for old, new in product((0, 1, -1), repeat=2)
        if old * (before or 0) + new * (after or 0) == sums
    )  # fmt: skip
