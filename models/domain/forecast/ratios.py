"""The ratios of the roll-up, in basis points, exact and rounded half-even. None where there is nothing to divide by."""

from models.domain.forecast.facts import WHOLE, Coverage, Share
from models.domain.forecast.rounding import half_even


def accuracy(signed: int, closed: int) -> int | None:
    """1 − |signed − closed| ÷ max(signed, closed), never below 0; None where both are 0: that is not rated."""
    if not signed and not closed:
        return None
    larger = max(signed, closed)
    if larger <= 0:
        return 0
    return max(0, half_even(WHOLE * (larger - abs(signed - closed)), larger))


def coverage(open_: int, target: int | None, closed: int) -> Coverage:
    """Open pipeline ÷ (target − closed); reached when closed is at or above the target; empty without a target."""
    if target is None:
        return Coverage()
    if closed >= target:
        return Coverage(reached=True)
    return Coverage(basis_points=half_even(WHOLE * open_, target - closed))


def attainment(closed: int, target: int | None) -> int | None:
    """Closed ÷ target; None without a target, or where it is not above 0."""
    if target is None or target <= 0:
        return None
    return half_even(WHOLE * closed, target)


def share(part: int, whole: int, why: str = "") -> Share:
    """A part of a whole. Where the whole is not above 0 there is no ratio, and `why` says what it lacks."""
    if whole <= 0:
        return Share(part=part, whole=whole, basis_points=None, why=why or "there is nothing to divide by")
    return Share(part=part, whole=whole, basis_points=half_even(WHOLE * part, whole))
