"""What both ways to the bot have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from bot.sandbox.options import SandboxOptions

Json = dict[str, Any]
Break = Literal["before", "after"]
NO_ANSWER = "operation_timeout"
NOT_REACHED = "dispatch_failed"
LONG_DELAY = 5.0


@dataclass(frozen=True)
class Ack:
    """The bot's answer to a command or an interaction; `error` is what Slack would call it, None if it acked."""

    payload: Any = None
    error: str | None = None
    n: int = 0
    """Number of the delivery in the log."""

    @property
    def ok(self) -> bool:
        return self.error is None


def nothing() -> None:
    """Nobody wants to know."""


@dataclass(frozen=True)
class Parcel:
    """Something for the bot. `n` is its number in the log, under which what goes over the wire is noted."""

    kind: Literal["events_api", "slash_commands", "interactive"]
    payload: Json
    name: str
    n: int
    breaks: Break | None = None
    """Break the connection once: before it is sent, or after it and before the acknowledgement."""
    sent: Callable[[], None] = nothing
    """Called when it was sent for the first time."""


class Link(Protocol):
    """One way to the bot."""

    @property
    def connected(self) -> bool: ...

    async def ask(self, parcel: Parcel) -> Ack:
        """Deliver a command or an interaction and await its ack."""
        ...

    async def tell(self, parcel: Parcel) -> str | None:
        """Deliver an event until it is acknowledged or given up; the reason it was given up."""
        ...

    async def close(self) -> None: ...


def scaled(seconds: float, options: SandboxOptions) -> float:
    """A delay between retries: tests make those of over five seconds shorter."""
    return seconds * options.retry_scale if seconds > LONG_DELAY else seconds
