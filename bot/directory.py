"""Slack's directory, synced into people: who is who, who has left, and who is the first admin."""

import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from handlers.kit.slack_users import slack_user
from models import changes, orphans, outbox, people
from models.db import Database
from models.domain.policy import Policy
from models.outbox import Owed
from models.tables import Partner, Person, PersonRole

logger = logging.getLogger("cadence.directory")
PAGE = 200
MOST_ASKED = 20
"""Of so many people who are not listed Slack is asked at once; of the others with the next looks."""
HOUR = 3600
ALWAYS = datetime(2000, 1, 1, tzinfo=UTC)


async def sync(
    db: Database,
    client: AsyncWebClient,
    *,
    team_id: str,
    admin: str,
    now: datetime,
    policy: Policy | None,
    enterprise_id: str = "",
) -> people.SyncResult:
    """Read all users, match them to people, ask about what leavers left, and make sure that somebody is admin.

    `policy` None: business time is not known yet, so nobody is asked.
    """
    users = await all_users(client)
    users += await _not_listed(db, client, {str(user["id"]) for user in users}, now=now)
    async with db.write() as session:
        listed = [slack_user(user) for user in users]
        result = await orphans.sync(
            session, listed, team_id=team_id, enterprise_id=enterprise_id, now=now, policy=policy
        )
        ours = [user for user in users if slack_user(user).of(team_id, enterprise_id)]
        first = await _first_admin(session, ours, admin, now=now)
        if first is not None:
            # Business time may not be known yet: then it is due as soon as it is.
            await _welcome(session, first, now=now, due_at=now if policy is not None else ALWAYS)
    logger.info("directory: users=%d matched=%d deactivated=%d", len(users), result.matched, len(result.deactivated))
    return result


async def _not_listed(
    db: Database, client: AsyncWebClient, listed: Collection[str], *, now: datetime
) -> list[Mapping[str, Any]]:
    """What Slack says of our people who are not in its list any more: it leaves out whoever has moved to another company."""
    async with db.read() as session:
        known = await session.scalars(
            select(Person.slack_id).where(Person.side == "ours", Person.active.is_(True)).order_by(Person.id)
        )
        missing = [slack_id for slack_id in known if slack_id and slack_id not in listed]
    first = int(now.timestamp()) // HOUR * MOST_ASKED % max(len(missing), 1)
    found: list[Mapping[str, Any]] = []
    for slack_id in (missing[first:] + missing[:first])[:MOST_ASKED]:
        try:
            user = (await client.users_info(user=slack_id)).get("user")
        except SlackApiError as refused:
            code = refused.response.get("error")
            logger.warning("directory: user=%s is not listed, and Slack says no more: %s", slack_id, code)
            continue
        if isinstance(user, Mapping) and user.get("id") == slack_id:
            found.append(user)
    return found


async def all_users(client: AsyncWebClient) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    cursor = ""
    while True:
        page = await client.users_list(limit=PAGE, cursor=cursor)
        found += page["members"]
        cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
        if not cursor:
            return found


async def _first_admin(session: Any, ours: Sequence[Mapping[str, Any]], admin: str, *, now: datetime) -> Person | None:
    """CADENCE_ADMIN, else the workspace's primary owner: only while nobody is admin, and only one of `ours`."""
    if await session.scalar(select(PersonRole.person_id).where(PersonRole.role == "admin").limit(1)) is not None:
        return None
    for user in ours:
        known = slack_user(user)
        named = admin and admin.casefold() in (known.slack_id.casefold(), known.email.casefold())
        if known.deleted or known.is_bot or known.guest:
            continue
        if not (named if admin else user.get("is_primary_owner")):
            continue
        person = await people.by_slack_id(session, known.slack_id)
        if person is None:
            person = Person(name=known.name, email=known.email or None, side="ours", zone=known.zone,
                            slack_id=known.slack_id, slack_team_id=known.team_id, created_at=now)  # fmt: skip
            session.add(person)
            await session.flush()
        session.add(PersonRole(person_id=person.id, role="admin"))
        changes.note(session, "person", person.id, "role", None, "admin", by_id=None, source="first start", at=now)
        logger.info("directory: person=%d is the first admin", person.id)
        return person
    return None


async def _welcome(session: AsyncSession, person: Person, *, now: datetime, due_at: datetime) -> None:
    """Where to begin, once, where nothing has been set up: said at once, because they have just installed it."""
    if await session.scalar(select(Partner.id).limit(1)) is not None:
        return
    owed = Owed(
        key=f"welcome:{person.id}", template="welcome", args={"person_id": person.id}, due_at=due_at,
        person_id=person.id, urgent=True,
    )  # fmt: skip
    await outbox.enqueue(session, [owed], now=now)
