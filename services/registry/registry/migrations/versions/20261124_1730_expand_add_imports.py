"""Imports of sheets: the job, the rows waiting to be drafted, and what became of each."""

from alembic import op

revision = "20261124_1730"
down_revision = "20261124_1700"
branch_labels = None
depends_on = None

IMPORTS = """
CREATE TABLE import (
    id uuid PRIMARY KEY,
    school_id uuid NOT NULL REFERENCES organisation (id),
    mode text NOT NULL,
    state text NOT NULL,
    sha256 bytea NOT NULL,
    size integer NOT NULL,
    name_sealed bytea NOT NULL,
    uploaded_by uuid NOT NULL,
    person_id uuid NOT NULL,
    organisation_id uuid NOT NULL,
    roles text[] NOT NULL,
    uploaded_at timestamptz NOT NULL,
    started_at timestamptz,
    ended_at timestamptz,
    lease uuid,
    leased_until timestamptz,
    attempts integer NOT NULL DEFAULT 0,
    rows integer,
    chunks integer,
    next_chunk integer NOT NULL DEFAULT 0,
    created integer NOT NULL DEFAULT 0,
    updated integer NOT NULL DEFAULT 0,
    unchanged integer NOT NULL DEFAULT 0,
    duplicate integer NOT NULL DEFAULT 0,
    refused integer NOT NULL DEFAULT 0,
    undone integer NOT NULL DEFAULT 0,
    refusal_code text,
    refusal_text text,
    unknown_columns text[] NOT NULL DEFAULT '{}'
);
CREATE UNIQUE INDEX import_open_file ON import (school_id, sha256)
    WHERE state IN ('waiting', 'reading', 'checking', 'checked', 'running');
CREATE INDEX import_school ON import (school_id, uploaded_at);
CREATE INDEX import_state ON import (state);

CREATE TABLE import_chunk (
    import_id uuid NOT NULL REFERENCES import (id),
    number integer NOT NULL,
    rows integer NOT NULL,
    rows_sealed bytea NOT NULL,
    PRIMARY KEY (import_id, number)
);
ALTER TABLE import_chunk ALTER COLUMN rows_sealed SET STORAGE EXTERNAL;

CREATE TABLE import_row (
    import_id uuid NOT NULL REFERENCES import (id),
    row integer NOT NULL,
    outcome text NOT NULL,
    student_id uuid,
    previous_version integer,
    undone boolean NOT NULL DEFAULT false,
    code text,
    problems jsonb NOT NULL,
    cells_sealed bytea,
    PRIMARY KEY (import_id, row)
);
CREATE INDEX import_row_outcome ON import_row (import_id, outcome);
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in IMPORTS.split(";"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("A migration is followed by another, never taken back.")
