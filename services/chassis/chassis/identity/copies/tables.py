"""The tables of the copies. A service's first migration creates them; the chassis alone writes them."""

from typing import Any, Protocol

from sqlalchemy import BigInteger, Boolean, Column, Date, MetaData, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

metadata = MetaData()

ORGANISATIONS = Table(
    "organisation_copy",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("kind", Text),
    Column("name", Text),
    Column("code", Text),
    Column("parent_id", Uuid),
    Column("stages", ARRAY(Text)),
    Column("schooling", Text),
    Column("valid_from", Date),
    Column("valid_until", Date),
)
LINKS = Table(
    "authority_link_copy",
    metadata,
    Column("school_id", Uuid, primary_key=True),
    Column("valid_from", Date, primary_key=True),
    Column("valid_until", Date),
    Column("authority_id", Uuid),
)
"""`valid_until` is the first day on which the link does not hold any more."""
ACCOUNTS = Table(
    "account_copy",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("person_id", Uuid),
    Column("organisation_id", Uuid),
    Column("roles", ARRAY(Text)),
    Column("may_act", Boolean),
    Column("version", BigInteger),
)
CALENDARS = Table(
    "calendar_copy",
    metadata,
    Column("organisation_id", Uuid, primary_key=True),
    Column("calendar", JSONB),
)

_STATEMENTS = (
    """CREATE TABLE organisation_copy (
        id uuid PRIMARY KEY,
        kind text NOT NULL,
        name text NOT NULL,
        code text NOT NULL,
        parent_id uuid,
        stages text[] NOT NULL,
        schooling text,
        valid_from date NOT NULL,
        valid_until date
    )""",
    # A parent may arrive after its children: no foreign key.
    "CREATE INDEX organisation_copy_parent ON organisation_copy (parent_id)",
    """CREATE TABLE authority_link_copy (
        school_id uuid NOT NULL,
        valid_from date NOT NULL,
        valid_until date,
        authority_id uuid NOT NULL,
        PRIMARY KEY (school_id, valid_from)
    )""",
    "CREATE INDEX authority_link_copy_authority ON authority_link_copy (authority_id)",
    """CREATE TABLE account_copy (
        id uuid PRIMARY KEY,
        person_id uuid NOT NULL,
        organisation_id uuid NOT NULL,
        roles text[] NOT NULL,
        may_act boolean NOT NULL,
        version bigint NOT NULL
    )""",
    "CREATE INDEX account_copy_organisation ON account_copy (organisation_id)",
    """CREATE TABLE calendar_copy (
        organisation_id uuid PRIMARY KEY,
        calendar jsonb NOT NULL
    )""",
)


class Operations(Protocol):
    """What a migration is given (alembic's `op`)."""

    def execute(self, statement: str) -> Any:
        """Run a statement."""


def create_copy_tables(op: Operations) -> None:
    """Create the copies of organisations, authority links, accounts and calendars."""
    for statement in _STATEMENTS:
        op.execute(statement)
