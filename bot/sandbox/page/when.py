"""Instants in words, in the reader's zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

FRIDAY, HOUR_OF_NOTE, MORNING, DAYS_SHOWN = 4, 16, 8, 5
TOKEN = re.compile(r"\{([a-z_]+)\}")


def _number(value: int) -> str:
    """1st, 2nd, 3rd, 4th, as Slack writes long dates."""
    ending = "th" if 10 <= value % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th")  # noqa: PLR2004
    return f"{value}{ending}"


def clock_time(at: datetime, *, seconds: bool = False) -> str:
    """As somebody sees it who has chosen the 24-hour clock in Slack."""
    return at.strftime("%H:%M:%S" if seconds else "%H:%M")


def ago(at: datetime, now: datetime) -> str:
    minutes = int((now - at).total_seconds() // 60)
    word = "ago" if minutes >= 0 else "from now"
    for size, name in ((1440, "day"), (60, "hour"), (1, "minute")):
        if abs(minutes) >= size:
            count = abs(minutes) // size
            return f"{count} {name}{'s' if count > 1 else ''} {word}"
    return "just now"


def slack_date(unix: int, shape: str, zone: str, now: datetime) -> str:
    """What `<!date^unix^shape|…>` shows to a reader in `zone`."""
    at = datetime.fromtimestamp(unix, UTC).astimezone(ZoneInfo(zone))
    days = (at.date() - now.astimezone(at.tzinfo).date()).days
    pretty = {0: "today", 1: "tomorrow", -1: "yesterday"}.get(days)
    plain = {
        "date_num": at.strftime("%Y-%m-%d"),
        "date_slash": at.strftime("%m/%d/%Y"),
        "date": f"{at.strftime('%B')} {_number(at.day)}, {at.year}",
        "date_short": f"{at.strftime('%b')} {at.day}, {at.year}",
        "date_long": f"{at.strftime('%A')}, {at.strftime('%B')} {_number(at.day)}, {at.year}",
        "time": clock_time(at),
        "time_secs": clock_time(at, seconds=True),
        "ago": ago(at, now),
    }
    shown = plain | {f"{name}_pretty": pretty or plain[name] for name in ("date", "date_short", "date_long")}
    return TOKEN.sub(lambda match: shown.get(match.group(1), match.group(0)), shape)


def next_friday(now: datetime, zone: str) -> datetime:
    """The coming Friday 16:00 in the company's zone, always later than now."""
    local = now.astimezone(ZoneInfo(zone))
    at = local.replace(hour=HOUR_OF_NOTE, minute=0, second=0, microsecond=0)
    at += timedelta(days=(FRIDAY - local.weekday()) % 7)
    return at if at > local else at + timedelta(days=7)


def mornings(now: datetime, zone: str) -> list[datetime]:
    """08:00 of the next working days in the company's zone, Monday to Friday, always later than now."""
    local = now.astimezone(ZoneInfo(zone))
    first = local.replace(hour=MORNING, minute=0, second=0, microsecond=0)
    days = (first + timedelta(days=number) for number in range(2 * DAYS_SHOWN))
    return [day for day in days if day > local and day.weekday() <= FRIDAY][:DAYS_SHOWN]
