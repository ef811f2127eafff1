"""Whether two deals look like one: words, amounts and days compared.

Nothing here decides: a near name is pointed out, and a person says. So a miss costs a doubled deal, a false alarm costs a
click; the points below lean to asking, but never because of a common word or a quarter's end alone.
"""

import difflib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from models.domain.text import key

MOST = 3
"""Candidates kept for one deal."""
_LONGEST = 200
_WORD = re.compile(r"[^\W_]+")
_NOISE = frozenset(
    [
        "ab",
        "ag",
        "and",
        "as",
        "bv",
        "co",
        "company",
        "corp",
        "corporation",
        "de",
        "for",
        "gmbh",
        "inc",
        "incorporated",
        "kg",
        "limited",
        "llc",
        "llp",
        "ltd",
        "nv",
        "of",
        "oy",
        "plc",
        "pty",
        "sa",
        "sarl",
        "se",
        "spa",
        "srl",
        "the",
    ]  # what a firm is by law, and what joins words
)
_PREFIX = 3
_SAME, _NEAR, _SIMILAR, _OTHER = 1.0, 0.8, 0.55, 0.5
_CONTAINED = 0.85
_AMOUNT_NEAR, _DAYS_NEAR = 0.1, 14
_ENOUGH = 35
_COMPARED = 20_000
_REMEMBERED = 4096  # names that one comparison, and the next, ask about again


@dataclass(frozen=True)
class Traits:
    """What two deals are compared by. `amount` in minor units of `currency`; None is unknown."""

    name: str
    account: str = ""
    amount: int | None = None
    currency: str = ""
    close_date: date | None = None


@lru_cache(maxsize=_REMEMBERED)
def words(text: str) -> tuple[str, ...]:
    """The words that tell a name from another, in order; all of them where none does."""
    found = _WORD.findall(key(text)[:_LONGEST])
    return tuple(word for word in found if word not in _NOISE) or tuple(found)


def alike(one: str, other: str) -> float:
    """How much two names are one: 1 for the same words in any order, 0 for nothing in common or another number."""
    return _alike(words(one), words(other))


@lru_cache(maxsize=_REMEMBERED)
def _alike(one: tuple[str, ...], other: tuple[str, ...]) -> float:
    first, second = sorted(one), sorted(other)
    if not first or not second or _other_number(first, second):
        return 0.0
    if first == second:
        return _SAME
    fewer, more = sorted((set(first), set(second)), key=len)
    contained = _CONTAINED if len(fewer) > 1 and fewer <= more else 0.0
    return max(contained, _ratio(" ".join(first), " ".join(second)))


def _ratio(one: str, other: str) -> float:
    """How many letters are common, in order; 0 where a glance shows that it is less than half of them."""
    matcher = difflib.SequenceMatcher(None, one, other, autojunk=False)
    return matcher.ratio() if matcher.real_quick_ratio() >= _OTHER and matcher.quick_ratio() >= _OTHER else 0.0


def _other_number(one: Iterable[str], other: Iterable[str]) -> bool:
    """“Phase 1” and “Phase 2”, “Q3” and “Q4”: near in letters, and two deals on purpose."""
    first, second = ({word for word in held if any(mark.isdigit() for mark in word)} for held in (one, other))
    return bool(first) and bool(second) and first != second


def names_alike(one: Traits, other: Traits) -> float:
    """As `alike`, for names of which one may have the account's name in front: “Halyard – Pumps” and “Pumps”."""
    plain = alike(one.name, other.name)
    if plain == _SAME or not _same_account(one, other):
        return plain
    firm = {*words(one.account), *words(other.account)}
    first, second = (tuple(word for word in words(held.name) if word not in firm) for held in (one, other))
    return max(plain, _alike(first, second))


def _same_account(one: Traits, other: Traits) -> bool:
    return alike(one.account, other.account) >= _CONTAINED


def _other_account(one: Traits, other: Traits) -> bool:
    """Both say whose deal it is, and not the same."""
    return bool(words(one.account)) and bool(words(other.account)) and alike(one.account, other.account) < _OTHER


def is_near(one: Traits, other: Traits) -> bool:
    """Whether somebody who makes `one` should be told of `other`, both of one partner: a near name, of no other account."""
    if _other_account(one, other):
        return False
    return names_alike(one, other) >= (_SIMILAR if _same_account(one, other) else _NEAR)


def score(one: Traits, other: Traits) -> int:
    """How strongly `other` looks like `one`, in points; 0 where it does not look like it enough to ask."""
    points = _for_name(one, other) + _for_account(one, other) + _for_amount(one, other) + _for_close(one, other)
    return points if points >= _ENOUGH else 0


def _for_name(one: Traits, other: Traits) -> int:
    found = names_alike(one, other)
    if found >= _SAME:
        return 50
    if found >= _NEAR:
        return 35
    return -25 if _other_number(words(one.name), words(other.name)) else 0


def _for_account(one: Traits, other: Traits) -> int:
    if _other_account(one, other):
        return -25
    found = alike(one.account, other.account)
    return 30 if found >= _SAME else 20 if found >= _NEAR else 0


def _for_amount(one: Traits, other: Traits) -> int:
    if one.amount is None or other.amount is None or one.currency != other.currency:
        return 0
    if one.amount == other.amount:
        return 15
    return 10 if abs(one.amount - other.amount) <= _AMOUNT_NEAR * max(abs(one.amount), abs(other.amount)) else 0


def _for_close(one: Traits, other: Traits) -> int:
    if one.close_date is None or other.close_date is None:
        return 0
    if one.close_date == other.close_date:
        return 10
    return 5 if abs((one.close_date - other.close_date).days) <= _DAYS_NEAR else 0


class Lookout:
    """The best candidates for some deals among any number of others, which are shown one by one and never kept.

    Only what shares the beginning of a word with a deal of the same partner is compared at length, and of that so many;
    past them it takes the same name or account. So what it costs is bounded, however long the file.
    """

    def __init__(self, wanted: Mapping[int, tuple[int, Traits]], *, most: int = _COMPARED) -> None:
        """`wanted`: deal id to partner id and traits. `most`: how many are compared at length."""
        self._wanted = wanted
        self._left = most
        self._by_word: dict[tuple[int, str], set[int]] = defaultdict(set)
        for deal_id, (partner_id, traits) in wanted.items():
            for start in (*_starts(traits), *_whole(traits)):
                self._by_word[partner_id, start].add(deal_id)
        self._found: dict[int, list[tuple[int, int]]] = defaultdict(list)

    def see(self, deal_id: int, partner_id: int, traits: Traits) -> None:
        """Compare one more deal."""
        starts = _starts(traits) if self._left > 0 else _whole(traits)
        near = {wanted for start in starts for wanted in self._by_word.get((partner_id, start), ())}
        self._left -= len(near)
        for wanted in near:
            points = score(self._wanted[wanted][1], traits)
            if points:
                held = self._found[wanted]
                held.append((-points, deal_id))
                held.sort()
                del held[MOST:]

    def best(self) -> dict[int, list[int]]:
        """By deal its candidates, the likeliest first, the older first among equals."""
        return {wanted: [deal_id for _, deal_id in held] for wanted, held in self._found.items()}


def _starts(traits: Traits) -> set[str]:
    return {word[:_PREFIX] for word in (*words(traits.name), *words(traits.account))}


def _whole(traits: Traits) -> set[str]:
    """Its name and its account, each as one key: the blank in front tells them from the beginning of a word."""
    return {
        f" {kind} {' '.join(sorted(words(text)))}" for kind, text in (("n", traits.name), ("a", traits.account)) if text
    }
