"""Putting a local Slack together and serving it on the loopback address."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

import aiohttp
from aiohttp import web

from bot.sandbox.admin import Admin
from bot.sandbox.api.answers import ResponseUrls
from bot.sandbox.api.dispatch import WebApi
from bot.sandbox.clock import Clock
from bot.sandbox.control import HttpControl
from bot.sandbox.delivery.events import Events
from bot.sandbox.delivery.http import HttpLink
from bot.sandbox.delivery.link import Link
from bot.sandbox.delivery.socket import SocketLink
from bot.sandbox.delivery.wire import Wire
from bot.sandbox.driver import Driver
from bot.sandbox.faults import Faults
from bot.sandbox.log import Log
from bot.sandbox.manifest import Manifest
from bot.sandbox.options import SandboxOptions
from bot.sandbox.page.inspector import Inspector
from bot.sandbox.page.render import environment
from bot.sandbox.page.routes import Pages
from bot.sandbox.people import People
from bot.sandbox.seed import Seed
from bot.sandbox.storage import Storage
from bot.sandbox.world import World

HOST = "127.0.0.1"
SOON = 0.5
LARGEST = 16 * 1024 * 1024
logger = logging.getLogger(__name__)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Sandbox:
    """A running local Slack. `people`, `world` and `log` are for the process that started it."""

    def __init__(
        self, world: World, people: People, log: Log, *, events: Events, wire: Wire, link: Link, sockets: SocketLink
    ) -> None:
        self.world = world
        self.people = people
        self.log = log
        self.events = events
        self._wire = wire
        self._link = link
        self._sockets = sockets
        self._runner: web.AppRunner | None = None
        self._session: aiohttp.ClientSession | None = None
        self._heart: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return self.world.url

    @property
    def api_url(self) -> str:
        return f"{self.world.url}/api/"

    @property
    def clock(self) -> Clock:
        return self.world.clock

    def routes(self) -> list[tuple[str, str]]:
        """Every method and path that is served."""
        app = self._runner.app if self._runner is not None else None
        found = app.router.routes() if app is not None else ()
        return [(one.method, one.resource.canonical) for one in found if one.resource is not None]

    async def serve(self, app: web.Application, session: aiohttp.ClientSession) -> None:
        """Bind the port and start the heartbeat."""
        self._session = session
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, self.world.options.port)
        await site.start()
        port = self._runner.addresses[0][1]
        self.world.url = f"http://{HOST}:{port}"
        self._heart = asyncio.create_task(self._beat())

    async def _beat(self) -> None:
        """Follow a bot that comes and goes, and keep the page's list of what is coming fresh."""
        clock, world = self.world.clock, self.world
        while True:
            before = (clock.reachable, clock.due)
            await clock.beat()
            if before != (clock.reachable, clock.due):
                world.watches.touch()
            pause = world.options.heartbeat if clock.reachable else min(world.options.heartbeat, SOON)
            await asyncio.sleep(pause)

    async def close(self) -> None:
        """Stop serving; deliveries under way are dropped."""
        if self._heart is not None:
            self._heart.cancel()
            with suppress(asyncio.CancelledError):
                await self._heart
        await self.events.close()
        await self._wire.close()
        self.world.watches.close()
        await self._link.close()
        await self._sockets.close()
        if self._runner is not None:
            await self._runner.cleanup()
        if self._session is not None:
            await self._session.close()


@web.middleware
async def local_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what another site's page in the same browser could send here."""
    host = request.host.rsplit(":", 1)[0]
    origin = request.headers.get("Origin")
    if host not in (HOST, "localhost") or (origin is not None and origin != f"http://{request.host}"):
        return web.Response(status=403, text="This local Slack answers only pages of its own.")
    return await handler(request)


async def start(options: SandboxOptions, seed: Seed) -> Sandbox:
    """Build a local Slack and serve it. Raises OSError when the port is taken."""
    manifest = Manifest.read(options.manifest)
    session = aiohttp.ClientSession()
    control = HttpControl(session, options.bot_url, options.control_timeout) if options.bot_url else None
    clock = Clock(options.start_at, control)
    log, faults = Log(options.log_size, clock.now), Faults()
    world = World(options, seed, manifest, clock)
    events = Events(world, log, faults)
    sockets = SocketLink(options, seed.app.app_id, log, lambda: _connected(world, clock))
    callbacks = HttpLink(session, options, log) if options.bot_url or options.deliver == "http" else None
    over_http = callbacks if options.deliver == "http" else None
    link: Link = over_http or sockets
    events.connect(link)
    wire = Wire(world, events, sockets=sockets, callbacks=callbacks, log=log, faults=faults)
    people = People(world, events, wire)
    app = web.Application(middlewares=[local_only], client_max_size=LARGEST)
    app.router.add_route("*", "/api/{method}", WebApi(world, events, sockets, faults, log).handle)
    app.router.add_get("/link/", sockets.handle)
    app.router.add_post("/response/{team}/{id}", ResponseUrls(world, events, log).handle)
    app.add_routes(Storage(world, log).routes())
    admin = Admin(world, events, sockets, over_http)
    app.add_routes(Driver(world, people, admin, events=events, wire=wire, faults=faults, log=log).routes())
    env = environment()
    app.add_routes(Inspector(world, log, faults, env).routes())
    app.add_routes(Pages(world, env).routes())
    sandbox = Sandbox(world, people, log, events=events, wire=wire, link=link, sockets=sockets)
    try:
        await sandbox.serve(app, session)
    except OSError:
        await session.close()
        raise
    return sandbox


def _connected(world: World, clock: Clock) -> None:
    """A bot came (back): it is told the time at the next beat, even if it was thought to be there."""
    clock.reachable = False
    world.watches.touch()
