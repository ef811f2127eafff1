"""Engines and transactions. The edge owns the transaction; functions take the session and never commit.

SQLite has one writer: stock drivers lose concurrent read-modify-writes silently, because a transaction begins with
its first write and not with its first read. So every write transaction here says BEGIN IMMEDIATE on the only writer
connection, and reads have an engine of their own (WAL lets both go on side by side).
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from models import sqlite_inline
from models.together import Together

BUSY_MILLISECONDS = 15_000


class Database:
    """The two engines of one database and the sessions on them."""

    def __init__(self, url: str, *, echo: bool = False) -> None:
        self.url: URL = normalise(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            path = self.url.database
            if path and path != ":memory:":
                keep_private(Path(path))
            self.writer = _sqlite_engine(self.url, "BEGIN IMMEDIATE", pool_size=1, echo=echo)
            self.reader = _sqlite_engine(self.url, "BEGIN", pool_size=4, echo=echo)
        else:
            # Compiling a roll-up's statement costs PostgreSQL more than it saves: a quarter of a second for 100,000 deals.
            arguments = {"server_settings": {"jit": "off"}}
            self.writer = create_async_engine(
                self.url, pool_size=8, max_overflow=8, pool_pre_ping=True, echo=echo, connect_args=arguments
            )
            self.reader = self.writer
        self._together = Together(self.writer) if self.is_sqlite else None
        self._write = async_sessionmaker(self.writer, expire_on_commit=False)
        self._read = async_sessionmaker(self.reader, expire_on_commit=False)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        """One transaction: committed at the end of the block, rolled back when it raises."""
        async with self._write() as session, session.begin():
            yield session

    @asynccontextmanager
    async def write_together(self) -> AsyncIterator[AsyncSession]:
        """One short transaction, such as a form's; on SQLite those of the same moment share one commit."""
        async with self._together.write() if self._together is not None else self.write() as session:
            yield session

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """A consistent view for reading; what is written to it is thrown away."""
        async with self._read() as session:
            yield session

    async def ping(self) -> None:
        """Raise when the database does not answer."""
        async with self.reader.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        await self.writer.dispose()
        await self.reader.dispose()


def normalise(url: str) -> URL:
    """The async driver's URL for what people write: `sqlite:///x.db`, `postgresql://…`, `postgres://…`."""
    parsed = make_url(url.replace("postgres://", "postgresql://", 1) if url.startswith("postgres://") else url)
    drivers = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
    backend = parsed.get_backend_name()
    if backend not in drivers:
        raise ValueError(f"DATABASE_URL names {backend!r}; it must begin with sqlite:/// or postgresql://")
    return parsed.set(drivername=drivers[backend])


def keep_private(path: Path) -> None:
    """Create the file readable by its owner alone, before SQLite does it with the umask's mode."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    os.close(descriptor)
    path.chmod(0o600)


def _sqlite_engine(url: URL, begin: str, *, pool_size: int, echo: bool) -> AsyncEngine:
    engine = create_async_engine(
        url,
        connect_args={"async_creator_fn": lambda *_, **__: sqlite_inline.connect(url.database or ":memory:")},
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=60,
        echo=echo,
    )

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: DBAPIConnection, _record: Any) -> None:
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"busy_timeout={BUSY_MILLISECONDS}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin_transaction(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    return engine
