"""Accounts, their persons and their sessions."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import Row, and_, bindparam, func, select
from sqlalchemy.sql.elements import ColumnElement

from chassis.identity import Actor
from chassis.rows import listed
from chassis.sealing import Vault
from chassis.transaction import Database, Tx
from contracts.event import Event
from contracts.identity import AccountChanged
from contracts.refusal import NotFound
from contracts.values import Role
from registry.account import domain
from registry.account.errors import SessionOver
from registry.account.models import AccountRow, CredentialRow, PersonRow, SessionRow
from registry.organisation import queries as organisations


@dataclass(frozen=True, slots=True)
class Account:
    """An account and the person behind it."""

    id: UUID
    person_id: UUID
    login: str
    display_name: str
    roles: tuple[Role, ...]
    organisation_id: UUID
    version: int
    created_at: datetime
    disabled_at: datetime | None
    last_sign_in_at: datetime | None
    has_initial_password: bool


@dataclass(frozen=True, slots=True)
class Credential:
    """What a sign-in is compared with."""

    account_id: UUID
    hash: str
    initial: bool
    used_at: datetime | None
    expires_at: datetime | None
    changed_at: datetime
    """Tells one password of the account from the next; hashing the same one anew leaves it."""
    may_act: bool

    def is_spent(self, now: datetime) -> bool:
        """Whether it is an initial password that was used, or came too late."""
        return self.initial and (self.used_at is not None or self.expires_at is None or now >= self.expires_at)


_ACCOUNT = (
    select(AccountRow, PersonRow.name_sealed, CredentialRow.initial)
    .join(PersonRow, PersonRow.id == AccountRow.person_id)
    .outerjoin(CredentialRow, CredentialRow.account_id == AccountRow.id)
)
_NAMES = (
    select(AccountRow.id, AccountRow.person_id, PersonRow.name_sealed)
    .join(PersonRow, PersonRow.id == AccountRow.person_id)
    .where(listed(AccountRow.id, "accounts"))
)
_LIVING = (
    select(AccountRow.version, AccountRow.disabled_at, SessionRow.ended_at)
    .outerjoin(SessionRow, and_(SessionRow.account_id == AccountRow.id, SessionRow.id == bindparam("session")))
    .where(AccountRow.id == bindparam("account"))
)


def sealed_name(vault: Vault, person_id: UUID, name: str) -> bytes:
    """A person's name as it is stored."""
    return vault.seal(name.encode(), table="person", column="name_sealed", row=person_id)


def _account(vault: Vault, row: Row[Any]) -> Account:
    name = vault.open(row.name_sealed, table="person", column="name_sealed", row=row.person_id)
    return Account(
        id=row.id,
        person_id=row.person_id,
        login=row.login,
        display_name=name.decode(),
        roles=tuple(Role(each) for each in row.roles),
        organisation_id=row.organisation_id,
        version=row.version,
        created_at=row.created_at,
        disabled_at=row.disabled_at,
        last_sign_in_at=row.last_sign_in_at,
        has_initial_password=bool(row.initial),
    )


async def account(tx: Tx, vault: Vault, account_id: UUID) -> Account | None:
    """One account."""
    row = await tx.row(_ACCOUNT.where(AccountRow.id == account_id))
    return None if row is None else _account(vault, row)


async def page(
    tx: Tx, vault: Vault, reach: UUID, on: date, *, organisation_id: UUID | None, offset: int, limit: int
) -> tuple[list[Account], int]:
    """Accounts of what the organisation `reach` reaches, by login, and how many there are."""
    where: list[ColumnElement[bool]] = [AccountRow.organisation_id.in_(organisations.within(reach, on))]
    if organisation_id is not None:
        where.append(AccountRow.organisation_id == organisation_id)
    total = await tx.scalar(select(func.count()).select_from(AccountRow).where(*where))
    rows = await tx.rows(_ACCOUNT.where(*where).order_by(AccountRow.login).offset(offset).limit(limit))
    return [_account(vault, row) for row in rows], int(total)


async def names_of(tx: Tx, vault: Vault, account_ids: Iterable[UUID]) -> Mapping[UUID, str]:
    """Account → name of its person; unknown ids are missing."""
    rows = await tx.rows(_NAMES, {"accounts": list(account_ids)})
    return {
        row.id: vault.open(row.name_sealed, table="person", column="name_sealed", row=row.person_id).decode()
        for row in rows
    }


async def credential(tx: Tx, *, login: str | None = None, account_id: UUID | None = None) -> Credential | None:
    """What a sign-in by this login, or of this account, is compared with."""
    which = AccountRow.login == login if login is not None else AccountRow.id == account_id
    row = await tx.row(
        select(CredentialRow, AccountRow.disabled_at)
        .join(AccountRow, AccountRow.id == CredentialRow.account_id)
        .where(which)
    )
    if row is None:
        return None
    return Credential(
        row.account_id,
        row.hash,
        row.initial,
        row.used_at,
        row.expires_at,
        row.changed_at,
        may_act=row.disabled_at is None,
    )


def token_hash(token: str) -> bytes:
    """How a session's token is stored."""
    return sha256(token.encode()).digest()


@dataclass(frozen=True, slots=True)
class LivingSession:
    """A living session."""

    id: UUID
    account_id: UUID
    used_at: datetime
    must_change_password: bool


async def session(tx: Tx, token: str) -> LivingSession:
    """The session of a token. Raises SessionOver unless it lives."""
    row = await tx.row(
        select(SessionRow, AccountRow.disabled_at, CredentialRow.initial)
        .join(AccountRow, AccountRow.id == SessionRow.account_id)
        .join(CredentialRow, CredentialRow.account_id == SessionRow.account_id)
        .where(SessionRow.token_hash == token_hash(token))
    )
    stands = row and domain.Session(row.used_at, row.expires_at, row.ended_at, may_act=row.disabled_at is None)
    domain.check_session(stands or None, tx.now)
    assert row is not None
    return LivingSession(row.id, row.account_id, row.used_at, row.initial)


async def actor_of(tx: Tx, living: LivingSession) -> Actor:
    """Who acts in a session, as its token says it: without a role while the first password stands."""
    row = await tx.row(select(AccountRow).where(AccountRow.id == living.account_id))
    assert row is not None
    return Actor(
        account_id=row.id,
        person_id=row.person_id,
        organisation_id=row.organisation_id,
        roles=frozenset() if living.must_change_password else frozenset(Role(each) for each in row.roles),
        version=row.version,
        session_id=living.id,
    )


async def require_command_of(tx: Tx, actor: Actor, account_id: UUID, what: str) -> None:
    """Raise NotFound unless the actor sees the account's organisation, NotAllowed unless she stands above it."""
    organisation_id = await tx.scalar(select(AccountRow.organisation_id).where(AccountRow.id == account_id))
    if organisation_id is None or not await organisations.may_see(tx, actor, organisation_id):
        raise NotFound("账号")
    await organisations.require_authority_over(tx, actor, organisation_id, what)


def stands(db: Database) -> Callable[[Actor], Awaitable[None]]:
    """Asks of every actor whether her account and her session still live.

    A token is good for 60 seconds; here it ends at once with its session, and with what its account was.
    """

    async def ask(actor: Actor) -> None:
        """Raises SessionOver."""
        row = await db.glance(_LIVING, {"account": actor.account_id, "session": actor.session_id})
        if row is None or row.disabled_at is not None or row.ended_at is not None or row.version > actor.version:
            raise SessionOver

    return ask


async def any_account(tx: Tx) -> bool:
    """Whether somebody has an account."""
    return await tx.scalar(select(AccountRow.id).limit(1)) is not None


async def changed(tx: Tx, ids: Sequence[UUID]) -> Mapping[UUID, Event | None]:
    """What registry says of accounts now: the builder of registry.account.v1."""
    rows = await tx.rows(select(AccountRow).where(AccountRow.id.in_(list(ids))))
    return {
        row.id: AccountChanged(
            person_id=row.person_id,
            organisation_id=row.organisation_id,
            roles=tuple(Role(each) for each in row.roles),
            may_act=row.disabled_at is None,
            version=row.version,
        )
        for row in rows
    }
