"""Business time. It belongs to the local Slack; the bot is told, and says what comes next.

A clock that stands still moves only when somebody moves it: from one due time of the bot to the next, so that
nothing is jumped over. What the bot calls `settling` (pacing, retries) belongs to the present and is run at once.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

Json = dict[str, Any]
SETTLE_WITHIN = timedelta(minutes=10)
MOST_STEPS = 20_000
STUCK_AFTER = 50
NEVER = datetime.min.replace(tzinfo=UTC)
"""What time it is for a bot that was not told yet."""
NOT_RUNNING = "the bot is not running"


@dataclass(frozen=True)
class Due:
    """What the bot says of its next work. Instants are aware."""

    now: datetime
    next_due: datetime | None
    next_what: str | None
    settling: bool
    coming: list[Json] = field(default_factory=list)
    quiet: bool = False
    """Whether all that people had done when it was asked has had its effects. A bot that does not say so is not quiet."""

    @classmethod
    def from_dict(cls, data: Json) -> Due:
        due = data.get("next_due")
        return cls(
            now=datetime.fromisoformat(data["now"]) if data.get("now") else NEVER,
            next_due=datetime.fromisoformat(due) if due else None,
            next_what=data.get("next_what"),
            settling=bool(data.get("settling")),
            coming=list(data.get("coming", [])),
            quiet=bool(data.get("quiet")),
        )


class Control(Protocol):
    """The bot's control endpoint; both calls answer None when it cannot be reached."""

    async def run(self, now: datetime) -> Due | None: ...

    async def next(self) -> Due | None: ...


@dataclass
class Moved:
    """How a move of the clock went."""

    now: datetime
    steps: list[Json] = field(default_factory=list)
    note: str | None = None

    def to_dict(self) -> Json:
        return {"now": self.now.isoformat(), "steps": self.steps, "note": self.note}


class Clock:
    def __init__(self, start_at: datetime | None, control: Control | None) -> None:
        if start_at is not None and start_at.tzinfo is None:
            raise ValueError("start_at must be an aware datetime")
        self.simulated = start_at is not None
        self._now = start_at.astimezone(UTC) if start_at else None
        self._control = control
        self._last_us = 0
        self._lock = asyncio.Lock()
        self.due: Due | None = None
        """The bot's last answer; None before the first and while it is not reachable."""
        self.reachable = False
        self.moving = False
        self._asked = self._settled = 0
        self._quiet = False

    def now(self) -> datetime:
        return self._now or datetime.now(UTC)

    def next_ts(self) -> str:
        """A ts that no message had before and that is later than all of them, even when time stands still."""
        us = max(int(self.now().timestamp() * 1_000_000), self._last_us + 1)
        self._last_us = us
        return f"{us // 1_000_000}.{us % 1_000_000:06d}"

    @property
    def note(self) -> str | None:
        return NOT_RUNNING if self.simulated and self._control is not None and not self.reachable else None

    async def advance_to(self, target: datetime) -> Moved:
        """Go from due time to due time up to `target`. Raises ValueError for the past or a real clock."""
        self._movable()
        if target < self.now():
            raise ValueError(f"the clock stands at {self.now().isoformat()} and never goes back")
        async with self._lock:
            return await self._go(await self._run(), target.astimezone(UTC))

    async def advance_next(self) -> Moved:
        """Go to the bot's next due time; stays where it is if nothing comes."""
        self._movable()
        async with self._lock:
            due = await self._run()
            due = await self._settle(due, self.now())
            if due is None or due.next_due is None:
                return Moved(self.now(), note=self.note or "nothing is coming")
            return await self._go(due, max(due.next_due, self.now()))

    async def settle(self) -> bool:
        """Let the bot finish what belongs to the present moment; whether it says that nothing more comes of it.

        Nothing to do on a real clock.
        """
        if not self.simulated or self._control is None:
            return False
        self._asked += 1
        mine = self._asked
        async with self._lock:
            if self._settled >= mine:
                return self._quiet  # one run that began after this call has served everybody who waited
            covered = self._asked
            due = await self._settle(first := await self._run(), self.now())
            self._quiet = first is not None and first.quiet and due is not None
            self._settled = covered
            return self._quiet

    async def beat(self) -> None:
        """Called every now and then: notice a bot that came, left or restarted, and tell it the time."""
        if self._control is None or self._lock.locked():
            return
        was = self.reachable
        due = await self._control.next()
        if self._lock.locked():
            return
        self.reachable, self.due = due is not None, due
        if self.simulated and (due is None or not was or due.now < self.now()):
            await self.settle()

    def _movable(self) -> None:
        if not self.simulated:
            raise ValueError("this clock is the real one; start with start_at to move it")

    async def _run(self) -> Due | None:
        if self._control is None:
            return None
        due = await self._control.run(self.now())
        if due is None:
            self.reachable, self.due = False, None
            return None
        self.reachable = True
        if not due.coming and self.due is not None:
            due = replace(due, coming=self.due.coming)
        self.due = due
        return due

    async def _go(self, due: Due | None, target: datetime) -> Moved:
        moved = Moved(self.now())
        self.moving = True
        try:
            due = await self._walk(due, target, moved)
            if due is None or due.now < target:
                self._now = max(target, self.now())
                due = await self._run()
            await self._settle(due, target)
            await self._look_ahead()
        finally:
            self.moving = False
        moved.now = self.now()
        moved.note = moved.note or self.note
        return moved

    async def _walk(self, due: Due | None, target: datetime, moved: Moved) -> Due | None:
        """From due time to due time; the bot's last answer."""
        still = 0
        for _ in range(MOST_STEPS):
            if due is None or due.next_due is None or due.next_due > target:
                return due
            still = still + 1 if due.next_due <= self.now() else 0
            if still > STUCK_AFTER:
                moved.note = f"the bot keeps asking for {due.next_due.isoformat()} ({due.next_what}) without doing it"
                return due
            self._now = max(due.next_due.astimezone(UTC), self.now())
            if not due.settling:
                moved.steps.append({"at": self.now().isoformat(), "what": due.next_what})
            due = await self._run()
        moved.note = f"stopped after {MOST_STEPS} steps"
        return due

    async def _settle(self, due: Due | None, around: datetime) -> Due | None:
        still = 0
        while due is not None and due.settling and due.next_due and due.next_due - around <= SETTLE_WITHIN:
            still = still + 1 if due.next_due <= self.now() else 0
            if still > STUCK_AFTER:
                break
            self._now = max(due.next_due.astimezone(UTC), self.now())
            due = await self._run()
        return due

    async def _look_ahead(self) -> None:
        if self._control is not None:
            due = await self._control.next()
            if due is not None:
                self.due = due
