"""What a roll-up is of, and by what it goes: the quarter, the terms, the rates, who manages whom, who may be seen."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.attribution import Ground
from models.domain.deals import Category
from models.domain.fiscal import Quarter
from models.domain.forecast.facts import WHOLE
from models.domain.forecast.parts import REST, Part, parts_with_rest
from models.domain.forecast.rates import Rates
from models.domain.policy import Policy
from models.tables import Partner

HIDDEN = -1
"""Stands for every partner, and every manager, that the reader may not see."""


@dataclass(frozen=True)
class Scope:
    """What a roll-up is of: the quarter, the currency, the rates, who may be seen. `partner_ids` None is everybody.

    `pms` are the present managers by partner, `names` the partners' names.
    """

    quarter: Quarter
    policy: Policy
    now: datetime
    ground: Ground
    rates: Rates
    pms: Mapping[int, int | None]
    names: Mapping[int, str]
    partner_ids: frozenset[int] | None = None

    @property
    def into(self) -> str:
        return self.policy.currency

    @property
    def rate_day(self) -> date:
        """The cut-off day, at whose rates open deals are converted."""
        return self.ground.today

    def sees(self, partner_id: int | None) -> bool:
        return self.partner_ids is None or partner_id in self.partner_ids

    def rate_day_of(self, category: str, close_date: date | None) -> date:
        """Won deals are converted as of their close date, all others as of the cut-off day."""
        return close_date if category == Category.WON and close_date is not None else self.rate_day

    def masked(self, parts: Iterable[Part], primary: int | None) -> tuple[Part, ...]:
        """The parts, those of others hidden: dividing stays exact, and nothing of theirs is named."""
        if self.partner_ids is None:
            return tuple(parts)
        return tuple(
            part
            if self.sees(primary if part.partner_id == REST else part.partner_id)
            else Part(HIDDEN, HIDDEN, part.share)
            for part in parts
        )

    @cached_property
    def usual(self) -> dict[int, tuple[Part, ...]]:
        """The parts of a deal that is one partner's alone, by partner."""
        return {partner_id: (Part(partner_id, pm_id, WHOLE),) for partner_id, pm_id in self.pms.items()}

    def parts(self, partner_id: int, links: Iterable[tuple[int, int]]) -> tuple[Part, ...]:
        """The parts of a deal: each partner's share, and the rest.

        `links` are (partner, share); without any, all of it is the primary partner's.
        """
        shared = [Part(other, self.pms.get(other), share) for other, share in links if share > 0]
        if not shared:
            return self.masked(self.usual.get(partner_id, (Part(partner_id, None, WHOLE),)), partner_id)
        return self.masked(parts_with_rest(shared, self.pms.get(partner_id)), partner_id)


async def scope_of(
    session: AsyncSession,
    quarter: Quarter,
    *,
    ground: Ground,
    rates: Rates,
    now: datetime,
    policy: Policy,
    partner_ids: Iterable[int] | None = None,
) -> Scope:
    """Read who manages whom. One statement."""
    rows = list(await session.execute(select(Partner.id, Partner.pm_id, Partner.name)))
    return Scope(
        quarter=quarter,
        policy=policy,
        now=now,
        ground=ground,
        rates=rates,
        pms={partner_id: pm_id for partner_id, pm_id, _ in rows},
        names={partner_id: name for partner_id, _, name in rows},
        partner_ids=None if partner_ids is None else frozenset(partner_ids),
    )
