"""The bytes of files: how they come in, and who may have them."""

from __future__ import annotations

from urllib.parse import quote

from aiohttp import BodyPartReader, web

from bot.sandbox.api.files import visible_to_app
from bot.sandbox.log import Log
from bot.sandbox.models import File
from bot.sandbox.world import World

IN_PAGE = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "text/plain", "text/csv", "application/pdf"})
"""What a browser may show; all else is saved, SVG and HTML above all: they carry scripts."""
HTTP_OK = 200
GUARDED = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cache-Control": "no-store",
}


class Storage:
    """Routes that take and give bytes; none of them is a method of the Web API."""

    def __init__(self, world: World, log: Log) -> None:
        self._world = world
        self._log = log

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/upload/v1/{id}", self._take),
            web.get("/files-pri/{key}/{name}", self._give_to_app),
            web.get("/files-pri/{key}/download/{name}", self._give_to_app),
            web.get("/files/{id}/{name}", self._give_to_person),
        ]

    async def _take(self, request: web.Request) -> web.Response:
        """The second step of an upload: the bytes as they are, or as one part of a form."""
        upload = self._world.uploads.get(request.match_info["id"])
        if upload is None:
            return self._taken(request, 404, "No upload waits at this address.")
        data = await _bytes(request)
        if len(data) != upload.length:
            return self._taken(request, 400, f"{len(data)} bytes came; {upload.length} were announced.")
        upload.file.data, upload.done = data, True
        return self._taken(request, HTTP_OK, f"OK - {len(data)}")

    def _taken(self, request: web.Request, status: int, text: str) -> web.Response:
        asked = {"url": str(request.rel_url), "content_type": request.content_type}
        answer = {"status": status, "text": text}
        self._log.add("api", "upload_url", asked, answer, error=None if status == HTTP_OK else text)
        return web.Response(status=status, text=text)

    async def _give_to_app(self, request: web.Request) -> web.Response:
        """`url_private`: for the bot's token with files:read. Everybody else is sent to a page to sign in, as on Slack."""
        world = self._world
        file = world.files.get(request.match_info["key"].rpartition("-")[2])
        token = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        allowed = token == world.options.bot_token and "files:read" in world.manifest.scopes
        if file is None or not allowed or not visible_to_app(world, file):
            to = f"/?redir={quote(request.path)}"
            self._log.add("api", "url_private", {"url": request.path}, {"status": 302}, error="signed_out")
            return web.Response(
                status=302, headers={"Location": to}, text="<html>Sign in</html>", content_type="text/html"
            )
        self._log.add("api", "url_private", {"url": request.path}, {"status": 200, "bytes": file.size})
        return _given(file)

    async def _give_to_person(self, request: web.Request) -> web.Response:
        """For the page: only to somebody who sees a place where it is shared, or whose it is."""
        world = self._world
        file = world.files.get(request.match_info["id"])
        reader = world.users.get(request.query.get("as", ""))
        if file is None or reader is None or not world.sees_file(reader, file):
            return web.Response(status=404, text="There is no such file for you.", headers=GUARDED)
        return _given(file)


def _given(file: File) -> web.Response:
    shown = "inline" if file.mimetype in IN_PAGE else "attachment"
    headers = {**GUARDED, "Content-Disposition": f"{shown}; filename*=UTF-8''{quote(file.name, safe='')}"}
    return web.Response(body=file.data, content_type=file.mimetype, headers=headers)


async def _bytes(request: web.Request) -> bytes:
    """The body of an upload; of a form the first file in it."""
    if not request.content_type.startswith("multipart/"):
        return await request.read()
    form = await request.multipart()
    while (part := await form.next()) is not None:
        if isinstance(part, BodyPartReader) and part.filename:
            return bytes(await part.read())
    return b""
