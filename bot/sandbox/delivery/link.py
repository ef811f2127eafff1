"""What both ways to the bot have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

Json = dict[str, Any]
NO_ANSWER = "operation_timeout"
NOT_REACHED = "dispatch_failed"


@dataclass(frozen=True)
class Ack:
    """The bot's answer to a command or an interaction; `error` is what Slack would call it, None if it acked."""

    payload: Any = None
    error: str | None = None

    @property
    def ok(self) -> bool:
        return self.error is None


class Link(Protocol):
    """One way to the bot."""

    @property
    def connected(self) -> bool: ...

    async def ask(self, kind: str, payload: Json) -> Ack:
        """Deliver a command ("slash_commands") or an interaction ("interactive") and await its ack."""
        ...

    async def tell(self, payload: Json) -> str | None:
        """Deliver an event until it is acknowledged or given up; the reason it was given up."""
        ...

    async def close(self) -> None: ...
