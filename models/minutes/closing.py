"""Closing a meeting of the quarter's table: held or not, what was said, what is promised. Then its page goes out."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import cadences, cards, closing, crews, notes, outbox, people
from models.closing import LEAST, Closing
from models.crews import Crew
from models.domain.errors import FieldErrors, UserError
from models.domain.meetings import FOR_THE_PARTNER, Ends, Leaves, Place, Spec
from models.domain.policy import Policy
from models.domain.review_times import waits_until
from models.domain.rights import Act, Subject, may, require
from models.domain.text import clean
from models.domain.zones import local_date, zone
from models.meetings import spec_of
from models.minutes.gather import KIND, page
from models.outbox import Owed
from models.shared import owing
from models.tables import Artifact, Cadence, Minutes, Occurrence, Partner, Person

LATE_WINDOW = timedelta(days=7)
"""How long after its end a meeting can be closed, and its page is still sent."""
DECK = "deck"
"""The template of a readout's deck, which follows its page into the thread."""
LONGEST = 1500
"""Characters of an answer: a page has 3,800 for everything."""


def cutoff(occurrence: Occurrence) -> datetime:
    """Seven days after the meeting's end: after this it is recorded as skipped, "not closed"."""
    return occurrence.ends_at + LATE_WINDOW


async def load(session: AsyncSession, occurrence_id: int) -> tuple[Occurrence, Cadence, Spec, Crew]:
    """A meeting of the table, held until the transaction ends. Raises UserError when it is none or is gone."""
    occurrence, cadence = await cadences.lock_occurrence(session, occurrence_id)
    crew = await crews.crew(session)
    row = crew.table.get(cadence.meeting_id or 0)
    if row is None:
        raise UserError("This meeting does not exist any more; `/cadence` shows what is planned.")
    spec = spec_of(row)
    if spec.leaves in (Leaves.PBR, Leaves.PULSE):  # each has a gate of its own
        raise UserError(f"The {spec.name} is not closed here: `/pbr` and its own card are for that.")
    return occurrence, cadence, spec, crew


async def subject_of(session: AsyncSession, cadence: Cadence, crew: Crew, *, now: datetime, policy: Policy) -> Subject:
    """Who leads the meeting, with their cover, for the rights."""
    row = crew.table.get(cadence.meeting_id or 0)
    if cadence.partner_id is not None and (row is None or row.lead == "pm"):
        partner = await session.get_one(Partner, cadence.partner_id)
        return await people.subject_of(session, partner=partner, now=now, policy=policy)
    lead = crew.lead(cadence)
    person = await session.get(Person, lead) if lead is not None else None
    covers = await people.covers(session, now=now, policy=policy)
    return Subject(pm_id=lead, pm_name=person.name if person else "", covers=covers)


async def close(
    session: AsyncSession,
    actor: Person,
    submitted: Closing,
    said: Mapping[str, str],
    *,
    now: datetime,
    policy: Policy,
) -> Artifact:
    """Settle the meeting and publish its page. Raises NotAllowed, UserError (already closed, not begun), FieldErrors."""
    occurrence, cadence, spec, crew = await load(session, submitted.occurrence_id)
    subject = await subject_of(session, cadence, crew, now=now, policy=policy)
    require(may(people.as_actor(actor), Act.CLOSE_MEETING, subject))
    refuse_closed(occurrence, spec, held=submitted.held, now=now)
    standing = await closing.to_judge(session, cadence.id)
    today = local_date(now, zone(people.zone_of(actor, policy)))
    least = LEAST if spec.ends_in == Ends.COMMITMENTS else 0
    errors = await closing.errors_of(session, submitted, standing, today, least=least, what="A meeting")
    if submitted.held:
        errors |= missing(spec, said)
    if errors:
        raise FieldErrors(errors)
    await write_down(session, occurrence, spec, said, by=actor, now=now)
    await closing.settle(session, occurrence, submitted, standing, actor, partner_id=cadence.partner_id, now=now)
    artifact = await publish(session, occurrence, cadence, spec, now=now, policy=policy)
    await owing.owe_readout(session, occurrence, now=now, policy=policy)
    await cards.touch_occurrences(session, [occurrence.id])
    await cards.touch_homes(session)
    return artifact


def refuse_closed(occurrence: Occurrence, spec: Spec, *, held: bool, now: datetime) -> None:
    """Raise UserError for a meeting that is closed already, or said to be held before it began."""
    if occurrence.closed_at is not None:
        raise UserError(f"The {spec.name} of {occurrence.day:%d %b} is already closed.")
    if held and now < occurrence.starts_at:
        raise UserError(f"The {spec.name} has not begun yet. If it does not happen, skip it in `/cadence`.")


def missing(spec: Spec, said: Mapping[str, str]) -> dict[str, str]:
    """What has to be said and is not, or is longer than a page can show, by field."""
    errors = {}
    for question in (*spec.questions, *FOR_THE_PARTNER):
        text = clean(said.get(question.key, ""))
        if question.required and not text:
            errors[f"said_{question.key}"] = f"Say it in a line: {question.label.lower()} stands on the page."
        elif len(text) > LONGEST:
            errors[f"said_{question.key}"] = f"{len(text)} characters; one page has room for {LONGEST}."
    return errors


async def write_down(
    session: AsyncSession, occurrence: Occurrence, spec: Spec, said: Mapping[str, str], *, by: Person, now: datetime
) -> None:
    """Keep what was typed, line breaks included."""
    known = {question.key for question in (*spec.questions, *FOR_THE_PARTNER)}
    kept = {name: text.strip() for name, text in said.items() if name in known and text.strip()}
    row = await session.get(Minutes, occurrence.id)
    if row is None:
        session.add(Minutes(occurrence_id=occurrence.id, said=kept, changed_at=now, changed_by_id=by.id))
    else:
        row.said, row.changed_at, row.changed_by_id = kept, now, by.id
    await session.flush()


async def publish(
    session: AsyncSession, occurrence: Occurrence, cadence: Cadence, spec: Spec, *, now: datetime, policy: Policy
) -> Artifact:
    """Freeze the page of a settled meeting and owe it to its channel; its lead hears where there is none."""
    facts = await page(session, occurrence, cadence, now=now, policy=policy)
    artifact = await notes.freeze(session, occurrence, KIND, facts, partner_id=cadence.partner_id, now=now)
    occurrence.published_at = now
    channel = await channel_of(session, cadence, spec, policy)
    due = now if channel or facts.lead_id is None else await _when_at_work(session, facts.lead_id, now, policy)
    owed = Owed(
        key=f"minutes:{occurrence.id}:v{artifact.version}",
        template=KIND,
        args={"artifact_id": artifact.id},
        due_at=due,
        void_at=max(cutoff(occurrence), due + timedelta(days=1)),
        channel_ref=channel,
        person_id=None if channel else facts.lead_id,
        occurrence_id=occurrence.id,
    )
    if not channel and not facts.lead_id:
        return artifact
    await outbox.enqueue(session, [owed], now=now)
    if spec.leaves == Leaves.READOUT and occurrence.state in ("held", "held_late"):
        deck = replace(owed, key=f"{DECK}:{artifact.id}", template=DECK, parent_key=owed.key)
        await outbox.enqueue(session, [deck], now=now)
    return artifact


async def _when_at_work(session: AsyncSession, person_id: int, now: datetime, policy: Policy) -> datetime:
    """Now, or when this person's working hours begin: somebody else may have closed the meeting of who is away."""
    person = await session.get_one(Person, person_id)
    reader = (await people.readers(session, [person], policy))[person_id]
    return waits_until(reader, now) or now


async def channel_of(session: AsyncSession, cadence: Cadence, spec: Spec, policy: Policy) -> str:
    """The channel of a meeting's agenda and page; empty where none is set, and its lead's own messages serve."""
    if spec.channel == Place.INTERNAL:
        channel: str | None = await session.scalar(
            select(Partner.internal_channel).where(Partner.id == cadence.partner_id)
        )
        return channel or ""
    named = {Place.TEAM: policy.team_channel, Place.LEADERSHIP: policy.leadership_channel,
             Place.EXECUTIVE: policy.executive_channel, Place.LEAD: ""}  # fmt: skip
    return named.get(Place(spec.channel), "") if spec.channel in tuple(Place) else spec.channel
