from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from contracts.refusal import Refusal
from contracts.values import OrganisationKind, Role
from registry.account import domain
from registry.account.domain import Session
from registry.account.passwords import Passwords

NOON = datetime(2026, 11, 24, 12, tzinfo=ZoneInfo("Asia/Shanghai"))


@pytest.mark.parametrize(
    "password",
    [
        "梧桐树下第三只蓝色的猫在打盹",
        "correct horse battery",
        "Vq7-mKp2-9xRt-Lw4n",
        "一二三四五六七八九十十一十二壹贰叁肆",
    ],
)
def test_a_long_password_of_unrelated_parts_is_good(password: str) -> None:
    domain.check_password(password, ["changfeng01", "刘老师"])


@pytest.mark.parametrize(
    "password",
    [
        "short",
        "elevenchars",
        "password12345678",
        "Anhui@2026xueji",
        "qwertyuiop123",
        "111111111111",
        "abcdefghijklmnop",
        "123456789012",
        "woaini1314520",
        "changfeng01changfeng01",
        "长丰县实验小学2026",
        "aaaaaaaaaaaabbbb",
        "P@ssw0rd2026",
        "1qaz2wsx3edc4rfv",
        "999999198807143914",
        "13855512345Wang",
        "x" * 201,
    ],
)
def test_a_guessable_password_is_refused(password: str) -> None:
    with pytest.raises(Refusal) as refused:
        domain.check_password(password, ["changfeng01", "长丰县实验小学"])
    assert refused.value.code == "weak-password"


def test_an_initial_password_passes_the_policy_and_is_never_the_same() -> None:
    made = {Passwords.initial() for _ in range(100)}
    assert len(made) == 100
    for password in made:
        domain.check_password(password)


@pytest.mark.parametrize(("raw", "stored"), [(" ChangFeng01 ", "changfeng01"), ("li.na-2_x", "li.na-2_x")])
def test_a_login_is_lower_case(raw: str, stored: str) -> None:
    assert domain.login(raw) == stored


@pytest.mark.parametrize("raw", ["", "abc", "1abcd", "刘老师刘老师", "a b c d", "a" * 41, "ａｂｃｄ"])
def test_a_login_of_another_form_is_refused(raw: str) -> None:
    with pytest.raises(Refusal) as refused:
        domain.login(raw)
    assert refused.value.code == "wrong-login"


@pytest.mark.parametrize(
    ("role", "kind", "fits"),
    [
        (Role.PROVINCE_ADMIN, OrganisationKind.PROVINCE, True),
        (Role.PROVINCE_ADMIN, OrganisationKind.CITY, False),
        (Role.OFFICER, OrganisationKind.ZONE, True),
        (Role.OFFICER, OrganisationKind.SCHOOL, False),
        (Role.REGISTRAR, OrganisationKind.SCHOOL, True),
        (Role.TEACHER, OrganisationKind.COUNTY, False),
        (Role.REGISTRAR, OrganisationKind.COUNTY, False),
    ],
)
def test_a_role_is_held_where_it_belongs(role: Role, kind: OrganisationKind, fits: bool) -> None:
    if fits:
        domain.check_roles([role], kind, "")
        return
    with pytest.raises(Refusal) as refused:
        domain.check_roles([role], kind, "学校")
    assert refused.value.code == "role-does-not-fit"


@pytest.mark.parametrize(
    ("failures", "seconds"), [(1, 0), (4, 0), (5, 2), (6, 4), (7, 8), (10, 64), (14, 900), (40, 900), (10_000, 900)]
)
def test_the_delay_doubles_and_never_becomes_for_ever(failures: int, seconds: int) -> None:
    assert domain.delay_after(failures, free=5) == timedelta(seconds=seconds)


def a_session(*, used: timedelta = timedelta(0), age: timedelta = timedelta(0), **changes: object) -> Session:
    values = {
        "used_at": NOON - used,
        "expires_at": NOON - age + timedelta(hours=10),
        "ended_at": None,
        "may_act": True,
    }
    return Session(**{**values, **changes})  # type: ignore[arg-type]  # a table of cases


def test_a_session_in_use_lives() -> None:
    domain.check_session(a_session(used=timedelta(minutes=29, seconds=59), age=timedelta(hours=9)), NOON)


@pytest.mark.parametrize(
    "session",
    [
        None,
        a_session(used=timedelta(minutes=30)),
        a_session(age=timedelta(hours=10)),
        a_session(ended_at=NOON),
        a_session(may_act=False),
    ],
)
def test_a_session_idle_old_ended_or_of_a_disabled_account_is_over(session: Session | None) -> None:
    with pytest.raises(Refusal) as refused:
        domain.check_session(session, NOON)
    assert refused.value.code == "session-over"
