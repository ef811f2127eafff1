"""A deals file as normalised rows: our template, Salesforce by API names or report labels, HubSpot by its export names.

Whose deal a line is: the partner column, where there is one, and then an empty cell means a direct deal. Without the
column: the accounts file, the saved mapping of accounts, the partner given for all. Without any of them the file is
refused with that question, because a file full of direct deals by mistake would make every partner's pipeline vanish.
"""

from collections.abc import Mapping as AnyMapping
from collections.abc import Sequence
from dataclasses import dataclass

from models.domain.deals import DEFAULT_STAGES, StageTable
from models.domain.errors import BadFile
from models.domain.files.accounts import Accounts
from models.domain.files.dates import order_of
from models.domain.files.deal_rows import DealReader, DealRow
from models.domain.files.headers import Columns, match
from models.domain.files.mapping import DateOrder, Mapping
from models.domain.files.table import HEADER_LINE, Problem, read_table
from models.domain.text import count

_ALIASES: AnyMapping[str, Sequence[str]] = {
    "crm_id": ("crmid", "id", "opportunityid", "recordid", "dealid"),
    "name": ("name", "opportunityname", "dealname"),
    "account": ("account", "accountname", "associatedcompany", "companyname"),
    "account_id": ("accountid",),
    "partner": ("partner", "partnername", "partneraccount", "partneraccountname"),
    "partner_role": ("partnerrole",),
    "share": ("share", "partnershare"),
    "owner": ("owneremail", "opportunityowneremail", "owner", "opportunityowner", "ownername", "dealowner", "ownerid"),
    "stage": ("stage", "stagename", "dealstage"),
    "category": ("category", "forecastcategory", "forecastcategoryname"),
    "amount": ("amount",),
    "currency": ("currency", "currencyisocode", "amountcurrency", "opportunitycurrency", "dealcurrency"),
    "close_date": ("closedate",),
    "created_date": ("createddate", "createdate"),
    "next_step": ("nextstep",),
    "attribution": ("attribution", "partnerattribution"),
    "lost_reason": ("lostreason", "lossreason", "closedlostreason"),
    "is_deleted": ("isdeleted", "deleted"),
}
_DATES = ("close_date", "created_date")
_HOW = {
    "crm_id": "Add the CRM's id of each deal (crm_id, Id or Record ID): it is how the next file finds it again.",
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
    warnings: tuple[str, ...] = ()

    def header(self, field: str) -> str:
        """The file's header of a field, else our own name of it."""
        return next((header for header, found in self.columns.items() if found == field), field)


def parse_deals(
    text: str,
    *,
    mapping: Mapping | None = None,
    accounts: Accounts | None = None,
    stages: StageTable = DEFAULT_STAGES,
    company_currency: str = "USD",
) -> ParsedFile:
    """Read a deals file. Bad lines become problems; a file that cannot be read at all raises BadFile."""
    mapping = mapping or Mapping()
    table = read_table(text)
    columns = match(table, _ALIASES, mapping.columns)
    _check_header(columns, mapping, accounts)
    dated = [field for field in _DATES if columns.has(field)]
    order = order_of(
        ((row.line, columns.header(field), columns.text(row, field)) for row in table.rows for field in dated),
        mapping.dates,
    )
    reader = DealReader(
        columns,
        mapping=mapping,
        accounts=accounts,
        stages=stages,
        order=order,
        currency=mapping.currency or company_currency,
    )
    for row in table.rows:
        reader.take(row)
    joined = columns.has("account") or (columns.has("account_id") and accounts is not None)
    carried = {*columns.by_field, "owner", "partner", "currency", "category"} | ({"account"} if joined else set())
    warnings = [] if joined or not columns.has("account_id") else [_unjoined(columns)]
    return ParsedFile(
        rows=tuple(reader.good.values()),
        problems=tuple(sorted((*table.problems, *reader.problems), key=lambda problem: problem.line)),
        columns={header: field for field, (_, header) in columns.by_field.items()},
        ignored=columns.ignored,
        carried=frozenset(carried),
        seen=frozenset(reader.lines),
        deleted=reader.deleted,
        date_order=order,
        warnings=(*warnings, *reader.warnings()),
    )


def _check_header(columns: Columns, mapping: Mapping, accounts: Accounts | None) -> None:
    partner = mapping.partner or mapping.accounts or (accounts and accounts.say_partner)
    needed = {
        "crm_id": not columns.has("crm_id"),
        "name": not columns.has("name"),
        "stage": not (columns.has("stage") or columns.has("category")),
        "owner": not (columns.has("owner") or mapping.owner),
        "partner": not (columns.has("partner") or partner),
    }
    missing = tuple(str(Problem(HEADER_LINE, field, _HOW[field])) for field, lacks in needed.items() if lacks)
    if missing:
        raise BadFile(f"This file cannot be read as deals: {count(len(missing), 'column')} missing.", missing)


def _unjoined(columns: Columns) -> str:
    header = columns.header("account_id")
    return f"The column {header} holds ids. Give the accounts file with --accounts FILE to see the accounts' names."
