"""The CRM's word on one deal as JSON, and what of it a new file changes."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from models.domain.files.deal_rows import DealRow

_CARRIED_AS = {"owner_id": "owner", "owner_said": "owner", "partners": "partner"}
_NOT_IN_VERSION = ("partners", "account_id", "owner_said")

Record = dict[str, Any]


def record_of(row: DealRow, *, owner_id: int | None, owner_said: str, partner_ids: tuple[int, ...]) -> Record:
    """The row's normalised values as they are kept: ids for people and partners, ISO dates, minor units.

    `owner_said` is kept where it means nobody yet.
    """
    shares = zip(partner_ids, row.partners, strict=True)
    return {
        "name": row.name,
        "account": row.account,
        "account_id": row.account_id,
        "partners": [[partner_id, role, share] for partner_id, (_, role, share) in shares],
        "owner_id": owner_id,
        "stage": row.stage,
        "category": row.category.value,
        "amount": row.amount,
        "currency": row.currency,
        "close_date": row.close_date.isoformat() if row.close_date else None,
        "created_date": row.created_date.isoformat() if row.created_date else None,
        "next_step": row.next_step,
        "attribution": row.attribution,
        "lost_reason": row.lost_reason,
        **({"owner_said": owner_said} if owner_said else {}),
    }


def merged(before: Record, after: Record, carried: frozenset[str]) -> Record:
    """The new record: what the file does not speak of stays as the previous file had it."""
    kept = {name: value for name, value in before.items() if _CARRIED_AS.get(name, name) not in carried}
    return {**after, **kept, "partners": _partners(before["partners"], after["partners"], carried)}


def _partners(before: list[list[Any]], after: list[list[Any]], carried: frozenset[str]) -> list[list[Any]]:
    """With the same partners, roles and shares a file has no columns for are those of the previous file."""
    if [old[0] for old in before] != [new[0] for new in after]:
        return after
    return [
        [new[0], new[1] if "partner_role" in carried else old[1], new[2] if "share" in carried else old[2]]
        for old, new in zip(before, after, strict=True)
    ]


def changed_fields(before: Record, after: Record) -> set[str]:
    return {name for name in after if after[name] != before.get(name)}


def changed_columns(before: Record, after: Record) -> set[str]:
    """The columns of a version that the CRM changed."""
    names = {"partner_id" if name == "partners" else name for name in changed_fields(before, after)}
    return names - set(_NOT_IN_VERSION)


def primary(record: Record) -> int | None:
    return record["partners"][0][0] if record["partners"] else None


def links(record: Record) -> dict[int, tuple[str, int, bool]]:
    """Partner id to role, share and whether it is primary, as `models.deals.set_links` takes them."""
    return {partner_id: (role, share, place == 0) for place, (partner_id, role, share) in enumerate(record["partners"])}


def version_values(record: Record) -> dict[str, Any]:
    """The record as the values of a deal's version."""
    values = {name: value for name, value in record.items() if name not in _NOT_IN_VERSION}
    days = {name: date.fromisoformat(record[name]) if record[name] else None for name in ("close_date", "created_date")}
    return {**values, **days, "partner_id": primary(record)}


def still_said(said: Mapping[str, Any], changed: set[str]) -> dict[str, Any]:
    """What people said in Slack and the CRM has not answered since: a field the CRM changed drops its statement.

    An amount means its currency too. A statement the CRM has come to agree with goes the same way, since agreeing takes
    a change.
    """
    answered = changed | ({"amount"} if "currency" in changed else set())
    return {field: statement for field, statement in said.items() if field not in answered}
