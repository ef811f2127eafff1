"""Row builders that every room of tests shares: a person, a partner, a deal, a review, in a few words."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import event, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import cadences
from models.answers import Fields, Given, present_fields
from models.db import Database
from models.deals import PRESENT
from models.domain.policy import Policy
from models.domain.text import key
from models.people import Directory
from models.reviews import DealView
from models.tables import (
    Base,
    Cadence,
    ChannelState,
    Counterpart,
    Deal,
    DealPartner,
    DealVersion,
    JointDeal,
    NextAction,
    Occurrence,
    Partner,
    Person,
    PersonRole,
)

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)  # a Monday, week 2026-W10, before any clock changes
TODAY = NOW.date()
POLICY = Policy(zone="Europe/London", leadership_channel="leadership")
HOSTILE = {
    "channel mention": "<!channel> and @here",
    "person mention": "<@U1> <#C1> <https://evil.example|click>",
    "formats": "*bold* _it_ ~gone~ `code`",
    "right to left": "\u202eשלום עולם مرحبا\u202c",
    "3000 characters": "x" * 3000,
    "3000 ampersands": "&" * 3000,
    "emoji": "👩‍👩‍👧‍👦🏳️‍🌈" * 200,
    "lines": "one\ntwo\r\nthree\x00\x07",
    "braces": "{{ facts }} {% raw %} {0}",
}


async def tables(db: Database) -> None:
    """Every table, empty."""
    async with db.writer.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)


async def person(session: AsyncSession, name: str = "Ann", *roles: str, **more: Any) -> Person:
    """One of ours unless `side` says otherwise; reachable in Slack as U<NAME>."""
    plain = name.split(maxsplit=1)[0].upper()
    made = Person(
        **{
            "name": name, "email": f"{plain.lower()}@home.example", "slack_id": f"U{plain}", "side": "ours",
            "slack_team_id": "T1", "created_at": NOW, **more,
        }
    )  # fmt: skip
    made.roles = [PersonRole(role=role) for role in roles]
    session.add(made)
    await session.flush()
    return made


async def partner(session: AsyncSession, name: str = "Acme", pm: Person | None = None, **more: Any) -> Partner:
    """A Tier 1 partner with an internal channel."""
    made = Partner(
        **{
            "name": name, "key": key(name), "tier": 1, "pm_id": pm.id if pm else None,
            "internal_channel": f"p-{key(name)}", "created_at": NOW, **more,
        }
    )  # fmt: skip
    session.add(made)
    await session.flush()
    return made


async def deal(
    session: AsyncSession, name: str, of: Partner | None, owner: Person | None, *, crm: bool = True,
    seen: datetime = NOW, moved: datetime | None = None, **more: Any,
) -> Deal:  # fmt: skip
    """An open deal with its current version and its primary link."""
    made = Deal(crm_id=f"D-{name}" if crm else None, first_seen_at=seen, moved_at=moved)
    session.add(made)
    await session.flush()
    values = {
        "name": name, "account": f"{name} Ltd", "partner_id": of.id if of else None,
        "owner_id": owner.id if owner else None, "stage": "Qualification", "category": "pipeline",
        "amount": 1_000_000, "currency": "USD", "close_date": date(2026, 3, 30), **more,
    }  # fmt: skip
    version = DealVersion(deal_id=made.id, valid_from=seen, reported_at=seen, source="import", **values)
    session.add(version)
    await session.flush()
    made.version_id = version.id
    if of is not None:
        session.add(DealPartner(deal_id=made.id, partner_id=of.id, valid_from=seen))
    await session.flush()
    return made


async def action(
    session: AsyncSession,
    of: Deal,
    owner: Person,
    text: str = "send pricing",
    due: date = date(2026, 3, 12),
    **more: Any,
) -> NextAction:
    made = NextAction(deal_id=of.id, text=text, owner_id=owner.id, due=due, opened_at=NOW, **more)
    session.add(made)
    await session.flush()
    return made


async def review(
    session: AsyncSession, of: Partner, *, weekday: int = 3, at: time = time(10), now: datetime = NOW,
    policy: Policy = POLICY, by: Person | None = None, minutes: int = 30,
) -> Cadence:  # fmt: skip
    """The weekly review of a partner, set up the way people do it."""
    return await cadences.set_up_review(
        session, of, weekday=weekday, at=at, minutes=minutes, by=by, now=now, policy=policy
    )


async def occurrence(session: AsyncSession, cadence: Cadence, slot: str = "2026-W10") -> Occurrence:
    found = await session.scalars(
        select(Occurrence).where(Occurrence.cadence_id == cadence.id, Occurrence.slot == slot)
    )
    return found.one()


@dataclass
class Small:
    """One partner manager, two sellers, a head; Acme with its Thursday review; deals by name."""

    pm: Person
    ann: Person
    bob: Person
    head: Person
    acme: Partner
    cadence: Cadence
    week: Occurrence
    deals: dict[str, Deal] = field(default_factory=dict)


async def small(session: AsyncSession, *, deals: int = 2, policy: Policy = POLICY, crm: bool = True) -> Small:
    pm = await person(session, "Pat Manager", "pm")
    ann, bob = await person(session, "Ann Seller", "ae"), await person(session, "Bob Seller", "ae")
    head = await person(session, "Hedda Lead", "head")
    acme = await partner(session, "Acme", pm)
    cadence = await review(session, acme, policy=policy)
    made = Small(pm, ann, bob, head, acme, cadence, await occurrence(session, cadence))
    for number in range(deals):
        name = f"Deal {number}"
        made.deals[name] = await deal(session, name, acme, ann if number % 2 == 0 else bob, crm=crm)
    return made


async def current(session: AsyncSession, of: Deal) -> DealVersion:
    """The version that stands; a deal without one is an error."""
    found = await session.scalars(select(DealVersion).join(Deal, PRESENT).where(Deal.id == of.id))
    return found.one()


async def open_action(session: AsyncSession, of: Deal) -> NextAction | None:
    found = await session.scalars(select(NextAction).where(NextAction.deal_id == of.id, NextAction.state == "open"))
    return found.one_or_none()


async def shown(session: AsyncSession, of: Deal, week: Occurrence) -> Given:
    """What a form of this deal shows now, submitted unchanged."""
    act = await open_action(session, of)
    fields = present_fields(of, await current(session, of), act)
    return Given(week.id, of.id, fields, fields.prints(), action_id=act.id if act else None)


def typed(given: Given, *, outcome: str | None = None, drop_reason: str = "", **changes: Any) -> Given:
    """The same form with other words in some fields."""
    fields = Fields(**given.fields.model_dump() | changes)
    return Given(
        given.occurrence_id, given.deal_id, fields, given.shown, given.action_id, outcome or given.outcome, drop_reason
    )


@contextmanager
def counting(db: Database) -> Iterator[list[str]]:
    """The SQL statements sent inside the block, on both engines."""
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        found.append(statement)

    engines = {db.writer.sync_engine, db.reader.sync_engine}
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    """A database with every table, closed at the end."""
    db = Database(url)
    try:
        await tables(db)
        yield db
    finally:
        await db.close()


# What block builders are given, without a database.


def a_person(number: int = 1, name: str = "Ann Seller", *roles: str, **more: Any) -> Person:
    made = Person(**{
        "id": number, "name": name, "side": "ours", "active": True, "guest": False, "zone": "Europe/London",
        "slack_id": f"U{number:05d}", "email": f"u{number}@home.example", "calendar": "", "created_at": NOW, **more,
    })  # fmt: skip
    made.roles = [PersonRole(person_id=number, role=role) for role in roles]
    return made


def a_partner(number: int = 1, name: str = "Acme", **more: Any) -> Partner:
    return Partner(**{"id": number, "name": name, "key": key(name), "tier": 1, "pm_id": 1, "created_at": NOW,
                      "internal_channel": "p-acme", **more})  # fmt: skip


def a_week(number: int = 1, **more: Any) -> Occurrence:
    starts = datetime(2026, 3, 5, 10, tzinfo=UTC)
    return Occurrence(**{
        "id": number, "cadence_id": number, "slot": "2026-W10", "nominal_day": starts.date(), "day": starts.date(),
        "starts_at": starts, "ends_at": starts + timedelta(minutes=30), "state": "prompted", "moved_reason": "",
        "skip_side": "", "skip_reason": "", **more,
    })  # fmt: skip


def a_cadence(number: int = 1, **more: Any) -> Cadence:
    return Cadence(**{
        "id": number, "kind": "weekly_review", "partner_id": number, "pm_id": 1, "rule": cadences.weekly(3),
        "at": time(10), "zone": "Europe/London", "minutes": 30, "state": "active", "starts_on": TODAY,
        "created_at": NOW, **more,
    })  # fmt: skip


def a_view(
    number: int = 1, *, words: str = "", text: str = "send pricing", due: date | None = date(2026, 3, 12),
    owner: int = 1, action_owner: int = 1, of: Partner | None = None, days: int = 3, crm: bool = True, **more: Any,
) -> DealView:  # fmt: skip
    """A deal as builders see it; `words` stands in every free text, `due` None means no next action."""
    version = DealVersion(**{
        "id": number, "deal_id": number, "valid_from": NOW, "reported_at": NOW, "source": "import",
        "name": words or f"Deal {number}", "account": words or f"Account {number}", "partner_id": of.id if of else None,
        "owner_id": owner, "stage": words or "Qualification", "category": "pipeline", "amount": 1_000_000 * number,
        "currency": "USD", "close_date": date(2026, 3, 30), "next_step": words, "attribution": "", "said": {},
        "movement": "none", "moves": [], **more,
    })  # fmt: skip
    act = None if due is None else NextAction(
        id=number, deal_id=number, text=words or text, owner_id=action_owner, due=due, state="open", revision=1,
        shared_text="", opened_at=NOW,
    )  # fmt: skip
    held = Deal(id=number, crm_id=f"D-{number}" if crm else None, first_seen_at=NOW, joint=bool(words), moved_at=None,
                amount_shared=False, partner_owner=words, help_needed=words)  # fmt: skip
    return DealView(held, version, of, act, days, days >= 14, TODAY)


def a_book(*people: Person) -> Directory:
    return Directory({one.id: one for one in people})


async def joint(session: AsyncSession, of: Deal, partner: Partner, **more: Any) -> JointDeal:
    """A mark that stands: the partner sees this deal, without its amount unless `amount_shared` says so."""
    made = JointDeal(**{"deal_id": of.id, "partner_id": partner.id, "valid_from": NOW, "amount_shared": False, **more})
    session.add(made)
    of.joint, of.amount_shared = True, of.amount_shared or made.amount_shared
    await session.flush()
    return made


async def counterpart(session: AsyncSession, of: Partner, name: str = "Cora Counterpart", **more: Any) -> Person:
    """Somebody who was confirmed for a partner: of the workspace T2, unless `slack_team_id` says otherwise."""
    made = await person(session, name, **{"side": "theirs", "partner_id": of.id, "slack_team_id": "T2", **more})
    session.add(Counterpart(
        partner_id=of.id, slack_id=made.slack_id, slack_team_id=made.slack_team_id, name=name, person_id=made.id,
        state="confirmed", how="clicked", proposed_at=NOW, decided_at=NOW,
    ))  # fmt: skip
    await session.flush()
    return made


async def joint_channel(session: AsyncSession, of: Partner, *, approved: bool = True, team: str = "T2") -> ChannelState:
    """A channel shared with the partner's workspace, in which somebody of ours has let Cadence post."""
    made = ChannelState(
        slack_id=f"C{of.key.upper()}", name=f"joint-{of.key}", is_member=True, is_shared=True, is_ext_shared=True,
        connected=[team], checked_at=NOW,
    )  # fmt: skip
    session.add(made)
    of.joint_channel = f"joint-{of.key}"
    of.joint_approved, of.joint_teams = (of.joint_channel, [team]) if approved else ("", [])
    await session.flush()
    return made
