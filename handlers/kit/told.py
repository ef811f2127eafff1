"""What somebody could not be told where they were: said in their direct messages."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from handlers.kit import blocks as b
from handlers.kit.message import Message
from models import outbox
from models.outbox import Owed
from models.tables import Person

TEMPLATE = "told"
APART = "This channel is shared, or Slack does not say that it is not, so I answer you in our direct message."


async def owe(session: AsyncSession, person: Person, words: str, key: str, *, now: datetime) -> None:
    """Owe these words to a person, once for each `key`; never commits."""
    owed = Owed(
        key=f"{TEMPLATE}:{key}", template=TEMPLATE, args={"words": words}, due_at=now, person_id=person.id, urgent=True
    )
    await outbox.enqueue(session, [owed], now=now)


async def render(_session: AsyncSession, args: Mapping[str, Any], **_: Any) -> Message:
    words = plain(str(args["words"]))
    return Message(words, (b.section(words),))


def plain(words: str) -> str:
    """A sentence of ours, in which a command stands as code; a name in it may be bold by accident, never a mention."""
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
