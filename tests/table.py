"""The quarter's table in tests: rows turned on, the calendar filled, and what came of it in a few words."""

from collections import Counter, defaultdict
from datetime import datetime, time, timedelta

from hypothesis import HealthCheck, Phase, settings
from sqlalchemy import select

from models import crews, meetings
from models.domain.meetings import BUILT_IN, Spec
from models.domain.rules import WeeklyRule
from models.tables import Cadence, MeetingKind, Occurrence, Step
from scheduling.plan import materialise
from tests import make
from tests.make import NOW, POLICY

SPECS = {spec.key: spec for spec in BUILT_IN}
LEADERS = ("head", "cro", "cfo", "ceo")


def examples(number):
    """So many generated companies in one database: each is made in a transaction that is thrown away.

    A failing one is not made smaller: planning a quarter again and again would take minutes.
    """
    checks = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    return settings(max_examples=number, suppress_health_check=checks, phases=[Phase.explicit, Phase.generate])


async def plan(session, *, now=NOW, policy=POLICY):
    await materialise(session, now=now, policy=policy)


async def turn(session, *keys, on=True, by=None, now=NOW, policy=POLICY):
    """Turn rows on (or off), and plan."""
    for key in keys:
        await meetings.turn(session, key, on=on, by=by, now=now, policy=policy)
    await plan(session, now=now, policy=policy)


async def save(session, spec, *, by=None, now=NOW, policy=POLICY):
    """Change a row or add one, and plan."""
    row = await meetings.save(session, spec, by=by, now=now, policy=policy)
    await plan(session, now=now, policy=policy)
    return row


def own(key="enablement", **more):
    """A row of one's own that fits the table: a weekly meeting of the company."""
    return Spec(**{
        "key": key, "name": "Partner enablement", "rule": WeeklyRule(weekday=1), "at": time(15), "minutes": 45,
        "people": ("pm", "head"), "channel": "enablement", "agenda": ("Certifications",), **more,
    })  # fmt: skip


async def row(session, key):
    return (await session.scalars(select(MeetingKind).where(MeetingKind.key == key))).one()


async def series(session, key, of=None):
    """The cadence of a row: the company's, or a partner's."""
    query = select(Cadence).where(Cadence.kind == key)
    query = query.where(Cadence.partner_id == of.id) if of is not None else query
    return (await session.scalars(query)).one()


async def held(session, cadence):
    """Its meetings, by slot."""
    rows = await session.scalars(
        select(Occurrence).where(Occurrence.cadence_id == cadence.id).order_by(Occurrence.nominal_day, Occurrence.id)
    )
    return {found.slot: found for found in rows}


async def steps(session, found, kind=None):
    """The steps of a meeting by kind and recipient."""
    query = select(Step).where(Step.occurrence_id == found.id)
    query = query if kind is None else query.where(Step.kind == kind)
    return {(step.kind, step.recipient): step for step in await session.scalars(query)}


async def by_person(session):
    """Every meeting with a length, by whose it is, in order."""
    crew = await crews.crew(session)
    found = defaultdict(list)
    rows = await session.execute(
        select(Occurrence, Cadence)
        .join(Cadence, Cadence.id == Occurrence.cadence_id)
        .where(Occurrence.ends_at > Occurrence.starts_at)
        .order_by(Occurrence.starts_at, Occurrence.id)
    )
    for occurrence, cadence in rows:
        for person_id in crew.people(cadence):
            found[person_id].append((occurrence, cadence))
    return found


def overlaps(meetings_):
    """The pairs of one person's meetings that go on at the same time."""
    ahead = [occurrence for occurrence, _ in meetings_]
    return [
        (one, other)
        for place, one in enumerate(ahead)
        for other in ahead[place + 1 :]
        if one.starts_at < other.ends_at and other.starts_at < one.ends_at
    ]


def a_day(meetings_, kind):
    """How many meetings of a kind a person has on each day."""
    return Counter(occurrence.day for occurrence, cadence in meetings_ if cadence.kind == kind)


async def leaders(session):
    return {role: await make.person(session, f"{role.title()} Lead", role) for role in LEADERS}


async def company(session, tier1=2, others=0, *, managers=1, zones=("Europe/London",), now=NOW):
    """Leaders, managers and partners; the partners go to the managers in turn. No reviews."""
    chiefs = await leaders(session)
    pms = [
        await make.person(session, f"Pm{number} Manager", "pm", zone=zones[number % len(zones)], created_at=now)
        for number in range(managers)
    ]
    partners = [
        await make.partner(session, f"Partner {number}", pms[number % managers], tier=1 if number < tier1 else 2,
                           created_at=now)
        for number in range(tier1 + others)
    ]  # fmt: skip
    return chiefs, pms, partners


def at(day, hour=0, minute=0, *, month=3, year=2026):
    return datetime(year, month, day, hour, minute, tzinfo=make.UTC)


def days(number):
    return timedelta(days=number)
