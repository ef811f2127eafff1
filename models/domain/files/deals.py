"""A deals file as normalised rows: our template, Salesforce by API names or report labels, HubSpot by its export names.

Whose deal a line is: the partner column, where there is one, and then an empty cell means a direct deal. Without the
column: the accounts file, the saved mapping of accounts, the partner given for all. Without any of them the file is
refused with that question, because a file full of direct deals by mistake would make every partner's pipeline vanish.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from models.domain.deals import DEFAULT_STAGES, StageTable
from models.domain.errors import BadFile
from models.domain.files.accounts import Accounts
from models.domain.files.deal_rows import DealReader, DealRow, Reading
from models.domain.files.encoding import Document
from models.domain.files.headers import Columns
from models.domain.files.kinds import Kind, elsewhere
from models.domain.files.mapping import DateOrder, Mapping
from models.domain.files.problems import Problem
from models.domain.files.survey import Look, Survey, look
from models.domain.text import count

_MOST_OFFERED = 8
_HOW = {
    "crm_id": "Add the CRM's id of each deal (crm_id, Opportunity ID or Record ID): it is how the next file finds it again.",
    "name": "Add the name of each deal (name, Opportunity Name or Deal Name).",
    "stage": "Add the stage of each deal (stage, StageName or Deal Stage).",
    "owner": "Add a column with each deal's owner (owner_email), or name one for all with --owner EMAIL.",
    "partner": (
        "Nothing says which partner these deals belong to. Add a column partner (empty for a direct deal), name one "
        "for all with --partner NAME, or give an accounts file with a column Partner by --accounts FILE."
    ),
}


@dataclass(frozen=True)
class ParsedFile:
    """What a file holds.

    `carried` are the fields the file speaks of: about others it says nothing, so an import leaves them alone.
    `seen` are all CRM ids in it, bad lines included: a deal on a bad line is not missing. `columns`: header to field.
    """

    rows: tuple[DealRow, ...]
    problems: tuple[Problem, ...]
    columns: dict[str, str]
    ignored: tuple[str, ...]
    carried: frozenset[str]
    seen: frozenset[str]
    deleted: int
    date_order: DateOrder | None
    survey: Survey
    warnings: tuple[str, ...] = ()

    def header(self, field: str) -> str:
        """The file's header of a field, else our own name of it."""
        return next((header for header, found in self.columns.items() if found == field), field)


@dataclass
class DealFile:
    """A deals file that was looked over and can be read as often as asked, a row at a time.

    Memory holds the ids of the file and no rows. `deleted`, `unknown_stages` (stage to number of lines) and `warnings`
    are complete after a reading.
    """

    seen_over: Look
    reading: Reading
    deleted: int = 0
    unknown_stages: Counter[str] = field(default_factory=Counter)
    _unread: tuple[str, ...] = ()

    @property
    def columns(self) -> Columns:
        return self.seen_over.columns

    @property
    def seen(self) -> frozenset[str]:
        """All CRM ids of the file, bad lines included."""
        return frozenset(self.seen_over.ids)

    @property
    def survey(self) -> Survey:
        return self.seen_over.survey()

    @property
    def carried(self) -> frozenset[str]:
        """The fields the file speaks of."""
        joined = {"account"} if self._joined else set()
        return frozenset({*self.columns.by_field, "owner", "partner", "currency", "category"} | joined)

    def rows(self) -> Iterator[DealRow | Problem]:
        """Good lines as deals, bad ones as problems, in the order of the file."""
        reader = DealReader(self.columns, self.reading, self.seen_over.twice)
        for found in self.seen_over.lines:
            if isinstance(found, Problem):
                yield found
            else:
                yield from reader.read(found)
        self.deleted, self._unread = reader.deleted, tuple(reader.warnings())
        self.unknown_stages = reader.unknown_stages

    def warnings(self) -> tuple[str, ...]:
        """What to look at: the encoding, repeated headers, ids without names, amounts read by their currency."""
        lines = self.seen_over.lines
        unjoined = [] if self._joined or not self.columns.has("account_id") else [_unjoined(self.columns)]
        serials = [_serial(header) for header in sorted(self.reading.dates.serials)]
        return (*lines.document.warnings, *lines.notes(), *unjoined, *self.reading.warnings, *serials, *self._unread)

    @property
    def _joined(self) -> bool:
        has = self.columns.has
        return has("account") or (has("account_id") and self.reading.accounts is not None)


def deal_file(
    text: str | Document,
    *,
    mapping: Mapping | None = None,
    accounts: Accounts | None = None,
    stages: StageTable = DEFAULT_STAGES,
    company_currency: str = "USD",
) -> DealFile:
    """Look a deals file over and settle how it is read.

    Raises:
        BadFile: it cannot be read as deals, lacks columns, or leaves open what its dates or amounts mean.
    """
    mapping = mapping or Mapping()
    seen = look(text, mapping, company_currency=company_currency, kind=Kind.DEALS)
    _check_header(seen, mapping, accounts)
    style = seen.dates.style(mapping.dates)
    decimal, warning = seen.amounts.decimal(mapping.decimal)
    currency = mapping.currency or company_currency
    warnings = tuple(said for said in (seen.dates.warning(mapping.dates), warning) if said)
    return DealFile(seen, Reading(mapping, accounts, stages, style, decimal, currency, seen.kind, warnings))


def parse_deals(
    text: str | Document,
    *,
    mapping: Mapping | None = None,
    accounts: Accounts | None = None,
    stages: StageTable = DEFAULT_STAGES,
    company_currency: str = "USD",
) -> ParsedFile:
    """Read a deals file into memory. Bad lines become problems; a file that cannot be read at all raises BadFile."""
    file = deal_file(text, mapping=mapping, accounts=accounts, stages=stages, company_currency=company_currency)
    rows: list[DealRow] = []
    problems: list[Problem] = []
    for found in file.rows():
        if isinstance(found, DealRow):
            rows.append(found)
        else:
            problems.append(found)
    return ParsedFile(
        rows=tuple(rows),
        problems=tuple(sorted(problems, key=lambda problem: problem.line)),
        columns=file.columns.names(),
        ignored=file.columns.ignored,
        carried=file.carried,
        seen=file.seen,
        deleted=file.deleted,
        date_order=file.reading.dates.order,
        survey=file.survey,
        warnings=file.warnings(),
    )


def _check_header(seen: Look, mapping: Mapping, accounts: Accounts | None) -> None:
    columns = seen.columns
    partner = mapping.partner or mapping.accounts or (accounts and accounts.say_partner)
    needed = {
        "crm_id": not columns.has("crm_id"),
        "name": not columns.has("name"),
        "stage": not (columns.has("stage") or columns.has("category")),
        "owner": not (columns.has("owner") or mapping.owner),
        "partner": not (columns.has("partner") or partner),
    }
    missing = [str(Problem(columns.header_line, name, _HOW[name])) for name, lacks in needed.items() if lacks]
    if missing:
        said = f"This file cannot be read as deals: {count(len(missing), 'column')} missing. {elsewhere(seen.kind)}"
        raise BadFile(said.strip(), (*missing, *([] if elsewhere(seen.kind) else _offers(seen))))


def _offers(seen: Look) -> list[str]:
    """The headers nobody knows, as candidates for the columns that are missing."""
    found = []
    for column in seen.survey().unknown[:_MOST_OFFERED]:
        values = f", with {' and '.join(f'“{sample}”' for sample in column.samples)}" if column.samples else ""
        target = column.near[0] if column.near else "FIELD"
        reason = (
            f'This header is not known{values}. If it is one that is missing, add --map "{column.header}={target}".'
        )
        found.append(str(Problem(seen.columns.header_line, column.header, reason)))
    return found


def _serial(header: str) -> str:
    return (
        f"The dates of {header} are serial numbers of a spreadsheet, read as days since 30 Dec 1899. If they come out four "
        "years early, the workbook counts from 1904: format the column as dates and save it again."
    )


def _unjoined(columns: Columns) -> str:
    header = columns.header("account_id")
    return f"The column {header} holds ids. Give the accounts file with --accounts FILE to see the accounts' names."
