"""aiosqlite without a thread hop for every statement.

aiosqlite hands each cursor, execute, fetch and close to its thread: four hops a statement, which cost several times the
statement itself. A statement inside a transaction that already holds its lock never waits for anybody: it runs here, in
the loop's own thread. So do making a cursor, a rollback, and the BEGIN of a reader, which takes no lock. What can wait
does not: BEGIN IMMEDIATE waits for other processes, COMMIT for the disk; both stay in the thread, so the loop is never
blocked on a lock or an fsync.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from typing import Any

import aiosqlite


class InlineConnection(aiosqlite.Connection):
    """A connection that runs statements of an open transaction directly.

    Overrides the one private method through which aiosqlite sends everything to its thread; `tests/models/test_db.py`
    fails if a release renames it.
    """

    # Each counter has one thread that writes it, so neither needs a lock.
    _handed_over = 0
    _worked_off = 0

    _stopping: asyncio.Future[Any] | None = None

    def stop(self) -> asyncio.Future[Any] | None:
        self._stopping = super().stop()
        return self._stopping

    async def _connect(self) -> aiosqlite.Connection:
        """Connect; where that fails, the thread has ended before the error is told: it would speak to a closed loop."""
        try:
            return await super()._connect()
        except BaseException:
            if self._stopping is not None:
                await self._stopping
            raise

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        connection = self._connection
        # A cancelled caller leaves its call with the thread. What follows must queue behind it: a rollback beside a
        # COMMIT that is still running crashes the interpreter, and one before a late BEGIN leaves a transaction open.
        idle = self._handed_over == self._worked_off
        if idle and connection is not None and _never_waits(connection, fn, args):
            return fn(*args, **kwargs)
        if not self._running or connection is None:
            raise ValueError("Connection closed")
        self._handed_over += 1
        return await super()._execute(self._in_thread, fn, args, kwargs)  # type: ignore[no-untyped-call]

    def _in_thread(self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        try:
            return fn(*args, **kwargs)
        finally:
            self._worked_off += 1


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
