"""Logins, passwords, sessions and how long to wait after failures."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from contracts.values import AUTHORITY_KINDS, OrganisationKind, Role
from registry.account.errors import RoleDoesNotFit, RoleOfTheCentre, SessionOver, WeakPassword, WrongLogin, WrongName

INITIAL_PASSWORD_LASTS = timedelta(hours=72)
SESSION_IDLE = timedelta(minutes=30)
SESSION_LASTS = timedelta(hours=10)
SESSIONS_KEPT = timedelta(days=180)
"""So long a session can still be looked up after it could last be used."""
NOTED_EVERY = timedelta(seconds=30)
"""A session's use is written down no oftener."""
SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 200
FREE_FAILURES = 5
"""Failures in a row without a delay, of one login."""
FREE_FAILURES_OF_ADDRESS = 20
"""The same of one address, behind which a whole school may sit."""
LONGEST_DELAY = timedelta(minutes=15)
FORGOTTEN_AFTER = timedelta(hours=24)
"""After so long without a failure the count begins anew."""

_LOGIN = re.compile(r"[a-z][a-z0-9._-]{3,39}")

ROLE_NAMES: Mapping[Role, str] = {
    Role.PROVINCE_ADMIN: "省级管理员",
    Role.OFFICER: "主管单位审核员",
    Role.VIEWER: "主管单位查询员",
    Role.REGISTRAR: "学校学籍管理员",
    Role.TEACHER: "教师",
}
_SCHOOL = frozenset({OrganisationKind.SCHOOL})
ROLE_KINDS: Mapping[Role, frozenset[OrganisationKind]] = {
    Role.PROVINCE_ADMIN: frozenset({OrganisationKind.PROVINCE}),
    Role.OFFICER: AUTHORITY_KINDS,
    Role.VIEWER: AUTHORITY_KINDS,
    Role.REGISTRAR: _SCHOOL,
    Role.TEACHER: _SCHOOL,
}
"""Where a role may be held. A campus has no accounts: its school manages it. Source: art. 4, art. 6, art. 7."""

CONTEXT_WORDS = (
    "student", "school", "teacher", "registry", "registrar", "password", "passwd", "admin", "administrator", "welcome",
    "anhui", "hefei", "xueji", "xuexiao", "xuesheng", "laoshi", "jiaoyu", "jiaoyuju", "guanliyuan", "guanli", "mima",
    "学籍", "学校", "学生", "老师", "教育", "密码", "安徽", "管理员", "管理",
)  # fmt: skip
COMMON_PARTS = (
    "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwerty", "asdfgh", "zxcvbn", "1qaz2wsx3edc4rfv", "1qaz2wsx3edc", "1qaz2wsx",
    "qazwsxedc", "qazwsx", "1q2w3e4r5t6y", "1q2w3e4r5t", "1q2w3e4r", "q1w2e3r4", "zaq12wsx", "abcd1234", "abc123",
    "a1b2c3d4", "iloveyou", "woaini", "woaizuguo", "wodemima", "letmein", "monkey", "dragon", "sunshine", "princess",
    "football", "baseball", "superman", "master", "changeme", "default", "secret", "p@ssw0rd", "p@ssword", "passw0rd",
    "5201314", "1314520", "147258369", "159357", "789456123", "741852963", "987654321", "88888888", "66666666",
    "11223344", "112233", "123123", "123321", "12345678", "abcdefgh", "abcdef", "abcd", "zhongguo", "nihao", "test",
)  # fmt: skip
"""What the lists of leaked passwords are made of."""
_OF_PERSONS = re.compile(r"\d{17}[\dx]|1[3-9]\d{9}")
"""Numbers that others know of her: a citizen ID, a phone."""
_LEFT_OVER = 6
"""Characters that must remain once everything guessable is taken out."""


def login(raw: str) -> str:
    """The login in lower case. Raises WrongLogin."""
    lowered = raw.strip().lower()
    if not _LOGIN.fullmatch(lowered):
        raise WrongLogin
    return lowered


def display_name(raw: str) -> str:
    """The name as typed, without blanks around it. Raises WrongName."""
    name = raw.strip()
    if not 1 <= len(name) <= 50 or any(not character.isprintable() for character in name):
        raise WrongName
    return name


def check_roles(roles: Iterable[Role], kind: OrganisationKind, kind_name: str) -> None:
    """Raise RoleDoesNotFit, RoleOfTheCentre for the first role that this kind of organisation cannot have."""
    for role in roles:
        if kind not in ROLE_KINDS[role]:
            managed = kind is OrganisationKind.CAMPUS and ROLE_KINDS[role] == _SCHOOL
            raise RoleOfTheCentre(ROLE_NAMES[role]) if managed else RoleDoesNotFit(ROLE_NAMES[role], kind_name)


def check_password(password: str, context: Iterable[str] = ()) -> None:
    """Raise WeakPassword for a password that is short, common, or made of what everybody knows of its owner.

    `context` holds her login, name and the like.
    """
    if len(password) < SHORTEST_PASSWORD:
        raise WeakPassword(f"密码至少需要{SHORTEST_PASSWORD}个字符。")
    if len(password) > LONGEST_PASSWORD:
        raise WeakPassword(f"密码不能超过{LONGEST_PASSWORD}个字符。")
    rest = _OF_PERSONS.sub("", password.lower())
    known = [word.lower() for word in context if len(word) >= 2]
    for word in sorted((*known, *CONTEXT_WORDS, *COMMON_PARTS), key=len, reverse=True):
        rest = rest.replace(word, "")
    if len(_without_runs(rest)) < _LEFT_OVER:
        raise WeakPassword("密码由常见词、账号信息、证件号、手机号或连续字符组成，容易被猜出。")


def _without_runs(text: str) -> str:
    """The text without characters that repeat or continue their predecessor, and without a year."""
    text = re.sub(r"(19|20)\d\d", "", text)
    return "".join(
        character
        for before, character in zip(" " + text, text, strict=False)
        if ord(character) - ord(before) not in (-1, 0, 1)
    )


def delay_after(failures: int, free: int) -> timedelta:
    """How long the next attempt must wait: nothing at first, then 2, 4, 8 … seconds, never for ever."""
    if failures < free:
        return timedelta()
    return min(timedelta(seconds=2 ** min(failures - free + 1, 20)), LONGEST_DELAY)


@dataclass(frozen=True, slots=True)
class Session:
    """A session as it stands."""

    used_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    may_act: bool


def check_session(session: Session | None, now: datetime) -> None:
    """Raise SessionOver unless the session lives: known, not ended, used lately, not too old, account not disabled."""
    if (
        session is None
        or session.ended_at is not None
        or not session.may_act
        or now >= session.expires_at
        or now - session.used_at >= SESSION_IDLE
    ):
        raise SessionOver


def check_is_new(old: str, new: str) -> None:
    """Raise WeakPassword when the new password is the old one."""
    if old == new:
        raise WeakPassword("新密码与原密码相同。")
