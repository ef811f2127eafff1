"""Answers to one interaction: over its `response_url`, or in the acknowledgement itself."""

from __future__ import annotations

import json
import time

from aiohttp import web

from bot.sandbox import limits
from bot.sandbox.api import chat
from bot.sandbox.api.base import ApiError, Call, Json, arguments
from bot.sandbox.checks import Uses
from bot.sandbox.delivery.events import Events
from bot.sandbox.log import Log
from bot.sandbox.world import RESPONSE_URL_SECONDS, World

USES = 5


class ResponseUrls:
    """Answers to a `response_url`: five of them, within thirty minutes."""

    def __init__(self, world: World, events: Events, log: Log) -> None:
        self._world = world
        self._events = events
        self._log = log

    async def handle(self, request: web.Request) -> web.StreamResponse:
        args: Json = {}
        accepted: list[Uses] = []
        body: Json = {"ok": True}
        try:
            args = await arguments(request)
            accepted = self._answer(request.match_info["id"], args)
        except ApiError as refused:
            body = {"ok": False, "error": refused.error, **refused.extra}
        except json.JSONDecodeError:
            body = {"ok": False, "error": "invalid_payload"}
        error = None if body["ok"] else str(body["error"])
        entry = self._log.add("api", "response_url", args, body, error=error)
        for uses in accepted:
            limits.note(self._world, uses, where="an answer to a response_url", n=entry.n)
        if error is None:
            return web.Response(text="ok")
        return web.json_response(body, status=404 if error in ("used_url", "expired_url") else 400)

    def _answer(self, key: str, args: Json) -> list[Uses]:
        world = self._world
        one = world.response_urls.get(key)
        if one is None or time.monotonic() - one.born > RESPONSE_URL_SECONDS:
            raise ApiError("expired_url")
        if one.uses >= USES:
            raise ApiError("used_url")
        one.uses += 1
        return answer_in_channel(world, self._events, one.user, one.channel, args, source_ts=one.message_ts)


def answer_in_channel(
    world: World, events: Events, user: str, channel_id: str, args: Json, *, source_ts: str | None = None
) -> list[Uses]:
    """Show an app's answer to one interaction; what it uses of its limits. Raises ApiError for refused content."""
    channel = world.channels.get(channel_id)
    if channel is None:
        raise ApiError("channel_not_found")
    call = Call(world, events, args)
    source = channel.messages.get(source_ts) if source_ts else None
    if call.flag("delete_original"):
        if source is not None:
            world.remove(source)
        return []
    text, blocks = chat.content(call)
    if call.flag("replace_original") and source is not None:
        before = world.message_api(source)
        world.edit(source, text=text, blocks=blocks, metadata=source.metadata)
        if source.ephemeral_to is None:
            events.message_changed(source, before)
        return call.accepted
    if call.text("response_type") != "in_channel":
        chat.post_alone(call, channel, world.users[user], text, blocks=blocks)
        return call.accepted
    thread_ts = call.text("thread_ts") or None
    message = world.post(channel, world.app.bot_user_id, text, blocks=blocks, thread_ts=thread_ts)
    events.message_posted(message)
    return call.accepted
