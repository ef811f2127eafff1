"""The whole examination, in its order, for whoever asks: the command line beside the bot, or the bot itself."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urljoin

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.exc import SQLAlchemyError

from bot import schema
from bot.clock import real_now
from bot.doctor import channels, database, slack
from bot.settings import BadSettings, Settings
from models import checkup
from models.boundary import guests
from models.checkup import Check, Finding, Place, good, look, wrong
from models.db import Database
from models.domain.errors import UserError

CALL_SECONDS = 15.0
CLOCK_SECONDS = 2.0


@dataclass(frozen=True)
class Ground:
    """What is examined. `now` is business time; `running`: the bot itself asks, because somebody clicked."""

    settings: Settings
    db: Database
    client: AsyncWebClient
    now: datetime
    running: bool = False


async def examine(ground: Ground) -> list[Finding]:
    """Everything there is to say. Never raises for what it came to find."""
    found = [_settings(ground.settings)]
    about_database, readable = await database.examine(ground.db)
    about_slack, known = await slack.examine(ground.client, ground.settings, running=ground.running)
    found += [*about_database, *about_slack]
    places: list[Place] | None = None
    outside: dict[str, int] = {}
    if readable:
        try:
            places, outside = await _records(ground, found)
        except (SQLAlchemyError, OSError) as error:
            found.append(database.broken(error))
    if known and places is not None:
        found += await channels.examine(ground.client, places, ground.settings, outside)
    return found


async def _records(ground: Ground, found: list[Finding]) -> tuple[list[Place], dict[str, int]]:
    """Adds what the rows say; the internal channels, and how many of outside are in which."""
    policy = ground.settings.policy()
    async with ground.db.read() as session:
        found += await checkup.records(session, now=ground.now, policy=policy)
        return await checkup.internal_channels(session, policy), await guests.everywhere(session)


def _settings(settings: Settings) -> Finding:
    way = "Socket Mode" if settings.socket_mode else "HTTP"
    return good(Check.SETTINGS, f"The settings can be read: {way}, company zone {settings.zone}.")


async def visit(settings: Settings) -> list[Finding]:
    """The examination from the command line: with a client and a database of its own."""
    absent = database.missing(settings.database_url)
    if absent is not None:
        async with _client(settings) as client:
            about_slack, _ = await slack.examine(client, settings, running=False)
        return [_settings(settings), absent, *about_slack]
    try:
        db = schema.connect(settings.database_url)
    except UserError as error:
        return [_settings(settings), wrong(Check.DATABASE, str(error), "Correct DATABASE_URL.")]
    try:
        async with _client(settings) as client:
            now = await _business_now(settings)
            return await examine(Ground(settings, db, client, now))
    finally:
        await db.close()


async def unsettled(problem: BadSettings, database_url: str) -> list[Finding]:
    """What can be said while the settings are wrong: which, and how the database is."""
    found = [
        wrong(Check.SETTINGS, line.strip().rstrip(".") + ".",
              "Set it in the bot's environment; the README says what each setting should be.")
        for line in str(problem).splitlines()[1:]
    ]  # fmt: skip
    found.append(look(Check.TOKEN, "Slack was not asked.", "Mend the settings first, then run the doctor again."))
    absent = database.missing(database_url)
    if absent is not None:
        return [*found, absent]
    try:
        db = schema.connect(database_url)
    except UserError as error:
        return [*found, wrong(Check.DATABASE, str(error), "Correct DATABASE_URL.")]
    try:
        return [*found, *(await database.examine(db))[0]]
    finally:
        await db.close()


@asynccontextmanager
async def _client(settings: Settings) -> AsyncIterator[AsyncWebClient]:
    async with aiohttp.ClientSession(trust_env=not settings.is_loopback) as session:
        yield AsyncWebClient(
            token=settings.slack_bot_token.get_secret_value(),
            base_url=settings.slack_api_url,
            retry_handlers=[],
            timeout=int(CALL_SECONDS),
            session=session,
        )


async def _business_now(settings: Settings) -> datetime:
    """The business instant; a simulated clock is the local Slack's, which says it to whoever asks."""
    if not settings.simulated_clock:
        return real_now()
    timeout = aiohttp.ClientTimeout(total=CLOCK_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(urljoin(settings.slack_api_url, "/_local/clock")) as answer,
        ):
            return datetime.fromisoformat((await answer.json())["now"]).astimezone(UTC)
    except (aiohttp.ClientError, TimeoutError, OSError, KeyError, TypeError, ValueError):
        return real_now()
