"""Slack's rate limits: by method and minute, and about one message a second in each channel.

Which clock counts is decided here. New messages are counted in business time: a week that is walked through in a minute
may say in that minute what it says in a week, and a bot that says everything at one instant is refused as it would be
there; its Retry-After is in seconds of business time. All other methods are counted by the clock, business or real, that
went further: somebody who clicks while business time stands still is never locked out, and sees the answers.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

BURST = 10
"""Messages that a channel takes at once before the one-a-second pace counts."""
WORKSPACE = 300
"""Messages a minute in the whole workspace; Slack says "several hundred"."""
T2, T3, T4 = 20, 50, 100
PER_MINUTE = {
    "apps.connections.open": 10,
    "conversations.create": T2,
    "conversations.invite": T3,
    "conversations.list": T2,
    "users.list": T2,
    "chat.update": T3,
    "conversations.info": T3,
    "conversations.members": T4,
    "conversations.history": T3,
    "conversations.replies": T3,
    "conversations.open": T3,
    "chat.postEphemeral": T4,
    "files.getUploadURLExternal": T4,
    "files.completeUploadExternal": T4,
    "files.info": T4,
    "users.info": T4,
    "views.open": T4,
    "views.push": T4,
    "views.update": T4,
    "views.publish": T4,
}
"""Tiers by method. apps.connections.open is of the first tier, "1+"; an app may hold ten sockets and open them at once."""
BY_BUSINESS_TIME = frozenset({"chat.postMessage"})


@dataclass
class Bucket:
    left: float
    at: datetime
    real: float


class Tiers:
    """Token buckets, full at the start."""

    def __init__(self, now: Callable[[], datetime], real: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._real = real
        self._buckets: dict[tuple[str, str], Bucket] = {}

    def wait(self, method: str, channel: str) -> int:
        """Seconds until this call is allowed; 0 takes the call."""
        if method == "chat.postMessage":
            # A refusal takes nothing from either bucket.
            pace, whole = (
                self._bucket((method, channel), BURST, 1.0),
                self._bucket((method, ""), WORKSPACE, WORKSPACE / 60),
            )
            return self._take([(pace, 1.0), (whole, WORKSPACE / 60)])
        if method in PER_MINUTE:
            most = PER_MINUTE[method]
            return self._take([(self._bucket((method, ""), most, most / 60), most / 60)])
        return 0

    def _bucket(self, key: tuple[str, str], most: int, per_second: float) -> Bucket:
        """Filled up for the time that has passed."""
        now, real = self._now(), self._real()
        bucket = self._buckets.setdefault(key, Bucket(most, now, real))
        passed = max(0.0, (now - bucket.at).total_seconds())
        if key[0] not in BY_BUSINESS_TIME:
            passed = max(passed, real - bucket.real)
        bucket.left = min(most, bucket.left + passed * per_second)
        bucket.at, bucket.real = now, real
        return bucket

    @staticmethod
    def _take(buckets: list[tuple[Bucket, float]]) -> int:
        missing = [math.ceil((1 - bucket.left) / per_second) for bucket, per_second in buckets if bucket.left < 1]
        if missing:
            return max(missing)
        for bucket, _ in buckets:
            bucket.left -= 1
        return 0
