"""What listeners are given: typed, through Bolt's context, never from a module."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, cast

from slack_bolt.context.async_context import AsyncBoltContext
from sqlalchemy.ext.asyncio import AsyncSession

from handlers.kit.message import Message
from models.checkup import Finding
from models.db import Database
from models.domain.policy import Policy
from models.domain.shared import SharedCheckIn
from models.tables import Person

KEY = "cadence_deps"


class SetUpPage(Protocol):
    """The modal “Set up Cadence” for one person. Raises NotAllowed."""

    async def __call__(
        self, session: AsyncSession, actor: Person, *, now: datetime, policy: Policy
    ) -> dict[str, Any]: ...


class PromptPreview(Protocol):
    """The card a person would be sent for these reviews; None when there is nothing to ask."""

    async def __call__(
        self, session: AsyncSession, person_id: int, occurrence_ids: Sequence[int], *, now: datetime, policy: Policy
    ) -> Message | None: ...


CheckInPost = Callable[[SharedCheckIn], Message]
"""A partner's check-in as the post it would be in the joint channel."""


@dataclass(frozen=True)
class Pages:
    """What one feature shows of another: they are strangers to each other, and `handlers.features` knows them all."""

    set_up: SetUpPage
    prompt: PromptPreview
    check_in: CheckInPost


async def _nobody_can_say(_: str) -> bool:
    return False


@dataclass(frozen=True)
class Deps:
    """The process-lived things a listener needs.

    `now` is business time; `wake` tells delivery there is work; `examine` looks at the whole installation; `pages` are what
    one feature shows of another; `public_url` is what addresses that people see begin with, empty where nobody said;
    `ours_alone` says whether a channel (id) is read by our own company alone: where nobody can say, it is not; `enterprise_id`
    is our Grid enterprise, empty without Grid.
    """

    db: Database
    policy: Policy
    now: Callable[[], datetime]
    wake: Callable[[], None]
    team_id: Callable[[], str]
    examine: Callable[[], Awaitable[Sequence[Finding]]]
    pages: Pages
    public_url: str = ""
    ours_alone: Callable[[str], Awaitable[bool]] = _nobody_can_say
    enterprise_id: Callable[[], str] = str


def deps_of(context: AsyncBoltContext) -> Deps:
    return cast("Deps", context[KEY])


Body = Mapping[str, Any]


def user_id(body: Body) -> str:
    """The Slack user who acts: commands carry `user_id`, interactions `user.id`."""
    user = body.get("user")
    return str(user["id"]) if isinstance(user, Mapping) else str(body.get("user_id", ""))


def trigger(body: Body) -> str:
    return str(body["trigger_id"])
