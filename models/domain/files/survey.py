"""A file looked over once, before anything of it is read: what it is, how it is written, and what it leaves open."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict

from models.domain.files import cells, fields
from models.domain.files.amounts import AmountEvidence
from models.domain.files.dates import DateEvidence, Doubt
from models.domain.files.encoding import Document, document
from models.domain.files.fields import Aliases
from models.domain.files.headers import LEFT_OUT, Columns, cleaned, match, normal, suggestions
from models.domain.files.ids import record_key
from models.domain.files.kinds import Kind, aliases_of, recognise
from models.domain.files.layout import layout_of
from models.domain.files.mapping import DateOrder, Mapping
from models.domain.files.problems import Problem
from models.domain.files.records import Row
from models.domain.files.table import Lines, nothing_below
from models.domain.files.targets import partner_columns
from models.domain.money import DecimalMark, known_currency
from models.domain.text import clip, count

_SAMPLES = 3
_SAMPLED_ROWS = 100
_LONGEST_SAMPLE = 40
_DATES = ("close_date", "created_date", "at")
_FIXED = (Kind.PEOPLE, Kind.PARTNERS)
"""Kinds whose headers are ours: what else stands there is not mapped."""
_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}


class SeenColumn(BaseModel):
    """One column: the file's header, our field or "" for none, up to three values, and for unknown headers fields near."""

    model_config = ConfigDict(frozen=True)

    header: str
    field: str = ""
    known: bool = True
    samples: tuple[str, ...] = ()
    near: tuple[str, ...] = ()


class Question(BaseModel):
    """What only a person can say: why, the cells (line, header, text), and the options that answer it."""

    model_config = ConfigDict(frozen=True)

    said: str
    reasons: tuple[str, ...]
    cells: tuple[tuple[int, str, str], ...]
    options: tuple[str, ...]


class Survey(BaseModel):
    """What one pass over a file found; has a JSON form, to be shown and kept.

    `rows` counts the records that fit the header, `misfits` the others. `dates` is the order of 02/03/26 if the file has
    such and shows it, `decimal` the mark before the cents if it matters; `questions` say what is open.
    """

    model_config = ConfigDict(frozen=True)

    kind: Kind
    encoding: str
    delimiter: str
    header_line: int
    columns: tuple[SeenColumn, ...]
    rows: int
    misfits: int = 0
    dates: DateOrder | None = None
    decimal: DecimalMark | None = None
    currencies: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def unknown(self) -> tuple[SeenColumn, ...]:
        """The columns nobody knows: to be mapped, or left out."""
        return tuple(column for column in self.columns if not column.known)

    def lines(self) -> tuple[str, ...]:
        """The match as people read it: what the file is, header → field, and the headers nobody knows."""
        shape = ", ".join(
            part
            for part in (
                self.encoding,
                _DELIMITERS.get(self.delimiter, f"“{self.delimiter}”"),
                count(self.rows, "row"),
                f"header on line {self.header_line}" if self.header_line > 1 else "",
                f"dates {self.dates}" if self.dates else "",
                f"decimals “{self.decimal}”" if self.decimal else "",
            )
            if part
        )
        matched = ", ".join(
            column.header if normal(column.header) == normal(column.field) else f"{column.header} → {column.field}"
            for column in self.columns
            if column.field
        )
        told = map(_offered if self.kind not in _FIXED else _named, self.unknown)
        return (f"{self.kind.label} ({shape})", f"columns: {matched or 'none'}", *told)


def _named(column: SeenColumn) -> str:
    return f"not used: {column.header}"


def _offered(column: SeenColumn) -> str:
    values = f" ({', '.join(f'“{sample}”' for sample in column.samples)})" if column.samples else ""
    near = f" It may be {' or '.join(column.near)}:" if column.near else ""
    target = column.near[0] if column.near else "FIELD"
    return f'not known: {column.header}{values}.{near} --map "{column.header}={target}" reads it.'


@dataclass
class Look:
    """One pass over a file: what its rows show of dates, amounts and ids. Keeps ids and a few cells, no rows."""

    lines: Lines
    columns: Columns
    kind: Kind
    mapping: Mapping
    company_currency: str
    aliases: Aliases
    rows: int = 0
    problems: list[Problem] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    twice: set[str] = field(default_factory=set)
    dates: DateEvidence = field(default_factory=DateEvidence)
    amounts: AmountEvidence = field(default_factory=AmountEvidence)
    samples: list[list[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.samples = [[] for _ in self.columns.headers]
        self.dated = [name for name in _DATES if self.columns.has(name)]
        self.default = self.mapping.currency or self.company_currency
        for found in self.lines:
            if isinstance(found, Problem):
                self.problems.append(found)
            else:
                self._take(found)
        if not self.rows and not self.problems:
            raise nothing_below()

    def survey(self) -> Survey:
        """What was seen, with every question instead of a refusal."""
        told = self.mapping
        doubts = (self.dates.doubt(told.dates), self.amounts.doubt(told.decimal))
        decimal = None if doubts[1] else self.amounts.decimal(told.decimal)[0] or self.amounts.shown
        document = self.lines.document
        return Survey(
            kind=self.kind,
            encoding=document.encoding,
            delimiter=self.lines.layout.delimiter,
            header_line=self.lines.layout.header_line,
            columns=tuple(self._seen()),
            rows=self.rows,
            misfits=len(self.problems),
            dates=None if doubts[0] or not self.dates.dated else self.dates.style(told.dates).order,
            decimal=decimal,
            currencies=tuple(sorted(self.amounts.currencies)),
            questions=tuple(_question(doubt) for doubt in doubts if doubt),
            warnings=(*document.warnings, *self.lines.notes()),
        )

    def _take(self, row: Row) -> None:
        text = self.columns.text
        if self.rows < _SAMPLED_ROWS:
            self._sample(row)
        self.rows += 1
        crm_id = "" if cells.is_true(text(row, "is_deleted")) else record_key(text(row, "crm_id"))
        if crm_id in self.ids:
            self.twice.add(crm_id)
        elif crm_id:
            self.ids.add(crm_id)
        for name in self.dated:
            self.dates.take(row.line, self.columns.header(name), text(row, name))
        amount, code = text(row, "amount"), text(row, "currency").upper()
        if amount:
            self.amounts.take(row.line, self.columns.header("amount"), amount, code or self.default)
        elif known_currency(code):
            self.amounts.currencies.add(code)

    def _sample(self, row: Row) -> None:
        for place, values in enumerate(self.samples):
            if len(values) < _SAMPLES:
                value = clip(cleaned(row.cells[place]), _LONGEST_SAMPLE)
                if value and value not in values:
                    values.append(value)

    def _seen(self) -> Iterator[SeenColumn]:
        by_place = {place: name for name, (place, _) in self.columns.by_field.items()}
        left = {normal(header) for header, name in self.mapping.columns.items() if name == LEFT_OUT}
        aliases = self.aliases
        for place, header in enumerate(self.columns.headers):
            name = by_place.get(place, "")
            spelled = normal(header.rpartition(":")[2] if self.kind == Kind.TARGETS else header)
            known = bool(name) or not header or spelled in fields.UNUSED or spelled in left
            near = (
                () if known else tuple(found for found in suggestions(header, aliases) if not self.columns.has(found))
            )
            yield SeenColumn(header=header, field=name, known=known, samples=tuple(self.samples[place]), near=near)


def survey(text: str | Document, mapping: Mapping | None = None, *, company_currency: str = "USD") -> Survey:
    """Look a file over: one pass, flat memory but for the ids. BadFile when it cannot be read as a table at all."""
    return look(text, mapping or Mapping(), company_currency=company_currency).survey()


def look(text: str | Document, mapping: Mapping, *, company_currency: str, kind: Kind | None = None) -> Look:
    """One pass over a file of the kind its headers show, unless told. BadFile when it is no table."""
    given = document(text)
    lines = Lines(given, layout_of(given))
    headers, line = lines.layout.headers, lines.layout.header_line
    found = recognise(headers)
    aliases = aliases_of(kind or found)
    overrides = {header: name for header, name in mapping.columns.items() if name == LEFT_OUT or name in aliases}
    if kind is not None:
        overrides = dict(mapping.columns)
    if aliases is fields.TARGETS:
        overrides = {**partner_columns(headers), **overrides}
    columns = match(headers, aliases, overrides, header_line=line)
    return Look(lines, columns, found, mapping, company_currency, aliases)


def _question(doubt: Doubt) -> Question:
    return Question(
        said=doubt.said,
        reasons=tuple(reason for _, reason in doubt.cells),
        cells=tuple(cell for cell, _ in doubt.cells),
        options=doubt.options,
    )
