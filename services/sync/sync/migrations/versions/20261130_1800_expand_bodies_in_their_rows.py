"""Sealed bodies of some 3 kB stay in their rows: a table and an index beside it cost more than the room in the page."""

from alembic import op

revision = "20261130_1800"
down_revision = "20261130_1410"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("ALTER TABLE outbox_state SET (toast_tuple_target = 8160)")


def downgrade() -> None:
    op.execute("ALTER TABLE outbox_state RESET (toast_tuple_target)")
