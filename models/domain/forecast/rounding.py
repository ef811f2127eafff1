"""The one way in which this package rounds: half-even, of whole numbers, once."""


def half_even(numerator: int, denominator: int) -> int:
    """`numerator` / `denominator` as a whole number, exact halves to the even one. The denominator is above zero."""
    whole, left = divmod(numerator, denominator)
    twice = 2 * left
    if twice > denominator or (twice == denominator and whole % 2 == 1):
        return whole + 1
    return whole
