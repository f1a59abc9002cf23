"""Who signs in, and what the services tell them: a small county on a day of September, nobody real."""

from typing import Any

import httpx2

from services.portal.tests.services import Services, recorded

SCHOOL = "01990000-0000-7000-8000-000000000010"
COUNTY = "01990000-0000-7000-8000-000000000003"
PROVINCE = "01990000-0000-7000-8000-000000000001"
PUPIL = "01990000-0000-7000-8000-0000000000a1"
OTHER = "01990000-0000-7000-8000-0000000000a2"
CLASS = "01990000-0000-7000-8000-0000000000c1"
CASE = "01990000-0000-7000-8000-0000000000e1"
DUPLICATE = "01990000-0000-7000-8000-0000000000bb"
NEXT_CASE = "01990000-0000-7000-8000-0000000000e2"
IMPORT = "01990000-0000-7000-8000-0000000000d1"
ARCHIVE = "01990000-0000-7000-8000-0000000000f1"
EVIDENCE = "01990000-0000-7000-8000-0000000000b1"
ACCOUNT = "01990000-0000-7000-8000-000000000aa1"
PHOTO = b"\xff\xd8\xff\xe0 a photo"
PHOTO_SHA256 = "0d5e0b6a"

_PLACES = {
    "school": {"id": SCHOOL, "name": "测试县实验小学", "kind": "school", "code": "2134000001"},
    "county": {"id": COUNTY, "name": "测试县教育局", "kind": "county", "code": "340121000000"},
    "province": {"id": PROVINCE, "name": "安徽省教育厅", "kind": "province", "code": "340000000000"},
}
_ROLES = {
    "registrar": ("school.registrar", "school", "学籍员甲"),
    "teacher": ("school.teacher", "school", "班主任甲"),
    "officer": ("authority.officer", "county", "审核员甲"),
    "viewer": ("authority.viewer", "county", "查询员甲"),
    "province": ("province.admin", "province", "省级管理员"),
}


def account(who: str) -> dict[str, Any]:
    """The account of a role."""
    role, place, name = _ROLES[who]
    return {
        "id": ACCOUNT,
        "person_id": ACCOUNT,
        "login": who,
        "display_name": name,
        "roles": [role],
        "organisation": _PLACES[place],
        "has_initial_password": False,
        "created_at": "2026-08-20T08:00:00+08:00",
        "last_sign_in_at": "2026-09-10T08:00:00+08:00",
        "disabled_at": None,
    }


def token(who: str, *, first_password: bool = False) -> dict[str, Any]:
    """What the session is exchanged for."""
    return {
        "token": f"signed-{who}",
        "expires_at": "2026-09-10T08:01:00+08:00",
        "account": account(who),
        "must_change_password": first_password,
    }


def a_county(services: Services, who: str) -> None:
    """Everything that the services of a living county answer to this person."""
    routes: dict[str, Any] = recorded("routes")
    for route, answer in routes.items():
        services.give(route, answer)
    services.give("POST registry/v1/sessions/current/token", token(who))
    services.give(
        "POST registry/v1/sessions", {"session": "opaque", "account": account(who), "must_change_password": False}
    )
    services.give("DELETE registry/v1/sessions/current", None)
    services.give(f"GET photo/v1/students/{PUPIL}/photo", _picture)


def _picture(_: httpx2.Request) -> httpx2.Response:
    return httpx2.Response(200, content=PHOTO, headers={"content-type": "image/jpeg"})
