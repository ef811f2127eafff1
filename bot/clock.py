"""Business time, passed in and perhaps simulated; and the machine's own time, for leases and timeouts."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime


def real_now() -> datetime:
    """The machine's own clock, aware, in UTC. Never for what is due: that is business time."""
    return datetime.now(UTC)


class ClockNotStarted(RuntimeError):
    """A simulated clock was asked before the local Slack had said what time it is."""


class Clock:
    """Business time. Real, or standing still at an instant that the local Slack says."""

    def __init__(self, *, simulated: bool = False) -> None:
        self.simulated = simulated
        self._now: datetime | None = None
        self._first = asyncio.Event()

    @property
    def started(self) -> bool:
        """Whether there is a time at all: always for the real clock, after the first `set` for a simulated one."""
        return not self.simulated or self._now is not None

    def now(self) -> datetime:
        """The business instant, aware, in UTC. Raises ClockNotStarted."""
        if not self.simulated:
            return real_now()
        if self._now is None:
            raise ClockNotStarted("the simulated clock has no time yet: the local Slack has not said one")
        return self._now

    async def told(self, within: float = 2.0) -> None:
        """Wait (at most `within` real seconds) for a simulated clock's first time; a real clock needs no waiting."""
        if not self.started:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._first.wait(), within)

    def set(self, now: datetime) -> None:
        """Move a simulated clock. Raises ValueError for a naive instant, a step back, or the real clock."""
        if not self.simulated:
            raise ValueError("this is the real clock; only a simulated one can be set")
        if now.tzinfo is None:
            raise ValueError(f"a clock is set to an aware instant, not to {now.isoformat()}")
        if self._now is not None and now < self._now:
            raise ValueError(f"a clock never goes back: it is {self._now.isoformat()}, not {now.isoformat()}")
        self._now = now.astimezone(UTC)
        self._first.set()
