"""`/api/<method>` over HTTP: token, scopes, faults, the method itself, the log."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

from aiohttp import web

from bot.sandbox import limits
from bot.sandbox.api import auth, chat, conversations, files, users, views
from bot.sandbox.api.base import ApiError, Call, Json, Method, arguments
from bot.sandbox.delivery.events import Events
from bot.sandbox.delivery.socket import SocketLink
from bot.sandbox.faults import Faults, Rule
from bot.sandbox.log import Entry, Log
from bot.sandbox.tiers import Tiers
from bot.sandbox.world import World

logger = logging.getLogger(__name__)
UNKNOWN_TOKEN = frozenset({"not_authed", "invalid_auth", "not_allowed_token_type"})


def methods(world: World, sockets: SocketLink) -> dict[str, Method]:
    """Everything this Slack can do for an app."""

    async def connections_open(_call: Call) -> Json:
        return {"url": sockets.ticket(world.url)}

    families = (auth.METHODS, users.METHODS, conversations.METHODS, chat.METHODS, views.METHODS, files.METHODS)
    found = {name: method for family in families for name, method in family.items()}
    return found | {"apps.connections.open": Method(connections_open, app_token=True)}


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
        rule: Rule | None = None
        call = Call(self._world, self._events, {})
        try:
            call = Call(self._world, self._events, await arguments(request))
            place = self._place(call.args)
            rule = self._faults.for_call(name, place) or self._too_fast(name, place)
            broken = await self._break(request, call.args, rule) if rule else None
            if broken is not None:
                return broken
            body = await self._call(name, call, request.headers.get("Authorization", ""))
        except ApiError as refused:
            body = {"ok": False, "error": refused.error, **refused.extra}
        except json.JSONDecodeError:
            body = {"ok": False, "error": "invalid_json"}
        lost = rule is not None and rule.kind == "lose_reply"
        told = body | {"reply": "lost"} if lost else body
        entry = self._log.add("api", name, call.args, told, error=None if body["ok"] else body["error"])
        if body["ok"]:
            self._note_limits(call, entry)
        if lost:
            cut(request)
        return web.json_response(body, headers=self._granted(name, body))

    def _granted(self, name: str, body: Json) -> dict[str, str]:
        """What every answer to a token that Slack knows says in a header: the scopes that were granted to it."""
        method = self._methods.get(name)
        if method is None or body.get("error") in UNKNOWN_TOKEN:
            return {}
        scopes = {"connections:write"} if method.app_token else self._world.manifest.scopes
        return {"x-oauth-scopes": ",".join(sorted(scopes))}

    def _note_limits(self, call: Call, entry: Entry) -> None:
        """What this call brought near a limit, to be read at `/_local/limits`."""
        view, where = entry.response.get("view"), limits.place(self._world, self._place(call.args))
        name = (view.get("callback_id") or view["type"]) if view else where
        for uses in call.accepted:
            limits.note(self._world, uses, where=f"{entry.method} {'of' if view else 'to'} {name}", n=entry.n)

    async def _call(self, name: str, call: Call, authorization: str) -> Json:
        method = self._methods.get(name)
        if method is None:
            logger.warning("unknown method: %s", name)
            self._world.problem(f"the bot called {name}, which this Slack does not know")
            return {"ok": False, "error": "unknown_method", "req_method": name}
        self._authorize(method, call.args, authorization)
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

    def _place(self, args: Json) -> str:
        """The id of the conversation meant, so that #name and id, person and DM share one pace and one fault."""
        world = self._world
        name = str(args.get("channel") or args.get("channel_id") or "")
        if name.startswith("#"):
            return next((one.id for one in world.channels.values() if f"#{one.name}" == name), name)
        dm = world.find_im(name)
        return dm.id if dm else name

    def _too_fast(self, name: str, place: str) -> Rule | None:
        wait = self._tiers.wait(name, place) if self._tiers else 0
        return Rule("ratelimited", retry_after=wait) if wait else None

    async def _break(self, request: web.Request, args: Json, rule: Rule) -> web.Response | None:
        """What a fault answers instead of the method; None if the method still runs."""
        name = request.match_info["method"]
        if rule.kind in ("delay", "slow_history"):
            await asyncio.sleep(rule.seconds)
        if rule.kind in ("delay", "slow_history", "lose_reply"):
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
