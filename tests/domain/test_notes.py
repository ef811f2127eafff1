"""The facts of the notes: sums that tie out, differences, and the cadence's health."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.domain.notes import (
    DealFact,
    Health,
    MoneySum,
    MoveFact,
    WeeklyFacts,
    difference,
    health,
    merge_health,
    sums,
)


def deal(number, amount=0, currency="USD", category="pipeline", **more):
    return DealFact(
        deal_id=number, name=f"Deal {number}", account="", owner_id=1, stage="", category=category, amount=amount,
        currency=currency, close_date=None, days=0, stalled=False, action=None, **more,
    )  # fmt: skip


DEALS = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(0, 10**12)),
        st.sampled_from(["USD", "EUR", "JPY"]),
        st.sampled_from(["pipeline", "best_case", "commit"]),
    ),
    max_size=40,
).map(lambda rows: [deal(number, *row) for number, row in enumerate(rows)])


def test_sums_are_by_currency_biggest_first_and_count_unknown_amounts_apart():
    found = sums([deal(1, 100), deal(2, None), deal(3, 900, "EUR"), deal(4, 50)])
    assert found == (
        MoneySum(currency="EUR", amount=900, deals=1, unknown=0),
        MoneySum(currency="USD", amount=150, deals=3, unknown=1),
    )
    assert sums([]) == ()


def test_equal_sums_stand_in_the_order_of_their_currency():
    assert [line.currency for line in sums([deal(1, 5, "USD"), deal(2, 5, "EUR")])] == ["EUR", "USD"]


@given(DEALS)
def test_the_categories_add_up_to_the_total(deals):
    parts = [
        line
        for category in ("pipeline", "best_case", "commit")
        for line in sums(d for d in deals if d.category == category)
    ]
    for line in sums(deals):
        same = [part for part in parts if part.currency == line.currency]
        assert sum(part.amount for part in same) == line.amount
        assert sum(part.deals for part in same) == line.deals
        assert sum(part.unknown for part in same) == line.unknown


@given(DEALS, st.integers(0, 40))
def test_shown_and_hidden_deals_add_up_to_the_total_wherever_the_page_ends(deals, place):
    total = {line.currency: line.amount for line in sums(deals)}
    shown, hidden = sums(deals[:place]), sums(deals[place:])
    added = {}
    for line in (*shown, *hidden):
        added[line.currency] = added.get(line.currency, 0) + line.amount
    assert added == total


def test_a_difference_names_the_currencies_of_both_sides():
    assert difference(sums([deal(1, 100)]), sums([deal(1, 40), deal(2, 7, "EUR")])) == {"EUR": -7, "USD": 60}


@given(DEALS, DEALS)
def test_a_difference_added_to_the_old_sum_is_the_new_one(now, before):
    after_by = {line.currency: line.amount for line in sums(now)}
    before_by = {line.currency: line.amount for line in sums(before)}
    for currency, value in difference(sums(now), sums(before)).items():
        assert before_by.get(currency, 0) + value == after_by.get(currency, 0)


@pytest.mark.parametrize(
    ("states", "streak"),
    [
        ([], 0),
        (["held", "held", "held_late"], 3),
        (["held", "skipped", "held"], 1),
        (["held", "no_meeting", "held"], 2),
        (["held", "skipped"], 0),
        (["skipped", "no_meeting"], 0),
        (["held", "no_meeting"], 1),
    ],
)
def test_a_streak_ends_with_our_skip_and_not_with_a_holiday(states, streak):
    found = health(states)
    assert found.streak == streak
    assert found.held + found.late + found.skipped + found.no_meeting == len(states)


def test_the_health_of_several_is_their_sum_and_the_shortest_streak():
    assert merge_health([Health(held=3, streak=3), Health(held=1, late=1, skipped=2, streak=1)]) == Health(
        held=4, late=1, skipped=2, streak=1
    )
    assert merge_health([]) == Health()


def test_moves_are_forward_or_slips_and_answers_are_counted():
    both = (MoveFact(field="stage", forward=True), MoveFact(field="close_date", forward=False))
    fact = deal(1, 5, moves=both, answered="form")
    assert [move.field for move in fact.forward] == ["stage"]
    assert [move.field for move in fact.slips] == ["close_date"]
    page = WeeklyFacts(
        partner_id=1, partner="Acme", pm_id=1, slot="2026-W10", day=date(2026, 3, 5), state="held",
        deals=(fact, deal(2), deal(3, answered="no_change")),
    )  # fmt: skip
    assert page.answered == 2
