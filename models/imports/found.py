"""What looking over a dropped file found: kept with its draft as JSON, shown on its card and asked about in its form."""

from contextlib import suppress
from typing import Any, Self

from pydantic import BaseModel, ConfigDict
from sqlalchemy.ext.asyncio import AsyncSession

from models.domain.deals import StageTable
from models.domain.files.accounts import Accounts
from models.domain.files.deals import deal_file
from models.domain.files.encoding import Document
from models.domain.files.kinds import Kind
from models.domain.files.mapping import Mapping
from models.domain.files.survey import Question, Survey
from models.domain.files.targets import parse_targets
from models.imports.ground import saved_mapping
from models.imports.lookup import Unresolved, read_partners
from models.imports.options import Options
from models.imports.result import ImportResult, Open

DEALS, TARGETS, HISTORY, PEOPLE, PARTNERS = "deals", "targets", "history", "people", "partners"
_JOBS = {Kind.TARGETS: TARGETS, Kind.HISTORY: HISTORY, Kind.PEOPLE: PEOPLE, Kind.PARTNERS: PARTNERS}
_FEWEST = 3
"""Columns that a list of deals has at least: an id, a name and a stage."""


class Arrival(BaseModel):
    """An owner the CRM names by the e-mail of somebody in our Slack whom Cadence does not know yet."""

    model_config = ConfigDict(frozen=True)

    said: str
    slack_id: str
    team_id: str
    name: str
    email: str
    zone: str = ""
    deals: int = 0


class Beside(BaseModel):
    """A kept accounts file that deals are read with, and what it says of them: their accounts' names, their partners.

    `fence` is the file's: once it was put away, even if it was dropped again, it is not the one that was shown.
    """

    model_config = ConfigDict(frozen=True)

    draft_id: int
    fence: int
    name: str
    names: bool = True
    partners: bool = False


class Found(BaseModel):
    """`fetched`: the whole file is here. `missing` are fields the file must have and nobody has said where to find.

    `result` is the dry run, None while something has to be answered first. `said` and `problems` are why the file was
    refused, or why an approved import was not done; `names` are names that are no partner, `stages` stages nobody knows. `known` counts the deals the person could flag as missing.
    `currency`, `partner` and `owner` stand for what the file has no column for, remembered ones included. `beside` is the
    accounts file that deals were read with; `tells_partners` is said of an accounts file that has a column for them.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    fetched: bool = False
    survey: Survey | None = None
    missing: tuple[str, ...] = ()
    result: ImportResult | None = None
    arrivals: tuple[Arrival, ...] = ()
    said: str = ""
    problems: tuple[str, ...] = ()
    names: tuple[Open, ...] = ()
    stages: tuple[Open, ...] = ()
    known: int = 0
    currency: str = ""
    partner: str = ""
    owner: str = ""
    scoped: bool = False
    after: int = 0
    """The newest import of this kind when it was tried: what came later is not in the dry run."""
    beside: Beside | None = None
    tells_partners: bool = False

    @property
    def questions(self) -> tuple[Question, ...]:
        return self.survey.questions if self.survey is not None else ()

    @property
    def must_answer(self) -> bool:
        """Whether nothing can be imported before somebody has said how to read it."""
        return bool(self.questions or self.missing)

    @property
    def unknown_partners(self) -> tuple[Open, ...]:
        """The names that are no partner, with the lines of each."""
        return self.result.partners if self.result is not None else self.names

    @property
    def unknown_stages(self) -> tuple[Open, ...]:
        """The stages nobody knows, with the lines of each."""
        return self.result.stages if self.result is not None else self.stages

    @property
    def job(self) -> str:
        """What kind of import this is; empty before anybody has looked."""
        return job_of(self.survey.kind) if self.survey is not None else ""

    @property
    def is_accounts(self) -> bool:
        """Whether this is no import of its own, but what the accounts of deals are called."""
        return self.survey is not None and self.survey.kind is Kind.ACCOUNTS

    @property
    def account_ids(self) -> str:
        """The header of a column that holds accounts' ids which nothing turns into names; empty when there is none."""
        if self.survey is None or self.job != DEALS or not nameless(self.survey) or self.beside is not None:
            return ""
        return next(column.header for column in self.survey.columns if column.field == "account_id")

    @property
    def bad_lines(self) -> int:
        return self.result.skipped if self.result is not None else 0

    def as_json(self) -> dict[str, Any]:
        return self.model_dump(mode="json", exclude_defaults=True)

    @classmethod
    def from_json(cls, value: dict[str, Any] | None) -> Self:
        return cls.model_validate(value or {})


def job_of(kind: Kind) -> str:
    """The kind of job a file of this kind is; what nobody recognises may be deals."""
    return _JOBS.get(kind, DEALS)


def _fields(survey: Survey) -> set[str]:
    return {column.field for column in survey.columns if column.field}


def nameless(survey: Survey) -> bool:
    """Whether the deals refer to their accounts by id alone."""
    has = _fields(survey)
    return "account_id" in has and "account" not in has


def read_with(survey: Survey, kept: Beside | None) -> Beside | None:
    """What a kept accounts file says of a file that it does not say itself; None when there is nothing."""
    if kept is None or job_of(survey.kind) != DEALS or survey.kind is Kind.ACCOUNTS:
        return None
    has = _fields(survey)
    names = nameless(survey)
    partners = kept.partners and "partner" not in has and bool(has & {"account", "account_id"})
    return kept.model_copy(update={"names": names, "partners": partners}) if names or partners else None


def lacking(survey: Survey, mapping: Mapping, options: Options, beside: Beside | None = None) -> tuple[str, ...]:
    """The fields that the file does not say and nobody has said for all of it, in the order they are asked for.

    `beside` is the accounts file it is read with, which may say the partner.
    """
    has = _fields(survey)
    partner = bool(mapping.partner or mapping.accounts or (beside and beside.partners))
    job = job_of(survey.kind)
    if job == TARGETS:
        lacks = {"account": "account" not in has, "partner": "partner" not in has and not options.partner}
    elif job == DEALS:
        lacks = {
            "crm_id": "crm_id" not in has,
            "name": "name" not in has,
            "stage": not has & {"stage", "category"},
            "owner": "owner" not in has and not mapping.owner,
            "partner": "partner" not in has and not partner,
        }
    else:
        lacks = {}
    return tuple(name for name, missing in lacks.items() if missing)


async def unknown_partners(session: AsyncSession, text: Document, options: Options) -> tuple[Open, ...]:
    """The names in an overlap that are no partner. Raises UserError when `options.partner` is none either."""
    mapping = options.mapping(await saved_mapping(session))
    partners = await read_partners(session, mapping, None)
    for row in parse_targets(text, partner=options.partner or "", mapping=mapping).rows:
        with suppress(Unresolved):
            partners.find(row.partner)
    return tuple(
        Open(said=said, deals=lines, near=tuple(partners.near(said))) for said, lines in partners.unknown.most_common()
    )


def unknown_stages(
    text: Document, mapping: Mapping, accounts: Accounts | None, *, stages: StageTable, company_currency: str
) -> tuple[Open, ...]:
    """The stages of a deals file that nobody knows, most lines first; one whole pass over it.

    Raises:
        BadFile: it cannot be read as deals.
    """
    file = deal_file(text, mapping=mapping, accounts=accounts, stages=stages, company_currency=company_currency)
    for _ in file.rows():
        pass
    return tuple(Open(said=said, deals=lines) for said, lines in file.unknown_stages.most_common())


def unreadable(survey: Survey) -> str:
    """Why this is no list we can import, however it is mapped; empty when it may be one."""
    headers = [column.header for column in survey.columns if column.header]
    nothing = survey.kind == Kind.UNKNOWN and not any(column.field for column in survey.columns)
    if survey.kind == Kind.UNKNOWN and (
        len(headers) < _FEWEST or (nothing and not any(c.near for c in survey.columns))
    ):
        shown = ", ".join(f"“{header[:40]}”" for header in headers[:5])
        return (
            f"It is no list that Cadence knows; its columns are {shown}. It reads deals from any CRM, stage histories, "
            "overlaps of accounts, people and partners."
        )
    stubborn = [one for one in survey.questions if len(one.reasons) == 1 and "Use one order" in one.reasons[0]]
    return f"{stubborn[0].said} {stubborn[0].reasons[0]}" if stubborn else ""
