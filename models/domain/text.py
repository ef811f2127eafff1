"""Names as people type them: keys for comparing, near names for a typo, clipping for a page."""

import difflib
import re
import unicodedata
from collections.abc import Iterable

_SPACES = re.compile(r"\s+")
# Controls, and the marks that would turn the text around them; joiners stay, since emoji and scripts need them.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\ufeff]")


def clean(text: str) -> str:
    """One line of text as it may be stored: composed, no control or direction-override marks, single spaces."""
    return _SPACES.sub(" ", _UNSEEN.sub(" ", unicodedata.normalize("NFC", text))).strip()


MOST_LINES = 12


def lines_of(text: str) -> tuple[str, ...]:
    """What was typed one a line: each line once, in order, the first dozen of them."""
    found = (clean(line) for line in text.splitlines())
    return tuple(dict.fromkeys(line for line in found if line))[:MOST_LINES]


def key(name: str) -> str:
    """What two spellings of one name share: case, spacing and width do not count."""
    return _SPACES.sub(" ", unicodedata.normalize("NFKC", clean(name)).casefold()).strip()


def near(name: str, names: Iterable[str], *, most: int = 3) -> list[str]:
    """The nearest of `names` to a mistyped one, best first: by likeness, or because it is a part of the name."""
    wanted = key(name)
    by_key = {key(candidate): candidate for candidate in names}
    parts = [by_key[known] for known in by_key if wanted and wanted in known]
    alike = [by_key[known] for known in difflib.get_close_matches(wanted, by_key, n=most, cutoff=0.6)]
    return list(dict.fromkeys([*parts, *alike]))[:most]


def clip(text: str, length: int) -> str:
    """At most `length` characters; a cut ends in an ellipsis and never inside a joined emoji's joiner."""
    if len(text) <= length:
        return text
    return text[: length - 1].rstrip("\u200d ") + "…"


def count(number: int, one: str, many: str | None = None) -> str:
    """`1 deal`, `3 deals`."""
    return f"{number} {one if number == 1 else many or one + 's'}"
