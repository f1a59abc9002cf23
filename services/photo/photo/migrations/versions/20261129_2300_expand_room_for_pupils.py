"""Room on the pages of pupils: a new status then stays on its page, and none of five indexes is written for it."""

from alembic import op

revision = "20261129_2300"
down_revision = "20261124_1700"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("ALTER TABLE pupil SET (fillfactor = 70)")


def downgrade() -> None:
    op.execute("ALTER TABLE pupil RESET (fillfactor)")
