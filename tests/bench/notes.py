"""Time comes in: what a note of 1,000 deals and the prompts of 1,000 AEs cost, in statements and in seconds."""

import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from handlers.deal_review import card
from handlers.notes import render
from models import cards, notes
from models.db import Database
from models.domain.notes import WeeklyFacts
from models.people import directory
from models.tables import Card, Occurrence
from scheduling.plan import replan
from scheduling.tick import tick
from tests.bench.ground import NOW, POLICY, company, counting, sqlite_at

WEDNESDAY = NOW.replace(day=4, hour=10)
"""When everybody is asked for Thursday's reviews."""
TIER1, MANAGERS, CARDS = 60, 10, 50


async def note(db: Database) -> dict[str, float]:
    """Publish the weekly note of the only partner, and write its text."""
    async with db.read() as session:
        occurrence = await session.scalar(select(Occurrence).order_by(Occurrence.starts_at).limit(1))
    now = occurrence.ends_at + timedelta(minutes=30)
    started = time.perf_counter()
    with counting(db) as seen:
        async with db.write() as session:
            artifact = await notes.publish_weekly(session, occurrence.id, now=now, policy=POLICY)
            book = await directory(session)
    text = render.weekly_text(WeeklyFacts.model_validate(artifact.facts), book, POLICY)
    assert "Partner 1" in text
    return {"statements": len(seen), "seconds": time.perf_counter() - started, "deals": len(artifact.facts["deals"])}


async def note_of(folder: Path, deals: int, rounds: int = 1) -> dict[str, float]:
    """Statements and the best time of the note of `deals` deals; each round freezes another version."""
    db = await company(sqlite_at(folder, f"note_{deals}"), partners=1, aes=20, deals=deals, moves=True)
    found = [await note(db) for _ in range(rounds)]
    await db.close()
    assert {row["deals"] for row in found} == {deals}
    return found[0] | {"seconds": min(row["seconds"] for row in found)}


async def prompts_of(folder: Path, *, aes: int, deals: int) -> dict[str, float]:
    """Everybody is asked at once: the plan, the tick, and each card's blocks."""
    url = sqlite_at(folder, f"prompts_{aes}_{deals}")
    db = await company(url, partners=TIER1, aes=aes, deals=deals, pms=MANAGERS)
    started = time.perf_counter()
    with counting(db) as seen:
        async with db.write() as session:
            await replan(session, now=WEDNESDAY, policy=POLICY)
        async with db.write() as session:
            await tick(session, now=WEDNESDAY, policy=POLICY)
    took = time.perf_counter() - started
    async with db.read() as session:
        made = list(await session.scalars(select(Card.id).where(Card.kind == cards.PROMPT).order_by(Card.id)))
    assert len(made) == min(aes, deals)
    started = time.perf_counter()
    with counting(db) as drawn:
        for card_id in made[:CARDS]:
            async with db.read() as session:
                assert await card.render_prompt(session, card_id, now=WEDNESDAY, policy=POLICY)
    each = (time.perf_counter() - started) / len(made[:CARDS])
    await db.close()
    return {
        "statements": len(seen), "seconds": took, "card_statements": len(drawn) / len(made[:CARDS]),
        "card_seconds": each,
    }  # fmt: skip


async def weekly_note(folder: Path, _api: str) -> list[dict[str, Any]]:
    few, many = await note_of(folder, 10), await note_of(folder, 1000, rounds=9)
    return [
        {"what": "statements of the note of 1,000 deals, to one of 10", "value": many["statements"],
         "floor": few["statements"], "limit": 1.0, "unit": ""},
        {"what": "the note of 1,000 deals, frozen and written", "value": many["seconds"], "limit": 0.3, "unit": "s"},
    ]  # fmt: skip


async def prompts(folder: Path, _api: str) -> list[dict[str, Any]]:
    few = await prompts_of(folder, aes=1000, deals=1000)
    many = await prompts_of(folder, aes=1000, deals=10_000)
    return [
        {"what": "statements of the prompts of 1,000 AEs, 10,000 deals to 1,000", "value": many["statements"],
         "floor": few["statements"], "limit": 1.0, "unit": ""},
        {"what": "the prompts of 1,000 AEs with 10,000 deals, planned and owed", "value": many["seconds"], "limit": 3.0,
         "unit": "s"},
        {"what": "statements of one such card, 10 deals to 1", "value": many["card_statements"],
         "floor": few["card_statements"], "limit": 1.0, "unit": ""},
        {"what": "drawing one such card, as it is sent", "value": many["card_seconds"], "limit": None, "unit": "s"},
    ]  # fmt: skip
