"""Whose a held message is, and who is asked about it: at once, and again on every working day until it is decided."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from models import channels, people
from models.boundary import guests
from models.boundary.guests import Guest
from models.domain import review_times
from models.domain.policy import Policy
from models.domain.workdays import Reader
from models.domain.zones import local_date
from models.joint import desk
from models.outbox import INTERNAL
from models.tables import Cadence, Card, MeetingKind, Occurrence, Outbox, Partner, Person


@dataclass(frozen=True)
class Ground:
    """A row, and whose it is. `lead_id`: who leads the meeting where it is no partner's."""

    row: Outbox
    partner: Partner | None
    lead_id: int | None
    occurrence: Occurrence | None
    meeting: str = ""


class _Found(NamedTuple):
    """One row of `grounds`: all but the first may be missing."""

    row: Outbox
    partner: Partner | None
    cadence: Cadence | None
    occurrence: Occurrence | None
    meeting: str | None

    @property
    def lead_id(self) -> int | None:
        return self.cadence.pm_id if self.cadence is not None and self.partner is None else None


_PARENT = aliased(Outbox)
_EDIT_HELD = and_(Outbox.state == "sent", Outbox.problem != "", Outbox.card_id.is_not(None))
OPEN = and_(
    Outbox.decision == "",
    or_(and_(Outbox.state == "held", or_(Outbox.parent_id.is_(None), _PARENT.state != "held")), _EDIT_HELD),
)


async def grounds(session: AsyncSession, *conditions: ColumnElement[bool]) -> list[Ground]:
    """These rows of the outbox, each with whose it is."""
    whose = func.coalesce(Outbox.partner_id, Card.partner_id, Cadence.partner_id)
    rows = await session.execute(
        select(Outbox, Partner, Cadence, Occurrence, MeetingKind.name)
        .outerjoin(_PARENT, _PARENT.id == Outbox.parent_id)
        .outerjoin(Card, Card.id == Outbox.card_id)
        .outerjoin(Occurrence, Occurrence.id == Outbox.occurrence_id)
        .outerjoin(Cadence, Cadence.id == Occurrence.cadence_id)
        .outerjoin(MeetingKind, MeetingKind.id == Cadence.meeting_id)
        .outerjoin(Partner, Partner.id == whose)
        .where(*conditions)
        .order_by(Outbox.id)
    )
    found = [_Found(*one) for one in rows]
    return [Ground(one.row, one.partner, one.lead_id, one.occurrence, one.meeting or "") for one in found]


async def open_grounds(session: AsyncSession, *conditions: ColumnElement[bool]) -> list[Ground]:
    """Every message that waits for a decision; what waits below one follows it and is not among them."""
    return await grounds(session, OPEN, *conditions)


async def is_anything_held(session: AsyncSession) -> bool:
    """Whether any message waits for a decision."""
    return (
        await session.scalar(select(Outbox.id).outerjoin(_PARENT, _PARENT.id == Outbox.parent_id).where(OPEN).limit(1))
    ) is not None


async def guests_at(session: AsyncSession, row: Outbox) -> tuple[Guest, ...]:
    """Who keeps an internal message from its channel."""
    state = await channels.known(session, ref_of(row)) if row.audience == INTERNAL else None
    return tuple(await guests.standing(session, state.slack_id)) if state is not None else ()


def ref_of(row: Outbox) -> str:
    """The channel it was to go to; of one that stands, where it stands."""
    return (row.channel_id or row.channel_ref) if row.state == "sent" or not row.channel_ref else row.channel_ref


@dataclass
class Asked:
    """Who is asked about rows, looked up once for each partner."""

    session: AsyncSession
    now: datetime
    policy: Policy
    _by_partner: dict[int | None, list[Person]] = field(default_factory=dict)

    async def about(self, ground: Ground) -> list[Person]:
        """The partner's manager (or their cover), else who leads the meeting, else the head, else an admin."""
        if ground.partner is not None:
            if ground.partner.id not in self._by_partner:
                found = await desk.keepers(self.session, ground.partner, now=self.now, policy=self.policy)
                self._by_partner[ground.partner.id] = await self._reachable(found)
            return self._by_partner[ground.partner.id]
        lead = await self.session.get(Person, ground.lead_id) if ground.lead_id is not None else None
        return await self._reachable([lead] if lead is not None else [])

    async def _reachable(self, wanted: list[Person]) -> list[Person]:
        found = [person for person in wanted if can_be_told(person)]
        if found:
            return found
        if None not in self._by_partner:
            leaders = [one for one in await people.heads_and_admins(self.session) if can_be_told(one)]
            self._by_partner[None] = sorted(leaders, key=lambda one: (not one.has("head"), one.id))[:1]
        return self._by_partner[None]


def can_be_told(person: Person) -> bool:
    """Whether this is one of our people with whom Cadence can write."""
    return person.active and person.side == "ours" and not person.guest and person.slack_id is not None


async def tell(session: AsyncSession, row: Outbox, *, now: datetime, policy: Policy) -> list[Person]:
    """A message was held: whoever is asked about it finds it on their desk. Those who are; nobody where there is nobody."""
    found = await grounds(session, Outbox.id == row.id)
    asked = await Asked(session, now, policy).about(found[0]) if found else []
    told = list(asked)
    if await guests_at(session, row):
        admins = [one for one in await people.heads_and_admins(session) if one.has("admin") and can_be_told(one)]
        told += [one for one in admins[:1] if one.id not in {person.id for person in told}]
    for person in told:
        await desk.ask(session, person.id, now=now, policy=policy)
    return told


async def remind(session: AsyncSession, *, now: datetime, policy: Policy) -> int:
    """Nothing held is forgotten: whoever it waits for has it on their card of today. The number of cards this asked for."""
    if not await is_anything_held(session):
        return 0
    asked, wanted = Asked(session, now, policy), {}
    for ground in await open_grounds(session):
        wanted.update({person.id: person for person in await asked.about(ground)})
    readers = await people.readers(session, wanted.values(), policy)
    rows = await session.execute(
        select(Card.person_id, Card.day).where(Card.kind == desk.CARD, Card.person_id.in_(wanted))
    )
    has = {(person_id, day) for person_id, day in rows}
    fresh = 0
    for person_id in sorted(wanted):
        if (person_id, _day(readers[person_id], now)) not in has:
            await desk.ask(session, person_id, now=now, policy=policy)
            fresh += 1
    return fresh


def _day(reader: Reader, now: datetime) -> date:
    """The day whose card somebody asked now gets."""
    return local_date(review_times.waits_until(reader, now) or now, reader.zone)
