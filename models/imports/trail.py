"""What was set here since a file last spoke of it: a file that still says what it said before changes nothing."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.tables import Change


async def set_here(session: AsyncSession, entity: str, fields: Collection[str]) -> dict[tuple[int, str], Any]:
    """What the files said of a field before somebody changed it here, by (id, field); one statement.

    Fields that no person has changed since the last file are not in it.
    """
    rows = await session.execute(
        select(Change.entity_id, Change.field, Change.source, Change.before)
        .where(Change.entity == entity, Change.field.in_(fields))
        .order_by(Change.id)
    )
    found: dict[tuple[int, str], Any] = {}
    for entity_id, field, source, before in rows:
        if source == "import":
            found.pop((entity_id, field), None)
        else:
            found.setdefault((entity_id, field), before)
    return found
