"""Names as people type them, and cutting text for a page."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.domain.text import clean, clip, count, key, near

NAMES = ["Acme", "Acme Labs", "Northwind", "Contoso", "Fabrikam"]


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("  two \n lines\t", "two lines"),
        ("e\u0301", "é"),
        ("\u202eevil\u202c", "evil"),
        ("a\x00b\x07c", "a b c"),
        ("👩\u200d👩\u200d👧", "👩\u200d👩\u200d👧"),
        ("", ""),
    ],
)
def test_stored_text_is_one_line_without_marks_that_turn_what_stands_around_it(typed, stored):
    assert clean(typed) == stored


def test_case_spacing_and_width_do_not_make_another_name():
    assert key("  ACME   Labs ") == key("acme labs") == key("Ａｃｍｅ labs")
    assert key("Straße") == key("STRASSE")


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("acme", ["Acme", "Acme Labs"]),
        ("Nortwind", ["Northwind"]),
        ("contso", ["Contoso"]),
        ("zzz", []),
        ("", []),
    ],
)
def test_a_typo_offers_the_nearest_names(typed, found):
    assert near(typed, NAMES) == found


def test_no_more_names_are_offered_than_asked_for():
    assert near("a", ["Acme 1", "Acme 2", "Acme 3", "Acme 4"], most=2) == ["Acme 1", "Acme 2"]


@given(st.text(max_size=80), st.integers(1, 60))
def test_a_cut_text_is_never_longer_than_asked_and_says_that_it_was_cut(text, length):
    cut = clip(text, length)
    assert len(cut) <= length
    assert cut == text if len(text) <= length else cut.endswith("…")


def test_a_cut_never_ends_inside_a_joined_emoji():
    assert clip("👩\u200d👩\u200d👧", 3) == "👩…"


@given(st.text(max_size=60))
def test_cleaning_and_keys_change_nothing_the_second_time(text):
    assert clean(clean(text)) == clean(text)
    assert key(key(text)) == key(text)


def test_one_is_said_in_the_singular():
    assert [count(number, "deal") for number in (0, 1, 2)] == ["0 deals", "1 deal", "2 deals"]
    assert [count(number, "person", "people") for number in (1, 2)] == ["1 person", "2 people"]
