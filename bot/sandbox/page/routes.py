from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from bot.sandbox.log import Log
from bot.sandbox.models import User
from bot.sandbox.page.render import BOT, HOME, Place, Renderer, environment
from bot.sandbox.world import SLACKBOT, World

Json = dict[str, Any]
STATIC = Path(__file__).parent / "static"
TYPES = {"page.css": "text/css", "page.js": "text/javascript"}
POLL_SECONDS = 20.0
LOG_ROWS = 300
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'self'; img-src data:; style-src 'self' 'unsafe-inline'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class Pages:
    """HTML for people; what they do goes through the driver's routes."""

    def __init__(self, world: World, log: Log) -> None:
        self._world = world
        self._log = log
        self._env = environment()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/", self._page),
            web.get("/_page/parts", self._parts),
            web.get("/_page/changes", self._changes),
            web.get("/_page/{name:page[.](?:css|js)}", self._static),
            web.get("/archives/{channel}/{message}", self._permalink),
            web.get("/log", self._show_log),
        ]

    def _viewer(self, wanted: str) -> User | None:
        """The person asked for, else the first who can act."""
        world = self._world
        found = world.users.get(wanted)
        if found is not None and not found.is_bot:
            return found
        humans = [one for one in world.users.values() if not one.is_bot and one.id != SLACKBOT]
        return next((one for one in humans if not one.deleted), None)

    def _place(self, request: web.Request) -> Place | None:
        viewer = self._viewer(request.query.get("as", ""))
        if viewer is None:
            return None
        at = request.query.get("at", BOT)
        channel = self._world.channels.get(at)
        if at not in (HOME, BOT) and (channel is None or not self._world.sees(viewer, channel)):
            at = BOT
        if channel is not None and channel.is_im:
            at = BOT
        return Place(viewer, at, request.query.get("thread", ""))

    async def _page(self, request: web.Request) -> web.Response:
        place = self._place(request)
        if place is None:
            return self._html("<p>This workspace has no people. Seed it with some; this is not Slack.</p>")
        renderer = Renderer(self._world, self._env, place)
        title = "Home" if place.at == HOME else renderer.channel.name or self._world.app.name
        return self._html(renderer.whole(title=title, version=self._world.watches.version))

    async def _parts(self, request: web.Request) -> web.Response:
        """The fragments as JSON; `read=1` also marks what is shown as seen."""
        place = self._place(request)
        if place is None:
            return web.json_response({}, status=404)
        renderer = Renderer(self._world, self._env, place)
        if place.at != HOME and request.query.get("read") == "1":
            shown = renderer.channel.shown_to(place.viewer.id)
            if shown:
                renderer.channel.read[place.viewer.id] = shown[-1].ts
        version = self._world.watches.version
        modal, key = renderer.modal()
        parts = renderer.parts() | {"modal": modal}
        body: Json = {"version": version, "parts": parts, "modal_key": key}
        return web.json_response(body, headers={"Cache-Control": "no-store"})

    async def _changes(self, request: web.Request) -> web.Response:
        """Answers when something changed after version `since`, or after a while."""
        version = await self._world.watches.changed(int(request.query.get("since", "0")), POLL_SECONDS)
        return web.json_response({"version": version})

    async def _static(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        text = (STATIC / name).read_text(encoding="utf-8")
        return web.Response(text=text, content_type=TYPES[name], headers={"Cache-Control": "no-cache"})

    async def _permalink(self, request: web.Request) -> web.Response:
        channel = self._world.channels.get(request.match_info["channel"])
        if channel is None:
            return web.Response(status=404, text="There is no such channel.")
        query = {"at": BOT if channel.is_im else channel.id} | ({"as": channel.im_user} if channel.im_user else {})
        digits = request.match_info["message"].removeprefix("p")
        return web.Response(status=302, headers={"Location": f"/?{urlencode(query)}#m{digits}"})

    async def _show_log(self, _request: web.Request) -> web.Response:
        template = self._env.get_template("log.html")
        entries = list(reversed(self._log.read(limit=LOG_ROWS)))
        problems = list(reversed(self._world.problems))
        shown = template.render(world=self._world, entries=entries, total=self._log.count, problems=problems)
        return self._html(shown)

    def _html(self, text: str) -> web.Response:
        return web.Response(text=text, content_type="text/html", headers=HEADERS)
