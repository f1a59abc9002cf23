"""What proves that it is her: how passwords are compared, and what a session is known by."""

from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from typing import Any

import httpx2
import pytest
from sqlalchemy import text, update

from chassis.transaction import Database
from registry.account import commands
from registry.account.models import AttemptRow, CredentialRow, SessionRow
from registry.account.passwords import Passwords
from services.registry.tests.test_account_api import CHOSEN, issue, settle, sign_in


@pytest.fixture
def web(as_: Any) -> httpx2.AsyncClient:
    """A browser behind the portal."""
    found: httpx2.AsyncClient = as_(None, **{"X-Forwarded-For": "203.0.113.7"})
    return found


async def test_a_password_of_two_hundred_characters_counts_to_its_last() -> None:
    passwords, long = Passwords(), "𠮷密 a" * 50
    assert len(long) == 200
    stored = await passwords.hash(long)
    assert await passwords.fits(long, stored) == (True, None)
    assert await passwords.fits(long[:-1] + "b", stored) == (False, None)


async def test_who_has_no_account_is_compared_with_something_that_costs_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    passwords = Passwords()
    stored, compared = await passwords.hash(CHOSEN), list[str]()
    verify: Callable[[str, str], tuple[bool, str | None]] = passwords._hasher.verify_and_update

    def noting(password: str, with_: str) -> tuple[bool, str | None]:
        compared.append(with_.rsplit("$", 2)[0])
        return verify(password, with_)

    monkeypatch.setattr(passwords._hasher, "verify_and_update", noting)
    assert await passwords.fits(CHOSEN, None) == (False, None)
    assert await passwords.fits(CHOSEN, stored) == (True, None)
    assert compared == ["$argon2id$v=19$m=19456,t=2,p=1"] * 2


async def test_a_session_is_another_at_each_sign_in_and_stored_as_a_hash(
    as_: Any, tree: Any, web: httpx2.AsyncClient, database: Database
) -> None:
    first = await settle(web, await issue(as_, tree))
    # What the browser brings along is not taken over: nobody can choose a session for somebody else.
    second = (await sign_in(web, "liuli01", CHOSEN, Session=first)).json()["session"]
    assert first != second
    assert {len(first), len(second)} == {43}, "32 random bytes as base64"
    async with database.snapshot() as tx:
        about = "token_hash, expires_at - created_at AS lasts, session::text AS whole"
        rows = await tx.rows(text(f"SELECT {about} FROM session"))
    assert {row.lasts for row in rows} == {timedelta(hours=10)}
    assert {row.token_hash for row in rows} == {sha256(each.encode()).digest() for each in (first, second)}
    assert not [row for row in rows if first in row.whole or second in row.whole]


async def test_a_password_has_no_end_by_date(as_: Any, tree: Any, web: httpx2.AsyncClient, database: Database) -> None:
    await settle(web, await issue(as_, tree))
    async with database.transaction() as tx:
        await tx.execute(update(CredentialRow).values(changed_at=tx.now - timedelta(days=400)))
    signed_in = await sign_in(web, "liuli01", CHOSEN)
    assert (signed_in.status_code, signed_in.json()["must_change_password"]) == (201, False)


async def test_failures_are_forgotten_after_a_day_and_sessions_half_a_year_after_their_end(
    as_: Any, tree: Any, web: httpx2.AsyncClient, database: Database
) -> None:
    await settle(web, await issue(as_, tree))
    await sign_in(web, "liuli01", "not the password")

    async def forgotten(**ago: timedelta) -> int:
        async with database.transaction() as tx:
            await tx.execute(update(AttemptRow).values(last_at=tx.now - ago["failed"]))
            await tx.execute(update(SessionRow).values(expires_at=tx.now - ago["over"]))
            return await commands.forget(tx)

    hour = timedelta(hours=1)
    assert await forgotten(failed=timedelta(hours=23), over=timedelta(days=179)) == 0
    assert await forgotten(failed=timedelta(hours=23), over=timedelta(days=180) + hour) == 1
    assert await forgotten(failed=timedelta(hours=24) + hour, over=hour) == 2, "of the login and of the address"
