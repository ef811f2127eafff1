"""The first run: what of the set-up is done, worked out from the rows at every look. Leaving and coming back needs nothing.

Reads in a constant number of statements; what is written here is the answer “we have no CRM”, an internal channel, and
what Slack said of a channel. Never commits.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import IntEnum

from sqlalchemy import and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import cards, channels, imports, people, reviews, roster
from models.cadences import AHEAD, Kind
from models.deals import PRESENT
from models.domain import review_times
from models.domain.deals import OPEN
from models.domain.errors import FieldErrors, UserError
from models.domain.policy import Policy
from models.domain.rights import Act, Subject, may, require
from models.domain.zones import local_date, zone
from models.tables import Cadence, ChannelState, CrmRecord, Deal, DealVersion, Occurrence, Partner, Person, Setting

WITHOUT_CRM = "first_run.without_crm"
"""The setting that keeps the answer “we have no CRM”."""
AHEAD_DAYS = timedelta(days=15)


class Step(IntEnum):
    """The six steps, in their order."""

    FILE = 1
    PARTNERS = 2
    PEOPLE = 3
    CHANNELS = 4
    REVIEW = 5
    PREVIEW = 6


@dataclass(frozen=True)
class Room:
    """An internal channel as Slack last described it; `seen` False: not looked at since something happened there."""

    ref: str
    name: str = ""
    seen: bool = False
    is_member: bool = True
    is_archived: bool = False
    is_shared: bool = False
    absent: bool = False
    """Slack shows Cadence no such channel: private and not invited, or gone."""

    @property
    def label(self) -> str:
        """`#partner-acme`, or words where the name is not known."""
        if self.name:
            return f"#{self.name}"
        return "a channel that Cadence cannot see" if is_channel_id(self.ref) else f"#{self.ref}"

    @property
    def well(self) -> bool:
        return not self.seen or (
            self.is_member and not self.is_archived and not self.is_shared and not self.absent
        )  # fmt: skip


def is_channel_id(ref: str) -> bool:
    """Whether this is Slack's id of a channel; a name has no capitals."""
    return ref[:1] in ("C", "G") and ref.isascii() and ref.isalnum() and ref == ref.upper()


@dataclass(frozen=True)
class PartnerFact:
    """A partner as the set-up shows it; `manager` is empty without one who is here, `starts` the Monday of a new tier."""

    id: int
    name: str
    tier: int
    archetype: str
    pm_id: int | None
    manager: str
    room: Room | None
    starts: date | None = None
    runs: str = ""


@dataclass(frozen=True)
class PersonFact:
    """One of our people as the set-up shows them; `reachable`: Cadence knows them in Slack."""

    id: int
    name: str
    roles: tuple[str, ...]
    reachable: bool
    calendar: str = ""


@dataclass(frozen=True)
class ReviewFact:
    """A weekly review that runs."""

    partner: str
    weekday: int
    at: time
    minutes: int
    zone: str
    next_at: datetime | None = None


@dataclass(frozen=True)
class Facts:
    """All that the set-up says of the installation."""

    deals: int = 0
    deal_partners: int = 0
    owned: bool = False
    crm_as_of: datetime | None = None
    crm_stands: bool = True
    unmatched: int = 0
    partners: tuple[PartnerFact, ...] = ()
    people: tuple[PersonFact, ...] = ()
    reviews: tuple[ReviewFact, ...] = ()
    leadership: Room | None = None
    without_crm: bool = False
    """Somebody said so here; a company whose truth is Slack has `crm_stands` False."""

    @property
    def tier1(self) -> list[PartnerFact]:
        return [one for one in self.partners if one.tier == 1]

    @property
    def done(self) -> frozenset[Step]:
        """What is done. One of each is enough: start small; what is missing beyond that is said elsewhere."""
        checks = {
            Step.FILE: self.crm_as_of is not None or self.without_crm or not self.crm_stands,
            Step.PARTNERS: any(one.manager for one in self.tier1),
            Step.PEOPLE: self.holds("pm") and (self.holds("ae") or self.owned),
            Step.CHANNELS: any(one.room is not None and one.room.well for one in self.tier1),
            Step.REVIEW: bool(self.reviews),
            Step.PREVIEW: bool(self.reviews),
        }
        return frozenset(step for step, so in checks.items() if so)

    @property
    def finished(self) -> bool:
        return len(self.done) == len(Step)

    @property
    def next_step(self) -> Step | None:
        return next((step for step in Step if step not in self.done), None)

    @property
    def tally(self) -> str:
        """`2 of 6 done`."""
        return f"{len(self.done)} of {len(Step)} done"

    def holds(self, role: str) -> bool:
        return any(role in one.roles for one in self.people)

    @property
    def setting_up(self) -> list[str]:
        """Who sets Cadence up: the admins, else the heads of partnerships."""
        for role in ("admin", "head"):
            names = [one.name for one in self.people if role in one.roles]
            if names:
                return names
        return []


async def facts(session: AsyncSession, *, now: datetime, policy: Policy) -> Facts:
    """Everything, in a number of statements that does not grow with deals, partners or people."""
    deals, of, owned = (await session.execute(_DEALS)).one()
    rows = list(await session.execute(_PARTNERS))
    rooms = await _rooms(session, [*(row.internal_channel for row in rows), policy.leadership_channel])
    running = await _running(session, now)
    plan = {partner_id: fact for partner_id, fact in running if partner_id is not None}
    today = local_date(now, zone(policy.zone))
    monday = today + timedelta(days=7 - today.weekday())
    return Facts(
        deals=deals,
        deal_partners=of,
        owned=bool(owned),
        crm_as_of=await imports.crm_as_of(session),
        crm_stands=policy.crm_is_truth,
        unmatched=int(await session.scalar(_UNMATCHED) or 0),
        partners=tuple(
            PartnerFact(
                row.id, row.name, row.tier, row.archetype, row.pm_id,
                row.manager if row.manager and row.active and row.side == "ours" else "",
                rooms.get(row.internal_channel.removeprefix("#")) if row.internal_channel else None,
                monday if row.tier_now is not None and row.tier_now != row.tier else None,
                _in_words(plan[row.id]) if row.id in plan else "",
            )
            for row in rows
        ),
        people=tuple(await _people(session)),
        reviews=tuple(fact for _, fact in running),
        leadership=rooms.get(policy.leadership_channel.removeprefix("#")) if policy.leadership_channel else None,
        without_crm=bool(await session.scalar(select(Setting.value).where(Setting.name == WITHOUT_CRM))),
    )  # fmt: skip


_DEALS = (
    select(
        func.count(Deal.id),
        func.count(DealVersion.partner_id.distinct()),
        func.count(Person.id),
    )
    .select_from(Deal)
    .join(DealVersion, PRESENT)
    .outerjoin(Person, and_(Person.id == DealVersion.owner_id, Person.active.is_(True), Person.side == "ours"))
    .where(DealVersion.category.in_(OPEN))
)
_PARTNERS = (
    select(
        Partner.id, Partner.name, Partner.tier, Partner.tier_now, Partner.archetype, Partner.pm_id,
        Partner.internal_channel, Person.name.label("manager"), Person.active, Person.side,
    )
    .outerjoin(Person, Person.id == Partner.pm_id)
    .order_by(Partner.tier, Partner.name, Partner.id)
)  # fmt: skip
_UNMATCHED = select(func.count(CrmRecord.owner_said.distinct())).where(CrmRecord.owner_said != "")


async def _people(session: AsyncSession) -> list[PersonFact]:
    rows = await session.scalars(
        select(Person).where(Person.side == "ours", Person.active.is_(True)).order_by(Person.name, Person.id)
    )
    return [
        PersonFact(
            row.id, row.name, tuple(role for role in roster.ROLES if row.has(role)), bool(row.slack_id), row.calendar
        )
        for row in rows
    ]


async def _running(session: AsyncSession, now: datetime) -> list[tuple[int | None, ReviewFact]]:
    """The weekly reviews that run, the next one to be held first."""
    rows = await session.execute(
        select(Cadence, Partner.name, func.min(Occurrence.starts_at))
        .join(Partner, Partner.id == Cadence.partner_id)
        .outerjoin(
            Occurrence,
            and_(Occurrence.cadence_id == Cadence.id, Occurrence.starts_at > now, Occurrence.state.in_(AHEAD)),
        )
        .where(Cadence.kind == Kind.WEEKLY_REVIEW, Cadence.state == "active")
        .group_by(Cadence.id, Partner.name)
    )
    found = [
        (row.partner_id, ReviewFact(name, row.rule["weekday"], row.at, row.minutes, row.zone, next_at))
        for row, name, next_at in rows
    ]
    return sorted(found, key=lambda one: (one[1].next_at is None, one[1].next_at or now, one[1].partner))


def _in_words(fact: ReviewFact) -> str:
    return f"{_DAYS[fact.weekday]} {fact.at:%H:%M}"


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


async def _rooms(session: AsyncSession, refs: Collection[str]) -> dict[str, Room]:
    """What is remembered of these channels (ids or names), by reference."""
    wanted = {ref.removeprefix("#") for ref in refs if ref}
    if not wanted:
        return {}
    rows = list(
        await session.scalars(
            select(ChannelState)
            .where(ChannelState.slack_id.in_(wanted) | ChannelState.name.in_(wanted))
            .order_by(ChannelState.is_archived.desc(), ChannelState.is_member, ChannelState.slack_id)
        )
    )
    found = {ref: Room(ref) for ref in wanted}
    for row in rows:  # the best of several with one name comes last
        for ref in {row.slack_id, row.name} & wanted:
            found[ref] = Room(
                ref, row.name, seen=row.checked_at is not None, is_member=row.is_member, is_archived=row.is_archived,
                is_shared=row.is_shared or row.is_pending_shared,
                absent=row.checked_at is not None and not row.name,
            )  # fmt: skip
    return found


async def say_no_crm(session: AsyncSession, actor: Person, *, without: bool, now: datetime) -> None:
    """Keep “we have no CRM”, or take it back. Raises NotAllowed."""
    require(may(people.as_actor(actor), Act.SET_UP_COMPANY, Subject()))
    row = await session.get(Setting, WITHOUT_CRM)
    if row is None:
        row = Setting(name=WITHOUT_CRM, value=None, changed_at=now)
        session.add(row)
    row.value, row.changed_at, row.by_id = without, now, actor.id
    await cards.touch_homes(session)


async def partner_of(
    session: AsyncSession, actor: Person, partner_id: int, *, now: datetime, policy: Policy, lock: bool = False
) -> Partner:
    """The partner whose channel the actor may choose, held with `lock`. Raises NotAllowed, UserError."""
    query = select(Partner).where(Partner.id == partner_id)
    partner = await session.scalar(query.with_for_update() if lock else query)
    if partner is None:
        raise UserError("This partner is not there any more. Open the list of channels again.")
    subject = await people.subject_of(session, partner=partner, now=now, policy=policy)
    require(may(people.as_actor(actor), Act.SET_CHANNEL, subject))
    return partner


async def set_channel(
    session: AsyncSession, actor: Person, partner_id: int, room: ChannelState, *, now: datetime, policy: Policy
) -> Partner:
    """Make this the partner's internal channel, and remember what Slack said of it.

    That Cadence is not in it yet is no refusal: it asks to be invited. Raises NotAllowed, UserError, and FieldErrors on
    `channel` for one that is, or will be, shared with another company, is archived, or is somebody's joint channel.
    """
    await roster.hold(session, now=now)
    partner = await partner_of(session, actor, partner_id, now=now, policy=policy, lock=True)
    refusal = why_no_room(room) or await _joint(session, room)
    if refusal:
        raise FieldErrors({"channel": refusal})
    await channels.remember(session, [room])
    if partner.internal_channel != room.slack_id:
        roster.note_partner(
            session, partner, "internal_channel", partner.internal_channel, room.slack_id, by=actor, now=now
        )
        partner.internal_channel = room.slack_id
    await cards.touch_homes(session)
    return partner


def why_no_room(room: ChannelState) -> str:
    """Why a channel cannot be an internal one; empty when it can."""
    place = f"#{room.name}" if room.name else "This channel"
    if room.is_shared:
        return f"{place} is shared with another company. What is internal must never reach the partner: choose or create another."
    if room.is_pending_shared:
        return f"{place} is about to be shared with another company. Choose or create another."
    if room.is_archived:
        return f"{place} is archived. Unarchive it in Slack, or choose another."
    return ""


async def _joint(session: AsyncSession, room: ChannelState) -> str:
    name = await session.scalar(
        select(Partner.name).where(Partner.joint_channel.in_([ref for ref in (room.slack_id, room.name) if ref]))
    )
    return f"#{room.name or room.slack_id} is the joint channel of {name}. Choose or create another." if name else ""


async def taken_by(session: AsyncSession, slack_id: str) -> int | None:
    """The partner whose internal channel this is, if any."""
    return await session.scalar(select(Partner.id).where(Partner.internal_channel == slack_id).limit(1))


@dataclass(frozen=True)
class Asked:
    """Somebody's first prompt: when, about how many deals, in which reviews. `leads`: deals of weekly reviews among them."""

    person_id: int
    name: str
    zone: str
    at: datetime
    out: bool
    deals: int
    leads: int
    occurrence_ids: tuple[int, ...]


async def first_prompts(session: AsyncSession, *, now: datetime, policy: Policy) -> list[Asked]:
    """Who will be asked first, and when: whoever has most deals under a weekly review stands first."""
    rows = await session.execute(
        select(Occurrence, Cadence)
        .join(Cadence, Cadence.id == Occurrence.cadence_id)
        .where(
            Occurrence.starts_at > now,
            Occurrence.starts_at < now + AHEAD_DAYS,
            Occurrence.state.in_(AHEAD),
            Cadence.kind.in_((Kind.WEEKLY_REVIEW, Kind.OTHER_PARTNERS)),
            Cadence.state == "active",
        )
        .order_by(Occurrence.starts_at, Occurrence.id)
    )
    pairs = [(occurrence, cadence) for occurrence, cadence in rows]
    if not pairs:
        return []
    owned = await reviews.owned(session, [one.id for one, _ in pairs], now=now, policy=policy, among=pairs)
    staff = await reviews.staff(session, policy)
    asked: dict[int, dict[date, list[_Part]]] = {}
    for occurrence, cadence in pairs:
        number: dict[int, int] = {}
        for duty in reviews.duties(occurrence, cadence.pm_id, owned[occurrence.id], staff):
            number[duty.responder_id] = number.get(duty.responder_id, 0) + len(duty.deal_ids)
        for person_id, deals in number.items():
            reader = staff.readers[person_id]
            due = review_times.prompt_due(reader, occurrence.starts_at, policy.prompt_at)
            if due is not None:
                part = _Part(occurrence, due, deals, cadence.kind == Kind.WEEKLY_REVIEW)
                asked.setdefault(person_id, {}).setdefault(local_date(due, reader.zone), []).append(part)
    found = [_first(staff, person_id, days, now) for person_id, days in asked.items()]
    return sorted(found, key=lambda one: (-one.leads, -one.deals, one.name, one.person_id))


@dataclass(frozen=True)
class _Part:
    occurrence: Occurrence
    due: datetime
    deals: int
    meeting: bool


def _first(staff: reviews.Staff, person_id: int, days: Mapping[date, list[_Part]], now: datetime) -> Asked:
    """The card of the first day on which somebody is asked: everything of one local day is one card."""
    parts = days[min(days)]
    reader = staff.readers[person_id]
    due = min(part.due for part in parts)
    return Asked(
        person_id=person_id,
        name=staff.people[person_id].name,
        zone=reader.zone_name,
        at=due if due > now else review_times.waits_until(reader, now) or now,
        out=due <= now and any(part.occurrence.prompted_at is not None for part in parts),
        deals=sum(part.deals for part in parts),
        leads=sum(part.deals for part in parts if part.meeting),
        occurrence_ids=tuple(part.occurrence.id for part in parts),
    )
