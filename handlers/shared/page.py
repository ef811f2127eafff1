"""Partner-safe pages as messages. Pure: they take classes of the boundary, and nothing else can be said here."""

from handlers.kit import blocks as b
from handlers.kit import words as w
from handlers.kit.fit import MOST_CHARACTERS, MOST_LINES
from handlers.kit.message import Message
from models.domain.shared import SharedPage
from models.shared import words
from models.shared.words import Item, Sheet, Topic


def message(page: SharedPage) -> Message:
    """One page: as blocks, and as the text of notifications and screen readers."""
    made = words.fitted(words.sheet(page), _whole, MOST_LINES, MOST_CHARACTERS)
    parts = [_head(made), *(_topic(topic) for topic in made.topics)]
    return Message(text="\n".join(parts), blocks=tuple(block for part in parts for block in b.paragraphs(part)))


def _whole(made: Sheet) -> str:
    return "\n".join([_head(made), *(_topic(topic) for topic in made.topics)])


def _head(made: Sheet) -> str:
    title = f"*{w.joined(made.partner, made.kicker)}*"
    return f"{title}\n{w.escape(made.status)}" if made.status else title


def _topic(topic: Topic) -> str:
    number = len(topic.items) + topic.hidden
    named = f"*{w.escape(topic.title)}*" + (f" ({number})" if number > 1 else "")
    lines = [f"{named}: {w.escape(topic.note)}" if topic.note else named]
    for place, item in enumerate(topic.items, 1):
        lines += _item(item, f"{place}." if topic.numbered else "•")
    if topic.hidden:
        lines.append(f"_… and {topic.hidden} more_")
    return "\n".join(lines)


def _item(item: Item, mark: str) -> list[str]:
    name = w.escape(item.name)
    said = f"*{name}*" if item.bold else name
    line = f"{mark} {said}{f' · {w.escape(item.note)}' if item.note else ''}"
    return [line, *(f"      ◦ {w.escape(below)}" for below in item.below)]
