"""What all Web API methods share: arguments, errors, pages of results."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web

from bot.sandbox.checks import Uses
from bot.sandbox.models import Channel
from bot.sandbox.world import World

if TYPE_CHECKING:
    from bot.sandbox.delivery.events import Events

Json = dict[str, Any]
TRUE = frozenset({True, "true", "True", "1"})


class ApiError(Exception):
    """An `ok: false` answer; `extra` goes into the body."""

    def __init__(self, error: str, **extra: Any) -> None:
        super().__init__(error)
        self.error = error
        self.extra = extra


def invalid(error: str, messages: list[str]) -> ApiError:
    """A refusal with sentences and JSON pointers."""
    return ApiError(error, errors=messages, response_metadata={"messages": messages})


@dataclass(frozen=True)
class Call:
    """One call of one method. Arguments come from a form or from JSON; forms carry JSON as text."""

    world: World
    events: Events
    args: Json
    accepted: list[Uses] = field(default_factory=list)
    """What the accepted message or view uses of its limits."""

    def text(self, name: str, default: str = "") -> str:
        value = self.args.get(name)
        return default if value is None else str(value)

    def need(self, name: str) -> str:
        value = self.text(name)
        if not value:
            raise invalid("invalid_arguments", [f"[ERROR] missing required field: {name}"])
        return value

    def flag(self, name: str) -> bool:
        value = self.args.get(name)
        return isinstance(value, (bool, str, int)) and value in TRUE

    def number(self, name: str, default: int, most: int) -> int:
        value = self.args.get(name)
        if value in (None, ""):
            return default
        try:
            number = int(str(value))
        except ValueError as bad:
            raise ApiError("invalid_limit" if name == "limit" else "invalid_arguments") from bad
        if not 0 < number <= most:
            raise ApiError("invalid_limit")
        return number

    def data(self, name: str, error: str = "invalid_arguments") -> Any:
        """A structured argument. Raises `error` for text that is no JSON."""
        value = self.args.get(name)
        if not isinstance(value, str):
            return value
        if not value:
            return None
        try:
            return json.loads(value)
        except json.JSONDecodeError as bad:
            raise invalid(error, [f"[ERROR] {name} is no valid JSON"]) from bad

    def channel(self, name: str = "channel", *, member: bool = False) -> Channel:
        """The conversation named, as far as the app may know of it."""
        channel = self.world.channels.get(self.text(name))
        if channel is None or (channel.is_private and not self.world.is_bot_member(channel)):
            raise ApiError("channel_not_found")
        if member and not self.world.is_bot_member(channel):
            raise ApiError("not_in_channel")
        return channel

    def require_scope(self, *scopes: str) -> None:
        """Raises missing_scope unless the manifest asks for one of these."""
        granted = self.world.manifest.scopes
        if scopes and not granted & set(scopes):
            raise ApiError("missing_scope", needed=",".join(scopes), provided=",".join(sorted(granted)))


async def arguments(request: web.Request) -> Json:
    """Query, form and JSON arguments as one mapping."""
    args: Json = dict(request.query)
    if request.content_type == "application/json":
        raw = await request.text()
        data = json.loads(raw) if raw else {}
        if not isinstance(data, dict):
            raise ApiError("json_not_object")
        return args | data
    form = await request.post()
    return args | {name: str(value) for name, value in form.items()}


Handler = Callable[[Call], Awaitable[Json]]


@dataclass(frozen=True)
class Method:
    handler: Handler
    scopes: tuple[str, ...] = ()
    """Any one of these is enough; methods that depend on the kind of conversation check for themselves."""
    app_token: bool = False


def page(call: Call, rows: list[Json], default: int, most: int) -> tuple[list[Json], str]:
    """One page of rows and the cursor of the next ("" at the end)."""
    limit = call.number("limit", default, most)
    start = 0
    cursor = call.text("cursor")
    if cursor:
        try:
            start = int(base64.b64decode(cursor, validate=True).decode().removeprefix("offset:"))
        except (binascii.Error, ValueError) as bad:
            raise ApiError("invalid_cursor") from bad
    rest = start + limit < len(rows)
    following = base64.b64encode(f"offset:{start + limit}".encode()).decode() if rest else ""
    return rows[start : start + limit], following
