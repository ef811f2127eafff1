"""All that one PBR's form is made of, read at once: its facts, what was typed so far, what is to judge and to choose."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import closing
from models.cadences import State
from models.domain.pbr import Loss, PbrFacts, Said, said_of
from models.domain.policy import Policy
from models.pbr.choices import Choice, choices_of
from models.pbr.facts import gather
from models.pbr.finding import Month, months, read
from models.pbr.stored import Base, base_of, newest
from models.tables import Cadence, Commitment, CommitmentFate, Occurrence, Partner

MOST_JUDGED = 12
"""As many old commitments as the form has room for beside its other fields; those due later wait for the next PBR."""
HELD = (State.HELD, State.HELD_LATE)


@dataclass(frozen=True)
class Desk:
    """One PBR as its form shows it. `promised`: commitments of earlier versions, which a correction leaves alone."""

    occurrence: Occurrence
    cadence: Cadence
    partner: Partner
    facts: PbrFacts
    said: Said
    base: Base
    standing: tuple[Commitment, ...]
    choice: Choice
    months: tuple[Month, ...]

    @property
    def promised(self) -> int:
        return promised(self.facts)


async def desk_of(
    session: AsyncSession, occurrence_id: int, *, now: datetime, policy: Policy, said: Said | None = None
) -> Desk:
    """One PBR; `said` stands in for the draft. Raises UserError when it is gone."""
    occurrence, cadence, partner = await read(session, occurrence_id)
    base, minutes = await base_of(session, occurrence_id)
    if said is None:
        said = Said.model_validate(minutes.said) if minutes is not None else await fresh(session, occurrence)
    facts = await gather(session, occurrence, now, policy, said=said)
    return Desk(
        occurrence=occurrence,
        cadence=cadence,
        partner=partner,
        facts=facts,
        said=with_losses(said, facts),
        base=base,
        standing=tuple(await standing_of(session, occurrence, cadence)),
        choice=await choices_of(session, partner.id, facts.deals, facts.month, said.pursuit),
        months=tuple(await months(session, partner)),
    )


async def fresh(session: AsyncSession, occurrence: Occurrence) -> Said:
    """What a form begins with that nobody has typed into: the version before, or how the meeting was settled."""
    last = (await newest(session, [occurrence.id])).get(occurrence.id)
    if last is not None:
        return said_of(last[1])
    if occurrence.state in (*HELD, State.PLANNED, State.PROMPTED) or occurrence.closed_by_id is None:
        return Said()  # one that nobody closed in time is asked about as if it were new
    return Said(held=False, side=occurrence.skip_side, reason=occurrence.skip_reason)


def with_losses(said: Said, facts: PbrFacts) -> Said:
    """With the reasons that are known already, where nobody typed another."""
    known = {deal.deal_id: Loss(reason=deal.reason, shared=deal.shared) for deal in facts.lost}
    return said.model_copy(update={"lost": {**known, **said.lost}})


async def standing_of(session: AsyncSession, occurrence: Occurrence, cadence: Cadence) -> list[Commitment]:
    """What this PBR has to say something of: open commitments of the meetings before it that it has not judged yet."""
    found = await closing.to_judge(session, cadence.id)
    from_here = select(Occurrence.id).where(Occurrence.cadence_id == cadence.id, Occurrence.slot >= occurrence.slot)
    since = set(await session.scalars(from_here))
    judged = set(
        await session.scalars(
            select(CommitmentFate.commitment_id).where(
                CommitmentFate.commitment_id.in_([item.id for item in found]), CommitmentFate.occurrence_id.in_(since)
            )
        )
    )
    return [item for item in found if item.made_in_id not in since and item.id not in judged][:MOST_JUDGED]


def promised(facts: PbrFacts) -> int:
    """How many commitments the PBR ends in already: made by it, or carried by its verdict."""
    carried = [item for item in facts.commitments if item.fate in ("moved", "carried") and item.due_before is not None]
    return len(carried) + made(facts)


def made(facts: PbrFacts) -> int:
    return sum(1 for item in facts.commitments if item.fate == "new")
