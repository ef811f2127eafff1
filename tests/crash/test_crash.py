"""The suite's slice of the crash run: every named point once on SQLite, three on PostgreSQL, lost replies on both.

A real bot process kills itself with SIGKILL at the point, is started again, and the week is judged from the local Slack's
messages and the database. `make crash` does the same for longer, with chance and with two replicas.
"""

import asyncio
import subprocess
import sys
from pathlib import Path

from bot.failpoints import POINTS
from tests.crash.ground import prepare
from tests.crash.lives import ROOT, nursery
from tests.crash.plans import Plan, chained
from tests.crash.week import play

SQLITE = (
    chained("events, commands and time", (
        "event.before_ack:1", "event.claimed:1", "event.before_commit:1", "event.committed:1", "command.before_ack:1",
        "tick.before_commit:1", "tick.committed:1",
    )),
    chained("answers and what goes out", (
        "button.before_ack:2", "form.before_ack:2", "claim.committed:1", "attempt.before_commit:1", "attempt.committed:1",
        "post.called:1", "finish.before_commit:1",
    )),
    chained("doubts and edits", (
        "readback.before:1", "readback.after:1", "edit.claimed:1", "edit.called:1", "edit.committed:1",
        "finish.committed:1",
    ), lose=("prompt", "note")),
)  # fmt: skip
POSTGRESQL = (chained("three points", ("attempt.committed:1", "post.called:1", "form.before_ack:1"), lose=("thread",)),)


def test_the_slice_names_every_point():
    named = {point.split(":")[0] for plan in SQLITE for life in plan.lives for point in life}
    assert named == set(POINTS)


async def survived(plans: tuple[Plan, ...], kind: str, folder: Path, base: str = "") -> None:
    """Play these weeks side by side: most of their time is waiting for a dead bot's leases to end."""
    async with nursery() as mother:
        template = await prepare(kind, folder, base)
        places = [folder / str(number) for number in range(len(plans))]
        for place in places:
            place.mkdir()
        verdicts = await asyncio.gather(
            *(play(plan, template, mother, place) for plan, place in zip(plans, places, strict=True))
        )
    for plan, verdict in zip(plans, verdicts, strict=True):
        assert (verdict.lost, verdict.doubled, verdict.wrong) == ([], [], []), plan
        assert verdict.not_reached == 0, plan
        assert verdict.kills == len(plan.lives[0]), plan
        assert verdict.lost_replies == len(plan.lose), plan
        assert verdict.acked == verdict.stored == 7, plan


async def test_no_kill_at_any_point_loses_or_doubles_anything_on_sqlite(tmp_path):
    await survived(SQLITE, "sqlite", tmp_path)


async def test_no_kill_loses_or_doubles_anything_on_postgresql(tmp_path, postgres_base):
    await survived(POSTGRESQL, "postgresql", tmp_path, postgres_base)


CANCELLED = """
import asyncio, random, sys
from sqlalchemy import text
from models.db import Database

async def work(db):
    while True:
        async with db.write() as session:
            for number in range(5):
                await session.execute(text("INSERT INTO t VALUES (:a, :b)"), {"a": number, "b": "x" * 20_000})
        async with db.read() as session:
            await session.execute(text("SELECT count(*), max(b) FROM t"))

async def main(url):
    dice, db = random.Random(2), Database(url)
    async with db.write() as session:
        await session.execute(text("CREATE TABLE t (a int, b text)"))
    for turn in range(150):
        tasks = [asyncio.create_task(work(db)) for _ in range(3)]
        await asyncio.sleep(dice.uniform(0, 0.01))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if turn % 10 == 0:
            await db.close()
            db = Database(url)
    async with db.write() as session:
        left = await session.scalar(text("SELECT count(*) % 5 FROM t"))
    await db.close()
    print("whole" if left == 0 else "torn")

asyncio.run(main(sys.argv[1]))
"""


def test_requests_cut_off_at_any_moment_neither_crash_the_process_nor_tear_a_transaction(tmp_path):
    """A cancelled caller leaves its COMMIT with the driver's thread; a rollback beside it was a segmentation fault."""
    done = subprocess.run(
        [sys.executable, "-c", CANCELLED, f"sqlite:///{tmp_path / 'x.db'}"],
        capture_output=True, text=True, cwd=ROOT, timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "whole\n"), done.stderr[-2000:]
