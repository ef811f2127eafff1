"""Told to fail: rules that break a call or a delivery, a counted number of times."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
API_KINDS = frozenset({"drop", "lose_reply", "error", "http_500", "ratelimited", "delay"})
EVENT_KINDS = frozenset({"duplicate_event", "late_event"})


@dataclass
class Rule:
    """One fault. `method` is an API method or, for events, an event type; empty matches all.

    `drop` cuts the connection before anything is done, `lose_reply` after it.
    """

    kind: str
    method: str = ""
    channel: str = ""
    error: str = "internal_error"
    retry_after: int = 1
    seconds: float = 1.0
    count: int = 1
    skip: int = 0
    probability: float = 1.0
    seed: int = 0
    fired: int = 0
    dice: random.Random = field(default_factory=random.Random, repr=False)

    def __post_init__(self) -> None:
        if self.kind not in API_KINDS | EVENT_KINDS:
            known = ", ".join(sorted(API_KINDS | EVENT_KINDS))
            raise ValueError(f"no fault is called {self.kind!r}; there are {known}")
        self.dice = random.Random(self.seed)

    def hits(self, method: str, channel: str) -> bool:
        """Whether this call is broken; counts the calls that match."""
        if self.count <= 0 or self.method not in ("", method) or self.channel not in ("", channel):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.dice.random() >= self.probability:
            return False
        self.count -= 1
        self.fired += 1
        return True

    def to_dict(self) -> Json:
        return {name: value for name, value in vars(self).items() if name != "dice"}


class Faults:
    def __init__(self) -> None:
        self.rules: list[Rule] = []

    def add(self, rows: list[Json]) -> None:
        """Append rules. Raises ValueError or TypeError for a rule that cannot be read."""
        self.rules.extend([Rule(**row) for row in rows])

    def clear(self) -> None:
        self.rules.clear()

    def pick(self, kinds: frozenset[str], method: str, channel: str) -> Rule | None:
        """The first rule that breaks this call."""
        return next((rule for rule in self.rules if rule.kind in kinds and rule.hits(method, channel)), None)
