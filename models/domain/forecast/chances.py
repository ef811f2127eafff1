"""What past quarters say of open deals and of business that is not there yet: fitted once, then drawn from.

Three things are learned, each with how little it may rest on: how often deals of a category were won; what they brought
then for each cent they were worth before; how many deals arrived and how large they were. That quarters differ more than
chance explains is learned as well, and a good quarter is good for all its deals.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from models.domain.forecast.history import OpenDeal, PastDeal, PastQuarter
from models.domain.forecast.spread import SPREADS, of_numbers, of_odds

ONE_BY_ONE = 30
"""So many deals, the largest, are drawn one by one; the others are so many and so small that their sum is normal."""
_TABLE = 100
"""So many values of what is not known for certain are made ready, and one of them taken for each outcome."""
_LOGIT = (16 * math.sqrt(3) / (15 * math.pi)) ** 2
"""The variance of the normal distribution that stands for the logistic one, inverted."""
_SURE = 1e-9
_SHARED = 0.4
"""So far what makes a quarter good for its open deals brings more arrivals too (a correlation)."""


@dataclass(frozen=True, slots=True)
class _Group:
    """Open deals of one category: its log odds, the large deals, and of the small ones the sum and the sum of squares."""

    odds: Sequence[float]
    large: Sequence[int]
    small: int
    squares: int


class _Wins:
    """How often deals were won, by category, and by how much quarters differ in it."""

    def __init__(self, told: Sequence[Sequence[PastDeal]], rng: Random) -> None:
        seen = Counter(deal.category for deals in told for deal in deals)
        won = Counter(deal.category for deals in told for deal in deals if deal.won)
        self._overall = (won.total() + 0.5) / (seen.total() + 1)
        self._seen, self._won, self._rng = seen, won, rng
        chance = {category: (won[category] + self._overall) / (number + 1) for category, number in seen.items()}
        expected = [sum(chance[deal.category] for deal in deals) for deals in told]
        variances = [sum(chance[deal.category] * (1 - chance[deal.category]) for deal in deals) for deals in told]
        self.shifts = of_odds([sum(1 for deal in deals if deal.won) for deals in told], expected, variances)

    def odds(self, category: str) -> list[float]:
        """Log odds that the category may have. It is believed to be like all deals to the extent of one deal."""
        won, lost = self._won[category], self._seen[category] - self._won[category]
        chances = [self._rng.betavariate(won + self._overall, lost + 1 - self._overall) for _ in range(_TABLE)]
        return [math.log(p / (1 - p)) for p in (min(max(chance, _SURE), 1 - _SURE) for chance in chances)]


class _Arrivals:
    """How many deals arrived, how large, and by how much quarters differ in their number."""

    def __init__(self, past: Sequence[PastQuarter], rng: Random) -> None:
        arrived = [quarter.arrived for quarter in past]
        numbers = [len(sizes) for sizes in arrived]
        self._sizes = sorted(size for sizes in arrived for size in sizes)
        self._rng = rng
        self._quarters = len(numbers)
        self._shape = sum(numbers) + 0.5
        self._weights = of_numbers(numbers)
        self._mean, self._deviation = _moments(self._sizes)

    def draw(self, luck: Sequence[float]) -> list[float]:
        """A sum of a quarter's arrivals for each quarter's luck, which is standard normal."""
        if not self._sizes:
            return [0.0] * len(luck)
        spreads = self._rng.choices(SPREADS, self._weights, k=len(luck))
        return [self._sum(self._number(spread, one)) for spread, one in zip(spreads, luck, strict=True)]

    def _number(self, spread: float, luck: float) -> int:
        variance = spread * spread * (1 + 1 / self._quarters)
        usual = self._rng.gammavariate(self._shape, 1 / self._quarters)
        own = _SHARED * luck + math.sqrt(1 - _SHARED**2) * self._rng.gauss(0, 1)
        return _poisson(usual * math.exp(math.sqrt(variance) * own - variance / 2), self._rng)

    def _sum(self, number: int) -> float:
        """Sizes from an urn into which each size drawn goes back twice: so few past sizes as there are count as few."""
        past, sizes, random = len(self._sizes), self._sizes, self._rng.random
        if number > ONE_BY_ONE:
            deviation = self._deviation * math.sqrt(number + number * number / past)
            return max(number * sizes[0], number * self._mean + deviation * self._rng.gauss(0, 1))
        drawn: list[int] = []
        for place in range(number):
            pick = int(random() * (past + place))
            drawn.append(sizes[pick] if pick < past else drawn[pick - past])
        return sum(drawn)


class Chances:
    """What past quarters say: `outcomes` draws quarters from it."""

    def __init__(self, past: Sequence[PastQuarter], rng: Random) -> None:
        self._rng = rng
        told = [quarter.told for quarter in past]
        self._wins = _Wins(told, rng)
        self._arrivals = _Arrivals(past, rng)
        self._ratios = sorted(deal.won / deal.value for deals in told for deal in deals if deal.won) or [1.0]
        self._ratio, self._ratio_deviation = _moments(self._ratios)

    def outcomes(self, deals: Sequence[OpenDeal], count: int) -> list[float]:
        """What `count` quarters add to closed-won from here, from these open deals and what arrives."""
        groups = self._groups(deals)
        shifts = self._rng.choices(self._wins.shifts, [shift.weight for shift in self._wins.shifts], k=count)
        unsure = self._ratio_deviation / self._ratio / math.sqrt(len(self._ratios))
        lucks = [self._rng.gauss(0, 1) for _ in range(count)]
        made = []
        for shift, luck, arrived in zip(shifts, lucks, self._arrivals.draw(lucks), strict=True):
            stretch = math.sqrt(1 + _LOGIT * shift.deviation**2)
            moved = shift.mean + shift.deviation * luck
            brought = sum(self._brought(group, stretch, moved) for group in groups)
            made.append(brought * math.exp(unsure * self._rng.gauss(0, 1) - unsure * unsure / 2) + arrived)
        return made

    def _groups(self, deals: Sequence[OpenDeal]) -> list[_Group]:
        ordered = sorted(deals, key=lambda deal: (-abs(deal.value), deal.value, deal.category))
        large, small = ordered[:ONE_BY_ONE], ordered[ONE_BY_ONE:]
        return [
            _Group(
                self._wins.odds(category),
                [deal.value for deal in large if deal.category == category],
                sum(deal.value for deal in small if deal.category == category),
                sum(deal.value**2 for deal in small if deal.category == category),
            )
            for category in sorted({deal.category for deal in ordered})
        ]

    def _brought(self, group: _Group, stretch: float, moved: float) -> float:
        """What a group's deals bring in one quarter. `stretch` keeps the mean chance what it is however quarters differ."""
        random, ratios = self._rng.random, self._ratios
        chance = 1 / (1 + math.exp(-(stretch * group.odds[int(random() * _TABLE)] + moved)))
        known = len(ratios)
        brought = sum([value * ratios[int(random() * known)] for value in group.large if random() < chance])
        if group.squares:
            square = self._ratio**2 + self._ratio_deviation**2
            variance = group.squares * chance * (square - chance * self._ratio**2)
            small = group.small * chance * self._ratio + math.sqrt(variance) * self._rng.gauss(0, 1)
            brought += max(min(0, group.small), small)
        return brought


def _moments(numbers: Sequence[float]) -> tuple[float, float]:
    """Mean and standard deviation; of one number or none the deviation is not known and taken as 0."""
    if not numbers:
        return 0.0, 0.0
    mean = sum(numbers) / len(numbers)
    return mean, math.sqrt(sum((number - mean) ** 2 for number in numbers) / max(1, len(numbers) - 1))


def _poisson(mean: float, rng: Random) -> int:
    """A number of independent events; normal where there are many."""
    if mean > ONE_BY_ONE:
        return max(0, round(mean + math.sqrt(mean) * rng.gauss(0, 1)))
    random = rng.random
    limit, product, number = math.exp(-mean), random(), 0
    while product > limit:
        product *= random()
        number += 1
    return number
