"""Noticing what an action caused, for people and for pages."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

QUIET, UNSURE = 0.04, 0.2
PERSONAL = frozenset({"view", "home", "ephemeral", "update"})


@dataclass(frozen=True)
class Effect:
    """Something became visible: `kind` is view, home, message, update, ephemeral or other."""

    kind: str
    user: str | None = None
    """The person who alone sees it; None is everybody in the channel."""
    channel: str | None = None
    item: Any = None


@dataclass
class Watch:
    matches: Callable[[Effect], bool]
    seen: list[Effect] = field(default_factory=list)
    fresh: asyncio.Event = field(default_factory=asyncio.Event)

    def offer(self, effect: Effect) -> None:
        if self.matches(effect):
            self.seen.append(effect)
            self.fresh.set()

    @property
    def quiet(self) -> float:
        """How long nothing more may happen before one stops looking; a message alone may be somebody else's."""
        return QUIET if any(effect.kind in PERSONAL for effect in self.seen) else UNSURE

    async def wait(self, timeout: float) -> None:  # noqa: ASYNC109 - running out of time is a normal end here
        """Until something was seen and then nothing more for a moment, or until the time is over."""
        end = time.monotonic() + timeout
        while (left := end - time.monotonic()) > 0:
            self.fresh.clear()
            try:
                await asyncio.wait_for(self.fresh.wait(), min(left, self.quiet) if self.seen else left)
            except TimeoutError:
                return


class Watches:
    """Who is looking, and the version number that pages follow."""

    def __init__(self) -> None:
        self.version = 0
        self.closed = False
        self.witness: Callable[[Effect], None] | None = None
        """Told of everything, whoever else is looking."""
        self._watches: list[Watch] = []
        self._turn = asyncio.Event()

    def emit(self, effect: Effect) -> None:
        if self.witness is not None:
            self.witness(effect)
        for watch in self._watches:
            watch.offer(effect)
        self.touch()

    def touch(self) -> None:
        """Something changed that a page shows."""
        self.version += 1
        self._turn.set()
        self._turn = asyncio.Event()

    async def changed(self, since: int, timeout: float) -> int:  # noqa: ASYNC109 - as above
        """The version, at once if it is newer than `since`, else when it changes or the time is over."""
        if self.version <= since:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._turn.wait(), timeout)
        return self.version

    def close(self) -> None:
        """Let everybody who follows the version go."""
        self.closed = True
        self.touch()

    @contextmanager
    def watching(self, matches: Callable[[Effect], bool]) -> Iterator[Watch]:
        watch = Watch(matches)
        self._watches.append(watch)
        try:
            yield watch
        finally:
            self._watches.remove(watch)
