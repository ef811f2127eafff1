"""People, ours and the partners', their roles and absences; the partners; and the trail of every change."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.tables.base import Base, Json


class Person(Base):
    """One named human. `side` is 'ours' or 'theirs'; bots, groups and strangers are never stored as people."""

    __tablename__ = "person"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    email: Mapped[str | None] = mapped_column(unique=True)
    side: Mapped[str] = mapped_column(String(8), default="ours")
    partner_id: Mapped[int | None] = mapped_column(ForeignKey("partner.id", use_alter=True), index=True)
    zone: Mapped[str] = mapped_column(default="")
    calendar: Mapped[str] = mapped_column(default="")
    slack_id: Mapped[str | None] = mapped_column(unique=True)
    slack_team_id: Mapped[str | None]
    dm_channel: Mapped[str | None]
    active: Mapped[bool] = mapped_column(default=True)
    guest: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]

    roles: Mapped[list["PersonRole"]] = relationship(lazy="selectin", cascade="all, delete-orphan")

    def has(self, *roles: str) -> bool:
        return any(held.role in roles for held in self.roles)


class PersonRole(Base):
    """ae, pm, head, cro, cfo, ceo, admin."""

    __tablename__ = "person_role"

    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)
    role: Mapped[str] = mapped_column(String(16), primary_key=True)


class Absence(Base):
    """Away from `first_day` to `last_day`, both included, in the person's own zone."""

    __tablename__ = "absence"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    first_day: Mapped[date]
    last_day: Mapped[date]
    cover_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    recorded_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    recorded_at: Mapped[datetime]
    cancelled_at: Mapped[datetime | None]


class Partner(Base):
    """The other company. `key` is the normalised name that files and commands are matched by.

    A change of `tier` starts next week: `tier_now` is the tier of the week that began on `tier_week` (a Monday); null
    for a partner that is new this week.

    `joint_approved` is the joint channel (as `joint_channel` says it) whose first post the manager has looked at, and
    `joint_teams` the ids of the workspaces that were connected to it then: with any other nothing is posted there.
    """

    __tablename__ = "partner"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    key: Mapped[str] = mapped_column(unique=True)
    tier: Mapped[int] = mapped_column(default=2)
    tier_now: Mapped[int | None]
    tier_week: Mapped[date | None]
    archetype: Mapped[str] = mapped_column(default="")
    stage: Mapped[str] = mapped_column(default="")
    pm_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    internal_channel: Mapped[str] = mapped_column(default="")
    joint_channel: Mapped[str] = mapped_column(default="")
    joint_approved: Mapped[str] = mapped_column(default="", server_default="")
    joint_approved_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    joint_teams: Mapped[list[Any]] = mapped_column(Json, default=list, server_default="[]")
    created_at: Mapped[datetime]

    @property
    def tier_in_force(self) -> int:
        """The tier by which this week's reviews go."""
        return self.tier if self.tier_now is None else self.tier_now


class Change(Base):
    """Who changed what, when, from where, and what it was before."""

    __tablename__ = "change"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    source: Mapped[str]
    entity: Mapped[str] = mapped_column(String(32))
    entity_id: Mapped[int]
    field: Mapped[str] = mapped_column(String(48))
    before: Mapped[Any] = mapped_column(Json, nullable=True)
    after: Mapped[Any] = mapped_column(Json, nullable=True)
    reason: Mapped[str] = mapped_column(default="")

    __table_args__ = (Index(None, "entity", "entity_id"),)


class ChannelState(Base):
    """What Slack last said of a channel: the base of the boundary check. `checked_at` is real time.

    `is_shared` in any way; `is_ext_shared` with another company (not only another workspace of our own). `connected` are
    the ids of the other workspaces, `pending` of those that are invited. `swept_at` (real time): when its members were last
    read. `lost_at` (business time): when Slack said that it is gone, which is told once.
    """

    __tablename__ = "channel"

    slack_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(default="", index=True)
    is_private: Mapped[bool] = mapped_column(default=False)
    is_member: Mapped[bool] = mapped_column(default=False)
    is_archived: Mapped[bool] = mapped_column(default=False)
    is_shared: Mapped[bool] = mapped_column(default=False)
    is_pending_shared: Mapped[bool] = mapped_column(default=False)
    is_ext_shared: Mapped[bool] = mapped_column(default=False, server_default=false())
    connected: Mapped[list[Any]] = mapped_column(Json, default=list, server_default="[]")
    pending: Mapped[list[Any]] = mapped_column(Json, default=list, server_default="[]")
    checked_at: Mapped[datetime | None]
    swept_at: Mapped[datetime | None]
    lost_at: Mapped[datetime | None]


class Setting(Base):
    """One remembered fact of the installation, e.g. the mapping saved for a kind of file."""

    __tablename__ = "setting"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[Any] = mapped_column(Json, nullable=True)
    changed_at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))


__all__ = ["Absence", "Change", "ChannelState", "Partner", "Person", "PersonRole", "Setting"]
