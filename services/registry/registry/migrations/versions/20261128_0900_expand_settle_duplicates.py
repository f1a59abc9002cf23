"""Who has settled a case of duplicates, and why."""

from alembic import op

revision = "20261128_0900"
down_revision = "20261124_1830"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE duplicate_case ADD COLUMN settled_by uuid, ADD COLUMN reason_sealed bytea")


def downgrade() -> None:
    op.execute("ALTER TABLE duplicate_case DROP COLUMN settled_by, DROP COLUMN reason_sealed")
