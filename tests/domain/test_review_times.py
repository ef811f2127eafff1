"""The weekly deal review, hour by hour."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.domain.review_times import (
    agenda_due,
    close_nudge_due,
    close_request_due,
    consolidation_due,
    days_since,
    late_cutoff,
    nudge_due,
    prompt_due,
    waits_until,
)
from models.domain.rules import WeeklyRule, resolve
from models.domain.workdays import Absence, ClosedDay, NoBusinessDay, Reader, WorkCalendar, in_working_hours
from models.domain.zones import known_zones, local_to_utc, zone

US, ENGLAND = WorkCalendar(code="US"), WorkCalendar(code="GB-ENG")
NEW_YORK, LONDON = zone("America/New_York"), zone("Europe/London")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def reader(zone_name: str = "America/New_York", calendar: WorkCalendar = US, **more) -> Reader:
    return Reader(zone_name=zone_name, calendar=calendar, **more)


def away(first: date, last: date) -> dict:
    return {"absences": (Absence(first, last),)}


REVIEW = utc("2026-11-19T15:00")  # Thursday 10:00 in New York, 05:00 in Honolulu, Friday 04:00 in Auckland


# Prompt and nudge


@pytest.mark.parametrize(
    ("zone_name", "prompt", "nudge"),
    [
        ("Pacific/Auckland", "2026-11-18T21:00", "2026-11-19T02:00"),  # Thursday 10:00 and, 08:00 being too late, 15:00
        ("America/New_York", "2026-11-18T15:00", "2026-11-19T13:00"),  # Wednesday 10:00, Thursday 08:00
        ("Pacific/Honolulu", "2026-11-18T20:00", "2026-11-19T01:00"),  # Wednesday 10:00 and 15:00
    ],
)
def test_one_review_reaches_each_reader_at_their_own_hours(zone_name, prompt, nudge):
    person = reader(zone_name, WorkCalendar())
    assert prompt_due(person, REVIEW) == utc(prompt)
    assert nudge_due(person, REVIEW, utc(prompt)) == utc(nudge)


def test_thanksgiving_moves_the_review_to_wednesday_and_the_prompt_to_tuesday():
    nominal = date(2026, 11, 26)
    (review,) = resolve(WeeklyRule(weekday=3), time(10), 30, "America/New_York", US, nominal, nominal)
    assert review.starts_at == utc("2026-11-25T15:00")
    assert prompt_due(reader(), review.starts_at) == utc("2026-11-24T15:00")
    assert nudge_due(reader(), review.starts_at, utc("2026-11-24T15:00")) == utc("2026-11-25T13:00")


PROMPTS = [
    ("a Monday review prompts on Friday", {}, "2026-11-23T15:00", "2026-11-20T15:00"),
    ("over the autumn change", {}, "2026-11-02T15:00", "2026-10-30T14:00"),
    ("over the spring change", {}, "2027-03-15T14:00", "2027-03-12T15:00"),
    ("over the new year", {}, "2027-01-04T15:00", "2026-12-31T15:00"),
    ("away the day before", away(date(2026, 11, 17), date(2026, 11, 18)), "2026-11-19T15:00", "2026-11-16T15:00"),
    ("starts at noon", {"work_start": time(12), "work_end": time(20)}, "2026-11-19T15:00", "2026-11-18T17:00"),
    (
        "stops at half past nine",
        {"work_start": time(6), "work_end": time(9, 30)},
        "2026-11-19T15:00",
        "2026-11-18T11:00",
    ),
]


@pytest.mark.parametrize(("person", "review", "prompt"), [row[1:] for row in PROMPTS], ids=[row[0] for row in PROMPTS])
def test_the_prompt_comes_on_the_last_working_day_before_the_review(person, review, prompt):
    assert prompt_due(reader(**person), utc(review)) == utc(prompt)


def test_the_prompt_hour_can_be_set():
    assert prompt_due(reader(), REVIEW, at=time(14, 30)) == utc("2026-11-18T19:30")


def test_somebody_away_for_over_a_year_is_not_prompted():
    assert prompt_due(reader(**away(date(2025, 1, 1), date(2026, 12, 31))), REVIEW) is None


NUDGES = [
    ("in the morning, exactly an hour before", {}, "2026-11-19T14:00", "2026-11-18T15:00", "2026-11-19T13:00"),
    ("not an hour before: the afternoon before", {}, "2026-11-19T13:59", "2026-11-18T15:00", "2026-11-18T20:00"),
    (
        "away on the day: the afternoon before",
        away(date(2026, 11, 19), date(2026, 11, 19)),
        "2026-11-19T15:00",
        "2026-11-18T15:00",
        "2026-11-18T20:00",
    ),
    ("prompted late in the day before", {}, "2026-11-19T15:00", "2026-11-18T22:00", "2026-11-19T13:00"),
    ("prompted on the day: three hours later", {}, "2026-11-19T20:00", "2026-11-19T13:30", "2026-11-19T16:30"),
    ("three hours later is the review's start", {}, "2026-11-19T16:30", "2026-11-19T13:30", None),
    ("three hours later is after closing", {}, "2026-11-19T13:30", "2026-11-18T20:30", None),
    ("afternoon pushed by a late prompt", {}, "2026-11-19T13:30", "2026-11-18T19:00", "2026-11-18T22:00"),
    (
        "starts at nine: nudged at nine",
        {"work_start": time(9)},
        "2026-11-19T15:00",
        "2026-11-18T15:00",
        "2026-11-19T14:00",
    ),
    ("holiday on the day", {}, "2026-11-26T16:00", "2026-11-25T15:00", "2026-11-25T20:00"),
    (
        "prompted on a day they are away from",
        away(date(2026, 11, 18), date(2026, 11, 19)),
        "2026-11-19T15:00",
        "2026-11-18T15:00",
        None,
    ),
    ("over the spring change", {}, "2027-03-15T14:00", "2027-03-12T15:00", "2027-03-15T12:00"),
]


@pytest.mark.parametrize(
    ("person", "review", "prompt", "nudge"), [row[1:] for row in NUDGES], ids=[row[0] for row in NUDGES]
)
def test_the_nudge(person, review, prompt, nudge):
    assert nudge_due(reader(**person), utc(review), utc(prompt)) == (nudge and utc(nudge))


@settings(deadline=None)
@given(
    st.sampled_from(sorted(known_zones())),
    st.datetimes(datetime(2020, 1, 1), datetime(2029, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 (hypothesis adds the zone)
    st.timedeltas(timedelta(), timedelta(hours=20)),
)
def test_prompt_and_nudge_keep_working_hours_their_distance_and_the_reviews_start(zone_name, review, delay):
    person = reader(zone_name)
    prompt = prompt_due(person, review)
    assert in_working_hours(person, prompt)
    assert prompt < review
    sent = waits_until(person, prompt + delay)
    nudge = nudge_due(person, review, sent)
    if nudge is not None:
        assert in_working_hours(person, nudge)
        assert sent + timedelta(hours=3) <= nudge < review


# Agenda and closing


def test_the_agenda_comes_ten_minutes_before():
    assert agenda_due(REVIEW) == utc("2026-11-19T14:50")
    assert agenda_due(REVIEW, timedelta(minutes=5)) == utc("2026-11-19T14:55")


@pytest.mark.parametrize(
    ("ends", "due"),
    [
        ("2026-11-19T17:00", "2026-11-19T17:00"),
        ("2026-11-19T23:30", "2026-11-20T13:00"),
        ("2026-11-20T23:30", "2026-11-23T13:00"),
    ],
)
def test_closing_is_asked_for_after_the_last_review_in_working_hours(ends, due):
    assert close_request_due(reader(), utc(ends)) == utc(due)


# Consolidation

GOOD_FRIDAY = date(2026, 4, 3)
CONSOLIDATIONS = [
    ("Friday 15:00", date(2026, 11, 20), "2026-11-19T12:00", "2026-11-20T15:00"),
    ("nothing was reviewed", date(2026, 11, 20), None, "2026-11-20T15:00"),
    ("a review ends later on Friday", date(2026, 11, 20), "2026-11-20T16:30", "2026-11-20T16:30"),
    ("a review ends at six on Friday", date(2026, 11, 20), "2026-11-20T18:00", "2026-11-20T18:00"),
    ("a review ends on Friday night", date(2026, 11, 20), "2026-11-20T23:00", "2026-11-23T15:00"),
    ("Good Friday: Thursday", GOOD_FRIDAY, "2026-04-02T11:00", "2026-04-02T14:00"),
    ("Good Friday, late Thursday review", GOOD_FRIDAY, "2026-04-02T16:00", "2026-04-02T16:00"),
    ("Good Friday, Thursday night review: Tuesday after Easter", GOOD_FRIDAY, "2026-04-02T19:00", "2026-04-07T14:00"),
    ("a review held on Good Friday itself", GOOD_FRIDAY, "2026-04-03T10:00", "2026-04-07T14:00"),
    ("Christmas on Friday", date(2026, 12, 25), "2026-12-23T12:00", "2026-12-24T15:00"),
    ("over the spring change", date(2026, 3, 27), "2026-03-27T20:00", "2026-03-30T14:00"),
]


@pytest.mark.parametrize(
    ("friday", "last_end", "due"), [row[1:] for row in CONSOLIDATIONS], ids=[row[0] for row in CONSOLIDATIONS]
)
def test_the_consolidation_in_london(friday, last_end, due):
    assert consolidation_due(ENGLAND, LONDON, friday, last_end and utc(last_end)) == utc(due)


def closed_week(*, days: int) -> WorkCalendar:
    return WorkCalendar(closed=tuple(ClosedDay(date(2026, 12, 21) + timedelta(days=n)) for n in range(days)))


def test_a_week_with_only_its_monday_consolidates_on_monday():
    calendar = WorkCalendar(closed=tuple(ClosedDay(date(2026, 12, day)) for day in (22, 23, 24, 25)))
    assert consolidation_due(calendar, LONDON, date(2026, 12, 25), None) == utc("2026-12-21T15:00")


def test_a_week_without_business_days_consolidates_on_the_next_one():
    assert consolidation_due(closed_week(days=5), LONDON, date(2026, 12, 25), None) == utc("2026-12-28T15:00")
    assert consolidation_due(closed_week(days=9), LONDON, date(2026, 12, 25), None) == utc("2026-12-30T15:00")


def test_a_consolidation_set_to_the_evening_happens_in_the_evening():
    assert consolidation_due(ENGLAND, LONDON, date(2026, 11, 20), utc("2026-11-20T18:30"), at=time(19)) == utc(
        "2026-11-20T19:00"
    )
    assert consolidation_due(ENGLAND, LONDON, date(2026, 11, 20), utc("2026-11-20T19:30"), at=time(19)) == utc(
        "2026-11-23T19:00"
    )


def test_a_week_is_named_by_its_friday():
    with pytest.raises(ValueError, match="2026-11-19 is not a Friday"):
        consolidation_due(ENGLAND, LONDON, date(2026, 11, 19), None)


def test_a_company_that_never_works_has_no_consolidation():
    with pytest.raises(NoBusinessDay):
        consolidation_due(closed_week(days=800), LONDON, date(2026, 12, 25), None)


@settings(deadline=None)
@given(
    st.sampled_from([WorkCalendar(), US, ENGLAND]),
    st.sampled_from(sorted(known_zones())),
    st.dates(date(2020, 1, 1), date(2029, 1, 1)).map(lambda day: day + timedelta(days=(4 - day.weekday()) % 7)),
    st.none() | st.timedeltas(timedelta(days=-5), timedelta(days=5)),
    st.times(),
)
def test_the_consolidation_is_never_before_the_last_review_and_always_on_a_business_day(
    calendar, zone_name, friday, distance, at
):
    clocks = zone(zone_name)
    last_end = None if distance is None else local_to_utc(friday, time(12), clocks) + distance
    due = consolidation_due(calendar, clocks, friday, last_end, at)
    assert last_end is None or due >= last_end
    assert due >= local_to_utc(friday - timedelta(days=4), time(), clocks)
    assert calendar.is_business_day(due.astimezone(clocks).date())


CLOSE_NUDGES = [
    ("three hours before", "America/New_York", "2026-11-20T20:00", "2026-11-20T17:00"),
    ("before the opening: the last hour of Thursday", "Pacific/Honolulu", "2026-11-20T20:00", "2026-11-20T03:00"),
    ("on a Saturday: the last hour of Friday", "Pacific/Auckland", "2026-11-20T20:00", "2026-11-20T04:00"),
    ("after closing: the last hour of that day", "Asia/Kolkata", "2026-11-20T20:00", "2026-11-20T11:30"),
    ("at closing: the last hour of that day", "America/New_York", "2026-11-21T02:00", "2026-11-20T22:00"),
    ("on a Monday morning: the last hour of Friday", "America/New_York", "2026-11-23T15:00", "2026-11-20T22:00"),
]


@pytest.mark.parametrize(
    ("zone_name", "consolidation", "due"), [row[1:] for row in CLOSE_NUDGES], ids=[row[0] for row in CLOSE_NUDGES]
)
def test_the_partner_manager_is_nudged_before_the_consolidation(zone_name, consolidation, due):
    assert close_nudge_due(reader(zone_name, WorkCalendar()), utc(consolidation)) == utc(due)


def test_a_working_day_shorter_than_an_hour_is_nudged_at_its_opening():
    person = reader(work_start=time(9), work_end=time(9, 30))
    assert close_nudge_due(person, utc("2026-11-20T20:00")) == utc("2026-11-20T14:00")


def test_a_partner_manager_away_for_over_a_year_is_not_nudged():
    assert close_nudge_due(reader(**away(date(2025, 1, 1), date(2026, 12, 31))), utc("2026-11-20T20:00")) is None


# Late, and stalled


def test_what_is_late_is_void_seven_days_after_friday():
    assert late_cutoff(utc("2026-11-20T20:00")) == utc("2026-11-27T20:00")


def test_late_posts_wait_for_working_hours():
    company = Reader(zone_name="Europe/London", calendar=ENGLAND)
    assert waits_until(company, utc("2026-11-20T16:00")) == utc("2026-11-20T16:00")
    assert waits_until(company, utc("2026-11-20T19:00")) == utc("2026-11-23T08:00")


@pytest.mark.parametrize(
    ("instant", "now", "days"),
    [
        ("2026-11-05T20:00", "2026-11-19T15:00", 14),  # afternoon, to the morning two weeks later
        ("2026-11-19T05:01", "2026-11-19T23:00", 0),
        ("2026-11-19T04:59", "2026-11-19T05:00", 1),  # over midnight in New York
        ("2026-10-31T12:00", "2026-11-02T12:00", 2),
        ("2026-12-31T15:00", "2027-01-01T15:00", 1),
        ("2026-11-20T15:00", "2026-11-19T15:00", 0),
    ],
)
def test_days_since_are_local_dates_and_never_negative(instant, now, days):
    assert days_since(utc(instant), utc(now), NEW_YORK) == days
