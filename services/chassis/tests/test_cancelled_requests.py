"""A request that is cancelled, whatever it was waiting for, has done all or nothing, and may be repeated."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Generator
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID, uuid4

import pytest
from fastapi import APIRouter, Depends
from pydantic import BaseModel
from sqlalchemy import text

from chassis.http import Actor, allow, current_actor, database, idempotency_key, idempotent
from chassis.identity import TokenVerifier
from chassis.sealing import Vault
from chassis.transaction import Database
from contracts.values import Role
from services.chassis.tests.conftest import Asked, Rows, Topics
from services.chassis.tests.web import an_actor, an_app, bearer, client_of, service_settings, write_key_file

router = APIRouter(prefix="/v1", dependencies=[allow(Role.REGISTRAR)])


class Order(BaseModel):
    number: int


class Made(BaseModel):
    id: UUID


@router.post("/things", status_code=201)
async def make(
    order: Order,
    db: Annotated[Database, Depends(database)],
    actor: Annotated[Actor, Depends(current_actor)],
    key: Annotated[str | None, Depends(idempotency_key)],
) -> Made:
    async def act() -> Made:
        new = uuid4()
        await tx.execute(
            text("INSERT INTO thing (id, number) VALUES (:id, :number)"), {"id": new, "number": order.number}
        )
        tx.say(new, Asked(number=order.number))
        return Made(id=new)

    async with db.transaction(actor) as tx:
        return await idempotent(tx, key, order, act)


class CancelledAt:
    """Awaits the work, and cancels the task when the work waits for the n-th time, counted from 0."""

    def __init__(self, work: Coroutine[Any, Any, Any], moment: int) -> None:
        self._work = work
        self._left = moment

    def __await__(self) -> Generator[Any, Any, Any]:
        inner = self._work.__await__()
        error: BaseException | None = None
        while True:
            try:
                waited = inner.send(None) if error is None else inner.throw(error)
            except StopIteration as done:
                return done.value
            error = None
            if self._left == 0:
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
            self._left -= 1
            try:
                yield waited
            except BaseException as thrown:  # noqa: BLE001 - whatever it is, it is the work's
                error = thrown


@pytest.fixture
async def web(dsn: str, topics: Topics, tmp_path: Path) -> AsyncIterator[Any]:
    settings = service_settings(dsn, write_key_file(tmp_path))
    opened = Database(settings, topics=topics.all)
    app = an_app(router, settings=settings)
    app.state.database = opened
    app.state.resources = {Vault: Vault.read(settings.keys)}
    app.state.verifier = TokenVerifier(settings)
    async with client_of(app, bearer(settings, an_actor(Role.REGISTRAR))) as client:
        yield client
    await opened.close()


async def test_a_command_that_is_cancelled_at_any_await_did_all_or_nothing_and_is_repeated_once(
    web: Any, rows: Rows
) -> None:
    async def post(number: int) -> Any:
        return await web.post(
            "/v1/things", json={"number": number}, headers={"Idempotency-Key": f"cancelled-{number:04}"}
        )

    async def cancelled_at(number: int) -> Any:
        return await CancelledAt(post(number), number)

    async def there(number: int) -> tuple[int, int, int]:
        """Things, rows of the outbox, kept answers."""
        things = await rows("SELECT id FROM thing WHERE number = :n", n=number)
        said = await rows(
            "SELECT subject FROM outbox WHERE (convert_from(body, 'UTF8')::jsonb ->> 'number')::int = :n", n=number
        )
        kept = await rows("SELECT answer FROM idempotency WHERE key = :k", k=f"cancelled-{number:04}")
        assert {row.subject for row in said} == {row.id for row in things}
        assert all(row.answer is not None for row in kept)
        return len(things), len(said), len(kept)

    found: list[tuple[int, int, int]] = []
    while True:
        moment = len(found)
        task = asyncio.create_task(cancelled_at(moment))
        await asyncio.wait([task], timeout=20)
        assert task.done(), f"it went on after await {moment}"
        if not task.cancelled():
            break
        found.append(await there(moment))
        again = await post(moment)
        assert again.status_code == 201
        assert await there(moment) == (1, 1, 1)
        [thing] = await rows("SELECT id FROM thing WHERE number = :n", n=moment)
        assert again.json() == {"id": str(thing.id)}
    assert task.result().status_code == 201
    # Some were cancelled before their commit, some during it or after, none half way.
    assert set(found) == {(0, 0, 0), (1, 1, 1)}, found
