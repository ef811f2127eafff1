"""Exchange rates as rows: entered by form or file, never overwritten; of the same day the latest entered counts."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.domain.errors import FieldErrors
from models.domain.forecast.rates import Rate, Rates, parse_rate
from models.domain.money import known_currency
from models.domain.policy import Policy
from models.domain.rights import Act, Subject, may, require
from models.domain.text import clip
from models.people import as_actor
from models.tables import ExchangeRate, Person

_LONGEST = 20


async def read(session: AsyncSession, into: str, *, until: datetime | None = None) -> Rates:
    """Every rate there is into this currency, or was entered by then. One statement."""
    columns = (ExchangeRate.currency, ExchangeRate.into, ExchangeRate.day, ExchangeRate.rate)
    query = select(*columns).where(ExchangeRate.into == into).order_by(ExchangeRate.id)
    rows = await session.execute(query if until is None else query.where(ExchangeRate.at <= until))
    return Rates(into, (Rate(currency, into_, day, Decimal(rate)) for currency, into_, day, rate in rows))


async def set_rate(
    session: AsyncSession, actor: Person, currency: str, day: date | None, text: str, *, now: datetime, policy: Policy,
    source: str = "slack",
) -> ExchangeRate | None:  # fmt: skip
    """From `day` on, one unit of `currency` is worth `text` (such as 1.0825) of the reporting currency.

    None when that is what stands already.

    Raises:
        NotAllowed: says who can.
        FieldErrors: on "currency", "day" or "rate".
    """
    require(may(as_actor(actor), Act.SET_TARGETS, Subject()))
    code = currency.strip().upper()
    errors = {"currency": why_no_currency(code, policy.currency), "day": "" if day is not None else "Choose a day."}
    value = Decimal(0)
    try:
        value = parse_rate(text)
    except ValueError as error:
        errors["rate"] = str(error)
    found = {name: sentence for name, sentence in errors.items() if sentence}
    if found or day is None:
        raise FieldErrors(found)
    latest = (
        select(ExchangeRate.rate)
        .where(ExchangeRate.currency == code, ExchangeRate.into == policy.currency, ExchangeRate.day == day)
        .order_by(ExchangeRate.id.desc())
        .limit(1)
    )
    stands = await session.scalar(latest)
    if stands is not None and Decimal(stands) == value:
        return None
    row = ExchangeRate(
        currency=code, into=policy.currency, day=day, rate=written(value), at=now, by_id=actor.id, source=source
    )
    session.add(row)
    await session.flush()
    return row


async def list_rates(session: AsyncSession, into: str, *, until: datetime | None = None) -> list[ExchangeRate]:
    """The rates that count (`until`: that counted then), one for each currency and day: by currency, the newest day first."""
    query = select(ExchangeRate).where(ExchangeRate.into == into).order_by(ExchangeRate.id)
    rows = await session.scalars(query if until is None else query.where(ExchangeRate.at <= until))
    counting = {(row.currency, row.day): row for row in rows}
    return sorted(counting.values(), key=lambda row: (row.currency, -row.day.toordinal()))


def why_no_currency(code: str, into: str) -> str:
    """Why a rate cannot be of this currency; empty when it can."""
    if not known_currency(code):
        return f"“{clip(code, _LONGEST)}” is not a currency code. Use one like EUR or JPY."
    if code == into:
        return f"{into} is the reporting currency: it needs no rate into itself."
    return ""


def written(value: Decimal) -> str:
    """An exact decimal as it is stored: no exponent, no zeros behind."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
