"""Whether anything was written to some tables since an earlier look, by anybody: what need not be done again.

Only SQLite can say so for certain, and for next to nothing: it has one writer connection here, which knows what was
written through it, and `PRAGMA data_version` moves when any other process commits. Other replicas on PostgreSQL have no
such witness: there the answer is always that something may have changed.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ClauseElement, TextClause, UpdateBase, event, text
from sqlalchemy.engine import Engine
from sqlalchemy.ext.asyncio import AsyncSession

from models.tables.base import Base, table_of

Mark = tuple[int, int, int]
_VERSION = text("PRAGMA data_version")


class Marks:
    """Counts what is written to the tables of `models` through `writer`. Made once, before the first statement."""

    def __init__(self, writer: Engine, models: Collection[type[Base]]) -> None:
        self._tables = frozenset(table_of(model).name for model in models)
        self._is_sqlite = writer.dialect.name == "sqlite"
        self._written = self._connected = 0
        event.listen(writer, "after_execute", self._executed)
        event.listen(writer, "connect", self._connects)

    async def now(self, session: AsyncSession) -> Mark | None:
        """A mark that differs from every earlier one if anything was written meanwhile; None when nobody can tell.

        Ask inside the transaction that would do the work: what is committed later moves the next mark.
        """
        if not self._is_sqlite:
            return None
        # Two connections count on their own, so a new connection is a change too.
        return await session.scalar(_VERSION), self._written, self._connected

    def _executed(self, _connection: Any, statement: ClauseElement, *_: Any) -> None:
        if isinstance(statement, UpdateBase):
            self._written += getattr(statement.table, "name", "") in self._tables
        elif isinstance(statement, TextClause) and statement is not _VERSION:
            self._written += 1  # nobody knows what it does

    def _connects(self, *_: Any) -> None:
        self._connected += 1
