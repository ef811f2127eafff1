"""What attribution goes by: the terms in force, and the day Cadence came. One small statement."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.domain.attribution import Clock
from models.domain.forecast.facts import AttributionState, Terms
from models.domain.policy import Policy
from models.domain.zones import local_date, zone
from models.tables import Deal, DealVersion, ImportRun, TermsVersion

_LATEST = select(TermsVersion.terms).order_by(TermsVersion.number.desc()).limit(1)
_FIRST_IMPORT = select(func.min(ImportRun.at)).scalar_subquery()
_FIRST_DEAL = select(func.min(Deal.first_seen_at)).scalar_subquery()
_FIRST = select(_FIRST_IMPORT, _FIRST_DEAL)
_GROUND = select(_LATEST.scalar_subquery(), _FIRST_IMPORT, _FIRST_DEAL)


@dataclass(frozen=True)
class Ground:
    """The terms in force, the day Cadence came (None: nothing has been brought yet), and the day it is."""

    terms: Terms
    installed_on: date | None
    today: date
    zone: str

    @property
    def days(self) -> int:
        """The days in which both have to sign."""
        return self.terms.attribution_days

    def clock(self, deal: Deal, version: DealVersion, *, kind: str | None = None) -> Clock:
        """The clock of a deal, by the kind in force or by another."""
        return Clock(
            kind=kind_of(deal, version) if kind is None else kind,
            first_seen=local_date(deal.first_seen_at, zone(self.zone)),
            created=version.created_date,
            touched=deal.touched_on,
            signed=deal.attribution_state,
        )

    def state(self, deal: Deal, version: DealVersion) -> AttributionState:
        """How far the deal's attribution is today."""
        return self.clock(deal, version).state(self.today, installed_on=self.installed_on, days=self.days)

    def days_left(self, deal: Deal, version: DealVersion) -> int | None:
        """Until the last day for both signatures; negative past it, None without a clock."""
        return self.clock(deal, version).days_left(self.today, self.days)


def kind_of(deal: Deal, version: DealVersion) -> str:
    """The kind in force: what somebody has signed for, else the CRM's column; "" where nobody knows."""
    return deal.attribution or version.attribution


async def ground(session: AsyncSession, *, now: datetime, policy: Policy) -> Ground:
    """What every clock of today goes by, in one statement."""
    stored, imported, seen = (await session.execute(_GROUND)).one()
    return Ground(
        terms=Terms.model_validate(stored) if stored else Terms(),
        installed_on=_first_day(policy, imported, seen),
        today=local_date(now, zone(policy.zone)),
        zone=policy.zone,
    )


async def installed_on(session: AsyncSession, policy: Policy) -> date | None:
    """The company's date of the first import or deal seen here; None before any. Older deals are legacy."""
    return _first_day(policy, *(await session.execute(_FIRST)).one())


def _first_day(policy: Policy, *seen: datetime | None) -> date | None:
    return min((local_date(at, zone(policy.zone)) for at in seen if at is not None), default=None)
