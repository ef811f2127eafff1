"""The only file that knows APScheduler: it wakes us, and a watchdog wakes it."""

import asyncio
import logging

import pytest

from scheduling import wakeups
from scheduling.wakeups import Wakeups


async def until(condition, seconds=5.0):
    for _ in range(int(seconds / 0.02)):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not happen")


async def test_each_job_is_called_again_and_again_until_stopped():
    calls = []

    async def job():
        calls.append(1)

    woken = Wakeups({"tick": (0.05, job)})
    woken.start()
    await until(lambda: len(calls) >= 3)
    assert woken.age("tick") < 1
    await woken.stop()
    await asyncio.sleep(0.05)
    stopped = len(calls)
    await asyncio.sleep(0.2)
    assert len(calls) == stopped


async def test_a_job_that_fails_is_logged_by_its_kind_and_called_again(caplog):
    calls = []

    async def job():
        calls.append(1)
        raise KeyError("the name of a deal")

    woken = Wakeups({"tick": (0.05, job)})
    with caplog.at_level(logging.INFO, "cadence.wakeups"):
        woken.start()
        await until(lambda: len(calls) >= 2)
        await woken.stop()
    assert "job=tick failed: KeyError" in caplog.messages
    assert "the name of a deal" not in caplog.text


async def test_a_slow_job_is_not_started_a_second_time_beside_itself():
    running, most = 0, 0

    async def job():
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.2)
        running -= 1

    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    woken = Wakeups({"tick": (0.05, job)})
    woken.start()
    await asyncio.sleep(0.6)
    await woken.stop()
    assert most == 1


@pytest.fixture
def impatient():
    """The watchdog looks ten times a second while a test runs."""
    kept = wakeups.WATCH_SECONDS
    wakeups.WATCH_SECONDS = 0.1
    yield
    wakeups.WATCH_SECONDS = kept


async def test_the_watchdog_arms_a_stuck_scheduler_anew(impatient, caplog):
    """As after the wall clock stepped back: the interval jobs simply do not run any more."""
    calls = []

    async def job():
        calls.append(1)

    woken = Wakeups({"tick": (0.05, job)})
    woken.start()
    await until(lambda: calls)
    woken._scheduler.pause()
    await asyncio.sleep(0.1)
    before = len(calls)
    with caplog.at_level(logging.WARNING, "cadence.wakeups"):
        await until(lambda: len(calls) > before + 2)
    await woken.stop()
    assert any("tick" in message and "arming them anew" in message for message in caplog.messages)


async def test_a_job_that_runs_on_time_is_left_alone(impatient, caplog):
    async def job():
        return None

    woken = Wakeups({"tick": (0.02, job)})
    woken.start()
    await asyncio.sleep(0.4)
    await woken.stop()
    assert not [message for message in caplog.messages if "arming" in message]


async def test_stopping_before_starting_is_no_error():
    await Wakeups({}).stop()
    assert Wakeups({}).age("tick") == pytest.approx(0.0, abs=0.5)
