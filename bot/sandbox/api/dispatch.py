"""`/api/<method>` over HTTP: token, scopes, faults, the method itself, the log."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from typing import Any

from aiohttp import web

from bot.sandbox.api import auth, chat, conversations, users, views
from bot.sandbox.api.base import ApiError, Call, Json, Method
from bot.sandbox.delivery.events import Events
from bot.sandbox.delivery.socket import SocketLink
from bot.sandbox.faults import API_KINDS, Faults, Rule
from bot.sandbox.log import Log
from bot.sandbox.tiers import Tiers
from bot.sandbox.world import World

logger = logging.getLogger(__name__)


def methods(world: World, sockets: SocketLink) -> dict[str, Method]:
    """Everything this Slack can do for an app."""

    async def connections_open(_call: Call) -> Json:
        return {"url": sockets.ticket(world.url)}

    families = (auth.METHODS, users.METHODS, conversations.METHODS, chat.METHODS, views.METHODS)
    found = {name: method for family in families for name, method in family.items()}
    return found | {"apps.connections.open": Method(connections_open, app_token=True)}


async def arguments(request: web.Request) -> Json:
    """Query, form and JSON arguments as one mapping."""
    args: Json = dict(request.query)
    if request.content_type == "application/json":
        raw = await request.text()
        data = json.loads(raw) if raw else {}
        if not isinstance(data, dict):
            raise ApiError("json_not_object")
        return args | data
    form = await request.post()
    return args | {name: str(value) for name, value in form.items()}


class WebApi:
    def __init__(self, world: World, events: Events, sockets: SocketLink, faults: Faults, log: Log) -> None:
        self._world = world
        self._events = events
        self._faults = faults
        self._log = log
        self._methods = methods(world, sockets)
        self._tiers = Tiers(world.clock.now) if world.options.rate_limits else None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one call as Slack would, or as a fault wants it."""
        name = request.match_info["method"]
        args: Json = {}
        try:
            args = await arguments(request)
            rule = self._faults.pick(API_KINDS, name, str(args.get("channel", ""))) or self._too_fast(name, args)
            broken = await self._break(request, args, rule) if rule else None
            if broken is not None:
                return broken
            body = await self._call(name, args, request.headers.get("Authorization", ""))
        except ApiError as refused:
            rule = None
            body = {"ok": False, "error": refused.error, **refused.extra}
        except json.JSONDecodeError:
            rule = None
            body = {"ok": False, "error": "invalid_json"}
        if rule is not None and rule.kind == "lose_reply":
            self._log.add("api", name, args, {**body, "reply": "lost"}, error=body.get("error"))
            cut(request)
        else:
            self._log.add("api", name, args, body, error=None if body["ok"] else body["error"])
        return web.json_response(body)

    async def _call(self, name: str, args: Json, authorization: str) -> Json:
        method = self._methods.get(name)
        if method is None:
            logger.warning("unknown method: %s", name)
            self._world.problem(f"the bot called {name}, which this Slack does not know")
            return {"ok": False, "error": "unknown_method", "req_method": name}
        self._authorize(method, args, authorization)
        call = Call(self._world, self._events, args)
        call.require_scope(*method.scopes)
        return {"ok": True, **await method.handler(call)}

    def _authorize(self, method: Method, args: Json, authorization: str) -> None:
        """App tokens come in the header only; bot tokens may also be an argument."""
        options = self._world.options
        header = authorization.removeprefix("Bearer ").strip()
        token = header if method.app_token else header or str(args.get("token", ""))
        if not token:
            raise ApiError("not_authed")
        wanted, other = options.bot_token, options.app_token
        if method.app_token:
            wanted, other = other, wanted
        if token != wanted:
            raise ApiError("not_allowed_token_type" if token == other else "invalid_auth")

    def _too_fast(self, name: str, args: Json) -> Rule | None:
        wait = self._tiers.wait(name, str(args.get("channel", ""))) if self._tiers else 0
        return Rule("ratelimited", retry_after=wait) if wait else None

    async def _break(self, request: web.Request, args: Json, rule: Rule) -> web.Response | None:
        """What a fault answers instead of the method; None if the method still runs."""
        name = request.match_info["method"]
        if rule.kind == "delay":
            await asyncio.sleep(rule.seconds)
        if rule.kind in ("delay", "lose_reply"):
            return None
        if rule.kind == "drop":
            cut(request)
        status, headers, body = _answer_of(rule)
        self._log.add("api", name, args, body, error=rule.error if rule.kind == "error" else rule.kind)
        if isinstance(body, str):
            return web.Response(status=status, text=body)
        return web.json_response(body, status=status, headers=headers)


def _answer_of(rule: Rule) -> tuple[int, dict[str, str], Any]:
    if rule.kind in ("http_500", "drop"):
        return 500, {}, "Internal Server Error"
    if rule.kind == "ratelimited":
        return 429, {"Retry-After": str(rule.retry_after)}, {"ok": False, "error": "ratelimited"}
    return 200, {}, {"ok": False, "error": rule.error}


def cut(request: web.Request) -> None:
    """End the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()


class ResponseUrls:
    """Answers to a `response_url`: five of them, within thirty minutes."""

    USES, SECONDS = 5, 1800

    def __init__(self, world: World, events: Events, log: Log) -> None:
        self._world = world
        self._events = events
        self._log = log

    async def handle(self, request: web.Request) -> web.StreamResponse:
        try:
            args = await arguments(request)
            body = self._answer(request.match_info["id"], args)
        except (ApiError, json.JSONDecodeError) as refused:
            args, body = {}, {"ok": False, "error": getattr(refused, "error", "invalid_payload")}
        error = None if body["ok"] else str(body["error"])
        self._log.add("api", "response_url", args, body, error=error)
        if error is None:
            return web.Response(text="ok")
        return web.json_response(body, status=404 if error in ("used_url", "expired_url") else 400)

    def _answer(self, key: str, args: Json) -> Json:
        world = self._world
        one = world.response_urls.get(key)
        if one is None or time.monotonic() - one.born > self.SECONDS:
            return {"ok": False, "error": "expired_url"}
        if one.uses >= self.USES:
            return {"ok": False, "error": "used_url"}
        one.uses += 1
        try:
            answer_in_channel(world, self._events, one.user, one.channel, args, source_ts=one.message_ts)
        except ApiError as refused:
            return {"ok": False, "error": refused.error, **refused.extra}
        return {"ok": True}


def answer_in_channel(
    world: World, events: Events, user: str, channel_id: str, args: Json, *, source_ts: str | None = None
) -> None:
    """Show an app's answer to one interaction. Raises ApiError for content that Slack refuses."""
    channel = world.channels[channel_id]
    call = Call(world, events, args)
    source = channel.messages.get(source_ts) if source_ts else None
    if call.flag("delete_original"):
        if source is not None:
            world.remove(source)
        return
    text, blocks = chat.content(call)
    if call.flag("replace_original") and source is not None:
        before = world.message_api(source)
        world.edit(source, text=text, blocks=blocks, metadata=source.metadata)
        if source.ephemeral_to is None:
            events.message_changed(source, before)
        return
    private = None if call.text("response_type") == "in_channel" else user
    thread_ts = call.text("thread_ts") or None
    bot = world.app.bot_user_id
    message = world.post(channel, bot, text, blocks=blocks, thread_ts=thread_ts, ephemeral_to=private)
    if private is None:
        events.message_posted(message)
