"""What a partner-safe page says, in words: the same for the message, the file and the text to copy.

Pure. It takes classes of `models.domain.shared` and nothing else, so that no page can say what has not crossed. "We" are our
side; the partner is called by its name, since both sides read it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from models.domain.money import format_money
from models.domain.pbr import next_month
from models.domain.shared import (
    SharedChange,
    SharedClosed,
    SharedCommitment,
    SharedDeal,
    SharedNote,
    SharedPage,
    SharedPbr,
    SharedReadout,
    SharedStep,
    sums,
)
from models.domain.text import clean, clip, count

LONGEST = 200
"""Characters of one text: a page has 3,800 for everything."""
LENGTHS = (0, 80, 40, 15)
"""To how many characters the words of a page are cut that would not fit otherwise; at first to none."""
MUCH = 2
"""From so many times too long on, half of the longest list goes at once."""
STANDING = ("new", "carried", "moved")


@dataclass(frozen=True)
class Item:
    """A line: what it is about, what is said of it, and what stands below."""

    name: str
    note: str = ""
    below: tuple[str, ...] = ()
    bold: bool = False


@dataclass(frozen=True)
class Topic:
    """A list with its title. `hidden`: how many more there are than are listed."""

    title: str
    items: tuple[Item, ...]
    note: str = ""
    hidden: int = 0
    numbered: bool = False


@dataclass(frozen=True)
class Sheet:
    """One partner-safe page: its title, one line of how it stands, and its topics in their order."""

    partner: str
    kicker: str
    status: str
    topics: tuple[Topic, ...]
    day: date

    @property
    def title(self) -> str:
        return f"{self.partner}: {self.kicker}"


def sheet(page: SharedPage) -> Sheet:
    """A page in words."""
    if isinstance(page, SharedNote):
        return _note(page)
    return _pbr(page) if isinstance(page, SharedPbr) else _readout(page)


def _note(page: SharedNote) -> Sheet:
    topics = (
        _deals(page, page.change, "since the last note"),
        _closed("Closed since the last note", page.closed),
        *_promises(page.commitments),
    )
    status = "Held" if page.held else "There was no meeting"
    return Sheet(_cut(page.partner, 60), f"our review of {day(page.day)}", status, _there(topics), page.day)


def _pbr(page: SharedPbr) -> Sheet:
    topics = (
        _deals(page, page.change, "since the last business review"),
        _closed(f"Closed in {page.month:%B %Y}", page.closed),
        Topic(f"What we go after in {next_month(page.month):%B %Y}", tuple(Item(_cut(text)) for text in page.pursuit)),
        Topic("What we do differently from now on", tuple(Item(_cut(text)) for text in page.changes)),
        *_promises(page.commitments),
    )
    parts = ["Held" if page.held else "There was no meeting", day(page.day)]
    parts += [f"version {page.version}"] if page.version > 1 else []
    return Sheet(
        _cut(page.partner, 60), f"business review of {page.month:%B %Y}", " · ".join(parts), _there(topics), page.day
    )


def _readout(page: SharedReadout) -> Sheet:
    name = _cut(page.partner, 40)
    topics = (
        _closed(f"Won together in {page.quarter}", page.closed),
        _deals(page, (), ""),
        Topic(
            "Joint forecast", (Item(_cut(page.forecast, 600)),) if page.forecast else (),
            note=f"approved by {page.forecast_by}" if page.forecast_by else "",
        ),
        Topic(f"What we ask of {name}", tuple(Item(_cut(text)) for text in page.our_asks)),
        Topic(f"What {name} asks of us", tuple(Item(_cut(text)) for text in page.their_asks)),
        *_promises(page.commitments),
    )  # fmt: skip
    parts = [day(page.day)]
    parts += [f"our sponsors: {', '.join(page.our_sponsors)}"] if page.our_sponsors else []
    parts += [f"sponsor at {name}: {_cut(page.their_sponsor, 80)}"] if page.their_sponsor else []
    return Sheet(
        _cut(page.partner, 60), f"executive readout {page.quarter}", " · ".join(parts), _there(topics), page.day
    )


def _there(topics: Iterable[Topic]) -> tuple[Topic, ...]:
    return tuple(topic for topic in topics if topic.items)


def _deals(page: SharedPage, change: Sequence[SharedChange], since: str) -> Topic:
    """Every joint deal with what both sides do next; above them what the shared amounts add up to."""
    deals, name = page.deals, _cut(page.partner, 40)
    totals = sums(deals)
    known = sum(total.deals for total in totals)
    parts = [" + ".join(format_money(total.amount, total.currency) for total in totals)] if totals else []
    if totals and known < len(deals):
        parts.append(f"the shared amounts of {count(known, 'deal')}")
    moved = [one for one in change if one.amount]
    if moved:
        parts.append(", ".join(_signed(one) for one in moved) + f" {since}")
    return Topic("Our joint deals", tuple(_deal(deal, name) for deal in deals), " · ".join(parts))


def _signed(change: SharedChange) -> str:
    return f"{'+' if change.amount > 0 else '−'}{format_money(abs(change.amount), change.currency)}"


def _deal(deal: SharedDeal, partner: str) -> Item:
    parts = [deal.stage] if deal.stage else []
    if deal.their_stage and deal.their_stage != deal.stage:
        parts.append(f"{partner} says: {_cut(deal.their_stage, 80)}")
    if deal.amount is not None:
        parts.append(format_money(deal.amount, deal.currency))
    below = []
    if deal.ours is not None:
        below.append(f"From us: {_step(deal.ours)}")
    if deal.theirs is not None:
        below.append(f"From {partner}: {_step(deal.theirs)}")
    if deal.ask:
        by = f" ({_cut(deal.said_by, 60)})" if deal.said_by else ""
        below.append(f"{partner} asks: {_cut(deal.ask)}{by}")
    return Item(_cut(deal.account, 80), " · ".join(parts), tuple(below), bold=True)


def _step(step: SharedStep) -> str:
    more = [_cut(step.owner, 60)] if step.owner else []
    more += [f"by {day(step.due)}"] if step.due is not None else []
    by = f" ({', '.join(more)})" if more else ""
    return f"{_cut(step.text)}{by}".strip()


def _closed(title: str, closed: Sequence[SharedClosed]) -> Topic:
    def item(deal: SharedClosed) -> Item:
        parts = [deal.stage or deal.outcome]
        if deal.amount is not None:
            parts.append(format_money(deal.amount, deal.currency))
        said = " · ".join(parts)
        return Item(_cut(deal.account, 80), f"{said}: {_cut(deal.reason)}" if deal.reason else said, bold=True)

    return Topic(title, tuple(item(deal) for deal in closed))


def _promises(commitments: Sequence[SharedCommitment]) -> tuple[Topic, ...]:
    """What became of the last ones, then what stands: a page ends in what is promised."""
    judged = [one for one in commitments if one.fate != "new"]
    standing = sorted((one for one in commitments if one.fate in STANDING), key=lambda one: one.fate != "new")
    fates = {"kept": "kept", "dropped": "dropped", "carried": "not yet due", "moved": "moved"}

    def last(one: SharedCommitment) -> Item:
        when = f" from {day(one.due_before)} to {day(one.due)}" if one.fate == "moved" and one.due_before else ""
        return Item(_cut(one.text), f"{one.owner}, {fates[one.fate]}{when}")

    return (
        Topic("What we promised last time", tuple(last(one) for one in judged)),
        Topic("What we promise", tuple(Item(_cut(one.text), f"{one.owner}, by {day(one.due)}") for one in standing),
              numbered=True),
    )  # fmt: skip


def _cut(text: str, length: int = LONGEST) -> str:
    return clip(clean(text), length)


def day(value: date) -> str:
    """`Thu 26 Nov`."""
    return f"{value:%a} {value.day} {value:%b}"


Write = Callable[[Sheet], str]


def fitted(made: Sheet, write: Write, lines: int, characters: int) -> Sheet:
    """The fullest sheet that fits once it is written: with shorter lists, then without what stands below, and with cut words.

    The longest list gives way first, so that a page of two hundred deals still ends in what is promised.
    """
    made = _with(made, tuple(_listed(topic, min(lines, len(topic.items))) for topic in made.topics))
    for length in LENGTHS:
        made = _with(made, tuple(_short(topic, length) for topic in made.topics)) if length else made
        while (over := _over(write(made), lines, characters)) > 1:
            longest = max(made.topics, key=_lines, default=None)
            if longest is None or len(longest.items) <= 1:
                break
            room = len(longest.items) // 2 if over > MUCH else len(longest.items) - max(1, len(longest.items) // 8)
            less = _listed(longest, room)
            made = _with(made, tuple(less if topic is longest else topic for topic in made.topics))
        else:
            return made
    return made


def _over(text: str, lines: int, characters: int) -> float:
    """How many times too long a text is; up to 1 it fits."""
    return max(len(text) / characters, (text.count("\n") + 1) / lines)


def _listed(topic: Topic, room: int) -> Topic:
    """The first items of a list; the others are counted."""
    hidden = topic.hidden + len(topic.items) - room
    return Topic(topic.title, topic.items[:room], topic.note, hidden, topic.numbered)


def _lines(topic: Topic) -> int:
    return sum(1 + len(item.below) for item in topic.items)


def _short(topic: Topic, length: int) -> Topic:
    """Without what stands below its items, and their words cut: only a page of very long words comes to this."""
    items = tuple(Item(clip(item.name, length), clip(item.note, length), bold=item.bold) for item in topic.items)
    return Topic(topic.title, items, clip(topic.note, length), topic.hidden, topic.numbered)


def _with(made: Sheet, topics: tuple[Topic, ...]) -> Sheet:
    return Sheet(made.partner, made.kicker, made.status, topics, made.day)


def plain(made: Sheet, lines: int, characters: int) -> str:
    """A sheet as text alone: to copy into an e-mail, and what a screen reader says."""
    return _plain(fitted(made, _plain, lines, characters))


def _plain(made: Sheet) -> str:
    said = [made.title, made.status] if made.status else [made.title]
    for topic in made.topics:
        said += ["", f"{heading(topic)}"]
        for place, item in enumerate(topic.items, 1):
            mark = f"{place}." if topic.numbered else "-"
            said.append(f"{mark} {item.name}{f': {item.note}' if item.note else ''}")
            said += [f"  {line}" for line in item.below]
        if topic.hidden:
            said.append(f"… and {topic.hidden} more")
    return "\n".join(said)


def heading(topic: Topic) -> str:
    """`Our joint deals (3): USD 75,000`; a list of one needs no number."""
    number = len(topic.items) + topic.hidden
    named = f"{topic.title} ({number})" if number > 1 else topic.title
    return f"{named}: {topic.note}" if topic.note else named
