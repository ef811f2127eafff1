"""The demo company in the last hours of its quarter's first week, as a database to copy: everything is there to be decided."""

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot import trying
from bot.clock import Clock
from bot.demo.build import Company
from bot.drafts import Drafts
from bot.fetch import Slack
from handlers.kit.slack_users import slack_user
from models import closing, drafts, notes, outbox, people
from models.cadences import Side, State
from models.closing import Closing
from models.db import Database
from models.domain.policy import Policy
from models.drafts import Dropped
from models.forecast import publishing
from models.joint import desk
from models.outbox import Owed
from models.pbr import facts as pbr
from models.tables import (
    Absence,
    Cadence,
    ChannelGuest,
    ChannelState,
    Counterpart,
    CrmRecord,
    Deal,
    DealMatch,
    DealVersion,
    ImportDraft,
    ImportRun,
    JointDeal,
    NextAction,
    Occurrence,
    Outbox,
    Partner,
    Person,
    PersonRole,
    ReplyProposal,
)
from scheduling.plan import materialise
from scheduling.tick import tick
from tests.boundary.slack import Json, listening
from tests.world import MANIFEST

TEAM, ELSEWHERE = "T0CADENCE", "T0ELSEWHR"
NED, STRANGER, GUEST = "U0000NED0", "U90000004", "U90000001"
"""One of ours who answers for nothing; somebody of a company that is nobody's partner; a guest of our workspace."""
NOW = datetime(2026, 4, 17, 16, tzinfo=UTC)
"""The Friday of the week, after its note."""
HOURS = (26, 50, 74, 98, 104)
"""When the clock ticks, from Monday morning on."""
DEALS = "crm_id,name,partner,owner_email,stage,category,amount,currency,close_date\nX-1,Dropped deal,{},{},Qualification,pipeline,100,USD,2026-06-30\n"


def demo() -> tuple[Company, datetime]:
    """The company with every meeting on, and its Monday morning."""
    options = trying.Trying(
        port=0, no_bot=True, bot_url="", http=True, keep=None, seed=1, manifest=MANIFEST, quarter=True
    )
    company = trying.make_company(trying.first_day_of(options, date(2026, 3, 2)), 1)
    return company, trying.starts_at(company)


def users_of(company: Company) -> list[Json]:
    """The seed's users as Slack's directory shows them, and Ned."""
    ned = {"id": NED, "name": "ned", "real_name": "Ned Newcomer", "email": "ned@home.example", "team_id": TEAM}
    return [
        {**user, "profile": {"email": user["email"], "real_name": user["real_name"]}}
        for user in (*company.workspace["users"], ned)
    ]


async def prepare(path: Path) -> None:
    """Make the database: the company known in Slack, its week played by the clock alone, and one of everything."""
    company, start = demo()
    await trying.prepare(f"sqlite:///{path}", company, quarter=True)
    db, policy = Database(f"sqlite:///{path}"), trying.policy_of(company)
    try:
        async with db.write() as session:
            session.add(Person(
                name="Ned Newcomer", email="ned@home.example", side="ours", slack_id=NED, slack_team_id=TEAM,
                zone="Europe/London", created_at=start, roles=[PersonRole(role="ae")],
            ))  # fmt: skip
            await session.flush()
            await people.sync(session, [slack_user(user) for user in users_of(company)], team_id=TEAM, now=start)
        async with db.write() as session:
            await _acted(session)
        for hours in HOURS:
            async with db.write() as session:
                await materialise(session, now=start + timedelta(hours=hours), policy=policy)
            async with db.write() as session:
                await tick(session, now=start + timedelta(hours=hours), policy=policy)
        async with db.write() as session:
            await _published(session, policy)
        async with db.write() as session:
            await _shared(session)
        await _dropped(db, policy, company)
    finally:
        await db.close()
    plain = sqlite3.connect(path)
    plain.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    plain.close()


async def of(session: AsyncSession, role: str) -> Person:
    rows = await session.scalars(
        select(Person).join(PersonRole).where(PersonRole.role == role, Person.slack_id != NED).order_by(Person.id)
    )
    return rows.first() or _nobody(role)


def _nobody(what: str) -> Any:
    raise LookupError(what)


async def _acted(session: AsyncSession) -> None:
    """Every open deal has something that happens next; everybody will be away once."""
    rows = (await session.execute(
        select(Deal, DealVersion).join(DealVersion, DealVersion.id == Deal.version_id)
        .where(DealVersion.category.in_(("pipeline", "best_case", "commit")), DealVersion.owner_id.is_not(None))
    )).all()  # fmt: skip
    acting = set(await session.scalars(select(NextAction.deal_id).where(NextAction.state == "open")))
    for deal, version in rows:
        if deal.id not in acting:
            session.add(NextAction(deal_id=deal.id, text="send pricing", owner_id=version.owner_id, due=date(2026, 5, 20),
                                   opened_at=NOW))  # fmt: skip
        version.said = {"stage": {"value": "Negotiation", "by": version.owner_id, "at": NOW.isoformat()}}
    for person in await session.scalars(select(Person).where(Person.side == "ours")):
        session.add(Absence(person_id=person.id, first_day=date(2026, 8, 3), last_day=date(2026, 8, 7),
                            recorded_by_id=person.id, recorded_at=NOW))  # fmt: skip


async def _published(session: AsyncSession, policy: Policy) -> None:
    """A roll-up, a PBR and a weekly note, each where its buttons are."""
    head = await of(session, "head")
    await publishing.publish(session, head, policy.fiscal.week_of(NOW.date())[0], now=NOW, policy=policy)
    reviews = await session.scalars(
        select(Occurrence).join(Cadence, Cadence.id == Occurrence.cadence_id)
        .where(Cadence.kind == "weekly_review", Occurrence.closed_at.is_(None), Occurrence.ends_at <= NOW)
        .order_by(Occurrence.id)
    )  # fmt: skip
    review = reviews.first() or _nobody("a review")
    await closing.close(
        session, head, Closing(review.id, False, Side.OURS, "Nobody came", {}, ()), now=NOW, policy=policy
    )
    await session.execute(
        update(Outbox)
        .where(Outbox.template == "weekly_note")
        .values(channel_id="C00000004", ts="5.000001", state="sent")
    )
    met = await session.scalars(
        select(Occurrence).join(Cadence, Cadence.id == Occurrence.cadence_id)
        .where(Cadence.kind == "pbr").order_by(Occurrence.starts_at, Occurrence.id)
    )  # fmt: skip
    first = met.first() or _nobody("a PBR")
    page = await pbr.gather(session, first, NOW, policy)
    cadence = await session.get_one(Cadence, first.cadence_id)
    for _ in range(2):
        await notes.freeze(session, first, "pbr", page, partner_id=cadence.partner_id, now=NOW)
    first.state, first.closed_at, first.published_at = State.HELD, NOW, NOW


async def _shared(session: AsyncSession) -> None:
    """Two partners with a joint deal each, somebody who speaks for each, a twin, and an owner nobody knows."""
    pm = await of(session, "pm")
    run = ImportRun(kind="deals", file_name="deals.csv", digest="x", at=NOW)
    session.add(run)
    await session.flush()
    for place, partner in enumerate(await _joint_partners(session)):
        deals = await _deals_of(session, partner)
        if await session.scalar(select(JointDeal.id).where(JointDeal.partner_id == partner.id).limit(1)) is None:
            session.add(JointDeal(deal_id=deals[0].id, partner_id=partner.id, valid_from=NOW, by_id=pm.id))
        if place == 0:
            session.add(DealMatch(deal_id=deals[0].id, other_id=deals[1].id, import_id=run.id, made_at=NOW))
            await session.execute(
                update(CrmRecord).where(CrmRecord.deal_id == deals[1].id).values(owner_said="Somebody Unknown")
            )
        partner.joint_approved = partner.joint_channel if place == 0 else ""  # the other one waits for its first post
        await _speaking(session, partner, pm)
    await session.flush()
    await _on_the_desk(session, pm)


async def _speaking(session: AsyncSession, partner: Partner, pm: Person) -> None:
    """Of each partner one who speaks for it, and one who would like to."""
    taken = list(await session.scalars(select(Counterpart).where(Counterpart.partner_id == partner.id)))
    free = [one for one in await _contacts(session, partner) if one.slack_id not in {row.slack_id for row in taken}]
    for state in ("confirmed", "proposed"):
        if state not in {row.state for row in taken}:
            person = free.pop(0)
            session.add(Counterpart(
                partner_id=partner.id, slack_id=str(person.slack_id), slack_team_id=str(person.slack_team_id),
                name=person.name, person_id=person.id if state == "confirmed" else None, state=state, how="clicked",
                proposed_at=NOW, decided_by_id=pm.id if state == "confirmed" else None,
            ))  # fmt: skip


async def _on_the_desk(session: AsyncSession, pm: Person) -> None:
    """What a partner manager decides: a reply, a message that is held back, a guest."""
    mark = (await session.scalars(select(JointDeal).order_by(JointDeal.id))).first() or _nobody("a mark")
    speaks = select(Counterpart).where(Counterpart.partner_id == mark.partner_id, Counterpart.state == "confirmed")
    cora = (await session.scalars(speaks)).first()
    session.add(ReplyProposal(
        partner_id=mark.partner_id, counterpart_id=cora.id if cora else 0, channel_id="C00000001", message_ts="7.000001",
        words="We sent it", joint_deal_id=mark.id, candidates=[mark.id], at=NOW,
    ))  # fmt: skip
    note = (await session.scalars(select(Outbox).where(Outbox.template == "weekly_note").order_by(Outbox.id))).first()
    for channel in ("C00000001", "C00000004"):
        session.add(ChannelState(slack_id=channel, name=channel.lower(), is_member=True, checked_at=NOW))
        owed = Owed(key=f"held:{channel}", template="weekly_note", args=dict(note.args) if note else {}, due_at=NOW,
                    channel_ref=channel, occurrence_id=note.occurrence_id if note else None)  # fmt: skip
        await outbox.enqueue(session, [owed], now=NOW)
    await session.execute(
        update(Outbox).where(Outbox.key.startswith("held:")).values(state="held", problem="It is shared")
    )
    session.add(ChannelGuest(channel_id="C00000001", slack_id=GUEST, name="Noor Haddad", seen_at=NOW))
    await session.flush()
    for person in (pm, await of(session, "head"), await of(session, "admin")):
        await desk.ask(session, person.id, now=NOW, policy=Policy())


async def _joint_partners(session: AsyncSession) -> Sequence[Partner]:
    found = await session.scalars(
        select(Partner).where(Partner.joint_channel != "", Partner.tier == 1).order_by(Partner.id).limit(2)
    )
    return found.all()


async def _deals_of(session: AsyncSession, partner: Partner) -> Sequence[Deal]:
    found = await session.scalars(
        select(Deal).join(DealVersion, DealVersion.id == Deal.version_id)
        .where(DealVersion.partner_id == partner.id, DealVersion.category == "pipeline").order_by(Deal.id)
    )  # fmt: skip
    return found.all()


async def _contacts(session: AsyncSession, partner: Partner) -> Sequence[Person]:
    found = await session.scalars(
        select(Person).where(Person.partner_id == partner.id, Person.slack_id.is_not(None)).order_by(Person.id)
    )
    return found.all()


async def _dropped(db: Database, policy: Policy, company: Company) -> None:
    """Files of a partner manager's: one that waits to be imported, one that leaves something open, one that failed."""
    clock = Clock(simulated=True)
    clock.set(NOW)
    async with db.write() as session:
        pm, ae = await of(session, "pm"), await of(session, "ae")
        partner = await session.scalar(select(Partner.name).where(Partner.pm_id == pm.id).order_by(Partner.id).limit(1))
        for number in ("F1", "F2"):
            await drafts.offer(session, pm, Dropped(number, f"{number}.csv"), now=NOW)
    async with listening(users_of(company), TEAM, []) as slack:
        slack.file = DEALS.format(partner, ae.email).encode()

        async def call(method: str, **arguments: Any) -> Mapping[str, Any]:
            return slack.reply(method, arguments)

        async def directory() -> list[Mapping[str, Any]]:
            return list(slack.users.values())

        work = Drafts(db=db, clock=clock, policy=policy, slack=Slack(call, slack.url, "xoxb-local"), directory=directory,
                      team_id=lambda: TEAM)  # fmt: skip
        assert await work.settle()
    async with db.write() as session:
        await session.execute(
            update(ImportDraft).where(ImportDraft.file_id == "F2").values(state="failed", problem="1")
        )
