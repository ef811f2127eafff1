"""A quarter of the demo company, lived: over the local Slack's driver alone, the company in a process of its own."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Any

from tests.driving import Company, driver

START = date(2026, 9, 7)
"""Thirteen weeks from here have both changes of the clocks and a holiday in them, and no Friday off."""
WEEKS = 13
ROOT = Path(__file__).resolve().parent.parent.parent


@asynccontextmanager
async def served(database: Path) -> AsyncIterator[str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.driving", str(database), START.isoformat(),
        cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        url = (await process.stdout.readline()).decode().strip()
        assert url, "the demo company did not start"
        yield url
    finally:
        process.stdin.close()
        await process.wait()


async def lived(folder: Path, _api: str) -> list[dict[str, Any]]:
    """Every deal answered, every review closed with two commitments, every Friday note complete; or an AssertionError."""
    weeks, took = [], []
    async with served(folder / "quarter.db") as url, driver(url) as slack:
        company = Company(slack)
        await company.meet()
        for _ in range(WEEKS):
            started = time.perf_counter()
            weeks.append(await company.live_a_week())
            took.append(time.perf_counter() - started)
        (last,) = await slack.get("log", limit=1)
    assert len({week.slot for week in weeks}) == WEEKS
    what = f"a quarter of the demo company, driven: all of {WEEKS} weeks"
    return [
        {"what": "a week of the demo company, driven: the slowest", "value": max(took), "limit": 10.0, "unit": "s"},
        {"what": what, "value": sum(took), "limit": 120.0, "unit": "s"},
        {"what": "  in it: messages posted", "value": sum(week.messages for week in weeks), "limit": None, "unit": ""},
        {"what": "  in it: answers by the form", "value": sum(week.forms for week in weeks), "limit": None, "unit": ""},
        {
            "what": "  in it: answers by “No change”",
            "value": sum(week.unchanged for week in weeks),
            "limit": None,
            "unit": "",
        },
        {"what": "  in it: reviews closed", "value": sum(week.closed for week in weeks), "limit": None, "unit": ""},
        {"what": "  in it: entries of the local Slack's log", "value": last["n"], "limit": None, "unit": ""},
    ]
