"""What went over the wire, in order, without secrets."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

Json = dict[str, Any]
SECRET_FIELDS = frozenset({"token", "client_secret"})


@dataclass(frozen=True)
class Entry:
    n: int
    at: str
    real_at: float
    kind: str
    method: str
    request: Any
    response: Any
    ok: bool
    error: str | None

    def to_dict(self) -> Json:
        return asdict(self)


class Log:
    """A bounded, append-only record; the numbers go on when old entries fall out."""

    def __init__(self, size: int, now: Callable[[], datetime]) -> None:
        self._entries: deque[Entry] = deque(maxlen=size)
        self._now = now
        self._count = 0

    @property
    def count(self) -> int:
        return self._count

    def add(self, kind: str, method: str, request: Any, response: Any, *, error: str | None = None) -> Entry:
        """Record one exchange; top-level tokens are left out of the request."""
        if isinstance(request, dict):
            request = {name: value for name, value in request.items() if name not in SECRET_FIELDS}
        self._count += 1
        entry = Entry(
            self._count, self._now().isoformat(), time.time(), kind, method, request, response, error is None, error
        )
        self._entries.append(entry)
        return entry

    def read(self, *, since: int = 0, kind: str = "", method: str = "", limit: int = 0) -> list[Json]:
        """Entries after number `since`, oldest first; `limit` keeps the newest of them."""
        found = [
            entry.to_dict()
            for entry in self._entries
            if entry.n > since and kind in ("", entry.kind) and method in ("", entry.method)
        ]
        return found[-limit:] if limit else found
