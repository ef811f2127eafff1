"""Planning anew only when that can change something: the same rows within the same minute give the same plan."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from models.db import Database
from models.domain.policy import Policy
from models.marks import Mark, Marks
from scheduling.plan import READS, materialise


class Planner:
    """Keeps the calendar filled and the planned steps right. One a process; others may write at the same time.

    The plan is a function of the rows it reads and of the minute: meetings begin, windows open and days end on whole
    minutes. So what was planned in this minute stands until somebody writes one of these rows. Where the database cannot
    say whether somebody did, it is planned anew.
    """

    def __init__(self, db: Database, policy: Policy) -> None:
        self._policy = policy
        self._marks = Marks(db.writer.sync_engine, READS)
        self._last: tuple[datetime, Mark] | None = None

    async def renew(self, session: AsyncSession, *, now: datetime) -> int:
        """Plan in this transaction, unless nothing can have changed; the number of steps that did."""
        mark = await self._marks.now(session)
        present = (now.replace(second=0, microsecond=0), mark) if mark is not None else None
        if present is not None and present == self._last:
            return 0
        self._last = None
        changed = await materialise(session, now=now, policy=self._policy)
        await session.flush()
        # All it wrote has moved the mark by now: a plan that changed something, or is rolled back, is made once more.
        self._last = present
        return changed
