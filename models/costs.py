"""What the cadence costs each person in a week: messages from the bot, and minutes of meeting."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import reviews
from models.cadences import Kind, State
from models.domain.agenda import speaking_slots
from models.domain.policy import Policy
from models.domain.zones import local_date, local_to_utc, zone
from models.tables import Cadence, Occurrence, Outbox


@dataclass(frozen=True)
class Cost:
    """One person's week so far (messages) and as planned (minutes of reviews)."""

    messages: int = 0
    minutes: int = 0


async def this_week(session: AsyncSession, *, now: datetime, policy: Policy) -> Mapping[int, Cost]:
    """The cost of the company's present week, by person; a number of statements that does not grow with people."""
    clocks = zone(policy.zone)
    today = local_date(now, clocks)
    monday = local_to_utc(today - timedelta(days=today.weekday()), policy.work_start.min, clocks)
    until = monday + timedelta(days=7)
    sent = await session.execute(
        select(Outbox.person_id, func.count())
        .where(Outbox.person_id.is_not(None), Outbox.sent_at >= monday, Outbox.sent_at < until)
        .group_by(Outbox.person_id)
    )
    messages: dict[int, int] = {person_id: number for person_id, number in sent if person_id is not None}
    minutes = await _minutes(session, monday, until, now=now, policy=policy)
    return {
        person_id: Cost(messages.get(person_id, 0), minutes.get(person_id, 0))
        for person_id in messages.keys() | minutes.keys()
    }


async def _minutes(
    session: AsyncSession, monday: datetime, until: datetime, *, now: datetime, policy: Policy
) -> dict[int, int]:
    """Whole reviews for their partner manager, their own slot for everybody who only answers for deals."""
    ids = list(
        await session.scalars(
            select(Occurrence.id)
            .join(Cadence, Cadence.id == Occurrence.cadence_id)
            .where(
                Cadence.kind == Kind.WEEKLY_REVIEW,
                Occurrence.starts_at >= monday,
                Occurrence.starts_at < until,
                Occurrence.state.not_in((State.SKIPPED, State.NO_MEETING)),
            )
        )
    )
    found: dict[int, int] = defaultdict(int)
    if not ids:
        return found
    listed = await reviews.under_review(session, ids, now=now, policy=policy)
    staff = await reviews.staff(session, policy)
    for occurrence, cadence in await reviews.scope(session, ids):
        deals: dict[int, int] = defaultdict(int)
        for duty in reviews.duties(occurrence, cadence.pm_id, listed[occurrence.id], staff):
            deals[duty.responder_id] += len(duty.deal_ids)
        for person_id, (begin, end) in speaking_slots(occurrence.starts_at, cadence.minutes, deals).items():
            if person_id != cadence.pm_id:
                found[person_id] += int((end - begin) / timedelta(minutes=1))
        if cadence.pm_id is not None:
            found[cadence.pm_id] += cadence.minutes
    return found
