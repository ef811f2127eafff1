from __future__ import annotations

from typing import Any

from bot.sandbox import outsiders
from bot.sandbox.api.base import ApiError, Call, Json, Method, invalid
from bot.sandbox.api.conversations import open_im
from bot.sandbox.blocks import check_blocks
from bot.sandbox.limits import MARKDOWN_TEXT, TEXT_KEPT, UPDATE_TEXT, uses_of_message
from bot.sandbox.models import BLOCKS_ONLY_TEXT, Channel, Message, User
from bot.sandbox.world import SLACKBOT

FLAT = (str, int, float, bool)


def target(call: Call) -> Channel:
    """Where a message goes: an id, a #name, or a person, whose DM is then opened."""
    name = call.need("channel")
    world = call.world
    if name in world.users:
        return open_im(world, name)
    if name not in world.channels:
        plain = name.removeprefix("#")
        named = [one.id for one in world.channels.values() if one.name == plain and not one.is_im]
        if not named:
            raise ApiError("channel_not_found")
        call.args["channel"] = named[0]
    return writable(call)


def writable(call: Call) -> Channel:
    channel = call.channel()
    if channel.im_user is not None:
        return open_im(call.world, channel.im_user)
    if channel.is_archived:
        raise ApiError("is_archived")
    if not call.world.is_bot_member(channel) and "chat:write.public" not in call.world.manifest.scopes:
        raise ApiError("not_in_channel")
    return channel


def blocks_of(call: Call) -> list[Json] | None:
    """The blocks given, checked; None if the argument is absent."""
    blocks = call.data("blocks", "invalid_blocks_format")
    if blocks is None:
        return None
    if not isinstance(blocks, list):
        raise ApiError("invalid_blocks_format")
    problems = check_blocks(blocks, "message")
    if problems:
        raise invalid("invalid_blocks", problems)
    return blocks


def _is_flat(value: Any, *, deep: bool = False) -> bool:
    if isinstance(value, FLAT):
        return True
    if isinstance(value, list):
        return all(isinstance(one, FLAT) for one in value)
    return isinstance(value, dict) and not deep and all(_is_flat(one, deep=True) for one in value.values())


def metadata_of(call: Call) -> Json | None:
    """The metadata given; {} clears, None is absent."""
    metadata = call.data("metadata", "invalid_metadata_format")
    if metadata is None or metadata == {}:
        return metadata if metadata is None else {}
    payload = metadata.get("event_payload") if isinstance(metadata, dict) else None
    if not isinstance(payload, dict) or not isinstance(metadata.get("event_type"), str):
        raise ApiError("invalid_metadata_format")
    if not metadata["event_type"] or not all(_is_flat(value) for value in payload.values()):
        raise ApiError("invalid_metadata_schema")
    return {"event_type": metadata["event_type"], "event_payload": payload}


def content(call: Call) -> tuple[str, list[Json]]:
    """Text and blocks of a new message. Raises no_text when there is neither."""
    blocks = blocks_of(call) or []
    text = call.text("text")
    if call.text("markdown_text"):
        if text or blocks:
            raise ApiError("markdown_text_conflict")
        text = call.text("markdown_text")
        if len(text) > MARKDOWN_TEXT:
            raise ApiError("msg_too_long")
    if not text.strip() and not blocks:
        raise ApiError("no_text")
    call.accepted.append(uses_of_message(text[:TEXT_KEPT], blocks))
    return (text[:TEXT_KEPT] if text else BLOCKS_ONLY_TEXT), blocks


async def post_message(call: Call) -> Json:
    channel = target(call)
    text, blocks = content(call)
    metadata = metadata_of(call) or None
    thread_ts = call.text("thread_ts") or None
    if thread_ts is not None and thread_ts not in channel.messages:
        raise ApiError("thread_not_found")
    world = call.world
    message = world.post(channel, world.app.bot_user_id, text, blocks=blocks, thread_ts=thread_ts, metadata=metadata)
    call.events.message_posted(message)
    return {"channel": channel.id, "ts": message.ts, "message": world.message_api(message, with_metadata=True)}


def own(call: Call, channel: Channel) -> Message:
    message = channel.messages.get(call.need("ts"))
    if message is None or message.deleted or message.ephemeral_to:
        raise ApiError("message_not_found")
    if message.user != call.world.app.bot_user_id:
        raise ApiError("cant_update_message")
    return message


async def update(call: Call) -> Json:
    """Text without blocks takes the old blocks away; metadata that is not mentioned stays."""
    call.need("channel")
    channel = writable(call)
    message = own(call, channel)
    blocks, metadata, text = blocks_of(call), metadata_of(call), call.text("text")
    if len(text) > UPDATE_TEXT:
        raise ApiError("msg_too_long")
    if not text.strip() and not blocks:
        raise ApiError("no_text")
    call.accepted.append(uses_of_message(text, blocks or [], most=UPDATE_TEXT))
    kept = message.metadata if metadata is None else metadata or None
    before = call.world.message_api(message)
    call.world.edit(message, text=text or BLOCKS_ONLY_TEXT, blocks=blocks or [], metadata=kept)
    call.events.message_changed(message, before)
    shown = call.world.message_api(message, with_metadata=True)
    return {"channel": channel.id, "ts": message.ts, "text": message.text, "message": shown}


def post_alone(call: Call, channel: Channel, user: User, text: str, *, blocks: list[Json]) -> str:
    """A message for one person; its ts. Whether people of other companies get such messages is a switch."""
    world = call.world
    how = world.switches.outsiders_ephemerals if outsiders.is_outsider(world, user) else "shown"
    if how == "refused":
        raise ApiError("user_not_in_channel")
    if how == "silent":
        return world.clock.next_ts()
    thread_ts = call.text("thread_ts") or None
    bot = world.app.bot_user_id
    return world.post(channel, bot, text, blocks=blocks, thread_ts=thread_ts, ephemeral_to=user.id).ts


async def post_ephemeral(call: Call) -> Json:
    call.need("channel")
    user = call.world.users.get(call.need("user"))
    channel = writable(call)
    if user is None or user.id == SLACKBOT:
        raise ApiError("user_not_found")
    if user.id not in channel.members:
        raise ApiError("user_not_in_channel")
    text, blocks = content(call)
    return {"message_ts": post_alone(call, channel, user, text, blocks=blocks)}


WRITE = ("chat:write",)
METHODS = {
    "chat.postMessage": Method(post_message, WRITE),
    "chat.update": Method(update, WRITE),
    "chat.postEphemeral": Method(post_ephemeral, WRITE),
}
