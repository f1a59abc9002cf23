"""Signing in: two short transactions around a slow comparison, so that no connection waits for argon2."""

from dataclasses import dataclass
from uuid import UUID

from chassis.transaction import Database
from registry.account import commands, domain, queries
from registry.account.errors import SignInRefused, WrongOldPassword
from registry.account.passwords import Passwords, new_session_token


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A sign-in that fitted."""

    session: str
    """The opaque token; the only time that it is seen."""
    account_id: UUID
    must_change_password: bool


async def sign_in(db: Database, passwords: Passwords, login: str, password: str, address: str | None) -> SignedIn:
    """A new session.

    Raises SignInBusy, TooManyAttempts, SignInRefused (the same, and after as long, for an unknown login).
    """
    async with passwords.turn():
        return await _sign_in(db, passwords, login, password, address)


async def _sign_in(db: Database, passwords: Passwords, login: str, password: str, address: str | None) -> SignedIn:
    async with db.transaction() as tx:
        await commands.count_attempt(tx, login, address)
        stored = await queries.credential(tx, login=login.strip().lower())
        now = tx.now
    fits, newer = await passwords.fits(password, stored.hash if stored else None)
    if stored is None or not fits or not stored.may_act or stored.is_spent(now):
        raise SignInRefused
    token = new_session_token()
    async with db.transaction() as tx:
        await commands.forgive_attempt(tx, login, address)
        await commands.open_session(tx, stored, token, address, newer_hash=newer)
    return SignedIn(token, stored.account_id, stored.initial)


async def choose_password(
    db: Database, passwords: Passwords, account_id: UUID, session_id: UUID | None, old: str, new: str, known: list[str]
) -> None:
    """The account has the new password. `known` is what others know of its owner.

    Raises WeakPassword, WrongOldPassword, SignInBusy, TooManyAttempts.
    """
    domain.check_password(new, known)
    domain.check_is_new(old, new)
    async with passwords.turn():
        await _choose_password(db, passwords, account_id, session_id, old, new)


async def _choose_password(
    db: Database, passwords: Passwords, account_id: UUID, session_id: UUID | None, old: str, new: str
) -> None:
    async with db.transaction() as tx:
        await commands.count_attempt(tx, f"account {account_id}", None)
        stored = await queries.credential(tx, account_id=account_id)
    fits, _ = await passwords.fits(old, stored.hash if stored else None)
    if stored is None or not fits:
        raise WrongOldPassword
    hashed = await passwords.hash(new)
    async with db.transaction() as tx:
        await commands.forgive_attempt(tx, f"account {account_id}", None)
        await commands.change_password(tx, stored, session_id, hashed)
