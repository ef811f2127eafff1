"""Targets: what is to be closed in a quarter, by the program and by partner. The latest row of each counts."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.domain.errors import FieldErrors
from models.domain.fiscal import Quarter
from models.domain.forecast.rates import MissingRate, Rates, convert
from models.domain.money import currency_in, parse_amount
from models.domain.policy import Policy
from models.domain.rights import Act, Subject, may, require
from models.domain.text import clip
from models.domain.zones import local_date, zone
from models.forecast import finding
from models.forecast.rates import read
from models.people import as_actor
from models.tables import Partner, Person, Quota

_LONGEST = 30


async def set_quota(
    session: AsyncSession, actor: Person, period: str, partner_id: int | None, text: str, *, now: datetime,
    policy: Policy, source: str = "slack",
) -> Quota | None:  # fmt: skip
    """Set the target of a quarter (by its label): of one partner, or of the program (`partner_id` None).

    `text` is an amount in the reporting currency or one it names itself (`EUR 500,000`); empty takes the target back. None
    when that is what stands already.

    Raises:
        NotAllowed: says who can.
        FieldErrors: on "period", "partner" or "amount".
    """
    require(may(as_actor(actor), Act.SET_TARGETS, Subject()))
    currency = currency_in(text) or policy.currency
    errors: dict[str, str] = {}
    quarter = finding.by_label(period, local_date(now, zone(policy.zone)), policy)
    if quarter is None:
        errors["period"] = f"“{clip(period, _LONGEST)}” is no quarter."
    if partner_id is not None and await session.get(Partner, partner_id) is None:
        errors["partner"] = "This partner does not exist any more. Choose another."
    amount: int | None = None
    try:
        amount = target_of(text, currency)
    except ValueError as error:
        errors["amount"] = str(error)
    if amount is not None and quarter is not None and await _is_unrated(session, currency, quarter, policy):
        errors["amount"] = (
            f"There is no exchange rate from {currency} for {quarter.first.day} {quarter.first:%b %Y}, the quarter's first day. Enter "
            "it with this target, from that day on or earlier."
        )
    if errors:
        raise FieldErrors(errors)
    before = (await stored(session, period)).get(partner_id)
    stands = (before.currency, before.amount) if before is not None else (currency, None)
    if stands == (currency, amount) or (before is None and amount is None):
        return None
    row = Quota(
        period=period, partner_id=partner_id, currency=currency, amount=amount, at=now, by_id=actor.id, source=source
    )
    session.add(row)
    await session.flush()
    return row


async def _is_unrated(session: AsyncSession, currency: str, quarter: Quarter, policy: Policy) -> bool:
    """Whether a target in this currency would leave the whole quarter without totals."""
    return currency != policy.currency and (await read(session, policy.currency)).on(currency, quarter.first) is None


def target_of(text: str, currency: str) -> int | None:
    """A target as typed, in minor units; None for an empty text.

    Raises:
        ValueError: a sentence that says what is wrong with it.
    """
    amount = parse_amount(text, currency)
    if amount is not None and amount <= 0:
        raise ValueError("A target is above zero. Leave it empty where there is none.")
    return amount


async def quotas(
    session: AsyncSession,
    quarter: Quarter,
    *,
    policy: Policy,
    rates: Rates | None = None,
    partner_ids: Collection[int] | None = None,
) -> dict[int | None, int]:
    """The targets of a quarter by partner (None: the program's), in the reporting currency.

    Another currency is converted at the rate of the quarter's first day. Two statements at most; `rates`, where they are
    read already, save one. With `partner_ids` only theirs: nobody's page waits for the rate of another's target.

    Raises:
        MissingRate: there is none.
    """
    rows = await stored(session, quarter.label)
    if partner_ids is not None:
        rows = {partner_id: row for partner_id, row in rows.items() if partner_id in partner_ids}
    if rates is None and any(row.currency != policy.currency for row in rows.values()):
        rates = await read(session, policy.currency)
    known = rates or Rates(policy.currency, ())
    names = (
        await _names(session, rows)
        if any(known.on(row.currency, quarter.first) is None for row in rows.values())
        else {}
    )
    return {partner_id: _converted(row, quarter, known, names) for partner_id, row in rows.items()}


async def _names(session: AsyncSession, rows: Mapping[int | None, Quota]) -> dict[int | None, str]:
    """The partners' names, for a sentence."""
    found = await session.execute(select(Partner.id, Partner.name).where(Partner.id.in_([one for one in rows if one])))
    return {partner_id: name for partner_id, name in found}  # noqa: C416 - a Row is a tuple, which mypy does not know


async def stored(session: AsyncSession, period: str) -> dict[int | None, Quota]:
    """The rows that count, as they were entered; those taken back are left out. One statement."""
    rows = await session.scalars(select(Quota).where(Quota.period == period).order_by(Quota.id))
    latest = {row.partner_id: row for row in rows}
    return {partner_id: row for partner_id, row in latest.items() if row.amount is not None}


def _converted(row: Quota, quarter: Quarter, rates: Rates, names: Mapping[int | None, str]) -> int:
    rate = rates.on(row.currency, quarter.first)
    if rate is None:
        whose = names.get(row.partner_id, "the program")
        raise MissingRate("", row.currency, rates.into, quarter.first, needed_by=f"the target of {whose}")
    return convert(row.amount or 0, rate)
