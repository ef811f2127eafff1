"""Signed HTTP callbacks to the bot's `/slack/events`, with Slack's timeouts and retries."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass, field
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
PROOF = "X-Slack-"
TOO_OLD = 600
"""Seconds: Slack's signatures are good for five minutes."""
SIGNATURES = ("right", "wrong", "missing", "old", "tampered", "replayed")
"""How a delivery of one's own may be signed: with another secret, not at all, ten minutes ago, over another body, or
rightly and then sent a second time byte for byte."""
SHOWN = 2_000
"""Characters of an answer that the log keeps."""


def sign(secret: str, timestamp: str, body: str) -> str:
    """The v0 signature over timestamp and raw body."""
    return "v0=" + hmac.new(secret.encode(), f"v0:{timestamp}:{body}".encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class Letter:
    """One request as it goes over the wire, its signature included: it can be sent once more, byte for byte."""

    body: str
    headers: dict[str, str] = field(repr=False)


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
        status, text, _ = await self._noted(parcel, *packed(parcel), {}, breaks=parcel.breaks)
        parcel.sent()
        if status == 0:
            return Ack(error=text)
        if status not in OK:
            return Ack(error=NOT_REACHED)
        return Ack(parsed(text))

    async def tell(self, parcel: Parcel) -> str | None:
        body, _ = packed(parcel)
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
        status, text, _ = await self._send(self._letter(json.dumps(payload), JSON, {}))
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
        letter = self._letter(body, content_type, extra)
        about = {"of": parcel.n, "name": parcel.name, "url": self._url, "content_type": content_type, "headers": extra}
        entry = self._log.begin("http", parcel.kind, about, raw=letter)
        if breaks == "before":
            answer: Answer = (0, NOT_REACHED, {})
        else:
            answer = await self._send(letter)
            answer = (0, NOT_REACHED, {}) if breaks == "after" else answer
        status, text, _ = answer
        entry.complete({"status": status, "text": text[:SHOWN]} if status else None, error=None if status else text)
        return answer

    async def deliver(self, parcel: Parcel, signature: str) -> Answer:
        """Send it as somebody who forges requests would; see SIGNATURES."""
        letter = self._signed_as(signature, *packed(parcel))
        if signature == "replayed":
            await self.again(letter, parcel.name, n=parcel.n)
        return await self.again(letter, parcel.name, n=parcel.n, signature=signature)

    async def again(self, letter: Letter, name: str, *, n: int, signature: str = "replayed") -> Answer:
        """Send just this; `n` is the entry of the log that it belongs to."""
        entry = self._log.begin("http", name, {"of": n, "url": self._url, "signature": signature}, raw=letter)
        status, text, headers = await self._send(letter)
        entry.complete({"status": status, "text": text[:SHOWN]} if status else None, error=None if status else text)
        return status, text, headers

    def _letter(self, body: str, content_type: str, extra: dict[str, str]) -> Letter:
        timestamp = str(int(time.time()))
        signature = sign(self._options.signing_secret, timestamp, body)
        return Letter(
            body, {"Content-Type": content_type, **_proof(timestamp, signature), "User-Agent": AGENT, **extra}
        )

    def _signed_as(self, signature: str, body: str, content_type: str) -> Letter:
        right = self._letter(body, content_type, {})
        now, secret = int(time.time()), self._options.signing_secret
        proofs = {
            "wrong": _proof(str(now), sign(secrets.token_hex(16), str(now), body)),
            "old": _proof(str(now - TOO_OLD), sign(secret, str(now - TOO_OLD), body)),
            "tampered": _proof(str(now), sign(secret, str(now), body + " ")),
            "missing": {},
        }
        if signature not in proofs:
            return right
        plain = {name: value for name, value in right.headers.items() if not name.startswith(PROOF)}
        return Letter(body, plain | proofs[signature])

    async def _send(self, letter: Letter) -> Answer:
        limit = aiohttp.ClientTimeout(total=self._options.ack_seconds)
        try:
            async with self._session.post(
                self._url, data=letter.body.encode(), headers=letter.headers, timeout=limit, max_redirects=2
            ) as answer:
                kept = {name.lower(): value for name, value in answer.headers.items()}
                return answer.status, await answer.text(), kept
        except TimeoutError:
            return 0, NO_ANSWER, {}
        except (aiohttp.ClientError, OSError):
            return 0, NOT_REACHED, {}

    async def close(self) -> None:
        """Nothing stays open between calls."""


def packed(parcel: Parcel) -> tuple[str, str]:
    """Body and content type of what is delivered."""
    if parcel.kind == "events_api":
        return json.dumps(parcel.payload), JSON
    return urlencode(
        parcel.payload if parcel.kind == "slash_commands" else {"payload": json.dumps(parcel.payload)}
    ), FORM


def _proof(timestamp: str, signature: str) -> dict[str, str]:
    return {f"{PROOF}Request-Timestamp": timestamp, f"{PROOF}Signature": signature}


def parsed(text: str) -> Any:
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
