"""The roll-up as it would be now: what the deals add up to, what people signed, what changed since it was last published."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from models import attribution
from models.domain.fiscal import Quarter
from models.domain.forecast.facts import (
    AdjustedFacts,
    Bands,
    Changes,
    PartnerPart,
    PmPart,
    Restatement,
    RollUpFacts,
    SignedFacts,
    WeekFigure,
)
from models.domain.forecast.parts import REST
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
from models.forecast.counting import Found, Line, lines, look
from models.forecast.scope import Scope, scope_of
from models.forecast.tally import Lines
from models.imports import crm_as_of
from models.notes import is_stale
from models.tables import Snapshot

REST_NAME = "no partner's share"


@dataclass(frozen=True)
class Frame:
    """What a roll-up is called: `kind`, `number` and `label` as of its snapshot."""

    kind: str = "draft"
    number: int = 0
    label: str = ""


async def draft(
    session: AsyncSession,
    quarter: Quarter,
    *,
    now: datetime,
    policy: Policy,
    partner_ids: Collection[int] | None = None,
    strict: bool = False,
) -> RollUpFacts:
    """The roll-up of a quarter as of `now`, compared with the quarter's last snapshot. A constant number of statements.

    `partner_ids` restricts it to these partners' parts of their deals: sums, changes, targets and signatures of theirs alone,
    nothing from which another's could be worked out (no program target, shares, credit, landing or restatements). The caller has
    asked `may(…, Act.SEE_FORECAST, …)` of them. With a missing rate the facts say so in `blocked`, with empty bands: a part
    of the money is no total.

    Raises:
        MissingRate: with `strict`; names the deal, the currency and the date.
    """
    scope = await read_scope(session, quarter, now=now, policy=policy, partner_ids=partner_ids)
    facts, _ = await compose(session, scope, Frame(), strict=strict)
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
    return f"week {week}" if of.label == quarter.label and today in quarter else today.isoformat()


async def compose(
    session: AsyncSession, scope: Scope, frame: Frame, *, strict: bool = False
) -> tuple[RollUpFacts, list[Line]]:
    """The facts of a scope, and its deals that are not simple, as they were converted. Raises MissingRate with `strict`."""
    quarter, today = scope.quarter, scope.rate_day
    sums, others, found = await _look(session, scope)
    if sums.missing is not None and strict:
        raise sums.missing
    blocked = str(sums.missing or "")
    targets: Mapping[int | None, int] = {}
    restated: tuple[Restatement, ...] = ()
    try:
        targets = await quotas.quotas(session, quarter, policy=scope.policy, rates=scope.rates)
        restated = await restating.restated(session, scope) if scope.partner_ids is None else ()
    except MissingRate as error:
        if strict:
            raise
        blocked = blocked or str(error)
    team = _Team(
        scope=scope,
        sums=sums,
        blocked=bool(blocked),
        signed={
            partner_id: numbers.signed_facts(row, scope.pms)
            for partner_id, row in (
                await numbers.signed(session, quarter.label, scope.partner_ids, currency=scope.into)
            ).items()
        },
        adjusted={
            partner_id: numbers.adjusted_facts(row)
            for partner_id, row in (
                await numbers.adjusted(session, quarter.label, scope.partner_ids, currency=scope.into)
            ).items()
        },
        quotas=targets,
        lines=Lines(),
    )
    base = await finding.latest(session, quarter.label)
    if base is not None and base.currency != scope.into:
        base = None  # the reporting currency was changed since: there is no difference to be named
    if base is not None and not blocked:
        comparison = Comparison(scope, base, finding.facts_of(base))
        team.lines = await comparison.lines(session, deals=sum(counted[0] for counted in sums.counts.values()))
    pms = team.pms()
    program = Bands() if blocked else Bands.sum(pm.bands for pm in pms)
    as_of = await crm_as_of(session)
    facts = RollUpFacts(
        period=quarter.label,
        first=quarter.first,
        last=quarter.last,
        kind=frame.kind,
        number=frame.number,
        label=frame.label or label_of(quarter, today, scope.policy),
        cut_off=scope.now,
        rate_day=today,
        currency=scope.into,
        program=program,
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
            session, scope, undated=found.undated, unknown=sum(counted[1] for counted in sums.counts.values()), unowned=sums.unowned,
            unattributed=sum(cell[-2] for (kind, _), cell in sums.kinds.items() if not kind),
        ),
        blocked=blocked,
    )  # fmt: skip
    if blocked:
        return facts, others
    figures: dict[str, Any] = {
        "by_kind": sums.by_kind(),
        "by_currency": sums.by_currency(),
        "rates": sums.rates_used(),
        "changes": _changes(base, program, team.lines, scope) if base is not None else None,
        "weeks": (*await weeks.figures(session, scope), *_today(scope, program)),
    }
    if scope.partner_ids is None:
        figures |= {"restatements": restated}
        figures |= await _of_the_program(session, scope, program, targets.get(None), others, found)
    return facts.model_copy(update=figures), others


async def _of_the_program(
    session: AsyncSession, scope: Scope, program: Bands, target: int | None, others: Sequence[Line], found: Found
) -> dict[str, Any]:
    """What only those see who may see every partner."""
    partner_share, total_share = await created.shares(session, scope, found)
    return {
        "quota": target,
        "attainment": attainment(program.won, target),
        "coverage": coverage(program.open, target, program.won),
        "partner_share": partner_share,
        "total_share": total_share,
        "credit": await crediting.earned(session, scope, others),
        "landing": await history.predicted(session, scope, program.won, others),
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


@dataclass
class _Team:
    """Managers and partners, with all that stands beside them. `blocked`: nothing can be added up."""

    scope: Scope
    sums: Sums
    blocked: bool
    signed: Mapping[int, SignedFacts]
    adjusted: Mapping[int, AdjustedFacts]
    quotas: Mapping[int | None, int]
    lines: Lines

    def pms(self) -> tuple[PmPart, ...]:
        """The managers with the most money first, partners without a manager last."""
        places: dict[int | None, set[int]] = {pm_id: set() for pm_id in self.lines.pms}
        for pm_id, partner_id in self.sums.parts:
            places.setdefault(pm_id, set()).add(partner_id)
        named = {*self.signed, *self.adjusted, *(partner for partner in self.quotas if partner), *self.lines.partners}
        for partner_id in named:
            if self.scope.sees(partner_id):
                places.setdefault(self.scope.pms.get(partner_id), set()).add(partner_id)
        for pm_id in self.lines.rests:
            places.setdefault(pm_id, set()).add(REST)
        found = [self._pm(pm_id, partner_ids) for pm_id, partner_ids in places.items()]
        return tuple(sorted(found, key=lambda pm: (pm.pm_id is None, -pm.bands.total, pm.pm_id or 0)))

    def _pm(self, pm_id: int | None, partner_ids: Iterable[int]) -> PmPart:
        listed = [self._partner(pm_id, partner_id) for partner_id in partner_ids]
        listed.sort(key=lambda part: (part.partner_id == REST, -part.bands.total, part.name, part.partner_id))
        return PmPart(
            pm_id=pm_id,
            bands=Bands() if self.blocked else self.sums.pm_bands(pm_id),
            signed_commit=sum(part.signed.commit for part in listed if part.signed),
            signed_best_case=sum(part.signed.best_case for part in listed if part.signed),
            missing=sum(part.expected and part.signed is None for part in listed),
            changes=self.lines.pm(pm_id),
            partners=tuple(listed),
        )

    def _partner(self, pm_id: int | None, partner_id: int) -> PartnerPart:
        bands = Bands() if self.blocked else self.sums.bands(pm_id, partner_id)
        quota = self.quotas.get(partner_id)
        return PartnerPart(
            partner_id=partner_id,
            name=REST_NAME if partner_id == REST else self.scope.names.get(partner_id, ""),
            pm_id=pm_id,
            bands=bands,
            expected=partner_id in self.sums.expected,
            signed=self.signed.get(partner_id),
            adjusted=self.adjusted.get(partner_id),
            quota=quota,
            attainment=None if self.blocked else attainment(bands.won, quota),
            changes=self.lines.partner(partner_id, pm_id),
        )

    def missing(self) -> tuple[str, ...]:
        """Partners whose number is expected and not there."""
        return self._names(partner_id for partner_id in self.sums.expected if partner_id not in self.signed)

    def not_expected(self) -> tuple[str, ...]:
        """Partners without an open or won deal in the quarter."""
        there = self.sums.expected
        return self._names(one for one in self.scope.names if one not in there and self.scope.sees(one))

    def _names(self, partner_ids: Iterable[int]) -> tuple[str, ...]:
        return tuple(sorted(self.scope.names.get(partner_id, "") for partner_id in partner_ids))
