"""What is true of organisations: kinds, codes, which stages a school may run, and who decides for it when."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from contracts import codes
from contracts.values import AUTHORITY_KINDS, OrganisationKind, Schooling, Stage
from registry.organisation.errors import (
    AuthorityNotAuthority,
    CategoryMissing,
    LinkInThePast,
    UnknownCode,
    WrongCode,
    WrongParent,
    WrongSchoolType,
    WrongStages,
)

Kind = OrganisationKind

PARENTS: Mapping[Kind, frozenset[Kind]] = {
    Kind.PROVINCE: frozenset(),
    Kind.CITY: frozenset({Kind.PROVINCE}),
    Kind.COUNTY: frozenset({Kind.CITY, Kind.PROVINCE}),
    Kind.ZONE: frozenset({Kind.COUNTY, Kind.CITY, Kind.PROVINCE}),
    Kind.SCHOOL: AUTHORITY_KINDS,
    Kind.CAMPUS: frozenset({Kind.SCHOOL}),
}
"""What may stand directly below what. Source: art. 4, art. 7."""

KIND_NAMES: Mapping[Kind, str] = {
    Kind.PROVINCE: "省级主管单位",
    Kind.CITY: "市级主管单位",
    Kind.COUNTY: "县级主管单位",
    Kind.ZONE: "功能区主管单位",
    Kind.SCHOOL: "学校",
    Kind.CAMPUS: "分校",
}

_P, _J, _S = Stage.PRIMARY, Stage.JUNIOR, Stage.SENIOR
STAGES_OF_CATEGORY: Mapping[str, tuple[Stage, ...]] = {
    "211": (_P,), "218": (_P,), "219": (_P,),
    "311": (_J,), "319": (_J,), "312": (_P, _J),
    "341": (_J, _S), "342": (_S,), "349": (_S,), "345": (_P, _J, _S),
    "371": (_P, _J, _S), "511": (_P, _J, _S), "512": (_P, _J, _S), "513": (_P, _J, _S), "514": (_P, _J, _S),
    "519": (_P, _J, _S),
}  # fmt: skip
"""Stages that a school of a 学校类别 may run."""

CODE_SETS: Mapping[str, str] = {
    "area_type": "所在地区类别",
    "economy_type": "所在地经济属性",
    "ethnic_type": "所在地民族属性",
    "ownership": "学校办别_2007规范",
    "setting": "驻地城乡类型",
    "category": "办学类型",
}
"""Field of an organisation → the code set it is taken from."""

SCHOOL_TYPES: Mapping[str, str] = {"21": "小学", "31": "初中", "34": "高中", "37": "工读学校", "51": "特殊教育学校"}
"""First two digits of 学校标识码 of a school that keeps a registry of pupils; a 学校类别 begins with the same two."""
ATTACHED = frozenset({"219", "319", "349", "519"})
"""Categories of classes attached to a school of another type, whose code they bear."""
SCHOOL_CODE_PROVINCE = "34"
LAST_SCHOOL_NUMBER = 999


@dataclass(frozen=True, slots=True)
class Link:
    """Who decides for a school from `valid_from` until the day before `valid_until`."""

    authority_id: UUID
    valid_from: date
    valid_until: date | None = None


def check_place(kind: Kind, parent: Kind | None) -> None:
    """Raise WrongParent unless the kind may stand there. Source: art. 4, art. 7."""
    allowed = PARENTS[kind]
    if (parent is None) != (not allowed) or (parent is not None and parent not in allowed):
        raise WrongParent(KIND_NAMES[kind], "、".join(KIND_NAMES[each] for each in Kind if each in allowed))


def check_code(kind: Kind, code: str) -> None:
    """Raise WrongCode unless the code has the form of its kind: 12 digits 单位代码, 10 digits 学校标识码 of Anhui.

    A campus may have none. Raises WrongSchoolType for the code of a kindergarten or of anything else without pupils of
    ours.
    """
    if kind in AUTHORITY_KINDS:
        if not (len(code) == 12 and code.isascii() and code.isdigit() and code.startswith("34")):
            raise WrongCode("单位代码", "12位数字，以34开头，例如340121000000")
    elif (kind, code) != (Kind.CAMPUS, "") and not (
        len(code) == 10 and code.isascii() and code.isdigit() and code[2:4] == SCHOOL_CODE_PROVINCE
    ):
        raise WrongCode("学校标识码", "10位数字，第3、4位为34，例如2134000001")
    elif code and code[:2] not in SCHOOL_TYPES:
        raise WrongSchoolType("、".join(f"{digits}（{name}）" for digits, name in SCHOOL_TYPES.items()))


def check_category(code: str, category: str) -> None:
    """Raise WrongSchoolType unless 学校标识码 and 学校类别 are of one type: another type is another code."""
    if category not in ATTACHED and code[:2] != category[:2]:
        raise WrongSchoolType(f"{category[:2]}（学校类别为“{codes.SETS['办学类型'].name_of(category)}”）")


def region(code: str) -> str:
    """The 12-digit region for one of 6 or 12 digits. Raises WrongCode for anything else, UnknownCode outside Anhui."""
    if not (len(code) in (6, 12) and code.isascii() and code.isdigit()):
        raise WrongCode("所在地行政区划码", "6位或12位数字，例如340121或340121000000")
    if not codes.region_name(code):
        raise UnknownCode("所在地行政区划码", code)
    return code.ljust(12, "0")


def check_coded(fields: Mapping[str, str | None]) -> None:
    """Raise UnknownCode for the first coded field whose value its code set does not know."""
    for field, set_name in CODE_SETS.items():
        value = fields.get(field)
        if value is not None and value not in codes.SETS[set_name].codes:
            raise UnknownCode(set_name, value)


def stages(category: str, wanted: Sequence[Stage]) -> tuple[Stage, ...]:
    """The stages a school runs, in their order: the wanted ones, or all that its 学校类别 allows.

    Raises CategoryMissing for "", WrongStages when it may not run one of them.
    """
    if not category:
        raise CategoryMissing
    allowed = STAGES_OF_CATEGORY[category]
    if not set(wanted) <= set(allowed):
        raise WrongStages(codes.SETS["办学类型"].name_of(category))
    return tuple(stage for stage in allowed if not wanted or stage in wanted)


def school_number(serial: int) -> str:
    """Three digits. Raises WrongCode when the county has no number left."""
    if not 1 <= serial <= LAST_SCHOOL_NUMBER:
        raise WrongCode("学校编码", "县区代码加三位数字001至999；该县区的号码已用完，请联系省级管理员")
    return f"{serial:03d}"


def relink(links: Iterable[Link], authority: Kind, authority_id: UUID, since: date, today: date) -> tuple[Link, ...]:
    """All links of a school after it was handed to an authority of any level from `since` on.

    What has already held stays as it was: a link is cut at `since`, one that had not begun by then is dropped.
    The first link of a school may begin in the past, later ones may not. Raises AuthorityNotAuthority, LinkInThePast.
    """
    if authority not in AUTHORITY_KINDS:
        raise AuthorityNotAuthority
    before = sorted(links, key=lambda link: link.valid_from)
    if before and since < today:
        raise LinkInThePast(today)
    kept = [
        Link(
            link.authority_id,
            link.valid_from,
            since if link.valid_until is None or link.valid_until > since else link.valid_until,
        )
        for link in before
        if link.valid_from < since
    ]
    return (*kept, Link(authority_id, since))


def holding(links: Iterable[Link], on: date) -> UUID | None:
    """Who decides on that day, or None."""
    return next(
        (
            link.authority_id
            for link in links
            if link.valid_from <= on and (link.valid_until is None or on < link.valid_until)
        ),
        None,
    )


def schooling_on(rows: Iterable[tuple[date, Schooling]], on: date) -> Schooling:
    """The 学制 that holds on a day; 六三制 where nothing was set by then (PROPOSED: the norm in Anhui)."""
    begun = [(since, schooling) for since, schooling in rows if since <= on]
    return max(begun)[1] if begun else Schooling.SIX_THREE
