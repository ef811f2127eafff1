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

KEY = "cadence_caller"
OUTSIDE = "Only people of our own company can do this."

IsOurs = Callable[[str, str], Awaitable[bool]]
"""Whether a user (id, team id) is of our company."""


@dataclass(frozen=True)
class Caller:
    """The user behind a command or interaction. `ours` False: another company, or nobody can tell."""

    slack_id: str
    team_id: str
    ours: bool


def caller_of(context: AsyncBoltContext) -> Caller:
    return cast("Caller", context[KEY])


def user_and_team(body: Mapping[str, Any]) -> tuple[str, str]:
    """The acting user's id and own team; empty where the payload does not say."""
    user = body.get("user")
    if isinstance(user, Mapping):
        return str(user.get("id") or ""), str(user.get("team_id") or "")
    return str(body.get("user_id") or ""), str(body.get("team_id") or "") if "command" in body else ""


def pressed(body: Mapping[str, Any]) -> set[str]:
    """The ids of what was pressed, chosen or submitted."""
    found = {str(one.get("action_id") or "") for one in body.get("actions") or ()}
    view = body.get("view") or {}
    if body.get("type") in ("view_submission", "view_closed"):
        found.add(str(view.get("callback_id") or ""))
    found |= {str(body.get(name) or "") for name in ("callback_id", "action_id", "command")}
    return found - {""}


class AdmitCaller(AsyncMiddleware):
    """Says who the caller is, and turns outsiders away from every door but the partners' own."""

    def __init__(self, is_ours: IsOurs) -> None:
        self._is_ours = is_ours

    async def async_process(
        self,
        *,
        req: AsyncBoltRequest,
        resp: BoltResponse,  # noqa: ARG002 - Bolt's signature
        next: Callable[[], Awaitable[BoltResponse]],  # noqa: A002 - Bolt's name
    ) -> BoltResponse | None:
        body = req.body
        if body.get("type") == "event_callback":
            return await next()
        user, team = user_and_team(body)
        ours = bool(user and team) and await self._is_ours(user, team)
        req.context[KEY] = Caller(user, team, ours)
        doors = pressed(body)
        if not ours and not (doors and doors <= PARTNERS):
            raise NotAllowed(OUTSIDE)
        return await next()
