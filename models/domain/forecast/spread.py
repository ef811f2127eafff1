"""By how much quarters differ beyond chance: weights for each spread that is thought possible, never a single guess.

A spread is the standard deviation of what a quarter adds to the log odds of its deals, or to the logarithm of the number
of its arrivals. With a handful of quarters nobody can know it, so every one is drawn in proportion to how well it fits.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

SPREADS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2)
USUAL = 0.4
"""What is believed before looking: most quarters differ by less than this."""
PACES = (0.0, 0.1, 0.2, 0.3)
USUAL_PACE = 0.15


@dataclass(frozen=True, slots=True)
class Shift:
    """What the next quarter may add to the log odds of all its deals, and how well the past fits it (`weight`)."""

    weight: float
    mean: float
    deviation: float


def of_odds(wins: Sequence[int], expected: Sequence[float], variances: Sequence[float]) -> list[Shift]:
    """Every shift thought possible, from the deals won in each quarter, oldest first, and what chance would make of them.

    All of one length; a quarter without variance tells nothing. Each stands for a spread of quarters around a level and a
    pace at which the level itself wanders, so that recent quarters count more where the past shows a trend.
    """
    seen = [
        ((won - mean) / variance, 1 / variance) if variance else None
        for won, mean, variance in zip(wins, expected, variances, strict=True)
    ]
    known = sum(variances)
    fits = [(_follow(seen, spread, pace), spread, pace) for spread in SPREADS for pace in PACES]
    weights = _weights([fit - _doubt(spread, USUAL) - _doubt(pace, USUAL_PACE) for (fit, _, _), spread, pace in fits])
    return [
        # The chances of the categories are unsure of themselves already, by as much as the number of deals leaves open.
        Shift(
            weight, level, math.sqrt(max(0.0, variance - (1 / known if known else 0)) + pace * pace + spread * spread)
        )
        for weight, ((_, level, variance), spread, pace) in zip(weights, fits, strict=True)
    ]


def _follow(seen: Sequence[tuple[float, float] | None], spread: float, pace: float) -> tuple[float, float, float]:
    """Log likelihood, and the level after the last quarter with its variance: a Kalman filter, one step for each quarter."""
    fit, level, variance = 0.0, 0.0, 1.0
    for one in seen:
        variance += pace * pace
        if one is not None:
            shift, error = one
            whole = variance + error + spread * spread
            gain = variance / whole
            fit -= 0.5 * (math.log(whole) + (shift - level) ** 2 / whole)
            level += gain * (shift - level)
            variance *= 1 - gain
    return fit, level, variance


def of_numbers(numbers: Sequence[int]) -> list[float]:
    """Weights of `SPREADS`, from the number of arrivals in each quarter (negative binomial around their mean)."""
    mean = (sum(numbers) + 0.5) / len(numbers)
    return _weights([_fit_of_numbers(numbers, mean, spread) - _doubt(spread, USUAL) for spread in SPREADS])


def _fit_of_numbers(numbers: Sequence[int], mean: float, spread: float) -> float:
    if not spread:
        return sum(number * math.log(mean) - mean - math.lgamma(number + 1) for number in numbers)
    shape = 1 / math.expm1(spread * spread)
    fixed = shape * math.log(shape / (shape + mean)) - math.lgamma(shape)
    each = math.log(mean / (shape + mean))
    return sum(math.lgamma(number + shape) - math.lgamma(number + 1) + fixed + number * each for number in numbers)


def _doubt(spread: float, usual: float) -> float:
    return 0.5 * (spread / usual) ** 2


def _weights(fits: Sequence[float]) -> list[float]:
    """Log likelihoods as weights; the best is 1, so that nothing underflows to nothing."""
    best = max(fits)
    return [math.exp(fit - best) for fit in fits]
