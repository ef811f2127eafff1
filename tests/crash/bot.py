"""The bot as a process of its own, with short leases, so that a crash is over in seconds: `python -m tests.crash.bot`.

With `--nursery` it imports everything once and then forks one bot for each line of JSON on its standard input
(`{"id": 1, "environment": {...}, "log": "file"}`): a bot is born in a tenth of a second instead of two. On standard output:
`born id pid`, `ready id pid url`, `died id pid status` (a negative status is the signal).
"""

import asyncio
import contextlib
import json
import logging
import os
import select
import signal
import sys
from collections.abc import Mapping
from datetime import timedelta

from bot.app import build
from bot.delivery import Limits
from bot.settings import load

LIMITS = Limits(
    lease=timedelta(seconds=3),
    margin=timedelta(seconds=0.5),
    read_back_after=timedelta(seconds=0.2),
    first_backoff=timedelta(seconds=0.2),
    most_backoff=timedelta(seconds=2),
    edit_spacing=timedelta(seconds=0.1),
    poll=timedelta(seconds=0.5),
)


async def run(name: str) -> None:
    """Say where it listens, and run until SIGTERM."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    bot = build(load(), limits=LIMITS)
    try:
        await bot.start()
        print(f"ready {name} {os.getpid()} {bot.url}", flush=True)
        await asyncio.Event().wait()
    finally:
        await bot.stop()


def live(name: str) -> int:
    """One whole life; the exit status."""
    logging.basicConfig(level="INFO", format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("apscheduler").setLevel("WARNING")
    with contextlib.suppress(asyncio.CancelledError, KeyboardInterrupt):
        asyncio.run(run(name))
    return 0


def give_birth(order: Mapping[str, object]) -> int:
    """Fork one bot; the parent gets its pid and the child never returns."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(os.open(str(order["log"]), os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600), 2)
        os.environ.update(order["environment"])  # type: ignore[arg-type]
        status = live(str(order["id"]))
    except BaseException as error:  # noqa: BLE001 - whatever it was, the child must not return into the nursery
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
    finally:
        sys.stderr.flush()
        os._exit(status)


def nursery() -> None:
    """Birth and burial until standard input ends; whoever still lives then is ended by its pid."""
    children: dict[int, object] = {}
    heard, woken = os.pipe()
    os.set_blocking(heard, False)
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    rest = b""
    while True:
        ready, _, _ = select.select([0, heard], [], [])
        if heard in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(heard, 4096)
            bury(children)
        if 0 in ready:
            data = os.read(0, 65536)
            if not data:
                break
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                order = json.loads(line)
                pid = give_birth(order)
                children[pid] = order["id"]
                print(f"born {order['id']} {pid}", flush=True)
    for pid in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def bury(children: dict[int, object]) -> None:
    while children:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        print(f"died {children.pop(pid)} {pid} {os.waitstatus_to_exitcode(status)}", flush=True)


if __name__ == "__main__":
    if "--nursery" in sys.argv:
        nursery()
    else:
        sys.exit(live("0"))
