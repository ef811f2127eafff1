"""An empty database with every table, on SQLite, for tests of session functions."""

import pytest


@pytest.fixture
def empty(sqlite):
    return sqlite
