"""How a file is laid out: what separates its cells, and on which line its header stands.

Reports put their title above the header, Excel writes `sep=;` before everything, European spreadsheets use semicolons.
Nothing is asked that the first lines tell: the reading that finds most headers anybody knows, then most cells, wins.
"""

import io
import re
from dataclasses import dataclass
from itertools import islice

from models.domain.errors import BadFile
from models.domain.files.encoding import NO_TEXT, Document
from models.domain.files.headers import KNOWN, normal
from models.domain.files.problems import Problem
from models.domain.files.records import Broken, Row, lines_of, records
from models.domain.text import clean

DELIMITERS = (",", ";", "\t")
_NO_HEADER = "This file has no header line that can be read."
_HEAD = 1 << 18
_MOST = 60
_ENOUGH = 2
_TOLD = re.compile(r'\ufeff?"?sep=(.)"?[ ]*(?:\r\n|\n|\r|$)', re.IGNORECASE)


@dataclass(frozen=True)
class Layout:
    """`headers` are cleaned; `header_line` is the physical line they stand on, all above it is no data."""

    delimiter: str
    header_line: int
    headers: tuple[str, ...]


def layout_of(document: Document) -> Layout:
    """Find delimiter and header line. BadFile when there is nothing to read, or no line that can be a header."""
    with document.open() as stream:
        head = stream.read(_HEAD)
    if "\x00" in head[: 1 << 12]:
        raise BadFile(NO_TEXT)
    if not head.strip():
        raise BadFile("This file is empty. It needs a header line and a line for each record.")
    told = _TOLD.match(head)
    marks = (told[1],) if told else DELIMITERS
    best = max((_Try(head, mark) for mark in marks), key=lambda one: one.score)
    if best.header is None:
        raise BadFile(_NO_HEADER, best.problems)
    return Layout(best.delimiter, best.header.line, _whole_header(document, best.delimiter, best.header.line))


class _Try:
    """The first lines read with one delimiter. `score`: known headers, then cells in the header line."""

    def __init__(self, head: str, delimiter: str) -> None:
        self.delimiter = delimiter
        found = list(islice(records(lines_of(io.StringIO(head, newline="")), delimiter), _MOST))
        rows = [row for row in found if isinstance(row, Row) and not _TOLD.match(delimiter.join(row.cells))]
        self.problems = tuple(str(Problem(row.line, "", row.reason)) for row in found if isinstance(row, Broken))
        self.header = _header(rows)
        self.score = (_known(self.header), _filled(self.header)) if self.header else (-1, -1)


def _whole_header(document: Document, delimiter: str, line: int) -> tuple[str, ...]:
    """The headers read from the file itself: the first lines may have cut a very long header line."""
    with document.open() as stream:
        header = next(row for row in records(lines_of(stream), delimiter) if row.line == line)
    if isinstance(header, Broken):
        raise BadFile(_NO_HEADER, (str(Problem(line, "", header.reason)),))
    return tuple(clean(cell) for cell in header.cells)


def _header(rows: list[Row]) -> Row | None:
    """The first line, unless it is a title: then the first below it that is wider and has headers anybody knows."""
    if not rows or _known(rows[0]) >= _ENOUGH:
        return rows[0] if rows else None
    first = rows[0]
    wider = [row for row in rows[1:] if _filled(row) > _filled(first)]
    known = [row for row in wider if _known(row) >= max(_ENOUGH, _known(first) + 1)]
    if known:
        return known[0]
    title = _filled(first) == 1 and wider and not _known(first) and len(wider[0].cells) > _ENOUGH
    return wider[0] if title else first


def _known(row: Row | None) -> int:
    return sum(1 for cell in row.cells if normal(cell) in KNOWN) if row else 0


def _filled(row: Row | None) -> int:
    return sum(1 for cell in row.cells if cell.strip()) if row else 0
