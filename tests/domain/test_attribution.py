"""The clock of attribution, whose name goes where, and which day a touch can have been on."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.domain.attribution import Clock, Side, Signer, Who, has_to_sign, signed_state, signer, touch_error
from models.domain.forecast.facts import AttributionState
from models.domain.rights import Actor, Subject

TODAY = date(2026, 3, 20)
CREATED = date(2026, 3, 2)
INSTALLED = date(2026, 3, 1)
KINDS = ("", "sourced", "influenced", "co_sold")


def clock(kind="sourced", **more):
    return Clock(**({"kind": kind, "first_seen": CREATED, "created": CREATED} | more))


def actor(number=1, *roles):
    return Actor(number, f"P{number}", frozenset(roles), ours=True, active=True)


@pytest.mark.parametrize(
    ("found", "due"),
    [
        (clock("sourced"), date(2026, 3, 16)),
        (clock(""), date(2026, 3, 16)),
        (clock("sourced", created=None, first_seen=date(2026, 3, 5)), date(2026, 3, 19)),
        (clock("influenced", touched=date(2026, 3, 10)), date(2026, 3, 24)),
        (clock("co_sold", touched=date(2026, 3, 10)), date(2026, 3, 24)),
        (clock("sourced", touched=date(2026, 3, 10)), date(2026, 3, 16)),
        (clock("influenced"), None),
        (clock("co_sold"), None),
    ],
)
def test_the_clock_begins_with_the_creation_or_with_the_first_touch_and_runs_fourteen_days(found, due):
    assert found.due(14) == due


@pytest.mark.parametrize(
    ("found", "day", "state"),
    [
        (clock(), date(2026, 3, 16), "open"),
        (clock(), date(2026, 3, 17), "overdue"),
        (clock("influenced"), TODAY, "no_clock"),
        (clock("influenced", touched=TODAY), TODAY, "open"),
        (clock(signed="signed"), TODAY, "signed"),
        (clock(signed="late"), TODAY, "late"),
        (clock(signed="one_sided"), TODAY, "one_sided"),
        (clock(created=date(2026, 2, 28)), TODAY, "legacy"),
        (clock(created=INSTALLED), date(2026, 3, 15), "open"),
        (clock(created=date(2026, 2, 28), signed="signed"), TODAY, "legacy"),
    ],
)
def test_a_deals_state_on_a_day(found, day, state):
    assert found.state(day, installed_on=INSTALLED, days=14) == state


def test_before_anything_is_imported_nothing_is_legacy():
    assert clock(created=date(2020, 1, 1)).state(TODAY, installed_on=None, days=14) == AttributionState.OVERDUE


@given(
    kind=st.sampled_from(KINDS),
    created=st.none() | st.dates(date(2026, 1, 1), date(2026, 4, 30)),
    touched=st.none() | st.dates(date(2026, 1, 1), date(2026, 4, 30)),
    days=st.integers(1, 90),
    passed=st.integers(0, 200),
)
def test_days_left_and_state_agree_and_never_turn_back(kind, created, touched, days, passed):
    found = clock(kind, created=created, touched=touched)
    day = CREATED + timedelta(days=passed)
    left, state = found.days_left(day, days), found.state(day, installed_on=None, days=days)
    assert (left is None) == (state is AttributionState.NO_CLOCK)
    if left is not None:
        assert (left < 0) == (state is AttributionState.OVERDUE)
        later = found.state(day + timedelta(days=1), installed_on=None, days=days)
        assert not (state is AttributionState.OVERDUE and later is AttributionState.OPEN)


@pytest.mark.parametrize(
    ("due", "second", "state"),
    [
        (TODAY, None, "one_sided"),
        (TODAY, TODAY, "signed"),
        (TODAY, TODAY + timedelta(days=1), "late"),
        (None, TODAY, "signed"),
    ],
)
def test_the_second_signature_decides_whether_it_was_in_time(due, second, state):
    assert signed_state(due, second) == state


def test_everybody_signs_their_own_side():
    subject = Subject(owner_id=1, pm_id=2)
    assert signer(actor(1), subject) == Signer(Side.AE)
    assert signer(actor(2), subject) == Signer(Side.PM)
    assert signer(actor(3, "head"), subject) is None


def test_a_cover_signs_for_whoever_is_away_and_the_name_says_for_whom():
    subject = Subject(owner_id=1, pm_id=2, covers={2: 3})
    assert signer(actor(3), subject) == Signer(Side.PM, for_id=2)


def test_an_owner_who_covers_for_the_manager_signs_as_the_owner_first():
    subject = Subject(owner_id=1, pm_id=2, covers={2: 1})
    assert signer(actor(1), subject) == Signer(Side.AE)
    assert signer(actor(1), subject, {Side.AE}) == Signer(Side.PM, for_id=2)


def test_who_is_both_signs_one_side_and_then_the_one_that_is_left():
    subject = Subject(owner_id=1, pm_id=1)
    assert signer(actor(1), subject) == Signer(Side.AE)
    assert signer(actor(1), subject, {"ae"}) == Signer(Side.PM)
    assert signer(actor(1), subject, {"ae", "pm"}) is None


@pytest.mark.parametrize(
    ("who", "words"),
    [
        (Who(Side.AE), "Nobody owns this deal"),
        (Who(Side.PM, partner="Acme"), "Acme has no partner manager"),
        (Who(Side.AE, "Ann", active=False), "Ann (AE) has left"),
        (Who(Side.PM, "Ann", same=True, partner="Acme"), "two different people have to sign"),
        (Who(Side.PM, "Pat"), "Pat (partner manager) has to sign."),
    ],
)
def test_who_has_to_sign_is_named_and_where_nobody_can_what_to_mend(who, words):
    assert words in has_to_sign(who)


@pytest.mark.parametrize(
    ("day", "words"),
    [
        (None, "on which day"),
        (date(2026, 3, 21), "still to come"),
        (date(2026, 3, 1), "created on 2 Mar 2026"),
        (date(2026, 3, 2), ""),
        (TODAY, ""),
    ],
)
def test_a_touch_is_of_a_deal_that_exists_and_has_happened(day, words):
    error = touch_error(day, created=CREATED, today=TODAY)
    assert words in error
    assert bool(words) == bool(error)


def test_a_touch_of_a_deal_without_a_creation_date_is_not_older_than_two_years():
    assert "Check the year" in touch_error(date(2023, 3, 20), created=None, today=TODAY)
    assert not touch_error(date(2025, 3, 20), created=None, today=TODAY)


def test_a_deal_that_the_crm_says_is_created_tomorrow_can_be_touched_today():
    assert not touch_error(TODAY, created=date(2026, 3, 21), today=TODAY)
