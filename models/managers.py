"""Change of a partner's manager: who may, what goes with it, and the page the new one starts from. Never commits."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from models import cadences, cards, changes, handover, imports, notes, outbox, people, reviews
from models.cadences import Kind
from models.closing import open_commitments
from models.deals import PRESENT
from models.domain import review_times
from models.domain.errors import FieldErrors, UserError
from models.domain.notes import CommitmentFact, DealFact, Health
from models.domain.policy import Policy
from models.domain.rights import Act, Subject, may, require
from models.domain.text import clean
from models.domain.zones import local_date, zone
from models.forecast import successors
from models.forecast.successors import Again
from models.handover import Held, What
from models.joint import waiting
from models.outbox import Owed
from models.tables import Answer, Cadence, Card, CardOccurrence, Change, Deal, DealVersion, Occurrence, Partner, Person
from models.tables.base import table_of

THIS_WEEK = timedelta(days=7)


@dataclass(frozen=True)
class NewManager:
    """What the form says. `what`: which of the old manager's open things with this partner go along."""

    partner_id: int
    to: Person | None
    what: frozenset[What] = handover.EVERYTHING
    reason: str = ""


@dataclass(frozen=True)
class Named:
    """What came of it: whose partner it was, and the sentence that names a breach of the Tier 1 ceiling, if any."""

    partner: Partner
    before: Person | None
    breach: str


async def may_name(
    session: AsyncSession, actor: Person, partner_ids: Collection[int] | None, *, now: datetime, policy: Policy
) -> list[Partner]:
    """The partners (of these, or of all) whose manager the actor may name, Tier 1 first. Raises NotAllowed for none."""
    query = select(Partner).order_by(Partner.tier, Partner.name, Partner.id)
    rows = list(await session.scalars(query if partner_ids is None else query.where(Partner.id.in_(partner_ids))))
    covers = await people.covers(session, now=now, policy=policy)
    who = people.as_actor(actor)
    found = [row for row in rows if may(who, Act.NAME_MANAGER, Subject(pm_id=row.pm_id, covers=covers)).allowed]
    if not found:
        subject = await people.subject_of(session, partner=rows[0] if rows else None, now=now, policy=policy)
        require(may(who, Act.NAME_MANAGER, subject))
        raise UserError("There is no partner yet. Add one in `/cadence start`.")
    return found


async def name_manager(
    session: AsyncSession, actor: Person, wanted: NewManager, *, now: datetime, policy: Policy
) -> Named:
    """Make somebody the partner's manager, with its reviews, at the same hours, and the old one's open things with it.

    Reviews that are over and not closed go to the new manager too: closing is the right of whoever manages the partner,
    and a leaver could not. The new manager gets one page. Raises NotAllowed, FieldErrors (an overlap names free hours).
    """
    await cadences.hold_calendar(session, now=now)
    partner = await session.scalar(select(Partner).where(Partner.id == wanted.partner_id).with_for_update())
    if partner is None:
        raise FieldErrors({"partner": "Choose a partner."})
    subject = await people.subject_of(session, partner=partner, now=now, policy=policy)
    require(may(people.as_actor(actor), Act.NAME_MANAGER, subject))
    before = await session.get(Person, partner.pm_id) if partner.pm_id is not None else None
    refusal = why_no_manager(wanted.to, partner)
    if refusal or wanted.to is None:
        raise FieldErrors({"manager": refusal})
    new = wanted.to
    await cadences.hand_to(session, partner, new, now=now, policy=policy)
    partner.pm_id = new.id
    changes.note(session, "partner", partner.id, "pm_id", before.id if before else None, new.id, by_id=actor.id,
                 source=handover.SOURCE, at=now, reason=clean(wanted.reason))  # fmt: skip
    await session.flush()
    await cadences.ensure_standing(session, now=now, policy=policy)
    await cadences.fill(session, now=now, policy=policy)
    if before is not None:
        await _things(session, actor, partner, before, new, wanted, now=now)
        await _carry_answers(session, partner, before, new, now=now)
    known = {person_id for person_id in (actor.id, new.id, before.id if before else None) if person_id is not None}
    await handover.touch(session, [partner.id], known)
    await _leave_cards(session, partner, new)
    await waiting.hand_on(session, partner, before, now=now, policy=policy)
    await _owe_page(session, partner, before, new, actor.id, reason=wanted.reason, now=now, policy=policy)
    counts = await cadences.tier1_counts(session)
    breach = cadences.ceiling_breach(counts.get(new.id, 0), policy) if partner.tier == 1 else ""
    return Named(partner, before, breach)


async def follow_file(session: AsyncSession, *, by_id: int | None, now: datetime, policy: Policy) -> int:
    """After a partners file of this instant: whoever it made a manager gets the page, and what is to be closed.

    Open deals, actions and commitments stay whose they are: a file says nothing of them. How many partners.
    """
    rows = await session.execute(
        select(Change.entity_id, Change.before, Change.after).where(
            Change.entity == "partner", Change.field == "pm_id", Change.source == "import", Change.at == now
        )
    )
    named = [(partner_id, before, after) for partner_id, before, after in rows if before is not None]
    if not named:
        return 0
    await cadences.ensure_standing(session, now=now, policy=policy)
    await cadences.fill(session, now=now, policy=policy)
    for partner_id, before, after in named:
        partner, old, new = (
            await session.get_one(Partner, partner_id), await people.get(session, before), await people.get(session, after)
        )  # fmt: skip
        await _carry_answers(session, partner, old, new, now=now)
        await _leave_cards(session, partner, new)
        await waiting.hand_on(session, partner, old, now=now, policy=policy)
        await _owe_page(session, partner, old, new, by_id, reason="", now=now, policy=policy)
    return len(named)


def why_no_manager(person: Person | None, partner: Partner) -> str:
    """Why this person cannot manage the partner; empty when they can."""
    refusal = people.why_no_owner(person)
    if refusal or person is None:
        return refusal
    if partner.pm_id == person.id:
        return f"{person.name} is the partner manager of {partner.name} already."
    if not person.has("pm"):
        return f"{person.name} is no partner manager. Add the role in `/cadence start`, under People, or name somebody who is one."
    return ""


async def _things(
    session: AsyncSession, actor: Person, partner: Partner, before: Person, new: Person, wanted: NewManager, *,
    now: datetime,
) -> None:  # fmt: skip
    """What the old manager had open with this partner, to the new one: its page names it, no message of its own."""
    items = (await handover.in_hand(session, [before.id]))[before.id].items
    going = [item for item in items if item.partner_id == partner.id and item.what in wanted.what]
    if going:
        await handover.reassign(session, going, before.id, new.id, by_id=actor.id, reason=clean(wanted.reason), now=now)


async def _leave_cards(session: AsyncSession, partner: Partner, new: Person) -> None:
    """Nobody else is asked to close what is the new manager's now: it leaves their closing cards, which are behind."""
    theirs = select(Card.id).where(Card.kind.in_((cards.CLOSE, cards.CLOSE_NUDGE)), Card.person_id != new.id)
    open_ = (
        select(Occurrence.id)
        .join(Cadence, Cadence.id == Occurrence.cadence_id)
        .where(Cadence.partner_id == partner.id, Occurrence.closed_at.is_(None))
    )
    await session.execute(
        delete(CardOccurrence).where(CardOccurrence.card_id.in_(theirs), CardOccurrence.occurrence_id.in_(open_))
    )


async def _carry_answers(
    session: AsyncSession, partner: Partner, before: Person, new: Person, *, now: datetime
) -> None:  # fmt: skip
    """This week's answers among the old manager's *other partners* count among the new one's: nobody is asked twice."""
    old, fresh = aliased(Occurrence), aliased(Occurrence)
    of_old, of_new = aliased(Cadence), aliased(Cadence)
    rows = await session.execute(
        select(Answer, fresh.id)
        .join(old, old.id == Answer.occurrence_id)
        .join(of_old, of_old.id == old.cadence_id)
        .join(Deal, Deal.id == Answer.deal_id)
        .join(DealVersion, PRESENT)
        .join(fresh, fresh.slot == old.slot)
        .join(of_new, of_new.id == fresh.cadence_id)
        .where(
            of_old.kind == Kind.OTHER_PARTNERS,
            of_new.kind == Kind.OTHER_PARTNERS,
            of_old.pm_id == before.id,
            of_new.pm_id == new.id,
            DealVersion.partner_id == partner.id,
            old.starts_at > now - THIS_WEEK,
        )
        .order_by(Answer.at, Answer.id)
    )
    copies = [
        {"occurrence_id": occurrence_id, "deal_id": row.deal_id, "by_id": row.by_id, "for_id": row.for_id, "at": row.at,
         "kind": row.kind, "changed": row.changed, "source": handover.SOURCE}
        for row, occurrence_id in rows
    ]  # fmt: skip
    if copies:
        await session.execute(insert(table_of(Answer)), copies)


async def _owe_page(
    session: AsyncSession, partner: Partner, before: Person | None, new: Person, by_id: int | None, *, reason: str,
    now: datetime, policy: Policy,
) -> None:  # fmt: skip
    reader = (await people.readers(session, [new], policy))[new.id]
    owed = Owed(
        key=f"handover_page:{partner.id}:{new.id}:{now.isoformat()}",
        template="handover_page",
        args={"partner_id": partner.id, "from_id": before.id if before else None, "by_id": by_id,
              "for_id": new.id, "reason": clean(reason)},
        due_at=review_times.waits_until(reader, now) or now,
        person_id=new.id,
    )  # fmt: skip
    await outbox.enqueue(session, [owed], now=now)


@dataclass(frozen=True)
class Page:
    """All that a new partner manager starts from, as it is now. `orphans` are open things whose owner has left."""

    partner: Partner
    deals: tuple[DealFact, ...]
    commitments: tuple[CommitmentFact, ...]
    counterparts: tuple[str, ...]
    review: str
    next_at: datetime | None
    health: Health
    last_note: date | None
    unclosed: tuple[date, ...]
    orphans: tuple[Held, ...]
    crm_as_of: datetime | None
    crm_stale: bool
    again: Again | None = None
    """The predecessor's signed commit of this quarter, which the new manager signs again."""


async def page(session: AsyncSession, partner_id: int, *, now: datetime, policy: Policy) -> Page | None:
    """Read in a number of statements that does not grow with the deals; None when the partner is gone."""
    partner = await session.get(Partner, partner_id)
    if partner is None:
        return None
    book = (await people.directory(session)).people
    listed = sorted(await reviews.views(session, Partner.id == partner_id, now=now, policy=policy), key=reviews.weight)
    commitments = await open_commitments(session, partner_id)
    gone = [person.id for person in book.values() if person.side == "ours" and not person.active]
    left = await handover.in_hand(session, gone) if gone else {}
    cadence = await session.scalar(
        select(Cadence).where(
            Cadence.kind == Kind.WEEKLY_REVIEW, Cadence.partner_id == partner_id, Cadence.state == "active"
        )
    )
    ahead = await cadences.coming(session, now=now, until=now + cadences.LOOK_AHEAD)
    as_of = await imports.crm_as_of(session)
    return Page(
        partner=partner,
        deals=tuple(notes.deal_fact(view, None, ()) for view in listed),
        commitments=tuple(
            CommitmentFact(commitment_id=row.id, text=row.text, owner_id=row.owner_id, due=row.due, fate="carried")
            for row in commitments
        ),
        counterparts=tuple(
            sorted(one.name for one in book.values() if one.side == "theirs" and one.partner_id == partner_id)
        ),
        review=cadences.describe(cadence) if cadence is not None else "",
        next_at=next(
            (row.occurrence.starts_at for row in ahead
             if row.partner is not None and row.partner.id == partner_id and row.occurrence.state in cadences.AHEAD),
            None,
        ),
        health=(await notes.health_of(session, [partner_id], now=now, policy=policy)).get(partner_id, Health()),
        last_note=await _last_note(session, partner_id, policy),
        unclosed=await _unclosed(session, partner_id, now),
        orphans=tuple(item for held in left.values() for item in held.items if item.partner_id == partner_id),
        crm_as_of=as_of,
        crm_stale=notes.is_stale(as_of, now, policy),
        again=await successors.of_partner(session, partner_id, now=now, policy=policy),
    )  # fmt: skip


async def _last_note(session: AsyncSession, partner_id: int, policy: Policy) -> date | None:
    found = (await notes.latest_artifacts(session, [partner_id], except_occurrences=[])).get(partner_id)
    return local_date(found.created_at, zone(policy.zone)) if found is not None else None


async def _unclosed(session: AsyncSession, partner_id: int, now: datetime) -> tuple[date, ...]:
    """The days of this partner's reviews that are over and not closed, oldest first."""
    rows = await session.scalars(
        select(Occurrence.day)
        .join(Cadence, Cadence.id == Occurrence.cadence_id)
        .where(
            Cadence.kind == Kind.WEEKLY_REVIEW,
            Cadence.partner_id == partner_id,
            Occurrence.closed_at.is_(None),
            Occurrence.state.in_(cadences.AHEAD),
            Occurrence.ends_at <= now,
        )
        .order_by(Occurrence.starts_at)
    )
    return tuple(rows)
