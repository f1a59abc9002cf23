"""What cannot be taken back is asked about first: the page says what will happen, and nothing has happened yet."""

from collections.abc import Callable

import httpx2

from services.portal.tests.people import CASE, EVIDENCE, OTHER, PUPIL
from services.portal.tests.reading import Page
from services.portal.tests.services import Services, refusal

Browse = Callable[[str | None], httpx2.AsyncClient]
HASH = "h" * 64
KEY = "22222222-2222-4222-8222-222222222222"
REJECTION = {
    "content_hash": HASH,
    "next": OTHER,
    "queue.overdue": "true",
    "reasons": ["other"],
    "text.other": "不在招生范围",
    "key": KEY,
}


def fields(page: Page, action: str) -> dict[str, list[str]]:
    """The hidden fields of a form: what a browser would send with its button."""
    begins = next(
        place for place, (tag, found) in enumerate(page.elements) if (tag, found.get("action")) == ("form", action)
    )
    found: dict[str, list[str]] = {}
    for tag, each in page.elements[begins + 1 :]:
        if tag == "form":
            break
        if tag == "input":
            found.setdefault(each["name"], []).append(each["value"])
    return found


async def test_ticked_pupils_are_counted_before_they_are_submitted(browse: Browse, services: Services) -> None:
    client = browse("registrar")
    page = Page((await client.post("/submissions", data={"students": [PUPIL, OTHER], "key": KEY})).text)
    assert "确认提交 2 名学生" in page.text
    assert page.faults() == []
    assert services.asked_of("POST registry/v1/submissions") == []
    await client.post("/submissions", data=fields(page, "/submissions"))
    assert services.body_of("POST registry/v1/submissions") == {"students": [PUPIL, OTHER]}


async def test_a_rejection_is_read_over_with_its_reasons_before_it_is_made(browse: Browse, services: Services) -> None:
    client = browse("officer")
    path, route = f"/cases/{CASE}/reject", f"POST review/v1/cases/{CASE}/reject"
    page = Page((await client.post(path, data=REJECTION)).text)
    assert "申请终止" in page.text
    assert "其他：不在招生范围" in page.text
    assert "赵**" in page.text
    assert page.faults() == []
    assert services.asked_of(route) == []
    response = await client.post(path, data=fields(page, path))
    assert services.body_of(route) == {
        "content_hash": HASH,
        "reasons": [{"code": "other", "field": None, "text": "不在招生范围"}],
    }
    assert services.asked_of(route)[0].headers["idempotency-key"] == KEY
    assert response.headers["location"].startswith(f"/cases/{OTHER}?state=open&overdue=true")


async def test_a_rejection_without_a_reason_is_told_so_at_once(browse: Browse, services: Services) -> None:
    response = await browse("officer").post(f"/cases/{CASE}/reject", data={"content_hash": HASH, "key": KEY})
    assert response.status_code == 422
    assert "请先勾选原因" in response.text
    assert services.asked_of(f"POST review/v1/cases/{CASE}/reject") == []


async def test_evidence_is_named_before_it_is_dropped(browse: Browse, services: Services) -> None:
    client = browse("registrar")
    listed = Page((await client.get(f"/students/{PUPIL}")).text)
    assert not [each for each in listed.all("form") if each["action"].endswith("/drop")]
    onward = f"/evidence/{EVIDENCE}/drop"
    assert listed.all("a", href=f"{onward}?student={PUPIL}")
    page = Page((await client.get(f"{onward}?student={PUPIL}")).text)
    assert "户口簿.jpg" in page.text
    assert page.faults() == []
    assert services.asked_of(f"DELETE registry/v1/evidence/{EVIDENCE}") == []
    response = await client.post(onward, data=fields(page, onward))
    assert len(services.asked_of(f"DELETE registry/v1/evidence/{EVIDENCE}")) == 1
    assert response.headers["location"] == f"/students/{PUPIL}?done=evidence-dropped"


async def test_evidence_that_may_not_be_dropped_is_told_where_it_was_asked(browse: Browse, services: Services) -> None:
    client = browse("registrar")
    services.give(f"DELETE registry/v1/evidence/{EVIDENCE}", refusal(409, "not-editable", "该生正在审核，不能删除。"))
    response = await client.post(f"/evidence/{EVIDENCE}/drop", data={"student": PUPIL})
    assert response.status_code == 409
    assert "该生正在审核，不能删除。" in response.text
