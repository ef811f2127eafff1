"""Planning anew only when that can change something: the same rows within the same minute give the same plan."""

from collections.abc import Hashable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from models import reviews
from models.db import Database
from models.domain.policy import Policy
from models.joint import marks as joint
from models.marks import Mark, Marks
from models.tables import Deal, DealPartner, DealVersion
from scheduling.plan import READS, materialise

DEALS = (Deal, DealPartner, DealVersion)
"""What answers and imports write all the time: an import that becomes visible writes the first of them alone."""


class Stand(NamedTuple):
    """What the last plan was made from: the minute, the rows by their mark, whose the open deals were, which were joint."""

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
        self._marks = Marks(db.writer.sync_engine, [model for model in READS if model not in DEALS], DEALS)
        self._last: Stand | None = None

    async def renew(self, session: AsyncSession, *, now: datetime) -> int:
        """Plan in this transaction, unless nothing can have changed; the number of steps that did."""
        minute, mark = _minute(now), await self._marks.now(session)
        if mark is not None and await self._stands(session, now, mark):
            return 0
        self._last = None
        changed = await materialise(session, now=now, policy=self._policy)
        await session.flush()
        # All it wrote has moved the mark by now: a plan that changed something, or is rolled back, is made once more.
        if mark is not None:
            self._last = Stand(minute, mark, await self._whose(session, now))
        return changed

    async def _whose(self, session: AsyncSession, now: datetime) -> Hashable:
        return await reviews.whose(session, now=now, policy=self._policy), await joint.stand(session)

    async def _stands(self, session: AsyncSession, now: datetime, mark: Mark) -> bool:
        last, minute = self._last, _minute(now)
        if last is None or (last.minute, last.mark._replace(second=mark.second)) != (minute, mark):
            return False
        if last.mark.second == mark.second:
            return True
        # Most answers write a deal's next version, and few change whose it is: looked up before all is planned anew.
        whose = await self._whose(session, now)
        self._last = Stand(minute, mark, whose)
        return whose == last.whose


def _minute(now: datetime) -> datetime:
    return now.replace(second=0, microsecond=0)
