"""Where a meeting fits that is one of several: the day and hour that keep it clear of its person's others."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from models.domain.zones import local_to_utc, zone

STEP = 30
"""Minutes from one hour tried to the next."""


@dataclass(frozen=True, slots=True)
class Span:
    """From one instant (UTC) up to but not including another."""

    starts_at: datetime
    ends_at: datetime

    def meets(self, other: "Span") -> bool:
        """Whether both go on at the same time; one that begins when the other ends does not."""
        return self.starts_at < other.ends_at and other.starts_at < self.ends_at


@dataclass(frozen=True, slots=True)
class Placed:
    """A meeting on local date `day`, from `starts_at` to `ends_at` (UTC).

    `crowded`: it fits only beyond the day's limit, or on top of another meeting; somebody should look.
    """

    day: date
    starts_at: datetime
    ends_at: datetime
    crowded: bool


def place(
    days: Sequence[date],
    *,
    at: time,
    minutes: int,
    zone_name: str,
    opens: time,
    closes: time,
    taken: Collection[Span],
    load: Mapping[date, int],
    per_day: int,
) -> Placed | None:
    """The first free place for a meeting of `minutes`, on the earliest of `days` (in order of preference).

    Hours are local to `zone_name`: from `at` by half hours to the last that ends by `closes`, then from `opens` up to
    `at`. `taken` are the person's other meetings, `load` how many of the slot a day has already. A day at its limit is
    left out while another has room. Where nothing is free: the first day at `at`, because a lost meeting is worse than
    two at once. None only without days.

    Raises:
        UnknownZone: `zone_name` is no time zone.
    """
    clocks = zone(zone_name)

    def span(day: date, hour: time) -> Span:
        starts_at = local_to_utc(day, hour, clocks)
        return Span(starts_at, starts_at + timedelta(minutes=minutes))

    def fits(day: date, one: Span) -> bool:
        # Ends are compared as instants: a meeting over a clock change is as long as it says.
        return one.ends_at <= local_to_utc(day, closes, clocks) and not any(one.meets(other) for other in taken)

    for crowded in (False, True):
        for day in days:
            if crowded or load.get(day, 0) < per_day:
                free = (one for hour in _hours(at, opens, closes) if fits(day, one := span(day, hour)))
                found = next(free, None)
                if found is not None:
                    return Placed(day, found.starts_at, found.ends_at, crowded)
    if not days:
        return None
    anyway = span(days[0], at)
    return Placed(days[0], anyway.starts_at, anyway.ends_at, crowded=True)


def _hours(at: time, opens: time, closes: time) -> Iterator[time]:
    """The hours to try: from `at` on until the day closes, then from its opening up to `at`."""
    for first, end in ((at, closes), (opens, at)):
        for minute in range(first.hour * 60 + first.minute, end.hour * 60 + end.minute, STEP):
            yield time(*divmod(minute, 60))
