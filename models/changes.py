"""The trail: who changed what, when, from where, and what it was before."""

from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from models.tables import Change


def note(
    session: AsyncSession,
    entity: str,
    entity_id: int,
    field: str,
    before: Any,
    after: Any,
    *,
    by_id: int | None,
    source: str,
    at: datetime,
    reason: str = "",
) -> None:
    """Append one line to the trail; `before` and `after` must be JSON values."""
    session.add(
        Change(
            at=at,
            by_id=by_id,
            source=source,
            entity=entity,
            entity_id=entity_id,
            field=field,
            before=before,
            after=after,
            reason=reason,
        )
    )
