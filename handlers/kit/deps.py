"""What listeners are given: typed, through Bolt's context, never from a module."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from slack_bolt.context.async_context import AsyncBoltContext

from models.checkup import Finding
from models.db import Database
from models.domain.policy import Policy

KEY = "cadence_deps"


@dataclass(frozen=True)
class Deps:
    """The process-lived things a listener needs.

    `now` is business time; `wake` tells delivery there is work; `examine` looks at the whole installation.
    """

    db: Database
    policy: Policy
    now: Callable[[], datetime]
    wake: Callable[[], None]
    team_id: Callable[[], str]
    examine: Callable[[], Awaitable[Sequence[Finding]]]


def deps_of(context: AsyncBoltContext) -> Deps:
    return cast("Deps", context[KEY])


Body = Mapping[str, Any]


def user_id(body: Body) -> str:
    """The Slack user who acts: commands carry `user_id`, interactions `user.id`."""
    user = body.get("user")
    return str(user["id"]) if isinstance(user, Mapping) else str(body.get("user_id", ""))


def trigger(body: Body) -> str:
    return str(body["trigger_id"])
