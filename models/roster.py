"""The roster as it is changed from Slack: who is one of us and as what, which partners there are and of which tier.

What a file says goes through `models.imports`; this is the same by hand, with the same trail. Never commits.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

from models import cadences, cards, changes, people
from models.cadences import Kind
from models.domain.errors import FieldErrors, UserError
from models.domain.files.partners import ARCHETYPES
from models.domain.policy import Policy
from models.domain.rights import Act, Subject, may, require
from models.domain.text import clean, clip, key, near
from models.domain.workdays import check_calendar_code
from models.domain.zones import local_date, zone
from models.tables import Cadence, Partner, Person, PersonRole, Setting

ROLES = ("ae", "pm", "head", "cro", "cfo", "ceo", "admin")
TIERS = (1, 2, 3)
ROSTER = "roster"
"""The setting whose row is locked while the roster changes."""
SOURCE = "slack"
LONGEST = 80
"""Characters of a partner's name: what a line on a phone has room for."""
MOST_NAMED = 3
_SAID = 60


async def hold(session: AsyncSession, *, now: datetime) -> None:
    """Let one transaction at a time change the roster: two who add the same company at once would add it twice.

    A row lock on PostgreSQL; SQLite's only writer is ours already.
    """
    if session.get_bind().dialect.name != "postgresql":
        return
    await session.execute(
        postgresql.insert(Setting).values(name=ROSTER, value=None, changed_at=now).on_conflict_do_nothing()
    )
    await session.execute(select(Setting.name).where(Setting.name == ROSTER).with_for_update())


async def admit(
    session: AsyncSession,
    user: people.SlackUser,
    *,
    roles: Collection[str],
    by: Person | None,
    now: datetime,
    team_id: str,
    enterprise_id: str = "",
) -> Person:
    """Make a Slack user one of our people, or find them (by Slack id, then e-mail), and add the roles; none is taken.

    Rights are the caller's to judge. Raises FieldErrors on `person` for a bot, somebody deactivated, a guest, somebody
    of another company, and an address that is somebody else's already; ValueError for a role there is none of.
    """
    unknown = set(roles) - set(ROLES)
    if unknown:
        raise ValueError(f"no such role: {', '.join(sorted(unknown))}")
    refusal = why_not_one_of_us(user, team_id, enterprise_id)
    if refusal:
        raise FieldErrors({"person": refusal})
    await hold(session, now=now)
    person = await _known(session, user)
    if person is None:
        person = Person(
            name=_name(user), email=user.email.casefold() or None, side="ours", zone=user.zone, slack_id=user.slack_id,
            slack_team_id=user.team_id, created_at=now, roles=[],
        )  # fmt: skip
        session.add(person)
        await session.flush()
        _note(session, person, "name", None, person.name, by=by, now=now)
    else:
        _meet(session, person, user, by=by, now=now)
    _set_roles(session, person, {held.role for held in person.roles} | set(roles), by=by, now=now)
    await session.flush()
    return person


def why_not_one_of_us(user: people.SlackUser, team_id: str, enterprise_id: str = "") -> str:
    """Why this Slack user cannot be one of our people, in a sentence; empty when they can. What is withheld counts against."""
    name = clip(_name(user), _SAID)
    if user.is_bot:
        return f"{name} is an app, not a person. Choose one named person."
    if not user.of(team_id, enterprise_id):
        return f"{name} is not of this Slack workspace. Only people of our own company can be added."
    if user.deleted:
        return f"{name} is deactivated in Slack. Choose somebody who is here."
    if user.guest:
        return f"{name} is a guest in this workspace. Only full members of our own company can be added."
    return ""


def _name(user: people.SlackUser) -> str:
    return clean(user.name) or user.slack_id


async def _known(session: AsyncSession, user: people.SlackUser) -> Person | None:
    """The person this user is. Raises FieldErrors where the address belongs to somebody else."""
    found = await people.by_slack_id(session, user.slack_id)
    if found is None and user.email:
        found = await session.scalar(select(Person).where(func.lower(Person.email) == user.email.casefold()))
        if found is not None and found.slack_id is not None:
            raise FieldErrors(
                {
                    "person": f"The e-mail address {user.email} belongs to {found.name}, who has another Slack account here."
                }
            )
    if found is not None and found.side != "ours":
        raise FieldErrors(
            {"person": f"{found.name} is known as somebody who works for a partner. Name one of our own people."}
        )
    return found


def _meet(session: AsyncSession, person: Person, user: people.SlackUser, *, by: Person | None, now: datetime) -> None:
    """What Slack says now of somebody who is known."""
    said = {"slack_id": user.slack_id, "slack_team_id": user.team_id, "active": True, "guest": False}
    if not person.zone and user.zone:
        said["zone"] = user.zone
    for name, value in said.items():
        before = getattr(person, name)
        if before != value:
            setattr(person, name, value)
            if name != "slack_team_id":
                _note(session, person, name, before, value, by=by, now=now)


def _set_roles(
    session: AsyncSession, person: Person, roles: Iterable[str], *, by: Person | None, now: datetime
) -> None:
    wanted, held = sorted(roles), sorted(one.role for one in person.roles)
    if wanted == held:
        return
    person.roles = [
        *(one for one in person.roles if one.role in wanted),
        *(PersonRole(role=role) for role in wanted if role not in held),
    ]
    _note(session, person, "roles", held, wanted, by=by, now=now)


def _note(session: AsyncSession, person: Person, name: str, before: Any, after: Any, *, by: Person | None,
          now: datetime) -> None:  # fmt: skip
    changes.note(session, "person", person.id, name, before, after, by_id=by.id if by else None, source=SOURCE, at=now)


async def add_person(
    session: AsyncSession, actor: Person, user: people.SlackUser, *, roles: Collection[str], holidays: str,
    now: datetime, team_id: str, enterprise_id: str = "",
) -> Person:  # fmt: skip
    """What the form “Add a person” does. Raises NotAllowed, FieldErrors."""
    require(may(people.as_actor(actor), Act.ADD_PERSON, Subject()))
    calendar = _calendar(holidays)
    if not roles:
        raise FieldErrors({"roles": "Choose at least one role: it says what Cadence asks them."})
    person = await admit(session, user, roles=roles, by=actor, now=now, team_id=team_id, enterprise_id=enterprise_id)
    if calendar:
        _set_calendar(session, person, calendar, by=actor, now=now)
    await cards.touch_homes(session)
    return person


async def change_person(
    session: AsyncSession, actor: Person, person_id: int, *, roles: Collection[str], holidays: str, now: datetime
) -> Person:
    """Set somebody's roles and holiday calendar to just these. Raises NotAllowed, FieldErrors, UserError."""
    require(may(people.as_actor(actor), Act.ADD_PERSON, Subject()))
    await hold(session, now=now)
    person = await session.scalar(select(Person).where(Person.id == person_id).with_for_update())
    if person is None or person.side != "ours":
        raise UserError("This person is not one of ours any more. Open the list of people again.")
    calendar = _calendar(holidays)
    refusal = await _why_not_roles(session, person, set(roles))
    if refusal:
        raise FieldErrors({"roles": refusal})
    _set_roles(session, person, roles, by=actor, now=now)
    _set_calendar(session, person, calendar, by=actor, now=now)
    await session.flush()
    await cards.touch_homes(session)
    return person


async def _why_not_roles(session: AsyncSession, person: Person, roles: set[str]) -> str:
    """Why somebody cannot be left with these roles; empty when they can."""
    if not roles:
        return "Choose at least one role. Whoever leaves is deactivated in Slack; Cadence notices."
    if person.has("pm") and "pm" not in roles:
        managed = list(
            await session.scalars(select(Partner.name).where(Partner.pm_id == person.id).order_by(Partner.name))
        )
        if managed:
            return f"{person.name} manages {listed(managed)}. Name another partner manager there first."
    if person.has("admin") and "admin" not in roles:
        others = await session.scalar(
            select(func.count())
            .select_from(PersonRole)
            .join(Person, Person.id == PersonRole.person_id)
            .where(PersonRole.role == "admin", Person.id != person.id, Person.active.is_(True), Person.side == "ours")
        )
        if not others:
            return f"{person.name} is the only admin. Make somebody else one first."
    return ""


def _calendar(said: str) -> str:
    """A holiday calendar's code as it is stored. Raises FieldErrors for one there is none of."""
    code = clean(said).upper()
    try:
        check_calendar_code(code)
    except UserError as error:
        raise FieldErrors({"holidays": str(error)}) from None
    return code


def _set_calendar(session: AsyncSession, person: Person, code: str, *, by: Person, now: datetime) -> None:
    if person.calendar != code:
        _note(session, person, "calendar", person.calendar or "", code, by=by, now=now)
        person.calendar = code


def listed(names: Collection[str]) -> str:
    """`Acme, Beta and 3 more`."""
    shown = [clip(name, _SAID) for name in list(names)[:MOST_NAMED]]
    if len(names) > MOST_NAMED:
        return f"{', '.join(shown)} and {len(names) - MOST_NAMED} more"
    return f"{', '.join(shown[:-1])} and {shown[-1]}" if len(shown) > 1 else "".join(shown)


@dataclass(frozen=True)
class NewPartner:
    """What the form “Add a partner” says. `sure`: it is another company than the one whose name is like it."""

    name: str
    tier: int
    archetype: str = ""
    pm: Person | None = None
    sure: bool = False


class Alike(UserError):
    """There is a partner with nearly this name; `names` are the nearest. Saying so once more adds it."""

    def __init__(self, name: str, names: Collection[str]) -> None:
        super().__init__(
            f"{listed(names)} {'is' if len(names) == 1 else 'are'} there already, and “{clip(name, _SAID)}” looks like "
            f"{'it' if len(names) == 1 else 'one of them'}."
        )
        self.names = tuple(names)


async def add_partner(
    session: AsyncSession, actor: Person, wanted: NewPartner, *, now: datetime, policy: Policy
) -> Partner:
    """A partner that was not there; its tier counts at once. Raises NotAllowed, FieldErrors, Alike."""
    require(may(people.as_actor(actor), Act.ADD_PARTNER, Subject()))
    await hold(session, now=now)
    name = clean(wanted.name)
    known = {row.key: row for row in await session.scalars(select(Partner))}
    refusal = why_no_name(name, known)
    errors = {"name": refusal} if refusal else {}
    errors |= _why_not(wanted.tier, wanted.archetype, wanted.pm)
    if errors:
        raise FieldErrors(errors)
    like = alike(name, [row.name for row in known.values()])
    if like and not wanted.sure:
        raise Alike(name, like)
    partner = Partner(
        name=name, key=key(name), tier=wanted.tier, archetype=wanted.archetype,
        pm_id=wanted.pm.id if wanted.pm else None, created_at=now,
    )  # fmt: skip
    session.add(partner)
    await session.flush()
    for field, value in (
        ("name", name),
        ("tier", wanted.tier),
        ("archetype", wanted.archetype),
        ("pm_id", partner.pm_id),
    ):
        if value:
            note_partner(session, partner, field, None, value, by=actor, now=now)
    await cadences.hold_calendar(session, now=now)
    await cadences.ensure_standing(session, now=now, policy=policy)
    await cadences.fill(session, now=now, policy=policy)
    await cards.touch_homes(session)
    return partner


def why_no_name(name: str, known: Collection[str]) -> str:
    """Why a partner cannot be called this; empty when it can. `known` are the keys of those there are."""
    if not key(name):
        return "Name the company."
    if len(name) > LONGEST:
        return f"Use at most {LONGEST} characters: a short name is what people type."
    if ";" in name:
        return "A semicolon separates the partners of a deal in a file. Leave it out of the name."
    if key(name) in known:
        return f"{clip(name, _SAID)} is there already. Press “Change…” beside it to give it another tier or manager."
    return ""


def alike(name: str, names: Collection[str]) -> list[str]:
    """Those of `names` that may well be the same company: one is the beginning of the other, or a letter differs."""
    wanted = key(name)
    found = near(name, names, most=MOST_NAMED)
    found += [other for other in names if wanted.startswith(f"{key(other)} ")]
    return [other for other in dict.fromkeys(found) if _alike(wanted, key(other))][:MOST_NAMED]


def _alike(one: str, other: str) -> bool:
    short, long_ = sorted((one, other), key=len)
    if long_.startswith(f"{short} ") or short.replace(" ", "").replace("-", "") == long_.replace(" ", "").replace(
        "-", ""
    ):
        return True
    return len(short) > _TOO_SHORT and _differ(short, long_) == 1


_TOO_SHORT = 4
"""Names of so few letters differ by one letter and are different companies."""


def _differ(short: str, long_: str) -> int:
    """1 when one letter more, less or other makes the two the same; 2 for anything else."""
    if len(long_) - len(short) > 1:
        return 2
    place = next((n for n, (a, b) in enumerate(zip(short, long_, strict=False)) if a != b), len(short))
    rest = short[place + 1 :] if len(short) == len(long_) else short[place:]
    return 1 if rest == long_[place + 1 :] else 2


def _why_not(tier: int, archetype: str, pm: Person | None) -> dict[str, str]:
    errors: dict[str, str] = {}
    if tier not in TIERS:
        errors["tier"] = "Choose Tier 1, 2 or 3."
    if archetype and archetype not in ARCHETYPES:
        errors["archetype"] = f"Use one of: {', '.join(ARCHETYPES)}."
    refusal = people.why_no_owner(pm)
    if refusal:
        errors["manager"] = refusal
    return errors


def note_partner(session: AsyncSession, partner: Partner, name: str, before: Any, after: Any, *, by: Person,
                 now: datetime) -> None:  # fmt: skip
    changes.note(session, "partner", partner.id, name, before, after, by_id=by.id, source=SOURCE, at=now)


async def change_partner(
    session: AsyncSession,
    actor: Person,
    partner_id: int,
    *,
    tier: int,
    archetype: str,
    pm: Person | None,
    now: datetime,
    policy: Policy,
) -> Partner:
    """Set tier and archetype, and name the first manager. A later one is named by `managers.name_manager`.

    A change of tier starts next week; while the partner is new and unplanned, at once. Raises NotAllowed, FieldErrors,
    UserError.
    """
    require(may(people.as_actor(actor), Act.ADD_PARTNER, Subject()))
    await hold(session, now=now)
    await cadences.hold_calendar(session, now=now)
    await cadences.ensure_standing(session, now=now, policy=policy)  # this week's tiers first, then a new one
    partner = await session.scalar(select(Partner).where(Partner.id == partner_id).with_for_update())
    if partner is None:
        raise UserError("This partner is not there any more. Open the list of partners again.")
    errors = {name: words for name, words in _why_not(tier, archetype, pm).items() if pm or name != "manager"}
    if errors:
        raise FieldErrors(errors)
    if partner.archetype != archetype:
        note_partner(session, partner, "archetype", partner.archetype, archetype, by=actor, now=now)
        partner.archetype = archetype
    if partner.pm_id is None and pm is not None:  # nothing is handed over: a review needs a manager to run
        note_partner(session, partner, "pm_id", None, pm.id, by=actor, now=now)
        partner.pm_id = pm.id
    if partner.tier != tier:
        note_partner(session, partner, "tier", partner.tier, tier, by=actor, now=now)
        partner.tier = tier
        if await _is_new(session, partner, now=now, policy=policy):
            partner.tier_now = partner.tier_week = None
    await session.flush()
    await cadences.ensure_standing(session, now=now, policy=policy)
    await cadences.fill(session, now=now, policy=policy)
    await cards.touch_everything(session)
    return partner


async def manage_the_rest(session: AsyncSession, actor: Person, pm: Person, *, now: datetime, policy: Policy) -> int:
    """Make somebody the manager of every partner that has none; how many. Raises NotAllowed."""
    require(may(people.as_actor(actor), Act.ADD_PARTNER, Subject()))
    await hold(session, now=now)
    await cadences.hold_calendar(session, now=now)
    rows = list(await session.scalars(select(Partner).where(Partner.pm_id.is_(None)).order_by(Partner.id)))
    for partner in rows:
        note_partner(session, partner, "pm_id", None, pm.id, by=actor, now=now)
        partner.pm_id = pm.id
    await session.flush()
    await cadences.ensure_standing(session, now=now, policy=policy)
    await cadences.fill(session, now=now, policy=policy)
    await cards.touch_everything(session)
    return len(rows)


async def _is_new(session: AsyncSession, partner: Partner, *, now: datetime, policy: Policy) -> bool:
    """Made this week, by the company's clock, and never reviewed: its tier is still being set up, not changed."""
    clocks = zone(policy.zone)
    today = local_date(now, clocks)
    if local_date(partner.created_at, clocks) < today - timedelta(days=today.weekday()):
        return False
    planned = select(Cadence.id).where(Cadence.kind == Kind.WEEKLY_REVIEW, Cadence.partner_id == partner.id)
    return await session.scalar(planned.limit(1)) is None


async def breaches(session: AsyncSession, policy: Policy) -> list[str]:
    """Who manages more Tier 1 partners than one person can give weekly attention to, a sentence each."""
    counts = await cadences.tier1_counts(session)
    over = {
        pm_id: sentence for pm_id, number in counts.items() if (sentence := cadences.ceiling_breach(number, policy))
    }
    if not over:
        return []
    rows = await session.execute(select(Person.id, Person.name).where(Person.id.in_(over)).order_by(Person.name))
    return [f"{clip(name, _SAID)}: {over[person_id]}" for person_id, name in rows]


def ceiling_words(policy: Policy) -> str:
    """What Tier 1 means, where the tier is chosen."""
    most = policy.tier1_ceiling
    usual = "4 to 6" if most == _USUAL_CEILING else f"up to {most}"
    return (
        f"Tier 1 gets a weekly review: {usual} for each partner manager. More than {most} is a breach that Cadence names. "
        "Start with one. The others are asked about their deals without a meeting."
    )


_USUAL_CEILING = 6
