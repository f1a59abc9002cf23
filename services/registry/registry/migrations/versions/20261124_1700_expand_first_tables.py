"""Tables of registry: organisations, accounts, the calendar, classes."""

from alembic import op

from chassis.tables import create_delivery_tables

revision = "20261124_1700"
down_revision = None
branch_labels = None
depends_on = None

ORGANISATION = """
CREATE TABLE organisation (
    id uuid PRIMARY KEY,
    kind text NOT NULL,
    name text NOT NULL,
    code text NOT NULL,
    parent_id uuid REFERENCES organisation (id),
    path uuid[] NOT NULL,
    region_code text NOT NULL,
    address text NOT NULL,
    phone text NOT NULL,
    area_type text,
    economy_type text,
    ethnic_type text,
    school_number text,
    county_code text,
    ownership text,
    setting text,
    category text,
    stages text[] NOT NULL,
    postal_code text,
    email text,
    english_name text,
    valid_from date NOT NULL,
    valid_until date,
    version integer NOT NULL,
    created_by uuid,
    created_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX organisation_code ON organisation (code) WHERE code <> '';
CREATE UNIQUE INDEX organisation_school_number ON organisation (county_code, school_number) WHERE school_number IS NOT NULL;
CREATE INDEX organisation_path ON organisation USING gin (path);
CREATE INDEX organisation_parent ON organisation (parent_id);

CREATE TABLE authority_link (
    school_id uuid NOT NULL REFERENCES organisation (id),
    valid_from date NOT NULL,
    valid_until date,
    authority_id uuid NOT NULL REFERENCES organisation (id),
    set_by uuid,
    set_at timestamptz NOT NULL,
    PRIMARY KEY (school_id, valid_from),
    CONSTRAINT authority_link_forward CHECK (valid_until > valid_from)
);
CREATE INDEX authority_link_authority ON authority_link (authority_id);

CREATE TABLE schooling (
    school_id uuid NOT NULL REFERENCES organisation (id),
    valid_from date NOT NULL,
    schooling text NOT NULL,
    set_by uuid,
    set_at timestamptz NOT NULL,
    PRIMARY KEY (school_id, valid_from)
);

CREATE TABLE school_number_pool (
    county_code text PRIMARY KEY,
    last integer NOT NULL
);
"""

ACCOUNT = """
CREATE TABLE person (
    id uuid PRIMARY KEY,
    name_sealed bytea NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE account (
    id uuid PRIMARY KEY,
    person_id uuid NOT NULL REFERENCES person (id),
    organisation_id uuid NOT NULL REFERENCES organisation (id),
    login text NOT NULL,
    roles text[] NOT NULL,
    version integer NOT NULL,
    created_by uuid,
    created_at timestamptz NOT NULL,
    disabled_by uuid,
    disabled_at timestamptz,
    last_sign_in_at timestamptz
);
CREATE UNIQUE INDEX account_login ON account (login);
CREATE INDEX account_organisation ON account (organisation_id);
CREATE INDEX account_person ON account (person_id);

CREATE TABLE credential (
    account_id uuid PRIMARY KEY REFERENCES account (id),
    hash text NOT NULL,
    initial boolean NOT NULL,
    used_at timestamptz,
    expires_at timestamptz,
    changed_at timestamptz NOT NULL
);

CREATE TABLE session (
    id uuid PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES account (id),
    token_hash bytea NOT NULL,
    created_at timestamptz NOT NULL,
    used_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    end_reason text,
    address text
);
CREATE UNIQUE INDEX session_token ON session (token_hash);
CREATE INDEX session_account ON session (account_id);

CREATE TABLE sign_in_attempt (
    who bytea PRIMARY KEY,
    failures integer NOT NULL,
    last_at timestamptz NOT NULL,
    blocked_until timestamptz
);
"""

CALENDAR = """
CREATE TABLE school_year (
    organisation_id uuid PRIMARY KEY REFERENCES organisation (id),
    active integer NOT NULL,
    changed_by uuid,
    changed_at timestamptz NOT NULL
);

CREATE TABLE calendar_window (
    organisation_id uuid NOT NULL REFERENCES organisation (id),
    school_year integer NOT NULL,
    kind text NOT NULL,
    opens date NOT NULL,
    closes date NOT NULL,
    set_by uuid,
    set_at timestamptz NOT NULL,
    PRIMARY KEY (organisation_id, school_year, kind),
    CONSTRAINT calendar_window_forward CHECK (closes >= opens)
);

CREATE TABLE calendar_extension (
    id uuid PRIMARY KEY,
    organisation_id uuid NOT NULL REFERENCES organisation (id),
    school_year integer NOT NULL,
    kind text NOT NULL,
    until date NOT NULL,
    reason text NOT NULL,
    document_number text NOT NULL,
    granted_by uuid,
    granted_at timestamptz NOT NULL
);
CREATE INDEX calendar_extension_organisation ON calendar_extension (organisation_id, school_year);

CREATE TABLE calendar_day (
    day date PRIMARY KEY,
    working boolean NOT NULL,
    name text NOT NULL
);
"""

CLASSES = """
CREATE TABLE class (
    id uuid PRIMARY KEY,
    school_id uuid NOT NULL REFERENCES organisation (id),
    campus_id uuid REFERENCES organisation (id),
    number text NOT NULL,
    name text NOT NULL,
    stage text NOT NULL,
    entry_year integer NOT NULL,
    schooling text NOT NULL,
    class_type text NOT NULL,
    founded_on date NOT NULL,
    head_teacher_sealed bytea,
    honours text[] NOT NULL,
    size integer NOT NULL,
    capacity integer NOT NULL,
    closed_on date,
    version integer NOT NULL,
    created_by uuid,
    created_at timestamptz NOT NULL,
    CONSTRAINT class_size_not_negative CHECK (size >= 0)
);
CREATE UNIQUE INDEX class_number ON class (school_id, number);
CREATE INDEX class_cohort ON class (school_id, stage, entry_year);

CREATE TABLE class_limit_override (
    id uuid PRIMARY KEY,
    class_id uuid NOT NULL REFERENCES class (id),
    capacity integer NOT NULL,
    document_number text NOT NULL,
    granted_by uuid,
    granted_at timestamptz NOT NULL
);
CREATE INDEX class_limit_override_class ON class_limit_override (class_id);

CREATE TABLE class_plan (
    school_id uuid NOT NULL REFERENCES organisation (id),
    stage text NOT NULL,
    entry_year integer NOT NULL,
    classes integer NOT NULL,
    set_by uuid,
    set_at timestamptz NOT NULL,
    PRIMARY KEY (school_id, stage, entry_year)
);
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    create_delivery_tables(op)
    for area in (ORGANISATION, ACCOUNT, CALENDAR, CLASSES):
        for statement in area.split(";"):
            if statement.strip():
                op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("A migration is followed by another, never taken back.")
