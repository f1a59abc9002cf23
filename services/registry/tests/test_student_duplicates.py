"""Two records that may be one child are compared and settled by an authority of both schools."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from chassis.transaction import Database
from registry.enrolment import queries as enrolments
from registry.student import queries, showing
from registry.student.queries import Suspicion
from tests.harness.people import a_guardian, a_record, undocumented
from tests.harness.pupils import Pupils

pytestmark = pytest.mark.usefixtures("season")

REASON = {"reason": "已核对两户户口簿，系两名同名儿童。"}


@pytest.fixture
async def pupils(database: Database, tree: Any, a_class: Any) -> Pupils:
    return await Pupils.of(database, tree, a_class)


@pytest.fixture
async def twins_by_chance(pupils: Pupils) -> tuple[UUID, UUID]:
    """Two pupils of one school without documents, alike but for their guardians."""
    one = undocumented(0)
    other = one.model_copy(update={"family": (a_guardian(901), a_guardian(902))})
    (first,) = await pupils.draft_all([one])
    (later,) = await pupils.draft_all([other])
    return first, later


async def the_case(client: Any) -> str:
    (only,) = (await client.get("/v1/duplicates")).json()["items"]
    return str(only["id"])


async def suspected(database: Database, student_id: UUID) -> list[Suspicion]:
    async with database.snapshot() as tx:
        return (await queries.suspicions(tx, [student_id])).get(student_id, [])


async def warned(database: Database, student_id: UUID) -> bool:
    async with database.snapshot() as tx:
        judged = await enrolments.judged(tx, await queries.pupils(tx, [student_id]))
    return "suspected-duplicate" in {each.code for each in judged.verdicts[student_id].warnings}


async def test_both_records_are_compared_item_by_item_behind_masks(
    twins_by_chance: tuple[UUID, UUID], as_: Any, tree: Any
) -> None:
    client = as_(tree.officer)
    found = (await client.get(f"/v1/duplicates/{await the_case(client)}")).json()
    assert (found["kind"], found["holder_status"], found["closed_at"], found["settled_by"]) == (
        "suspicion",
        "待提交",
        None,
        None,
    )
    items = {each["label"]: each for each in found["items"]}
    assert items["姓名"]["same"]
    assert items["姓名"]["entered"] == items["姓名"]["held"] == undocumented(0).name
    number = items["成员1身份证件号"]
    assert not number["same"]
    assert a_guardian(901).document_number not in (number["entered"], number["held"])
    assert "*" in number["entered"]
    assert not any(each["same"] for label, each in items.items() if label == "成员1身份证件号")


async def test_two_children_who_are_alike_are_no_warning_any_more(
    twins_by_chance: tuple[UUID, UUID], as_: Any, tree: Any, key: Any, database: Database
) -> None:
    first, later = twins_by_chance
    assert [each.student_id for each in await suspected(database, later)] == [first]
    assert await warned(database, first)
    client = as_(tree.officer)
    case = await the_case(client)
    once = key()
    done = await client.post(f"/v1/duplicates/{case}/settle", json=REASON, headers=once)
    assert done.status_code == 200, done.text
    assert (await client.post(f"/v1/duplicates/{case}/settle", json=REASON, headers=once)).json() == done.json()
    assert done.json()["reason"] == REASON["reason"]
    assert done.json()["settled_by"]
    assert await suspected(database, first) == await suspected(database, later) == []
    assert not await warned(database, later)
    assert (await client.get("/v1/duplicates")).json()["total"] == 0
    assert (await client.get("/v1/duplicates", params={"state": "all"})).json()["items"][0]["closed_at"]
    again = await client.post(f"/v1/duplicates/{case}/settle", json=REASON)
    assert (again.status_code, again.json()["code"]) == (409, "settled")


async def test_a_third_child_is_suspected_still(
    twins_by_chance: tuple[UUID, UUID], as_: Any, tree: Any, database: Database, pupils: Pupils
) -> None:
    first, later = twins_by_chance
    client = as_(tree.officer)
    await client.post(f"/v1/duplicates/{await the_case(client)}/settle", json=REASON)
    one = undocumented(0)
    (third,) = await pupils.draft_all([one.model_copy(update={"family": (a_guardian(903), a_guardian(904))})])
    assert {each.student_id for each in await suspected(database, third)} == {first, later}
    assert [each.student_id for each in await suspected(database, first)] == [third]
    assert (await client.get("/v1/duplicates")).json()["total"] == 2


async def test_only_an_authority_of_both_schools_settles(as_: Any, tree: Any, key: Any) -> None:
    child = {"fields": {**showing.fields(a_record(1)), "grade": "一年级"}}
    held = await as_(tree.other_registrar).post("/v1/students", json=child, headers=key())
    tried = await as_(tree.registrar).post("/v1/students", json=child, headers=key())
    assert (held.status_code, tried.status_code) == (201, 409)
    case = await the_case(as_(tree.city_officer))
    path = f"/v1/duplicates/{case}"
    one_of_them = await as_(tree.officer).get(path)
    assert (one_of_them.status_code, one_of_them.json()["code"]) == (403, "not-yours")
    assert "共同的上级主管单位" in one_of_them.json()["detail"]
    assert (await as_(tree.officer).post(f"{path}/settle", json=REASON)).status_code == 403
    assert (await as_(tree.registrar).get(path)).status_code == 403
    assert (await as_(tree.registrar).post(f"{path}/settle", json=REASON)).status_code == 403
    assert (await as_(tree.city_officer).get(f"/v1/duplicates/{uuid4()}")).status_code == 404
    empty = await as_(tree.city_officer).post(f"{path}/settle", json={"reason": ""})
    assert empty.status_code == 422
    both = (await as_(tree.city_officer).get(path)).json()
    assert (both["kind"], both["holder_school"]) == ("claim", "肥东县店埠小学")
    done = await as_(tree.city_officer).post(f"{path}/settle", json={"reason": "证件号码录错，已由水湖学区改正。"})
    assert done.status_code == 200, done.text
    # The identity is held as before: the same attempt is refused again, and opens a new case.
    assert (await as_(tree.registrar).post("/v1/students", json=child, headers=key())).status_code == 409
    assert (await as_(tree.city_officer).get("/v1/duplicates")).json()["total"] == 1
