"""What the desk asks Slack, at the moment somebody decides: who a person is, and who reads a channel."""

import asyncio
import logging
from datetime import UTC, datetime

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.kit.deps import Deps
from handlers.kit.slack_users import slack_user
from models import channels
from models.channels import IS_ID, Seen
from models.people import SlackUser

logger = logging.getLogger("cadence.joint")
PATIENCE = 2.0
"""A window has to be opened, and a form acknowledged, within three seconds."""
PAGE = 1000
MOST_PAGES = 3


async def user(client: AsyncWebClient, slack_id: str) -> SlackUser | None:
    """Who this is, asked just now; None where Slack does not say, or not in time."""
    try:
        async with asyncio.timeout(PATIENCE):
            answer = await client.users_info(user=slack_id)
    except (SlackApiError, TimeoutError, aiohttp.ClientError, OSError) as failed:
        logger.warning("could not learn who user=%s is: %s", slack_id, type(failed).__name__)
        return None
    found = slack_user(answer["user"])
    return found if found.slack_id == slack_id else None


async def look(deps: Deps, client: AsyncWebClient, ref: str) -> None:
    """Learn anew who reads a channel (id or name), before somebody is shown it. What cannot be learned stays as it was."""
    if not ref:
        return
    async with deps.db.read() as session:
        state = await channels.known(session, ref)
    try:
        async with asyncio.timeout(PATIENCE):
            slack_id = state.slack_id if state is not None else await _named(client, ref.removeprefix("#"))
            if not slack_id:
                return
            answer = await client.conversations_info(channel=slack_id)
    except (SlackApiError, TimeoutError, aiohttp.ClientError, OSError) as failed:
        known = state.slack_id if state is not None else "by its name"
        logger.warning("could not learn who reads channel=%s: %s", known, type(failed).__name__)
        return
    async with deps.db.write() as session:
        await channels.remember(session, [Seen.of(answer["channel"]).row(datetime.now(UTC))])


async def _named(client: AsyncWebClient, name: str) -> str:
    """The id of a channel by its name, if Cadence sees it."""
    if IS_ID.fullmatch(name):
        return name
    cursor = ""
    for _ in range(MOST_PAGES):
        page = await client.conversations_list(types="public_channel,private_channel", limit=PAGE, cursor=cursor)
        found = next((str(one["id"]) for one in page["channels"] if one.get("name") == name), "")
        cursor = str((page.get("response_metadata") or {}).get("next_cursor") or "")
        if found or not cursor:
            return found
    return ""
