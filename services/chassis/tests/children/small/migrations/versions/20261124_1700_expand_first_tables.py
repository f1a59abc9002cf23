"""Tables of the small service."""

from alembic import op

from chassis.identity.copies import create_copy_tables
from chassis.tables import create_delivery_tables, forget_when_rows_were_sent, keep_sayings, leave_room

revision = "20261124_1700"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    create_delivery_tables(op)
    keep_sayings(op)
    forget_when_rows_were_sent(op)
    leave_room(op)
    create_copy_tables(op)
    op.execute("""
        CREATE TABLE tick (n bigserial PRIMARY KEY, worker text NOT NULL, began timestamptz NOT NULL, ended timestamptz);
        CREATE TABLE wish (id uuid PRIMARY KEY, number integer NOT NULL);
    """)
