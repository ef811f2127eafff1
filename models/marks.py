"""Whether anything was written to some tables since an earlier look, by anybody: what need not be done again.

Only SQLite can say so for certain, and for next to nothing: it has one writer connection here, which knows what was
written through it, and `PRAGMA data_version` moves when any other process commits. Other replicas on PostgreSQL have no
such witness: there the answer is always that something may have changed.
"""

from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import ClauseElement, TextClause, UpdateBase, event, text
from sqlalchemy.engine import Engine
from sqlalchemy.ext.asyncio import AsyncSession

from models.tables.base import Base, table_of

_VERSION = text("PRAGMA data_version")


class Mark(NamedTuple):
    """Equal marks: nothing was written in between. `others` moves with every other process's commit."""

    others: int
    connections: int
    first: int
    second: int


class Marks:
    """Counts what is written through `writer` to two groups of tables. Made once, before the first statement."""

    def __init__(self, writer: Engine, first: Collection[type[Base]], second: Collection[type[Base]]) -> None:
        self._groups = tuple(frozenset(table_of(model).name for model in group) for group in (first, second))
        self._written = [0, 0]
        self._is_sqlite = writer.dialect.name == "sqlite"
        self._connections = 0
        event.listen(writer, "after_execute", self._executed)
        event.listen(writer, "connect", self._connects)

    async def now(self, session: AsyncSession) -> Mark | None:
        """The present mark; None when nobody can tell whether anything was written.

        Ask inside the transaction that would do the work: what is committed later moves the next mark.
        """
        if not self._is_sqlite:
            return None
        # Two connections count on their own, so a new connection is a change too.
        return Mark(await session.scalar(_VERSION), self._connections, *self._written)

    def _executed(self, _connection: Any, statement: ClauseElement, *_: Any) -> None:
        if isinstance(statement, UpdateBase):
            name = getattr(statement.table, "name", "")
            for place, tables in enumerate(self._groups):
                self._written[place] += name in tables
        elif isinstance(statement, TextClause) and statement is not _VERSION:
            self._written[0] += 1  # nobody knows what it does

    def _connects(self, *_: Any) -> None:
        self._connections += 1
