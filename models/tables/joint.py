"""Joint channels: which deals a partner may see, who speaks for the partner, what they said, and who reads a channel."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base


class JointDeal(Base):
    """A deal that its partner manager marked joint with one partner: from `valid_from` until it was taken back.

    Only while such a mark stands, and the deal is linked to that partner, may anything of the deal cross; what may is
    `models.domain.shared.SharedDeal`. `amount_shared`: the amount too. `ended_why` is taken_back, unlinked or merged.
    """

    __tablename__ = "joint_deal"

    id: Mapped[int] = mapped_column(primary_key=True)
    deal_id: Mapped[int] = mapped_column(ForeignKey("deal.id"), index=True)
    partner_id: Mapped[int] = mapped_column(ForeignKey("partner.id"), index=True)
    amount_shared: Mapped[bool] = mapped_column(default=False)
    valid_from: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    valid_to: Mapped[datetime | None]
    ended_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    ended_why: Mapped[str] = mapped_column(String(12), default="")

    __table_args__ = (
        Index(
            "uq_joint_deal_standing",
            "deal_id",
            "partner_id",
            unique=True,
            sqlite_where=sql("valid_to IS NULL"),
            postgresql_where=sql("valid_to IS NULL"),
        ),
    )


class StageName(Base):
    """What one of our stages is called together with a partner. A stage without a row crosses as blank."""

    __tablename__ = "stage_name"

    partner_id: Mapped[int] = mapped_column(ForeignKey("partner.id"), primary_key=True)
    stage: Mapped[str] = mapped_column(primary_key=True)
    joint: Mapped[str]
    changed_at: Mapped[datetime]
    changed_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))


class Counterpart(Base):
    """Somebody of another company who may speak for a partner, once its manager says so.

    `state`: proposed, confirmed, declined, revoked. A binding is to `slack_id` *and* `slack_team_id`: the same person in
    another company is a stranger again. `how` they were proposed: clicked, replied, named, joined. `person_id` is the
    partner's person they are, from the confirmation on.
    """

    __tablename__ = "counterpart"

    id: Mapped[int] = mapped_column(primary_key=True)
    partner_id: Mapped[int] = mapped_column(ForeignKey("partner.id"), index=True)
    slack_id: Mapped[str]
    slack_team_id: Mapped[str]
    name: Mapped[str]
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    state: Mapped[str] = mapped_column(String(10), default="proposed")
    how: Mapped[str] = mapped_column(String(8))
    proposed_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))

    __table_args__ = (
        UniqueConstraint("slack_id", "slack_team_id", "partner_id"),
        Index(
            "uq_counterpart_confirmed",
            "slack_id",
            unique=True,
            sqlite_where=sql("state = 'confirmed'"),
            postgresql_where=sql("state = 'confirmed'"),
        ),
    )


class JointAnswer(Base):
    """What the partner's side said of one joint deal: whole after this answer. Never overwritten, the latest row counts.

    `source`: form (they typed it), reply (their words in a thread, confirmed by us), reported (one of us wrote down what
    they said). `by_id` is the partner's person; `said_by` the name as it was said, where that is all there is.
    `recorded_by_id` is the one of us who confirmed or wrote it down.
    """

    __tablename__ = "joint_answer"

    id: Mapped[int] = mapped_column(primary_key=True)
    joint_deal_id: Mapped[int] = mapped_column(ForeignKey("joint_deal.id"), index=True)
    occurrence_id: Mapped[int | None] = mapped_column(ForeignKey("occurrence.id"), index=True)
    at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    said_by: Mapped[str] = mapped_column(default="")
    recorded_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    source: Mapped[str] = mapped_column(String(8))
    stage: Mapped[str] = mapped_column(default="")
    action: Mapped[str] = mapped_column(default="")
    owner: Mapped[str] = mapped_column(default="")
    due: Mapped[date | None]
    ask: Mapped[str] = mapped_column(default="")
    changed: Mapped[dict[str, Any]]


class ReplyProposal(Base):
    """A confirmed counterpart's reply below a check-in, waiting for the partner manager to confirm, edit or drop it.

    `joint_deal_id` is null while the reply could mean several deals (`candidates`, ids of joint deals). `state`: open,
    confirmed, dropped.
    """

    __tablename__ = "reply_proposal"

    id: Mapped[int] = mapped_column(primary_key=True)
    partner_id: Mapped[int] = mapped_column(ForeignKey("partner.id"), index=True)
    occurrence_id: Mapped[int | None] = mapped_column(ForeignKey("occurrence.id"))
    counterpart_id: Mapped[int] = mapped_column(ForeignKey("counterpart.id"))
    channel_id: Mapped[str]
    message_ts: Mapped[str]
    words: Mapped[str]
    joint_deal_id: Mapped[int | None] = mapped_column(ForeignKey("joint_deal.id"))
    candidates: Mapped[list[Any]]
    state: Mapped[str] = mapped_column(String(10), default="open")
    at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    answer_id: Mapped[int | None] = mapped_column(ForeignKey("joint_answer.id"))

    __table_args__ = (UniqueConstraint("channel_id", "message_ts"),)


class ChannelGuest(Base):
    """Somebody in a channel of ours who is not a full member of our company: a guest, or of another company.

    An internal post waits while one stands here that no admin allowed. `left_at`: gone, by an event or the hourly sweep.
    """

    __tablename__ = "channel_guest"

    channel_id: Mapped[str] = mapped_column(primary_key=True)
    slack_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(default="")
    seen_at: Mapped[datetime]
    left_at: Mapped[datetime | None]
    allowed_at: Mapped[datetime | None]
    allowed_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
