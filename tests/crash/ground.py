"""The ground of a crash week: a small team, its database prepared once and copied, a local Slack, a door to the bots."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import aiohttp
from sqlalchemy import select

from bot.sandbox import SandboxOptions, Seed, start
from bot.trying import APP_TOKEN, BOT_TOKEN, SECRET
from models.db import Database
from models.tables import Deal, DealVersion, NextAction
from tests import postgres
from tests.crash.lives import Door
from tests.migrated import migrate
from tests.world import MANIFEST, Human, Local, Team, deal, load, partner, workspace

PM, HEAD = "Pat Manager", "Hedda Lead"
ANN, BOB, CYD = "Ann Seller", "Bob Seller", "Cyd Seller"
DEALS = {1: ANN, 2: ANN, 3: ANN, 4: BOB, 5: BOB, 6: CYD, 7: CYD}
BETA = {3, 5, 7}
UNCHANGED = "Deal 1"
"""It has a next action already, so that its card offers “No change”."""


def team() -> Team:
    """One partner manager, three AEs, two partners, seven deals."""
    people = [Human(PM, "pm"), Human(ANN), Human(BOB), Human(CYD), Human(HEAD, "head")]
    deals = [deal(number, owner, "Beta" if number in BETA else "Acme") for number, owner in DEALS.items()]
    return Team(people=people, partners=[partner("Acme"), partner("Beta")], deals=deals)


@dataclass(frozen=True)
class Template:
    """A prepared database that each week gets a copy of."""

    kind: str
    url: str
    base: str = ""

    async def copy(self, folder: Path) -> str:
        if self.kind == "postgresql":
            return await postgres.fresh_database(self.base, template=self.url.rpartition("/")[2])
        target = folder / "cadence.db"
        shutil.copyfile(self.url.removeprefix("sqlite:///"), target)
        return f"sqlite:///{target}"


async def prepare(kind: str, folder: Path, base: str = "") -> Template:
    """Migrate and import once; `base` is PostgreSQL's cluster."""
    url = await postgres.fresh_database(base) if kind == "postgresql" else f"sqlite:///{folder / 'template.db'}"
    await migrate(url)
    db = Database(url)
    try:
        await load(db, team())
        async with db.write() as session:
            first = await session.scalar(
                select(DealVersion).join(Deal, Deal.id == DealVersion.deal_id).where(DealVersion.name == UNCHANGED)
            )
            session.add(
                NextAction(
                    deal_id=first.deal_id, text="call the customer", owner_id=first.owner_id, due=date(2026, 3, 20),
                    opened_at=first.valid_from,
                )
            )  # fmt: skip
    finally:
        await db.close()
    return Template(kind, url, base)


@asynccontextmanager
async def slack(database_url: str, *, http: bool) -> AsyncIterator[tuple[Local, Door]]:
    """The local Slack, and the door behind which the bots will live."""
    played, door = team(), Door()
    await door.open()
    options = SandboxOptions(
        port=0, manifest=MANIFEST, bot_token=BOT_TOKEN, app_token=APP_TOKEN, signing_secret=SECRET, bot_url=door.url,
        deliver="http" if http else "socket", start_at=played.start, retry_scale=0.5, http_retry_delays=(0.0, 2.0, 10.0),
        ack_seconds=1.5, click_wait=1.0, command_wait=2.0, heartbeat=0.3,
    )  # fmt: skip
    sandbox = await start(options, Seed.from_dict(workspace(played)))
    environment = {
        "SLACK_BOT_TOKEN": BOT_TOKEN, "SLACK_API_URL": sandbox.api_url, "DATABASE_URL": database_url,
        "CADENCE_SIMULATED_CLOCK": "1", "CADENCE_ZONE": played.zone, "CADENCE_LEADERSHIP_CHANNEL": played.leadership,
        "CADENCE_TICK_SECONDS": "1", **({"SLACK_SIGNING_SECRET": SECRET} if http else {"SLACK_APP_TOKEN": APP_TOKEN}),
    }  # fmt: skip
    try:
        async with aiohttp.ClientSession() as session:
            yield Local(played, sandbox, sandbox.url, session, database_url, environment), door
    finally:
        await sandbox.close()
        await door.close()
