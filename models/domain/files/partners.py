"""A partners file: tier, archetype, journey stage, partner manager, channels."""

import re

from pydantic import BaseModel, ConfigDict

from models.domain.files import fields
from models.domain.files.cells import words
from models.domain.files.encoding import Document
from models.domain.files.headers import Columns, match, require
from models.domain.files.people import is_email
from models.domain.files.problems import Problem
from models.domain.files.records import Row
from models.domain.files.table import read_table
from models.domain.text import key

ARCHETYPES = ("reseller", "MSP", "SI", "ISV", "referral", "agency")
JOURNEY = ("recruit", "onboard", "activate", "manage", "expand", "off-board")
_BY_WORDS = {words(name): name for name in (*ARCHETYPES, *JOURNEY)} | {"offboard": "off-board"}
_TIER = re.compile(r"(?:tier|t)?\s*([1-3])", re.IGNORECASE)
_CHANNEL = re.compile(r"[^\s#@<>&,;:!.A-Z]{1,80}|[CG][A-Z0-9]{6,}")


class PartnerRow(BaseModel):
    """One partner as the file tells it; an empty text, or None, says nothing. Channels without their `#`."""

    model_config = ConfigDict(frozen=True)

    line: int
    name: str
    tier: int | None = None
    archetype: str = ""
    stage: str = ""
    pm_email: str = ""
    internal_channel: str = ""
    joint_channel: str = ""


def parse_partners(text: str | Document) -> tuple[tuple[PartnerRow, ...], tuple[Problem, ...], Columns]:
    """Rows, bad lines, and the columns found. BadFile when the file cannot be read at all."""
    table = read_table(text)
    columns = match(table.headers, fields.PARTNERS, header_line=table.header_line)
    require(columns, {"name": "Add the column name: deals and commands name a partner by it."})
    problems = list(table.problems)
    rows: list[PartnerRow] = []
    names: dict[str, int] = {}
    for row in table.rows:
        found = _problems(row, columns, names)
        problems += found
        if not found:
            rows.append(_row(row, columns))
    return tuple(rows), tuple(sorted(problems, key=lambda problem: problem.line)), columns


def _row(row: Row, columns: Columns) -> PartnerRow:
    text = columns.text
    tier = _TIER.fullmatch(text(row, "tier"))
    return PartnerRow(
        line=row.line,
        name=text(row, "name"),
        tier=int(tier[1]) if tier else None,
        archetype=_BY_WORDS.get(words(text(row, "archetype")), ""),
        stage=_BY_WORDS.get(words(text(row, "stage")), ""),
        pm_email=text(row, "pm_email").lower(),
        internal_channel=text(row, "internal_channel").removeprefix("#"),
        joint_channel=text(row, "joint_channel").removeprefix("#"),
    )


def _problems(row: Row, columns: Columns, names: dict[str, int]) -> list[Problem]:
    text = columns.text
    internal, joint = (text(row, field).removeprefix("#") for field in ("internal_channel", "joint_channel"))
    reasons = {
        "name": _name_problem(row, text(row, "name"), names),
        "tier": _tier_problem(text(row, "tier")),
        "archetype": _listed(text(row, "archetype"), ARCHETYPES, "an archetype"),
        "stage": _listed(text(row, "stage"), JOURNEY, "a stage of the journey"),
        "pm_email": _pm_problem(text(row, "pm_email")),
        "internal_channel": _channel_problem(internal),
        "joint_channel": _channel_problem(joint),
    }
    if internal and internal == joint:
        reasons["joint_channel"] = f"#{joint} cannot be both: what is internal must never reach the partner."
    return [columns.problem(row, field, reason) for field, reason in reasons.items() if reason]


def _name_problem(row: Row, name: str, seen: dict[str, int]) -> str:
    if not name:
        return "The partner has no name. Give one."
    if ";" in name:
        return f"“{name}” has a semicolon, which separates the partners of a deal. Leave it out of the name."
    first = seen.setdefault(key(name), row.line)
    return "" if first == row.line else f"“{name}” stands on line {first} and on line {row.line}. Keep one of the two."


def _tier_problem(text: str) -> str:
    return "" if not text or _TIER.fullmatch(text) else f"“{text}” is not a tier. Use 1, 2 or 3."


def _listed(text: str, names: tuple[str, ...], what: str) -> str:
    if not text or _BY_WORDS.get(words(text)) in names:
        return ""
    return f"“{text}” is not {what}. Use one of: {', '.join(names)}."


def _pm_problem(text: str) -> str:
    if not text or is_email(text):
        return ""
    return f"“{text}” is not an e-mail address. Name one partner manager by theirs."


def _channel_problem(name: str) -> str:
    if not name or _CHANNEL.fullmatch(name):
        return ""
    return f"“{name}” is not a channel name. It has no spaces or capital letters, such as partner-acme."
