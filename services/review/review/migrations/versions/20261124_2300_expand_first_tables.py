"""Tables of review: cases, decisions, what else happened to a case."""

import sqlalchemy as sa
from alembic import op
from chassis.identity.copies import create_copy_tables
from chassis.tables import create_delivery_tables
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "20261124_2300"
down_revision = None
branch_labels = None
depends_on = None

moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    create_delivery_tables(op)
    create_copy_tables(op)
    op.create_table(
        "review_case",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("student_id", sa.Uuid, nullable=False),
        sa.Column("enrolment_id", sa.Uuid, nullable=False),
        sa.Column("school_id", sa.Uuid, nullable=False),
        sa.Column("class_id", sa.Uuid),
        sa.Column("stage", sa.Text, nullable=False),
        sa.Column("submission_number", sa.Integer, nullable=False),
        sa.Column("content_hash", sa.Text, nullable=False),
        sa.Column("submitted_by", sa.Uuid, nullable=False),
        sa.Column("submitted_at", moment, nullable=False),
        sa.Column("submitted_on", sa.Date, nullable=False),
        sa.Column("school_year", sa.Integer, nullable=False),
        sa.Column("warnings", ARRAY(sa.Text), nullable=False),
        sa.Column("asked_authority_id", sa.Uuid),
        sa.Column("authority_id", sa.Uuid),
        sa.Column("step", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("deadline", sa.Date, nullable=False),
        sa.Column("escalated_at", moment),
        sa.Column("escalated_to", sa.Uuid),
        sa.Column("claimed_by", sa.Uuid),
        sa.Column("claimed_until", moment),
        sa.Column("decision", sa.Text),
        sa.Column("decided_by_organisation", sa.Uuid),
        sa.Column("closed_at", moment),
        sa.CheckConstraint("(state = 'open') = (closed_at IS NULL)", name="review_case_closed"),
        sa.CheckConstraint("(state = 'decided') = (decision IS NOT NULL)", name="review_case_decided"),
    )
    queue = ["state", "deadline", "submitted_at", "id"]
    op.create_index("review_case_authority", "review_case", ["authority_id", *queue])
    op.create_index("review_case_school", "review_case", ["school_id", *queue])
    op.create_index("review_case_state", "review_case", queue)
    op.create_index("review_case_student", "review_case", ["student_id"])
    op.create_index(
        "review_case_unrouted",
        "review_case",
        ["id"],
        postgresql_where=sa.text("authority_id IS NULL AND state = 'open'"),
    )
    op.create_index(
        "review_case_escalated",
        "review_case",
        ["escalated_to", "state"],
        postgresql_where=sa.text("escalated_to IS NOT NULL"),
    )
    op.create_index(
        "review_case_claimed", "review_case", ["claimed_until"], postgresql_where=sa.text("claimed_until IS NOT NULL")
    )
    op.create_table(
        "decision",
        sa.Column("case_id", sa.Uuid, primary_key=True),
        sa.Column("step", sa.Integer, primary_key=True),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("final", sa.Boolean, nullable=False),
        sa.Column("content_hash", sa.Text, nullable=False),
        sa.Column("reasons", JSONB, nullable=False),
        sa.Column("decided_by", sa.Uuid, nullable=False),
        sa.Column("account_id", sa.Uuid, nullable=False),
        sa.Column("organisation_id", sa.Uuid, nullable=False),
        sa.Column("decided_at", moment, nullable=False),
    )
    op.create_index("decision_final", "decision", ["case_id"], unique=True, postgresql_where=sa.text("final"))
    op.create_table(
        "case_event",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("case_id", sa.Uuid, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.Column("account_id", sa.Uuid),
        sa.Column("organisation_id", sa.Uuid),
        sa.Column("to_organisation_id", sa.Uuid),
        sa.Column("text", sa.Text),
    )
    op.create_index("case_event_case", "case_event", ["case_id", "at"])


def downgrade() -> None:
    raise NotImplementedError("A migration is followed by another, never taken back.")
