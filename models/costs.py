"""What the cadence costs in a week: messages from the bot, by person and by channel, and each person's minutes of meeting."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import hours
from models.domain.policy import Policy
from models.domain.zones import local_date, local_to_utc, zone
from models.tables import ChannelState, Outbox


@dataclass(frozen=True)
class Cost:
    """One person's week: messages so far, and minutes of meeting as planned, without preparation (`models.hours`)."""

    messages: int = 0
    minutes: int = 0


@dataclass(frozen=True)
class ChannelCost:
    """One channel's week so far. `name` is empty for a private channel that only its id is known of."""

    ref: str
    name: str
    messages: int


async def this_week(session: AsyncSession, *, now: datetime, policy: Policy) -> Mapping[int, Cost]:
    """The cost of the company's present week, by person; a number of statements that does not grow with people."""
    first, _, _ = _week(now, policy)
    messages = await messages_this_week(session, now=now, policy=policy)
    minutes: dict[int, int] = defaultdict(int)
    for share in await hours.shares(session, first, first + timedelta(days=6), now=now, policy=policy):
        minutes[share.person_id] += share.minutes
    return {
        person_id: Cost(messages.get(person_id, 0), minutes.get(person_id, 0))
        for person_id in messages.keys() | minutes.keys()
    }


async def messages_this_week(session: AsyncSession, *, now: datetime, policy: Policy) -> Mapping[int, int]:
    """Messages of the company's present week by person."""
    _, since, until = _week(now, policy)
    sent = await session.execute(
        select(Outbox.person_id, func.count())
        .where(Outbox.person_id.is_not(None), Outbox.sent_at >= since, Outbox.sent_at < until)
        .group_by(Outbox.person_id)
    )
    return {person_id: number for person_id, number in sent if person_id is not None}


async def channels_this_week(session: AsyncSession, *, now: datetime, policy: Policy) -> list[ChannelCost]:
    """Messages of the company's present week by channel, the most first; one channel, whatever it was called by."""
    _, since, until = _week(now, policy)
    place = func.coalesce(Outbox.channel_id, func.ltrim(Outbox.channel_ref, "#"))
    rows = await session.execute(
        select(place.label("place"), func.min(Outbox.channel_ref), func.count(), func.max(ChannelState.name))
        .outerjoin(ChannelState, (ChannelState.slack_id == place) & ChannelState.is_private.is_(False))
        .where(Outbox.person_id.is_(None), Outbox.sent_at >= since, Outbox.sent_at < until)
        .group_by("place")
    )
    found = [ChannelCost(place, name or _configured(ref, place), number) for place, ref, number, name in rows]
    return sorted(found, key=lambda one: (-one.messages, one.name, one.ref))


def _configured(ref: str, place: str) -> str:
    """The name that somebody here wrote in a form or setting; an id is no name."""
    name = ref.lstrip("#")
    return "" if name == place and name.isalnum() and name.isupper() else name


def _week(now: datetime, policy: Policy) -> tuple[date, datetime, datetime]:
    """The company's present week: its Monday, and the instants it begins and ends at."""
    clocks = zone(policy.zone)
    today = local_date(now, clocks)
    monday = today - timedelta(days=today.weekday())
    begins, ends = (local_to_utc(day, policy.work_start.min, clocks) for day in (monday, monday + timedelta(days=7)))
    return monday, begins, ends
