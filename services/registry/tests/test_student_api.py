import asyncio
import io
from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID

import openpyxl
import pytest
from sqlalchemy import text

from registry.student import commands, showing
from registry.student.domain import Change
from tests.harness.people import a_record, citizen_id

pytestmark = pytest.mark.usefixtures("season")


def form(number: int = 1, **changes: str) -> dict[str, str]:
    """The fields of a filled-in form; "" takes one away."""
    fields = {**showing.fields(a_record(number)), "grade": "一年级", **changes}
    return {path: value for path, value in fields.items() if value}


@pytest.fixture
def enter(as_: Any, tree: Any, key: Any) -> Callable[..., Any]:
    """`await enter(2, class_number="2026101")` → the pupil's page."""

    async def act(number: int = 1, actor: Any = None, **changes: str) -> dict[str, Any]:
        answer = await as_(actor or tree.registrar).post(
            "/v1/students", json={"fields": form(number, **changes)}, headers=key()
        )
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    return act


async def audited(database: Any, action: str) -> int:
    async with database.snapshot() as tx:
        statement = text("SELECT count(*) FROM audit WHERE :action = ANY(actions)").bindparams(action=action)
        return int(await tx.scalar(statement))


async def test_a_pupil_is_entered_by_form_and_the_page_is_masked(
    enter: Any, as_: Any, tree: Any, a_class: Any, database: Any
) -> None:
    class_id = await a_class()
    made = await enter(1, class_number="2026101")
    record = a_record(1)
    assert record.document_number is not None
    assert (made["name"], made["status"], made["status_name"], made["grade"]) == (record.name, "draft", "待提交", 1)
    assert (made["class_id"], made["class_name"], made["grade_name"]) == (str(class_id), "2026级(1)班", "一年级")
    hidden = record.document_number[:3] + "*" * 11 + record.document_number[-4:]
    assert made["record"]["document_number"] == hidden
    assert made["record"]["phone"] == "139****0001"
    assert made["record"]["family.0.phone"] == "138****0002"
    assert made["record"]["address"] == "安徽省合肥市****"
    assert (made["record"]["grade"], made["record"]["class_number"]) == ("一年级", "2026101")
    assert made["names"]["ethnicity"] == "汉族"
    assert made["names"]["residence"] == "长丰县"
    assert [(each["kind"], each["status"]) for each in made["numbers"]] == [
        ("student", "provisional"),
        ("regional", "confirmed"),
    ]
    assert made["numbers"][1]["value"] == "340********0001"
    assert [(each["change_name"], each["by"]) for each in made["history"]] == [("录入", "shuihu01的使用人")]
    assert made["placements"][0]["class_name"] == "2026级(1)班"
    assert made["national"] == {
        "standing": None, "problems": [], "rejections": [], "number_status": "provisional",
    }  # fmt: skip
    path = f"/v1/students/{made['id']}"
    assert (await as_(tree.officer).get(path)).json()["name"] == record.name
    for stranger in (tree.other_registrar, tree.other_officer, tree.junior_registrar):
        assert (await as_(stranger).get(path)).status_code == 404
        assert (await as_(stranger).post(f"{path}/unmask", json={"reason": "看看"})).status_code == 404
    assert await audited(database, "student.read") == 0
    full = (await as_(tree.officer).post(f"{path}/unmask", json={"reason": "核对证件"})).json()
    assert full["record"]["document_number"] == record.document_number
    assert full["numbers"][0]["value"] == "G" + record.document_number
    assert await audited(database, "student.read") == 1
    assert (await as_(tree.officer).post(f"{path}/unmask", json={})).status_code == 422
    named = await as_(tree.officer).post(f"{path}/unmask", json={"reason": f"核对{record.document_number}"})
    assert (named.json()["code"], record.document_number in named.text) == ("number-in-reason", False)


async def test_a_double_click_makes_one_pupil(as_: Any, tree: Any, key: Any) -> None:
    same = key()
    body = {"fields": form(1)}
    client = as_(tree.registrar)
    first = await client.post("/v1/students", json=body, headers=same)
    second = await client.post("/v1/students", json=body, headers=same)
    assert first.json()["id"] == second.json()["id"]
    other = await client.post("/v1/students", json={"fields": form(2)}, headers=same)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    assert (await client.get("/v1/students")).json()["total"] == 1


async def test_what_the_service_itself_says_of_a_pupil_cannot_be_sent(enter: Any, as_: Any, tree: Any) -> None:
    own = {"status": "registered", "student_number": "G1", "version": "9", "national.standing": "accepted"}
    made = await enter(1, **own, school_id=str(tree.other_school))
    assert (made["status"], made["version"], made["school_id"]) == ("draft", 1, str(tree.school))
    assert own.keys() & made["record"].keys() == set()
    for name, value in {**own, "id": str(tree.school)}.items():
        beside = {"fields": form(2), name: value}
        answer = await as_(tree.registrar).post("/v1/students", json=beside)
        assert answer.status_code == 422, name
    patch = {"version": 1, "fields": form(1), "status": "registered"}
    assert (await as_(tree.registrar).patch(f"/v1/students/{made['id']}", json=patch)).status_code == 422


async def test_every_fault_of_a_form_is_told_at_once(as_: Any, tree: Any, key: Any) -> None:
    fields = form(1, birth_date="20200230", phone="12345", sex="")
    answer = await as_(tree.registrar).post("/v1/students", json={"fields": fields}, headers=key())
    assert (answer.status_code, answer.json()["code"]) == (422, "pupil-refused")
    assert {each["field"] for each in answer.json()["problems"]} >= {"birth_date", "phone", "sex"}
    assert "处需要更正" in answer.json()["detail"]


async def test_a_pupil_of_another_school_is_a_duplicate_and_leaves_a_case(
    enter: Any, as_: Any, tree: Any, key: Any
) -> None:
    await enter(1, actor=tree.other_registrar)
    body = {"fields": form(1)}
    answer = await as_(tree.registrar).post("/v1/students", json=body, headers=key())
    assert (answer.status_code, answer.json()["code"]) == (409, "duplicate")
    assert "请办理转学" in answer.json()["detail"]
    assert "店埠" not in answer.text
    mine = (await as_(tree.registrar).get("/v1/duplicates")).json()
    assert (mine["total"], mine["items"][0]["holder_school"]) == (1, None)
    assert mine["items"][0]["name"].endswith("**")
    above = (await as_(tree.city_officer).get("/v1/duplicates")).json()
    assert above["items"][0]["holder_school"] == "肥东县店埠小学"
    assert (await as_(tree.teacher).get("/v1/duplicates")).status_code == 403


async def test_a_form_for_new_pupils_does_not_change_one_who_is_there(enter: Any, as_: Any, tree: Any) -> None:
    made = await enter(1)
    again = await as_(tree.registrar).post("/v1/students", json={"fields": form(1)})
    assert (again.status_code, again.json()["id"]) == (201, made["id"])
    other = await as_(tree.registrar).post("/v1/students", json={"fields": form(1, address="别处")})
    assert (other.status_code, other.json()["code"]) == (409, "duplicate")
    assert "在原记录上修改" in other.json()["detail"]


async def test_a_check_tells_what_saving_would_and_stores_nothing(
    enter: Any, as_: Any, tree: Any, a_class: Any
) -> None:
    client = as_(tree.registrar)
    document = a_record(1).document_number
    only_number = (await client.post("/v1/students/check", json={"fields": {"document_number": document}})).json()
    assert (only_number["problems"], only_number["existing"]) == ([], None)
    assert only_number["derived"]["birth_date"] == a_record(1).birth_date.isoformat()  # type: ignore[union-attr]
    assert only_number["derived"]["sex"] == "1"
    assert only_number["derived"]["student_number_preview"].startswith("G99")
    wrong = document[:17] + ("0" if document[17] != "0" else "1")  # type: ignore[index]
    said = (await client.post("/v1/students/check", json={"fields": {"document_number": wrong}})).json()
    assert [each["code"] for each in said["problems"]] == ["id-check-digit"]
    fields = form(1)
    for path in [path for path in fields if path.startswith("family.1.")]:
        del fields[path]
    whole = (await client.post("/v1/students/check", json={"fields": fields})).json()
    assert [each["code"] for each in whole["warnings"]] == ["one-guardian", "id-region-unknown"]
    assert (await client.get("/v1/students")).json()["total"] == 0
    made = await enter(1)
    own = (await client.post("/v1/students/check", json={"fields": {"document_number": document}})).json()
    assert (own["existing"]["kind"], own["existing"]["student_id"]) == ("own", made["id"])
    await enter(2, actor=tree.other_registrar)
    elsewhere = (await client.post("/v1/students/check", json={"fields": form(2)})).json()
    assert (elsewhere["existing"]["kind"], elsewhere["existing"]["student_id"]) == ("elsewhere", None)
    born = date(2020, 10, 1)
    young = form(3, birth_date="20201001", document_number=citizen_id(born, 1, "1"))
    refused = (await client.post("/v1/students/check", json={"fields": young})).json()
    assert [each["code"] for each in refused["problems"]] == ["too-young"]


async def test_a_record_is_replaced_on_the_version_that_was_seen(
    enter: Any, as_: Any, tree: Any, a_class: Any, database: Any
) -> None:
    await a_class()
    made = await enter(1, class_number="2026101")
    client, path = as_(tree.registrar), f"/v1/students/{made['id']}"
    changed = form(1, name="张弌", grade="", phone="13911112222")
    answer = await client.patch(path, json={"version": 1, "fields": changed})
    assert answer.status_code == 200, answer.text
    edited = answer.json()
    assert (edited["name"], edited["version"], edited["class_name"]) == ("张弌", 2, "2026级(1)班")
    assert [each["change"] for each in edited["history"]] == ["edited", "drafted"]
    stale = await client.patch(path, json={"version": 1, "fields": changed})
    assert (stale.status_code, stale.json()["code"]) == (409, "version-changed")
    assert (await as_(tree.teacher).patch(path, json={"version": 2, "fields": changed})).status_code == 403
    assert (await as_(tree.other_registrar).patch(path, json={"version": 2, "fields": changed})).status_code == 404
    async with database.transaction(tree.registrar) as tx:
        await commands.advance(tx, {UUID(made["id"]): Change.SUBMITTED})
    late = await client.patch(path, json={"version": 3, "fields": changed})
    assert (late.status_code, late.json()["code"]) == (409, "wrong-status")
    assert "待审核" in late.json()["detail"]


async def test_a_corrected_identity_takes_another_claim_and_another_number(
    enter: Any, as_: Any, tree: Any, key: Any
) -> None:
    made = await enter(1)
    other = a_record(365)
    fields = form(1, document_number=other.document_number or "", birth_date=f"{other.birth_date:%Y%m%d}")
    answer = await as_(tree.registrar).patch(f"/v1/students/{made['id']}", json={"version": 1, "fields": fields})
    assert answer.status_code == 200, answer.text
    unmask = f"/v1/students/{made['id']}/unmask"
    full = (await as_(tree.registrar).post(unmask, json={"reason": "核对"})).json()
    assert [(each["value"], each["status"]) for each in full["numbers"][:2]] == [
        (f"G{other.document_number}", "provisional"),
        (f"G{a_record(1).document_number}", "void"),
    ]
    await enter(1, actor=tree.other_registrar)
    taken = await as_(tree.other_registrar).post("/v1/students", json={"fields": form(365)}, headers=key())
    assert (taken.status_code, taken.json()["code"]) == (409, "duplicate")
    back = await as_(tree.registrar).patch(f"/v1/students/{made['id']}", json={"version": 2, "fields": form(1)})
    assert (back.status_code, back.json()["code"]) == (409, "duplicate")


async def test_who_did_not_come_is_taken_back_and_may_be_entered_elsewhere(enter: Any, as_: Any, tree: Any) -> None:
    made = await enter(1)
    path = f"/v1/students/{made['id']}/remove"
    assert (await as_(tree.other_registrar).post(path, json={"version": 1})).status_code == 404
    assert (await as_(tree.registrar).post(path, json={"version": 9})).json()["code"] == "version-changed"
    await as_(tree.other_registrar).post("/v1/students", json={"fields": form(1)})
    assert (await as_(tree.admin).get("/v1/duplicates")).json()["total"] == 1
    removed = await as_(tree.registrar).post(path, json={"version": 1})
    assert (removed.status_code, removed.json()["status_name"]) == (200, "已撤销")
    assert (await as_(tree.admin).get("/v1/duplicates")).json()["total"] == 0
    again = await as_(tree.registrar).post(path, json={"version": 2})
    assert (again.status_code, again.json()["code"]) == (409, "wrong-status")
    assert (await enter(1, actor=tree.other_registrar))["status"] == "draft"


async def test_pupils_are_placed_in_bulk_as_long_as_there_are_seats(
    enter: Any, as_: Any, tree: Any, a_class: Any, key: Any
) -> None:
    class_id = await a_class(capacity=2)
    made = [await enter(number) for number in (1, 2, 3)]
    assert (await as_(tree.registrar).get("/v1/students?unplaced=true")).json()["total"] == 3
    body = {"class_id": str(class_id), "students": [each["id"] for each in made]}
    same = key()
    answer = await as_(tree.registrar).post("/v1/students/place", json=body, headers=same)
    assert answer.status_code == 200, answer.text
    assert answer.json()["placed"] == [made[0]["id"], made[1]["id"]]
    assert [(each["student_id"], each["code"]) for each in answer.json()["refused"]] == [(made[2]["id"], "class-full")]
    assert (await as_(tree.registrar).post("/v1/students/place", json=body, headers=same)).json() == answer.json()
    placed = (await as_(tree.registrar).get(f"/v1/students?class={class_id}")).json()
    assert (placed["total"], placed["items"][0]["class_name"]) == (2, "2026级(1)班")
    elsewhere = await a_class(tree.other_school)
    body["class_id"] = str(elsewhere)
    assert (await as_(tree.registrar).post("/v1/students/place", json=body)).status_code == 404


async def test_lists_are_masked_filtered_and_searched_without_words_in_the_url(
    enter: Any, as_: Any, tree: Any, database: Any
) -> None:
    made = [await enter(number) for number in (1, 2, 3)]
    elsewhere = await enter(4, actor=tree.other_registrar)
    some = "&".join(f"id={each['id']}" for each in (made[2], elsewhere, made[0]))
    named = (await as_(tree.registrar).get(f"/v1/students?{some}")).json()
    assert (named["total"], [each["id"] for each in named["items"]]) == (2, [made[0]["id"], made[2]["id"]])
    many = "&".join(f"id={made[0]['id']}" for _ in range(201))
    assert (await as_(tree.registrar).get(f"/v1/students?{many}")).status_code == 422
    listed = (await as_(tree.registrar).get("/v1/students?limit=2")).json()
    assert (listed["total"], len(listed["items"])) == (3, 2)
    assert listed["items"][0]["name"] == a_record(1).name[0] + "**"
    assert "*" in listed["items"][0]["student_number"]
    assert (await as_(tree.city_officer).get("/v1/students")).json()["total"] == 4
    assert (await as_(tree.registrar).get("/v1/students?status=draft&status=returned")).json()["total"] == 3
    assert (await as_(tree.registrar).get("/v1/students?grade=1&stage=primary")).json()["total"] == 3
    assert (await as_(tree.registrar).get("/v1/students?grade=2")).json()["total"] == 0
    assert (await as_(tree.registrar).get(f"/v1/students?school={tree.other_school}")).status_code == 404
    for words, total in (
        (a_record(2).name, 1), (a_record(2).document_number, 1), (a_record(4).name, 0), ("张", 0), ("99999920", 0),
    ):  # fmt: skip
        found = await as_(tree.registrar).post("/v1/students/search", json={"q": words})
        assert (found.status_code, found.json()["total"]) == (200, total)
    number = "G" + (a_record(3).document_number or "").lower()
    assert (await as_(tree.teacher).post("/v1/students/search", json={"q": number})).json()["total"] == 1
    assert await audited(database, "student.search") == 6
    async with database.snapshot() as tx:
        entries = [row.entry.decode() for row in await tx.rows(text("SELECT entry FROM audit"))]
    assert not [each for each in entries if a_record(2).name in each or str(a_record(2).document_number) in each]


async def test_the_desk_counts_pupils_by_where_they_stand(enter: Any, as_: Any, tree: Any, a_class: Any) -> None:
    await a_class()
    await enter(1, class_number="2026101")
    await enter(2)
    mine = (await as_(tree.registrar).get("/v1/desk")).json()
    found = {key: mine[key] for key in ("drafts", "returned", "submitted", "registered", "unplaced", "problems")}
    assert found == {"drafts": 2, "returned": 0, "submitted": 0, "registered": 0, "unplaced": 1, "problems": 0}
    assert (await as_(tree.other_officer).get("/v1/desk")).json()["drafts"] == 0


async def test_an_export_is_text_audited_and_full_only_for_the_school(
    enter: Any, as_: Any, tree: Any, database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await enter(1, homepage="=cmd()")
    rows = {}
    for actor in (tree.registrar, tree.officer):
        answer = await as_(actor).get("/v1/students/export.xlsx")
        assert answer.status_code == 200
        sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).worksheets[0]
        assert all(cell.data_type in ("s", "inlineStr", "n") for row in sheet.iter_rows() for cell in row)
        header = [cell.value for cell in sheet[1]]
        rows[actor] = dict(zip(header, [cell.value for cell in sheet[2]], strict=True))
    assert rows[tree.registrar]["身份证件号"] == a_record(1).document_number
    assert rows[tree.registrar]["姓名"] == a_record(1).name
    assert rows[tree.registrar]["主页地址"] == "=cmd()"
    assert "*" in str(rows[tree.officer]["身份证件号"])
    assert rows[tree.officer]["姓名"] == a_record(1).name[0] + "**"
    assert await audited(database, "student.export") == 2
    assert (await as_(tree.teacher).get("/v1/students/export.xlsx")).status_code == 403
    monkeypatch.setattr("registry.student.api.lists.MOST_EXPORTED", 0)
    assert (await as_(tree.officer).get("/v1/students/export.xlsx")).json()["code"] == "too-many-to-export"


PDF = b"%PDF-1.4 household"


async def test_evidence_is_kept_sealed_and_its_reading_is_audited(
    enter: Any, as_: Any, tree: Any, database: Any, settings: Any
) -> None:
    made = await enter(1)
    path = f"/v1/students/{made['id']}/evidence"
    client = as_(tree.registrar)
    added = await client.post(path, files={"file": ("户口簿.pdf", PDF)}, data={"kind": "household-register"})
    assert added.status_code == 201, added.text
    assert (added.json()["content_type"], added.json()["kind_name"]) == ("application/pdf", "户口簿")
    for name, content, code in (
        ("a.pdf", b"MZ not a pdf", "evidence-type"),
        ("a.pdf", b"", "evidence-empty"),
        ("a.pdf", PDF + b"0" * 10 * 1024 * 1024, "evidence-too-large"),
    ):
        refused = await client.post(path, files={"file": (name, content)}, data={"kind": "other"})
        assert (refused.status_code, refused.json()["code"]) == (422, code)
    stored = [file.read_bytes() for file in settings.data.rglob("*") if file.is_file()]
    assert len(stored) == 1
    assert PDF not in stored[0]
    shown = (await client.get(f"/v1/students/{made['id']}")).json()["evidence"]
    assert [(each["name"], each["kind"]) for each in shown] == [("户口簿.pdf", "household-register")]
    file = f"/v1/evidence/{added.json()['id']}"
    assert (await as_(tree.other_officer).get(file)).status_code == 404
    read = await as_(tree.officer).get(file)
    assert (read.content, read.headers["content-type"]) == (PDF, "application/pdf")
    assert read.headers["content-disposition"] == "attachment; filename*=UTF-8''%E6%88%B7%E5%8F%A3%E7%B0%BF.pdf"
    assert (read.headers["x-content-type-options"], read.headers["cache-control"]) == ("nosniff", "no-store")
    assert await audited(database, "evidence.read") == 1
    assert (await as_(tree.officer).delete(file)).status_code == 403
    assert (await client.delete(file)).status_code == 204
    assert (await client.delete(file)).status_code == 404
    assert (await client.get(f"/v1/students/{made['id']}")).json()["evidence"] == []


async def test_evidence_sent_twice_is_there_once(enter: Any, as_: Any, tree: Any, settings: Any) -> None:
    made = await enter(1)
    path, client = f"/v1/students/{made['id']}/evidence", as_(tree.registrar)

    async def send(kind: str) -> Any:
        return (await client.post(path, files={"file": ("户口簿.pdf", PDF)}, data={"kind": kind})).json()["id"]

    first, second = await asyncio.gather(send("household-register"), send("household-register"))
    other = await send("other")
    assert first == second != other
    shown = (await client.get(f"/v1/students/{made['id']}")).json()["evidence"]
    assert {each["id"] for each in shown} == {first, other}
    assert len([file for file in settings.data.rglob("*") if file.is_file()]) == 2


async def test_who_needs_no_body_is_answered_without_one(enter: Any, as_: Any, tree: Any) -> None:
    made = await enter(1)
    path, client = f"/v1/students/{made['id']}", as_(tree.registrar)
    minimal = {"Prefer": "respond-async, return=minimal"}
    body = {"version": 1, "fields": form(1, phone="13700000001")}
    refused = await client.patch(path, json={**body, "version": 9}, headers=minimal)
    assert (refused.status_code, refused.json()["code"]) == (409, "version-changed")
    saved = await client.patch(path, json=body, headers=minimal)
    assert (saved.status_code, saved.content) == (204, b"")
    assert saved.headers["Preference-Applied"] == "return=minimal"
    assert (await client.get(path)).json()["version"] == 2
    whole = await client.patch(path, json={**body, "version": 2}, headers={"Prefer": "return=representation"})
    assert (whole.status_code, whole.json()["version"]) == (200, 2)
    assert (await client.post(path + "/remove", json={"version": 2}, headers=minimal)).status_code == 204
    assert (await client.get(path)).json()["status_name"] == "已撤销"


async def test_the_form_and_its_code_sets_are_told(as_: Any, tree: Any) -> None:
    sets = (await as_(tree.teacher).get("/v1/code-sets")).json()
    assert sets["性别"] == {"1": "男", "2": "女"}
    items = (await as_(tree.teacher).get("/v1/form")).json()
    assert (items[0]["path"], items[0]["label"], items[0]["starred"]) == ("name", "姓名", True)
    assert {each["path"] for each in items} >= {"family.0.phone", "family.1.name", "blood_type"}
