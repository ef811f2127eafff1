"""Movement: what moves a deal forward, what is a slip, and what is only a correction."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.domain.deals import (
    DEFAULT_STAGES,
    OPEN,
    Category,
    Move,
    Standing,
    effective,
    movement,
    moves_between,
)

BASE = Standing("Qualification", "pipeline", 100_00, "USD", date(2026, 3, 30))


def moved(**changes):
    return movement(moves_between(BASE, replace(BASE, **changes)))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "none"),
        ({"stage": "Needs Analysis"}, "forward"),
        ({"stage": "Prospecting"}, "slip"),
        ({"stage": "qualification"}, "none"),
        ({"category": "commit"}, "forward"),
        ({"category": "lost"}, "slip"),
        ({"category": "won"}, "forward"),
        ({"amount": 200_00}, "forward"),
        ({"amount": 50_00}, "slip"),
        ({"close_date": date(2026, 3, 29)}, "forward"),
        ({"close_date": date(2026, 6, 30)}, "slip"),
        ({"stage": "Needs Analysis", "close_date": date(2026, 6, 30)}, "both"),
        ({"amount": 50_00, "close_date": date(2026, 6, 30)}, "slip"),
        ({"stage": "Closed Lost", "category": "lost"}, "slip"),
        ({"stage": "Closed Won", "category": "won"}, "forward"),
    ],
)
def test_a_change_is_forward_a_slip_or_both(changes, expected):
    assert moved(**changes) == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": None},
        {"close_date": None},
        {"stage": "A stage nobody knows"},
        {"stage": ""},
        {"amount": 999_00, "currency": "EUR"},
    ],
)
def test_what_is_unknown_before_or_after_is_a_correction_and_no_movement(changes):
    assert moved(**changes) == "none"
    assert movement(moves_between(replace(BASE, **changes), BASE)) == "none"


def test_pushing_the_close_date_never_hides_a_dead_deal():
    pushed = moves_between(BASE, replace(BASE, close_date=date(2027, 1, 1)))
    assert not any(move.forward for move in pushed)


def test_losing_a_deal_is_no_progress_though_its_stage_stands_last_in_the_table():
    lost = moves_between(BASE, replace(BASE, stage="Closed Lost", category="lost"))
    assert {move.field: move.forward for move in lost} == {"stage": False, "category": False}


def test_reopening_a_lost_deal_is_forward_though_its_stage_goes_back():
    lost = replace(BASE, stage="Closed Lost", category="lost")
    assert {move.field: move.forward for move in moves_between(lost, BASE)} == {"stage": True, "category": True}


def test_a_move_says_what_it_was_and_is_as_json():
    (move,) = moves_between(BASE, replace(BASE, close_date=date(2026, 4, 1)))
    assert move.as_json() == {"field": "close_date", "forward": False, "before": "2026-03-30", "after": "2026-04-01"}


def test_a_completed_action_alone_is_forward_movement():
    assert movement((Move("action", forward=True, before="send pricing", after=None),)) == "forward"


@given(
    st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    st.integers(0, 10**12),
    st.integers(0, 10**12),
)
def test_a_change_and_its_reverse_go_opposite_ways(first, second, small, big):
    one, other = replace(BASE, close_date=first, amount=small), replace(BASE, close_date=second, amount=big)
    there = {move.field: move.forward for move in moves_between(one, other)}
    back = {move.field: move.forward for move in moves_between(other, one)}
    assert there == {name: not forward for name, forward in back.items()}


def test_what_was_said_in_slack_stands_over_the_crm_and_only_there():
    said = {"close_date": {"value": "2026-05-01"}, "amount": {"value": None}, "stage": {"value": "Needs Analysis"}}
    assert effective(BASE, said) == replace(BASE, close_date=date(2026, 5, 1), amount=None, stage="Needs Analysis")
    assert effective(BASE, {"category": {"value": "commit"}}).category == "commit"
    assert effective(BASE, {"close_date": {"value": None}}).close_date is None
    assert effective(BASE, {}) == BASE


def test_categories_are_open_until_won_or_lost_and_have_words():
    assert OPEN == (Category.PIPELINE, Category.BEST_CASE, Category.COMMIT)
    assert [category.label for category in Category] == [
        "pipeline",
        "best case",
        "commit",
        "closed won",
        "closed lost",
    ]


def test_a_stage_is_found_without_case_or_spaces_around_it():
    assert DEFAULT_STAGES.find("  negotiation/REVIEW ") == ("Negotiation/Review", Category.COMMIT)
    assert DEFAULT_STAGES.find("Nothing") is None
    assert DEFAULT_STAGES.rank("Nothing") is None
    assert DEFAULT_STAGES.names[0] == "Prospecting"
    assert len(DEFAULT_STAGES.names) == 10
