"""What delivery is given: who writes the words, and the times it works by."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from handlers.kit.message import Message
from models.domain.policy import Policy


class Renderer(Protocol):
    """Writes one kind of outbox row from the present rows. None: there is nothing to say any more."""

    async def __call__(
        self, session: AsyncSession, args: Mapping[str, Any], *, now: datetime, policy: Policy
    ) -> Message | None: ...


class CardRenderer(Protocol):
    """Writes one kind of card. For a Home tab the blocks are the view's; the text is not used."""

    async def __call__(
        self, session: AsyncSession, card_id: int, *, now: datetime, policy: Policy
    ) -> Message | None: ...


@dataclass(frozen=True)
class Identity:
    """Who we are in Slack, as `auth.test` says. `enterprise_id` only on Grid."""

    team_id: str
    bot_user_id: str
    bot_id: str
    enterprise_id: str = ""


@dataclass(frozen=True)
class Limits:
    """The times delivery works by; all real time, except `settle_within` and `keep_trying`.

    A lease must outlive a call: `lease` > the client's timeout + `margin`. Where a file was shared may show a moment
    after the call that shared it: it is looked for `looks` times, each pause twice the one before (3.1 s in all).
    """

    lease: timedelta = timedelta(seconds=30)
    margin: timedelta = timedelta(seconds=5)
    read_back_after: timedelta = timedelta(seconds=0.5)
    first_backoff: timedelta = timedelta(seconds=1)
    most_backoff: timedelta = timedelta(minutes=5)
    patience: timedelta = timedelta(seconds=5)
    edit_spacing: timedelta = timedelta(seconds=1.2)
    poll: timedelta = timedelta(seconds=1)
    first_look: timedelta = timedelta(seconds=0.1)
    looks: int = 6
    settle_within: timedelta = timedelta(minutes=10)
    keep_trying: timedelta = timedelta(days=7)
    width: int = 8

    @property
    def call_seconds(self) -> int:
        """The Slack client's timeout that goes with this lease: a margin before the call and one after it."""
        return max(1, int((self.lease - 2 * self.margin).total_seconds()))
