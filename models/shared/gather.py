"""From rows to partner-safe pages: `models.domain.shared` and nothing that is not in there.

Deals come through `models.joint.views`, whose marks decide; everything else is text that somebody typed for the partner.
"""

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import notes, people
from models.deals import PRESENT
from models.domain.deals import OPEN, Category
from models.domain.meetings import JOINT_FORECAST, OUR_ASKS, SPONSOR, THEIR_ASKS
from models.domain.minutes import MeetingFacts
from models.domain.notes import CommitmentFact
from models.domain.pbr import PbrFacts, last_day
from models.domain.policy import Policy
from models.domain.shared import (
    SharedChange,
    SharedClosed,
    SharedCommitment,
    SharedDeal,
    SharedNote,
    SharedPbr,
    SharedReadout,
    compared,
)
from models.domain.text import clean, lines_of
from models.joint import marks, stages, views
from models.minutes.gather import said_of
from models.notes import WEEKLY_NOTE
from models.shared import pages
from models.shared.pages import PBR
from models.tables import Artifact, Cadence, Change, Commitment, Deal, DealVersion, JointDeal, Occurrence, Partner

FIRST_WINDOW = timedelta(days=7)
"""How far the first note of a partner looks back for deals that were closed."""
HELD = ("held", "held_late")


async def note(session: AsyncSession, occurrence: Occurrence, partner: Partner, *, now: datetime) -> SharedNote:
    """The partner-safe note of a review as of now."""
    last = await pages.before(session, partner.id, WEEKLY_NOTE, occurrence.id)
    since = last.cut_off if last is not None else now - FIRST_WINDOW
    closed_at = await _closed_at(session, partner.id)
    deals = await views.shared_deals(session, partner.id, now=now, occurrence_id=occurrence.id)
    return SharedNote(
        partner=partner.name,
        day=occurrence.day,
        held=occurrence.state in HELD,
        deals=deals,
        closed=await _closed(session, partner.id, lambda version: closed_at.get(version.deal_id, since) > since),
        change=await _change(session, last, deals),
        commitments=await _worded(session, await _commitments(session, occurrence)),
    )


async def pbr(
    session: AsyncSession, occurrence: Occurrence, partner: Partner, facts: PbrFacts, *, version: int, now: datetime
) -> SharedPbr:
    """The partner-safe page of a published PBR.

    `facts`: the internal page, of which only what was typed for the partner and the commitments that have a shared wording
    are taken. `version`: how many of it the partner gets with this one.
    """
    last = await pages.before(session, partner.id, PBR, occurrence.id)
    deals = await views.shared_deals(session, partner.id, now=now)
    return SharedPbr(
        partner=partner.name,
        month=facts.month,
        day=occurrence.day,
        version=version,
        held=occurrence.state in HELD,
        deals=deals,
        closed=await _closed(session, partner.id, _within(facts.month, last_day(facts.month))),
        change=await _change(session, last, deals),
        pursuit=facts.shared_pursuit,
        changes=facts.shared_changes,
        commitments=await _worded(session, facts.commitments),
    )


async def readout(
    session: AsyncSession,
    occurrence: Occurrence,
    partner: Partner,
    facts: MeetingFacts,
    *,
    now: datetime,
    policy: Policy,
) -> SharedReadout:
    """The partner-safe page of a readout that was held. Of the internal page only its sponsors' names are taken."""
    typed = await said_of(session, occurrence.id)
    quarter = policy.fiscal.quarter_of(occurrence.day)
    ours = await people.directory(session)
    forecast = clean(typed.get(JOINT_FORECAST, ""))
    return SharedReadout(
        partner=partner.name,
        quarter=quarter.label,
        day=occurrence.day,
        our_sponsors=tuple(ours.name(person_id) for person_id in facts.sponsors),
        their_sponsor=clean(typed.get(SPONSOR, "")),
        deals=await views.shared_deals(session, partner.id, now=now),
        closed=await _closed(session, partner.id, _within(quarter.first, quarter.last), won_only=True),
        forecast=forecast,
        forecast_by=ours.name(occurrence.closed_by_id) if forecast else "",
        our_asks=lines_of(typed.get(OUR_ASKS, "")),
        their_asks=lines_of(typed.get(THEIR_ASKS, "")),
        commitments=await _worded(session, await _commitments(session, occurrence)),
    )


def _within(first: date, last: date) -> Callable[[DealVersion], bool]:
    return lambda version: version.close_date is not None and first <= version.close_date <= last


async def _closed(
    session: AsyncSession, partner_id: int, wanted: Callable[[DealVersion], bool], *, won_only: bool = False
) -> tuple[SharedClosed, ...]:
    """Joint deals that were won or lost, as far as both sides have words for it; won before lost, then by amount."""
    rows = await session.execute(
        select(JointDeal, DealVersion)
        .join(Deal, Deal.id == JointDeal.deal_id)
        .join(DealVersion, PRESENT)
        .where(
            JointDeal.partner_id == partner_id,
            marks.STANDS,
            DealVersion.category.in_((Category.WON,) if won_only else (Category.WON, Category.LOST)),
        )
        .order_by(JointDeal.id)
    )
    listed = [(mark, version) for mark, version in rows if wanted(version)]
    if not listed:
        return ()
    words, called = await stages.names(session, partner_id), await views.accounts(session, partner_id)
    reasons = await pages.shared_reasons(session, partner_id, [mark.deal_id for mark, _ in listed])
    found = []
    for mark, version in listed:
        stage = stages.said_as(version.stage, words)
        reason = reasons.get(mark.deal_id, "") if version.category == Category.LOST else ""
        if not stage and not reason:
            continue  # nobody has said so to the partner
        shared = mark.amount_shared and version.amount is not None
        found.append(
            SharedClosed(
                ref=mark.id,
                account=called[mark.id],
                outcome="won" if version.category == Category.WON else "lost",
                stage=stage,
                amount=version.amount if shared else None,
                currency=version.currency if shared else "",
                reason=reason,
            )
        )
    return tuple(
        sorted(found, key=lambda one: (one.outcome == "lost", one.amount is None, -(one.amount or 0), one.ref))
    )


async def _closed_at(session: AsyncSession, partner_id: int) -> dict[int, datetime]:
    """Since when each joint deal of the partner is closed, by deal; those that are open are left out."""
    ours = select(JointDeal.deal_id).where(JointDeal.partner_id == partner_id, JointDeal.valid_to.is_(None))
    opened = (
        select(DealVersion.deal_id, func.max(DealVersion.valid_from).label("at"))
        .where(DealVersion.deal_id.in_(ours), DealVersion.category.in_(OPEN))
        .group_by(DealVersion.deal_id)
        .subquery()
    )
    rows = await session.execute(
        select(DealVersion.deal_id, func.min(DealVersion.valid_from))
        .outerjoin(opened, opened.c.deal_id == DealVersion.deal_id)
        .where(
            DealVersion.deal_id.in_(ours),
            DealVersion.category.not_in(OPEN),
            opened.c.at.is_(None) | (DealVersion.valid_from > opened.c.at),
        )
        .group_by(DealVersion.deal_id)
    )
    return {deal_id: at for deal_id, at in rows}  # noqa: C416 - a Row is a tuple, which mypy does not know


async def _change(
    session: AsyncSession, last: Artifact | None, deals: tuple[SharedDeal, ...]
) -> tuple[SharedChange, ...]:
    """By how much shared amounts changed since the last page; an amount that was kept back in between is in none."""
    if last is None or not deals:
        return ()
    toggled = await session.scalars(
        select(JointDeal.id)
        .join(Change, Change.entity_id == JointDeal.deal_id)
        .where(
            JointDeal.id.in_([deal.ref for deal in deals]),
            Change.entity == "deal",
            Change.field == "amount_shared",
            Change.at >= last.cut_off,
        )
    )
    kept_back = set(toggled)
    return compared(pages.read(last).deals, [deal for deal in deals if deal.ref not in kept_back])


async def _commitments(session: AsyncSession, occurrence: Occurrence) -> Iterable[CommitmentFact]:
    cadence = await session.get_one(Cadence, occurrence.cadence_id)
    return (await notes.commitments_of(session, [(occurrence, cadence)])).get(cadence.id, ())


async def _worded(session: AsyncSession, found: Iterable[CommitmentFact]) -> tuple[SharedCommitment, ...]:
    """The commitments that have words for the partner, in those words."""
    listed = list(found)
    rows = await session.execute(
        select(Commitment.id, Commitment.shared_text).where(
            Commitment.id.in_([item.commitment_id for item in listed]), Commitment.shared_text != ""
        )
    )
    worded = {commitment_id: text for commitment_id, text in rows}  # noqa: C416 - a Row is a tuple
    ours = await people.directory(session)
    return tuple(
        SharedCommitment.model_validate(
            {
                "text": worded[item.commitment_id],
                "owner": ours.name(item.owner_id),
                "due": item.due,
                "due_before": item.due_before if item.fate == "moved" else None,
                "fate": item.fate,
            }
        )
        for item in listed
        if item.commitment_id in worded
    )
