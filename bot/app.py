"""The composition root: builds everything once, starts it, stops it. Nothing else makes an engine, an app or a clock."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.middleware.async_middleware import AsyncMiddleware
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.exc import SQLAlchemyError

from bot import directory, doctor, errors, failpoints, feed, schema
from bot.acks import wake_by_ack
from bot.clock import Clock, real_now
from bot.company import Company
from bot.delivery import CallFailed, Delivery, Limits
from bot.drafts import Drafts
from bot.engine import Engine
from bot.fetch import Slack
from bot.settings import Settings
from bot.web import make
from handlers.features import CARD_RENDERERS, PAGES, RENDERERS, SHARED_CARDS, SHARED_RENDERERS, register_all
from handlers.kit.caller import AdmitCaller
from handlers.kit.deps import KEY, Deps
from models import fiscal_calendar
from models.db import Database
from models.domain.errors import UserError
from models.domain.fiscal import Quarter
from scheduling.wakeups import Wakeups

logger = logging.getLogger("cadence")
PLAN_SECONDS = 30.0
RECONCILE_SECONDS = 3600.0
SWEEP_SECONDS = 60.0
"""How often it is looked whether a channel's hour is over."""
STALE_TICK = 60.0


@dataclass
class Bot:
    """The running bot. `url` is where its own HTTP server listens, once started."""

    settings: Settings
    db: Database
    clock: Clock
    engine: Engine
    bolt: AsyncApp
    client: AsyncWebClient
    wakeups: Wakeups | None = None
    socket: AsyncSocketModeHandler | None = None
    url: str = ""
    _tasks: list[asyncio.Task[Any]] = field(default_factory=list)
    _runner: web.AppRunner | None = None
    _session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Check the schema, meet Slack, then open the doors. Raises UserError with what to mend."""
        await schema.ensure(self.db)
        identity = await self._meet_slack()
        self._runner = web.AppRunner(self._web(), access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.settings.host, self.settings.port)
        try:
            await site.start()
        except OSError as error:
            place = f"{self.settings.host}:{self.settings.port}"
            raise UserError(
                f"{place} cannot be listened on ({os.strerror(error.errno or 0)}). Set PORT or HOST."
            ) from None
        self.url = _url(self._runner, self.settings)
        self._tasks = [asyncio.create_task(self.engine.run()), asyncio.create_task(self.engine.delivery.run())]
        if self.engine.drafts is not None:
            self._tasks.append(asyncio.create_task(self.engine.drafts.run()))
        if self.settings.socket_mode and self.settings.slack_app_token is not None:
            await self._open_socket(self.settings.slack_app_token.get_secret_value())
        self.wakeups = Wakeups(
            {
                "tick": (self.settings.tick_seconds, self._tick),
                "materialise": (PLAN_SECONDS, self.engine.plan),
                "reconcile": (RECONCILE_SECONDS, self.reconcile),
                "sweep": (SWEEP_SECONDS, self.engine.sweep),
            }
        )
        self.wakeups.start()
        if self.clock.started:
            await self.engine.look()
        logger.info("ready: mode=%s team=%s url=%s", "socket" if self.socket else "http", identity.team_id, self.url)

    async def _open_socket(self, token: str) -> None:
        try:
            # Asked here, because the SDK would try a wrong token again for ever.
            answer = await self.client.apps_connections_open(app_token=token)
        except SlackApiError as error:
            code = str(error.response.get("error"))
            raise UserError(
                f"Slack refuses SLACK_APP_TOKEN ({code}). Copy the app-level token with the scope connections:write; it "
                "begins with xapp-."
            ) from None
        self.socket = AsyncSocketModeHandler(self.bolt, token)
        self.socket.client.wss_uri = str(answer["url"])
        await self.socket.connect_async()  # type: ignore[no-untyped-call]

    async def _meet_slack(self) -> Any:
        try:
            identity = await self.engine.delivery.identify()
            await self.reconcile()
        except CallFailed as error:
            raise UserError(_refused(error.code, "")) from None
        except SlackApiError as error:
            raise UserError(_refused(errors.slack_code(error), errors.slack_code(error, "needed"))) from None
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise UserError(
                f"Slack does not answer at {self.settings.slack_api_url} ({type(error).__name__}). Is the address right, "
                "and is the network there?"
            ) from None
        return identity

    async def reconcile(self) -> None:
        """Once an hour, and at start: Slack's directory into people; old receipts forgotten."""
        identity = await self.engine.delivery.identify()
        now = self.clock.now() if self.clock.started else real_now()
        policy = self.engine.policy if self.clock.started else None
        await directory.sync(
            self.db, self.client, team_id=identity.team_id, enterprise_id=identity.enterprise_id,
            admin=self.settings.admin, now=now, policy=policy,
        )  # fmt: skip
        await self.engine.clean()

    async def _tick(self) -> None:
        await self.engine.tick()

    async def stop(self) -> None:
        """Close the doors, let calls in flight end, then the database."""
        if self.wakeups is not None:
            await self.wakeups.stop()
        if self.socket is not None:
            await self.socket.close_async()  # type: ignore[no-untyped-call]
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.engine.drafts is not None:
            await self.engine.drafts.stop()
        if self._runner is not None:
            await self._runner.cleanup()
        if self._session is not None:
            await self._session.close()
        await self.db.close()

    def _web(self) -> web.Application:
        bolt = None if self.settings.socket_mode else self.bolt
        control = self.engine if self.settings.is_loopback and self.clock.simulated else None
        calendar = feed.reader(self.db, self.clock, self.engine.policy)
        return make(bolt, control, self.health, calendar)

    async def health(self) -> dict[str, Any]:
        """What `/healthz` says: the database, the scheduler, the socket."""
        try:
            await self.db.ping()
            database = True
        except (SQLAlchemyError, OSError):
            database = False
        age = self.wakeups.age("tick") if self.wakeups else 0.0
        connected = self.socket is None or await self.socket.client.is_connected()
        ticking = age < max(STALE_TICK, 4 * self.settings.tick_seconds)
        return {
            "ok": database and ticking and connected,
            "database": database,
            "seconds_since_tick": round(age, 1),
            "slack": "socket connected" if self.socket and connected else ("socket lost" if self.socket else "http"),
        }


async def kept_quarters(settings: Settings) -> tuple[Quarter, ...]:
    """The fiscal quarters that began under earlier settings: their labels stand, so `build` wants them first.

    Raises UserError where the schema is not the newest and cannot be made so.
    """
    db = schema.connect(settings.database_url)
    try:
        await schema.ensure(db)
        async with db.read() as session:
            return await fiscal_calendar.stored(session)
    finally:
        await db.close()


def build(settings: Settings, *, kept: tuple[Quarter, ...] = (), limits: Limits | None = None) -> Bot:
    """Wire the parts; nothing runs yet. Call inside a running loop.

    `kept` are the quarters that have begun (`kept_quarters`); `limits` delivery's times, for the crash tests.
    """
    limits = limits or Limits()
    policy = settings.policy().model_copy(update={"kept_quarters": kept})
    db = schema.connect(settings.database_url)
    clock = Clock(simulated=settings.simulated_clock)
    token = settings.slack_bot_token.get_secret_value()
    failpoints.arm(os.environ, loopback=settings.is_loopback)
    session = aiohttp.ClientSession(trust_env=not settings.is_loopback)
    client = AsyncWebClient(
        token=token, base_url=settings.slack_api_url, retry_handlers=[], timeout=limits.call_seconds, session=session
    )
    delivery = Delivery(
        db=db,
        client=client,
        clock=clock,
        policy=policy,
        renderers=RENDERERS,
        card_renderers=CARD_RENDERERS,
        shared_renderers=SHARED_RENDERERS,
        shared_cards=SHARED_CARDS,
        limits=limits,
    )
    slack = Slack(delivery.desk.call, settings.slack_api_url, token, proxied=not settings.is_loopback)
    files = Drafts(
        db=db, clock=clock, policy=policy, slack=slack, directory=lambda: directory.all_users(client),
        team_id=lambda: delivery.identity.team_id if delivery.identity else "", said=delivery.wake,
        enterprise_id=lambda: delivery.identity.enterprise_id if delivery.identity else "",
    )  # fmt: skip
    engine = Engine(db=db, clock=clock, policy=policy, delivery=delivery, drafts=files)
    secret = settings.slack_signing_secret
    bolt = AsyncApp(
        logger=_bolt_logger(),
        client=client,
        signing_secret=secret.get_secret_value() if secret else "",
        authorize=_authorize(delivery, token),
        request_verification_enabled=not settings.socket_mode,
        # What only other kinds of app need, and every request would pay for.
        ssl_check_enabled=False,
        attaching_function_token_enabled=False,
        attaching_conversation_kwargs_enabled=False,
    )
    engine.listening = wake_by_ack(bolt).ended
    deps = Deps(
        db=db,
        policy=policy,
        now=clock.now,
        wake=engine.wake,
        team_id=lambda: delivery.identity.team_id if delivery.identity else "",
        examine=lambda: doctor.examine(doctor.Ground(settings, db, client, now=clock.now(), running=True)),
        pages=PAGES,
        public_url=settings.public_url,
        ours_alone=delivery.is_ours_alone,
        enterprise_id=lambda: delivery.identity.enterprise_id if delivery.identity else "",
    )

    bolt.use(GiveDeps(deps, clock))
    company = Company(delivery.identify, delivery.ask, db)
    bolt.use(AdmitCaller(company.ours, company.team_of))
    register_all(bolt)
    errors.register(bolt)
    bot = Bot(settings=settings, db=db, clock=clock, engine=engine, bolt=bolt, client=client)
    bot._session = session  # noqa: SLF001 - ours, closed in stop()
    return bot


class GiveDeps(AsyncMiddleware):
    """Puts the dependencies into each request's context. A class, because Bolt works out a function's arguments anew each time."""

    def __init__(self, deps: Deps, clock: Clock) -> None:
        self._deps, self._clock = deps, clock

    async def async_process(
        self,
        *,
        req: AsyncBoltRequest,
        resp: BoltResponse,  # noqa: ARG002 - Bolt's signature
        next: Callable[[], Awaitable[BoltResponse]],  # noqa: A002 - Bolt's name
    ) -> BoltResponse | None:
        if not self._clock.started:
            await self._clock.told()  # just born beside a local Slack, which tells the time within a second
        req.context[KEY] = self._deps
        return await next()


def _bolt_logger() -> logging.Logger:
    """Bolt's logger without its remark that `authorize` goes before SLACK_BOT_TOKEN: that is what we want."""
    found = logging.getLogger("slack_bolt.cadence")
    found.addFilter(lambda record: not str(record.msg).startswith("As `installation_store`"))
    return found


def _authorize(delivery: Delivery, token: str) -> Callable[..., Awaitable[AuthorizeResult]]:
    """Who we are is asked once at start; Bolt would ask again with each of the first requests."""

    async def authorize(**_: Any) -> AuthorizeResult:
        identity = await delivery.identify()
        return AuthorizeResult(
            enterprise_id=None,
            team_id=identity.team_id,
            bot_user_id=identity.bot_user_id,
            bot_id=identity.bot_id,
            bot_token=token,
        )

    return authorize


def _url(runner: web.AppRunner, settings: Settings) -> str:
    host, port = runner.addresses[0][:2]
    return f"http://{'127.0.0.1' if host in ('0.0.0.0', '::') else host}:{port or settings.port}"  # noqa: S104 - said, not bound


def _refused(code: str, needed: str) -> str:
    if code in ("invalid_auth", "not_authed", "account_inactive", "token_revoked"):
        return (
            f"Slack refuses SLACK_BOT_TOKEN ({code}). Install the app again and copy the token that begins with xoxb-."
        )
    if code == "missing_scope":
        return f"The app lacks the scope {needed}. Update it from app_manifest.yml and install it again."
    return f"Slack did not say who we are: {code}. Is SLACK_API_URL right, and is the network there?"
