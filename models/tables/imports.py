"""Files brought to Cadence: what was applied, what is being staged, what a person has dropped, and what the CRM last said."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base, Json


class ImportRun(Base):
    """One file that was applied. `at` is the business time of the import: what "CRM as of" prints.

    `state`: staging (nobody sees its rows), activated (everybody does; what remains is tidying), applied, abandoned.
    `lease_until` (real time) says that somebody is at work on it; past it the next one tidies up.
    """

    __tablename__ = "import_run"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    file_name: Mapped[str]
    digest: Mapped[str]
    at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    state: Mapped[str] = mapped_column(String(10), default="applied", index=True)
    lease_until: Mapped[datetime | None]
    created: Mapped[int] = mapped_column(default=0)
    changed: Mapped[int] = mapped_column(default=0)
    unchanged: Mapped[int] = mapped_column(default=0)
    missing: Mapped[int] = mapped_column(default=0)
    skipped: Mapped[int] = mapped_column(default=0)


class ImportChange(Base):
    """What a staged import will do to a deal that is known: gone as soon as it is done.

    `kind`: changed, missing or returned. `record` is the CRM's new word (null: it says what it said), `version_id` the
    version that will stand, worked out from `base_id`; whoever answered in between made another one stand, and then
    the change is worked out again on top of theirs.
    """

    __tablename__ = "import_change"

    import_id: Mapped[int] = mapped_column(ForeignKey("import_run.id"), primary_key=True)
    deal_id: Mapped[int] = mapped_column(ForeignKey("deal.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(8), primary_key=True)
    crm_id: Mapped[str]
    base_id: Mapped[int | None]
    version_id: Mapped[int | None]
    forward: Mapped[bool] = mapped_column(default=False)
    relinked: Mapped[bool] = mapped_column(default=False)
    record: Mapped[dict[str, Any] | None] = mapped_column(Json, nullable=True)


class CrmRecord(Base):
    """The CRM's last word on one deal: an import changes a field only where the file differs from this.

    `owner_said` is what the CRM writes for an owner nobody here is known by; empty once somebody has been named.
    """

    __tablename__ = "crm_record"

    crm_id: Mapped[str] = mapped_column(primary_key=True)
    deal_id: Mapped[int] = mapped_column(ForeignKey("deal.id"), index=True)
    import_id: Mapped[int] = mapped_column(ForeignKey("import_run.id"))
    values: Mapped[dict[str, Any]] = mapped_column(Json)
    owner_said: Mapped[str] = mapped_column(default="")

    __table_args__ = (
        Index(
            "ix_crm_record_owner_said",
            "owner_said",
            sqlite_where=sql("owner_said <> ''"),
            postgresql_where=sql("owner_said <> ''"),
        ),
    )


class ImportDraft(Base):
    """A file that somebody dropped on the bot: looked over, asked about, and imported when they say so.

    `state`: waiting (to be fetched and looked over), asked, approved, importing, done, refused, failed, withdrawn; kept is an
    accounts file, which is read beside the deals of the same person.
    `options` and `found` are `models.imports.options.Options` and `models.imports.found.Found` as JSON; `result` is what
    the import did, in lines. `lease_until` is real time.
    """

    __tablename__ = "import_draft"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    file_id: Mapped[str]
    file_name: Mapped[str]
    size: Mapped[int] = mapped_column(default=0)
    kind: Mapped[str] = mapped_column(String(20), default="")
    state: Mapped[str] = mapped_column(String(10), default="waiting", index=True)
    options: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    found: Mapped[dict[str, Any] | None] = mapped_column(Json, nullable=True)
    result: Mapped[dict[str, Any] | None] = mapped_column(Json, nullable=True)
    problem: Mapped[str] = mapped_column(default="")
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    attempts: Mapped[int] = mapped_column(default=0)
    fence: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[datetime | None]
    card_id: Mapped[int | None] = mapped_column(ForeignKey("card.id"))
    run_id: Mapped[int | None] = mapped_column(ForeignKey("import_run.id"))
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("file_id", "person_id"),)


class ImportPart(Base):
    """A piece of a dropped file, compressed with zlib, so that neither memory nor a transaction holds the whole."""

    __tablename__ = "import_part"

    draft_id: Mapped[int] = mapped_column(ForeignKey("import_draft.id"), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)


class Target(Base):
    """An account to pursue with one partner, from an overlap of both customer lists. `key` is its normalised name.

    `gone_at`: a later overlap of the same partner no longer has it.
    """

    __tablename__ = "target"

    id: Mapped[int] = mapped_column(primary_key=True)
    partner_id: Mapped[int] = mapped_column(ForeignKey("partner.id"))
    key: Mapped[str]
    account: Mapped[str]
    our_status: Mapped[str] = mapped_column(default="")
    their_status: Mapped[str] = mapped_column(default="")
    our_owner: Mapped[str] = mapped_column(default="")
    their_owner: Mapped[str] = mapped_column(default="")
    note: Mapped[str] = mapped_column(default="")
    import_id: Mapped[int] = mapped_column(ForeignKey("import_run.id"))
    gone_at: Mapped[datetime | None]

    __table_args__ = (UniqueConstraint("partner_id", "key"),)


class DealMatch(Base):
    """A deal born in Slack and one that an import brought: perhaps the same. `state`: open, same or different."""

    __tablename__ = "deal_match"

    id: Mapped[int] = mapped_column(primary_key=True)
    deal_id: Mapped[int] = mapped_column(ForeignKey("deal.id"))
    other_id: Mapped[int] = mapped_column(ForeignKey("deal.id"), index=True)
    import_id: Mapped[int] = mapped_column(ForeignKey("import_run.id"))
    state: Mapped[str] = mapped_column(String(10), default="open", index=True)
    made_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))

    __table_args__ = (UniqueConstraint("deal_id", "other_id"),)
