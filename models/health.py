"""What `/cadence` and Home say of the cadence itself: problems a person can mend. Reads only."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import cadences, crews, handover, hours, meetings, people, pulses, quarter
from models.cadences import Kind
from models.domain.policy import Policy
from models.domain.text import count
from models.domain.zones import local_date, zone
from models.people import Directory
from models.quarter import Collision
from models.tables import Cadence, Occurrence, Outbox, Partner, Person, Step

RECENT = timedelta(days=14)
FISCAL_WARNING = timedelta(days=182)
MOST_COLLISIONS = 4


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, in a sentence that says how to mend it. `partner_id` None: everybody's."""

    sentence: str
    partner_id: int | None = None


async def problems(
    session: AsyncSession, *, now: datetime, policy: Policy, partner_ids: Collection[int] | None = None
) -> list[Problem]:
    """What is late, held, failed or missing; for these partners, or for all of them."""
    found = [
        *await _late(session, now),
        *await _unsent(session, now),
        *await _without_review(session),
        *await _ceilings(session, policy),
        *await _orphans(session),
    ]
    if partner_ids is not None:
        return [problem for problem in found if problem.partner_id in partner_ids]
    found += await _hours(session, now, policy)
    found += await _table(session, now, policy)
    if not policy.leadership_channel:
        found.append(Problem("No leadership channel is set: the Friday note goes to the head of partnerships by direct "
                             "message. Set CADENCE_LEADERSHIP_CHANNEL."))  # fmt: skip
    return found


async def _table(session: AsyncSession, now: datetime, policy: Policy) -> list[Problem]:
    """What is wrong with the quarter's table: collisions, partners nobody asks about, channels that are not set."""
    if not await meetings.number_enabled(session):
        return []
    book = await people.directory(session)
    hits = await quarter.coming_collisions(session, now=now, policy=policy)
    found = [_collision(item, book, policy) for item in hits[:MOST_COLLISIONS]]
    if len(hits) > MOST_COLLISIONS:
        found.append(Problem(f"{len(hits) - MOST_COLLISIONS} more collisions; “The quarter…” shows them."))
    for pm_id, number in (await pulses.not_this_quarter(session, now=now, policy=policy)).items():
        found.append(
            Problem(f"{count(number, 'partner')} of {book.name(pm_id)} find no room for a pulse this quarter: two a week is "
                    "the most. They come first in the next one; fewer partners, or another manager, would mend it.")
        )  # fmt: skip
    for row in await crews.rows(session):
        name = _CHANNELS.get(row.channel)
        if row.enabled and name is not None and not getattr(policy, name):
            found.append(Problem(f"{row.name}: no {row.channel} channel is set, so its agenda and page go to whoever leads "
                                 f"it. Set CADENCE_{name.upper()}, or choose another channel under “Meetings of the "
                                 "quarter…”."))  # fmt: skip
    today = local_date(now, zone(policy.zone))
    if policy.fiscal.outside_table(today + FISCAL_WARNING):
        found.append(Problem("CADENCE_FISCAL_TABLE ends within six months: quarters go on in thirteen weeks until it is "
                             "continued."))  # fmt: skip
    return found


def _collision(item: Collision, book: Directory, policy: Policy) -> Problem:
    at = item.other.occurrence.starts_at.astimezone(zone(policy.zone))
    names = ", ".join(book.name(person_id) for person_id in item.people[:3])
    both = f"{item.one.title} and {item.other.title}"
    return Problem(f"{at:%a} {at.day} {at:%b}, {at:%H:%M}: {both} are at once for {names}. Move one of them.")


_CHANNELS = {"team": "team_channel", "executive": "executive_channel"}


async def _late(session: AsyncSession, now: datetime) -> list[Problem]:
    rows = await session.execute(
        select(Partner.id, Partner.name, Step.kind, func.count(), func.max(Occurrence.slot))
        .join(Occurrence, Occurrence.id == Step.occurrence_id)
        .join(Cadence, Cadence.id == Occurrence.cadence_id)
        .join(Partner, Partner.id == Cadence.partner_id)
        .where(Step.state == "late", Step.settled_at > now - RECENT)
        .group_by(Partner.id, Partner.name, Step.kind)
    )
    return [
        Problem(
            f"{name}, {slot}: {_LATE.get(kind, kind).format(count(number, 'person', 'people'))} too late and not sent.",
            partner_id,
        )
        for partner_id, name, kind, number, slot in rows
    ]


_LATE = {
    "prompt": "prompts for {} came", "nudge": "nudges for {} came", "agenda": "the agenda came", "check_in": "the check-in came",
    "prepare": "what to prepare for {} came", "close_request": "the closing request came", "close_nudge": "the closing nudge came",
}  # fmt: skip


async def _unsent(session: AsyncSession, now: datetime) -> list[Problem]:
    rows = await session.execute(
        select(Outbox, Cadence.partner_id, Partner.name, Occurrence.slot)
        .outerjoin(Occurrence, Occurrence.id == Outbox.occurrence_id)
        .outerjoin(Cadence, Cadence.id == Occurrence.cadence_id)
        .outerjoin(Partner, Partner.id == Cadence.partner_id)
        .where(
            Outbox.state.in_(("held", "failed", "undetermined")),
            or_(Outbox.state == "held", Outbox.created_at > now - RECENT),  # what is held is never forgotten
            Outbox.template != "report",
        )
        .order_by(Outbox.id)
    )
    return [
        Problem(f"{_about(name, slot)}{_WHAT.get(row.template, 'a message')} {_STATE[row.state]}: "
                f"{row.problem.rstrip('.')}.", partner_id)
        for row, partner_id, name, slot in rows
    ]  # fmt: skip


_WHAT = {
    "weekly_note": "the weekly note", "friday_note": "the Friday note", "agenda": "the agenda",
    "other_partners": "the section on other partners", "checkin": "the check-in", "differences": "the list to mend in the CRM",
    "escalation": "the message on skipped meetings", "prompt": "a prompt", "nudge": "a nudge", "close": "the closing request", "close_nudge": "the closing nudge",
}  # fmt: skip
_STATE = {"held": "was held back", "failed": "was not sent", "undetermined": "was perhaps not sent"}


def _about(partner: str | None, slot: str | None) -> str:
    """`Acme, 2026-W10: `, as far as it is known."""
    known = ", ".join(part for part in (partner, slot) if part)
    return f"{known}: " if known else ""


async def _without_review(session: AsyncSession) -> list[Problem]:
    running = select(Cadence.partner_id).where(Cadence.kind == Kind.WEEKLY_REVIEW, Cadence.state == "active")
    rows = await session.execute(
        select(Partner.id, Partner.name, Partner.internal_channel, Partner.pm_id, Partner.id.in_(running)).where(
            Partner.tier == 1
        )
    )
    found = []
    for partner_id, name, channel, pm_id, runs in rows:
        if pm_id is None:
            found.append(Problem(f"{name} is Tier 1 and has no partner manager.", partner_id))
        elif not runs:
            found.append(Problem(f"{name} is Tier 1 and has no weekly review: set one up.", partner_id))
        elif not channel:
            found.append(
                Problem(f"{name} has no internal channel: agenda and note go to its partner manager.", partner_id)
            )
    return found


async def _orphans(session: AsyncSession) -> list[Problem]:
    """What somebody who has left still holds, partner by partner; the head's is what belongs to no partner."""
    rows = await session.execute(select(Person.id, Person.name).where(Person.active.is_(False), Person.side == "ours"))
    gone: dict[int, str] = {person_id: name for person_id, name in rows}  # noqa: C416 - a Row is a tuple
    found: list[Problem] = []
    for person_id, held in (await handover.in_hand(session, list(gone)) if gone else {}).items():
        name = gone[person_id]
        found += [
            Problem(f"{partner.name}: its partner manager {name} has left. Name a new one.", partner.id)
            for partner in held.partners
        ]
        by_partner = Counter((item.partner_id, item.partner) for item in held.items)
        found += [
            Problem(f"{f'{partner}: ' if partner else ''}{count(number, 'open thing')} of {name}, who has left: hand "
                    f"{'it' if number == 1 else 'them'} over.", partner_id)
            for (partner_id, partner), number in by_partner.items()
        ]  # fmt: skip
    return found


async def _ceilings(session: AsyncSession, policy: Policy) -> list[Problem]:
    counts = await cadences.tier1_counts(session)
    rows = await session.execute(select(Person.id, Person.name).where(Person.id.in_(counts)))
    names: dict[int, str] = {person_id: name for person_id, name in rows}  # noqa: C416 - a Row is a tuple
    return [
        Problem(f"{names[pm_id]}: {sentence}")
        for pm_id, number in counts.items()
        if (sentence := cadences.ceiling_breach(number, policy))
    ]


async def _hours(session: AsyncSession, now: datetime, policy: Policy) -> list[Problem]:
    """Partner managers whose meetings cost more than the operating model allows for their Tier 1 partners."""
    found = await hours.of_quarter(session, now=now, policy=policy)
    over = [one for one in found.people if one.is_over]
    rows = await session.execute(select(Person.id, Person.name).where(Person.id.in_([one.person_id for one in over])))
    names: dict[int, str] = {person_id: name for person_id, name in rows}  # noqa: C416 - a Row is a tuple
    return [Problem(f"{names[one.person_id]}: {too_much(one)} Shorten or turn off a meeting, or move a partner.")
            for one in over if one.person_id in names]  # fmt: skip


def too_much(one: hours.Hours) -> str:
    """`6 h 20 of meetings a week on average, preparation included; 3 Tier 1 partners may cost 6 h.`."""
    return (
        f"{hours.spell(one.average)} of meetings a week on average, preparation included; "
        f"{count(one.tier1, 'Tier 1 partner')} may cost {hours.spell(one.allowance or 0)}."
    )
