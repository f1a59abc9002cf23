"""What one transaction says is marked as sent in one row: `saying`. Source: decision 20 of the chassis."""

from alembic import op
from chassis.tables import keep_sayings

revision = "20261130_1400"
down_revision = "20261124_2300"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    keep_sayings(op)


def downgrade() -> None:
    raise NotImplementedError("A migration is followed by another, never taken back.")
