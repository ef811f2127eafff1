"""A staged import made visible: one short transaction moves the pointers, small ones tidy up behind it.

What the moving costs does not depend on how wide a deal is: it touches the narrow rows of deals alone, so that a hundred
thousand of them are moved in a fraction of a second.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, Row, and_, bindparam, delete, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from models.attributed import SUMMED, known, summing
from models.deals import Source, append_version, lock, set_links
from models.domain.deals import StageTable
from models.imports import records
from models.imports.describe import Words
from models.imports.planning import alteration, links_of
from models.imports.result import Tally
from models.imports.staging import CHUNK, LEASE, Staging
from models.tables import Change, CrmRecord, Deal, DealVersion, ImportChange, ImportRun, UtcDateTime
from models.tables.base import table_of

_AT = bindparam("at", type_=UtcDateTime())
_SHOW_NEW = text(
    "UPDATE deal SET version_id = (SELECT v.id FROM deal_version v WHERE v.deal_id = deal.id AND v.import_id = :run) "
    "WHERE id >= :first AND version_id IS NULL "
    "AND EXISTS (SELECT 1 FROM deal_version v WHERE v.deal_id = deal.id AND v.import_id = :run)"
)
# Where somebody answered meanwhile another version stands than the one this change was worked out from: left alone.
_SHOW_CHANGED = text(
    "UPDATE deal SET version_id = c.version_id, moved_at = CASE WHEN c.forward THEN :at ELSE deal.moved_at END "
    "FROM import_change c WHERE c.import_id = :run AND c.kind = 'changed' AND c.version_id IS NOT NULL "
    "AND c.deal_id = deal.id AND deal.version_id = c.base_id"
).bindparams(_AT)
_FLAG = text(
    "UPDATE deal SET missing_since = :at WHERE id IN "
    "(SELECT c.deal_id FROM import_change c WHERE c.import_id = :run AND c.kind = 'missing')"
).bindparams(_AT)
_UNFLAG = text(
    "UPDATE deal SET missing_since = NULL WHERE id IN "
    "(SELECT c.deal_id FROM import_change c WHERE c.import_id = :run AND c.kind = 'returned')"
)

_BEFORE, _AFTER = aliased(DealVersion), aliased(DealVersion)
_MOVED = (
    select(ImportChange.deal_id)
    .join(_BEFORE, _BEFORE.id == ImportChange.base_id)
    .join(_AFTER, _AFTER.id == ImportChange.version_id)
    .where(
        ImportChange.import_id == bindparam("run"),
        ImportChange.kind == "changed",
        ImportChange.relinked.is_(True),  # says nothing more: the wide versions of no other deal are looked at
        _BEFORE.partner_id.is_distinct_from(_AFTER.partner_id),
    )
)
_SUM_UP = summing(and_(Deal.id.in_(_MOVED), known()))
"""Deals that went to another primary partner: what the one before had signed counts no more."""


async def activate(session: AsyncSession, staging: Staging, tally: Tally, words: Words, stages: StageTable) -> None:
    """Make the import visible, whole, in the caller's transaction. What people said while it was staged stays."""
    run = await session.scalar(select(ImportRun).where(ImportRun.id == staging.run_id).with_for_update())
    if run is None or run.state != "staging":
        raise RuntimeError(f"import {staging.run_id} cannot be activated: it is {run.state if run else 'gone'}")
    await _hold(session, run.id)
    named = {"run": run.id}
    if staging.first_deal is not None:
        await session.execute(_SHOW_NEW, {**named, "first": staging.first_deal})
    await session.execute(_SHOW_CHANGED, {**named, "at": run.at})
    await session.execute(_FLAG, {**named, "at": run.at})
    await session.execute(_UNFLAG, named)
    await session.execute(_SUM_UP, named)
    await _reread(session)
    for crm_id in await _overtaken(session, run.id):
        await _again(session, staging, crm_id, words, stages)
    run.state = "activated"
    run.created, run.changed, run.unchanged = tally.created, tally.changed, tally.unchanged
    run.missing, run.skipped = tally.missing, len(tally.bad)
    await session.flush()


async def _hold(session: AsyncSession, run_id: int) -> None:
    """Lock every deal the import touches, in one order everywhere, so that nobody waits for us while we wait for them.

    SQLite's only writer is ours already; deals that nobody sees yet are nobody else's.
    """
    if session.get_bind().dialect.name != "postgresql":
        return
    touched = select(ImportChange.deal_id).where(ImportChange.import_id == run_id)
    await session.execute(select(Deal.id).where(Deal.id.in_(touched)).order_by(Deal.id).with_for_update())


async def _reread(session: AsyncSession) -> None:
    """Deals that the caller's session holds already: the statements above went past them."""
    for held in list(session.sync_session.identity_map.values()):
        if isinstance(held, Deal):
            await session.refresh(held, ["version_id", "moved_at", "missing_since", *SUMMED])


async def _overtaken(session: AsyncSession, run_id: int) -> Sequence[str]:
    """CRM ids of changed deals of which another version stands: somebody answered or handed them over meanwhile."""
    rows = await session.scalars(
        select(ImportChange.crm_id)
        .join(Deal, Deal.id == ImportChange.deal_id)
        .where(
            ImportChange.import_id == run_id,
            ImportChange.kind == "changed",
            ImportChange.version_id.is_not(None),
            func.coalesce(Deal.version_id, 0) != ImportChange.version_id,
        )
        .order_by(Deal.id)  # one order everywhere, so that two imports never wait for each other
    )
    return rows.all()


async def _again(session: AsyncSession, staging: Staging, crm_id: str, words: Words, stages: StageTable) -> None:
    """The CRM's change on top of what somebody said meanwhile; the version that was staged is taken back."""
    [change] = await session.scalars(
        select(ImportChange).where(
            ImportChange.import_id == staging.run_id, ImportChange.crm_id == crm_id, ImportChange.kind == "changed"
        )
    )
    record = await session.get_one(CrmRecord, crm_id)
    deal, current = await lock(session, record.deal_id)
    links = (await links_of(session, [deal.id]))[deal.id]
    found = alteration(current, links, record.values, change.record or {}, words)
    before = await session.get_one(DealVersion, change.base_id)
    wanted = {**found.wanted, **_younger(before, current, found.wanted)}
    if wanted:
        # Not before what it follows: somebody answered while the file was being read.
        source = replace(staging.source, at=max(staging.source.at, current.valid_from))
        await append_version(session, deal, current, wanted, source, stages=stages)
    stale, change.version_id = change.version_id, None
    await session.flush()
    await session.execute(delete(DealVersion).where(DealVersion.id == stale))


def _younger(before: DealVersion, current: DealVersion, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What was said while the file was being read is younger than the file: it stays, whatever the file changes."""
    if "said" not in wanted:
        return {}
    meanwhile = {name: said for name, said in current.said.items() if before.said.get(name) != said}
    return {"said": {**wanted["said"], **meanwhile}}


async def settle(session: AsyncSession, run_id: int, *, most: int = CHUNK, real_now: datetime | None = None) -> bool:
    """Tidy up behind an import that everybody sees: the CRM's word, parts of partners, closed versions, the trail.

    Whether anything is left to do; `finish` follows then. Any number of times, by anybody, one at a time: it only ever
    does what is not done. `real_now` keeps its maker's lease alive.
    """
    run = await session.scalar(select(ImportRun).where(ImportRun.id == run_id).with_for_update())
    if run is None or run.state != "activated":
        return False
    if real_now is not None:
        run.lease_until = real_now + LEASE
    rows = (await session.execute(_LEFT, {"run": run_id, "most": most})).all()
    if not rows:
        return False
    source = Source(run.at, run.by_id, "import", run.id)
    changed = [row for row in rows if row.kind == "changed"]
    await _close(session, [row for row in changed if row.version_id is not None], source)
    await _remember(session, changed, run_id)
    for row in changed:
        if row.relinked and row.record is not None:
            await set_links(session, row.deal_id, records.links(row.record), at=source.at)
    await _tell(session, [row for row in rows if row.kind != "changed"], source)
    await session.execute(_DONE, [{"run": run_id, "deal": row.deal_id, "what": row.kind} for row in rows])
    return True


async def finish(session: AsyncSession, run_id: int) -> None:
    """Nothing is left to do for this import: the next one may begin."""
    await session.execute(
        update(ImportRun)
        .where(ImportRun.id == run_id, ImportRun.state == "activated")
        .values(state="applied", lease_until=None)
    )


_CHANGES = table_of(ImportChange).c
_LEFT = (
    select(*_CHANGES)
    .where(_CHANGES.import_id == bindparam("run"))
    .order_by(_CHANGES.deal_id, _CHANGES.kind)
    .limit(bindparam("most", type_=Integer()))
)
_DONE = delete(table_of(ImportChange)).where(
    _CHANGES.import_id == bindparam("run"), _CHANGES.deal_id == bindparam("deal"), _CHANGES.kind == bindparam("what")
)


async def _close(session: AsyncSession, rows: Sequence[Row[Any]], source: Source) -> None:
    """The versions that stood before: closed at the import's instant, unless an answer has closed them already."""
    if rows:
        await session.execute(
            update(DealVersion)
            .where(DealVersion.id.in_([row.base_id for row in rows]), DealVersion.valid_to.is_(None))
            .values(valid_to=source.at)
        )


async def _remember(session: AsyncSession, rows: Sequence[Row[Any]], run_id: int) -> None:
    """The CRM's last word on each: what the next file is compared with."""
    if rows:
        await session.execute(
            update(table_of(CrmRecord))
            .where(table_of(CrmRecord).c.crm_id == bindparam("of"))
            .values(values=bindparam("record"), import_id=run_id, owner_said=bindparam("said")),
            [
                {"of": row.crm_id, "record": row.record, "said": (row.record or {}).get("owner_said", "")}
                for row in rows
            ],
        )


async def _tell(session: AsyncSession, rows: Sequence[Row[Any]], source: Source) -> None:
    """The trail of what went missing and what came back."""
    at = source.at.isoformat()
    told: list[dict[str, Any]] = [
        {
            "at": source.at, "by_id": source.by_id, "source": source.name, "entity": "deal", "entity_id": row.deal_id,
            "field": "missing_since", "before": (row.record or {}).get("since"),
            "after": at if row.kind == "missing" else None, "reason": "",
        }
        for row in rows
    ]  # fmt: skip
    if told:
        await session.execute(insert(table_of(Change)), told)
