"""Tables of sync: pupils as the nation knows them, photos' hashes, classes, conflicts."""

import sqlalchemy as sa
from alembic import op
from chassis.identity.copies import create_copy_tables
from chassis.tables import create_delivery_tables
from sqlalchemy.dialects.postgresql import JSONB

revision = "20261124_1700"
down_revision = None
branch_labels = None
depends_on = None

moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    create_delivery_tables(op)
    create_copy_tables(op)
    op.create_table(
        "national_pupil",
        sa.Column("student_id", sa.Uuid, primary_key=True),
        sa.Column("enrolment_id", sa.Uuid, nullable=False),
        sa.Column("school_id", sa.Uuid, nullable=False),
        sa.Column("class_number", sa.Text, nullable=False),
        sa.Column("operation", sa.Text, nullable=False),
        sa.Column("effective_on", sa.Date, nullable=False),
        sa.Column("projection_sealed", sa.LargeBinary),
        sa.Column("content_hash", sa.Text, nullable=False),
        sa.Column("spoken", JSONB, nullable=False),
        sa.Column("spoken_at", moment, nullable=False),
        sa.Column("standing", sa.Text, nullable=False),
        sa.Column("accepted_version", sa.BigInteger),
        sa.Column("problem_count", sa.Integer, nullable=False),
        sa.Column("answers_sealed", sa.LargeBinary),
        sa.Column("number_sealed", sa.LargeBinary),
        sa.Column("number_blind", sa.LargeBinary),
        sa.Column("number_epoch", sa.Integer),
        sa.Column("number_version", sa.BigInteger),
        sa.Column("changed_at", moment, nullable=False),
        sa.Column("ended_at", moment),
    )
    op.create_index("national_pupil_by_school", "national_pupil", ["school_id", "standing"])
    op.create_index("national_pupil_by_enrolment", "national_pupil", ["enrolment_id"])
    op.create_index(
        "national_pupil_waiting", "national_pupil", ["spoken_at"], postgresql_where=sa.text("standing = 'waiting'")
    )
    op.create_index("national_pupil_one_number", "national_pupil", ["number_blind"], unique=True)
    op.create_table(
        "enrolment_photo",
        sa.Column("enrolment_id", sa.Uuid, primary_key=True),
        sa.Column("sha256", sa.Text),
    )
    op.create_table(
        "class_copy",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("school_id", sa.Uuid, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
    )
    op.create_table(
        "conflict",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("student_id", sa.Uuid, nullable=False),
        sa.Column("school_id", sa.Uuid, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("heard", sa.Text, nullable=False),
        sa.Column("receipt_id", sa.Uuid, nullable=False),
        sa.Column("answered_at", moment, nullable=False),
        sa.Column("recorded_at", moment, nullable=False),
    )
    op.create_index("conflict_once", "conflict", ["student_id", "epoch", "version", "code", "heard"], unique=True)
    op.create_index("conflict_by_school", "conflict", ["school_id", "recorded_at"])


def downgrade() -> None:
    raise NotImplementedError("A migration is followed by another, never taken back.")
