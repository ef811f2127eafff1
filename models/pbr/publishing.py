"""Saving the draft of a PBR, and publishing it: the gate, what became of commitments, reasons, the frozen page."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import cards, changes, closing, notes, outbox, people
from models.closing import MOST_NEW, Closing, Promise, Verdict
from models.domain import pbr as domain
from models.domain import review_times
from models.domain.errors import Conflict, FieldErrors, Stale
from models.domain.pbr import PbrFacts, Said
from models.domain.policy import Policy
from models.domain.rights import Act, may, require
from models.domain.text import clean, count
from models.domain.zones import local_date, local_time, zone
from models.outbox import Owed
from models.pbr.desk import HELD, Desk, desk_of, made, promised
from models.pbr.facts import gather
from models.pbr.finding import lock
from models.pbr.stored import KIND, REVISION, Base, base_of
from models.shared import owing
from models.tables import (
    Artifact,
    Cadence,
    Change,
    Commitment,
    LossReason,
    Minutes,
    Occurrence,
    Outbox,
    Partner,
    Person,
)

SAY_CHANGE = "Say one or two changes to the motion: what we do differently from now on."
SAY_WHAT_CHANGED = "Say what changed: the version before stays, and this line tells the two apart."


@dataclass(frozen=True)
class Submitted:
    """A PBR's form as it came. `base` is what it was opened on; `refusals`: why the owner chosen at a place cannot be."""

    occurrence_id: int
    base: Base
    said: Said
    refusals: Mapping[int, str] = field(default_factory=dict)


async def save_draft(
    session: AsyncSession, actor: Person, submitted: Submitted, *, now: datetime, policy: Policy
) -> None:
    """Keep everything typed, complete or not. Raises NotAllowed, Stale, FieldErrors (an owner nobody knows)."""
    occurrence, _, _ = await _begin(session, actor, submitted, now=now, policy=policy)
    if submitted.refusals:
        raise FieldErrors({f"owner_{place}": words for place, words in submitted.refusals.items()})
    base, minutes = await base_of(session, occurrence.id)
    said = {**submitted.said.model_dump(mode="json"), REVISION: base.draft + 1}
    if minutes is None:
        session.add(Minutes(occurrence_id=occurrence.id, said=said, changed_at=now, changed_by_id=actor.id))
    else:
        minutes.said, minutes.changed_at, minutes.changed_by_id = said, now, actor.id
    changes.note(session, "occurrence", occurrence.id, "draft", base.draft, base.draft + 1, by_id=actor.id,
                 source="slack", at=now)  # fmt: skip
    await _touch(session, occurrence)


async def publish(
    session: AsyncSession, actor: Person, submitted: Submitted, *, now: datetime, policy: Policy
) -> Artifact:
    """Settle the PBR, freeze its page as the next version, and owe it to the partner's internal channel.

    Raises NotAllowed, Stale (somebody else changed it meanwhile), FieldErrors (what is missing, by field).
    """
    occurrence, cadence, partner = await _begin(session, actor, submitted, now=now, policy=policy)
    _refuse_early(occurrence, cadence, partner, now)
    desk = await desk_of(session, occurrence.id, now=now, policy=policy, said=Said())
    closed = _closing(submitted)
    errors = await _errors(session, desk, submitted, closed, local_date(now, zone(people.zone_of(actor, policy))))
    if errors:
        raise FieldErrors(errors)
    _store_reasons(session, desk.facts, submitted.said, actor, now)
    await _settle(session, desk, closed, actor, now)
    facts = await gather(session, occurrence, now, policy, said=submitted.said)
    artifact = await notes.freeze(session, occurrence, KIND, facts, partner_id=partner.id, now=now)
    occurrence.published_at = occurrence.published_at or now
    await _forget_draft(session, occurrence)
    changes.note(session, "occurrence", occurrence.id, KIND, artifact.version - 1, artifact.version, by_id=actor.id,
                 source="slack", at=now, reason=clean(submitted.said.what_changed))  # fmt: skip
    await _owe(session, occurrence, partner, artifact, now=now, policy=policy)
    await owing.owe_pbr(session, occurrence, now=now, policy=policy)
    await _touch(session, occurrence)
    return artifact


async def _begin(
    session: AsyncSession, actor: Person, submitted: Submitted, *, now: datetime, policy: Policy
) -> tuple[Occurrence, Cadence, Partner]:
    """The PBR, held; the actor may publish it, and nobody was faster."""
    occurrence, cadence, partner = await lock(session, submitted.occurrence_id)
    subject = await people.subject_of(session, partner=partner, now=now, policy=policy)
    require(may(people.as_actor(actor), Act.PUBLISH_PBR, subject))
    await _refuse_overtaken(session, submitted, now=now, policy=policy)
    return occurrence, cadence, partner


async def _refuse_overtaken(session: AsyncSession, submitted: Submitted, *, now: datetime, policy: Policy) -> None:
    """Raise Stale, with both values of what differs, when the form was opened before somebody published or saved."""
    base, minutes = await base_of(session, submitted.occurrence_id)
    if base == submitted.base:
        return
    desk = await desk_of(session, submitted.occurrence_id, now=now, policy=policy)
    book = await people.directory(session)
    differing = domain.differences(
        desk.said,
        submitted.said,
        deals={deal.deal_id: deal.name for deal in desk.facts.lost},
        people={person.id: person.name for person in book.people.values()},
    )
    if not differing and base.versions == submitted.base.versions:
        return  # the same words twice: nothing would be overwritten
    by = minutes.changed_by_id if minutes is not None else await _published_by(session, submitted.occurrence_id)
    raise Stale(tuple(Conflict(label, "", theirs, yours, book.name(by)) for label, theirs, yours in differing))


async def _published_by(session: AsyncSession, occurrence_id: int) -> int | None:
    found: int | None = await session.scalar(
        select(Change.by_id)
        .where(Change.entity == "occurrence", Change.entity_id == occurrence_id, Change.field == KIND)
        .order_by(Change.id.desc())
        .limit(1)
    )
    return found


def _refuse_early(occurrence: Occurrence, cadence: Cadence, partner: Partner, now: datetime) -> None:
    if now >= occurrence.starts_at:
        return
    clocks = zone(cadence.zone)
    day = local_date(occurrence.starts_at, clocks)
    raise FieldErrors(
        {
            "how": f"The PBR with {partner.name} begins on {day:%A} {day.day} {day:%B} at "
            f"{local_time(occurrence.starts_at, clocks):%H:%M}: until then, save it as a draft. If it does not happen, skip "
            "it in `/cadence`."
        }
    )


def _closing(submitted: Submitted) -> Closing:
    """The part of the form that every meeting's closing has."""
    said = submitted.said
    return Closing(
        occurrence_id=submitted.occurrence_id,
        held=said.held,
        side=said.side,
        reason=said.reason,
        verdicts={key: Verdict(verdict.fate, verdict.due) for key, verdict in said.verdicts.items()},
        promises=tuple(
            Promise(one.text, one.owner_id, one.due, submitted.refusals.get(place, ""), one.shared)
            for place, one in enumerate(said.promises)
        ),
    )


async def _errors(
    session: AsyncSession, desk: Desk, submitted: Submitted, closed: Closing, today: date
) -> dict[str, str]:
    """What is missing, by field. A correction counts what the versions before it promised."""
    said, facts = submitted.said, desk.facts
    least = max(0, closing.LEAST - promised(facts))
    errors = await closing.errors_of(session, closed, list(desk.standing), today, least=least, what="A PBR")
    given = [place for place, promise in enumerate(closed.promises) if not promise.empty]
    if given and made(facts) + len(given) > MOST_NEW and f"text_{MOST_NEW}" not in errors:
        left = MOST_NEW - made(facts)
        errors[f"text_{given[max(0, left)]}"] = (
            f"Two or three commitments, so that each is kept: {count(made(facts), 'is', 'are')} made already, "
            f"{f'so add {left} at most' if left > 0 else 'so add none'}."
        )
    if said.held and len(domain.typed_changes(said)) < domain.LEAST_CHANGES:
        errors["change_0"] = SAY_CHANGE
    if desk.base.versions and not clean(said.what_changed):
        errors["what_changed"] = SAY_WHAT_CHANGED
    return errors


def _store_reasons(session: AsyncSession, facts: PbrFacts, said: Said, actor: Person, now: datetime) -> None:
    """A row for each reason that differs from what is known, be it ours or the CRM's."""
    for deal in facts.lost:
        typed = said.lost.get(deal.deal_id)
        if typed is None:
            continue
        reason = clean(typed.reason)
        shared = typed.shared and bool(reason)
        if (reason, shared) != (deal.reason[: domain.LONGEST_TYPED], deal.shared):
            session.add(LossReason(deal_id=deal.deal_id, reason=reason, shared=shared, at=now, by_id=actor.id))


async def _settle(session: AsyncSession, desk: Desk, closed: Closing, actor: Person, now: datetime) -> None:
    """Write how the meeting ended, fates and promises. A correction that changes none of it leaves all of it alone."""
    occurrence = desk.occurrence
    first = desk.base.versions == 0
    same = closed.held == (occurrence.state in HELD) and (
        closed.held or (closed.side, clean(closed.reason)) == (occurrence.skip_side, occurrence.skip_reason)
    )
    if not first and same and not closed.verdicts and all(promise.empty for promise in closed.promises):
        return
    when = (occurrence.closed_at, occurrence.closed_by_id)
    standing: list[Commitment] = list(desk.standing)
    await closing.settle(session, occurrence, closed, standing, actor, partner_id=desk.partner.id, now=now)
    if closed.held:
        occurrence.skip_side, occurrence.skip_reason = "", ""
    if not first:
        occurrence.closed_at, occurrence.closed_by_id = when


async def _forget_draft(session: AsyncSession, occurrence: Occurrence) -> None:
    minutes = await session.get(Minutes, occurrence.id)
    if minutes is not None:
        await session.delete(minutes)
    await session.flush()


async def _touch(session: AsyncSession, occurrence: Occurrence) -> None:
    """What shows a PBR's state is drawn again."""
    await session.flush()
    await cards.touch_occurrences(session, [occurrence.id])
    await cards.touch_homes(session)


async def _owe(
    session: AsyncSession,
    occurrence: Occurrence,
    partner: Partner,
    artifact: Artifact,
    *,
    now: datetime,
    policy: Policy,
) -> None:
    """The page to the internal channel, else to the partner manager in their hours; a correction below the first one."""
    if not partner.internal_channel and partner.pm_id is None:
        return  # nobody to tell; the page stands, and `/pbr` shows it
    pm = None if partner.internal_channel else await people.get(session, partner.pm_id or 0)
    due_at = now
    if pm is not None:
        reader = (await people.readers(session, [pm], policy))[pm.id]
        due_at = review_times.waits_until(reader, now) or now
    owed = Owed(
        key=_key(occurrence, artifact.version),
        template="pbr",
        args={"artifact_id": artifact.id},
        due_at=due_at,
        void_at=review_times.late_cutoff(due_at),
        channel_ref=partner.internal_channel,
        person_id=pm.id if pm is not None else None,
        parent_key=await _thread(session, occurrence, partner.internal_channel, pm) if artifact.version > 1 else "",
        occurrence_id=occurrence.id,
    )
    await outbox.enqueue(session, [owed], now=now)


def _key(occurrence: Occurrence, version: int) -> str:
    return f"{KIND}:{occurrence.id}:v{version}"


async def _thread(session: AsyncSession, occurrence: Occurrence, channel: str, pm: Person | None) -> str:
    """The first version's message, if a correction can stand below it: in the same place, and sent or about to be."""
    root = await session.scalar(select(Outbox).where(Outbox.key == _key(occurrence, 1)))
    if root is None or root.state in outbox.ENDED:
        return ""
    same = root.channel_ref == channel and root.person_id == (pm.id if pm is not None else None)
    return root.key if same else ""
