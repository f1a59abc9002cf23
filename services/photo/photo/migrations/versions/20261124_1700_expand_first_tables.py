"""Tables of photo: pupils, requirements, photos, archives."""

import sqlalchemy as sa
from alembic import op
from chassis.tables import create_delivery_tables
from chassis.identity.copies import create_copy_tables
from sqlalchemy.dialects.postgresql import ARRAY

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
        "pupil",
        sa.Column("student_id", sa.Uuid, primary_key=True),
        sa.Column("enrolment_id", sa.Uuid, nullable=False),
        sa.Column("school_id", sa.Uuid, nullable=False),
        sa.Column("class_id", sa.Uuid),
        sa.Column("stage", sa.Text, nullable=False),
        sa.Column("entry_year", sa.Integer, nullable=False),
        sa.Column("first_grade", sa.Boolean, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("match_document", sa.Text),
        sa.Column("match_number", sa.Text),
        sa.Column("match_name", sa.Text),
    )
    op.create_index("pupil_by_enrolment", "pupil", ["enrolment_id"])
    op.create_index("pupil_by_school", "pupil", ["school_id", "class_id"])
    op.create_index("pupil_by_document", "pupil", ["match_document"])
    op.create_index("pupil_by_number", "pupil", ["match_number"])
    op.create_index("pupil_by_name", "pupil", ["match_name"])
    op.create_table(
        "requirement",
        sa.Column("enrolment_id", sa.Uuid, primary_key=True),
        sa.Column("student_id", sa.Uuid, nullable=False),
        sa.Column("school_id", sa.Uuid, nullable=False),
        sa.Column("school_year", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("changed_at", moment, nullable=False),
    )
    op.create_index("requirement_by_school", "requirement", ["school_id", "state"])
    op.create_index("requirement_by_student", "requirement", ["student_id"])
    op.create_table(
        "photo",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("enrolment_id", sa.Uuid, nullable=False),
        sa.Column("student_id", sa.Uuid, nullable=False),
        sa.Column("school_year", sa.Integer, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("object_key", sa.Text, nullable=False),
        sa.Column("remarks", ARRAY(sa.Text), nullable=False),
        sa.Column("taken_by", sa.Uuid),
        sa.Column("taken_at", moment, nullable=False),
    )
    op.create_index("photo_once", "photo", ["enrolment_id", "sha256"], unique=True)
    op.create_index("photo_by_student", "photo", ["student_id", "taken_at"])
    op.create_index("photo_by_content", "photo", ["sha256"])
    op.create_table(
        "archive",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("school_id", sa.Uuid, nullable=False),
        sa.Column("uploaded_by", sa.Uuid, nullable=False),
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("uploaded_at", moment, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("object_key", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("files", sa.Integer, nullable=False),
        sa.Column("done", sa.Integer, nullable=False),
        sa.Column("lease_until", moment),
        sa.Column("bytes", sa.BigInteger, nullable=False),
    )
    op.create_index("archive_by_school", "archive", ["school_id", "uploaded_at"])
    op.create_index("archive_open", "archive", ["state"])
    op.create_table(
        "archive_file",
        sa.Column("archive_id", sa.Uuid, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("name_sealed", sa.LargeBinary, nullable=False),
        sa.Column("result", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("student_id", sa.Uuid),
    )


def downgrade() -> None:
    raise NotImplementedError("A migration is followed by another, never taken back.")
