"""Past quarters as a predicted landing needs them: seen from as many days before their end as are left of the present one."""

from dataclasses import dataclass

PLACEHOLDER = 10
"""A deal that brought more than this many times its value had no real value before."""


@dataclass(frozen=True, slots=True)
class OpenDeal:
    """A deal that is open and due in the quarter; `value` in minor units of the reporting currency.

    Leave out deals whose amount is unknown: nobody can say what they would bring.
    """

    category: str
    value: int


@dataclass(frozen=True, slots=True)
class PastDeal:
    """A deal that was open and due in a past quarter at the same distance from its end as today.

    `value` is what it was worth then; `won` what was won with it within that quarter, 0 if it was not.
    """

    category: str
    value: int
    won: int

    @property
    def tells(self) -> bool:
        """Whether it tells anything of other deals: it had a value, and brought nothing out of all proportion to it."""
        return self.value > 0 and 0 <= self.won <= PLACEHOLDER * self.value


@dataclass(frozen=True, slots=True)
class PastQuarter:
    """A past quarter. `closed` is what was won by that moment, and `deals` were open and due in it.

    `arrivals` are what was won in it afterwards with each deal that was not among `deals`: it was not there yet, was due in
    another quarter, or had no amount.
    """

    closed: int
    deals: tuple[PastDeal, ...]
    arrivals: tuple[int, ...]

    @property
    def actual(self) -> int:
        """What the quarter landed on."""
        return self.closed + sum(deal.won for deal in self.deals) + sum(self.arrivals)

    @property
    def told(self) -> tuple[PastDeal, ...]:
        """The deals that chances are learned from."""
        return tuple(deal for deal in self.deals if deal.tells)

    @property
    def arrived(self) -> tuple[int, ...]:
        """What came without having been there, or without a value worth the name."""
        return (*self.arrivals, *(deal.won for deal in self.deals if deal.won and not deal.tells))

    @property
    def empty(self) -> bool:
        """Whether nothing is known of it, as before the first import."""
        return not (self.closed or self.deals or self.arrivals)
