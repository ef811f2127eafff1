"""The first day: which version stands, staged imports, dropped files, open owners, targets, deals born in Slack.

Salesforce ids that were stored by 15 characters get the 18 under which they are looked for now.

Revision: 0004, after 0003.
"""

import sqlalchemy as sa
from alembic import op

from models.domain.files.ids import record_key
from models.tables import UtcDateTime
from models.tables.base import Json

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("deal", schema=None) as batch_op:
        batch_op.add_column(sa.Column("version_id", sa.Integer(), nullable=True))
    op.execute(
        "UPDATE deal SET version_id = (SELECT v.id FROM deal_version v WHERE v.deal_id = deal.id AND v.valid_to IS NULL)"
    )
    op.drop_index("uq_deal_version_current", table_name="deal_version")
    with op.batch_alter_table("import_run", schema=None) as batch_op:
        batch_op.add_column(sa.Column("state", sa.String(10), nullable=False, server_default="applied"))
        batch_op.add_column(sa.Column("lease_until", UtcDateTime(), nullable=True))
    with op.batch_alter_table("import_run", schema=None) as batch_op:
        batch_op.alter_column("state", server_default=None)
        batch_op.create_index(batch_op.f("ix_import_run_state"), ["state"])
    with op.batch_alter_table("crm_record", schema=None) as batch_op:
        batch_op.drop_constraint("fk_crm_record_seen_import_id_import_run", type_="foreignkey")
        batch_op.drop_column("seen_import_id")
        batch_op.add_column(sa.Column("owner_said", sa.String(), nullable=False, server_default=""))
    with op.batch_alter_table("crm_record", schema=None) as batch_op:
        batch_op.alter_column("owner_said", server_default=None)
    op.create_index(
        "ix_crm_record_owner_said", "crm_record", ["owner_said"],
        sqlite_where=sa.text("owner_said <> ''"), postgresql_where=sa.text("owner_said <> ''"),
    )  # fmt: skip
    _spell_ids_in_full()
    _create_tables()


def _spell_ids_in_full() -> None:
    connection = op.get_bind()
    stored = {row[0] for row in connection.execute(sa.text("SELECT crm_id FROM crm_record"))}
    for short in sorted(stored):
        full = record_key(short)
        if full == short or full in stored:
            continue
        for table in ("deal", "crm_record"):
            connection.execute(
                sa.text(f"UPDATE {table} SET crm_id = :full WHERE crm_id = :short"),  # noqa: S608 - two fixed names
                {"full": full, "short": short},
            )


def _create_tables() -> None:
    op.create_table(
        "import_change",
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.Column("deal_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("crm_id", sa.String(), nullable=False),
        sa.Column("base_id", sa.Integer(), nullable=True),
        sa.Column("version_id", sa.Integer(), nullable=True),
        sa.Column("forward", sa.Boolean(), nullable=False),
        sa.Column("relinked", sa.Boolean(), nullable=False),
        sa.Column("record", Json, nullable=True),
        sa.ForeignKeyConstraint(["import_id"], ["import_run.id"], name=op.f("fk_import_change_import_id_import_run")),
        sa.ForeignKeyConstraint(["deal_id"], ["deal.id"], name=op.f("fk_import_change_deal_id_deal")),
        sa.PrimaryKeyConstraint("import_id", "deal_id", "kind", name=op.f("pk_import_change")),
    )
    op.create_table(
        "import_draft",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("file_id", sa.String(), nullable=False),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("options", Json, nullable=False),
        sa.Column("found", Json, nullable=True),
        sa.Column("result", Json, nullable=True),
        sa.Column("problem", sa.String(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("card_id", sa.Integer(), nullable=True),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_import_draft_person_id_person")),
        sa.ForeignKeyConstraint(["card_id"], ["card.id"], name=op.f("fk_import_draft_card_id_card")),
        sa.ForeignKeyConstraint(["run_id"], ["import_run.id"], name=op.f("fk_import_draft_run_id_import_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_draft")),
        sa.UniqueConstraint("file_id", "person_id", name=op.f("uq_import_draft_file_id_person_id")),
    )
    op.create_index(op.f("ix_import_draft_person_id"), "import_draft", ["person_id"])
    op.create_index(op.f("ix_import_draft_state"), "import_draft", ["state"])
    op.create_table(
        "import_part",
        sa.Column("draft_id", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["draft_id"], ["import_draft.id"], name=op.f("fk_import_part_draft_id_import_draft")),
        sa.PrimaryKeyConstraint("draft_id", "place", name=op.f("pk_import_part")),
    )
    op.create_table(
        "target",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("partner_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("our_status", sa.String(), nullable=False),
        sa.Column("their_status", sa.String(), nullable=False),
        sa.Column("our_owner", sa.String(), nullable=False),
        sa.Column("their_owner", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.Column("gone_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_target_partner_id_partner")),
        sa.ForeignKeyConstraint(["import_id"], ["import_run.id"], name=op.f("fk_target_import_id_import_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_target")),
        sa.UniqueConstraint("partner_id", "key", name=op.f("uq_target_partner_id_key")),
    )
    op.create_table(
        "deal_match",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("deal_id", sa.Integer(), nullable=False),
        sa.Column("other_id", sa.Integer(), nullable=False),
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["deal_id"], ["deal.id"], name=op.f("fk_deal_match_deal_id_deal")),
        sa.ForeignKeyConstraint(["other_id"], ["deal.id"], name=op.f("fk_deal_match_other_id_deal")),
        sa.ForeignKeyConstraint(["import_id"], ["import_run.id"], name=op.f("fk_deal_match_import_id_import_run")),
        sa.ForeignKeyConstraint(["decided_by_id"], ["person.id"], name=op.f("fk_deal_match_decided_by_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deal_match")),
        sa.UniqueConstraint("deal_id", "other_id", name=op.f("uq_deal_match_deal_id_other_id")),
    )
    op.create_index(op.f("ix_deal_match_other_id"), "deal_match", ["other_id"])
    op.create_index(op.f("ix_deal_match_state"), "deal_match", ["state"])


def downgrade() -> None:
    for table in ("deal_match", "target", "import_part", "import_draft", "import_change"):
        op.drop_table(table)
    op.drop_index("ix_crm_record_owner_said", table_name="crm_record")
    with op.batch_alter_table("crm_record", schema=None) as batch_op:
        batch_op.drop_column("owner_said")
        batch_op.add_column(sa.Column("seen_import_id", sa.Integer(), nullable=True))
    op.execute("UPDATE crm_record SET seen_import_id = import_id")
    with op.batch_alter_table("crm_record", schema=None) as batch_op:
        batch_op.alter_column("seen_import_id", nullable=False)
        batch_op.create_foreign_key("fk_crm_record_seen_import_id_import_run", "import_run", ["seen_import_id"], ["id"])
    with op.batch_alter_table("import_run", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_import_run_state"))
        batch_op.drop_column("lease_until")
        batch_op.drop_column("state")
    # What stands is the pointer's word: a version an unfinished import left open must not become a second one.
    op.execute(
        "UPDATE deal_version SET valid_to = valid_from WHERE valid_to IS NULL AND id NOT IN "
        "(SELECT version_id FROM deal WHERE version_id IS NOT NULL)"
    )
    op.create_index(
        "uq_deal_version_current", "deal_version", ["deal_id"], unique=True,
        sqlite_where=sa.text("valid_to IS NULL"), postgresql_where=sa.text("valid_to IS NULL"),
    )  # fmt: skip
    with op.batch_alter_table("deal", schema=None) as batch_op:
        batch_op.drop_column("version_id")
