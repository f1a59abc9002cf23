"""Submissions, frozen, and the reasons that schools give for warnings.

No foreign keys, as between the tables of pupils: a thousand go in at once, each under the lock of its pupil.
"""

from alembic import op

revision = "20261124_1830"
down_revision = "20261124_1800"
branch_labels = None
depends_on = None

STATEMENTS = (
    """CREATE TABLE submission (
        request_id uuid PRIMARY KEY,
        student_id uuid NOT NULL,
        enrolment_id uuid NOT NULL,
        school_id uuid NOT NULL,
        authority_id uuid,
        number integer NOT NULL,
        state text NOT NULL,
        content_hash text NOT NULL,
        content_sealed bytea NOT NULL,
        warnings text[] NOT NULL,
        submitted_by uuid NOT NULL,
        account_id uuid NOT NULL,
        submitted_at timestamptz NOT NULL,
        withdrawal_asked_at timestamptz,
        decided_by uuid,
        decided_at timestamptz,
        reasons jsonb
    ) WITH (fillfactor = 90)""",
    # Sealed bytes do not compress; trying to costs more than writing them.
    "ALTER TABLE submission ALTER COLUMN content_sealed SET STORAGE EXTERNAL",
    "CREATE UNIQUE INDEX submission_student ON submission (student_id, number)",
    "CREATE UNIQUE INDEX submission_open ON submission (student_id) WHERE state = 'open'",
    "CREATE INDEX submission_asked ON submission (school_id) WHERE state = 'open' AND withdrawal_asked_at IS NOT NULL",
    "CREATE INDEX submission_conflict ON submission (school_id) WHERE state = 'conflict'",
    """CREATE TABLE explanation (
        student_id uuid NOT NULL,
        code text NOT NULL,
        reason_sealed bytea NOT NULL,
        account_id uuid NOT NULL,
        given_at timestamptz NOT NULL,
        PRIMARY KEY (student_id, code)
    )""",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in STATEMENTS:
        op.execute(statement)
