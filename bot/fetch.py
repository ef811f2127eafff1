"""A dropped file's bytes, out of Slack, a piece at a time.

The bot's token goes along, so it is sent to Slack's own hosts only and no redirect is followed: Slack sends whoever may
not have a file to a page to sign in.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from bot.delivery.calls import HTTP_OK, HTTP_SERVER_ERROR, HTTP_TOO_MANY, NotAnswered, Refused, SlackCalls
from models.domain.errors import BadFile
from models.drafts import LARGEST

PIECE = 256 * 1024
SLACK = "slack.com"
MEGABYTE = 1024 * 1024
_GONE = frozenset({"file_not_found", "file_deleted", "not_visible"})


@dataclass(frozen=True)
class Patience:
    """How long Slack may take, in seconds: to connect, between two pieces, and for the whole file."""

    connect: float = 10.0
    silence: float = 30.0
    whole: float = 600.0


@dataclass(frozen=True)
class Slack:
    """Where files come from: Slack's methods, its address, and the token. `proxied`: the environment's proxy is used."""

    call: SlackCalls
    api_url: str
    token: str
    proxied: bool = False
    patience: Patience = Patience()

    async def address(self, file_id: str) -> str:
        """Where the file's bytes are now.

        Raises:
            BadFile: there is nothing to fetch: it is gone, too large, or kept somewhere else.
            Refused, RateLimited, NotAnswered: as every call.
        """
        try:
            file = (await self.call("files.info", file=file_id)).get("file") or {}
        except Refused as refused:
            if refused.code not in _GONE:
                raise
            raise BadFile("Slack does not have this file any more. Drop it again.") from None
        if file.get("is_external") or file.get("mode") == "external":
            raise BadFile("This is a link to a file that is kept outside of Slack. Download it as CSV and drop that.")
        if file.get("mode") in ("tombstone", "hidden_by_limit"):
            raise BadFile("Slack does not have this file any more. Drop it again.")
        _check_size(int(file.get("size") or 0))
        url = str(file.get("url_private_download") or file.get("url_private") or "")
        if not url:
            raise NotAnswered("no_address")
        return url

    def trusts(self, url: str) -> bool:
        """Whether the token may go there: Slack's API itself, a host below it, or a host of slack.com by TLS."""
        api, to = urlsplit(self.api_url), urlsplit(url)
        try:
            same = (to.scheme, to.hostname, to.port) == (api.scheme, api.hostname, api.port)
        except ValueError:
            return False
        if same:
            return True
        host = to.hostname or ""
        parents = {SLACK} | ({api.hostname} if api.hostname and _is_domain(api.hostname) else set())
        return to.scheme == "https" and to.port in (None, 443) and any(_within(host, parent) for parent in parents)

    @asynccontextmanager
    async def pieces(self, url: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """The bytes of the file, in pieces of at most `PIECE`.

        Raises:
            BadFile: it is too large, or Slack does not let Cadence have it.
            NotAnswered: Slack did not answer, or stopped in the middle.
        """
        if not self.trusts(url):
            raise NotAnswered("untrusted_host")
        limits = aiohttp.ClientTimeout(
            total=self.patience.whole, sock_connect=self.patience.connect, sock_read=self.patience.silence
        )
        try:
            async with (
                aiohttp.ClientSession(timeout=limits, trust_env=self.proxied) as session,
                session.get(url, headers={"Authorization": f"Bearer {self.token}"}, allow_redirects=False) as answer,
            ):
                _check(answer)
                yield _bounded(answer.content)
        except (aiohttp.ClientError, TimeoutError, OSError, asyncio.IncompleteReadError) as error:
            raise NotAnswered(f"download_{type(error).__name__}") from None


def _check(answer: aiohttp.ClientResponse) -> None:
    """Raise for anything but the file itself. A page to sign in comes as a redirect, or as HTML that says 200."""
    if answer.status == HTTP_TOO_MANY or answer.status >= HTTP_SERVER_ERROR:
        raise NotAnswered(f"download_{answer.status}")
    if answer.status in (404, 410):
        raise BadFile("Slack does not have this file any more. Drop it again.")
    page = answer.content_type == "text/html" and "attachment" not in answer.headers.get("Content-Disposition", "")
    if answer.status != HTTP_OK or page:
        raise BadFile(
            "Slack does not let Cadence have this file. The app may lack the permission files:read: whoever runs Cadence "
            "can install it again with its manifest."
        )
    _check_size(answer.content_length or 0)


def _check_size(size: int) -> None:
    if size > LARGEST:
        megabytes = -(-size // MEGABYTE)
        raise BadFile(
            f"This file has {megabytes:,} MB, and {LARGEST // MEGABYTE} MB is the most Cadence takes here. Export fewer "
            "columns or a shorter time; the command line takes a file of any size."
        )


async def _bounded(content: Any) -> AsyncIterator[bytes]:
    taken = 0
    async for piece in content.iter_chunked(PIECE):
        taken += len(piece)
        _check_size(taken)
        yield piece


def _is_domain(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return "." in host
    return False


def _within(host: str, parent: str) -> bool:
    return host == parent or host.endswith(f".{parent}")
