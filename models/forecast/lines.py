"""The rows behind a snapshot, for a workbook: in order, in chunks, flat in memory however many deals there are."""

from collections.abc import AsyncIterator, Iterator
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, and_, case, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from models.attribution import Ground
from models.domain.deals import Category
from models.domain.fiscal import Quarter
from models.domain.forecast.changes import BANDS, Delta
from models.domain.forecast.credit import Won, by_deal
from models.domain.forecast.facts import AttributionState, RollUpFacts
from models.domain.policy import Policy
from models.forecast import finding
from models.forecast.changed import Comparison
from models.forecast.counting import people_named
from models.forecast.rates import read
from models.forecast.rows import (
    AdjustmentRow,
    ChangeRow,
    ClaimRow,
    CreditRow,
    DealRow,
    PartRow,
    QuotaRow,
    SignatureRow,
    SignOffRow,
)
from models.forecast.scope import Scope
from models.forecast.signed_rows import adjustments, quotas, sign_offs, signatures
from models.forecast.tally import line_cells, line_of
from models.tables import (
    AttributionClaim,
    AttributionSignature,
    Deal,
    DealVersion,
    Partner,
    Person,
    Snapshot,
    SnapshotLine,
    SnapshotPart,
)
from models.tables.base import table_of

__all__ = [
    "AdjustmentRow",
    "ChangeRow",
    "ClaimRow",
    "CreditRow",
    "DealRow",
    "PartRow",
    "QuotaRow",
    "SignOffRow",
    "SignatureRow",
    "adjustments",
    "changes",
    "claims",
    "credit",
    "deals",
    "parts",
    "previous",
    "quotas",
    "sign_offs",
    "signatures",
]

CHUNK = 2_000


_BAND = case(*((SnapshotLine.category == str(band), place) for place, band in enumerate(BANDS)), else_=len(BANDS))


async def _chunks(session: AsyncSession, query: Select[*tuple[Any, ...]], chunk: int) -> AsyncIterator[list[Any]]:
    """The rows of a query, as the database hands them over."""
    result = await session.stream(query.execution_options(yield_per=chunk))
    async for rows in result.partitions():
        yield list(rows)


async def deals(session: AsyncSession, snapshot: Snapshot, chunk: int = CHUNK) -> AsyncIterator[list[DealRow]]:
    """Every deal of the snapshot by partner's name, band and deal id, `chunk` at a time."""
    pm, owner = aliased(Person), aliased(Person)
    rates = {(used.currency, used.day): used.rate for used in finding.facts_of(snapshot).rates}
    query = (
        select(
            *table_of(SnapshotLine).columns, Deal.crm_id, DealVersion.name, DealVersion.account, DealVersion.stage,
            Partner.name.label("partner"), pm.name.label("pm"), owner.name.label("owner"),
        )
        .join(Deal, Deal.id == SnapshotLine.deal_id)
        .join(DealVersion, DealVersion.id == SnapshotLine.version_id)
        .join(Partner, Partner.id == SnapshotLine.partner_id)
        .outerjoin(pm, pm.id == SnapshotLine.pm_id)
        .outerjoin(owner, owner.id == SnapshotLine.owner_id)
        .where(SnapshotLine.snapshot_id == snapshot.id)
        .order_by(Partner.name, Partner.id, _BAND, SnapshotLine.deal_id)
    )  # fmt: skip
    async for rows in _chunks(session, query, chunk):
        yield [_deal_row(row, rates) for row in rows]


def _deal_row(row: Any, rates: dict[tuple[str, date], str]) -> DealRow:
    return DealRow(
        deal_id=row.deal_id, crm_id=row.crm_id or "", name=row.name, account=row.account, partner_id=row.partner_id,
        partner=row.partner, pm=row.pm or "", owner=row.owner or "", stage=row.stage, category=row.category,
        kind=row.kind, state=row.state, close_date=row.close_date, currency=row.currency, original=row.amount,
        rate_day=row.rate_day, rate=rates.get((row.currency, row.rate_day), "") if row.rate_day else "",
        value=row.value, plain=row.plain, pm_id=row.pm_id, owner_id=row.owner_id,
    )  # fmt: skip


async def parts(session: AsyncSession, snapshot: Snapshot, chunk: int = CHUNK) -> AsyncIterator[list[PartRow]]:
    """The parts of deals that several partners share, by deal, the largest share first, the rest last."""
    query = (
        select(
            SnapshotPart.deal_id, Deal.crm_id, DealVersion.name, SnapshotPart.partner_id, Partner.name.label("partner"),
            Person.name.label("pm"), SnapshotLine.category, SnapshotPart.share, SnapshotPart.value, SnapshotPart.pm_id,
        )
        .join(
            SnapshotLine,
            and_(SnapshotLine.snapshot_id == SnapshotPart.snapshot_id, SnapshotLine.deal_id == SnapshotPart.deal_id),
        )
        .join(Deal, Deal.id == SnapshotPart.deal_id)
        .join(DealVersion, DealVersion.id == SnapshotLine.version_id)
        .outerjoin(Partner, Partner.id == SnapshotPart.partner_id)
        .outerjoin(Person, Person.id == SnapshotPart.pm_id)
        .where(SnapshotPart.snapshot_id == snapshot.id)
        .order_by(
            SnapshotPart.deal_id, SnapshotPart.partner_id == 0, SnapshotPart.share.desc(), SnapshotPart.partner_id
        )
    )  # fmt: skip
    async for rows in _chunks(session, query, chunk):
        yield [
            PartRow(
                deal_id=row.deal_id, crm_id=row.crm_id or "", name=row.name, partner_id=row.partner_id,
                partner=row.partner or "", pm=row.pm or "", category=row.category, share=row.share, value=row.value,
                pm_id=row.pm_id,
            )
            for row in rows
        ]  # fmt: skip


async def previous(session: AsyncSession, snapshot: Snapshot) -> Snapshot | None:
    """The quarter's snapshot before this one."""
    before = select(Snapshot).where(Snapshot.period == snapshot.period, Snapshot.number < snapshot.number)
    return await session.scalar(before.order_by(Snapshot.number.desc()).limit(1))


async def changes(session: AsyncSession, snapshot: Snapshot, chunk: int = CHUNK) -> AsyncIterator[list[ChangeRow]]:
    """What changed in each deal since the quarter's snapshot before this one; nothing where there is none."""
    base = await previous(session, snapshot)
    if base is None:
        return
    facts = finding.facts_of(snapshot)
    earlier = finding.facts_of(base)
    scope = await _scope(session, snapshot, facts, earlier)
    comparison = Comparison(scope, base, earlier, snapshot, facts)
    crm_ids: dict[int, tuple[str, str]] = {}
    held: list[tuple[Any, tuple[Delta, ...]]] = []
    pms = await people_named(session, {pm.pm_id for pm in (*facts.pms, *finding.facts_of(base).pms)})
    async for row, deltas in comparison.deltas(session, chunk):
        held.append((row, deltas))
        if len(held) == chunk:
            crm_ids = await _named(session, [one.deal_id for one, _ in held])
            yield [found for one, of in held for found in _change_rows(one.deal_id, of, crm_ids, scope, pms)]
            held = []
    if held:
        crm_ids = await _named(session, [one.deal_id for one, _ in held])
        yield [found for one, of in held for found in _change_rows(one.deal_id, of, crm_ids, scope, pms)]


async def _named(session: AsyncSession, deal_ids: list[int]) -> dict[int, tuple[str, str]]:
    """CRM id and newest name of each deal."""
    newest = select(func.max(DealVersion.id)).where(DealVersion.deal_id.in_(deal_ids)).group_by(DealVersion.deal_id)
    rows = await session.execute(
        select(Deal.id, Deal.crm_id, DealVersion.name)
        .join(DealVersion, DealVersion.deal_id == Deal.id)
        .where(DealVersion.id.in_(newest))
    )
    return {deal_id: (crm_id or "", name) for deal_id, crm_id, name in rows}


def _change_rows(
    deal_id: int, deltas: tuple[Delta, ...], named: dict[int, tuple[str, str]], scope: Scope, pms: dict[int, str]
) -> Iterator[ChangeRow]:
    crm_id, name = named.get(deal_id, ("", ""))
    for delta in deltas:
        counted = line_cells(delta, 1).get(("program", None), [])[-3:-1] or [0, 0]
        stands = any(line_cells(delta, 1).get(("program", None), ()))
        places = dict.fromkeys((moved.partner_id, moved.pm_id) for moved in delta.moved)
        if not places:
            places = dict.fromkeys(
                (one.partner_id or 0, one.pm_id) for one in delta.counted if one.partner_id is not None
            )
        for number, (partner_id, pm_id) in enumerate(places):
            cell = [0] * (len(BANDS) + 3)
            for moved in delta.moved:
                if (moved.partner_id, moved.pm_id) == (partner_id, pm_id):
                    cell[BANDS.index(Category(moved.band))] += moved.amount
            if number == 0:
                cell[-3:] = [*counted, int(stands)]
            yield ChangeRow(
                deal_id, crm_id, name, partner_id, scope.names.get(partner_id, ""), pms.get(pm_id or 0, ""),
                line_of(delta.kind, cell), pm_id,
            )  # fmt: skip


async def _scope(session: AsyncSession, snapshot: Snapshot, facts: RollUpFacts, earlier: RollUpFacts) -> Scope:
    """What the snapshot was made by: its managers and rates, not those of today."""
    partners = (await session.execute(select(Partner.id, Partner.pm_id, Partner.name))).all()
    then = {part.partner_id: part.pm_id for one in (earlier, facts) for part in one.partners if part.partner_id}
    return Scope(
        quarter=Quarter(facts.first.year, 1, facts.first, facts.last, label=snapshot.period),
        policy=Policy(currency=snapshot.currency),
        now=snapshot.cut_off,
        ground=Ground(terms=facts.terms, installed_on=None, today=snapshot.rate_day, zone="UTC"),
        rates=await read(session, snapshot.currency, until=snapshot.cut_off),
        pms={partner_id: pm_id for partner_id, pm_id, _ in partners} | then,
        names={partner_id: name for partner_id, _, name in partners},
    )


async def claims(session: AsyncSession, snapshot: Snapshot, chunk: int = CHUNK) -> AsyncIterator[list[ClaimRow]]:
    """Claims of attribution of the snapshot's deals as of its cut-off, by deal and age."""
    cut_off = snapshot.cut_off
    ae, pm = aliased(AttributionSignature), aliased(AttributionSignature)
    claim = AttributionClaim
    query = (
        select(
            claim.deal_id, claim.partner_id, Deal.crm_id, DealVersion.name, claim.kind, claim.reason, claim.opened_at, claim.opened_by_id,
            claim.due, claim.in_force_at, claim.replaced_at, ae.person_id.label("ae_id"), ae.for_id.label("ae_for_id"),
            ae.at.label("ae_at"), pm.person_id.label("pm_id"), pm.for_id.label("pm_for_id"), pm.at.label("pm_at"),
        )
        .join(SnapshotLine, SnapshotLine.deal_id == claim.deal_id)
        .join(Deal, Deal.id == claim.deal_id)
        .join(DealVersion, DealVersion.id == SnapshotLine.version_id)
        .outerjoin(ae, and_(ae.claim_id == claim.id, ae.side == "ae", ae.at <= cut_off))
        .outerjoin(pm, and_(pm.claim_id == claim.id, pm.side == "pm", pm.at <= cut_off))
        .where(SnapshotLine.snapshot_id == snapshot.id, claim.opened_at <= cut_off)
        .order_by(claim.deal_id, claim.id)
    )  # fmt: skip
    async for rows in _chunks(session, query, chunk):
        yield [_claim_row(row, cut_off) for row in rows]


def _claim_row(row: Any, cut_off: datetime) -> ClaimRow:
    """A claim as it stood at the cut-off."""

    def then(moment: datetime | None) -> datetime | None:
        return moment if moment is not None and moment <= cut_off else None

    return ClaimRow(
        deal_id=row.deal_id, partner_id=row.partner_id, crm_id=row.crm_id or "", name=row.name, kind=row.kind, reason=row.reason,
        opened_at=row.opened_at, opened_by_id=row.opened_by_id, due=row.due, in_force_at=then(row.in_force_at),
        replaced_at=then(row.replaced_at), ae_id=row.ae_id, ae_for_id=row.ae_for_id, ae_at=row.ae_at, pm_id=row.pm_id,
        pm_for_id=row.pm_for_id, pm_at=row.pm_at,
    )  # fmt: skip


async def credit(session: AsyncSession, snapshot: Snapshot, chunk: int = CHUNK) -> AsyncIterator[list[CreditRow]]:
    """The quota credit of each won deal by owner and deal: an owner's rows add up to their credit in the facts."""
    ratios = finding.facts_of(snapshot).terms.ratios
    query = (
        select(
            SnapshotLine.deal_id, Deal.crm_id, DealVersion.name, SnapshotLine.owner_id, Person.name.label("owner"),
            SnapshotLine.kind, SnapshotLine.state, SnapshotLine.value,
        )
        .join(Deal, Deal.id == SnapshotLine.deal_id)
        .join(DealVersion, DealVersion.id == SnapshotLine.version_id)
        .outerjoin(Person, Person.id == SnapshotLine.owner_id)
        .where(
            SnapshotLine.snapshot_id == snapshot.id, SnapshotLine.category == str(Category.WON),
            SnapshotLine.value.is_not(None),
        )
        .order_by(Person.name, SnapshotLine.owner_id, SnapshotLine.deal_id)
    )  # fmt: skip
    held: list[Any] = []
    async for rows in _chunks(session, query, chunk):
        for row in rows:
            if held and held[-1].owner_id != row.owner_id:
                for found in _pieces(_credit_rows(held, ratios), chunk):
                    yield found
                held = []
            held.append(row)
    for found in _pieces(_credit_rows(held, ratios), chunk):
        yield found


def _credit_rows(held: list[Any], ratios: Any) -> list[CreditRow]:
    """One owner's won deals."""
    won = [Won(row.deal_id, row.owner_id, row.value, row.kind, AttributionState(row.state)) for row in held]
    return [
        CreditRow(
            owner_id=row.owner_id, owner=row.owner or "", deal_id=row.deal_id, crm_id=row.crm_id or "", name=row.name,
            kind=row.kind, state=row.state, value=row.value, ratio=one.ratio, credit=one.credit,
        )
        for row, one in zip(held, by_deal(won, ratios), strict=True)
    ]  # fmt: skip


def _pieces(rows: list[CreditRow], chunk: int) -> Iterator[list[CreditRow]]:
    for place in range(0, len(rows), chunk):
        yield rows[place : place + chunk]
