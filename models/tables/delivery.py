"""What goes out and what came in: outbox, cards, pacing, inbox, submissions.

Two clocks: `due_at`, `void_at` and `first_try_at` are business time; `lease_until`, `not_before` and everything
called `real_*` is the machine's (or PostgreSQL's) own clock.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base, Json


class Outbox(Base):
    """One message owed to a channel or person. What it says is rendered when it is sent: `template` and `args`.

    `state`: pending, sending, sent, held (channel shared or unknown), void, failed, undetermined.
    `key` makes a delivery unique; `nonce` travels in the message's metadata, so that read-back can find it.
    `audience` is internal or partner. An internal row goes nowhere that is shared; one for `partner_id` goes to that
    partner's joint channel alone, and only a renderer of `handlers.shared` may write it. `decision` is what somebody chose
    for a held row: safe (the partner-safe version instead), moved, posted (there after all) or dropped; a held row without
    one waits for ever. A sent row of a card with a problem and without a decision: the card may not be edited where it stands.
    """

    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    nonce: Mapped[str] = mapped_column(String(40))
    template: Mapped[str] = mapped_column(String(32))
    args: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    channel_ref: Mapped[str] = mapped_column(default="")
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("outbox.id"), index=True)
    card_id: Mapped[int | None] = mapped_column(ForeignKey("card.id"), index=True)
    occurrence_id: Mapped[int | None] = mapped_column(ForeignKey("occurrence.id"), index=True)
    urgent: Mapped[bool] = mapped_column(default=False)
    state: Mapped[str] = mapped_column(String(12), default="pending")
    due_at: Mapped[datetime]
    void_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    first_try_at: Mapped[datetime | None]
    not_before: Mapped[datetime | None]
    lease_until: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(default=0)
    channel_id: Mapped[str | None]
    file_id: Mapped[str | None]
    ts: Mapped[str | None]
    sent_at: Mapped[datetime | None]
    problem: Mapped[str] = mapped_column(default="")
    audience: Mapped[str] = mapped_column(String(8), default="internal", server_default="internal")
    partner_id: Mapped[int | None] = mapped_column(ForeignKey("partner.id"))
    decision: Mapped[str] = mapped_column(String(8), default="", server_default="")
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))

    __table_args__ = (Index("ix_outbox_due", "state", "due_at"),)


class Card(Base):
    """A message (or Home tab) that shows the present state and is edited in place.

    `wanted` grows whenever a row it shows changes; `shown` is the version Slack has. One edit in flight, so
    many wishes become one edit. `snapshot_id`: the published roll-up that it shows in a channel; `person_id` published it.
    `partner_id`: the partner whose joint channel it stands in (a check-in); `person_id` is then the partner's manager.
    """

    __tablename__ = "card"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(12))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    day: Mapped[date | None]
    snapshot_id: Mapped[int | None] = mapped_column(ForeignKey("snapshot.id"), index=True)
    partner_id: Mapped[int | None] = mapped_column(ForeignKey("partner.id"), index=True)
    created_at: Mapped[datetime]
    wanted: Mapped[int] = mapped_column(default=1)
    shown: Mapped[int] = mapped_column(default=0)
    channel_id: Mapped[str | None]
    ts: Mapped[str | None]
    dead: Mapped[str] = mapped_column(default="")
    not_before: Mapped[datetime | None]
    lease_until: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(default=0)

    __table_args__ = (
        UniqueConstraint("kind", "person_id", "day"),
        Index("ix_card_person", "person_id", "kind"),
    )


class CardOccurrence(Base):
    """Which reviews a card carries: one added later joins the same card."""

    __tablename__ = "card_occurrence"

    card_id: Mapped[int] = mapped_column(ForeignKey("card.id"), primary_key=True)
    occurrence_id: Mapped[int] = mapped_column(ForeignKey("occurrence.id"), primary_key=True, index=True)


class Pace(Base):
    """The next instant (business time) at which a channel may get another message."""

    __tablename__ = "pace"

    channel: Mapped[str] = mapped_column(primary_key=True)
    next_at: Mapped[datetime]


class Inbox(Base):
    """One event from Slack, stored before it is acknowledged. `event_id` makes a repeat a no-op."""

    __tablename__ = "inbox"

    id: Mapped[int] = mapped_column(primary_key=True)
    event_id: Mapped[str] = mapped_column(unique=True)
    type: Mapped[str] = mapped_column(String(48))
    payload: Mapped[dict[str, Any]] = mapped_column(Json)
    received_at: Mapped[datetime]
    done_at: Mapped[datetime | None] = mapped_column(index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    problem: Mapped[str] = mapped_column(default="")


class Submission(Base):
    """A form that was saved, by view and hash: a repeat of it gets the response that the first one got."""

    __tablename__ = "submission"

    key: Mapped[str] = mapped_column(primary_key=True)
    response: Mapped[dict[str, Any]] = mapped_column(Json)
    at: Mapped[datetime] = mapped_column(index=True)
