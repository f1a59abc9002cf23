"""Single rows of the outbox are not marked as sent any more. Source: decision 20 of the chassis."""

from alembic import op
from chassis.tables import forget_when_rows_were_sent

revision = "20261130_1410"
down_revision = "20261130_1400"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    forget_when_rows_were_sent(op)


def downgrade() -> None:
    raise NotImplementedError("A migration is followed by another, never taken back.")
