"""`cadence run` as people start it: a process of its own, in HTTP mode, on SQLite with the demo company."""

import asyncio
import os
import re
import statistics
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
from sqlalchemy import select

from bot.demo.company import make_company
from bot.trying import SECRET, _free_port, first_monday, prepare
from models.db import Database
from models.tables import DealVersion, Person
from tests.bench.ground import command, signed

STARTS, COMMANDS = 3, 100
ROOT = Path(__file__).resolve().parent.parent.parent


async def start_and_memory(folder: Path, api: str) -> list[dict[str, Any]]:
    """Median time until `/healthz` says well, and the resident memory after a hundred commands."""
    company = make_company(first_monday(datetime.now(UTC).date()), 1)
    url = f"sqlite:///{folder / 'start.db'}"
    await prepare(url, company)
    user = await _somebody(url)
    found = [await _one(api, url, user, commands=COMMANDS if number == 0 else 0) for number in range(STARTS)]
    return [
        {"what": "`cadence run` until /healthz says well", "value": statistics.median(row[0] for row in found),
         "limit": 3.0, "unit": "s"},
        {"what": "its memory after 100 commands", "value": found[0][1], "limit": 150.0, "unit": "MB"},
    ]  # fmt: skip


async def _somebody(url: str) -> str:
    """The Slack id of an owner of deals: the Slack that says yes has no directory to learn it from."""
    db = Database(url)
    async with db.write() as session:
        owner = await session.scalar(
            select(Person)
            .join(DealVersion, DealVersion.owner_id == Person.id)
            .where(Person.side == "ours", DealVersion.valid_to.is_(None))
            .order_by(Person.id)
            .limit(1)
        )
        owner.slack_id = "U00001"
    await db.close()
    return "U00001"


async def _one(api: str, url: str, user: str, *, commands: int) -> tuple[float, float]:
    port = _free_port()
    environment = {
        **os.environ, "SLACK_BOT_TOKEN": "xoxb-local", "SLACK_SIGNING_SECRET": SECRET, "SLACK_API_URL": api,
        "DATABASE_URL": url, "PORT": str(port), "CADENCE_ZONE": "Europe/London", "CADENCE_LOG_LEVEL": "ERROR",
    }  # fmt: skip
    started = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from bot.cli import main; main()", "run",
        cwd=ROOT, env=environment, stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
            ready = await _ready(session, process, started)
            for _ in range(commands):
                request = signed(command("/deals", user))
                headers = {key: values[0] for key, values in request.headers.items()}
                async with session.post("/slack/events", data=request.raw_body, headers=headers) as answer:
                    assert answer.status == 200
        await asyncio.sleep(0.5)  # forms still being opened after their ack
        return ready, _resident(process.pid)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _ready(session: aiohttp.ClientSession, process: asyncio.subprocess.Process, started: float) -> float:
    while time.perf_counter() - started < 60:
        assert process.returncode is None, "cadence run ended by itself"
        try:
            async with session.get("/healthz") as answer:
                if answer.status == 200:
                    return time.perf_counter() - started
        except aiohttp.ClientConnectionError:
            await asyncio.sleep(0.02)
    raise AssertionError("cadence run was not ready within a minute")


def _resident(pid: int) -> float:
    """Megabytes, as Linux counts them; elsewhere unknown."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return float("nan")
    return int(re.search(r"VmRSS:\s+(\d+) kB", status.read_text())[1]) / 1024
