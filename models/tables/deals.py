"""Deals as full version rows, their links to partners, next actions."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base, Json


class Deal(Base):
    """An opportunity. What changes lives in `DealVersion`; here is what identifies it and its stall clock.

    `version_id` is the version that stands, the only one readers take for present: an import writes thousands of versions
    in small transactions that nobody sees, and one short last one moves the pointers. Null: still being staged, or
    merged into another deal. It is no foreign key, since the two tables would refer to each other. `moved_at` is the
    last forward movement anybody has seen; `first_seen_at` is where its known history begins.

    `attribution` is the kind that somebody has signed for ("": nobody, the CRM's column counts), `attribution_state` how
    far: "" nobody, one_sided, signed (both, in time) or late (both). `touched_on` is the first recorded touch of the
    primary partner. The three sum up its `AttributionClaim` and `Touch`; `models.attributed` alone writes them.

    `joint` and `amount_shared` sum up its standing `JointDeal` (marked with any partner; shared with any); `models.joint.marks`
    alone writes them, and no right ever rests on them.
    """

    __tablename__ = "deal"

    id: Mapped[int] = mapped_column(primary_key=True)
    crm_id: Mapped[str | None] = mapped_column(unique=True)
    version_id: Mapped[int | None]
    first_seen_at: Mapped[datetime]
    moved_at: Mapped[datetime | None]
    joint: Mapped[bool] = mapped_column(default=False)
    amount_shared: Mapped[bool] = mapped_column(default=False)
    missing_since: Mapped[datetime | None]
    partner_owner: Mapped[str] = mapped_column(default="")
    help_needed: Mapped[str] = mapped_column(default="")
    attribution: Mapped[str] = mapped_column(String(16), default="", server_default="")
    attribution_state: Mapped[str] = mapped_column(String(10), default="", server_default="")
    touched_on: Mapped[date | None]


class DealVersion(Base):
    """The whole deal from `valid_from` until `valid_to` (open: null). Amounts in minor units of `currency`.

    The present one is the one `Deal.version_id` points to, and is open.

    `said` holds what people said in Slack where it differs from the CRM:
    `{"stage": {"value": "…", "at": "<iso>", "by": <person id>}}`. Totals never use it.
    `movement` is forward, slip or none against the version before; `moves` says in which fields.
    """

    __tablename__ = "deal_version"

    id: Mapped[int] = mapped_column(primary_key=True)
    deal_id: Mapped[int] = mapped_column(ForeignKey("deal.id"))
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime | None]
    reported_at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    source: Mapped[str]
    import_id: Mapped[int | None] = mapped_column(ForeignKey("import_run.id"))

    name: Mapped[str]
    account: Mapped[str] = mapped_column(default="")
    partner_id: Mapped[int | None] = mapped_column(ForeignKey("partner.id"))
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    stage: Mapped[str] = mapped_column(default="")
    category: Mapped[str] = mapped_column(String(16))
    amount: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3), default="")
    close_date: Mapped[date | None]
    created_date: Mapped[date | None]
    next_step: Mapped[str] = mapped_column(default="")
    attribution: Mapped[str] = mapped_column(String(16), default="")
    lost_reason: Mapped[str] = mapped_column(default="")
    said: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    movement: Mapped[str] = mapped_column(String(8), default="none")
    moves: Mapped[list[Any]] = mapped_column(Json, default=list)

    __table_args__ = (
        Index("ix_deal_version_deal_from", "deal_id", "valid_from"),
        Index("ix_deal_version_partner_current", "partner_id", "valid_to", "category"),
        Index("ix_deal_version_owner_current", "owner_id", "valid_to", "category"),
        Index("ix_deal_version_moves", "valid_from", "movement"),
    )


class DealPartner(Base):
    """A partner's part in a deal: role, share in basis points of the whole, and whether it is the primary one."""

    __tablename__ = "deal_partner"

    id: Mapped[int] = mapped_column(primary_key=True)
    deal_id: Mapped[int] = mapped_column(ForeignKey("deal.id"), index=True)
    partner_id: Mapped[int] = mapped_column(ForeignKey("partner.id"), index=True)
    role: Mapped[str] = mapped_column(default="")
    share: Mapped[int] = mapped_column(Integer, default=10_000)
    is_primary: Mapped[bool] = mapped_column(default=True)
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime | None]


class NextAction(Base):
    """What happens next on a deal. One open action a deal; `revision` grows with every change of it."""

    __tablename__ = "next_action"

    id: Mapped[int] = mapped_column(primary_key=True)
    deal_id: Mapped[int] = mapped_column(ForeignKey("deal.id"))
    text: Mapped[str]
    owner_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    due: Mapped[date]
    shared_text: Mapped[str] = mapped_column(default="")
    state: Mapped[str] = mapped_column(String(8), default="open")
    revision: Mapped[int] = mapped_column(default=1)
    opened_at: Mapped[datetime]
    opened_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    closed_at: Mapped[datetime | None]
    closed_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    close_note: Mapped[str] = mapped_column(default="")

    __table_args__ = (
        Index(
            "uq_next_action_open",
            "deal_id",
            unique=True,
            sqlite_where=sql("state = 'open'"),
            postgresql_where=sql("state = 'open'"),
        ),
        Index("ix_next_action_deal", "deal_id", "state"),
        Index("ix_next_action_owner", "owner_id", "state"),
    )
