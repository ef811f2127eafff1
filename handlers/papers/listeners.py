"""Pages as files: a note or a PBR as a PDF, asked for with a button below it; a readout's deck comes by itself.

A file goes into the thread of the very message that the button stands below, once: what is clicked or claimed elsewhere
decides nothing.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from handlers.kit.deps import Body, deps_of, user_id
from handlers.kit.doors import Door
from handlers.kit.message import Attached, Message
from handlers.kit.once import once
from handlers.papers import files
from models import outbox, people
from models.domain.errors import UserError
from models.domain.policy import Policy
from models.outbox import Owed
from models.tables import Artifact, Outbox

PDF = "pdf"
"""The template of a page as a file."""


def register(app: AsyncApp) -> None:
    app.action(Door.PDF)(ask_for_pdf)


async def ask_for_pdf(ack: AsyncAck, body: Body, context: AsyncBoltContext) -> None:
    """Owe the page below which the button stands as a file in its thread; pressed again, one is told that it is there."""
    deps = deps_of(context)
    channel = str((body.get("channel") or {}).get("id") or "")
    ts = str((body.get("message") or {}).get("ts") or "")

    async def effect(session: AsyncSession) -> Mapping[str, Any]:
        await people.acting(session, user_id(body))
        row = await session.scalar(select(Outbox).where(Outbox.channel_id == channel, Outbox.ts == ts))
        if row is None or row.audience != outbox.INTERNAL or "artifact_id" not in row.args:
            raise UserError("This page is not one of Cadence's any more, so there is no file of it.")
        if await session.scalar(select(Outbox.id).where(Outbox.key == f"{PDF}:{row.id}")) is not None:
            raise UserError("This page is in its thread as a PDF already.")
        parent = await session.get(Outbox, row.parent_id) if row.parent_id is not None else row
        owed = Owed(
            key=f"{PDF}:{row.id}",
            template=PDF,
            args={"artifact_id": row.args["artifact_id"]},
            due_at=deps.now(),
            person_id=row.person_id,
            channel_ref=row.channel_ref,
            parent_key=parent.key if parent is not None else "",
        )
        await outbox.enqueue(session, [owed], now=deps.now())
        return {}

    await once(deps, body, f"click:{PDF}:{user_id(body)}:{body['actions'][0]['action_ts']}", effect)
    await ack()
    deps.wake()


async def render_pdf(
    session: AsyncSession, args: Mapping[str, Any], *, now: datetime, policy: Policy
) -> Message | None:
    """The page as it was frozen, on one sheet of paper."""
    artifact = await session.get(Artifact, args["artifact_id"])
    book = await people.directory(session)
    made = await asyncio.to_thread(files.paper_of, artifact, book, policy) if artifact is not None else None
    return _with_file(made) if made is not None else None


async def render_deck(
    session: AsyncSession, args: Mapping[str, Any], *, now: datetime, policy: Policy
) -> Message | None:
    """The deck of a readout, below its page."""
    artifact = await session.get(Artifact, args["artifact_id"])
    if artifact is None:
        return None
    book = await people.directory(session)
    return _with_file(await asyncio.to_thread(files.deck_of, artifact, book, policy))


def _with_file(made: files.Made) -> Message:
    return Message(made.words, file=Attached(made.name, made.title, made.data, alt=made.title))
