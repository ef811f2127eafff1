"""What a page of paper is made of, and how it stays one page.

What a page has no room for is first set smaller, then ranked out and counted, as in the message.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

from handlers.files.fonts import Setter
from handlers.files.words import glued, isolated, plain, soft
from handlers.kit import words as w
from handlers.kit.fit import Cut, cut
from handlers.kit.pages import MARKS, STANDING, crm_as_of, fate_note
from models.domain.notes import CommitmentFact, Health, MoneySum
from models.domain.policy import Policy
from models.domain.text import clean, clip
from models.people import Directory

SCALES: Final = (1.0, 0.93, 0.86)
SIDES: Final = (8, 5, 3, 1, 0)
ROOM: Final = 8
"""As many lines of its long list as a page prefers to long side lists."""
MOST_LINES: Final = 64
"""More lines of one list than a page can hold, however small."""
DATA = dict[str, Any]


def one_page(setter: Setter, render: Callable[[int, int, float], DATA], most: int) -> bytes:
    """The fullest page: at full size, then smaller, then with shorter lists. `render(deals, side, scale)` gives its data."""
    most = min(most, MOST_LINES)
    setter.look(render(most, SIDES[0], 1.0))
    for scale in SCALES:
        data = render(most, SIDES[0], scale)
        if setter.pages(data) == 1:
            return setter.pdf(data)
    for side in SIDES:
        low, high = -1, most
        while low < high:
            middle = (low + high + 1) // 2
            fits = setter.pages(render(middle, side, SCALES[-1])) == 1
            low, high = (middle, high) if fits else (low, middle - 1)
        if low >= min(most, ROOM) or (side == SIDES[-1] and low >= 0):
            return setter.pdf(render(low, side, SCALES[-1]))
    return _smaller(setter, render)


def _smaller(setter: Setter, render: Callable[[int, int, float], DATA]) -> bytes:
    """What is left when titles and commitments alone are longer than a page: smaller type, however small."""
    scale = SCALES[-1]
    while setter.pages(data := render(0, 0, scale)) > 1:
        scale *= 0.94
    return setter.pdf(data)


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def short(text: str, length: int) -> str:
    """One line, clipped; a word that no column holds may be broken; a right-to-left name turns nothing but itself."""
    return isolated(soft(clip(clean(text), length)))


def person(book: Directory, person_id: int | None) -> str:
    return short(book.name(person_id), 60)


def words(*items: str, bad: bool = False) -> list[DATA]:
    """Sentences between the blocks; none where there is nothing to say."""
    said = [{"label": "", "text": glued(item), "bad": bad} for item in items if item]
    return [{"kind": "words", "items": said}] if said else []


def pair(*sides: list[DATA]) -> list[DATA]:
    """Blocks beside one another; an empty side leaves its room to the other."""
    there = [side for side in sides if side]
    return [{"kind": "pair", "sides": there}] if there else []


def lines(
    title: str, shown: Cut[Any], line: Callable[[Any], DATA], *, numbered: bool = False, more: str = ""
) -> list[DATA]:
    """A list as a block, its title with the number of all; none where there is nothing."""
    if not shown.items:
        return []
    rest = more or (f"… and {shown.hidden} more" if shown.hidden else "")
    listed = [
        {key: glued(said) if isinstance(said, str) else said for key, said in line(item).items()}
        for item in shown.shown
    ]
    return [{"kind": "lines", "title": title, "lines": listed, "more": rest, "numbered": numbered}]


def sums(totals: Iterable[MoneySum]) -> str:
    return glued(w.sums(totals, short=True))


def tile(label: str, totals: Sequence[MoneySum], **more: Any) -> DATA:
    return {"label": label, "value": sums(totals)} | more


def promises(
    commitments: Sequence[CommitmentFact], overdue: Callable[[CommitmentFact], bool], book: Directory, side: int
) -> list[DATA]:
    """Last commitments with their fate on the left, the standing ones on the right: the page ends in them.

    `overdue`: whether a carried one is said not to have been judged.
    """
    judged = [item for item in commitments if item.fate != "new"]
    standing = sorted((item for item in commitments if item.fate in STANDING), key=lambda item: item.fate != "new")

    def last(item: CommitmentFact) -> DATA:
        late = item.fate == "carried" and overdue(item)
        mark = "not judged, overdue:" if late else plain(MARKS.get(item.fate, ""))
        name = person(book, item.owner_id)
        return {
            "mark": mark,
            "bad": late or item.fate == "dropped",
            "text": short(item.text, 90),
            "note": f"{name}{fate_note(item)}",
        }

    def next_(item: CommitmentFact) -> DATA:
        carried = "" if item.fate == "new" else ", carried"
        return {"text": short(item.text, 110), "note": f"{person(book, item.owner_id)}, by {w.day(item.due)}{carried}"}

    room = 3 + side
    return pair(
        lines("Last commitments", cut(judged, room), last),
        lines("Commitments", cut(standing, room), next_, numbered=True),
    )


def footer(series: str, found: Health, as_of: datetime | None, policy: Policy, *, stale: bool) -> str:
    """The series so far, and how old the CRM's word is."""
    streak = f", {found.streak} in a row" if found.streak > 1 else ""
    held = f"{series}: {found.held} held{streak}, {found.late} late, {found.skipped} skipped, {found.no_meeting} without meeting"
    return f"{held} · {plain(crm_as_of(as_of, policy, stale=stale))}"
