"""Who clicks, and whether they are of our company: decided once for every request, before any listener runs.

From the user's own team, never from Bolt's context or the channel: both name the installing workspace even when an
outsider clicked. A team that cannot be read is not ours. What an outsider may press at all is listed in `doors.PARTNERS`;
every listener still judges the person against the row.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.middleware.async_middleware import AsyncMiddleware
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from handlers.kit.doors import PARTNERS
from models.domain.errors import NotAllowed
from models.people import OUTSIDE

KEY = "cadence_caller"
CLICK, SUBMISSION = "block_actions", "view_submission"
PRIVATE_EVENTS = frozenset({"app_home_opened", "file_shared"})
"""Events of somebody's own conversation with Cadence: from outside nothing of them is even stored."""
IM = "im"
SLACKS_OWN = frozenset({"url_verification", "app_rate_limited"})
"""What Slack itself says to us: nobody's act."""

IsOurs = Callable[[str, str], Awaitable[bool]]
"""Whether a user (id, team id) is of our company."""
TeamOf = Callable[[str], Awaitable[str]]
"""A user's own team where the payload does not say it; empty where nobody can tell."""


@dataclass(frozen=True)
class Caller:
    """The user behind a request. `ours` False: another company, or nobody can tell."""

    slack_id: str
    team_id: str
    ours: bool


def caller_of(context: AsyncBoltContext) -> Caller:
    """The caller of a command or interaction, and of an event the author of the message."""
    return cast("Caller", context[KEY])


def user_and_team(body: Mapping[str, Any]) -> tuple[str, str]:
    """The acting user's id and own team; empty where the payload does not say. A command names the team it was typed in."""
    if body.get("type") == "event_callback":
        event = body.get("event") or {}
        who = event.get("user") or event.get("user_id") or ""
        return (who if isinstance(who, str) else "", str(event.get("user_team") or event.get("team") or ""))
    user = body.get("user")
    if isinstance(user, Mapping):
        return str(user.get("id") or ""), str(user.get("team_id") or "")
    return str(body.get("user_id") or ""), ""


def pressed(body: Mapping[str, Any]) -> set[str]:
    """The ids of what was pressed, chosen or submitted."""
    found = {str(one.get("action_id") or "") for one in body.get("actions") or ()}
    view = body.get("view") or {}
    if body.get("type") in (SUBMISSION, "view_closed"):
        found.add(str(view.get("callback_id") or ""))
    found |= {str(body.get(name) or "") for name in ("callback_id", "action_id", "command")}
    return found - {""}


def is_partners_door(body: Mapping[str, Any]) -> bool:
    """Whether somebody of another company may come in here: a click or a form, and nothing but what is listed."""
    doors = pressed(body)
    return body.get("type") in (CLICK, SUBMISSION) and bool(doors) and doors <= PARTNERS


class AdmitCaller(AsyncMiddleware):
    """Says who the caller is, and turns outsiders away from every door but the partners' own."""

    def __init__(self, is_ours: IsOurs, team_of: TeamOf) -> None:
        self._is_ours, self._team_of = is_ours, team_of

    async def async_process(
        self,
        *,
        req: AsyncBoltRequest,
        resp: BoltResponse,  # noqa: ARG002 - Bolt's signature
        next: Callable[[], Awaitable[BoltResponse]],  # noqa: A002 - Bolt's name
    ) -> BoltResponse | None:
        body = req.body
        if body.get("type") in SLACKS_OWN:
            return await next()
        if body.get("type") == "event_callback":
            return await self._event(req, next)
        caller = req.context[KEY] = await self._caller(body, look_up="command" in body)
        if not caller.ours and not is_partners_door(body):
            raise NotAllowed(OUTSIDE)
        return await next()

    async def _event(
        self, req: AsyncBoltRequest, next_: Callable[[], Awaitable[BoltResponse]]
    ) -> BoltResponse | None:  # fmt: skip
        """Of outsiders nothing is kept but what they write in a channel: which of that is looked at is said elsewhere."""
        event = req.body.get("event") or {}
        private = event.get("type") in PRIVATE_EVENTS or (
            event.get("type") == "message" and event.get("channel_type") == IM
        )
        caller = req.context[KEY] = await self._caller(req.body, look_up=private)
        if private and not caller.ours:
            return BoltResponse(status=200, body="")
        return await next_()

    async def _caller(self, body: Mapping[str, Any], *, look_up: bool) -> Caller:
        user, team = user_and_team(body)
        if user and not team and look_up:
            team = await self._team_of(user)
        return Caller(user, team, bool(user and team) and await self._is_ours(user, team))
