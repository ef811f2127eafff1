"""Sending all that is due: claims, at most eight calls at once, patience, and the loop that never dies."""

import asyncio
import logging
import time
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.clock import Clock, real_now
from bot.delivery import channels, editing, posting
from bot.delivery.calls import SlackCalls
from bot.delivery.contract import CardRenderer, Identity, Limits, Renderer
from bot.delivery.desk import Desk, where
from bot.failpoints import here
from models import cards, outbox
from models.db import Database
from models.domain.policy import Policy

logger = logging.getLogger(__name__)

GRACE = 5.0
"""Seconds that calls in flight get to end in when delivery is stopped; what does not is read back later."""


@dataclass(frozen=True)
class Delivery:
    """The one mouth. `client` must not retry by itself, and give up well before a lease ends.

    What is internal is written by `renderers` and `card_renderers` alone, what a partner reads by `shared_renderers` and
    `shared_cards` alone.

    Raises ValueError for a client that could make a message appear twice.
    """

    db: Database
    client: AsyncWebClient
    clock: Clock
    policy: Policy
    renderers: Mapping[str, Renderer]
    card_renderers: Mapping[str, CardRenderer]
    shared_renderers: Mapping[str, Renderer] = field(default_factory=dict)
    shared_cards: Mapping[str, CardRenderer] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    known_as: Identity | None = None
    _woken: asyncio.Event = field(default_factory=asyncio.Event, init=False, repr=False)
    _one_drain: asyncio.Lock = field(default_factory=asyncio.Lock, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.client.retry_handlers:
            raise ValueError("delivery's Slack client must have retry_handlers=[]: the SDK's own retries double posts")
        longest, lease = self.client.timeout + self.limits.margin.total_seconds(), self.limits.lease.total_seconds()
        if lease <= longest:
            raise ValueError(
                f"a lease of {lease:g} s does not outlive a call: it must be longer than the Slack client's timeout "
                f"({self.client.timeout:g} s) and {self.limits.margin.total_seconds():g} s of margin"
            )

    @cached_property
    def desk(self) -> Desk:
        """What the parts of delivery share."""
        return Desk(
            db=self.db,
            call=SlackCalls(self.client),
            clock=self.clock,
            policy=self.policy,
            limits=self.limits,
            renderers=self.renderers,
            card_renderers=self.card_renderers,
            shared_renderers=self.shared_renderers,
            shared_cards=self.shared_cards,
            given_identity=self.known_as,
        )

    @property
    def identity(self) -> Identity | None:
        """Who we are in Slack; None until it was given, asked by `identify`, or needed."""
        return self.known_as or self.desk.known.identity

    async def identify(self) -> Identity:
        """Who we are in Slack: asked once, then remembered. Raises what `auth.test` fails with."""
        return await self.desk.identity()

    async def ask(self, method: str, **arguments: Any) -> Mapping[str, Any]:
        """One method of Slack's that changes nothing, asked now. Raises CallFailed."""
        return await self.desk.call(method, **arguments)

    async def is_ours_alone(self, channel_id: str) -> bool:
        """Whether this channel (id) is read by our own company alone, as Slack says now. False where nobody can tell."""
        return await channels.is_ours_alone(self.desk, channel_id)

    def wake(self) -> None:
        """Something was committed that may have to be said: do not wait for the next look."""
        self._woken.set()

    async def run(self) -> None:
        """Drain for ever, at every wake and about once a second. Survives every error; ends when cancelled."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), self.limits.poll.total_seconds())
            try:
                await self.drain()
            except Exception as error:  # noqa: BLE001 - the mouth must not fall silent; one line says what happened
                logger.error("delivery: %s", where(error))  # noqa: TRY400 - a traceback could carry contents
                await asyncio.sleep(self.limits.first_backoff.total_seconds())

    async def drain(self, *, patient: bool = False) -> int:
        """Do everything that can be done at this business instant; returns how many messages and edits it handled.

        `patient` also waits (at most `limits.patience` of real time) for leases and retries that are nearly due, so
        that what is left afterwards needs either business time or a long wait.
        """
        if not self.clock.started:
            return 0
        async with self._one_drain:
            return await self._drain(patient=patient)

    async def settling(self) -> datetime | None:
        """The next business instant at which something that is due *already* can go on: paced, or about to be retried.

        None when nothing is, or when it is more than `limits.settle_within` away.
        """
        return (await self.ahead())[0]

    async def next_due(self) -> datetime | None:
        """The next business instant at which a waiting row can be sent; rows that wait for real time do not count."""
        return (await self.ahead())[1]

    async def ahead(self) -> tuple[datetime | None, datetime | None]:
        """Both, read at once: until when the present settles, and what comes then."""
        if not self.clock.started:
            return None, None
        now = self.clock.now()
        found, real = await self._outlook(self.limits.patience)
        soon = _first(found.free, found.edits)
        paced = self.desk.limited_until or now if soon is not None and soon <= real else found.paced
        return paced if paced is not None and paced - now <= self.limits.settle_within else None, found.due

    async def _outlook(self, patience: timedelta = timedelta()) -> tuple[outbox.Outlook, datetime]:
        """What lies ahead, and the real time with this much patience by which it was judged."""
        async with self.db.read() as session:
            real = await outbox.database_now(session, real_now()) + patience
            return await outbox.outlook(session, now=self.clock.now(), real_now=real), real

    async def _drain(self, *, patient: bool) -> int:
        tasks: set[asyncio.Task[None]] = set()
        handled = 0
        until = time.monotonic() + (self.limits.patience.total_seconds() if patient else 0)
        try:
            while True:
                self._woken.clear()
                if len(tasks) <= self.limits.width // 2:
                    tasks |= await self._take(self.limits.width - len(tasks))
                if tasks:
                    finished = await self._first_of(tasks)
                    tasks -= finished
                    handled += len(finished)
                    continue
                pause = await self._worth_waiting(until)
                if pause is None:
                    return handled
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), pause)
        finally:
            await _let_end(tasks)

    async def _first_of(self, tasks: set[asyncio.Task[None]]) -> set[asyncio.Task[None]]:
        """Those that ended; also returns, with none, when something new was committed meanwhile."""
        woken = asyncio.ensure_future(self._woken.wait())
        try:
            await asyncio.wait({*tasks, woken}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            woken.cancel()
        finished = {task for task in tasks if task.done()}
        for task in finished:
            task.result()
        return finished

    async def _take(self, most: int) -> set[asyncio.Task[None]]:
        """Claim up to `most` rows and cards, rows first, and begin with them."""
        wishes: list[cards.Wish] = []
        async with self.db.read() as session:
            real = await outbox.database_now(session, real_now())
            if not await outbox.anything(session, now=self.clock.now(), real_now=real):
                return set()
        async with self.db.write() as session:
            real = await outbox.database_now(session, real_now())
            rows = await outbox.claim(session, now=self.clock.now(), real_now=real, lease=self.limits.lease, most=most)
            if len(rows) < most:
                wishes = await cards.claim(
                    session, real_now=real, lease_until=real + self.limits.lease, most=most - len(rows)
                )
            began = time.monotonic()
        if rows:
            here("claim.committed")
        if wishes:
            here("edit.claimed")
        work: list[Coroutine[None, None, None]] = [posting.deliver(self.desk, row) for row in rows]
        work += [editing.edit(self.desk, wish, began) for wish in wishes]
        return {asyncio.ensure_future(job) for job in work}

    async def _worth_waiting(self, until: float) -> float | None:
        """Seconds until a lease or a retry lets something that is due go on; None when that is too far away."""
        left = until - time.monotonic()
        if left <= 0 or self.desk.limited_until is not None:
            return None
        found, real = await self._outlook()
        soon = _first(found.free, found.edits)
        if soon is None:
            return None
        pause = (soon - real) / timedelta(seconds=1) + 0.005
        return max(pause, 0.005) if pause <= left else None


def _first(*instants: datetime | None) -> datetime | None:
    return min((instant for instant in instants if instant is not None), default=None)


async def _let_end(tasks: set[asyncio.Task[None]]) -> None:
    """Give calls in flight a moment, then cut them off: what they were saying is read back later."""
    if not tasks:
        return
    _, late = await asyncio.wait(tasks, timeout=GRACE)
    for task in late:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
