"""What every handler of an event is given."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from models.domain.policy import Policy

Event = Mapping[str, Any]


class Seen:
    """Besides the event: when, whose workspace, and who we are."""

    def __init__(
        self, *, now: datetime, team_id: str, bot_user_id: str, policy: Policy, event_id: str, enterprise_id: str = ""
    ) -> None:
        self.now, self.team_id, self.bot_user_id = now, team_id, bot_user_id
        self.policy, self.event_id, self.enterprise_id = policy, event_id, enterprise_id


Handler = Callable[[AsyncSession, Event, Seen], Awaitable[None]]
