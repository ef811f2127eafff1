"""Partner-safe pages as plain text, for a partner without a joint channel: its manager sends them some other way."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from models.shared import pages, words
from models.shared.owing import WINDOW

MOST_LINES, MOST_CHARACTERS = 60, 2900
"""What a field of a form can hold."""


@dataclass(frozen=True)
class Copyable:
    """One page of the last week: what it is called, and its text."""

    artifact_id: int
    title: str
    text: str


async def to_copy(session: AsyncSession, partner_id: int, *, now: datetime) -> tuple[Copyable, ...]:
    """The partner-safe pages of the last week that were posted nowhere, the latest first, as they may be read today."""
    made = []
    for kept in await pages.newest(session, partner_id, now - WINDOW):
        found = await pages.load(session, kept.artifact.id) if kept.row is None else None
        if found is not None:
            sheet = words.sheet(found[1])
            made.append(Copyable(kept.artifact.id, sheet.title, words.plain(sheet, MOST_LINES, MOST_CHARACTERS)))
    return tuple(made)


async def text_to_copy(session: AsyncSession, partner_id: int, *, now: datetime) -> str:
    """The latest of them; empty where there is none."""
    found = await to_copy(session, partner_id, now=now)
    return found[0].text if found else ""
