"""A Slack that keeps what it is told, in process: messages with metadata, channels, Homes, and faults on demand."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aiohttp import web

Json = dict[str, Any]
TEAM, BOT_USER, BOT = "T1", "UBOT", "B1"


@dataclass
class Fault:
    """Breaks the next `times` calls of `method`. `kind`:

    lose: do it, then drop the connection. error: refuse with `error`. after: do it, then say `error`.
    http: answer `status` without doing it. http_after: do it, then answer `status`. limit: 429 with `retry_after`.
    slow: do it at once, answer `seconds` later. garbage: do it, then answer what is no JSON.
    """

    method: str
    kind: str
    times: int = 1
    error: str = "internal_error"
    status: int = 500
    retry_after: int = 1
    seconds: float = 5.0
    skip: int = 0


class ApiError(Exception):
    pass


@dataclass
class FakeSlack:
    now: Callable[[], datetime]
    base_url: str = ""
    messages: dict[str, list[Json]] = field(default_factory=lambda: defaultdict(list))
    channels: dict[str, Json] = field(default_factory=dict)
    homes: dict[str, list[Json]] = field(default_factory=lambda: defaultdict(list))
    dms: dict[str, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    calls: list[tuple[str, Json]] = field(default_factory=list)
    page_size: int = 100
    undiscoverable: set[str] = field(default_factory=set)
    most_at_once: int = 0
    files: dict[str, Json] = field(default_factory=dict)
    members: dict[str, list[str]] = field(default_factory=dict)
    """Who is in a channel besides the bot."""
    users: dict[str, Json] = field(default_factory=dict)
    """What users.info says of people whom no row knows."""
    enterprise: str = ""
    late_shares: int = 0
    """How many times files.info does not yet say where a file was shared."""
    _last: int = 0
    _at_once: int = 0
    _runner: web.AppRunner | None = None

    async def start(self) -> "FakeSlack":
        app = web.Application()
        app.router.add_route("*", "/api/{method}", self._handle)
        app.router.add_post("/upload/{id}", self._take)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        assert site._server is not None
        self.base_url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}/api/"
        return self

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def channel(self, slack_id: str, name: str, **flags: Any) -> Json:
        """A channel that is ours alone and has the bot in it, unless the flags say otherwise."""
        self.channels[slack_id] = {
            "id": slack_id,
            "name": name,
            "is_channel": True,
            "is_private": False,
            "is_member": True,
            "is_archived": False,
            "is_shared": False,
            "is_ext_shared": False,
            "is_org_shared": False,
            "is_pending_ext_shared": False,
            "pending_shared": [],
            "connected_team_ids": [],
            **flags,
        }
        return self.channels[slack_id]

    def fail(self, method: str, kind: str, **how: Any) -> None:
        self.faults.append(Fault(method, kind, **how))

    def called(self, method: str) -> list[Json]:
        return [args for name, args in self.calls if name == method]

    def keys(self) -> list[str]:
        """The keys of every message that stands."""
        return [
            message["metadata"]["event_payload"]["key"]
            for messages in self.messages.values()
            for message in messages
            if "metadata" in message
        ]

    def texts(self, channel: str) -> list[str]:
        return [message["text"] for message in self.messages[channel]]

    def add(self, channel: str, text: str, *, user: str = BOT_USER, **more: Any) -> Json:
        micros = max(int(self.now().timestamp() * 1_000_000), self._last + 1)
        self._last = micros
        message = {
            "type": "message",
            "user": user,
            "text": text,
            "ts": f"{micros // 1_000_000}.{micros % 1_000_000:06}",
        }
        if user == BOT_USER:
            message["bot_id"] = BOT
        message |= {name: value for name, value in more.items() if value is not None}
        self.messages[channel].append(message)
        return message

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        raw = await request.text()
        args: Json = dict(request.query) | (json.loads(raw) if raw else {})
        self.calls.append((method, args))
        fault = self._fault(method)
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            return await self._answer(request, method, args, fault)
        finally:
            self._at_once -= 1

    async def _answer(self, request: web.Request, method: str, args: Json, fault: Fault | None) -> web.StreamResponse:
        kind = fault.kind if fault is not None else ""
        if fault is not None and kind in ("error", "http", "limit"):
            if kind == "limit":
                return web.json_response(
                    {"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": str(fault.retry_after)}
                )
            if kind == "http":
                return web.Response(status=fault.status, text="oops", content_type="text/html")
            return web.json_response({"ok": False, "error": fault.error})
        try:
            body = {"ok": True, **self._do(method, args)}
        except ApiError as error:
            return web.json_response({"ok": False, "error": str(error)})
        if fault is not None:
            if kind == "slow":
                await asyncio.sleep(fault.seconds)
            elif kind == "lose":
                assert request.transport is not None
                request.transport.abort()
            elif kind == "garbage":
                return web.Response(text="<html>", content_type="application/json")
            elif kind == "http_after":
                return web.json_response({"ok": False, "error": "whatever"}, status=fault.status)
            elif kind == "after":
                return web.json_response({"ok": False, "error": fault.error})
        else:
            await asyncio.sleep(0)
        return web.json_response(body)

    def _fault(self, method: str) -> Fault | None:
        for fault in self.faults:
            if fault.method != method or fault.times <= 0:
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            fault.times -= 1
            return fault
        return None

    def _do(self, method: str, args: Json) -> Json:
        return getattr(self, "do_" + method.replace(".", "_"))(args)

    def do_auth_test(self, _args: Json) -> Json:
        grid = {"enterprise_id": self.enterprise} if self.enterprise else {}
        return {"team_id": TEAM, "user_id": BOT_USER, "bot_id": BOT} | grid

    def do_conversations_members(self, args: Json) -> Json:
        if args["channel"] not in self.channels:
            raise ApiError("channel_not_found")
        rows = [BOT_USER, *self.members.get(args["channel"], [])]
        start = int(args.get("cursor") or 0)
        end = start + self.page_size
        return {"members": rows[start:end], "response_metadata": {"next_cursor": str(end) if end < len(rows) else ""}}

    def do_users_info(self, args: Json) -> Json:
        if args["user"] not in self.users:
            raise ApiError("user_not_found")
        return {"user": self.users[args["user"]]}

    def do_users_list(self, args: Json) -> Json:
        rows = [user for user in self.users.values() if user["team_id"] == TEAM]
        start = int(args.get("cursor") or 0)
        end = start + self.page_size
        return {"members": rows[start:end], "response_metadata": {"next_cursor": str(end) if end < len(rows) else ""}}

    def user(self, slack_id: str, *, team: str = TEAM, channel: str = "", **flags: Any) -> str:
        """Somebody whom no row knows, perhaps in a channel."""
        self.users[slack_id] = {"id": slack_id, "team_id": team, "real_name": f"Name {slack_id}", **flags}
        if channel:
            self.members.setdefault(channel, []).append(slack_id)
        return slack_id

    def do_conversations_open(self, args: Json) -> Json:
        user = args["users"]
        if user == "UGONE":
            raise ApiError("user_not_found")
        return {"channel": {"id": self.dms.setdefault(user, f"D{user}")}}

    def do_conversations_info(self, args: Json) -> Json:
        if args["channel"] not in self.channels:
            raise ApiError("channel_not_found")
        return {"channel": self.channels[args["channel"]]}

    def do_conversations_list(self, args: Json) -> Json:
        rows = [row for key, row in self.channels.items() if key not in self.undiscoverable]
        start = int(args.get("cursor") or 0)
        end = start + self.page_size
        following = str(end) if end < len(rows) else ""
        return {"channels": rows[start:end], "response_metadata": {"next_cursor": following}}

    def _writable(self, channel: str) -> None:
        if channel.startswith("D"):
            if channel not in self.dms.values():
                raise ApiError("channel_not_found")
            return
        found = self.channels.get(channel)
        if found is None:
            raise ApiError("channel_not_found")
        if found["is_archived"]:
            raise ApiError("is_archived")
        if not found["is_member"]:
            raise ApiError("not_in_channel")

    def do_chat_postMessage(self, args: Json) -> Json:
        self._writable(args["channel"])
        message = self.add(
            args["channel"],
            args["text"],
            blocks=args.get("blocks"),
            metadata=args.get("metadata"),
            thread_ts=args.get("thread_ts"),
        )
        return {"channel": args["channel"], "ts": message["ts"], "message": message}

    def do_files_getUploadURLExternal(self, args: Json) -> Json:
        file = {"id": f"F{len(self.files) + 1}", "name": args["filename"], "length": int(args["length"]), "shares": {}}
        self.files[file["id"]] = file
        return {"file_id": file["id"], "upload_url": self.base_url.replace("/api/", f"/upload/{file['id']}")}

    async def _take(self, request: web.Request) -> web.Response:
        file = self.files[request.match_info["id"]]
        fault = self._fault("upload")
        if fault is not None:
            return web.Response(status=fault.status)
        file["data"] = await request.read()
        assert len(file["data"]) == file["length"]
        return web.Response(text=f"OK - {file['length']}")

    def do_files_completeUploadExternal(self, args: Json) -> Json:
        self._writable(args["channel_id"])
        (named,) = args["files"]
        file = self.files[named["id"]]
        assert "data" in file, "completed before the bytes were there"
        message = self.add(
            args["channel_id"], args["initial_comment"], files=[file["id"]], thread_ts=args.get("thread_ts")
        )
        kind = "private" if args["channel_id"].startswith("D") else "public"
        file["shares"].setdefault(kind, {}).setdefault(args["channel_id"], []).append({"ts": message["ts"]})
        return {"files": [{"id": file["id"], "title": named["title"]}]}

    def do_files_info(self, args: Json) -> Json:
        file = self.files.get(args["file"])
        if file is None or not file["shares"]:
            raise ApiError("file_not_found")
        shares = file["shares"]
        if self.late_shares > 0:
            self.late_shares, shares = self.late_shares - 1, {}
        return {"file": {"id": file["id"], "shares": shares}}

    def do_chat_update(self, args: Json) -> Json:
        self._writable(args["channel"])
        for message in self.messages[args["channel"]]:
            if message["ts"] == args["ts"]:
                message["text"] = args["text"]
                message["blocks"] = args.get("blocks", [])
                return {"channel": args["channel"], "ts": args["ts"]}
        raise ApiError("message_not_found")

    def do_views_publish(self, args: Json) -> Json:
        self.homes[args["user_id"]].append(args["view"])
        return {"view": {"id": "V1"}}

    def _read(self, args: Json, rows: list[Json]) -> Json:
        found = self.channels.get(args["channel"])
        if found is not None and not found["is_member"]:
            raise ApiError("not_in_channel")
        assert args.get("include_all_metadata") in ("1", 1)
        rows = [row for row in rows if float(row["ts"]) >= float(args.get("oldest", 0))]
        start = int(args.get("cursor") or 0)
        end = start + self.page_size
        more = end < len(rows)
        return {
            "messages": rows[start:end],
            "has_more": more,
            "response_metadata": {"next_cursor": str(end) if more else ""},
        }

    def do_conversations_history(self, args: Json) -> Json:
        rows = [row for row in self.messages[args["channel"]] if "thread_ts" not in row]
        return self._read(args, rows[::-1])

    def do_conversations_replies(self, args: Json) -> Json:
        rows = [row for row in self.messages[args["channel"]] if args["ts"] in (row["ts"], row.get("thread_ts"))]
        if not rows:
            raise ApiError("thread_not_found")
        return self._read(args, rows)
