"""What delivery renders for a partner's joint channel: frozen pages, narrowed to what may cross at this very moment."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from handlers.files import partner as files
from handlers.kit.message import Attached, Message
from handlers.shared import page
from models.domain.policy import Policy
from models.shared import owing, pages


async def shared_page(
    session: AsyncSession,
    args: Mapping[str, Any],
    *,
    now: datetime,  # noqa: ARG001 - as every renderer
    policy: Policy,  # noqa: ARG001
) -> Message | None:
    """A note, PBR or readout as the partner may read it now; None where nothing of it may be read any more."""
    found = await pages.load(session, int(args["artifact_id"]))
    return page.message(found[1]) if found is not None and not owing.is_empty(found[1]) else None


async def shared_file(
    session: AsyncSession,
    args: Mapping[str, Any],
    *,
    now: datetime,  # noqa: ARG001 - as every renderer
    policy: Policy,  # noqa: ARG001
) -> Message | None:
    """The same page as a file: a note or PBR as one sheet of paper, a readout as a deck."""
    found = await pages.load(session, int(args["artifact_id"]))
    if found is None or owing.is_empty(found[1]):
        return None
    made = await asyncio.to_thread(files.made_of, found[1])
    return Message(made.title, file=Attached(made.name, made.title, made.data, alt=made.title))


SHARED: Mapping[str, Any] = {
    owing.NOTE_TEMPLATE: shared_page,
    owing.PBR_TEMPLATE: shared_page,
    owing.READOUT_TEMPLATE: shared_page,
    owing.FILE_TEMPLATE: shared_file,
}
"""By the template of an outbox row for a partner."""
