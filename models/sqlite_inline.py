"""aiosqlite without a thread hop for every statement.

aiosqlite hands each cursor, execute, fetch and close to its thread: four hops a statement, which cost several times the
statement itself. A statement inside a transaction that already holds its lock never waits for anybody: it runs here, in
the loop's own thread. So do making a cursor, a rollback, and the BEGIN of a reader, which takes no lock. What can wait
does not: BEGIN IMMEDIATE waits for other processes, COMMIT for the disk; both stay in the thread, so the loop is never
blocked on a lock or an fsync.
"""

import sqlite3
from collections.abc import Callable
from typing import Any

import aiosqlite


class InlineConnection(aiosqlite.Connection):
    """A connection that runs statements of an open transaction directly.

    Overrides the one private method through which aiosqlite sends everything to its thread; `tests/models/test_db.py`
    fails if a release renames it.
    """

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        connection = self._connection
        if connection is not None and _never_waits(connection, fn, args):
            return fn(*args, **kwargs)
        return await super()._execute(fn, *args, **kwargs)  # type: ignore[no-untyped-call]


def _never_waits(connection: sqlite3.Connection, fn: Callable[..., Any], args: tuple[Any, ...]) -> bool:
    if connection.in_transaction:
        return fn != connection.commit
    return args[:1] == ("BEGIN",) or fn in (connection.cursor, connection.rollback)


def connect(database: str) -> InlineConnection:
    """A connection for SQLAlchemy's `async_creator_fn`: no implicit transactions, usable from the loop's thread."""

    def open_() -> sqlite3.Connection:
        return sqlite3.connect(database, isolation_level=None, check_same_thread=False)

    made = InlineConnection(open_, 64)
    made._thread.daemon = True  # noqa: SLF001 - as SQLAlchemy does for its own: a forgotten connection must not keep us alive
    return made
