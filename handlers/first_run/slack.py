"""What the set-up asks Slack: who somebody is, what a channel is, a new channel, people into it.

A form has to be acknowledged within three seconds, so nothing here waits longer than that leaves room for.
"""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.kit.slack_users import slack_user
from models import channels, first_run
from models.domain.errors import FieldErrors, UserError
from models.people import SlackUser
from models.tables import ChannelState

logger = logging.getLogger("cadence.first_run")
PATIENCE = 2.0
PAGE = 1000
MOST_PAGES = 3
MOST_ASKED = 15
"""Channels that one look asks about one by one; more are read from Slack's list."""
LONGEST_NAME = 80
_NAME = re.compile(r"[\w-]+")


@asynccontextmanager
async def patiently(seconds: float = PATIENCE) -> AsyncIterator[None]:
    """Raises UserError when Slack does not answer in time, or not at all."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except (TimeoutError, aiohttp.ClientError, OSError):
        raise UserError("Slack did not answer in time. Nothing was saved; try again in a moment.") from None


def word(refused: SlackApiError) -> str:
    """Slack's word for why; what a proxy answers has none."""
    answer = refused.response
    return str(answer.get("error") or "") if hasattr(answer, "get") else "no answer of Slack's"


async def user(client: AsyncWebClient, slack_id: str, *, field: str) -> SlackUser:
    """Who this is, asked just now. Raises FieldErrors on `field` for somebody Slack does not show."""
    if not slack_id:
        raise FieldErrors({field: "Choose one named person."})
    async with patiently():
        try:
            answer = await client.users_info(user=slack_id)
        except SlackApiError as refused:
            if word(refused) in ("user_not_found", "user_not_visible"):
                raise FieldErrors(
                    {field: "Slack does not show this person to Cadence. Choose one of our own people."}
                ) from None
            raise UserError(_said(refused)) from None
    return slack_user(answer["user"])


def _said(refused: SlackApiError) -> str:
    code = word(refused)
    if code == "missing_scope":
        return "The app lacks a scope for this. Update it from app_manifest.yml and install it again."
    if code == "ratelimited":
        return "Slack asks us to wait a moment. Nothing was saved; try again in a minute."
    return f"Slack refused it ({code}). Nothing was saved."


def room_of(channel: Mapping[str, Any]) -> ChannelState:
    """A channel object as it is remembered; real time, as `ChannelState` says: it is Slack's answer that is dated."""
    room = channels.Seen.of(channel).row(datetime.now(UTC))
    room.checked_at = room.checked_at or datetime.now(UTC)  # a form shows what was looked at, known or not
    return room


def unseen(slack_id: str) -> ChannelState:
    """A channel that Slack does not show to Cadence: private and not invited, or gone."""
    return ChannelState(
        slack_id=slack_id, name="", is_private=True, is_member=False, is_archived=False, is_shared=False,
        is_pending_shared=False, checked_at=datetime.now(UTC),
    )  # fmt: skip


async def room(client: AsyncWebClient, slack_id: str) -> ChannelState:
    """What this channel is, asked just now. Raises FieldErrors on `channel` for what is no channel of a team."""
    if not first_run.is_channel_id(slack_id):
        raise FieldErrors({"channel": "Choose a channel: a direct message is no place for a team's notes."})
    async with patiently():
        try:
            answer = await client.conversations_info(channel=slack_id)
        except SlackApiError as refused:
            if word(refused) == "channel_not_found":
                return unseen(slack_id)
            raise UserError(_said(refused)) from None
    channel = answer["channel"]
    if channel.get("is_im") or channel.get("is_mpim"):
        raise FieldErrors({"channel": "Choose a channel: a direct message is no place for a team's notes."})
    return room_of(channel)


async def rooms(client: AsyncWebClient, refs: Collection[str]) -> list[ChannelState]:
    """What these channels (ids or names) are now, as far as Slack tells; a look that fails changes nothing."""
    ids = [ref for ref in dict.fromkeys(refs) if first_run.is_channel_id(ref)][:MOST_ASKED]
    names = {ref.casefold() for ref in refs if not first_run.is_channel_id(ref)}
    found: list[ChannelState] = []
    try:
        for slack_id in ids:
            found.append(await room(client, slack_id))  # noqa: PERF401 - what was found before a failure counts
        if names:
            found += [one for one in await _listed(client, names) if one.name in names]
    except (UserError, SlackApiError) as failed:
        logger.info("a look at the channels ended early: %s", type(failed).__name__)
    return found


async def _listed(client: AsyncWebClient, names: Collection[str]) -> list[ChannelState]:
    """The channels of these names, out of Slack's list."""
    found: list[ChannelState] = []
    cursor = ""
    for _ in range(MOST_PAGES):
        async with patiently():
            page = await client.conversations_list(types="public_channel,private_channel", limit=PAGE, cursor=cursor)
        found += [room_of(one) for one in page["channels"] if one.get("name") in names]
        cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
        if not cursor or {one.name for one in found} >= set(names):
            break
    return found


def why_no_name(name: str) -> str:
    """Why Slack would not take this as the name of a channel; empty when it would."""
    if not name:
        return "Name the channel."
    if len(name) > LONGEST_NAME:
        return f"A channel's name has at most {LONGEST_NAME} characters."
    if not _NAME.fullmatch(name) or name != name.lower():
        return "Use small letters, digits, hyphens and underscores only, such as partner-acme."
    if not name.strip("-_"):
        return "Use at least one letter or digit."
    return ""


async def create(client: AsyncWebClient, name: str, *, private: bool, bot_user_id: str) -> ChannelState:
    """A new channel with Cadence in it. Raises FieldErrors on `name`.

    Whoever sends the same form twice, or lost the answer to the first one, gets the channel that Cadence made of that
    name already: it is known by its creator.
    """
    refusal = why_no_name(name)
    if refusal:
        raise FieldErrors({"name": refusal})
    try:
        async with patiently():
            answer = await client.conversations_create(name=name, is_private=private)
    except SlackApiError as refused:
        if word(refused) == "name_taken":
            return await _made_by_us(client, name, bot_user_id)
        raise FieldErrors({"name": _WHY.get(word(refused), _said(refused))}) from None
    return room_of({"is_member": True, **answer["channel"]})


_WHY = {
    "invalid_name_specials": "Use small letters, digits, hyphens and underscores only, such as partner-acme.",
    "invalid_name_punctuation": "Use at least one letter or digit.",
    "invalid_name_maxlength": f"A channel's name has at most {LONGEST_NAME} characters.",
    "invalid_name_required": "Name the channel.",
    "invalid_name": "Slack does not take this name. Use small letters, digits and hyphens, such as partner-acme.",
    "restricted_action": "Your workspace does not let apps create channels. Create it by hand, invite @Cadence, and choose "
    "it here.",
}


async def _made_by_us(client: AsyncWebClient, name: str, bot_user_id: str) -> ChannelState:
    cursor = ""
    for _ in range(MOST_PAGES):
        async with patiently():
            page = await client.conversations_list(types="public_channel,private_channel", limit=PAGE, cursor=cursor)
        for one in page["channels"]:
            if one.get("name") == name and one.get("creator") == bot_user_id and not one.get("is_archived"):
                return room_of(one)
        cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
        if not cursor:
            break
    raise FieldErrors(
        {
            "name": f"There is a channel #{name} already. Choose it under “Use a channel that exists”, or take another name."
        }
    )


async def invite(client: AsyncWebClient, slack_id: str, people: Sequence[str]) -> list[str]:
    """Bring people into a channel of ours, one after the other; those who could not be brought in."""
    left = []
    for one in dict.fromkeys(people):
        try:
            await client.conversations_invite(channel=slack_id, users=one)
        except (SlackApiError, aiohttp.ClientError, TimeoutError) as failed:
            code = word(failed) if isinstance(failed, SlackApiError) else type(failed).__name__
            if code != "already_in_channel":
                logger.warning("could not invite %s: %s", one, code)
                left.append(one)
    return left
