import json
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from fastapi import APIRouter, File, Query, Request, UploadFile
from fastapi.responses import PlainTextResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import DBAPIError

from chassis.http import Problem, allow_anyone
from chassis.settings import ProcessSettings
from contracts.refusal import NotFound, Refusal
from services.chassis.tests.web import an_app, client_of

router = APIRouter(prefix="/v1", dependencies=[allow_anyone()])
CANARY = "欧阳金丝雀"


class Form(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=5)
    birth: date | None = None
    marks: list[int] = Field(default_factory=list, max_length=2)


class ClassFull(Refusal):
    status = 409

    def __init__(self) -> None:
        super().__init__("class-full", "一班已有56人。请选择其他班级。", size=56)


class Waiting(Refusal):
    status = 429

    def __init__(self) -> None:
        super().__init__("wait", "请稍后再试。", retry_after=7)


class _Driver(Exception):  # noqa: N818 - it stands for the driver
    def __init__(self, sqlstate: str) -> None:
        super().__init__(f"Key (name)=({CANARY}) already exists")
        self.sqlstate = sqlstate


def database_error(sqlstate: str, *, gone: bool = False) -> DBAPIError:
    return DBAPIError("SELECT 1", {"name": CANARY}, _Driver(sqlstate), connection_invalidated=gone)


tries: list[str] = []


@router.post("/forms")
async def take(form: Form) -> Form:
    return form


@router.get("/things/{thing}")
async def thing(thing: UUID, count: int = Query(ge=1, le=3, default=1)) -> str:
    raise NotFound("学生")


@router.get("/refused")
async def refused() -> None:
    raise ClassFull


@router.get("/waits")
async def waits() -> None:
    raise Waiting


@router.get("/broken")
async def broken() -> None:
    raise KeyError(CANARY)


@router.get("/away")
async def away() -> None:
    raise ConnectionRefusedError


@router.get("/gone")
async def gone() -> None:
    raise database_error("57P01", gone=True)


@router.get("/unreadable")
async def unreadable() -> None:
    raise database_error("22021")


@router.post("/contended")
@router.get("/contended")
async def contended(request: Request) -> str:
    tries.append(request.method)
    if len(tries) < 3:
        raise database_error("40P01")
    return "won"


@router.post("/upload", max_body_size=3_000_000)
async def upload(file: UploadFile = File()) -> int:
    return len(await file.read())


@router.post("/small-upload")
async def small_upload(file: UploadFile = File()) -> int:
    return len(await file.read())


@pytest.fixture
async def web() -> Any:
    tries.clear()
    async with client_of(an_app(router)) as client:
        yield client


async def test_a_refusal_is_problem_json_with_its_sentence(web: Any) -> None:
    answer = await web.get("/v1/refused")
    assert answer.headers["content-type"] == "application/problem+json"
    found = answer.json()
    assert found.pop("instance") == answer.headers["x-request-id"]
    assert found == {
        "type": "about:blank",
        "title": "Conflict",
        "status": 409,
        "detail": "一班已有56人。请选择其他班级。",
        "code": "class-full",
        "size": 56,
    }


async def test_a_refusal_that_passes_says_when_to_come_again(web: Any) -> None:
    answer = await web.get("/v1/waits")
    assert (answer.status_code, answer.headers["retry-after"], answer.json()["retry_after"]) == (429, "7", 7)


async def test_invalid_input_names_every_field_in_chinese_and_repeats_nothing(web: Any) -> None:
    answer = await web.post(
        "/v1/forms", json={"name": CANARY + "很长", "birth": "2026-13-01", "marks": ["x", 2], "q": 1}
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-input")
    assert {(each["field"], each["text"]) for each in answer.json()["errors"]} == {
        ("name", "最多5个字。"),
        ("birth", "请填写有效的日期，格式为2026-09-01。"),
        ("marks.0", "请填写整数。"),
        ("q", "不认识此项，请删除。"),
    }
    assert CANARY not in answer.text
    keys = await web.post("/v1/forms", json={"name": "甲", CANARY: 1, "G35990120190901001X": 2})
    assert [each["field"] for each in keys.json()["errors"]] == ["?", "?"]
    assert CANARY not in keys.text
    missing = await web.post("/v1/forms", json={})
    assert missing.json()["errors"] == [{"field": "name", "text": "此项必填。"}]
    query = await web.get("/v1/things/01930000-0000-7000-8000-0000000000a1?count=9")
    assert query.json()["errors"] == [{"field": "count", "text": "不能大于3。"}]


async def test_what_fails_tells_an_incident_and_nothing_else(web: Any) -> None:
    answer = await web.get("/v1/broken")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert answer.json()["instance"] == answer.headers["x-request-id"]
    assert CANARY not in answer.text
    assert "KeyError" not in answer.text


@pytest.mark.parametrize("path", ["/v1/away", "/v1/gone"])
async def test_a_part_that_is_away_is_503_with_retry_after(web: Any, path: str) -> None:
    answer = await web.get(path)
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "unavailable", "2")
    assert CANARY not in answer.text


async def test_what_the_database_cannot_hold_is_the_senders_fault(web: Any) -> None:
    answer = await web.get("/v1/unreadable")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-input")


async def test_a_lost_race_is_run_again_where_that_is_safe(web: Any) -> None:
    assert (await web.get("/v1/contended")).json() == "won"
    assert tries == ["GET", "GET", "GET"]
    tries.clear()
    assert (await web.post("/v1/contended", json={})).status_code == 503
    assert tries == ["POST"]
    tries.clear()
    keyed = await web.post("/v1/contended", json={}, headers={"Idempotency-Key": "0123456789"})
    assert (keyed.status_code, tries) == (200, ["POST", "POST", "POST"])


@pytest.mark.parametrize(
    ("body", "field", "text"),
    [
        (b'{"name": "a", "name": "b"}', "name", "同一项出现了两次，请只保留一个。"),
        (b'{"name": "a\\u0000"}', "", "含有无法识别的字符，请重新输入。"),
        (b'{"name": "\\ud800"}', "", "含有无法识别的字符，请重新输入。"),
        (b'{"name": "\xff"}', "", "含有无法识别的字符，请重新输入。"),
        (b'{"name": ', "", "内容不是有效的JSON。"),
        (b'{"name": NaN}', "", "内容不是有效的JSON。"),
        (b'{"name": ' + b"[" * 500 + b"]" * 500 + b"}", "", "内容层次过多。"),
        (b"[" * 100_000, "", "内容层次过多。"),
    ],
)
async def test_json_that_nobody_could_store_is_422(web: Any, body: bytes, field: str, text: str) -> None:
    answer = await web.post("/v1/forms", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["errors"]) == (422, [{"field": field, "text": text}])


async def test_rare_characters_pass(web: Any) -> None:
    for name in ("𠮷", "阿·古丽", "\U00030f54", "\u202e"):
        escaped = json.dumps({"name": name}).encode()  # as surrogate pairs
        answer = await web.post("/v1/forms", content=escaped, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["name"]) == (200, name)


async def test_a_nul_in_an_address_is_422(web: Any) -> None:
    assert (await web.get("/v1/things/%00")).status_code == 422
    assert (await web.get("/v1/refused?q=a%00b")).status_code == 422


async def test_a_body_above_the_cap_is_413(web: Any) -> None:
    large = json.dumps({"name": "a" * 1_100_000}).encode()
    answer = await web.post("/v1/forms", content=large, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
    assert answer.headers["content-type"] == "application/problem+json"

    async def drip() -> Any:
        for _ in range(20):
            yield b" " * 100_000

    streamed = await web.post("/v1/forms", content=drip(), headers={"Content-Type": "application/json"})
    assert (streamed.status_code, streamed.json()["code"]) == (413, "too-large")


async def test_a_route_that_takes_uploads_has_a_cap_of_its_own(web: Any) -> None:
    two = {"file": ("a.bin", b"x" * 2_000_000)}
    assert (await web.post("/v1/upload", files=two)).json() == 2_000_000
    assert (await web.post("/v1/small-upload", files=two)).json()["code"] == "too-large"
    assert (await web.post("/v1/upload", files={"file": ("a.bin", b"x" * 4_000_000)})).status_code == 413


async def test_what_the_framework_refuses_is_a_problem_too(web: Any) -> None:
    for method, path, status, code in (
        ("GET", "/v1/nothing", 404, "not-found"),
        ("DELETE", "/v1/refused", 405, "method-not-allowed"),
        ("TRACE", "/v1/refused", 405, "method-not-allowed"),
    ):
        answer = await web.request(method, path)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.headers["content-type"] == "application/problem+json"


async def test_every_answer_carries_the_headers(web: Any) -> None:
    for path in ("/v1/refused", "/v1/nothing", "/v1/broken", "/health/live", "/openapi.json"):
        headers = (await web.get(path)).headers
        assert headers["cache-control"] == "no-store", path
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin"
        assert len(headers["x-request-id"]) == 32


async def test_documentation_pages_are_off(web: Any) -> None:
    assert [(await web.get(path)).status_code for path in ("/docs", "/redoc", "/docs/oauth2-redirect")] == [404] * 3


async def test_a_request_that_takes_too_long_is_broken_off() -> None:
    import asyncio

    slow = APIRouter(dependencies=[allow_anyone()])
    ended: list[str] = []

    @slow.get("/slow")
    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("rolled back")

    settings = ProcessSettings(request_within="PT0.05S")  # as an environment says it
    app = an_app(slow)
    app.within = settings.request_within.total_seconds()
    async with client_of(app) as client:
        answer = await client.get("/slow")
    assert (answer.status_code, answer.json()["code"], ended) == (503, "unavailable", ["rolled back"])


async def test_the_portal_shows_problems_in_its_own_way() -> None:
    def page(request: Request, problem: Problem) -> Response:
        return PlainTextResponse(f"页面 {problem.code}", status_code=problem.status)

    async with client_of(an_app(router, render=page, publishes=False)) as client:
        assert (await client.get("/v1/refused")).text == "页面 class-full"
        assert (await client.get("/nowhere")).text == "页面 not-found"
        assert (await client.get("/v1/broken")).text == "页面 internal"
        assert (await client.get("/openapi.json")).status_code == 404
