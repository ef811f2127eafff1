"""A listener's ack is answered the moment it is given, and is not lost when the listener fails after it."""

import asyncio
import time

import pytest
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.request.async_request import AsyncBoltRequest

from bot.acks import WakingRunner, wake_by_ack


@pytest.fixture
def app():
    async def authorize(**_):
        return AuthorizeResult(enterprise_id=None, team_id="T0", bot_user_id="U0", bot_id="B0", bot_token="xoxb-local")

    made = AsyncApp(signing_secret="none", authorize=authorize, request_verification_enabled=False)
    wake_by_ack(made)
    assert isinstance(made.listener_runner, WakingRunner)
    return made


def command():
    return AsyncBoltRequest(body="command=/x&team_id=T0&user_id=U1", headers={
        "content-type": ["application/x-www-form-urlencoded"],
    })  # fmt: skip


async def test_the_response_does_not_wait_for_the_rest_of_the_listener_nor_for_a_poll(app):
    goes_on = asyncio.Event()

    async def listener(ack):
        await ack("here")
        await goes_on.wait()

    app.command("/x")(listener)
    await app.async_dispatch(command())
    started = time.perf_counter()
    for _ in range(20):
        assert (await app.async_dispatch(command())).body == "here"
    assert time.perf_counter() - started < 20 * 0.01
    goes_on.set()


async def test_an_ack_before_a_failure_stands_and_the_failure_is_still_told(app):
    told = []

    async def listener(ack):
        await ack("here")
        raise LookupError

    async def translate(error):
        told.append(type(error))

    app.command("/x")(listener)
    app.error(translate)
    response = await app.async_dispatch(command())
    await asyncio.sleep(0)
    assert (response.status, response.body, told) == (200, "here", [LookupError])


async def test_a_failure_before_the_ack_is_answered_by_the_error_handler(app):
    async def listener(ack):
        raise LookupError

    app.command("/x")(listener)
    assert (await app.async_dispatch(command())).status == 500


async def test_a_listener_that_does_not_ack_in_time_is_answered_by_nothing_of_its_own(app):
    async def listener(ack):
        await asyncio.sleep(60)

    app.command("/x")(listener)
    app._async_listeners[0].ack_timeout = 0.01
    assert (await app.async_dispatch(command())).status == 404


async def test_what_a_listener_does_after_its_ack_can_be_waited_for(app):
    goes_on = asyncio.Event()

    async def listener(ack):
        await ack()
        await goes_on.wait()

    app.command("/x")(listener)
    runner = app.listener_runner
    assert await runner.ended(0)
    await app.async_dispatch(command())
    assert not await runner.ended(0.01)
    asyncio.get_running_loop().call_later(0.02, goes_on.set)
    assert await runner.ended(5)
