"""Signing: a partner manager attaches their name to a number for a partner and a quarter. A later row amends."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import people
from models.domain.errors import Conflict, FieldErrors, Stale, UserError
from models.domain.fiscal import Quarter
from models.domain.forecast.facts import Bands, SignedFacts
from models.domain.money import format_money, parse_amount
from models.domain.policy import Policy
from models.domain.rights import Act, Subject, may, require
from models.domain.text import clip
from models.domain.zones import local_date, zone
from models.forecast import finding, numbers
from models.forecast.counting import people_named
from models.forecast.holding import hold
from models.forecast.reading import add_up, read_scope
from models.tables import Partner, Person, SignedCommit

_LONGEST = 30


@dataclass(frozen=True)
class Number:
    """What somebody signs for one partner, closed-won included, in minor units of the reporting currency."""

    partner_id: int
    commit: int
    best_case: int


@dataclass(frozen=True)
class Mine:
    """A partner that somebody signs for. `signature_id`: the latest signature (0: none), to be given back as `shown`.

    `for_id` is the manager they sign for where they are cover or head; None where the partner is their own (or nobody's).
    `deals_commit` and `deals_best_case` are what the deals add up to, None where a rate is missing (`blocked` says which).
    `expected`: it has an open or won deal in the quarter; `deals` counts them, `unknown` those without an amount.
    """

    partner: Partner
    for_id: int | None
    expected: bool
    signature_id: int
    signed: SignedFacts | None
    deals_commit: int | None
    deals_best_case: int | None
    deals: int = 0
    unknown: int = 0
    blocked: str = ""


def numbers_of(typed: Mapping[int, tuple[str, str]], policy: Policy) -> list[Number]:
    """What was typed, by partner: commit and best case as texts. Partners with both left empty are left out.

    Raises:
        FieldErrors: on `commit_{partner_id}` or `best_case_{partner_id}`: no amount, negative, best case below commit, or one
            of the two is missing.
    """
    errors: dict[str, str] = {}
    found: list[Number] = []
    for partner_id, texts in typed.items():
        amounts: list[int | None] = []
        for name, text in zip(("commit", "best_case"), texts, strict=True):
            try:
                amounts.append(parse_amount(text, policy.currency))
            except ValueError as error:
                errors[f"{name}_{partner_id}"] = str(error)
        if len(amounts) < len(texts) or amounts == [None, None]:
            continue
        commit, best_case = amounts
        if commit is None:
            errors[f"commit_{partner_id}"] = "Write the commit too: both numbers are signed together."
        elif best_case is None:
            errors[f"best_case_{partner_id}"] = "Write the best case too: both numbers are signed together."
        else:
            found.append(Number(partner_id, commit, best_case))
    errors |= _wrong(found, policy)
    if errors:
        raise FieldErrors(errors)
    return found


async def mine(
    session: AsyncSession, actor: Person, quarter: Quarter, *, now: datetime, policy: Policy
) -> list[Mine]:  # fmt: skip
    """The partners the actor signs for (own, as cover, as head all), expected ones first, then by name.

    Raises:
        NotAllowed: they sign for none; says who does.
    """
    covers = await people.covers(session, now=now, policy=policy)
    who = people.as_actor(actor)
    rows = await session.scalars(select(Partner).order_by(Partner.name, Partner.id))
    partners = [
        row for row in rows if may(who, Act.SIGN_COMMIT, Subject(pm_id=row.pm_id, covers=covers)).allowed
    ]  # fmt: skip
    if not partners:
        require(may(who, Act.SIGN_COMMIT, Subject()))
        raise UserError("There is no partner yet. Add one in `/cadence start`.")
    ids = [partner.id for partner in partners]
    scope = await read_scope(session, quarter, now=now, policy=policy, partner_ids=ids)
    sums = await add_up(session, scope)
    signed = await numbers.signed(session, quarter.label, ids, currency=policy.currency)
    bands, blocked = sums.by_partner(), str(sums.missing or "")
    found = [
        _mine(partner, actor, bands.get(partner.id, Bands()), signed.get(partner.id), scope.pms, blocked)
        for partner in partners
    ]
    return sorted(found, key=lambda one: not one.expected)


def _mine(
    partner: Partner, actor: Person, bands: Bands, signed: SignedCommit | None, pms: Mapping[int, int | None],
    blocked: str,
) -> Mine:  # fmt: skip
    return Mine(
        partner=partner,
        for_id=_behalf(partner, actor),
        expected=bool(bands.deals),
        signature_id=signed.id if signed is not None else 0,
        signed=numbers.signed_facts(signed, pms) if signed is not None else None,
        deals_commit=None if blocked else bands.won + bands.commit,
        deals_best_case=None if blocked else bands.won + bands.commit + bands.best_case,
        deals=bands.deals,
        unknown=bands.unknown,
        blocked=blocked,
    )


def _behalf(partner: Partner, actor: Person) -> int | None:
    """Whose number it is where the actor signs for somebody."""
    return partner.pm_id if partner.pm_id != actor.id else None


async def open_quarter(session: AsyncSession, label: str, *, now: datetime, policy: Policy) -> Quarter:
    """The quarter of this label, if numbers for it can still be signed.

    Raises:
        UserError: there is none, it is closed, or it begins after the next one.
    """
    today = local_date(now, zone(policy.zone))
    quarter = finding.by_label(label, today, policy)
    this = policy.fiscal.quarter_of(today)
    following = policy.fiscal.next(this)
    if quarter is None:
        raise UserError(
            f"“{clip(label, _LONGEST)}” is no quarter. Numbers are signed for {this.label} and {following.label}."
        )
    await finding.refuse_closed(session, quarter)
    if quarter.first > following.last:
        raise UserError(f"{quarter.label} is too far ahead: numbers are signed for {this.label} and {following.label}.")
    return quarter


async def sign(
    session: AsyncSession, actor: Person, period_label: str, numbers_: Collection[Number], shown: Mapping[int, int], *,
    now: datetime, policy: Policy,
) -> list[SignedCommit]:  # fmt: skip
    """Store what differs from the latest signature or is signed on another day, each under the actor's name; maybe nothing.

    `shown` is the latest signature's id that the form showed, by partner (0: none). A number that stands is stored anew where
    a manager signed it who has the partner no more: the new one takes it on.

    Raises:
        NotAllowed: a partner of somebody else; says who signs for it. Nothing was stored, of no partner.
        FieldErrors: on `commit_{partner_id}` or `best_case_{partner_id}`.
        Stale: somebody signed meanwhile; both values of each.
        MissingRate: what the deals add up to cannot be stored beside the number.
        UserError: no such quarter, one that is closed, or that begins after the next one.
    """
    await hold(session, now=now)
    quarter = await open_quarter(session, period_label, now=now, policy=policy)
    wanted = {number.partner_id: number for number in numbers_}
    partners = await _allowed(session, actor, list(wanted), now=now, policy=policy)
    errors = _wrong(wanted.values(), policy)
    if errors:
        raise FieldErrors(errors)
    present = await numbers.signed(session, quarter.label, list(wanted), currency=policy.currency)
    await _refuse_stale(session, wanted, shown, present, policy)
    today = local_date(now, zone(policy.zone))
    fresh = [
        number
        for number in wanted.values()
        if _is_new(number, present.get(number.partner_id), partners[number.partner_id], actor, today, policy)
    ]
    if not fresh:
        return []
    ids = [number.partner_id for number in fresh]
    scope = await read_scope(session, quarter, now=now, policy=policy, partner_ids=ids)
    sums = await add_up(session, scope)
    if sums.missing is not None:
        raise sums.missing
    bands = sums.by_partner()
    rows = [
        _row(partners[number.partner_id], number, bands.get(number.partner_id, Bands()), actor, quarter, now, policy)
        for number in fresh
    ]
    session.add_all(rows)
    await session.flush()
    return rows


def _row(
    partner: Partner, number: Number, bands: Bands, actor: Person, quarter: Quarter, now: datetime, policy: Policy
) -> SignedCommit:  # fmt: skip
    return SignedCommit(
        period=quarter.label, partner_id=partner.id, pm_id=partner.pm_id, by_id=actor.id,
        for_id=_behalf(partner, actor), at=now, currency=policy.currency, commit=number.commit,
        best_case=number.best_case, deals_commit=bands.won + bands.commit,
        deals_best_case=bands.won + bands.commit + bands.best_case,
    )  # fmt: skip


async def _allowed(
    session: AsyncSession, actor: Person, partner_ids: list[int], *, now: datetime, policy: Policy
) -> dict[int, Partner]:
    """The partners, each of which the actor may sign for."""
    rows = await session.scalars(select(Partner).where(Partner.id.in_(partner_ids)).order_by(Partner.id))
    partners = {row.id: row for row in rows}
    if len(partners) < len(set(partner_ids)):
        raise UserError("One of these partners does not exist any more. Open the form again.")
    covers = await people.covers(session, now=now, policy=policy)
    who = people.as_actor(actor)
    refused = [
        partner
        for partner in partners.values()
        if not may(who, Act.SIGN_COMMIT, Subject(pm_id=partner.pm_id, covers=covers)).allowed
    ]
    errors: dict[str, str] = {}
    for partner in refused:
        subject = await people.subject_of(session, partner=partner, now=now, policy=policy)
        verdict = may(who, Act.SIGN_COMMIT, subject)
        if len(refused) == len(partners):
            require(verdict)
        errors[f"commit_{partner.id}"] = (
            f"{partner.name}: {verdict.reason} Leave its two fields empty and sign the others."
        )
    if errors:  # a partner may have changed hands while the form was open
        raise FieldErrors(errors)
    return partners


def _wrong(found: Iterable[Number], policy: Policy) -> dict[str, str]:
    """What no number may be, by field."""
    errors: dict[str, str] = {}
    for number in found:
        if number.commit < 0:
            errors[f"commit_{number.partner_id}"] = "A commit is not below zero."
        if number.best_case < number.commit:
            errors[f"best_case_{number.partner_id}"] = (
                "The best case includes the commit: it is at least "
                f"{format_money(max(number.commit, 0), policy.currency)}."
            )
    return errors


def _is_new(
    number: Number, present: SignedCommit | None, partner: Partner, actor: Person, today: date, policy: Policy
) -> bool:
    """Another number, another manager, or another day: who signs again says that they still stand by it.

    A cover or the head signs the same number anew only in somebody else's stead, not because a day has passed.
    """
    if present is None or (present.commit, present.best_case) != (number.commit, number.best_case):
        return True
    if present.pm_id != partner.pm_id:
        return True
    if _behalf(partner, actor) is not None:
        return present.by_id != actor.id
    return local_date(present.at, zone(policy.zone)) < today


async def _refuse_stale(
    session: AsyncSession, wanted: Mapping[int, Number], shown: Mapping[int, int], present: Mapping[int, SignedCommit],
    policy: Policy,
) -> None:  # fmt: skip
    """Raise Stale where somebody signed since the form was shown, and said something else."""
    ids = [shown_id for shown_id in shown.values() if shown_id]
    rows = {row.id: row for row in await session.scalars(select(SignedCommit).where(SignedCommit.id.in_(ids)))}
    moved = {
        partner_id: now
        for partner_id, now in present.items()
        if partner_id in wanted and shown.get(partner_id, 0) != now.id
    }
    if not moved:
        return
    names = await people_named(session, (row.by_id for row in moved.values()))
    found: list[Conflict] = []
    for partner_id, now in moved.items():
        before, number = rows.get(shown.get(partner_id, 0)), wanted[partner_id]
        for field in ("commit", "best_case"):
            then = getattr(before, field) if before is not None else None
            if then != getattr(now, field):
                found.append(
                    Conflict(
                        field=f"{field}_{partner_id}",
                        shown=format_money(then, policy.currency) if then is not None else "not signed",
                        present=format_money(getattr(now, field), policy.currency),
                        typed=format_money(getattr(number, field), policy.currency),
                        by=names.get(now.by_id, ""),
                    )
                )
    if found:
        raise Stale(tuple(found))
