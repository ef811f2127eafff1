"""The quarter's table as rows, what was typed at a meeting, the pulse's answers, lost deals' reasons, calendar addresses."""

from datetime import datetime, time
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base, Json


class MeetingKind(Base):
    """One row of the quarter's table: a meeting described by data alone. `models.domain.meetings.Spec` reads it.

    `key` is the kind of its cadences. `rule` is a `models.domain.rules.Rule` as JSON; `at` and `clock` (the company's or
    the partner manager's) say its hour; `minutes` its length, `preparation` the minutes each of its people needs before
    it. `per`: one for the company, for each Tier 1 partner, or for each other partner.
    """

    __tablename__ = "meeting_kind"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(24), unique=True)
    name: Mapped[str]
    position: Mapped[int]
    rule: Mapped[dict[str, Any]] = mapped_column(Json)
    at: Mapped[time]
    minutes: Mapped[int]
    preparation: Mapped[int] = mapped_column(default=0)
    clock: Mapped[str] = mapped_column(String(8), default="company")
    per: Mapped[str] = mapped_column(String(8), default="company")
    lead: Mapped[str] = mapped_column(String(16))
    people: Mapped[list[str]] = mapped_column(Json)
    channel: Mapped[str]
    agenda: Mapped[list[str]] = mapped_column(Json)
    questions: Mapped[list[dict[str, Any]]] = mapped_column(Json)
    leaves: Mapped[str] = mapped_column(String(24))
    ends_in: Mapped[str] = mapped_column(String(12))
    enabled: Mapped[bool] = mapped_column(default=False)
    built_in: Mapped[bool] = mapped_column(default=True)
    changed_at: Mapped[datetime]
    changed_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))


class Minutes(Base):
    """What was typed for a meeting before its artifact was published: saved as a draft, taken over when it is closed."""

    __tablename__ = "minutes"

    occurrence_id: Mapped[int] = mapped_column(ForeignKey("occurrence.id"), primary_key=True)
    said: Mapped[dict[str, Any]] = mapped_column(Json)
    changed_at: Mapped[datetime]
    changed_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))


class LossReason(Base):
    """Why a deal was lost, and whether the partner may see it. Never overwritten: the latest row counts."""

    __tablename__ = "loss_reason"

    id: Mapped[int] = mapped_column(primary_key=True)
    deal_id: Mapped[int] = mapped_column(ForeignKey("deal.id"), index=True)
    reason: Mapped[str]
    shared: Mapped[bool] = mapped_column(default=False)
    at: Mapped[datetime]
    by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))


class PulseAnswer(Base):
    """What a partner manager said of a partner outside Tier 1. `verdict`: keep, raise or off_board. A later row amends."""

    __tablename__ = "pulse_answer"

    id: Mapped[int] = mapped_column(primary_key=True)
    occurrence_id: Mapped[int] = mapped_column(ForeignKey("occurrence.id"))
    partner_id: Mapped[int] = mapped_column(ForeignKey("partner.id"))
    at: Mapped[datetime]
    by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    active: Mapped[bool]
    next_deal: Mapped[str]
    verdict: Mapped[str] = mapped_column(String(10))
    why: Mapped[str] = mapped_column(default="")

    __table_args__ = (Index(None, "occurrence_id"), Index(None, "partner_id"))


class CalendarFeed(Base):
    """The secret address of one person's calendar. Whoever has it can read the calendar, so it can be made anew."""

    __tablename__ = "calendar_feed"

    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)
    secret: Mapped[str] = mapped_column(unique=True)
    made_at: Mapped[datetime]
