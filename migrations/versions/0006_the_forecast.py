"""The forecast: attribution with two signatures, signed commits, frozen snapshots, sign-offs, targets, rates and terms.

Revision: 0006, after 0005.
"""

import sqlalchemy as sa
from alembic import op

from models.tables import UtcDateTime
from models.tables.base import Json

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "attribution_claim",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("deal_id", sa.Integer(), nullable=False),
        sa.Column("partner_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("opened_at", UtcDateTime(), nullable=False),
        sa.Column("opened_by_id", sa.Integer(), nullable=False),
        sa.Column("due", sa.Date(), nullable=True),
        sa.Column("in_force_at", UtcDateTime(), nullable=True),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("replaced_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["deal_id"], ["deal.id"], name=op.f("fk_attribution_claim_deal_id_deal")),
        sa.ForeignKeyConstraint(["opened_by_id"], ["person.id"], name=op.f("fk_attribution_claim_opened_by_id_person")),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_attribution_claim_partner_id_partner")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attribution_claim")),
    )
    with op.batch_alter_table("attribution_claim", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_attribution_claim_deal_id"), ["deal_id"], unique=False)
    op.create_table(
        "exchange_rate",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("into", sa.String(3), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("rate", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["person.id"], name=op.f("fk_exchange_rate_by_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchange_rate")),
    )
    with op.batch_alter_table("exchange_rate", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_exchange_rate_currency_into_day"), ["currency", "into", "day"], unique=False
        )
    op.create_table(
        "snapshot",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("period", sa.String(16), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("cut_off", UtcDateTime(), nullable=False),
        sa.Column("rate_day", sa.Date(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("made_by_id", sa.Integer(), nullable=False),
        sa.Column("facts", Json, nullable=False),
        sa.ForeignKeyConstraint(["made_by_id"], ["person.id"], name=op.f("fk_snapshot_made_by_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_snapshot")),
        sa.UniqueConstraint("period", "number", name=op.f("uq_snapshot_period_number")),
    )
    op.create_table(
        "terms_version",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("terms", Json, nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["person.id"], name=op.f("fk_terms_version_by_id_person")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_terms_version")),
    )
    op.create_table(
        "adjustment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("period", sa.String(16), nullable=False),
        sa.Column("partner_id", sa.Integer(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("commit", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["person.id"], name=op.f("fk_adjustment_by_id_person")),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_adjustment_partner_id_partner")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_adjustment")),
    )
    with op.batch_alter_table("adjustment", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_adjustment_period_partner_id"), ["period", "partner_id"], unique=False)
    op.create_table(
        "attribution_signature",
        sa.Column("claim_id", sa.Integer(), nullable=False),
        sa.Column("side", sa.String(4), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("for_id", sa.Integer(), nullable=True),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["claim_id"], ["attribution_claim.id"], name=op.f("fk_attribution_signature_claim_id_attribution_claim")
        ),
        sa.ForeignKeyConstraint(["for_id"], ["person.id"], name=op.f("fk_attribution_signature_for_id_person")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_attribution_signature_person_id_person")),
        sa.PrimaryKeyConstraint("claim_id", "side", name=op.f("pk_attribution_signature")),
        sa.UniqueConstraint("claim_id", "person_id", name=op.f("uq_attribution_signature_claim_id_person_id")),
    )
    op.create_table(
        "quarter_close",
        sa.Column("period", sa.String(16), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("snapshot_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["person.id"], name=op.f("fk_quarter_close_by_id_person")),
        sa.ForeignKeyConstraint(["snapshot_id"], ["snapshot.id"], name=op.f("fk_quarter_close_snapshot_id_snapshot")),
        sa.PrimaryKeyConstraint("period", name=op.f("pk_quarter_close")),
    )
    op.create_table(
        "quota",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("period", sa.String(16), nullable=False),
        sa.Column("partner_id", sa.Integer(), nullable=True),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["person.id"], name=op.f("fk_quota_by_id_person")),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_quota_partner_id_partner")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quota")),
    )
    with op.batch_alter_table("quota", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_quota_period"), ["period"], unique=False)
    op.create_table(
        "sign_off",
        sa.Column("snapshot_id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(4), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_sign_off_person_id_person")),
        sa.ForeignKeyConstraint(["snapshot_id"], ["snapshot.id"], name=op.f("fk_sign_off_snapshot_id_snapshot")),
        sa.PrimaryKeyConstraint("snapshot_id", "role", name=op.f("pk_sign_off")),
        sa.UniqueConstraint("snapshot_id", "person_id", name=op.f("uq_sign_off_snapshot_id_person_id")),
    )
    op.create_table(
        "signed_commit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("period", sa.String(16), nullable=False),
        sa.Column("partner_id", sa.Integer(), nullable=False),
        sa.Column("pm_id", sa.Integer(), nullable=True),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("for_id", sa.Integer(), nullable=True),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("commit", sa.BigInteger(), nullable=False),
        sa.Column("best_case", sa.BigInteger(), nullable=False),
        sa.Column("deals_commit", sa.BigInteger(), nullable=False),
        sa.Column("deals_best_case", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["person.id"], name=op.f("fk_signed_commit_by_id_person")),
        sa.ForeignKeyConstraint(["for_id"], ["person.id"], name=op.f("fk_signed_commit_for_id_person")),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_signed_commit_partner_id_partner")),
        sa.ForeignKeyConstraint(["pm_id"], ["person.id"], name=op.f("fk_signed_commit_pm_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signed_commit")),
    )
    with op.batch_alter_table("signed_commit", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_signed_commit_period_partner_id"), ["period", "partner_id"], unique=False)
    op.create_table(
        "snapshot_line",
        sa.Column("snapshot_id", sa.Integer(), nullable=False),
        sa.Column("deal_id", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("partner_id", sa.Integer(), nullable=False),
        sa.Column("pm_id", sa.Integer(), nullable=True),
        sa.Column("owner_id", sa.Integer(), nullable=True),
        sa.Column("category", sa.String(16), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("close_date", sa.Date(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("rate_day", sa.Date(), nullable=True),
        sa.Column("value", sa.BigInteger(), nullable=True),
        sa.Column("plain", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["deal_id"], ["deal.id"], name=op.f("fk_snapshot_line_deal_id_deal")),
        sa.ForeignKeyConstraint(["snapshot_id"], ["snapshot.id"], name=op.f("fk_snapshot_line_snapshot_id_snapshot")),
        sa.PrimaryKeyConstraint("snapshot_id", "deal_id", name=op.f("pk_snapshot_line")),
    )
    op.create_table(
        "snapshot_part",
        sa.Column("snapshot_id", sa.Integer(), nullable=False),
        sa.Column("deal_id", sa.Integer(), nullable=False),
        sa.Column("partner_id", sa.Integer(), nullable=False),
        sa.Column("pm_id", sa.Integer(), nullable=True),
        sa.Column("share", sa.Integer(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["deal_id"], ["deal.id"], name=op.f("fk_snapshot_part_deal_id_deal")),
        sa.ForeignKeyConstraint(["snapshot_id"], ["snapshot.id"], name=op.f("fk_snapshot_part_snapshot_id_snapshot")),
        sa.PrimaryKeyConstraint("snapshot_id", "deal_id", "partner_id", name=op.f("pk_snapshot_part")),
    )
    op.create_table(
        "touch",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("deal_id", sa.Integer(), nullable=False),
        sa.Column("partner_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("said", sa.String(), nullable=False),
        sa.Column("source", sa.String(8), nullable=False),
        sa.Column("channel_id", sa.String(), nullable=False),
        sa.Column("ts", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["person.id"], name=op.f("fk_touch_by_id_person")),
        sa.ForeignKeyConstraint(["deal_id"], ["deal.id"], name=op.f("fk_touch_deal_id_deal")),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_touch_partner_id_partner")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_touch")),
    )
    with op.batch_alter_table("touch", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_touch_deal_id"), ["deal_id"], unique=False)
    with op.batch_alter_table("deal", schema=None) as batch_op:
        batch_op.add_column(sa.Column("attribution", sa.String(16), server_default="", nullable=False))
        batch_op.add_column(sa.Column("attribution_state", sa.String(10), server_default="", nullable=False))
        batch_op.add_column(sa.Column("touched_on", sa.Date(), nullable=True))
    with op.batch_alter_table("card", schema=None) as batch_op:
        batch_op.add_column(sa.Column("snapshot_id", sa.Integer(), nullable=True))
        batch_op.create_foreign_key(batch_op.f("fk_card_snapshot_id_snapshot"), "snapshot", ["snapshot_id"], ["id"])
        batch_op.create_index(batch_op.f("ix_card_snapshot_id"), ["snapshot_id"])


# The version before has no words for a roll-up's message: what stands stays as it is, what is owed is not sent.
_ROLL_UPS = "(SELECT id FROM card WHERE snapshot_id IS NOT NULL)"


def downgrade() -> None:
    op.execute(f"UPDATE outbox SET state = 'void' WHERE state = 'pending' AND card_id IN {_ROLL_UPS}")  # noqa: S608 - fixed text
    op.execute("UPDATE card SET dead = 'a roll-up of a later version' WHERE snapshot_id IS NOT NULL")
    with op.batch_alter_table("card", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_card_snapshot_id"))
        batch_op.drop_constraint(batch_op.f("fk_card_snapshot_id_snapshot"), type_="foreignkey")
        batch_op.drop_column("snapshot_id")
    with op.batch_alter_table("deal", schema=None) as batch_op:
        batch_op.drop_column("touched_on")
        batch_op.drop_column("attribution_state")
        batch_op.drop_column("attribution")
    with op.batch_alter_table("touch", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_touch_deal_id"))
    op.drop_table("touch")
    op.drop_table("snapshot_part")
    op.drop_table("snapshot_line")
    with op.batch_alter_table("signed_commit", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_signed_commit_period_partner_id"))
    op.drop_table("signed_commit")
    op.drop_table("sign_off")
    with op.batch_alter_table("quota", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_quota_period"))
    op.drop_table("quota")
    op.drop_table("quarter_close")
    op.drop_table("attribution_signature")
    with op.batch_alter_table("adjustment", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_adjustment_period_partner_id"))
    op.drop_table("adjustment")
    op.drop_table("terms_version")
    op.drop_table("snapshot")
    with op.batch_alter_table("exchange_rate", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_exchange_rate_currency_into_day"))
    op.drop_table("exchange_rate")
    with op.batch_alter_table("attribution_claim", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_attribution_claim_deal_id"))
    op.drop_table("attribution_claim")
