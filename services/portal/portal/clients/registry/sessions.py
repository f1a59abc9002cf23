"""Signing in, and accounts."""

from datetime import datetime
from uuid import UUID

from contracts.values import Role
from portal.clients.calling import Answer, Caller


class Workplace(Answer):
    """The organisation of an account."""

    id: UUID
    name: str
    kind: str
    code: str = ""


class Account(Answer):
    """An account as its owner and its superiors see it."""

    id: UUID
    person_id: UUID
    login: str
    display_name: str
    roles: tuple[Role, ...]
    organisation: Workplace
    has_initial_password: bool = False
    created_at: datetime | None = None
    last_sign_in_at: datetime | None = None
    disabled_at: datetime | None = None


class AccountPage(Answer):
    items: list[Account]
    total: int


class SignedIn(Answer):
    session: str
    account: Account
    must_change_password: bool


class Token(Answer):
    """A signed token, and whose it is."""

    token: str
    expires_at: datetime
    account: Account
    must_change_password: bool


class Issued(Answer):
    """An account with its first password, which is seen once."""

    account: Account
    initial_password: str | None
    expires_at: datetime


class Sessions:
    """What needs no token."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def sign_in(self, login: str, password: str) -> SignedIn:
        """A new session."""
        return await self._caller.post(SignedIn, "/v1/sessions", {"login": login, "password": password})

    async def exchange(self, session: str) -> Token:
        """The session's signed token."""
        return await self._caller.ask(Token, "POST", "/v1/sessions/current/token", session=session)

    async def sign_out(self, session: str) -> None:
        """End the session."""
        await self._caller.ask(type(None), "DELETE", "/v1/sessions/current", session=session)

    async def change_password(self, session: str, old: str, new: str) -> None:
        """Another password for the owner of the session."""
        body = {"old": old, "new": new}
        await self._caller.ask(type(None), "POST", "/v1/accounts/me/password", body=body, session=session)


class Accounts:
    """The accounts below the asker's organisation."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def find(self, organisation: str | None, offset: int, limit: int) -> AccountPage:
        """Accounts by login."""
        return await self._caller.get(
            AccountPage, "/v1/accounts", organisation=organisation, offset=offset, limit=limit
        )

    async def create(self, body: dict[str, object], key: str | None) -> Issued:
        """An account of a new person."""
        return await self._caller.post(Issued, "/v1/accounts", body, key=key)

    async def reset(self, account: UUID) -> Issued:
        """A first password again."""
        return await self._caller.post(Issued, f"/v1/accounts/{account}/password-reset")

    async def disable(self, account: UUID) -> Account:
        """The account may not act any more."""
        return await self._caller.post(Account, f"/v1/accounts/{account}/disable")

    async def enable(self, account: UUID) -> Account:
        """The account may act again."""
        return await self._caller.post(Account, f"/v1/accounts/{account}/enable")
