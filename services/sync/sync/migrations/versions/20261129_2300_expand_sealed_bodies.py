"""Sealed bodies are stored as they are: what is encrypted cannot be compressed, and PostgreSQL tries it every time."""

from alembic import op

revision = "20261129_2300"
down_revision = "20261124_1700"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("ALTER TABLE outbox_state ALTER COLUMN body SET STORAGE EXTERNAL")
    op.execute("ALTER TABLE national_pupil ALTER COLUMN projection_sealed SET STORAGE EXTERNAL")


def downgrade() -> None:
    op.execute("ALTER TABLE outbox_state ALTER COLUMN body SET STORAGE EXTENDED")
    op.execute("ALTER TABLE national_pupil ALTER COLUMN projection_sealed SET STORAGE EXTENDED")
