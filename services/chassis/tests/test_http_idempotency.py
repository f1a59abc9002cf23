import asyncio
from collections.abc import AsyncIterator
from datetime import date
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
from chassis.settings import ServiceSettings
from chassis.transaction import Database
from contracts.refusal import Refusal
from contracts.values import Role
from services.chassis.tests.web import an_actor, an_app, bearer, client_of, service_settings, write_key_file
from tests.harness.eventually import eventually

router = APIRouter(prefix="/v1", dependencies=[allow(Role.REGISTRAR)])
Db = Annotated[Database, Depends(database)]
Who = Annotated[Actor, Depends(current_actor)]
Key = Annotated[str | None, Depends(idempotency_key)]


class Order(BaseModel):
    number: int
    name: str = "刘一"


class Taken(BaseModel):
    id: UUID
    name: str
    on: date


class Full(Refusal):
    status = 409

    def __init__(self) -> None:
        super().__init__("full", "已满。请换一个。")


class Gate:
    """Holds a request inside its transaction until the test lets it go."""

    def __init__(self) -> None:
        self.inside = asyncio.Event()
        self.open = asyncio.Event()
        self.fails_once = False


gate = Gate()


async def store(tx: Any, order: Order) -> Taken:
    new = uuid4()
    await tx.execute(text("INSERT INTO thing (id, number) VALUES (:id, :number)"), {"id": new, "number": order.number})
    return Taken(id=new, name=order.name, on=date(2026, 9, 1))


@router.post("/orders", status_code=201)
async def take(order: Order, db: Db, actor: Who, key: Key) -> Taken:
    async def act() -> Taken:
        taken = await store(tx, order)
        if order.number == 13:
            raise Full
        if order.number == 7:
            gate.inside.set()
            await gate.open.wait()
            if gate.fails_once:
                gate.fails_once = False
                raise Full
        return taken

    async with db.transaction(actor) as tx:
        return await idempotent(tx, key, order, act)


@router.post("/others", status_code=201)
async def take_other(order: Order, db: Db, actor: Who, key: Key) -> Taken:
    async def act() -> Taken:
        return await store(tx, order)

    async with db.transaction(actor) as tx:
        return await idempotent(tx, key, order, act)


@pytest.fixture
def web_settings(dsn: str, tmp_path: Path) -> ServiceSettings:
    return service_settings(dsn, write_key_file(tmp_path))


@pytest.fixture
async def web(web_settings: ServiceSettings) -> AsyncIterator[Any]:
    global gate
    gate = Gate()
    opened = Database(web_settings)
    app = an_app(router, settings=web_settings)
    app.state.database = opened
    app.state.resources = {Vault: Vault.read(web_settings.keys)}
    app.state.verifier = TokenVerifier(web_settings)
    async with client_of(app, bearer(web_settings, an_actor(Role.REGISTRAR))) as client:
        yield client
    await opened.close()


def keyed(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key}


async def test_a_repeat_gets_the_first_answer_and_does_nothing(web: Any, rows: Any) -> None:
    first = await web.post("/v1/orders", json={"number": 1, "name": "欧阳一"}, headers=keyed("order-0001"))
    repeat = await web.post("/v1/orders", json={"name": "欧阳一", "number": 1}, headers=keyed("order-0001"))
    assert first.status_code == repeat.status_code == 201
    assert first.json() == repeat.json()
    assert len(await rows("SELECT 1 FROM thing")) == 1


async def test_without_a_key_everything_acts(web: Any, rows: Any) -> None:
    for _ in range(2):
        assert (await web.post("/v1/orders", json={"number": 1})).status_code == 201
    assert len(await rows("SELECT 1 FROM thing")) == 2


async def test_a_key_with_another_body_or_for_another_place_is_refused(web: Any, rows: Any) -> None:
    await web.post("/v1/orders", json={"number": 1}, headers=keyed("order-0001"))
    other = await web.post("/v1/orders", json={"number": 2}, headers=keyed("order-0001"))
    elsewhere = await web.post("/v1/others", json={"number": 1}, headers=keyed("order-0001"))
    for answer in (other, elsewhere):
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency-key-reused")
    assert len(await rows("SELECT 1 FROM thing")) == 1


async def test_the_keys_of_two_accounts_have_nothing_to_do_with_each_other(
    web: Any, web_settings: ServiceSettings, rows: Any
) -> None:
    other = bearer(web_settings, an_actor(Role.REGISTRAR, account=uuid4()))
    mine = await web.post("/v1/orders", json={"number": 1}, headers=keyed("order-0001"))
    hers = await web.post("/v1/orders", json={"number": 2}, headers=keyed("order-0001") | other)
    assert mine.status_code == hers.status_code == 201
    assert len(await rows("SELECT 1 FROM thing")) == 2


async def test_what_was_refused_leaves_no_key_behind(web: Any, rows: Any) -> None:
    refused = await web.post("/v1/orders", json={"number": 13}, headers=keyed("order-0001"))
    assert refused.json()["code"] == "full"
    assert await rows("SELECT 1 FROM idempotency") == []
    assert (await web.post("/v1/orders", json={"number": 1}, headers=keyed("order-0001"))).status_code == 201


async def test_the_answer_is_kept_sealed(web: Any, rows: Any) -> None:
    await web.post("/v1/orders", json={"number": 1, "name": "欧阳一"}, headers=keyed("order-0001"))
    (kept,) = await rows("SELECT answer FROM idempotency")
    assert "欧阳一".encode() not in kept.answer
    assert b"number" not in kept.answer


@pytest.mark.parametrize("key", ["short", "x" * 101, "a b c d e f", "order/0001", "ключ-номер"])
async def test_what_is_no_key_is_refused(web: Any, key: str) -> None:
    answer = await web.post("/v1/orders", json={"number": 1}, headers=[("Idempotency-Key", key.encode())])
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency-key-invalid")


async def waits_for_a_lock(rows: Any) -> bool:
    found = await rows("SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
    return bool(found)


async def test_a_repeat_that_comes_meanwhile_waits_for_the_first(web: Any, rows: Any) -> None:
    first = asyncio.create_task(web.post("/v1/orders", json={"number": 7}, headers=keyed("order-0001")))
    await gate.inside.wait()
    repeat = asyncio.create_task(web.post("/v1/orders", json={"number": 7}, headers=keyed("order-0001")))
    await eventually(lambda: waits_for_a_lock(rows))
    assert not repeat.done()
    gate.open.set()
    assert (await first).json() == (await repeat).json()
    assert len(await rows("SELECT 1 FROM thing")) == 1


async def test_a_repeat_acts_when_the_first_is_rolled_back(web: Any, rows: Any) -> None:
    gate.fails_once = True
    first = asyncio.create_task(web.post("/v1/orders", json={"number": 7}, headers=keyed("order-0001")))
    await gate.inside.wait()
    repeat = asyncio.create_task(web.post("/v1/orders", json={"number": 7}, headers=keyed("order-0001")))
    await eventually(lambda: waits_for_a_lock(rows))
    gate.open.set()
    assert (await first).json()["code"] == "full"
    assert (await repeat).status_code == 201
    assert len(await rows("SELECT 1 FROM thing")) == 1


async def test_twenty_at_once_act_once(web: Any, rows: Any) -> None:
    answers = await asyncio.gather(
        *(web.post("/v1/orders", json={"number": 1}, headers=keyed("order-0001")) for _ in range(20))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(await rows("SELECT 1 FROM thing")) == 1
