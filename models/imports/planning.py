"""What a batch of a deals file would do, worked out before anything is written.

The file is compared with the previous file, never with what is stored: a field somebody changed here stays until the
CRM itself changes it. A batch takes the same number of statements however many deals are in it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import SimpleNamespace
from typing import Any, cast

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.deals import COPIED, PRESENT, spoken
from models.domain.deals import StageTable, movement, moves_between
from models.domain.files.deal_rows import DealRow
from models.domain.files.problems import Problem
from models.imports import records
from models.imports.describe import Words
from models.imports.ground import Ground
from models.imports.lookup import Unresolved
from models.imports.records import Record
from models.imports.result import Tally
from models.tables import CrmRecord, Deal, DealPartner, DealVersion

Links = dict[int, tuple[str, int, bool]]
"""Partner id to role, share in basis points, and whether it is the primary one."""


@dataclass(frozen=True)
class Known:
    """What the previous file said of a deal, which version of it stands, and since when it was missing."""

    crm_id: str
    deal_id: int
    values: Record
    version_id: int | None
    missing_since: datetime | None


@dataclass(frozen=True)
class Alteration:
    """What a new word of the CRM does to the version that stands: `wanted` columns (none: it says so already), links."""

    wanted: dict[str, Any]
    relinked: bool
    line: str

    @property
    def alters(self) -> bool:
        return bool(self.wanted) or self.relinked


@dataclass
class Batch:
    """`new`: records by CRM id. `changed`: known deals with their new record and what it alters. `returned`: back again."""

    new: dict[str, Record] = field(default_factory=dict)
    changed: list[tuple[Known, Record, Alteration, DealVersion]] = field(default_factory=list)
    returned: list[Known] = field(default_factory=list)


async def plan(
    session: AsyncSession, ground: Ground, rows: Iterable[DealRow | Problem], header: Mapping[str, str], tally: Tally
) -> Batch:
    """Work out one batch of lines and count it. `header` gives the file's own header of a field."""
    batch, deals = Batch(), []
    for row in rows:
        tally.rows += 1
        if isinstance(row, Problem):
            tally.refuse(row)
        else:
            deals.append(row)
    before = await _known(session, [row.crm_id for row in deals])
    altered: list[tuple[Known, Record]] = []
    for row in deals:
        known = before.get(row.crm_id)
        resolved = _resolve(row, known, ground, header)
        ground.words.partners.update(ground.partners.made_names())
        if resolved is None:
            tally.outside += 1
        elif isinstance(resolved, list):
            tally.refuse(*resolved)
        elif known is None:
            _new(batch, row.crm_id, resolved, ground.words, tally)
        else:
            _again(batch, known, records.merged(known.values, resolved, ground.carried), altered, tally)
    await _alter(session, batch, altered, ground, tally)
    for known in batch.returned:
        tally.describe(f"{ground.words.name(known.values)}: is in the export again")
    return batch


def _again(batch: Batch, known: Known, record: Record, altered: list[tuple[Known, Record]], tally: Tally) -> None:
    """A deal that is known: back again, altered, or as it was."""
    back = known.missing_since is not None
    if back:
        batch.returned.append(known)
    if record != known.values:
        altered.append((known, record))
    else:
        tally.changed += back
        tally.unchanged += not back


def _new(batch: Batch, crm_id: str, record: Record, words: Words, tally: Tally) -> None:
    batch.new[crm_id] = record
    tally.created += 1
    if tally.wants_words:
        tally.describe(words.created(records.version_values(record)))
    else:
        tally.described += 1


async def _alter(
    session: AsyncSession, batch: Batch, altered: Sequence[tuple[Known, Record]], ground: Ground, tally: Tally
) -> None:
    if not altered:
        return
    ids = [known.deal_id for known, _ in altered]
    versions = await _present(session, ids)
    relinked = [
        known.deal_id for known, record in altered if "partners" in records.changed_fields(known.values, record)
    ]
    links = await links_of(session, relinked)
    back = {known.deal_id for known in batch.returned}
    for known, record in altered:
        found = alteration(versions[known.deal_id], links.get(known.deal_id), known.values, record, ground.words)
        batch.changed.append((known, record, found, versions[known.deal_id]))
        if found.alters:
            tally.describe(found.line)
        counted = found.alters or known.deal_id in back
        tally.changed += counted
        tally.unchanged += not counted


def alteration(current: DealVersion, links: Links | None, before: Record, record: Record, words: Words) -> Alteration:
    """What the step from the previous file's record to this one's changes of the version that stands."""
    fields = records.changed_fields(before, record)
    values = records.version_values(record)
    shown = {name: getattr(current, name) for name in values}
    wanted: dict[str, Any] = {
        name: values[name] for name in records.changed_columns(before, record) if values[name] != shown[name]
    }
    said = records.still_said(current.said, fields)
    if said != current.said:
        wanted["said"] = said
    relinked = "partners" in fields and links != records.links(record)
    after = shown | {name: value for name, value in wanted.items() if name != "said"}
    shares = ("partners' parts",) if relinked and "partner_id" not in wanted else ()
    answered = tuple(
        f"the CRM's {name.replace('_', ' ')} now stands over what was said in Slack"
        for name in current.said
        if name not in said
    )
    line = words.changed(shown, after, (*shares, *answered)) if wanted or relinked else ""
    return Alteration(wanted, relinked, line)


def next_version(current: DealVersion, wanted: Mapping[str, Any], stages: StageTable) -> tuple[dict[str, Any], bool]:
    """The columns of the version after `current`, with its movement, and whether anything moved forward."""
    values = {name: getattr(current, name) for name in COPIED} | dict(wanted)
    after = SimpleNamespace(**values)
    moves = moves_between(spoken(current), spoken(cast("DealVersion", after)), stages)
    told = {"movement": movement(moves), "moves": [move.as_json() for move in moves]}
    return values | told, any(move.forward for move in moves)


async def links_of(session: AsyncSession, deal_ids: Collection[int]) -> dict[int, Links]:
    """The present links of these deals; one statement, none for none."""
    if not deal_ids:
        return {}
    rows = await session.scalars(
        select(DealPartner).where(DealPartner.deal_id.in_(deal_ids), DealPartner.valid_to.is_(None))
    )
    found: dict[int, Links] = {deal_id: {} for deal_id in deal_ids}
    for row in rows:
        found[row.deal_id][row.partner_id] = (row.role, row.share, row.is_primary)
    return found


async def _present(session: AsyncSession, deal_ids: Collection[int]) -> dict[int, DealVersion]:
    """The versions that stand, as plain rows: objects of thousands of deals would take six times as long."""
    rows = await session.execute(_STANDING.where(Deal.id.in_(deal_ids)))
    return {row.deal_id: cast("DealVersion", row) for row in rows}


_STANDING = select(DealVersion.id, DealVersion.deal_id, *(getattr(DealVersion, name) for name in COPIED)).join(
    Deal, PRESENT
)


async def _known(session: AsyncSession, crm_ids: Collection[str]) -> dict[str, Known]:
    """What is known of these CRM ids, in one statement."""
    rows = await session.execute(
        select(CrmRecord.crm_id, CrmRecord.deal_id, CrmRecord.values, Deal.version_id, Deal.missing_since)
        .join(Deal, Deal.id == CrmRecord.deal_id)
        .where(CrmRecord.crm_id.in_(crm_ids))
    )
    return {row.crm_id: Known(*row) for row in rows}


def _may(ground: Ground, partner_ids: Sequence[int], before: Known | None) -> bool:
    """Whether the person may bring this line: of all, or of deals that are and were their own partners'."""
    if ground.allowed is None:
        return True
    ours = bool(partner_ids) and partner_ids[0] in ground.allowed
    return ours and (before is None or records.primary(before.values) in ground.allowed)


def _resolve(
    row: DealRow, before: Known | None, ground: Ground, header: Mapping[str, str]
) -> Record | list[Problem] | None:
    """The row as a record, everything it names that is no partner, or None for a line the person may not bring."""
    problems: list[Problem] = []
    partner_ids: list[int] = []
    for name, _, _ in row.partners:
        try:
            partner_ids.append(ground.partners.find(name))
        except Unresolved as error:
            problems.append(Problem(row.line, header.get("partner", "partner"), str(error)))
    if not problems and not _may(ground, partner_ids, before):
        return None
    if len(set(partner_ids)) < len(partner_ids):
        reason = "Two names on this line mean the same partner. Name it once."
        problems.append(Problem(row.line, header.get("partner", "partner"), reason))
    if problems:
        return problems
    known = before.values["owner_id"] if before else None
    owner = ground.owners.find(row.owner, before=known)
    # A word that means nobody takes nobody's deal away: who had it keeps it until somebody says who is meant.
    kept = known if owner.id is None else owner.id
    return records.record_of(row, owner_id=kept, owner_said=owner.said, partner_ids=tuple(partner_ids))
