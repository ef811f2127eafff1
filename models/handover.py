"""When somebody leaves or changes jobs: what they have in hand, and giving it to a named successor. Never commits."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BindParameter, bindparam, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import cards, outbox, people
from models.cadences import AHEAD, Kind
from models.deals import PRESENT, Source, name_owner
from models.domain import review_times
from models.domain.deals import OPEN
from models.domain.errors import FieldErrors, UserError
from models.domain.policy import Policy
from models.domain.rights import Act, Subject, may, require
from models.domain.text import clean
from models.outbox import Owed
from models.tables import (
    Cadence,
    Change,
    Commitment,
    CrmRecord,
    Deal,
    DealVersion,
    NextAction,
    Occurrence,
    Partner,
    Person,
)
from models.tables.base import table_of

SOURCE = "handover"


class What(StrEnum):
    """What can be given to somebody else."""

    DEALS = "deals"
    ACTIONS = "actions"
    COMMITMENTS = "commitments"


EVERYTHING = frozenset(What)


@dataclass(frozen=True)
class Held:
    """One open thing in somebody's hands. `words` are the deal's name or what was promised, as typed."""

    what: What
    id: int
    words: str
    partner_id: int | None
    partner: str
    pm_id: int | None
    deal_id: int | None = None


@dataclass(frozen=True)
class InHand:
    """All of it, and the partners somebody manages."""

    items: tuple[Held, ...] = ()
    partners: tuple[Partner, ...] = ()

    def of(self, what: What) -> tuple[Held, ...]:
        return tuple(item for item in self.items if item.what == what)

    @property
    def empty(self) -> bool:
        return not self.items and not self.partners


# Built once: putting a statement together costs more than running it.
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_PARTNER = (Partner.id, Partner.name, Partner.pm_id)
_OPEN_DEAL = DealVersion.category.in_(OPEN)
_DEALS = (
    select(DealVersion.owner_id, DealVersion.deal_id, DealVersion.name, *_PARTNER, DealVersion.deal_id)
    .join(Deal, PRESENT)
    .outerjoin(Partner, Partner.id == DealVersion.partner_id)
    .where(_OPEN_DEAL, DealVersion.owner_id.in_(_IDS))
    .order_by(DealVersion.amount.is_(None), DealVersion.amount.desc(), DealVersion.deal_id)
)
_ACTIONS = (
    select(NextAction.owner_id, NextAction.id, NextAction.text, *_PARTNER, NextAction.deal_id)
    .join(Deal, Deal.id == NextAction.deal_id)
    .join(DealVersion, PRESENT)
    .outerjoin(Partner, Partner.id == DealVersion.partner_id)
    .where(_OPEN_DEAL, NextAction.state == "open", NextAction.owner_id.in_(_IDS))
    .order_by(NextAction.due, NextAction.id)
)
_COMMITMENTS = (
    select(Commitment.owner_id, Commitment.id, Commitment.text, *_PARTNER)
    .outerjoin(Partner, Partner.id == Commitment.partner_id)
    .where(Commitment.state == "open", Commitment.owner_id.in_(_IDS))
    .order_by(Commitment.due, Commitment.id)
)
_MANAGED = select(Partner).where(Partner.pm_id.in_(_IDS)).order_by(Partner.tier, Partner.name, Partner.id)


async def in_hand(session: AsyncSession, person_ids: Collection[int]) -> dict[int, InHand]:
    """What each of these people holds, in four statements: biggest deals and what is due first come first."""
    ids = {"ids": list(person_ids)}
    items: dict[int, list[Held]] = defaultdict(list)
    for what, query in ((What.DEALS, _DEALS), (What.ACTIONS, _ACTIONS), (What.COMMITMENTS, _COMMITMENTS)):
        for owner_id, *columns in await session.execute(query, ids):
            if owner_id is not None:
                items[owner_id].append(Held(what, *columns))
    partners: dict[int, list[Partner]] = defaultdict(list)
    for partner in await session.scalars(_MANAGED, ids):
        if partner.pm_id is not None:
            partners[partner.pm_id].append(partner)
    return {
        person_id: InHand(tuple(items.get(person_id, ())), tuple(partners.get(person_id, ())))
        for person_id in person_ids
    }


@dataclass(frozen=True)
class Give:
    """What the form says: whose, to whom, which kinds, and why. Field names are those of the errors."""

    person: Person | None
    to: Person | None
    what: frozenset[What] = EVERYTHING
    reason: str = ""


async def may_give(session: AsyncSession, actor: Person, person: Person, *, now: datetime, policy: Policy) -> InHand:
    """What of somebody's open work the actor may give away. Raises NotAllowed (who can), UserError (nothing is open)."""
    held = (await in_hand(session, [person.id]))[person.id]
    if not held.items:
        raise UserError(
            f"Nothing of {person.name}'s is open: no deal, next action or commitment. There is nothing to hand over."
        )
    covers = await people.covers(session, now=now, policy=policy)
    who = people.as_actor(actor)
    allowed = tuple(
        item for item in held.items if may(who, Act.HAND_OVER, Subject(pm_id=item.pm_id, covers=covers)).allowed
    )
    if not allowed:
        subject = await people.subject_of(session, pm_id=held.items[0].pm_id, now=now, policy=policy)
        require(may(who, Act.HAND_OVER, subject))
    partners = tuple(
        one for one in held.partners if may(who, Act.NAME_MANAGER, Subject(pm_id=one.pm_id, covers=covers)).allowed
    )
    return InHand(allowed, partners)


async def require_any(session: AsyncSession, actor: Person, *, now: datetime, policy: Policy) -> None:
    """Raise NotAllowed for somebody who may hand over nothing at all, whosever it is."""
    covers = await people.covers(session, now=now, policy=policy)
    managers = {None, *await session.scalars(select(Partner.pm_id).where(Partner.pm_id.is_not(None)).distinct())}
    verdicts = [may(people.as_actor(actor), Act.HAND_OVER, Subject(pm_id=pm_id, covers=covers)) for pm_id in managers]
    if not any(verdict.allowed for verdict in verdicts):
        require(verdicts[0])


async def give(session: AsyncSession, actor: Person, wanted: Give, *, now: datetime, policy: Policy) -> InHand:
    """Give the open work that the actor may give to one named successor, who gets one message; what went over.

    Raises NotAllowed, UserError (nothing is open any more), FieldErrors.
    """
    if wanted.person is None:
        raise FieldErrors({"person": "Choose whose work it is."})
    await _hold(session, wanted.person.id)
    allowed = await may_give(session, actor, wanted.person, now=now, policy=policy)
    errors: dict[str, str] = {}
    refusal = people.why_no_owner(wanted.to)
    if refusal:
        errors["to"] = refusal
    elif wanted.to is not None and wanted.to.id == wanted.person.id:
        errors["to"] = f"It is {wanted.person.name}'s already. Choose somebody else."
    chosen = tuple(item for item in allowed.items if item.what in wanted.what)
    if not chosen:
        errors["what"] = "Choose what goes over: nothing is ticked."
    if errors or wanted.to is None:
        raise FieldErrors(errors)
    await reassign(
        session, chosen, wanted.person.id, wanted.to.id, by_id=actor.id, reason=clean(wanted.reason), now=now
    )
    if wanted.to.id != actor.id:
        await _tell(session, chosen, wanted.person, wanted.to, actor, reason=wanted.reason, now=now, policy=policy)
    return InHand(chosen)


async def _hold(session: AsyncSession, person_id: int) -> None:
    """Lock what the person holds until the transaction ends; SQLite's writer is ours already.

    Statements of their own: one that waits for a lock would see the joined rows as they were before the wait.
    """
    if session.get_bind().dialect.name != "postgresql":
        return
    owned = select(DealVersion.deal_id).join(Deal, PRESENT).where(DealVersion.owner_id == person_id)
    acting = select(NextAction.deal_id).where(NextAction.state == "open", NextAction.owner_id == person_id)
    await session.execute(
        select(Deal.id).where(or_(Deal.id.in_(owned), Deal.id.in_(acting))).order_by(Deal.id).with_for_update()
    )
    await session.execute(
        select(Commitment.id)
        .where(Commitment.state == "open", Commitment.owner_id == person_id)
        .order_by(Commitment.id)
        .with_for_update()
    )


async def reassign(
    session: AsyncSession, items: Iterable[Held], from_id: int, to_id: int, *, by_id: int, reason: str, now: datetime
) -> None:
    """Make these `to_id`'s, each with its line in the trail; a number of statements that does not grow with them.

    A deal gets a new version. Its owner in the CRM stays the CRM's last word (`CrmRecord`): an import changes the owner
    here only when the file names another one than the file before, so that a successor is not undone by an export that
    still names who left.
    """
    listed = list(items)
    ids = {what: [item.id for item in listed if item.what == what] for what in What}
    if ids[What.DEALS]:
        await name_owner(session, ids[What.DEALS], to_id, Source(now, by_id, SOURCE))
    if ids[What.ACTIONS]:
        await session.execute(
            update(NextAction)
            .where(NextAction.id.in_(ids[What.ACTIONS]))
            .values(owner_id=to_id, revision=NextAction.revision + 1)
        )
    if ids[What.COMMITMENTS]:
        await session.execute(update(Commitment).where(Commitment.id.in_(ids[What.COMMITMENTS])).values(owner_id=to_id))
    entities = {What.DEALS: "deal", What.ACTIONS: "next_action", What.COMMITMENTS: "commitment"}
    line = {"at": now, "by_id": by_id, "source": SOURCE, "field": "owner_id", "before": from_id, "after": to_id,
            "reason": reason}  # fmt: skip
    rows = [{"entity": entities[item.what], "entity_id": item.id, **line} for item in listed]
    await session.execute(insert(table_of(Change)), rows)
    managers = {item.pm_id for item in listed if item.pm_id is not None}
    await touch(
        session, {item.partner_id for item in listed if item.partner_id is not None}, {from_id, to_id, by_id, *managers}
    )


async def touch(session: AsyncSession, partner_ids: Collection[int], person_ids: Collection[int]) -> None:
    """What shows these partners' reviews, and these people's Home tabs, want to be shown anew."""
    managers = select(Partner.pm_id).where(Partner.id.in_(partner_ids))
    rows = await session.scalars(
        select(Occurrence.id)
        .join(Cadence, Cadence.id == Occurrence.cadence_id)
        .where(
            Occurrence.closed_at.is_(None),
            Occurrence.state.in_(AHEAD),
            or_(
                Cadence.partner_id.in_(partner_ids),
                (Cadence.kind == Kind.OTHER_PARTNERS) & or_(Cadence.pm_id.in_(managers), Cadence.pm_id.in_(person_ids)),
            ),
        )
    )
    await cards.touch(session, list(rows), list(person_ids))


async def _tell(
    session: AsyncSession, items: Collection[Held], person: Person, to: Person, actor: Person, *, reason: str,
    now: datetime, policy: Policy,
) -> None:  # fmt: skip
    """One message for all that came to the successor, in their working hours."""
    reader = (await people.readers(session, [to], policy))[to.id]
    ids = {what.value: [item.id for item in items if item.what == what] for what in What}
    first = next(iter(items))
    owed = Owed(
        key=f"handed_over:{to.id}:{first.what[0]}{first.id}:{now.isoformat()}",
        template="handed_over",
        args={"from_id": person.id, "to_id": to.id, "by_id": actor.id, "reason": clean(reason), **ids},
        due_at=review_times.waits_until(reader, now) or now,
        person_id=to.id,
    )
    await outbox.enqueue(session, [owed], now=now)


@dataclass(frozen=True)
class Received:
    """What came to somebody and is still theirs. `to_mend`: the deals whose owner in the CRM is somebody else."""

    held: InHand
    to_mend: frozenset[int]


async def received(session: AsyncSession, person_id: int, args: Mapping[str, Any], *, policy: Policy) -> Received:
    """What a successor's message says: of what was given to them then, all that is open and theirs now."""
    held = (await in_hand(session, [person_id]))[person_id]
    given = {(what, item_id) for what in What for item_id in args.get(what.value, ())}
    items = tuple(item for item in held.items if (item.what, item.id) in given)
    deal_ids = [item.id for item in items if item.what == What.DEALS]
    rows = await session.scalars(select(CrmRecord).where(CrmRecord.deal_id.in_(deal_ids)))
    other = {row.deal_id for row in rows if row.values.get("owner_id") != person_id}
    return Received(InHand(items), frozenset(other if policy.crm_is_truth else ()))
