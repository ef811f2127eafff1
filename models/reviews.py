"""What a review carries: the deals under review, who answers for them, and how far they are. Reads only.

Everything here reads for many occurrences at once with a constant number of statements.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, ColumnElement, Date, Row, and_, bindparam, func, literal_column, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from models import people
from models.cadences import Kind
from models.deals import PRESENT, spoken
from models.domain import review_times
from models.domain.deals import OPEN, Standing
from models.domain.policy import Policy
from models.domain.workdays import Reader, is_absent
from models.domain.zones import local_date, zone
from models.tables import Answer, Cadence, Deal, DealPartner, DealVersion, NextAction, Occurrence, Partner, Person

EARLIEST_PROMPT = timedelta(days=5)
Pairs = Collection[tuple[Occurrence, Cadence]]


@dataclass(frozen=True)
class DealView:
    """One deal as prompts, forms, agendas and notes see it.

    `days` are whole local days since it moved forward, or since its known history begins.
    """

    deal: Deal
    version: DealVersion
    partner: Partner | None
    action: NextAction | None
    days: int
    stalled: bool
    today: date

    @property
    def id(self) -> int:
        return self.deal.id

    @property
    def owner_id(self) -> int | None:
        return self.version.owner_id

    @property
    def standing(self) -> Standing:
        return spoken(self.version)

    @property
    def has_moved(self) -> bool:
        return self.deal.moved_at is not None

    @property
    def overdue(self) -> bool:
        return self.action is not None and self.action.due < self.today


def weight(view: DealView) -> tuple[bool, int, str, int]:
    """Sort key: biggest amount first, unknown amounts last, then by name."""
    amount = view.version.amount
    return (amount is None, -(amount or 0), view.version.name.casefold(), view.id)


# Built once: putting a statement together costs more than running it, and these run with every look, command and form.
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_SCOPE = (
    select(Occurrence, Cadence)
    .join(Cadence, Cadence.id == Occurrence.cadence_id)
    .where(Occurrence.id.in_(_IDS))
    .order_by(Cadence.kind == Kind.OTHER_PARTNERS, Occurrence.starts_at, Occurrence.id)
)
_CARRIED = or_(
    Partner.id.in_(bindparam("partners", expanding=True)),
    and_(
        Partner.pm_id.in_(bindparam("managers", expanding=True)),
        Partner.id.not_in(bindparam("running", expanding=True)),
    ),
)
"""The deals that some occurrences carry: `_Carriers.given` says which these are."""


async def scope(session: AsyncSession, occurrence_ids: Collection[int]) -> list[tuple[Occurrence, Cadence]]:
    """The occurrences with their cadences, in the order people meet them: meetings first, then *other partners*."""
    rows = await session.execute(_SCOPE, {"ids": list(occurrence_ids)})
    return [(occurrence, cadence) for occurrence, cadence in rows]


async def under_review(
    session: AsyncSession,
    occurrence_ids: Collection[int],
    *,
    now: datetime,
    policy: Policy,
    owner_id: int | None = None,
    among: Pairs | None = None,
) -> dict[int, list[DealView]]:
    """The open deals each occurrence carries, biggest first. `among`: what `scope` says of them, if it was read.

    A weekly review carries all open deals whose primary partner it is. *Other partners* carries the PM's remaining
    ones that close this quarter or next (no close date counts: somebody has to name one), and every open deal of a
    Tier 1 partner whose review does not run.
    """
    carriers = await _carriers(session, occurrence_ids, among, now=now, policy=policy)
    found: dict[int, list[DealView]] = {occurrence_id: [] for occurrence_id in carriers.ids}
    if not found:
        return found
    query = _UNDER_REVIEW if owner_id is None else _UNDER_REVIEW.where(DealVersion.owner_id == owner_id)
    for view in _seen(await session.execute(query, carriers.given), now, policy):
        if view.partner is not None:
            partner = view.partner
            for occurrence_id in carriers.of(partner.id, partner.pm_id, partner.tier_in_force, view.version.close_date):
                found[occurrence_id].append(view)
    for listed in found.values():
        listed.sort(key=weight)
    return found


class OwnedDeal(NamedTuple):
    """As much of a deal as decides who is asked about it."""

    id: int
    owner_id: int | None


_TIER = func.coalesce(Partner.tier_now, Partner.tier)  # as `Partner.tier_in_force`
_OWNED = (
    select(
        DealVersion.deal_id,
        DealVersion.owner_id,
        DealVersion.close_date,
        Partner.id,
        Partner.pm_id,
        _TIER,
    )
    .join(Deal, PRESENT)
    .join(Partner, Partner.id == DealVersion.partner_id)
    .where(DealVersion.category.in_(OPEN), _CARRIED)
)


_CLOSES_SOON = func.coalesce(DealVersion.close_date <= bindparam("last_close", type_=Date()), true())
"""Whether a deal closes this quarter or next; one without a close date counts, since somebody has to name one."""
_GROUP: ColumnElement[bool] = literal_column(
    "soon"
)  # by its name: PostgreSQL takes a bound value that stands twice for two
_WHOSE = (
    select(DealVersion.owner_id, DealVersion.partner_id, _CLOSES_SOON.label("soon"))
    .join(Deal, PRESENT)
    .where(DealVersion.category.in_(OPEN))
    .group_by(DealVersion.owner_id, DealVersion.partner_id, _GROUP)
)
_ASKED = (
    select(
        func.min(DealVersion.deal_id),
        DealVersion.owner_id,
        _CLOSES_SOON.label("soon"),
        Partner.id,
        Partner.pm_id,
        _TIER,
    )
    .join(Deal, PRESENT)
    .join(Partner, Partner.id == DealVersion.partner_id)
    .where(DealVersion.category.in_(OPEN), _CARRIED)
    .group_by(DealVersion.owner_id, Partner.id, Partner.pm_id, _TIER, _GROUP)
)


def last_close(now: datetime, policy: Policy) -> date:
    """The last day of next quarter: a deal of another partner that closes later is not under review."""
    fiscal = policy.fiscal
    return fiscal.next(fiscal.quarter_of(local_date(now, zone(policy.zone)))).last


async def whose(session: AsyncSession, *, now: datetime, policy: Policy) -> frozenset[tuple[Any, ...]]:
    """All of the open deals that decides who is asked: whose they are, of which partner, and whether they close soon."""
    rows = await session.execute(_WHOSE, {"last_close": last_close(now, policy)})
    return frozenset(tuple(row) for row in rows)


async def asked(session: AsyncSession, pairs: Pairs, *, now: datetime, policy: Policy) -> dict[int, list[OwnedDeal]]:
    """One deal for each owner and partner of what `owned` gives: enough to know who is asked, however many deals.

    Grouped by the database: a plan is made anew after every import, and that may be of a hundred thousand deals.
    """
    carriers = await _carriers(session, [], pairs, now=now, policy=policy)
    found: dict[int, list[OwnedDeal]] = {occurrence_id: [] for occurrence_id in carriers.ids}
    if found:
        given = {**carriers.given, "last_close": carriers.last_close}
        for deal_id, owner_id, soon, partner_id, pm_id, tier in await session.execute(_ASKED, given):
            for occurrence_id in carriers.of(partner_id, pm_id, tier, None if soon else date.max):
                found[occurrence_id].append(OwnedDeal(deal_id, owner_id))
    return found


async def owned(
    session: AsyncSession,
    occurrence_ids: Collection[int],
    *,
    now: datetime,
    policy: Policy,
    among: Pairs | None = None,
) -> dict[int, list[OwnedDeal]]:
    """The same deals as `under_review`, in no order, and only whose they are: for plans that look at everybody's."""
    carriers = await _carriers(session, occurrence_ids, among, now=now, policy=policy)
    found: dict[int, list[OwnedDeal]] = {occurrence_id: [] for occurrence_id in carriers.ids}
    if found:
        for deal_id, owner_id, close, partner_id, pm_id, tier in await session.execute(_OWNED, carriers.given):
            for occurrence_id in carriers.of(partner_id, pm_id, tier, close):
                found[occurrence_id].append(OwnedDeal(deal_id, owner_id))
    return found


@dataclass(frozen=True)
class _Carriers:
    """Which of some occurrences carry the deals of which partner."""

    ids: tuple[int, ...]
    by_partner: Mapping[int, list[int]]
    by_pm: Mapping[int, list[int]]
    running: frozenset[int | None]
    stopped: set[tuple[int, int]]
    last_close: date

    @property
    def given(self) -> dict[str, Any]:
        """The parameters of `_CARRIED`."""
        return {"partners": list(self.by_partner), "managers": list(self.by_pm), "running": list(self.running)}

    def of(self, partner_id: int, pm_id: int | None, tier: int, close: date | None) -> list[int]:
        """The occurrences that carry a deal of this partner with this close date."""
        targets = self.by_partner.get(partner_id, [])
        if partner_id in self.running or pm_id is None or pm_id not in self.by_pm:
            return targets
        if tier != 1 and close is not None and close > self.last_close:
            return targets
        return targets + [other for other in self.by_pm[pm_id] if (other, partner_id) not in self.stopped]


_SERIES = select(Cadence.partner_id, Cadence.state).where(
    Cadence.kind == Kind.WEEKLY_REVIEW, Cadence.partner_id.is_not(None)
)
_STOPPED = (
    select(Cadence.partner_id, Occurrence.slot)
    .join(Occurrence, Occurrence.cadence_id == Cadence.id)
    .where(
        Cadence.kind == Kind.WEEKLY_REVIEW,
        Cadence.state != "active",
        Occurrence.slot.in_(bindparam("slots", expanding=True)),
    )
)


async def _carriers(
    session: AsyncSession, occurrence_ids: Collection[int], among: Pairs | None, *, now: datetime, policy: Policy
) -> _Carriers:
    pairs = await scope(session, occurrence_ids) if among is None else among
    by_partner: dict[int, list[int]] = defaultdict(list)
    by_pm: dict[int, list[int]] = defaultdict(list)
    for occurrence, cadence in pairs:
        if cadence.kind == Kind.WEEKLY_REVIEW and cadence.partner_id is not None:
            by_partner[cadence.partner_id].append(occurrence.id)
        elif cadence.kind == Kind.OTHER_PARTNERS and cadence.pm_id is not None:
            by_pm[cadence.pm_id].append(occurrence.id)
    series = (await session.execute(_SERIES)).all() if pairs else ()
    running = frozenset(partner_id for partner_id, state in series if state == "active")
    return _Carriers(
        ids=tuple(occurrence.id for occurrence, _ in pairs),
        by_partner=by_partner,
        by_pm=by_pm,
        running=running,
        stopped=await _stopped_in_its_week(session, pairs) if len(running) < len(series) else set(),
        last_close=last_close(now, policy),
    )


async def _stopped_in_its_week(
    session: AsyncSession, pairs: Collection[tuple[Occurrence, Cadence]]
) -> set[tuple[int, int]]:
    """(other-partners occurrence, partner) where the partner's own review of that week was asked for before it was paused.

    Its deals belong to that review for the week: nobody is asked twice for one deal.
    """
    slots = {occurrence.slot for occurrence, cadence in pairs if cadence.kind == Kind.OTHER_PARTNERS}
    if not slots:
        return set()
    rows = await session.execute(_STOPPED, {"slots": list(slots)})
    asked = {(partner_id, slot) for partner_id, slot in rows if partner_id is not None}
    return {
        (occurrence.id, partner_id)
        for occurrence, cadence in pairs
        if cadence.kind == Kind.OTHER_PARTNERS
        for partner_id, slot in asked
        if slot == occurrence.slot
    }


_VIEWS = (
    select(Deal, DealVersion, Partner, NextAction)
    .join(DealVersion, PRESENT)
    .outerjoin(Partner, Partner.id == DealVersion.partner_id)
    .outerjoin(NextAction, and_(NextAction.deal_id == Deal.id, NextAction.state == "open"))
)
_OPEN_VIEWS = _VIEWS.where(DealVersion.category.in_(OPEN))
_UNDER_REVIEW = _OPEN_VIEWS.where(_CARRIED)
_IN_HANDS = _OPEN_VIEWS.where(or_(DealVersion.owner_id.in_(_IDS), Partner.pm_id.in_(_IDS)))
_ONE = _VIEWS.where(Deal.id == bindparam("deal"))


async def views(
    session: AsyncSession,
    where: object,
    *,
    now: datetime,
    policy: Policy,
    owner_id: int | None = None,
    open_only: bool = True,
) -> list[DealView]:
    """Deals with their current version, primary partner and open action, in one statement."""
    query = (_OPEN_VIEWS if open_only else _VIEWS).where(where)  # type: ignore[arg-type]
    if owner_id is not None:
        query = query.where(DealVersion.owner_id == owner_id)
    return _seen(await session.execute(query), now, policy)


def _seen(rows: Iterable[Row[Any, Any, Any, Any]], now: datetime, policy: Policy) -> list[DealView]:
    clocks = zone(policy.zone)
    today = local_date(now, clocks)
    found = []
    for deal, version, partner, action in rows:
        days = max(0, review_times.days_since(deal.moved_at or deal.first_seen_at, now, clocks))
        found.append(DealView(deal, version, partner, action, days, days >= policy.stall_days, today))
    return found


async def one_view(session: AsyncSession, deal_id: int, *, now: datetime, policy: Policy) -> DealView | None:
    found = _seen(await session.execute(_ONE, {"deal": deal_id}), now, policy)
    return found[0] if found else None


async def in_hands(
    session: AsyncSession, person_ids: Collection[int], *, now: datetime, policy: Policy
) -> list[DealView]:
    """The open deals that these people own or whose partner they manage."""
    return _seen(await session.execute(_IN_HANDS, {"ids": list(person_ids)}), now, policy)


async def listed_uncounted(session: AsyncSession, partner_id: int, *, now: datetime, policy: Policy) -> list[DealView]:
    """Open deals in which this partner has a part but is not the primary one: listed, never counted."""
    part = select(DealPartner.deal_id).where(
        DealPartner.partner_id == partner_id, DealPartner.valid_to.is_(None), DealPartner.is_primary.is_(False)
    )
    found = await views(session, Deal.id.in_(part), now=now, policy=policy)
    return sorted(found, key=weight)


_ANSWERS = select(Answer).where(Answer.occurrence_id.in_(_IDS)).order_by(Answer.at, Answer.id)
_ANSWERED = select(Answer.deal_id).where(Answer.occurrence_id.in_(_IDS)).distinct()


async def answered_deals(session: AsyncSession, occurrence_ids: Collection[int]) -> frozenset[int]:
    """The deals somebody has answered for in these reviews."""
    return frozenset(await session.scalars(_ANSWERED, {"ids": list(occurrence_ids)}))


async def answered(session: AsyncSession, occurrence_ids: Collection[int]) -> dict[int, dict[int, Answer]]:
    """The latest answer for each deal, by occurrence."""
    rows = await session.scalars(_ANSWERS, {"ids": list(occurrence_ids)})
    found: dict[int, dict[int, Answer]] = {occurrence_id: {} for occurrence_id in occurrence_ids}
    for answer in rows:
        found[answer.occurrence_id][answer.deal_id] = answer
    return found


@dataclass(frozen=True)
class Duty:
    """Who answers for whose deals in one occurrence."""

    occurrence_id: int
    responder_id: int
    owner_id: int | None
    deal_ids: tuple[int, ...]


@dataclass(frozen=True)
class Staff:
    """The people a plan is made with, read once. `head_id` answers where nobody else is left."""

    people: Mapping[int, Person]
    readers: Mapping[int, Reader]
    covers: Mapping[int, tuple[tuple[date, date, int], ...]]
    head_id: int | None = None


async def staff(session: AsyncSession, policy: Policy) -> Staff:
    """Everybody with their working time and covers, in three statements."""
    everyone = (await people.directory(session)).people
    ours = [person for person in everyone.values() if person.side == "ours"]
    away: dict[int, list[tuple[date, date]]] = defaultdict(list)
    covers: dict[int, list[tuple[date, date, int]]] = defaultdict(list)
    for first, last, person_id, cover_id in await people.standing_absences(session):
        away[person_id].append((first, last))
        if cover_id is not None:
            covers[person_id].append((first, last, cover_id))
    return Staff(
        people=everyone,
        readers={person.id: people.reader_of(person, tuple(away.get(person.id, ())), policy) for person in ours},
        covers={person_id: tuple(rows) for person_id, rows in covers.items()},
        head_id=min((person.id for person in ours if person.active and person.has("head")), default=None),
    )


def duties(
    occurrence: Occurrence, pm_id: int | None, listed: Iterable[DealView | OwnedDeal], staff_: Staff
) -> list[Duty]:
    """Who answers: the owner; the cover of an owner who is away when they would be asked; the PM for an orphan."""
    by_pair: dict[tuple[int, int | None], list[int]] = defaultdict(list)
    for view in listed:
        responder = responder_for(view.owner_id, pm_id, occurrence.starts_at, staff_)
        if responder is not None:
            by_pair[responder, view.owner_id].append(view.id)
    return [Duty(occurrence.id, responder, owner, tuple(ids)) for (responder, owner), ids in by_pair.items()]


def responder_for(owner_id: int | None, pm_id: int | None, starts_at: datetime, staff_: Staff) -> int | None:
    owner = staff_.people.get(owner_id) if owner_id is not None else None
    if owner is None or not owner.active or owner.side != "ours":
        return pm_id if _here(pm_id, staff_) else staff_.head_id
    reader = staff_.readers[owner.id]
    if not reader.absences:
        return owner.id
    usual = review_times.prompt_due(reader.model_copy(update={"absences": ()}), starts_at)
    if usual is None:
        return owner.id
    day = local_date(usual, reader.zone)
    if not is_absent(reader, day):
        return owner.id
    cover = next((who for first, last, who in staff_.covers.get(owner.id, ()) if first <= day <= last), None)
    if _here(cover, staff_):
        return cover
    early = review_times.prompt_due(reader, starts_at)
    # Asked a week ahead is not asked about this week: without a cover such an owner is named as absent instead.
    return owner.id if early is not None and starts_at - early <= EARLIEST_PROMPT else None


def closer_for(pm_id: int, at: datetime, staff_: Staff) -> int:
    """Who is asked at `at` to close a review: its partner manager, or their cover while they are away.

    The head of partnerships where the manager has left and nobody was named yet.
    """
    if not _here(pm_id, staff_):
        return staff_.head_id if staff_.head_id is not None else pm_id
    reader = staff_.readers[pm_id]
    day = local_date(at, reader.zone)
    if not is_absent(reader, day):
        return pm_id
    cover = next((who for first, last, who in staff_.covers.get(pm_id, ()) if first <= day <= last), None)
    return cover if cover is not None and _here(cover, staff_) else pm_id


def _here(person_id: int | None, staff_: Staff) -> bool:
    """Whether this is one of ours who has not left: nobody is asked in an account that is gone."""
    return person_id is not None and person_id in staff_.readers and staff_.people[person_id].active
