"""Joint channels: marked deals, counterparts, what the partner says, who reads a channel, and what waits for a decision.

Revision: 0007, after 0006.
"""

import sqlalchemy as sa
from alembic import op

from models.tables import UtcDateTime
from models.tables.base import Json

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "channel_guest",
        sa.Column("channel_id", sa.String(), nullable=False),
        sa.Column("slack_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.Column("left_at", UtcDateTime(), nullable=True),
        sa.Column("allowed_at", UtcDateTime(), nullable=True),
        sa.Column("allowed_by_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["allowed_by_id"], ["person.id"], name=op.f("fk_channel_guest_allowed_by_id_person")),
        sa.PrimaryKeyConstraint("channel_id", "slack_id", name=op.f("pk_channel_guest")),
    )
    op.create_table(
        "counterpart",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("partner_id", sa.Integer(), nullable=False),
        sa.Column("slack_id", sa.String(), nullable=False),
        sa.Column("slack_team_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("how", sa.String(length=8), nullable=False),
        sa.Column("proposed_at", UtcDateTime(), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["decided_by_id"], ["person.id"], name=op.f("fk_counterpart_decided_by_id_person")),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_counterpart_partner_id_partner")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_counterpart_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_counterpart")),
        sa.UniqueConstraint(
            "slack_id", "slack_team_id", "partner_id", name=op.f("uq_counterpart_slack_id_slack_team_id_partner_id")
        ),
    )
    with op.batch_alter_table("counterpart", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_counterpart_partner_id"), ["partner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_counterpart_person_id"), ["person_id"], unique=False)
        batch_op.create_index(
            "uq_counterpart_confirmed",
            ["slack_id"],
            unique=True,
            sqlite_where=sa.text("state = 'confirmed'"),
            postgresql_where=sa.text("state = 'confirmed'"),
        )

    op.create_table(
        "joint_deal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("deal_id", sa.Integer(), nullable=False),
        sa.Column("partner_id", sa.Integer(), nullable=False),
        sa.Column("amount_shared", sa.Boolean(), nullable=False),
        sa.Column("valid_from", UtcDateTime(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("valid_to", UtcDateTime(), nullable=True),
        sa.Column("ended_by_id", sa.Integer(), nullable=True),
        sa.Column("ended_why", sa.String(length=12), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["person.id"], name=op.f("fk_joint_deal_by_id_person")),
        sa.ForeignKeyConstraint(["deal_id"], ["deal.id"], name=op.f("fk_joint_deal_deal_id_deal")),
        sa.ForeignKeyConstraint(["ended_by_id"], ["person.id"], name=op.f("fk_joint_deal_ended_by_id_person")),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_joint_deal_partner_id_partner")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_joint_deal")),
    )
    with op.batch_alter_table("joint_deal", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_joint_deal_deal_id"), ["deal_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_joint_deal_partner_id"), ["partner_id"], unique=False)
        batch_op.create_index(
            "uq_joint_deal_standing",
            ["deal_id", "partner_id"],
            unique=True,
            sqlite_where=sa.text("valid_to IS NULL"),
            postgresql_where=sa.text("valid_to IS NULL"),
        )

    op.create_table(
        "stage_name",
        sa.Column("partner_id", sa.Integer(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("joint", sa.String(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("changed_by_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["changed_by_id"], ["person.id"], name=op.f("fk_stage_name_changed_by_id_person")),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_stage_name_partner_id_partner")),
        sa.PrimaryKeyConstraint("partner_id", "stage", name=op.f("pk_stage_name")),
    )
    op.create_table(
        "joint_answer",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("joint_deal_id", sa.Integer(), nullable=False),
        sa.Column("occurrence_id", sa.Integer(), nullable=True),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("said_by", sa.String(), nullable=False),
        sa.Column("recorded_by_id", sa.Integer(), nullable=True),
        sa.Column("source", sa.String(length=8), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("due", sa.Date(), nullable=True),
        sa.Column("ask", sa.String(), nullable=False),
        sa.Column("changed", Json, nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["person.id"], name=op.f("fk_joint_answer_by_id_person")),
        sa.ForeignKeyConstraint(
            ["joint_deal_id"], ["joint_deal.id"], name=op.f("fk_joint_answer_joint_deal_id_joint_deal")
        ),
        sa.ForeignKeyConstraint(
            ["occurrence_id"], ["occurrence.id"], name=op.f("fk_joint_answer_occurrence_id_occurrence")
        ),
        sa.ForeignKeyConstraint(["recorded_by_id"], ["person.id"], name=op.f("fk_joint_answer_recorded_by_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_joint_answer")),
    )
    with op.batch_alter_table("joint_answer", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_joint_answer_joint_deal_id"), ["joint_deal_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_joint_answer_occurrence_id"), ["occurrence_id"], unique=False)

    op.create_table(
        "reply_proposal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("partner_id", sa.Integer(), nullable=False),
        sa.Column("occurrence_id", sa.Integer(), nullable=True),
        sa.Column("counterpart_id", sa.Integer(), nullable=False),
        sa.Column("channel_id", sa.String(), nullable=False),
        sa.Column("message_ts", sa.String(), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("joint_deal_id", sa.Integer(), nullable=True),
        sa.Column("candidates", Json, nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.Column("answer_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["answer_id"], ["joint_answer.id"], name=op.f("fk_reply_proposal_answer_id_joint_answer")
        ),
        sa.ForeignKeyConstraint(
            ["counterpart_id"], ["counterpart.id"], name=op.f("fk_reply_proposal_counterpart_id_counterpart")
        ),
        sa.ForeignKeyConstraint(["decided_by_id"], ["person.id"], name=op.f("fk_reply_proposal_decided_by_id_person")),
        sa.ForeignKeyConstraint(
            ["joint_deal_id"], ["joint_deal.id"], name=op.f("fk_reply_proposal_joint_deal_id_joint_deal")
        ),
        sa.ForeignKeyConstraint(
            ["occurrence_id"], ["occurrence.id"], name=op.f("fk_reply_proposal_occurrence_id_occurrence")
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_reply_proposal_partner_id_partner")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reply_proposal")),
        sa.UniqueConstraint("channel_id", "message_ts", name=op.f("uq_reply_proposal_channel_id_message_ts")),
    )
    with op.batch_alter_table("reply_proposal", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_reply_proposal_partner_id"), ["partner_id"], unique=False)

    with op.batch_alter_table("card", schema=None) as batch_op:
        batch_op.add_column(sa.Column("partner_id", sa.Integer(), nullable=True))
        batch_op.create_index(batch_op.f("ix_card_partner_id"), ["partner_id"], unique=False)
        batch_op.create_foreign_key(batch_op.f("fk_card_partner_id_partner"), "partner", ["partner_id"], ["id"])

    with op.batch_alter_table("channel", schema=None) as batch_op:
        batch_op.add_column(sa.Column("is_ext_shared", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.add_column(sa.Column("connected", Json, server_default="[]", nullable=False))
        batch_op.add_column(sa.Column("pending", Json, server_default="[]", nullable=False))
        batch_op.add_column(sa.Column("swept_at", UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column("lost_at", UtcDateTime(), nullable=True))

    with op.batch_alter_table("commitment", schema=None) as batch_op:
        batch_op.add_column(sa.Column("shared_text", sa.String(), server_default="", nullable=False))

    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.add_column(sa.Column("audience", sa.String(length=8), server_default="internal", nullable=False))
        batch_op.add_column(sa.Column("partner_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("decision", sa.String(length=8), server_default="", nullable=False))
        batch_op.add_column(sa.Column("decided_at", UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column("decided_by_id", sa.Integer(), nullable=True))
        batch_op.create_foreign_key(batch_op.f("fk_outbox_decided_by_id_person"), "person", ["decided_by_id"], ["id"])
        batch_op.create_foreign_key(batch_op.f("fk_outbox_partner_id_partner"), "partner", ["partner_id"], ["id"])

    with op.batch_alter_table("partner", schema=None) as batch_op:
        batch_op.add_column(sa.Column("joint_approved", sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("joint_approved_by_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("joint_teams", Json, server_default="[]", nullable=False))
        batch_op.create_foreign_key(
            batch_op.f("fk_partner_joint_approved_by_id_person"), "person", ["joint_approved_by_id"], ["id"]
        )

    # A deal that was marked before is marked with its primary partner: until now there was no other to mark it with.
    op.execute(
        "INSERT INTO joint_deal (deal_id, partner_id, amount_shared, valid_from, ended_why) "
        "SELECT deal.id, deal_version.partner_id, deal.amount_shared, deal_version.valid_from, '' "
        "FROM deal JOIN deal_version ON deal_version.id = deal.version_id "
        "WHERE deal.joint AND deal_version.partner_id IS NOT NULL"
    )


def downgrade() -> None:
    with op.batch_alter_table("partner", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_partner_joint_approved_by_id_person"), type_="foreignkey")
        batch_op.drop_column("joint_teams")
        batch_op.drop_column("joint_approved_by_id")
        batch_op.drop_column("joint_approved")

    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_outbox_partner_id_partner"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_outbox_decided_by_id_person"), type_="foreignkey")
        batch_op.drop_column("decided_by_id")
        batch_op.drop_column("decided_at")
        batch_op.drop_column("decision")
        batch_op.drop_column("partner_id")
        batch_op.drop_column("audience")

    with op.batch_alter_table("commitment", schema=None) as batch_op:
        batch_op.drop_column("shared_text")

    with op.batch_alter_table("channel", schema=None) as batch_op:
        batch_op.drop_column("lost_at")
        batch_op.drop_column("swept_at")
        batch_op.drop_column("pending")
        batch_op.drop_column("connected")
        batch_op.drop_column("is_ext_shared")

    with op.batch_alter_table("card", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_card_partner_id_partner"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_card_partner_id"))
        batch_op.drop_column("partner_id")

    with op.batch_alter_table("reply_proposal", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_reply_proposal_partner_id"))

    op.drop_table("reply_proposal")
    with op.batch_alter_table("joint_answer", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_joint_answer_occurrence_id"))
        batch_op.drop_index(batch_op.f("ix_joint_answer_joint_deal_id"))

    op.drop_table("joint_answer")
    op.drop_table("stage_name")
    with op.batch_alter_table("joint_deal", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_joint_deal_standing",
            sqlite_where=sa.text("valid_to IS NULL"),
            postgresql_where=sa.text("valid_to IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_joint_deal_partner_id"))
        batch_op.drop_index(batch_op.f("ix_joint_deal_deal_id"))

    op.drop_table("joint_deal")
    with op.batch_alter_table("counterpart", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_counterpart_confirmed",
            sqlite_where=sa.text("state = 'confirmed'"),
            postgresql_where=sa.text("state = 'confirmed'"),
        )
        batch_op.drop_index(batch_op.f("ix_counterpart_person_id"))
        batch_op.drop_index(batch_op.f("ix_counterpart_partner_id"))

    op.drop_table("counterpart")
    op.drop_table("channel_guest")
