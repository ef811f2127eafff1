"""A throwaway PostgreSQL: loopback TCP on a free port, its own directory, ended by its pid."""

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg

from tests.ports import free_port

USER = "cadence"
STARTS_WITHIN = 30.0


def _binaries() -> Path | None:
    """Where initdb and postgres are: on the path, else where Debian keeps them (the newest version)."""
    found = shutil.which("initdb")
    if found is not None and shutil.which("postgres") is not None:
        return Path(found).parent
    kept = [place for place in Path("/usr/lib/postgresql").glob("*/bin") if (place / "initdb").exists()]
    return max(kept, key=lambda place: int(place.parent.name) if place.parent.name.isdecimal() else 0, default=None)


def _somebody_else() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root: whom it runs as then."""
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    return None


def missing() -> str | None:
    """Why there is no PostgreSQL to test with; None when there is."""
    if _binaries() is None:
        return "PostgreSQL (initdb and postgres) is not installed"
    if os.geteuid() == 0 and _somebody_else() is None:
        return "PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody"
    return None


@contextlib.contextmanager
def cluster(*, durable: bool = False) -> Iterator[str]:
    """A running cluster; yields its URL without a database's name. `durable` keeps fsync, for tests that crash it."""
    binaries, reason = _binaries(), missing()
    if binaries is None or reason is not None:
        raise RuntimeError(reason)
    owner: dict[str, Any] = {}
    home = Path(tempfile.mkdtemp(prefix="cadence-postgres-"))
    somebody = _somebody_else()
    if os.geteuid() == 0 and somebody is not None:
        os.chown(home, somebody.pw_uid, somebody.pw_gid)
        owner = {"user": somebody.pw_uid, "group": somebody.pw_gid, "extra_groups": []}
    try:
        data = home / "data"
        subprocess.run(
            [binaries / "initdb", "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
            check=True,
            capture_output=True,
            cwd=home,
            **owner,
        )
        yield from _running(binaries, home, owner, durable=durable)
    finally:
        # Hundreds of databases are as many thousand files: many times faster than by `shutil.rmtree`.
        subprocess.run(["rm", "-rf", home], check=False)


def _running(binaries: Path, home: Path, owner: dict[str, Any], *, durable: bool) -> Iterator[str]:
    port = free_port()
    options = ["listen_addresses=127.0.0.1", f"port={port}", "unix_socket_directories=", "max_connections=200"]
    if not durable:
        options += ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]
    command = [str(binaries / "postgres"), "-D", str(home / "data")]
    for option in options:
        command += ["-c", option]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=home, **owner)
        try:
            _wait_until_ready(process, home / "log")
            yield f"postgresql://{USER}@127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGINT if durable else signal.SIGQUIT)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], log: Path) -> None:
    # By its log, not by connecting: the caller may be inside a running event loop.
    until = time.monotonic() + STARTS_WITHIN
    while b"ready to accept connections" not in log.read_bytes():
        if process.poll() is not None or time.monotonic() > until:
            raise RuntimeError(f"PostgreSQL did not start: {log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.02)


async def fresh_database(base_url: str, *, template: str = "template1") -> str:
    """The URL of a new database in this cluster: an empty one, or a copy of the one called `template`."""
    name = f"test_{secrets.token_hex(6)}"
    await _create(base_url, name, template)
    return f"{base_url}/{name}"


async def copied(url: str, *, template: str) -> None:
    """Put a copy of the database called `template` into the place of the one at `url`."""
    base_url, _, name = url.rpartition("/")
    await drop_database(url)
    await _create(base_url, name, template)


async def drop_database(url: str) -> None:
    """Take a database away, whoever is still connected: each takes eight megabytes and hundreds of files."""
    base_url, _, name = url.rpartition("/")
    async with _connected(base_url) as connection:
        await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


async def _create(base_url: str, name: str, template: str) -> None:
    async with _connected(base_url) as connection:
        # Copying files is the older way, and three times faster where nothing is synced.
        how = " STRATEGY FILE_COPY" if connection.get_server_version().major >= 15 else ""
        await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"{how}')


@contextlib.asynccontextmanager
async def _connected(base_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(f"{base_url}/postgres")
    try:
        yield connection
    finally:
        await connection.close()
