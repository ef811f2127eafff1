"""Told to fail: rules that break a call or a delivery, a counted number of times."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any, Literal

Json = dict[str, Any]
Where = Literal["call", "delivery"]


@dataclass(frozen=True)
class Kind:
    """One way to fail. `only` are the methods it can break; empty is all."""

    where: Where
    sentence: str
    only: frozenset[str] = frozenset()
    unasked: bool = True
    """Whether an empty `method` also matches commands and interactions, or only events."""


HISTORY = frozenset({"conversations.history", "conversations.replies"})
KINDS: dict[str, Kind] = {
    "drop": Kind("call", "The connection is cut and nothing was done."),
    "lose_reply": Kind("call", "The call is carried out, and the connection is cut instead of an answer."),
    "error": Kind("call", "Slack answers ok: false with the name in `error`, and nothing was done."),
    "http_500": Kind("call", "Slack answers status 500, and nothing was done."),
    "ratelimited": Kind("call", "Slack answers status 429 with Retry-After `retry_after`, and nothing was done."),
    "delay": Kind("call", "The call is carried out after `seconds`."),
    "slow_history": Kind(
        "call", "Reading a channel or a thread (conversations.history, conversations.replies) takes `seconds`.", HISTORY
    ),
    "duplicate_event": Kind(
        "delivery",
        "What is delivered arrives twice; a command or an interaction only when `method` names it.",
        unasked=False,
    ),
    "late_event": Kind("delivery", "An event is sent `seconds` later.", unasked=False),
    "out_of_order": Kind(
        "delivery", "An event is held back until the next one was sent, or for `seconds`.", unasked=False
    ),
    "cut_socket": Kind(
        "delivery",
        'The connection breaks while something is delivered: with `when` "before" nothing arrives, with "after" it '
        "arrives and its acknowledgement is lost. An event is then sent again; over sockets, so are commands and "
        "interactions.",
    ),
}
API_KINDS = frozenset(name for name, kind in KINDS.items() if kind.where == "call")
TIMING_KINDS = frozenset({"late_event", "out_of_order"})


@dataclass
class Rule:
    """One fault. `method` is an API method, an event type, an interaction type or a command; empty matches all."""

    kind: str
    method: str = ""
    channel: str = ""
    error: str = "internal_error"
    retry_after: int = 1
    seconds: float = 1.0
    when: Literal["before", "after"] = "after"
    count: int = 1
    skip: int = 0
    probability: float = 1.0
    seed: int = 0
    fired: int = 0
    dice: random.Random = field(default_factory=random.Random, repr=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no fault is called {self.kind!r}; there are {', '.join(sorted(KINDS))}")
        if self.when not in ("before", "after"):
            raise ValueError(f"when is 'before' or 'after', not {self.when!r}")
        self.dice = random.Random(self.seed)

    def hits(self, method: str, channel: str, *, event: bool = False) -> bool:
        """Whether this call or delivery is broken; counts those that match."""
        if self.count <= 0 or not self._meant(method, channel, event=event):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.dice.random() >= self.probability:
            return False
        self.count -= 1
        self.fired += 1
        return True

    def _meant(self, method: str, channel: str, *, event: bool) -> bool:
        kind = KINDS[self.kind]
        if kind.only and method not in kind.only:
            return False
        if not self.method and kind.where == "delivery" and not (kind.unasked or event):
            return False
        return self.method in ("", method) and self.channel in ("", channel)

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

    def for_call(self, method: str, channel: str) -> Rule | None:
        """The first rule that breaks this call of the Web API."""
        return next((rule for rule in self.rules if rule.kind in API_KINDS and rule.hits(method, channel)), None)

    def for_delivery(self, kinds: frozenset[str], method: str, channel: str, *, event: bool) -> Rule | None:
        """The first rule of these kinds that breaks this delivery; `event` tells events from what people do."""
        return next(
            (rule for rule in self.rules if rule.kind in kinds and rule.hits(method, channel, event=event)), None
        )


def described() -> Json:
    """Every kind and what it does, for the driver's help."""
    return {name: kind.sentence for name, kind in KINDS.items()}
