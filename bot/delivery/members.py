"""Who reads a channel: its members as Slack lists them, and which of them are not full members of our company.

People whom Cadence knows are judged by their row, everybody else by what Slack says of them, remembered for some minutes. Whom
Slack does not show counts as outside.
"""

import logging
import time
from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import select

from bot.clock import real_now
from bot.delivery.calls import Refused
from bot.delivery.desk import Desk
from handlers.kit.slack_users import slack_user
from models import boundary, channels, outbox
from models.people import SlackUser
from models.tables import ChannelState, Person

logger = logging.getLogger("cadence.guests")
PAGE = 1000
USERS_PAGE = 200
MOST_ASKED = 15
"""Strangers that are asked about one by one; of more, Slack's list of users is read first."""
KNOWN_FOR = 600.0
"""Real seconds for which it is remembered whether somebody whom Cadence does not know is of outside."""
STALE = timedelta(hours=2)
"""A channel whose members were not read for so long is read again before anything internal is posted there."""
NOT_SHOWN = frozenset({"user_not_found", "user_not_visible"})


async def are_known(desk: Desk, channel_id: str) -> bool:
    """Whether the channel's members were read lately enough to rely on."""
    async with desk.db.read() as session:
        state = await session.get(ChannelState, channel_id)
        real = await outbox.database_now(session, real_now())
    return state is not None and state.swept_at is not None and real - state.swept_at < STALE


async def sweep(desk: Desk, channel_id: str) -> tuple[list[str], list[str]]:
    """Read who is in the channel, and keep who of them is of outside; the ids of those who came and who left.

    Raises Refused, RateLimited or NotAnswered: then nothing is known anew.
    """
    async with desk.db.read() as session:
        began = await outbox.database_now(session, real_now())
    found = await outsiders(desk, await members(desk, channel_id))
    async with desk.db.write() as session:
        if await session.get(ChannelState, channel_id) is None:
            await channels.remember(session, [ChannelState(slack_id=channel_id, name="")])
        came, left = await boundary.seen_guests(session, channel_id, found, now=desk.clock.now(), swept_at=began)
        if came or left:
            await boundary.show_desks(session, now=desk.clock.now(), policy=desk.policy)
    if came or left:
        logger.info("guests: channel=%s came=%s left=%s", channel_id, ",".join(came) or "-", ",".join(left) or "-")
    return came, left


async def members(desk: Desk, channel_id: str) -> set[str]:
    """The ids of all who are in a channel, ours and others."""
    found: set[str] = set()
    cursor: str | None = None
    while True:
        page = await desk.call("conversations.members", channel=channel_id, limit=PAGE, cursor=cursor)
        found |= {str(one) for one in page.get("members") or ()}
        cursor = (page.get("response_metadata") or {}).get("next_cursor") or None
        if cursor is None:
            return found


async def outsiders(desk: Desk, ids: Collection[str]) -> dict[str, str]:
    """Those who are not full members of our company, by id, with their name."""
    us = await desk.identity()
    wanted = set(ids) - {us.bot_user_id}
    found: dict[str, str] = {}
    async with desk.db.read() as session:
        rows = await session.scalars(select(Person).where(Person.slack_id.in_(wanted)))
        for person in rows:
            full = person.side == "ours" and person.active and not person.guest
            if full:
                wanted.discard(person.slack_id or "")
            elif person.side != "ours" or person.guest:
                wanted.discard(person.slack_id or "")
                found[person.slack_id or ""] = person.name
    asked = desk.known.outside
    await _learn(desk, wanted)
    for one in sorted(wanted):
        name = asked[one][0]
        if name is not None:
            found[one] = name
    return found


async def _learn(desk: Desk, ids: Collection[str]) -> None:
    """See that it is remembered of each whether they are of outside."""
    if len(_unknown(desk, ids)) > MOST_ASKED:
        cursor: str | None = None
        while True:
            page = await desk.call("users.list", limit=USERS_PAGE, cursor=cursor)
            for user in page.get("members") or ():
                await _keep(desk, str(user.get("id")), slack_user(user))
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or None
            if cursor is None:
                break
    for one in _unknown(desk, ids):
        await _keep(desk, one, await _asked(desk, one))


def _unknown(desk: Desk, ids: Collection[str]) -> list[str]:
    now = time.monotonic()
    return sorted(one for one in ids if desk.known.outside.get(one, (None, 0.0))[1] <= now)


async def _asked(desk: Desk, slack_id: str) -> SlackUser | None:
    """What Slack says of somebody; None where it does not show them."""
    try:
        user = (await desk.call("users.info", user=slack_id)).get("user")
    except Refused as refused:
        if refused.code in NOT_SHOWN:
            return None
        raise
    return slack_user(user) if isinstance(user, dict) and user.get("id") == slack_id else None


async def _keep(desk: Desk, slack_id: str, user: SlackUser | None) -> None:
    us = await desk.identity()
    inside = user is not None and user.of(us.team_id, us.enterprise_id) and not user.guest
    name = None if inside else (user.name if user is not None else "") or slack_id
    desk.known.outside[slack_id] = (name, time.monotonic() + KNOWN_FOR)
