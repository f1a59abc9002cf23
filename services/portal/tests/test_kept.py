"""What was typed and ticked is still there after a refusal."""

from collections.abc import Callable

import httpx2

from services.portal.tests.people import ARCHIVE, CLASS, PUPIL, SCHOOL
from services.portal.tests.reading import Page
from services.portal.tests.services import Services, refusal

Browse = Callable[[str | None], httpx2.AsyncClient]


def ticked(page: Page) -> list[str]:
    """The boxes that are ticked."""
    return [each["value"] for each in page.all("input", name="students") if "checked" in each]


def selected(page: Page) -> set[str]:
    """What is chosen in the lists."""
    return {each["value"] for each in page.all("option") if "selected" in each and each["value"]}


async def test_a_refused_reason_keeps_ticks_warning_words_and_page(browse: Browse, services: Services) -> None:
    client = browse("registrar")
    services.give("POST registry/v1/pre-review/reasons", refusal(422, "personal-data", "原因中不要写证件号。"))
    form = {"students": PUPIL, "code": "older", "reason": "因病休学一年", "page": "2"}
    page = Page((await client.post("/pre-review/reasons", data=form)).text)
    assert ticked(page) == [PUPIL]
    assert "older" in selected(page)
    assert page.value("reason") == "因病休学一年"
    assert services.asked_of("GET registry/v1/pre-review")[-1].url.params["offset"] == "50"


async def test_a_refused_placement_keeps_ticks_class_page_and_search(browse: Browse, services: Services) -> None:
    client = browse("registrar")
    services.give("POST registry/v1/students/place", refusal(409, "class-closed", "该班已撤销。"))
    form = {"students": PUPIL, "class_id": CLASS, "page": "2", "status": "draft"}
    page = Page((await client.post("/students/place", data=form)).text)
    assert ticked(page) == [PUPIL]
    assert CLASS in selected(page)
    asked = services.asked_of("GET registry/v1/students")[-1].url.params
    assert (asked["offset"], asked["status"]) == ("50", "draft")
    page = Page((await client.post("/students/place", data={**form, "q": "赵"})).text)
    assert "“赵”的查找结果" in page.text
    assert services.body_of("POST registry/v1/students/search")["q"] == "赵"


async def test_a_refused_schooling_keeps_its_date_and_its_error_stands_in_its_own_form(
    browse: Browse, services: Services
) -> None:
    client = browse("province")
    problems = [{"code": "not-before", "field": "from", "text": "不能早于今天。"}]
    sentence = "学制变更没有保存。"
    route = f"POST registry/v1/organisations/{SCHOOL}/schooling"
    services.give(route, refusal(422, "invalid-input", sentence, problems=problems))
    form = {"schooling": "5-4", "schooling_from": "2020-08-01"}
    page = Page((await client.post(f"/organisations/{SCHOOL}/schooling", data=form)).text)
    (own,) = page.all("input", name="schooling_from")
    (other,) = page.all("input", name="from")
    assert own["value"] == "2020-08-01"
    assert own["aria-describedby"] == "f-schooling-from-wrong"
    assert (other["value"], "aria-invalid" in other) == ("", False)
    assert page.all("a", href="#f-schooling-from")
    assert page.faults() == []


async def test_a_refused_match_keeps_the_panel_the_search_and_the_pupil(browse: Browse, services: Services) -> None:
    client = browse("registrar")
    services.give(
        f"POST photo/v1/archives/{ARCHIVE}/files/2/match", refusal(409, "photo-closed", "该生的照片已归档，不再更换。")
    )
    form = {"number": "2", "result": "ambiguous", "q": "赵", "student": PUPIL}
    response = await client.post(f"/photos/archives/{ARCHIVE}/match", data=form)
    page = Page(response.text)
    assert "该生的照片已归档，不再更换。" in page.text
    assert "手动匹配：第 2 个文件" in page.text
    assert [each["value"] for each in page.all("input", id="f-q")] == ["赵"]
    assert selected(page) == {PUPIL}
    assert page.faults() == []
