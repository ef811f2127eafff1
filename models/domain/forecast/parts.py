"""Dividing money so that not a cent is lost or made: by largest remainder, among weights or among partners' shares."""

from collections.abc import Sequence
from dataclasses import dataclass

from models.domain.forecast.facts import WHOLE

REST = 0
"""The partner id of what is no partner's share."""


@dataclass(frozen=True, slots=True)
class Part:
    """A partner's share of a deal, in basis points, and the partner's manager. `partner_id` 0 is the rest."""

    partner_id: int
    pm_id: int | None
    share: int


def settle(total: int, numerators: Sequence[int], denominator: int) -> list[int]:
    """Whole numbers near `numerators` / `denominator` that add up to `total`, which is the rounded sum of them.

    Each is rounded down; what is then left goes by one to those with the largest remainders, of equal ones to the earlier.
    """
    wholes = [numerator // denominator for numerator in numerators]
    left = total - sum(wholes)
    by_remainder = sorted(range(len(wholes)), key=lambda place: -(numerators[place] % denominator))
    for place in by_remainder[:left]:
        wholes[place] += 1
    return wholes


def largest_remainder(total: int, weights: Sequence[int]) -> list[int]:
    """`total` divided in proportion to `weights`, which are not negative: whole numbers that add up to it exactly.

    Ties go to the earlier. A negative total is divided like the positive one, so that a credit undoes its invoice. Where
    all weights are zero, everything is the first's.

    Raises:
        ValueError: there are no weights, or one is negative.
    """
    if not weights:
        raise ValueError("Nothing can be divided among nobody.")
    if min(weights) < 0:
        raise ValueError("A weight is negative.")
    whole = sum(weights)
    if not whole:
        return [total, *[0] * (len(weights) - 1)]
    sign = -1 if total < 0 else 1
    size = abs(total)
    return [sign * part for part in settle(size, [size * weight for weight in weights], whole)]


def parts_with_rest(parts: Sequence[Part], primary_pm: int | None) -> tuple[Part, ...]:
    """The parts, largest share first, and last what is nobody's share: partner 0, under the primary partner's manager.

    The order does not depend on the order given, so that the same shares always divide a value in the same way.
    """
    ordered = tuple(sorted(parts, key=lambda part: (-part.share, part.partner_id)))
    rest = WHOLE - sum(part.share for part in parts)
    return (*ordered, Part(REST, primary_pm, rest)) if rest > 0 else ordered


def divide(value: int, parts: Sequence[Part]) -> list[int]:
    """What of `value` is each part's, in their order: adds up to it exactly.

    Raises:
        ValueError: there are no parts.
    """
    if len(parts) == 1:
        return [value]
    return largest_remainder(value, [part.share for part in parts])
