"""Bolt for JavaScript against the local Slack: what holds for it is not a habit of one SDK."""

import asyncio
import os
from contextlib import asynccontextmanager

import pytest

from tests.node import there
from tests.ports import free_port
from tests.sandbox import echo

PATIENCE = 60
TOKENS = {
    "SLACK_BOT_TOKEN": "xoxb-local",
    "SLACK_APP_TOKEN": "xapp-local",
    "SLACK_SIGNING_SECRET": "local-signing-secret",
}


@asynccontextmanager
async def javascript(slack, *arguments):
    """The echo bot in a Node of its own, from its word that it hears until its process is gone."""
    environment = os.environ | TOKENS | {"SLACK_API_URL": slack.sandbox.api_url}
    process = await asyncio.create_subprocess_exec(
        there.node(),
        "echo.mjs",
        *arguments,
        cwd=there.HERE,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said = []
    try:
        async with asyncio.timeout(PATIENCE):
            async for line in process.stdout:
                said.append(line.decode())
                if line == b"ready\n":
                    break
            else:
                pytest.fail("the bot in JavaScript did not start:\n" + "".join(said))
        yield
        process.terminate()
        async with asyncio.timeout(PATIENCE):
            said.append((await process.stdout.read()).decode())
            assert await process.wait() == 0, "".join(said)
        assert "[ERROR]" not in "".join(said), "".join(said)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.parametrize("deliver", ["socket", "http"])
async def test_an_app_of_bolt_for_javascript_answers_commands_forms_events_and_buttons(launch, deliver):
    there.node()
    there.module("@slack/bolt/package.json")
    port = free_port()
    slack = await launch(
        deliver=deliver,
        bot_url=f"http://127.0.0.1:{port}",
        ack_seconds=20.0,
        trigger_seconds=20.0,
        command_wait=20.0,
        click_wait=20.0,
    )
    async with javascript(slack, *([str(port)] if deliver == "http" else [])):
        await echo.try_everything(slack)
