"""The parts of a deck: 16:9, one quiet design, native charts, and text that is measured before it is set."""

import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pptx import Presentation
from pptx.chart.data import CategoryChartData
from pptx.dml.color import RGBColor
from pptx.enum.chart import XL_CHART_TYPE, XL_LABEL_POSITION
from pptx.enum.shapes import MSO_SHAPE
from pptx.enum.text import MSO_ANCHOR, MSO_AUTO_SIZE, PP_ALIGN
from pptx.oxml.ns import qn
from pptx.slide import Slide
from pptx.util import Emu, Inches, Pt

from handlers.files.words import stored
from models.domain.text import clean, clip

INK, QUIET, HEAD, LINE, PALE, WARN = "1F2933", "5F6B78", "1F3A5F", "D5DBE1", "F3F6F9", "B34700"
SHADES: Final = ("0B3C5D", "2F74B0", "85B5DD", "B9C4CE")
FONT: Final = "Calibri"
WIDTH, HEIGHT = 13.333, 7.5
LEFT, TOP, RIGHT = 0.75, 1.65, 12.58
BOTTOM = 6.65
TITLE_ONLY = 5
SHORT: Final = '[>=999500]#,##0.0#,,"M";[>=1000]#,##0,"k";#,##0'
SHORTER: Final = '[>=999500000]#,##0.0#,,,"B";[>=999500]#,##0.0#,,"M";#,##0'
_WIDE: Final = 0.55
"""How wide a letter is, in parts of its size; measured generously, so that nothing runs over in another font either."""
_LEADING: Final = 1.25
_GAP: Final = 0.5
_NOTE: Final = 0.75
_HAN: Final = 0x2E80
BILLION = 999_500_000
_NONE: Final = Emu(0)
_Chart: Final[Any] = CategoryChartData  # the library gives these no types
_Color: Final[Any] = RGBColor


@dataclass(frozen=True)
class Said:
    """A paragraph: its text, what stands quietly behind it, and how it looks."""

    text: str
    note: str = ""
    bold: bool = False
    color: str = INK


class Deck:
    """A presentation being made."""

    def __init__(self, title: str, footer: str, made: datetime) -> None:
        self._deck: Any = Presentation()
        self._deck.slide_width, self._deck.slide_height = Inches(WIDTH), Inches(HEIGHT)
        properties = self._deck.core_properties
        properties.title, properties.author, properties.last_modified_by = (
            stored(clip(clean(title), 200)),
            "Cadence",
            "Cadence",
        )
        properties.created = properties.modified = made.replace(tzinfo=None)
        self._footer = footer

    def slide(self, title: str, notes: Iterable[str], *, size: int = 30) -> Slide:
        """A new page with its title, a rule below it, the footer and what the speaker may want to know."""
        slide: Slide = self._deck.slides.add_slide(self._deck.slide_layouts[TITLE_ONLY])
        shape: Any = slide.shapes.title
        place(shape, LEFT, 0.5, RIGHT - LEFT, 0.85)
        said, fits = fitting(title, (size, 30, 26, 22, 18), RIGHT - LEFT - 0.2, 0.85)
        write(shape, [Said(said, bold=True, color=HEAD)], fits, anchor=MSO_ANCHOR.BOTTOM)
        rule(slide, LEFT, 1.42, RIGHT - LEFT, HEAD)
        number = len(self._deck.slides)
        text(slide, (LEFT, 6.98, 10.5, 0.3), [Said(fitting(self._footer, (10,), 10.5, 0.3)[0], color=QUIET)], 10)
        text(slide, (RIGHT - 1, 6.98, 1, 0.3), [Said(str(number), color=QUIET)], 10, align=PP_ALIGN.RIGHT)
        notes_frame: Any = slide.notes_slide.notes_text_frame
        notes_frame.text = "\n".join(stored(clean(line)) for line in notes)
        return slide

    def saved(self) -> bytes:
        file = io.BytesIO()
        self._deck.save(file)
        return file.getvalue()


def place(shape: Any, x: float, y: float, width: float, height: float) -> None:
    shape.left, shape.top, shape.width, shape.height = (Emu(int(part * 914_400)) for part in (x, y, width, height))


def color(code: str) -> Any:
    return _Color.from_string(code)


def write(
    shape: Any,
    paragraphs: Sequence[Said],
    size: float,
    *,
    align: Any = PP_ALIGN.LEFT,
    anchor: Any = MSO_ANCHOR.TOP,
    gap: float = 0,
) -> None:
    """Fills a shape's text frame; what it says is text, whatever it looks like."""
    frame = shape.text_frame
    frame.word_wrap, frame.auto_size, frame.vertical_anchor = True, MSO_AUTO_SIZE.NONE, anchor
    frame.margin_left = frame.margin_right = frame.margin_top = frame.margin_bottom = 0
    for number, said in enumerate(paragraphs):
        paragraph = frame.paragraphs[0] if number == 0 else frame.add_paragraph()
        paragraph.alignment, paragraph.space_after, paragraph.line_spacing = align, Pt(gap), 1.0
        _run(paragraph, said.text, size, said.color, bold=said.bold)
        if said.note:
            paragraph.add_line_break()
            _run(paragraph, said.note, size * _NOTE, QUIET, bold=False)


def _run(paragraph: Any, words: str, size: float, code: str, *, bold: bool) -> None:
    run = paragraph.add_run()
    run.text = stored(clean(words))
    run.font.name, run.font.size, run.font.bold, run.font.color.rgb = FONT, Pt(size), bold, color(code)


def text(
    slide: Slide, box: tuple[float, float, float, float], paragraphs: Sequence[Said], size: float, **look: Any
) -> None:
    shape = slide.shapes.add_textbox(_NONE, _NONE, _NONE, _NONE)
    place(shape, *box)
    write(shape, paragraphs, size, **look)


def rule(slide: Slide, x: float, y: float, width: float, code: str = LINE, height: float = 0.02) -> None:
    shape: Any = slide.shapes.add_shape(MSO_SHAPE.RECTANGLE, _NONE, _NONE, _NONE, _NONE)
    place(shape, x, y, width, height)
    shape.fill.solid()
    shape.fill.fore_color.rgb = color(code)
    shape.line.fill.background()
    shape._element.remove(shape._element.find(qn("p:style")))  # noqa: SLF001 - the theme's shadow; there is no word for it


def figure(
    slide: Slide, x: float, y: float, width: float, label: str, value: str, note: str = "", size: float = 28
) -> None:
    """A number with its name above and a word below, beside a rule."""
    rule(slide, x, y, 0.05, HEAD, 1.15)
    line(slide, (x + 0.18, y - 0.02, width, 0.3), Said(label, color=QUIET), (13,))
    line(slide, (x + 0.18, y + 0.26, width, 0.58), Said(value, bold=True), (size, 26, 20, 16, 13, 11))
    if note:
        line(slide, (x + 0.18, y + 0.86, width, 0.3), Said(note, color=QUIET), (12,))


def line(slide: Slide, box: tuple[float, float, float, float], said: Said, sizes: Sequence[float]) -> None:
    """One text in its box, as large as fits."""
    words, size = fitting(said.text, sizes, box[2], box[3])
    text(slide, box, [Said(words, bold=said.bold, color=said.color)], size)


def listed(
    slide: Slide,
    box: tuple[float, float, float, float],
    items: Sequence[Said],
    *,
    rest: Callable[[int], str],
    numbered: bool = False,
) -> None:
    """As many items as the box holds at a size that is read from a chair; the others are counted: nothing runs over."""
    said = [Said(f"{place}.  {item.text}" if numbered else item.text, item.note, item.bold, item.color)
            for place, item in enumerate(items, 1)]  # fmt: skip
    _, _, width, height = box
    for size in (22, 20, 18, 16, 14, 13):
        if _high(said, size, width) <= height:
            text(slide, box, said, size, gap=size * _GAP)
            return
    size, shown = 13, len(said)
    while shown and _high([*said[:shown], Said(rest(len(said) - shown))], size, width) > height:
        shown -= 1
    more = Said(rest(len(said) - shown), color=QUIET)
    text(slide, box, [*said[:shown], more], size, gap=size * _GAP)


def fitting(words: str, sizes: Sequence[float], width: float, height: float) -> tuple[str, float]:
    """The text and the largest size at which it fits a box; at the smallest it is cut until it does."""
    said = clean(words)
    for size in sizes:
        if _lines(said, size, width) * size * _LEADING / 72 <= height:
            return said, size
    while len(said) > 1 and _lines(said, sizes[-1], width) * sizes[-1] * _LEADING / 72 > height:
        said = clip(said, max(1, len(said) * 9 // 10))
    return said, sizes[-1]


def _lines(words: str, size: float, width: float) -> int:
    """Lines that text takes at most; wide letters count as what they are, a long word may waste the end of a line."""
    length = sum(_wide(char) for char in words)
    waste = min(max((len(word) for word in words.split()), default=0), 12) * _WIDE * 0.5
    line = max(1.0, width * 72 / size - waste)
    return max(1, -int(-length // line)) if length > width * 72 / size else 1


def _wide(char: str) -> float:
    """A letter's width in parts of its size, generously."""
    if ord(char) > _HAN:
        return 1.05
    if char in "WMwm@%—…":
        return 0.95
    return 0.7 if char.isupper() else _WIDE


def _high(items: Sequence[Said], size: float, width: float) -> float:
    """Inches that these paragraphs take at most, their notes on lines of their own."""
    points = 0.0
    for item in items:
        points += _lines(item.text, size, width) * size * _LEADING + size * _GAP
        if item.note:
            points += _lines(item.note, size * _NOTE, width) * size * _NOTE * _LEADING
    return points / 72


def chart(
    slide: Slide,
    box: tuple[float, float, float, float],
    name: str,
    cells: Sequence[tuple[str, float, str]],
    currency: str,
) -> None:
    """A native column chart: label, value in major units and shade of each column; its numbers are its alternative text."""
    large = max((value for _, value, _ in cells), default=0) >= BILLION
    data = _Chart(number_format=SHORTER if large else SHORT)
    data.categories = [label for label, _, _ in cells]
    data.add_series(name, [value for _, value, _ in cells])
    x, y, width, height = (Inches(part) for part in box)
    frame: Any = slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, x, y, width, height, data)
    spoken = "; ".join(f"{label} {currency} {value:,.0f}" for label, value, _ in cells)
    frame._element.nvGraphicFramePr.cNvPr.set("descr", f"{name}, {currency}: {spoken}")  # noqa: SLF001 - the library has no word for it
    _style(frame.chart, [shade for _, _, shade in cells], SHORTER if large else SHORT)


def _style(made: Any, shades: Sequence[str], form: str) -> None:
    made.has_legend = made.has_title = False
    made.font.name, made.font.size, made.font.color.rgb = FONT, Pt(14), color(INK)
    values = made.value_axis
    values.visible = values.has_major_gridlines = False
    categories = made.category_axis
    categories.format.line.color.rgb = color(LINE)
    categories.has_major_gridlines = False
    categories.tick_labels.font.size = Pt(14)
    plot = made.plots[0]
    plot.gap_width, plot.has_data_labels = 70, True
    labels = plot.data_labels
    labels.number_format, labels.number_format_is_linked = form, False
    labels.position = XL_LABEL_POSITION.OUTSIDE_END
    labels.font.size, labels.font.bold = Pt(16), True
    for number, shade in enumerate(shades):
        fill = plot.series[0].points[number].format.fill
        fill.solid()
        fill.fore_color.rgb = color(shade)


def table(
    slide: Slide,
    box: tuple[float, float, float, float],
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    widths: Sequence[float],
) -> None:
    """A quiet table: a coloured header, thin stripes, numbers to the right."""
    x, y, width, height = (Inches(part) for part in box)
    frame: Any = slide.shapes.add_table(len(rows) + 1, len(heads), x, y, width, height)
    made = frame.table
    made.horz_banding = False
    for place_, share in enumerate(widths):
        made.columns[place_].width = Emu(int(width * share / sum(widths)))
    for line, cells in enumerate((heads, *rows)):
        made.rows[line].height = Emu(int(height / (len(rows) + 1)))
        for column, said in enumerate(cells):
            _cell(made.cell(line, column), said, head=line == 0, right=column > 0)


def _cell(cell: Any, said: str, *, head: bool, right: bool) -> None:
    cell.fill.solid()
    cell.fill.fore_color.rgb = color(HEAD if head else "FFFFFF")
    cell.vertical_anchor = MSO_ANCHOR.MIDDLE
    cell.margin_left = cell.margin_right = Inches(0.1)
    cell.margin_top = cell.margin_bottom = Inches(0.03)
    paragraph = cell.text_frame.paragraphs[0]
    paragraph.alignment = PP_ALIGN.RIGHT if right else PP_ALIGN.LEFT
    _run(paragraph, said, 13 if head else 14, "FFFFFF" if head else INK, bold=head)
