"""Headers as files write them, and the fields they mean."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.domain.errors import BadFile
from models.domain.files.table import HEADER_LINE, Problem, Row, Table

_CUSTOM = re.compile(r"__[cr]$", re.IGNORECASE)
_NOT_LETTERS = re.compile(r"[\W_]+")

Aliases = Mapping[str, Sequence[str]]


def normal(header: str) -> str:
    """What spellings of one header share: `Close Date`, `CloseDate`, `close_date`; without Salesforce's `__c`."""
    return _NOT_LETTERS.sub("", _CUSTOM.sub("", header.strip()).casefold())


@dataclass(frozen=True)
class Columns:
    """Which cell of a row holds which field. `by_field`: field to place and header; the rest is `ignored`."""

    by_field: Mapping[str, tuple[int, str]]
    ignored: tuple[str, ...]

    def has(self, field: str) -> bool:
        return field in self.by_field

    def text(self, row: Row, field: str) -> str:
        """The cell, or an empty text where the file has no such column."""
        place = self.by_field.get(field)
        return row.cells[place[0]] if place else ""

    def header(self, field: str) -> str:
        """The header as the file writes it, else our own name of the field."""
        place = self.by_field.get(field)
        return place[1] if place else field

    def problem(self, row: Row, field: str, reason: str) -> Problem:
        return Problem(row.line, self.header(field), reason)


def match(table: Table, aliases: Aliases, overrides: Mapping[str, str] | None = None) -> Columns:
    """Find the column of each field. Of several aliases the first listed wins: an owner's e-mail over the name.

    Raises:
        BadFile: one header stands twice, or an override names a field that does not exist.
    """
    wanted = {normal(header): field for header, field in (overrides or {}).items()}
    for field in wanted.values():
        if field not in aliases:
            raise BadFile(f"The saved column mapping names “{field}”. It can be one of: {', '.join(aliases)}.")
    found: dict[str, tuple[int, str]] = {}
    problems: list[Problem] = []
    headers = [normal(header) for header in table.headers]
    for field, names in aliases.items():
        mapped = [name for name, target in wanted.items() if target == field]
        for name in [*mapped, *(alias for alias in names if alias not in wanted)]:
            places = [place for place, header in enumerate(headers) if header == name]
            if len(places) > 1:
                reason = "This header stands twice. Remove or rename one of the two columns."
                problems.append(Problem(HEADER_LINE, table.headers[places[1]], reason))
            if places:
                found[field] = (places[0], table.headers[places[0]])
                break
    if problems:
        raise BadFile("The header line cannot be read.", tuple(str(problem) for problem in problems))
    used = {place for place, _ in found.values()}
    ignored = tuple(header for place, header in enumerate(table.headers) if place not in used and header)
    return Columns(found, ignored)


def require(columns: Columns, fields: Mapping[str, str]) -> None:
    """Refuse a file that lacks a column of `fields` (field to the sentence that says how to mend it)."""
    missing = [Problem(HEADER_LINE, field, how) for field, how in fields.items() if not columns.has(field)]
    if missing:
        raise BadFile("The header line lacks what the file must say.", tuple(str(problem) for problem in missing))
