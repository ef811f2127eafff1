"""Signed HTTP callbacks to the bot's `/slack/events`, with Slack's timeouts and retries."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from typing import Any
from urllib.parse import urlencode

import aiohttp

from bot.sandbox.delivery.link import NO_ANSWER, NOT_REACHED, Ack
from bot.sandbox.options import SandboxOptions

Json = dict[str, Any]
OK = range(200, 300)
FORM = "application/x-www-form-urlencoded"
AGENT = "Slackbot 1.0 (+https://api.slack.com/robots)"


def sign(secret: str, timestamp: str, body: str) -> str:
    """The v0 signature over timestamp and raw body."""
    return "v0=" + hmac.new(secret.encode(), f"v0:{timestamp}:{body}".encode(), hashlib.sha256).hexdigest()


class HttpLink:
    def __init__(self, session: aiohttp.ClientSession, options: SandboxOptions) -> None:
        if options.bot_url is None:
            raise ValueError("delivery over HTTP needs bot_url")
        self._session = session
        self._options = options
        self._url = options.bot_url.rstrip("/") + "/slack/events"

    @property
    def connected(self) -> bool:
        """HTTP has no connection; whether the bot is there shows at the next call."""
        return True

    async def ask(self, kind: str, payload: Json) -> Ack:
        body = urlencode(payload if kind == "slash_commands" else {"payload": json.dumps(payload)})
        status, text, _ = await self._post(body, FORM, {})
        if status == 0:
            return Ack(error=text)
        if status not in OK:
            return Ack(error=NOT_REACHED)
        return Ack(_parsed(text))

    async def tell(self, payload: Json) -> str | None:
        body = json.dumps(payload)
        reason, status = await self._tell_once(body, {})
        for attempt, delay in enumerate(self._options.http_retry_delays, 1):
            if reason is None:
                return None
            await asyncio.sleep(delay * self._options.retry_scale)
            headers = {"x-slack-retry-num": str(attempt), "x-slack-retry-reason": reason}
            reason, status = await self._tell_once(body, headers)
        return f"{reason} ({status})" if reason else None

    async def _tell_once(self, body: str, headers: dict[str, str]) -> tuple[str | None, int]:
        status, text, answered = await self._post(body, "application/json", headers)
        if status in OK or answered.get("x-slack-no-retry") == "1":
            return None, status
        if status:
            return "http_error", status
        return ("http_timeout" if text == NO_ANSWER else "connection_failed"), status

    async def _post(self, body: str, content_type: str, extra: dict[str, str]) -> tuple[int, str, dict[str, str]]:
        """Status, text and headers; status 0 with the reason when there was no answer in time."""
        timestamp = str(int(time.time()))
        headers = {
            "Content-Type": content_type,
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": sign(self._options.signing_secret, timestamp, body),
            "User-Agent": AGENT,
            **extra,
        }
        limit = aiohttp.ClientTimeout(total=self._options.ack_seconds)
        try:
            async with self._session.post(
                self._url, data=body.encode(), headers=headers, timeout=limit, max_redirects=2
            ) as answer:
                kept = {name.lower(): value for name, value in answer.headers.items()}
                return answer.status, await answer.text(), kept
        except TimeoutError:
            return 0, NO_ANSWER, {}
        except (aiohttp.ClientError, OSError):
            return 0, NOT_REACHED, {}

    async def close(self) -> None:
        """Nothing stays open between calls."""


def _parsed(text: str) -> Any:
    """An ack's body: JSON, or the plain text of an answer."""
    if not text.strip():
        return None
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return {"text": text}
