"""The calendar feed: `/calendar/<secret>.ics`. Whoever knows the address may read, so nothing here ever writes it down."""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable

from aiohttp import ETag, web
from sqlalchemy.exc import SQLAlchemyError

from bot.clock import Clock, ClockNotStarted
from handlers.calendar import ics
from models import calendars
from models.db import Database
from models.domain.policy import Policy

logger = logging.getLogger("cadence.feed")
PATH = "/calendar/{secret:[A-Za-z0-9_-]+}.ics"
HEADERS = {"Cache-Control": "private, max-age=300", "X-Robots-Tag": "noindex"}
TRY_AGAIN = {"Retry-After": "60"}
Read = Callable[[str], Awaitable[bytes | None]]
Handler = Callable[[web.Request], Awaitable[web.Response]]


def reader(db: Database, clock: Clock, policy: Policy) -> Read:
    """What reads the calendar behind a secret; None where there is none, or none any more."""

    async def read(secret: str) -> bytes | None:
        await clock.told()
        async with db.read() as session:
            person = await calendars.whose(session, secret)
            if person is None:
                return None
            entries = await calendars.entries(session, person, now=clock.now(), policy=policy)
        return await asyncio.to_thread(ics.write, entries)  # a hundred meetings take longer than a click may wait

    return read


def handler(read: Read) -> Handler:
    """The route's handler: 200, 304 for what the program has already, 404 without a word why."""

    async def feed(request: web.Request) -> web.Response:
        try:
            body = await read(request.match_info["secret"])
        except (SQLAlchemyError, OSError, ClockNotStarted) as error:
            # The error's own text would quote the secret.
            logger.error("a calendar could not be read: %s", type(error).__name__)  # noqa: TRY400
            raise web.HTTPServiceUnavailable(headers=TRY_AGAIN) from None
        if body is None:
            raise web.HTTPNotFound
        tag = ETag(hashlib.sha256(body).hexdigest()[:32])
        if {one.value for one in request.if_none_match or ()} & {tag.value, "*"}:
            answer = web.Response(status=304, headers=HEADERS)
        else:
            answer = web.Response(body=body, content_type="text/calendar", charset="utf-8", headers=HEADERS)
        answer.etag = tag
        return answer

    return feed
