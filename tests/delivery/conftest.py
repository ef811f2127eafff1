"""A stage for delivery: a database of each kind, a clock that stands still, a Slack in process."""

import asyncio
import logging
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import Clock
from bot.delivery import Delivery, Limits
from handlers.kit.message import Attached, Message
from models import boundary, outbox
from models.db import Database
from models.domain.policy import Policy
from models.outbox import Owed
from models.tables import Base, Card, Outbox, Person, PersonRole
from tests import postgres
from tests.delivery.fake_slack import TEAM, FakeSlack

NOON = datetime(2026, 3, 12, 15, 0, tzinfo=UTC)
LIMITS = Limits(
    lease=timedelta(seconds=10),
    margin=timedelta(seconds=0.2),
    read_back_after=timedelta(seconds=0.01),
    first_backoff=timedelta(seconds=0.05),
    most_backoff=timedelta(seconds=0.2),
    patience=timedelta(seconds=5),
    poll=timedelta(seconds=0.05),
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """On both databases, but for modules that say that theirs makes no difference."""
    if "url" in metafunc.fixturenames:
        databases = ["sqlite"] if hasattr(metafunc.module, "ON_SQLITE_ALONE") else ["sqlite", "postgresql"]
        metafunc.parametrize("url", databases, indirect=True)


async def with_tables(url: str) -> str:
    """The URL, after its database was given all tables."""
    db = Database(url)
    async with db.writer.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    await db.close()
    return url


@pytest.fixture(scope="session")
def templates() -> dict[str, str]:
    """Databases with all tables and nothing in them, by kind: copying one is faster than making it."""
    return {}


@pytest_asyncio.fixture
async def url(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    templates: dict[str, str],
) -> AsyncIterator[str]:
    if request.param == "sqlite":
        if "sqlite" not in templates:
            templates["sqlite"] = str(tmp_path_factory.mktemp("template") / "cadence.db")
            await with_tables(f"sqlite:///{templates['sqlite']}")
        shutil.copy(templates["sqlite"], tmp_path / "cadence.db")
        yield f"sqlite:///{tmp_path / 'cadence.db'}"
        return
    base = request.getfixturevalue("postgres_base")
    if "postgresql" not in templates:
        made = await with_tables(await postgres.fresh_database(base))
        templates["postgresql"] = made.rpartition("/")[2]
    made = await postgres.fresh_database(base, template=templates["postgresql"])
    yield made
    await postgres.drop_database(made)


async def until(seen: Callable[[], Any], within: float = 5.0) -> None:
    """Wait until `seen` says something true."""
    async with asyncio.timeout(within):
        while not seen():  # noqa: ASYNC110 - another task's doing, seen from outside
            await asyncio.sleep(0.01)


async def say(session: AsyncSession, args: Mapping[str, Any], *, now: datetime, policy: Policy) -> Message | None:
    text = args.get("text")
    if args.get("file"):
        return Message(str(text), file=Attached("deals.csv", "Deals", str(args["file"]).encode()))
    if text == "boom":
        raise KeyError("secret words")
    return None if text is None else Message(text, ({"type": "section", "text": {"type": "plain_text", "text": text}},))


async def show_card(session: AsyncSession, card_id: int, *, now: datetime, policy: Policy) -> Message | None:
    card = await session.get_one(Card, card_id)
    text = f"version {card.wanted}"
    return Message(text, ({"type": "section", "text": {"type": "plain_text", "text": text}},))


@dataclass
class Stage:
    url: str
    db: Database
    slack: FakeSlack
    clock: Clock
    delivery: Delivery
    others: list[Database] = field(default_factory=list)

    def another(self, **changes: Any) -> Delivery:
        """One more replica on the same database and Slack."""
        db = Database(self.url)
        self.others.append(db)
        return make_delivery(db, self.slack, changes.pop("clock", self.clock), **changes)

    async def person(self, name: str = "Ana", slack_id: str | None = "U1", *roles: str, **more: Any) -> int:
        async with self.db.write() as session:
            person = Person(name=name, slack_id=slack_id, created_at=NOON, slack_team_id=TEAM, **more)
            person.roles = [PersonRole(role=role) for role in roles]
            session.add(person)
            await session.flush()
            return person.id

    async def owe(self, key: str = "k", **more: Any) -> int:
        """Enqueue one message; its text is its key, in capitals, unless args say otherwise."""
        values = {"key": key, "template": "say", "args": {"text": key.upper()}, "due_at": NOON} | more
        async with self.db.write() as session:
            await outbox.enqueue(session, [Owed(**values)], now=self.clock.now())
        return (await self.row(key)).id

    async def row(self, key: str = "k") -> Outbox:
        async with self.db.read() as session:
            return (await session.scalars(select(Outbox).where(Outbox.key == key))).one()

    async def rows(self) -> list[Outbox]:
        async with self.db.read() as session:
            return list(await session.scalars(select(Outbox).order_by(Outbox.id)))

    async def states(self) -> dict[str, str]:
        return {row.key: row.state for row in await self.rows()}

    async def set(self, key: str, **values: Any) -> None:
        async with self.db.write() as session:
            row = (await session.scalars(select(Outbox).where(Outbox.key == key))).one()
            for name, value in values.items():
                setattr(row, name, value)

    async def card(self, person_id: int, kind: str = "prompt", **more: Any) -> int:
        async with self.db.write() as session:
            card = Card(kind=kind, person_id=person_id, day=NOON.date(), created_at=NOON, **more)
            session.add(card)
            await session.flush()
            return card.id

    async def get_card(self, card_id: int) -> Card:
        async with self.db.read() as session:
            return await session.get_one(Card, card_id)

    async def settle(self, *deliveries: Delivery, most: int = 200) -> None:
        """Drain, and move the clock as the local Slack does, until the present has nothing left."""
        for _ in range(most):
            for delivery in deliveries or (self.delivery,):
                await delivery.drain(patient=True)
            following = await self.delivery.settling()
            if following is None:
                return
            self.clock.set(max(following, self.clock.now()))
        raise AssertionError("it never settles")


def make_delivery(db: Database, slack: FakeSlack, clock: Clock, *, timeout: int = 8, **changes: Any) -> Delivery:
    quiet = logging.getLogger("tests.slack_sdk")
    quiet.setLevel(logging.WARNING)
    client = AsyncWebClient("xoxb-test", base_url=slack.base_url, timeout=timeout, retry_handlers=[], logger=quiet)
    given: dict[str, Any] = {
        "db": db,
        "client": client,
        "clock": clock,
        "policy": Policy(),
        "renderers": {"say": say, "report": say_report},
        "card_renderers": {"prompt": show_card, "home": show_card, "joint": show_desk},
        "shared_renderers": {"shared": say_shared},
        "shared_cards": {"checkin": show_card},
        "limits": LIMITS,
    }
    return Delivery(**given | changes)


async def say_report(
    session: AsyncSession, args: Mapping[str, Any], *, now: datetime, policy: Policy
) -> Message | None:
    return Message(f"report on {args['outbox_id']}: {args['state']}", ())


async def say_shared(
    session: AsyncSession, args: Mapping[str, Any], *, now: datetime, policy: Policy
) -> Message | None:
    return Message(f"shared {args.get('text', '')}", ())


async def show_desk(session: AsyncSession, card_id: int, *, now: datetime, policy: Policy) -> Message | None:
    """What waits for whoever the card is of, a line each."""
    person = await session.get_one(Person, (await session.get_one(Card, card_id)).person_id)
    held = await boundary.held_for(session, person, now=now, policy=policy)
    return Message("; ".join(f"{one.what} for {one.where}: {one.why}" for one in held) or "nothing waits", ())


@pytest_asyncio.fixture
async def stage(url: str) -> AsyncIterator[Stage]:
    db = Database(url)
    clock = Clock(simulated=True)
    clock.set(NOON)
    slack = await FakeSlack(clock.now).start()
    slack.channel("C1", "acme-internal")
    made = Stage(url, db, slack, clock, make_delivery(db, slack, clock))
    yield made
    await slack.stop()
    for one in (db, *made.others):
        await one.close()
