"""Wall clocks to instants: both clock changes, in both hemispheres, and the odd zones."""

import zoneinfo
from datetime import UTC, date, datetime, time, timedelta
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.domain.errors import UserError
from models.domain.zones import UnknownZone, as_utc, known_zones, local_date, local_time, local_to_utc, zone

CLOCK_READINGS = [
    ("winter in New York", "America/New_York", (2026, 1, 15), (10, 0), "2026-01-15T15:00"),
    ("summer in New York", "America/New_York", (2026, 7, 15), (10, 0), "2026-07-15T14:00"),
    ("north, missing 02:30 becomes 03:30", "America/New_York", (2027, 3, 14), (2, 30), "2027-03-14T07:30"),
    ("north, 00:30 of the spring-forward day", "America/New_York", (2027, 3, 14), (0, 30), "2027-03-14T05:30"),
    ("north, 00:30 of the day after it", "America/New_York", (2027, 3, 15), (0, 30), "2027-03-15T04:30"),
    ("north, repeated 01:30 is the first", "America/New_York", (2026, 11, 1), (1, 30), "2026-11-01T05:30"),
    ("south, missing 02:30 becomes 03:30", "Australia/Sydney", (2026, 10, 4), (2, 30), "2026-10-03T16:30"),
    ("south, 00:30 of the spring-forward day", "Australia/Sydney", (2026, 10, 4), (0, 30), "2026-10-03T14:30"),
    ("south, repeated 02:30 is the first", "Australia/Sydney", (2027, 4, 4), (2, 30), "2027-04-03T15:30"),
    ("Lord Howe's half-hour gap", "Australia/Lord_Howe", (2026, 10, 4), (2, 15), "2026-10-03T15:45"),
    ("Lord Howe's repeated half hour", "Australia/Lord_Howe", (2027, 4, 4), (1, 45), "2027-04-03T14:45"),
    ("midnight missing in Santiago", "America/Santiago", (2026, 9, 6), (0, 30), "2026-09-06T04:30"),
    ("midnight missing in Havana", "America/Havana", (2026, 3, 8), (0, 30), "2026-03-08T05:30"),
    ("midnight missing in Beirut", "Asia/Beirut", (2026, 3, 29), (0, 0), "2026-03-28T22:00"),
    ("Nuuk's last hour of Saturday is missing", "America/Nuuk", (2026, 3, 28), (23, 30), "2026-03-29T01:30"),
    ("Nuuk's Sunday after it", "America/Nuuk", (2026, 3, 29), (0, 30), "2026-03-29T01:30"),
    ("Nuuk's last hour of Saturday twice", "America/Nuuk", (2026, 10, 24), (23, 30), "2026-10-25T00:30"),
    ("the day that Apia skipped", "Pacific/Apia", (2011, 12, 30), (10, 0), "2011-12-30T20:00"),
    ("the day after it", "Pacific/Apia", (2011, 12, 31), (10, 0), "2011-12-30T20:00"),
    ("a quarter-hour zone", "Asia/Kathmandu", (2026, 5, 31), (10, 0), "2026-05-31T04:15"),
    ("the last minute of a year", "Pacific/Kiritimati", (2026, 12, 31), (23, 59), "2026-12-31T09:59"),
    ("the first hour of a year", "Pacific/Honolulu", (2027, 1, 1), (0, 30), "2027-01-01T10:30"),
]


@pytest.mark.parametrize(
    ("name", "day", "at", "instant"), [row[1:] for row in CLOCK_READINGS], ids=[row[0] for row in CLOCK_READINGS]
)
def test_a_clock_reading_is_one_instant(name, day, at, instant):
    result = local_to_utc(date(*day), time(*at), zone(name))
    assert result == datetime.fromisoformat(instant).replace(tzinfo=UTC)
    assert result.tzinfo is UTC


def test_a_repeated_hour_is_the_first_even_if_the_time_says_the_second():
    second = time(1, 30, fold=1)
    assert local_to_utc(date(2026, 11, 1), second, zone("America/New_York")) == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)


def test_the_skipped_day_in_apia_is_on_no_calendar():
    apia = zone("Pacific/Apia")
    start = datetime(2011, 12, 29, tzinfo=UTC)
    assert date(2011, 12, 30) not in {local_date(start + timedelta(hours=n), apia) for n in range(96)}


@pytest.mark.parametrize(
    ("name", "day", "at"),
    [
        ("Pacific/Auckland", date(2027, 1, 1), time(12, 30)),
        ("America/New_York", date(2026, 12, 31), time(18, 30)),
        ("Pacific/Honolulu", date(2026, 12, 31), time(13, 30)),
    ],
)
def test_one_instant_is_another_date_and_hour_elsewhere(name, day, at):
    instant = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
    assert (local_date(instant, zone(name)), local_time(instant, zone(name))) == (day, at)


def test_a_naive_instant_is_refused_and_not_guessed():
    naive = datetime(2026, 1, 1)  # noqa: DTZ001 (the mistake under test)
    for read in (as_utc, lambda it: local_date(it, zone("UTC")), lambda it: local_time(it, zone("UTC"))):
        with pytest.raises(ValueError, match="2026-01-01T00:00:00 has no time zone"):
            read(naive)


def test_every_known_zone_loads_once_and_keeps_its_name():
    assert len(known_zones()) > 500
    for name in known_zones():
        assert zone(name) is zone(name)
        assert zone(name).key == name


def test_slacks_old_spellings_are_known():
    assert {"Asia/Calcutta", "US/Eastern", "Europe/Kiev", "UTC"} <= known_zones()


@pytest.mark.parametrize(
    "name", ["Europe/Atlantis", "", "../zones", "/etc/localtime", "europe/london", "Europe", "Europe/London\n"]
)
def test_an_unknown_zone_is_refused_in_a_sentence(name):
    with pytest.raises(UnknownZone, match=r"is not a time zone\. Use a name like Europe/London") as refused:
        zone(name)
    assert isinstance(refused.value, UserError)


def test_the_systems_time_zone_data_is_never_read(tmp_path: Path):
    impostor = tmp_path / "Europe" / "London"
    impostor.parent.mkdir()
    impostor.write_bytes((files("tzdata") / "zoneinfo" / "Asia" / "Tokyo").read_bytes())
    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath([str(tmp_path)])
    try:
        noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
        assert zoneinfo.ZoneInfo.no_cache("Europe/London").utcoffset(noon) == timedelta(hours=9)
        assert local_time(noon, zone.__wrapped__("Europe/London")) == time(12)
    finally:
        zoneinfo.reset_tzpath(before)


moments = st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 (hypothesis adds the zone)


@settings(deadline=None)
@given(moments, st.sampled_from(sorted(known_zones())))
def test_reading_a_clock_and_setting_it_gives_the_instant_or_an_earlier_one_with_the_same_reading(instant, name):
    clocks = zone(name)
    again = local_to_utc(local_date(instant, clocks), local_time(instant, clocks), clocks)
    assert again <= instant
    assert (local_date(again, clocks), local_time(again, clocks)) == (
        local_date(instant, clocks),
        local_time(instant, clocks),
    )
