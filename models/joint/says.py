"""What partners say of our deals, for our own pages: beside what we say, and never instead of it."""

from collections.abc import Collection, Mapping

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.deals import PRESENT
from models.domain.notes import PartnerSays
from models.domain.policy import Policy
from models.domain.text import key
from models.domain.zones import local_date, zone
from models.joint import answers, marks, stages
from models.tables import Deal, DealVersion, JointAnswer, JointDeal, Partner, Person, StageName

Says = Mapping[tuple[int, int], PartnerSays]
"""By partner and deal."""

_ROWS = (
    select(JointDeal, DealVersion.stage, Partner.name)
    .join(Deal, Deal.id == JointDeal.deal_id)
    .join(DealVersion, PRESENT)
    .join(Partner, Partner.id == JointDeal.partner_id)
    .where(marks.STANDS)
)


async def says(session: AsyncSession, *, policy: Policy, deal_ids: Collection[int] | None = None) -> Says:
    """What counts of what partners said of their joint deals, all or these. A deal nobody spoke of is left out."""
    query = _ROWS if deal_ids is None else _ROWS.where(JointDeal.deal_id.in_(deal_ids))
    rows = (await session.execute(query)).all() if deal_ids is None or deal_ids else []
    said = await answers.latest(session, [mark.id for mark, _, _ in rows]) if rows else {}
    if not said:
        return {}
    words = await _words(session, {mark.partner_id for mark, _, _ in rows})
    people = select(Person.id, Person.name).where(Person.id.in_({one.by_id for one in said.values()} - {None}))
    speakers = {person_id: name for person_id, name in await session.execute(people)}  # noqa: C416 - a Row is a tuple
    return {
        (mark.partner_id, mark.deal_id): _one(
            said[mark.id], partner, stages.said_as(stage, words.get(mark.partner_id, {})), stage, speakers, policy
        )
        for mark, stage, partner in rows
        if mark.id in said
    }


async def of_deals(session: AsyncSession, deal_ids: Collection[int], *, policy: Policy) -> dict[int, list[PartnerSays]]:
    """The same by deal: one that is joint with several partners may have something from each."""
    found: dict[int, list[PartnerSays]] = {}
    for (_, deal_id), one in sorted((await says(session, policy=policy, deal_ids=deal_ids)).items()):
        found.setdefault(deal_id, []).append(one)
    return found


async def _words(session: AsyncSession, partner_ids: Collection[int]) -> dict[int, dict[str, str]]:
    found: dict[int, dict[str, str]] = {}
    for row in await session.scalars(select(StageName).where(StageName.partner_id.in_(partner_ids))):
        found.setdefault(row.partner_id, {})[row.stage] = row.joint
    return found


def _one(
    said: JointAnswer, partner: str, mapped: str, stage: str, speakers: Mapping[int, str], policy: Policy
) -> PartnerSays:
    """`differs`: their stage is not what ours is called with them; ours without such words is no match for any."""
    return PartnerSays(
        partner=partner,
        stage=said.stage,
        ours=mapped or stage,
        differs=bool(said.stage) and key(said.stage) != key(mapped),
        action=said.action,
        owner=said.owner,
        due=said.due,
        ask=said.ask,
        by=speakers.get(said.by_id or 0) or said.said_by,
        on=local_date(said.at, zone(policy.zone)),
        reported=said.source == answers.REPORTED,
    )
