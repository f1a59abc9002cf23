"""Signing in, and accounts, over HTTP."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from chassis.http import (
    Actor,
    allow,
    allow_anyone,
    current_actor,
    database,
    idempotency_key,
    idempotent,
    resource,
)
from chassis.identity import TokenIssuer
from chassis.sealing import Vault
from chassis.transaction import Database, Tx
from contracts.refusal import NotFound
from contracts.values import OrganisationKind, Role
from registry.account import commands, queries, signing_in
from registry.account.passwords import Passwords
from registry.organisation import queries as organisations
from registry.settings import RegistrySettings

sessions = APIRouter(prefix="/v1", tags=["sessions"])
"""Routes that ask for a session's token, or for nothing."""
router = APIRouter(prefix="/v1", tags=["accounts"])

Db = Annotated[Database, Depends(database)]
Who = Annotated[Actor, Depends(current_actor)]
Key = Annotated[str | None, Depends(idempotency_key)]
Safe = Annotated[Vault, Depends(resource(Vault))]
Hasher = Annotated[Passwords, Depends(resource(Passwords))]
Issuer = Annotated[TokenIssuer, Depends(resource(TokenIssuer))]
Settings = Annotated[RegistrySettings, Depends(resource(RegistrySettings))]
SessionToken = Annotated[str, Header(alias="Session", max_length=200)]
Secret = Annotated[str, Field(min_length=1, max_length=200)]


class SignIn(BaseModel):
    """Who wants in."""

    model_config = ConfigDict(extra="forbid")

    login: str = Field(min_length=1, max_length=200)
    password: Secret


class Workplace(BaseModel):
    """The organisation of an account."""

    id: UUID
    name: str
    kind: OrganisationKind
    code: str


class Account(BaseModel):
    """An account, as its owner and its superiors see it."""

    id: UUID
    person_id: UUID
    login: str
    display_name: str
    roles: tuple[Role, ...]
    organisation: Workplace
    has_initial_password: bool
    created_at: datetime
    last_sign_in_at: datetime | None
    disabled_at: datetime | None


class Accounts(BaseModel):
    """A page of accounts."""

    items: list[Account]
    total: int


class SignedIn(BaseModel):
    """The session's opaque token, and whose it is."""

    session: str
    account: Account
    must_change_password: bool


class Token(BaseModel):
    """A signed token of 60 seconds. While the first password stands it carries no role."""

    token: str
    expires_at: datetime
    account: Account
    must_change_password: bool


class ChangePassword(BaseModel):
    """The old password and the chosen one."""

    model_config = ConfigDict(extra="forbid")

    old: Secret
    new: Secret


class NewAccount(BaseModel):
    """An account to be issued: of a new person by name, or of one who has accounts already. Source: art. 6."""

    model_config = ConfigDict(extra="forbid")

    login: str
    organisation_id: UUID
    roles: tuple[Role, ...] = Field(min_length=1)
    display_name: str | None = None
    person_id: UUID | None = None


class InitialPassword(BaseModel):
    """A first password, good for one sign-in until then."""

    account: Account
    initial_password: str | None
    """Seen once: None in the answer to a repeated request, for it is kept nowhere."""
    expires_at: datetime


@sessions.post("/sessions", status_code=201, dependencies=[allow_anyone()])
async def sign_in(
    body: SignIn, request: Request, db: Db, vault: Safe, passwords: Hasher, settings: Settings
) -> SignedIn:
    """Sign in with login and password."""
    address = address_of(request, settings)
    signed_in = await signing_in.sign_in(db, passwords, body.login, body.password, address)
    async with db.snapshot() as tx:
        account = await _account(tx, vault, signed_in.account_id)
    return SignedIn(session=signed_in.session, account=account, must_change_password=signed_in.must_change_password)


@sessions.post("/sessions/current/token", dependencies=[allow_anyone()])
async def exchange(session: SessionToken, db: Db, vault: Safe, issuer: Issuer) -> Token:
    """The session's token for a signed one, which every service verifies offline."""
    async with db.transaction() as tx:
        living = await commands.use_session(tx, session)
        actor = await queries.actor_of(tx, living)
        account = await _account(tx, vault, living.account_id)
        token, expires_at = issuer.issue(actor, tx.now)
    return Token(token=token, expires_at=expires_at, account=account, must_change_password=living.must_change_password)


@sessions.delete("/sessions/current", status_code=204, dependencies=[allow_anyone()])
async def sign_out(session: SessionToken, db: Db) -> Response:
    """End the session; again is no error."""
    async with db.transaction() as tx:
        await commands.end_session(tx, session)
    return Response(status_code=204)


@sessions.post("/accounts/me/password", status_code=204, dependencies=[allow_anyone()])
async def change_password(
    body: ChangePassword, session: SessionToken, db: Db, vault: Safe, passwords: Hasher
) -> Response:
    """The owner of the session chooses another password; her other sessions end."""
    async with db.snapshot() as tx:
        living = await queries.session(tx, session)
        account = await _account(tx, vault, living.account_id)
    known = [account.login, account.display_name, account.organisation.name, account.organisation.code]
    await signing_in.choose_password(db, passwords, living.account_id, living.id, body.old, body.new, known)
    return Response(status_code=204)


@router.get("/accounts", dependencies=[allow(Role.PROVINCE_ADMIN, Role.OFFICER, Role.VIEWER)])
async def find(
    db: Db,
    actor: Who,
    vault: Safe,
    organisation: UUID | None = None,
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Accounts:
    """The accounts of what the actor's organisation reaches, by login."""
    async with db.snapshot() as tx:
        found, total = await queries.page(
            tx,
            vault,
            actor.organisation_id,
            tx.now.date(),
            organisation_id=organisation,
            offset=offset,
            limit=limit,
        )
        return Accounts(items=await _shown(tx, found), total=total)


@router.post("/accounts", status_code=201, dependencies=[allow(Role.PROVINCE_ADMIN)])
async def create(body: NewAccount, db: Db, actor: Who, vault: Safe, passwords: Hasher, key: Key) -> InitialPassword:
    """The province issues an account. Source: art. 6."""
    initial = passwords.initial()
    async with passwords.turn():
        hashed = await passwords.hash(initial)

    made: list[UUID] = []

    async def act() -> InitialPassword:
        made.append(await commands.create(tx, vault, password_hash=hashed, **dict(body)))
        return await _issued(tx, vault, made[0], None)

    async with db.transaction(actor) as tx:
        issued = await idempotent(tx, key, body, act)
    return issued.model_copy(update={"initial_password": initial}) if made else issued


@router.post("/accounts/{account_id}/password-reset", dependencies=[allow(Role.PROVINCE_ADMIN, Role.OFFICER)])
async def reset_password(account_id: UUID, db: Db, actor: Who, vault: Safe, passwords: Hasher) -> InitialPassword:
    """A first password again; all sessions of the account end."""
    initial = passwords.initial()
    async with passwords.turn():
        hashed = await passwords.hash(initial)
    async with db.transaction(actor) as tx:
        await queries.require_command_of(tx, actor, account_id, "重置该账号的密码")
        await commands.reset_password(tx, account_id, hashed)
        return await _issued(tx, vault, account_id, initial)


@router.post("/accounts/{account_id}/disable", dependencies=[allow(Role.PROVINCE_ADMIN, Role.OFFICER)])
async def disable(account_id: UUID, db: Db, actor: Who, vault: Safe) -> Account:
    """The account may not act any more; all its sessions end."""
    async with db.transaction(actor) as tx:
        await queries.require_command_of(tx, actor, account_id, "停用该账号")
        await commands.disable(tx, account_id)
        return await _account(tx, vault, account_id)


@router.post("/accounts/{account_id}/enable", dependencies=[allow(Role.PROVINCE_ADMIN)])
async def enable(account_id: UUID, db: Db, actor: Who, vault: Safe) -> Account:
    """The account may act again."""
    async with db.transaction(actor) as tx:
        await queries.require_command_of(tx, actor, account_id, "启用该账号")
        await commands.enable(tx, account_id)
        return await _account(tx, vault, account_id)


def address_of(request: Request, settings: RegistrySettings) -> str | None:
    """Where the browser is: the peer, or behind a trusted proxy what it says; None when the proxy says nothing."""
    peer = request.client.host if request.client else None
    if peer is None or peer not in settings.trusted_proxies:
        return peer
    forwarded = request.headers.get("x-forwarded-for", "")
    return forwarded.rsplit(",", 1)[-1].strip() or None


async def _issued(tx: Tx, vault: Vault, account_id: UUID, initial: str | None) -> InitialPassword:
    stored = await queries.credential(tx, account_id=account_id)
    assert stored is not None
    assert stored.expires_at is not None
    account = await _account(tx, vault, account_id)
    return InitialPassword(account=account, initial_password=initial, expires_at=stored.expires_at)


async def _account(tx: Tx, vault: Vault, account_id: UUID) -> Account:
    found = await queries.account(tx, vault, account_id)
    if found is None:
        raise NotFound("账号")
    (shown,) = await _shown(tx, [found])
    return shown


async def _shown(tx: Tx, found: list[queries.Account]) -> list[Account]:
    places = await organisations.places(tx, {each.organisation_id for each in found})
    return [
        Account(
            id=each.id,
            person_id=each.person_id,
            login=each.login,
            display_name=each.display_name,
            roles=each.roles,
            organisation=Workplace(
                id=each.organisation_id,
                name=places[each.organisation_id].name,
                kind=places[each.organisation_id].kind,
                code=places[each.organisation_id].code,
            ),
            has_initial_password=each.has_initial_password,
            created_at=each.created_at,
            last_sign_in_at=each.last_sign_in_at,
            disabled_at=each.disabled_at,
        )
        for each in found
    ]
