"""An AE's quota credit: what they won, times the ratio of each deal's kind, rounded once for each AE.

It is settled by largest remainder, first between what both have signed and what rests on fewer signatures, then between the
deals of each, so that a page of deals adds up to the cent and an AE's credit can be worked out from sums alone.
"""

from collections import defaultdict
from collections.abc import Iterable
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
class Earned:
    """The sum of an owner's won deals of one kind and state: all that their credit is made of."""

    person_id: int | None
    kind: str
    state: AttributionState
    value: int
    deals: int = 1


@dataclass(frozen=True, slots=True)
class DealCredit:
    """What one deal gives its owner: `value` × `ratio` (basis points), the cents settled so that deals add up to the AE's."""

    deal: Won
    ratio: int
    credit: int


def credit(earned: Iterable[Earned | Won], ratios: Ratios) -> tuple[CreditFacts, ...]:
    """The credit of each owner, the largest first; of equal ones the lower id, and deals without owner last."""
    exact: dict[int | None, list[int]] = defaultdict(lambda: [0, 0])
    won: dict[int | None, int] = defaultdict(int)
    deals: dict[int | None, int] = defaultdict(int)
    for one in earned:
        exact[one.person_id][one.state not in SIGNED] += one.value * ratios.of(one.kind)
        won[one.person_id] += one.value
        deals[one.person_id] += one.deals if isinstance(one, Earned) else 1
    found = []
    for person_id, sums in exact.items():
        signed, unsigned = _settled(sums)
        found.append(
            CreditFacts(
                person_id=person_id,
                won=won[person_id],
                credit=signed + unsigned,
                unsigned=unsigned,
                deals=deals[person_id],
            )
        )
    return tuple(sorted(found, key=lambda line: (-line.credit, line.person_id is None, line.person_id or 0)))


def by_deal(deals: Iterable[Won], ratios: Ratios) -> tuple[DealCredit, ...]:
    """The credit of each deal, in the order given; those of one owner add up to their credit exactly."""
    listed = list(deals)
    places: dict[int | None, tuple[list[int], list[int]]] = {}
    for place, deal in enumerate(listed):
        places.setdefault(deal.person_id, ([], []))[deal.state not in SIGNED].append(place)
    exact = [deal.value * ratios.of(deal.kind) for deal in listed]
    given = [0] * len(listed)
    for own in places.values():
        totals = _settled([sum(exact[place] for place in group) for group in own])
        for group, total in zip(own, totals, strict=True):
            for place, settled in zip(group, settle(total, [exact[place] for place in group], WHOLE), strict=True):
                given[place] = settled
    return tuple(DealCredit(deal, ratios.of(deal.kind), settled) for deal, settled in zip(listed, given, strict=True))


def _settled(exact: list[int]) -> list[int]:
    """An owner's credit, rounded once, as what both signed and what they did not."""
    return settle(half_even(sum(exact), WHOLE), exact, WHOLE)
