"""The pictures: every number of theirs can be heard, and nothing of theirs lies outside the picture."""

import struct
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.files import canvas, chart
from handlers.files.fonts import Faces
from models.domain.forecast.facts import Bands, ChangeKind, ChangeLine, Changes, Landing, RollUpFacts, WeekFigure
from models.domain.money import format_money
from tests.files import samples

BARE = Faces(system=False)
money = st.integers(-(10**12), 10**13)
bands = st.builds(Bands, won=money, commit=money, best_case=money, pipeline=money)


def size(data: bytes) -> tuple[int, int]:
    assert data.startswith(b"\x89PNG")
    return struct.unpack(">II", data[16:24])


def test_what_changed_is_a_picture_for_slacks_width_whose_numbers_can_be_heard() -> None:
    facts = samples.quarter(1).facts
    assert facts.changes is not None
    picture = chart.what_changed(facts, BARE)
    assert size(picture.data)[0] == 4 * canvas.WIDTH
    assert picture.name == "what-changed-2026Q4.png"
    for line in facts.changes.lines:
        assert format_money(line.bands.total, "USD") in picture.alt
    assert format_money(facts.changes.before.total, "USD") in picture.alt
    assert format_money(facts.changes.after.total, "USD") in picture.alt


def test_by_week_says_the_categories_the_target_and_the_landing() -> None:
    facts = samples.quarter(1).facts
    picture = chart.by_week(facts, BARE)
    assert picture is not None
    assert size(picture.data)[0] == 4 * canvas.WIDTH
    last = facts.weeks[-1].bands
    for value in (
        last.won,
        last.commit,
        last.best_case,
        last.pipeline,
        facts.quota or 0,
        facts.landing.p10,
        facts.landing.p90,
    ):
        assert format_money(value, "USD") in picture.alt


def test_there_is_no_picture_of_nothing() -> None:
    facts = samples.quarter(1).facts
    assert chart.by_week(facts.model_copy(update={"weeks": ()})) is None
    assert (
        chart.by_week(facts.model_copy(update={"weeks": (WeekFigure(day=date(2026, 10, 9), bands=Bands()),)})) is None
    )
    with pytest.raises(ValueError, match="The first roll-up of 2026Q4 has nothing to compare with"):
        chart.what_changed(facts.model_copy(update={"changes": None}))


def test_a_label_is_text_and_not_markup() -> None:
    facts = samples.quarter(1, 4).facts
    assert facts.changes is not None
    for label in samples.HOSTILE:
        changed = facts.model_copy(update={"changes": facts.changes.model_copy(update={"since_label": label})})
        assert chart.what_changed(changed, BARE).data.startswith(b"\x89PNG")


def facts_of(
    changes: Changes | None, weeks: tuple[WeekFigure, ...], quota: int | None, landing: Landing
) -> RollUpFacts:
    return RollUpFacts(period="2026Q4", first=samples.FIRST, last=samples.LAST, label="x", cut_off=samples.NOW, rate_day=samples.FIRST,
                       currency="USD", program=Bands(), changes=changes, weeks=weeks, quota=quota, landing=landing)  # fmt: skip


@given(before=bands, moves=st.lists(bands, max_size=len(ChangeKind)))
@settings(max_examples=60)
def test_the_waterfall_leads_from_before_to_after_and_stays_in_the_picture(before: Bands, moves: list[Bands]) -> None:
    lines = tuple(ChangeLine(kind=kind, bands=move, deals=1) for kind, move in zip(ChangeKind, moves, strict=False))
    after = before + Bands.sum(moves)
    changes = Changes(since=samples.NOW, since_label="x", before=before, after=after, lines=lines)
    steps = chart._steps(changes)
    assert [step.start for step in steps[1:-1]] == [step.end for step in steps[:-2]]
    assert steps[-2].end == after.total == steps[-1].end
    drawn, (low, high, _) = canvas.Canvas(), chart._range(steps)
    assert low < high
    scale = (chart._RIGHT - chart._LEFT) / (high - low)
    for step in steps:
        chart._step(drawn, step, 60, lambda value: chart._LEFT + (value - low) * scale, chart._LEFT, "USD")
    for item in drawn.items:
        if item["kind"] == "rect" and item["fill"] != chart.TOTAL:
            assert chart._LEFT - 1 <= item["x"] <= item["x"] + item["w"] <= chart._RIGHT + 1


@given(
    weeks=st.lists(bands, min_size=1, max_size=20),
    quota=st.none() | st.integers(0, 10**13),
    middle=st.integers(0, 10**13),
)
@settings(max_examples=40)
def test_weeks_target_and_landing_stay_in_the_picture(weeks: list[Bands], quota: int | None, middle: int) -> None:
    figures = tuple(WeekFigure(day=samples.FIRST, bands=week) for week in weeks)
    facts = facts_of(None, figures, quota, Landing(p10=middle // 2, p50=middle, p90=middle * 2, deals=50, quarters=5))
    drawn = canvas.Canvas()
    chart._draw_weeks(drawn, facts)
    for item in drawn.items:
        assert 0 <= item["x"] <= canvas.WIDTH
        if item["kind"] in ("rect", "text"):
            assert 0 <= item["y"] <= 284
            assert item["y"] + item.get("h", 8) <= 284
