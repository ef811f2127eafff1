"""“The quarter”: week, meeting, state, one section a week."""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from handlers.kit import blocks as b
from handlers.kit import words as w
from handlers.meetings.ids import Action, Door, QuarterRef, View
from models.domain.text import clip, count
from models.people import Directory
from models.quarter import Collision, Line, QuarterPage, Week

MOST_LINES = 14
MOST_SAME = 5
"""More meetings of one name than this in a week are counted by their state instead of listed."""
MOST_COLLISIONS = 8
STATES = {
    "planned": "planned",
    "prompted": "prompts are out",
    "held": ":white_check_mark: held",
    "held_late": ":white_check_mark: held late",
    "skipped": ":warning: skipped",
    "no_meeting": "no meeting",
}
WORDS = {"planned": "planned", "prompted": "prompted", "held": "held", "held_late": "held late", "skipped": "skipped",
         "no_meeting": "without meeting"}  # fmt: skip


def modal(page: QuarterPage, clocks: ZoneInfo, book: Directory) -> dict[str, Any]:
    quarter = page.quarter
    first, last = page.weeks[0].first, page.weeks[-1].last
    made: list[b.Block] = [
        b.section(f"*{quarter.label}* · {len(page.weeks)} weeks, {_full(first)} to {_full(last)}"),
        b.context(
            f"Money of {quarter.label}: {_full(quarter.first)} to {_full(quarter.last)}. Hours are yours: {clocks.key}."
        ),
        b.actions(
            b.button("← Quarter before", Action.QUARTER_BEFORE, QuarterRef(n=page.step - 1).dump()),
            b.button("Next quarter →", Action.QUARTER_AFTER, QuarterRef(n=page.step + 1).dump()),
            b.button("My calendar…", Door.MY_CALENDAR, QuarterRef().dump()),
            block_id=f"quarter:{page.step}",
        ),
    ]
    if not any(week.lines for week in page.weeks):
        made.append(b.section(_empty(page)))
    made += _collisions(page.collisions, clocks, book)
    made += [_week(week, page, clocks, book) for week in page.weeks]
    return b.modal(View.QUARTER, f"Quarter {quarter.label}", made)


def _full(value: date) -> str:
    return w.full_day(value)


def _empty(page: QuarterPage) -> str:
    if page.step > 0:
        return "Nothing is planned in it yet: a quarter is planned from five weeks before it begins."
    return "No meeting of yours is in it."


def _week(week: Week, page: QuarterPage, clocks: ZoneInfo, book: Directory) -> b.Block:
    here = "  :point_left: this week" if week.number == page.this_week else ""
    head = f"*Week {week.number}* · {w.day(week.first)} to {w.day(week.last)}{here}"
    by_name: dict[str, list[Line]] = {}
    for line in week.lines:
        by_name.setdefault(line.name, []).append(line)
    many = {name: found for name, found in by_name.items() if len(found) > MOST_SAME}
    listed = [line for line in week.lines if line.name not in many]
    lines = [_line(line, clocks, book) for line in listed[:MOST_LINES]]
    counted = [_counted(name, found, clocks) for name, found in many.items()]
    for room in range(len(lines), -1, -1):
        more = [f"_… and {len(listed) - room} more_"] if len(listed) > room else []
        text = "\n".join([head, *(lines[:room] + more + counted or ["_nothing_"])])
        if len(text) <= b.SECTION_LIMIT:
            break
    return b.section(text)


def _counted(name: str, found: Sequence[Line], clocks: ZoneInfo) -> str:
    """`Mon 4 to Tue 5 Jan · 9 times Forecast and acquisition 1:1 · 9 planned`."""
    days = sorted({line.occurrence.starts_at.astimezone(clocks).date() for line in found})
    span = w.day(days[0]) if len(days) == 1 else f"{w.day(days[0])} to {w.day(days[-1])}"
    return f"{span} · {len(found)} times {w.escape(clip(name, 60))} · {_by_state(found)}"


def _by_state(weekly: Sequence[Line]) -> str:
    found = Counter(line.occurrence.state for line in weekly)
    return ", ".join(f"{number} {WORDS[state]}" for state, number in sorted(found.items(), key=lambda item: -item[1]))


def _line(line: Line, clocks: ZoneInfo, book: Directory) -> str:
    occurrence = line.occurrence
    title = w.joined(line.partner, line.name, most=50)
    if occurrence.ends_at > occurrence.starts_at:
        when = f"{w.when(occurrence.starts_at, clocks)}–{w.clock(occurrence.ends_at, clocks)}"
    else:
        when = w.day(occurrence.starts_at.astimezone(clocks).date())
    state = STATES[occurrence.state]
    if occurrence.skip_reason:
        state += f": {w.escape(clip(occurrence.skip_reason, 60))}"
    if occurrence.moved_at is not None:
        state += f" · moved by {w.escape(book.name(occurrence.moved_by_id))}"
    return f"{when} · {title} · {state}"


def _collisions(found: Sequence[Collision], clocks: ZoneInfo, book: Directory) -> list[b.Block]:
    if not found:
        return []
    made = [
        b.context(f":warning: {count(len(found), 'collision')}: two meetings at once. Move one of them in `/cadence`.")
    ]
    made += [b.context(collision_line(item, clocks, book)) for item in found[:MOST_COLLISIONS]]
    if len(found) > MOST_COLLISIONS:
        made.append(b.context(f"… and {len(found) - MOST_COLLISIONS} more"))
    return made


def collision_line(item: Collision, clocks: ZoneInfo, book: Directory) -> str:
    """`Mon 5 Oct, 10:30: Acme · 1:1 and Beta · PBR (Pat Manager)`."""
    who = ", ".join(w.escape(book.name(person_id)) for person_id in item.people[:3])
    both = " and ".join(w.joined(line.partner, line.name, most=50) for line in (item.one, item.other))
    return f":warning: {w.when(item.other.occurrence.starts_at, clocks)}: {both} ({who})"
