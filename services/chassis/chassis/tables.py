"""The tables of the delivery promise. A service's first migration creates them; the chassis reads and writes them.

Retention of every table stands in `chassis.retention`.
"""

from typing import Any, Protocol

from sqlalchemy import BigInteger, Column, DateTime, Integer, LargeBinary, MetaData, SmallInteger, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY

metadata = MetaData()
moment = DateTime(timezone=True)

PARKED = Table(
    "parked",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("topic", Text),
    Column("partition", Integer),
    Column("offset", BigInteger),
    Column("subject", Uuid),
    Column("epoch", Integer),
    Column("version", BigInteger),
    Column("type", Text),
    Column("reason", Text),
    Column("detail", Text),
    Column("state", Text),
    Column("fingerprint", LargeBinary),
    Column("raw", LargeBinary),
    Column("attempts", Integer),
    Column("parked_at", moment),
    Column("settled_at", moment),
    Column("settled_by", Uuid),
)
"""`state` is parked, behind (only because an earlier one of its subject is parked), replayed, dropped, superseded.
`raw` is the record as it came, sealed with the vault under (parked, raw, id)."""

IDEMPOTENCY = Table(
    "idempotency",
    metadata,
    Column("account_id", Uuid, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("body_hash", LargeBinary),
    Column("status", Integer),
    Column("answer", LargeBinary),
    Column("created_at", moment),
)

AUDIT = Table(
    "audit",
    metadata,
    Column("chain", SmallInteger, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("at", moment),
    Column("account_id", Uuid),
    Column("person_id", Uuid),
    Column("organisation_id", Uuid),
    Column("organisations", ARRAY(Uuid)),
    Column("actions", ARRAY(Text)),
    Column("objects", ARRAY(Uuid)),
    Column("entry", LargeBinary),
    Column("hash", LargeBinary),
)
"""`entry` is what is hashed: JSON of everything else and of the notes; the other columns are there to be searched."""

CHAINS = 64


_DROP_MONTHS = """
    CREATE OR REPLACE FUNCTION drop_outbox_months(older_than interval) RETURNS integer LANGUAGE plpgsql AS $$
    DECLARE
        month text;
        unsent boolean;
        dropped integer := 0;
    BEGIN
        FOR month IN
            SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = 'outbox_fact'::regclass AND c.relname ~ '^outbox_fact_[0-9]{4}_[0-9]{2}$'
              AND to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month' < now() AT TIME ZONE 'UTC' - older_than
        LOOP
            EXECUTE format('SELECT EXISTS (UNSENT)', month) INTO unsent;
            IF NOT unsent THEN
                EXECUTE format('DROP TABLE %I', month);
                dropped := dropped + 1;
            END IF;
        END LOOP;
        RETURN dropped;
    END $$"""
"""UNSENT: what finds a row of the month %I that was not sent."""

_STATEMENTS = (
    "CREATE TABLE epoch (single boolean PRIMARY KEY DEFAULT true CHECK (single), epoch integer NOT NULL DEFAULT 1)",
    "INSERT INTO epoch DEFAULT VALUES",
    """CREATE TABLE counter (
        topic text NOT NULL,
        subject uuid NOT NULL,
        version bigint NOT NULL,
        PRIMARY KEY (topic, subject)
    ) WITH (fillfactor = 80)""",
    "CREATE SEQUENCE outbox_id AS bigint",
    """CREATE TABLE outbox (
        id bigint NOT NULL DEFAULT nextval('outbox_id'),
        kind text NOT NULL,
        topic text NOT NULL,
        subject uuid NOT NULL,
        epoch integer NOT NULL,
        version bigint NOT NULL,
        event_id uuid NOT NULL,
        type text NOT NULL,
        body bytea,
        time timestamptz NOT NULL,
        actor uuid,
        cause uuid,
        traceparent text,
        published_at timestamptz
    ) PARTITION BY LIST (kind)""",
    "CREATE TABLE outbox_state PARTITION OF outbox FOR VALUES IN ('state')",
    "CREATE TABLE outbox_fact PARTITION OF outbox FOR VALUES IN ('fact') PARTITION BY RANGE (time)",
    "CREATE TABLE outbox_fact_other PARTITION OF outbox_fact DEFAULT",
    "CREATE INDEX outbox_unpublished ON outbox (id) WHERE published_at IS NULL",
    "CREATE INDEX outbox_subject ON outbox (topic, subject, epoch, version)",
    """CREATE FUNCTION make_outbox_months(ahead integer) RETURNS integer LANGUAGE plpgsql AS $$
    DECLARE
        start timestamptz;
        made integer := 0;
    BEGIN
        FOR n IN 0..ahead LOOP
            start := date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' + make_interval(months => n);
            IF to_regclass('outbox_fact_' || to_char(start AT TIME ZONE 'UTC', 'YYYY_MM')) IS NULL THEN
                EXECUTE format('CREATE TABLE %I PARTITION OF outbox_fact FOR VALUES FROM (%L) TO (%L)',
                    'outbox_fact_' || to_char(start AT TIME ZONE 'UTC', 'YYYY_MM'),
                    start, (start AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC');
                made := made + 1;
            END IF;
        END LOOP;
        RETURN made;
    END $$""",
    _DROP_MONTHS.replace("UNSENT", "SELECT FROM %I WHERE published_at IS NULL"),
    "SELECT make_outbox_months(2)",
    """CREATE TABLE watermark (
        topic text NOT NULL,
        subject uuid NOT NULL,
        epoch integer NOT NULL,
        version bigint NOT NULL,
        hash bytea NOT NULL,
        held text,
        PRIMARY KEY (topic, subject)
    ) WITH (fillfactor = 80)""",
    """CREATE TABLE inbox (
        topic text NOT NULL,
        event_id uuid NOT NULL,
        received_at timestamptz NOT NULL,
        PRIMARY KEY (topic, event_id)
    )""",
    "CREATE INDEX inbox_received_at ON inbox (received_at)",
    """CREATE TABLE inbox_offset (
        topic text NOT NULL,
        partition integer NOT NULL,
        highest bigint NOT NULL,
        noted_at timestamptz NOT NULL,
        PRIMARY KEY (topic, partition)
    )""",
    """CREATE TABLE waiting (
        id uuid PRIMARY KEY,
        topic text NOT NULL,
        subject uuid NOT NULL,
        epoch integer NOT NULL,
        version bigint NOT NULL,
        raw bytea NOT NULL,
        waiting_since timestamptz NOT NULL,
        UNIQUE (topic, subject, epoch, version)
    )""",
    """CREATE TABLE parked (
        id uuid PRIMARY KEY,
        topic text NOT NULL,
        partition integer NOT NULL,
        "offset" bigint NOT NULL,
        subject uuid,
        epoch integer,
        version bigint,
        type text,
        reason text NOT NULL,
        detail text,
        state text NOT NULL,
        fingerprint bytea NOT NULL,
        raw bytea NOT NULL,
        attempts integer NOT NULL DEFAULT 0,
        parked_at timestamptz NOT NULL,
        settled_at timestamptz,
        settled_by uuid,
        UNIQUE (topic, fingerprint)
    )""",
    "CREATE INDEX parked_open ON parked (topic, subject) WHERE state IN ('parked', 'behind')",
    """CREATE TABLE idempotency (
        account_id uuid NOT NULL,
        key text NOT NULL,
        body_hash bytea NOT NULL,
        status integer,
        answer bytea,
        created_at timestamptz NOT NULL,
        PRIMARY KEY (account_id, key)
    )""",
    "CREATE INDEX idempotency_created_at ON idempotency (created_at)",
    """CREATE TABLE audit (
        chain smallint NOT NULL,
        seq bigint NOT NULL,
        at timestamptz NOT NULL,
        account_id uuid,
        person_id uuid,
        organisation_id uuid,
        organisations uuid[] NOT NULL,
        actions text[] NOT NULL,
        objects uuid[] NOT NULL,
        entry bytea NOT NULL,
        hash bytea NOT NULL,
        PRIMARY KEY (chain, seq)
    )""",
    "CREATE INDEX audit_at ON audit (at)",
    "CREATE INDEX audit_account ON audit (account_id, at)",
    "CREATE INDEX audit_objects ON audit USING gin (objects)",
    "CREATE INDEX audit_organisations ON audit USING gin (organisations)",
    """CREATE TABLE audit_head (
        chain smallint PRIMARY KEY,
        seq bigint NOT NULL,
        hash bytea NOT NULL
    ) WITH (fillfactor = 50)""",
    "INSERT INTO audit_head SELECT n, 0, sha256(('audit chain ' || n)::bytea) FROM generate_series(0, 63) AS n",
)
_SETTINGS = (
    # Rows that change all the time are cleaned by their number, not by the table's size.
    "ALTER TABLE outbox_state SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000)",
    "ALTER TABLE outbox_fact_other SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000)",
    "ALTER TABLE counter SET (autovacuum_vacuum_scale_factor = 0.05)",
    "ALTER TABLE watermark SET (autovacuum_vacuum_scale_factor = 0.05)",
    "ALTER TABLE audit_head SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000)",
)


_SAYINGS = (
    """CREATE TABLE saying (
        id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
        rows integer NOT NULL,
        said_at timestamptz NOT NULL,
        sent_at timestamptz
    )""",
    "CREATE INDEX saying_unsent ON saying (id) WHERE sent_at IS NULL",
    "ALTER TABLE saying SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000)",
    "ALTER TABLE outbox ADD COLUMN saying bigint",
    # What is unsent becomes sayings of a thousand rows, in the order of the rows: a round sends each of them whole.
    """WITH unsent AS (
        SELECT id, time, (row_number() OVER (ORDER BY id) - 1) / 1000 AS part FROM outbox WHERE published_at IS NULL
    ), made AS (
        INSERT INTO saying (rows, said_at)
        SELECT count(*), min(time) FROM unsent GROUP BY part ORDER BY part RETURNING id
    ), numbered AS (
        SELECT id, row_number() OVER (ORDER BY id) - 1 AS part FROM made
    )
    UPDATE outbox SET saying = numbered.id FROM unsent JOIN numbered USING (part) WHERE outbox.id = unsent.id""",
    "CREATE INDEX outbox_saying ON outbox (saying) WHERE saying IS NOT NULL",
    # Processes that were begun before know nothing of sayings: each of their rows is one.
    """CREATE FUNCTION say_alone() RETURNS bigint LANGUAGE sql VOLATILE AS $$
        INSERT INTO saying (rows, said_at) VALUES (1, now()) RETURNING id
    $$""",
    "ALTER TABLE outbox ALTER COLUMN saying SET DEFAULT say_alone()",
    _DROP_MONTHS.replace(
        "UNSENT", "SELECT FROM saying JOIN %I AS said ON said.saying = saying.id WHERE saying.sent_at IS NULL"
    ),
    # A saying that is no longer there was sent more than a day ago.
    """CREATE VIEW spoken AS
        SELECT outbox.id, kind, topic, subject, epoch, version, event_id, type, body, time, actor, cause, traceparent,
            CASE WHEN saying.id IS NULL THEN time ELSE saying.sent_at END AS sent_at
        FROM outbox LEFT JOIN saying ON saying.id = outbox.saying""",
)


_ROOM = (
    # All rows of a page are written in one transaction, by the batch that wrote them before: half of it is for them.
    "ALTER TABLE counter SET (fillfactor = 50)",
    "ALTER TABLE watermark SET (fillfactor = 50)",
)


class Operations(Protocol):
    """What of alembic's `op` is used."""

    def execute(self, sqltext: Any) -> Any: ...


def create_delivery_tables(op: Operations) -> None:
    """Create outbox, counters, watermarks, inbox, waiting, parked, offsets, idempotency, audit and epoch."""
    for statement in (*_STATEMENTS, *_SETTINGS):
        op.execute(statement)


def keep_sayings(op: Operations) -> None:
    """What one transaction says is marked as sent in one row; rows of the outbox are written once."""
    for statement in _SAYINGS:
        op.execute(statement)


def forget_when_rows_were_sent(op: Operations) -> None:
    """No process marks single rows any more."""
    op.execute("ALTER TABLE outbox DROP COLUMN published_at")


def leave_room(op: Operations) -> None:
    """New versions and watermarks find room on the pages of the old ones, and no index is written for them."""
    for statement in _ROOM:
        op.execute(statement)
