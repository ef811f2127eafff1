"""Fixtures every room may use: databases of both kinds, and a team playing its week."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from models.db import Database
from models.tables import Base
from tests import postgres

# How fast an example is made says something about the machine, nothing about the code.
settings.register_profile("cadence", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("cadence")


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
async def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database's URL, once for each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'cadence.db'}"
    return await postgres.fresh_database(request.getfixturevalue("postgres_base"))


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'cadence.db'}"


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """A database with all tables, once for each kind."""
    made = Database(database_url)
    async with made.writer.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield made
    await made.close()


@pytest.fixture
async def sqlite(sqlite_url: str) -> AsyncIterator[Database]:
    made = Database(sqlite_url)
    async with made.writer.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield made
    await made.close()
