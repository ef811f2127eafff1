"""What people have signed, for the pages of a roll-up's meetings: commits, and the names below the published roll-up."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.crews import Crew
from models.domain.fiscal import Quarter
from models.domain.meetings import Ends, Place, Spec
from models.domain.minutes import Figure, Section, Signature
from models.domain.money import format_money
from models.domain.text import count
from models.forecast.asking import expected
from models.tables import Adjustment, Occurrence, Partner, SignedCommit, SignOff, Snapshot

SIGNERS = {Place.EXECUTIVE: ("cro", "cfo"), Place.LEADERSHIP: ("head",)}
"""Who signs a roll-up, by where it goes."""
MOST_NAMES = 8
WEEK = timedelta(days=6)
"""How far from its meeting a roll-up of the same week can have been published."""


async def commits(session: AsyncSession, quarter: Quarter, partners: Mapping[int, Partner]) -> Section:
    """The signed commits of a quarter added up, adjusted ones beside them, and whose are missing: not zero, missing."""
    newest = select(SignedCommit).where(SignedCommit.id.in_(_newest(SignedCommit, quarter.label)))
    signed = list(await session.scalars(newest.order_by(SignedCommit.id)))
    others = await session.scalars(select(Adjustment).where(Adjustment.id.in_(_newest(Adjustment, quarter.label))))
    rows = [one for one in others if one.commit is not None]
    adjusted = {one.partner_id: one.commit or 0 for one in rows}
    due = (await expected(session, [quarter]))[quarter.label]
    title = f"Signed commits of {quarter.label}"
    there = {one.partner_id for one in signed}
    missing = sorted(partners[one].name for one in due if one not in there and one in partners)
    if not signed:
        return Section(title=title, nothing=f"Nobody has signed yet; {count(len(missing), 'number')} are expected.")
    sums: dict[str, list[int]] = {}
    for row in signed:
        total = sums.setdefault(row.currency, [0, 0, 0])
        total[0] += row.commit
        total[1] += row.best_case
        total[2] += adjusted.pop(row.partner_id, row.commit)
    for one in rows:  # a number of the head's counts where nobody has signed as well
        sums.setdefault(one.currency, [0, 0, 0])[2] += adjusted.get(one.partner_id, 0)
    figures = [
        Figure(label="signed commit", said=_said(sums, 0, f"by {count(len(there), 'partner')}")),
        Figure(label="signed best case", said=_said(sums, 1)),
    ]
    if rows:
        figures.append(Figure(label="commit as adjusted by the head", said=_said(sums, 2)))
    if missing:
        more = f" and {len(missing) - MOST_NAMES} more" if len(missing) > MOST_NAMES else ""
        figures.append(Figure(label="not submitted, which is not zero", said=", ".join(missing[:MOST_NAMES]) + more))
    return Section(title=title, figures=tuple(figures))


def _said(sums: Mapping[str, Sequence[int]], place: int, tail: str = "") -> str:
    money = " + ".join(format_money(total[place], currency) for currency, total in sums.items())
    return f"{money} {tail}".strip()


def _newest(table: type[SignedCommit] | type[Adjustment], period: str) -> Select[int]:
    return select(func.max(table.id)).where(table.period == period).group_by(table.partner_id)


async def signatures(
    session: AsyncSession, spec: Spec, crew: Crew, occurrence: Occurrence, quarter: Quarter
) -> tuple[Signature, ...]:
    """Who has to sign this roll-up, and who has: the head by publishing it in its week, CRO and CFO by signing it off."""
    if spec.ends_in != Ends.SIGNATURES:
        return ()
    roles: Sequence[str] = SIGNERS.get(Place(spec.channel), ()) if spec.channel in tuple(Place) else ()
    published = await session.scalar(
        select(Snapshot)
        .where(
            Snapshot.period == quarter.label,
            Snapshot.kind == "roll_up",
            Snapshot.cut_off >= occurrence.starts_at - WEEK,
            Snapshot.cut_off <= occurrence.starts_at + WEEK,
        )
        .order_by(Snapshot.number.desc())
        .limit(1)
    )
    signed: dict[str, tuple[int, datetime]] = {}
    if published is not None:
        signed["head"] = published.made_by_id, published.cut_off
        for off in await session.scalars(select(SignOff).where(SignOff.snapshot_id == published.id)):
            signed[off.role] = off.person_id, off.at
    return tuple(
        Signature(role=role, person_id=signed[role][0], at=signed[role][1])
        if role in signed
        else Signature(role=role, person_id=next(iter(crew.by_role.get(role, ())), None))
        for role in roles or (spec.lead,)
    )
