"""Closing a review: held or not, what became of last week's commitments, what is promised now. Then the note goes out."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import cadences, cards, changes, notes, people
from models.cadences import Side, State
from models.domain.errors import FieldErrors, UserError
from models.domain.policy import Policy
from models.domain.rights import Act, may, require
from models.domain.text import clean
from models.domain.zones import local_date, zone
from models.shared import owing
from models.tables import Artifact, Cadence, Commitment, CommitmentFate, Occurrence, Partner, Person

LEAST, MOST_NEW = 2, 3
MOST_JUDGED = 30
"""As many old commitments as a form has room for; those due later wait for the next review."""
FATES = ("kept", "moved", "dropped", "carried")


@dataclass(frozen=True)
class Promise:
    """One new commitment as typed. `owner` is a person of ours; `refusal` says why the chosen one cannot own it.

    `shared` is what the partner may read of it; without such words nothing of it crosses.
    """

    text: str
    owner_id: int | None
    due: date | None
    refusal: str = ""
    shared: str = ""

    @property
    def empty(self) -> bool:
        return not (clean(self.text) or self.owner_id or self.due or self.refusal or clean(self.shared))


@dataclass(frozen=True)
class Verdict:
    """What the review said of one of last week's commitments."""

    fate: str
    due: date | None = None


@dataclass(frozen=True)
class Closing:
    """What the partner manager submitted. `held` False: whose `side` and why. Field names are those of the errors."""

    occurrence_id: int
    held: bool
    side: str
    reason: str
    verdicts: Mapping[int, Verdict]
    promises: tuple[Promise, ...]


async def open_commitments(session: AsyncSession, partner_id: int) -> list[Commitment]:
    """What is promised to or about a partner in any of its meetings."""
    rows = await session.scalars(
        select(Commitment)
        .where(Commitment.partner_id == partner_id, Commitment.state == "open")
        .order_by(Commitment.due, Commitment.id)
    )
    return list(rows)


async def to_judge(session: AsyncSession, cadence_id: int) -> list[Commitment]:
    """What the next meeting of a series has to say something of: its open commitments, those due first."""
    rows = await session.scalars(
        select(Commitment)
        .join(Occurrence, Occurrence.id == Commitment.made_in_id)
        .where(Occurrence.cadence_id == cadence_id, Commitment.state == "open")
        .order_by(Commitment.due, Commitment.id)
        .limit(MOST_JUDGED)
    )
    return list(rows)


async def close(session: AsyncSession, actor: Person, closing: Closing, *, now: datetime, policy: Policy) -> Artifact:
    """Settle the review and publish its note. Raises NotAllowed, UserError (already closed), FieldErrors."""
    occurrence, cadence = await cadences.lock_occurrence(session, closing.occurrence_id)
    partner = await session.get_one(Partner, cadence.partner_id)
    subject = await people.subject_of(session, partner=partner, now=now, policy=policy)
    require(may(people.as_actor(actor), Act.CLOSE_REVIEW, subject))
    if cadence.kind != cadences.Kind.WEEKLY_REVIEW:
        raise UserError("This form closes weekly reviews only.")
    if occurrence.closed_at is not None:
        by = await session.get(Person, occurrence.closed_by_id) if occurrence.closed_by_id else None
        raise UserError(f"The {partner.name} review is already closed{f' by {by.name}' if by else ''}.")
    if closing.held and now < occurrence.starts_at:
        raise UserError(f"The {partner.name} review has not begun yet. If it does not happen, skip it in `/cadence`.")
    standing = await to_judge(session, cadence.id)
    today = local_date(now, zone(people.zone_of(actor, policy)))
    errors = await errors_of(session, closing, standing, today)
    if errors:
        raise FieldErrors(errors)
    await settle(session, occurrence, closing, standing, actor, partner_id=partner.id, now=now)
    artifact = await notes.publish_weekly(session, occurrence.id, now=now, policy=policy)
    await owing.owe_note(session, occurrence, now=now, policy=policy)
    await cards.touch_occurrences(session, [occurrence.id])
    await cards.touch_homes(session)
    return artifact


async def settle(
    session: AsyncSession,
    occurrence: Occurrence,
    closing: Closing,
    standing: list[Commitment],
    actor: Person,
    *,
    partner_id: int | None,
    now: datetime,
) -> None:
    """Write what a closing form says, once `errors_of` finds nothing wrong with it: the state, fates, new commitments."""
    if closing.held:
        occurrence.state = State.HELD_LATE if occurrence.moved_at is not None else State.HELD
    else:
        occurrence.state = State.SKIPPED if closing.side == Side.OURS else State.NO_MEETING
        occurrence.skip_side, occurrence.skip_reason = closing.side, clean(closing.reason)
    occurrence.closed_at, occurrence.closed_by_id = now, actor.id
    changes.note(session, "occurrence", occurrence.id, "closed", None, occurrence.state, by_id=actor.id, source="slack",
                 at=now, reason=clean(closing.reason))  # fmt: skip
    _judge(session, occurrence, closing, standing, actor, now)
    for promise in closing.promises:
        if not promise.empty and promise.owner_id is not None and promise.due is not None:
            session.add(
                Commitment(
                    partner_id=partner_id,
                    text=clean(promise.text),
                    shared_text=clean(promise.shared),
                    owner_id=promise.owner_id,
                    due=promise.due,
                    made_in_id=occurrence.id,
                    made_at=now,
                    made_by_id=actor.id,
                )
            )
    await session.flush()


def _judge(
    session: AsyncSession,
    occurrence: Occurrence,
    closing: Closing,
    standing: list[Commitment],
    actor: Person,
    now: datetime,
) -> None:
    for commitment in standing:
        verdict = closing.verdicts.get(commitment.id)
        if verdict is None or verdict.fate not in FATES:
            continue
        session.add(
            CommitmentFate(
                commitment_id=commitment.id,
                occurrence_id=occurrence.id,
                fate=verdict.fate,
                due_before=commitment.due,
                due_after=verdict.due if verdict.fate == "moved" else None,
                at=now,
                by_id=actor.id,
            )
        )
        if verdict.fate in ("kept", "dropped"):
            commitment.state = verdict.fate
        elif verdict.fate == "moved" and verdict.due is not None:
            commitment.due = verdict.due


async def errors_of(
    session: AsyncSession,
    closing: Closing,
    standing: list[Commitment],
    today: date,
    *,
    least: int = LEAST,
    what: str = "A review",
) -> dict[str, str]:
    """What is wrong with a closing form, by field; empty when nothing is. `least` commitments have to stand at its end."""
    errors: dict[str, str] = {}
    if not closing.held:
        if closing.side not in tuple(Side):
            errors["side"] = "Say whose side it was: that decides whether it counts."
        if not clean(closing.reason):
            errors["reason"] = "Say why it was not held: the reason stands in the note, with your name."
    errors |= _verdict_errors(closing, standing, today)
    given = [(place, promise) for place, promise in enumerate(closing.promises) if not promise.empty]
    for place, promise in given:
        errors |= await _promise_errors(session, place, promise, today)
    if len(given) > MOST_NEW:
        errors[f"text_{MOST_NEW}"] = "Two or three commitments, so that each is kept: take one out."
    if closing.held and not errors:
        verdicts = [closing.verdicts[commitment.id] for commitment in standing]
        carried = sum(1 for verdict in verdicts if verdict.fate in ("moved", "carried"))
        if carried + len(given) < least:
            missing = least - carried - len(given)
            taken = {place for place, _ in given}
            free = next(place for place in range(MOST_NEW) if place not in taken)
            errors[f"text_{free}"] = (
                f"{what} ends in two or three commitments, carried ones included: add {missing} more."
            )
    return errors


def _verdict_errors(closing: Closing, standing: list[Commitment], today: date) -> dict[str, str]:
    errors: dict[str, str] = {}
    for commitment in standing:
        verdict = closing.verdicts.get(commitment.id)
        name = f"fate_{commitment.id}"
        if verdict is None or verdict.fate not in FATES:
            if closing.held:
                errors[name] = "Say what became of it: every commitment is judged in the open."
        elif verdict.fate == "moved" and (verdict.due is None or verdict.due < today):
            errors[f"due_{commitment.id}"] = "Choose the new due date, today or later."
        elif verdict.fate == "carried" and commitment.due < today:
            errors[name] = f"It was due on {commitment.due:%d %b}: kept, moved to a new date, or dropped?"
    return errors


async def _promise_errors(session: AsyncSession, place: int, promise: Promise, today: date) -> dict[str, str]:
    errors: dict[str, str] = {}
    if not clean(promise.text):
        errors[f"text_{place}"] = "Say what is promised."
    owner = await session.get(Person, promise.owner_id) if promise.owner_id is not None else None
    refusal = promise.refusal or (people.why_no_owner(owner) if owner else people.NOBODY_NAMED)
    if refusal:
        errors[f"owner_{place}"] = refusal
    if promise.due is None:
        errors[f"promise_due_{place}"] = "Choose the day it is due."
    elif promise.due < today:
        errors[f"promise_due_{place}"] = f"{promise.due:%d %b %Y} is in the past. Choose today or a later day."
    return errors


async def waiting_for(session: AsyncSession, pm_id: int, *, now: datetime) -> list[tuple[Occurrence, Partner]]:
    """The reviews of a partner manager that are over and not closed, oldest first."""
    rows = await session.execute(
        select(Occurrence, Partner)
        .join(Cadence, Cadence.id == Occurrence.cadence_id)
        .join(Partner, Partner.id == Cadence.partner_id)
        .where(
            Partner.pm_id == pm_id,
            Cadence.kind == cadences.Kind.WEEKLY_REVIEW,
            Occurrence.closed_at.is_(None),
            Occurrence.state.in_(cadences.AHEAD),
            Occurrence.ends_at <= now,
        )
        .order_by(Occurrence.starts_at, Occurrence.id)
    )
    return [(occurrence, partner) for occurrence, partner in rows]
