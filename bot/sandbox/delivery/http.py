"""Signed HTTP callbacks to the bot's `/slack/events`, with Slack's timeouts and retries."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import secrets
import time
from typing import Any
from urllib.parse import urlencode

import aiohttp

from bot.sandbox.delivery.link import NO_ANSWER, NOT_REACHED, Ack, Break, Parcel, scaled
from bot.sandbox.log import Log
from bot.sandbox.options import SandboxOptions

Json = dict[str, Any]
Answer = tuple[int, str, dict[str, str]]
"""Status, text and headers; status 0 with the reason when there was no answer in time."""
OK = range(200, 300)
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
AGENT = "Slackbot 1.0 (+https://api.slack.com/robots)"
SHOWN = 2_000
"""Characters of an answer that the log keeps."""


def sign(secret: str, timestamp: str, body: str) -> str:
    """The v0 signature over timestamp and raw body."""
    return "v0=" + hmac.new(secret.encode(), f"v0:{timestamp}:{body}".encode(), hashlib.sha256).hexdigest()


class HttpLink:
    def __init__(self, session: aiohttp.ClientSession, options: SandboxOptions, log: Log) -> None:
        if options.bot_url is None:
            raise ValueError("delivery over HTTP needs bot_url")
        self._session = session
        self._options = options
        self._log = log
        self._url = options.bot_url.rstrip("/") + "/slack/events"

    @property
    def connected(self) -> bool:
        """HTTP has no connection; whether the bot is there shows at the next call."""
        return True

    async def ask(self, parcel: Parcel) -> Ack:
        body = urlencode(parcel.payload if parcel.kind == "slash_commands" else {"payload": json.dumps(parcel.payload)})
        status, text, _ = await self._noted(parcel, body, FORM, {}, breaks=parcel.breaks)
        parcel.sent()
        if status == 0:
            return Ack(error=text)
        if status not in OK:
            return Ack(error=NOT_REACHED)
        return Ack(_parsed(text))

    async def tell(self, parcel: Parcel) -> str | None:
        body = json.dumps(parcel.payload)
        reason, status = await self._tell_once(parcel, body, {}, breaks=parcel.breaks)
        parcel.sent()
        for attempt, delay in enumerate(self._options.http_retry_delays, 1):
            if reason is None:
                return None
            await asyncio.sleep(scaled(delay, self._options))
            headers = {"x-slack-retry-num": str(attempt), "x-slack-retry-reason": reason}
            reason, status = await self._tell_once(parcel, body, headers)
        return f"{reason} ({status})" if reason else None

    async def verify(self) -> Json:
        """Slack's `url_verification`: whether the bot's address echoes the challenge."""
        challenge = secrets.token_hex(16)
        payload = {"token": "local", "challenge": challenge, "type": "url_verification"}
        entry = self._log.begin("http", "url_verification", {"challenge": challenge})
        status, text, _ = await self._post(json.dumps(payload), JSON, {})
        echoed = _echoed(text) if status in OK else None
        right = echoed == challenge
        answer = {"status": status, "text": text[:SHOWN]}
        entry.complete(answer, error=None if right else "the challenge was not echoed")
        return {"right": right, "challenge": challenge, **answer}

    async def _tell_once(
        self, parcel: Parcel, body: str, headers: dict[str, str], *, breaks: Break | None = None
    ) -> tuple[str | None, int]:
        status, text, answered = await self._noted(parcel, body, JSON, headers, breaks=breaks)
        if status in OK or answered.get("x-slack-no-retry") == "1":
            return None, status
        if status:
            return "http_error", status
        return ("http_timeout" if text == NO_ANSWER else "connection_failed"), status

    async def _noted(
        self, parcel: Parcel, body: str, content_type: str, extra: dict[str, str], *, breaks: Break | None
    ) -> Answer:
        """Post, and note what went over the wire; a break keeps the request or its answer from arriving."""
        about = {"of": parcel.n, "name": parcel.name, "url": self._url, "content_type": content_type, "headers": extra}
        entry = self._log.begin("http", parcel.kind, about)
        if breaks == "before":
            answer: Answer = (0, NOT_REACHED, {})
        else:
            answer = await self._post(body, content_type, extra)
            answer = (0, NOT_REACHED, {}) if breaks == "after" else answer
        status, text, _ = answer
        entry.complete({"status": status, "text": text[:SHOWN]} if status else None, error=None if status else text)
        return answer

    async def _post(self, body: str, content_type: str, extra: dict[str, str]) -> Answer:
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


def _echoed(text: str) -> Any:
    """The challenge in an answer: alone as text, or as JSON."""
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        return text.strip()
    return found.get("challenge") if isinstance(found, dict) else str(found)
