"""Answers: what one person said about one deal for one occurrence, and what follows from it.

`record` appends the answer, the deal's new version and its next action. It saves only what differs from what the form
showed, so that two people who change different fields of one deal both keep their change.
"""

import hashlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import and_, bindparam, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import cards, changes, deals, people, reviews
from models.cadences import AHEAD, Kind
from models.deals import PRESENT, Source, spoken
from models.domain.deals import Move
from models.domain.errors import Conflict, FieldErrors, Stale, UserError
from models.domain.money import format_money, parse_amount
from models.domain.policy import Policy
from models.domain.rights import Act, Subject, may, require
from models.domain.text import clean
from models.domain.zones import local_date, zone
from models.joint import showing
from models.tables import Answer, Cadence, Deal, DealVersion, NextAction, Occurrence, Partner, Person
from models.tables.base import table_of

CRM_FIELDS = ("stage", "category", "amount", "close_date")
ACTION_FIELDS = ("next_text", "next_owner", "next_due")
ANSWERS_AHEAD = timedelta(days=21)
LATE_ANSWERS = timedelta(days=3)
"""How long after a review an answer without a card still belongs to it, while it is not closed."""


# Built once: putting a statement together costs more than running it, and these run with every answer.
_ADD_ANSWER = insert(table_of(Answer))
_ADD_ACTION = insert(table_of(NextAction))
_SITUATION = (
    select(Deal, DealVersion, Partner, NextAction, Occurrence)
    .join(DealVersion, PRESENT)
    .outerjoin(Partner, Partner.id == DealVersion.partner_id)
    .outerjoin(NextAction, and_(NextAction.deal_id == Deal.id, NextAction.state == "open"))
    .outerjoin(Occurrence, Occurrence.id == bindparam("occurrence"))
    .where(Deal.id == bindparam("deal"))
)


class Outcome:
    """What became of the last action."""

    DONE = "done"
    OPEN = "open"
    DROPPED = "dropped"


class Fields(BaseModel):
    """The fields of a deal that a form shows and takes. `amount` in minor units; `next_owner` is a person's id."""

    model_config = ConfigDict(frozen=True)

    next_text: str = ""
    next_owner: int | None = None
    next_due: date | None = None
    shared_text: str = ""
    partner_owner: str = ""
    stage: str = ""
    category: str = ""
    amount: int | None = None
    close_date: date | None = None
    help_needed: str = ""

    def prints(self) -> dict[str, str]:
        """A short fingerprint of every field: what a form carries to say what it showed."""
        return {name: fingerprint(value) for name, value in self.model_dump(mode="json").items()}


def fingerprint(value: Any) -> str:
    return hashlib.blake2s(repr(value).encode(), digest_size=4).hexdigest()


@dataclass(frozen=True)
class Given:
    """What a person submitted: `fields` as typed, `shown` the fingerprints of what their form showed.

    `absent` names the fields the form did not have: they are left alone. `amount_text` is the amount as typed, read in
    the deal's own currency.
    """

    occurrence_id: int
    deal_id: int
    fields: Fields
    shown: Mapping[str, str]
    action_id: int | None = None
    outcome: str = Outcome.OPEN
    drop_reason: str = ""
    unknown_owner: str = ""
    absent: frozenset[str] = frozenset()
    amount_text: str | None = None


@dataclass
class Applied:
    """What an answer changed, as the answer row keeps it and the receipt says it."""

    changed: dict[str, Any] = field(default_factory=dict)

    def add(self, name: str, before: Any, after: Any) -> None:
        self.changed[name] = {"before": _plain(before), "after": _plain(after)}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def present_fields(deal: Deal, version: DealVersion, action: NextAction | None) -> Fields:
    """What a form shows of a deal now: what people say, where that differs from the CRM."""
    now_is = spoken(version)
    return Fields(
        next_text=action.text if action else "",
        next_owner=action.owner_id if action else None,
        next_due=action.due if action else None,
        shared_text=action.shared_text if action else "",
        partner_owner=deal.partner_owner,
        stage=now_is.stage,
        category=now_is.category,
        amount=now_is.amount,
        close_date=now_is.close_date,
        help_needed=deal.help_needed,
    )


@dataclass(frozen=True)
class Situation:
    """Everything an answer is judged against, held until the transaction ends."""

    deal: Deal
    version: DealVersion
    partner: Partner | None
    action: NextAction | None
    occurrence: Occurrence
    actor: Person
    for_id: int | None
    today: date


async def situation(
    session: AsyncSession, actor: Person, occurrence_id: int, deal_id: int, *, now: datetime, policy: Policy
) -> Situation:
    """Lock the deal and check the actor's right to answer for it. Raises NotAllowed, UserError."""
    await deals.hold(session, deal_id)
    row = (await session.execute(_SITUATION, {"deal": deal_id, "occurrence": occurrence_id})).first()
    if row is None:
        raise UserError("This deal does not exist any more.")
    deal, version, partner, action, occurrence = row
    for_id = await _authorised(session, actor, version, partner, now=now, policy=policy)
    if occurrence is None:
        occurrence = await occurrence_for(session, version, now=now)
    if occurrence is None:
        raise UserError("There is no review for this deal yet; `/cadence setup` starts one.")
    return Situation(
        deal=deal,
        version=version,
        partner=partner,
        action=action,
        occurrence=occurrence,
        actor=actor,
        for_id=for_id,
        today=local_date(now, zone(people.zone_of(actor, policy))),
    )


async def _authorised(
    session: AsyncSession,
    actor: Person,
    version: DealVersion,
    partner: Partner | None,
    *,
    now: datetime,
    policy: Policy,
) -> int | None:
    """Raise NotAllowed unless the actor may answer; for whom they stand in, if they do.

    Covers and names are read only when the plain row does not decide: most answers come from the owner.
    """
    plain = Subject(owner_id=version.owner_id, pm_id=partner.pm_id if partner else None)
    who = people.as_actor(actor)
    if may(who, Act.ANSWER, plain).allowed and actor.id == version.owner_id:
        return None
    subject = await people.subject_of(session, owner_id=version.owner_id, partner=partner, now=now, policy=policy)
    require(may(who, Act.ANSWER, subject))
    owner_id = version.owner_id
    return owner_id if owner_id is not None and subject.covers.get(owner_id) == actor.id else None


async def occurrence_for(session: AsyncSession, version: DealVersion, *, now: datetime) -> Occurrence | None:
    """The review an answer given today belongs to: the earliest one of its cadence that is not settled."""
    partner = await session.get(Partner, version.partner_id) if version.partner_id else None
    if partner is None:
        return None
    return (await occurrences_for(session, [partner], now=now)).get(partner.id)


_REVIEWS_OF = (
    select(Occurrence, Cadence.kind, Cadence.partner_id, Cadence.pm_id, Cadence.state)
    .join(Cadence, Cadence.id == Occurrence.cadence_id)
    .where(
        Occurrence.state.in_(AHEAD),
        Occurrence.closed_at.is_(None),
        Occurrence.starts_at < bindparam("before"),
        or_(
            Cadence.partner_id.in_(bindparam("partners", expanding=True)),
            (Cadence.kind == Kind.OTHER_PARTNERS) & Cadence.pm_id.in_(bindparam("managers", expanding=True)),
        ),
    )
    .order_by(Occurrence.starts_at, Occurrence.id)
)


async def occurrences_for(session: AsyncSession, partners: list[Partner], *, now: datetime) -> dict[int, Occurrence]:
    """The review an answer given now belongs to, by partner id, in one statement."""
    rows = await session.execute(
        _REVIEWS_OF,
        {
            "before": now + ANSWERS_AHEAD,
            "partners": [partner.id for partner in partners],
            "managers": list({partner.pm_id for partner in partners if partner.pm_id is not None}),
        },
    )
    by_partner: dict[int, list[Occurrence]] = defaultdict(list)
    by_pm: dict[int, list[Occurrence]] = defaultdict(list)
    running: set[int] = set()
    for occurrence, kind, partner_id, pm_id, state in rows:
        if kind == Kind.WEEKLY_REVIEW and partner_id is not None:
            by_partner[partner_id].append(occurrence)
            if state == "active":
                running.add(partner_id)
        elif kind == Kind.OTHER_PARTNERS and pm_id is not None:
            by_pm[pm_id].append(occurrence)
    found: dict[int, Occurrence] = {}
    for partner in partners:
        own = _present(by_partner[partner.id], now)
        other = _present(by_pm[partner.pm_id], now) if partner.pm_id is not None else None
        chosen = own if own is not None and (partner.id in running or other is None) else other
        if chosen is not None:
            found[partner.id] = chosen
    return found


def _present(candidates: list[Occurrence], now: datetime) -> Occurrence | None:
    """Of one cadence's open reviews, in order: the one asked about last, for a while after it; else the next one."""
    asked = [row for row in candidates if row.state == "prompted" and now < row.ends_at + LATE_ANSWERS]
    ahead = [row for row in candidates if row.ends_at > now]
    return asked[-1] if asked else next(iter(ahead or candidates[-1:]), None)


async def record(session: AsyncSession, actor: Person, given: Given, *, now: datetime, policy: Policy) -> None:
    """Append the answer, the deal's new version and its next action; never commits.

    Saves only what differs from what the form showed. Raises NotAllowed (who can), FieldErrors (what to mend),
    Stale (both values of every field that somebody else changed meanwhile).
    """
    at = await situation(session, actor, given.occurrence_id, given.deal_id, now=now, policy=policy)
    given = with_amount(given, at.version.currency)
    present = present_fields(at.deal, at.version, at.action)
    wanted = await _changes(session, given, present, at)
    applied = Applied()
    source = Source(at=now, by_id=actor.id, name="slack")
    finished = _settle_action(session, at, given, applied, source)
    if at.action is not None:
        await session.flush()  # the finished action must be closed before the next one opens
    await _set_action(session, at, given, wanted, applied, source)
    _set_plain(session, at, wanted, applied, source)
    crm = {name: wanted[name] for name in CRM_FIELDS if name in wanted}
    if fingerprint(present.category) == given.shown.get("category", fingerprint(present.category)):
        _let_category_follow(crm, present, policy)  # else somebody has just said another one
    moves = (Move("action", forward=True, before=finished, after=None),) if finished else ()
    if crm or moves:
        await _set_standing(session, at, crm, applied, source, policy, moves)
    await _append(session, at, "form", applied.changed, now)
    await touch(session, at)


async def _append(session: AsyncSession, at: Situation, kind: str, changed: dict[str, Any], now: datetime) -> None:
    row = {
        "occurrence_id": at.occurrence.id,
        "deal_id": at.deal.id,
        "by_id": at.actor.id,
        "for_id": at.for_id,
        "at": now,
        "kind": kind,
        "changed": changed,
        "source": "slack",
    }
    await session.execute(_ADD_ANSWER, row)


def with_amount(given: Given, currency: str) -> Given:
    """The typed amount as minor units. Raises FieldErrors when it is no number."""
    if given.amount_text is None:
        return given
    try:
        amount = parse_amount(given.amount_text, currency)
    except ValueError as error:
        raise FieldErrors({"amount": str(error)}) from None
    return replace(given, fields=given.fields.model_copy(update={"amount": amount}))


async def _changes(session: AsyncSession, given: Given, present: Fields, at: Situation) -> dict[str, Any]:
    """The fields the person changed, checked. Raises FieldErrors before Stale: a typo is mended first."""
    now_prints, typed = present.prints(), given.fields.model_dump(mode="json")
    replaces = given.outcome in (Outcome.DONE, Outcome.DROPPED) or at.action is None
    changed = {
        name
        for name, print_ in given.fields.prints().items()
        if name not in given.absent
        and (print_ != given.shown.get(name, now_prints[name]) or (replaces and name in ACTION_FIELDS))
    }
    errors = await _field_errors(session, given, changed, at)
    if errors:
        raise FieldErrors(errors)
    action_gone = given.action_id is not None and (at.action is None or at.action.id != given.action_id)
    conflicts = [
        name
        for name in changed
        if name in given.shown and now_prints[name] != given.shown[name] and now_prints[name] != fingerprint(typed[name])
        and not (replaces and name in ACTION_FIELDS and not action_gone)
    ]  # fmt: skip
    if conflicts:
        raise Stale(await _conflicts(session, sorted(conflicts), given, present, at))
    return {name: getattr(given.fields, name) for name in changed if now_prints[name] != fingerprint(typed[name])}


async def _field_errors(session: AsyncSession, given: Given, changed: set[str], at: Situation) -> dict[str, str]:
    errors: dict[str, str] = {}
    fields = given.fields
    touched = bool(changed & set(ACTION_FIELDS)) or at.action is None or given.outcome != Outcome.OPEN
    if given.outcome == Outcome.DROPPED and not clean(given.drop_reason):
        errors["drop_reason"] = "Say in a few words why it was dropped: that is what the note shows."
    if touched and not clean(fields.next_text):
        errors["next_text"] = "Say what happens next: every open deal has a next action."
    if touched and fields.next_due is None:
        errors["next_due"] = "Choose the day it is due."
    elif fields.next_due is not None and fields.next_due < at.today and (touched or "next_due" in changed):
        errors["next_due"] = f"{fields.next_due:%d %b %Y} is in the past. Choose today or a later day."
    if touched:
        owner = await session.get(Person, fields.next_owner) if fields.next_owner is not None else None
        refusal = given.unknown_owner or (people.why_no_owner(owner) if owner else people.NOBODY_NAMED)
        if refusal:
            errors["next_owner"] = refusal
    return errors


async def _conflicts(
    session: AsyncSession, names: list[str], given: Given, present: Fields, at: Situation
) -> tuple[Conflict, ...]:
    book = await people.directory(session)
    latest = await session.scalar(
        select(Answer).where(Answer.deal_id == at.deal.id).order_by(Answer.at.desc(), Answer.id.desc()).limit(1)
    )

    def who(name: str) -> str:
        if name not in CRM_FIELDS:
            return book.name(latest.by_id) if latest is not None else "somebody"
        said_by = at.version.said.get(name, {}).get("by", at.version.by_id)
        return book.name(said_by) if said_by is not None else "the CRM import"

    def words(name: str, fields: Fields) -> str:
        value = getattr(fields, name)
        if name == "next_owner":
            return book.name(value)
        if name == "amount":
            return "unknown" if value is None else format_money(value, at.version.currency)
        return f"{value:%d %b %Y}" if isinstance(value, date) else str(value or "empty")

    return tuple(Conflict(name, "", words(name, present), words(name, given.fields), who(name)) for name in names)


def _settle_action(session: AsyncSession, at: Situation, given: Given, applied: Applied, source: Source) -> str:
    """Close the last action when it is done or dropped; the text of a completed one, else empty."""
    action = at.action
    if action is None or given.outcome == Outcome.OPEN:
        return ""
    if given.action_id is not None and action.id != given.action_id:
        return ""  # somebody settled the one this form showed; the conflict check has spoken about its fields
    action.state = given.outcome
    action.closed_at, action.closed_by_id = source.at, source.by_id
    action.close_note = clean(given.drop_reason)
    applied.add("last_action", {"text": action.text, "due": action.due.isoformat()}, given.outcome)
    if given.drop_reason:
        applied.changed["last_action"]["why"] = clean(given.drop_reason)
    changes.note(session, "next_action", action.id, "state", "open", given.outcome, by_id=source.by_id,
                 source=source.name, at=source.at, reason=clean(given.drop_reason))  # fmt: skip
    return action.text if given.outcome == Outcome.DONE else ""


async def _set_action(
    session: AsyncSession, at: Situation, given: Given, wanted: Mapping[str, Any], applied: Applied, source: Source
) -> None:
    fields, action = given.fields, at.action
    if action is None or action.state != "open":
        if fields.next_owner is None or fields.next_due is None:
            return
        row = {
            "deal_id": at.deal.id,
            "text": clean(fields.next_text),
            "owner_id": fields.next_owner,
            "due": fields.next_due,
            "shared_text": clean(fields.shared_text),
            "opened_at": source.at,
            "opened_by_id": source.by_id,
            "state": "open",
            "revision": 1,
            "close_note": "",
        }
        await session.execute(_ADD_ACTION, row)
        applied.add("next_action", None, {"text": clean(fields.next_text), "owner": fields.next_owner,
                                          "due": fields.next_due.isoformat()})  # fmt: skip
        return
    columns = {"next_text": "text", "next_owner": "owner_id", "next_due": "due", "shared_text": "shared_text"}
    for name, column in columns.items():
        if name not in wanted:
            continue
        before, after = getattr(action, column), wanted[name]
        after = clean(after) if isinstance(after, str) else after
        setattr(action, column, after)
        action.revision += 1
        applied.add(name, before, after)
        changes.note(session, "next_action", action.id, column, _plain(before), _plain(after), by_id=source.by_id,
                     source=source.name, at=source.at)  # fmt: skip


def _set_plain(
    session: AsyncSession, at: Situation, wanted: Mapping[str, Any], applied: Applied, source: Source
) -> None:
    for name in ("partner_owner", "help_needed"):
        if name in wanted:
            before, after = getattr(at.deal, name), clean(wanted[name])
            setattr(at.deal, name, after)
            applied.add(name, before, after)
            changes.note(session, "deal", at.deal.id, name, before, after, by_id=source.by_id, source=source.name,
                         at=source.at)  # fmt: skip


def _let_category_follow(wanted: dict[str, Any], present: Fields, policy: Policy) -> None:
    """A new stage brings its category along, unless a category was chosen too."""
    known = policy.stages.find(wanted["stage"]) if "stage" in wanted and "category" not in wanted else None
    if known is not None and known[1] != present.category:
        wanted["category"] = known[1].value


async def _set_standing(
    session: AsyncSession,
    at: Situation,
    wanted: dict[str, Any],
    applied: Applied,
    source: Source,
    policy: Policy,
    moves: tuple[Move, ...],
) -> None:
    """Stage, category, amount, close date: a dated statement beside the CRM's value, or the truth where we own it."""
    before = spoken(at.version)
    for name, value in wanted.items():
        applied.add(name, getattr(before, name), value)
    if not policy.crm_is_truth or at.deal.crm_id is None:
        values = dict(wanted)
    else:
        values = {"said": _said(at.version, wanted, source)}
    await deals.append_version(session, at.deal, at.version, values, source, stages=policy.stages, extra_moves=moves)


def _said(version: DealVersion, wanted: Mapping[str, Any], source: Source) -> dict[str, Any]:
    said = dict(version.said)
    for name, value in wanted.items():
        if value == getattr(version, name):
            said.pop(name, None)  # back in agreement with the CRM: nothing to mend
        else:
            said[name] = {"value": _plain(value), "at": source.at.isoformat(), "by": source.by_id}
    return said


async def touch(session: AsyncSession, at: Situation) -> None:
    """Everything that shows this deal wants to be shown anew."""
    concerned = {at.actor.id, at.version.owner_id, at.partner.pm_id if at.partner else None}
    await cards.touch(session, [at.occurrence.id], [person_id for person_id in concerned if person_id is not None])
    if at.deal.joint:
        await showing.touch_deal(session, at.deal.id)


async def record_no_change(
    session: AsyncSession,
    actor: Person,
    *,
    occurrence_id: int,
    deal_id: int,
    action_id: int,
    revision: int,
    now: datetime,
    policy: Policy,
) -> None:
    """One click: the action stands as it is. Refused when it is not what the button said any more."""
    at = await situation(session, actor, occurrence_id, deal_id, now=now, policy=policy)
    owner = await session.get(Person, at.action.owner_id) if at.action else None
    why = why_not_unchanged(at.action, at.today, owner, missing=at.deal.missing_since is not None)
    if at.action is not None and (at.action.id, at.action.revision) != (action_id, revision):
        why = "The next action has changed since this card was drawn."
    if why:
        raise UserError(f"{why} Answer with the form instead: nothing was saved.")
    await _append(session, at, "no_change", {}, now)
    await touch(session, at)


def why_not_unchanged(action: NextAction | None, today: date, owner: Person | None, *, missing: bool = False) -> str:
    """Why "no change" cannot be the answer: nothing to leave unchanged, overdue, its owner has left, or asked about."""
    if missing:
        return "This deal is not in the CRM's last export, and somebody has to say what became of it."
    if action is None:
        return "This deal has no next action yet."
    if action.due < today:
        return "Its next action is overdue."
    return "The owner of its next action has left." if people.why_no_owner(owner) else ""


async def still_open(
    session: AsyncSession, actor: Person, occurrence_ids: list[int], *, now: datetime, policy: Policy
) -> list[tuple[int, reviews.DealView]]:
    """(occurrence, deal) the actor has yet to answer for in these reviews, in the order of the reviews."""
    pairs = await reviews.scope(session, occurrence_ids)
    listed = await reviews.under_review(session, occurrence_ids, now=now, policy=policy, among=pairs)
    done = await reviews.answered(session, occurrence_ids)
    staff = await reviews.staff(session, policy)
    found: list[tuple[int, reviews.DealView]] = []
    for occurrence, cadence in pairs:
        mine = {
            deal_id
            for duty in reviews.duties(occurrence, cadence.pm_id, listed[occurrence.id], staff)
            if duty.responder_id == actor.id
            for deal_id in duty.deal_ids
        }
        found += [
            (occurrence.id, view)
            for view in listed[occurrence.id]
            if view.id in mine and view.id not in done[occurrence.id]
        ]
    return found
