"""The rows behind a snapshot, as a workbook lists them: names beside ids, money in minor units."""

from dataclasses import dataclass
from datetime import date, datetime

from models.domain.forecast.facts import ChangeLine
from models.tables import Adjustment, Quota, SignedCommit, SignOff


@dataclass(frozen=True, slots=True)
class DealRow:
    """A deal of a snapshot. `value` in the snapshot's currency; `original` in `currency`; both minor units, None unknown."""

    deal_id: int
    crm_id: str
    name: str
    account: str
    partner_id: int
    partner: str
    pm: str
    owner: str
    stage: str
    category: str
    kind: str
    state: str
    close_date: date
    currency: str
    original: int | None
    rate_day: date | None
    rate: str
    value: int | None
    plain: bool
    pm_id: int | None
    owner_id: int | None


@dataclass(frozen=True, slots=True)
class PartRow:
    """A partner's part of a deal that several share. `partner_id` 0: what is nobody's share. `share` in basis points."""

    deal_id: int
    crm_id: str
    name: str
    partner_id: int
    partner: str
    pm: str
    category: str
    share: int
    value: int | None
    pm_id: int | None


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One deal's part of one line of what changed against the snapshot before, at one partner ("": nobody's share).

    The money is that partner's. `line.deals`, `bands.deals` and `bands.unknown` are those above the partners and stand on
    the first of a deal's rows of a kind alone, so that all rows of a kind add up to the program's line.
    """

    deal_id: int
    crm_id: str
    name: str
    partner_id: int
    partner: str
    pm: str
    line: ChangeLine
    pm_id: int | None


@dataclass(frozen=True, slots=True)
class ClaimRow:
    """A claim of attribution of one of the snapshot's deals, and whose signatures stood below it at the cut-off.

    It is about the part of `partner_id`: of a deal that has gone to another partner since it counts nothing.
    """

    deal_id: int
    partner_id: int
    crm_id: str
    name: str
    kind: str
    reason: str
    opened_at: datetime
    opened_by_id: int
    due: date | None
    in_force_at: datetime | None
    replaced_at: datetime | None
    ae_id: int | None
    ae_for_id: int | None
    ae_at: datetime | None
    pm_id: int | None
    pm_for_id: int | None
    pm_at: datetime | None


@dataclass(frozen=True, slots=True)
class CreditRow:
    """A won deal's part of its owner's quota credit: `ratio` in basis points, money in minor units."""

    owner_id: int | None
    owner: str
    deal_id: int
    crm_id: str
    name: str
    kind: str
    state: str
    value: int
    ratio: int
    credit: int


@dataclass(frozen=True, slots=True)
class SignatureRow:
    """One signature of the period, in the order they were made, amended ones too."""

    row: SignedCommit
    partner: str
    by: str
    on_behalf: str


@dataclass(frozen=True, slots=True)
class AdjustmentRow:
    row: Adjustment
    partner: str
    by: str


@dataclass(frozen=True, slots=True)
class QuotaRow:
    """A target as it was entered; `partner` "" is the program's. `row.amount` None: taken back."""

    row: Quota
    partner: str
    by: str


@dataclass(frozen=True, slots=True)
class SignOffRow:
    row: SignOff
    name: str
