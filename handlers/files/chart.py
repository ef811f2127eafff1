"""Pictures of a roll-up, as PNG with their alternative text: what changed, and pipeline by week.

Drawn for the width at which Slack previews a picture (360 points), at four times its dots. Colours keep apart for people who
are colour-blind, and nothing is said by colour alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from handlers.files.canvas import INK, QUIET, WIDTH, Canvas, Picture
from handlers.files.fonts import Faces
from models.domain.forecast.facts import Bands, ChangeLine, Changes, RollUpFacts, WeekFigure
from models.domain.money import format_money, short_money
from models.domain.text import clip, count

TOTAL, UP, DOWN, AIM, LAND = "#3b4856", "#0072b2", "#d55e00", "#b34700", "#1f2933"
SHADES: Final = {"won": "#0b3c5d", "commit": "#2f74b0", "best_case": "#85b5dd", "pipeline": "#cfe2f2"}
LABELS: Final = {"won": "Closed won", "commit": "Commit", "best_case": "Best case", "pipeline": "Pipeline"}
LONGEST_ALT: Final = 1000
_LEFT, _RIGHT, _TOP, _ROW = 82, 290, 52, 19
_HALF = 2
_FLOOR, _MOST_WEEKS, _MOST_LABELS, _ROOM_FOR_DOT = 262, 16, 8, 12
_INSIDE = 150
"""From this width on a bar says inside of itself what it is."""


def what_changed(facts: RollUpFacts, faces: Faces | None = None) -> Picture:
    """A waterfall from the snapshot before to this one.

    Raises:
        ValueError: the roll-up is the first of its quarter, and there is nothing to compare with.
    """
    changes = facts.changes
    if changes is None:
        raise ValueError(f"The first roll-up of {facts.period} has nothing to compare with.")
    canvas, money = Canvas(), facts.currency
    since = f"since {clip(changes.since_label, 40)}, {changes.since.day} {changes.since:%b}"
    canvas.heading(f"What changed in {facts.period}", f"Closed won and open, {money}, {since}")
    steps = _steps(changes)
    low, high, cut = _range(steps)
    scale = (_RIGHT - _LEFT) / (high - low)

    def at(value: int) -> float:
        return _LEFT + (value - low) * scale

    zero = at(max(low, min(0, high)))
    for place, step in enumerate(steps):
        _step(canvas, step, _TOP + place * _ROW, at, zero, money)
    bottom = _TOP + len(steps) * _ROW
    if not changes.lines:
        canvas.text(_LEFT, bottom + 3, "Nothing changed.", 9, QUIET)
    if cut:
        for place in (0, len(steps) - 1):
            _broken(canvas, _LEFT + 7, _TOP + place * _ROW)
        canvas.text(_LEFT, bottom + 3, f"The scale begins at {short_money(low, money)}.", 7.5, QUIET)
    title = f"What changed in {facts.period}"
    picture = canvas.png(bottom + (16 if cut or not changes.lines else 8), title, facts.cut_off, faces)
    return Picture(f"what-changed-{facts.period}.png", title, picture, _changed_alt(facts, changes))


@dataclass(frozen=True)
class _Step:
    """A row of the waterfall: from where to where it goes; `line` None for before and after."""

    label: str
    start: int
    end: int
    line: ChangeLine | None = None


def _steps(changes: Changes) -> list[_Step]:
    steps, reached = [_Step("Before", 0, changes.before.total)], changes.before.total
    for line in changes.lines:
        name = line.kind.label
        steps.append(_Step(name[:1].upper() + name[1:], reached, reached + line.bands.total, line))
        reached += line.bands.total
    return [*steps, _Step("After", 0, changes.after.total)]


def _range(steps: Sequence[_Step]) -> tuple[int, int, bool]:
    """The scale's ends, and whether it begins above nought because everything between would be too thin to see."""
    ends = [step.end for step in steps]
    low, high = min(0, *ends), max(0, *ends)
    spread = high - min(ends)
    if len(steps) > _HALF and min(ends) > 0 and spread * 3 < high:
        return max(0, min(ends) - max(spread // _HALF, high // 50)), high, True
    return low, (high if high > low else low + 1), False


def _step(canvas: Canvas, step: _Step, y: float, at: Any, zero: float, currency: str) -> None:
    middle, height = y + 3, _ROW - 7
    total = step.line is None
    canvas.text(_LEFT - 6, y + 4, step.label, 9.5, INK, 80, align="right", weight="bold" if total else "regular")
    if total:
        canvas.rect(zero, middle, at(step.end) - zero, height, TOTAL)
        said = _bare(step.end, currency)
    else:
        change = step.end - step.start
        canvas.line(at(step.start), y - 4, at(step.start), middle + height, "#9aa5b1", thick=0.5)
        canvas.rect(
            at(step.start),
            middle,
            at(step.end) - at(step.start),
            height,
            UP if change > 0 else DOWN if change < 0 else "#9aa5b1",
        )
        said = _signed(change, currency)
        _beside(canvas, step, y, at, currency)
    canvas.text(WIDTH - 8, y + 4, said, 9.5, _ink(step), 60, align="right", weight="bold" if total else "regular")


def _ink(step: _Step) -> str:
    change = step.end - step.start
    return INK if step.line is None or not change else UP if change > 0 else DOWN


def _beside(canvas: Canvas, step: _Step, y: float, at: Any, currency: str) -> None:
    """How many deals; and what moved between the categories of a line that adds up to little or nothing."""
    assert step.line is not None  # noqa: S101 - for the type checker
    bands, said = step.line.bands, count(step.line.deals, "deal")
    gained = max(LABELS, key=lambda band: getattr(bands, band))
    moved = getattr(bands, gained)
    if moved > 0 and moved > 2 * abs(step.end - step.start):
        said += f", {_bare(moved, currency)} to {LABELS[gained].lower()}"
    left, right = sorted((at(step.start), at(step.end)))
    if right - left > _INSIDE:
        canvas.text(left + 5, y + 5, said, 7.5, "#ffffff", right - left - 8)
    elif right + 90 < _RIGHT:
        canvas.text(right + 4, y + 5, said, 7.5, QUIET, 140)
    else:
        canvas.text(left - 4, y + 5, said, 7.5, QUIET, 140, align="right")


def _broken(canvas: Canvas, x: float, y: float) -> None:
    """Two strokes through a bar whose scale does not begin at nought."""
    for shift in (0, 3.5):
        canvas.line(x + shift, y + _ROW - 2, x + shift + 3, y + 1, "#ffffff", thick=1.4)


def by_week(facts: RollUpFacts, faces: Faces | None = None) -> Picture | None:
    """The bands at the end of each week, the target, and the predicted landing; None where there is nothing to draw."""
    if not any(_stack(week.bands) for week in facts.weeks):
        return None
    canvas, title = Canvas(), f"{facts.period} by week"
    _draw_weeks(canvas, facts)
    picture = canvas.png(_FLOOR + 22, title, facts.cut_off, faces)
    return Picture(f"by-week-{facts.period}.png", title, picture, _week_alt(facts, facts.weeks[-_MOST_WEEKS:]))


def _draw_weeks(canvas: Canvas, facts: RollUpFacts) -> None:
    weeks, money = facts.weeks[-_MOST_WEEKS:], facts.currency
    canvas.heading(f"{facts.period} by week", f"Closed won and open categories at each week's end, {money}")
    _legend(canvas, weeks[-1].bands, money)
    landing = facts.landing if facts.landing.shown else None
    ends = [_stack(week.bands) for week in weeks] + [facts.quota or 0, landing.p90 if landing else 0]
    left, right = 38, WIDTH - (78 if landing or facts.quota else 14)
    high = max(1, *ends)
    scale, step = (_FLOOR - 88) / high, (right - left) / len(weeks)
    _grid(canvas, high, scale, (left, right), money)
    every = 1 if len(weeks) <= _MOST_LABELS else _HALF
    for place, week in enumerate(weeks):
        x = left + place * step
        _column(canvas, week, x, min(step * 0.72, 34), step, scale)
        if (len(weeks) - 1 - place) % every == 0:
            canvas.text(x + step / 2, _FLOOR + 4, f"{week.day.day} {week.day:%b}", 7.5, QUIET, 40, align="center")
    canvas.line(left - 4, _FLOOR, right, _FLOOR, INK, thick=0.7)
    taken = _target(canvas, facts, right, scale)
    if landing:
        _bracket(canvas, facts, right + 10, scale, taken)


def _stack(bands: Bands) -> int:
    """How high a week's column is: what is below nought has no height."""
    return sum(max(0, int(getattr(bands, band))) for band in SHADES)


def _legend(canvas: Canvas, bands: Bands, currency: str) -> None:
    """The categories with where they stand now, from the bottom of the stack to its top."""
    for place, (band, label) in enumerate(LABELS.items()):
        x = 14 + place * 84
        canvas.rect(x, 51, 8, 8, SHADES[band])
        canvas.text(x + 11, 50.5, label, 8.5, QUIET, 74)
        canvas.text(x + 11, 62, _bare(getattr(bands, band), currency), 10, INK, 74, weight="bold")


def _grid(canvas: Canvas, high: int, scale: float, ends: tuple[float, float], currency: str) -> None:
    """Two to five lines at round amounts."""
    left, right = ends
    step = 10 ** (len(str(high)) - 1)
    step = step // 5 if high < step * 2 else step * 2 if high >= step * 5 else step
    for value in range(max(step, 1), high + 1, max(step, 1)):
        y = _FLOOR - value * scale
        canvas.line(left - 4, y, right, y, "#e6eaee", thick=0.5)
        canvas.text(left - 7, y - 4.5, _bare(value, currency), 7.5, "#7a8794", 34, align="right")


def _column(canvas: Canvas, week: WeekFigure, x: float, width: float, step: float, scale: float) -> None:
    """A week's stack. A category below nought has no height; the legend and the alternative text say it."""
    x, y = x + (step - width) / 2, _FLOOR
    for band, fill in SHADES.items():
        height = max(0, getattr(week.bands, band)) * scale
        if height > 0:
            canvas.rect(x, y - height, width, height, fill)
            y -= height


def _target(canvas: Canvas, facts: RollUpFacts, right: float, scale: float) -> float | None:
    if not facts.quota:
        return None
    y = _FLOOR - facts.quota * scale
    canvas.line(34, y, right + 15, y, AIM, thick=1.3, dash="dashed")
    x = right + 18
    canvas.text(x, y - 11, "Target", 8, AIM, 56, weight="bold")
    canvas.text(x, y - 1.5, _bare(facts.quota, facts.currency), 8.5, AIM, 56)
    return y


def _bracket(canvas: Canvas, facts: RollUpFacts, x: float, scale: float, taken: float | None) -> None:
    """P10 to P90 of closed won at the quarter's end, the middle as a dot; labels step aside for one another."""
    low, middle, high = (_FLOOR - value * scale for value in (facts.landing.p10, facts.landing.p50, facts.landing.p90))
    canvas.line(x, low, x, high, LAND, thick=1.6)
    for y in (low, high):
        canvas.line(x - 4, y, x + 4, y, LAND, thick=1.6)
    canvas.dot(x, middle, 3 if low - high > _ROOM_FOR_DOT else 2, LAND)
    labels = ((high, "P90", facts.landing.p90), (middle, "P50", facts.landing.p50), (low, "P10", facts.landing.p10))
    places, free = list[float](), -1000.0
    for y, _, _ in labels:
        place = max(y - 4.5, free)
        if taken is not None and taken - 21 < place < taken + 9:
            place = taken + 9
        places.append(place)
        free = place + 10.5
    over = max(0.0, places[-1] - _FLOOR + 9)
    for place, (_, label, value) in zip(places, labels, strict=True):
        canvas.text(x + 8, place - over, f"{label} {_bare(value, facts.currency)}", 8.5, INK, 62)
    canvas.text(x + 8, _FLOOR + 4, "Landing", 7.5, QUIET, 60)


def _bare(minor: int, currency: str) -> str:
    """`1.25M`: the currency stands in the heading."""
    return short_money(minor, currency).removeprefix(currency).strip().replace("-", "−")


def _signed(minor: int, currency: str) -> str:
    return ("+" if minor > 0 else "") + _bare(minor, currency)


def _changed_alt(facts: RollUpFacts, changes: Changes) -> str:
    """The numbers of the waterfall in a sentence."""
    lines = [f"{line.kind.label} {'+' if line.bands.total > 0 else ''}{format_money(line.bands.total, facts.currency)} "
             f"({count(line.deals, 'deal')})" for line in changes.lines]  # fmt: skip
    return clip(
        f"What changed in {facts.period} since {changes.since_label}: from {format_money(changes.before.total, facts.currency)} to "
        f"{format_money(changes.after.total, facts.currency)}, closed won and open together. "
        + (f"{'; '.join(lines)}." if lines else "Nothing changed."), LONGEST_ALT,
    )  # fmt: skip


def _week_alt(facts: RollUpFacts, weeks: Sequence[WeekFigure]) -> str:
    money, first, last = facts.currency, weeks[0], weeks[-1]
    bands = ", ".join(
        f"{label.lower()} {format_money(getattr(last.bands, band), money)}" for band, label in LABELS.items()
    )
    said = [f"{facts.period} by week, {count(len(weeks), 'week')}. On {last.day.day} {last.day:%B}: {bands}."]
    if len(weeks) > 1:
        said.append(f"On {first.day.day} {first.day:%B} closed won and open came to {format_money(first.bands.total, money)}, "
                    f"now to {format_money(last.bands.total, money)}.")  # fmt: skip
    said.append(
        f"The target is {format_money(facts.quota, money)}." if facts.quota is not None else "There is no target."
    )
    landing = facts.landing
    if landing.shown:
        said.append(f"Closed won is expected to land between {format_money(landing.p10, money)} and {format_money(landing.p90, money)}, "
                    f"in the middle {format_money(landing.p50, money)}.")  # fmt: skip
    return clip(" ".join(said), LONGEST_ALT)
