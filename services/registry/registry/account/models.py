"""Tables of persons, their accounts and what they signed in with."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from registry.tables import Base


class PersonRow(Base):
    """Somebody who has accounts. Her accounts are never both sides of one case."""

    __tablename__ = "person"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name_sealed: Mapped[bytes]
    created_at: Mapped[datetime]


class AccountRow(Base):
    """A login of a person in one organisation. Source: art. 6."""

    __tablename__ = "account"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID]
    organisation_id: Mapped[UUID]
    login: Mapped[str]
    """Lower case, unique for ever."""
    roles: Mapped[list[str]]
    version: Mapped[int]
    """Raised with every change; said in the account's events and in its tokens."""
    created_by: Mapped[UUID | None]
    created_at: Mapped[datetime]
    disabled_by: Mapped[UUID | None]
    disabled_at: Mapped[datetime | None]
    last_sign_in_at: Mapped[datetime | None]

    __table_args__ = (
        Index("account_login", "login", unique=True),
        Index("account_organisation", "organisation_id"),
        Index("account_person", "person_id"),
    )


class CredentialRow(Base):
    """What proves that it is her."""

    __tablename__ = "credential"

    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    hash: Mapped[str]
    initial: Mapped[bool]
    """Given by the province: good for one sign-in before `expires_at`, and only to choose another."""
    used_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    changed_at: Mapped[datetime]


class SessionRow(Base):
    """A signed-in browser. The token is stored only as SHA-256."""

    __tablename__ = "session"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID]
    token_hash: Mapped[bytes]
    created_at: Mapped[datetime]
    used_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None]
    address: Mapped[str | None]

    __table_args__ = (
        Index("session_token", "token_hash", unique=True),
        Index("session_account", "account_id"),
    )


class AttemptRow(Base):
    """Sign-ins that failed one after the other, per login and per address.

    Both as SHA-256: what was typed as a login may be a password.
    """

    __tablename__ = "sign_in_attempt"

    who: Mapped[bytes] = mapped_column(primary_key=True)
    failures: Mapped[int]
    last_at: Mapped[datetime]
    blocked_until: Mapped[datetime | None]
