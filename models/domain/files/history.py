"""How deals came to where they stand: a CRM's stage history, a row for each change, or a column for each stage.

Salesforce: OpportunityHistory (API names) and the report on it (labels). HubSpot: the columns `Date entered "STAGE"` of
an export of deals. Hours are the exporting person's unless a cell names its own offset.
"""

import re
from collections.abc import Iterator
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo

from models.domain.deals import DEFAULT_STAGES, Category, StageTable
from models.domain.files import cells, dates
from models.domain.files.dates import DateStyle
from models.domain.files.encoding import Document
from models.domain.files.headers import Columns, require
from models.domain.files.ids import record_key
from models.domain.files.kinds import Kind, elsewhere
from models.domain.files.mapping import Mapping
from models.domain.files.problems import Problem
from models.domain.files.records import Row
from models.domain.files.survey import Look, Survey, look
from models.domain.money import DecimalMark, currency_in, known_currency, parse_amount
from models.domain.text import key

_ENTERED = re.compile(r"(?i)date entered\s+[\"“'‘]?(?P<stage>.+?)[\"”'’]?\s*")


@dataclass(frozen=True)
class HistoryRow:
    """What a deal became at a moment (UTC). `amount` in minor units of the deal's currency; None says nothing."""

    line: int
    crm_id: str
    at: datetime
    stage: str
    category: Category
    amount: int | None = None
    close_date: date | None = None


@dataclass(frozen=True)
class History:
    """The good rows in the order of the file, what is wrong with the others, and which columns spoke.

    `carried` are the fields the file speaks of besides the stage: amount, close_date.
    """

    rows: tuple[HistoryRow, ...]
    problems: tuple[Problem, ...]
    carried: frozenset[str]
    survey: Survey
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class _How:
    """How this file is read."""

    columns: Columns
    stages: StageTable
    mapped: AnyMapping[str, Category]
    style: DateStyle
    decimal: DecimalMark | None
    currency: str
    currencies: AnyMapping[str, str]
    zone: tzinfo
    hubspot: bool


def parse_history(
    text: str | Document,
    *,
    mapping: Mapping | None = None,
    stages: StageTable = DEFAULT_STAGES,
    zone: tzinfo = UTC,
    currencies: AnyMapping[str, str] | None = None,
    company_currency: str = "USD",
) -> History:
    """Read a stage history. `currencies`: deal id to the currency of its amounts, for files that do not say.

    Raises:
        BadFile: it is no table, lacks what a history must say, or leaves open what its dates or amounts mean.
    """
    mapping = mapping or Mapping()
    only = Mapping(dates=mapping.dates, decimal=mapping.decimal, currency=mapping.currency)
    seen = look(text, only, company_currency=company_currency, kind=Kind.HISTORY)
    entered = _stage_columns(seen.columns.headers)
    _check(seen, entered)
    _look_at(seen, entered)
    decimal, warning = seen.amounts.decimal(mapping.decimal)
    how = _How(
        columns=seen.columns,
        stages=stages,
        mapped=mapping.categories(),
        style=seen.dates.style(mapping.dates),
        decimal=decimal,
        currency=mapping.currency or company_currency,
        currencies=currencies or {},
        zone=zone,
        hubspot=bool(entered),
    )
    rows: list[HistoryRow] = []
    problems = list(seen.problems)
    for row in seen.lines:
        if isinstance(row, Row) and not cells.is_true(how.columns.text(row, "is_deleted")):
            for found in _entered(row, entered, how) if entered else _changed(row, how):
                (problems if isinstance(found, Problem) else rows).append(found)  # type: ignore[arg-type]
    said = [one for one in (seen.dates.warning(mapping.dates), warning) if one]
    return History(
        tuple(rows),
        tuple(sorted(problems, key=lambda problem: problem.line)),
        frozenset() if entered else frozenset({"amount", "close_date"} & set(how.columns.by_field)),
        seen.survey(),
        (*seen.lines.document.warnings, *seen.lines.notes(), *said),
    )


def _stage_columns(headers: tuple[str, ...]) -> dict[int, str]:
    """Place to stage of the columns that say when a deal entered it."""
    found = ((place, _ENTERED.fullmatch(header)) for place, header in enumerate(headers))
    return {place: match["stage"] for place, match in found if match}


def _check(seen: Look, entered: AnyMapping[int, str]) -> None:
    needed = {"crm_id": "Add the id of the deal (OpportunityId or Record ID): it is how the history finds it."}
    if not entered:
        needed |= {
            "at": "Add when each change was made (CreatedDate or Last Modified).",
            "stage": "Add the stage it changed to (StageName or To Stage).",
        }
    columns = seen.columns
    id_column = columns.has("crm_id")
    require(columns, needed, "" if id_column else elsewhere(seen.kind) if seen.kind != Kind.HISTORY else "")


def _look_at(seen: Look, entered: AnyMapping[int, str]) -> None:
    """The dates of HubSpot's stage columns belong to the evidence as well."""
    if not entered:
        return
    for row in seen.lines:
        if isinstance(row, Row):
            for place in entered:
                seen.dates.take(row.line, seen.columns.headers[place], row.cells[place].strip())


def _changed(row: Row, how: _How) -> Iterator[HistoryRow | Problem]:
    """The one change that a row of a history is."""
    columns = how.columns
    crm_id = record_key(columns.text(row, "crm_id"))
    if not crm_id:
        yield columns.problem(row, "crm_id", "The id of the deal is empty. Every change belongs to one.")
        return
    try:
        stage, category = cells.stage_and_category(
            columns.text(row, "stage"), columns.text(row, "category"), how.stages, mapped=how.mapped
        )
    except cells.CellError as error:
        yield columns.problem(row, error.field, str(error))
        return
    field = "at"
    try:
        at = _moment(columns.text(row, "at"), columns.header("at"), how)
        field = "close_date"
        close = _date(columns.text(row, "close_date"), columns.header("close_date"), how)
        field = "amount"
        amount = _amount(columns.text(row, "amount"), crm_id, how)
    except ValueError as error:
        yield columns.problem(row, field, str(error))
        return
    yield HistoryRow(row.line, crm_id, at, stage, category, amount, close)


def _entered(row: Row, entered: AnyMapping[int, str], how: _How) -> Iterator[HistoryRow | Problem]:
    """A change for each stage the deal has entered, the earliest first."""
    crm_id = record_key(how.columns.text(row, "crm_id"))
    if not crm_id:
        yield how.columns.problem(row, "crm_id", "The CRM's id is empty. Every deal needs one.")
        return
    found: list[HistoryRow] = []
    for place, name in entered.items():
        text, header = row.cells[place].strip(), how.columns.headers[place]
        known = _known(name, how)
        if not text:
            continue
        if known is None:
            yield Problem(row.line, header, cells.no_stage(name))
            continue
        try:
            found.append(HistoryRow(row.line, crm_id, _moment(text, header, how), *known))
        except ValueError as error:
            yield Problem(row.line, header, str(error))
    yield from sorted(found, key=lambda change: change.at)


def _known(stage: str, how: _How) -> tuple[str, Category] | None:
    """The stage of a column in the table's spelling, or as it stands there when somebody has said its category."""
    mapped = how.mapped.get(key(stage))
    return cells.find_stage(stage, how.stages, hubspot=True) or ((stage, mapped) if mapped is not None else None)


def _moment(text: str, header: str, how: _How) -> datetime:
    found = dates.parse_moment(
        text, how.style.order, zone=how.zone, dotted=how.style.dotted, serial=header in how.style.serials
    )
    if found is None:
        raise ValueError("The moment of the change is empty. Fill it in, or remove the line.")
    return found


def _date(text: str, header: str, how: _How) -> date | None:
    return dates.parse_date(text, how.style.order, dotted=how.style.dotted, serial=header in how.style.serials)


def _amount(text: str, crm_id: str, how: _How) -> int | None:
    currency = currency_in(text) or how.currencies.get(crm_id) or how.currency
    return parse_amount(text, currency if known_currency(currency) else how.currency, how.decimal)
