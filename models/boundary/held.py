"""What is held, as the desk shows it.

What a held message says is never shown: only what it is, where it was to go, and why it waits.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import channels
from models.boundary import guests, losing
from models.boundary.asking import Asked, Ground, grounds, guests_at, open_grounds, ref_of
from models.boundary.guests import Guest
from models.domain.policy import Policy
from models.domain.zones import local_date, zone
from models.joint import approving
from models.outbox import INTERNAL
from models.shared import owing
from models.tables import Outbox, Partner, Person


class Offer(StrEnum):
    """What can be decided about a held message."""

    SAFE = "safe"
    """Send the partner-safe version, to the joint channel, instead."""
    MOVE = "move"
    """Move it, and what is below it, to another channel."""
    NOW = "now"
    """Post it there after all: nothing that is known speaks against it any more."""
    DROP = "drop"


@dataclass(frozen=True)
class Held:
    """A message that waits for a decision. `id` is its row in the outbox.

    `what` is “Weekly note of Acme, 5 Mar”, `where` `#partner-acme`, `why` a sentence; `below` the number of messages in
    its thread that follow it. `edit`: the message stands, and only its newest state is not shown there.
    """

    id: int
    what: str
    where: str
    why: str
    offers: tuple[Offer, ...]
    since: datetime
    channel_id: str = ""
    partner_id: int | None = None
    audience: str = INTERNAL
    edit: bool = False
    below: int = 0
    guests: tuple[Guest, ...] = ()


async def held_for(session: AsyncSession, person: Person, *, now: datetime, policy: Policy) -> list[Held]:
    """What waits for this person's decision, the oldest first: they manage the partner, or stand in for whoever does."""
    asked = Asked(session, now, policy)
    return [
        await _shown(session, ground, policy)
        for ground in await open_grounds(session)
        if _manages(person, ground) or person.id in {one.id for one in await asked.about(ground)}
    ]


@dataclass(frozen=True)
class Settled:
    """A held message that was decided: what it was, how, when and by whom."""

    at: datetime
    decision: str
    what: str
    by_id: int | None


async def decided_for(session: AsyncSession, person: Person, since: datetime, *, policy: Policy) -> list[Settled]:
    """What was decided since of messages that were this person's to decide, or that they decided."""
    found = await grounds(session, Outbox.decision != "", Outbox.decided_at >= since)
    return [
        Settled(one.row.decided_at or since, one.row.decision, _what(one, policy), one.row.decided_by_id)
        for one in found
        if one.row.decided_by_id == person.id or _manages(person, one)
    ]


def _manages(person: Person, ground: Ground) -> bool:
    return person.id == (ground.partner.pm_id if ground.partner is not None else ground.lead_id)


async def guests_for(session: AsyncSession, person: Person) -> list[Guest]:
    """For an admin: the guests in our own channels, for them to allow; nothing for anybody else."""
    if not person.has("admin"):
        return []
    found = {(one.channel_id, one.slack_id): one for one in await guests.in_our_own(session)}
    for ground in await open_grounds(session, Outbox.audience == INTERNAL):
        for guest in await guests_at(session, ground.row):
            found[guest.channel_id, guest.slack_id] = guest
    return [found[key] for key in sorted(found)]


async def is_free(session: AsyncSession, ground: Ground) -> bool:
    """Whether nothing that is known speaks against the channel any more. What Slack says decides when it is posted."""
    row, partner = ground.row, ground.partner
    if row.audience != INTERNAL:
        return partner is not None and await _takes(session, partner)
    state = await channels.known(session, await _destination(session, row))
    if state is None or state.is_ext_shared or state.is_pending_shared or state.is_archived or not state.is_member:
        return False
    return not await guests.standing(session, state.slack_id)


async def _takes(session: AsyncSession, partner: Partner) -> bool:
    """Whether the partner's joint channel is there, and somebody has looked at who reads it."""
    state = await channels.known(session, partner.joint_channel) if partner.joint_channel else None
    if state is None or state.is_archived or not state.is_member or state.lost_at is not None:
        return False
    unsaid = (state.is_ext_shared and not state.connected) or (state.is_pending_shared and not state.pending)
    alone = [one.id for one in await losing.partners_in(session, state.slack_id)] == [partner.id]
    return alone and not unsaid and await approving.is_approved(session, partner)


async def _destination(session: AsyncSession, row: Outbox) -> str:
    """Where an internal message goes: below its parent where that stands, else to its channel."""
    parent = await session.get(Outbox, row.parent_id) if row.parent_id is not None else None
    return (parent.channel_id if parent is not None else None) or ref_of(row)


async def _offers(session: AsyncSession, ground: Ground) -> tuple[Offer, ...]:
    row, found = ground.row, []
    if row.state == "held" and row.audience == INTERNAL:
        if _has_safe(ground):
            found.append(Offer.SAFE)
        found.append(Offer.MOVE)
    if await is_free(session, ground):
        found.append(Offer.NOW)
    return (*found, Offer.DROP)


def _has_safe(ground: Ground) -> bool:
    """Whether a partner-safe version could go to the joint channel instead; leadership's copy of a note is not the partner's."""
    if ground.partner is None or not ground.partner.joint_channel or ground.row.args.get("thread"):
        return False
    return owing.has_safe(ground.row)


async def _shown(session: AsyncSession, ground: Ground, policy: Policy) -> Held:
    row = ground.row
    ref = await _destination(session, row)
    state = await channels.known(session, ref)
    below = await session.scalar(
        select(func.count()).select_from(Outbox).where(Outbox.parent_id == row.id, Outbox.state == "held")
    )
    return Held(
        id=row.id, what=_what(ground, policy), where=channels.label(state, ref), why=row.problem,
        offers=await _offers(session, ground), since=row.due_at, channel_id=state.slack_id if state is not None else "",
        partner_id=ground.partner.id if ground.partner is not None else None, audience=row.audience,
        edit=row.state == "sent", below=below or 0, guests=await guests_at(session, row),
    )  # fmt: skip


def _what(ground: Ground, policy: Policy) -> str:
    """“Weekly note of Acme, 5 Mar”: what it is, and nothing of what it says."""
    row, occurrence = ground.row, ground.occurrence
    name = _WHAT.get(row.template, "Message")
    if row.template in _OF_A_MEETING and ground.meeting:
        name = f"{name}: {ground.meeting}"
    whose = f" of {ground.partner.name}" if ground.partner is not None else ""
    company = zone(policy.zone)
    day = occurrence.day if occurrence is not None else local_date(row.due_at, company)
    return f"{name}{whose}, {day.day} {day:%b}"


_WHAT = {
    "weekly_note": "Weekly note", "friday_note": "Friday note", "other_partners": "Section on other partners",
    "agenda": "Agenda", "meeting_agenda": "Agenda", "minutes": "Page", "deck": "Deck", "pbr": "PBR", "pdf": "PDF",
    "roll_up": "Forecast roll-up", "forecast_changes": "What changed in the forecast", "forecast_weeks": "Forecast by week",
    "forecast_workbook": "Workbook of the forecast", "checkin": "Check-in", "shared_note": "Partner-safe note",
    "shared_pbr": "Partner-safe PBR", "shared_readout": "Partner-safe readout", "shared_file": "Partner-safe file",
    "handover_page": "Handover", "escalation": "Message on skipped meetings",
}  # fmt: skip
_OF_A_MEETING = frozenset({"meeting_agenda", "minutes", "deck"})
