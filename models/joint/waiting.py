"""What waits on somebody's desk for the joint channels, and what was decided of it: the card, its modal and Home read it here."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import boundary, people
from models.boundary import Guest, Held, Lost, Opened
from models.domain.policy import Policy
from models.domain.zones import local_date, zone
from models.joint import approving, checkin, counterparts, desk, marks, replies
from models.joint.approving import Place
from models.joint.replies import Proposed
from models.outbox import INTERNAL, PARTNER
from models.shared import copying
from models.shared.copying import Copyable
from models.shared.owing import WINDOW
from models.tables import (
    Artifact,
    Change,
    ChannelGuest,
    ChannelState,
    Counterpart,
    JointDeal,
    Occurrence,
    Partner,
    Person,
    ReplyProposal,
)

HELD = {"dropped": "held_dropped"}
"""A held message that was dropped is said otherwise than a reply."""


@dataclass(frozen=True)
class Asking:
    """Somebody who wants to speak for a partner, and what speaks for and against it."""

    row: Counterpart
    partner: Partner
    place: Place | None = None
    like: str = ""
    """Somebody who was confirmed for this partner already, and is of the same workspace."""
    unlike: bool = False
    """All who were confirmed for this partner are of other workspaces."""

    @property
    def connected(self) -> bool:
        """Whether their workspace is one of those that read the joint channel."""
        return self.place is not None and self.row.slack_team_id in self.place.teams


@dataclass(frozen=True)
class FirstPost:
    """A joint channel in which nothing is posted yet, because nobody looked at the post, or at who reads it by now."""

    partner: Partner
    place: Place
    again: bool
    """Somebody looked once, and another workspace was connected (or invited) since."""


@dataclass(frozen=True)
class ToCopy:
    """A partner without a joint channel: its check-in and its pages, to be sent some other way."""

    partner: Partner
    occurrence: Occurrence | None
    day: date | None
    pages: tuple[Copyable, ...]


@dataclass(frozen=True)
class Decided:
    """One thing that was decided: `what` is a key of the card's words, `name` whom or what it is about."""

    at: datetime
    what: str
    name: str
    partner: str
    by: str


@dataclass(frozen=True)
class Desk:
    """All that waits for one person."""

    person: Person
    people: tuple[Asking, ...] = ()
    first: tuple[FirstPost, ...] = ()
    replies: tuple[Proposed, ...] = ()
    copies: tuple[ToCopy, ...] = ()
    held: tuple[Held, ...] = ()
    guests: tuple[Guest, ...] = ()
    lost: tuple[Lost, ...] = ()
    opened: tuple[Opened, ...] = ()
    decided: tuple[Decided, ...] = field(default=())

    @property
    def count(self) -> int:
        """How many things wait to be decided; what may be copied waits for nothing."""
        seen = (self.people, self.first, self.replies, self.held, self.guests, self.lost, self.opened)
        return sum(len(part) for part in seen)

    def __bool__(self) -> bool:
        return bool(self.count or self.copies)

    def is_about(self, partner_id: int) -> bool:
        """Whether anything of this partner waits."""
        named = (one.partner.id for part in (self.people, self.first, self.replies, self.copies) for one in part)
        return partner_id in {*named, *(one.partner_id for part in (self.held, self.lost, self.opened) for one in part)}


async def waiting(
    session: AsyncSession, person: Person, *, now: datetime, policy: Policy, since: datetime | None = None
) -> Desk:
    """What waits for this person now; what was decided since, if `since` says when the card began."""
    partners = await partners_of(session, person, now=now, policy=policy)
    by_id = {partner.id: partner for partner in partners}
    places = await approving.places(session, partners)
    first = await _first_posts(session, by_id, places)
    return Desk(
        person,
        people=tuple(await _asking(session, by_id, places)) if partners else (),
        first=tuple(first),
        replies=tuple(await replies.waiting(session, partners, now=now, policy=policy)) if partners else (),
        copies=tuple(await _to_copy(session, partners, now=now, policy=policy)),
        held=tuple(await _held(session, person, {one.partner.id for one in first}, now=now, policy=policy)),
        guests=tuple(await boundary.guests_for(session, person)),
        lost=tuple(await boundary.lost_for(session, person, now=now, policy=policy)),
        opened=tuple(await boundary.opened_for(session, person, now=now, policy=policy)),
        decided=tuple(await _decided(session, person, by_id, since, policy)) if since is not None else (),
    )


async def hand_on(
    session: AsyncSession, partner: Partner, before: Person | None, *, now: datetime, policy: Policy
) -> None:
    """Another manager: what waits of this partner stands on their desk, and on the old one's no more."""
    if before is not None:
        await desk.touch(session, before.id)
    for person in await desk.keepers(session, partner, now=now, policy=policy):
        if (await waiting(session, person, now=now, policy=policy)).is_about(partner.id):
            await desk.ask(session, person.id, now=now, policy=policy)


async def partners_of(session: AsyncSession, person: Person, *, now: datetime, policy: Policy) -> list[Partner]:
    """The partners about which this person is asked: their own, those they cover for, and as the head those of nobody."""
    if not person.active or person.side != "ours":
        return []
    covers = await people.covers(session, now=now, policy=policy)
    managers = {person.id, *(away for away, cover in covers.items() if cover == person.id)}
    query = select(Partner).order_by(Partner.name, Partner.id)
    found = list(await session.scalars(query.where(Partner.pm_id.in_(managers))))
    if person.has("head", "admin"):
        gone = select(Person.id).where(or_(Person.active.is_(False), Person.side != "ours"))
        lost = await session.scalars(query.where(or_(Partner.pm_id.is_(None), Partner.pm_id.in_(gone))))
        if person.id in {one.id for one in await desk.stand_ins(session)}:
            found += [partner for partner in lost if partner not in found]
    return found


async def _held(
    session: AsyncSession, person: Person, first: Collection[int], *, now: datetime, policy: Policy
) -> list[Held]:
    """What waits for a decision; a partner's message that waits for a look at the first post is asked about there alone."""
    found = await boundary.held_for(session, person, now=now, policy=policy)
    return [one for one in found if one.audience == INTERNAL or one.partner_id not in first]


async def _asking(session: AsyncSession, partners: Mapping[int, Partner], places: Mapping[int, Place]) -> list[Asking]:
    rows = await counterparts.waiting(session, partners)
    if not rows:
        return []
    bound: dict[int, dict[str, str]] = {}
    for known in await counterparts.confirmed(session, {row.partner_id for row in rows}):
        bound.setdefault(known.partner_id, {}).setdefault(known.slack_team_id, known.name)
    found = []
    for row in rows:
        teams = bound.get(row.partner_id, {})
        like = teams.get(row.slack_team_id, "")
        found.append(Asking(row, partners[row.partner_id], places.get(row.partner_id), like, bool(teams) and not like))
    return found


async def _first_posts(
    session: AsyncSession, partners: Mapping[int, Partner], places: Mapping[int, Place]
) -> list[FirstPost]:
    """Only where there is something to post: a deal that is joint."""
    found = []
    for partner_id, place in places.items():
        partner = partners[partner_id]
        if not approving.allows(partner, place.teams) and await marks.standing(session, partner_id):
            found.append(FirstPost(partner, place, again=partner.joint_approved == partner.joint_channel))
    return found


async def _to_copy(
    session: AsyncSession, partners: Sequence[Partner], *, now: datetime, policy: Policy
) -> list[ToCopy]:
    without = await _with_something(session, [partner for partner in partners if not partner.joint_channel], now)
    if not without:
        return []
    due = await checkin.waiting(session, [partner.id for partner in without], now=now)
    found = []
    for partner in without:
        pages = await copying.to_copy(session, partner.id, now=now)
        occurrence = due.get(partner.id)
        if occurrence is not None or pages:
            day = local_date(occurrence.starts_at, zone(policy.zone)) if occurrence is not None else None
            found.append(ToCopy(partner, occurrence, day, pages))
    return found


async def _with_something(session: AsyncSession, partners: Sequence[Partner], now: datetime) -> list[Partner]:
    """Those that anything could be sent to: a joint deal, or a page of the last week."""
    ids = [partner.id for partner in partners]
    if not ids:
        return []
    deals = select(JointDeal.partner_id).where(JointDeal.partner_id.in_(ids), JointDeal.valid_to.is_(None))
    pages = select(Artifact.partner_id).where(
        Artifact.partner_id.in_(ids), Artifact.audience == PARTNER, Artifact.created_at >= now - WINDOW
    )
    found = set(await session.scalars(deals.union(pages)))
    return [partner for partner in partners if partner.id in found]


async def _decided(
    session: AsyncSession, person: Person, partners: Mapping[int, Partner], since: datetime, policy: Policy
) -> list[Decided]:
    names = (await people.directory(session)).name
    settled = [
        Decided(one.at, HELD.get(one.decision, one.decision), one.what, "", names(one.by_id))
        for one in await boundary.decided_for(session, person, since, policy=policy)
    ]
    allowed = await session.execute(
        select(ChannelGuest, ChannelState.name)
        .outerjoin(ChannelState, ChannelState.slack_id == ChannelGuest.channel_id)
        .where(ChannelGuest.allowed_at >= since, ChannelGuest.allowed_by_id == person.id)
    )
    settled += [
        Decided(
            guest.allowed_at or since,
            "allowed",
            guest.name or guest.slack_id,
            f"#{name or guest.channel_id}",
            person.name,
        )
        for guest, name in allowed
    ]
    return sorted([*settled, *await _told(session, partners, since, names)], key=lambda one: one.at)


async def _told(
    session: AsyncSession, partners: Mapping[int, Partner], since: datetime, names: Callable[[int | None], str]
) -> list[Decided]:
    """People, replies and first posts."""
    if not partners:
        return []
    found = [
        Decided(row.decided_at or since, row.state, row.name, partners[row.partner_id].name, names(row.decided_by_id))
        for row in await counterparts.decided(session, partners, since)
    ]
    told: Collection[ReplyProposal] = await replies.decided(session, list(partners), since)
    speakers = {
        row.id: row.name
        for row in await session.scalars(
            select(Counterpart).where(Counterpart.id.in_({one.counterpart_id for one in told}))
        )
    }
    found += [
        Decided(
            one.decided_at or since, "reply" if one.state == replies.CONFIRMED else "dropped",
            speakers.get(one.counterpart_id, ""), partners[one.partner_id].name, names(one.decided_by_id),
        )
        for one in told
    ]  # fmt: skip
    rows = await session.scalars(
        select(Change).where(
            Change.entity == "partner", Change.entity_id.in_(partners), Change.field == "joint_approved",
            Change.at >= since,
        )
    )  # fmt: skip
    found += [
        Decided(row.at, "approved" if row.after else "withdrawn", "", partners[row.entity_id].name, names(row.by_id))
        for row in rows
    ]
    return found
