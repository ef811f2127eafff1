"""People: who acts, who is away and who covers, and what Slack's directory says of them."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple, Protocol, TypeGuard

from sqlalchemy import bindparam, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from models import cards, changes
from models.domain import workdays
from models.domain.errors import FieldErrors, NotAllowed
from models.domain.policy import Policy
from models.domain.rights import Actor, Subject
from models.domain.text import clip
from models.domain.workdays import Reader, WorkCalendar
from models.domain.zones import local_date, zone
from models.tables import Absence, Partner, Person

LONGEST_NAME = 60
OUTSIDE = "Only people of our own company can do this."


class _HasName(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def slack_id(self) -> str | None: ...


@dataclass(frozen=True)
class Names:
    """Everyone, read once, for pages that name many people."""

    people: Mapping[int, _HasName]

    def name(self, person_id: int | None) -> str:
        """The person's name, cut to what a line has room for; "nobody" for none, and never a bare number."""
        person = self.people.get(person_id) if person_id is not None else None
        return clip(person.name, LONGEST_NAME) if person else "nobody"

    def slack_id(self, person_id: int | None) -> str | None:
        person = self.people.get(person_id) if person_id is not None else None
        return person.slack_id if person else None


@dataclass(frozen=True)
class Directory(Names):
    """Everyone, with all that is known of them."""

    people: Mapping[int, Person]


class Named(NamedTuple):
    """As much of a person as a page needs that only names them."""

    id: int
    name: str
    slack_id: str | None


_NAMES = select(Person.id, Person.name, Person.slack_id).where(Person.id.in_(bindparam("ids", expanding=True)))


async def names(session: AsyncSession, person_ids: Iterable[int | None], *, known: Person) -> Names:
    """The names of these people, in one light statement; in none where `known`, who looks, is the only one."""
    wanted = {person_id for person_id in person_ids if person_id is not None} - {known.id}
    rows = await session.execute(_NAMES, {"ids": list(wanted)}) if wanted else ()
    found = {person_id: Named(person_id, name, slack_id) for person_id, name, slack_id in rows}
    return Names({known.id: known, **found})


_EVERYBODY = select(Person)


async def directory(session: AsyncSession) -> Directory:
    """All people in two statements."""
    return Directory({person.id: person for person in await session.scalars(_EVERYBODY)})


async def get(session: AsyncSession, person_id: int) -> Person:
    person = await session.get(Person, person_id)
    if person is None:
        raise NotAllowed("This person is not known to Cadence any more.")
    return person


async def by_slack_id(session: AsyncSession, slack_id: str) -> Person | None:
    return (await by_slack_ids(session, [slack_id])).get(slack_id)


_BY_SLACK_IDS = (
    select(Person).where(Person.slack_id.in_(bindparam("ids", expanding=True))).options(joinedload(Person.roles))
)


async def by_slack_ids(session: AsyncSession, slack_ids: Collection[str]) -> dict[str, Person]:
    """The people behind several Slack ids, in one statement; unknown ones are left out."""
    found = await session.scalars(_BY_SLACK_IDS, {"ids": list(slack_ids)})
    rows = found.unique()
    return {person.slack_id: person for person in rows if person.slack_id}


async def acting(session: AsyncSession, slack_id: str) -> Person:
    """The person behind a click or command. Raises NotAllowed for anyone we do not know as one of ours."""
    return admitted(await by_slack_id(session, slack_id))


def admitted(person: Person | None) -> Person:
    """The person, if they are one of ours. Raises NotAllowed."""
    if person is None:
        raise NotAllowed(
            "Cadence does not know you yet. Ask an admin to add you: `/cadence start`, under People and roles."
        )
    if not person.active:
        raise NotAllowed("Your account is deactivated here, so Cadence cannot take this from you.")
    if person.side != "ours":
        raise NotAllowed(OUTSIDE)
    if person.guest:
        raise NotAllowed("You are a guest in this workspace, and Cadence works with full members only.")
    return person


def is_ours(person: Person | None) -> TypeGuard[Person]:
    """Whether this is an active full member of our own company: the only ones Cadence takes anything internal from."""
    return person is not None and person.side == "ours" and person.active and not person.guest


def as_actor(person: Person) -> Actor:
    return Actor(
        id=person.id,
        name=person.name,
        roles=frozenset(held.role for held in person.roles),
        ours=person.side == "ours",
        active=person.active and not person.guest,
        partner_id=person.partner_id if person.side != "ours" else None,
    )


def zone_of(person: Person, policy: Policy) -> str:
    return person.zone or policy.zone


_AWAY = select(Absence.person_id, Absence.first_day, Absence.last_day).where(
    Absence.person_id.in_(bindparam("ids", expanding=True)), Absence.cancelled_at.is_(None)
)


async def readers(session: AsyncSession, people: Iterable[Person], policy: Policy) -> dict[int, Reader]:
    """When each of `people` works, absences included; one statement for all of them."""
    listed = list(people)
    away: dict[int, list[tuple[date, date]]] = {person.id: [] for person in listed}
    for person_id, first, last in await session.execute(_AWAY, {"ids": list(away)}):
        away[person_id].append((first, last))
    return {person.id: reader_of(person, tuple(away[person.id]), policy) for person in listed}


def reader_of(person: Person, absences: tuple[tuple[date, date], ...], policy: Policy) -> Reader:
    calendar = WorkCalendar(code=person.calendar) if person.calendar else policy.calendar
    return Reader(
        zone_name=zone_of(person, policy),
        calendar=calendar,
        absences=tuple(workdays.Absence(first, last) for first, last in absences),
        work_start=policy.work_start,
        work_end=policy.work_end,
    )


def company_reader(policy: Policy) -> Reader:
    """The company as a reader: when its channels may get late posts."""
    return Reader(
        zone_name=policy.zone,
        calendar=policy.calendar,
        work_start=policy.work_start,
        work_end=policy.work_end,
    )


_COVERS = (
    select(Absence.person_id, Absence.cover_id, Absence.first_day, Absence.last_day, Person.zone)
    .join(Person, Person.id == Absence.person_id)
    .where(Absence.cancelled_at.is_(None), Absence.cover_id.is_not(None))
)


async def covers(session: AsyncSession, *, now: datetime, policy: Policy) -> dict[int, int]:
    """Who stands in for whom today: absent person to cover, each judged by the absent person's local date."""
    return {
        person_id: cover_id
        for person_id, cover_id, first, last, place in await session.execute(_COVERS)
        if cover_id is not None and first <= local_date(now, zone(place or policy.zone)) <= last
    }


async def absent_on(session: AsyncSession, person_ids: Collection[int], day: date) -> set[int]:
    """Those of `person_ids` who are away on `day`."""
    rows = await session.scalars(
        select(Absence.person_id).where(
            Absence.person_id.in_(person_ids),
            Absence.cancelled_at.is_(None),
            Absence.first_day <= day,
            Absence.last_day >= day,
        )
    )
    return set(rows)


async def record_absence(
    session: AsyncSession,
    person: Person,
    *,
    first: date,
    last: date,
    cover: Person | None,
    by: Person,
    now: datetime,
    policy: Policy,
) -> Absence:
    """Note that `person` is away; the cover answers in their own name. Raises FieldErrors on impossible days."""
    today = local_date(now, zone(zone_of(person, policy)))
    errors: dict[str, str] = {}
    if last < first:
        errors["last"] = "The last day is before the first day."
    elif last < today:
        errors["last"] = "This absence is already over."
    if cover is not None:
        refusal = why_no_owner(cover)
        if refusal:
            errors["cover"] = refusal
        elif cover.id == person.id:
            errors["cover"] = "Somebody else has to cover for you."
    if errors:
        raise FieldErrors(errors)
    absence = Absence(
        person_id=person.id,
        first_day=first,
        last_day=last,
        cover_id=cover.id if cover else None,
        recorded_by_id=by.id,
        recorded_at=now,
    )
    session.add(absence)
    await session.flush()
    changes.note(
        session,
        "person",
        person.id,
        "absence",
        None,
        {"first": first.isoformat(), "last": last.isoformat(), "cover": absence.cover_id},
        by_id=by.id,
        source="slack",
        at=now,
    )
    await _show_cover(session, absence)
    return absence


async def _show_cover(session: AsyncSession, absence: Absence) -> None:
    """Who was asked already may not be the one who answers any more: their cards show it at once."""
    await session.flush()
    both = (absence.person_id, absence.cover_id)
    await cards.touch_people(session, [person_id for person_id in both if person_id is not None])


async def absences_of(session: AsyncSession, person_id: int, *, since: date) -> list[Absence]:
    rows = await session.scalars(
        select(Absence)
        .where(Absence.person_id == person_id, Absence.cancelled_at.is_(None), Absence.last_day >= since)
        .order_by(Absence.first_day)
    )
    return list(rows)


async def cancel_absence(session: AsyncSession, absence_id: int, *, by: Person, now: datetime) -> None:
    """Take an absence back. Only the person and whoever recorded it may; anything else is a forged button."""
    absence = await session.get(Absence, absence_id)
    if absence is None or absence.cancelled_at is not None:
        return
    if by.id not in (absence.person_id, absence.recorded_by_id):
        raise NotAllowed("Only the person who is away can take this absence back.")
    absence.cancelled_at = now
    changes.note(session, "person", absence.person_id, "absence", absence_id, None, by_id=by.id, source="slack", at=now)
    await _show_cover(session, absence)


NOBODY_NAMED = "Choose one named person who does it."


def why_no_owner(person: Person | None) -> str:
    """Why this person cannot own an action, a commitment or a deal; empty when they can."""
    if person is None:
        return "Choose one named person of our company: a group, a bot or somebody Cadence does not know cannot own it."
    if not person.active:
        return f"{person.name} has left or is deactivated. Choose somebody who can do it."
    if person.guest:
        return f"{person.name} is a guest here. Choose one of our own people."
    if person.side != "ours":
        return f"{person.name} is not one of our people. Name them as the partner's owner instead."
    return ""


async def subject_of(
    session: AsyncSession,
    *,
    owner_id: int | None = None,
    partner: Partner | None = None,
    pm_id: int | None = None,
    now: datetime,
    policy: Policy,
) -> Subject:
    """What rights are judged by, read from the rows."""
    manager_id = pm_id if pm_id is not None else (partner.pm_id if partner else None)
    ids = [held for held in (owner_id, manager_id) if held is not None]
    rows = await session.execute(_NAMES, {"ids": ids})
    names = {person_id: name for person_id, name, _ in rows}
    return Subject(
        owner_id=owner_id,
        pm_id=manager_id,
        covers=await covers(session, now=now, policy=policy),
        owner_name=names.get(owner_id or 0, ""),
        pm_name=names.get(manager_id or 0, ""),
    )


async def heads_and_admins(session: AsyncSession) -> list[Person]:
    everyone = await session.scalars(select(Person).where(Person.active.is_(True), Person.side == "ours"))
    return [person for person in everyone if person.has("head", "admin")]


@dataclass(frozen=True)
class SlackUser:
    """What Slack's directory says of one user, reduced to what Cadence decides by."""

    slack_id: str
    team_id: str
    name: str
    email: str
    zone: str
    is_bot: bool
    deleted: bool
    guest: bool
    stranger: bool
    enterprise_id: str = ""

    def of(self, team_id: str, enterprise_id: str = "") -> bool:
        """Whether they are of the company with this workspace and, on Grid, this enterprise. What is withheld counts against."""
        if self.stranger or not self.team_id:
            return False
        return self.team_id == team_id or (bool(enterprise_id) and self.enterprise_id == enterprise_id)


@dataclass(frozen=True)
class SyncResult:
    matched: int
    deactivated: tuple[int, ...]


async def sync(
    session: AsyncSession, users: Collection[SlackUser], *, team_id: str, now: datetime, enterprise_id: str = ""
) -> SyncResult:
    """Match Slack's users to people by Slack id, then e-mail; note deactivation and time zones. Invents nobody.

    Only a user of our own workspace (on Grid: of our enterprise) can become one of ours: an e-mail address proves nothing
    across companies. One of ours who is of another company now has left, as if they were deactivated.
    """
    emails = {user.email.casefold() for user in users if user.email}
    ids = {user.slack_id for user in users}
    rows = await session.scalars(
        select(Person).where(or_(Person.slack_id.in_(ids), func.lower(Person.email).in_(emails)))
    )
    people = list(rows)
    by_id = {person.slack_id: person for person in people if person.slack_id}
    by_email = {person.email.casefold(): person for person in people if person.email}
    matched = 0
    gone: list[int] = []
    for user in users:
        person = by_id.get(user.slack_id) or by_email.get(user.email.casefold() if user.email else "")
        if person is None or user.is_bot:
            continue
        ours = user.of(team_id, enterprise_id)
        elsewhere = bool(user.team_id or user.stranger) and not ours
        moved = elsewhere and person.side == "ours" and person.slack_id == user.slack_id
        if (person.side == "ours") != ours and not moved:
            continue
        if person.slack_id is None:
            person.slack_id = user.slack_id
        elif person.slack_id != user.slack_id:
            continue
        matched += 1
        _follow(session, person, user, here=not user.deleted and not moved, gone=gone, now=now)
    return SyncResult(matched=matched, deactivated=tuple(gone))


def _follow(
    session: AsyncSession, person: Person, user: SlackUser, *, here: bool, gone: list[int], now: datetime
) -> None:
    """What Slack says of somebody we know: workspace, guest or not, zone, and whether they are still here."""
    if person.side == "ours" or person.slack_team_id is None:
        person.slack_team_id = user.team_id or person.slack_team_id
    person.guest = user.guest
    if not person.zone and user.zone:
        person.zone = user.zone
    if person.active == here:
        return
    person.active = here
    changes.note(session, "person", person.id, "active", not here, here, by_id=None, source="slack", at=now)
    if not here:
        gone.append(person.id)


_STANDING = select(Absence.first_day, Absence.last_day, Absence.person_id, Absence.cover_id).where(
    Absence.cancelled_at.is_(None)
)


async def standing_absences(session: AsyncSession) -> list[tuple[date, date, int, int | None]]:
    """(first day, last day, person, cover) of every absence that was not taken back."""
    return [(first, last, who, cover) for first, last, who, cover in await session.execute(_STANDING)]
