"""A partner-safe page as a file: paper for a note or a PBR, a deck for a readout. From the boundary's classes alone.

Neither name, title, speaker's notes nor properties say more than the page itself. Plain and blocking: called in a thread.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from handlers.files.fonts import Faces, Setter
from handlers.files.page import DATA, noon, one_page, short
from handlers.files.words import glued, isolated, soft
from models.domain.shared import SharedPage, SharedReadout
from models.shared import words
from models.shared.words import Item, Sheet, Topic

_NOT_IN_NAMES = re.compile(r"[^\w.-]+")
FOOTER: Final = "Shared by both sides"


@dataclass(frozen=True)
class Made:
    """A file with its name, and its title in Slack."""

    name: str
    title: str
    data: bytes = field(repr=False)


def made_of(page: SharedPage, *, faces: Faces | None = None) -> Made:
    """The page as the file it becomes."""
    sheet = words.sheet(page)
    if isinstance(page, SharedReadout):
        return Made(_named(sheet, "pptx"), sheet.title, deck(page))
    return Made(_named(sheet, "pdf"), sheet.title, paper(page, faces=faces))


def _named(sheet: Sheet, suffix: str) -> str:
    return f"{_NOT_IN_NAMES.sub('-', sheet.title).strip('-.')[:100] or 'page'}.{suffix}"


def paper(page: SharedPage, *, faces: Faces | None = None) -> bytes:
    """One sheet of paper as PDF."""
    sheet = words.sheet(page)
    setter = Setter("paper.typ", noon(sheet.day), faces or Faces())
    most = max((len(topic.items) for topic in sheet.topics), default=0)

    def render(room: int, side: int, scale: float) -> DATA:
        return _paper(sheet, room, side) | {"scale": scale}

    return one_page(setter, render, most)


def _paper(sheet: Sheet, room: int, side: int) -> DATA:
    blocks = [_listed(topic, room if topic is sheet.topics[0] else max(1, side)) for topic in sheet.topics]
    return {
        "title": sheet.title, "heading": short(sheet.partner, 70), "kicker": sheet.kicker, "bad": False,
        "status": soft(isolated(sheet.status)), "blocks": blocks, "footer": FOOTER,
    }  # fmt: skip


def _listed(topic: Topic, room: int) -> DATA:
    """A topic as a list, or as a table where more than a line is said of each."""
    shown = topic.items[:room]
    hidden = len(topic.items) - len(shown) + topic.hidden
    if any(item.below for item in shown):
        columns = [
            {"head": "Deal", "width": 2},
            {"head": "Where it stands", "width": 3},
            {"head": "What is next", "width": 5},
        ]
        return {
            "kind": "table", "title": words.heading(topic), "columns": columns, "rows": [_row(item) for item in shown],
            "more": f"… and {hidden} more" if hidden else "",
        }  # fmt: skip
    return {
        "kind": "lines", "title": words.heading(topic), "lines": [_line(item) for item in shown],
        "more": f"… and {hidden} more" if hidden else "", "numbered": topic.numbered,
    }  # fmt: skip


def _row(item: Item) -> list[dict[str, str]]:
    below = glued(" · ".join(short(line, 300) for line in item.below))
    return [{"text": glued(short(item.name, 120))}, {"text": glued(short(item.note, 200))}, {"text": below}]


def _line(item: Item) -> dict[str, Any]:
    return {"text": glued(short(item.name, 120)), "note": glued(short(item.note, 400))}


def deck(page: SharedReadout) -> bytes:
    """The readout's deck as PPTX: a front page, then a page for each topic."""
    from handlers.files import slides as s  # noqa: PLC0415 - 16 MB that only who makes a deck has to load

    sheet = words.sheet(page)
    noted: datetime = noon(sheet.day)
    made = s.Deck(sheet.title, f"{sheet.title} · {FOOTER}", noted)
    front = made.slide(page.partner, (), size=40)
    s.line(front, (s.LEFT, 1.75, 11.8, 0.5), s.Said(sheet.kicker, color=s.HEAD), (24, 18))
    s.line(front, (s.LEFT, 2.35, 11.8, 0.4), s.Said(words.day(page.day), color=s.QUIET), (16, 13))
    columns = (("Our sponsors", page.our_sponsors), (f"Sponsor at {page.partner}", (page.their_sponsor,)))
    for number, (label, names) in enumerate(columns):
        x = s.LEFT + number * 6
        s.rule(front, x, 3.3, 0.05, s.HEAD, 1.3)
        s.line(front, (x + 0.2, 3.28, 5.4, 0.35), s.Said(label, color=s.QUIET), (15,))
        for place, name in enumerate([name for name in names if name][:2] or ["to be named"]):
            s.line(front, (x + 0.2, 3.68 + place * 0.45, 5.4, 0.45), s.Said(name, bold=True), (20, 16, 13))
    for topic in sheet.topics:
        slide = made.slide(words.heading(topic), ())
        said = [
            s.Said(item.name, " · ".join(part for part in (item.note, *item.below) if part)) for item in topic.items
        ]
        s.listed(slide, (s.LEFT, 1.8, s.RIGHT - s.LEFT, 4.85), said, rest=lambda hidden: f"and {hidden} more",
                 numbered=topic.numbered)  # fmt: skip
    return made.saved()
