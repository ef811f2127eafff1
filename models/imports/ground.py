"""What the database says before a line of a deals file is read: who is who, what was remembered, whose file it may be."""

from collections.abc import Collection
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.domain.deals import DEFAULT_STAGES, StageTable
from models.domain.errors import BadFile, UserError
from models.domain.files.accounts import Accounts
from models.domain.files.deals import DealFile, deal_file
from models.domain.files.encoding import Document
from models.domain.files.fields import DEALS
from models.domain.files.headers import LEFT_OUT, normal
from models.domain.files.layout import layout_of
from models.domain.files.mapping import SETTING, Mapping
from models.domain.text import near
from models.imports.describe import Words
from models.imports.lookup import Owners, Partners, read_owners, read_partners
from models.imports.options import Options
from models.tables import CrmRecord, Deal, DealVersion, ImportRun, Setting

SEEN = ("activated", "applied")
"""The states of an import that everybody sees."""


@dataclass
class Ground:
    """What a file is read and compared by. `allowed` are the partners somebody may import for; None is all.

    `carried` are the fields the file speaks of, known once it was looked over. `known` counts the deals that are known
    already, as far as the person may import them.
    """

    used: Mapping
    options: Options
    owners: Owners
    partners: Partners
    words: Words
    stages: StageTable
    company_currency: str
    known: int
    allowed: frozenset[int] | None = None
    carried: frozenset[str] = field(default_factory=frozenset)

    def reader(self, text: Document, accounts: Accounts | None = None) -> DealFile:
        """Look the file over: one whole pass over it, so not for the event loop's own thread when it is long.

        Raises:
            BadFile: it cannot be read as deals.
        """
        file = deal_file(
            text, mapping=self.used, accounts=accounts, stages=self.stages, company_currency=self.company_currency
        )
        self.carried = file.carried
        return file


async def survey_ground(
    session: AsyncSession,
    text: Document,
    options: Options,
    *,
    now: datetime,
    file_name: str,
    stages: StageTable = DEFAULT_STAGES,
    company_currency: str = "USD",
    mapping: Mapping | None = None,
    allowed: Collection[int] | None = None,
) -> Ground:
    """Read what a deals import needs to know; six statements at most. `mapping` stands for the saved one.

    Raises:
        BadFile: a file of a later time was imported already.
        UserError: an option names nobody or nothing we know.
    """
    before = await crm_as_of(session)
    if before is not None and now < before:
        raise BadFile(f"{file_name} was not imported: a file of a later time ({before:%d %b %Y %H:%M} UTC) already is.")
    check_columns(text, options.columns)
    used = options.mapping(mapping if mapping is not None else await saved_mapping(session))
    owners = await read_owners(session, used, options.owner if options.stand_in else None)
    partners = await read_partners(session, used, options.partner, create=options.create_partners)
    words = Words({human.id: human.name for human in owners.people}, dict(partners.by_key.values()))
    scope = frozenset(allowed) if allowed is not None else None
    known = await count_known(session, scope)
    return Ground(used, options, owners, partners, words, stages, company_currency, known, scope)


async def crm_as_of(session: AsyncSession) -> datetime | None:
    """The business time of the latest deals file, which every artifact prints; None before the first."""
    return await session.scalar(
        select(ImportRun.at)
        .where(ImportRun.kind == "deals", ImportRun.state.in_(SEEN))
        .order_by(ImportRun.at.desc())
        .limit(1)
    )


async def count_known(session: AsyncSession, allowed: frozenset[int] | None) -> int:
    query = select(func.count()).select_from(CrmRecord)
    if allowed is not None:
        query = (
            query.join(Deal, Deal.id == CrmRecord.deal_id)
            .join(DealVersion, DealVersion.id == Deal.version_id)
            .where(DealVersion.partner_id.in_(allowed))
        )
    return await session.scalar(query) or 0


async def saved_mapping(session: AsyncSession) -> Mapping:
    """The mapping remembered from earlier imports; an empty one before the first."""
    setting = await session.get(Setting, SETTING)
    return Mapping.from_json(setting.value if setting else None)


def learnt(ground: Ground, file: DealFile) -> Mapping:
    """The mapping with what this import found out: who stood in for whom, and the order of its dates."""
    used = ground.used
    return used.model_copy(
        update={
            "owners": {**used.owners, **ground.owners.learnt},
            "partners": {**used.partners, **ground.partners.learnt},
            "dates": used.dates or file.reading.dates.order,
        }
    )


async def save_mapping(session: AsyncSession, mapping: Mapping, now: datetime, by_id: int | None) -> None:
    setting = await session.get(Setting, SETTING)
    value = mapping.as_json()
    if setting is None:
        if mapping != Mapping():
            session.add(Setting(name=SETTING, value=value, changed_at=now, by_id=by_id))
    elif setting.value != value:
        setting.value, setting.changed_at, setting.by_id = value, now, by_id


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
