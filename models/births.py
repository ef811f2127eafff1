"""Deals born in Slack, until an import brings them: made by a form, and perhaps the same as one of the CRM's.

Such a deal has no CRM id: its stage, category, amount and close date are ours, and change in its versions. After an import
`propose` looks for it among the deals that the file brought, and whoever manages the partner is asked, once an import.
`models.merging` makes two deals one. Never commits.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import bindparam, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import cards, changes, handover, outbox, people
from models.deals import PRESENT, Source, first_version, set_links
from models.domain import review_times
from models.domain.deals import OPEN, Category, StageTable
from models.domain.errors import FieldErrors, UserError
from models.domain.likeness import Lookout, Traits, is_near
from models.domain.money import known_currency, parse_amount
from models.domain.policy import Policy
from models.domain.rights import Act, Subject, may, require
from models.domain.text import clean
from models.domain.zones import local_date, zone
from models.insert import add_missing
from models.outbox import Owed
from models.tables import (
    Card,
    CrmRecord,
    Deal,
    DealMatch,
    DealVersion,
    ImportRun,
    NextAction,
    Outbox,
    Partner,
    Person,
    UtcDateTime,
)

CARD = "same_deal"
"""The kind of the card that asks, and the template of its outbox row."""
SOURCE = "slack"
LONGEST_NAME, LONGEST_ACCOUNT, LONGEST_ACTION = 150, 100, 500
MOST_NEAR = 100
PAGE = 1000
WHOLE = 10_000


class State:
    """What became of a question."""

    OPEN = "open"
    SAME = "same"
    DIFFERENT = "different"


# Making a deal.


@dataclass(frozen=True)
class Birth:
    """What the form says. Fields are named as their errors; `strangers` are person fields that name nobody we know.

    `seen` are the deals that were pointed out as near already: saying it again makes the deal all the same.
    """

    name: str = ""
    account: str = ""
    partner_id: int = 0
    owner: Person | None = None
    stage: str = ""
    amount: str = ""
    currency: str = ""
    close_date: date | None = None
    next_text: str = ""
    next_due: date | None = None
    next_owner: Person | None = None
    strangers: frozenset[str] = frozenset()
    seen: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Near:
    """A deal much like the one that is being made; `traits` only for somebody who may read it, else no more than whose."""

    deal_id: int
    owner_id: int | None
    traits: Traits | None


class Doubled(UserError):
    """There is a deal much like it; nothing was saved. Carries which."""

    def __init__(self, near: tuple[Near, ...]) -> None:
        super().__init__("There is a deal much like this one already.")
        self.near = near


@dataclass(frozen=True)
class Born:
    """What was made."""

    deal_id: int
    name: str
    partner: Partner
    owner: Person


async def offered(session: AsyncSession, actor: Person, *, now: datetime, policy: Policy) -> list[Partner]:
    """The partners somebody is offered for a new deal, those they have deals with first. Raises NotAllowed.

    All for the head, their own (and whom they cover for) for a manager; for an AE those of their open deals and Tier 1.
    An AE may name any other one too, since a form is no lock; they see nothing of a partner by naming it.
    """
    covers = await people.covers(session, now=now, policy=policy)
    who = people.as_actor(actor)
    everyone = list(await session.scalars(select(Partner).order_by(func.lower(Partner.name), Partner.id)))
    mine: set[int | None] = set()
    if actor.has("ae"):
        owned = select(DealVersion.partner_id).join(Deal, PRESENT)
        mine = set(
            await session.scalars(
                owned.where(DealVersion.owner_id == actor.id, DealVersion.category.in_(OPEN)).distinct()
            )
        )
    found = [
        one
        for one in everyone
        if one.id in mine
        or (actor.has("ae") and one.tier_in_force == 1)
        or may(who, Act.CREATE_DEAL, Subject(pm_id=one.pm_id, covers=covers)).allowed
    ]
    if not found:
        require(may(who, Act.CREATE_DEAL, Subject(owner_id=actor.id, covers=covers)))
        raise UserError("There is no partner here yet to name. `cadence import partners.csv --partners` brings them.")
    return sorted(found, key=lambda one: one.id not in mine)


async def may_name_owner(session: AsyncSession, actor: Person, *, now: datetime, policy: Policy) -> bool:
    """Whether somebody may make a deal that is not theirs: who manages (or covers) a partner, and the head."""
    if actor.has("head"):
        return True
    covers = await people.covers(session, now=now, policy=policy)
    managed = {actor.id, *(away for away, cover in covers.items() if cover == actor.id)}
    return await session.scalar(select(Partner.id).where(Partner.pm_id.in_(managed)).limit(1)) is not None


async def create(session: AsyncSession, actor: Person, birth: Birth, *, now: datetime, policy: Policy) -> Born:
    """Make the deal, under review at once wherever its partner's deals are.

    Raises:
        FieldErrors: what is to be mended, and who may make it if not the actor.
        Doubled: a deal much like it is there, and was not pointed out yet.
    """
    today = local_date(now, zone(people.zone_of(actor, policy)))
    partner, owner = await _parties(session, actor, birth, now=now, policy=policy)
    stage = policy.stages.find(birth.stage)
    amount = _checked(birth, stage, today, policy)
    if partner is None or owner is None or stage is None:
        raise FieldErrors({"name": "Choose a partner, an owner and a stage."})
    values: dict[str, Any] = {
        "name": clean(birth.name), "account": clean(birth.account), "partner_id": partner.id, "owner_id": owner.id,
        "stage": stage[0], "category": stage[1].value, "amount": amount, "currency": _currency(birth, policy),
        "close_date": birth.close_date, "created_date": today,
    }  # fmt: skip
    traits = Traits(values["name"], values["account"], amount, values["currency"], birth.close_date)
    await _point_out(session, actor, partner, traits, birth.seen, now=now, policy=policy)
    deal = Deal(crm_id=None, first_seen_at=now)
    session.add(deal)
    await session.flush()
    await first_version(session, deal, values, Source(at=now, by_id=actor.id, name=SOURCE))
    await set_links(session, deal.id, {partner.id: ("", WHOLE, True)}, at=now)
    changes.note(session, "deal", deal.id, "name", None, values["name"], by_id=actor.id, source=SOURCE, at=now)
    if birth.next_due is not None:
        _add_action(session, deal, birth, birth.next_owner or owner, actor, now)
    await session.flush()
    concerned = {person_id for person_id in (owner.id, actor.id, partner.pm_id) if person_id is not None}
    await handover.touch(session, {partner.id}, concerned)
    return Born(deal.id, values["name"], partner, owner)


def _add_action(
    session: AsyncSession, deal: Deal, birth: Birth, owner: Person, actor: Person, now: datetime
) -> None:  # fmt: skip
    due = birth.next_due
    if due is None:
        return
    session.add(
        NextAction(deal_id=deal.id, text=clean(birth.next_text), owner_id=owner.id, due=due, opened_at=now,
                   opened_by_id=actor.id)
    )  # fmt: skip


def _currency(birth: Birth, policy: Policy) -> str:
    return clean(birth.currency).upper() or policy.currency


async def _parties(
    session: AsyncSession, actor: Person, birth: Birth, *, now: datetime, policy: Policy
) -> tuple[Partner | None, Person | None]:
    """Partner and owner, where the actor may make a deal of the two. Raises FieldErrors."""
    partner = await session.get(Partner, birth.partner_id) if birth.partner_id else None
    owner = actor if birth.owner is None and "owner" not in birth.strangers else birth.owner
    if partner is None:
        raise FieldErrors({"partner": "Choose the partner this deal is sold with."})
    subject = await people.subject_of(session, partner=partner, now=now, policy=policy)
    who = people.as_actor(actor)
    if not may(who, Act.CREATE_DEAL, Subject(owner_id=actor.id, pm_id=subject.pm_id, covers=subject.covers)).allowed:
        raise FieldErrors({"partner": may(who, Act.CREATE_DEAL, subject).reason})
    refusal = people.why_no_owner(owner)
    if refusal or owner is None:
        raise FieldErrors({"owner": refusal})
    mine = Subject(owner_id=owner.id, pm_id=subject.pm_id, covers=subject.covers, pm_name=subject.pm_name)
    if not may(who, Act.CREATE_DEAL, mine).allowed:
        named = f"{subject.pm_name} (partner manager)" if subject.pm_name else "The partner's manager"
        raise FieldErrors(
            {
                "owner": f"You can create deals of your own only. {named} or the head of partnerships can for {owner.name}."
            }
        )
    return partner, owner


def _checked(birth: Birth, stage: tuple[str, Category] | None, today: date, policy: Policy) -> int | None:
    """The amount in minor units. Raises FieldErrors with everything that is to be mended."""
    errors: dict[str, str] = {}
    if not clean(birth.name):
        errors["name"] = "Give the deal a name, the one it will have in the CRM if you can."
    if not clean(birth.account):
        errors["account"] = "Name the customer it is sold to."
    if stage is None or not stage[1].is_open:
        errors["stage"] = "Choose the stage it is in. A new deal is an open one."
    if birth.close_date is not None and birth.close_date < today:
        errors["close_date"] = f"{_past(birth.close_date)} Choose today or a later day, or leave it empty."
    errors |= _action_errors(birth, today)
    amount, refusals = _amount(birth, policy)
    errors |= refusals
    if errors:
        raise FieldErrors(errors)
    return amount


def _past(day: date) -> str:
    return f"{day:%d %b %Y} is in the past."


def _amount(birth: Birth, policy: Policy) -> tuple[int | None, dict[str, str]]:
    currency = _currency(birth, policy)
    if not known_currency(currency):
        return None, {"currency": f"“{currency}” is not a currency code. Use one like USD, EUR or JPY."}
    try:
        amount = parse_amount(birth.amount, currency)
    except ValueError as error:
        return None, {"amount": str(error)}
    if amount is not None and amount < 0:
        return None, {"amount": "An amount below zero is no deal. Leave it empty if nobody knows yet."}
    return amount, {}


def _action_errors(birth: Birth, today: date) -> dict[str, str]:
    """A next action has a text and a day, or is not there at all."""
    errors: dict[str, str] = {}
    text = clean(birth.next_text)
    if birth.next_due is not None and not text:
        errors["next_text"] = "Say what happens next, or take its day away too."
    if text and birth.next_due is None:
        errors["next_due"] = "Choose the day it is due."
    elif birth.next_due is not None and birth.next_due < today:
        errors["next_due"] = f"{_past(birth.next_due)} Choose today or a later day."
    if "next_owner" in birth.strangers:
        errors["next_owner"] = people.why_no_owner(None)
    elif birth.next_owner is not None and (refusal := people.why_no_owner(birth.next_owner)):
        errors["next_owner"] = refusal
    return errors


async def _point_out(
    session: AsyncSession, actor: Person, partner: Partner, traits: Traits, seen: frozenset[int], *, now: datetime,
    policy: Policy,
) -> None:  # fmt: skip
    """Raise Doubled for open deals of the partner that are near and were not pointed out yet."""
    rows = await session.scalars(
        select(DealVersion)
        .join(Deal, PRESENT)
        .where(DealVersion.partner_id == partner.id, DealVersion.category.in_(OPEN))
        .order_by(DealVersion.deal_id)
    )
    near = [row for row in rows if is_near(traits, traits_of(row))][:MOST_NEAR]
    if {row.deal_id for row in near} <= seen:
        return
    covers = await people.covers(session, now=now, policy=policy)
    who = people.as_actor(actor)

    def readable(row: DealVersion) -> bool:
        return may(who, Act.ANSWER, Subject(owner_id=row.owner_id, pm_id=partner.pm_id, covers=covers)).allowed

    raise Doubled(tuple(Near(row.deal_id, row.owner_id, traits_of(row) if readable(row) else None) for row in near))


def traits_of(version: DealVersion) -> Traits:
    return Traits(version.name, version.account, version.amount, version.currency, version.close_date)


def open_stages(stages: StageTable) -> list[str]:
    """The stages a new deal can be in."""
    return [name for name, category in stages.stages if category.is_open]


# Looking for it in what an import brought.

_MATCHABLE = (*OPEN, Category.WON)  # one that was won before the CRM brought it would be counted twice for good
_TRAITS = (DealVersion.name, DealVersion.account, DealVersion.amount, DealVersion.currency, DealVersion.close_date)
_BORN = (
    select(DealVersion.deal_id, DealVersion.partner_id, *_TRAITS)
    .join(Deal, PRESENT)
    .where(Deal.crm_id.is_(None), DealVersion.category.in_(_MATCHABLE), DealVersion.partner_id.is_not(None))
)
# A page of ids first: joined in one statement, the planner goes by the partner, and over all of its deals for every page.
_BROUGHT = (
    select(CrmRecord.deal_id)
    .where(CrmRecord.import_id == bindparam("run"), CrmRecord.deal_id > bindparam("after"))
    .order_by(CrmRecord.deal_id)
    .limit(PAGE)
)
_NEW = (
    select(DealVersion.deal_id, DealVersion.partner_id, *_TRAITS)
    .join(Deal, DealVersion.id == Deal.version_id)
    .where(
        Deal.id.in_(bindparam("ids", expanding=True)),
        Deal.first_seen_at == bindparam("at", type_=UtcDateTime()),  # made by this import, not only changed
        DealVersion.partner_id.in_(bindparam("partners", expanding=True)),
    )
)


async def look(session: AsyncSession, run_id: int) -> dict[int, list[int]]:
    """By deal that was born here what this import brought that looks like it, the likeliest first. Reads only.

    One statement when nothing was born here; else everything the import made is gone through page by page, narrow, and
    none of it is kept: a file of a hundred thousand deals takes seconds, in which nothing should be locked.
    """
    born = {row.deal_id: (row.partner_id, Traits(*row[2:])) for row in await session.execute(_BORN)}
    return await _look(session, await session.get_one(ImportRun, run_id), born) if born else {}


async def propose(
    session: AsyncSession,
    run_id: int,
    *,
    now: datetime | None = None,
    policy: Policy,
    found: Mapping[int, list[int]] | None = None,
) -> int:
    """Ask whether deals that this import brought are some that were born here; how many pairs are new.

    Any number of times, by anybody: a pair is asked about once. `found` is what `look` said, where that was asked before
    in a transaction of its own. Without `now`, as of the import.
    """
    best = await look(session, run_id) if found is None else found
    if not best:
        return 0
    at = now or (await session.get_one(ImportRun, run_id)).at
    known = await _known(session, list(best))
    fresh = [
        {"deal_id": deal_id, "other_id": other_id, "import_id": run_id, "state": State.OPEN, "made_at": at}
        for deal_id, others in best.items()
        for other_id in others
        if (deal_id, other_id) not in known
    ]
    if not fresh:
        return 0
    await add_missing(session, DealMatch, fresh, key=("deal_id", "other_id"))
    await _ask(session, run_id, at, policy)
    return len(fresh)


async def _look(session: AsyncSession, run: ImportRun, born: Mapping[int, tuple[int, Traits]]) -> dict[int, list[int]]:
    lookout, after = Lookout(born), 0
    given = {"at": run.at, "partners": list({partner_id for partner_id, _ in born.values()})}
    while ids := list(await session.scalars(_BROUGHT, {"run": run.id, "after": after})):
        for row in await session.execute(_NEW, {**given, "ids": ids}):
            lookout.see(row.deal_id, row.partner_id, Traits(*row[2:]))
        after = ids[-1]
        await asyncio.sleep(0)  # a hundred thousand new deals of one partner must not keep everybody's clicks waiting
    return lookout.best()


async def _known(session: AsyncSession, deal_ids: Collection[int]) -> set[tuple[int, int]]:
    rows = await session.execute(select(DealMatch.deal_id, DealMatch.other_id).where(DealMatch.deal_id.in_(deal_ids)))
    return {(deal_id, other_id) for deal_id, other_id in rows}


async def _ask(session: AsyncSession, run_id: int, now: datetime, policy: Policy) -> None:
    """Owe each of those who answer for the partners one message about this import's open pairs."""
    book = (await people.directory(session)).people
    fallback = _fallback(book)
    wanted: dict[int, list[int]] = defaultdict(list)
    for match_id, pm_id in await session.execute(_OPEN_OF, {"run": run_id}):
        who = pm_id if _here(pm_id, book) else fallback
        if who is not None:
            wanted[who].append(match_id)
    if not wanted:
        return
    covers = await people.covers(session, now=now, policy=policy)
    recipients = {who: _stand_in(who, covers, book) for who in wanted}
    readers = await people.readers(session, [book[held] for held in set(recipients.values())], policy)
    keys = {who: f"{CARD}:{run_id}:{who}" for who in wanted}
    asked = set(await session.scalars(select(Outbox.key).where(Outbox.key.in_(keys.values()))))
    for who, ids in wanted.items():
        if keys[who] in asked:
            continue
        person_id = recipients[who]
        card = Card(kind=CARD, person_id=person_id, day=None, created_at=now, wanted=1)
        session.add(card)
        await session.flush()
        owed = Owed(
            key=keys[who], template=CARD, args={"matches": ids}, person_id=person_id, card_id=card.id,
            due_at=review_times.waits_until(readers[person_id], now) or now,
        )  # fmt: skip
        await outbox.enqueue(session, [owed], now=now)
    await cards.touch_homes(session, set(recipients.values()) | set(wanted))


_OPEN_OF = (
    select(DealMatch.id, Partner.pm_id)
    .join(Deal, Deal.id == DealMatch.deal_id)
    .join(DealVersion, PRESENT)
    .join(Partner, Partner.id == DealVersion.partner_id)
    .where(DealMatch.import_id == bindparam("run"), DealMatch.state == State.OPEN)
    .order_by(DealMatch.id)
)


def _here(person_id: int | None, book: Mapping[int, Person]) -> bool:
    person = book.get(person_id) if person_id is not None else None
    return person is not None and person.active and person.side == "ours"


def _fallback(book: Mapping[int, Person]) -> int | None:
    """The head of partnerships, else an admin: who is asked where no partner manager is left."""
    for role in ("head", "admin"):
        found = [person.id for person in book.values() if _here(person.id, book) and person.has(role)]
        if found:
            return min(found)
    return None


def _stand_in(who: int, covers: Mapping[int, int], book: Mapping[int, Person]) -> int:
    cover = covers.get(who)
    return cover if cover is not None and _here(cover, book) else who


# The question.


@dataclass(frozen=True)
class Pair:
    """Two deals that are perhaps one. `theirs` is the CRM's; None once the two are one, or it is another's."""

    match: DealMatch
    ours: DealVersion
    theirs: DealVersion | None
    partner: Partner | None
    crm_id: str
    pm_id: int | None
    merged: bool = False
    """Whether ours is a deal of the CRM by now."""

    @property
    def open(self) -> bool:
        return self.match.state == State.OPEN and self.theirs is not None


async def pairs(session: AsyncSession, match_ids: Iterable[int]) -> list[Pair]:
    """These questions with both sides as they are now, deal by deal, the likeliest candidate first. Four statements."""
    listed = list(match_ids)
    matches = list(
        await session.scalars(
            select(DealMatch).where(DealMatch.id.in_(listed)).order_by(DealMatch.deal_id, DealMatch.id)
        )
    )
    ids = {deal_id for match in matches for deal_id in (match.deal_id, match.other_id)}
    standing = {
        deal.id: (deal, version)
        for deal, version in await session.execute(
            select(Deal, DealVersion).join(DealVersion, PRESENT).where(Deal.id.in_(ids))
        )
    }
    partner_ids = {version.partner_id for _, version in standing.values()}
    partners = {one.id: one for one in await session.scalars(select(Partner).where(Partner.id.in_(partner_ids)))}
    found = []
    for match in matches:
        if match.deal_id not in standing:
            continue
        deal, ours = standing[match.deal_id]
        other = standing.get(match.other_id)
        partner = partners.get(ours.partner_id or 0)
        crm_id = (other[0].crm_id if other else deal.crm_id) or ""
        theirs, pm_id = other[1] if other else None, partner.pm_id if partner else None
        found.append(Pair(match, ours, theirs, partner, crm_id, pm_id, merged=deal.crm_id is not None))
    return found


async def on_card(session: AsyncSession, card_id: int) -> list[Pair]:
    """What a card asks about."""
    row = await session.scalar(select(Outbox).where(Outbox.card_id == card_id))
    return await pairs(session, row.args["matches"]) if row is not None else []


_ALL_OPEN = select(DealMatch.id).where(DealMatch.state == State.OPEN)


async def waiting_for(session: AsyncSession, person: Person, *, now: datetime, policy: Policy) -> list[Pair]:
    """The open questions that are this person's to answer, oldest deal first. One statement when nobody has any."""
    ids = list(await session.scalars(_ALL_OPEN))
    if not ids:
        return []
    book = (await people.directory(session)).people
    fallback, covers = _fallback(book), await people.covers(session, now=now, policy=policy)
    mine = []
    for pair in await pairs(session, ids):
        who = pair.pm_id if _here(pair.pm_id, book) else fallback
        if pair.open and who is not None and person.id in (who, covers.get(who)):
            mine.append(pair)
    return mine


async def show_anew(session: AsyncSession, import_ids: Collection[int]) -> None:
    """Wish for the cards that ask about what these imports brought to be shown anew."""
    asked = or_(*(Outbox.key.startswith(f"{CARD}:{import_id}:") for import_id in import_ids))
    await session.execute(
        update(Card)
        .where(Card.kind == CARD, Card.id.in_(select(Outbox.card_id).where(Outbox.template == CARD, asked)))
        .values(wanted=Card.wanted + 1)
        .execution_options(synchronize_session=False)
    )


async def decidable(session: AsyncSession, actor: Person, match: DealMatch, *, now: datetime, policy: Policy) -> None:
    """Raise NotAllowed unless the actor may say whether these two are one: by the partners that both have now."""
    book = (await people.directory(session)).people
    rows = await session.scalars(
        select(Partner)
        .join(DealVersion, DealVersion.partner_id == Partner.id)
        .join(Deal, PRESENT)
        .where(Deal.id.in_((match.deal_id, match.other_id)))
    )
    managers = {row.pm_id if _here(row.pm_id, book) else None for row in rows}
    for pm_id in managers or {None}:  # without a partner it is the head's or an admin's to say
        subject = await people.subject_of(session, pm_id=pm_id, now=now, policy=policy)
        require(may(people.as_actor(actor), Act.MATCH_DEAL, subject))


async def held(session: AsyncSession, match_id: int) -> DealMatch:
    """The question, with both its deals locked until the transaction ends. Raises UserError for one that never was.

    The deals are the lock: an answer settles every other question about either of them, too.
    """
    asked = select(DealMatch).where(DealMatch.id == match_id).execution_options(populate_existing=True)
    found = await session.scalar(asked)
    if found is None:
        raise UserError("This question does not exist any more.")
    both = (found.deal_id, found.other_id)
    await session.execute(select(Deal.id).where(Deal.id.in_(both)).order_by(Deal.id).with_for_update())
    return (await session.scalars(asked)).one()


async def settle(session: AsyncSession, matches: Sequence[DealMatch], state: str, *, by_id: int, now: datetime) -> None:
    """Note the answer to these questions, for good, and show it wherever they were asked."""
    for match in matches:
        match.state, match.decided_at, match.decided_by_id = state, now, by_id
    await session.flush()
    if matches:
        await show_anew(session, {match.import_id for match in matches})


async def say_different(session: AsyncSession, actor: Person, match_id: int, *, now: datetime, policy: Policy) -> None:
    """They are two deals, and nobody asks again. A second click has no effect.

    Raises:
        NotAllowed: says who can.
        UserError: somebody has said that they are one.
    """
    match = await held(session, match_id)
    await decidable(session, actor, match, now=now, policy=policy)
    if match.state == State.DIFFERENT:
        return
    if match.state == State.SAME:
        raise UserError("Somebody has said already that these are the same deal; they are one now.")
    await settle(session, [match], State.DIFFERENT, by_id=actor.id, now=now)
    changes.note(
        session, "deal", match.deal_id, "not_same_as", None, match.other_id, by_id=actor.id, source=SOURCE, at=now
    )
    await cards.touch_homes(session)
