"""An empty database with every table, on SQLite, for tests of session functions."""

import pytest

from models.db import Database
from models.tables import Base


@pytest.fixture
async def empty(tmp_path):
    db = Database(f"sqlite:///{tmp_path / 'cadence.db'}")
    async with db.writer.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield db
    await db.close()
