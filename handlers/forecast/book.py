"""The workbook of a published roll-up: the database's rows, chunk by chunk, into sheets. Flat in memory."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from handlers.files import rows as r
from handlers.files.workbook import Workbook
from models import crews, people
from models.domain.forecast.facts import WHOLE, AttributionState
from models.domain.minutes import Signature
from models.domain.policy import Policy
from models.domain.zones import zone
from models.forecast import finding, lines, rates
from models.forecast.signing_off import ROLES
from models.tables import SignOff, Snapshot

Row = TypeVar("Row")
Into = TypeVar("Into")
BANDS = ("won", "commit", "best_case", "pipeline")
SIGNED = (AttributionState.SIGNED, AttributionState.LATE)


def name_of(snapshot: Snapshot) -> str:
    """`partner-forecast-2026Q1-week-9.xlsx`."""
    return f"partner-forecast-{snapshot.period}-{snapshot.label.replace(' ', '-')}.xlsx"


async def written(session: AsyncSession, snapshot: Snapshot, policy: Policy) -> bytes:
    """The workbook's bytes. Rows are read here and written in a worker thread, so that a click never waits for it."""
    with tempfile.TemporaryDirectory(prefix="cadence-") as folder:
        place = Path(folder) / "roll-up.xlsx"
        await write(session, snapshot, place, policy)
        return await asyncio.to_thread(place.read_bytes)


async def write(session: AsyncSession, snapshot: Snapshot, place: Path, policy: Policy) -> None:
    """The workbook as a file."""
    offs = {found.row.role: found.row for found in await lines.sign_offs(session, snapshot)}
    holders = (await crews.crew(session)).by_role
    book = Workbook(
        str(place),
        finding.facts_of(snapshot),
        await people.directory(session),
        zone=zone(policy.zone),
        sign_offs=[_sign_off(role, offs.get(role), next(iter(holders.get(role, ())), None)) for role in ROLES],
    )
    try:
        await _fill(session, snapshot, book)
        await asyncio.to_thread(book.close)
    except BaseException:
        book.abandon()  # no deal of it stays behind in a temporary folder
        raise


def _sign_off(role: str, row: SignOff | None, holder: int | None) -> Signature:
    """Who has signed, or who is to."""
    return Signature(role=role, person_id=row.person_id if row else holder, at=row.at if row else None)


async def _fill(session: AsyncSession, snapshot: Snapshot, book: Workbook) -> None:
    """Every list, in whatever order: each has a sheet of its own."""
    async for chunk in lines.deals(session, snapshot):
        await asyncio.to_thread(_deals, book, chunk)
    await _feed(lines.parts(session, snapshot), _part, book.parts)
    async for changed in lines.changes(session, snapshot):
        await asyncio.to_thread(book.changes, [found for row in changed for found in _changed(row)])
    await _feed(lines.claims(session, snapshot), _claim, book.attribution)
    await _feed(lines.credit(session, snapshot), _credit, book.credit)
    await _short(session, snapshot, book)


async def _feed(
    chunks: AsyncIterator[list[Row]], turn: Callable[[Row], Into], sheet: Callable[[list[Into]], None]
) -> None:
    async for chunk in chunks:
        await asyncio.to_thread(sheet, [turn(row) for row in chunk])


async def _short(session: AsyncSession, snapshot: Snapshot, book: Workbook) -> None:
    """The lists that are short in every company: signatures, adjustments, targets, rates."""
    signed = await lines.signatures(session, snapshot)
    newest = {found.row.partner_id: found.row.id for found in signed}
    book.signatures(_signature(found, counts=newest[found.row.partner_id] == found.row.id) for found in signed)
    adjusted = await lines.adjustments(session, snapshot)
    last = {found.row.partner_id: found.row.id for found in adjusted}
    facts = finding.facts_of(snapshot)
    pms = {part.partner_id: part.pm_id for part in facts.partners}
    book.adjustments(
        _adjustment(found, pms.get(found.row.partner_id), counts=last[found.row.partner_id] == found.row.id)
        for found in adjusted
    )
    targets = await lines.quotas(session, snapshot)
    standing = {found.row.partner_id: found.row.id for found in targets}
    stated = {part.partner_id: part.quota for part in facts.partners} | {None: facts.quota}
    book.targets(
        _target(found, stated.get(found.row.partner_id), counts=standing[found.row.partner_id] == found.row.id)
        for found in targets
    )
    book.rates(
        r.RateRow(row.currency, row.into, row.day, row.rate, row.at, row.by_id, row.source)
        for row in await rates.list_rates(session, snapshot.currency, until=snapshot.cut_off)
    )


def _deals(book: Workbook, chunk: Sequence[lines.DealRow]) -> None:
    """Each deal, and the whole of it as a part where one partner has it alone."""
    book.deals(
        r.DealRow(row.deal_id, row.crm_id or None, row.name, row.account, row.partner_id, row.pm_id, row.owner_id, row.kind,
                  row.state, row.category, row.close_date, row.currency, row.original, row.rate or None, row.rate_day, row.value)
        for row in chunk
    )  # fmt: skip
    book.parts(
        r.PartRow(row.deal_id, row.name, row.partner_id, row.pm_id, row.category, WHOLE, row.value)
        for row in chunk
        if row.plain
    )


def _part(row: lines.PartRow) -> r.PartRow:
    return r.PartRow(row.deal_id, row.name, row.partner_id, row.pm_id, row.category, row.share, row.value)


def _changed(row: lines.ChangeRow) -> Iterator[r.ChangeRow]:
    """One row for each band that differs; a line that only counts a deal has one too."""
    amounts = [(band, getattr(row.line.bands, band)) for band in BANDS]
    moved = [(band, amount) for band, amount in amounts if amount] or ([("pipeline", 0)] if row.line.deals else [])
    for number, (band, amount) in enumerate(moved):
        yield r.ChangeRow(row.deal_id, row.name, row.line.kind, band, row.partner_id, row.pm_id, amount,
                          row.line.deals if number == 0 else 0)  # fmt: skip


def _claim(row: lines.ClaimRow) -> r.ClaimRow:
    return r.ClaimRow(row.deal_id, row.name, row.partner_id, row.kind, row.reason, row.opened_at, row.opened_by_id, row.due, row.ae_id,
                      row.ae_for_id, row.ae_at, row.pm_id, row.pm_for_id, row.pm_at, row.in_force_at, row.replaced_at)  # fmt: skip


def _credit(row: lines.CreditRow) -> r.CreditRow:
    unsigned = AttributionState(row.state) not in SIGNED
    return r.CreditRow(
        row.deal_id, row.name, row.owner_id, row.kind, row.state, row.ratio, row.value, row.credit, unsigned
    )


def _signature(found: lines.SignatureRow, *, counts: bool) -> r.SignatureRow:
    row = found.row
    return r.SignatureRow(row.partner_id, row.pm_id, row.commit, row.best_case, row.by_id, row.for_id, row.at,
                          row.deals_commit, row.deals_best_case, counts)  # fmt: skip


def _target(found: lines.QuotaRow, stated: int | None, *, counts: bool) -> r.TargetRow:
    """A target as it was entered; what it came to in the roll-up's currency is what the roll-up says."""
    row = found.row
    value = stated if counts and row.amount is not None else None
    return r.TargetRow(row.partner_id, row.currency, row.amount, value, row.at, row.by_id, row.source, counts)


def _adjustment(found: lines.AdjustmentRow, pm_id: int | None, *, counts: bool) -> r.AdjustmentRow:
    row = found.row
    return r.AdjustmentRow(row.partner_id, pm_id, row.commit, row.reason, row.by_id, row.at, counts)
