"""A row that will not be sent ends with a reason, and the reason reaches a person once."""

import logging

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.delivery.desk import Desk, Ends
from bot.failpoints import here
from models import boundary, outbox, people
from models.domain import review_times
from models.outbox import Owed
from models.tables import Cadence, Occurrence, Outbox, Partner, Person

logger = logging.getLogger(__name__)

REPORT = "report"
REPORTED = frozenset({"held", "failed", "undetermined"})


async def settle(desk: Desk, row: Outbox, end: Ends) -> None:
    """End the row and owe the report, in one transaction. A report that fails is not reported again.

    What is held is not over: whoever is asked about it finds it on their desk, and it waits for them.
    """
    reader: Person | None = None
    reports = end.state in REPORTED and row.template != REPORT
    async with desk.db.write() as session:
        ended = await outbox.settle(session, row.id, row.fence, end.state, end.problem)
        if ended and end.state == outbox.HELD:
            told = await boundary.tell(session, row, now=desk.clock.now(), policy=desk.policy)
            reader = told[0] if told else None
        elif ended and reports:
            reader = await _owe_report(desk, session, row, end)
        here("finish.before_commit")
    if not ended:
        logger.warning("outbox %d %s: its lease was lost before it ended", row.id, row.key)
        return
    here("finish.committed")
    desk.strikes.clear("row", row.id)
    say = logger.warning if end.state in REPORTED else logger.info
    say("outbox %d %s is %s: %s", row.id, row.key, end.state, end.code)
    if reports and reader is None:
        logger.error("outbox %d %s is %s, and there is nobody to tell", row.id, row.key, end.state)


async def _owe_report(desk: Desk, session: AsyncSession, row: Outbox, end: Ends) -> Person | None:
    now = desk.clock.now()
    person = await _who_is_told(session, row)
    if person is None:
        return None
    reader = (await people.readers(session, [person], desk.policy))[person.id]
    report = Owed(
        key=f"report:{row.id}",
        template=REPORT,
        args={"outbox_id": row.id, "state": end.state, "problem": end.problem, "channel_ref": row.channel_ref},
        due_at=review_times.waits_until(reader, now) or now,
        person_id=person.id,
        occurrence_id=row.occurrence_id,
    )
    await outbox.enqueue(session, [report], now=now)
    return person


async def _who_is_told(session: AsyncSession, row: Outbox) -> Person | None:
    """The partner manager, else a head of partnerships, else an admin: whoever of them can be reached by DM."""
    candidates = [person for person in [await _manager(session, row)] if person is not None]
    leaders = await people.heads_and_admins(session)
    candidates += sorted(leaders, key=lambda person: (not person.has("head"), person.id))
    return next((person for person in candidates if _reachable(person) and person.id != row.person_id), None)


async def _manager(session: AsyncSession, row: Outbox) -> Person | None:
    if row.occurrence_id is None:
        return None
    found: Person | None = await session.scalar(
        select(Person)
        .join(Cadence, Person.id == func.coalesce(_PARTNERS_PM, Cadence.pm_id))
        .join(Occurrence, Occurrence.cadence_id == Cadence.id)
        .where(Occurrence.id == row.occurrence_id)
    )
    return found


def _reachable(person: Person) -> bool:
    return person.active and person.side == "ours" and not person.guest and person.slack_id is not None


_PARTNERS_PM = select(Partner.pm_id).where(Partner.id == Cadence.partner_id).correlate(Cadence).scalar_subquery()
