"""A CRM's stage history applied: versions before the first one we know, so that "days since it moved" is right at once.

History lies before the installation and only there: a version of ours, the current one above all, is never touched.
What the history does not say (name, account, owner, partner) is taken from the earliest version we have.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.deals import COPIED, standing
from models.domain.deals import DEFAULT_STAGES, StageTable, Standing, movement, moves_between
from models.domain.files.encoding import Document, document
from models.domain.files.history import History, HistoryRow, parse_history
from models.domain.files.ids import record_key
from models.domain.files.mapping import DateOrder
from models.domain.money import DecimalMark
from models.domain.text import count
from models.imports import run
from models.imports.deals import saved_mapping
from models.imports.result import ImportResult, capped, refuse
from models.tables import Deal, DealVersion

SOURCE = "history"
"""The source of a version that a stage history told."""
CHUNK = 500

_TOLD = ("stage", "category", "amount", "close_date")


@dataclass(frozen=True)
class _Past:
    """A deal's versions before ours: when each began, what it said, and how it moved against the one before."""

    versions: tuple[dict[str, Any], ...]
    begins: datetime
    moved_at: datetime | None


async def import_history(
    session: AsyncSession,
    text: str | Document,
    *,
    file_name: str,
    now: datetime,
    zone: tzinfo,
    by_id: int | None = None,
    dates: DateOrder | None = None,
    decimal: DecimalMark | None = None,
    skip_bad: bool = False,
    stages: StageTable = DEFAULT_STAGES,
    company_currency: str = "USD",
) -> ImportResult:
    """Give known deals the past their CRM remembers, in the caller's transaction; the same file twice changes nothing.

    `zone` is where hours without an offset were read off a clock. A fuller history replaces a shorter one.

    Raises:
        BadFile: every problem of the file, unless `skip_bad` leaves the bad lines out. Nothing was written.
    """
    given = document(text)
    known = await _currencies(session)
    mapping = (await saved_mapping(session)).with_options(dates=dates, decimal=decimal)
    told = parse_history(
        given,
        mapping=mapping,
        stages=stages,
        zone=zone,
        currencies={crm_id: currency for crm_id, (_, currency) in known.items()},
        company_currency=company_currency,
    )
    if not skip_bad or not told.rows:
        refuse(file_name, told.problems)
    this = await run.begin(session, "history", given, file_name=file_name, now=now, by_id=by_id)
    by_deal: dict[str, list[HistoryRow]] = {}
    for row in told.rows:
        by_deal.setdefault(row.crm_id, []).append(row)
    there = [crm_id for crm_id in by_deal if crm_id in known]
    there.sort(key=lambda crm_id: known[crm_id][0])
    for start in range(0, len(there), CHUNK):
        chunk = there[start : start + CHUNK]
        this.changed += await _apply(
            session, {crm_id: by_deal[crm_id] for crm_id in chunk}, known, told, stages, this.id
        )
    this.unchanged = len(there) - this.changed
    this.skipped = len({problem.line for problem in told.problems})
    strangers = len(by_deal) - len(there)
    unknown = (
        [f"{count(strangers, 'deal')} of the history not known here: import the deals first."] if strangers else []
    )
    return ImportResult(
        "history",
        file_name,
        changed=this.changed,
        unchanged=this.unchanged,
        skipped=this.skipped,
        lines=capped([f"{count(this.changed, 'deal')} with a past from {file_name}"] if this.changed else []),
        problems=told.problems,
        warnings=(*told.warnings, *unknown),
        match=told.survey.lines(),
    )


async def _currencies(session: AsyncSession) -> dict[str, tuple[int, str]]:
    """The id and the currency of each deal that came from a CRM, by the key of its CRM id; one statement."""
    rows = await session.execute(
        select(Deal.crm_id, Deal.id, DealVersion.currency)
        .join(DealVersion, DealVersion.deal_id == Deal.id)
        .where(Deal.crm_id.is_not(None), DealVersion.valid_to.is_(None))
    )
    return {record_key(crm_id or ""): (deal_id, currency) for crm_id, deal_id, currency in rows}


async def _first_versions(session: AsyncSession, deal_ids: Collection[int]) -> dict[int, tuple[Deal, DealVersion]]:
    """Deals, each with its first version that is not history, by the deal's id; held until the transaction ends."""
    first = (
        select(func.min(DealVersion.id))
        .where(DealVersion.deal_id.in_(deal_ids), DealVersion.source != SOURCE)
        .group_by(DealVersion.deal_id)
    )
    rows = await session.execute(
        select(Deal, DealVersion)
        .join(DealVersion, DealVersion.deal_id == Deal.id)
        .where(DealVersion.id.in_(first))
        .order_by(Deal.id)  # one order everywhere, so that two imports never wait for each other
        .with_for_update(of=Deal)
    )
    return {deal.id: (deal, version) for deal, version in rows}


async def _apply(
    session: AsyncSession,
    by_deal: AnyMapping[str, Sequence[HistoryRow]],
    known: AnyMapping[str, tuple[int, str]],
    told: History,
    stages: StageTable,
    import_id: int,
) -> int:
    """Write the past of some deals where it differs from what is there; how many did."""
    ids = [known[crm_id][0] for crm_id in by_deal]
    firsts = await _first_versions(session, ids)
    there: dict[int, list[DealVersion]] = {}
    for version in await session.scalars(
        select(DealVersion)
        .where(DealVersion.deal_id.in_(ids), DealVersion.source == SOURCE)
        .order_by(DealVersion.valid_from, DealVersion.id)
    ):
        there.setdefault(version.deal_id, []).append(version)
    rows: list[dict[str, Any]] = []
    changed: list[int] = []
    for crm_id, history in by_deal.items():
        deal, first = firsts[known[crm_id][0]]
        past = _past(history, first, told.carried, stages)
        if past is None or _print(past.versions) == _print([_values(version) for version in there.get(deal.id, [])]):
            continue
        changed.append(deal.id)
        deal.first_seen_at = past.begins
        if deal.moved_at is None or deal.moved_at < first.valid_from:  # else it has moved since we know it
            deal.moved_at = past.moved_at
        rows += [{**values, "deal_id": deal.id, "import_id": import_id} for values in past.versions]
    if changed:
        await session.execute(delete(DealVersion).where(DealVersion.deal_id.in_(changed), DealVersion.source == SOURCE))
        await session.execute(insert(DealVersion), rows)
    return len(changed)


def _past(
    history: Iterable[HistoryRow], first: DealVersion, carried: frozenset[str], stages: StageTable
) -> _Past | None:
    """The versions before `first` that a deal's history makes; None when all of it lies after."""
    changes = list(_one_each(sorted((row for row in history if row.at < first.valid_from), key=lambda row: row.at)))
    if not changes:
        return None
    copied = {name: getattr(first, name) for name in COPIED} | {"said": {}}
    versions: list[dict[str, Any]] = []
    before: Standing | None = None
    moved_at: datetime | None = None
    for place, row in enumerate(changes):
        after = _standing(row, first, carried)
        moves = moves_between(before, after, stages) if before else ()
        if any(move.forward for move in moves):
            moved_at = row.at
        versions.append(
            {
                **copied,
                **{name: getattr(after, name) for name in _TOLD},
                "valid_from": row.at,
                "valid_to": changes[place + 1].at if place + 1 < len(changes) else first.valid_from,
                "reported_at": row.at,
                "by_id": None,
                "source": SOURCE,
                "movement": movement(moves),
                "moves": [move.as_json() for move in moves],
            }
        )
        before = after
    return _Past(tuple(versions), changes[0].at, moved_at)


def _one_each(rows: Iterable[HistoryRow]) -> Iterator[HistoryRow]:
    """Of several changes in one moment the last of the file: exports know minutes, not seconds."""
    held: HistoryRow | None = None
    for row in rows:
        if held is not None and held.at != row.at:
            yield held
        held = row
    if held is not None:
        yield held


def _standing(row: HistoryRow, first: DealVersion, carried: frozenset[str]) -> Standing:
    """What the deal was; a field the file has no column for is as in the first version, so that it never moved."""
    known = replace(standing(first), stage=row.stage, category=row.category.value)
    if "amount" in carried:
        known = replace(known, amount=row.amount)
    return replace(known, close_date=row.close_date) if "close_date" in carried else known


def _values(version: DealVersion) -> dict[str, Any]:
    return {name: getattr(version, name) for name in (*_TOLD, "valid_from", "valid_to")}


def _print(versions: Iterable[AnyMapping[str, Any]]) -> list[tuple[Any, ...]]:
    """What of a past decides whether it is the same."""
    return [tuple(values[name] for name in (*_TOLD, "valid_from", "valid_to")) for values in versions]
