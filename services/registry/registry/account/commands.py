"""Every way in which accounts and sessions can change."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, select, true, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.elements import ColumnElement

from chassis import crash
from chassis.sealing import Vault
from chassis.transaction import Tx
from contracts import topics
from contracts.refusal import NotFound
from contracts.values import Role
from registry.account import domain
from registry.account.errors import LoginTaken, OwnAccount, SignInRefused, TooManyAttempts, WrongOldPassword
from registry.account.models import AccountRow, AttemptRow, CredentialRow, PersonRow, SessionRow
from registry.account.queries import Credential, LivingSession, sealed_name, session, token_hash
from registry.organisation import queries as organisations
from registry.organisation.domain import KIND_NAMES


def _who(tx: Tx) -> UUID | None:
    return tx.actor.account_id if tx.actor else None


async def create(
    tx: Tx,
    vault: Vault,
    *,
    login: str,
    organisation_id: UUID,
    roles: tuple[Role, ...],
    password_hash: str,
    display_name: str | None = None,
    person_id: UUID | None = None,
) -> UUID:
    """The id of a new account, of a new person or, with `person_id`, of one who has accounts already.

    Its first password serves once within 72 hours. Raises WrongLogin, WrongName, LoginTaken, RoleDoesNotFit,
    RoleOfTheCentre, NotFound. Source: art. 6, art. 7.
    """
    login = domain.login(login)
    place = (await organisations.places(tx, [organisation_id])).get(organisation_id)
    if place is None:
        raise NotFound("单位")
    domain.check_roles(roles, place.kind, KIND_NAMES[place.kind])
    person = await _person(tx, vault, person_id, display_name)
    account_id = tx.new_id()
    row = {
        "id": account_id,
        "person_id": person,
        "organisation_id": organisation_id,
        "login": login,
        "roles": [role.value for role in roles],
        "version": 1,
        "created_by": _who(tx),
        "created_at": tx.now,
    }
    made = insert(AccountRow).values(**row).on_conflict_do_nothing(index_elements=["login"]).returning(AccountRow.id)
    if await tx.scalar(made) is None:
        raise LoginTaken(login)
    await tx.insert(CredentialRow, [_initial(tx, account_id, password_hash)])
    tx.touch(topics.ACCOUNT, [account_id])
    tx.note("account.create", [("account", account_id)], organisation=organisation_id, detail={"roles": row["roles"]})
    return account_id


async def reset_password(tx: Tx, account_id: UUID, password_hash: str) -> None:
    """The account gets a first password again, and all its sessions end. Raises NotFound, OwnAccount."""
    row = await _lock(tx, account_id)
    if account_id == _who(tx):
        raise OwnAccount
    await tx.upsert(CredentialRow, [_initial(tx, account_id, password_hash)], key=["account_id"])
    await _end_sessions(tx, account_id, "password-reset")
    tx.note("account.reset-password", [("account", account_id)], organisation=row.organisation_id)


async def change_password(tx: Tx, seen: Credential, session_id: UUID | None, password_hash: str) -> None:
    """The account has a password of its owner's choice, and her other sessions end.

    Raises WrongOldPassword when the password that was compared is not the account's any more.
    """
    account_id = seen.account_id
    row = await _lock(tx, account_id)
    chosen = {"hash": password_hash, "initial": False, "used_at": None, "expires_at": None, "changed_at": tx.now}
    if not await _replace(tx, seen, chosen):
        raise WrongOldPassword
    await _end_sessions(tx, account_id, "password-changed", but=session_id)
    tx.note("account.change-password", [("account", account_id)], organisation=row.organisation_id)


async def disable(tx: Tx, account_id: UUID) -> None:
    """The account may not act any more, and all its sessions end; done twice it changes nothing.

    Raises NotFound, OwnAccount.
    """
    row = await _lock(tx, account_id)
    if account_id == _who(tx):
        raise OwnAccount
    if row.disabled_at is not None:
        return
    await _change(tx, row, {"disabled_by": _who(tx), "disabled_at": tx.now})
    await _end_sessions(tx, account_id, "account-disabled")
    tx.note("account.disable", [("account", account_id)], organisation=row.organisation_id)


async def enable(tx: Tx, account_id: UUID) -> None:
    """The account may act again. Raises NotFound."""
    row = await _lock(tx, account_id)
    if row.disabled_at is None:
        return
    await _change(tx, row, {"disabled_by": None, "disabled_at": None})
    tx.note("account.enable", [("account", account_id)], organisation=row.organisation_id)


async def open_session(
    tx: Tx, seen: Credential, token: str, address: str | None, *, newer_hash: str | None = None
) -> UUID:
    """The id of a new session for a sign-in that fitted; a first password is spent by it.

    Raises SignInRefused when what was compared is not the account's password any more, or was spent meanwhile: of two
    who sign in with a first password at once, one is let in.
    """
    account_id = seen.account_id
    session_id = tx.new_id()
    row = {
        "id": session_id,
        "account_id": account_id,
        "token_hash": token_hash(token),
        "created_at": tx.now,
        "used_at": tx.now,
        "expires_at": tx.now + domain.SESSION_LASTS,
        "address": address,
    }
    await tx.execute(insert(SessionRow).values(**row))
    await tx.execute(update(AccountRow).where(AccountRow.id == account_id).values(last_sign_in_at=tx.now))
    used_at = tx.now if seen.initial else None
    values = {"used_at": used_at, "hash": newer_hash or CredentialRow.hash}
    if not await _replace(tx, seen, values, CredentialRow.used_at.is_(None)):
        raise SignInRefused
    if newer_hash is not None:
        crash.point("login.after_rehash")
    tx.note("session.open", [("account", account_id), ("session", session_id)])
    return session_id


async def use_session(tx: Tx, token: str) -> LivingSession:
    """The session of a token; its thirty minutes begin anew. Raises SessionOver."""
    living = await session(tx, token)
    if tx.now - living.used_at >= domain.NOTED_EVERY:
        await tx.execute(update(SessionRow).where(SessionRow.id == living.id).values(used_at=tx.now))
    return living


async def end_session(tx: Tx, token: str) -> None:
    """The session is over; an unknown or ended one stays so."""
    statement = (
        update(SessionRow)
        .where(SessionRow.token_hash == token_hash(token), SessionRow.ended_at.is_(None))
        .values(ended_at=tx.now, end_reason="sign-out")
        .returning(SessionRow.id, SessionRow.account_id)
    )
    row = await tx.row(statement)
    if row is not None:
        tx.note("session.end", [("account", row.account_id), ("session", row.id)])


async def count_attempt(tx: Tx, login: str, address: str | None) -> None:
    """One attempt more for the login and for the address, counted before the password is compared.

    So many at once cannot outrun the delay. Raises TooManyAttempts while either must wait.
    """
    free = {_key("login", login.strip().lower()): domain.FREE_FAILURES}
    if address is not None:
        free[_key("address", address)] = domain.FREE_FAILURES_OF_ADDRESS
    fresh = [{"who": who, "failures": 0, "last_at": tx.now} for who in free]
    await tx.execute(insert(AttemptRow).values(fresh).on_conflict_do_nothing())
    rows = await tx.rows(
        select(AttemptRow).where(AttemptRow.who.in_(list(free))).order_by(AttemptRow.who).with_for_update()
    )
    waits = [(row.blocked_until - tx.now).total_seconds() for row in rows if row.blocked_until is not None]
    if waits and max(waits) > 0:
        raise TooManyAttempts(int(max(waits)) + 1)
    for row in rows:
        stale = tx.now - row.last_at > domain.FORGOTTEN_AFTER
        failures = 1 if stale else row.failures + 1
        delay = domain.delay_after(failures, free[row.who])
        await tx.execute(
            update(AttemptRow)
            .where(AttemptRow.who == row.who)
            .values(failures=failures, last_at=tx.now, blocked_until=tx.now + delay if delay else None)
        )


async def forgive_attempt(tx: Tx, login: str, address: str | None) -> None:
    """The attempt fitted: the login's count is gone, the address's is one less."""
    await tx.execute(delete(AttemptRow).where(AttemptRow.who == _key("login", login.strip().lower())))
    if address is not None:
        await tx.execute(
            update(AttemptRow)
            .where(AttemptRow.who == _key("address", address), AttemptRow.failures > 0)
            .values(failures=AttemptRow.failures - 1, blocked_until=None)
        )


async def forget(tx: Tx) -> int:
    """How many rows of failed attempts and of sessions long over were dropped."""
    attempts = await tx.execute(delete(AttemptRow).where(AttemptRow.last_at < tx.now - domain.FORGOTTEN_AFTER))
    sessions = await tx.execute(delete(SessionRow).where(SessionRow.expires_at < tx.now - domain.SESSIONS_KEPT))
    return attempts.rowcount + sessions.rowcount


def _key(kind: str, value: str) -> bytes:
    return sha256(f"{kind}:{value}".encode()).digest()


def _initial(tx: Tx, account_id: UUID, password_hash: str) -> dict[str, Any]:
    return {
        "account_id": account_id,
        "hash": password_hash,
        "initial": True,
        "used_at": None,
        "expires_at": tx.now + domain.INITIAL_PASSWORD_LASTS,
        "changed_at": tx.now,
    }


async def _replace(
    tx: Tx, seen: Credential, values: Mapping[str, Any], while_it_is: ColumnElement[bool] = true()
) -> bool:
    """Whether the password that was compared was still the account's; it then has these values."""
    result = await tx.execute(
        update(CredentialRow)
        .where(CredentialRow.account_id == seen.account_id, CredentialRow.changed_at == seen.changed_at, while_it_is)
        .values(**values)
    )
    return result.rowcount == 1


async def _person(tx: Tx, vault: Vault, person_id: UUID | None, display_name: str | None) -> UUID:
    if person_id is not None:
        if await tx.scalar(select(PersonRow.id).where(PersonRow.id == person_id)) is None:
            raise NotFound("人员")
        return person_id
    name = domain.display_name(display_name or "")
    new_id = tx.new_id()
    row = {"id": new_id, "name_sealed": sealed_name(vault, new_id, name), "created_at": tx.now}
    await tx.insert(PersonRow, [row])
    return new_id


async def _change(tx: Tx, row: Row[Any], values: Mapping[str, Any]) -> None:
    """Store what the account's events say, with the next version."""
    await tx.execute(update(AccountRow).where(AccountRow.id == row.id).values(version=row.version + 1, **values))
    tx.touch(topics.ACCOUNT, [row.id])


async def _end_sessions(tx: Tx, account_id: UUID, why: str, but: UUID | None = None) -> None:
    statement = update(SessionRow).where(SessionRow.account_id == account_id, SessionRow.ended_at.is_(None))
    if but is not None:
        statement = statement.where(SessionRow.id != but)
    await tx.execute(statement.values(ended_at=tx.now, end_reason=why))


async def _lock(tx: Tx, account_id: UUID) -> Row[Any]:
    row = await tx.row(select(AccountRow).where(AccountRow.id == account_id).with_for_update())
    if row is None:
        raise NotFound("账号")
    return row
