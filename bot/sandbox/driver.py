"""The HTTP driver: everything the page does, as JSON under `/_local/`.

Acting as a person (`user` is an id; `channel` an id, a name, or "bot" for the direct message with the app):
  POST command      {user, channel, command, text}
  POST click        {user, channel, ts, action_id | label, block_id?, value?, selected?}
  POST shortcut     {user, channel, ts, callback_id | label}
  POST view_action  {user, view_id? ("home" or an id; default the topmost), action_id | label, block_id?, selected?}
  POST fill         {user, view_id?, values: {block_id | label | action_id: value}}
  POST submit       {user, view_id?, values?} gives result: closed, updated, pushed, errors, client_errors, timeout,
                    not_reached, invalid_response; errors by block id; view: the form then on top, or null
  POST close        {user, view_id?, all?}
  POST suggest      {user, view_id?, block_id, value} gives the options of an external select
  POST home         {user, tab?}
  POST message      {user, channel, text, thread_ts?}
  POST edit         {user, channel, ts, text}
  POST delete       {user, channel, ts}
  POST upload       {user, channel, files: [{name, text | base64}], text?, thread_ts?}, or the same as multipart/form-data
                    with the files as parts
Actions answer {ok, error, views, ephemeral, messages, updated}: what became visible to the person. What the person
cannot do is status 409 with {ok: false, error: sentence}, a malformed request status 400.

Reading:
  GET  state | clock | log?since=&kind=&method=&limit= | messages?channel= | read?user=&channel= | inbox?user= |
       views?user= | faults | limits | switches
  GET  reached?team=&user=&channel=&since= is all that people of another company, and guests, could ever see
Machinery:
  POST clock/to {at, zone?} | clock/next | faults [{kind, method?, channel?, count?, skip?, probability?, seed?,
       error?, retry_after?, seconds?, when?}] | admin/{action} {...};  DELETE faults
  POST switches {name: position}: what is not known of the real Slack
  POST deliver {kind: "command" | "interaction" | "event", payload, over?, signature?} gives the bot a payload just as
       it is, over "socket" or "http"; over HTTP signed "right", "wrong", "missing", "old", "tampered" or "replayed"
  POST replay {n} delivers entry n of the log once more; of kind "http" byte for byte
"""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from bot.sandbox import find
from bot.sandbox.admin import Admin
from bot.sandbox.delivery.events import Events
from bot.sandbox.delivery.wire import Wire
from bot.sandbox.faults import Faults, described
from bot.sandbox.log import Log
from bot.sandbox.people import People
from bot.sandbox.reading import Reading
from bot.sandbox.refused import Refused
from bot.sandbox.world import World

Json = dict[str, Any]
Files = list[tuple[str, bytes]]
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


async def _listed(request: web.Request) -> tuple[Json, Files]:
    """An upload as JSON: each file as text or as base64."""
    args = await body_of(request)
    return args, [(one["name"], _content(one)) for one in args["files"]]


def _content(one: Json) -> bytes:
    return base64.b64decode(one["base64"], validate=True) if "base64" in one else str(one["text"]).encode()


async def _form(request: web.Request) -> tuple[Json, Files]:
    """An upload as a form: every part with a file name is a file."""
    form = await request.post()
    files = [(one.filename, one.file.read()) for one in form.values() if isinstance(one, web.FileField)]
    return {name: value for name, value in form.items() if isinstance(value, str)}, files


INVITE = "/invite"
"""A command of Slack's own, which no app receives."""


class Driver:
    def __init__(
        self, world: World, people: People, admin: Admin, *, events: Events, wire: Wire, faults: Faults, log: Log
    ) -> None:
        self._world = world
        self._people = people
        self._admin = admin
        self._wire = wire
        self._faults = faults
        self._reading = Reading(world, people, events, log)

    def routes(self) -> list[web.RouteDef]:
        posts = {
            "command": self._command,
            "click": self._click,
            "shortcut": self._shortcut,
            "view_action": self._view_action,
            "fill": self._fill,
            "submit": self._submit,
            "suggest": self._suggest,
            "close": self._close,
            "home": self._home,
            "message": self._message,
            "edit": self._edit,
            "delete": self._delete,
            "upload": self._upload,
            "deliver": self._deliver,
            "replay": self._replay,
            "admin/{action}": self._do_admin,
            "faults": self._add_faults,
            "switches": self._set_switches,
            "clock/to": self._clock_to,
            "clock/next": self._clock_next,
        }
        gets = self._reading.routes() | {"faults": self._show_faults}
        found = [web.post(f"/_local/{path}", answered(route)) for path, route in posts.items()]
        found += [web.get(f"/_local/{path}", answered(route)) for path, route in gets.items()]
        found.append(web.get("/_local/", answered(self._help)))
        return [*found, web.delete("/_local/faults", answered(self._clear_faults))]

    async def _help(self, _request: web.Request) -> Json:
        interface = (__doc__ or "").splitlines()
        return {"interface": interface, "admin": list(self._admin.actions), "faults": described()}

    # people

    async def _command(self, request: web.Request) -> Json:
        args = await body_of(request)
        if args["command"] == INVITE:
            return await self._invite(args)
        return await self._people.command(
            args["user"], args.get("channel", "bot"), args["command"], args.get("text", "")
        )

    async def _invite(self, args: Json) -> Json:
        """Slack's own `/invite @name`, of anybody who is in the channel: how an app gets into one."""
        world = self._world
        user = find.person(world, args["user"])
        channel = find.place(world, user, args.get("channel", "bot"))
        named = str(args.get("text") or "").strip().removeprefix("@").casefold()
        everybody = {one.id: (one.name, one.label) for one in world.users.values()}
        everybody[world.app.bot_user_id] = (world.app.name, world.app.name)
        found = [one for one, names in everybody.items() if named in (name.casefold() for name in names)]
        if channel.is_im or user.id not in channel.members:
            raise Refused(f"{INVITE} works in a channel that you are in")
        if not named or not found:
            raise Refused(f"{INVITE} @name: there is nobody called “{named}” here")
        await self._admin.do("invite", {"channel": channel.id, "user": found[0], "by": user.id})
        return {"ok": True, "error": None, "views": [], "ephemeral": [], "messages": [], "updated": []}

    async def _click(self, request: web.Request) -> Json:
        args = await body_of(request)
        return await self._people.click(args["user"], args["channel"], args["ts"], args)

    async def _shortcut(self, request: web.Request) -> Json:
        args = await body_of(request)
        name = args.get("callback_id") or args["label"]
        return await self._people.shortcut(args["user"], args["channel"], args["ts"], name)

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
        return await self._people.writing.message(
            args["user"], args.get("channel", "bot"), args["text"], args.get("thread_ts")
        )

    async def _edit(self, request: web.Request) -> Json:
        args = await body_of(request)
        return await self._people.writing.edit(args["user"], args.get("channel", "bot"), args["ts"], args["text"])

    async def _delete(self, request: web.Request) -> Json:
        args = await body_of(request)
        return await self._people.writing.delete(args["user"], args.get("channel", "bot"), args["ts"])

    async def _upload(self, request: web.Request) -> Json:
        multipart = request.content_type.startswith("multipart/")
        args, files = await (_form(request) if multipart else _listed(request))
        return await self._people.writing.upload(
            args["user"], args.get("channel", "bot"), files, args.get("text") or "", args.get("thread_ts") or None
        )

    # machinery

    async def _deliver(self, request: web.Request) -> Json:
        args = await body_of(request)
        if not isinstance(args["payload"], dict):
            raise TypeError("the payload must be a JSON object")
        over, signature = str(args.get("over") or ""), str(args.get("signature") or "")
        return await self._wire.deliver(args["kind"], args["payload"], over=over, signature=signature)

    async def _replay(self, request: web.Request) -> Json:
        return await self._wire.replay(int((await body_of(request))["n"]))

    async def _do_admin(self, request: web.Request) -> Json:
        return await self._admin.do(request.match_info["action"], await body_of(request))

    async def _add_faults(self, request: web.Request) -> Json:
        rows = json.loads(await request.text())
        self._faults.add(rows if isinstance(rows, list) else [rows])
        return await self._show_faults(request)

    async def _set_switches(self, request: web.Request) -> Json:
        self._world.switches.set(await body_of(request))
        self._world.watches.touch()
        return {"ok": True, "switches": self._world.switches.to_dict()}

    async def _show_faults(self, _request: web.Request) -> Json:
        return {"ok": True, "faults": [rule.to_dict() for rule in self._faults.rules]}

    async def _clear_faults(self, _request: web.Request) -> Json:
        self._faults.clear()
        return {"ok": True, "faults": []}

    async def _clock_to(self, request: web.Request) -> Json:
        args = await body_of(request)
        at = datetime.fromisoformat(args["at"])
        if at.tzinfo is None:
            at = at.replace(tzinfo=ZoneInfo(args.get("zone") or self._world.company_tz))
        moved = await self._world.clock.advance_to(at)
        self._world.watches.touch()
        return {"ok": True, **moved.to_dict(), "clock": self._reading.clock_json()}

    async def _clock_next(self, _request: web.Request) -> Json:
        moved = await self._world.clock.advance_next()
        self._world.watches.touch()
        return {"ok": True, **moved.to_dict(), "clock": self._reading.clock_json()}
