"""Guests that two replicas see at once: an event tells one of them what the other has just read."""

import asyncio

from sqlalchemy import select

from models import boundary
from models.boundary import guests
from models.tables import ChannelGuest, ChannelState
from tests.make import NOW


async def test_a_guest_whom_an_event_and_a_look_report_together_is_one_guest(db):
    async with db.write() as session:
        session.add(ChannelState(slack_id="C1", name="partner-acme"))
    both = asyncio.Barrier(2)

    async def meanwhile():
        if db.writer.dialect.name == "postgresql":  # on SQLite one waits for the other before it begins
            await both.wait()

    async def looked():
        async with db.write() as session:
            await session.get(ChannelGuest, ("C1", "UG"))
            await meanwhile()
            await boundary.seen_guests(session, "C1", {"UG": "Gus"}, now=NOW, swept_at=NOW)

    async def told():
        async with db.write() as session:
            await session.get(ChannelGuest, ("C1", "UG"))
            await meanwhile()
            await guests.joined(session, "C1", "UG", name="", now=NOW)

    await asyncio.gather(looked(), told())
    async with db.read() as session:
        (one,) = await session.scalars(select(ChannelGuest))
    assert (one.slack_id, one.name, one.left_at) == ("UG", "Gus", None)
