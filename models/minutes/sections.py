"""The topics of each kind of page, by what its row leaves behind. A row added later without figures has none.

What nobody records (costs, satisfaction, the market) is named as missing, never shown as zero.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import attribution
from models.attribution import sql
from models.deals import PRESENT
from models.domain.deals import OPEN, Attribution, Category
from models.domain.fiscal import Quarter
from models.domain.forecast.facts import AttributionState
from models.domain.meetings import Leaves
from models.domain.minutes import Figure, MeetingFacts, PartnerFigures, Section
from models.domain.notes import MoneySum
from models.domain.policy import Policy
from models.domain.text import count
from models.domain.zones import local_date, zone
from models.minutes import signed
from models.minutes.figures import Cell, Where, added, cells, closes, listed, of_category, of_partners
from models.tables import Cadence, Deal, DealVersion, Occurrence, Partner, Target

SUMS_OF_DEALS = "These are sums of deals; what partner managers sign stands in `/forecast` and the roll-up."
NO_COSTS = "Program ROI: no costs are recorded, so there is none."
NO_SATISFACTION = "Partner satisfaction: nobody has been asked."
NO_MARKET = "Market share: the market's size is not recorded."
BANDS = (("commit", Category.COMMIT), ("best case", Category.BEST_CASE), ("pipeline", Category.PIPELINE))
OPEN_VALUES = tuple(category.value for category in OPEN)
KINDS = (
    ("sourced", Attribution.SOURCED.value),
    ("influenced", Attribution.INFLUENCED.value),
    ("co-sold", Attribution.CO_SOLD.value),
    ("without attribution", ""),
)


@dataclass(frozen=True)
class Ground:
    """What sections are made from. `last` is the page of the meeting before, None for the first."""

    session: AsyncSession
    occurrence: Occurrence
    cadence: Cadence
    partners: Mapping[int, Partner]
    now: datetime
    policy: Policy
    last: MeetingFacts | None = None
    names: Mapping[int, str] = field(default_factory=dict)

    @property
    def today(self) -> date:
        return local_date(self.now, zone(self.policy.zone))

    @property
    def quarter(self) -> Quarter:
        """The fiscal quarter of the meeting's week where it is one of the quarter's weeks, else of its own day.

        A week belongs to the quarter of its Monday; a readout held on time shows the quarter it closes.
        """
        nominal = self.occurrence.nominal_day
        if "Q" in self.occurrence.slot and "-w" in self.occurrence.slot:
            return self.policy.fiscal.week_of(nominal - timedelta(days=nominal.weekday()))[0]
        return self.policy.fiscal.quarter_of(self.occurrence.day)

    @property
    def mine(self) -> list[int] | None:
        """The partner the meeting is about, or everybody."""
        return None if self.cadence.partner_id is None else [self.cadence.partner_id]

    def figure(
        self, label: str, found: list[Cell], only: Callable[[Cell], bool] = lambda _: True, *, of: str = ""
    ) -> Figure:
        """A sum beside what it was on the last page, of the meeting's own quarter unless told."""
        of = of or self.quarter.label
        before = self.last.figure(label, of) if self.last is not None else None
        return Figure(label=label, of=of, money=added(found, only), before=before)


@dataclass(frozen=True)
class Page:
    """The sections of a page, and what figures are not there yet."""

    sections: tuple[Section, ...] = ()
    absent: tuple[str, ...] = ()


async def team(ground: Ground) -> Page:
    """Last week's bookings, what is due to close this week, what changed in the quarter's forecast, risks, help."""
    monday = ground.occurrence.day - timedelta(days=ground.occurrence.day.weekday())
    sunday, day = monday + timedelta(days=6), timedelta(days=1)
    quarter = ground.quarter
    booked = await _list(
        ground, "Last week's bookings", DealVersion.category == Category.WON.value,
        closes(monday - timedelta(days=7), monday - day), nothing="Nothing was booked last week.", open_only=False,
    )  # fmt: skip
    due = await _list(
        ground, "Due to close this week", DealVersion.category.in_(OPEN_VALUES), closes(monday, sunday),
        nothing="No open deal closes this week.",
    )  # fmt: skip
    found = await cells(ground.session, closes(quarter.first, quarter.last))
    forecast = Section(title=f"{quarter.label} by close date", figures=tuple(_bands(ground, quarter, found)))
    late = await _list(
        ground, "Risks: past their close date", DealVersion.category.in_(OPEN_VALUES),
        DealVersion.close_date < ground.today, nothing="No open deal is past its close date.",
    )  # fmt: skip
    helped = await _list(
        ground, "Help needed", DealVersion.category.in_(OPEN_VALUES), Deal.help_needed != "",
        nothing="Nobody asks for help.",
    )  # fmt: skip
    return Page((booked, due, forecast, late, helped), (SUMS_OF_DEALS,))


async def forecast(ground: Ground) -> Page:
    """The partner's quarter, deal by deal: what the 1:1 validates."""
    quarter = ground.quarter
    inside = (closes(quarter.first, quarter.last), *of_partners(ground.mine))
    found = await cells(ground.session, *inside)
    figures = Section(title=f"{quarter.label} by close date", figures=tuple(_bands(ground, quarter, found)))
    deals = await _list(
        ground, "Deals that close this quarter", DealVersion.category.in_(OPEN_VALUES), *inside,
        nothing="No open deal closes this quarter.",
    )  # fmt: skip
    return Page((figures, deals), (SUMS_OF_DEALS,))


async def pipeline(ground: Ground) -> Page:
    """Next quarter's pipeline and the accounts both know."""
    quarter = ground.policy.fiscal.next(ground.quarter)
    inside = (closes(quarter.first, quarter.last), *of_partners(ground.mine))
    found = await cells(ground.session, *inside)
    figures = [ground.figure(label, found, of_category(category), of=quarter.label) for label, category in BANDS]
    dateless = await cells(
        ground.session,
        DealVersion.close_date.is_(None),
        DealVersion.category.in_(OPEN_VALUES),
        *of_partners(ground.mine),
    )
    if dateless:
        figures.append(ground.figure("open without a close date", dateless))
    targets = await ground.session.scalar(
        select(func.count())
        .select_from(Target)
        .where(Target.gone_at.is_(None), Target.partner_id.in_(ground.mine or []))
    )
    known = f"{count(targets, 'account')} both know" if targets else "no overlap has been imported"
    figures.append(Figure(label="targets", said=known))
    deals = await _list(
        ground, "Deals that close next quarter", DealVersion.category.in_(OPEN_VALUES), *inside,
        nothing="No open deal closes next quarter.",
    )  # fmt: skip
    return Page((Section(title=f"Pipeline of {quarter.label}", figures=tuple(figures)), deals))


async def pbr(ground: Ground) -> Page:
    """What a PBR's agenda shows of the month reviewed; its own page (`models.pbr`) shows all of it."""
    last = ground.occurrence.nominal_day.replace(day=1) - timedelta(days=1)
    mine = of_partners(ground.mine)
    alive = await _signed(ground, DealVersion.category.in_(OPEN_VALUES), *mine)
    month = await cells(ground.session, closes(last.replace(day=1), last), *mine)
    figures = [
        Figure(label="joint pipeline", money=added(alive)),
        *(Figure(label=label, money=added(alive, of_category(category))) for label, category in BANDS),
        *(Figure(label=label, money=part) for label, part in (*_parts(alive), *_states(alive))),
        Figure(label=f"won in {last:%B}", money=added(month, of_category(Category.WON))),
        Figure(label=f"lost in {last:%B}", money=added(month, of_category(Category.LOST))),
    ]
    return Page((Section(title=f"{last:%B %Y}", figures=tuple(figures)),))


def _parts(found: list[Cell]) -> list[tuple[str, tuple[MoneySum, ...]]]:
    """The sums by attribution, of those kinds that have deals."""
    parts = [(label, [cell for cell in found if cell.attribution == kind]) for label, kind in KINDS]
    return [(label, added(part)) for label, part in parts if part]


async def _signed(ground: Ground, *where: Where) -> list[Cell]:
    """Cells that say how far their deals' attribution is signed."""
    here = await attribution.ground(ground.session, now=ground.now, policy=ground.policy)
    state = sql.state(here.today, here.installed_on, here.days, ground.policy)
    return await cells(ground.session, *where, state=state)


def _states(found: list[Cell]) -> list[tuple[str, tuple[MoneySum, ...]]]:
    """The sums by how far attribution is signed, of those states that have deals."""
    parts = [(state.label, [cell for cell in found if cell.state == state]) for state in AttributionState]
    return [(f"of it {label}", added(part)) for label, part in parts if part]


async def roll_up(ground: Ground) -> Page:
    """The partner forecast of the quarter: the total, and each partner's part of it."""
    quarter = ground.quarter
    found = await _signed(ground, closes(quarter.first, quarter.last))
    total = Section(title=f"Partner forecast of {quarter.label}", figures=tuple(_bands(ground, quarter, found)))
    return Page(
        (
            await signed.commits(ground.session, quarter, ground.partners),
            total,
            _by_kind(found, quarter),
            _by_partner(ground, found),
        ),
    )


async def business(ground: Ground) -> Page:
    """What the program brings: revenue attribution, the sourced share of new pipeline, and what is not measured yet."""
    quarter = ground.quarter
    found = await _signed(ground, closes(quarter.first, quarter.last))
    won = Section(
        title=f"Closed won in {quarter.label}",
        figures=(ground.figure("closed won", found, of_category(Category.WON)), *_kinds(ground, found, Category.WON)),
    )
    fresh = await _new_pipeline(ground, quarter)
    recruited = sum(
        1 for row in ground.partners.values() if local_date(row.created_at, zone(ground.policy.zone)) in quarter
    )
    program = Section(
        title="Program",
        figures=(
            Figure(label="partners", said=f"{count(len(ground.partners), 'partner')}, {recruited} new this quarter"),
        ),
    )
    return Page((won, fresh, program), (NO_COSTS, NO_SATISFACTION))


async def goals(ground: Ground) -> Page:
    """Growth: closed won of partners this fiscal year to date, and in the same days of the year before."""
    quarter, day = ground.quarter, ground.occurrence.day
    first = ground.policy.fiscal.quarter(quarter.year, 1).first
    this_year = await cells(ground.session, closes(first, day), DealVersion.category == Category.WON.value)
    last_year = await cells(
        ground.session, closes(_year_before(first), _year_before(day)), DealVersion.category == Category.WON.value
    )
    section = Section(
        title="Closed won with partners",
        figures=(
            Figure(label="this fiscal year to date", money=added(this_year)),
            Figure(label="the same days a year ago", money=added(last_year))
            if last_year
            else Figure(label="the same days a year ago", said="nothing is recorded of them"),
            Figure(label="growth", said=_growth(added(this_year), added(last_year))),
        ),
    )
    return Page((section,), (NO_MARKET,))


async def readout(ground: Ground) -> Page:
    """Revenue produced in the quarter to date, and next quarter's forecast; of one partner, or of the program."""
    quarter = ground.quarter
    following = ground.policy.fiscal.next(quarter)
    mine = of_partners(ground.mine)
    found = await _signed(ground, closes(quarter.first, quarter.last), *mine)
    ahead = await cells(ground.session, closes(following.first, following.last), *mine)
    produced = Section(
        title=f"{quarter.label} to {ground.today:%d %b}",
        figures=(ground.figure("closed won", found, of_category(Category.WON)), *_kinds(ground, found, Category.WON),
                 *(ground.figure(label, found, of_category(category)) for label, category in BANDS)),
    )  # fmt: skip
    coming = Section(
        title=f"Forecast of {following.label}",
        figures=tuple(
            ground.figure(label, ahead, of_category(category), of=following.label) for label, category in BANDS
        ),
    )
    parts = (_by_partner(ground, found),) if ground.mine is None else ()
    return Page((produced, coming, *parts), (SUMS_OF_DEALS,))


def _bands(ground: Ground, quarter: Quarter, found: list[Cell]) -> list[Figure]:
    """Closed won, then the open categories: four lines that do not overlap."""
    won = ground.figure("closed won", found, of_category(Category.WON), of=quarter.label)
    return [won, *(ground.figure(label, found, of_category(band), of=quarter.label) for label, band in BANDS)]


def _kinds(ground: Ground, found: list[Cell], *categories: Category) -> list[Figure]:
    """The parts by attribution, those that have deals."""
    figures = []
    for label, kind in KINDS:
        part = [cell for cell in found if cell.attribution == kind and cell.category in categories]
        if part:
            figures.append(ground.figure(f"of it {label}", part))
    counted = [cell for cell in found if cell.category in categories]
    return [*figures, *(Figure(label=label, money=money) for label, money in _states(counted))]


def _by_kind(found: list[Cell], quarter: Quarter) -> Section:
    """Sourced, influenced and co-sold, closed and open together."""
    alive = [cell for cell in found if cell.category != Category.LOST]
    figures = [Figure(label=label, money=part) for label, part in (*_parts(alive), *_states(alive))]
    return Section(title=f"By attribution, {quarter.label}", figures=tuple(figures), nothing="No deal closes in it.")


def _by_partner(ground: Ground, found: list[Cell]) -> Section:
    """Each partner's figures, those with the most open and won first."""
    by_partner: dict[int, list[Cell]] = {}
    for cell in found:
        if cell.category != Category.LOST:
            by_partner.setdefault(cell.partner_id, []).append(cell)
    ranked = sorted(by_partner.items(), key=lambda item: (-sum(cell.amount for cell in item[1]), item[0]))
    figures = tuple(
        PartnerFigures(
            partner=ground.partners[partner_id].name,
            pm_id=ground.partners[partner_id].pm_id,
            won=added(part, of_category(Category.WON)),
            commit=added(part, of_category(Category.COMMIT)),
            best_case=added(part, of_category(Category.BEST_CASE)),
            pipeline=added(part, of_category(Category.PIPELINE)),
        )
        for partner_id, part in ranked
        if partner_id in ground.partners
    )
    return Section(title="By partner", partners=figures, nothing="No partner has a deal that closes in it.")


async def _new_pipeline(ground: Ground, quarter: Quarter) -> Section:
    """The sourced share of the pipeline created in the quarter: of partner pipeline, and of all where direct deals are known."""
    created = DealVersion.created_date.between(quarter.first, quarter.last)
    found = await cells(ground.session, created)
    sourced = [cell for cell in found if cell.attribution == Attribution.SOURCED]
    direct = await ground.session.execute(
        select(DealVersion.currency, func.coalesce(func.sum(DealVersion.amount), 0))
        .join(Deal, PRESENT)
        .where(DealVersion.partner_id.is_(None), created)
        .group_by(DealVersion.currency)
    )
    alone: dict[str, int] = {currency: int(amount or 0) for currency, amount in direct}
    figures = [ground.figure("new partner pipeline", found), ground.figure("of it sourced by partners", sourced)]
    for part in added(found):
        own = next((line.amount for line in added(sourced) if line.currency == part.currency), 0)
        if part.amount:
            figures.append(Figure(label=f"sourced share of partner pipeline ({part.currency})",
                                  said=f"{own / part.amount:.0%}"))  # fmt: skip
        if alone.get(part.currency):
            figures.append(Figure(label=f"sourced share of total new pipeline ({part.currency})",
                                  said=f"{own / (part.amount + alone[part.currency]):.0%}"))  # fmt: skip
    if not alone:
        figures.append(
            Figure(label="sourced share of total new pipeline", said="needs direct deals, none are imported")
        )
    return Section(title=f"Pipeline created in {quarter.label}", figures=tuple(figures))


def _year_before(day: date) -> date:
    """The same date a year ago; of a 29 February the day before it."""
    leap = (day.month, day.day) == (2, 29)
    return day.replace(year=day.year - 1, day=28 if leap else day.day)


def _growth(now: tuple[MoneySum, ...], before: tuple[MoneySum, ...]) -> str:
    was = {line.currency: line.amount for line in before}
    parts = [
        f"{(line.amount - was[line.currency]) / was[line.currency]:+.0%} in {line.currency}"
        for line in now
        if was.get(line.currency)
    ]
    return ", ".join(parts) or "cannot be said without last year's deals"


async def _list(ground: Ground, title: str, *where: Where, nothing: str, open_only: bool = True) -> Section:
    return await listed(
        ground.session, title, *where, names=ground.names, nothing=nothing, now=ground.now, policy=ground.policy,
        open_only=open_only,
    )  # fmt: skip


async def _nothing(_: Ground) -> Page:
    return Page()


SECTIONS: Mapping[str, Callable[[Ground], Awaitable[Page]]] = {
    Leaves.NOTE: _nothing,
    Leaves.NOTHING: _nothing,
    Leaves.TEAM: team,
    Leaves.FORECAST: forecast,
    Leaves.PIPELINE: pipeline,
    Leaves.PBR: pbr,
    Leaves.ROLL_UP: roll_up,
    Leaves.BUSINESS: business,
    Leaves.GOALS: goals,
    Leaves.READOUT: readout,
}
