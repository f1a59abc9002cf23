"""Sync as the portal reaches it: what each may see, and what only the province may do."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from sqlalchemy import text

from chassis.identity import Actor
from chassis.testing import spoken
from chassis.transaction import Database
from contracts import topics
from contracts.national import Echo, NumberIssued, ProblemFound, RecordAccepted, RecordRejected, Rejection
from contracts.registry import ClassChanged, StudentRecordChanged
from contracts.topics import Topic
from contracts.values import ProblemType, Stage

Hear = Callable[..., Awaitable[list[str]]]
Told = Callable[[Topic], Awaitable[list[tuple[UUID, int, dict[str, Any] | None]]]]
ARecord = Callable[..., StudentRecordChanged]
Clients = Callable[..., httpx2.AsyncClient]
People = Mapping[str, Actor]
Places = Mapping[str, UUID]
MOMENT = datetime(2026, 9, 21, 8, 0, tzinfo=UTC)


@pytest.fixture
async def pupils(
    hear: Hear, a_record: ARecord, people: People, places: Places, database: Database
) -> Mapping[str, UUID]:
    """One pupil in each standing at the centre school, and one who waits at the school of the other county."""
    where = {
        "waiting": a_record(class_number="2026102"),
        "accepted": a_record(),
        "rejected": a_record(),
        "problem": a_record(),
        "elsewhere": a_record(school_id=places["other_school"]),
    }
    students = {name: uuid4() for name in where}
    await hear(*(spoken(topics.STUDENT_RECORD, students[name], said) for name, said in where.items()))
    async with database.snapshot() as tx:
        rows = await tx.rows(text("SELECT student_id, content_hash FROM national_pupil"))
    hashes = {row.student_id: row.content_hash for row in rows}

    def echo(name: str) -> Echo:
        return Echo(student_id=students[name], epoch=1, version=1, content_hash=hashes[students[name]])

    answers = {
        "accepted": NumberIssued(echo=echo("accepted"), answered_at=MOMENT, number="J340121202003150022"),
        "rejected": RecordRejected(
            echo=echo("rejected"), answered_at=MOMENT, rejections=(Rejection(field="jtzz", reason="不能为空"),)
        ),
        "problem": ProblemFound(
            echo=echo("problem"), answered_at=MOMENT, problem=ProblemType.NAME_MISMATCH, note="与人口库不一致"
        ),
    }
    await hear(*(spoken(topics.RECEIPT, students[name], said) for name, said in answers.items()))
    await hear(spoken(topics.RECEIPT, students["rejected"], RecordAccepted(echo=echo("rejected"), answered_at=MOMENT)))
    return students


async def got(client: httpx2.AsyncClient, path: str, status: int = 200) -> Any:
    answer = await client.get(path)
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_a_school_sees_where_its_pupils_stand_in_words(
    as_: Clients, people: People, places: Places, pupils: Mapping[str, UUID]
) -> None:
    page = await got(as_(people["registrar"]), "/v1/standings")
    lines = {line["student_id"]: line for line in page["items"]}
    assert page["total"] == 4
    assert lines.keys() == {str(pupils[name]) for name in ("waiting", "accepted", "rejected", "problem")}
    line = lines[str(pupils["problem"])]
    assert line == {
        "student_id": str(pupils["problem"]),
        "school_id": str(places["school"]),
        "standing": "problem",
        "accepted_version": 1,
        "spoken_version": 1,
        "problems": [
            {
                "type": "name-mismatch",
                "name": "身份证号与姓名不匹配",
                "note": "与人口库不一致",
                "found_at": "2026-09-21T08:00:00Z",
            }
        ],
        "rejections": [],
        "number_issued": False,
        "changed_at": line["changed_at"],
    }
    assert lines[str(pupils["rejected"])]["rejections"] == [{"field": "家庭地址", "reason": "不能为空"}]
    assert lines[str(pupils["accepted"])]["number_issued"] is True


async def test_lists_can_be_narrowed(
    as_: Clients, people: People, places: Places, pupils: Mapping[str, UUID], hear: Hear
) -> None:
    class_id = uuid4()
    said = ClassChanged(
        school_id=places["school"], campus_id=None, number="2026102", name="一年级(2)班", stage=Stage.PRIMARY,
        entry_year=2026, class_type="10",
    )  # fmt: skip
    await hear(spoken(topics.CLASS, class_id, said))
    client = as_(people["registrar"])

    async def found(query: str) -> set[str]:
        return {line["student_id"] for line in (await got(client, f"/v1/standings?{query}"))["items"]}

    assert await found("standing=problem") == {str(pupils["problem"])}
    assert await found(f"class={class_id}") == {str(pupils["waiting"])}
    asked = f"students={pupils['accepted']}&students={pupils['elsewhere']}"
    assert await found(asked) == {str(pupils["accepted"])}
    page = await got(client, "/v1/standings?offset=3&limit=2")
    assert (len(page["items"]), page["total"]) == (1, 4)
    assert (await client.get("/v1/standings?limit=201")).status_code == 422


async def test_an_authority_sees_sums_of_its_schools_and_the_silence_of_the_nation(
    as_: Clients, people: People, pupils: Mapping[str, UUID]
) -> None:
    summary = await got(as_(people["viewer"]), "/v1/summary")
    counts = {name: summary[name] for name in ("waiting", "accepted", "rejected", "problem", "conflicts")}
    assert counts == {"waiting": 2, "accepted": 1, "rejected": 1, "problem": 1, "conflicts": 1}
    assert [school["school_name"] for school in summary["schools"]] == ["长丰县水湖学区中心校", "肥东县店埠小学"]
    assert summary["lag_seconds"] >= 0
    assert summary["oldest_waiting_at"] is not None
    own = await got(as_(people["officer"]), "/v1/summary")
    assert (own["waiting"], len(own["schools"])) == (1, 1)
    assert await got(as_(people["teacher"]), "/v1/desk") == {"waiting": 1, "accepted": 1, "rejected": 1, "problem": 1}


async def test_contradictions_of_the_nation_are_listed_for_who_can_settle_them(
    as_: Clients, people: People, pupils: Mapping[str, UUID]
) -> None:
    [conflict] = (await got(as_(people["officer"]), "/v1/conflicts"))["items"]
    assert (conflict["student_id"], conflict["code"]) == (str(pupils["rejected"]), "contradicts-final-answer")
    assert conflict["text"].endswith("请向国家系统核实。")
    assert (await got(as_(people["other_officer"]), "/v1/conflicts"))["items"] == []
    await got(as_(people["registrar"]), "/v1/conflicts", 403)


async def test_who_may_not_see_gets_nothing(
    as_: Clients, people: People, places: Places, pupils: Mapping[str, UUID]
) -> None:
    await got(as_(None), "/v1/standings", 401)
    for path in ("/v1/standings?school=", "/v1/summary?under="):
        await got(as_(people["other_registrar"]), f"{path}{places['school']}", 404)
        await got(as_(people["officer"]), f"{path}{places['other_county']}", 404)
        await got(as_(people["registrar"]), f"{path}{places['county']}", 404)
    asked = await got(as_(people["other_officer"]), f"/v1/standings?students={pupils['accepted']}")
    assert asked == {"items": [], "total": 0}


async def test_the_province_has_a_record_said_again_once_a_key(
    as_: Clients, people: People, pupils: Mapping[str, UUID], told: Told, database: Database
) -> None:
    path = f"/v1/students/{pupils['accepted']}/respeak"
    key = {"Idempotency-Key": str(uuid4())}
    for _ in range(2):
        answer = await as_(people["admin"]).post(path, headers=key)
        assert (answer.status_code, answer.json()) == (202, {"student_id": str(pupils["accepted"])})
    said = [(version, body) for who, version, body in await told(topics.NATIONAL_RECORD) if who == pupils["accepted"]]
    assert [version for version, _ in said] == [1, 2]
    assert said[0][1] is not None
    assert said[1][1] == {**said[0][1], "operation": "change"}
    async with database.snapshot() as tx:
        assert await tx.scalar(text("SELECT count(*) FROM audit WHERE 'national.respeak' = ANY(actions)")) == 1
    assert (await as_(people["officer"]).post(path)).status_code == 403
    assert (await as_(people["admin"]).post(f"/v1/students/{uuid4()}/respeak")).status_code == 404
