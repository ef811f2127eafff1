"""The writing half of a deals import: what was planned becomes rows, in the caller's transaction."""

from collections.abc import Iterable, Iterator
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import changes
from models.deals import Source, append_version, current_versions, set_links
from models.domain.deals import StageTable
from models.domain.text import clip, count
from models.imports import records
from models.imports.describe import LONGEST, Words
from models.imports.lookup import Owners, Partners
from models.imports.records import Record
from models.tables import CrmRecord, Deal, DealPartner, DealVersion, ImportRun

CHUNK = 500
"""Ids in one IN list: below SQLite's limit of variables, whatever its build."""

T = TypeVar("T")

_FEW = 4
_NOT_IN_VERSION = frozenset({"account_id"})


@dataclass(frozen=True)
class Known:
    """What the previous file said of a deal."""

    deal_id: int
    values: Record


def words(owners: Owners, partners: Partners) -> Words:
    return Words({human.id: human.name for human in owners.people}, dict(partners.by_key.values()))


@dataclass
class Work:
    """Applies a plan and keeps count: `altered` are the ids of known deals that changed, `lines` what a reader sees."""

    session: AsyncSession
    run: ImportRun
    source: Source
    stages: StageTable
    words: Words
    altered: set[int] = field(default_factory=set)
    missing: int = 0
    lines: list[str] = field(default_factory=list)

    async def create(self, new: AnyMapping[str, Record]) -> None:
        """Deals, their first versions and links, by bulk inserts: row by row, ten thousand deals took half a minute."""
        if not new:
            return
        at = self.source.at
        made = await self.session.execute(
            insert(Deal).returning(Deal.crm_id, Deal.id), [{"crm_id": crm_id, "first_seen_at": at} for crm_id in new]
        )
        ids = {crm_id: deal_id for crm_id, deal_id in made if crm_id is not None}
        values = {crm_id: records.version_values(record) for crm_id, record in new.items()}
        first = {
            "valid_from": at,
            "reported_at": at,
            "by_id": self.source.by_id,
            "source": self.source.name,
            "import_id": self.source.import_id,
        }
        await self.session.execute(
            insert(DealVersion), [{"deal_id": ids[crm_id], **first, **values[crm_id]} for crm_id in new]
        )
        links = [
            {
                "deal_id": ids[crm_id],
                "partner_id": partner_id,
                "role": role,
                "share": share,
                "is_primary": is_primary,
                "valid_from": at,
            }
            for crm_id, record in new.items()
            for partner_id, (role, share, is_primary) in records.links(record).items()
        ]
        if links:
            await self.session.execute(insert(DealPartner), links)
        seen = {"import_id": self.run.id, "seen_import_id": self.run.id}
        await self.session.execute(
            insert(CrmRecord),
            [{"crm_id": crm_id, "deal_id": ids[crm_id], "values": record, **seen} for crm_id, record in new.items()],
        )
        self.lines += [self.words.created(values[crm_id]) for crm_id in new]

    async def change(self, changed: AnyMapping[str, tuple[Known, Record]]) -> None:
        """New versions for what the CRM changed, the deals held chunk by chunk until the transaction ends."""
        for chunk in _chunks(changed.items()):
            ids = [known.deal_id for _, (known, _) in chunk]
            deals = {deal.id: deal for deal in await self._held(ids)}
            versions = await current_versions(self.session, ids)
            for _, (known, record) in chunk:
                await self._change(deals[known.deal_id], versions[known.deal_id], known, record)
            await self.session.execute(
                update(CrmRecord),
                [
                    {"crm_id": crm_id, "values": record, "import_id": self.run.id, "seen_import_id": self.run.id}
                    for crm_id, (_, record) in chunk
                ],
            )

    async def _change(self, deal: Deal, current: DealVersion, known: Known, record: Record) -> None:
        fields = records.changed_fields(known.values, record)
        values = records.version_values(record)
        before = {name: getattr(current, name) for name in values}
        columns = {"partner_id" if name == "partners" else name for name in fields} - _NOT_IN_VERSION
        wanted: dict[str, Any] = {name: values[name] for name in columns if values[name] != before[name]}
        said = records.still_said(current.said, fields)
        if said != current.said:
            wanted["said"] = said
        linked = "partners" in fields and await set_links(
            self.session, deal.id, records.links(record), at=self.source.at
        )
        if not wanted and not linked:
            return  # people had said so here before the CRM did
        after = before
        if wanted:
            await append_version(self.session, deal, current, wanted, self.source, stages=self.stages)
            after = before | {name: value for name, value in wanted.items() if name != "said"}
        self.altered.add(deal.id)
        shares = ("partners' parts",) if linked and "partner_id" not in wanted else ()
        answered = tuple(
            f"the CRM's {name.replace('_', ' ')} now stands over what was said in Slack"
            for name in current.said
            if name not in said
        )
        self.lines.append(self.words.changed(before, after, (*shares, *answered)))

    async def mark_returned(self, deal_ids: set[int]) -> None:
        """Deals that were missing and are in the file again."""
        rows = await self.session.scalars(select(Deal).where(Deal.missing_since.is_not(None)))
        back = [deal for deal in rows if deal.id in deal_ids]
        for deal in back:
            self._flag(deal, missing=False)
            self.altered.add(deal.id)
        await self._describe([deal.id for deal in back], "is in the export again")

    async def mark_missing(self, deal_ids: set[int], known: int) -> list[str]:
        """Deals that a complete export no longer holds: flagged and asked about, never deleted."""
        self.missing = len(deal_ids)
        newly = [
            deal for chunk in _chunks(sorted(deal_ids)) for deal in await self._held(chunk) if not deal.missing_since
        ]
        for deal in newly:
            self._flag(deal, missing=True)
        await self._describe([deal.id for deal in newly], "is missing from the file")
        if known >= _FEW and len(newly) * 2 > known:
            warning = (
                f"{count(len(newly), 'deal')} of the {known} we know are not in this file and were flagged as missing. "
                "If it is not a complete export, import it with --partial."
            )
            return [warning]
        return []

    async def mark_seen(self, crm_ids: set[str], *, everything: bool) -> None:
        if everything:
            await self.session.execute(update(CrmRecord).values(seen_import_id=self.run.id))
            return
        for chunk in _chunks(sorted(crm_ids)):
            await self.session.execute(
                update(CrmRecord).where(CrmRecord.crm_id.in_(chunk)).values(seen_import_id=self.run.id)
            )

    async def _held(self, deal_ids: Iterable[int]) -> list[Deal]:
        wanted = sorted(deal_ids)  # one order everywhere, so that two imports never wait for each other
        return list(
            await self.session.scalars(select(Deal).where(Deal.id.in_(wanted)).order_by(Deal.id).with_for_update())
        )

    def _flag(self, deal: Deal, *, missing: bool) -> None:
        at = self.source.at
        before = deal.missing_since.isoformat() if deal.missing_since else None
        deal.missing_since = at if missing else None
        changes.note(
            self.session,
            "deal",
            deal.id,
            "missing_since",
            before,
            at.isoformat() if missing else None,
            by_id=self.source.by_id,
            source=self.source.name,
            at=at,
        )

    async def _describe(self, deal_ids: list[int], what: str) -> None:
        for chunk in _chunks(deal_ids):
            versions = await current_versions(self.session, chunk)
            self.lines += [f"{clip(versions[deal_id].name, LONGEST)}: {what}" for deal_id in chunk]


def _chunks(items: Iterable[T]) -> Iterator[list[T]]:
    whole = list(items)
    for start in range(0, len(whole), CHUNK):
        yield whole[start : start + CHUNK]
