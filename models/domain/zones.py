"""Wall clocks: the only place where a local date and hour become an instant and the other way round.

The time zone data is that of the pinned `tzdata` package, never the operating system's, so that two replicas, a
laptop and a test agree on when a meeting is.
"""

from datetime import UTC, date, datetime, time
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from models.domain.errors import UserError


class UnknownZone(UserError):
    """The name is no time zone of the IANA database."""


@cache
def known_zones() -> frozenset[str]:
    """Every time zone name, old spellings such as `Asia/Calcutta` too, because Slack still sends them."""
    return frozenset((files("tzdata") / "zones").read_text(encoding="ascii").split())


@cache
def zone(name: str) -> ZoneInfo:
    """The time zone of an IANA name such as `Europe/London`; the same object at every call.

    Raises:
        UnknownZone: with a sentence for the person who typed it.
    """
    if name not in known_zones():
        raise UnknownZone(f"“{name}” is not a time zone. Use a name like Europe/London or America/New_York.")
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as data:
        return ZoneInfo.from_file(data, key=name)


def as_utc(instant: datetime) -> datetime:
    """The same instant in UTC.

    Raises:
        ValueError: the datetime is naive; guessing its zone is how meetings move.
    """
    if instant.utcoffset() is None:
        raise ValueError(f"{instant.isoformat()} has no time zone; an instant is needed.")
    return instant.astimezone(UTC)


def local_to_utc(day: date, at: time, zone: ZoneInfo) -> datetime:
    """The instant (UTC) when clocks in `zone` show `at` on `day`.

    A time the clocks skip moves forward by the gap (02:30 becomes 03:30; on the day Samoa skipped, the same hour of the
    next day); one they show twice is the first.
    """
    # fold=0 means exactly this to zoneinfo: the offset before the change, in a gap and in a repeated hour.
    first = at.replace(fold=0) if at.fold else at
    return datetime.combine(day, first, tzinfo=zone).astimezone(UTC)


def local_date(instant: datetime, zone: ZoneInfo) -> date:
    """The date on calendars in `zone` at `instant`; a naive instant is a ValueError."""
    return as_utc(instant).astimezone(zone).date()


def local_time(instant: datetime, zone: ZoneInfo) -> time:
    """What clocks in `zone` show at `instant`, without the zone; a naive instant is a ValueError."""
    return as_utc(instant).astimezone(zone).time()
