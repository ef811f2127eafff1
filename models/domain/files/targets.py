"""Accounts that we and a partner both know, as Crossbeam exports its overlaps: what a pursuit list begins with."""

from dataclasses import dataclass

from models.domain.files import fields
from models.domain.files.encoding import Document, document
from models.domain.files.headers import LEFT_OUT, Columns, match, normal, require
from models.domain.files.kinds import Kind, elsewhere, recognise
from models.domain.files.layout import layout_of
from models.domain.files.mapping import Mapping
from models.domain.files.problems import Problem
from models.domain.files.records import Row
from models.domain.files.table import read_table
from models.domain.text import clip

_THEIRS = {"accountownername": "their_owner", "accountowner": "their_owner", "accountowneremail": "their_owner"}


@dataclass(frozen=True)
class TargetRow:
    """One account to pursue with one partner, as the file writes it. `our_status` and `their_status` are populations."""

    line: int
    account: str
    partner: str
    our_status: str = ""
    their_status: str = ""
    our_owner: str = ""
    their_owner: str = ""
    note: str = ""


@dataclass(frozen=True)
class Targets:
    """The good lines, the bad ones, which header was read as what, and what to look at."""

    rows: tuple[TargetRow, ...]
    problems: tuple[Problem, ...]
    columns: Columns
    warnings: tuple[str, ...] = ()


def parse_targets(text: str | Document, *, partner: str = "", mapping: Mapping | None = None) -> Targets:
    """Read an overlap. `partner` stands for a file that is one partner's and has no column that says so.

    Raises:
        BadFile: it is no table, or lacks the account, or says nowhere whose overlap it is.
    """
    given = document(text)
    saved = mapping.columns.items() if mapping else ()  # what was learnt of deals files says nothing here
    overrides = partner_columns(layout_of(given).headers) | {
        header: name for header, name in saved if name == LEFT_OUT or name in fields.TARGETS
    }
    table = read_table(given)
    columns = match(table.headers, fields.TARGETS, overrides, header_line=table.header_line)
    kind = recognise(table.headers)
    require(
        columns,
        {"account": "Add a column with the account (Record or Account Name)."}
        | ({} if partner else {"partner": "Add a column with the partner, or name one for all with --partner NAME."}),
        "" if kind == Kind.TARGETS else elsewhere(kind),
    )
    problems = list(table.problems)
    rows: list[TargetRow] = []
    for row in table.rows:
        found = _read(row, columns, partner)
        if isinstance(found, Problem):
            problems.append(found)
        else:
            rows.append(found)
    return Targets(tuple(rows), tuple(sorted(problems, key=lambda problem: problem.line)), columns, table.warnings)


def partner_columns(headers: tuple[str, ...]) -> dict[str, str]:
    """Header to field of the partner's own columns.

    `Bolt Customers: Account Owner Name` is the partner's column: what stands before the colon is their population.
    """
    found: dict[str, str] = {}
    for header in headers:
        population, colon, name = header.rpartition(":")
        field = _THEIRS.get(normal(name))
        if colon and population and field and field not in found.values():
            found[header] = field
    return found


def _read(row: Row, columns: Columns, partner: str) -> TargetRow | Problem:
    values = {field: columns.text(row, field) for field in fields.TARGETS}
    values["partner"] = values["partner"] or partner
    if not values["account"]:
        return columns.problem(row, "account", "The account has no name. Give it one, or remove the line.")
    if not values["partner"]:
        return columns.problem(
            row, "partner", f"Nothing says which partner shares “{clip(values['account'], 60)}”. Fill it in."
        )
    return TargetRow(row.line, **values)
