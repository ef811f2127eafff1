"""The record of one applied file, shared by every kind of import."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from models.tables import ImportRun


async def begin(
    session: AsyncSession, kind: str, *, digest: str, file_name: str, now: datetime, by_id: int | None
) -> ImportRun:
    """Add the run and give it its id; the counts follow when the file has been applied."""
    run = ImportRun(kind=kind, file_name=file_name, digest=digest, at=now, by_id=by_id)
    session.add(run)
    await session.flush()
    return run
