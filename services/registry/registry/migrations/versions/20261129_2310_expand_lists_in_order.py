"""Lists of pupils are read in their order, page by page: a school's four thousand are not sorted to show fifty.

Nobody waits for it, so it is no transaction: cut short it leaves an index that is of no use, and begins anew.
"""

from alembic import op

revision = "20261129_2310"
down_revision = "20261129_2300"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS enrolment_list")
        op.execute("CREATE INDEX CONCURRENTLY enrolment_list ON enrolment (school_id, class_id, student_id)")


def downgrade() -> None:
    op.execute("DROP INDEX enrolment_list")
