"""Attribution in the demo company: of the deals that are younger than the installation, some of every state.

Signed by the functions that forms call, at the hours at which people would have done it.
"""

from datetime import UTC, datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.demo.build import Company
from models import attribution
from models.attribution import Given
from models.db import Database
from models.deals import PRESENT
from models.domain.attribution import TOUCHED
from models.domain.policy import Policy
from models.tables import Deal, DealVersion, Partner, Person

SCENES = ("both", "late", "ae", "nobody", "pm", "touch")
"""Who signs, in turn: both in time, the second late, one side alone, nobody (and nobody records a touch), or a touch alone."""


async def sign(db: Database, company: Company) -> None:
    """Sign what has been signed by today, in one transaction."""
    policy = Policy.model_validate(company.settings)
    fresh = (
        select(Deal.id, DealVersion.attribution, DealVersion.owner_id, Partner.pm_id)
        .join(DealVersion, PRESENT)
        .join(Partner, Partner.id == DealVersion.partner_id)
        .where(
            DealVersion.created_date == company.before,
            DealVersion.attribution != "",
            DealVersion.owner_id != Partner.pm_id,  # and neither is missing
        )
        .order_by(Deal.crm_id)
    )
    async with db.write() as session:
        for place, (deal_id, kind, owner_id, pm_id) in enumerate((await session.execute(fresh)).all()):
            ae, pm = await session.get_one(Person, owner_id), await session.get_one(Person, pm_id)
            await _play(session, SCENES[place % len(SCENES)], deal_id, kind, (ae, pm), company, policy)


async def _play(
    session: AsyncSession,
    scene: str,
    deal_id: int,
    kind: str,
    names: tuple[Person, Person],
    company: Company,
    policy: Policy,
) -> None:
    """One deal's story: who signs it, and when."""
    ae, pm = names
    first, second = (pm, ae) if scene == "pm" else (ae, pm)
    soon, later = _at(company, 2), _at(company, 6)
    if scene == "late":
        later = datetime.combine(company.today - timedelta(days=1), time(10), UTC)
    if scene == "nobody":
        return
    touch = Given(company.before + timedelta(days=1), "Introduced us to the buyer and joined the first call")
    if scene == "touch":
        await attribution.record_touch(session, ae, deal_id, touch, now=soon, policy=policy)
        return
    given = touch if kind in TOUCHED else None
    await attribution.claim(session, first, deal_id, kind, touch=given, now=soon, policy=policy)
    if scene in ("both", "late"):
        await attribution.claim(session, second, deal_id, kind, now=later, policy=policy)


def _at(company: Company, days: int) -> datetime:
    return datetime.combine(company.before + timedelta(days=days), time(10), UTC)
