"""A people file: who they are, what they do for us or for which partner, where their day begins."""

import re
from collections.abc import Callable

from pydantic import BaseModel, ConfigDict

from models.domain.errors import UserError
from models.domain.files import fields
from models.domain.files.cells import words
from models.domain.files.encoding import Document
from models.domain.files.headers import Columns, match, require
from models.domain.files.problems import Problem
from models.domain.files.records import Row
from models.domain.files.table import read_table
from models.domain.workdays import check_calendar_code
from models.domain.zones import zone

_ROLES = {role: role for role in ("ae", "pm", "head", "cro", "cfo", "ceo", "admin", "counterpart")} | {
    "account executive": "ae",
    "partner manager": "pm",
    "head of partnerships": "head",
}
_EMAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>]+")
_SLACK_ID = re.compile(r"[UW][A-Z0-9]{2,}")


class PersonRow(BaseModel):
    """One person as the file tells it; an empty text says nothing. `roles` are ours, sorted; theirs hold none."""

    model_config = ConfigDict(frozen=True)

    line: int
    name: str
    email: str
    side: str
    roles: tuple[str, ...] = ()
    partner: str = ""
    slack_id: str = ""
    time_zone: str = ""
    holidays: str = ""


def is_email(text: str) -> bool:
    return _EMAIL.fullmatch(text) is not None


def parse_people(text: str | Document) -> tuple[tuple[PersonRow, ...], tuple[Problem, ...], Columns]:
    """Rows, bad lines, and the columns found. BadFile when the file cannot be read at all."""
    table = read_table(text)
    columns = match(table.headers, fields.PEOPLE, header_line=table.header_line)
    require(
        columns,
        {
            "name": "Add the column name.",
            "email": "Add the column email: it is how files and Slack know one person from another.",
            "role": "Add the column role: ae, pm, head, cro, cfo, ceo, admin or counterpart.",
        },
    )
    problems = list(table.problems)
    rows: list[PersonRow] = []
    emails: dict[str, int] = {}
    slack_ids: dict[str, int] = {}
    for row in table.rows:
        found = _problems(row, columns, emails, slack_ids)
        problems += found
        if not found:
            rows.append(_row(row, columns))
    return tuple(rows), tuple(sorted(problems, key=lambda problem: problem.line)), columns


def _row(row: Row, columns: Columns) -> PersonRow:
    roles = set(_roles(columns.text(row, "role"))) - {"counterpart"}
    partner = columns.text(row, "partner")
    return PersonRow(
        line=row.line,
        name=columns.text(row, "name"),
        email=columns.text(row, "email").lower(),
        side="theirs" if partner else "ours",
        roles=tuple(sorted(roles)),
        partner=partner,
        slack_id=columns.text(row, "slack_id"),
        time_zone=columns.text(row, "time_zone"),
        holidays=columns.text(row, "holidays"),
    )


def _roles(text: str) -> list[str]:
    """Known roles in the cell; what is unknown is left as it is written."""
    return [_ROLES.get(words(part), part.strip()) for part in text.split(";") if part.strip()]


def _problems(row: Row, columns: Columns, emails: dict[str, int], slack_ids: dict[str, int]) -> list[Problem]:
    reasons = {
        "name": "" if columns.text(row, "name") else "The person has no name. Give one.",
        "email": _email_problem(row, columns.text(row, "email"), emails),
        "role": _role_problem(columns.text(row, "role"), columns.text(row, "partner")),
        "slack_id": _slack_problem(row, columns.text(row, "slack_id"), slack_ids),
        "time_zone": _unknown(zone, columns.text(row, "time_zone")),
        "holidays": _unknown(check_calendar_code, columns.text(row, "holidays")),
    }
    return [columns.problem(row, field, reason) for field, reason in reasons.items() if reason]


def _email_problem(row: Row, email: str, seen: dict[str, int]) -> str:
    if not is_email(email):
        shown = f"“{email}” is not an e-mail address." if email else "The e-mail address is empty."
        return f"{shown} Each person needs one of their own."
    first = seen.setdefault(email.lower(), row.line)
    return "" if first == row.line else f"{email} stands on line {first} and on line {row.line}. Keep one of the two."


def _role_problem(text: str, partner: str) -> str:
    roles = _roles(text)
    unknown = next((role for role in roles if role not in _ROLES.values()), None)
    if unknown is not None:
        return f"“{unknown}” is not a role. Use ae, pm, head, cro, cfo, ceo, admin or counterpart."
    if "counterpart" in roles and not partner:
        return "A counterpart needs the partner they work for. Fill in the column partner."
    if partner and set(roles) - {"counterpart"}:
        return "Somebody who works for a partner cannot hold a role of ours. Use counterpart, or leave partner empty."
    if not roles and not partner:
        return "The role is empty. Use ae, pm, head, cro, cfo, ceo, admin or counterpart."
    return ""


def _slack_problem(row: Row, slack_id: str, seen: dict[str, int]) -> str:
    if not slack_id:
        return ""
    if _SLACK_ID.fullmatch(slack_id) is None:
        return (
            f"“{slack_id}” is not a Slack member ID. It looks like U012AB3CD; a group (S…) or a bot cannot be a person."
        )
    first = seen.setdefault(slack_id, row.line)
    return "" if first == row.line else f"{slack_id} stands on line {first} too. Each person has one of their own."


def _unknown(check: Callable[[str], object], text: str) -> str:
    if not text:
        return ""
    try:
        check(text)
    except UserError as error:
        return str(error)
    return ""
