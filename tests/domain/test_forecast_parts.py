import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.domain.forecast.parts import REST, Part, divide, largest_remainder, parts_with_rest

totals = st.integers(-(10**14), 10**14)
weights = st.lists(st.integers(0, 10_000), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("total", "given", "parts"),
    [
        (100, [1, 1, 1], [34, 33, 33]),  # a tie: to the earlier
        (101, [1, 1, 1], [34, 34, 33]),
        (-100, [1, 1, 1], [-34, -33, -33]),
        (10, [6000, 4000], [6, 4]),
        (11, [7000, 3000], [8, 3]),  # 7.7 and 3.3
        (1, [1, 1], [1, 0]),
        (1, [1, 2], [0, 1]),
        (5, [0, 0, 0], [5, 0, 0]),
        (-5, [0, 0], [-5, 0]),
        (0, [3, 4], [0, 0]),
        (7, [0, 5], [0, 7]),
    ],
)
def test_what_is_left_goes_to_the_largest_remainder(total, given, parts):
    assert largest_remainder(total, given) == parts


def test_nothing_is_divided_among_nobody_or_by_less_than_nothing():
    with pytest.raises(ValueError):
        largest_remainder(1, [])
    with pytest.raises(ValueError):
        largest_remainder(1, [2, -1])
    with pytest.raises(ValueError):
        divide(1, ())


@settings(max_examples=60)
@given(totals, weights)
def test_not_a_cent_is_lost_and_none_is_further_off_than_one(total, given):
    parts = largest_remainder(total, given)
    assert sum(parts) == total
    whole = sum(given)
    if whole:
        assert all(abs(part * whole - total * weight) < whole for part, weight in zip(parts, given, strict=True))


@settings(max_examples=60)
@given(totals, weights)
def test_a_credit_undoes_its_invoice_part_by_part(total, given):
    assert largest_remainder(-total, given) == [-part for part in largest_remainder(total, given)]


@settings(max_examples=60)
@given(st.integers(0, 10**9), weights)
def test_who_has_the_larger_weight_never_has_less(total, given):
    ordered = sorted(given, reverse=True)
    parts = largest_remainder(total, ordered)
    if any(ordered):
        assert parts == sorted(parts, reverse=True)


def test_what_is_nobodys_share_is_the_rest_under_the_primary_manager():
    assert parts_with_rest([Part(2, 11, 7000)], 11) == (Part(2, 11, 7000), Part(REST, 11, 3000))
    assert parts_with_rest([Part(2, None, 10_000)], None) == (Part(2, None, 10_000),)
    assert parts_with_rest([], 11) == (Part(REST, 11, 10_000),)


def test_the_order_given_does_not_decide_who_gets_the_odd_cent():
    one, other = Part(5, 11, 5000), Part(3, 12, 5000)
    assert parts_with_rest([one, other], 11) == parts_with_rest([other, one], 11) == (other, one)
    assert divide(101, parts_with_rest([one, other], 11)) == [51, 50]


def test_shares_are_divided_with_the_rest():
    assert divide(3_000_001, parts_with_rest([Part(2, 11, 7000)], 11)) == [2_100_001, 900_000]
    assert divide(-7, [Part(1, None, 10_000)]) == [-7]
