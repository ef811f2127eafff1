"""The loop, the clock, what reaches the log, and the points at which a test may end the process."""

import asyncio
import logging
import os
import signal
import subprocess
import sys
from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot import failpoints
from bot.clock import Clock, ClockNotStarted, real_now
from bot.delivery import Identity, Limits
from tests.delivery.conftest import NOON, Stage, make_delivery, until

ON_SQLITE_ALONE = True


def test_a_simulated_clock_has_no_time_until_it_is_told_one_and_never_goes_back() -> None:
    clock = Clock(simulated=True)
    assert not clock.started
    with pytest.raises(ClockNotStarted):
        clock.now()
    clock.set(NOON)
    clock.set(NOON)
    assert (clock.started, clock.now()) == (True, NOON)
    with pytest.raises(ValueError, match="never goes back"):
        clock.set(NOON - timedelta(seconds=1))
    with pytest.raises(ValueError, match="aware"):
        clock.set(datetime(2027, 1, 1))  # noqa: DTZ001
    assert clock.now() == NOON


def test_the_real_clock_runs_and_cannot_be_set() -> None:
    clock = Clock()
    assert clock.started
    assert abs(clock.now() - real_now()) < timedelta(seconds=5)
    with pytest.raises(ValueError, match="real clock"):
        clock.set(NOON)


async def test_a_lease_that_does_not_outlive_a_call_is_refused_with_a_sentence(stage: Stage) -> None:
    with pytest.raises(ValueError, match="must be longer than the Slack client's timeout"):
        make_delivery(stage.db, stage.slack, stage.clock, limits=Limits(lease=timedelta(seconds=6)))


async def test_a_client_that_retries_by_itself_is_refused(stage: Stage) -> None:
    with pytest.raises(ValueError, match="retry_handlers"):
        make_delivery(stage.db, stage.slack, stage.clock, client=AsyncWebClient("xoxb-test", timeout=1))


async def test_nothing_is_said_before_the_clock_has_started(stage: Stage) -> None:
    await stage.owe(channel_ref="C1")
    early = stage.another(clock=Clock(simulated=True))
    assert await early.drain(patient=True) == 0
    assert await early.settling() is None
    assert stage.slack.calls == []


async def test_who_we_are_is_asked_once_or_given(stage: Stage) -> None:
    assert stage.delivery.identity is None
    assert await stage.delivery.identify() == Identity("T1", "UBOT", "B1")
    await asyncio.gather(*(stage.delivery.identify() for _ in range(5)))
    assert len(stage.slack.called("auth.test")) == 1
    assert stage.delivery.identity == Identity("T1", "UBOT", "B1")
    told = stage.another(known_as=Identity("T2", "U", "B"))
    assert told.identity == Identity("T2", "U", "B")
    assert (await told.identify()).team_id == "T2"


async def test_what_is_not_due_is_neither_sent_nor_settling(stage: Stage) -> None:
    await stage.owe(channel_ref="C1", due_at=NOON + timedelta(minutes=5))
    assert await stage.delivery.drain(patient=True) == 0
    assert await stage.delivery.settling() is None
    assert await stage.delivery.next_due() == NOON + timedelta(minutes=5)


async def test_what_real_time_holds_back_for_long_is_no_business_of_the_clock(stage: Stage) -> None:
    await stage.owe(channel_ref="C1")
    await stage.set("k", not_before=real_now() + timedelta(minutes=5))
    assert await stage.delivery.drain(patient=True) == 0
    assert await stage.delivery.settling() is None
    assert await stage.delivery.next_due() is None


async def test_an_impatient_drain_leaves_a_retry_and_calls_it_settling(stage: Stage) -> None:
    await stage.owe(channel_ref="C1")
    stage.slack.fail("chat.postMessage", "error", error="service_unavailable")
    await stage.delivery.drain()
    assert (await stage.row()).state == "pending"
    assert await stage.delivery.settling() == NOON
    await stage.delivery.drain(patient=True)
    assert (await stage.row()).state == "sent"


async def test_the_loop_survives_errors_is_woken_and_ends_when_cancelled(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    broken = True

    class Moody(Clock):
        def now(self) -> datetime:
            if broken:
                raise RuntimeError("secret words")
            return NOON

    delivery = stage.another(clock=Moody())
    running = asyncio.create_task(delivery.run())
    await asyncio.sleep(0.2)
    assert any("RuntimeError at test_delivery.py" in line for line in caplog.messages)
    assert "secret" not in caplog.text
    broken = False
    await stage.owe(channel_ref="C1")
    delivery.wake()
    await until(stage.slack.keys)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert running.cancelled()


async def test_a_call_in_flight_may_end_when_delivery_is_stopped(stage: Stage) -> None:
    await stage.owe(channel_ref="C1")
    stage.slack.fail("chat.postMessage", "slow", seconds=0.3)
    running = asyncio.create_task(stage.delivery.run())
    await until(stage.slack.keys, within=5)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert (await stage.row()).state == "sent"


async def test_nothing_of_the_contents_and_no_name_reaches_the_log(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.INFO, "aiosqlite")
    await stage.person("Hedy Head", "U7", "head")
    await stage.owe("a", channel_ref="C1", args={"text": "Zanzibar deal"})
    await stage.owe("b", channel_ref="#acme-internal", args={"text": "Zanzibar deal"}, due_at=NOON)
    await stage.owe("c", channel_ref="#secret-channel", args={"text": "Zanzibar deal"})
    await stage.owe("d", person_id=await stage.person("Bo Gone", None), args={"text": "Zanzibar deal"})
    await stage.owe("e", channel_ref="C1", args={"text": "boom"})
    for kind in ("lose", "after", "http", "limit"):
        stage.slack.fail("chat.postMessage", kind)
    await stage.settle()
    ours = "\n".join(line.getMessage() for line in caplog.records if line.name.startswith(("bot", "models", "tests")))
    row = await stage.row("a")
    assert f"outbox {row.id} a is sent: channel C1, ts {row.ts}" in ours
    for word in ("Zanzibar", "Hedy", "Bo Gone", "secret", "acme", "Traceback"):
        assert word not in ours
    assert "Zanzibar" not in caplog.text


DIE = """
import os, sys
from bot import failpoints
failpoints.arm(os.environ, loopback={loopback})
for point in ("claim.committed", "post.called", "post.called"):
    failpoints.here(point)
    print(point, flush=True)
"""


@pytest.mark.parametrize(
    ("value", "loopback", "passed", "code"),
    [
        ("post.called", True, 1, -signal.SIGKILL),
        ("post.called:2", True, 2, -signal.SIGKILL),
        ("post.called:3", True, 3, 0),
        ("post.called", False, 3, 0),
        ("", True, 3, 0),
    ],
)
def test_a_failpoint_kills_at_the_nth_pass_and_only_when_slack_is_on_this_machine(
    value: str, loopback: bool, passed: int, code: int
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DIE.format(loopback=loopback)],
        env={**os.environ, failpoints.VARIABLE: value},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (len(done.stdout.splitlines()), done.returncode) == (passed, code)


@pytest.mark.parametrize("value", ["nowhere", "post.called:x", "post.called:0"])
def test_a_failpoint_that_does_not_exist_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="must be one of"):
        failpoints.arm({failpoints.VARIABLE: value}, loopback=True)
