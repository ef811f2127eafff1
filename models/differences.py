"""Where people said in Slack what the CRM does not say: listed for whoever can mend it, and as a file."""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, String, cast, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from models.deals import PRESENT
from models.domain.deals import LABELS, Category
from models.domain.files.safe import safe_cell
from models.domain.money import minor_digits
from models.tables import Deal, DealVersion, Partner, Person

COLUMNS = ("crm_id", "deal", "account", "partner", "owner", "field", "crm_value", "slack_value", "said_by", "said_at")
EVERYTHING = ("head", "cro", "cfo", "ceo")
"""Who may read every deal (product: who may do what)."""


@dataclass(frozen=True)
class Difference:
    """One field of one deal, named as in our template. Values as a CRM takes them: plain numbers, ISO dates; `said_at` aware."""

    crm_id: str
    deal: str
    account: str
    partner: str
    owner: str
    field: str
    crm_value: str
    slack_value: str
    said_by: str
    said_at: datetime | None


async def list_differences(session: AsyncSession, reader: Person | None) -> list[Difference]:
    """What this person may read of them, by deal and field; None reads everything. Three statements."""
    rows = await session.execute(
        select(Deal.crm_id, DealVersion, Partner.name, Person.name)
        .join(Deal, PRESENT)
        .outerjoin(Partner, Partner.id == DealVersion.partner_id)
        .outerjoin(Person, Person.id == DealVersion.owner_id)
        .where(_differs(), _readable(reader))
        .order_by(DealVersion.name, DealVersion.deal_id)
    )
    found = [(crm_id, version, partner, owner) for crm_id, version, partner, owner in rows]
    wanted = {held.get("by") for _, version, _, _ in found for held in version.said.values()} - {None}
    named = await session.execute(select(Person.id, Person.name).where(Person.id.in_(wanted)))
    names: dict[int, str] = {person_id: name for person_id, name in named}  # noqa: C416 - rows are no pairs
    return [
        _one(crm_id or "", version, partner or "", owner or "", name, held, names)
        for crm_id, version, partner, owner in found
        for name, held in sorted(version.said.items())
    ]


async def count_deals(session: AsyncSession, reader: Person) -> int:
    """How many deals this person may read have something to mend."""
    found = await session.scalar(
        select(func.count())
        .select_from(DealVersion)
        .join(Deal, PRESENT)
        .outerjoin(Partner, Partner.id == DealVersion.partner_id)
        .where(_differs(), _readable(reader))
    )
    return found or 0


def _differs() -> ColumnElement[bool]:
    return cast(DealVersion.said, String).not_in(("{}", "null", ""))


def _readable(reader: Person | None) -> ColumnElement[bool]:
    """Own deals, own partners' deals, or all."""
    if reader is None or reader.has(*EVERYTHING):
        return true()
    return or_(DealVersion.owner_id == reader.id, Partner.pm_id == reader.id)


def _one(
    crm_id: str, version: DealVersion, partner: str, owner: str, field: str, held: Mapping[str, Any], names: Mapping[int, str],
) -> Difference:  # fmt: skip
    at = held.get("at")
    return Difference(
        crm_id=crm_id,
        deal=version.name,
        account=version.account,
        partner=partner,
        owner=owner,
        field=field,
        crm_value=_plain(field, getattr(version, field), version.currency),
        slack_value=_plain(field, held.get("value"), version.currency),
        said_by=names.get(held.get("by") or 0, ""),
        said_at=datetime.fromisoformat(at) if at else None,
    )


def _plain(field: str, value: Any, currency: str) -> str:
    if value is None:
        return ""
    if field == "amount":
        digits = minor_digits(currency)
        whole, rest = divmod(abs(int(value)), 10**digits)
        return ("-" if int(value) < 0 else "") + str(whole) + (f".{rest:0{digits}d}" if digits and rest else "")
    if field == "category":
        return LABELS[Category(value)]
    return value.isoformat() if isinstance(value, date) else str(value)


def as_csv(rows: Iterable[Difference], zone: ZoneInfo) -> bytes:
    """A CSV file that spreadsheets open as it is: UTF-8 with a mark, every cell harmless, hours in `zone`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in rows:
        at = row.said_at.astimezone(zone).strftime("%Y-%m-%d %H:%M") if row.said_at else ""
        cells = (row.crm_id, row.deal, row.account, row.partner, row.owner, row.field, row.crm_value, row.slack_value)
        writer.writerow([safe_cell(cell) for cell in (*cells, row.said_by, at)])
    return text.getvalue().encode("utf-8-sig")
