"""When each step of a weekly deal review is due: instants in, instants (UTC) out.

None means that there is no such time: nobody is written to outside their working hours, and never about a review that
has already begun. The bot looks no further than 366 days for a working day.
"""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from models.domain.workdays import (
    ONE_DAY,
    Reader,
    WorkCalendar,
    in_working_hours,
    last_working_day_before,
    next_business_day,
    next_working_instant,
    working_hours,
)
from models.domain.zones import as_utc, local_date, local_to_utc

FRIDAY = 4
AGENDA_LEAD = timedelta(minutes=10)
NUDGE_LEAD = timedelta(hours=1)
QUIET_AFTER_PROMPT = timedelta(hours=3)
CLOSE_NUDGE_LEAD = timedelta(hours=3)
LAST_WORKING_HOUR = timedelta(hours=1)
LATE_WINDOW = timedelta(days=7)
COMPANY_DAY_ENDS = time(18)


def prompt_due(reader: Reader, review_starts_at: datetime, at: time = time(10)) -> datetime | None:
    """`at` in the reader's zone on their last working day before the date the review has there.

    The day's opening if `at` is outside their hours. None if they have not worked for 366 days: their cover answers.
    """
    day = last_working_day_before(reader, local_date(review_starts_at, reader.zone))
    return None if day is None else _at_or_opening(reader, day, at)


def nudge_due(
    reader: Reader,
    first_review_starts_at: datetime,
    prompt_at: datetime,
    day_of: time = time(8),
    fallback: time = time(15),
) -> datetime | None:
    """`day_of` on the day of the reader's first review, else `fallback` on the prompt's day, all in their zone.

    The first if that is a working day of theirs and at least an hour before the review. Never under three hours after
    `prompt_at` (when the prompt was sent, or is due): then it is pushed to the end of the three hours. None if that is
    outside their working hours or not before the review.
    """
    prompt_at, review = as_utc(prompt_at), as_utc(first_review_starts_at)
    due = _at_or_opening(reader, local_date(review, reader.zone), day_of)
    if due is None or review - due < NUDGE_LEAD:
        due = _at_or_opening(reader, local_date(prompt_at, reader.zone), fallback)
    if due is None:
        return None
    due = max(due, prompt_at + QUIET_AFTER_PROMPT)
    return due if due < review and in_working_hours(reader, due) else None


def agenda_due(starts_at: datetime, lead: timedelta = AGENDA_LEAD) -> datetime:
    """Ten minutes before the review."""
    return as_utc(starts_at) - lead


def close_request_due(pm_reader: Reader, last_review_ends_at: datetime) -> datetime | None:
    """The end of the partner manager's last review that day, or their next opening after it; None as `waits_until`."""
    return waits_until(pm_reader, last_review_ends_at)


def consolidation_due(
    company_calendar: WorkCalendar,
    company_zone: ZoneInfo,
    week_friday: date,
    last_review_ends_at: datetime | None,
    at: time = time(15),
) -> datetime:
    """When the week's consolidated note is due: `at` on Friday in the company's zone.

    On a holiday the previous business day of that week. Never before the week's last review has ended: the note then
    waits for it, until 18:00 of the same day. If no business day of the week remains after that, or it never had one,
    the note is due at `at` on the next business day after it, so that partner managers have a morning to close.

    Raises:
        ValueError: `week_friday` is no Friday, or the last review's end is naive.
        NoBusinessDay: the company's calendar has none within 366 days.
    """
    if week_friday.weekday() != FRIDAY:
        raise ValueError(f"{week_friday.isoformat()} is not a Friday.")
    week = (week_friday - n * ONE_DAY for n in range(5))
    day = next(filter(company_calendar.is_business_day, week), None)
    if day is None:
        day = next_business_day(company_calendar, week_friday)
    while not (due := _by_evening(company_zone, day, at, last_review_ends_at)):
        day = next_business_day(company_calendar, day)
    return due


def close_nudge_due(pm_reader: Reader, consolidation_at: datetime) -> datetime | None:
    """Three hours before the consolidation, else the start of the partner manager's last working hour before that.

    None if they have not worked for 366 days.
    """
    wanted = as_utc(consolidation_at) - CLOSE_NUDGE_LEAD
    if in_working_hours(pm_reader, wanted):
        return wanted
    day: date | None = local_date(wanted, pm_reader.zone)
    while day is not None:
        hours = working_hours(pm_reader, day)
        if hours is not None and hours.closing <= wanted:
            return max(hours.opening, hours.closing - LAST_WORKING_HOUR)
        day = last_working_day_before(pm_reader, day)
    return None


def prepare_due(reader: Reader, starts_at: datetime, days: int = 3, at: time = time(10)) -> datetime | None:
    """When a draft is handed to its reader: at `at`, that many working days of theirs before the meeting's date.

    None if they have not worked so often in 366 days.
    """
    day: date | None = local_date(starts_at, reader.zone)
    for _ in range(days):
        day = last_working_day_before(reader, day) if day is not None else None
    return None if day is None else _at_or_opening(reader, day, at)


def next_morning(reader: Reader, after: datetime, at: time = time(10)) -> datetime | None:
    """`at` on the reader's first working day after the date of `after`; None if they do not work within 366 days."""
    tomorrow = local_to_utc(local_date(after, reader.zone) + ONE_DAY, time(0), reader.zone)
    opens = next_working_instant(reader, tomorrow)
    return None if opens is None else _at_or_opening(reader, local_date(opens, reader.zone), at)


def late_cutoff(nominal_friday_at: datetime) -> datetime:
    """When closing request and note are void: seven days (of 24 hours) after the week's nominal Friday 15:00."""
    return as_utc(nominal_friday_at) + LATE_WINDOW


def waits_until(reader: Reader, now: datetime) -> datetime | None:
    """When something late may be sent: now inside the reader's working hours, else their next opening.

    For a channel the reader is the company. None if they do not work within 366 days.
    """
    return next_working_instant(reader, now)


def days_since(instant: datetime, now: datetime, zone: ZoneInfo) -> int:
    """Local dates passed from `instant` to `now`, 0 on the same date or if `instant` is yet to come.

    Dates and not spans of 24 hours: what moved on a Thursday afternoon has not moved for 14 days at the review on a
    Thursday morning two weeks later.
    """
    return max(0, (local_date(now, zone) - local_date(instant, zone)).days)


def _at_or_opening(reader: Reader, day: date, at: time) -> datetime | None:
    """`at` on the day, the opening if `at` is outside the reader's hours, None if they do not work then."""
    hours = working_hours(reader, day)
    if hours is None:
        return None
    due = local_to_utc(day, at, reader.zone)
    return due if hours.opening <= due < hours.closing else hours.opening


def _by_evening(company_zone: ZoneInfo, day: date, at: time, not_before: datetime | None) -> datetime | None:
    """`at` on the day or, if later, `not_before`; None if the company's day is over by then."""
    due = local_to_utc(day, at, company_zone)
    if not_before is None or not_before <= due:
        return due
    return as_utc(not_before) if not_before <= local_to_utc(day, COMPANY_DAY_ENDS, company_zone) else None
