"""The lines of what changed, added up at every level; deals that changed alike are added together."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from models.domain.forecast.changes import BANDS, Delta
from models.domain.forecast.facts import Bands, ChangeKind, ChangeLine
from models.domain.forecast.parts import REST
from models.forecast.scope import HIDDEN

WIDTH = len(BANDS) + 3
"""A cell: the bands, deals and unknown as they differ, and how many deals stand on it."""
_PLACE = {str(band): place for place, band in enumerate(BANDS)}
Key = tuple[str, int | None]


@dataclass
class Lines:
    """The lines of what changed, of the program, of each manager, of each partner and of each manager's rest."""

    sums: dict[Key, dict[ChangeKind, list[int]]] = field(default_factory=dict)

    def add(self, deltas: Iterable[Delta], times: int = 1) -> None:
        """Add what `split` gave for one deal, or for `times` deals at once whose money is added up in it already."""
        for delta in deltas:
            for key, cell in line_cells(delta, times).items():
                if any(cell):
                    sums = self.cell(key, delta.kind)
                    for place, number in enumerate(cell):
                        sums[place] += number
                    sums[-1] += times

    def cell(self, key: Key, kind: ChangeKind) -> list[int]:
        """What stands on a line, to be added to."""
        kinds = self.sums.get(key)
        if kinds is None:
            kinds = self.sums[key] = {}
        cell = kinds.get(kind)
        if cell is None:
            cell = kinds[kind] = [0] * WIDTH
        return cell

    def copy(self) -> "Lines":
        return Lines({key: {kind: [*cell] for kind, cell in kinds.items()} for key, kinds in self.sums.items()})

    def program(self) -> tuple[ChangeLine, ...]:
        return self._lines(("program", None))

    def pm(self, pm_id: int | None) -> tuple[ChangeLine, ...]:
        return self._lines(("pm", pm_id))

    def partner(self, partner_id: int, pm_id: int | None) -> tuple[ChangeLine, ...]:
        """A partner's, whoever managed it; of partner 0 the rest under this manager."""
        return self._lines(("rest", pm_id) if partner_id == REST else ("partner", partner_id))

    @property
    def pms(self) -> set[int | None]:
        return {of for level, of in self.sums if level == "pm"}

    @property
    def partners(self) -> set[int]:
        return {of for level, of in self.sums if level == "partner" and of is not None}

    @property
    def rests(self) -> set[int | None]:
        return {of for level, of in self.sums if level == "rest"}

    def _lines(self, key: Key) -> tuple[ChangeLine, ...]:
        found = self.sums.get(key, {})
        return tuple(line_of(kind, found[kind]) for kind in ChangeKind if kind in found)


def line_of(kind: ChangeKind, cell: list[int]) -> ChangeLine:
    won, commit, best_case, pipeline, deals, unknown, standing = cell
    bands = Bands(won=won, commit=commit, best_case=best_case, pipeline=pipeline, deals=deals, unknown=unknown)
    return ChangeLine(kind=kind, bands=bands, deals=standing)


def line_cells(delta: Delta, times: int) -> dict[Key, list[int]]:
    """What a delta does at each level. Above the partner a deal is counted once."""
    found: dict[Key, list[int]] = {}
    for moved in delta.moved:
        for key in (("program", None), ("pm", moved.pm_id), _partner_key(moved.partner_id, moved.pm_id)):
            if moved.partner_id != HIDDEN:
                found.setdefault(key, [0] * WIDTH)[_PLACE[moved.band]] += moved.amount
    for counted in delta.counted:
        if HIDDEN in (counted.partner_id, counted.pm_id):
            continue
        above: tuple[Key, ...] = (("program", None), ("pm", counted.pm_id))
        keys = above if counted.partner_id is None else (_partner_key(counted.partner_id, counted.pm_id),)
        for key in keys:
            cell = found.setdefault(key, [0] * WIDTH)
            cell[-3] += counted.deals * times
            cell[-2] += counted.unknown * times
    return found


def _partner_key(partner_id: int, pm_id: int | None) -> Key:
    return ("rest", pm_id) if partner_id == REST else ("partner", partner_id)
