"""`cadence sandbox`: a local Slack with a demo company, the bot against it over the wire, on embedded defaults."""

import asyncio
import socket
import tempfile
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from sqlalchemy import select

from bot import schema
from bot.app import Bot, build, kept_quarters
from bot.demo import joint, setup, signing
from bot.demo.build import Company
from bot.demo.company import make_company
from bot.demo.guide import first_day, guide
from bot.sandbox import Sandbox, SandboxOptions, Seed, start
from bot.settings import Settings, environment_name, load
from models import cadences, meetings, people
from models.db import Database
from models.domain.policy import Policy
from models.domain.workdays import WorkCalendar
from models.domain.zones import local_to_utc, zone
from models.tables import Cadence, Partner, Person
from scheduling.plan import materialise

APP_TOKEN = "xapp-local"  # noqa: S105 - the local Slack's own, worth nothing anywhere else
BOT_TOKEN = "xoxb-local"  # noqa: S105 - likewise
SECRET = "local-signing-secret"  # noqa: S105 - likewise
MONDAY_MORNING = time(8)
EXPORT = "deals.csv"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Trying:
    """What the command was asked for."""

    port: int
    no_bot: bool
    bot_url: str
    http: bool
    keep: Path | None
    seed: int
    manifest: Path
    empty: bool = False
    """The first day: the people and channels are there, and Cadence knows nobody yet."""
    quarter: bool = False
    """From the next fiscal quarter's first Monday on, with every meeting of the quarter's table turned on."""


async def run(options: Trying, *, say: Say) -> None:
    """Serve until cancelled."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cadence-")))
        path = (options.keep or folder / "demo.db").resolve()
        company = make_company(first_day_of(options, datetime.now(UTC).date()), options.seed)
        url = f"sqlite:///{path}"
        if not path.exists():
            await (begin(url) if options.empty else prepare(url, company, quarter=options.quarter))
        if options.empty:
            export = folder / EXPORT
            export.write_text(company.deals_csv, encoding="utf-8")
            say(f"The CRM's export, to be dropped on Cadence: {export}")
        if options.no_bot:
            await _alone(options, company, url, stack, say)
        else:
            await _together(options, company, url, stack, say)
        await asyncio.Event().wait()


async def begin(url: str) -> None:
    """A database with nothing in it but its schema."""
    db = Database(url)
    try:
        await schema.upgrade(db)
    finally:
        await db.close()


async def _alone(options: Trying, company: Company, url: str, stack: AsyncExitStack, say: Say) -> None:
    """The local Slack alone, and the environment that `cadence run` needs to meet it."""
    local = await start(_options(options, company, options.bot_url), seed_of(company, empty=options.empty))
    stack.push_async_callback(local.close)
    say(f"The local Slack is at {local.url}. It waits for a bot at {options.bot_url}. In another terminal:\n")
    port = urlparse(options.bot_url).port or 80
    for name, value in (environment(local, company, url, http=options.http) | _reached(options.bot_url, port)).items():
        say(f"  export {name}={value}")
    say("  .venv/bin/cadence run\n")


async def _together(options: Trying, company: Company, url: str, stack: AsyncExitStack, say: Say) -> None:
    """The local Slack and the bot in one process; they still speak over the wire only."""
    local, bot = await together(options, company, url)
    stack.push_async_callback(local.close)
    stack.push_async_callback(bot.stop)
    what = "the first day of Cadence in it" if options.empty else "a demo company"
    what += " and its whole quarter" if options.quarter else ""
    say(f"Open {local.url} in a browser: a local Slack with {what}. Ctrl-C ends it.")


async def together(options: Trying, company: Company, url: str) -> tuple[Sandbox, Bot]:
    """Start both; the bot's own server listens on a free port that the local Slack is told."""
    port = _free_port()
    seed = seed_of(company, empty=options.empty)
    local = await start(_options(options, company, f"http://127.0.0.1:{port}"), seed)
    reached = _reached(f"http://127.0.0.1:{port}", port)
    try:
        settings = settings_for(environment(local, company, url, http=options.http) | reached)
        bot = build(settings, kept=await kept_quarters(settings))
        await bot.start()
    except BaseException:
        await local.close()
        raise
    return local, bot


def seed_of(company: Company, *, empty: bool = False) -> Seed:
    """The company's workspace, and the guide through its week, or through the first day of an empty one."""
    return Seed.from_dict(company.workspace | {"guide": first_day(company, EXPORT) if empty else guide(company)})


def _options(options: Trying, company: Company, bot_url: str) -> SandboxOptions:
    return SandboxOptions(
        port=options.port,
        manifest=options.manifest,
        bot_token=BOT_TOKEN,
        app_token=APP_TOKEN,
        signing_secret=SECRET,
        bot_url=bot_url,
        deliver="http" if options.http else "socket",
        start_at=starts_at(company),
    )


def starts_at(company: Company) -> datetime:
    """Monday morning in the company's zone: the whole week lies ahead."""
    return local_to_utc(company.today, MONDAY_MORNING, zone(company.settings["zone"]))


def first_day_of(options: Trying, today: date) -> date:
    """The Monday the demo begins on."""
    if not options.quarter:
        return first_monday(today)
    fiscal = Policy().fiscal
    return first_monday(fiscal.week_starts(fiscal.next(fiscal.week_of(today)[0]), 1))


def first_monday(today: date, calendar: str = "GB-ENG") -> date:
    """The next Monday (today counts) of an ordinary week, without a holiday in it: a newcomer should see the rule."""
    days = WorkCalendar(code=calendar)
    monday = today + timedelta(days=-today.weekday() % 7)
    while any(days.is_holiday(monday + timedelta(days=offset)) for offset in range(5)):
        monday += timedelta(days=7)
    return monday


async def prepare(url: str, company: Company, *, quarter: bool = False) -> None:
    """A database with the demo company in it: through the real import, and a weekly review for each Tier 1 partner.

    Some deals are joint with one of them. `quarter`: the other meetings of the quarter are on as well.
    """
    db = Database(url)
    try:
        await schema.upgrade(db)
        await setup.load(db, company)
        await signing.sign(db, company)
        await joint.share(db, company)
        now = starts_at(company) - timedelta(minutes=1)
        await set_up_reviews(db, policy_of(company), now=now)
        if quarter:
            await turn_all_on(db, policy_of(company), now=now)
    finally:
        await db.close()


async def set_up_reviews(db: Database, policy: Policy, *, now: datetime) -> None:
    """One weekly review for each Tier 1 partner, one after the other on Thursday from ten."""
    async with db.write() as session:
        rows = await session.scalars(
            select(Partner).where(Partner.tier == 1, Partner.pm_id.is_not(None)).order_by(Partner.name)
        )
        for partner in list(rows):
            pm = await session.get_one(Person, partner.pm_id)
            trial = Cadence(
                kind=cadences.Kind.WEEKLY_REVIEW, pm_id=pm.id, rule=cadences.weekly(policy.review_weekday),
                at=policy.review_at, zone=people.zone_of(pm, policy), minutes=policy.review_minutes,
            )  # fmt: skip
            free = await cadences.free_slots(session, trial, except_id=None, now=now, policy=policy, most=1)
            if free:
                await cadences.set_up_review(
                    session, partner, weekday=policy.review_weekday, at=free[0], minutes=policy.review_minutes,
                    by=pm, now=now, policy=policy,
                )  # fmt: skip
        await materialise(session, now=now, policy=policy)


async def turn_all_on(db: Database, policy: Policy, *, now: datetime) -> None:
    """Every row of the quarter's table."""
    async with db.write() as session:
        for row in await meetings.install(session, now=now):
            await meetings.turn(session, row.key, on=True, by=None, now=now, policy=policy)
        await materialise(session, now=now, policy=policy)


def policy_of(company: Company) -> Policy:
    """The demo company's numbers."""
    return Policy.model_validate(company.settings)


def environment(local: Sandbox, company: Company, url: str, *, http: bool) -> dict[str, str]:
    """What `cadence run` reads to meet this local Slack: exactly what a real installation sets."""
    door = {"SLACK_SIGNING_SECRET": SECRET} if http else {"SLACK_APP_TOKEN": APP_TOKEN}
    own = {f"CADENCE_{name.upper()}": str(value) for name, value in company.settings.items()}
    return {
        "SLACK_BOT_TOKEN": BOT_TOKEN,
        **door,
        "SLACK_API_URL": local.api_url,
        "DATABASE_URL": url,
        "CADENCE_SIMULATED_CLOCK": "1",
        **own,
    }


def _reached(bot_url: str, port: int) -> dict[str, str]:
    """Where the bot's own server listens, and what the calendar addresses it hands out begin with."""
    return {"PORT": str(port), "CADENCE_PUBLIC_URL": bot_url}


def settings_for(environment_: Mapping[str, str]) -> Settings:
    """Settings from these variables instead of the process's own."""
    names = {environment_name(field): field for field in Settings.model_fields}
    given: dict[str, Any] = {names[key]: value for key, value in environment_.items() if key in names}
    return load(**given)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
