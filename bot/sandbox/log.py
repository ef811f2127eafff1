"""What went over the wire, in order, without secrets."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Json = dict[str, Any]
SECRET_FIELDS = frozenset({"token", "client_secret"})
SECRET_PLACES = re.compile(r"(/response/[^/\s\"]+/|/upload/v1/|[?&]ticket=)[\w-]+")
"""Addresses that are keys: of answers to an interaction, of an upload, of a socket."""
HIDDEN = r"\1hidden"


def without_secrets(node: Any) -> Any:
    """A copy without tokens, and with the secret part of addresses blotted out."""
    if isinstance(node, dict):
        return {name: without_secrets(value) for name, value in node.items() if name not in SECRET_FIELDS}
    if isinstance(node, list):
        return [without_secrets(item) for item in node]
    if isinstance(node, str) and ("/response/" in node or "/upload/" in node or "ticket=" in node):
        return SECRET_PLACES.sub(HIDDEN, node)
    return node


@dataclass
class Entry:
    """One exchange. It gets its number when it begins; `done` says whether the other side has answered."""

    n: int
    at: str
    real_at: float
    kind: str
    method: str
    request: Any
    response: Any = None
    ok: bool = True
    error: str | None = None
    done: bool = False
    raw: Any = field(default=None, repr=False)
    """What can be delivered once more, word for word; never shown."""

    def complete(self, response: Any, *, error: str | None = None) -> None:
        self.response, self.error, self.ok, self.done = response, error, error is None, True

    def to_dict(self) -> Json:
        shown = {name: value for name, value in vars(self).items() if name != "raw"}
        return shown | {"request": without_secrets(self.request), "response": without_secrets(self.response)}


class Log:
    """A bounded, append-only record; the numbers go on when old entries fall out."""

    def __init__(self, size: int, now: Callable[[], datetime]) -> None:
        self._entries: deque[Entry] = deque(maxlen=size)
        self._now = now
        self._count = 0

    @property
    def count(self) -> int:
        return self._count

    def begin(self, kind: str, method: str, request: Any, *, raw: Any = None) -> Entry:
        """Record what was sent; the caller completes the entry when the answer is there."""
        self._count += 1
        entry = Entry(self._count, self._now().isoformat(), time.time(), kind, method, request, raw=raw)
        self._entries.append(entry)
        return entry

    def add(self, kind: str, method: str, request: Any, response: Any, *, error: str | None = None) -> Entry:
        """Record a whole exchange."""
        entry = self.begin(kind, method, request)
        entry.complete(response, error=error)
        return entry

    def find(self, n: int) -> Entry | None:
        """The entry of this number, if it has not fallen out."""
        first = self._entries[0].n if self._entries else 0
        return self._entries[n - first] if self._entries and first <= n <= self._count else None

    def read(self, *, since: int = 0, kind: str = "", method: str = "", limit: int = 0) -> list[Json]:
        """Entries after number `since`, oldest first; `limit` keeps the newest of them."""
        found = [
            entry
            for entry in self._entries
            if entry.n > since and kind in ("", entry.kind) and method in ("", entry.method)
        ]
        return [entry.to_dict() for entry in (found[-limit:] if limit else found)]
