"""What the parts of delivery share, and the ways in which a row's turn ends."""

import asyncio
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import PurePath

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bot.clock import Clock
from bot.delivery.calls import NotAnswered, SlackCalls
from bot.delivery.contract import CardRenderer, Identity, Limits, Renderer
from models.db import Database
from models.domain.policy import Policy

PASSING = (DBAPIError, PoolTimeout, OSError, TimeoutError)
"""Errors of the machine and the database, not of the code: worth another try."""


class Ends(Exception):
    """The row will not be sent: `state` void, held, failed or undetermined; `problem` is a sentence for a person."""

    def __init__(self, state: str, code: str, problem: str) -> None:
        super().__init__(code)
        self.state, self.code, self.problem = state, code, problem


class Later(Exception):
    """Not now: try again after the next backoff."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class LeaseLost(Exception):
    """Somebody else has taken over: touch nothing."""


class Strikes:
    """How often each thing has failed in a row, in this process: the base of its backoff."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._counts: dict[tuple[str, int], int] = {}

    def backoff(self, kind: str, number: int) -> timedelta:
        """Doubles from `first_backoff` to `most_backoff` with every strike."""
        count = self._counts.get((kind, number), 0)
        self._counts[kind, number] = count + 1
        doubled: timedelta = self._limits.first_backoff * (1 << min(count, 20))
        return min(doubled, self._limits.most_backoff)

    def clear(self, kind: str, number: int) -> None:
        self._counts.pop((kind, number), None)


CARDS_KEPT = 10_000
Said = tuple[str | None, int, bytes]
"""A card's message (its ts), the version it shows, and a digest of its words and blocks."""


class Known:
    """What this process has learned of Slack: who we are, when the list of channels was last read, what cards say.

    `limited_until` is the business instant before which a Slack with a simulated clock takes no more of us.
    """

    def __init__(self) -> None:
        self.identity: Identity | None = None
        self.channels_listed_at: float | None = None
        self.limited_until: datetime | None = None
        self.asking = asyncio.Lock()
        self.listing = asyncio.Lock()
        self.outside: dict[str, tuple[str | None, float]] = {}
        """People whom Cadence does not know, by Slack id: their name if they are of outside, else None; until when."""
        self._left_alone: dict[str, float] = {}
        self._cards: dict[int, Said] = {}

    def leave_alone(self, channel_id: str, pause: timedelta) -> None:
        """This channel could not be read: not again for so long of real time."""
        self._left_alone[channel_id] = time.monotonic() + pause.total_seconds()

    def left_alone(self, channel_id: str) -> bool:
        return self._left_alone.get(channel_id, 0.0) > time.monotonic()

    def says(self, card_id: int, said: Said) -> bool:
        """Whether it was we who made the card say just this, as the version that it shows now."""
        return self._cards.get(card_id) == said

    def heard(self, card_id: int, said: Said | None) -> None:
        """Remember what a card says from now on; None when nobody can tell."""
        self._cards.pop(card_id, None)
        if said is not None:
            self._cards[card_id] = said
        while len(self._cards) > CARDS_KEPT:
            del self._cards[next(iter(self._cards))]


@dataclass(frozen=True)
class Desk:
    """The database, Slack, the clock and what is known."""

    db: Database
    call: SlackCalls
    clock: Clock
    policy: Policy
    limits: Limits
    renderers: Mapping[str, Renderer]
    card_renderers: Mapping[str, CardRenderer]
    shared_renderers: Mapping[str, Renderer] = field(default_factory=dict)
    shared_cards: Mapping[str, CardRenderer] = field(default_factory=dict)
    given_identity: Identity | None = None
    known: Known = field(default_factory=Known, init=False, repr=False)
    strikes: Strikes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "strikes", Strikes(self.limits))

    def hold_back(self, wait: timedelta) -> timedelta:
        """How long to wait in real time after "ratelimited".

        A local Slack whose clock stands still may count in its own time: then it is also asked to let that much of it
        pass (see `Delivery.settling`), or the waiting would never end.
        """
        if self.clock.simulated:
            until = self.clock.now() + wait
            self.known.limited_until = max(self.known.limited_until or until, until)
        return wait

    @property
    def limited_until(self) -> datetime | None:
        """The business instant up to which a Slack with a simulated clock has told us to wait; None when it has not."""
        until = self.known.limited_until
        return until if until is not None and self.clock.now() < until else None

    async def identity(self) -> Identity:
        """Who we are in Slack, asked once. Raises Refused, RateLimited or NotAnswered."""
        if self.given_identity is not None:
            return self.given_identity
        async with self.known.asking:
            if self.known.identity is None:
                said = await self.call("auth.test")
                found = Identity(
                    *(str(said.get(name) or "") for name in ("team_id", "user_id", "bot_id", "enterprise_id"))
                )
                if not found.team_id or not found.bot_user_id:
                    raise NotAnswered("unreadable")
                self.known.identity = found
            return self.known.identity


def where(error: BaseException) -> str:
    """The error's type and the line it came from: its message could carry contents and is never logged."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return type(error).__name__ + place
