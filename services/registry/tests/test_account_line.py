"""Sign-ins wait in a line that has an end."""

from contextlib import AsyncExitStack
from typing import Any

import httpx2
import pytest
from sqlalchemy import select

from chassis.transaction import Database
from contracts.refusal import Refusal
from registry.account import passwords
from registry.account.models import AttemptRow
from registry.account.passwords import Passwords
from services.registry.tests.test_account_api import CHOSEN, issue, settle, sign_in


@pytest.fixture
def web(as_: Any) -> httpx2.AsyncClient:
    """A browser behind the portal."""
    found: httpx2.AsyncClient = as_(None, **{"X-Forwarded-For": "203.0.113.7"})
    return found


async def test_who_finds_the_line_full_is_told_when_to_come_back_and_has_not_failed(
    as_: Any, tree: Any, web: Any, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued = await issue(as_, tree)
    await settle(web, issued)
    monkeypatch.setattr(passwords, "IN_LINE", 0)
    refused = [
        await sign_in(web, "liuli01", CHOSEN),
        await as_(tree.admin).post(f"/v1/accounts/{issued['account']['id']}/password-reset"),
    ]
    for answer in refused:
        assert (answer.status_code, answer.json()["code"]) == (429, "sign-in-busy")
        assert 2 <= int(answer.headers["Retry-After"]) <= 6
        assert "不计入失败次数" in answer.json()["detail"]
    monkeypatch.undo()
    async with database.snapshot() as tx:
        assert max((row.failures for row in await tx.rows(select(AttemptRow.failures))), default=0) == 0
    assert (await sign_in(web, "liuli01", CHOSEN)).status_code == 201


async def test_no_more_than_four_are_at_work_and_nobody_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Passwords()
    async with AsyncExitStack() as stack:
        for _ in range(4):
            await stack.enter_async_context(line.turn())
        monkeypatch.setattr(passwords, "WAITS", 0.05)
        with pytest.raises(Refusal, match="再试"):
            async with line.turn():
                raise AssertionError("a fifth at work")
    async with line.turn():
        assert (await line.fits("nobody's", None)) == (False, None)
