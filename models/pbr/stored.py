"""What is kept of PBRs: their published versions, and the draft of one that is not published yet."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.domain.pbr import PbrFacts, Said
from models.notes import INTERNAL
from models.tables import Artifact, Minutes, Occurrence

KIND = "pbr"
"""The kind of the cadences, of the artifacts, and the template of the message."""


class Version(NamedTuple):
    """One published version, without its facts."""

    artifact_id: int
    occurrence_id: int
    partner_id: int | None
    number: int
    slot: str


@dataclass(frozen=True)
class Kept:
    """The versions of some partners' PBRs that a page of today needs, and the drafts."""

    first: dict[int, PbrFacts]
    """By occurrence: the first version, whose pipeline stands."""
    last: dict[int, PbrFacts]
    """By occurrence: the newest version."""
    before: dict[int, PbrFacts]
    """By occurrence: the newest version of the partner's PBR before it."""
    drafts: dict[int, Said]


async def versions_of(session: AsyncSession, occurrence_id: int) -> list[Artifact]:
    """Every published version of one PBR, newest first."""
    rows = await session.scalars(
        select(Artifact)
        .where(Artifact.kind == KIND, Artifact.audience == INTERNAL, Artifact.occurrence_id == occurrence_id)
        .order_by(Artifact.version.desc())
    )
    return list(rows)


async def newest(session: AsyncSession, occurrence_ids: Collection[int]) -> dict[int, tuple[int, PbrFacts]]:
    """The newest version of each PBR that has one: its number and facts."""
    rows = await session.scalars(
        select(Artifact)
        .where(Artifact.kind == KIND, Artifact.audience == INTERNAL, Artifact.occurrence_id.in_(occurrence_ids))
        .order_by(Artifact.version)
    )
    return {row.occurrence_id: (row.version, PbrFacts.model_validate(row.facts)) for row in rows}


async def read_kept(session: AsyncSession, occurrences: Collection[tuple[Occurrence, int | None]]) -> Kept:
    """Read what `Kept` names for these (occurrence, partner id), in three statements."""
    rows = await session.execute(
        select(Artifact.id, Artifact.occurrence_id, Artifact.partner_id, Artifact.version, Occurrence.slot)
        .join(Occurrence, Occurrence.id == Artifact.occurrence_id)
        .where(
            Artifact.kind == KIND,
            Artifact.audience == INTERNAL,
            Artifact.partner_id.in_([partner_id for _, partner_id in occurrences if partner_id is not None]),
        )
        .order_by(Occurrence.slot, Artifact.version)
    )
    listed = [Version(*row) for row in rows]
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    before: dict[int, int] = {}
    for occurrence, partner_id in occurrences:
        for version in listed:
            if version.occurrence_id == occurrence.id:
                first.setdefault(occurrence.id, version.artifact_id)
                last[occurrence.id] = version.artifact_id
            elif version.partner_id == partner_id and version.slot < occurrence.slot:
                before[occurrence.id] = version.artifact_id
    wanted = {*first.values(), *last.values(), *before.values()}
    facts = {
        row.id: PbrFacts.model_validate(row.facts)
        for row in await session.scalars(select(Artifact).where(Artifact.id.in_(wanted)))
    }
    return Kept(
        first={key: facts[artifact_id] for key, artifact_id in first.items()},
        last={key: facts[artifact_id] for key, artifact_id in last.items()},
        before={key: facts[artifact_id] for key, artifact_id in before.items()},
        drafts=await read_drafts(session, [occurrence.id for occurrence, _ in occurrences]),
    )


@dataclass(frozen=True)
class Base:
    """What a form was opened on: how many versions were published, and which state of the draft; none yet is 0."""

    versions: int = 0
    draft: int = 0


REVISION = "revision"
"""The draft's own count of how often it was saved, beside what was typed."""


async def base_of(session: AsyncSession, occurrence_id: int) -> tuple[Base, Minutes | None]:
    """What a form opened now would stand on, and the draft."""
    last = await session.scalar(
        select(func.max(Artifact.version)).where(
            Artifact.kind == KIND, Artifact.audience == INTERNAL, Artifact.occurrence_id == occurrence_id
        )
    )
    minutes = await session.get(Minutes, occurrence_id)
    return Base(last or 0, int(minutes.said.get(REVISION, 0)) if minutes is not None else 0), minutes


async def read_drafts(session: AsyncSession, occurrence_ids: Collection[int]) -> dict[int, Said]:
    """What was saved as a draft and not published since, by occurrence."""
    rows = await session.scalars(select(Minutes).where(Minutes.occurrence_id.in_(occurrence_ids)))
    return {row.occurrence_id: Said.model_validate(row.said) for row in rows}
