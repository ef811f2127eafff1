"""The HTTP driver: everything the page does, as JSON under `/_local/`.

Acting as a person (`user` is an id; `channel` an id, a name, or "bot" for the direct message with the app):
  POST command      {user, channel, command, text}
  POST click        {user, channel, ts, action_id | label, block_id?, value?, selected?}
  POST view_action  {user, view_id? ("home" or an id; default the topmost), action_id | label, block_id?, selected?}
  POST fill         {user, view_id?, values: {block_id | label | action_id: value}}
  POST submit       {user, view_id?, values?} gives result: closed, updated, pushed, errors, client_errors, timeout,
                    not_reached, invalid_response; errors by block id; view: the form then on top, or null
  POST close        {user, view_id?, all?}
  POST suggest      {user, view_id?, block_id, value} gives the options of an external select
  POST home         {user, tab?}
  POST message      {user, channel, text, thread_ts?}
Actions answer {ok, error, views, ephemeral, messages, updated}: what became visible to the person. What the person
cannot do is status 409 with {ok: false, error: sentence}, a malformed request status 400.

Reading:
  GET  state | clock | log?since=&kind=&method=&limit= | messages?channel= | read?user=&channel= | inbox?user= |
       views?user= | faults
Machinery:
  POST clock/to {at, zone?} | clock/next | faults [{kind, method?, channel?, count?, skip?, probability?, seed?,
       error?, retry_after?, seconds?}] | admin/{action} {...};  DELETE faults
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from bot.sandbox.admin import Admin
from bot.sandbox.faults import Faults
from bot.sandbox.inputs import Refused
from bot.sandbox.log import Log
from bot.sandbox.models import Message
from bot.sandbox.people import People
from bot.sandbox.world import World

Json = dict[str, Any]
Route = Callable[[web.Request], Awaitable[web.Response]]


def answered(route: Callable[[web.Request], Awaitable[Any]]) -> Route:
    """Turn refusals into `{"ok": false, "error": sentence}` with status 409, malformed requests into 400."""

    async def handle(request: web.Request) -> web.Response:
        try:
            return web.json_response(await route(request))
        except Refused as refused:
            return web.json_response({"ok": False, "error": str(refused)}, status=409)
        except KeyError as missing:
            return web.json_response({"ok": False, "error": f"missing: {missing.args[0]}"}, status=400)
        except (ValueError, TypeError) as wrong:
            return web.json_response({"ok": False, "error": str(wrong)}, status=400)

    return handle


async def body_of(request: web.Request) -> Json:
    raw = await request.text()
    data = json.loads(raw) if raw else {}
    if not isinstance(data, dict):
        raise TypeError("send a JSON object")
    return data


def stored(message: Message) -> Json:
    """A message as Slack stores it, history included, for judging from Slack's own state."""
    return {
        "ts": message.ts,
        "channel": message.channel,
        "user": message.user,
        "text": message.text,
        "blocks": message.blocks,
        "thread_ts": message.thread_ts,
        "metadata": message.metadata,
        "edited_count": len(message.edits),
        "history": message.edits,
        "deleted": message.deleted,
        "ephemeral_to": message.ephemeral_to,
        "mentions": message.mentions,
        "posted": message.at.isoformat(),
    }


class Driver:
    def __init__(self, world: World, people: People, admin: Admin, faults: Faults, log: Log) -> None:
        self._world = world
        self._people = people
        self._admin = admin
        self._faults = faults
        self._log = log

    def routes(self) -> list[web.RouteDef]:
        posts = {
            "command": self._command,
            "click": self._click,
            "view_action": self._view_action,
            "fill": self._fill,
            "submit": self._submit,
            "suggest": self._suggest,
            "close": self._close,
            "home": self._home,
            "message": self._message,
            "admin/{action}": self._do_admin,
            "faults": self._add_faults,
            "clock/to": self._clock_to,
            "clock/next": self._clock_next,
        }
        gets = {
            "state": self._state,
            "log": self._read_log,
            "messages": self._messages,
            "read": self._read,
            "inbox": self._inbox,
            "views": self._views,
            "clock": self._clock,
            "faults": self._show_faults,
        }
        found = [web.post(f"/_local/{path}", answered(route)) for path, route in posts.items()]
        found += [web.get(f"/_local/{path}", answered(route)) for path, route in gets.items()]
        found.append(web.get("/_local/", answered(self._help)))
        return [*found, web.delete("/_local/faults", answered(self._clear_faults))]

    async def _help(self, _request: web.Request) -> Json:
        return {"interface": (__doc__ or "").splitlines(), "admin": list(self._admin.actions)}

    # people

    async def _command(self, request: web.Request) -> Json:
        args = await body_of(request)
        return await self._people.command(
            args["user"], args.get("channel", "bot"), args["command"], args.get("text", "")
        )

    async def _click(self, request: web.Request) -> Json:
        args = await body_of(request)
        return await self._people.click(args["user"], args["channel"], args["ts"], args)

    async def _view_action(self, request: web.Request) -> Json:
        args = await body_of(request)
        return await self._people.view_action(args["user"], args.get("view_id") or "", args)

    async def _fill(self, request: web.Request) -> Json:
        args = await body_of(request)
        view = self._people.forms.fill(args["user"], args.get("view_id") or "", args["values"])
        return {"ok": True, "view": view}

    async def _submit(self, request: web.Request) -> Json:
        args = await body_of(request)
        return await self._people.forms.submit(args["user"], args.get("view_id") or "", args.get("values"))

    async def _suggest(self, request: web.Request) -> Json:
        args = await body_of(request)
        view_id = args.get("view_id") or ""
        options = await self._people.forms.suggest(args["user"], view_id, args["block_id"], args.get("value", ""))
        return {"ok": True, "options": options}

    async def _close(self, request: web.Request) -> Json:
        args = await body_of(request)
        everything = bool(args.get("all"))
        return await self._people.forms.close(args["user"], args.get("view_id") or "", everything=everything)

    async def _home(self, request: web.Request) -> Json:
        args = await body_of(request)
        return await self._people.home(args["user"], tab=args.get("tab", "home"))

    async def _message(self, request: web.Request) -> Json:
        args = await body_of(request)
        return await self._people.message(args["user"], args.get("channel", "bot"), args["text"], args.get("thread_ts"))

    # reading

    async def _state(self, _request: web.Request) -> Json:
        world = self._world
        at = world.clock.now()
        return {
            "team": vars(world.team),
            "app": vars(world.app),
            "users": [
                one.to_api(home_team=world.team.id, at=at, with_email=True) | {"title": one.title}
                for one in world.users.values()
            ],
            "channels": [
                one.to_api(world.team.id, bot_user=world.app.bot_user_id, full=True) | {"members": one.members}
                for one in world.channels.values()
            ],
            "clock": self._clock_json(),
            "problems": list(world.problems),
            "version": world.watches.version,
        }

    async def _read_log(self, request: web.Request) -> list[Json]:
        query = request.query
        return self._log.read(
            since=int(query.get("since", "0")),
            kind=query.get("kind", ""),
            method=query.get("method", ""),
            limit=int(query.get("limit", "0")),
        )

    async def _messages(self, request: web.Request) -> list[Json]:
        """All messages of a channel (id, or a person's id for their DM), or of all channels."""
        name = request.query.get("channel", "")
        channels = list(self._world.channels.values())
        if name:
            channels = [one for one in channels if name in (one.id, one.im_user) or (one.name and one.name == name)]
        return [stored(message) for channel in channels for message in channel.messages.values()]

    async def _read(self, request: web.Request) -> list[Json]:
        return self._people.read(request.query["user"], request.query.get("channel", "bot"))

    async def _inbox(self, request: web.Request) -> list[Json]:
        return self._people.inbox(request.query["user"])

    async def _views(self, request: web.Request) -> list[Json]:
        return self._people.open_views(request.query["user"])

    # machinery

    async def _do_admin(self, request: web.Request) -> Json:
        return await self._admin.do(request.match_info["action"], await body_of(request))

    async def _add_faults(self, request: web.Request) -> Json:
        rows = json.loads(await request.text())
        self._faults.add(rows if isinstance(rows, list) else [rows])
        return await self._show_faults(request)

    async def _show_faults(self, _request: web.Request) -> Json:
        return {"ok": True, "faults": [rule.to_dict() for rule in self._faults.rules]}

    async def _clear_faults(self, _request: web.Request) -> Json:
        self._faults.clear()
        return {"ok": True, "faults": []}

    def _clock_json(self) -> Json:
        clock = self._world.clock
        due = clock.due
        return {
            "now": clock.now().isoformat(),
            "simulated": clock.simulated,
            "bot_reachable": clock.reachable,
            "note": clock.note,
            "next_due": due.next_due.isoformat() if due and due.next_due else None,
            "next_what": due.next_what if due else None,
            "coming": due.coming if due else [],
        }

    async def _clock(self, _request: web.Request) -> Json:
        await self._world.clock.beat()
        return self._clock_json()

    async def _clock_to(self, request: web.Request) -> Json:
        args = await body_of(request)
        at = datetime.fromisoformat(args["at"])
        if at.tzinfo is None:
            at = at.replace(tzinfo=ZoneInfo(args.get("zone") or self._world.company_tz))
        moved = await self._world.clock.advance_to(at)
        self._world.watches.touch()
        return {"ok": True, **moved.to_dict(), "clock": self._clock_json()}

    async def _clock_next(self, _request: web.Request) -> Json:
        moved = await self._world.clock.advance_next()
        self._world.watches.touch()
        return {"ok": True, **moved.to_dict(), "clock": self._clock_json()}
