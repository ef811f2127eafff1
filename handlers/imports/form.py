"""The questions a dropped file leaves open, and what may be worth saying about it: the modal and its parser.

Both are made from the same plan, worked out of the draft's rows, so that what comes back means what was shown.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from handlers.imports.ids import DraftRef, Field, View
from handlers.imports.words import field_name, needed
from handlers.kit import blocks as b
from handlers.kit import words as w
from handlers.kit.forms import Values
from models import people
from models.domain.deals import Category
from models.domain.errors import FieldErrors
from models.domain.files.dates import parse_date
from models.domain.files.headers import LEFT_OUT
from models.domain.files.kinds import aliases_of
from models.domain.files.survey import SeenColumn, Survey
from models.domain.money import decimal_open, known_currency
from models.domain.policy import Policy
from models.domain.rights import Act, Subject, may
from models.domain.text import clip, count, key, near
from models.imports.found import DEALS, TARGETS, Found
from models.imports.lookup import Human, alias_of
from models.imports.options import Options
from models.imports.result import Open
from models.owners import own_partners
from models.tables import Partner, Person

MOST_COLUMNS = 10
MOST_LISTED = 25
"""Names of new partners that are shown on the first day; the rest is counted."""
MOST_NAMES = 10
MOST_STAGES = 10
MOST_OPTIONS = 100
SELECTS_WEIGH = 150_000
"""Bytes that the lists of partners may take together; beyond that their names are typed."""
DATED = ("close_date", "created_date", "at")
TO_CHOOSE = ("crm_id", "name", "stage", "account")
"""Fields that only a column can say."""
NO_OWNER = "The deal has no owner"
STAGE = "stage"
"""The field of a stage nobody knows; a number behind it, as with the others that stand several times."""
LEAVE, MAKE = "leave", "make"
GONE, PART = "gone", "part"
OUT = "-"


@dataclass(frozen=True)
class Ground:
    """What the form is made from, besides the draft: the partners that can be chosen, whoever answers, and who is meant."""

    partners: Sequence[tuple[int, str]] = ()
    may_make: bool = False
    owner_slack_id: str | None = None


@dataclass(frozen=True)
class Plan:
    """Which questions the form holds, in this order."""

    dates: str = ""
    """A cell that has two readings; empty when nobody needs to say."""
    decimal: str = ""
    must: frozenset[Field] = frozenset()
    needed: tuple[str, ...] = ()
    columns: tuple[SeenColumn, ...] = ()
    partner: bool = False
    stages: tuple[Open, ...] = ()
    names: tuple[Open, ...] = ()
    owner: bool = False
    currency: bool = False
    complete: bool = False

    def __bool__(self) -> bool:
        return bool(
            self.dates or self.decimal or self.needed or self.columns or self.partner or self.stages or self.names
            or self.owner or self.currency or self.complete
        )  # fmt: skip


def plan(found: Found) -> Plan:
    """What is open, or worth asking, about this file; people and partners files leave nothing to say."""
    seen = found.survey
    if seen is None or found.job not in (DEALS, TARGETS, "history"):
        return Plan()
    open_dates, open_decimal = _open_cells(seen)
    dates = open_dates or _doubtful_date(seen, found)
    must = frozenset({Field.DATES} if open_dates else ()) | frozenset({Field.DECIMAL} if open_decimal else ())
    if found.job not in (DEALS, TARGETS):
        return Plan(dates=dates, decimal=open_decimal, must=must)
    has = {column.field for column in seen.columns if column.field}
    return Plan(
        dates=dates,
        decimal=open_decimal,
        must=must,
        needed=found.missing,
        columns=_columns(seen, found),
        partner="partner" not in has,
        stages=found.unknown_stages[:MOST_STAGES],
        names=found.unknown_partners[:MOST_NAMES],
        owner=found.job == DEALS and ("owner" not in has or _some_without_owner(found)),
        currency=found.job == DEALS and "amount" in has and "currency" not in has,
        complete=bool(found.known) if found.job == DEALS else True,
    )


def worth_asking(found: Found) -> bool:
    """Whether there is a form to show at all."""
    return bool(plan(found))


def _open_cells(seen: Survey) -> tuple[str, str]:
    """The cells that have two readings: of a date, of an amount."""
    dates = decimal = ""
    for question in seen.questions:
        cell = question.cells[0][2] if question.cells else ""
        if any("--dates" in option for option in question.options):
            dates = cell
        else:
            decimal = cell
    return dates, decimal


def _doubtful_date(seen: Survey, found: Found) -> str:
    """A date whose order nothing in the file shows, read as it was told before: worth a second look."""
    warnings = found.result.warnings if found.result is not None else ()
    if not any("shows the order of its dates" in warning for warning in warnings):
        return ""
    cells = [cell for column in seen.columns if column.field in DATED for cell in column.samples]
    return next((cell for cell in cells if len(set(readings(cell))) > 1), "")


def readings(cell: str) -> tuple[str, str]:
    """`3 Feb 2026` and `2 Mar 2026`: the cell with the month first and with the day first; the cell itself if it is none."""
    try:
        first, second = parse_date(cell, "mdy"), parse_date(cell, "dmy")
    except ValueError:
        return cell, cell
    if first is None or second is None:
        return cell, cell
    return f"{first.day} {first:%b %Y}", f"{second.day} {second:%b %Y}"


def _columns(seen: Survey, found: Found) -> tuple[SeenColumn, ...]:
    """The headers nobody knows and that hold something; those near a field of ours first."""
    listed = [column for column in seen.unknown if column.header and column.samples]
    ranked = sorted(listed, key=lambda column: not column.near)
    return () if found.missing else tuple(ranked[:MOST_COLUMNS])  # what is missing is chosen among them first


def _some_without_owner(found: Found) -> bool:
    told = [str(problem) for problem in found.result.problems] if found.result is not None else list(found.problems)
    return any(NO_OWNER in problem for problem in told)


async def ground(session: AsyncSession, actor: Person, options: Options, *, now: datetime, policy: Policy) -> Ground:
    """The partners the actor may import for, whether they may add some, and the Slack id of the owner chosen so far."""
    allowed = await own_partners(session, actor, now=now, policy=policy)
    rows = await session.execute(select(Partner.id, Partner.name).order_by(Partner.key))
    partners = tuple((row.id, row.name) for row in rows if allowed is None or row.id in allowed)
    may_make = may(people.as_actor(actor), Act.ADD_PARTNER, Subject()).allowed
    return Ground(partners, may_make, await _slack_id(session, options.owner))


async def _slack_id(session: AsyncSession, alias: str | None) -> str | None:
    if not alias:
        return None
    rows = await session.scalars(select(Person))
    return next((one.slack_id for one in rows if alias in (one.email, f"id:{one.id}")), None)


# The modal


def modal(name: str, ref: DraftRef, found: Found, options: Options, of: Ground) -> dict[str, Any]:
    """The questions of one file, in the order in which they matter. Ids are new with every look: Slack keeps stale input."""
    asked = plan(found)
    made: list[b.Block] = [b.context(f"{_plain(name)} is looked over again with your answers.")]
    made += [{**block, "block_id": f"{block['block_id']}:{ref.n}"} for block in _blocks(asked, found, options, of)]
    return b.modal(
        View.QUESTIONS, "How to read this file", made, metadata=ref.dump(), submit="Look again", close="Cancel"
    )


def _plain(text: str) -> str:
    return w.escape(clip(text, 100))


def _blocks(asked: Plan, found: Found, options: Options, of: Ground) -> Iterator[b.Block]:
    seen = found.survey
    if seen is None:
        return
    if asked.dates:
        yield _dates(asked, seen, options)
    if asked.decimal:
        yield _decimal(asked, options)
    for place, name in enumerate(asked.needed):
        if _choosable(seen):
            yield _needed(place, name, seen)
    yield from _stages(asked)
    if asked.partner:
        yield _partner(found, options, of)
    if asked.names:
        yield from _names(asked, options, of, found)
    if asked.owner:
        yield _owner(found, of)
    for place, column in enumerate(asked.columns):
        yield _column(place, column, seen)
    if asked.currency:
        yield b.text_input(
            Field.CURRENCY, "Currency of the amounts", options.currency or found.currency, most=3,
            hint="No column says it. A code such as USD, EUR or JPY.",
        )  # fmt: skip
    if asked.complete:
        yield _complete(found, options)


def _dates(asked: Plan, seen: Survey, options: Options) -> b.Block:
    month_first, day_first = readings(asked.dates)
    chosen = options.dates or (seen.dates if Field.DATES not in asked.must else None) or ""
    words = [(f"“{clip(asked.dates, 20)}” is {month_first}: month first", "mdy"),
             (f"“{clip(asked.dates, 20)}” is {day_first}: day first", "dmy")]  # fmt: skip
    return b.radio_input(Field.DATES, b.VALUE, "Dates in this file", words, chosen, dispatch=False)


def amounts(cell: str) -> tuple[str, str]:
    """`1234` and `1`: the whole amount when its mark groups thousands, and about how much it is when cents follow it."""
    mark = decimal_open(cell) or "."
    return "".join(char for char in cell if char.isdigit()), cell.partition(mark)[0].strip()


def _decimal(asked: Plan, options: Options) -> b.Block:
    cell, (whole, about) = clip(asked.decimal, 20), amounts(asked.decimal)
    mark = decimal_open(asked.decimal) or "."
    other = "," if mark == "." else "."
    words = [(f"“{cell}” is {whole}: the “{mark}” groups thousands", other),
             (f"“{cell}” is a little over {about}: the “{mark}” stands before the cents", mark)]  # fmt: skip
    return b.radio_input(Field.DECIMAL, b.VALUE, "Amounts in this file", words, options.decimal or "", dispatch=False)


def _needed(place: int, name: str, seen: Survey) -> b.Block:
    options = [(_header(column), str(at)) for at, column in _choosable(seen)]
    instead = "" if name in TO_CHOOSE else f"If none does, choose the {name} of all lines below."
    return b.select_input(
        f"{Field.NEEDED}_{place}", f"Which column holds {needed(name)}?", options, optional=bool(instead), hint=instead
    )


def _choosable(seen: Survey) -> list[tuple[int, SeenColumn]]:
    """The columns that can still say something, by their place in the file; those nobody knows first."""
    listed = [(at, column) for at, column in enumerate(seen.columns) if column.header and not column.field]
    return sorted(listed, key=lambda one: one[1].known)[:MOST_OPTIONS]


def _header(column: SeenColumn) -> str:
    sample = f" (“{clip(column.samples[0], 24)}”)" if column.samples else ""
    return f"{clip(column.header, 44)}{sample}"


def _stages(asked: Plan) -> Iterator[b.Block]:
    """Each stage that nobody knows: which forecast category its deals are in."""
    options = [(category.label.capitalize(), category.value) for category in Category]
    for place, one in enumerate(asked.stages):
        label = f"“{clip(one.said, 100)}” ({count(one.deals, 'line')}) is not a stage we know. What is it?"
        yield b.select_input(f"{STAGE}_{place}", label, options, optional=True)


def _partner(found: Found, options: Options, of: Ground) -> b.Block:
    what = "accounts" if found.job == TARGETS else "deals"
    label = f"Partner of all {what} in this file"
    before = options.partner or found.partner
    initial = next((str(at) for at, name in of.partners if key(name) == key(before)), None)
    knows = found.beside.name if found.beside is not None and found.beside.partners else ""
    hint = f"For accounts that are not in {clip(knows, 60)}." if knows else "No column names one."
    if _typed(of, 1):
        return b.text_input(Field.PARTNER, label, before, optional=True, most=200, hint=hint)
    return b.select_input(Field.PARTNER, label, _listed(of), initial, optional=True, hint=hint)


def _listed(of: Ground, first: Sequence[str] = ()) -> list[tuple[str, str]]:
    """The partners as options, those named first on top."""
    ranked = sorted(of.partners, key=lambda one: one[1] not in first)
    return [(name, str(partner_id)) for partner_id, name in ranked]


def _typed(of: Ground, times: int) -> bool:
    """Whether there are too many partners for so many lists: their names are typed then, or there is none to choose."""
    if not of.partners or len(of.partners) > MOST_OPTIONS:
        return True
    return times * b.weight(b.select_input("x", "x", _listed(of))) > SELECTS_WEIGH


def _names(asked: Plan, options: Options, of: Ground, found: Found) -> Iterator[b.Block]:
    """Each name that is no partner: which partner it means; and what becomes of those that mean none.

    Where there is no partner yet none of them can mean one: on the first day the only question is whether they become some.
    """
    if not of.partners and of.may_make:
        yield from _first_names(found)
        return
    typed = _typed(of, len(asked.names))
    for place, one in enumerate(asked.names):
        label = f"“{clip(one.said, 100)}” ({count(one.deals, 'line')}) is no partner. Which one is it?"
        block_id = f"{Field.NAME}_{place}"
        hint = f"Perhaps {' or '.join(clip(name, 60) for name in one.near)}." if one.near else ""
        if typed:
            yield b.text_input(block_id, label, optional=True, most=200, hint=hint)
        else:
            yield b.select_input(block_id, label, _listed(of, one.near), optional=True, hint=hint)
    if of.may_make:
        yield _rest("Names that you leave empty", MAKE if options.create_partners else LEAVE)


def _first_names(found: Found) -> Iterator[b.Block]:
    names = found.unknown_partners
    listed = ", ".join(w.escape(clip(one.said, 60)) for one in names[:MOST_LISTED])
    more = f" and {len(names) - MOST_LISTED:,} more" if len(names) > MOST_LISTED else ""
    said = f"There are no partners here yet. The file names {count(len(names), 'partner')}: {listed}{more}."
    yield b.section(said, block_id="new_names")
    yield _rest("What becomes of them?", MAKE)


def _rest(label: str, chosen: str) -> b.Block:
    words = [
        ("Each becomes a new partner, Tier 2 until you say otherwise", MAKE),
        ("Their lines are left out", LEAVE),
    ]
    return b.radio_input(Field.REST, b.VALUE, label, words, chosen, dispatch=False)


def _owner(found: Found, of: Ground) -> b.Block:
    none = "owner" in found.missing
    return b.user_input(
        Field.OWNER, "Owner of deals that name none", of.owner_slack_id, optional=True,
        hint="No column names an owner." if none else "For lines whose owner is empty.",
    )  # fmt: skip


def _column(place: int, column: SeenColumn, seen: Survey) -> b.Block:
    options = [("Leave it out, and do not ask again", OUT)]
    options += [(field_name(name).capitalize(), name) for name in _meanings(column, seen)]
    shown = ", ".join(f"“{sample}”" for sample in column.samples)
    perhaps = f" Perhaps {' or '.join(field_name(name) for name in column.near)}." if column.near else ""
    return b.select_input(
        f"{Field.COLUMN}_{place}", f"What does the column “{clip(column.header, 100)}” say?", options, optional=True,
        hint=f"It holds {shown}.{perhaps}",
    )  # fmt: skip


def _meanings(column: SeenColumn, seen: Survey) -> list[str]:
    """The fields a header may mean: near ones first, then the others that the file does not say yet."""
    taken = {one.field for one in seen.columns if one.field}
    rest = [name for name in aliases_of(seen.kind) if name not in taken and name not in column.near]
    return [*(name for name in column.near if name not in taken), *rest]


def _complete(found: Found, options: Options) -> b.Block:
    what = "Accounts" if found.job == TARGETS else "Deals"
    yours = " (your partners' only)" if found.scoped else ""
    gone = "They are gone" if found.job == TARGETS else "They left the CRM: ask their owners"
    words = [(gone, GONE), ("This is only a part of the export: leave them alone", PART)]
    return b.radio_input(
        Field.COMPLETE, b.VALUE, f"{what} that are known and not in this file{yours}", words,
        GONE if options.complete else PART, dispatch=False,
    )  # fmt: skip


# The parser


@dataclass
class _Told:
    """What was submitted, taken together."""

    values: Values
    errors: dict[str, str] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)


async def parse(session: AsyncSession, view: Mapping[str, Any], found: Found, options: Options, of: Ground) -> Options:
    """The options with what was submitted. Raises FieldErrors, each on its field."""
    asked, told = plan(found), _Told(Values(view))
    seen = found.survey
    if seen is None:
        return options
    _read_columns(told, asked, seen)
    changed: dict[str, Any] = {"columns": {**options.columns, **told.columns}}
    if asked.dates and told.values.option(Field.DATES):
        changed["dates"] = told.values.option(Field.DATES)
    if asked.decimal and told.values.option(Field.DECIMAL):
        changed["decimal"] = told.values.option(Field.DECIMAL)
    if asked.partner:
        name = _named(told, Field.PARTNER, of) or None
        changed["partner"] = name or options.partner
    if asked.stages:
        changed["stages"] = options.stages | _read_stages(told, asked)
    if asked.names:
        changed["partners"] = options.partners | _read_names(told, asked, of)
        if told.values.has(Field.REST):
            changed["create_partners"] = told.values.option(Field.REST) == MAKE and of.may_make
            changed["leave_out"] = told.values.option(Field.REST) == LEAVE
    if asked.owner:
        changed["owner"] = await _read_owner(session, told) or options.owner
        changed["stand_in"] = False  # whoever the file names and nobody knows is asked about, not given to them
    if asked.currency:
        changed["currency"] = _read_currency(told) or options.currency
    if asked.complete and told.values.option(Field.COMPLETE):
        changed["complete"] = told.values.option(Field.COMPLETE) == GONE
    _still_open(told, asked, changed)
    if told.errors:
        raise FieldErrors(told.errors)
    return Options.model_validate(options.model_dump() | changed)


def _still_open(told: _Told, asked: Plan, changed: Mapping[str, Any]) -> None:
    """What the file must say, said neither by a column nor for all its lines."""
    for name in asked.needed:
        if name in told.columns.values() or name in told.errors:
            continue
        if name in TO_CHOOSE:
            told.errors[f"{Field.NEEDED}_{asked.needed.index(name)}"] = f"Choose the column that holds {needed(name)}."
        elif not changed.get(name):
            told.errors[name] = f"Choose the {name} of all lines, or the column that says it."


def _read_columns(told: _Told, asked: Plan, seen: Survey) -> None:
    """Header → field, from both kinds of question. One field is said by one column, and one column says one field."""
    by_field: dict[str, str] = {}
    for place, name in enumerate(asked.needed):
        at = told.values.option(f"{Field.NEEDED}_{place}")
        if at.isdigit() and int(at) < len(seen.columns):
            header = seen.columns[int(at)].header
            if header in told.columns:
                told.errors[f"{Field.NEEDED}_{place}"] = (
                    f"“{clip(header, 60)}” is chosen twice. Each needs its own column."
                )
            told.columns[header] = name
    for place, column in enumerate(asked.columns):
        chosen = told.values.option(f"{Field.COLUMN}_{place}")
        if chosen == OUT:
            told.columns[column.header] = LEFT_OUT
        elif chosen in aliases_of(seen.kind):
            if chosen in by_field:
                told.errors[f"{Field.COLUMN}_{place}"] = (
                    f"“{clip(by_field[chosen], 60)}” says the {field_name(chosen)} already. Choose one of the two."
                )
            by_field[chosen] = column.header
            told.columns[column.header] = chosen


def _named(told: _Told, name: str, of: Ground) -> str:
    """The partner that was chosen or typed, by its own name; an error on the field for one there is not."""
    chosen, typed = told.values.option(name), told.values.text(name)
    by_id = {str(partner_id): found for partner_id, found in of.partners}
    if chosen:
        return by_id.get(chosen, "")
    if not key(typed):
        return ""
    by_key = {key(found): found for found in by_id.values()}
    if key(typed) in by_key:
        return by_key[key(typed)]
    alike = near(typed, by_id.values())
    hint = f" Did you mean {' or '.join(clip(one, 60) for one in alike)}?" if alike else ""
    told.errors[name] = f"“{clip(typed, 60)}” is not a partner we know.{hint}"
    return ""


def _read_names(told: _Told, asked: Plan, of: Ground) -> dict[str, str]:
    found = {one.said: _named(told, f"{Field.NAME}_{place}", of) for place, one in enumerate(asked.names)}
    return {said: name for said, name in found.items() if name}


def _read_stages(told: _Told, asked: Plan) -> dict[str, Category]:
    chosen = {one.said: told.values.option(f"{STAGE}_{place}") for place, one in enumerate(asked.stages)}
    return {said: Category(value) for said, value in chosen.items() if value in set(Category)}


async def _read_owner(session: AsyncSession, told: _Told) -> str:
    slack_id = told.values.user(Field.OWNER)
    if not slack_id:
        return ""
    person = await people.by_slack_id(session, slack_id)
    refusal = people.why_no_owner(person)
    if refusal or person is None:
        told.errors[Field.OWNER] = refusal
        return ""
    return alias_of(Human(person.id, person.name, person.email or "", person.side, person.active))


def _read_currency(told: _Told) -> str:
    code = told.values.text(Field.CURRENCY).strip().upper()
    if code and not known_currency(code):
        told.errors[Field.CURRENCY] = f"“{clip(code, 10)}” is no currency code. Use one such as USD, EUR or JPY."
        return ""
    return code
