"""Slack's rate limits, in business time: per method and minute, and about one message a second per channel."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

BURST = 10
"""Messages that a channel takes at once before the one-a-second pace counts."""
T2, T3, T4 = 20, 50, 100
PER_MINUTE = {
    "apps.connections.open": 5,
    "conversations.list": T2,
    "users.list": T2,
    "chat.update": T3,
    "conversations.info": T3,
    "conversations.history": T3,
    "conversations.replies": T3,
    "conversations.open": T3,
    "chat.postEphemeral": T4,
    "conversations.members": T4,
    "users.info": T4,
    "views.open": T4,
    "views.push": T4,
    "views.update": T4,
    "views.publish": T4,
}


@dataclass
class Bucket:
    left: float
    at: datetime


class Tiers:
    """Token buckets that refill as business time passes; on a clock that stands still they only drain."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._buckets: dict[tuple[str, str], Bucket] = {}

    def wait(self, method: str, channel: str) -> int:
        """Seconds until this call is allowed; 0 takes the call."""
        if method == "chat.postMessage":
            return self._take((method, channel), BURST, 1.0)
        if method in PER_MINUTE:
            return self._take((method, ""), PER_MINUTE[method], PER_MINUTE[method] / 60)
        return 0

    def _take(self, key: tuple[str, str], most: int, per_second: float) -> int:
        now = self._now()
        bucket = self._buckets.setdefault(key, Bucket(most, now))
        passed = max(0.0, (now - bucket.at).total_seconds())
        bucket.left, bucket.at = min(most, bucket.left + passed * per_second), now
        if bucket.left < 1:
            return math.ceil((1 - bucket.left) / per_second)
        bucket.left -= 1
        return 0
