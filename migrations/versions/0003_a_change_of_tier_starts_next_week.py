"""A change of tier starts next week: the tier of the running week, and the Monday it began on.

Revision: 0003, after 0002.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("partner", schema=None) as batch_op:
        batch_op.add_column(sa.Column("tier_now", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("tier_week", sa.Date(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("partner", schema=None) as batch_op:
        batch_op.drop_column("tier_week")
        batch_op.drop_column("tier_now")
