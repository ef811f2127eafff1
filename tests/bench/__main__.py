"""Run the measurements and print one table; the exit status is 1 when a figure is at twice its limit or more.

`python -m tests.bench --only NAME` runs one of them.
"""

import argparse
import asyncio
import logging
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.bench import doors, forecast, imports, notes, quarter, start
from tests.bench.ground import yes_slack

MEASUREMENTS = {
    "command": doors.command_ratio,
    "submissions": doors.submissions_ratio,
    "note": notes.weekly_note,
    "prompts": notes.prompts,
    "start": start.start_and_memory,
    "imports": imports.hundred_thousand,
    "forecast": forecast.roll_up,
    "quarter": quarter.lived,
}


def against(row: dict[str, Any]) -> float:
    """How many times its limit a figure is; rows with a floor are judged by their ratio to it."""
    if row.get("limit") is None:
        return 0.0
    value = row["ratio"] if "ratio" in row else row["value"] / row["floor"] if "floor" in row else row["value"]
    return float(value / row["limit"])


def line(row: dict[str, Any]) -> str:
    unit = row["unit"]
    value = f"{row['value']:.4g} {unit}".strip()
    floor = f"{row['floor']:.4g} {unit}".strip() if "floor" in row else "-"
    ratio = f"{row.get('ratio', row['value'] / row['floor']):.2f}" if "floor" in row else "-"
    limit = "a figure" if row.get("limit") is None else f"{row['limit']:g}" + ("" if "floor" in row else f" {unit}")
    times = against(row)
    verdict = "" if times <= 1 else ("missed" if times < 2 else "AT TWICE ITS LIMIT")
    return f"{row['what']:<68} {value:>10} {floor:>10} {ratio:>6} {limit:>9}  {verdict}".rstrip()


async def main(only: str | None) -> int:
    logging.disable(logging.WARNING)
    print(f"{'':<68} {'measured':>10} {'floor':>10} {'ratio':>6} {'limit':>9}")
    worst, started = 0.0, time.perf_counter()
    with tempfile.TemporaryDirectory() as name, yes_slack() as api:
        for title, measure in MEASUREMENTS.items():
            if only in (None, title):
                for row in await measure(Path(name), api):
                    worst = max(worst, against(row))
                    print(line(row), flush=True)
    print(f"{time.perf_counter() - started:.0f} s")
    return 1 if worst >= 2 else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", choices=MEASUREMENTS)
    sys.exit(asyncio.run(main(parser.parse_args().only)))
