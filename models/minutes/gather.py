"""The page of one meeting as of now: its sections, what was said, and what it ends in. Frozen when it is published."""

from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import crews, imports, notes
from models.crews import Crew
from models.domain import notes as facts_of
from models.domain.meetings import Leaves, Spec
from models.domain.minutes import MeetingFacts, Said
from models.domain.notes import Health
from models.domain.policy import Policy
from models.domain.zones import local_date, zone
from models.meetings import spec_of
from models.minutes import signed
from models.minutes.sections import SECTIONS, Ground
from models.tables import Artifact, Cadence, Minutes, Occurrence, Partner

KIND = "minutes"
"""The kind of the artifact every row of the quarter's table leaves behind, but for the PBR's own."""


async def page(session: AsyncSession, occurrence: Occurrence, cadence: Cadence, *, now: datetime, policy: Policy
               ) -> MeetingFacts:  # fmt: skip
    """The facts of a meeting as of now. A constant number of statements for each kind of page."""
    crew = await crews.crew(session)
    spec = spec_of(crew.table[cadence.meeting_id or 0])
    partners = {row.id: row for row in await session.scalars(select(Partner))}
    partner = partners.get(cadence.partner_id or 0)
    ground = Ground(
        session=session, occurrence=occurrence, cadence=cadence, partners=partners, now=now, policy=policy,
        last=await last_page(session, occurrence, cadence),
        names={} if partner is not None else {row.id: row.name for row in partners.values()},
    )  # fmt: skip
    found = await SECTIONS.get(spec.leaves, SECTIONS[Leaves.NOTE])(ground)
    as_of = await imports.crm_as_of(session)
    return MeetingFacts(
        kind=spec.key,
        leaves=spec.leaves,
        name=spec.name,
        slot=occurrence.slot,
        day=occurrence.day,
        starts_at=occurrence.starts_at,
        minutes=int((occurrence.ends_at - occurrence.starts_at).total_seconds()) // 60,
        partner_id=cadence.partner_id,
        partner=partner.name if partner else "",
        lead_id=crew.lead(cadence),
        sponsors=sponsors(crew) if spec.leaves == Leaves.READOUT else (),
        state=occurrence.state,
        side=occurrence.skip_side,
        reason=occurrence.skip_reason,
        moved_reason=occurrence.moved_reason,
        moved_by=occurrence.moved_by_id,
        closed_by=occurrence.closed_by_id,
        agenda=spec.agenda,
        sections=found.sections,
        said=await _said(session, occurrence, spec),
        commitments=tuple((await notes.commitments_of(session, [(occurrence, cadence)])).get(cadence.id, ())),
        ends_in=spec.ends_in,
        signatures=await signed.signatures(session, spec, crew, occurrence, ground.quarter),
        absent=found.absent,
        first=ground.last is None,
        health=await health(session, cadence, now=now, policy=policy),
        crm_as_of=as_of,
        crm_stale=notes.is_stale(as_of, now, policy),
    )


def sponsors(crew: Crew) -> tuple[int, ...]:
    """The head of partnerships and the CRO: both names stand on the readout from day one."""
    ranked = (crew.by_role.get(role, ()) for role in ("head", "cro"))
    return tuple(ids[0] for ids in ranked if ids)


async def last_page(session: AsyncSession, occurrence: Occurrence, cadence: Cadence) -> MeetingFacts | None:
    """The page of the same series before this meeting: what “was” compares with."""
    artifact = await session.scalar(
        select(Artifact)
        .join(Occurrence, Occurrence.id == Artifact.occurrence_id)
        .where(
            Occurrence.cadence_id == cadence.id,
            Occurrence.starts_at < occurrence.starts_at,
            Artifact.kind == KIND,
            Artifact.audience == notes.INTERNAL,
        )
        .order_by(Artifact.cut_off.desc(), Artifact.id.desc())
        .limit(1)
    )
    return MeetingFacts.model_validate(artifact.facts) if artifact is not None else None


async def _said(session: AsyncSession, occurrence: Occurrence, spec: Spec) -> tuple[Said, ...]:
    typed = await said_of(session, occurrence.id)
    return tuple(
        Said(label=question.label, text=typed[question.key]) for question in spec.questions if typed.get(question.key)
    )


async def said_of(session: AsyncSession, occurrence_id: int) -> dict[str, str]:
    """What was typed for a meeting, by question."""
    row = await session.get(Minutes, occurrence_id)
    return {} if row is None else {str(name): str(text) for name, text in row.said.items()}


async def health(session: AsyncSession, cadence: Cadence, *, now: datetime, policy: Policy) -> Health:
    """The series so far this fiscal year: most rows of the table meet too seldom for a quarter to say anything."""
    today = local_date(now, zone(policy.zone))
    first: date = policy.fiscal.quarter(policy.fiscal.quarter_of(today).year, 1).first
    states = await session.scalars(
        select(Occurrence.state)
        .where(
            Occurrence.cadence_id == cadence.id,
            Occurrence.starts_at <= now,
            Occurrence.day >= first,
            Occurrence.closed_at.is_not(None) | (Occurrence.state == "no_meeting"),
        )
        .order_by(Occurrence.starts_at)
    )
    return facts_of.health(states)
