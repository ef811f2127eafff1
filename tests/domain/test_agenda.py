"""Speaking slots: an AE in several reviews knows when to come and when to leave."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.domain.agenda import GRAIN, speaking_slots

TEN = datetime(2026, 3, 5, 10, tzinfo=UTC)


def clock(slot):
    return f"{slot[0]:%H:%M}-{slot[1]:%H:%M}"


def test_nobody_to_speak_means_no_slots():
    assert speaking_slots(TEN, 30, {}) == {}


@pytest.mark.parametrize(
    ("minutes", "deals", "expected"),
    [
        (30, {1: 3}, {1: "10:00-10:30"}),
        (30, {1: 2, 2: 4}, {2: "10:00-10:20", 1: "10:20-10:30"}),
        (30, {1: 1, 2: 1, 3: 1}, {1: "10:00-10:10", 2: "10:10-10:20", 3: "10:20-10:30"}),
        (30, {1: 20, 2: 1}, {1: "10:00-10:25", 2: "10:25-10:30"}),
    ],
)
def test_the_busiest_speak_first_and_get_more_time(minutes, deals, expected):
    assert {person: clock(slot) for person, slot in speaking_slots(TEN, minutes, deals).items()} == expected


SHARES = st.dictionaries(st.integers(1, 50), st.integers(1, 30), min_size=1, max_size=30)


@given(st.integers(5, 240), SHARES)
def test_slots_tile_the_meeting_while_there_are_enough_of_them(minutes, deals):
    steps = minutes // GRAIN
    slots = sorted(speaking_slots(TEN, minutes, deals).values())
    assert set(speaking_slots(TEN, minutes, deals)) == set(deals)
    assert slots[0][0] == TEN
    assert max(end for _, end in slots) == TEN + timedelta(minutes=steps * GRAIN)
    assert all(begin < end for begin, end in slots)
    if len(deals) <= steps:
        assert all(one[1] == other[0] for one, other in pairwise(slots))


@given(st.integers(1, 4), SHARES)
def test_a_meeting_shorter_than_a_step_is_one_slot_for_all(minutes, deals):
    assert {clock(slot) for slot in speaking_slots(TEN, minutes, deals).values()} == {"10:00-10:05"}
