"""The state of PBRs in words, for lists and cards."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from models.cadences import AHEAD, Side
from models.domain.pbr import PbrFacts
from models.domain.policy import Policy
from models.domain.text import clip, count
from models.pbr.desk import HELD
from models.pbr.facts import Pair, gather_all
from models.pbr.stored import newest
from models.tables import Cadence, Occurrence

SIDES = {Side.OURS: "our side", Side.PARTNER: "the partner's side", Side.HOLIDAY: "a holiday"}
LONGEST_REASON = 120


async def summary(session: AsyncSession, occurrence: Occurrence, now: datetime, policy: Policy) -> str:
    """`draft, 3 things missing, provisional`; `published, version 2`; `not held: our side, ill`. Not escaped."""
    cadence = await session.get_one(Cadence, occurrence.cadence_id)
    return (await summaries(session, [(occurrence, cadence)], now=now, policy=policy))[occurrence.id]


async def summaries(session: AsyncSession, pairs: Collection[Pair], *, now: datetime, policy: Policy) -> dict[int, str]:
    """The same for several, one of a cadence at most, in a number of statements that does not grow; by occurrence."""
    published = await newest(session, [occurrence.id for occurrence, _ in pairs])
    waiting = [pair for pair in pairs if pair[0].id not in published and pair[0].state in AHEAD]
    facts = await gather_all(session, waiting, now=now, policy=policy)
    found = {}
    for occurrence, _ in pairs:
        if occurrence.id in published:
            version, page = published[occurrence.id]
            found[occurrence.id] = _published(version, page)
        elif occurrence.id in facts:
            found[occurrence.id] = _draft(occurrence, facts[occurrence.id], now)
        else:
            found[occurrence.id] = _settled(occurrence.state, occurrence.skip_side, occurrence.skip_reason)
    return found


def _published(version: int, facts: PbrFacts) -> str:
    number = f", version {version}" if version > 1 else ""
    if facts.state not in HELD:
        return f"{_settled(facts.state, facts.side, facts.reason)} (published{number})"
    provisional = ", provisional: the CRM's export is older than the month's end" if facts.provisional else ""
    return f"published{number}{provisional}"


def _settled(state: str, side: str, reason: str) -> str:
    """One that was skipped, or never closed, without a page."""
    if state in HELD:
        return "held, not published"
    side_words = SIDES.get(Side(side), side) if side in tuple(Side) else ""
    why = ", ".join(part for part in (side_words, clip(reason, LONGEST_REASON)) if part)
    return f"not held: {why}" if why else "not held"


def _draft(occurrence: Occurrence, facts: PbrFacts, now: datetime) -> str:
    missing = f"draft, {count(len(facts.missing), 'thing')} missing" if facts.missing else "draft, nothing missing"
    why = {"month": ", provisional until the month is over", "crm": ", provisional: the CRM's export is too old"}
    words = missing + why.get(facts.provisional, "")
    if now >= occurrence.ends_at:
        return f"not closed: {words}"
    return f"running now: {words}" if now >= occurrence.starts_at else words
