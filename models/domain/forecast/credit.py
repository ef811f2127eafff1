"""An AE's quota credit: what they won, times the ratio of each deal's kind, rounded once for each AE.

The deals' own credit is settled from the AE's by largest remainder, so that a page of deals adds up to the cent.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from models.domain.forecast.facts import WHOLE, AttributionState, CreditFacts, Ratios
from models.domain.forecast.parts import settle
from models.domain.forecast.rounding import half_even

SIGNED = frozenset({AttributionState.SIGNED, AttributionState.LATE})
"""The states of attribution that have both signatures."""


@dataclass(frozen=True, slots=True)
class Won:
    """A deal won in the quarter. `value` in minor units of the reporting currency, negative for a credit note.

    `person_id` is its owner, None where it has none. `kind` is its attribution, "" where none is known.
    """

    deal_id: int
    person_id: int | None
    value: int
    kind: str
    state: AttributionState


@dataclass(frozen=True, slots=True)
class DealCredit:
    """What one deal gives its owner: `value` × `ratio` (basis points), the cents settled so that deals add up to the AE's."""

    deal: Won
    ratio: int
    credit: int


def credit(deals: Iterable[Won], ratios: Ratios) -> tuple[CreditFacts, ...]:
    """The credit of each owner, the largest first; of equal ones the lower id, and deals without owner last."""
    found = [_facts(person_id, lines) for person_id, lines in _by_owner(by_deal(deals, ratios))]
    return tuple(sorted(found, key=lambda line: (-line.credit, line.person_id is None, line.person_id or 0)))


def by_deal(deals: Iterable[Won], ratios: Ratios) -> tuple[DealCredit, ...]:
    """The credit of each deal, in the order given; those of one owner add up to their credit exactly."""
    listed = list(deals)
    places: dict[int | None, list[int]] = {}
    for place, deal in enumerate(listed):
        places.setdefault(deal.person_id, []).append(place)
    given = [0] * len(listed)
    for own in places.values():
        exact = [listed[place].value * ratios.of(listed[place].kind) for place in own]
        for place, settled in zip(own, settle(half_even(sum(exact), WHOLE), exact, WHOLE), strict=True):
            given[place] = settled
    return tuple(DealCredit(deal, ratios.of(deal.kind), settled) for deal, settled in zip(listed, given, strict=True))


def _by_owner(lines: Iterable[DealCredit]) -> Iterable[tuple[int | None, Sequence[DealCredit]]]:
    owners: dict[int | None, list[DealCredit]] = {}
    for line in lines:
        owners.setdefault(line.deal.person_id, []).append(line)
    return owners.items()


def _facts(person_id: int | None, lines: Sequence[DealCredit]) -> CreditFacts:
    return CreditFacts(
        person_id=person_id,
        won=sum(line.deal.value for line in lines),
        credit=sum(line.credit for line in lines),
        unsigned=sum(line.credit for line in lines if line.deal.state not in SIGNED),
        deals=len(lines),
    )
