"""Targets and exchange rates from files: rows are added where the file says something new, none is overwritten."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from models.domain.files.dates import DateEvidence, DateStyle, parse_date
from models.domain.files.encoding import Document, document
from models.domain.files.fields import Aliases
from models.domain.files.headers import Columns, match, require
from models.domain.files.problems import Problem
from models.domain.files.records import Row
from models.domain.files.table import read_table
from models.domain.forecast.rates import parse_rate
from models.domain.money import format_money, known_currency, parse_amount
from models.domain.policy import Policy
from models.domain.text import clip
from models.domain.zones import local_date, zone
from models.forecast import finding, quotas, rates
from models.imports import run
from models.imports.ground import saved_mapping
from models.imports.lookup import Partners, Unresolved, read_partners
from models.imports.options import Options
from models.imports.result import ImportResult, capped, refuse
from models.tables import ExchangeRate, ImportRun, Quota

QUOTAS: Aliases = {
    "period": ("period", "quarter", "fiscalquarter"),
    "partner": ("partner", "partnername"),
    "amount": ("amount", "target", "quota"),
    "currency": ("currency", "currencycode", "currencyisocode"),
}
RATES: Aliases = {
    "currency": ("currency", "currencycode", "from", "isocode"),
    "date": ("date", "day", "fromdate", "startdate", "validfrom"),
    "rate": ("rate", "exchangerate", "conversionrate"),
}
SOURCE = "import"
_LONGEST = 40
_Found = TypeVar("_Found", "_Target", "_Rate")


@dataclass(frozen=True)
class _Target:
    period: str
    partner_id: int | None
    currency: str
    amount: int | None

    @property
    def key(self) -> tuple[str, int | None]:
        return self.period, self.partner_id


@dataclass(frozen=True)
class _Rate:
    currency: str
    day: date
    rate: Decimal

    @property
    def key(self) -> tuple[str, date]:
        return self.currency, self.day


class _BadCellError(Exception):
    """A cell that cannot be read; `field` is the field it belongs to."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


async def import_quotas(
    session: AsyncSession,
    text: str | Document,
    *,
    file_name: str,
    now: datetime,
    policy: Policy,
    by_id: int | None = None,
    options: Options | None = None,
) -> ImportResult:
    """Apply a file of targets: period, partner (empty: the program), amount (empty: none), currency.

    Raises:
        BadFile: every problem of the file, unless `skip_bad` leaves the bad lines out. Nothing was written.
    """
    chosen, given = options or Options(), document(text)
    mapping = chosen.mapping(await saved_mapping(session))
    partners = await read_partners(session, mapping, None)
    today = local_date(now, zone(policy.zone))
    columns, rows, problems = _read(
        given,
        QUOTAS,
        {"period": "Add the column period: a quarter such as 2026Q4.", "amount": "Add the column amount."},
    )

    def read(row: Row) -> _Target:
        return _target(row, columns, partners, chosen, today, policy)

    good = _rows(rows, columns, read, problems, "This target stands on line {line} too. Keep one of the two.")
    if not chosen.skip_bad or not good:
        refuse(file_name, problems)
    this = await run.begin(session, "quotas", digest=given.digest(), file_name=file_name, now=now, by_id=by_id)
    names = dict(partners.by_key.values())
    lines: list[str] = []
    for period in dict.fromkeys(target.period for target in good):
        stands = await quotas.stored(session, period)
        for target in (one for one in good if one.period == period):
            held = stands.get(target.partner_id)
            before = (held.currency, held.amount) if held is not None else None
            if before == (target.currency, target.amount) or (before is None and target.amount is None):
                this.unchanged += 1
                continue
            session.add(
                Quota(
                    period=period, partner_id=target.partner_id, currency=target.currency, amount=target.amount, at=now,
                    by_id=by_id, source=SOURCE,
                )
            )  # fmt: skip
            _count(this, known=held is not None)
            whose = names.get(target.partner_id, "") if target.partner_id is not None else "the program"
            lines.append(f"{period}, {whose}: {_said(before)} → {_said((target.currency, target.amount))}")
    return await _result(session, this, lines, problems, columns, "targets")


async def import_rates(
    session: AsyncSession,
    text: str | Document,
    *,
    file_name: str,
    now: datetime,
    policy: Policy,
    by_id: int | None = None,
    options: Options | None = None,
) -> ImportResult:
    """Apply a file of exchange rates into the reporting currency: currency, date, rate.

    Raises:
        BadFile: every problem of the file, unless `skip_bad` leaves the bad lines out; or nothing says in which order day
            and month stand. Nothing was written.
    """
    chosen, given = options or Options(), document(text)
    into = policy.currency
    columns, rows, problems = _read(
        given,
        RATES,
        {
            "currency": "Add the column currency, such as EUR.",
            "date": "Add the column date: the day from which the rate counts.",
            "rate": f"Add the column rate: how much of {into} one unit is worth.",
        },
    )

    evidence, header = DateEvidence(), columns.header("date")
    for row in rows:
        evidence.take(row.line, header, columns.text(row, "date"))
    style = evidence.style(chosen.dates)

    def read(row: Row) -> _Rate:
        return _rate(row, columns, style, into)

    good = _rows(rows, columns, read, problems, "The rate of this day stands on line {line} too. Keep one of the two.")
    if not chosen.skip_bad or not good:
        refuse(file_name, problems)
    this = await run.begin(session, "rates", digest=given.digest(), file_name=file_name, now=now, by_id=by_id)
    stands = {(row.currency, row.day): Decimal(row.rate) for row in await rates.list_rates(session, into)}
    lines: list[str] = []
    for one in good:
        before = stands.get(one.key)
        if before == one.rate:
            this.unchanged += 1
            continue
        session.add(
            ExchangeRate(
                currency=one.currency, into=into, day=one.day, rate=rates.written(one.rate), at=now, by_id=by_id,
                source=SOURCE,
            )
        )  # fmt: skip
        _count(this, known=before is not None)
        was = f"{rates.written(before)} → " if before is not None else ""
        lines.append(f"{one.currency} from {one.day.isoformat()}: {was}{rates.written(one.rate)} {into}")
    return await _result(session, this, lines, problems, columns, "exchange rates")


def _read(
    given: Document, aliases: Aliases, needed: Mapping[str, str]
) -> tuple[Columns, tuple[Row, ...], list[Problem]]:
    table = read_table(given)
    columns = match(table.headers, aliases, header_line=table.header_line)
    require(columns, needed)
    return columns, tuple(table.rows), list(table.problems)


def _rows(
    rows: Iterable[Row], columns: Columns, read: Callable[[Row], _Found], problems: list[Problem], twice: str
) -> list[_Found]:
    """The good lines; the bad ones join `problems`."""
    found: list[_Found] = []
    first: dict[object, int] = {}
    for row in rows:
        try:
            one = read(row)
        except _BadCellError as error:
            problems.append(columns.problem(row, error.field, str(error)))
            continue
        line = first.setdefault(one.key, row.line)
        if line == row.line:
            found.append(one)
        else:
            problems.append(Problem(row.line, "", twice.format(line=line)))
    return found


def _target(
    row: Row, columns: Columns, partners: Partners, chosen: Options, today: date, policy: Policy
) -> _Target:  # fmt: skip
    said, name = columns.text(row, "period"), columns.text(row, "partner")
    quarter = finding.labelled(said, today, policy)
    if quarter is None:
        raise _BadCellError("period", f"“{clip(said, _LONGEST)}” is no quarter. Write one like 2026Q4.")
    partner_id: int | None = None
    if name:
        try:
            partner_id = partners.find(name)
        except Unresolved:
            raise _BadCellError("partner", _no_partner(name, partners)) from None
    currency = (columns.text(row, "currency") or chosen.currency or policy.currency).upper()
    if not known_currency(currency):
        raise _BadCellError(
            "currency", f"“{clip(currency, _LONGEST)}” is not a currency code. Use one like USD or EUR."
        )
    try:
        amount = parse_amount(columns.text(row, "amount"), currency, chosen.decimal)
    except ValueError as error:
        raise _BadCellError("amount", str(error).replace("of this deal", "of this line")) from None
    if amount is not None and amount <= 0:
        raise _BadCellError("amount", "A target is above zero. Leave it empty where there is none.")
    return _Target(quarter.label, partner_id, currency, amount)


def _no_partner(name: str, partners: Partners) -> str:
    alike = partners.near(name)
    hint = f" Did you mean {' or '.join(alike)}?" if alike else ""
    return f"“{clip(name, _LONGEST)}” is not a partner we know.{hint} Leave it empty for the program's target."


def _rate(row: Row, columns: Columns, style: DateStyle, into: str) -> _Rate:
    currency = columns.text(row, "currency").upper()
    refusal = rates.why_no_currency(currency, into)
    if refusal:
        raise _BadCellError("currency", refusal)
    try:
        day = parse_date(
            columns.text(row, "date"),
            style.order,
            dotted=style.dotted,
            serial=columns.header("date") in style.serials,
        )
    except ValueError as error:
        raise _BadCellError("date", str(error)) from None
    if day is None:
        raise _BadCellError("date", "The day from which the rate counts is missing.")
    try:
        return _Rate(currency, day, parse_rate(columns.text(row, "rate")))
    except ValueError as error:
        raise _BadCellError("rate", str(error)) from None


def _count(this: ImportRun, *, known: bool) -> None:
    if known:
        this.changed += 1
    else:
        this.created += 1


def _said(value: tuple[str, int | None] | None) -> str:
    return "none" if value is None or value[1] is None else format_money(value[1], value[0])


async def _result(
    session: AsyncSession, this: ImportRun, lines: list[str], problems: list[Problem], columns: Columns, what: str
) -> ImportResult:
    this.skipped = len({problem.line for problem in problems})
    await session.flush()
    read = ", ".join(header if header == field else f"{header} → {field}" for header, field in columns.names().items())
    return ImportResult(
        kind=this.kind,
        file_name=this.file_name,
        created=this.created,
        changed=this.changed,
        unchanged=this.unchanged,
        skipped=this.skipped,
        lines=capped(lines),
        problems=tuple(sorted(problems, key=lambda problem: problem.line)),
        match=(what, f"columns: {read}"),
        run_id=this.id,
    )
