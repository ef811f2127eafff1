"""`cadence file`: a roll-up, a note, a PBR or a readout as a file, from what is published. Reads only."""

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from handlers.files import chart, partner
from handlers.files.canvas import Picture
from handlers.forecast import book
from handlers.papers import files
from models import notes, pbr, people
from models.domain.errors import UserError
from models.domain.forecast.facts import RollUpFacts
from models.domain.minutes import MeetingFacts
from models.domain.policy import Policy
from models.domain.text import key, near
from models.forecast import finding
from models.minutes import gather
from models.shared import owing, pages
from models.tables import Artifact, Occurrence, Partner, Snapshot


class Kind(StrEnum):
    """What a file shows."""

    ROLL_UP = "roll-up"
    CHANGES = "changes"
    WEEKS = "weeks"
    NOTE = "note"
    PBR = "pbr"
    DECK = "deck"


OF_A_QUARTER = (Kind.ROLL_UP, Kind.CHANGES, Kind.WEEKS)
KINDS = {Kind.NOTE: notes.WEEKLY_NOTE, Kind.PBR: pbr.KIND, Kind.DECK: gather.KIND}


@dataclass(frozen=True)
class Wanted:
    """Which file: of a quarter by its label (empty: the newest roll-up), else of a partner's page by its slot.

    `shared`: its partner-safe version, as the partner may read it now.
    """

    kind: Kind
    period: str = ""
    partner: str = ""
    slot: str = ""
    shared: bool = False


async def write(session: AsyncSession, wanted: Wanted, to: Path | None, policy: Policy) -> Path:
    """Write the file and say where. Raises UserError: there is nothing to write, and what there is."""
    if wanted.kind in OF_A_QUARTER:
        return await _of_quarter(session, wanted, to, policy)
    artifact = await _page(session, wanted)
    if wanted.shared:
        return await _shared(session, wanted, artifact, to)
    names = await people.directory(session)
    if wanted.kind == Kind.DECK:
        made = await asyncio.to_thread(files.deck_of, artifact, names, policy)
    else:
        paper = await asyncio.to_thread(files.paper_of, artifact, names, policy)
        if paper is None:
            raise UserError(f"There is no paper of a page of the kind {artifact.kind}.")
        made = paper
    return await _kept(_place(to, made.name), made.data)


async def _of_quarter(session: AsyncSession, wanted: Wanted, to: Path | None, policy: Policy) -> Path:
    snapshot = await _snapshot(session, wanted.period)
    if wanted.kind == Kind.ROLL_UP:
        place = _place(to, book.name_of(snapshot))
        await book.write(session, snapshot, place, policy)
        return place
    facts = finding.facts_of(snapshot)
    picture = await asyncio.to_thread(_picture, wanted.kind, facts)
    return await _kept(_place(to, picture.name), picture.data)


def _picture(kind: Kind, facts: RollUpFacts) -> Picture:
    if kind == Kind.CHANGES:
        if facts.changes is None:
            raise UserError(f"{facts.label} is the first roll-up of {facts.period}: there is nothing it changed from.")
        return chart.what_changed(facts)
    picture = chart.by_week(facts)
    if picture is None:
        raise UserError(f"{facts.period} has no week to draw yet.")
    return picture


async def _snapshot(session: AsyncSession, period: str) -> Snapshot:
    """The newest roll-up or closing of a quarter; the newest roll-up of all where none is named."""
    query = select(Snapshot).order_by(Snapshot.cut_off.desc(), Snapshot.id.desc())
    if period:
        query = query.where(Snapshot.period == period, Snapshot.kind != "restatement")
    else:
        query = query.where(Snapshot.kind == "roll_up")
    found = await session.scalar(query.limit(1))
    if found is None:
        labels = sorted(set(await session.scalars(select(Snapshot.period).distinct())))
        there = f"There are roll-ups of {', '.join(labels)}." if labels else "None has been published yet."
        raise UserError(f"No roll-up of {period or 'any quarter'} was published. {there}")
    return found


async def _page(session: AsyncSession, wanted: Wanted) -> Artifact:
    """The newest published page of a kind: of a partner (a deck's: of the program), of one slot or the last."""
    partner_id = await _partner(session, wanted)
    audience = notes.PARTNER_SAFE if wanted.shared else notes.INTERNAL
    query = (
        select(Artifact)
        .join(Occurrence, Occurrence.id == Artifact.occurrence_id)
        .where(Artifact.kind == KINDS[wanted.kind], Artifact.audience == audience)
        .order_by(Occurrence.starts_at.desc(), Artifact.version.desc())
    )
    query = query.where(Artifact.partner_id.is_(None) if partner_id is None else Artifact.partner_id == partner_id)
    if wanted.slot:
        query = query.where(Occurrence.slot == wanted.slot)
    for artifact in await session.scalars(query):
        if wanted.shared or wanted.kind != Kind.DECK or MeetingFacts.model_validate(artifact.facts).leaves == "readout":
            return artifact
    of = f" of {wanted.partner}" if wanted.partner else " of the program (--partner names another's)"
    when = f" {wanted.slot}" if wanted.slot else ""
    safe = "partner-safe " if wanted.shared else ""
    raise UserError(f"No {safe}{'readout' if wanted.kind == Kind.DECK else wanted.kind}{of}{when} was published yet.")


async def _shared(session: AsyncSession, wanted: Wanted, artifact: Artifact, to: Path | None) -> Path:
    """The partner-safe file: of what was frozen, that which may still cross."""
    found = await pages.load(session, artifact.id)
    if found is None or owing.is_empty(found[1]):
        raise UserError(f"Nothing of this {wanted.kind} may be read by the partner any more.")
    made = await asyncio.to_thread(partner.made_of, found[1])
    return await _kept(_place(to, made.name), made.data)


async def _partner(session: AsyncSession, wanted: Wanted) -> int | None:
    if not wanted.partner:
        if wanted.kind == Kind.DECK and not wanted.shared:
            return None
        raise UserError(f"Say whose {wanted.kind} it is: --partner NAME.")
    rows = {row.key: row for row in await session.scalars(select(Partner))}
    found = rows.get(key(wanted.partner))
    if found is None:
        names = near(wanted.partner, [row.name for row in rows.values()])
        hint = f" Did you mean {' or '.join(names[:3])}?" if names else ""
        raise UserError(f"No partner is called “{wanted.partner}”.{hint}")
    return found.id


def _place(to: Path | None, name: str) -> Path:
    """Where it goes: the working folder, a folder that was named, or just this file."""
    place = Path(name) if to is None else (to / name if to.is_dir() else to)
    if not place.parent.is_dir():
        raise UserError(f"There is no folder {place.parent}. Make it first, or name another with --to.")
    return place


async def _kept(place: Path, data: bytes) -> Path:
    await asyncio.to_thread(place.write_bytes, data)
    return place
