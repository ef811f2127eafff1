"""What `cadence doctor` and `/cadence` find out about the installation: findings, and those that the database gives.

A finding says what is so and, unless it is good, how to mend it. *Wrong* is what stops somebody from being asked or told;
*look* is what goes on some other way meanwhile. Reads only, in a constant number of statements.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import imports, notes
from models.cadences import Kind
from models.deals import PRESENT
from models.domain.deals import OPEN
from models.domain.policy import Policy
from models.domain.text import clip, count
from models.domain.zones import local_date, zone
from models.tables import Cadence, CrmRecord, Deal, DealVersion, Outbox, Partner, Person

NAMED = 5
LONGEST_NAME = 60
LONGEST_REASON = 200
RECENT = timedelta(days=14)


class Severity(StrEnum):
    """How bad it is, worst first."""

    WRONG = "wrong"
    LOOK = "look"
    GOOD = "good"


class Check(StrEnum):
    """What is examined, in the order in which it is told."""

    SETTINGS = "settings"
    DATABASE = "database"
    SCHEMA = "schema"
    TOKEN = "token"  # noqa: S105 - the name of a check
    SCOPES = "scopes"
    DELIVERY = "delivery"
    CLOCK = "clock"
    CHANNELS = "channels"
    PEOPLE = "people"
    PARTNERS = "partners"
    REVIEWS = "reviews"
    DEALS = "deals"
    CRM = "crm"
    MESSAGES = "messages"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at, in a sentence; `mend` says what to do, and is empty only where all is well."""

    what: str
    mend: str
    severity: Severity
    check: Check


def wrong(check: Check, what: str, mend: str) -> Finding:
    return Finding(what, mend, Severity.WRONG, check)


def look(check: Check, what: str, mend: str) -> Finding:
    return Finding(what, mend, Severity.LOOK, check)


def good(check: Check, what: str) -> Finding:
    return Finding(what, "", Severity.GOOD, check)


def ordered(findings: Iterable[Finding]) -> list[Finding]:
    """By what was examined, the worst first."""
    checks, severities = list(Check), list(Severity)
    return sorted(findings, key=lambda one: (checks.index(one.check), severities.index(one.severity)))


async def records(session: AsyncSession, *, now: datetime, policy: Policy) -> list[Finding]:
    """What the rows say of people, partners, reviews, deals, the CRM file and messages that did not go out."""
    return [
        *await _people(session),
        *await _partners(session),
        *await _deals(session),
        *await _crm(session, now, policy),
        *await _messages(session, now),
    ]


@dataclass(frozen=True)
class Place:
    """An internal channel that is written to: an id or a name, and whose it is."""

    ref: str
    whose: tuple[str, ...]


async def internal_channels(session: AsyncSession, policy: Policy) -> list[Place]:
    """Where internal posts go: leadership's channel first, then each partner's; a shared one once."""
    found: dict[str, list[str]] = {}
    if policy.leadership_channel:
        found[policy.leadership_channel.removeprefix("#")] = ["leadership"]
    rows = await session.execute(
        select(Partner.internal_channel, Partner.name).where(Partner.internal_channel != "").order_by(Partner.name)
    )
    for ref, name in rows:
        found.setdefault(ref.removeprefix("#"), []).append(name)
    return [Place(ref, tuple(whose)) for ref, whose in found.items()]


def listed(names: Collection[str], *, most: int = LONGEST_NAME) -> str:
    """Up to five names, each of at most `most` characters; the rest are counted."""
    shown = ", ".join(clip(name, most) for name in list(names)[:NAMED])
    return shown + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")


def _open() -> ColumnElement[bool]:
    return DealVersion.category.in_(OPEN)


async def _people(session: AsyncSession) -> list[Finding]:
    rows = list(
        await session.execute(
            select(Person.id, Person.name, Person.slack_id)
            .where(Person.side == "ours", Person.active.is_(True))
            .order_by(Person.name)
        )
    )
    if not rows:
        return [
            look(
                Check.PEOPLE,
                "Nobody is known yet.",
                "Add your people in /cadence start, or import them: cadence import people.csv --people",
            )
        ]
    if all(slack_id is None for _, _, slack_id in rows):
        return [
            look(Check.PEOPLE, f"None of {count(len(rows), 'person', 'people')} has been looked up in Slack yet.",
                 "Start the bot once (cadence run): it matches people by e-mail when it starts.")
        ]  # fmt: skip
    missing = [(person_id, name) for person_id, name, slack_id in rows if slack_id is None]
    if not missing:
        return [
            good(Check.PEOPLE, f"Everybody of ours can be reached in Slack: {count(len(rows), 'person', 'people')}.")
        ]
    wanted = await _wanted(session)
    mend = (
        "Give each in the people file the e-mail address they use in Slack, or their slack_id, and import it again: "
        "cadence import people.csv --people"
    )
    found = []
    for asked, words in ((True, "will be asked nothing, though deals or partners wait for them"), (False, "")):
        names = [name for person_id, name in missing if (person_id in wanted) is asked]
        if names:
            what = f"{count(len(names), 'person is', 'people are')} not in Slack"
            what += f" and {words}: {listed(names)}." if words else f": {listed(names)}."
            found.append((wrong if asked else look)(Check.PEOPLE, what, mend))
    return found


async def _wanted(session: AsyncSession) -> set[int]:
    """Who owns an open deal or manages a partner."""
    owners = await session.scalars(
        select(DealVersion.owner_id).join(Deal, PRESENT).where(_open(), DealVersion.owner_id.is_not(None)).distinct()
    )
    managers = await session.scalars(select(Partner.pm_id).where(Partner.pm_id.is_not(None)).distinct())
    return {person_id for person_id in (*owners, *managers) if person_id is not None}


async def _partners(session: AsyncSession) -> list[Finding]:
    rows = list(
        await session.execute(
            select(
                Partner.id,
                Partner.name,
                Partner.tier,
                Partner.internal_channel,
                Person.name,
                Person.active,
                Person.side,
            )
            .outerjoin(Person, Person.id == Partner.pm_id)
            .order_by(Partner.tier, Partner.name)
        )
    )
    if not rows:
        mend = "Add your partners in /cadence start, or import them: cadence import partners.csv --partners"
        return [look(Check.PARTNERS, "No partner is known yet.", mend)]
    found = []
    lead = "Name one in /cadence start, or as pm_email in the partners file: cadence import partners.csv --partners"
    gone = [(name, tier) for _, name, tier, _, _, active, side in rows if not active or side != "ours"]
    for first in (True, False):
        names = [name for name, tier in gone if (tier == 1) is first]
        if names:
            what = (
                f"{count(len(names), 'Tier 1 partner' if first else 'partner')} without a partner manager who is here"
            )
            what += ", so that no review can run" if first else ""
            found.append((wrong if first else look)(Check.PARTNERS, f"{what}: {listed(names)}.", lead))
    bare = [name for _, name, tier, channel, *_ in rows if tier == 1 and not channel]
    if bare:
        found.append(
            look(Check.PARTNERS, f"{count(len(bare), 'Tier 1 partner')} without an internal channel: {listed(bare)}. Agenda "
                 "and note go to the partner manager alone.", "Choose or make one in /cadence start, or name its internal_channel "
                 "in the partners file: cadence import partners.csv --partners")
        )  # fmt: skip
    kept = {partner_id: name for partner_id, name, tier, *rest in rows if tier == 1 and rest[2] and rest[3] == "ours"}
    return [
        *(found or [good(Check.PARTNERS, f"Every partner has a partner manager: {count(len(rows), 'partner')}.")]),
        *await _reviews(session, kept),
    ]


async def _reviews(session: AsyncSession, partners: dict[int, str]) -> list[Finding]:
    """Whether the weekly reviews of these Tier 1 partners run."""
    rows = await session.execute(
        select(Cadence.partner_id, Cadence.state).where(
            Cadence.kind == Kind.WEEKLY_REVIEW, Cadence.state.in_(("active", "paused"))
        )
    )
    states: dict[str, set[int | None]] = {"active": set(), "paused": set()}
    for partner_id, state in rows:
        states[state].add(partner_id)
    idle = {partner_id: name for partner_id, name in partners.items() if partner_id not in states["active"]}
    if not idle:
        return (
            [good(Check.REVIEWS, f"Every Tier 1 partner has a weekly review: {count(len(partners), 'partner')}.")]
            if partners
            else []
        )
    mend = "In Slack: /cadence setup"
    found = []
    for paused, words in ((False, "not set up"), (True, "paused")):
        names = [name for partner_id, name in idle.items() if (partner_id in states["paused"]) is paused]
        if names:
            what = f"{count(len(names), 'weekly review is', 'weekly reviews are')} {words}: {listed(names)}."
            found.append(look(Check.REVIEWS, what, mend))
    return found


async def _deals(session: AsyncSession) -> list[Finding]:
    unowned = list(
        await session.execute(
            select(DealVersion.name, func.count().over())
            .join(Deal, PRESENT)
            .where(_open(), DealVersion.owner_id.is_(None))
            .order_by(DealVersion.amount.desc().nulls_last(), DealVersion.name)
            .limit(NAMED)
        )
    )
    orphaned = list(
        await session.execute(
            select(Person.name, Person.active, func.count())
            .select_from(DealVersion)
            .join(Deal, PRESENT)
            .join(Person, Person.id == DealVersion.owner_id)
            .where(_open(), (Person.active.is_(False)) | (Person.side != "ours"))
            .group_by(Person.id, Person.name, Person.active)
            .order_by(func.count().desc(), Person.name)
        )
    )
    mend = "Hand them over in /cadence, or name an owner in the CRM and import again; until then the manager is asked."
    found = await _unknown_owners(session)
    if unowned:
        number = unowned[0][1]
        names = ", ".join(clip(name, LONGEST_NAME) for name, _ in unowned)
        rest = f" and {number - NAMED} more" if number > NAMED else ""
        what = f"{count(number, 'open deal has', 'open deals have')} no owner: {names}{rest}."
        found.append(look(Check.DEALS, what, mend))
    if orphaned:
        number = sum(deals for _, _, deals in orphaned)
        who = listed([
            f"{clip(name, LONGEST_NAME)} ({'not one of ours' if active else 'has left'}, {count(deals, 'deal')})"
            for name, active, deals in orphaned
        ], most=2 * LONGEST_NAME)  # fmt: skip
        what = f"{count(number, 'open deal belongs', 'open deals belong')} to somebody who cannot answer: {who}."
        found.append(look(Check.DEALS, what, mend))
    return found or [good(Check.DEALS, "Every open deal has an owner who can answer.")]


async def _unknown_owners(session: AsyncSession) -> list[Finding]:
    rows = list(
        await session.execute(
            select(CrmRecord.owner_said, func.count())
            .where(CrmRecord.owner_said != "")
            .group_by(CrmRecord.owner_said)
            .order_by(func.count().desc(), CrmRecord.owner_said)
        )
    )
    if not rows:
        return []
    who = listed([f"“{clip(said, LONGEST_NAME)}” ({count(deals, 'deal')})" for said, deals in rows], most=90)
    what = f"{count(len(rows), 'owner', 'owners')} in the CRM's file {'is' if len(rows) == 1 else 'are'} nobody here: {who}."
    return [look(Check.DEALS, what, "Say who they are, in /cadence or with cadence owners: no file is imported again.")]


async def _crm(session: AsyncSession, now: datetime, policy: Policy) -> list[Finding]:
    if not policy.crm_is_truth:
        return [good(Check.CRM, "What people say in Slack is the truth: no CRM file is expected.")]
    as_of = await imports.crm_as_of(session)
    mend = "Drop the CRM's newest export into the direct messages with Cadence, or: cadence import deals.csv"
    if as_of is None:
        return [look(Check.CRM, "No deals have been imported yet.", mend)]
    when = local_date(as_of, zone(policy.zone)).isoformat()
    if notes.is_stale(as_of, now, policy):
        days = policy.crm_stale_days
        return [look(Check.CRM, f"The newest CRM file is of {when}, more than {count(days, 'working day')} old.", mend)]
    return [good(Check.CRM, f"The newest CRM file is of {when}.")]


_STATES = {
    "held": (
        "held back",
        "Decide about each: it stands in the direct messages of whoever was asked, and on their Home tab.",
    ),
    "failed": ("not sent", "Mend what the reason says; what comes next will be sent."),
    "undetermined": ("perhaps not sent", "Look in the channel whether it stands there before you post it by hand."),
}


async def _messages(session: AsyncSession, now: datetime) -> list[Finding]:
    rows = list(
        await session.execute(
            select(Outbox.state, Outbox.problem, func.count())
            .where(
                Outbox.state.in_(_STATES),
                or_(Outbox.state == "held", Outbox.created_at > now - RECENT),  # what is held is never forgotten
                Outbox.template != "report",
            )
            .group_by(Outbox.state, Outbox.problem)
            .order_by(func.count().desc(), Outbox.problem)
        )
    )
    if not rows:
        return [good(Check.MESSAGES, "Every message of the last two weeks was sent.")]
    found = []
    for state, (words, mend) in _STATES.items():
        reasons = [(problem, number) for kept, problem, number in rows if kept == state]
        if reasons:
            number = sum(times for _, times in reasons)
            why = "; ".join(
                f"{clip(problem.rstrip('.'), LONGEST_REASON)} ({times})" for problem, times in reasons[:NAMED]
            )
            why += f"; and {count(len(reasons) - NAMED, 'other reason')}" if len(reasons) > NAMED else ""
            since = "in the last two weeks"
            if state == "held":
                since = "and waits" if number == 1 else "and wait"
            what = f"{count(number, 'message was', 'messages were')} {words} {since}: {why}."
            found.append(look(Check.MESSAGES, what, mend))
    return found
