"""Which quarter is meant, and which snapshots there are of it."""

import re
from collections.abc import Iterator
from datetime import date

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.domain.errors import UserError
from models.domain.fiscal import Quarter
from models.domain.forecast.facts import RollUpFacts
from models.domain.policy import Policy
from models.domain.text import clip, near
from models.tables import Person, QuarterClose, Snapshot

BACK, AHEAD = 40, 8
"""How many quarters before and after today's a label is looked for in: ten years, and two."""
_LONGEST = 30
_WORDS = {"": 0, "this": 0, "current": 0, "now": 0, "next": 1, "last": -1, "previous": -1}
_LABEL = re.compile(
    r"(?P<year>[0-9]{4})?[ -]*Q(?P<number>[1-4])(?P<letter>[A-Z]?)(?:[ -]*(?P<after>[0-9]{4}))?", re.IGNORECASE
)


def quarter_named(text: str, today: date, policy: Policy) -> Quarter:
    """The quarter that `2026Q3`, `Q3 2026`, `Q3` (of this fiscal year), `this`, `next` or `last` means; empty: this one.

    Raises:
        UserError: it means none; the sentence names the nearest labels.
    """
    said = text.strip().casefold().removesuffix("quarter").strip()
    if said in _WORDS:
        return beside(policy.fiscal.quarter_of(today), _WORDS[said], policy)
    labels = {quarter.label: quarter for quarter in _around(today, policy)}
    wanted = _label(said, policy.fiscal.quarter_of(today).year)
    if wanted in labels:
        return labels[wanted]
    this = policy.fiscal.quarter_of(today)
    usual = [beside(this, step, policy).label for step in (-1, 0, 1)]
    alike = near(wanted or said, sorted(labels, key=lambda label: abs((labels[label].first - this.first).days)))
    raise UserError(
        f"“{clip(text.strip(), _LONGEST)}” is no quarter. Write one like {' or '.join((alike or usual)[:3])}, or this, "
        "next or last."
    )


def by_label(label: str, today: date, policy: Policy) -> Quarter | None:
    """The quarter of exactly this label, within ten years back and two ahead."""
    return next((quarter for quarter in _around(today, policy) if quarter.label == label), None)


def labelled(text: str, today: date, policy: Policy) -> Quarter | None:
    """The quarter that a label with its year means, however it is spaced: `2026Q4`, `2026-Q4`, `Q4 2026`."""
    match = _LABEL.fullmatch(text.strip())
    if match is None or not (match["year"] or match["after"]):
        return None
    return by_label(_label(text.strip(), 0), today, policy)


def beside(quarter: Quarter, step: int, policy: Policy) -> Quarter:
    """The quarter that many after this one; before it where `step` is negative."""
    for _ in range(abs(step)):
        quarter = policy.fiscal.next(quarter) if step > 0 else policy.fiscal.previous(quarter)
    return quarter


async def snapshots(session: AsyncSession, period: str) -> list[Snapshot]:
    """Every snapshot of a quarter, the newest first."""
    rows = await session.scalars(select(Snapshot).where(Snapshot.period == period).order_by(Snapshot.number.desc()))
    return list(rows)


async def latest(session: AsyncSession, period: str) -> Snapshot | None:
    """The newest snapshot of a quarter, of whatever kind."""
    newest = select(Snapshot).where(Snapshot.period == period).order_by(Snapshot.number.desc()).limit(1)
    return await session.scalar(newest)


async def closed(session: AsyncSession, period: str) -> QuarterClose | None:
    """When and by whom the quarter was closed, if it was."""
    return await session.get(QuarterClose, period)


async def last_roll_up(session: AsyncSession, period: str) -> Snapshot | None:
    """The newest roll-up of a quarter: what CRO and CFO sign off, neither its closing nor a restatement."""
    newest = select(Snapshot).where(Snapshot.period == period, Snapshot.kind == "roll_up")
    return await session.scalar(newest.order_by(Snapshot.number.desc()).limit(1))


async def snapshot(session: AsyncSession, snapshot_id: int) -> Snapshot:
    """One snapshot. Raises UserError where there is none."""
    found = await session.get(Snapshot, snapshot_id)
    if found is None:
        raise UserError("This roll-up does not exist. `/forecast` lists those there are.")
    return found


def facts_of(row: Snapshot) -> RollUpFacts:
    """What the snapshot says, as it was frozen."""
    return RollUpFacts.model_validate(row.facts)


def _label(said: str, year: int) -> str:
    match = _LABEL.fullmatch(said)
    if match is None:
        return ""
    return f"{match['year'] or match['after'] or year}Q{match['number']}{match['letter'].lower()}"


def _around(today: date, policy: Policy) -> Iterator[Quarter]:
    """The quarters around today's, the nearest first."""
    this = before = after = policy.fiscal.quarter_of(today)
    yield this
    for place in range(BACK):
        before = policy.fiscal.previous(before)
        yield before
        if place < AHEAD:
            after = policy.fiscal.next(after)
            yield after


async def refuse_closed(session: AsyncSession, quarter: Quarter) -> None:
    """Raise UserError when the quarter is closed: by whom, when, and what becomes of changes."""
    row = await closed(session, quarter.label)
    if row is not None:
        name = await session.scalar(select(Person.name).where(Person.id == row.by_id))
        raise UserError(
            f"{quarter.label} was closed by {name} on {row.at.day} {row.at:%b %Y}. Its numbers stand; what changes in its "
            "deals is stated in the next roll-up as a restatement."
        )
