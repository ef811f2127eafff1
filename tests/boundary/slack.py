"""A Slack that says yes and remembers what was said to whom: the views, the ephemerals, the messages."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Json = dict[str, Any]


@dataclass
class Listening:
    """What our bot has said since `said` was emptied, as (method, arguments)."""

    users: dict[str, Json]
    team: str
    channels: dict[str, Json] = field(default_factory=dict)
    enterprise: str = ""
    said: list[tuple[str, Json]] = field(default_factory=list)
    url: str = ""
    file: bytes = b""
    _views: int = 0

    def words(self) -> str:
        """All of it, as text."""
        return json.dumps(self.said, ensure_ascii=False)

    def views(self) -> list[Json]:
        """The views it opened, pushed, drew anew or published."""
        return [arguments["view"] for method, arguments in self.said if method.startswith("views.")]

    def named(self, method: str) -> list[Json]:
        return [arguments for name, arguments in self.said if name == method]

    async def answer(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        given = await _arguments(request)
        if method.startswith(("views.", "chat.")):
            self.said.append((method, given))
        return web.json_response({"ok": True} | self.reply(method, given))

    def reply(self, method: str, given: Json) -> Json:
        if method.startswith("views."):
            self._views += 1
            return {"view": {"id": str(given.get("view_id") or f"V{self._views:04d}"), "hash": "h"}}
        if method == "auth.test":
            return {"team_id": self.team, "user_id": "U0CADENCE", "bot_id": "B0BOT", "enterprise_id": self.enterprise}
        if method == "users.list":
            return {"members": list(self.users.values())}
        if method == "users.info":
            user = self.users.get(str(given.get("user")))
            return {"user": user} if user is not None else {"ok": False, "error": "user_not_found"}
        if method == "conversations.list":
            return {"channels": list(self.channels.values())}
        if method == "conversations.info":
            known = self.channels.get(str(given.get("channel")))
            return {"channel": known} if known is not None else {"ok": False, "error": "channel_not_found"}
        if method == "files.info":
            address = self.url.replace("/api/", "/file.csv")
            return {"file": {"id": given["file"], "size": len(self.file), "url_private_download": address}}
        if method == "conversations.open":
            return {"channel": {"id": f"D{given.get('users')}"}}
        if method == "conversations.members":
            return {"members": list(self.channels.get(str(given.get("channel")), {}).get("members", ()))}
        return {"channel": str(given.get("channel") or ""), "ts": "1.000001", "channels": []}

    async def give(self, _: web.Request) -> web.Response:
        return web.Response(body=self.file, headers={"Content-Type": "text/csv"})


async def _arguments(request: web.Request) -> Json:
    if request.content_type == "application/json":
        return dict(await request.json())
    given = {**request.query, **(await request.post())}
    for name in ("view", "blocks"):
        if isinstance(given.get(name), str):
            given[name] = json.loads(str(given[name]))
    return dict(given)


@asynccontextmanager
async def listening(users: list[Json], team: str, channels: list[Json]) -> AsyncIterator[Listening]:
    heard = Listening({user["id"]: user for user in users}, team, {one["id"]: one for one in channels})
    app = web.Application(client_max_size=8 * 1024 * 1024)
    app.router.add_route("*", "/api/{method}", heard.answer)
    app.router.add_get("/file.csv", heard.give)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    heard.url = f"http://127.0.0.1:{runner.addresses[0][1]}/api/"
    try:
        yield heard
    finally:
        await runner.cleanup()
