"""One change of the forecast at a time: a signature must not slip past the closing of its quarter."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

from models.tables import Setting

NAME = "forecast"


async def hold(session: AsyncSession, *, now: datetime) -> None:
    """Let one transaction at a time sign, adjust, publish, sign off or close.

    A row lock on PostgreSQL; SQLite's only writer is ours already. A statement of its own, so that what is read after it
    is what stands once the lock is ours.
    """
    if session.get_bind().dialect.name != "postgresql":
        return
    await session.execute(
        postgresql.insert(Setting).values(name=NAME, value=None, changed_at=now).on_conflict_do_nothing()
    )
    await session.execute(select(Setting.name).where(Setting.name == NAME).with_for_update())
