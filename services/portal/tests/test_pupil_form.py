"""A pupil by form: the verdict as the number is left, and on saving; nothing that was typed is lost."""

from collections.abc import Callable

import httpx2

from contracts.record import BY_FIELD, FAMILY_BY_FIELD
from portal import record_form
from services.portal.tests.people import PUPIL
from services.portal.tests.reading import Page
from services.portal.tests.services import Services, refusal

Browse = Callable[[str | None], httpx2.AsyncClient]


def test_the_form_asks_for_every_item_of_the_official_form() -> None:
    asked = {path for _, _, paths in record_form.SECTIONS for path in paths}
    assert asked == set(BY_FIELD) | {"grade", "class_number"}
    assert set(record_form.FAMILY) == set(FAMILY_BY_FIELD)


async def test_the_verdict_comes_when_the_number_is_left(browse: Browse, services: Services) -> None:
    response = await browse("registrar").post(
        "/students/check",
        data={"document_number": "999999202003020017", "document_type": "1", "name": ""},
        headers={"hx-request": "true"},
    )
    assert response.status_code == 200
    assert "<html" not in response.text
    assert "男，2020-03-02出生，6周岁，学籍号 G99***********0017" in " ".join(response.text.split())
    assert "证件号的地区代码未分配" in response.text
    assert services.body_of("POST registry/v1/students/check") == {
        "fields": {"document_number": "999999202003020017", "document_type": "1"}
    }


async def test_without_scripts_the_verdict_comes_with_the_next_page(browse: Browse) -> None:
    response = await browse("registrar").post(
        "/students/new", data={"step": "identity", "document_number": "999999202003020017", "name": "赵六六"}
    )
    page = Page(response.text)
    assert page.value("document_number") == "999999202003020017"
    assert page.value("birth_date") == "2020-03-02"
    assert page.value("family.1.name") == ""
    assert page.faults() == []


async def test_a_pupil_who_is_there_already_goes_no_further(browse: Browse, services: Services) -> None:
    client = browse("registrar")
    text = "该学生已在其他学校录入或已有学籍。确已转来本校的，请办理转学；对方录入有误的，请联系测试县教育局核实。"
    existing = {"kind": "elsewhere", "text": text, "student_id": None}
    services.give(
        "POST registry/v1/students/check", {"problems": [], "warnings": [], "existing": existing, "derived": {}}
    )
    response = await client.post("/students/new", data={"step": "identity", "document_number": "1", "name": "赵六六"})
    assert text in response.text
    assert "保存草稿" not in response.text


async def test_a_refused_pupil_keeps_every_value_and_each_fault_stands_by_its_field(
    browse: Browse, services: Services
) -> None:
    client = browse("registrar")
    problems = [
        {"code": "missing", "field": "family.0.relation", "text": "成员1的“关系”没有填写。请补填。"},
        {"code": "bad-date", "field": "birth_date", "text": "“出生日期”不是日期。"},
    ]
    sentence = "有2处需要更正。请按提示修改后再保存。"
    services.give("POST registry/v1/students", refusal(422, "pupil-refused", sentence, problems=problems))
    sent = {"step": "save", "name": "赵六六", "birth_date": "2020-02-30", "family.0.name": "赵大", "sex": "1"}
    response = await client.post("/students/new", data=sent)
    page = Page(response.text)
    assert response.status_code == 422
    assert sentence in response.text
    assert {name: page.value(name) for name in ("name", "birth_date", "family.0.name")} == {
        "name": "赵六六",
        "birth_date": "2020-02-30",
        "family.0.name": "赵大",
    }
    (relation,) = page.all("select", name="family.0.relation")
    assert relation["aria-invalid"] == "true"
    assert relation["aria-describedby"] == "f-family-0-relation-wrong"
    assert {"#f-family-0-relation", "#f-birth-date"} <= {each["href"] for each in page.all("a")}
    assert page.faults() == []


async def test_a_saved_pupil_is_photographed_next(browse: Browse, services: Services) -> None:
    response = await browse("registrar").post("/students/new", data={"step": "save", "name": "赵六六", "key": "k" * 36})
    assert response.headers["location"] == f"/students/{PUPIL}/photo?done=pupil-created"
    assert services.asked_of("POST registry/v1/students")[0].headers["idempotency-key"] == "k" * 36


async def test_editing_reads_the_record_in_full_for_a_reason_and_sends_the_version(
    browse: Browse, services: Services
) -> None:
    client = browse("registrar")
    page = Page((await client.get(f"/students/{PUPIL}/edit")).text)
    assert services.body_of(f"POST registry/v1/students/{PUPIL}/unmask") == {"reason": "修改学籍信息"}
    assert page.value("version") == "2"
    await client.post(
        f"/students/{PUPIL}/edit", data={"step": "edit", "version": "2", "name": "赵六七", "grade": "一年级"}
    )
    assert services.body_of(f"PATCH registry/v1/students/{PUPIL}") == {
        "version": 2,
        "fields": {"name": "赵六七", "grade": "一年级"},
    }
