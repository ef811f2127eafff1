"""The roll-up as it would be now: what the deals add up to, what people signed, what changed since it was last published."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from models import attribution
from models.domain.fiscal import Quarter
from models.domain.forecast.facts import (
    Bands,
    Changes,
    PmPart,
    Restatement,
    RollUpFacts,
    WeekFigure,
)
from models.domain.forecast.rates import MissingRate
from models.domain.forecast.ratios import attainment, coverage
from models.domain.policy import Policy
from models.forecast import (
    created,
    crediting,
    finding,
    gaps,
    history,
    numbers,
    quotas,
    rates,
    restating,
    signers,
    weeks,
)
from models.forecast.adding import Sums
from models.forecast.changed import Comparison
from models.forecast.counting import Line, lines
from models.forecast.looking import Found, look
from models.forecast.scope import Scope, scope_of
from models.forecast.tally import Lines
from models.forecast.team import Team
from models.imports import crm_as_of
from models.notes import is_stale
from models.tables import Snapshot


@dataclass(frozen=True)
class Frame:
    """What a roll-up is called: `kind`, `number` and `label` as of its snapshot. `weeks`: with the picture of its weeks."""

    kind: str = "draft"
    number: int = 0
    label: str = ""
    weeks: bool = True


async def draft(
    session: AsyncSession,
    quarter: Quarter,
    *,
    now: datetime,
    policy: Policy,
    partner_ids: Collection[int] | None = None,
    strict: bool = False,
    pictured: bool = False,
) -> RollUpFacts:
    """The roll-up of a quarter as of `now`, compared with the quarter's last snapshot. A constant number of statements.

    `partner_ids` restricts it to these partners' parts of their deals: sums, changes, targets and signatures of theirs alone,
    nothing from which another's could be worked out (no program target, shares, credit, landing or restatements). The caller has
    asked `may(…, Act.SEE_FORECAST, …)` of them. With a missing rate the facts say so in `blocked`, with empty bands: a part
    of the money is no total. `pictured` adds the bands of each week so far, which only pictures show: snapshots have them.

    Raises:
        MissingRate: with `strict`; names the deal, the currency and the date.
    """
    scope = await read_scope(session, quarter, now=now, policy=policy, partner_ids=partner_ids)
    facts, _ = await compose(session, scope, Frame(weeks=pictured), strict=strict)
    return facts


async def read_scope(
    session: AsyncSession,
    quarter: Quarter,
    *,
    now: datetime,
    policy: Policy,
    partner_ids: Collection[int] | None = None,
) -> Scope:
    """What a roll-up goes by: terms, rates, managers. Three statements."""
    ground = await attribution.ground(session, now=now, policy=policy)
    found = await rates.read(session, policy.currency)
    return await scope_of(session, quarter, ground=ground, rates=found, now=now, policy=policy, partner_ids=partner_ids)


async def add_up(session: AsyncSession, scope: Scope) -> Sums:
    """What the deals of a scope add up to."""
    sums, _, _ = await _look(session, scope)
    return sums


async def _look(session: AsyncSession, scope: Scope) -> tuple[Sums, list[Line], Found]:
    """What the deals add up to, those of them that are not simple, and what else was found on the way."""
    found = await look(session, scope)
    sums, others = Sums(scope), list[Line]()
    for cell in found.cells:
        sums.add_cell(cell)
    async for line in lines(session, scope, found.others):
        sums.add_line(line)
        others.append(line)
    return sums, others, found


def label_of(quarter: Quarter, today: date, policy: Policy) -> str:
    """`week 5` within the quarter's weeks, the date outside of them."""
    of, week = policy.fiscal.week_of(today)
    return f"week {week}" if of.label == quarter.label and today in quarter else f"{today.day} {today:%b %Y}"


@dataclass
class _Ground:
    """What a roll-up is put together from. `others` are the deals that are not simple, `missing` the first rate that is."""

    sums: Sums
    others: list[Line]
    found: Found
    targets: Mapping[int | None, int]
    restated: tuple[Restatement, ...]
    missing: MissingRate | None


async def compose(
    session: AsyncSession, scope: Scope, frame: Frame, *, strict: bool = False
) -> tuple[RollUpFacts, list[Line]]:
    """The facts of a scope, and its deals that are not simple, as they were converted. Raises MissingRate with `strict`."""
    ground = await _gather(session, scope)
    if ground.missing is not None and strict:
        raise ground.missing
    blocked = ground.missing is not None
    base = None if blocked else await _base(session, scope)
    team = await _team(session, scope, ground, base)
    pms = team.pms()
    program = Bands() if blocked else Bands.sum(pm.bands for pm in pms)
    facts = await _facts(session, scope, frame, ground, team, pms)
    if blocked:
        return facts, ground.others
    figures: dict[str, Any] = {
        "program": program,
        "by_kind": ground.sums.by_kind(),
        "by_currency": ground.sums.by_currency(),
        "rates": ground.sums.rates_used(),
        "changes": _changes(base, program, team.lines, scope) if base is not None else None,
        "weeks": (*await weeks.figures(session, scope), *_today(scope, program)) if frame.weeks else (),
    }
    if scope.partner_ids is None:
        figures |= await _of_the_program(session, scope, program, ground)
    return facts.model_copy(update=figures), ground.others


async def _gather(session: AsyncSession, scope: Scope) -> _Ground:
    """Add the deals up, and read what they are held against. The first rate that is missing is kept."""
    sums, others, found = await _look(session, scope)
    missing = sums.missing
    targets: Mapping[int | None, int] = {}
    restated: tuple[Restatement, ...] = ()
    try:
        targets = await quotas.quotas(
            session, scope.quarter, policy=scope.policy, rates=scope.rates, partner_ids=scope.partner_ids
        )
        restated = await restating.restated(session, scope) if scope.partner_ids is None else ()
        await _restatable(session, scope, restated)
    except MissingRate as error:
        missing = missing or error
    return _Ground(sums, others, found, targets, restated, missing)


async def _restatable(session: AsyncSession, scope: Scope, restated: Iterable[Restatement]) -> None:
    """Raise MissingRate where a restated quarter could not be frozen: a draft must not offer what publishing refuses."""
    for one in restated:
        of = finding.by_label(one.period, scope.rate_day, scope.policy)
        sums = await add_up(session, replace(scope, quarter=of)) if of is not None else None
        if sums is not None and sums.missing is not None:
            raise sums.missing


async def _base(session: AsyncSession, scope: Scope) -> Snapshot | None:
    """The snapshot to compare with. After a change of the reporting currency there is no difference to be named."""
    base = await finding.latest(session, scope.quarter.label)
    return base if base is not None and base.currency == scope.into else None


async def _team(session: AsyncSession, scope: Scope, ground: _Ground, base: Snapshot | None) -> Team:
    """Managers and partners, and what stands beside their deals."""
    period, ids = scope.quarter.label, scope.partner_ids
    signed = await numbers.signed(session, period, ids, currency=scope.into)
    adjusted = await numbers.adjusted(session, period, ids, currency=scope.into)
    changed = Lines()
    if base is not None:
        comparison = Comparison(scope, base, finding.facts_of(base))
        changed = await comparison.lines(session, deals=ground.sums.deals)
    return Team(
        scope=scope,
        sums=ground.sums,
        blocked=ground.missing is not None,
        signed={partner_id: numbers.signed_facts(row, scope.pms) for partner_id, row in signed.items()},
        adjusted={partner_id: numbers.adjusted_facts(row) for partner_id, row in adjusted.items()},
        quotas=ground.targets,
        lines=changed,
    )


async def _facts(
    session: AsyncSession, scope: Scope, frame: Frame, ground: _Ground, team: Team, pms: tuple[PmPart, ...]
) -> RollUpFacts:
    """What is said even where a missing rate leaves no totals."""
    quarter, sums = scope.quarter, ground.sums
    as_of = await crm_as_of(session)
    return RollUpFacts(
        period=quarter.label,
        first=quarter.first,
        last=quarter.last,
        kind=frame.kind,
        number=frame.number,
        label=frame.label or label_of(quarter, scope.rate_day, scope.policy),
        cut_off=scope.now,
        rate_day=scope.rate_day,
        currency=scope.into,
        program=Bands(),
        pms=pms,
        signed_commit=sum(pm.signed_commit for pm in pms),
        signed_best_case=sum(pm.signed_best_case for pm in pms),
        adjusted_commit=sum(part.commit or 0 for pm in pms for part in pm.partners),
        missing=team.missing(),
        not_expected=team.not_expected(),
        terms=scope.ground.terms,
        crm_as_of=as_of,
        crm_stale=is_stale(as_of, scope.now, scope.policy),
        closed=await finding.closed(session, quarter.label) is not None,
        accuracy=await signers.accuracies(session, scope),
        gaps=await gaps.gaps(
            session,
            scope,
            undated=ground.found.undated,
            unknown=sums.unknown,
            unowned=sums.unowned,
            unattributed=sums.unattributed,
        ),
        blocked=str(ground.missing or ""),
    )


async def _of_the_program(
    session: AsyncSession, scope: Scope, program: Bands, ground: _Ground
) -> dict[str, Any]:  # fmt: skip
    """What only those see who may see every partner."""
    partner_share, total_share = await created.shares(session, scope, ground.found)
    target = ground.targets.get(None)
    return {
        "restatements": ground.restated,
        "quota": target,
        "attainment": attainment(program.won, target),
        "coverage": coverage(program.open, target, program.won),
        "partner_share": partner_share,
        "total_share": total_share,
        "credit": await crediting.earned(session, scope, ground.others),
        "landing": await history.predicted(session, scope, program.won, ground.others),
    }


def _changes(base: Snapshot, program: Bands, found: Lines, scope: Scope) -> Changes:
    """Where only some partners may be seen, what was before follows from what is and what changed."""
    listed = found.program()
    whole = finding.facts_of(base).program
    before = whole if scope.partner_ids is None else program - Bands.sum(line.bands for line in listed)
    return Changes(since=base.cut_off, since_label=base.label, before=before, after=program, lines=listed)


def _today(scope: Scope, program: Bands) -> tuple[WeekFigure, ...]:
    """The week that is not over stands at what it is."""
    return (WeekFigure(day=scope.rate_day, bands=program),) if scope.rate_day in scope.quarter else ()
