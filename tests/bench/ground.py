"""What the measurements stand on: requests as Slack signs them, companies of any size, counters."""

import hashlib
import hmac
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from slack_bolt.request.async_request import AsyncBoltRequest
from sqlalchemy import event, insert

from bot import schema
from bot.trying import SECRET
from models import cadences
from models.db import Database
from models.domain.policy import Policy
from models.tables import Deal, DealVersion, ImportRun, Partner, Person, PersonRole
from scheduling.plan import materialise

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
POLICY = Policy(zone="Europe/London", leadership_channel="leadership")


@contextmanager
def yes_slack() -> Iterator[str]:
    """The URL of the Slack that says yes."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.slack"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}/api/"
    finally:
        process.stdin.close()
        process.terminate()
        process.wait()


def signed(fields: dict[str, Any]) -> AsyncBoltRequest:
    """A request as it comes from Slack over HTTP."""
    body = urlencode(fields)
    stamp = str(int(time.time()))
    mac = hmac.new(SECRET.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()
    return AsyncBoltRequest(
        body=body,
        headers={
            "content-type": ["application/x-www-form-urlencoded"],
            "x-slack-request-timestamp": [stamp],
            "x-slack-signature": [f"v0={mac}"],
        },
    )


def command(name: str, user: str, text: str = "") -> dict[str, Any]:
    return {
        "token": "x", "team_id": "T0HOME", "team_domain": "home", "channel_id": "D1", "channel_name": "directmessage",
        "user_id": user, "user_name": "x", "command": name, "text": text, "api_app_id": "A0", "trigger_id": "1.2.3",
        "response_url": "http://127.0.0.1:1/none", "is_enterprise_install": "false",
    }  # fmt: skip


def submission(view: dict[str, Any], user: str) -> dict[str, Any]:
    payload = {
        "type": "view_submission", "team": {"id": "T0HOME", "domain": "home"},
        "user": {"id": user, "username": "x", "team_id": "T0HOME"}, "api_app_id": "A0", "token": "x",
        "trigger_id": "1.2.3", "view": view, "response_urls": [], "is_enterprise_install": False,
    }  # fmt: skip
    return {"payload": json.dumps(payload)}


async def company(
    url: str, *, partners: int, aes: int, deals: int, tier1: int | None = None, pms: int = 1, moves: bool = False
) -> Database:
    """A database with this many of everything, made by bulk inserts; one weekly review for each Tier 1 partner."""
    db = Database(url)
    await schema.upgrade(db)
    first = NOW - timedelta(days=30)
    async with db.write() as session:
        await session.execute(insert(Person), [
            {"name": f"Person {n}", "email": f"p{n}@home.example", "side": "ours", "zone": "Europe/London", "calendar": "",
             "slack_id": f"U{n:05d}", "slack_team_id": "T0HOME", "active": True, "guest": False, "created_at": first}
            for n in range(1, aes + pms + 1)
        ])  # fmt: skip
        await session.execute(insert(PersonRole), [
            {"person_id": n, "role": "pm" if n <= pms else "ae"} for n in range(1, aes + pms + 1)
        ])  # fmt: skip
        await session.execute(insert(Partner), [
            {"name": f"Partner {n}", "key": f"partner {n}", "tier": 1 if n <= (tier1 or partners) else 2, "archetype": "",
             "stage": "", "pm_id": (n - 1) % pms + 1, "internal_channel": f"p{n}", "joint_channel": "", "created_at": first}
            for n in range(1, partners + 1)
        ])  # fmt: skip
        session.add(ImportRun(kind="deals", file_name="x", digest="x", at=first))
        await session.flush()
        if deals:
            await session.execute(insert(Deal), [
                {"crm_id": f"D{n}", "version_id": n, "first_seen_at": first, "joint": False, "amount_shared": False, "partner_owner": "",
                 "help_needed": ""} for n in range(1, deals + 1)
            ])  # fmt: skip
            await session.execute(
                insert(DealVersion), [_version(n, partners, aes, pms, first, moves) for n in range(1, deals + 1)]
            )
    async with db.write() as session:
        for n in range(1, (tier1 or partners) + 1):
            partner = await session.get_one(Partner, n)
            # Half hours of the week, one after the other, so that no two meet.
            place = (n - 1) // pms
            cadence = cadences.Cadence(
                kind="weekly_review", partner_id=n, pm_id=partner.pm_id, rule=cadences.weekly(3),
                at=(NOW.replace(hour=10) + timedelta(minutes=30 * (place % 15))).time(), zone="Europe/London",
                minutes=30, starts_on=NOW.date(), created_at=NOW,
            )  # fmt: skip
            session.add(cadence)
        await session.flush()
        await materialise(session, now=NOW, policy=POLICY)
    return db


def _version(n: int, partners: int, aes: int, pms: int, first: datetime, moves: bool) -> dict[str, Any]:
    return {
        "deal_id": n, "valid_from": first, "reported_at": first, "source": "import", "name": f"Deal number {n}",
        "account": f"Account {n}", "partner_id": (n - 1) % partners + 1, "owner_id": pms + 1 + (n - 1) % aes,
        "stage": "Qualification", "category": ("pipeline", "best_case", "commit")[n % 3], "amount": n * 1000_00,
        "currency": "USD", "close_date": (NOW + timedelta(days=20)).date(), "created_date": first.date(), "next_step": "",
        "attribution": "sourced", "lost_reason": "", "said": {}, "movement": "forward" if moves else "none",
        "moves": [{"field": "amount", "forward": True, "before": 1, "after": 2}] if moves else [],
    }  # fmt: skip


@contextmanager
def counting(db: Database) -> Iterator[list[str]]:
    """The SQL statements both engines run inside the block."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    engines = {db.writer.sync_engine, db.reader.sync_engine}
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)


def sqlite_at(folder: Path, name: str) -> str:
    return f"sqlite:///{folder / name}.db"
