import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.domain.forecast.facts import Coverage, Share
from models.domain.forecast.ratios import accuracy, attainment, coverage, share

money = st.integers(-(10**12), 10**12)


@pytest.mark.parametrize(
    ("signed", "closed", "basis_points"),
    [
        (0, 0, None),
        (100, 100, 10_000),
        (120, 100, 8333),  # 1 − 20/120
        (100, 120, 8333),
        (100, 0, 0),
        (0, 100, 0),
        (100, -50, 0),  # more was credited than won: 1 − 150/100 is below 0
        (0, -50, 0),
        (30_000, 1, 0),  # a third of a basis point
        (20_000, 1, 0),  # half of one: to the even
        (20_000, 3, 2),  # one and a half: to the even
    ],
)
def test_accuracy(signed, closed, basis_points):
    assert accuracy(signed, closed) == basis_points


@settings(max_examples=60)
@given(st.integers(0, 10**12), money)
def test_accuracy_is_between_nothing_and_all(signed, closed):
    found = accuracy(signed, closed)
    assert (found is None) == (signed == closed == 0)
    assert 0 <= (found or 0) <= 10_000


@pytest.mark.parametrize(
    ("open_", "target", "closed", "found"),
    [
        (500, None, 100, Coverage()),
        (500, 100, 100, Coverage(reached=True)),
        (0, 100, 150, Coverage(reached=True)),
        (300, 200, 100, Coverage(basis_points=30_000)),
        (0, 200, 100, Coverage(basis_points=0)),
        (100, 200, -100, Coverage(basis_points=3333)),
        (0, 0, 0, Coverage(reached=True)),
    ],
)
def test_coverage(open_, target, closed, found):
    assert coverage(open_, target, closed) == found


def test_attainment():
    assert attainment(50, None) is None
    assert attainment(50, 0) is None
    assert attainment(50, -1) is None
    assert attainment(50, 200) == 2500
    assert attainment(-50, 200) == -2500
    assert attainment(1, 20_000) == 0
    assert attainment(3, 20_000) == 2


def test_a_share_without_a_whole_says_why():
    assert share(1, 3) == Share(part=1, whole=3, basis_points=3333)
    assert share(1, 3, why="nothing was won") == Share(part=1, whole=3, basis_points=3333)
    assert share(0, 0, why="nothing was won") == Share(part=0, whole=0, basis_points=None, why="nothing was won")
    assert share(-5, -5).why == "there is nothing to divide by"
