"""A deals file applied: new deals, changed fields as new versions, missing deals flagged.

The file is compared with the previous file, never with what is stored: a field somebody changed here stays until the
CRM itself changes it. Reading takes the same number of statements for one deal and for ten thousand.
"""

from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.deals import Source
from models.domain.deals import DEFAULT_STAGES, StageTable
from models.domain.errors import BadFile, UserError
from models.domain.files.accounts import parse_accounts
from models.domain.files.deal_rows import DealRow
from models.domain.files.deals import ParsedFile, parse_deals
from models.domain.files.encoding import Document, document
from models.domain.files.fields import DEALS
from models.domain.files.headers import LEFT_OUT, normal
from models.domain.files.ids import record_key
from models.domain.files.layout import layout_of
from models.domain.files.mapping import SETTING, DateOrder, Mapping
from models.domain.files.problems import Problem
from models.domain.money import DecimalMark, known_currency
from models.domain.text import count, near
from models.imports import records, run
from models.imports.apply import Known, Work, words
from models.imports.lookup import Owners, Partners, Unresolved, read_owners, read_partners
from models.imports.records import Record
from models.imports.result import ImportResult, capped, refuse
from models.tables import CrmRecord, ImportRun, Setting


@dataclass
class Plan:
    """What applying the file will do, worked out before anything is written."""

    new: dict[str, Record] = field(default_factory=dict)
    changed: dict[str, tuple[Known, Record]] = field(default_factory=dict)
    same: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


async def crm_as_of(session: AsyncSession) -> datetime | None:
    """The business time of the latest deals file, which every artifact prints; None before the first."""
    return await session.scalar(
        select(ImportRun.at).where(ImportRun.kind == "deals").order_by(ImportRun.at.desc()).limit(1)
    )


async def import_deals(
    session: AsyncSession,
    text: str | Document,
    *,
    file_name: str,
    now: datetime,
    by_id: int | None = None,
    partner: str | None = None,
    owner: str | None = None,
    currency: str | None = None,
    dates: DateOrder | None = None,
    decimal: DecimalMark | None = None,
    columns: AnyMapping[str, str] | None = None,
    accounts: str | Document | None = None,
    skip_bad: bool = False,
    complete: bool = True,
    stages: StageTable = DEFAULT_STAGES,
    mapping: Mapping | None = None,
    save_mapping: bool = True,
    company_currency: str = "USD",
) -> ImportResult:
    """Apply a deals file in the caller's transaction.

    `partner` (a name), `owner` (an e-mail or name), `currency`, `dates` and `decimal` stand for what the file does not
    say, and stand in for a partner or owner it names but nobody knows; `columns` says what headers mean (a field, or
    nothing to leave the column out). `accounts` is an accounts file. `complete` says that a deal which is not in the
    file is gone from the CRM. Without `mapping` the saved one is used; either way the options given become part of it
    and are remembered with `save_mapping`.

    Raises:
        BadFile: every problem of the file, unless `skip_bad` leaves the bad lines out. Nothing was written.
        UserError: an option names nobody or nothing we know.
    """
    _check_currency(currency)
    before = await crm_as_of(session)
    if before is not None and now < before:
        raise BadFile(f"{file_name} was not imported: a file of a later time ({before:%d %b %Y %H:%M} UTC) already is.")
    saved = mapping if mapping is not None else await saved_mapping(session)
    text = document(text)
    check_columns(text, columns or {})
    used = saved.with_options(
        partner=partner, owner=owner, currency=currency, dates=dates, decimal=decimal, columns=columns
    )
    parsed = parse_deals(
        text,
        mapping=used,
        accounts=parse_accounts(accounts) if accounts is not None else None,
        stages=stages,
        company_currency=company_currency,
    )
    owners = await read_owners(session, used, owner)
    partners = await read_partners(session, used, partner)
    known = await _known(session)
    parsed = as_stored(parsed, known)
    plan = _plan(parsed, known, owners, partners)
    if not skip_bad:
        refuse(file_name, plan.problems)
    elif not (plan.new or plan.changed or plan.same):
        refuse(file_name, plan.problems)  # nothing good is left to take
    this = await run.begin(session, "deals", text, file_name=file_name, now=now, by_id=by_id)
    work = Work(session, this, Source(now, by_id, "import", this.id), stages, words(owners, partners))
    await work.create(plan.new)
    await work.change(plan.changed)
    warnings = [*parsed.warnings, *owners.warnings(), *partners.warnings()]
    await work.mark_returned({known[crm_id].deal_id for crm_id in set(known) & parsed.seen})
    if complete and any(problem.lost for problem in plan.problems):
        warnings.append("Some lines could not be read at all, so no deal was flagged as missing.")
    elif complete:
        warnings += await work.mark_missing({known[crm_id].deal_id for crm_id in set(known) - parsed.seen}, len(known))
    await work.mark_seen(set(known) & parsed.seen, everything=parsed.seen >= set(known))
    if save_mapping:
        await _save_mapping(session, _learnt(used, parsed, owners, partners), now, by_id)
    if parsed.deleted:
        warnings.append(f"{count(parsed.deleted, 'line')} left out: deleted in the CRM.")
    this.created, this.changed, this.missing = len(plan.new), len(work.altered), work.missing
    this.unchanged = len(plan.same) + len(plan.changed) - this.changed
    this.skipped = len({problem.line for problem in plan.problems})
    return ImportResult(
        "deals",
        file_name,
        created=this.created,
        changed=this.changed,
        unchanged=this.unchanged,
        missing=this.missing,
        skipped=this.skipped,
        lines=capped(work.lines),
        problems=tuple(sorted(plan.problems, key=lambda problem: problem.line)),
        warnings=tuple(warnings),
        match=parsed.survey.lines(),
    )


async def saved_mapping(session: AsyncSession) -> Mapping:
    """The mapping remembered from earlier imports; an empty one before the first."""
    setting = await session.get(Setting, SETTING)
    return Mapping.from_json(setting.value if setting else None)


def _check_currency(code: str | None) -> None:
    if code is not None and not known_currency(code):
        raise UserError(f"--currency: “{code}” is not a currency code. Use one like USD, EUR or JPY.")


def check_columns(text: Document, columns: AnyMapping[str, str]) -> None:
    """Refuse an option that names a header the file lacks or a field that does not exist, with the nearest names.

    Raises:
        UserError: says which, and what there is.
    """
    headers = layout_of(text).headers if columns else ()
    for header, meant in columns.items():
        if meant != LEFT_OUT and meant not in DEALS:
            raise UserError(f"--map: “{meant}” is no field of a deal. It can be one of: {', '.join(DEALS)}.")
        if normal(header) not in {normal(found) for found in headers}:
            alike = near(header, headers)
            hint = f" Did you mean {' or '.join(f'“{found}”' for found in alike)}?" if alike else ""
            raise UserError(f"--map: this file has no column “{header}”.{hint}")


def as_stored(parsed: ParsedFile, known: AnyMapping[str, object]) -> ParsedFile:
    """The file with the ids that its deals have here: what was stored by 15 characters is found by 18 as well."""
    other = {record_key(crm_id): crm_id for crm_id in known if record_key(crm_id) != crm_id}
    if not other:
        return parsed
    rows = tuple(row.model_copy(update={"crm_id": other.get(row.crm_id, row.crm_id)}) for row in parsed.rows)
    return replace(parsed, rows=rows, seen=frozenset(other.get(crm_id, crm_id) for crm_id in parsed.seen))


async def _known(session: AsyncSession) -> dict[str, Known]:
    rows = await session.execute(select(CrmRecord.crm_id, CrmRecord.deal_id, CrmRecord.values))
    return {crm_id: Known(deal_id, values) for crm_id, deal_id, values in rows}


def _plan(parsed: ParsedFile, known: AnyMapping[str, Known], owners: Owners, partners: Partners) -> Plan:
    plan = Plan(problems=list(parsed.problems))
    for row in parsed.rows:
        before = known.get(row.crm_id)
        resolved = _resolve(row, parsed, before, owners, partners)
        if not isinstance(resolved, dict):
            plan.problems += resolved
        elif before is None:
            plan.new[row.crm_id] = resolved
        else:
            record = records.merged(before.values, resolved, parsed.carried)
            if record == before.values:
                plan.same.append(row.crm_id)
            else:
                plan.changed[row.crm_id] = (before, record)
    return plan


def _resolve(
    row: DealRow, parsed: ParsedFile, before: Known | None, owners: Owners, partners: Partners
) -> Record | list[Problem]:
    """The row as a record, or everything it names that we do not know."""
    problems: list[Problem] = []
    owner_id = 0
    try:
        owner_id = owners.find(row.owner, before=before.values["owner_id"] if before else None)
    except Unresolved as error:
        problems.append(Problem(row.line, parsed.header("owner"), str(error)))
    partner_ids: list[int] = []
    for name, _, _ in row.partners:
        try:
            partner_ids.append(partners.find(name))
        except Unresolved as error:
            problems.append(Problem(row.line, parsed.header("partner"), str(error)))
    if len(set(partner_ids)) < len(partner_ids):
        reason = "Two names on this line mean the same partner. Name it once."
        problems.append(Problem(row.line, parsed.header("partner"), reason))
    return problems or records.record_of(row, owner_id=owner_id, partner_ids=tuple(partner_ids))


def _learnt(used: Mapping, parsed: ParsedFile, owners: Owners, partners: Partners) -> Mapping:
    """The mapping with what this import found out: who stood in for whom, and the order of its dates."""
    return used.model_copy(
        update={
            "owners": {**used.owners, **owners.learnt},
            "partners": {**used.partners, **partners.learnt},
            "dates": used.dates or parsed.date_order,
        }
    )


async def _save_mapping(session: AsyncSession, mapping: Mapping, now: datetime, by_id: int | None) -> None:
    setting = await session.get(Setting, SETTING)
    value = mapping.as_json()
    if setting is None:
        if mapping != Mapping():
            session.add(Setting(name=SETTING, value=value, changed_at=now, by_id=by_id))
    elif setting.value != value:
        setting.value, setting.changed_at, setting.by_id = value, now, by_id
