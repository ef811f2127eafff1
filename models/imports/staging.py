"""A deals file staged: rows that nobody sees, written batch by batch, each in a short transaction of the caller's.

A new deal has no version that stands; a known one keeps its own beside the staged one. `activating.activate` moves
the pointers; `abandon` takes everything back.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy import text as sql
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from models import changes
from models.deals import Source
from models.domain.errors import UserError
from models.imports import records
from models.imports.ground import Ground
from models.imports.lookup import Partners
from models.imports.planning import Alteration, Batch, Known, next_version
from models.imports.records import Record
from models.tables import Change, CrmRecord, Deal, DealPartner, DealVersion, ImportChange, ImportRun, Partner
from models.tables.base import table_of

UNDER_WAY = ("staging", "activated", "abandoned")
"""An import that is being made, one that everybody sees and that is being tidied up, one that is being taken back."""
LEASE = timedelta(seconds=90)
"""How long (real time) an import may be silent before somebody else takes it for dead."""
CHUNK = 500
"""Ids in one IN list, and rows taken back at once."""

_NEW_DEALS = insert(table_of(Deal)).returning(table_of(Deal).c.crm_id, table_of(Deal).c.id)
_NEW_VERSIONS = insert(table_of(DealVersion))
_STAGED_VERSIONS = insert(table_of(DealVersion)).returning(table_of(DealVersion).c.id, sort_by_parameter_order=True)
_NEW_LINKS = insert(table_of(DealPartner))
_NEW_RECORDS = insert(table_of(CrmRecord))
_NEW_CHANGES = insert(table_of(ImportChange))


@dataclass
class Staging:
    """One import under way. `first_deal` is the lowest id of a deal it made: new deals are all above it."""

    run_id: int
    source: Source
    first_deal: int | None = None


async def begin(
    session: AsyncSession,
    kind: str,
    *,
    digest: str,
    file_name: str,
    now: datetime,
    real_now: datetime,
    by_id: int | None,
) -> Staging:
    """Open an import; nobody sees it yet. `digest` is the file's, worked out before: that takes a pass over all of it.

    Raises:
        UserError: another one is under way: two at once would each compare with what the other is changing.
    """
    await _one_at_a_time(session)
    await refuse_while_busy(session)
    run = ImportRun(
        kind=kind, file_name=file_name, digest=digest, at=now, by_id=by_id, state="staging",
        lease_until=real_now + LEASE,
    )  # fmt: skip
    session.add(run)
    await session.flush()
    return Staging(run.id, Source(now, by_id, "import", run.id))


async def refuse_while_busy(session: AsyncSession) -> None:
    """Raise UserError while a deals file is being imported, or something of one is left to do."""
    busy = await session.scalar(select(ImportRun.file_name).where(ImportRun.state.in_(UNDER_WAY)).limit(1))
    if busy is not None:
        raise UserError(f"{busy} is being imported at this moment. Try again when it has finished, in a minute or two.")


async def _one_at_a_time(session: AsyncSession) -> None:
    """Two that begin at the same moment come one after the other; SQLite's only writer is ours already."""
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(sql("LOCK TABLE import_run IN SHARE ROW EXCLUSIVE MODE"))


async def keep_alive(session: AsyncSession, run_id: int, *, real_now: datetime) -> None:
    """Say that somebody is still at work. Raises UserError when another one has taken the import for dead."""
    held = await session.execute(
        update(ImportRun)
        .where(ImportRun.id == run_id, ImportRun.state == "staging")
        .values(lease_until=real_now + LEASE)
    )
    if not held.rowcount:  # type: ignore[attr-defined]
        raise UserError("This import was silent for too long and was taken back. Import the file again.")


async def stage(session: AsyncSession, staging: Staging, batch: Batch, ground: Ground) -> None:
    """Write one batch, by bulk inserts: row by row, ten thousand deals took half a minute."""
    ground.words.partners.update(await make_partners(session, ground.partners, staging.source))
    await _create(session, staging, {crm_id: _named(record, ground) for crm_id, record in batch.new.items()})
    await _change(session, staging, batch, ground)
    if batch.returned:
        rows = [
            _mark(staging, known.deal_id, known.crm_id, "returned", known.missing_since) for known in batch.returned
        ]
        await session.execute(_NEW_CHANGES, rows)


async def stage_missing(session: AsyncSession, staging: Staging, gone: Sequence[tuple[int, str]]) -> None:
    """Deals (id and CRM id) that a complete export no longer holds: to be flagged and asked about, never deleted."""
    if gone:
        await session.execute(
            _NEW_CHANGES, [_mark(staging, deal_id, crm_id, "missing", None) for deal_id, crm_id in gone]
        )


def _mark(staging: Staging, deal_id: int, crm_id: str, kind: str, since: datetime | None) -> dict[str, Any]:
    return {
        "import_id": staging.run_id, "deal_id": deal_id, "kind": kind, "crm_id": crm_id, "base_id": None,
        "version_id": None, "forward": False, "relinked": False,
        "record": {"since": since.isoformat()} if since else None,
    }  # fmt: skip


async def make_partners(session: AsyncSession, partners: Partners, source: Source) -> dict[int, str]:
    """Names that are to become partners and are no rows yet: Tier 2 until somebody tiers them. Their ids and names."""
    found: dict[int, str] = {}
    for made, name in partners.made.items():
        if partners.by_key[made][0] > 0:
            continue
        row = await session.scalar(select(Partner).where(Partner.key == made))  # somebody may have been quicker
        if row is None:
            row = Partner(name=name, key=made, created_at=source.at)
            session.add(row)
            await session.flush()
            partners.ours.append(row.id)
            changes.note(
                session, "partner", row.id, "name", None, name, by_id=source.by_id, source="import", at=source.at
            )  # fmt: skip
        partners.rows[partners.by_key[made][0]] = row.id
        partners.by_key[made] = (row.id, name)
        found[row.id] = name
    return found


def _named(record: Record, ground: Ground) -> Record:
    """The record with the ids of partners that were made for it."""
    rows = ground.partners.rows
    if not rows or all(link[0] > 0 for link in record["partners"]):
        return record
    return {**record, "partners": [[rows.get(link[0], link[0]), *link[1:]] for link in record["partners"]]}


async def _create(session: AsyncSession, staging: Staging, new: dict[str, Record]) -> None:
    if not new:
        return
    at = staging.source.at
    made = await session.execute(
        _NEW_DEALS,
        [
            {
                "crm_id": crm_id, "first_seen_at": at, "joint": False, "amount_shared": False, "partner_owner": "",
                "help_needed": "",
            }
            for crm_id in new
        ],
    )  # fmt: skip
    ids = {crm_id: deal_id for crm_id, deal_id in made if crm_id is not None}
    lowest = min(ids.values())
    staging.first_deal = lowest if staging.first_deal is None else min(lowest, staging.first_deal)
    first = {**_from(staging.source), "said": {}, "movement": "none", "moves": []}
    await session.execute(
        _NEW_VERSIONS,
        [{"deal_id": ids[crm_id], **first, **records.version_values(record)} for crm_id, record in new.items()],
    )
    links = [
        {"deal_id": ids[crm_id], "partner_id": partner_id, "role": role, "share": share, "is_primary": primary,
         "valid_from": at}
        for crm_id, record in new.items()
        for partner_id, (role, share, primary) in records.links(record).items()
    ]  # fmt: skip
    if links:
        await session.execute(_NEW_LINKS, links)
    await session.execute(
        _NEW_RECORDS,
        [
            {
                "crm_id": crm_id, "deal_id": ids[crm_id], "values": record, "import_id": staging.run_id,
                "owner_said": record.get("owner_said", ""),
            }
            for crm_id, record in new.items()
        ],
    )  # fmt: skip


def _from(source: Source) -> dict[str, Any]:
    return {
        "valid_from": source.at, "reported_at": source.at, "by_id": source.by_id, "source": source.name,
        "import_id": source.import_id,
    }  # fmt: skip


async def _change(session: AsyncSession, staging: Staging, batch: Batch, ground: Ground) -> None:
    if not batch.changed:
        return
    rows: list[dict[str, Any]] = []
    versions: list[dict[str, Any]] = []
    homes = await _homes(session, [known.crm_id for known, *_ in batch.changed])
    for planned, record, altered, current in batch.changed:
        known = replace(planned, deal_id=homes.get(planned.crm_id, planned.deal_id))
        named = _named(record, ground)
        row, values = _one_change(staging, known, named, _renamed(altered, named), current, ground)
        rows.append(row)
        if values is not None:
            versions.append(values)
    if versions:
        ids = iter((await session.scalars(_STAGED_VERSIONS, versions)).all())
        for row in rows:
            row["version_id"] = next(ids) if row.pop("new") else None
    else:
        for row in rows:
            row.pop("new")
    await session.execute(_NEW_CHANGES, rows)


async def _homes(session: AsyncSession, crm_ids: Sequence[str]) -> dict[str, int]:
    """Which deal each record belongs to now: two that are the same may have been made one since the batch was planned."""
    rows = await session.execute(select(CrmRecord.crm_id, CrmRecord.deal_id).where(CrmRecord.crm_id.in_(crm_ids)))
    return {crm_id: deal_id for crm_id, deal_id in rows}  # noqa: C416 - rows are no pairs


def _renamed(altered: Alteration, record: Record) -> Alteration:
    """The alteration with the id of a partner that was made for it."""
    if altered.wanted.get("partner_id") is None:
        return altered
    return replace(altered, wanted={**altered.wanted, "partner_id": records.primary(record)})


def _one_change(
    staging: Staging, known: Known, record: Record, altered: Alteration, current: DealVersion, ground: Ground
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The row that says what will happen to the deal, and the version that will stand if its columns change."""
    row = _mark(staging, known.deal_id, known.crm_id, "changed", None) | {
        "base_id": current.id, "record": record, "relinked": altered.relinked, "new": bool(altered.wanted),
    }  # fmt: skip
    if not altered.wanted:
        return row, None
    values, row["forward"] = next_version(current, altered.wanted, ground.stages)
    return row, {"deal_id": known.deal_id, **_from(staging.source), **values}


async def give_up(session: AsyncSession, run_id: int, *, silent_since: datetime | None = None) -> bool:
    """Say that a staged import is not to be: from now on nobody can show it. Whether it is ours to take back.

    `silent_since`: only if its maker's lease ran out before this instant (real time). To be committed before `abandon`.
    """
    wanted = update(ImportRun).where(ImportRun.id == run_id, ImportRun.state == "staging")
    if silent_since is not None:
        wanted = wanted.where(ImportRun.lease_until < silent_since)
    await session.execute(wanted.values(state="abandoned"))
    state = await session.scalar(select(ImportRun.state).where(ImportRun.id == run_id))
    return state == "abandoned"


async def abandon(session: AsyncSession, run_id: int, *, most: int = CHUNK) -> bool:
    """Take back some of what an import staged, and the import itself with the last of it; whether anything is left.

    Only of one that was given up (`give_up`): any other is left as it is.
    """
    run = await session.scalar(select(ImportRun).where(ImportRun.id == run_id).with_for_update())
    if run is None or run.state != "abandoned":
        return False
    stands = select(Deal.version_id).where(Deal.version_id == ImportChange.version_id)
    changed = list(
        await session.scalars(
            select(ImportChange.version_id)
            .where(ImportChange.import_id == run_id, ImportChange.version_id.is_not(None), ~stands.exists())
            .limit(most)
        )
    )
    if changed:
        await session.execute(delete(ImportChange).where(ImportChange.version_id.in_(changed)))
        await session.execute(delete(DealVersion).where(DealVersion.id.in_(changed)))
        return True
    made = list(
        await session.scalars(
            select(CrmRecord.deal_id)
            .join(Deal, Deal.id == CrmRecord.deal_id)
            .where(CrmRecord.import_id == run_id, Deal.version_id.is_(None))
            .limit(most)
        )
    )
    if made:
        for table in (CrmRecord, DealPartner, DealVersion):
            await session.execute(delete(table).where(table.deal_id.in_(made)))
        await session.execute(delete(Deal).where(Deal.id.in_(made)))
        return True
    await session.execute(delete(ImportChange).where(ImportChange.import_id == run_id))
    await session.delete(run)
    return False


async def unmake_partner(session: AsyncSession, partner: Partner) -> None:
    """Take back a partner that was made for a file which was then refused, with its line in the trail.

    One that somebody has used meanwhile stays.
    """
    with suppress(IntegrityError):
        async with session.begin_nested():
            await session.execute(delete(Change).where(Change.entity == "partner", Change.entity_id == partner.id))
            await session.delete(partner)
            await session.flush()


async def dead(session: AsyncSession, *, real_now: datetime) -> tuple[list[int], list[int]]:
    """Imports whose maker is silent: those to be taken back, and those that are visible and only want tidying up."""
    rows = await session.execute(
        select(ImportRun.id, ImportRun.state).where(ImportRun.state.in_(UNDER_WAY), ImportRun.lease_until < real_now)
    )
    found: dict[bool, list[int]] = {True: [], False: []}
    for run_id, state in rows:
        found[state == "activated"].append(run_id)
    return found[False], found[True]
