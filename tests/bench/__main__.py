"""Run every measurement and print one table; the exit status says whether a figure is at twice its limit or more."""

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.bench import doors
from tests.bench.ground import yes_slack


async def main() -> int:
    worst = 0.0
    with tempfile.TemporaryDirectory() as name, yes_slack() as api:
        folder = Path(name)
        for title, measure in (
            ("CPU of /deals (ack, read, open the form) to a bare Bolt app", doors.command_ratio),
            (
                "100 submissions at once, committed before the ack, to bare dispatches and commits",
                doors.submissions_ratio,
            ),
        ):
            found = await measure(folder, api)
            worst = max(worst, found["ratio"] / found["limit"])
            print(
                f"{title}: {found['ratio']:.2f} (limit {found['limit']}; {found['ours_ms']:.1f} ms to {found['floor_ms']:.1f} ms)",
                flush=True,
            )
    return 1 if worst >= 2 else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
