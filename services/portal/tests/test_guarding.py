"""What stands before every page: sessions, strangers' forms, headers, double clicks."""

import hashlib
from collections.abc import Callable

import httpx2
import pytest

from portal.assets import ASSETS
from portal.main import create
from services.portal.tests.people import CASE, PUPIL, a_county, token
from services.portal.tests.reading import Page
from services.portal.tests.services import Services, portal_settings, refusal

Browse = Callable[[str | None], httpx2.AsyncClient]
HTMX = "71ea67185bfa8c98c39d31717c6fce5d852370fcdfd129db4543774d3145c0de"
"""htmx 2 as in django-htmx 1.29.0."""
BOOTSTRAP = "d85327d99c7a3ee1f9b5d0500d1370acea3ad2db39c163c2f51f232baedbdede"
"""Bootstrap 5.3.8 as in bootstrap-flask 2.6.0."""
CSP = {
    "default-src 'none'", "style-src 'self'", "script-src 'self'", "img-src 'self' data:", "connect-src 'self'",
    "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'",
}  # fmt: skip
FOREIGN: list[dict[str, str]] = [
    {"origin": "https://evil.test"},
    {"origin": "null"},
    {"sec-fetch-site": "cross-site", "origin": "http://portal.test"},
    {"sec-fetch-site": "same-site", "origin": "http://portal.test"},
    {"origin": "", "referer": "http://evil.test/portal.test"},
]


@pytest.mark.parametrize("headers", FOREIGN)
async def test_a_form_of_a_stranger_has_no_effect(browse: Browse, services: Services, headers: dict[str, str]) -> None:
    client = browse("registrar")
    response = await client.post(f"/students/{PUPIL}/remove", data={"version": "2"}, headers=headers)
    assert response.status_code == 403
    assert "不是从本系统的页面发出的" in response.text
    assert services.asked == []


async def test_a_form_that_says_nothing_of_where_it_comes_from_has_no_effect(
    browse: Browse, services: Services
) -> None:
    client = browse("registrar")
    del client.headers["origin"]
    assert (await client.post("/sign-out")).status_code == 403
    assert services.asked == []


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "same-origin"},
        {"origin": "http://portal.test"},
        {"origin": "", "referer": "http://portal.test/students"},
    ],
)
async def test_a_form_of_ours_is_taken_from_new_and_old_browsers(
    browse: Browse, services: Services, headers: dict[str, str]
) -> None:
    response = await browse("registrar").post(f"/students/{PUPIL}/remove", data={"version": "2"}, headers=headers)
    assert response.status_code == 303
    assert services.body_of(f"POST registry/v1/students/{PUPIL}/remove") == {"version": 2}


async def test_behind_https_the_named_origin_counts(services: Services) -> None:
    app = create(portal_settings("https://xueji.test"), services)
    a_county(services, "registrar")
    async with app.router.lifespan_context(app):
        client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://inside.test")
        ours = await client.post(
            "/sign-in",
            data={"login": "a", "password": "b"},
            headers={"origin": "https://xueji.test", "cookie": "__Host-session=planted"},
        )
        theirs = await client.post("/sign-out", headers={"origin": "http://inside.test"})
    cookie = ours.headers["set-cookie"]
    assert cookie.startswith("__Host-session=opaque;")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=lax"} <= set(cookie.split("; "))
    assert "Domain" not in cookie
    assert not [each for each in services.asked if "planted" in str(each.headers)]
    assert ours.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
    assert theirs.status_code == 403


async def test_every_page_forbids_inline_scripts_and_keeping(browse: Browse) -> None:
    client = browse("registrar")
    for path in ("/", "/students", "/nowhere", "/sign-in"):
        headers = (await client.get(path)).headers
        assert set(headers["content-security-policy"].split("; ")) == CSP
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["x-frame-options"] == "DENY"
        assert headers["cross-origin-opener-policy"] == "same-origin"


async def test_the_files_of_the_browser_are_those_that_were_looked_at(browse: Browse) -> None:
    assert ASSETS.files["htmx.js"].sha256 == HTMX
    assert ASSETS.files["bootstrap.css"].sha256 == BOOTSTRAP
    client = browse(None)
    for asset in ASSETS.files.values():
        response = await client.get(asset.path, headers={"accept-encoding": "identity"})
        assert response.status_code == 200
        assert hashlib.sha256(response.content).hexdigest() == asset.sha256
        assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert (await client.get("/static/0000000000000000/htmx.js")).status_code == 404
    assert sum(len(asset.zipped) for asset in ASSETS.files.values()) < 60_000


async def test_an_ended_session_leads_to_the_sign_in_and_back(browse: Browse, services: Services) -> None:
    client = browse("registrar")
    services.give("POST registry/v1/sessions/current/token", refusal(401, "session-over", "登录已过期，请重新登录。"))
    response = await client.get("/students")
    assert response.headers["location"] == "/sign-in?next=%2Fstudents&over=yes"
    assert 'session=""' in response.headers["set-cookie"]
    signed_in = await client.post("/sign-in", data={"login": "a", "password": "b", "next": "/students"})
    assert signed_in.headers["location"] == "/students"


@pytest.mark.parametrize("onward", ["//evil.test", "https://evil.test/", "/\\evil.test", "javascript:alert(1)"])
async def test_the_sign_in_leads_nowhere_else(browse: Browse, onward: str) -> None:
    client = browse("registrar")
    response = await client.post("/sign-in", data={"login": "a", "password": "b", "next": onward})
    assert response.headers["location"] == "/"


async def test_who_signs_in_when_too_many_do_is_told_when_to_come_back(browse: Browse, services: Services) -> None:
    sentence = "当前登录和修改密码的人过多，本次没有办理，也不计入失败次数。请在4秒后再试。"
    client = browse("registrar")
    services.give("POST registry/v1/sessions", refusal(429, "sign-in-busy", sentence, retry_after=4))
    response = await client.post("/sign-in", data={"login": "ceshi.zhang", "password": "secret-secret"})
    assert (response.status_code, sentence in response.text) == (429, True)
    assert Page(response.text).value("login") == "ceshi.zhang"


async def test_a_wrong_password_is_told_as_registry_tells_it_and_the_login_stays(
    browse: Browse, services: Services
) -> None:
    client = browse("registrar")
    services.give("POST registry/v1/sessions", refusal(401, "wrong-password", "账号或密码不正确。请核对后重试。"))
    response = await client.post("/sign-in", data={"login": "ceshi.zhang", "password": "secret-secret"})
    assert response.status_code == 401
    assert "账号或密码不正确。请核对后重试。" in response.text
    assert Page(response.text).value("login") == "ceshi.zhang"
    assert "secret-secret" not in response.text
    assert "set-cookie" not in response.headers


async def test_signing_out_ends_the_session_and_clears_the_browser(browse: Browse, services: Services) -> None:
    response = await browse("registrar").post("/sign-out")
    assert response.headers["clear-site-data"] == '"cache", "cookies", "storage"'
    assert services.asked_of("DELETE registry/v1/sessions/current")[0].headers["session"] == "opaque"


async def test_the_first_password_is_changed_before_anything_else(browse: Browse, services: Services) -> None:
    client = browse("registrar")
    services.give("POST registry/v1/sessions/current/token", token("registrar", first_password=True))
    assert (await client.get("/students")).headers["location"] == "/password"
    page = await client.get("/password")
    assert "您使用的是初始密码" in page.text
    assert "学生花名册" not in page.text


async def test_a_token_is_used_again_for_a_while_and_its_successor_fetched_when_it_is_stale(
    browse: Browse, services: Services
) -> None:
    client = browse("registrar")
    await client.get("/students")
    await client.get("/students")
    exchanges = "POST registry/v1/sessions/current/token"
    assert len(services.asked_of(exchanges)) == 1
    answers = iter([refusal(401, "token-expired", "登录信息已过期。"), {"items": [], "total": 0}])
    services.give("GET registry/v1/students", lambda _: next(answers))
    assert (await client.get("/students")).status_code == 200
    assert len(services.asked_of(exchanges)) == 2


async def test_services_are_told_who_asks_and_from_where(browse: Browse, services: Services) -> None:
    await browse("officer").get("/cases")
    (asked,) = services.asked_of("GET review/v1/cases")
    assert asked.headers["authorization"] == "Bearer signed-officer"
    assert asked.headers["x-forwarded-for"] == "127.0.0.1"


async def test_a_double_click_carries_the_same_key(browse: Browse, services: Services) -> None:
    client = browse("officer")
    page = Page((await client.get(f"/cases/{CASE}")).text)
    form = {name: page.value(name) for name in ("key", "content_hash", "next")}
    for _ in range(2):
        assert (await client.post(f"/cases/{CASE}/approve", data=form)).status_code == 303
    keys = [each.headers["idempotency-key"] for each in services.asked_of(f"POST review/v1/cases/{CASE}/approve")]
    assert keys == [form["key"]] * 2
    assert len(form["key"]) == 36


async def test_after_an_unknown_fate_the_same_key_is_tried_again_and_after_a_refusal_another(
    browse: Browse, services: Services
) -> None:
    client = browse("registrar")
    form = {"stage": "primary", "entry_year": "2026", "key": "11111111-1111-4111-8111-111111111111"}
    services.give("POST registry/v1/classes", refusal(503, "unavailable", "系统暂时繁忙。"))
    away = await client.post("/classes/new", data=form)
    assert away.status_code == 503
    assert Page(away.text).value("key") == form["key"]
    services.give("POST registry/v1/classes", refusal(409, "plan-used-up", "2026级小学班级计划已用完。"))
    refused = await client.post("/classes/new", data=form)
    assert "2026级小学班级计划已用完。" in refused.text
    assert Page(refused.text).value("key") != form["key"]


@pytest.mark.parametrize(
    ("who", "seen", "unseen"),
    [
        ("registrar", {"/students/new", "/imports", "/pre-review", "/photos"}, {"/cases", "/accounts", "/progress"}),
        ("teacher", {"/photos", "/students"}, {"/students/new", "/imports", "/cases", "/accounts", "/returned"}),
        ("officer", {"/cases", "/progress", "/accounts"}, {"/students/new", "/imports", "/photos"}),
        ("viewer", {"/progress", "/students"}, {"/accounts", "/cases/batch", "/imports"}),
        ("province", {"/organisations", "/accounts", "/calendar"}, {"/students/new", "/imports", "/school"}),
    ],
)
async def test_the_menu_leads_where_the_role_may_go(browse: Browse, who: str, seen: set[str], unseen: set[str]) -> None:
    page = Page((await browse(who).get("/")).text)
    links = {each["href"] for each in page.all("a")}
    assert seen <= links
    assert not unseen & links


async def test_a_page_that_is_not_for_the_role_shows_the_refusal(browse: Browse, services: Services) -> None:
    client = browse("teacher")
    sentence = "您的账号无权办理此项。如确需办理，请联系上级主管单位。"
    services.give("GET review/v1/cases", refusal(403, "not-allowed", sentence))
    response = await client.get("/cases")
    assert response.status_code == 403
    assert sentence in response.text


async def test_no_address_of_a_page_names_a_person(browse: Browse, services: Services) -> None:
    client = browse("registrar")
    found = await client.post("/students/search", data={"q": "999999202003020017"})
    page = Page(found.text)
    addresses = [each["href"] for each in page.all("a")] + [each["action"] for each in page.all("form")]
    assert not [each for each in addresses if "9999992020" in each or "赵" in each]
    assert services.body_of("POST registry/v1/students/search")["q"] == "999999202003020017"
    assert not [each for each in services.asked if "9999992020" in str(each.url)]
