"""Values that more than one service speaks of."""

from datetime import date
from enum import StrEnum
from operator import mul


class OrganisationKind(StrEnum):
    """Kinds of organisation, from the province down. Source: art. 4, art. 7."""

    PROVINCE = "province"
    CITY = "city"
    COUNTY = "county"
    ZONE = "zone"
    """A functional zone 功能区 that runs its own authority."""
    SCHOOL = "school"
    CAMPUS = "campus"
    """分校, a dated child of a school. Source: art. 7."""


AUTHORITY_KINDS = frozenset(
    {OrganisationKind.PROVINCE, OrganisationKind.CITY, OrganisationKind.COUNTY, OrganisationKind.ZONE}
)


class Role(StrEnum):
    """What an account may do where its organisation reaches. Source: art. 4, art. 6."""

    PROVINCE_ADMIN = "province.admin"
    OFFICER = "authority.officer"
    VIEWER = "authority.viewer"
    REGISTRAR = "school.registrar"
    TEACHER = "school.teacher"


class Stage(StrEnum):
    """学段. Source: art. 2."""

    PRIMARY = "primary"
    JUNIOR = "junior"
    SENIOR = "senior"


STAGE_NAMES = {Stage.PRIMARY: "小学", Stage.JUNIOR: "初中", Stage.SENIOR: "普通高中"}


class Schooling(StrEnum):
    """学制: how the nine compulsory years are divided."""

    SIX_THREE = "6-3"
    FIVE_FOUR = "5-4"


class StudentStatus(StrEnum):
    """Where a pupil stands between the first entry and registration. Source: art. 15."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    REJECTED = "rejected"
    REGISTERED = "registered"
    """正式注册入籍."""
    REMOVED = "removed"
    """未报到: a draft that was taken back."""


STATUS_NAMES = {
    StudentStatus.DRAFT: "待提交",
    StudentStatus.SUBMITTED: "待审核",
    StudentStatus.RETURNED: "已退回",
    StudentStatus.REJECTED: "不予通过",
    StudentStatus.REGISTERED: "在籍",
    StudentStatus.REMOVED: "已撤销",
}


class RequestKind(StrEnum):
    """What an authority is asked to decide."""

    ENROLMENT = "enrolment"
    """新生注册. Source: art. 15."""


class WindowKind(StrEnum):
    """Kinds of business that have a season."""

    ENTRY = "entry"
    """新生录入与审核, until 30 September. Source: art. 15."""
    GRADUATION = "graduation"
    """毕业, until 31 July. Source: art. 18."""
    TRANSFER = "transfer"


class NumberKind(StrEnum):
    """Kinds of number that a pupil carries. Source: art. 12."""

    STUDENT = "student"
    """学籍号, 19 characters."""
    REGIONAL = "regional"
    """地区学号, 15 characters."""


class NumberStatus(StrEnum):
    PROVISIONAL = "provisional"
    CONFIRMED = "confirmed"
    REPLACED = "replaced"
    VOID = "void"


class PhotoState(StrEnum):
    REQUIRED = "required"
    ACCEPTED = "accepted"
    REFUSED = "refused"


class ProblemType(StrEnum):
    """Kinds of national problem record 问题学籍."""

    DUPLICATE_NUMBER = "duplicate-number"
    NUMBER_UNKNOWN = "number-unknown"
    NAME_MISMATCH = "name-mismatch"
    NUMBER_CHANGED = "number-changed"
    DUPLICATE_PERSON = "duplicate-person"


PROBLEM_NAMES = {
    ProblemType.DUPLICATE_NUMBER: "身份证号重复",
    ProblemType.NUMBER_UNKNOWN: "身份证号不存在",
    ProblemType.NAME_MISMATCH: "身份证号与姓名不匹配",
    ProblemType.NUMBER_CHANGED: "身份证号已变更",
    ProblemType.DUPLICATE_PERSON: "无证件学生信息重复",
}

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"
_ZEROES = ord("0") * sum(_WEIGHTS)


def check_digit(seventeen: str) -> str:
    """The 18th character of a citizen ID whose first 17 digits are given (ISO 7064 MOD 11-2, GB 11643-1999).

    Raises ValueError for anything but 17 characters of ASCII.
    """
    if len(seventeen) != 17 or not seventeen.isascii():
        raise ValueError("17 digits are needed")
    return _CHECKS[(sum(map(mul, seventeen.encode(), _WEIGHTS)) - _ZEROES) % 11]


def born_on(citizen_id: str) -> date | None:
    """The birth date inside a citizen ID, or None when the ID is not valid.

    Valid means: 17 ASCII digits and a check character that fits, and a date that exists. Any region prefix passes,
    for living people carry codes that were retired, and some that never stood in a table.
    """
    body = citizen_id[:17]
    if len(citizen_id) != 18 or not (body.isascii() and body.isdigit()) or check_digit(body) != citizen_id[17]:
        return None
    try:
        return date(int(body[6:10]), int(body[10:12]), int(body[12:14]))
    except ValueError:
        return None


def sex_of(citizen_id: str) -> str:
    """The code of 性别 inside a valid citizen ID: "1" male, "2" female."""
    return "1" if int(citizen_id[16]) % 2 else "2"
