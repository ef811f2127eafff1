"""One page: at most 40 lines and 3,800 characters. What does not fit is ranked out and counted, never cut silently."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from models.domain.notes import DealFact, MoneySum, sums

MOST_LINES = 40
MOST_CHARACTERS = 3800
T = TypeVar("T")


@dataclass(frozen=True)
class Cut(Generic[T]):
    """The part of a ranked list that is shown."""

    items: tuple[T, ...]
    room: int

    @property
    def shown(self) -> tuple[T, ...]:
        return self.items[: self.room]

    @property
    def hidden(self) -> int:
        return max(0, len(self.items) - self.room)

    @property
    def all(self) -> int:
        return len(self.items)

    @property
    def hidden_sum(self) -> tuple[MoneySum, ...]:
        """What the hidden deals add up to, so that the page still ties out."""
        return sums(item for item in self.items[self.room :] if isinstance(item, DealFact))


def tidy(text: str) -> str:
    """Without the blank lines a template leaves."""
    return "\n".join(line.rstrip() for line in text.split("\n") if line.strip())


def fits(text: str) -> bool:
    return len(text) <= MOST_CHARACTERS and text.count("\n") + 1 <= MOST_LINES


def fit(render: Callable[[int, int], str], most: int, side: int = 5) -> str:
    """The fullest page that fits: `render(deals, side)` with fewer deals first, then fewer lines of the side lists."""
    for side_room in range(side, -1, -1):
        low, high = 0, most
        if not fits(tidy(render(0, side_room))):
            continue
        while low < high:  # the largest number of deals that fits
            middle = (low + high + 1) // 2
            low, high = (middle, high) if fits(tidy(render(middle, side_room))) else (low, middle - 1)
        # Few deals and long side lists is the wrong page: prefer room for the deals.
        if low >= min(most, 6) or side_room == 0:
            return tidy(render(low, side_room))
    return tidy(render(0, 0))


def cut(items: Sequence[T], room: int) -> Cut[T]:
    return Cut(tuple(items), room)
