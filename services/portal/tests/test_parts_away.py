"""A page whose part is away says so; it never shows a zero, and without person or photo there is no decision."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import httpx2
import pytest

from portal.main import create
from services.portal.tests.people import CASE, PUPIL
from services.portal.tests.reading import Page
from services.portal.tests.services import Services, portal_settings, recorded, refusal

Browse = Callable[[str | None], httpx2.AsyncClient]


def decisions(page: Page) -> set[str]:
    """Where the decision buttons of a page lead."""
    targets = {each.get("action", "") for each in page.all("form")} | {
        each.get("formaction", "") for each in page.all("button")
    }
    return {each.rsplit("/", 1)[-1] for each in targets if f"/cases/{CASE}/" in each}


@pytest.mark.parametrize("service", ["review", "photo", "sync", "registry"])
async def test_the_desk_says_which_figures_it_does_not_know(browse: Browse, services: Services, service: str) -> None:
    client = browse("officer")
    await client.get("/")  # so that the token is there
    services.away = {service}
    response = await client.get("/")
    assert response.status_code == 200
    assert '<strong class="fs-6">暂不可用</strong>' in response.text


async def test_a_case_is_decided_with_person_and_photo_in_sight(browse: Browse) -> None:
    page = Page((await browse("officer").get(f"/cases/{CASE}")).text)
    assert decisions(page) == {"approve", "return", "reject"}
    assert page.all("img", alt="学生照片")[0]["src"].startswith("data:image/jpeg;base64,")


@pytest.mark.parametrize("service", ["photo", "registry"])
async def test_without_person_or_photo_there_is_no_decision(browse: Browse, services: Services, service: str) -> None:
    client = browse("officer")
    await client.get("/")
    services.away = {service}
    response = await client.get(f"/cases/{CASE}")
    assert response.status_code == 200
    assert "暂不可用" in response.text
    assert decisions(Page(response.text)) == set()


async def test_another_photo_than_the_submitted_one_stops_the_decision(browse: Browse, services: Services) -> None:
    client = browse("officer")
    services.give(f"GET photo/v1/students/{PUPIL}/photo", httpx2.Response(200, content=b"another"))
    response = await client.get(f"/cases/{CASE}")
    assert "现有照片与提交时的照片不一致" in response.text
    assert decisions(Page(response.text)) == set()


async def test_another_content_than_the_cases_stops_the_decision(browse: Browse, services: Services) -> None:
    client = browse("officer")
    submission = recorded("routes")[f"GET registry/v1/requests/{CASE}"]
    services.give(f"GET registry/v1/requests/{CASE}", {**submission, "content_hash": "other"})
    response = await client.get(f"/cases/{CASE}")
    assert "学生信息与审核件不一致" in response.text
    assert decisions(Page(response.text)) == set()


async def test_who_may_not_decide_is_told_why(browse: Browse, services: Services) -> None:
    client = browse("officer")
    case = recorded("routes")[f"GET review/v1/cases/{CASE}"]
    why = "该申请由您本人提交，不能由本人审核。请由本单位其他审核人员办理。"
    services.give(f"GET review/v1/cases/{CASE}", {**case, "may_decide": False, "why_not": why})
    response = await client.get(f"/cases/{CASE}")
    assert why in response.text
    assert decisions(Page(response.text)) == set()


@pytest.mark.parametrize("service", ["photo", "registry"])
async def test_a_batch_offers_nothing_that_cannot_be_seen(browse: Browse, services: Services, service: str) -> None:
    client = browse("officer")
    await client.get("/")
    services.away = {service}
    page = Page((await client.get("/cases/batch")).text)
    assert page.all("input", name="cases") == []
    assert "暂不可用" in page.text


async def test_a_page_that_cannot_be_without_its_service_says_so(browse: Browse, services: Services) -> None:
    client = browse("registrar")
    await client.get("/")
    services.away = {"registry"}
    response = await client.get("/students")
    assert response.status_code == 503
    assert response.headers["retry-after"] == "5"
    assert "学籍服务暂不可用" in response.text
    assert "学生花名册" in response.text, "the menu stays"


async def test_an_answer_that_is_not_understood_counts_as_none(browse: Browse, services: Services) -> None:
    client = browse("registrar")
    services.give("GET registry/v1/students", {"items": "no list"})
    response = await client.get("/students")
    assert response.status_code == 503
    assert "no list" not in response.text


@pytest.mark.parametrize("elsewhere", ["http://evil.test/v1/students", "/v1/accounts"])
async def test_a_service_that_points_elsewhere_is_not_followed(
    browse: Browse, services: Services, elsewhere: str
) -> None:
    client = browse("registrar")
    services.give("GET registry/v1/students", httpx2.Response(307, headers={"location": elsewhere}))
    assert (await client.get("/students")).status_code == 503
    assert not [each for each in services.asked if "evil" in str(each.url) or each.url.path == "/v1/accounts"]


async def test_a_service_that_says_nothing_is_away_in_time() -> None:
    async with await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0) as silent:
        port = silent.sockets[0].getsockname()[1]
        about = {"registry": f"http://127.0.0.1:{port}", "answer_within": timedelta(seconds=0.1)}
        app = create(portal_settings().model_copy(update=about))
        async with app.router.lifespan_context(app), asyncio.timeout(10):
            origin = {"origin": "http://portal.test"}
            client = httpx2.AsyncClient(
                transport=httpx2.ASGITransport(app), base_url="http://portal.test", headers=origin
            )
            response = await client.post("/sign-in", data={"login": "a", "password": "b"})
    assert response.status_code == 503
    assert "暂不可用" in response.text


async def test_a_service_that_fails_shows_none_of_its_inside(browse: Browse, services: Services) -> None:
    client = browse("registrar")
    services.give("GET registry/v1/students", refusal(500, "internal", "系统出现异常，本次操作没有完成。"))
    response = await client.get("/students")
    assert response.status_code == 503
    assert "学籍服务暂不可用" in response.text


async def test_a_service_that_is_away_leaves_the_form_filled_in(browse: Browse, services: Services) -> None:
    client = browse("registrar")
    await client.get("/")
    form = {"step": "save", "name": "赵六六", "key": "k" * 36}
    services.give("POST registry/v1/students", refusal(503, "unavailable", "系统暂时繁忙。"))
    response = await client.post("/students/new", data=form)
    page = Page(response.text)
    assert response.status_code == 503
    assert page.value("name") == "赵六六"
    assert page.value("key") == "k" * 36
    assert "系统不会重复办理" in response.text


async def test_a_photo_that_cannot_be_asked_for_is_not_called_missing(browse: Browse, services: Services) -> None:
    client = browse("registrar")
    await client.get("/")
    services.away = {"photo"}
    page = await client.get(f"/students/{PUPIL}/photo")
    assert "照片暂不可用" in page.text
    assert "暂无照片" not in page.text
