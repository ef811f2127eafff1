"""Who is of our company, as Slack says it: the user's own team against ours, on Grid against our enterprise too.

Never the channel's team or the request's: both name the installing workspace even when an outsider clicked. What Slack
does not say counts against: unknown means no.
"""

import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from sqlalchemy import select

from bot.delivery import CallFailed, Identity
from handlers.kit.slack_users import slack_user
from models.db import Database
from models.tables import Person

logger = logging.getLogger("cadence.company")
KNOWN_FOR = 60.0
"""Real seconds for which it is remembered what Slack said of a user whose team no payload says."""
MOST = 10_000
ENTERPRISE = "E"
"""How the ids of enterprises begin: on Grid some payloads name the user's enterprise where others name a workspace."""

AskSlack = Callable[..., Awaitable[Mapping[str, Any]]]
"""A method of Slack's by its name and arguments. Raises CallFailed."""


class Company:
    """Our side of the boundary, decided for each request: what is remembered here is remembered for speed alone."""

    def __init__(self, identify: Callable[[], Awaitable[Identity]], ask: AskSlack, db: Database) -> None:
        self._identify, self._ask, self._db = identify, ask, db
        self._enterprises: dict[str, str] = {}
        self._teams: dict[str, tuple[str, float]] = {}
        self._strangers: dict[str, float] = {}

    async def ours(self, user_id: str, team_id: str) -> bool:
        """Whether this user, of this team (or, on Grid, this enterprise), is of our company. Raises what `auth.test` raises."""
        us = await self._identify()
        if not user_id or not team_id:
            return False
        if team_id == us.team_id:
            return True
        if not us.enterprise_id:
            return False
        if team_id.startswith(ENTERPRISE):
            return team_id == us.enterprise_id
        return await self._enterprise_of(team_id, user_id) == us.enterprise_id

    async def team_of(self, user_id: str) -> str:
        """A user's own team where a payload does not say it: as their row knows it, else as Slack does; empty where neither."""
        team, until = self._teams.get(user_id, ("", 0.0))
        if time.monotonic() < until:
            return team
        team = await self._team_in_rows(user_id) or await self._team_in_slack(user_id)
        if team:
            _remember(self._teams, user_id, (team, time.monotonic() + KNOWN_FOR))
        return team

    async def _team_in_rows(self, user_id: str) -> str:
        async with self._db.read() as session:
            found = await session.scalar(select(Person.slack_team_id).where(Person.slack_id == user_id))
        return found or ""

    async def _team_in_slack(self, user_id: str) -> str:
        user = await self._user(user_id)
        known = slack_user(user) if user.get("id") == user_id else None
        return known.team_id if known is not None and not known.stranger else ""

    async def _enterprise_of(self, team_id: str, user_id: str) -> str:
        """The enterprise of another workspace, learned from one of its users; empty where nobody can tell."""
        if team_id in self._enterprises:
            return self._enterprises[team_id]
        if time.monotonic() < self._strangers.get(user_id, 0.0):
            return ""
        user = await self._user(user_id)
        if user.get("id") != user_id or user.get("team_id") != team_id or user.get("is_stranger"):
            if user:  # Slack has said who they are: it is not asked again with each word they write
                _remember(self._strangers, user_id, time.monotonic() + KNOWN_FOR)
            return ""
        _remember(self._enterprises, team_id, slack_user(user).enterprise_id)
        return self._enterprises[team_id]

    async def _user(self, user_id: str) -> Mapping[str, Any]:
        try:
            found = (await self._ask("users.info", user=user_id)).get("user")
        except CallFailed as failed:
            logger.warning("could not learn the team of user=%s: %s", user_id, failed.code)
            return {}
        return found if isinstance(found, Mapping) else {}


def _remember(where: dict[str, Any], key: str, value: Any) -> None:
    where[key] = value
    while len(where) > MOST:
        del where[next(iter(where))]
