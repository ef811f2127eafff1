"""The rows a workbook is fed with, as light as a database hands them over.

Amounts are integer minor units: of the row's own currency where it has one (`DealRow.amount`, `TargetRow.amount`), else of
the roll-up's. People are ids; `partner_id` 0 is the part of a deal that is nobody's share. Instants are aware.
"""

from datetime import date, datetime
from typing import NamedTuple


class DealRow(NamedTuple):
    """One deal that counts, once. `kind`, `state` and `category` as stored; `amount` and `value` None: unknown."""

    deal_id: int
    crm_id: str | None
    name: str
    account: str
    partner_id: int
    pm_id: int | None
    owner_id: int | None
    kind: str
    state: str
    category: str
    close_date: date
    currency: str
    amount: int | None
    rate: str | None
    rate_day: date | None
    value: int | None


class PartRow(NamedTuple):
    """One partner's part of a deal: every deal has at least one, the whole of it where nobody shares. `share`: basis points."""

    deal_id: int
    name: str
    partner_id: int
    pm_id: int | None
    category: str
    share: int
    value: int | None


class ChangeRow(NamedTuple):
    """What one deal puts on one line of what changed, for one band and one partner's part.

    `kind` as in ChangeKind, `band`: won, commit, best_case or pipeline. `deals`: 1 on the deal's first row of that line, else 0.
    """

    deal_id: int
    name: str
    kind: str
    band: str
    partner_id: int
    pm_id: int | None
    amount: int
    deals: int


class SignatureRow(NamedTuple):
    """A signed commit, amended ones too; `counts`: it is the one in force. `deals_…`: what the deals added up to then."""

    partner_id: int
    pm_id: int | None
    commit: int
    best_case: int
    by_id: int
    for_id: int | None
    at: datetime
    deals_commit: int
    deals_best_case: int
    counts: bool


class AdjustmentRow(NamedTuple):
    """The head's number beside a signed one; `commit` None: taken back."""

    partner_id: int
    pm_id: int | None
    commit: int | None
    reason: str
    by_id: int
    at: datetime
    counts: bool


class ClaimRow(NamedTuple):
    """One claim of attribution with its signatures, in force, waiting or replaced."""

    deal_id: int
    name: str
    partner_id: int
    kind: str
    reason: str
    opened_at: datetime
    opened_by_id: int
    due: date | None
    ae_id: int | None
    ae_for_id: int | None
    ae_at: datetime | None
    pm_id: int | None
    pm_for_id: int | None
    pm_at: datetime | None
    in_force_at: datetime | None
    replaced_at: datetime | None


class CreditRow(NamedTuple):
    """The quota credit of one won deal, its AE's remainder distributed. `ratio`: basis points."""

    deal_id: int
    name: str
    owner_id: int | None
    kind: str
    state: str
    ratio: int
    value: int
    credit: int
    unsigned: bool


class RateRow(NamedTuple):
    """An exchange rate as entered: one `currency` is `rate` of `into` from `day` on."""

    currency: str
    into: str
    day: date
    rate: str
    at: datetime
    by_id: int | None
    source: str


class TargetRow(NamedTuple):
    """A target as entered; `partner_id` None: the program's. `amount` None: taken back. `value`: in the roll-up's currency."""

    partner_id: int | None
    currency: str
    amount: int | None
    value: int | None
    at: datetime
    by_id: int | None
    source: str
    counts: bool
