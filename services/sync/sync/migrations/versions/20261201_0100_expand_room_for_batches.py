"""Half of a page of counters and watermarks is room for their next versions: a batch writes all of them at once."""

from alembic import op
from chassis.tables import leave_room

revision = "20261201_0100"
down_revision = "20261130_1800"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    leave_room(op)


def downgrade() -> None:
    raise NotImplementedError("A migration is followed by another, never taken back.")
