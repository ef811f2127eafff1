"""The predicted landing: in which range the quarter's closed-won will end, from the team's own past quarters."""

from collections.abc import Sequence
from hashlib import sha256
from random import Random

from models.domain.forecast.chances import Chances
from models.domain.forecast.facts import Landing
from models.domain.forecast.history import OpenDeal, PastDeal, PastQuarter
from models.domain.text import count

__all__ = ["METHOD", "OpenDeal", "PastDeal", "PastQuarter", "landing"]

METHOD = (
    "What is won is certain. Each open deal is won as often as your past deals of its category were, seen from as many "
    "days before their quarter's end, and brings what they brought for each cent of their value. Business that is not "
    "there yet arrives as in past quarters, in number and size. A thousand quarters are drawn in this way, allowing for "
    "good and bad quarters, for a trend, and for how few past deals there are: one in ten ends below P10, half below P50, "
    "one in ten above P90. The same range, made for past quarters from what was known then, shows how often it held."
)
"""The method, as the roll-up prints it."""
DRAWS = 1000
BACKTEST_DRAWS = 150


def landing(
    won: int,
    deals: Sequence[OpenDeal],
    past: Sequence[PastQuarter],
    *,
    min_deals: int,
    min_quarters: int,
    draws: int = DRAWS,
    backtest_draws: int = BACKTEST_DRAWS,
) -> Landing:
    """The range for a quarter with `won` so far and these open deals; `past` quarters are given oldest first.

    The same input gives the same range, in whatever order a quarter's deals are given. `tried` and `held` tell of ranges
    made for each past quarter from those before it alone, where those were enough (`backtest_draws` 0: none is tried).
    With fewer than `min_deals` past deals or `min_quarters` past quarters it declines, and `why` has the figures.
    """
    known = [quarter for quarter in past if not quarter.empty]
    told = [len(quarter.told) for quarter in known]
    if sum(told) < min_deals or len(known) < min_quarters:
        why = _too_few(sum(told), len(known), min_deals, min_quarters)
        return Landing(deals=sum(told), quarters=len(known), why=why)
    marks = [_mark(quarter) for quarter in known]
    p10, p50, p90 = _range(won, deals, known, marks, draws)
    tried = held = 0
    for place, quarter in enumerate(known):
        if backtest_draws and place >= min_quarters and sum(told[:place]) >= min_deals:
            then = [OpenDeal(deal.category, deal.value) for deal in quarter.deals]
            low, _, high = _range(quarter.closed, then, known[:place], marks[:place], backtest_draws)
            tried += 1
            held += low <= quarter.actual <= high
    return Landing(p10=p10, p50=p50, p90=p90, deals=sum(told), quarters=len(known), tried=tried, held=held)


def _too_few(deals: int, quarters: int, min_deals: int, min_quarters: int) -> str:
    return (
        f"it would rest on {count(deals, 'past deal')} of {count(quarters, 'past quarter')}, and has to rest on at least "
        f"{count(min_deals, 'deal')} of {count(min_quarters, 'quarter')}"
    )


def _range(
    won: int, deals: Sequence[OpenDeal], past: Sequence[PastQuarter], marks: Sequence[str], draws: int
) -> tuple[int, int, int]:
    """P10, P50 and P90 of where the quarter ends; `marks` are those of `past`."""
    now = sorted((deal.category, deal.value) for deal in deals)
    rng = Random(repr((won, now, marks)))  # the same input draws the same quarters
    made = sorted(Chances(past, rng).outcomes(deals, draws))
    low, middle, high = (round(made[int(draws * part)]) for part in (0.1, 0.5, 0.9))
    return won + low, won + middle, won + high


def _mark(quarter: PastQuarter) -> str:
    """What a past quarter holds, in a few letters that do not depend on the order it is given in."""
    deals = sorted((deal.category, deal.value, deal.won) for deal in quarter.deals)
    return sha256(repr((quarter.closed, deals, sorted(quarter.arrivals))).encode()).hexdigest()
