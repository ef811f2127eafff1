"""A deals file applied: new deals, changed fields as new versions, missing deals flagged.

The steps, in order: `ground.survey_ground` (what is known), `Ground.reader` (the file looked over), then for each batch
`planning.plan` and `staging.stage`, then `missing` and `activating.activate`, and at last `activating.settle`. A long file
takes a transaction for each (`bot/importing.py`); `import_deals` takes the caller's for all of them.
"""

from collections.abc import AsyncIterator, Collection, Iterable, Iterator
from collections.abc import Mapping as AnyMapping
from datetime import datetime
from itertools import islice
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import births
from models.domain.deals import DEFAULT_STAGES, StageTable
from models.domain.files.accounts import parse_accounts
from models.domain.files.deals import DealFile
from models.domain.files.encoding import Document, document
from models.domain.files.mapping import DateOrder, Mapping
from models.domain.money import DecimalMark
from models.domain.policy import Policy
from models.domain.text import count
from models.imports import ground as grounds
from models.imports.activating import activate, finish, settle
from models.imports.ground import Ground, crm_as_of, learnt, saved_mapping, survey_ground
from models.imports.options import Options
from models.imports.planning import plan
from models.imports.result import ImportResult, Open, Tally, refuse
from models.imports.staging import begin, stage, stage_missing
from models.tables import CrmRecord, Deal, DealVersion

__all__ = ["crm_as_of", "import_deals", "saved_mapping"]

BATCH = 500
"""Lines planned and staged at a time: what one short transaction writes."""
KNOWN_PAGE = 5000
_FEW = 4

T = TypeVar("T")


async def import_deals(
    session: AsyncSession,
    text: str | Document,
    *,
    file_name: str,
    now: datetime,
    real_now: datetime | None = None,
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
    create_partners: bool = False,
    allowed: Collection[int] | None = None,
    stages: StageTable = DEFAULT_STAGES,
    mapping: Mapping | None = None,
    save_mapping: bool = True,
    company_currency: str = "USD",
    policy: Policy | None = None,
) -> ImportResult:
    """Apply a deals file in the caller's transaction: for files short enough that everybody may wait for it.

    The options are those of `Options`; without `mapping` the saved one is used, and with `save_mapping` what was learnt is
    remembered. `accounts` is an accounts file. `allowed` are the partners the person may import for; None is all. `policy`
    says when people work, who may be asked about a deal that was born here.

    Raises:
        BadFile: every problem of the file, unless `skip_bad` leaves the bad lines out. Nothing was written.
        UserError: an option names nobody or nothing we know.
    """
    options = Options(
        partner=partner, owner=owner, currency=currency, dates=dates, decimal=decimal, columns=dict(columns or {}),
        skip_bad=skip_bad, complete=complete, create_partners=create_partners,
    )  # fmt: skip
    given = document(text)
    ground = await survey_ground(
        session, given, options, now=now, file_name=file_name, stages=stages, company_currency=company_currency,
        mapping=mapping, allowed=allowed,
    )  # fmt: skip
    file = ground.reader(given, parse_accounts(accounts) if accounts is not None else None)
    header, tally = {field: found for found, field in file.columns.names().items()}, Tally()
    batches = [await plan(session, ground, rows, header, tally) for rows in batched(file.rows(), BATCH)]
    check(file_name, tally, skip_bad=skip_bad)
    staging = await begin(
        session, "deals", digest=given.digest(), file_name=file_name, now=now, real_now=real_now or now, by_id=by_id
    )
    for batch in batches:
        await stage(session, staging, batch, ground)
    async for gone in missing(session, ground, file, tally):
        await stage_missing(session, staging, gone)
    await activate(session, staging, tally, ground.words, stages)
    if save_mapping:
        await remember(session, ground, file, now, by_id)
    while await settle(session, staging.run_id):
        pass
    policy = policy or Policy(stages=stages, currency=company_currency)
    await births.propose(session, staging.run_id, now=now, policy=policy)
    await finish(session, staging.run_id)
    return result(file_name, ground, file, tally, staging.run_id)


def batched(rows: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of `size` items, the last one shorter."""
    source = iter(rows)
    while batch := list(islice(source, size)):
        yield batch


def check(file_name: str, tally: Tally, *, skip_bad: bool) -> None:
    """Raise BadFile with every problem, unless they may be left out and something good is left to take."""
    if tally.found and not (skip_bad and tally.created + tally.changed + tally.unchanged):
        refuse(file_name, tally.problems, tally.found)


async def missing(
    session: AsyncSession, ground: Ground, file: DealFile, tally: Tally
) -> AsyncIterator[list[tuple[int, str]]]:
    """Known deals that a complete file lacks, page by page, counted; those that are newly so as (id, CRM id).

    Asked for after all lines: one that could not be told apart at all may have been any deal.
    """
    if not ground.options.complete:
        return
    if tally.lost:
        tally.warnings.append("Some lines could not be read at all, so no deal was flagged as missing.")
        return
    newly, after, seen = 0, "", file.seen
    while True:
        page = await _known_after(session, ground, after)
        if not page:
            break
        after = page[-1][0]
        gone = [row for row in page if row[0] not in seen]
        tally.missing += len(gone)
        fresh = [(deal_id, crm_id) for crm_id, deal_id, since, _ in gone if since is None]
        newly += len(fresh)
        for _, _, since, name in gone:
            if since is None:
                tally.describe(f"{ground.words.name({'name': name})}: is missing from the file")
        yield fresh
    if ground.known >= _FEW and newly * 2 > ground.known:
        tally.warnings.append(
            f"{count(newly, 'deal')} of the {ground.known} we know are not in this file and were flagged as missing. "
            "If it is not a complete export, import it with --partial."
        )


async def _known_after(
    session: AsyncSession, ground: Ground, after: str
) -> list[tuple[str, int, datetime | None, str]]:
    """The next page of deals that stand, by CRM id: id, deal, since when it is missing, its name."""
    query = (
        select(CrmRecord.crm_id, CrmRecord.deal_id, Deal.missing_since, DealVersion.name)
        .join(Deal, Deal.id == CrmRecord.deal_id)
        .join(DealVersion, DealVersion.id == Deal.version_id)
        .where(CrmRecord.crm_id > after)
        .order_by(CrmRecord.crm_id)
        .limit(KNOWN_PAGE)
    )
    if ground.allowed is not None:
        query = query.where(DealVersion.partner_id.in_(ground.allowed))
    return [(crm_id, deal_id, since, name) for crm_id, deal_id, since, name in await session.execute(query)]


async def remember(session: AsyncSession, ground: Ground, file: DealFile, now: datetime, by_id: int | None) -> None:
    """Save for the team what this file and its options said of how to read the next one."""
    await grounds.save_mapping(session, learnt(ground, file), now, by_id)


def result(file_name: str, ground: Ground, file: DealFile, tally: Tally, run_id: int | None = None) -> ImportResult:
    """What was done (or would be), with everything a person should look at."""
    owners, partners = ground.owners, ground.partners
    warnings = [*file.warnings(), *owners.warnings(), *partners.warnings(), *tally.warnings]
    if file.deleted:
        warnings.append(f"{count(file.deleted, 'line')} left out: deleted in the CRM.")
    if tally.outside:
        warnings.append(f"{count(tally.outside, 'line')} left out: deals of partners that are not yours to import.")
    return ImportResult(
        kind="deals",
        file_name=file_name,
        created=tally.created,
        changed=tally.changed,
        unchanged=tally.unchanged,
        missing=tally.missing,
        skipped=len(tally.bad),
        outside=tally.outside,
        lines=tally.told(),
        problems=tally.sorted_problems(),
        warnings=tuple(warnings),
        match=file.survey.lines(),
        owners=tuple(
            Open(said=said, deals=deals, why=owners.why[said], near=tuple(human.name for human in owners.near(said)))
            for said, deals in owners.open.most_common()
        ),
        partners=tuple(
            Open(said=said, deals=deals, near=tuple(partners.near(said)))
            for said, deals in partners.unknown.most_common()
        ),
        stages=tuple(Open(said=said, deals=lines) for said, lines in file.unknown_stages.most_common()),
        run_id=run_id,
    )
