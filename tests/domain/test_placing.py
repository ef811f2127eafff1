"""Where one of several meetings fits: clear of the others, spread over the days, never lost."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.domain.placing import Placed, Span, place
from models.domain.zones import UnknownZone

MONDAY, TUESDAY = date(2026, 10, 5), date(2026, 10, 6)


def utc(day, hour, minute=0):
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)


def busy(day, start, end):
    return Span(utc(day, start), utc(day, end))


def placed(days=(MONDAY, TUESDAY), *, at=time(10), minutes=60, taken=(), load=None, per_day=2, **more):
    given_ = {"zone_name": "UTC", "opens": time(8), "closes": time(18), **more}
    return place(days, at=at, minutes=minutes, taken=taken, load=load or {}, per_day=per_day, **given_)


def test_the_first_day_at_the_wanted_hour():
    assert placed() == Placed(MONDAY, utc(MONDAY, 10), utc(MONDAY, 11), crowded=False)


def test_a_meeting_that_ends_when_another_begins_does_not_meet_it():
    nine, ten = busy(MONDAY, 9, 10), busy(MONDAY, 10, 11)
    assert not nine.meets(ten)
    assert not ten.meets(nine)
    assert Span(utc(MONDAY, 9, 30), utc(MONDAY, 10, 30)).meets(ten)
    assert placed(taken=[nine, busy(MONDAY, 11, 12)]).starts_at == utc(MONDAY, 10)


def test_half_hours_after_the_wanted_one_then_those_before_it():
    assert placed(taken=[Span(utc(MONDAY, 10), utc(MONDAY, 10, 30))]).starts_at == utc(MONDAY, 10, 30)
    assert placed(taken=[busy(MONDAY, 10, 17)]).starts_at == utc(MONDAY, 17)  # the last that ends by 18:00
    assert placed(taken=[busy(MONDAY, 10, 18)]).starts_at == utc(MONDAY, 8)
    assert placed(taken=[busy(MONDAY, 8, 18)]).starts_at == utc(TUESDAY, 10)


def test_an_hour_too_late_for_the_length_is_not_taken():
    assert placed(at=time(17, 30)).starts_at == utc(MONDAY, 8)
    assert placed(at=time(10, 15), taken=[busy(MONDAY, 10, 17)]).starts_at == utc(MONDAY, 8)


def test_a_day_at_its_limit_is_left_out_while_another_has_room():
    assert placed(load={MONDAY: 2}).day == TUESDAY
    assert placed(load={MONDAY: 1}).day == MONDAY


def test_when_every_day_is_at_its_limit_the_first_free_hour_beyond_it_says_so():
    found = placed(load={MONDAY: 2, TUESDAY: 2}, taken=[busy(MONDAY, 10, 12)])
    assert found == Placed(MONDAY, utc(MONDAY, 12), utc(MONDAY, 13), crowded=True)


def test_a_meeting_that_fits_nowhere_is_placed_on_top_rather_than_lost():
    full = [busy(MONDAY, 0, 23), busy(TUESDAY, 0, 23)]
    assert placed(taken=full) == Placed(MONDAY, utc(MONDAY, 10), utc(MONDAY, 11), crowded=True)
    assert placed(minutes=700).crowded


def test_without_days_there_is_no_place():
    assert placed(()) is None


def test_hours_are_local_and_other_meetings_instants():
    winter, summer = date(2026, 10, 26), date(2026, 10, 23)
    for day, hour in ((summer, 8), (winter, 9)):
        assert placed((day,), zone_name="Europe/Berlin").starts_at == utc(day, hour)
        taken = [Span(utc(day, hour), utc(day, hour + 1))]
        assert placed((day,), zone_name="Europe/Berlin", taken=taken).starts_at == utc(day, hour + 1)


def test_over_a_clock_change_a_meeting_is_as_long_as_it_says_and_ends_by_the_closing():
    spring = date(2027, 3, 14)  # in New York 02:00 becomes 03:00
    night = {"zone_name": "America/New_York", "opens": time(0), "closes": time(4)}
    found = placed((spring,), at=time(1, 30), minutes=120, **night)
    assert (found.starts_at, found.ends_at) == (utc(spring, 5), utc(spring, 7))  # from 01:30 on it would end at 04:30
    autumn = date(2026, 11, 1)
    found = placed((autumn,), at=time(1), minutes=120, **night)
    assert found.ends_at - found.starts_at == timedelta(hours=2)


def test_an_unknown_zone_is_refused():
    with pytest.raises(UnknownZone):
        placed(zone_name="Mars/Olympus")


@given(
    st.integers(1, 8), st.integers(1, 4), st.integers(1, 3),
    st.lists(st.tuples(st.integers(0, 3), st.integers(7, 18), st.integers(1, 4)), max_size=8),
)  # fmt: skip
def test_partners_placed_one_after_the_other_never_meet_unless_it_is_said(count, days, per_day, others):
    spread = [MONDAY + timedelta(days=n) for n in range(days)]
    taken = [
        Span(utc(MONDAY, hour) + timedelta(days=n), utc(MONDAY, hour) + timedelta(days=n, hours=length))
        for n, hour, length in others
    ]
    load: dict[date, int] = {}
    for _ in range(count):
        found = placed(spread, minutes=45, taken=taken, load=load, per_day=per_day)
        span = Span(found.starts_at, found.ends_at)
        if not found.crowded:
            assert not any(span.meets(other) for other in taken)
            assert load.get(found.day, 0) < per_day
            assert utc(found.day, 8) <= found.starts_at < found.ends_at <= utc(found.day, 18)
        taken.append(span)
        load[found.day] = load.get(found.day, 0) + 1
