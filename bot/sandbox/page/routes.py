from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from jinja2 import Environment

from bot.sandbox.models import User
from bot.sandbox.page.html import answer
from bot.sandbox.page.render import BOT, HOME, Place, Renderer, first_unread
from bot.sandbox.world import SLACKBOT, World

Json = dict[str, Any]
STATIC = Path(__file__).parent / "static"
TYPES = {".css": "text/css", ".js": "text/javascript"}
SERVED = frozenset(one.name for one in STATIC.iterdir() if one.suffix in TYPES)
POLL_SECONDS = 20.0


class Pages:
    """HTML for people; what they do goes through the driver's routes."""

    def __init__(self, world: World, env: Environment) -> None:
        self._world = world
        self._env = env

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/", self._page),
            web.get("/_page/parts", self._parts),
            web.get("/_page/changes", self._changes),
            web.get("/_page/{name}", self._static),
            web.get("/archives/{channel}/{message}", self._permalink),
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
            return answer(self._env.get_template("empty.html").render(world=self._world))
        renderer = Renderer(self._world, self._env, place)
        title = "Home" if place.at == HOME else renderer.channel.name or self._world.app.name
        return answer(renderer.whole(title=title, version=self._world.watches.version))

    async def _parts(self, request: web.Request) -> web.Response:
        """The fragments as JSON; `read=1` also marks what is shown as seen."""
        place = self._place(request)
        if place is None:
            return web.json_response({}, status=404)
        renderer = Renderer(self._world, self._env, place)
        fresh = first_unread(renderer.channel, place.viewer) if place.at != HOME else ""
        if place.at != HOME and request.query.get("read") == "1":
            shown = renderer.channel.shown_to(place.viewer.id)
            if shown:
                renderer.channel.read[place.viewer.id] = shown[-1].ts
        version = self._world.watches.version
        modal, key = renderer.modal()
        parts = renderer.parts() | {"modal": modal}
        body: Json = {"version": version, "parts": parts, "modal_key": key, "fresh": fresh}
        return web.json_response(body, headers={"Cache-Control": "no-store"})

    async def _changes(self, request: web.Request) -> web.Response:
        """Answers when something changed after version `since`, or after a while."""
        version = await self._world.watches.changed(int(request.query.get("since", "0")), POLL_SECONDS)
        return web.json_response({"version": version})

    async def _static(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in SERVED:
            return web.Response(status=404, text="There is no such file.")
        path = STATIC / name
        text = path.read_text(encoding="utf-8")
        return web.Response(text=text, content_type=TYPES[path.suffix], headers={"Cache-Control": "no-cache"})

    async def _permalink(self, request: web.Request) -> web.Response:
        """Where a link to a message leads: as whoever followed it, if they can see the place."""
        world = self._world
        channel = world.channels.get(request.match_info["channel"])
        if channel is None:
            return web.Response(status=404, text="There is no such channel.")
        asked = self._viewer(request.query.get("as", ""))
        readers = [one for one in (asked, *map(world.users.get, channel.members)) if one is not None and not one.is_bot]
        viewer = channel.im_user or next((one.id for one in readers if world.sees(one, channel)), "")
        query = {"as": viewer, "at": BOT if channel.is_im else channel.id}
        if request.query.get("thread_ts"):
            query["thread"] = request.query["thread_ts"]
        digits = request.match_info["message"].removeprefix("p")
        return web.Response(status=302, headers={"Location": f"/?{urlencode(query)}#m{digits}"})
