"""The quarterly pulse of partners outside Tier 1: is it active, what is the next deal, keep, raise or off-board it?

Answers are appended; the last one counts. The head of partnerships sees all of a quarter's on one card.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import cadences, cards, changes, crews, outbox, people
from models.cadences import State
from models.domain.errors import FieldErrors, UserError
from models.domain.meetings import Leaves
from models.domain.policy import Policy
from models.domain.review_times import waits_until
from models.domain.rights import Act, may, require
from models.domain.text import clean
from models.domain.zones import local_date, zone
from models.insert import add_missing
from models.outbox import Owed
from models.tables import Cadence, Card, CardOccurrence, MeetingKind, Occurrence, Partner, Person, PulseAnswer

VERDICTS = {"keep": "keep as it is", "raise": "raise to Tier 1", "off_board": "off-board"}
REPORT = "pulses"
"""The kind of the head's card, and the template of its post."""


@dataclass(frozen=True)
class Pulse:
    """What somebody says of a partner."""

    occurrence_id: int
    active: bool | None
    next_deal: str
    verdict: str
    why: str


@dataclass(frozen=True)
class Asked:
    """One partner on the head's card: its question, and the last answer if there is one."""

    occurrence: Occurrence
    partner: Partner
    pm_id: int | None
    answer: PulseAnswer | None


async def load(session: AsyncSession, occurrence_id: int) -> tuple[Occurrence, Cadence, Partner]:
    """A pulse, held until the transaction ends. Raises UserError when it is none or is gone."""
    occurrence, cadence = await cadences.lock_occurrence(session, occurrence_id)
    row = (await crews.crew(session)).table.get(cadence.meeting_id or 0)
    partner = await session.get(Partner, cadence.partner_id) if cadence.partner_id is not None else None
    if row is None or row.leaves != Leaves.PULSE or partner is None:
        raise UserError("This pulse does not exist any more; `/cadence` shows what is planned.")
    return occurrence, cadence, partner


async def answer(session: AsyncSession, actor: Person, pulse: Pulse, *, now: datetime, policy: Policy) -> PulseAnswer:
    """Store what is said of a partner and show it to the head. Raises NotAllowed, FieldErrors; late answers count too."""
    occurrence, cadence, partner = await load(session, pulse.occurrence_id)
    subject = await people.subject_of(session, partner=partner, now=now, policy=policy)
    require(may(people.as_actor(actor), Act.CLOSE_REVIEW, subject))
    errors = _errors(pulse)
    if errors:
        raise FieldErrors(errors)
    row = PulseAnswer(
        occurrence_id=occurrence.id, partner_id=partner.id, at=now, by_id=actor.id, active=bool(pulse.active),
        next_deal=clean(pulse.next_deal), verdict=pulse.verdict, why=clean(pulse.why),
    )  # fmt: skip
    session.add(row)
    changes.note(session, "occurrence", occurrence.id, "pulse", None, pulse.verdict, by_id=actor.id, source="slack",
                 at=now, reason=clean(pulse.why))  # fmt: skip
    late = occurrence.state == State.SKIPPED
    occurrence.state = State.HELD_LATE if late or occurrence.state == State.HELD_LATE else State.HELD
    occurrence.skip_side, occurrence.skip_reason = "", ""
    occurrence.closed_at, occurrence.closed_by_id = now, actor.id
    await session.flush()
    await cards.touch_occurrences(session, [occurrence.id])
    await _tell_head(session, occurrence, cadence, now=now, policy=policy)
    return row


def _errors(pulse: Pulse) -> dict[str, str]:
    errors = {}
    if pulse.active is None:
        errors["active"] = "Say whether anything happened with this partner in the last 90 days."
    if pulse.verdict not in VERDICTS:
        errors["verdict"] = "Choose one: keep, raise or off-board."
    elif pulse.verdict != "keep" and not clean(pulse.why):
        errors["why"] = "Say why in a line: the head of partnerships decides by it."
    return errors


async def _tell_head(
    session: AsyncSession, occurrence: Occurrence, cadence: Cadence, *, now: datetime, policy: Policy
) -> None:
    """One card a quarter for the head of partnerships, edited as answers come."""
    crew = await crews.crew(session)
    ids = [person_id for role in crews.STANDS_IN["head"] for person_id in crew.by_role.get(role, ())]
    if not ids:
        return
    head = await session.get_one(Person, ids[0])
    first = policy.fiscal.week_of(occurrence.nominal_day)[0].first
    fresh = {"kind": REPORT, "person_id": head.id, "day": first, "created_at": now, "wanted": 1, "shown": 0, "dead": "",
             "fence": 0}  # fmt: skip
    await add_missing(session, Card, [fresh], key=("kind", "person_id", "day"))
    card_id: int = (
        await session.scalars(select(Card.id).where(Card.kind == REPORT, Card.person_id == head.id, Card.day == first))
    ).one()
    siblings = await session.scalars(
        select(Occurrence.id)
        .join(Cadence, Cadence.id == Occurrence.cadence_id)
        .where(Cadence.kind == cadence.kind, Occurrence.slot == occurrence.slot)
    )
    links = [{"card_id": card_id, "occurrence_id": sibling} for sibling in siblings]
    await add_missing(session, CardOccurrence, links, key=("card_id", "occurrence_id"))
    await cards.touch_occurrences(session, [occurrence.id])
    reader = (await people.readers(session, [head], policy))[head.id]
    owed = Owed(
        key=f"{REPORT}:{head.id}:{occurrence.slot}",
        template=REPORT,
        args={"card_id": card_id},
        due_at=waits_until(reader, now) or now,
        void_at=occurrence.starts_at + timedelta(days=365),
        person_id=head.id,
        card_id=card_id,
    )
    await outbox.enqueue(session, [owed], now=now)


async def asked(session: AsyncSession, occurrence_ids: list[int]) -> list[Asked]:
    """Pulses with their last answers: those that ask for a decision first, then those nobody has answered."""
    rows = await session.execute(
        select(Occurrence, Partner, Cadence.pm_id)
        .join(Cadence, Cadence.id == Occurrence.cadence_id)
        .join(Partner, Partner.id == Cadence.partner_id)
        .where(Occurrence.id.in_(occurrence_ids))
        .order_by(Occurrence.starts_at, Partner.name)
    )
    answers = await last_answers(session, occurrence_ids)
    found = [Asked(occurrence, partner, pm_id, answers.get(occurrence.id)) for occurrence, partner, pm_id in rows]
    order = {"off_board": 0, "raise": 1, "keep": 3}
    return sorted(found, key=lambda item: order[item.answer.verdict] if item.answer else 2)


async def last_answers(session: AsyncSession, occurrence_ids: list[int]) -> Mapping[int, PulseAnswer]:
    """The answer that counts, by occurrence."""
    newest = (
        select(func.max(PulseAnswer.id)).where(PulseAnswer.occurrence_id.in_(occurrence_ids))
        .group_by(PulseAnswer.occurrence_id)
    )  # fmt: skip
    rows = await session.scalars(select(PulseAnswer).where(PulseAnswer.id.in_(newest)))
    return {row.occurrence_id: row for row in rows}


async def before(session: AsyncSession, partner_id: int, occurrence_id: int) -> PulseAnswer | None:
    """What was said of the partner before this pulse."""
    found: PulseAnswer | None = await session.scalar(
        select(PulseAnswer)
        .where(PulseAnswer.partner_id == partner_id, PulseAnswer.occurrence_id != occurrence_id)
        .order_by(PulseAnswer.id.desc())
        .limit(1)
    )
    return found


async def not_this_quarter(session: AsyncSession, *, now: datetime, policy: Policy) -> dict[int, int]:
    """How many partners of each manager find no room for a pulse this quarter: two a week is the most. By person id."""
    quarter, week = policy.fiscal.week_of(local_date(now, zone(policy.zone)))
    if week < 2:  # noqa: PLR2004 - pulses begin in week 2
        return {}
    placed = (
        select(Occurrence.cadence_id)
        .join(Cadence, Cadence.id == Occurrence.cadence_id)
        .where(Occurrence.slot == quarter.label)
    )
    rows = await session.execute(
        select(Cadence.pm_id, func.count())
        .join(MeetingKind, MeetingKind.id == Cadence.meeting_id)
        .where(
            MeetingKind.leaves == Leaves.PULSE, Cadence.state == "active", Cadence.id.not_in(placed),
            Cadence.starts_on <= policy.fiscal.week_starts(quarter, 2), Cadence.pm_id.is_not(None),
        )
        .group_by(Cadence.pm_id)
    )  # fmt: skip
    return {pm_id: number for pm_id, number in rows if pm_id is not None}
