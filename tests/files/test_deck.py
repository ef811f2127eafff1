"""The decks: one page a topic, native charts with the page's numbers, commitments last, nothing over an edge."""

import functools
import io
from pathlib import Path
from typing import Any

import pytest
from pptx import Presentation

from handlers.files import deck, slides
from handlers.files.slides import Said
from models.domain.policy import Policy
from tests.files import office, samples
from tests.files.opened import meetings


@functools.cache
def made(facts: Any, partner_sponsor: str = "") -> Any:
    return Presentation(io.BytesIO(deck.readout(facts, samples.book(), Policy(), partner_sponsor=partner_sponsor)))


def titles(presentation: Any) -> list[str]:
    return [slide.shapes.title.text for slide in presentation.slides]


def said(slide: Any) -> str:
    return "\n".join(shape.text_frame.text for shape in slide.shapes if shape.has_text_frame)


def charts(slide: Any) -> list[Any]:
    return [shape.chart for shape in slide.shapes if shape.has_chart]


def test_a_partners_readout_has_one_page_a_topic_and_ends_in_commitments() -> None:
    assert titles(made(samples.meeting())) == [
        "Acme Systems", "Revenue produced: 2026Q4 to 15 Dec", "Pipeline and forecast: Forecast of 2027Q1",
        "Attribution of closed won: 2026Q4 to 15 Dec", "What each side asks of the other", "Commitments",
    ]  # fmt: skip


def test_the_programs_readout_shows_partners_and_counts_the_rest() -> None:
    presentation = made(samples.meeting(program=True))
    assert titles(presentation)[-3:] == ["By partner", "Asks and decisions", "Commitments"]
    assert "and 5 more partners: USD 6.25M + EUR 50k" in said(presentation.slides[4])


def test_both_sponsors_are_named_and_an_unknown_one_is_to_be_named() -> None:
    front = said(made(samples.meeting(), partner_sponsor="Hélène Dubois").slides[0])
    assert "Ngozi Okafor" in front and "Priya Raman" in front and "Hélène Dubois" in front
    assert "Sponsor at Acme Systems\nto be named" in said(made(samples.meeting()).slides[0])
    assert "to be named" in said(made(samples.meeting(program=True, sponsors=())).slides[0])


def test_charts_are_native_and_carry_the_pages_numbers() -> None:
    presentation = made(samples.meeting())
    revenue, forecast, attribution = presentation.slides[1], presentation.slides[2], presentation.slides[3]
    found = {chart.plots[0].series[0].name: chart for chart in charts(revenue)}
    assert len(charts(revenue)) == 2 and found
    dollars = charts(revenue)[0].plots[0]
    assert list(dollars.categories) == ["Closed won", "Commit", "Best case", "Pipeline"]
    assert list(dollars.series[0].values) == [1_180_000, 640_000, 410_000, 1_200_000]
    assert list(charts(forecast)[0].plots[0].series[0].values) == [300_000, 520_000, 1_640_000]
    assert list(charts(attribution)[0].plots[0].categories) == ["Sourced", "Influenced", "Co-sold"]
    described = [shape._element.nvGraphicFramePr.cNvPr.get("descr") for shape in revenue.shapes if shape.has_chart]
    assert "Closed won USD 1,180,000" in described[0]


def test_the_speaker_is_told_the_sources() -> None:
    notes = made(samples.meeting()).slides[1].notes_slide.notes_text_frame.text
    assert "Closed won: USD 1,180,000 (9 deals) + EUR 215,000 (2 deals) (was USD 960,000 (7 deals))" in notes
    assert "Source: the page of “Executive readout” 2026Q4, Tue 15 Dec. CRM as of" in notes
    assert "nobody has signed it" in notes


def test_every_page_says_that_it_is_internal() -> None:
    for facts in meetings().values():
        assert all("Internal ·" in said(slide) for slide in made(facts).slides)


def test_asks_stand_in_two_columns_and_a_missing_side_says_so() -> None:
    page = made(samples.meeting()).slides[4]
    columns = sorted(
        (shape.left, shape.text_frame.text)
        for shape in page.shapes
        if shape.has_text_frame and "ask" in shape.text_frame.text
    )
    assert [text for _, text in columns] == [
        "What each side asks of the other",
        "What we ask of them",
        "What they ask of us",
    ]
    one = samples.meeting(said=samples.meeting().said[:1])
    assert "nothing was said" in said(made(one).slides[4])


@pytest.mark.parametrize("name", meetings())
def test_another_program_shows_every_page(name: str, decks: dict[str, Path]) -> None:
    data = decks[name].read_bytes()
    presentation = made(meetings()[name])
    assert office.pages(data) == len(presentation.slides)
    assert "Commitments" in office.text_of(data)


@pytest.mark.parametrize("name", meetings())
def test_nothing_runs_over_its_box_or_the_page(name: str) -> None:
    presentation = made(meetings()[name])
    for slide in presentation.slides:
        for shape in slide.shapes:
            assert shape.left >= 0 and shape.top >= 0
            assert shape.left + shape.width <= presentation.slide_width
            assert shape.top + shape.height <= presentation.slide_height
            if shape.has_text_frame and shape.text_frame.text:
                size = shape.text_frame.paragraphs[0].runs[0].font.size.pt
                items = [
                    Said(line.split("\v")[0], *line.split("\v")[1:2]) for line in shape.text_frame.text.split("\n")
                ]
                high = sum(slides._lines(item.text, size, shape.width / 914_400) for item in items) * size / 72
                assert high <= shape.height / 914_400 + 0.02, shape.text_frame.text


def test_a_list_that_is_too_long_is_counted() -> None:
    page = made(meetings()["hostile"]).slides[-1]
    told = said(page)
    shown = told.count("kept:")
    assert f"and {30 - shown} more" in told
    assert 0 < shown < 30


def test_what_is_typed_stays_text() -> None:
    told = said(made(meetings()["hostile"]).slides[-2])
    for text in ("=cmd|' /C calc'!A0", "+1+1", "@SUM(A1)", "#set text(red); *bold* _it_ $x$"):
        assert text in told
