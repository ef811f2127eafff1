"""What one person's Home tab shows: what waits for them, what is due, what is next. Reads only."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy import func, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    answers,
    attribution,
    births,
    cadence_health,
    cadences,
    closing,
    costs,
    differences,
    first_run,
    imports,
    people,
    reviews,
)
from models.attribution import Waiting, sql
from models.births import Pair
from models.cadences import AHEAD, Kind, Planned
from models.costs import Cost
from models.deals import PRESENT
from models.domain.deals import OPEN, Attribution, Category
from models.domain.fiscal import Quarter
from models.domain.notes import Health, MoneySum
from models.domain.policy import Policy
from models.domain.rights import Act, Subject, may
from models.domain.zones import local_date, zone
from models.first_run import Facts
from models.forecast import asking
from models.forecast.asking import Task
from models.joint import waiting
from models.joint.waiting import Desk
from models.people import Directory
from models.reviews import DealView
from models.tables import (
    Absence,
    Cadence,
    Commitment,
    Deal,
    DealVersion,
    MeetingKind,
    NextAction,
    Occurrence,
    Partner,
    Person,
)

WEEK = timedelta(days=7)
MOST_TO_SIGN = 5


@dataclass(frozen=True)
class DueAction:
    action: NextAction
    deal: str


@dataclass(frozen=True)
class PartnerState:
    """One partner of a PM: where its next review stands and what blocks the next note."""

    partner: Partner
    occurrence: Occurrence | None
    deals: int
    answered: int
    stalled: int
    blocks: str


@dataclass(frozen=True)
class Numbers:
    """The leader's three numbers, by currency; None when there is nothing they could be made of."""

    this_quarter: Quarter
    pipeline: tuple[MoneySum, ...] | None
    won_last: tuple[MoneySum, ...] | None
    next_pipeline: tuple[MoneySum, ...] | None


@dataclass(frozen=True)
class HomePage:
    """All that one Home tab shows."""

    person: Person
    book: Directory
    today: date
    waiting: tuple[tuple[int, DealView], ...]
    actions: tuple[DueAction, ...]
    commitments: tuple[tuple[Commitment, str], ...]
    meetings: tuple[Planned, ...]
    absences: tuple[Absence, ...]
    covering: tuple[int, ...]
    partners: tuple[PartnerState, ...]
    unclosed: tuple[tuple[Occurrence, Partner], ...]
    numbers: Numbers | None
    health: Health | None
    crm_as_of: datetime | None
    breach: str
    cost: Cost
    to_mend: tuple[DealView, ...]
    to_mend_all: int
    """Deals this person may read that have something to mend, own and others'."""
    same: tuple[Pair, ...] = ()
    """Deals born here that an import may have brought too: this person is to say."""
    set_up: Facts | None = None
    """What of the first run is done, for whoever can go on with it, while it is not finished."""
    to_sign: Waiting = field(default_factory=Waiting)
    """Deals whose attribution waits for this person's signature."""
    other_meetings: Health | None = None
    """As `health` of the weekly reviews, of all other meetings: both only for a leader."""
    forecast: tuple[Task, ...] = ()
    """What this week's roll-up still asks of this person."""
    desk: Desk | None = None
    """What waits for this person's word before a partner sees it; None where nothing does."""


async def load(session: AsyncSession, person: Person, *, now: datetime, policy: Policy) -> HomePage:
    """Everything for one person, with a number of statements that does not grow with their deals."""
    today = local_date(now, zone(people.zone_of(person, policy)))
    covers = await people.covers(session, now=now, policy=policy)
    listed = await _waiting(session, person, now=now, policy=policy)
    leader = person.has("head", "cro", "cfo", "ceo")
    health, others = await cadence_health.totals(session, now=now, policy=policy) if leader else (None, None)
    managed = list(
        await session.scalars(select(Partner).where(Partner.pm_id == person.id).order_by(Partner.tier, Partner.name))
    )
    counts = await cadences.tier1_counts(session)
    return HomePage(
        person=person,
        book=await people.directory(session),
        today=today,
        waiting=tuple(listed),
        actions=tuple(await _actions(session, person, today)),
        commitments=tuple(await _commitments(session, person, today)),
        meetings=tuple(await _meetings(session, person, managed, leader=leader, now=now, policy=policy)),
        absences=tuple(await people.absences_of(session, person.id, since=today)),
        covering=tuple(away for away, cover in covers.items() if cover == person.id),
        partners=tuple(await _partners(session, managed, now=now, policy=policy)),
        unclosed=tuple(await closing.waiting_for(session, person.id, now=now)),
        numbers=await numbers(session, now=now, policy=policy) if leader else None,
        health=health,
        other_meetings=others,
        crm_as_of=await imports.crm_as_of(session),
        breach=cadences.ceiling_breach(counts.get(person.id, 0), policy),
        cost=(await costs.this_week(session, now=now, policy=policy)).get(person.id, costs.Cost()),
        to_mend=tuple(await _to_mend(session, person, now=now, policy=policy)),
        to_mend_all=await differences.count_deals(session, person),
        same=tuple(await births.waiting_for(session, person, now=now, policy=policy)),
        set_up=await _set_up(session, person, now=now, policy=policy),
        to_sign=await attribution.waiting_for(
            session, person, now=now, policy=policy, covers=covers, most=MOST_TO_SIGN
        ),
        forecast=tuple(await asking.of_person(session, person.id, now=now, policy=policy)),
        desk=await waiting.waiting(session, person, now=now, policy=policy) or None,
    )


async def _set_up(session: AsyncSession, person: Person, *, now: datetime, policy: Policy) -> Facts | None:
    if not may(people.as_actor(person), Act.SET_UP_COMPANY, Subject()).allowed:
        return None
    found = await first_run.facts(session, now=now, policy=policy)
    return None if found.finished else found


async def _waiting(
    session: AsyncSession, person: Person, *, now: datetime, policy: Policy
) -> list[tuple[int, DealView]]:
    """What the person was asked and has not answered: the reviews whose prompts are out.

    A deal of last week's review, which nobody has closed, and of this week's is one deal: the newer question stands.
    """
    rows = await session.execute(
        select(Occurrence.cadence_id, Occurrence.id)
        .where(Occurrence.state == "prompted", Occurrence.closed_at.is_(None), Occurrence.ends_at > now - WEEK)
        .order_by(Occurrence.starts_at, Occurrence.id)
    )
    newest = {cadence_id: occurrence_id for cadence_id, occurrence_id in rows}  # noqa: C416 - rows are no pairs
    if not newest:
        return []
    found = await answers.still_open(session, person, list(newest.values()), now=now, policy=policy)
    return list({view.id: (occurrence_id, view) for occurrence_id, view in found}.values())


async def _to_mend(session: AsyncSession, person: Person, *, now: datetime, policy: Policy) -> list[DealView]:
    """Their deals where what was said in Slack is not what the CRM says."""
    found = await reviews.views(session, true(), now=now, policy=policy, owner_id=person.id)
    return sorted((view for view in found if view.version.said), key=reviews.weight)


async def _actions(session: AsyncSession, person: Person, today: date) -> list[DueAction]:
    rows = await session.execute(
        select(NextAction, DealVersion.name)
        .join(Deal, Deal.id == NextAction.deal_id)
        .join(DealVersion, PRESENT)
        .where(
            NextAction.owner_id == person.id,
            NextAction.state == "open",
            NextAction.due <= today + WEEK,
            DealVersion.category.in_(OPEN),
        )
        .order_by(NextAction.due, NextAction.id)
    )
    return [DueAction(action, name) for action, name in rows]


async def _commitments(session: AsyncSession, person: Person, today: date) -> list[tuple[Commitment, str]]:
    rows = await session.execute(
        select(Commitment, func.coalesce(Partner.name, MeetingKind.name, ""))
        .join(Occurrence, Occurrence.id == Commitment.made_in_id)
        .join(Cadence, Cadence.id == Occurrence.cadence_id)
        .outerjoin(Partner, Partner.id == Commitment.partner_id)
        .outerjoin(MeetingKind, MeetingKind.id == Cadence.meeting_id)
        .where(Commitment.owner_id == person.id, Commitment.state == "open", Commitment.due <= today + 2 * WEEK)
        .order_by(Commitment.due, Commitment.id)
    )
    return [(commitment, name) for commitment, name in rows]


async def _meetings(
    session: AsyncSession, person: Person, managed: list[Partner], *, leader: bool, now: datetime, policy: Policy
) -> list[Planned]:
    planned = await cadences.coming(session, now=now, until=now + 8 * timedelta(days=1), table=True)
    if leader:
        return [item for item in planned if not item.name or person.id in item.people]
    own = {partner.id for partner in managed}
    found = await reviews.views(session, true(), now=now, policy=policy, owner_id=person.id)
    own |= {view.partner.id for view in found if view.partner}
    return [
        item
        for item in planned
        if person.id in item.people or (not item.name and item.partner is not None and item.partner.id in own)
    ]


async def _partners(
    session: AsyncSession, managed: list[Partner], *, now: datetime, policy: Policy
) -> list[PartnerState]:
    tier1 = [partner for partner in managed if partner.tier == 1]
    if not tier1:
        return []
    current = await answers.occurrences_for(session, tier1, now=now)
    ids = [current[partner.id].id for partner in tier1 if partner.id in current]
    listed = await reviews.under_review(session, ids, now=now, policy=policy)
    done = await reviews.answered(session, ids)
    own = {
        occurrence.id for occurrence, cadence in await reviews.scope(session, ids) if cadence.kind == Kind.WEEKLY_REVIEW
    }
    found = []
    for partner in tier1:
        occurrence = current.get(partner.id)
        if occurrence is None or occurrence.id not in own:
            found.append(PartnerState(partner, None, 0, 0, 0, "no weekly review: set one up"))
            continue
        views = listed[occurrence.id]
        answered = sum(1 for view in views if view.id in done[occurrence.id])
        stalled = sum(1 for view in views if view.stalled)
        found.append(PartnerState(partner, occurrence, len(views), answered, stalled,
                                  _blocks(occurrence, partner, len(views) - answered, now)))  # fmt: skip
    return found


def _blocks(occurrence: Occurrence, partner: Partner, left: int, now: datetime) -> str:
    """What stands between this partner and its next note."""
    if occurrence.state in AHEAD and occurrence.ends_at <= now:
        return "the review is not closed"
    if not partner.internal_channel:
        return "no internal channel"
    return f"{left} not answered" if left and occurrence.state == "prompted" else ""


async def numbers(session: AsyncSession, *, now: datetime, policy: Policy) -> Numbers:
    """Partner-sourced: open pipeline closing this quarter, closed-won last quarter, open pipeline closing next quarter."""
    fiscal = policy.fiscal
    quarter = fiscal.quarter_of(local_date(now, zone(policy.zone)))
    any_sourced = await session.scalar(
        select(DealVersion.id).join(Deal, PRESENT).where(sql.kind() == Attribution.SOURCED).limit(1)
    )
    if any_sourced is None:
        return Numbers(quarter, None, None, None)
    open_ = tuple(category.value for category in OPEN)
    return Numbers(
        quarter,
        await _sourced(session, quarter, open_),
        await _sourced(session, fiscal.previous(quarter), (Category.WON.value,)),
        await _sourced(session, fiscal.next(quarter), open_),
    )


async def _sourced(session: AsyncSession, quarter: Quarter, categories: tuple[str, ...]) -> tuple[MoneySum, ...]:
    rows = await session.execute(
        select(
            DealVersion.currency,
            func.coalesce(func.sum(DealVersion.amount), 0),
            func.count(),
            func.count() - func.count(DealVersion.amount),
        )
        .join(Deal, PRESENT)
        .where(
            DealVersion.partner_id.is_not(None),
            sql.kind() == Attribution.SOURCED,
            DealVersion.category.in_(categories),
            DealVersion.close_date.between(quarter.first, quarter.last),
        )
        .group_by(DealVersion.currency)
    )
    return tuple(
        MoneySum(currency=currency, amount=int(amount or 0), deals=deals, unknown=unknown)
        for currency, amount, deals, unknown in rows
    )
