"""The facts of a roll-up: frozen, versioned, with person ids where a name would grow stale.

All money is integer minor units of `RollUpFacts.currency` unless a field says otherwise; ratios are basis points.
"""

from collections.abc import Iterable
from datetime import date, datetime
from enum import StrEnum
from typing import Self

from pydantic import BaseModel, Field

from models.domain.deals import Attribution
from models.domain.notes import Frozen

WHOLE = 10_000
"""The whole in basis points."""


class AttributionState(StrEnum):
    """How far a deal's attribution is signed. `open`: nobody has, and there is time; `no_clock`: no touch is recorded yet."""

    SIGNED = "signed"
    LATE = "late"
    ONE_SIDED = "one_sided"
    OPEN = "open"
    OVERDUE = "overdue"
    NO_CLOCK = "no_clock"
    LEGACY = "legacy"

    @property
    def label(self) -> str:
        return STATE_LABELS[self]


STATE_LABELS = {
    AttributionState.SIGNED: "signed in time",
    AttributionState.LATE: "signed late",
    AttributionState.ONE_SIDED: "one signature",
    AttributionState.OPEN: "not signed yet",
    AttributionState.OVERDUE: "overdue",
    AttributionState.NO_CLOCK: "no touch recorded",
    AttributionState.LEGACY: "legacy",
}


class Bands(BaseModel):
    """Closed-won and the open categories, exclusive of one another. `unknown` of the `deals` have no amount."""

    model_config = Frozen
    won: int = 0
    commit: int = 0
    best_case: int = 0
    pipeline: int = 0
    deals: int = 0
    unknown: int = 0

    @property
    def open(self) -> int:
        """The open pipeline: commit, best case and pipeline together."""
        return self.commit + self.best_case + self.pipeline

    @property
    def total(self) -> int:
        return self.won + self.open

    def __add__(self, other: "Bands") -> "Bands":
        return Bands(**{name: getattr(self, name) + getattr(other, name) for name in type(self).model_fields})

    def __sub__(self, other: "Bands") -> "Bands":
        return Bands(**{name: getattr(self, name) - getattr(other, name) for name in type(self).model_fields})

    @classmethod
    def sum(cls, parts: Iterable["Bands"]) -> Self:
        sums = dict.fromkeys(cls.model_fields, 0)
        for part in parts:
            for name in sums:
                sums[name] += getattr(part, name)
        return cls(**sums)


class ChangeKind(StrEnum):
    """The lines of what changed, in the order in which a deal's difference is split over them."""

    NEW = "new"
    WON = "won"
    LOST = "lost"
    REOPENED = "reopened"
    REASSIGNED = "reassigned"
    RECATEGORISED = "recategorised"
    PUSHED_OUT = "pushed_out"
    PULLED_IN = "pulled_in"
    BIGGER = "bigger"
    SMALLER = "smaller"
    RATE = "rate"

    @property
    def label(self) -> str:
        return self.value.replace("_", " ")


class ChangeLine(BaseModel):
    """One line of what changed: by how much each band differs, and how many deals stand on it.

    `bands.deals` and `bands.unknown` are differences like the money: deals that came in, less those that went out.
    """

    model_config = Frozen
    kind: ChangeKind
    bands: Bands
    deals: int


class Changes(BaseModel):
    """What changed since an earlier snapshot of the same quarter. `before` plus the lines is `after`, band by band."""

    model_config = Frozen
    since: datetime
    since_label: str
    before: Bands
    after: Bands
    lines: tuple[ChangeLine, ...] = ()


class SignedFacts(BaseModel):
    """A signed commit, closed-won included. `for_id`: whose number it is where somebody signed for them.

    `former`: it was signed by a manager the partner no longer has, and the new one has not signed again.
    """

    model_config = Frozen
    commit: int
    best_case: int
    by_id: int
    for_id: int | None
    at: datetime
    deals_commit: int
    deals_best_case: int
    former: bool = False


class AdjustedFacts(BaseModel):
    model_config = Frozen
    commit: int
    reason: str
    by_id: int
    at: datetime


class PartnerPart(BaseModel):
    """One partner's quarter: its shares of its deals. `expected`: it has an open or won deal in the period, so a number is.

    `partner_id` 0 is the rest of deals that is no partner's share. Not submitted (`signed` None) is not zero.
    """

    model_config = Frozen
    partner_id: int
    name: str
    pm_id: int | None
    bands: Bands
    expected: bool = True
    signed: SignedFacts | None = None
    adjusted: AdjustedFacts | None = None
    quota: int | None = None
    attainment: int | None = None
    changes: tuple[ChangeLine, ...] = ()

    @property
    def commit(self) -> int | None:
        """The number that counts: the head's where there is one, else the signed one; None where nobody signed."""
        if self.adjusted is not None:
            return self.adjusted.commit
        return self.signed.commit if self.signed is not None else None

    @property
    def best_case(self) -> int | None:
        """The signed best case, never below the commit that counts; None where nobody signed."""
        if self.commit is None:
            return None
        return max(self.commit, self.signed.best_case if self.signed is not None else 0)


class PmPart(BaseModel):
    """One partner manager's quarter: the sum of their partners'. `pm_id` None: partners that have no manager."""

    model_config = Frozen
    pm_id: int | None
    bands: Bands
    signed_commit: int = 0
    signed_best_case: int = 0
    missing: int = 0
    changes: tuple[ChangeLine, ...] = ()
    partners: tuple[PartnerPart, ...] = ()


class StatePart(BaseModel):
    """The deals of one kind whose attribution is in one state."""

    model_config = Frozen
    state: AttributionState
    bands: Bands


class KindPart(BaseModel):
    """The deals of one kind of attribution ("": none is known), and how far they are signed."""

    model_config = Frozen
    kind: Attribution
    bands: Bands
    states: tuple[StatePart, ...] = ()


class CurrencyPart(BaseModel):
    """The deals in one currency: as they are (`original`, in its minor units) and converted."""

    model_config = Frozen
    currency: str
    original: Bands
    converted: Bands


class RateUsed(BaseModel):
    """A rate that deals were converted with: one `currency` is `rate` of the roll-up's, as of `day`, entered for `from_day`."""

    model_config = Frozen
    currency: str
    day: date
    from_day: date
    rate: str
    deals: int


class Coverage(BaseModel):
    """Open pipeline ÷ (target − closed), in basis points; `reached` when the target is. None of both: no target."""

    model_config = Frozen
    reached: bool = False
    basis_points: int | None = None


class Share(BaseModel):
    """A part of a whole, always named in full. `basis_points` None: there is nothing to divide by, and `why` says so."""

    model_config = Frozen
    part: int
    whole: int
    basis_points: int | None
    why: str = ""


class CreditFacts(BaseModel):
    """An AE's quota credit of deals won in the quarter. `unsigned` is the part that rests on fewer than two signatures."""

    model_config = Frozen
    person_id: int | None
    won: int
    credit: int
    unsigned: int
    deals: int


class AccuracyFacts(BaseModel):
    """What one signer signed for a closed quarter, and what closed. `basis_points` None: both were 0, so it is not rated."""

    model_config = Frozen
    person_id: int
    period: str
    signed: int
    closed: int
    basis_points: int | None
    partners: int


class Landing(BaseModel):
    """The range in which the quarter's closed-won is expected to end, from the team's own past quarters.

    `p10` and `p90` hold the middle four of five outcomes. It rests on `deals` past deals of `quarters` quarters; of `tried`
    past ranges, made of what was known then, `held` held. Empty (`why` says why) when it would rest on too little.
    """

    model_config = Frozen
    p10: int = 0
    p50: int = 0
    p90: int = 0
    deals: int = 0
    quarters: int = 0
    tried: int = 0
    held: int = 0
    why: str = ""

    @property
    def shown(self) -> bool:
        return not self.why


class Restatement(BaseModel):
    """A closed quarter whose closed-won is not what was signed off: what was, what is, and the lines between."""

    model_config = Frozen
    period: str
    closed_at: datetime
    before: int
    after: int
    lines: tuple[ChangeLine, ...] = ()


class Gap(BaseModel):
    """Something a deal lacks. `what`: amount, close date, owner or attribution. `names`: the largest few of `deals`."""

    model_config = Frozen
    what: str
    deals: int
    names: tuple[str, ...] = ()


class Ratios(BaseModel):
    """AE quota credit by kind, in basis points of what was won."""

    model_config = Frozen
    sourced: int = Field(10_000, ge=0, le=WHOLE)
    influenced: int = Field(5_000, ge=0, le=WHOLE)
    co_sold: int = Field(5_000, ge=0, le=WHOLE)

    def of(self, kind: str) -> int:
        """The ratio of a kind; 0 where none is known."""
        return int(getattr(self, kind, 0)) if kind else 0


class Terms(BaseModel):
    """Definitions, ratios and thresholds: written down, versioned, printed on every roll-up, changed by CRO or CFO.

    `attribution_days` is the time for both signatures; `close_days` the working days after a quarter's end by which the CFO
    closes it; `resign_days` the working days in which a new partner manager signs again; `landing_deals` and
    `landing_quarters` what a predicted landing has to rest on at least.
    """

    model_config = Frozen
    version: int = 1
    since: date | None = None
    by_id: int | None = None
    sourced: str = "The partner brought the lead."
    influenced: str = "The partner touched an existing opportunity in a measurable way."
    co_sold: str = "Partner and AE worked the deal jointly in a defined motion."
    ratios: Ratios = Ratios()
    attribution_days: int = Field(14, ge=1, le=90)
    close_days: int = Field(5, ge=1, le=30)
    resign_days: int = Field(5, ge=1, le=30)
    landing_deals: int = Field(40, ge=10, le=10_000)
    landing_quarters: int = Field(4, ge=2, le=40)

    def definition(self, kind: Attribution) -> str:
        return str(getattr(self, kind.value)) if kind else ""


class WeekFigure(BaseModel):
    """The quarter's bands as they stood at the end of a day: a point of the picture of pipeline by week."""

    model_config = Frozen
    day: date
    bands: Bands


class RollUpFacts(BaseModel):
    """A roll-up of one fiscal quarter. `kind`: draft (nobody has published it), roll_up, closing or restatement.

    `program` is the sum of `pms`, each the sum of its partners; `by_kind` and `by_currency` divide the same sum. Signed and
    adjusted commits stand beside it, `missing` names partners whose number is expected and not there, `not_expected` those
    without open or won deals in the period. `blocked` says which exchange rate is missing: then there are no totals.
    """

    model_config = Frozen
    schema_version: int = 1
    period: str
    first: date
    last: date
    kind: str = "draft"
    label: str
    number: int = 0
    cut_off: datetime
    rate_day: date
    currency: str
    program: Bands
    pms: tuple[PmPart, ...] = ()
    by_kind: tuple[KindPart, ...] = ()
    by_currency: tuple[CurrencyPart, ...] = ()
    rates: tuple[RateUsed, ...] = ()
    signed_commit: int = 0
    signed_best_case: int = 0
    adjusted_commit: int = 0
    missing: tuple[str, ...] = ()
    not_expected: tuple[str, ...] = ()
    changes: Changes | None = None
    quota: int | None = None
    attainment: int | None = None
    coverage: Coverage = Coverage()
    partner_share: Share | None = None
    total_share: Share | None = None
    credit: tuple[CreditFacts, ...] = ()
    accuracy: tuple[AccuracyFacts, ...] = ()
    landing: Landing = Landing(why="it has not been worked out")
    restatements: tuple[Restatement, ...] = ()
    gaps: tuple[Gap, ...] = ()
    terms: Terms = Terms()
    weeks: tuple[WeekFigure, ...] = ()
    crm_as_of: datetime | None = None
    crm_stale: bool = False
    closed: bool = False
    blocked: str = ""

    @property
    def best_case(self) -> int:
        """The best case beside the commit that counts: where the head has raised a commit above it, that commit."""
        return sum(part.best_case or 0 for part in self.partners)

    @property
    def partners(self) -> tuple[PartnerPart, ...]:
        return tuple(partner for pm in self.pms for partner in pm.partners)
