"""Statements are compiled once a process, as in a bot that runs for weeks, and not once for each test's engines.

An engine keeps what it has compiled, by its dialect; a test has engines of its own, and would compile every statement
anew: a third of what a test of a session function cost.
"""

from typing import Any

from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.dialects.sqlite.aiosqlite import SQLiteDialect_aiosqlite
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.util import LRUCache

from models import db

_compiled: dict[str, LRUCache[Any, Any]] = {}


def _engine(*args: Any, **kwargs: Any) -> AsyncEngine:
    made = create_async_engine(*args, **kwargs)
    made.update_execution_options(compiled_cache=_compiled.setdefault(made.dialect.name, LRUCache(5000)))
    return made


def share() -> None:
    """From now on all engines of a kind of database share what they compile."""
    for kind in (SQLiteDialect_aiosqlite, PGDialect_asyncpg):
        kind.__hash__ = lambda self: hash(type(self))  # type: ignore[method-assign]
        kind.__eq__ = lambda self, other: type(self) is type(other)  # type: ignore[method-assign]
    db.create_async_engine = _engine  # type: ignore[attr-defined]
