"""Near names, and how strongly two deals look like one: tables, and what any two of them keep to."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.domain.likeness import MOST, Lookout, Traits, alike, is_near, names_alike, score, words
from tests import make

DAY = date(2026, 3, 30)


def deal(name, account="", amount=None, close=None, currency="USD"):
    return Traits(name, account, amount, currency, close)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Halyard – Pumps", ("halyard", "pumps")),
        ("  The HALYARD Ltd. ", ("halyard",)),
        ("Ltd", ("ltd",)),
        ("", ()),
        ("–", ()),
        ("Grüne_Wiese GmbH & Co. KG", ("grüne", "wiese")),
        ("東京電力", ("東京電力",)),
    ],
)
def test_the_words_that_tell_a_name_from_another(text, found):
    assert words(text) == found


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [
        ("Halyard – Pumps", "pumps, HALYARD Ltd", 1, 1),
        ("Halyard pump station", "Halyrad pump station", 0.9, 0.99),
        ("Halyard Pumps", "Halyard Pumps, second site", 0.85, 0.99),
        ("Pumps", "Halyard Pumps", 0, 0.79),  # one common word is a part of half the names
        ("Deal 1", "Deal 2", 0, 0),
        ("Renewal Q3", "Renewal Q4", 0, 0),
        ("Renewal 2026", "Renewal", 0.7, 0.85),
        ("Pumps", "Valves", 0, 0.54),
        ("", "", 0, 0),
        ("", "Pumps", 0, 0),
    ],
)
def test_how_much_two_names_are_one(one, other, low, high):
    assert low <= alike(one, other) <= high
    assert alike(one, other) == alike(other, one)


@pytest.mark.parametrize(
    ("one", "other", "near"),
    [
        (deal("Halyard – Pumps", "Halyard"), deal("Pumps", "Halyard Ltd"), True),
        (deal("Halyard – Pumps", "Halyard"), deal("Pump", "Halyard"), True),  # the same account: less is enough
        (deal("Halyard – Pumps", "Halyard"), deal("Valves", "Halyard"), False),
        (deal("Renewal", "Alpha"), deal("Renewal", "Beta"), False),  # a common word, and two customers
        (deal("Renewal of the pumps", "Alpha"), deal("Renewal of the pumps", ""), True),
        (deal("Phase 1", "Alpha"), deal("Phase 2", "Alpha"), False),
    ],
)
def test_what_is_pointed_out_to_somebody_who_makes_a_deal(one, other, near):
    assert is_near(one, other) is near
    assert is_near(other, one) is near


@pytest.mark.parametrize(
    ("other", "asked"),
    [
        (deal("Halyard – Pumps", "Halyard", 40_000, DAY), True),
        (deal("Pumps", "HALYARD Inc."), True),
        (deal("Halyard Pumps"), True),
        (deal("Halyard – Pmups", ""), True),
        (deal("Something else", "Halyard", 42_000), True),  # the same account, near in amount
        (deal("Something else", "Halyard", None, date(2026, 4, 10)), True),  # or in the day
        (deal("Something else", "Halyard"), False),
        (deal("Something else", "Halyard", 80_000, date(2026, 9, 1)), False),
        (deal("Something else", "Halyard", 40_000, currency="EUR"), False),
        (deal("Something else", "Northwind", 40_000, DAY), False),  # a quarter's end is everybody's
        (deal("Halyard – Pumps", "Northwind"), False),
        (deal("Halyard – Pumps 2", "Halyard"), True),
    ],
)
def test_what_the_partners_manager_is_asked_about(other, asked):
    born = deal("Halyard – Pumps", "Halyard", 40_000, DAY)
    assert (score(born, other) > 0) is asked


def test_a_number_that_differs_keeps_two_deals_of_one_account_apart():
    one, other = deal("Phase 1", "Alpha", 5, DAY), deal("Phase 2", "Alpha", 5, DAY)
    assert score(one, other) == 0


def test_the_likeliest_come_first_and_there_are_three_at_most():
    lookout = Lookout({7: (1, deal("Halyard – Pumps", "Halyard", 40_000, DAY))})
    for number, other in enumerate([
        deal("Something else", "Halyard", 40_000), deal("Halyard – Pumps", "Halyard"), deal("Valves", "Northwind"),
        deal("Halyard – Pumps", "Halyard", 40_000, DAY), deal("Pumps", "Halyard"),
    ]):  # fmt: skip
        lookout.see(100 + number, 1, other)
        lookout.see(200 + number, 2, other)
    assert lookout.best() == {7: [103, 101, 104]}
    assert MOST == 3


def test_past_so_many_comparisons_the_same_name_or_account_is_still_found():
    lookout = Lookout({7: (1, deal("Halyard – Pumps", "Halyard", 5))}, most=3)
    for number in range(50):
        lookout.see(number, 1, deal(f"Halyard thing {'abcdefghij'[number % 10]}", "Halbert"))
    lookout.see(90, 1, deal("Halyard Pmups"))
    lookout.see(91, 1, deal("Pumps, Halyard"))
    lookout.see(92, 1, deal("Other", "HALYARD Ltd", 5))
    assert lookout.best() == {7: [91, 92]}


NAMES = st.one_of(st.text(max_size=30), st.sampled_from([*make.HOSTILE.values(), "Halyard – Pumps", "Pumps", "Deal 1"]))
DEALS = st.builds(
    deal, NAMES, NAMES, st.none() | st.integers(-10, 10**15), st.none() | st.dates(), st.sampled_from(["USD", "EUR"])
)


@given(DEALS, DEALS)
def test_any_two_deals_can_be_compared_and_it_does_not_matter_which_way_round(one, other):
    assert 0 <= names_alike(one, other) <= 1
    assert score(one, other) >= 0
    assert is_near(one, other) in (True, False)
    lookout = Lookout({1: (1, one)})
    lookout.see(2, 1, other)
    assert lookout.best() in ({}, {1: [2]})


@given(DEALS)
def test_a_deal_with_a_name_looks_like_itself(one):
    if words(one.name):
        assert names_alike(one, one) == 1
        assert score(one, one) >= 50
