"""One turn of the machine: work off what came in, do what time owes, send. By the wall clock or by the local Slack's."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, delete, func, select
from sqlalchemy.orm import aliased

from bot.clock import Clock, real_now
from bot.delivery import Delivery, Identity
from bot.drafts import Drafts
from bot.failpoints import here
from bot.sweep import sweep
from handlers.events.apply import Seen, apply
from models import boundary, drafts, inbox, outbox
from models.db import Database
from models.domain.policy import Policy
from models.domain.text import count
from models.domain.zones import zone
from models.tables import Cadence, Inbox, MeetingKind, Occurrence, Partner, Step, Submission
from scheduling.again import Planner
from scheduling.plan import StepKind
from scheduling.tick import tick

logger = logging.getLogger("cadence.engine")
KEEP_SUBMISSIONS = timedelta(days=2)
KEEP_EVENTS = timedelta(days=14)
LISTENING = 2.0
"""How many real seconds a simulated moment waits for the listeners of what people have just done."""

NAMES = {
    StepKind.PROMPT: "prompt to", StepKind.NUDGE: "nudge to", StepKind.AGENDA: "agenda of",
    StepKind.CLOSE_REQUEST: "“close your reviews” to", StepKind.CLOSE_NUDGE: "closing nudge to",
    StepKind.CONSOLIDATE: "Friday note", StepKind.EXPIRE: "last day to close", StepKind.PREPARE: "what to prepare, to",
    StepKind.REMIND: "what is still to prepare, to", StepKind.REVIEW: "what to review, to",
    StepKind.OVER: "end of", StepKind.CHECK_IN: "check-in of", StepKind.CHECK_IN_OVER: "end of the check-in of",
}  # fmt: skip


# Built once: they are asked at every simulated instant.
_COMING = (
    select(
        Step.due_at,
        Step.kind,
        func.count(),
        func.min(func.coalesce(Partner.name, MeetingKind.name)),
        func.count(func.distinct(Step.person_id)),
    )
    .join(Occurrence, Occurrence.id == Step.occurrence_id)
    .join(Cadence, Cadence.id == Occurrence.cadence_id)
    .outerjoin(Partner, Partner.id == Cadence.partner_id)
    .outerjoin(MeetingKind, MeetingKind.id == Cadence.meeting_id)
    .where(Step.state == "planned")
    .group_by(Step.due_at, Step.kind)
    .order_by(Step.due_at, Step.kind)
)
_FIRST = aliased(Step)
_NEXT_STEP = _COMING.where(
    Step.due_at == select(func.min(_FIRST.due_at)).where(_FIRST.state == "planned").scalar_subquery()
).limit(1)


async def _nobody(_within: float) -> bool:
    return True


@dataclass
class Engine:
    """What the scheduler's jobs, the control endpoint and `wake()` share."""

    db: Database
    clock: Clock
    policy: Policy
    delivery: Delivery
    listening: Callable[[float], Awaitable[bool]] = _nobody
    """Waits at most so long for the listeners under way; whether all have ended."""
    drafts: Drafts | None = None
    _woken: asyncio.Event = field(default_factory=asyncio.Event)
    _one_turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _one_inbox: asyncio.Lock = field(default_factory=asyncio.Lock)
    _one_sweep: asyncio.Lock = field(default_factory=asyncio.Lock)
    _planner: Planner = field(init=False)

    def __post_init__(self) -> None:
        self._planner = Planner(self.db, self.policy)

    def wake(self) -> None:
        """A handler has committed something: look at once."""
        self._woken.set()
        self.delivery.wake()
        if self.drafts is not None:
            self.drafts.wake()

    async def run(self) -> None:
        """React to wakes: events are worked off and what they owe is planned. Never dies of one failure."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            try:
                await self.look()
            except Exception as error:
                logger.error("turn failed: %s", type(error).__name__)  # noqa: TRY400 - may quote contents
                logger.debug("turn", exc_info=error)

    async def look(self) -> None:
        """Work off the inbox and plan anew: what a person did may have changed what is owed."""
        if self.clock.started:
            if await self.work_inbox():
                self.delivery.wake()
                if self.drafts is not None:
                    self.drafts.wake()
                await self.sweep()
            await self.plan()

    async def plan(self) -> None:
        """Fill the calendar and make the planned steps agree with the present; what is held stands on today's cards."""
        if not self.clock.started:
            return
        async with self._one_turn, self.db.write() as session:
            now = self.clock.now()
            await self._planner.renew(session, now=now)
            asked = await boundary.remind(session, now=now, policy=self.policy)
        if asked:
            self.delivery.wake()

    async def sweep(self) -> None:
        """Read who is in the internal channels that are due: at most once an hour each, but for what events left open."""
        if not self.clock.started:
            return
        async with self._one_sweep:
            async with self.db.read() as session:
                real = await outbox.database_now(session, real_now())
            if await sweep(self.delivery.desk, now=self.clock.now(), real_now=real):
                self.delivery.wake()

    async def tick(self) -> int:
        """Do the steps owed now."""
        if not self.clock.started:
            return 0
        async with self._one_turn, self.db.write() as session:
            done = await tick(session, now=self.clock.now(), policy=self.policy)
            if done:
                here("tick.before_commit")
        if done:
            here("tick.committed")
            self.delivery.wake()
        return done

    async def work_inbox(self) -> int:
        """Work off every stored event, each in the transaction that marks it done."""
        identity = await self.delivery.identify()
        async with self._one_inbox:
            return await self._work_inbox(identity)

    async def _work_inbox(self, identity: Identity) -> int:
        done = 0
        while True:
            async with self.db.write() as session:
                row = await inbox.next_waiting(session)
                if row is None:
                    return done
                row_id, row.attempts = row.id, row.attempts + 1
                here("event.claimed")
                seen = Seen(
                    now=self.clock.now(), team_id=identity.team_id, bot_user_id=identity.bot_user_id,
                    policy=self.policy, event_id=row.event_id, enterprise_id=identity.enterprise_id,
                )  # fmt: skip
                try:
                    async with session.begin_nested():
                        await apply(session, row.payload["event"], seen)
                    row.done_at = self.clock.now()
                except Exception as error:
                    row.problem = type(error).__name__
                    logger.error("event: inbox=%d type=%s failed: %s", row_id, row.type, row.problem)  # noqa: TRY400
                    logger.debug("event: inbox=%d", row_id, exc_info=error)
                here("event.before_commit")
            here("event.committed")
            done += 1

    async def run_at(self, now: datetime) -> bool:
        """Set a simulated clock and do all that is due at it, until nothing is left to do at that instant.

        Whether the listeners of what people did before have ended, so that nothing of theirs comes later.
        """
        self.clock.set(max(now, self.clock.now()) if self.clock.started else now)
        quiet = await self.listening(LISTENING)
        await self.work_inbox()
        if self.drafts is not None:
            await self.drafts.settle()
        for _ in range(20):
            await self.plan()
            if not await self.tick():
                break
        await self.delivery.drain(patient=True)
        return quiet

    async def clean(self) -> None:
        """Forget what is no longer needed to recognise a repeat."""
        now = self.clock.now() if self.clock.started else None
        if now is None:
            return
        async with self.db.write() as session:
            await session.execute(delete(Submission).where(Submission.at < now - KEEP_SUBMISSIONS))
            await session.execute(delete(Inbox).where(Inbox.done_at < now - KEEP_EVENTS))
            await drafts.expire(session, now=now)

    async def coming(self, most: int = 20) -> list[dict[str, Any]]:
        """What is planned next, by instant, in words: `prompt to 6 people`."""
        async with self.db.read() as session:
            return [self._in_words(row) for row in await session.execute(_COMING.limit(most))]

    async def next_due(self) -> tuple[datetime | None, str | None, bool]:
        """The next instant at which anything happens, what it is, and whether it only settles the present."""
        if self.drafts is not None and await self.drafts.busy():
            return self.clock.now(), "a file being looked over or imported", True
        settling, post = await self.delivery.ahead()
        if settling is not None:
            return settling, "messages still going out", True
        async with self.db.read() as session:
            row = (await session.execute(_NEXT_STEP)).first()
        if post is not None and (row is None or post < row.due_at):
            return post, "a message", False
        return (row.due_at, self._in_words(row)["what"], False) if row is not None else (None, None, False)

    def _in_words(self, row: Row[datetime, str, int, str, int]) -> dict[str, Any]:
        due, kind, number, partner, persons = row
        local = due.astimezone(zone(self.policy.zone))
        return {"at": due.isoformat(), "what": f"{local:%a %H:%M}, {_words(kind, number, partner, persons)}"}


def _words(kind: str, number: int, partner: str | None, persons: int) -> str:
    name = NAMES.get(kind, kind)
    if kind == StepKind.CONSOLIDATE:
        return name
    if persons:
        return f"{name} {count(persons, 'person', 'people')}"
    return f"{name} {partner or 'a meeting'}" if number == 1 else f"{name} {number} meetings"
