"""Fixtures every room may use: databases of both kinds, and a team playing its week."""

import asyncio
import gc
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import create_engine

from models.db import Database
from models.tables import Base
from tests import compiled, order, postgres

# How fast an example is made says something about the machine, nothing about the code.
settings.register_profile("cadence", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("cadence")
compiled.share()

MEMORY = Path("/dev/shm")
ENOUGH = 3 * 1024**3
"""So much must be free in memory before a run writes there: a run needs a third of it."""
_in_memory: list[Path] = []


def pytest_configure(config: pytest.Config) -> None:
    """What a run writes is written to memory where there is enough: thousands of databases wait for no disk then."""
    if hasattr(config, "workerinput") or "TMPDIR" in os.environ or config.option.basetemp:
        return
    if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ENOUGH:
        place = Path(tempfile.mkdtemp(prefix="cadence-tests-", dir=MEMORY))
        place.chmod(0o711)  # PostgreSQL runs as somebody else, and passes through
        _in_memory.append(place)
        os.environ["TMPDIR"] = tempfile.tempdir = str(place)


def pytest_unconfigure() -> None:
    for place in _in_memory:
        left = [found for found in place.glob("pytest-of-*/pytest-*/**/test_*") if found.is_dir()]
        if left:
            print(f"\nWhat the failed tests wrote is in {place}")
        else:
            shutil.rmtree(place, ignore_errors=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        order.longest_first(items, config.workerinput["workercount"])


def pytest_collection_finish() -> None:
    """What all tests together are is there until the end: looking it through for garbage again and again is in vain."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def tmp_path(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """pytest's own, taken away when the test has passed: a run of all would leave gigabytes."""
    failed = request.session.testsfailed
    yield tmp_path
    if request.session.testsfailed == failed:
        shutil.rmtree(tmp_path, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_base() -> Iterator[str]:
    """A throwaway PostgreSQL cluster; a visible skip where there is none, a failure where all is required."""
    reason = postgres.missing()
    if reason:
        if os.environ.get("CADENCE_REQUIRE_ALL") == "1":
            pytest.fail(f"PostgreSQL is required here: {reason}")
        pytest.skip(f"no PostgreSQL: {reason}")
    with postgres.cluster() as base:
        yield base


@pytest.fixture(params=["sqlite", "postgresql"])
async def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """An empty database's URL, once for each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'cadence.db'}"
        return
    url = await postgres.fresh_database(request.getfixturevalue("postgres_base"))
    yield url
    await postgres.drop_database(url)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'cadence.db'}"


@pytest.fixture(scope="session")
def tables_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite database with all tables and nothing in them: copying it is many times faster than making it."""
    path = tmp_path_factory.mktemp("tables") / "tables.db"
    engine = create_engine(f"sqlite:///{path}")
    Base.metadata.create_all(engine)
    engine.dispose()
    return path


@pytest.fixture(scope="session")
def tables_database(postgres_base: str) -> str:
    """The name of a PostgreSQL database like that, to be copied as a template."""
    with ThreadPoolExecutor(1) as pool:  # the caller may be inside a running event loop
        return pool.submit(asyncio.run, _with_tables(postgres_base)).result()


async def _with_tables(base: str) -> str:
    url = await postgres.fresh_database(base)
    made = Database(url)
    async with made.writer.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    await made.close()
    return url.rpartition("/")[2]


@pytest.fixture(params=["sqlite", "postgresql"])
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """A database with all tables, once for each kind."""
    if request.param == "sqlite":
        url = _copy(request.getfixturevalue("tables_file"), tmp_path)
    else:
        template = request.getfixturevalue("tables_database")
        url = await postgres.fresh_database(request.getfixturevalue("postgres_base"), template=template)
    made = Database(url)
    yield made
    await made.close()
    if request.param != "sqlite":
        await postgres.drop_database(url)


@pytest.fixture
async def sqlite(tables_file: Path, tmp_path: Path) -> AsyncIterator[Database]:
    made = Database(_copy(tables_file, tmp_path))
    yield made
    await made.close()


def _copy(tables_file: Path, folder: Path) -> str:
    shutil.copyfile(tables_file, folder / "cadence.db")
    return f"sqlite:///{folder / 'cadence.db'}"
