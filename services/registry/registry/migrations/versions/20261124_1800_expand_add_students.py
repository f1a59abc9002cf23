"""Pupils: the person, every version of the record, the enrolment, numbers, claims, duplicates, evidence.

No foreign keys between these tables: a thousand pupils go in at once, all rows of one in one transaction of one command.
"""

from alembic import op

revision = "20261124_1800"
down_revision = "20261124_1730"
branch_labels = None
depends_on = None

STUDENTS = """
CREATE TABLE student (
    id uuid PRIMARY KEY,
    school_id uuid NOT NULL,
    enrolment_id uuid NOT NULL,
    status text NOT NULL,
    version integer NOT NULL,
    record_version integer NOT NULL,
    digest bytea NOT NULL,
    name_index bytea NOT NULL,
    person_index bytea NOT NULL,
    documented boolean NOT NULL,
    match_document bytea,
    match_number bytea,
    match_name bytea,
    registered_on date,
    created_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX student_school ON student (school_id, status);
CREATE INDEX student_name ON student (name_index);
CREATE INDEX student_person ON student (person_index) WHERE NOT documented;

CREATE TABLE student_version (
    student_id uuid NOT NULL,
    version integer NOT NULL,
    change text NOT NULL,
    status text NOT NULL,
    school_id uuid NOT NULL,
    enrolment_id uuid NOT NULL,
    class_id uuid,
    record_id uuid,
    record_sealed bytea,
    account_id uuid,
    at timestamptz NOT NULL,
    PRIMARY KEY (student_id, version)
);
ALTER TABLE student_version ALTER COLUMN record_sealed SET STORAGE EXTERNAL;

CREATE TABLE enrolment (
    id uuid PRIMARY KEY,
    student_id uuid NOT NULL,
    school_id uuid NOT NULL,
    campus_id uuid,
    class_id uuid,
    stage text NOT NULL,
    entry_year integer NOT NULL,
    first_grade boolean NOT NULL,
    ended_on date,
    photo_state text,
    photo_hash text,
    photo_year integer,
    photo_reason text,
    standing text,
    standing_sealed bytea,
    problem_count integer NOT NULL DEFAULT 0
) WITH (fillfactor = 80);
CREATE INDEX enrolment_student ON enrolment (student_id);
CREATE INDEX enrolment_class ON enrolment (class_id) WHERE class_id IS NOT NULL;

CREATE TABLE class_placement (
    id uuid PRIMARY KEY,
    enrolment_id uuid NOT NULL,
    class_id uuid NOT NULL,
    placed_on date NOT NULL,
    left_on date
);
CREATE INDEX class_placement_enrolment ON class_placement (enrolment_id);

CREATE TABLE student_number (
    id uuid PRIMARY KEY,
    student_id uuid NOT NULL,
    enrolment_id uuid,
    kind text NOT NULL,
    value_sealed bytea NOT NULL,
    value_index bytea NOT NULL,
    status text NOT NULL,
    issuer text NOT NULL,
    valid_from date NOT NULL,
    valid_until date
);
CREATE UNIQUE INDEX student_number_value ON student_number (value_index) WHERE status <> 'void';
CREATE INDEX student_number_student ON student_number (student_id);

CREATE TABLE number_serial (
    kind text NOT NULL,
    pool text NOT NULL,
    last integer NOT NULL,
    PRIMARY KEY (kind, pool)
);

CREATE TABLE identity_claim (
    index bytea NOT NULL,
    sequence smallint NOT NULL,
    student_id uuid NOT NULL,
    person_index bytea NOT NULL,
    PRIMARY KEY (index, sequence),
    CONSTRAINT identity_claim_sequence CHECK (sequence BETWEEN 0 AND 9)
);
CREATE INDEX identity_claim_student ON identity_claim (student_id);

CREATE TABLE duplicate_case (
    id uuid PRIMARY KEY,
    kind text NOT NULL,
    index bytea NOT NULL,
    student_id uuid,
    school_id uuid NOT NULL,
    holder_id uuid NOT NULL,
    holder_school_id uuid NOT NULL,
    record_sealed bytea NOT NULL,
    opened_at timestamptz NOT NULL,
    closed_at timestamptz
);
CREATE UNIQUE INDEX duplicate_case_open ON duplicate_case (index, school_id, holder_id) WHERE closed_at IS NULL;
CREATE INDEX duplicate_case_school ON duplicate_case (school_id);
CREATE INDEX duplicate_case_holder ON duplicate_case (holder_id);
CREATE INDEX duplicate_case_student ON duplicate_case (student_id);
CREATE INDEX duplicate_case_holder_school ON duplicate_case (holder_school_id);

CREATE TABLE evidence (
    id uuid PRIMARY KEY,
    student_id uuid NOT NULL,
    kind text NOT NULL,
    name_sealed bytea NOT NULL,
    content_type text NOT NULL,
    size integer NOT NULL,
    sha256 bytea NOT NULL,
    added_by uuid,
    added_at timestamptz NOT NULL,
    removed_at timestamptz
);
CREATE INDEX evidence_student ON evidence (student_id);

ALTER TABLE import_chunk ADD COLUMN identities bytea;
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in STUDENTS.split(";"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("A migration is followed by another, never taken back.")
