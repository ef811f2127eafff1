"""The whole quarter: its table as rows, minutes, pulses, lost deals' reasons, calendar addresses, kept fiscal quarters.

Revision: 0005, after 0004.
"""

import sqlalchemy as sa
from alembic import op

from models.tables import UtcDateTime
from models.tables.base import Json

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "meeting_kind",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(24), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("rule", Json, nullable=False),
        sa.Column("at", sa.Time(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("preparation", sa.Integer(), nullable=False),
        sa.Column("clock", sa.String(8), nullable=False),
        sa.Column("per", sa.String(8), nullable=False),
        sa.Column("lead", sa.String(16), nullable=False),
        sa.Column("people", Json, nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("agenda", Json, nullable=False),
        sa.Column("questions", Json, nullable=False),
        sa.Column("leaves", sa.String(24), nullable=False),
        sa.Column("ends_in", sa.String(12), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("built_in", sa.Boolean(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("changed_by_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["changed_by_id"], ["person.id"], name=op.f("fk_meeting_kind_changed_by_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meeting_kind")),
        sa.UniqueConstraint("key", name=op.f("uq_meeting_kind_key")),
    )
    with op.batch_alter_table("cadence", schema=None) as batch_op:
        batch_op.add_column(sa.Column("meeting_id", sa.Integer(), nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_cadence_meeting_id_meeting_kind"), "meeting_kind", ["meeting_id"], ["id"]
        )
        batch_op.create_index(batch_op.f("ix_cadence_meeting_id"), ["meeting_id"])
    with op.batch_alter_table("commitment", schema=None) as batch_op:
        batch_op.alter_column("partner_id", existing_type=sa.Integer(), nullable=True)
    op.create_table(
        "minutes",
        sa.Column("occurrence_id", sa.Integer(), nullable=False),
        sa.Column("said", Json, nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("changed_by_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["occurrence_id"], ["occurrence.id"], name=op.f("fk_minutes_occurrence_id_occurrence")),
        sa.ForeignKeyConstraint(["changed_by_id"], ["person.id"], name=op.f("fk_minutes_changed_by_id_person")),
        sa.PrimaryKeyConstraint("occurrence_id", name=op.f("pk_minutes")),
    )
    op.create_table(
        "loss_reason",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("deal_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["deal_id"], ["deal.id"], name=op.f("fk_loss_reason_deal_id_deal")),
        sa.ForeignKeyConstraint(["by_id"], ["person.id"], name=op.f("fk_loss_reason_by_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loss_reason")),
    )
    op.create_index(op.f("ix_loss_reason_deal_id"), "loss_reason", ["deal_id"])
    op.create_table(
        "pulse_answer",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("occurrence_id", sa.Integer(), nullable=False),
        sa.Column("partner_id", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("next_deal", sa.String(), nullable=False),
        sa.Column("verdict", sa.String(10), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["occurrence_id"], ["occurrence.id"], name=op.f("fk_pulse_answer_occurrence_id_occurrence")
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_pulse_answer_partner_id_partner")),
        sa.ForeignKeyConstraint(["by_id"], ["person.id"], name=op.f("fk_pulse_answer_by_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pulse_answer")),
    )
    op.create_index(op.f("ix_pulse_answer_occurrence_id"), "pulse_answer", ["occurrence_id"])
    op.create_index(op.f("ix_pulse_answer_partner_id"), "pulse_answer", ["partner_id"])
    op.create_table(
        "calendar_feed",
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("secret", sa.String(), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_calendar_feed_person_id_person")),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_calendar_feed")),
        sa.UniqueConstraint("secret", name=op.f("uq_calendar_feed_secret")),
    )
    op.create_table(
        "fiscal_quarter",
        sa.Column("label", sa.String(16), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("first", sa.Date(), nullable=False),
        sa.Column("last", sa.Date(), nullable=False),
        sa.Column("model", sa.String(16), nullable=False),
        sa.Column("kept_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("label", name=op.f("pk_fiscal_quarter")),
    )


# What goes with the meetings that the schema before did not know, children first.
_OF_MEETINGS = "(SELECT o.id FROM occurrence o JOIN cadence c ON c.id = o.cadence_id WHERE c.meeting_id IS NOT NULL)"
_CHILDREN = (
    ("commitment_fate", f"occurrence_id IN {_OF_MEETINGS}"),
    ("commitment_fate", f"commitment_id IN (SELECT id FROM commitment WHERE made_in_id IN {_OF_MEETINGS})"),  # noqa: S608 - fixed text
    ("commitment", f"made_in_id IN {_OF_MEETINGS} OR partner_id IS NULL"),
    ("artifact", f"occurrence_id IN {_OF_MEETINGS}"),
    ("card_occurrence", f"occurrence_id IN {_OF_MEETINGS}"),
    ("step", f"occurrence_id IN {_OF_MEETINGS}"),
    ("answer", f"occurrence_id IN {_OF_MEETINGS}"),
)


def downgrade() -> None:
    for table in ("fiscal_quarter", "calendar_feed", "pulse_answer", "loss_reason", "minutes"):
        op.drop_table(table)
    op.execute(f"UPDATE outbox SET occurrence_id = NULL WHERE occurrence_id IN {_OF_MEETINGS}")  # noqa: S608 - fixed text
    for table, where in _CHILDREN:
        op.execute(f"DELETE FROM {table} WHERE {where}")  # noqa: S608 - fixed text
    op.execute(f"DELETE FROM occurrence WHERE id IN {_OF_MEETINGS}")  # noqa: S608 - fixed text
    op.execute("DELETE FROM cadence WHERE meeting_id IS NOT NULL")
    with op.batch_alter_table("commitment", schema=None) as batch_op:
        batch_op.alter_column("partner_id", existing_type=sa.Integer(), nullable=False)
    with op.batch_alter_table("cadence", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_cadence_meeting_id"))
        batch_op.drop_constraint(batch_op.f("fk_cadence_meeting_id_meeting_kind"), type_="foreignkey")
        batch_op.drop_column("meeting_id")
    op.drop_table("meeting_kind")
