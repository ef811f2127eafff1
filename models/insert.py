"""Rows that may be there already, added many at once on either database."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from models.tables.base import Base, table_of


async def add_missing(
    session: AsyncSession, model: type[Base], rows: Sequence[dict[str, Any]], *, key: tuple[str, ...]
) -> None:
    """Add those of `rows` whose `key` is not there yet: one statement, built once, however many rows.

    Written out as one long VALUES, thousands of rows cost more to put into words than to store.
    """
    if rows:
        await session.execute(_statement(model, key, session.get_bind().dialect.name), rows)


@cache
def _statement(model: type[Base], key: tuple[str, ...], dialect: str) -> Insert:
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return insert(table_of(model)).on_conflict_do_nothing(index_elements=list(key))
