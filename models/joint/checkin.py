"""The co-sell check-in before a review: one card in the partner's joint channel, or text for its manager to copy.

The card is made whenever a check-in is due, and linked to its review; it is posted only where somebody has looked at what
is posted there and who reads it. Until then, and without a joint channel, it waits on the manager's desk.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import cards, outbox
from models.cadences import AHEAD, Kind
from models.domain.money import format_money
from models.domain.policy import Policy
from models.domain.shared import SharedCheckIn, SharedDeal, SharedStep
from models.joint import approving, desk, views
from models.joint.showing import CHECK_IN
from models.outbox import PARTNER, Owed
from models.tables import Cadence, Card, CardOccurrence, Occurrence, Outbox, Partner, Step


def key(occurrence_id: int) -> str:
    """The outbox key of a review's check-in."""
    return f"{CHECK_IN}:{occurrence_id}"


async def owe(
    session: AsyncSession, occurrence: Occurrence, partner: Partner, *, now: datetime, policy: Policy, step: Step | None
) -> bool:
    """Make the check-in of this review; whether there is anything to check in about.

    It is owed to the joint channel as it is then, or waits on the desk of the partner's manager.
    """
    if not await views.shared_deals(session, partner.id, now=now, policy=policy):
        return False
    keepers = await desk.keepers(session, partner, now=now, policy=policy)
    person_id = partner.pm_id if partner.pm_id is not None else next((one.id for one in keepers), None)
    if person_id is None:
        return False
    card = await _card_of(session, occurrence.id)
    if card is None:
        card = Card(kind=CHECK_IN, person_id=person_id, partner_id=partner.id, created_at=now)
        session.add(card)
        await session.flush()
        session.add(CardOccurrence(card_id=card.id, occurrence_id=occurrence.id))
        await session.flush()
    if await approving.is_approved(session, partner):
        await outbox.enqueue(session, [_owed(card, occurrence, partner, step.due_at if step else now)], now=now)
    else:
        await desk.ask_partner(session, partner, now=now, policy=policy)
    return True


async def over(session: AsyncSession, occurrence_ids: Collection[int], *, now: datetime, policy: Policy) -> None:
    """These reviews begin: their check-ins say that they are over, and one that waited on a desk is no work any more."""
    await cards.touch_occurrences(session, occurrence_ids)
    never_posted = (
        select(Partner)
        .join(Card, Card.partner_id == Partner.id)
        .join(CardOccurrence, CardOccurrence.card_id == Card.id)
        .where(Card.kind == CHECK_IN, Card.ts.is_(None), CardOccurrence.occurrence_id.in_(occurrence_ids))
    )
    for partner in (await session.scalars(never_posted)).all():
        await desk.touch_partner(session, partner, now=now, policy=policy)


async def owe_waiting(session: AsyncSession, partner: Partner, *, now: datetime, policy: Policy) -> bool:
    """Somebody has approved the joint channel: the check-in that waited for it goes there. Whether one did."""
    del policy
    if not await approving.is_approved(session, partner):
        return False
    found = await _waiting(session, [partner.id], now)
    await outbox.enqueue(session, [_owed(card, occurrence, partner, now) for card, occurrence in found], now=now)
    return bool(found)


async def waiting(session: AsyncSession, partner_ids: Collection[int], *, now: datetime) -> dict[int, Occurrence]:
    """The reviews whose check-in was made, but is owed to no channel, by partner: for the desk of its manager."""
    return {
        card.partner_id: occurrence
        for card, occurrence in await _waiting(session, partner_ids, now)
        if card.partner_id is not None
    }


async def present(session: AsyncSession, partner_id: int, *, now: datetime) -> Occurrence | None:
    """The review that belongs to what the partner says now: of its newest check-in while that is not settled, else the next."""
    of_partner = (
        select(Occurrence)
        .join(Cadence, Cadence.id == Occurrence.cadence_id)
        .where(
            Cadence.kind == Kind.WEEKLY_REVIEW,
            Cadence.partner_id == partner_id,
            Occurrence.state.in_(AHEAD),
            Occurrence.closed_at.is_(None),
        )
    )
    carried = (
        select(CardOccurrence.occurrence_id)
        .join(Card, Card.id == CardOccurrence.card_id)
        .where(Card.kind == CHECK_IN, Card.partner_id == partner_id)
    )
    newest = of_partner.where(Occurrence.id.in_(carried)).order_by(Occurrence.starts_at.desc()).limit(1)
    upcoming = of_partner.where(Occurrence.ends_at > now).order_by(Occurrence.starts_at).limit(1)
    found: Occurrence | None = await session.scalar(newest) or await session.scalar(upcoming)
    return found


async def shown_on(session: AsyncSession, card_id: int, *, now: datetime, policy: Policy) -> SharedCheckIn | None:
    """What a check-in's card shows: of its review, if that is its own partner's; None where there is nothing to show."""
    occurrence_id = await session.scalar(
        select(CardOccurrence.occurrence_id)
        .join(Card, Card.id == CardOccurrence.card_id)
        .join(Occurrence, Occurrence.id == CardOccurrence.occurrence_id)
        .join(Cadence, Cadence.id == Occurrence.cadence_id)
        .where(Card.id == card_id, Card.kind == CHECK_IN, Card.partner_id == Cadence.partner_id)
        .order_by(Occurrence.starts_at.desc())
        .limit(1)
    )
    return await views.check_in(session, occurrence_id, now=now, policy=policy) if occurrence_id is not None else None


async def stands_in(session: AsyncSession, partner_id: int, channel_id: str) -> bool:
    """Whether a check-in of this partner was posted in this channel: a button is pressed where we put it, or was copied."""
    found = await session.scalar(
        select(Card.id)
        .where(Card.kind == CHECK_IN, Card.partner_id == partner_id, Card.channel_id == channel_id)
        .limit(1)
    )
    return found is not None


async def text_to_copy(session: AsyncSession, partner_id: int, *, now: datetime, policy: Policy) -> str:
    """The check-in of the partner's next review as plain text, for an e-mail; empty where no deal is joint."""
    occurrence = await present(session, partner_id, now=now)
    if occurrence is not None:
        made = await views.check_in(session, occurrence.id, now=now, policy=policy)
        return plain(made) if made is not None and made.deals else ""
    listed = await views.shared_deals(session, partner_id, now=now, policy=policy)
    partner = await session.get_one(Partner, partner_id)
    return "\n".join(line for deal in listed for line in _plain_deal(deal, partner.name))


def plain(made: SharedCheckIn) -> str:
    """A check-in in words alone: to copy, and what a notification and a screen reader say."""
    when = f"{made.day:%a} {made.day.day} {made.day:%b}, {made.time}"
    head = f"Check-in before our review with {made.partner}, {when}"
    over = ": this check-in is over" if made.state == "over" else ""
    return "\n".join([f"{head}{over}", *(line for deal in made.deals for line in _plain_deal(deal, made.partner))])


def _plain_deal(deal: SharedDeal, partner: str) -> list[str]:
    head = [deal.account]
    if deal.stage:
        head.append(f"stage: {deal.stage}")
    if deal.amount is not None:
        head.append(format_money(deal.amount, deal.currency))
    lines = [f"- {', '.join(head)}"]
    if deal.ours is not None:
        lines.append(f"  From us: {_plain_step(deal.ours)}")
    if deal.theirs is not None:
        lines.append(f"  From {partner}: {_plain_step(deal.theirs)}")
    if deal.their_stage:
        lines.append(f"  {partner}'s stage: {deal.their_stage}")
    if deal.ask:
        lines.append(f"  {partner} asks: {deal.ask}")
    if deal.said_on is not None:
        lines.append(f"  Said by {deal.said_by or partner}, {deal.said_on.day} {deal.said_on:%b}")
    return lines


def _plain_step(step: SharedStep) -> str:
    more = [step.owner] if step.owner else []
    if step.due is not None:
        more.append(f"by {step.due.day} {step.due:%b}")
    told = f" ({', '.join(more)})" if more else ""
    return f"{step.text}{told}".strip()


_MADE = (
    select(Card, Occurrence)
    .join(CardOccurrence, CardOccurrence.card_id == Card.id)
    .join(Occurrence, Occurrence.id == CardOccurrence.occurrence_id)
    .where(
        Card.kind == CHECK_IN,
        Card.ts.is_(None),
        Card.partner_id.in_(bindparam("partners", expanding=True)),
        Occurrence.starts_at > bindparam("now"),
        Occurrence.state.in_(AHEAD),
        Occurrence.closed_at.is_(None),
        Card.id.not_in(select(Outbox.card_id).where(Outbox.card_id.is_not(None))),
    )
    .order_by(Occurrence.starts_at)
)


async def _waiting(session: AsyncSession, partner_ids: Collection[int], now: datetime) -> list[tuple[Card, Occurrence]]:
    rows = await session.execute(_MADE, {"partners": list(partner_ids), "now": now})
    return [(card, occurrence) for card, occurrence in rows]


async def _card_of(session: AsyncSession, occurrence_id: int) -> Card | None:
    found: Card | None = await session.scalar(
        select(Card)
        .join(CardOccurrence, CardOccurrence.card_id == Card.id)
        .where(Card.kind == CHECK_IN, CardOccurrence.occurrence_id == occurrence_id)
        .limit(1)
    )
    return found


def _owed(card: Card, occurrence: Occurrence, partner: Partner, due: datetime) -> Owed:
    return Owed(
        key=key(occurrence.id),
        template=CHECK_IN,
        args={"card_id": card.id},
        due_at=due,
        void_at=occurrence.starts_at,
        channel_ref=partner.joint_channel,
        card_id=card.id,
        occurrence_id=occurrence.id,
        audience=PARTNER,
        partner_id=partner.id,
    )
