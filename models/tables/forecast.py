"""The forecast as rows: signed commits, adjustments, frozen snapshots, sign-offs, targets, rates, terms; and attribution.

Nothing here is overwritten but the sum of a deal's attribution on `Deal`: a later row amends, and the old ones stand.
Amounts are integer minor units of the currency beside them; `period` is a fiscal quarter's label.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base, Json


class AttributionClaim(Base):
    """What somebody says a partner's part in a deal is: `kind` is sourced, influenced or co_sold.

    In force with the signatures of the AE and of the partner manager, `late` where the second came after `due`;
    `replaced_at` when another claim about the same partner was opened in its stead before it had both, or came into force
    after it. A claim that changes one in force has a reason. It counts while its partner is the deal's primary one.
    """

    __tablename__ = "attribution_claim"

    id: Mapped[int] = mapped_column(primary_key=True)
    deal_id: Mapped[int] = mapped_column(ForeignKey("deal.id"), index=True)
    partner_id: Mapped[int] = mapped_column(ForeignKey("partner.id"))
    kind: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(default="")
    opened_at: Mapped[datetime]
    opened_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    due: Mapped[date | None]
    in_force_at: Mapped[datetime | None]
    late: Mapped[bool] = mapped_column(default=False)
    replaced_at: Mapped[datetime | None]


class AttributionSignature(Base):
    """One of the two names below a claim. `side`: ae or pm; `for_id`: whose side a cover signed for."""

    __tablename__ = "attribution_signature"

    claim_id: Mapped[int] = mapped_column(ForeignKey("attribution_claim.id"), primary_key=True)
    side: Mapped[str] = mapped_column(String(4), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    for_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("claim_id", "person_id"),)


class Touch(Base):
    """A moment at which a partner touched a deal in a measurable way. `source`: form or message.

    `said` is what the partner did; of a message shortcut, `channel_id` and `ts` say where it was said.
    """

    __tablename__ = "touch"

    id: Mapped[int] = mapped_column(primary_key=True)
    deal_id: Mapped[int] = mapped_column(ForeignKey("deal.id"), index=True)
    partner_id: Mapped[int] = mapped_column(ForeignKey("partner.id"))
    day: Mapped[date]
    said: Mapped[str]
    source: Mapped[str] = mapped_column(String(8), default="form")
    channel_id: Mapped[str] = mapped_column(default="")
    ts: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime]
    by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))


class SignedCommit(Base):
    """A partner manager's number for a partner and a quarter, closed-won included; the latest row counts.

    `by_id` signed, for `pm_id` whose partner it is (`for_id`: the same where a cover or the head signed in their own name).
    `deals_commit` and `deals_best_case` are what the deals added up to when it was signed.
    """

    __tablename__ = "signed_commit"

    id: Mapped[int] = mapped_column(primary_key=True)
    period: Mapped[str] = mapped_column(String(16))
    partner_id: Mapped[int] = mapped_column(ForeignKey("partner.id"))
    pm_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    for_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime]
    currency: Mapped[str] = mapped_column(String(3))
    commit: Mapped[int] = mapped_column(BigInteger)
    best_case: Mapped[int] = mapped_column(BigInteger)
    deals_commit: Mapped[int] = mapped_column(BigInteger)
    deals_best_case: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (Index(None, "period", "partner_id"),)


class Adjustment(Base):
    """The head's number for a partner beside the signed one, with the reason; null `commit`: taken back. The latest counts."""

    __tablename__ = "adjustment"

    id: Mapped[int] = mapped_column(primary_key=True)
    period: Mapped[str] = mapped_column(String(16))
    partner_id: Mapped[int] = mapped_column(ForeignKey("partner.id"))
    by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime]
    currency: Mapped[str] = mapped_column(String(3))
    commit: Mapped[int | None] = mapped_column(BigInteger)
    reason: Mapped[str]

    __table_args__ = (Index(None, "period", "partner_id"),)


class Snapshot(Base):
    """A published roll-up, frozen. `number` counts within the quarter; `kind`: roll_up, closing or restatement.

    `facts` is `models.domain.forecast.facts.RollUpFacts` as JSON; its lines are `SnapshotLine` rows. `cut_off` is the
    business time it was taken at, `rate_day` the day whose exchange rates open deals were converted at.
    """

    __tablename__ = "snapshot"

    id: Mapped[int] = mapped_column(primary_key=True)
    period: Mapped[str] = mapped_column(String(16))
    number: Mapped[int]
    kind: Mapped[str] = mapped_column(String(12))
    label: Mapped[str]
    cut_off: Mapped[datetime]
    rate_day: Mapped[date]
    currency: Mapped[str] = mapped_column(String(3))
    made_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    facts: Mapped[dict[str, Any]] = mapped_column(Json)

    __table_args__ = (UniqueConstraint("period", "number"),)


class SnapshotLine(Base):
    """One deal that counts in a snapshot, as it stood. `value` is its amount in the snapshot's currency, rounded once.

    Counts: a deal with a partner that is open or won and closes in the quarter. `plain`: the whole of it is its primary
    partner's; otherwise `SnapshotPart` says whose. `amount` and `value` are null where the amount is unknown.
    """

    __tablename__ = "snapshot_line"

    snapshot_id: Mapped[int] = mapped_column(ForeignKey("snapshot.id"), primary_key=True)
    deal_id: Mapped[int] = mapped_column(ForeignKey("deal.id"), primary_key=True)
    version_id: Mapped[int] = mapped_column(Integer)
    partner_id: Mapped[int] = mapped_column(Integer)
    pm_id: Mapped[int | None] = mapped_column(Integer)
    owner_id: Mapped[int | None] = mapped_column(Integer)
    category: Mapped[str] = mapped_column(String(16))
    kind: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(10))
    close_date: Mapped[date]
    currency: Mapped[str] = mapped_column(String(3))
    amount: Mapped[int | None] = mapped_column(BigInteger)
    rate_day: Mapped[date | None]
    value: Mapped[int | None] = mapped_column(BigInteger)
    plain: Mapped[bool] = mapped_column(default=True)


class SnapshotPart(Base):
    """One partner's part of a deal in a snapshot, by its share; `partner_id` 0: the rest that is nobody's share."""

    __tablename__ = "snapshot_part"

    snapshot_id: Mapped[int] = mapped_column(ForeignKey("snapshot.id"), primary_key=True)
    deal_id: Mapped[int] = mapped_column(ForeignKey("deal.id"), primary_key=True)
    partner_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    pm_id: Mapped[int | None] = mapped_column(Integer)
    share: Mapped[int] = mapped_column(Integer)
    value: Mapped[int | None] = mapped_column(BigInteger)


class SignOff(Base):
    """The CRO's and the CFO's name below a snapshot: two different people."""

    __tablename__ = "sign_off"

    snapshot_id: Mapped[int] = mapped_column(ForeignKey("snapshot.id"), primary_key=True)
    role: Mapped[str] = mapped_column(String(4), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("snapshot_id", "person_id"),)


class QuarterClose(Base):
    """A quarter that the CFO has closed, with the snapshot that stands for it: what changes afterwards is a restatement."""

    __tablename__ = "quarter_close"

    period: Mapped[str] = mapped_column(String(16), primary_key=True)
    at: Mapped[datetime]
    by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    snapshot_id: Mapped[int] = mapped_column(ForeignKey("snapshot.id"))


class Quota(Base):
    """What is to be closed in a quarter: the program's (partner null) or one partner's target. The latest row counts."""

    __tablename__ = "quota"

    id: Mapped[int] = mapped_column(primary_key=True)
    period: Mapped[str] = mapped_column(String(16))
    partner_id: Mapped[int | None] = mapped_column(ForeignKey("partner.id"))
    currency: Mapped[str] = mapped_column(String(3))
    amount: Mapped[int | None] = mapped_column(BigInteger)
    at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    source: Mapped[str] = mapped_column(default="slack")

    __table_args__ = (Index(None, "period"),)


class ExchangeRate(Base):
    """How much of `into` one unit of `currency` is worth from `day` on: an exact decimal as text. The latest row counts."""

    __tablename__ = "exchange_rate"

    id: Mapped[int] = mapped_column(primary_key=True)
    currency: Mapped[str] = mapped_column(String(3))
    into: Mapped[str] = mapped_column(String(3))
    day: Mapped[date]
    rate: Mapped[str]
    at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    source: Mapped[str] = mapped_column(default="slack")

    __table_args__ = (Index(None, "currency", "into", "day"),)


class TermsVersion(Base):
    """Definitions, credit ratios and thresholds, versioned: `terms` is `models.domain.forecast.facts.Terms` as JSON."""

    __tablename__ = "terms_version"

    number: Mapped[int] = mapped_column(primary_key=True)
    terms: Mapped[dict[str, Any]] = mapped_column(Json)
    reason: Mapped[str]
    at: Mapped[datetime]
    by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
