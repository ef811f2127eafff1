"""As a user does it: `cadence sandbox --no-bot` in one terminal, `cadence run` with the printed lines in another."""

import asyncio
import os
import re
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
from sqlalchemy import func, select

from bot.sandbox import SandboxOptions, Seed, start
from bot.trying import APP_TOKEN, BOT_TOKEN, SECRET
from models.db import Database
from models.tables import Answer
from tests import born, postgres
from tests.journeys.support import answer, kind_of, labels, shown
from tests.ports import free_port
from tests.world import MANIFEST, Local, small_team, workspace

ROOT = Path(__file__).resolve().parent.parent.parent
KEPT = ("PATH", "HOME", "COVERAGE_PROCESS_START")
SECRETS = (BOT_TOKEN, APP_TOKEN, SECRET)
STARTS_WITHIN = 60.0
ENDS_WITHIN = 15.0


class Born:
    """A forked process, with as much of `asyncio.subprocess.Process` as is needed here."""

    def __init__(self, pid: int, told: asyncio.StreamReader, hold: asyncio.StreamWriter) -> None:
        self.pid, self._told, self._hold = pid, told, hold
        self.returncode: int | None = None
        self._end = asyncio.create_task(self._wait())

    async def _wait(self) -> int:
        self.returncode = int(await self._told.readline())
        self._hold.close()
        return self.returncode

    async def wait(self) -> int:
        return await asyncio.shield(self._end)

    def send_signal(self, number: signal.Signals) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


async def _forked(arguments: tuple[str, ...], env: dict[str, str], folder: Path) -> tuple[Born, list]:
    streams, ours, theirs = [], [], []
    for _ in range(2):
        end, begin = os.pipe()
        ours.append(end)
        theirs.append(begin)
    try:
        asked = born.bear(arguments, cwd=folder, env=env, out=theirs[0], err=theirs[1])
    finally:
        for one in theirs:
            os.close(one)
    for one in ours:
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda reader=reader: asyncio.StreamReaderProtocol(reader), os.fdopen(one, "rb", 0)
        )
        streams.append(reader)
    told, hold = await asyncio.open_unix_connection(sock=asked)
    return Born(int(await told.readline()), told, hold), streams


@dataclass
class Process:
    """A command in a process of its own, and what it has said so far."""

    process: asyncio.subprocess.Process | Born
    out: list[str] = field(default_factory=list)
    err: list[str] = field(default_factory=list)
    ears: list[asyncio.Task] = field(default_factory=list)

    async def says(self, pattern: str) -> re.Match[str]:
        """Wait for words on standard output."""
        until = time.monotonic() + STARTS_WITHIN
        while True:
            found = re.search(pattern, "".join(self.out))
            if found:
                return found
            assert self.process.returncode is None, (self.process.returncode, self.out, self.err)
            assert time.monotonic() < until, (pattern, self.out, self.err)
            await asyncio.sleep(0.05)

    async def ends(self) -> int:
        async with asyncio.timeout(STARTS_WITHIN):
            status = await self.process.wait()
        await asyncio.gather(*self.ears)
        return status

    async def stop(self) -> tuple[int, float]:
        """SIGTERM; the exit status and how long the end took."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(ENDS_WITHIN):
            status = await self.ends()
        return status, time.monotonic() - began


async def _listen(stream: asyncio.StreamReader, into: list[str]) -> None:
    async for line in stream:
        into.append(line.decode())


@asynccontextmanager
async def cadence(*arguments: str, folder: Path, anew: bool = False, **environment: str) -> AsyncIterator[Process]:
    """`cadence …` with nothing in its environment but what is given; `anew`: by an interpreter of its own, not forked."""
    env = {name: value for name, value in os.environ.items() if name in KEPT}
    env |= {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "default", **environment}
    process: asyncio.subprocess.Process | Born
    if born.possible(environment) and not anew:
        process, (out, err) = await _forked(arguments, env, folder)
    else:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot.cli", *arguments, env=env, cwd=folder, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = process.stdout, process.stderr
    made = Process(process)
    made.ears = [asyncio.create_task(_listen(out, made.out)), asyncio.create_task(_listen(err, made.err))]
    try:
        yield made
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await asyncio.gather(*made.ears)


def assert_quiet_about_secrets(said: Process, *more: str) -> None:
    words = "".join([*said.out, *said.err])
    assert not [secret for secret in (*SECRETS, *more) if secret in words]


def assert_one_sentence(said: Process, words: str) -> None:
    """What a person can mend is one sentence on standard error, and no traceback."""
    text = "".join(said.err)
    assert "Traceback" not in text, text
    sentences = [line for line in said.err if line.startswith("cadence: ")]
    assert len(sentences) == 1, said.err
    assert words in text, text


@pytest.mark.parametrize("http", [False, True], ids=["socket mode", "http mode"])
async def test_two_terminals_play_wednesday_and_both_end_cleanly(tmp_path, http):
    port = free_port()
    how = ["--http"] if http else []
    async with cadence(
        "sandbox",
        "--no-bot",
        "--port",
        "0",
        "--bot-url",
        f"http://127.0.0.1:{port}",
        *how,
        folder=tmp_path,
        anew=not http,
    ) as slack:
        url = (await slack.says(r"The local Slack is at (http://127\.0\.0\.1:\d+)\.")).group(1)
        await slack.says(r"cadence run\n")
        printed = dict(re.findall(r"^\s+export (\w+)=(.*)$", "".join(slack.out), re.MULTILINE))
        assert ("SLACK_SIGNING_SECRET" in printed, "SLACK_APP_TOKEN" in printed) == (http, not http)
        async with cadence("run", folder=tmp_path, anew=not http, **printed) as bot, aiohttp.ClientSession() as session:
            health = (await bot.says(r"Cadence is running: (\S+/healthz)")).group(1)
            assert health == f"http://127.0.0.1:{port}/healthz"
            await play_wednesday(url, session, printed["DATABASE_URL"])
            async with session.get(health) as answered:
                found = await answered.json()
                assert (answered.status, found["ok"], found["database"]) == (200, True, True)
                assert found["slack"] == ("http" if http else "socket connected")
            status, seconds = await bot.stop()
            assert (status, seconds < 10) == (0, True), (seconds, bot.err)
            assert "Traceback" not in "".join(bot.err), bot.err
            assert_quiet_about_secrets(bot)
        status, seconds = await slack.stop()
        assert (status, seconds < 10) == (0, True), (seconds, slack.err)
        assert "".join(slack.err) == ""


async def play_wednesday(url: str, session: aiohttp.ClientSession, database_url: str) -> None:
    """Prompts arrive; one owner answers a deal, the answer is stored and the card edited."""
    local = Local(small_team(), None, url, session, database_url, {})
    now = await local.now()
    await local.to(now.replace(hour=22) + timedelta(days=(2 - now.weekday()) % 7))
    prompts = [row for row in await local.get("messages") if kind_of(row) == "prompt"]
    assert len(prompts) == 6, "each AE of the demo company is asked once"
    state = await local.get("state")
    channel = next(row for row in state["channels"] if row["id"] == prompts[0]["channel"])
    asked = next(user for user in channel["members"] if user != state["app"]["bot_user_id"])
    button = next(label for label in labels(prompts[0]) if label.startswith("Review my deals"))
    await local.click(asked, prompts[0], button)
    found = await answer(local, asked)
    assert found["result"] == "updated", found
    card = next(
        row for row in await local.get("messages", channel=prompts[0]["channel"]) if row["ts"] == prompts[0]["ts"]
    )
    assert card["edited_count"] >= 1
    assert re.search(r"1 of \d+ answered", shown(card))
    db = Database(database_url)
    try:
        async with db.read() as reading:
            assert await reading.scalar(select(func.count()).select_from(Answer)) == 1
    finally:
        await db.close()


@asynccontextmanager
async def local_slack() -> AsyncIterator[dict[str, str]]:
    """A local Slack in this process, and the environment to meet it."""
    sandbox = await start(
        SandboxOptions(port=0, manifest=MANIFEST, bot_token=BOT_TOKEN, app_token=APP_TOKEN, signing_secret=SECRET),
        Seed.from_dict(workspace(small_team())),
    )
    try:
        yield {
            "SLACK_BOT_TOKEN": BOT_TOKEN,
            "SLACK_APP_TOKEN": APP_TOKEN,
            "SLACK_API_URL": sandbox.api_url,
            "PORT": "0",
        }
    finally:
        await sandbox.close()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"SLACK_BOT_TOKEN": "xoxb-wrong-secret"}, "Slack refuses SLACK_BOT_TOKEN (invalid_auth)"),
        ({"SLACK_APP_TOKEN": "xapp-wrong-secret"}, "Slack refuses SLACK_APP_TOKEN (invalid_auth)"),
        ({"SLACK_BOT_TOKEN": "oops-wrong-secret"}, "SLACK_BOT_TOKEN: should begin with xoxb-"),
        ({"SLACK_BOT_TOKEN": None}, "SLACK_BOT_TOKEN is missing"),
        ({"SLACK_APP_TOKEN": None}, "SLACK_APP_TOKEN (xapp-…, Socket Mode) or SLACK_SIGNING_SECRET"),
        ({"DATABASE_URL": "mysql://ann:wrong-secret@127.0.0.1/x"}, "DATABASE_URL: should begin with sqlite:/// or"),
        ({"DATABASE_URL": "postgresql://ann:wrong-secret@127.0.0.1:9/x"}, "The database does not answer"),
        ({"DATABASE_URL": "sqlite:////proc/nowhere/cadence.db"}, "The database does not answer"),
        ({"PORT": "many"}, "PORT: "),
    ],
    ids=["bot token", "app token", "another token", "no bot token", "no door", "kind of database", "no server",
         "no such place", "port"],
)  # fmt: skip
async def test_what_is_wrong_is_one_sentence_and_status_1(tmp_path, wrong, words):
    async with local_slack() as environment:
        given = {**environment, "DATABASE_URL": f"sqlite:///{tmp_path / 'x.db'}", **wrong}
        given = {name: value for name, value in given.items() if value is not None}
        async with cadence("run", folder=tmp_path, anew="SLACK_BOT_TOKEN" in wrong, **given) as bot:
            assert await bot.ends() == 1
    assert_one_sentence(bot, words)
    assert_quiet_about_secrets(bot, "wrong-secret")


async def test_a_taken_port_is_one_sentence_and_status_1(tmp_path):
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with local_slack() as environment, server:
        given = environment | {"DATABASE_URL": f"sqlite:///{tmp_path / 'x.db'}", "PORT": str(port)}
        async with cadence("run", folder=tmp_path, **given) as bot:
            assert await bot.ends() == 1
    assert_one_sentence(bot, f"127.0.0.1:{port}")


async def test_postgresql_is_migrated_first_and_then_it_runs(tmp_path, postgres_base):
    async with local_slack() as environment:
        given = environment | {"DATABASE_URL": await postgres.fresh_database(postgres_base)}
        async with cadence("run", folder=tmp_path, **given) as refused:
            assert await refused.ends() == 1
        assert_one_sentence(refused, "Run `cadence migrate` first.")
        async with cadence("migrate", folder=tmp_path, **given) as migrated:
            assert await migrated.ends() == 0, migrated.err
        async with cadence("run", folder=tmp_path, **given) as bot, aiohttp.ClientSession() as session:
            health = (await bot.says(r"Cadence is running: (\S+)")).group(1)
            async with session.get(health) as answered:
                assert (await answered.json())["ok"] is True
            status, _ = await bot.stop()
        assert status == 0, bot.err
        for said in (refused, migrated, bot):
            assert "Traceback" not in "".join(said.err)
            assert_quiet_about_secrets(said)
