"""Cadences, their occurrences, the steps owed around each, answers, artifacts and commitments."""

from datetime import date, datetime, time
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base, Json


class Cadence(Base):
    """A recurring meeting. `rule` is a `models.domain.rules.Rule` as JSON; `at` and `zone` say its local hour.

    `meeting_id` names the row of the quarter's table it comes from; null for the weekly review and what follows from it.
    """

    __tablename__ = "cadence"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(24))
    meeting_id: Mapped[int | None] = mapped_column(ForeignKey("meeting_kind.id"), index=True)
    partner_id: Mapped[int | None] = mapped_column(ForeignKey("partner.id"), index=True)
    pm_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    rule: Mapped[dict[str, Any]] = mapped_column(Json)
    at: Mapped[time]
    zone: Mapped[str]
    minutes: Mapped[int] = mapped_column(default=30)
    state: Mapped[str] = mapped_column(String(8), default="active")
    starts_on: Mapped[date]
    created_at: Mapped[datetime]
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))


class Occurrence(Base):
    """One meeting, keyed by its nominal slot, which a bump or an edited rule never changes.

    `state`: planned, prompted, held, held_late, skipped, no_meeting. Closed and published are facts of their own.
    """

    __tablename__ = "occurrence"

    id: Mapped[int] = mapped_column(primary_key=True)
    cadence_id: Mapped[int] = mapped_column(ForeignKey("cadence.id"))
    slot: Mapped[str] = mapped_column(String(24))
    nominal_day: Mapped[date]
    day: Mapped[date]
    starts_at: Mapped[datetime] = mapped_column(index=True)
    ends_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(12), default="planned", index=True)
    prompted_at: Mapped[datetime | None]
    moved_at: Mapped[datetime | None]
    moved_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    moved_reason: Mapped[str] = mapped_column(default="")
    skip_side: Mapped[str] = mapped_column(String(8), default="")
    skip_reason: Mapped[str] = mapped_column(default="")
    closed_at: Mapped[datetime | None]
    closed_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    published_at: Mapped[datetime | None]

    __table_args__ = (UniqueConstraint("cadence_id", "slot"),)


class Step(Base):
    """Something owed around an occurrence: a prompt to a person, an agenda in a channel. Times are business time.

    `recipient` is `p<person id>` or `channel`; `state` is planned, done, nothing, late or void.
    """

    __tablename__ = "step"

    id: Mapped[int] = mapped_column(primary_key=True)
    occurrence_id: Mapped[int] = mapped_column(ForeignKey("occurrence.id"))
    kind: Mapped[str] = mapped_column(String(16))
    recipient: Mapped[str] = mapped_column(String(24))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    due_at: Mapped[datetime]
    void_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(8), default="planned")
    settled_at: Mapped[datetime | None]
    note: Mapped[str] = mapped_column(default="")

    __table_args__ = (
        UniqueConstraint("occurrence_id", "kind", "recipient"),
        Index("ix_step_due", "state", "due_at"),
    )


class Answer(Base):
    """What one person said about one deal for one occurrence. Never overwritten: a later row amends."""

    __tablename__ = "answer"

    id: Mapped[int] = mapped_column(primary_key=True)
    occurrence_id: Mapped[int] = mapped_column(ForeignKey("occurrence.id"))
    deal_id: Mapped[int] = mapped_column(ForeignKey("deal.id"))
    by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    for_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(12))
    changed: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    source: Mapped[str] = mapped_column(default="slack")

    __table_args__ = (Index("ix_answer_occurrence_deal", "occurrence_id", "deal_id"),)


class Artifact(Base):
    """A one-page result, frozen and versioned: facts with person ids instead of names, rendered when sent."""

    __tablename__ = "artifact"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(24))
    audience: Mapped[str] = mapped_column(String(12), default="internal")
    occurrence_id: Mapped[int] = mapped_column(ForeignKey("occurrence.id"))
    partner_id: Mapped[int | None] = mapped_column(ForeignKey("partner.id"))
    version: Mapped[int] = mapped_column(default=1)
    cut_off: Mapped[datetime]
    created_at: Mapped[datetime]
    facts: Mapped[dict[str, Any]] = mapped_column(Json)

    __table_args__ = (
        UniqueConstraint("occurrence_id", "kind", "audience", "version"),
        Index("ix_artifact_partner", "partner_id", "kind", "cut_off"),
    )


class Commitment(Base):
    """A promise in an artifact. Kept or dropped ends it; moved sets a new due date; not yet due carries it.

    It is judged by the next artifact of the series it was made in; `partner_id` is null where that is the company's.
    `shared_text` is what the partner may read of it; empty: nothing.
    """

    __tablename__ = "commitment"

    id: Mapped[int] = mapped_column(primary_key=True)
    partner_id: Mapped[int | None] = mapped_column(ForeignKey("partner.id"))
    text: Mapped[str]
    shared_text: Mapped[str] = mapped_column(default="", server_default="")
    owner_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    due: Mapped[date]
    state: Mapped[str] = mapped_column(String(8), default="open")
    made_in_id: Mapped[int] = mapped_column(ForeignKey("occurrence.id"))
    made_at: Mapped[datetime]
    made_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))

    __table_args__ = (Index("ix_commitment_partner", "partner_id", "state"),)


class CommitmentFate(Base):
    """What a review said of a commitment: kept, moved (new due), dropped or carried (not yet due)."""

    __tablename__ = "commitment_fate"

    commitment_id: Mapped[int] = mapped_column(ForeignKey("commitment.id"), primary_key=True)
    occurrence_id: Mapped[int] = mapped_column(ForeignKey("occurrence.id"), primary_key=True)
    fate: Mapped[str] = mapped_column(String(8))
    due_before: Mapped[date]
    due_after: Mapped[date | None]
    at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
