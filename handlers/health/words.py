"""What the page and the message both say: a series' name, whose side, a reason in a line."""

from handlers.kit import words as w
from models.domain.text import clean, clip
from models.people import Names

SIDES = {"ours": "our side", "": "our side", "partner": "the partner's side", "holiday": "a holiday"}
LONGEST_NAME, LONGEST_REASON = 50, 100


def short(text: str, length: int) -> str:
    """One escaped line; cut further where escaping makes it much longer, because Slack counts the escaped text."""
    shown = clip(clean(text), length)
    while len(w.escape(shown)) > length * 3 // 2 and len(shown) > 1:
        shown = clip(shown, len(shown) * 2 // 3)
    return w.escape(shown)


def named(meeting: str, partner: str) -> str:
    """`*Acme*, Weekly deal review`; the company's own meetings by their name alone."""
    what = short(meeting, LONGEST_NAME)
    return f"*{short(partner, LONGEST_NAME)}*, {what}" if partner else f"*{what}*"


def person(book: Names, person_id: int | None) -> str:
    return short(book.name(person_id), LONGEST_NAME)


def quoted(reason: str) -> str:
    return f"“{short(reason, LONGEST_REASON)}”" if clean(reason) else "no reason given"
