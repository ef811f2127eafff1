"""A team of one's own for a journey: people, partners and deals in a few words; the bot and the local Slack around them.

Everything goes the way users go: CSV files through the real import, clicks through the local Slack's driver, over real
HTTP and sockets.
"""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
from sqlalchemy import select

from bot.app import Bot, build
from bot.sandbox import Sandbox, SandboxOptions, Seed, start
from bot.trying import APP_TOKEN, BOT_TOKEN, SECRET, settings_for
from models import cadences
from models.db import Database
from models.domain.policy import Policy
from models.imports import import_deals, import_partners, import_people
from models.tables import Partner, Person
from tests.migrated import migrate
from tests.ports import free_port

MANIFEST = Path(__file__).resolve().parent.parent / "app_manifest.yml"
TEAM = "T0HOME"
BOT_USER = "U0BOT"
MONDAY = datetime(2026, 3, 2, 8, tzinfo=UTC)  # an ordinary week in March, before any clock changes


@dataclass
class Human:
    name: str
    role: str = "ae"
    zone: str = "Europe/London"
    partner: str = ""
    holidays: str = ""
    slack: dict[str, Any] = field(default_factory=dict)

    @property
    def email(self) -> str:
        local = "".join(char for char in self.name.lower() if char.isascii() and char.isalnum())
        return f"{local or abs(hash(self.name)) % 10**8}@{'home' if not self.partner else 'partner'}.example"


@dataclass
class Team:
    """What a journey starts with. `deals` are rows of our template, by column."""

    people: list[Human]
    partners: list[dict[str, str]]
    deals: list[dict[str, str]]
    zone: str = "Europe/London"
    holidays: str = ""
    start: datetime = MONDAY
    leadership: str = "leadership"
    reviews: bool = True
    outsiders: list[dict[str, Any]] = field(default_factory=list)
    review_hours: dict[str, tuple[int, str]] = field(default_factory=dict)
    private: tuple[str, ...] = ()
    """Names of channels that are private."""

    @property
    def policy(self) -> Policy:
        return Policy(zone=self.zone, holidays=self.holidays, leadership_channel=self.leadership)


def deal(number: int, owner: str, partner: str = "Acme", **more: str) -> dict[str, str]:
    """A deal of the template with believable defaults."""
    person = Human(owner)
    return {
        "crm_id": f"D-{number:04d}", "name": f"Deal {number}", "account": f"Account {number}", "partner": partner,
        "partner_role": "", "share": "", "owner_email": person.email, "stage": "Qualification", "category": "pipeline",
        "amount": str(10_000 * number), "currency": "USD", "close_date": "2026-03-30", "created_date": "2026-01-05",
        "next_step": "", "attribution": "sourced", **more,
    }  # fmt: skip


def partner(
    name: str = "Acme", pm: str = "Pat Manager", tier: int = 1, channel: str | None = None, joint: str = ""
) -> dict[str, str]:
    """A partner; `joint` names a channel that is shared with its company, its counterparts in it."""
    return {
        "name": name, "tier": str(tier), "archetype": "reseller", "stage": "manage", "pm_email": Human(pm).email,
        "internal_channel": f"p-{name.lower().replace(' ', '-')}" if channel is None else channel, "joint_channel": joint,
    }  # fmt: skip


def small_team(**more: Any) -> Team:
    """One PM, two AEs, a head, one Tier 1 partner with five deals."""
    people = [
        Human("Pat Manager", "pm"), Human("Ann Seller"), Human("Bob Seller"), Human("Hedda Lead", "head"),
    ]  # fmt: skip
    deals = [deal(number, "Ann Seller" if number < 4 else "Bob Seller") for number in range(1, 6)]
    return Team(**({"people": people, "partners": [partner()], "deals": deals} | more))


def _csv(rows: list[dict[str, str]], columns: list[str]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def people_csv(team: Team) -> str:
    rows = [
        {"name": human.name, "email": human.email, "role": human.role, "partner": human.partner, "slack_id": "",
         "time_zone": human.zone, "holidays": human.holidays}
        for human in team.people
    ]  # fmt: skip
    return _csv(rows, ["name", "email", "role", "partner", "slack_id", "time_zone", "holidays"])


def partners_csv(team: Team) -> str:
    return _csv(team.partners, ["name", "tier", "archetype", "stage", "pm_email", "internal_channel", "joint_channel"])


def deals_csv(deals: list[dict[str, str]]) -> str:
    return _csv(deals, list(deal(1, "x")))


def slack_id(team: Team, name: str) -> str:
    place = next(number for number, human in enumerate(team.people) if human.name == name)
    return f"U{place + 1:05d}"


def company_of(team: Team, partner: str) -> str:
    """The workspace of a partner's people: its own where there is a joint channel, else one for all others."""
    if not partner:
        return TEAM
    joint = any(row["name"] == partner and row["joint_channel"] for row in team.partners)
    return f"T0{''.join(char for char in partner.upper() if char.isalnum())}" if joint else "T0OTHER"


def _joint_channels(team: Team, users: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each partner's channel, shared with its company: our people, its counterparts, the bot."""
    found = []
    for place, row in enumerate(row for row in team.partners if row["joint_channel"]):
        whose = company_of(team, row["name"])
        members = [user["id"] for user in users if user["team_id"] in (TEAM, whose)]
        found.append({
            "id": f"C1{place + 1:04d}", "name": row["joint_channel"].removeprefix("#"), "members": [*members, BOT_USER],
            "is_ext_shared": True, "is_shared": True, "connected_team_ids": [whose],
        })  # fmt: skip
    return found


def workspace(team: Team) -> dict[str, Any]:
    users = [
        {"id": f"U{place + 1:05d}", "name": human.email.split("@")[0], "real_name": human.name, "email": human.email,
         "tz": human.zone, "team_id": company_of(team, human.partner), **human.slack}
        for place, human in enumerate(team.people)
    ]  # fmt: skip
    ours = [user["id"] for user in users if user["team_id"] == TEAM]
    names = {row["internal_channel"] for row in team.partners if row["internal_channel"]} | {
        team.leadership or "leadership"
    }
    channels = [
        {"id": f"C{place + 1:05d}", "name": name, "is_private": name in team.private, "members": [*ours, BOT_USER]}
        for place, name in enumerate(sorted(names))
    ]
    return {
        "team": {"id": TEAM, "name": "Home", "domain": "home"},
        "app": {"app_id": "A0CADENCE", "bot_user_id": BOT_USER, "bot_id": "B0BOT", "name": "Cadence"},
        "users": [*users, *team.outsiders],
        "channels": [*channels, *_joint_channels(team, users)],
        "companies": [
            {"id": company_of(team, row["name"]), "name": row["name"], "domain": row["name"].lower()}
            for row in team.partners
            if row["joint_channel"]
        ],
    }


async def load(db: Database, team: Team, *, earlier: timedelta = timedelta(days=1)) -> None:
    """Import the team the day before it starts, and set up a weekly review for each Tier 1 partner."""
    now = team.start - earlier
    async with db.write() as session:
        await import_people(session, people_csv(team), file_name="people.csv", now=now)
    async with db.write() as session:
        await import_partners(session, partners_csv(team), file_name="partners.csv", now=now)
    if team.deals:
        async with db.write() as session:
            await import_deals(session, deals_csv(team.deals), file_name="deals.csv", now=now)
    if team.reviews:
        from bot.trying import set_up_reviews

        if team.review_hours:
            await _set_up_at(db, team)
        else:
            await set_up_reviews(db, team.policy, now=team.start - timedelta(minutes=1))


async def _set_up_at(db: Database, team: Team) -> None:
    from datetime import time

    for name, (weekday, at) in team.review_hours.items():
        async with db.write() as session:
            row = await session.scalar(select(Partner).where(Partner.name == name))
            pm = await session.get_one(Person, row.pm_id)
            await cadences.set_up_review(
                session, row, weekday=weekday, at=time.fromisoformat(at), minutes=30, by=pm,
                now=team.start - timedelta(minutes=1), policy=team.policy,
            )  # fmt: skip


@dataclass
class Local:
    """A running local Slack with a bot beside it, and the hands to act as anybody."""

    team: Team
    sandbox: Sandbox
    url: str
    http: aiohttp.ClientSession
    database_url: str
    environment: dict[str, str]
    bot: Bot | None = None

    @property
    def db(self) -> Database:
        assert self.bot is not None
        return self.bot.db

    def id(self, name: str) -> str:
        return slack_id(self.team, name) if not name.startswith("U0") else name

    async def get(self, path: str, **query: str) -> Any:
        async with self.http.get(f"{self.url}/_local/{path}", params=query) as response:
            return await response.json()

    async def post(self, path: str, body: Any = None, *, ok: bool = True) -> Any:
        async with self.http.post(f"{self.url}/_local/{path}", json=body if body is not None else {}) as response:
            found = await response.json()
            if ok:
                assert response.status == 200, (path, body, found)
            return found

    async def to(self, when: datetime | str) -> None:
        """Move the clock; a string is `Wed 10:00` in the company's zone, in the coming week."""
        at = when if isinstance(when, datetime) else await self.moment(when)
        await self.post("clock/to", {"at": at.isoformat()})

    async def moment(self, words: str) -> datetime:
        from models.domain.zones import local_to_utc, zone

        name, at = words.split()
        clocks = zone(self.team.zone)
        now = await self.now()
        day = now.astimezone(clocks).date()
        while f"{day:%a}" != name or local_to_utc(day, datetime.strptime(at, "%H:%M").time(), clocks) < now:  # noqa: DTZ007
            day += timedelta(days=1)
        return local_to_utc(day, datetime.strptime(at, "%H:%M").time(), clocks)  # noqa: DTZ007

    async def now(self) -> datetime:
        return datetime.fromisoformat((await self.get("clock"))["now"])

    async def inbox(self, name: str) -> list[dict[str, Any]]:
        return await self.get("inbox", user=self.id(name))

    async def bot_messages(self, channel: str) -> list[dict[str, Any]]:
        """What the bot posted to a channel (name), oldest first."""
        found = await self.get("messages", channel=channel)
        return [row for row in found if row["user"] == BOT_USER and not row["deleted"] and not row["ephemeral_to"]]

    async def dms(self, name: str) -> list[dict[str, Any]]:
        """What the bot wrote to a person."""
        return await self.bot_messages(self.id(name))

    async def card(self, name: str, words: str) -> dict[str, Any]:
        """The person's newest message from the bot that contains these words."""
        found = [row for row in await self.dms(name) if words in str(row["blocks"]) + row["text"]]
        assert found, (words, [row["text"] for row in await self.dms(name)])
        return found[-1]

    async def click(self, name: str, message: dict[str, Any], label: str, *, ok: bool = True, **more: Any) -> Any:
        return await self.post(
            "click",
            {"user": self.id(name), "channel": message["channel"], "ts": message["ts"], "label": label, **more},
            ok=ok,
        )

    async def command(self, name: str, text: str, *, channel: str = "bot") -> Any:
        word, _, rest = text.partition(" ")
        return await self.post("command", {"user": self.id(name), "channel": channel, "command": word, "text": rest})

    async def view(self, name: str) -> dict[str, Any] | None:
        stack = await self.get("views", user=self.id(name))
        return stack[-1] if stack else None

    async def submit(self, name: str, values: dict[str, Any] | None = None) -> Any:
        """Fill by field name (the part of the block id before the colon) and submit the topmost form."""
        view = await self.view(name)
        assert view is not None
        by_field = {block["block_id"].split(":")[0]: block["block_id"] for block in view["blocks"]}
        known = {by_field.get(key, key): value for key, value in (values or {}).items()}
        return await self.post("submit", {"user": self.id(name), "values": known})

    async def choose(self, name: str, field_name: str, value: str) -> Any:
        """Choose a radio button that the form reacts to."""
        view = await self.view(name)
        assert view is not None
        block = next(block for block in view["blocks"] if block["block_id"].split(":")[0] == field_name)
        return await self.post(
            "view_action",
            {
                "user": self.id(name),
                "block_id": block["block_id"],
                "action_id": block["element"]["action_id"],
                "selected": value,
            },
        )

    async def press(self, name: str, label: str, *, view_id: str = "", **more: Any) -> Any:
        return await self.post("view_action", {"user": self.id(name), "view_id": view_id, "label": label, **more})

    async def home(self, name: str) -> dict[str, Any]:
        """Open the Home tab and return the published view once it has been drawn for now."""
        found = await self.post("home", {"user": self.id(name)})
        return found.get("view") or {}

    async def api(self, method: str) -> list[dict[str, Any]]:
        return await self.get("log", kind="api", method=method)

    async def start_bot(self) -> Bot:
        self.bot = build(settings_for(self.environment))
        await self.bot.start()
        return self.bot

    async def stop_bot(self) -> None:
        if self.bot is not None:
            await self.bot.stop()
            self.bot = None

    async def rows(self, query: Any) -> list[Any]:
        async with self.db.read() as session:
            return list(await session.scalars(query))


@asynccontextmanager
async def playing(
    team: Team, database_url: str, *, http: bool = False, bot: bool = True, port: int = 0,
    prepared: Callable[[Database], Any] | None = None, manifest: Path = MANIFEST,
) -> AsyncIterator[Local]:  # fmt: skip
    """The whole thing, running; both are stopped at the end."""
    await migrate(database_url)
    db = Database(database_url)
    try:
        await load(db, team)
        if prepared is not None:
            await prepared(db)
    finally:
        await db.close()
    bot_port = port or free_port()
    sandbox = await start(
        SandboxOptions(
            port=0, manifest=manifest, bot_token=BOT_TOKEN, app_token=APP_TOKEN, signing_secret=SECRET,
            bot_url=f"http://127.0.0.1:{bot_port}", deliver="http" if http else "socket", start_at=team.start,
        ),
        Seed.from_dict(workspace(team)),
    )  # fmt: skip
    environment = {
        "SLACK_BOT_TOKEN": BOT_TOKEN, "SLACK_API_URL": sandbox.api_url, "DATABASE_URL": database_url,
        "PORT": str(bot_port), "CADENCE_SIMULATED_CLOCK": "1", "CADENCE_ZONE": team.zone,
        "CADENCE_HOLIDAYS": team.holidays, "CADENCE_LEADERSHIP_CHANNEL": team.leadership,
        **({"SLACK_SIGNING_SECRET": SECRET} if http else {"SLACK_APP_TOKEN": APP_TOKEN}),
    }  # fmt: skip
    async with aiohttp.ClientSession() as session:
        local = Local(team, sandbox, sandbox.url, session, database_url, environment)
        try:
            if bot:
                await local.start_bot()
                await local.get("clock")
            yield local
        finally:
            await local.stop_bot()
            await sandbox.close()
            await asyncio.sleep(0)
