"""A CRM's stage history applied: versions before the first one we know, so that "days since it moved" is right at once.

History lies before the installation and only there: a version of ours, the current one above all, is never touched.
What the history does not say (name, account, owner, partner) is taken from the earliest version we have.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import Any

from sqlalchemy import delete, false, func, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.deals import COPIED, standing
from models.domain.deals import DEFAULT_STAGES, Category, StageTable, Standing, movement, moves_between
from models.domain.files.encoding import Document, document
from models.domain.files.history import History, HistoryRow, parse_history
from models.domain.files.ids import record_key
from models.domain.files.mapping import DateOrder, Mapping
from models.domain.money import DecimalMark
from models.domain.text import count
from models.imports import run
from models.imports.ground import saved_mapping
from models.imports.result import ImportResult, capped, refuse
from models.tables import Deal, DealVersion, ImportRun

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


@dataclass
class Told:
    """A stage history that was read: its rows by the key of the deal, and the deals here that it tells of, by their ids."""

    history: History
    by_deal: dict[str, list[HistoryRow]]
    known: dict[str, tuple[int, str]]

    def chunks(self) -> Iterator[list[str]]:
        """The keys of known deals, a chunk at a time, in one order everywhere."""
        there = sorted((found for found in self.by_deal if found in self.known), key=lambda found: self.known[found][0])
        for start in range(0, len(there), CHUNK):
            yield there[start : start + CHUNK]

    @property
    def here(self) -> int:
        return sum(1 for found in self.by_deal if found in self.known)


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

    `zone` is where hours without an offset were read off a clock. A fuller history replaces a shorter one. The steps are
    `history_ground`, `tell`, and for each chunk of deals `plan_past` and `write_past`.

    Raises:
        BadFile: every problem of the file, unless `skip_bad` leaves the bad lines out. Nothing was written.
    """
    given = document(text)
    known, mapping = await history_ground(session, dates=dates, decimal=decimal)
    told = tell(
        given, known, mapping, file_name=file_name, skip_bad=skip_bad, stages=stages, zone=zone,
        company_currency=company_currency,
    )  # fmt: skip
    this = await run.begin(session, "history", digest=given.digest(), file_name=file_name, now=now, by_id=by_id)
    for chunk in told.chunks():
        past = await plan_past(session, told, chunk, stages)
        await write_past(session, past, this.id)
        this.changed += len(past)
    count_run(this, told)
    return history_result(told, file_name, changed=this.changed, run_id=this.id)


async def history_ground(
    session: AsyncSession,
    *,
    dates: DateOrder | None = None,
    decimal: DecimalMark | None = None,
    allowed: Collection[int] | None = None,
    run_id: int | None = None,
    stages: AnyMapping[str, Category] | None = None,
) -> tuple[dict[str, tuple[int, str]], Mapping]:
    """The deals a history may tell of (their ids and currencies by CRM id), and how to read it. Two statements.

    `allowed` are the partners of which the person may import; None is all. `run_id` is a staged import whose deals count
    too, since the history comes with them; `stages` are what the options say of stages nobody knows.
    """
    saved = await saved_mapping(session)
    told = saved.with_options(dates=dates, decimal=decimal)
    told = told.model_copy(update={"stages": {**told.stages, **(stages or {})}})
    return await _currencies(session, allowed, run_id), told


def tell(
    given: Document,
    known: dict[str, tuple[int, str]],
    mapping: Mapping,
    *,
    file_name: str,
    skip_bad: bool,
    stages: StageTable,
    zone: tzinfo,
    company_currency: str,
) -> Told:
    """Read the file. BadFile as `import_history`."""
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
    by_deal: dict[str, list[HistoryRow]] = {}
    for row in told.rows:
        by_deal.setdefault(row.crm_id, []).append(row)
    return Told(told, by_deal, known)


def count_run(this: ImportRun, told: Told) -> None:
    this.unchanged = told.here - this.changed
    this.skipped = len({problem.line for problem in told.history.problems})


def history_result(
    told: Told, file_name: str, *, changed: int, run_id: int | None = None, coming: frozenset[str] = frozenset()
) -> ImportResult:
    """What a history did or would do. `coming` are deals that are not here yet and come with the file beside it."""
    new = len(coming - set(told.known))
    strangers = len(told.by_deal) - told.here - new
    unknown = (
        [f"{count(strangers, 'deal')} of the history not known here: import the deals first."] if strangers else []
    )
    return ImportResult(
        kind="history",
        file_name=file_name,
        changed=changed,
        unchanged=told.here + new - changed,
        skipped=len({problem.line for problem in told.history.problems}),
        lines=capped([f"{count(changed, 'deal')} with a past from {file_name}"] if changed else []),
        problems=told.history.problems,
        warnings=(*told.history.warnings, *unknown),
        match=told.history.survey.lines(),
        run_id=run_id,
    )


async def _currencies(
    session: AsyncSession, allowed: Collection[int] | None, run_id: int | None
) -> dict[str, tuple[int, str]]:
    """The id and the currency of each deal that came from a CRM, by the key of its CRM id; one statement."""
    query = (
        select(Deal.crm_id, Deal.id, DealVersion.currency)
        .join(DealVersion, DealVersion.deal_id == Deal.id)
        .where(
            Deal.crm_id.is_not(None),
            DealVersion.valid_to.is_(None),
            or_(DealVersion.id == Deal.version_id, DealVersion.import_id == run_id if run_id is not None else false()),
        )
        .order_by(DealVersion.id)  # of a deal whose change is being staged the last one counts
    )
    if allowed is not None:
        query = query.where(DealVersion.partner_id.in_(allowed))
    rows = await session.execute(query)
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


async def plan_past(
    session: AsyncSession, told: Told, chunk: Sequence[str], stages: StageTable
) -> list[tuple[Deal, DealVersion, _Past]]:
    """The deals of a chunk whose past differs from what is there, each with its first version of ours."""
    ids = [told.known[found][0] for found in chunk]
    firsts = await _first_versions(session, ids)
    there: dict[int, list[DealVersion]] = {}
    for version in await session.scalars(
        select(DealVersion)
        .where(DealVersion.deal_id.in_(ids), DealVersion.source == SOURCE)
        .order_by(DealVersion.valid_from, DealVersion.id)
    ):
        there.setdefault(version.deal_id, []).append(version)
    differing: list[tuple[Deal, DealVersion, _Past]] = []
    for found in chunk:
        if told.known[found][0] not in firsts:
            continue  # merged into another deal, or taken back, since the file was read
        deal, first = firsts[told.known[found][0]]
        past = _past(told.by_deal[found], first, told.history.carried, stages)
        same = _print([_values(version) for version in there.get(deal.id, [])])
        if past is not None and _print(past.versions) != same:
            differing.append((deal, first, past))
    return differing


async def write_past(session: AsyncSession, pasts: Sequence[tuple[Deal, DealVersion, _Past]], import_id: int) -> None:
    """Write what `plan_past` found in the same transaction."""
    if not pasts:
        return
    rows: list[dict[str, Any]] = []
    for deal, first, past in pasts:
        deal.first_seen_at = past.begins
        if deal.moved_at is None or deal.moved_at < first.valid_from:  # else it has moved since we know it
            deal.moved_at = past.moved_at
        rows += [{**values, "deal_id": deal.id, "import_id": import_id} for values in past.versions]
    ids = [deal.id for deal, _, _ in pasts]
    await session.execute(delete(DealVersion).where(DealVersion.deal_id.in_(ids), DealVersion.source == SOURCE))
    await session.execute(insert(DealVersion), rows)


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
