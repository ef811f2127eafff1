"""Headers as files write them, and the fields they mean."""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.domain.errors import BadFile
from models.domain.files import fields
from models.domain.files.fields import Aliases
from models.domain.files.problems import Problem
from models.domain.files.records import Row
from models.domain.text import clean

_CUSTOM = re.compile(r"__[cr]$", re.IGNORECASE)
_NOT_LETTERS = re.compile(r"[\W_]+")
_TELLING = 3  # shorter ones are in every word
_MOST_NEAR = 3
_ALIKE = 0.75
_STEM = re.compile(r"^(?:deal|opportunity|hs)")  # what all headers of a file share says nothing
LEFT_OUT = ""
"""What a mapping says of a header whose column nobody wants."""


def normal(header: str) -> str:
    """What spellings of one header share: `Close Date`, `CloseDate`, `close_date`; without Salesforce's `__c`."""
    return _NOT_LETTERS.sub("", _CUSTOM.sub("", header.strip()).casefold())


KNOWN = fields.UNUSED | {
    alias
    for kind in (fields.DEALS, fields.ACCOUNTS, fields.PARTNERS, fields.PEOPLE, fields.TARGETS, fields.HISTORY)
    for aliases in kind.values()
    for alias in aliases
}


def cleaned(text: str) -> str:
    """`clean` of a cell, fast for the plain ones that most are."""
    plain = text.isascii() and text.isprintable() and "  " not in text and text[:1] != " " and text[-1:] != " "
    return text if plain else clean(text)


@dataclass(frozen=True)
class Columns:
    """Which cell of a row holds which field. `by_field`: field to place and header; the rest is `ignored`."""

    by_field: Mapping[str, tuple[int, str]]
    ignored: tuple[str, ...]
    headers: tuple[str, ...] = ()
    header_line: int = 1

    def has(self, field: str) -> bool:
        return field in self.by_field

    def text(self, row: Row, field: str) -> str:
        """The cleaned cell, or an empty text where the file has no such column."""
        place = self.by_field.get(field)
        return cleaned(row.cells[place[0]]) if place else ""

    def header(self, field: str) -> str:
        """The header as the file writes it, else our own name of the field."""
        place = self.by_field.get(field)
        return place[1] if place else field

    def problem(self, row: Row, field: str, reason: str) -> Problem:
        return Problem(row.line, self.header(field), reason)

    def names(self) -> dict[str, str]:
        """Header to field, in the order of the file."""
        return {
            header: field for _, header, field in sorted((place, head, f) for f, (place, head) in self.by_field.items())
        }


def match(
    headers: Sequence[str], aliases: Aliases, overrides: Mapping[str, str] | None = None, *, header_line: int = 1
) -> Columns:
    """Find the column of each field. Of several aliases the first listed wins: an owner's e-mail over the name.

    Raises:
        BadFile: one header stands twice, or an override names a field that does not exist.
    """
    wanted = {normal(header): field for header, field in (overrides or {}).items()}
    for field in wanted.values():
        if field != LEFT_OUT and field not in aliases:
            raise BadFile(f"The saved column mapping names “{field}”. It can be one of: {', '.join(aliases)}.")
    found: dict[str, tuple[int, str]] = {}
    problems: list[Problem] = []
    spelled = [normal(header) for header in headers]
    for field, names in aliases.items():
        mapped = [name for name, target in wanted.items() if target == field]
        for name in [*mapped, *(alias for alias in names if alias not in wanted)]:
            places = [place for place, header in enumerate(spelled) if header == name]
            if len(places) > 1:
                reason = "This header stands twice. Remove or rename one of the two columns."
                problems.append(Problem(header_line, headers[places[1]], reason))
            if places:
                found[field] = (places[0], headers[places[0]])
                break
    if problems:
        raise BadFile("The header line cannot be read.", tuple(str(problem) for problem in problems))
    used = {place for place, _ in found.values()}
    ignored = tuple(header for place, header in enumerate(headers) if place not in used and header)
    return Columns(found, ignored, tuple(headers), header_line)


def suggestions(header: str, aliases: Aliases) -> list[str]:
    """The fields an unknown header may mean, nearest first, three at most: offered to people, never taken silently."""
    by_alias = {alias: field for field, names in aliases.items() for alias in (*names, normal(field))}
    by_stem = {_STEM.sub("", alias): field for alias, field in by_alias.items()}
    spelled = normal(header)
    if len(spelled) < _TELLING:
        return []
    inside = [field for alias, field in by_alias.items() if len(alias) > _TELLING and alias in spelled]
    alike = difflib.get_close_matches(_STEM.sub("", spelled), by_stem, n=_MOST_NEAR, cutoff=_ALIKE)
    return list(dict.fromkeys([*inside, *(by_stem[stem] for stem in alike)]))[:_MOST_NEAR]


def require(columns: Columns, needed: Mapping[str, str], hint: str = "") -> None:
    """Refuse a file that lacks a column of `needed` (field to the sentence that says how to mend it)."""
    line = columns.header_line
    missing = [Problem(line, field, how) for field, how in needed.items() if not columns.has(field)]
    if missing:
        said = "The header line lacks what the file must say."
        raise BadFile(f"{said} {hint}".strip(), tuple(str(problem) for problem in missing))
