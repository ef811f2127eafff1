"""Gathering the facts of PBRs: everything is read for all of them at once, with a constant number of statements."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import attribution, imports, notes, reviews
from models.attribution import Ground as Clocks
from models.cadences import AHEAD
from models.deals import seen_by_all
from models.domain import notes as facts_of
from models.domain import pbr as domain
from models.domain.deals import OPEN, Category
from models.domain.notes import CommitmentFact, DealFact, Health
from models.domain.pbr import LostFact, PbrFacts, Pursued, Said
from models.domain.policy import Policy
from models.domain.text import clean, lines_of
from models.domain.zones import local_date, local_to_utc, zone
from models.pbr.choices import pursued_all
from models.pbr.stored import Kept, read_kept
from models.reviews import DealView
from models.tables import Cadence, Commitment, DealVersion, LossReason, Occurrence, Partner

CLOSED = (Category.WON.value, Category.LOST.value)
A_YEAR = timedelta(days=365)
"""How far back the health of a monthly series looks: a quarter has only three."""
Pair = tuple[Occurrence, Cadence]


@dataclass(frozen=True)
class _Ground:
    """What the pages of all the PBRs asked for are built from."""

    partners: Mapping[int, Partner]
    views: Mapping[int, Sequence[DealView]]
    moves: Mapping[int, Sequence[tuple[int, datetime, str]]]
    reasons: Mapping[int, LossReason]
    kept: Kept
    said: Mapping[int, Said]
    pursued: Mapping[int, Sequence[Pursued]]
    commitments: Mapping[int, Sequence[CommitmentFact]]
    later: Mapping[int, Collection[int]]
    states: Mapping[int, Sequence[tuple[datetime, str]]]
    crm_as_of: datetime | None
    crm_stale: bool
    now: datetime
    policy: Policy
    clocks: Clocks

    @property
    def today(self) -> date:
        return local_date(self.now, zone(self.policy.zone))

    @property
    def crm_day(self) -> date | None:
        """The day of the CRM's export; None where there is none, or nobody waits for one."""
        if self.crm_as_of is None or not self.policy.crm_is_truth:
            return None
        return local_date(self.crm_as_of, zone(self.policy.zone))


async def gather(
    session: AsyncSession, occurrence: Occurrence, now: datetime, policy: Policy, *, said: Said | None = None
) -> PbrFacts:
    """The facts of one PBR as of now; `said` is what a form says, else the draft, else the version published last."""
    cadence = await session.get_one(Cadence, occurrence.cadence_id)
    given = {occurrence.id: said} if said is not None else {}
    return (await gather_all(session, [(occurrence, cadence)], now=now, policy=policy, said=given))[occurrence.id]


async def gather_all(
    session: AsyncSession,
    pairs: Collection[Pair],
    *,
    now: datetime,
    policy: Policy,
    said: Mapping[int, Said] | None = None,
) -> dict[int, PbrFacts]:
    """The same for several, one of a cadence at most; by occurrence."""
    if not pairs:
        return {}
    ground = await _read(session, pairs, said or {}, now=now, policy=policy)
    return {occurrence.id: _facts(ground, occurrence, cadence) for occurrence, cadence in pairs}


async def _read(
    session: AsyncSession, pairs: Collection[Pair], said: Mapping[int, Said], *, now: datetime, policy: Policy
) -> _Ground:
    ids = [cadence.partner_id for _, cadence in pairs if cadence.partner_id is not None]
    months = [domain.reviewed(occurrence.slot) for occurrence, _ in pairs]
    views = await _views(session, ids, min(months), domain.last_day(max(months)), now=now, policy=policy)
    kept = await read_kept(session, [(occurrence, cadence.partner_id) for occurrence, cadence in pairs])
    last = {occurrence_id: domain.said_of(facts) for occurrence_id, facts in kept.last.items()}
    spoken = {**last, **kept.drafts, **said}
    chosen = {cadence.partner_id or 0: spoken[one.id].pursuit for one, cadence in pairs if one.id in spoken}
    as_of = await imports.crm_as_of(session)
    return _Ground(
        partners={row.id: row for row in await session.scalars(select(Partner).where(Partner.id.in_(ids)))},
        views=views,
        moves=await _moves(session, ids, min(months), max(months), now=now, policy=policy),
        reasons=await _reasons(session, [view.id for listed in views.values() for view in listed]),
        kept=kept,
        said=spoken,
        pursued=await pursued_all(session, chosen),
        commitments=await notes.commitments_of(session, pairs),
        later=await _made_later(session, pairs),
        states=await _states(session, [cadence.id for _, cadence in pairs]),
        crm_as_of=as_of,
        crm_stale=notes.is_stale(as_of, now, policy),
        now=now,
        policy=policy,
        clocks=await attribution.ground(session, now=now, policy=policy),
    )


async def _views(
    session: AsyncSession, partner_ids: Sequence[int], first: date, last: date, *, now: datetime, policy: Policy
) -> dict[int, list[DealView]]:
    """By partner: its open deals, and those that closed between these days or whose closing has no day."""
    undated = and_(DealVersion.close_date.is_(None), DealVersion.valid_from >= _begins(first, policy))
    where = and_(
        DealVersion.partner_id.in_(partner_ids),
        or_(
            DealVersion.category.in_(OPEN),
            and_(DealVersion.category.in_(CLOSED), or_(DealVersion.close_date.between(first, last), undated)),
        ),
    )
    found: dict[int, list[DealView]] = defaultdict(list)
    for view in await reviews.views(session, where, now=now, policy=policy, open_only=False):
        found[view.version.partner_id or 0].append(view)
    return found


def _begins(day: date, policy: Policy) -> datetime:
    """When a day begins by the company's clock, in UTC."""
    return local_to_utc(day, time(0), zone(policy.zone))


async def _moves(
    session: AsyncSession, partner_ids: Sequence[int], first: date, last: date, *, now: datetime, policy: Policy
) -> dict[int, list[tuple[int, datetime, str]]]:
    """By partner: deal, moment and direction of every movement between the first of one month and the end of another."""
    rows = await session.execute(
        select(DealVersion.partner_id, DealVersion.deal_id, DealVersion.valid_from, DealVersion.movement).where(
            DealVersion.partner_id.in_(partner_ids),
            DealVersion.valid_from >= _begins(first, policy),
            DealVersion.valid_from < min(now, _begins(domain.next_month(last), policy)),
            DealVersion.movement != "none",
            seen_by_all(),
        )
    )
    found: dict[int, list[tuple[int, datetime, str]]] = defaultdict(list)
    for partner_id, deal_id, at, movement in rows:
        found[partner_id or 0].append((deal_id, at, movement))
    return found


async def _reasons(session: AsyncSession, deal_ids: Collection[int]) -> dict[int, LossReason]:
    """The latest reason of each lost deal."""
    rows = await session.scalars(select(LossReason).where(LossReason.deal_id.in_(deal_ids)).order_by(LossReason.id))
    return {row.deal_id: row for row in rows}


async def _made_later(session: AsyncSession, pairs: Collection[Pair]) -> dict[int, set[int]]:
    """By occurrence: the commitments of its series that were made in meetings after it."""
    rows = await session.execute(
        select(Occurrence.cadence_id, Occurrence.slot, Commitment.id)
        .join(Occurrence, Occurrence.id == Commitment.made_in_id)
        .where(Occurrence.cadence_id.in_([cadence.id for _, cadence in pairs]))
    )
    listed = rows.all()
    return {
        occurrence.id: {
            made for cadence_id, slot, made in listed if cadence_id == cadence.id and slot > occurrence.slot
        }
        for occurrence, cadence in pairs
    }


async def _states(session: AsyncSession, cadence_ids: Collection[int]) -> dict[int, list[tuple[datetime, str]]]:
    """By cadence: when each settled meeting of the series began and how it ended, oldest first."""
    rows = await session.execute(
        select(Occurrence.cadence_id, Occurrence.starts_at, Occurrence.state)
        .where(Occurrence.cadence_id.in_(cadence_ids), Occurrence.state.not_in(AHEAD))
        .order_by(Occurrence.starts_at)
    )
    found: dict[int, list[tuple[datetime, str]]] = defaultdict(list)
    for cadence_id, starts_at, state in rows:
        found[cadence_id].append((starts_at, state))
    return found


def _facts(ground: _Ground, occurrence: Occurrence, cadence: Cadence) -> PbrFacts:
    partner = ground.partners[cadence.partner_id or 0]
    month = domain.reviewed(occurrence.slot)
    first, last = ground.kept.first.get(occurrence.id), ground.kept.last.get(occurrence.id)
    before = ground.kept.before.get(occurrence.id)
    said = ground.said.get(occurrence.id, Said())
    views = ground.views.get(partner.id, ())
    # What stood at the first publication stands: a correction mends a page, it does not move its day.
    deals = first.deals if first is not None else _open(views, ground.clocks)
    won, lost = _won(views, month, ground.clocks), _lost(views, month, said, ground)
    moved, slipped = _directions(ground, partner.id, month)
    return PbrFacts(
        version=last.version + 1 if last is not None else 1,
        what_changed=said.what_changed,
        partner_id=partner.id,
        partner=partner.name,
        pm_id=partner.pm_id,
        slot=occurrence.slot,
        day=occurrence.day,
        state=occurrence.state,
        side=occurrence.skip_side,
        reason=occurrence.skip_reason,
        moved_reason=occurrence.moved_reason,
        moved_by=occurrence.moved_by_id,
        closed_by=occurrence.closed_by_id,
        month=month,
        ends=domain.last_day(month),
        provisional=domain.provisional(month, today=ground.today, crm_day=ground.crm_day),
        pipeline_day=first.pipeline_day if first is not None else ground.today,
        deals=deals,
        joint=facts_of.sums(deals),
        joint_before=before.joint if before is not None else None,
        before_month=before.month if before is not None else None,
        by_category=domain.by_category(deals),
        by_attribution=domain.by_attribution(deals),
        won=won,
        won_by_attribution=domain.by_attribution(won),
        lost=lost,
        won_before=facts_of.sums(last.won) if last is not None else None,
        lost_before=facts_of.sums(last.lost) if last is not None else None,
        moved=moved,
        slipped=slipped,
        missing=domain.gaps(deals, won, lost, _undated(ground, views, month)),
        pursuit=_pursuit(ground.pursued.get(partner.id, ()), last, said),
        changes=domain.typed_changes(said),
        changes_before=before.changes if before is not None else (),
        shared_pursuit=lines_of(said.shared_pursuit),
        shared_changes=lines_of(said.shared_changes),
        commitments=domain.carried_over(
            last.commitments if last is not None else (),
            ground.commitments.get(cadence.id, ()),
            ground.later.get(occurrence.id, ()),
        ),
        health=_health(ground.states.get(cadence.id, ()), occurrence),
        crm_as_of=ground.crm_as_of,
        crm_stale=ground.crm_stale,
    )


def _open(views: Iterable[DealView], clocks: Clocks) -> tuple[DealFact, ...]:
    return tuple(domain.ranked(_fact(view, clocks) for view in views if Category(view.version.category).is_open))


def _won(views: Iterable[DealView], month: date, clocks: Clocks) -> tuple[DealFact, ...]:
    return tuple(domain.ranked(_fact(view, clocks) for view in views if _closed_in(view, Category.WON, month)))


def _lost(views: Iterable[DealView], month: date, said: Said, ground: _Ground) -> tuple[LostFact, ...]:
    found = {view.id: view for view in views if _closed_in(view, Category.LOST, month)}
    listed = domain.ranked(_fact(view, ground.clocks) for view in found.values())
    return tuple(_loss(deal, found[deal.deal_id], said, ground.reasons.get(deal.deal_id)) for deal in listed)


def _loss(deal: DealFact, view: DealView, said: Said, kept: LossReason | None) -> LostFact:
    """A lost deal with its reason: what the form says, else the latest of ours, else the CRM's."""
    typed = said.lost.get(deal.deal_id)
    reason, shared = (kept.reason, kept.shared) if kept is not None else (view.version.lost_reason, False)
    by = kept.by_id if kept is not None else None
    if typed is not None:
        reason, shared = typed.reason, typed.shared
    line = clean(reason)
    return LostFact.model_validate(
        {**deal.model_dump(), "reason": line, "reason_by": by, "shared": shared and bool(line)}
    )


def _closed_in(view: DealView, category: Category, month: date) -> bool:
    closed = view.version.close_date
    return view.version.category == category and closed is not None and month <= closed <= domain.last_day(month)


def _undated(ground: _Ground, views: Iterable[DealView], month: date) -> list[DealFact]:
    """Deals closed without a day that became known in the month or in the meeting's: they may belong here."""
    ends = domain.next_month(domain.next_month(month))
    opens, ends_at = _begins(month, ground.policy), _begins(ends, ground.policy)
    closed = [view.version for view in views if view.version.category in CLOSED and view.version.close_date is None]
    here = {version.deal_id for version in closed if opens <= version.valid_from < ends_at}
    return [_fact(view, ground.clocks) for view in views if view.id in here]


def _fact(view: DealView, clocks: Clocks) -> DealFact:
    return notes.deal_fact(view, None, (), clocks)


def _directions(ground: _Ground, partner_id: int, month: date) -> tuple[int, int]:
    """How many deals moved forward in the month, and how many slipped; one may have done both."""
    opens, ends = _begins(month, ground.policy), _begins(domain.next_month(month), ground.policy)
    inside = [(deal, way) for deal, at, way in ground.moves.get(partner_id, ()) if opens <= at < ends]
    forward = {deal for deal, way in inside if way in ("forward", "both")}
    return len(forward), len({deal for deal, way in inside if way in ("slip", "both")})


def _pursuit(chosen: Iterable[Pursued], last: PbrFacts | None, said: Said) -> tuple[Pursued, ...]:
    """What was chosen, as it was called when it was first published, biggest deals first; then what was typed."""
    frozen = {item.key: item for item in last.pursuit} if last is not None else {}
    typed = tuple(Pursued(account=account) for account in domain.typed_accounts(said.accounts))
    named = [frozen.get(item.key, item) for item in chosen]
    return (*sorted(named, key=_worth), *typed)


def _worth(item: Pursued) -> tuple[bool, bool, int, str]:
    return (not item.deal, item.amount is None, -(item.amount or 0), item.account.casefold())


def _health(states: Iterable[tuple[datetime, str]], occurrence: Occurrence) -> Health:
    since = occurrence.starts_at - A_YEAR
    return facts_of.health(state for at, state in states if since < at <= occurrence.starts_at)
