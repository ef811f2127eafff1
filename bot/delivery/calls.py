"""One call to Slack, and the three ways it can fail: refused, told to wait, or nobody knows.

Slack has no idempotency key, so what an error means for a message is decided here and nowhere else: `ok: false` and
429 mean that nothing was done; `internal_error`, `fatal_error`, 5xx, a time-out, a lost connection and an answer that
cannot be read mean that it may have been done.
"""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

UNKNOWN = frozenset({"internal_error", "fatal_error"})
RATE_LIMITS = frozenset({"ratelimited", "rate_limited"})

TRANSIENT = frozenset(
    {"service_unavailable", "request_timeout", "team_added_to_org", "message_limit_exceeded", "conflict"}
)
"""Not done, and worth another try."""

INSTALLATION = frozenset(
    {
        "accesslimited",
        "account_inactive",
        "ekm_access_denied",
        "enterprise_is_restricted",
        "invalid_auth",
        "not_authed",
        "org_login_required",
        "team_access_not_granted",
        "token_expired",
        "token_revoked",
    }
)
"""Nothing works until somebody mends the installation: no fault of the row, which waits."""

READS = frozenset(
    {
        "conversations.history",
        "conversations.info",
        "conversations.list",
        "conversations.replies",
        "files.getUploadURLExternal",
        "files.info",
        "users.info",
        "users.list",
        "conversations.members",
    }
)
"""Methods whose arguments go in the address: those that read, and the one that Slack documents so."""

HTTP_OK = 200
HTTP_TOO_MANY = 429
HTTP_SERVER_ERROR = 500


class CallFailed(Exception):
    """A call to Slack did not succeed. `code` is short, holds no contents and may be logged."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Refused(CallFailed):
    """Slack said no: nothing was done."""

    @property
    def passes(self) -> bool:
        """Whether the same call can succeed later."""
        return self.code in TRANSIENT or self.code in INSTALLATION


class RateLimited(CallFailed):
    """Nothing was done; the method may be called again after `wait`."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__("ratelimited")
        self.wait = wait


class NotAnswered(CallFailed):
    """Nobody knows whether it was done."""


class SlackCalls:
    """Slack's methods by name. Every call ends within the client's timeout, whatever its session allows."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client
        self.timeout: float = client.timeout

    async def upload(self, address: str, data: bytes) -> None:
        """Bring a file's bytes to the address Slack gave for them. Raises NotAnswered: nobody has seen anything of it."""
        limit = aiohttp.ClientTimeout(total=self.timeout)
        try:
            async with (
                aiohttp.ClientSession(timeout=limit) as session,
                session.post(address, data=data, headers={"Content-Type": "application/octet-stream"}) as answer,
            ):
                if answer.status != HTTP_OK:
                    raise NotAnswered(f"upload_{answer.status}")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise NotAnswered(f"upload_{type(error).__name__}") from None

    async def __call__(self, method: str, **arguments: Any) -> dict[str, Any]:
        """The answer's body. Raises Refused, RateLimited or NotAnswered."""
        given = {name: value for name, value in arguments.items() if value is not None}
        try:
            async with asyncio.timeout(self.timeout):
                if method in READS:
                    answer = await self._client.api_call(method, http_verb="GET", params=given)
                else:
                    answer = await self._client.api_call(method, json=given)
        except SlackApiError as error:
            raise _failure(error.response) from None
        except (SlackClientError, aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise NotAnswered(type(error).__name__) from None
        if not isinstance(answer.data, dict):
            raise NotAnswered("unreadable")
        return answer.data


def _failure(response: Any) -> CallFailed:
    status = getattr(response, "status_code", None)
    data = getattr(response, "data", None)
    if status == HTTP_TOO_MANY:
        return RateLimited(_retry_after(response.headers))
    if not isinstance(status, int) or status >= HTTP_SERVER_ERROR:
        return NotAnswered(f"http_{status}" if status else "unreadable")
    code = data.get("error") if isinstance(data, dict) else None
    if not isinstance(code, str) or not code:
        return NotAnswered(f"http_{status}")
    if code in RATE_LIMITS:
        return RateLimited(_retry_after(response.headers))
    return NotAnswered(code) if code in UNKNOWN else Refused(code)


def _retry_after(headers: Mapping[str, str]) -> timedelta:
    said = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    return timedelta(seconds=max(float(said), 1.0) if said.replace(".", "", 1).isdecimal() else 30.0)
