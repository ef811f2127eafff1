"""Who works when: calendars, absences, hours, and the next moment somebody may be written to."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from models.domain import workdays
from models.domain.errors import UserError
from models.domain.workdays import (
    Absence,
    ClosedDay,
    NoBusinessDay,
    Reader,
    UnknownCalendar,
    WorkCalendar,
    in_working_hours,
    is_absent,
    is_working_day,
    last_working_day_before,
    next_business_day,
    next_working_instant,
    previous_business_day,
    working_days_between,
    working_hours,
)
from models.domain.zones import UnknownZone, known_zones, zone

US, SCOTLAND, ENGLAND = (WorkCalendar(code=code) for code in ("US", "GB-SCT", "GB-ENG"))
THANKSGIVING = date(2026, 11, 26)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def new_yorker(**more) -> Reader:
    return Reader(zone_name="America/New_York", calendar=US, **more)


# Calendars


def test_a_holiday_has_a_name_and_a_weekend_is_none():
    assert (US.holiday_name(THANKSGIVING), US.is_holiday(THANKSGIVING)) == ("Thanksgiving Day", True)
    assert (US.holiday_name(date(2026, 11, 28)), US.is_holiday(date(2026, 11, 28))) == (None, False)
    assert not US.is_business_day(date(2026, 11, 28))


def test_a_subdivision_has_holidays_of_its_own():
    saint_andrews_day = date(2026, 11, 30)
    assert SCOTLAND.holiday_name(saint_andrews_day) == "Saint Andrew's Day"
    assert ENGLAND.is_business_day(saint_andrews_day)


def test_names_are_english_where_the_data_has_them_whatever_the_servers_language(monkeypatch):
    monkeypatch.setenv("LANGUAGE", "de")
    workdays._public_holidays.cache_clear()
    assert WorkCalendar(code="DE").holiday_name(date(2026, 10, 3)) == "German Unity Day"


def test_a_holiday_observed_in_the_year_before_belongs_to_the_day_it_is_observed_on():
    assert US.is_holiday(date(2027, 12, 31))


def test_a_calendar_without_a_code_knows_only_weekends():
    assert WorkCalendar().is_business_day(date(2026, 12, 25))


def test_own_lists_override_the_country():
    friday_after, saturday = date(2026, 11, 27), date(2026, 11, 28)
    calendar = WorkCalendar(
        code="US",
        closed=(ClosedDay(friday_after, "Company day"), ClosedDay(saturday)),
        working=frozenset({THANKSGIVING, saturday}),
    )
    assert (calendar.holiday_name(friday_after), calendar.is_business_day(friday_after)) == ("Company day", False)
    assert (calendar.holiday_name(THANKSGIVING), calendar.is_business_day(THANKSGIVING)) == (None, True)
    assert (calendar.is_holiday(saturday), calendar.is_business_day(saturday)) == (False, True)


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("XX", "There is no holiday calendar “XX”. Use a country code like US, or GB-SCT."),
        ("us", "There is no holiday calendar “us”."),
        ("-SCT", "There is no holiday calendar “-SCT”."),
        ("GB-XX", "GB has no holiday calendar “XX”. It has ENG"),
        ("GB-", "GB has no holiday calendar “”."),
        ("SG-01", "SG has no holiday calendar “01”. Use SG alone."),
    ],
)
def test_an_unknown_calendar_is_refused_in_a_sentence(code, sentence):
    with pytest.raises(UnknownCalendar) as refused:
        WorkCalendar(code=code)
    assert sentence in str(refused.value)
    assert isinstance(refused.value, UserError)


def test_a_calendar_survives_being_stored_as_json():
    calendar = WorkCalendar(
        code="US", closed=(ClosedDay(THANKSGIVING, "Party"),), working=frozenset({date(2026, 7, 3)})
    )
    assert WorkCalendar.model_validate_json(calendar.model_dump_json()) == calendar
    assert hash(calendar) == hash(calendar.model_copy())


def test_a_thousand_readers_of_one_calendar_cost_one_table_a_year():
    workdays._public_holidays.cache_clear()
    readers = [new_yorker(absences=(Absence(date(2026, 1, 1), date(2026, 1, n % 28 + 1)),)) for n in range(1000)]
    assert all(not is_working_day(reader, THANKSGIVING) for reader in readers)
    assert workdays._public_holidays.cache_info().misses == 1


def test_business_days_before_and_after_are_strict_and_pass_weekends_and_holidays():
    assert previous_business_day(US, THANKSGIVING) == date(2026, 11, 25)
    assert next_business_day(US, THANKSGIVING) == date(2026, 11, 27)
    assert previous_business_day(US, date(2026, 11, 30)) == date(2026, 11, 27)
    assert next_business_day(ENGLAND, date(2026, 4, 2)) == date(2026, 4, 7)  # over Good Friday and Easter Monday
    assert next_business_day(US, date(2026, 12, 31)) == date(2027, 1, 4)


def test_a_calendar_that_closes_a_whole_year_says_so():
    calendar = WorkCalendar(closed=tuple(ClosedDay(date(2026, 1, 1) + timedelta(days=n)) for n in range(800)))
    with pytest.raises(NoBusinessDay, match="no business day within 366 days of 2026-12-31"):
        next_business_day(calendar, date(2026, 12, 31))


# Readers


@pytest.mark.parametrize(
    "wrong",
    [
        {"work_start": time(18), "work_end": time(8)},
        {"work_start": time(8), "work_end": time(8)},
        {"absences": (Absence(date(2026, 1, 2), date(2026, 1, 1)),)},
    ],
)
def test_a_reader_whose_data_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValidationError, match="must"):
        new_yorker(**wrong)


def test_a_reader_in_an_unknown_zone_is_refused():
    with pytest.raises(UnknownZone):
        Reader(zone_name="Nowhere")


def test_a_working_day_is_no_weekend_no_holiday_and_no_absence():
    reader = new_yorker(absences=(Absence(date(2026, 11, 23), date(2026, 11, 24)),))
    worked = [day for day in range(21, 29) if is_working_day(reader, date(2026, 11, day))]
    assert worked == [25, 27]
    assert [day for day in range(22, 26) if is_absent(reader, date(2026, 11, day))] == [23, 24]


def test_a_declared_working_day_is_worked_unless_the_reader_is_away():
    saturday = date(2026, 11, 28)
    calendar = WorkCalendar(working=frozenset({saturday}))
    assert is_working_day(Reader(zone_name="UTC", calendar=calendar), saturday)
    assert not is_working_day(
        Reader(zone_name="UTC", calendar=calendar, absences=(Absence(saturday, saturday),)), saturday
    )


def test_a_workweek_can_run_from_sunday_to_thursday():
    reader = Reader(zone_name="Asia/Jerusalem", workweek=frozenset({6, 0, 1, 2, 3}))
    assert [is_working_day(reader, date(2026, 11, day)) for day in (20, 21, 22)] == [False, False, True]


def test_the_last_working_day_is_strictly_before_and_passes_absences():
    reader = new_yorker(absences=(Absence(date(2026, 11, 24), date(2026, 11, 25)),))
    assert last_working_day_before(reader, THANKSGIVING) == date(2026, 11, 23)
    assert last_working_day_before(reader, date(2026, 11, 23)) == date(2026, 11, 20)


def test_somebody_away_for_more_than_a_year_has_no_working_day():
    reader = new_yorker(absences=(Absence(date(2025, 1, 1), date(2027, 12, 31)),))
    assert last_working_day_before(reader, date(2026, 12, 1)) is None
    assert next_working_instant(reader, utc("2026-12-01T12:00")) is None


@pytest.mark.parametrize(
    ("after", "until", "count"),
    [
        (date(2026, 11, 20), date(2026, 11, 23), 1),
        (date(2026, 11, 20), date(2026, 11, 22), 0),
        (date(2026, 11, 25), date(2026, 11, 30), 2),
        (date(2026, 11, 25), date(2026, 11, 25), 0),
        (date(2026, 11, 25), date(2026, 11, 20), 0),
    ],
)
def test_working_days_between_count_the_end_and_not_the_beginning(after, until, count):
    assert working_days_between(new_yorker(), after, until) == count


# Hours

NEXT_WORKING = [
    ("inside", "2026-11-18T15:00", "2026-11-18T15:00"),
    ("at the opening", "2026-11-18T13:00", "2026-11-18T13:00"),
    ("before the opening", "2026-11-18T10:00", "2026-11-18T13:00"),
    ("the last second", "2026-11-18T22:59:59", "2026-11-18T22:59:59"),
    ("at the closing", "2026-11-18T23:00", "2026-11-19T13:00"),
    ("Friday evening", "2026-11-20T23:30", "2026-11-23T13:00"),
    ("over Thanksgiving", "2026-11-25T23:30", "2026-11-27T13:00"),
    ("over the autumn change", "2026-10-30T23:30", "2026-11-02T13:00"),
    ("over the spring change", "2027-03-12T23:30", "2027-03-15T12:00"),
    ("over the new year", "2026-12-31T23:30", "2027-01-04T13:00"),
]


@pytest.mark.parametrize(
    ("instant", "expected"), [row[1:] for row in NEXT_WORKING], ids=[row[0] for row in NEXT_WORKING]
)
def test_the_next_working_instant_in_new_york(instant, expected):
    reader = new_yorker()
    assert next_working_instant(reader, utc(instant)) == utc(expected)
    assert in_working_hours(reader, utc(instant)) == (instant == expected)


def test_an_instant_in_another_zone_comes_back_in_utc():
    local = datetime(2026, 11, 18, 10, 0, tzinfo=zone("America/New_York"))
    assert next_working_instant(new_yorker(), local).tzinfo is UTC


def test_a_repeated_hour_does_not_interrupt_a_working_night():
    night = Reader(zone_name="America/New_York", workweek=frozenset(range(7)), work_start=time(1, 30), work_end=time(9))
    second_quarter_past_one = utc("2026-11-01T06:15")
    assert working_hours(night, date(2026, 11, 1)) == (utc("2026-11-01T05:30"), utc("2026-11-01T14:00"))
    assert next_working_instant(night, second_quarter_past_one) == second_quarter_past_one


def test_an_opening_in_a_gap_is_as_much_later():
    night = Reader(zone_name="America/New_York", workweek=frozenset(range(7)), work_start=time(2, 30), work_end=time(9))
    assert next_working_instant(night, utc("2027-03-14T06:00")) == utc("2027-03-14T07:30")


def test_hours_that_a_gap_swallows_do_not_open():
    blink = Reader(
        zone_name="America/New_York", workweek=frozenset(range(7)), work_start=time(2, 30), work_end=time(3, 15)
    )
    assert working_hours(blink, date(2027, 3, 14)) is None
    assert next_working_instant(blink, utc("2027-03-14T06:00")) == utc("2027-03-15T06:30")


def test_nobody_works_on_the_day_that_apia_skipped():
    reader = Reader(zone_name="Pacific/Apia")
    assert working_hours(reader, date(2011, 12, 30)) is None
    assert next_working_instant(reader, utc("2011-12-30T05:00")) == utc("2012-01-01T18:00")  # Monday 2 January, 08:00


def test_each_reader_opens_at_their_own_eight_o_clock():
    late_wednesday = utc("2026-11-18T23:59")
    openings = {
        name: next_working_instant(Reader(zone_name=name), late_wednesday)
        for name in ("Pacific/Auckland", "America/New_York", "Pacific/Honolulu")
    }
    assert openings == {
        "Pacific/Auckland": late_wednesday,  # Thursday 12:59 there
        "America/New_York": utc("2026-11-19T13:00"),
        "Pacific/Honolulu": late_wednesday,  # Wednesday 13:59 there
    }


readers = st.builds(
    Reader,
    zone_name=st.sampled_from(sorted(known_zones())),
    calendar=st.sampled_from([WorkCalendar(), US, SCOTLAND]),
    absences=st.lists(
        st.dates(date(2020, 1, 1), date(2029, 1, 1)).map(lambda day: Absence(day, day + timedelta(days=9))), max_size=3
    ).map(tuple),
    work_start=st.times(max_value=time(11, 59)),
    work_end=st.times(min_value=time(12)),
    workweek=st.frozensets(st.integers(0, 6), min_size=1),
)
instants = st.datetimes(datetime(2020, 1, 1), datetime(2029, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 (hypothesis adds the zone)


@settings(deadline=None)
@given(readers, instants)
def test_the_next_working_instant_is_never_earlier_is_worked_and_is_its_own_next(reader, instant):
    found = next_working_instant(reader, instant)
    assert found is not None
    assert found >= instant
    assert in_working_hours(reader, found)
    assert next_working_instant(reader, found) == found
    assert (found == instant) == in_working_hours(reader, instant)
