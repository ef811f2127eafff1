"""The page of one partner's joint channel: what it sees, in whose words, who speaks for it, where, and what happened."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import people
from models.domain.deals import OPEN
from models.domain.policy import Policy
from models.domain.rights import Act, may
from models.domain.text import key
from models.joint import answers, approving, counterparts, marks, stages, waiting
from models.joint.approving import Place
from models.joint.counterparts import ENTITY as COUNTERPART
from models.people import Names
from models.reviews import DealView
from models.tables import Change, Counterpart, Deal, DealVersion, JointAnswer, JointDeal, Partner, Person

MOST_HAPPENINGS = 12


@dataclass(frozen=True)
class Happening:
    """One line of the history. `what`: joint, not_joint, amount, no_amount, stage, approved, withdrawn, or a counterpart's state."""

    at: datetime
    what: str
    name: str
    by_id: int | None


@dataclass(frozen=True)
class JointPage:
    """All that the page shows."""

    partner: Partner
    place: Place | None
    approved: bool
    deals: tuple[tuple[JointDeal, DealView], ...]
    candidates: tuple[DealView, ...]
    said: Mapping[int, JointAnswer]
    words: Mapping[str, str]
    people: counterparts.People
    owners: tuple[str, ...]
    """Whom our own people named as the partner's owner of a deal, and who is nobody in Slack."""
    history: tuple[Happening, ...]
    book: Names


async def load(session: AsyncSession, actor: Person, partner_id: int, *, now: datetime, policy: Policy) -> JointPage:
    """The page for somebody who decides what this partner sees. Raises NotAllowed (who can), UserError."""
    partner = await approving.partner_for(
        session, actor, partner_id, Act.MARK_JOINT, now=now, policy=policy, lock=False
    )
    place = await approving.place(session, partner)
    standing = {row.deal_id: row for row in await marks.standing(session, partner_id)}
    candidates = await marks.candidates(session, partner_id, now=now, policy=policy)
    persons = await counterparts.of_partner(session, partner_id)
    return JointPage(
        partner=partner,
        place=place,
        approved=place is not None and approving.allows(partner, place.teams),
        deals=tuple((standing[view.id], view) for view in candidates if view.id in standing),
        candidates=tuple(candidates),
        said=await answers.latest(session, [row.id for row in standing.values()]) if standing else {},
        words=await stages.names(session, partner_id),
        people=persons,
        owners=_owners(candidates, persons),
        history=tuple(await _history(session, partner)),
        book=await people.directory(session),
    )


def _owners(candidates: Sequence[DealView], persons: counterparts.People) -> tuple[str, ...]:
    known = {key(one.name) for one in persons.confirmed} | {key(one.name) for one in persons.contacts}
    named = {key(view.deal.partner_owner): view.deal.partner_owner for view in candidates if view.deal.partner_owner}
    return tuple(name for spelt, name in sorted(named.items()) if spelt not in known)


async def partners_for(session: AsyncSession, actor: Person, *, now: datetime, policy: Policy) -> list[Partner]:
    """The partners whose page somebody may open: their own and those they cover for, the head all; with a channel first."""
    if actor.has("head"):
        found = list(await session.scalars(select(Partner).order_by(Partner.name, Partner.id)))
    else:
        found = await waiting.partners_of(session, actor, now=now, policy=policy)
        subjects = [(one, await people.subject_of(session, partner=one, now=now, policy=policy)) for one in found]
        found = [one for one, subject in subjects if may(people.as_actor(actor), Act.MARK_JOINT, subject).allowed]
    return sorted(found, key=lambda one: (not one.joint_channel, one.tier, one.name.casefold(), one.id))


def stages_of(page: JointPage, policy: Policy) -> list[str]:
    """Our stages that can have a word of the partner's: of the table, of its deals, and those that have one."""
    table = [stage for stage, category in policy.stages.stages if category in OPEN]
    used = [view.version.stage for view in page.candidates if view.version.stage]
    return list(dict.fromkeys([*table, *used, *page.words]))


async def _history(session: AsyncSession, partner: Partner) -> list[Happening]:
    """The latest first."""
    deals = select(JointDeal.deal_id).where(JointDeal.partner_id == partner.id)
    persons = select(Counterpart.id).where(Counterpart.partner_id == partner.id)
    rows = await session.scalars(
        select(Change)
        .where(
            or_(
                and_(
                    Change.entity == "deal", Change.entity_id.in_(deals), Change.field.in_(("joint", "amount_shared"))
                ),
                and_(Change.entity == COUNTERPART, Change.entity_id.in_(persons)),
                and_(
                    Change.entity == "partner",
                    Change.entity_id == partner.id,
                    Change.field.in_(("joint_approved", "joint_stage", "joint_channel")),
                ),
            )
        )
        .order_by(Change.at.desc(), Change.id.desc())
        .limit(MOST_HAPPENINGS * 3)
    )
    kept = [row for row in rows if row.entity != "deal" or _partner_of(row) in (None, partner.id)][:MOST_HAPPENINGS]
    names = await _names(session, kept)
    return [Happening(row.at, _what(row), names.get((row.entity, row.entity_id), ""), row.by_id) for row in kept]


def _partner_of(row: Change) -> int | None:
    """Which partner's mark a line is about: a deal can be joint with several."""
    for value in (row.after, row.before):
        if isinstance(value, Mapping) and isinstance(value.get("partner"), int):
            return int(value["partner"])
    return None


def _what(row: Change) -> str:
    if row.entity == COUNTERPART:
        return str(row.after)
    if row.field == "joint":
        return "joint" if row.after else "not_joint"
    if row.field == "amount_shared":
        return "amount" if isinstance(row.after, Mapping) and row.after.get("shared") else "no_amount"
    if row.field == "joint_approved":
        return "approved" if row.after else "withdrawn"
    return "stage" if row.field == "joint_stage" else "channel"


async def _names(session: AsyncSession, rows: list[Change]) -> dict[tuple[str, int], str]:
    deals = {row.entity_id for row in rows if row.entity == "deal"}
    persons = {row.entity_id for row in rows if row.entity == COUNTERPART}
    called = await session.execute(
        select(Deal.id, DealVersion.name).join(DealVersion, DealVersion.id == Deal.version_id).where(Deal.id.in_(deals))
    )
    spoken = await session.execute(select(Counterpart.id, Counterpart.name).where(Counterpart.id.in_(persons)))
    return {("deal", row_id): text for row_id, text in called} | {
        (COUNTERPART, row_id): text for row_id, text in spoken
    }
