"""A CSV text cut into records that know their physical line; what cannot be cut names line and column."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TextIO

LONGEST_CELL = 131_072
LONGEST_LINE = 1 << 23
"""Characters of one physical line; what is longer is no list, and must not be held in memory."""


@dataclass(frozen=True)
class Row:
    """One record: the physical line it begins on and its cells as the file writes them.

    `nul`: one of the cells holds a NUL. `apart`: a blank line stands above it. `cut`: no end of line follows,
    which only the last record may lack.
    """

    line: int
    cells: tuple[str, ...]
    nul: bool = False
    apart: bool = False
    cut: bool = False


@dataclass(frozen=True)
class Broken:
    """Where the reading ends, since nothing behind is sure: the physical line, the place of the cell, and why."""

    line: int
    place: int
    reason: str


class _Watched:
    """Lines for the csv module, those of the record at hand kept, so that an error can be shown its cell."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines = iter(lines)
        self.record: list[str] = []

    def __iter__(self) -> "_Watched":
        return self

    def __next__(self) -> str:
        line = next(self.lines)
        self.record.append(line)
        return line


def lines_of(stream: TextIO) -> Iterator[str]:
    """Physical lines with their ends; one that is too long raises csv.Error as a too long cell does."""
    while line := stream.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE:
            raise csv.Error("field larger than field limit")
        yield line


def records(lines: Iterable[str], delimiter: str) -> Iterator[Row | Broken]:
    """Every record that is not blank; what breaks the format comes last, as `Broken`."""
    watched = _Watched(lines)
    reader = csv.reader(watched, delimiter=delimiter, strict=True)
    begins, apart = 1, False
    while True:
        watched.record.clear()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Broken(begins, place_of_error("".join(watched.record), delimiter), _said(error))
            return
        if any(cell and not cell.isspace() for cell in cells):
            nul = any("\x00" in line for line in watched.record)
            yield Row(begins, tuple(cells), nul, apart, watched.record[-1][-1:] not in "\r\n")
            apart = False
        else:
            apart = True
        begins = reader.line_num + 1


def place_of_error(text: str, delimiter: str) -> int:
    """The place of the first cell of a broken record that is too long, or whose quotes do not close or stand inside."""
    place, begin, quoted, after = 0, 0, False, False
    for at, mark in enumerate(text):
        if at - begin > LONGEST_CELL:
            return place
        if quoted:
            if mark == '"':
                quoted, after = False, True
        elif mark == '"' and (after or at == begin):
            quoted, after = True, False
        elif mark == delimiter:
            place, begin, after = place + 1, at + 1, False
        elif after and mark not in "\r\n":
            return place
    return place


def _said(error: csv.Error) -> str:
    text = str(error)
    if "field larger" in text:
        said = f'A cell is longer than {LONGEST_CELL:,} characters; is a closing quote (") missing?'
    elif "unexpected end" in text:
        said = 'A quote (") opens a cell here and is never closed. Close it, or double it if it belongs to the text.'
    else:
        said = 'A quote (") stands inside a quoted cell. Double it if it belongs to the text.'
    return f"{said} Nothing below was read."
