"""Guests in channels of ours: whoever is not a full member of our company counts as outside until an admin allows them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import changes, channels, people
from models.domain.errors import UserError
from models.domain.rights import Act, Subject, may, require
from models.domain.text import clean, clip
from models.insert import add_missing
from models.tables import ChannelGuest, ChannelState, Partner, Person

ENTITY = "channel_guest"
LONGEST_NAME = 80


@dataclass(frozen=True)
class Guest:
    """Somebody in a channel of ours who is not a full member of our company, and whom no admin allowed there."""

    channel_id: str
    slack_id: str
    name: str
    seen_at: datetime
    channel: str = ""
    """`#partner-acme`."""


async def standing(session: AsyncSession, channel_id: str) -> list[Guest]:
    """Who is in the channel, of outside, and not allowed; an internal post waits for them."""
    rows = await session.execute(
        select(ChannelGuest, ChannelState)
        .outerjoin(ChannelState, ChannelState.slack_id == ChannelGuest.channel_id)
        .where(ChannelGuest.channel_id == channel_id, ChannelGuest.left_at.is_(None), ChannelGuest.allowed_at.is_(None))
        .order_by(ChannelGuest.seen_at, ChannelGuest.slack_id)
    )
    return [_guest(row, state) for row, state in rows]


async def in_our_own(session: AsyncSession) -> list[Guest]:
    """Who is of outside, and not allowed, in the channels that internal posts go to: those whose members are read."""
    joint = select(Partner.joint_channel).where(Partner.joint_channel != "")
    rows = await session.execute(
        select(ChannelGuest, ChannelState)
        .join(ChannelState, ChannelState.slack_id == ChannelGuest.channel_id)
        .where(
            ChannelGuest.left_at.is_(None),
            ChannelGuest.allowed_at.is_(None),
            ChannelState.swept_at.is_not(None),
            ChannelState.is_ext_shared.is_(False),
            ChannelState.is_archived.is_(False),
            ChannelState.slack_id.not_in(joint),
            ChannelState.name.not_in(joint),
        )
        .order_by(ChannelGuest.channel_id, ChannelGuest.slack_id)
    )
    return [_guest(row, state) for row, state in rows]


def _guest(row: ChannelGuest, state: ChannelState | None) -> Guest:
    place = channels.label(state, row.channel_id)
    return Guest(row.channel_id, row.slack_id, row.name or row.slack_id, row.seen_at, place)


async def everywhere(session: AsyncSession) -> dict[str, int]:
    """How many stand in each channel (id) of outside and not allowed; channels with none are left out."""
    rows = await session.execute(
        select(ChannelGuest.channel_id, func.count())
        .where(ChannelGuest.left_at.is_(None), ChannelGuest.allowed_at.is_(None))
        .group_by(ChannelGuest.channel_id)
    )
    return {channel_id: number for channel_id, number in rows}  # noqa: C416 - a Row is a tuple, which mypy does not know


async def seen_guests(
    session: AsyncSession, channel_id: str, found: Mapping[str, str], *, now: datetime, swept_at: datetime
) -> tuple[list[str], list[str]]:
    """All who are of outside in a channel, by id with name, read whole at `swept_at` (real time). Who came and who left.

    Who left and comes back is asked about anew.
    """
    rows = {
        row.slack_id: row
        for row in await session.scalars(select(ChannelGuest).where(ChannelGuest.channel_id == channel_id))
    }
    came = [one for one in found if one not in rows or rows[one].left_at is not None]
    left = [one for one, row in rows.items() if row.left_at is None and one not in found]
    for one in came:
        await joined(session, channel_id, one, name=found[one], now=now)
    for one in left:
        rows[one].left_at = now
    for one, name in found.items():
        if one in rows and name and rows[one].name in ("", one):
            rows[one].name = clip(clean(name), LONGEST_NAME)
    await session.execute(
        update(ChannelState)
        .where(ChannelState.slack_id == channel_id)
        .values(swept_at=swept_at)
        .execution_options(synchronize_session=False)
    )
    await session.flush()
    return sorted(came), sorted(left)


async def joined(session: AsyncSession, channel_id: str, slack_id: str, *, name: str, now: datetime) -> None:
    """Somebody of outside is in the channel: known at once, allowed by nobody yet. An event and a look may say so together."""
    fresh = {"channel_id": channel_id, "slack_id": slack_id, "name": "", "seen_at": now}
    await add_missing(session, ChannelGuest, [fresh], key=("channel_id", "slack_id"))
    row = await session.get_one(ChannelGuest, (channel_id, slack_id), populate_existing=True)
    if row.left_at is not None:
        row.seen_at, row.left_at, row.allowed_at, row.allowed_by_id = now, None, None, None
    row.name = clip(clean(name), LONGEST_NAME) or row.name
    await session.flush()


async def left(session: AsyncSession, channel_id: str, slack_id: str, *, now: datetime) -> bool:
    """Somebody has gone; whether they were of outside."""
    row = await session.get(ChannelGuest, (channel_id, slack_id))
    if row is None or row.left_at is not None:
        return False
    row.left_at = now
    await session.flush()
    return True


async def look_again(session: AsyncSession, channel_id: str) -> None:
    """Somebody came whom nobody can judge by the event alone: the members are read before anything else is posted there."""
    await session.execute(
        update(ChannelState)
        .where(ChannelState.slack_id == channel_id)
        .values(swept_at=None)
        .execution_options(synchronize_session=False)
    )


async def allow(session: AsyncSession, actor: Person, channel_id: str, slack_id: str, *, now: datetime) -> bool:
    """Let this guest read what is internal in this channel. False where that was so already. Raises NotAllowed, UserError."""
    require(may(people.as_actor(actor), Act.ALLOW_GUEST, Subject()))
    row = await session.get(ChannelGuest, (channel_id, slack_id), with_for_update=True)
    if row is None or row.left_at is not None:
        raise UserError("This guest is not in the channel any more. There is nothing to allow.")
    if row.allowed_at is not None:
        return False
    row.allowed_at, row.allowed_by_id = now, actor.id
    changes.note(
        session,
        ENTITY,
        0,
        clip(f"{channel_id} {slack_id}", 48),
        None,
        "allowed",
        by_id=actor.id,
        source="slack",
        at=now,
    )
    await session.flush()
    return True
