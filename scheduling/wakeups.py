"""The only file that knows APScheduler: it wakes us, the rows say what is due.

Three interval jobs in every replica, in memory, re-armed by a watchdog on the monotonic clock: interval jobs stop when
the wall clock steps back an hour, and a job store of APScheduler's own would block the loop.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping

from apscheduler.schedulers.asyncio import AsyncIOScheduler

logger = logging.getLogger("cadence.wakeups")
Job = Callable[[], Awaitable[object]]
WATCH_SECONDS = 5.0
GRACE = 5.0  # seconds that a job under way gets to end in when we stop
PATIENCE = 4  # intervals without a run before a job counts as stuck


class Wakeups:
    """Calls each job about every `seconds`; construct and start inside the running loop."""

    def __init__(self, jobs: Mapping[str, tuple[float, Job]]) -> None:
        self._jobs = dict(jobs)
        self._scheduler: AsyncIOScheduler | None = None
        self._watch: asyncio.Task[None] | None = None
        self._running: set[asyncio.Task[object]] = set()
        self.last_run: dict[str, float] = {}
        """Monotonic seconds of each job's last beginning."""

    def start(self) -> None:
        now = time.monotonic()
        self.last_run = dict.fromkeys(self._jobs, now)
        self._arm()
        self._watch = asyncio.create_task(self._watchdog())

    async def stop(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        if self._scheduler is not None:
            self._scheduler.pause()
            if self._running:
                await asyncio.wait(set(self._running), timeout=GRACE)  # a job cut off would leave a half-said commit
            self._scheduler.shutdown(wait=False)

    def age(self, name: str) -> float:
        """Seconds since this job last began."""
        return time.monotonic() - self.last_run.get(name, time.monotonic())

    def _arm(self) -> None:
        scheduler = AsyncIOScheduler(timezone="UTC")
        for name, (seconds, job) in self._jobs.items():
            scheduler.add_job(
                self._run, "interval", args=(name, job), id=name, seconds=seconds,
                misfire_grace_time=None, coalesce=True, max_instances=1,
            )  # fmt: skip
        scheduler.start()
        self._scheduler = scheduler

    async def _run(self, name: str, job: Job) -> None:
        self.last_run[name] = time.monotonic()
        task = asyncio.current_task()
        if task is not None:
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        try:
            await job()
        except Exception as error:
            logger.error("job=%s failed: %s", name, type(error).__name__)  # noqa: TRY400 - may quote contents
            logger.debug("job=%s", name, exc_info=error)

    async def _watchdog(self) -> None:
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            stuck = [
                name
                for name, (seconds, _) in self._jobs.items()
                if self.age(name) > max(seconds * PATIENCE, WATCH_SECONDS)
            ]
            if stuck and self._scheduler is not None:
                logger.warning("jobs %s did not run: arming them anew", ", ".join(stuck))
                self._scheduler.shutdown(wait=False)
                now = time.monotonic()
                self.last_run.update(dict.fromkeys(stuck, now))
                self._arm()
