"""What a pursuit list is chosen from: deals that are due by the end of the month ahead, overlaps, deals without a date."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.domain.notes import DealFact
from models.domain.pbr import Pursued, last_day, next_month
from models.tables import Deal, DealVersion, Target

MOST_CHOICES = 100
LONGEST_KEY = 18
"""Of a key: what is longer is no id of ours, and no number a database takes."""


@dataclass(frozen=True)
class Choice:
    """What the list offers, most valuable first, at most `MOST_CHOICES`; `left_out` are more that could be typed."""

    offered: tuple[Pursued, ...]
    left_out: int = 0


async def choices_of(
    session: AsyncSession, partner_id: int, deals: Iterable[DealFact], month: date, chosen: Sequence[str]
) -> Choice:
    """The offer for the month after the one reviewed. What is chosen already comes first: a form must show it."""
    until = last_day(next_month(month))
    dated = [deal for deal in deals if deal.close_date is not None and deal.close_date <= until]
    undated = [deal for deal in deals if deal.close_date is None]
    targets = await session.scalars(
        select(Target).where(Target.partner_id == partner_id, Target.gone_at.is_(None)).order_by(Target.account)
    )
    every = [
        *(_of_deal(deal) for deal in sorted(dated, key=_weight)),
        *(_of_target(target) for target in targets),
        *(_of_deal(deal) for deal in sorted(undated, key=_weight)),
    ]
    there = {item.key for item in every}
    gone = await pursued(session, partner_id, [key for key in chosen if key not in there])
    marked = set(chosen)
    ordered = [*gone, *sorted(every, key=lambda item: item.key not in marked)]
    return Choice(tuple(ordered[:MOST_CHOICES]), max(0, len(ordered) - MOST_CHOICES))


def _weight(deal: DealFact) -> tuple[bool, int, str]:
    return (deal.amount is None, -(deal.amount or 0), deal.name.casefold())


def _of_deal(deal: DealFact) -> Pursued:
    return Pursued(
        key=f"d{deal.deal_id}",
        account=deal.account or deal.name,
        deal=deal.name,
        amount=deal.amount,
        currency=deal.currency,
        close_date=deal.close_date,
    )


def _of_target(target: Target) -> Pursued:
    note = ", ".join(
        part
        for part in (
            f"ours: {target.our_status}" if target.our_status else "",
            f"theirs: {target.their_status}" if target.their_status else "",
        )
        if part
    )
    return Pursued(key=f"t{target.id}", account=target.account, note=note)


async def pursued(session: AsyncSession, partner_id: int, keys: Iterable[str]) -> list[Pursued]:
    """What was chosen, as it is called now, in the order chosen. A key that is not this partner's is left out."""
    return (await pursued_all(session, {partner_id: tuple(keys)}))[partner_id]


async def pursued_all(session: AsyncSession, chosen: dict[int, tuple[str, ...]]) -> dict[int, list[Pursued]]:
    """The same for several partners, in two statements."""
    every = [key for keys in chosen.values() for key in keys]
    found: dict[tuple[int, str], Pursued] = {}
    if ids := _ids("d", every):
        rows = await session.scalars(
            select(DealVersion).join(Deal, Deal.version_id == DealVersion.id).where(Deal.id.in_(ids))
        )
        for row in rows:
            found[row.partner_id or 0, f"d{row.deal_id}"] = Pursued(
                key=f"d{row.deal_id}", account=row.account or row.name, deal=row.name, amount=row.amount,
                currency=row.currency, close_date=row.close_date,
            )  # fmt: skip
    if ids := _ids("t", every):
        for target in await session.scalars(select(Target).where(Target.id.in_(ids))):
            found[target.partner_id, f"t{target.id}"] = _of_target(target)
    return {
        partner_id: [found[partner_id, key] for key in dict.fromkeys(keys) if (partner_id, key) in found]
        for partner_id, keys in chosen.items()
    }


def _ids(letter: str, keys: Iterable[str]) -> list[int]:
    return [int(key[1:]) for key in keys if key[:1] == letter and key[1:].isdecimal() and len(key) <= LONGEST_KEY]
