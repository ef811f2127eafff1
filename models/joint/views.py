"""The one way from rows to what a partner may see: `models.domain.shared`, and nothing that is not in there.

A deal crosses while its mark stands and it is linked to the partner, both at the moment of reading. Our stage crosses in
the partner's words only, our next action in its shared wording only, an amount where the mark shares it.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import and_, bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from models.cadences import AHEAD, Kind
from models.deals import PRESENT
from models.domain.deals import OPEN
from models.domain.policy import Policy
from models.domain.shared import SharedCheckIn, SharedDeal, SharedStep
from models.domain.text import clean, clip, key
from models.domain.zones import local_date, zone
from models.joint import answers, marks, stages
from models.tables import Cadence, Deal, DealVersion, JointAnswer, JointDeal, NextAction, Occurrence, Partner, Person

LONGEST_ACCOUNT = 120
NAMELESS = "An account"
"""What a joint deal without an account is called: its own name is ours alone."""

_OWNER = aliased(Person)
_PM_ZONE = select(Person.zone).join(Partner, Partner.pm_id == Person.id).where(Partner.id == bindparam("partner"))
_ROWS = (
    select(JointDeal, DealVersion.stage, DealVersion.amount, DealVersion.currency, NextAction.shared_text,
           NextAction.due, _OWNER.name)
    .join(Deal, Deal.id == JointDeal.deal_id)
    .join(DealVersion, PRESENT)
    .outerjoin(NextAction, and_(NextAction.deal_id == Deal.id, NextAction.state == "open"))
    .outerjoin(_OWNER, _OWNER.id == NextAction.owner_id)
    .where(JointDeal.partner_id == bindparam("partner"), marks.STANDS, DealVersion.category.in_(OPEN))
    .order_by(JointDeal.id)
)  # fmt: skip
_ACCOUNTS = (
    select(JointDeal.id, DealVersion.account)
    .join(Deal, Deal.id == JointDeal.deal_id)
    .join(DealVersion, PRESENT)
    .where(JointDeal.partner_id == bindparam("partner"), marks.STANDS)
    .order_by(JointDeal.id)
)


async def accounts(session: AsyncSession, partner_id: int) -> dict[int, str]:
    """What each joint deal of the partner is called there, by mark: its account, and `Globex (2)` for the second of one.

    Closed deals count too while their mark stands, so that a deal keeps its number when another one is won.
    """
    found: dict[int, str] = {}
    seen: dict[str, int] = {}
    for mark_id, account in await session.execute(_ACCOUNTS, {"partner": partner_id}):
        name = clip(clean(account), LONGEST_ACCOUNT) or NAMELESS
        number = seen[key(name)] = seen.get(key(name), 0) + 1
        found[mark_id] = name if number == 1 else f"{name} ({number})"
    return found


async def shared_deals(
    session: AsyncSession,
    partner_id: int,
    *,
    now: datetime,  # noqa: ARG001 - what crosses is what stands now; a page of another day would be frozen
    occurrence_id: int | None = None,
    marks: Collection[int] | None = None,
    policy: Policy | None = None,
) -> tuple[SharedDeal, ...]:
    """The open joint deals of this partner as it may see them: the biggest shared amount first, then by account.

    `occurrence_id` is the review for which "answered" counts; `marks` narrows to these. The day of an answer is
    that on the partner manager's clock, or the company's (`policy`) where that is not known. Six statements, however many deals.
    """
    rows = [row for row in await session.execute(_ROWS, {"partner": partner_id}) if marks is None or row[0].id in marks]
    if not rows:
        return ()
    called, words = await accounts(session, partner_id), await stages.names(session, partner_id)
    said = await answers.latest(session, [row[0].id for row in rows])
    speakers = await _names(session, said.values())
    place = await session.scalar(_PM_ZONE, {"partner": partner_id})
    clocks = zone(place or (policy.zone if policy is not None else "UTC"))
    found = [
        SharedDeal(
            ref=mark.id,
            account=called[mark.id],
            stage=stages.said_as(stage, words),
            amount=amount if mark.amount_shared else None,
            currency=currency if mark.amount_shared and amount is not None else "",
            ours=SharedStep(text=text, owner=owner or "", due=due) if text else None,
            **_theirs(said.get(mark.id), speakers, clocks, occurrence_id),
        )
        for mark, stage, amount, currency, text, due, owner in rows
    ]
    return tuple(sorted(found, key=_weight))


def _weight(deal: SharedDeal) -> tuple[bool, int, str, int]:
    return deal.amount is None, -(deal.amount or 0), deal.account.casefold(), deal.ref


def _theirs(
    said: JointAnswer | None, speakers: Mapping[int, str], clocks: ZoneInfo, occurrence_id: int | None
) -> dict[str, object]:
    """What the partner itself said, as the fields of `SharedDeal`."""
    if said is None:
        return {}
    acts = bool(said.action or said.owner or said.due)
    return {
        "their_stage": said.stage,
        "theirs": SharedStep(text=said.action, owner=said.owner, due=said.due) if acts else None,
        "ask": said.ask,
        "said_by": speakers.get(said.by_id or 0) or said.said_by,
        "said_on": local_date(said.at, clocks),
        "answered": occurrence_id is not None and said.occurrence_id == occurrence_id,
    }


async def _names(session: AsyncSession, said: Iterable[JointAnswer]) -> dict[int, str]:
    ids = {answer.by_id for answer in said if answer.by_id is not None}
    if not ids:
        return {}
    rows = await session.execute(select(Person.id, Person.name).where(Person.id.in_(ids)))
    return {person_id: name for person_id, name in rows}  # noqa: C416 - a Row is a tuple, which mypy does not know


async def check_in(session: AsyncSession, occurrence_id: int, *, now: datetime, policy: Policy) -> SharedCheckIn | None:
    """The check-in before this review as it is now; None where the meeting is no partner's weekly review."""
    row = (
        await session.execute(
            select(Occurrence, Cadence, Partner)
            .join(Cadence, Cadence.id == Occurrence.cadence_id)
            .join(Partner, Partner.id == Cadence.partner_id)
            .where(Occurrence.id == occurrence_id, Cadence.kind == Kind.WEEKLY_REVIEW)
        )
    ).first()
    if row is None:
        return None
    occurrence, cadence, partner = row
    clocks = zone(cadence.zone)
    is_open = occurrence.state in AHEAD and occurrence.closed_at is None and now < occurrence.starts_at
    return SharedCheckIn(
        partner=partner.name,
        day=local_date(occurrence.starts_at, clocks),
        time=f"{occurrence.starts_at.astimezone(clocks):%H:%M} {_place(cadence.zone)}",
        deals=await shared_deals(session, partner.id, now=now, occurrence_id=occurrence.id, policy=policy),
        state="open" if is_open else "over",
    )


def _place(name: str) -> str:
    """`London time` of Europe/London: whoever reads it lives elsewhere."""
    city = name.rsplit("/", 1)[-1].replace("_", " ")
    return f"{city} time" if "/" in name else city
