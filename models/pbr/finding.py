"""Which PBRs there are: of whom, of which months, and which one is meant."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import people
from models.cadences import AHEAD
from models.domain import pbr as domain
from models.domain.errors import UserError
from models.domain.policy import Policy
from models.domain.rights import Act, Subject, may, require
from models.domain.text import clip, key, near
from models.domain.zones import local_date, zone
from models.notes import INTERNAL
from models.pbr.stored import KIND
from models.tables import Artifact, Cadence, Occurrence, Partner, Person

GONE = "This PBR does not exist any more; `/pbr` lists those there are."
TURN_ON = "turn on “Monthly partner business review” in `/cadence`, under Meetings of the quarter."
LONGEST_NAME = 80


@dataclass(frozen=True)
class Month:
    """One PBR of a partner. `versions`: how many were published."""

    occurrence: Occurrence
    month: date
    versions: int


@dataclass(frozen=True)
class Found:
    """What the words behind `/pbr` mean: one partner (and perhaps a month as typed), or several, or the nearest names."""

    partner: Partner | None = None
    month: str = ""
    hits: tuple[Partner, ...] = ()
    near: tuple[str, ...] = ()


async def visible(session: AsyncSession, actor: Person, *, now: datetime, policy: Policy) -> list[Partner]:
    """The partners whose PBRs the actor may see, by name."""
    covers = await people.covers(session, now=now, policy=policy)
    who = people.as_actor(actor)
    rows = await session.scalars(select(Partner).order_by(Partner.name, Partner.id))
    return [row for row in rows if may(who, Act.SEE_PARTNER, Subject(pm_id=row.pm_id, covers=covers)).allowed]


async def find(session: AsyncSession, actor: Person, query: str, *, now: datetime, policy: Policy) -> Found:
    """The partner these words name, among those the actor may see; the last word may be a month.

    Raises NotAllowed with who can where they name a partner of somebody else.
    """
    mine = await visible(session, actor, now=now, policy=policy)
    rest, _, last = query.strip().rpartition(" ")
    readings = [(query.strip(), ""), *([(rest, last)] if rest and domain.looks_like_month(last) else [])]
    for words, month in readings:
        hits = _hits(words, mine)
        if len(hits) == 1:
            return Found(partner=hits[0], month=month)
        if hits:
            return Found(month=month, hits=tuple(hits))
    everyone = list(await session.scalars(select(Partner).order_by(Partner.name, Partner.id)))
    for words, _ in readings:
        for other in _hits(words, everyone)[:1]:
            subject = await people.subject_of(session, partner=other, now=now, policy=policy)
            require(may(people.as_actor(actor), Act.SEE_PARTNER, subject))
    words = readings[-1][0]
    return Found(month=readings[-1][1], near=tuple(near(words, [partner.name for partner in mine])))


def _hits(words: str, partners: Iterable[Partner]) -> list[Partner]:
    """The partner of exactly this name, else those with the words in theirs."""
    wanted = key(words)
    listed = [partner for partner in partners if wanted in partner.key]
    return [partner for partner in listed if partner.key == wanted] or listed


async def months(session: AsyncSession, partner: Partner) -> list[Month]:
    """Every PBR with this partner, held or not, newest first."""
    counted = (
        select(Artifact.occurrence_id, func.count().label("versions"))
        .where(Artifact.kind == KIND, Artifact.audience == INTERNAL)
        .group_by(Artifact.occurrence_id)
        .subquery()
    )
    rows = await session.execute(
        select(Occurrence, counted.c.versions)
        .join(Cadence, Cadence.id == Occurrence.cadence_id)
        .outerjoin(counted, counted.c.occurrence_id == Occurrence.id)
        .where(Cadence.kind == KIND, Cadence.partner_id == partner.id)
        .order_by(Occurrence.slot.desc(), Occurrence.id.desc())
    )
    return [Month(occurrence, domain.reviewed(occurrence.slot), versions or 0) for occurrence, versions in rows]


async def current(session: AsyncSession, partner_id: int, now: datetime) -> Occurrence | None:
    """The PBR somebody means who says no month; None when there never was one with this partner."""
    return (await current_of(session, [partner_id], now)).get(partner_id)


async def current_of(session: AsyncSession, partner_ids: Collection[int], now: datetime) -> dict[int, Occurrence]:
    """By partner: the oldest that began and is not closed, else the next one, else the last there was."""
    rows = await session.execute(
        select(Cadence.partner_id, Occurrence)
        .join(Occurrence, Occurrence.cadence_id == Cadence.id)
        .where(Cadence.kind == KIND, Cadence.partner_id.in_(partner_ids))
        .order_by(Occurrence.starts_at, Occurrence.id)
    )
    listed: dict[int, list[Occurrence]] = {}
    for partner_id, occurrence in rows:
        listed.setdefault(partner_id or 0, []).append(occurrence)
    return {partner_id: _meant(found, now) for partner_id, found in listed.items()}


def _meant(oldest_first: list[Occurrence], now: datetime) -> Occurrence:
    ahead = [one for one in oldest_first if one.state in AHEAD and one.closed_at is None]
    begun = [one for one in ahead if one.starts_at <= now]
    return (begun or ahead or oldest_first[-1:])[0]


async def of_month(session: AsyncSession, partner: Partner, month: str, *, now: datetime, policy: Policy) -> Occurrence:
    """The PBR that reviews this month, as `2026-10`. Raises UserError: no month, still to come, or none was planned."""
    listed = await months(session, partner)
    if not listed:
        raise refuse_absent(partner)
    wanted = domain.month_of(month)
    for one in listed:
        if one.month == wanted:
            return one.occurrence
    today = local_date(now, zone(policy.zone))
    raise domain.refuse_month(clip(month, 30), clip(partner.name, LONGEST_NAME), [one.month for one in listed], today)


def refuse_absent(partner: Partner) -> UserError:
    """Why a partner has no PBR, and what to do about it."""
    name = clip(partner.name, LONGEST_NAME)
    if partner.tier_in_force != 1:
        return UserError(
            f"{name} is Tier {partner.tier_in_force}: a PBR is for Tier 1 partners. Raise its tier in `/cadence start`, "
            f"under Partners; if PBRs are off, {TURN_ON}"
        )
    return UserError(f"There is no PBR with {name} yet: {TURN_ON}")


async def read(session: AsyncSession, occurrence_id: int) -> tuple[Occurrence, Cadence, Partner]:
    """One PBR. Raises UserError when it is gone, or is no PBR."""
    return await _whole(session, await session.get(Occurrence, occurrence_id))


async def lock(session: AsyncSession, occurrence_id: int) -> tuple[Occurrence, Cadence, Partner]:
    """The same, held until the transaction ends."""
    found = await session.scalars(select(Occurrence).where(Occurrence.id == occurrence_id).with_for_update())
    return await _whole(session, found.one_or_none())


async def _whole(session: AsyncSession, occurrence: Occurrence | None) -> tuple[Occurrence, Cadence, Partner]:
    cadence = await session.get(Cadence, occurrence.cadence_id) if occurrence is not None else None
    if occurrence is None or cadence is None or cadence.kind != KIND or cadence.partner_id is None:
        raise UserError(GONE)
    return occurrence, cadence, await session.get_one(Partner, cadence.partner_id)
