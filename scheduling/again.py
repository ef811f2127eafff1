"""Planning anew only when that can change something: the same rows within the same minute give the same plan."""

from collections.abc import Hashable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from models import reviews
from models.db import Database
from models.domain.policy import Policy
from models.marks import Mark, Marks
from models.tables import DealVersion
from scheduling.plan import READS, materialise


class Stand(NamedTuple):
    """What the last plan was made from: the minute, the rows by their mark, and whose the open deals were."""

    minute: datetime
    mark: Mark
    whose: Hashable


class Planner:
    """Keeps the calendar filled and the planned steps right. One a process; others may write at the same time.

    The plan is a function of the rows it reads and of the minute: meetings begin, windows open and days end on whole
    minutes. So what was planned in this minute stands until somebody writes one of these rows. Where the database cannot
    say whether somebody did, it is planned anew.
    """

    def __init__(self, db: Database, policy: Policy) -> None:
        self._policy = policy
        self._marks = Marks(
            db.writer.sync_engine, [model for model in READS if model is not DealVersion], [DealVersion]
        )
        self._last: Stand | None = None

    async def renew(self, session: AsyncSession, *, now: datetime) -> int:
        """Plan in this transaction, unless nothing can have changed; the number of steps that did."""
        minute, mark = now.replace(second=0, microsecond=0), await self._marks.now(session)
        if mark is not None and await self._stands(session, minute, mark):
            return 0
        self._last = None
        changed = await materialise(session, now=now, policy=self._policy)
        await session.flush()
        # All it wrote has moved the mark by now: a plan that changed something, or is rolled back, is made once more.
        if mark is not None:
            self._last = Stand(minute, mark, await reviews.whose(session))
        return changed

    async def _stands(self, session: AsyncSession, minute: datetime, mark: Mark) -> bool:
        last = self._last
        if last is None or (last.minute, last.mark._replace(second=mark.second)) != (minute, mark):
            return False
        if last.mark.second == mark.second:
            return True
        # Most answers write a deal's next version, and few change whose it is: looked up before all is planned anew.
        whose = await reviews.whose(session)
        self._last = Stand(minute, mark, whose)
        return whose == last.whose
