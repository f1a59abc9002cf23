"""Synthetic people for tests: no number that could be anybody's.

Citizen IDs carry a valid check digit behind a region code that was never assigned, so that a scanner tells them from
real ones. Names are drawn from short lists and a number; a few carry characters beyond the first plane and `·`.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, Final

from contracts.record import Family, StudentRecord
from contracts.values import check_digit

NOWHERE: Final = "999999"
"""Never assigned by GB/T 2260."""
MALE, FEMALE = "1", "2"
FIRST_BIRTHDAY: Final = date(2019, 9, 1)
"""Who is born from here on, within a year, is six by 31 August 2026 and seven at most."""
_SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华"
_GIVEN = "子涵欣怡梓轩雨桐浩然思远一诺佳宁明哲若曦嘉懿俊杰"
RARE: Final = ("𠮷田", "㛃妍", "阿依古丽·买买提", "王𬤊", "䶮祥")
"""Names with characters of Extension A and beyond, and with 间隔号."""


def citizen_id(born: date, serial: int, sex: str) -> str:
    """A citizen ID of nobody: `serial` from 0 to 499 tells people of one day and sex apart."""
    body = f"{NOWHERE}{born:%Y%m%d}{2 * serial + (sex == MALE):03}"
    return body + check_digit(body)


def name_of(number: int) -> str:
    """The name of the person of this number; every hundredth is a rare one."""
    if number % 100 == 99:
        return RARE[number // 100 % len(RARE)]
    given = _GIVEN[number % len(_GIVEN)] + _GIVEN[number // len(_GIVEN) % len(_GIVEN)]
    return _SURNAMES[number // 7 % len(_SURNAMES)] + given


def born(number: int) -> date:
    """The birthday of the pupil of this number."""
    return FIRST_BIRTHDAY + timedelta(days=number % 364)


def a_guardian(number: int = 0, **changes: Any) -> Family:
    """A mother, or the second parent for odd numbers; complete, a guardian."""
    sex = MALE if number % 2 else FEMALE
    return Family(
        **{
            "name": name_of(number + 50_000),
            "relation": "1" if sex == MALE else "2",
            "guardian": "1",
            "address": "安徽省合肥市长丰县水湖镇幸福村1号",
            "residence": "340121000000",
            "phone": f"138{number % 100_000_000:08}",
            "document_type": "1",
            "document_number": citizen_id(
                date(1985, 1, 1) + timedelta(days=number % 3_000), number // 3_000 % 500, sex
            ),
            **changes,
        }
    )


def a_record(number: int = 0, **changes: Any) -> StudentRecord:
    """A complete record of a first-grader, another for each number below 180,000; `changes` replace items."""
    sex = MALE if number % 2 else FEMALE
    birthday = born(number)
    values: dict[str, Any] = {
        "name": name_of(number),
        "sex": sex,
        "birth_date": birthday,
        "birthplace": "340121000000",
        "native_place": "安徽长丰",
        "ethnicity": "01",
        "nationality": "CHN",
        "document_type": "1",
        "document_number": citizen_id(birthday, number // 364 % 500, sex),
        "overseas": "00",
        "health": "10",
        "residence": "340121000000",
        "residence_kind": "1",
        "entry_month": "202609",
        "entry_way": "11",
        "attendance": "1",
        "address": "安徽省合肥市长丰县水湖镇幸福村1号",
        "postal_address": "安徽省合肥市长丰县水湖镇幸福村1号",
        "home_address": "安徽省合肥市长丰县水湖镇幸福村1号",
        "phone": f"139{number % 100_000_000:08}",
        "postcode": "231100",
        "only_child": "1",
        "preschool": "1",
        "left_behind": "0",
        "migrant": "0",
        "orphan": "0",
        "martyr": "0",
        "needs_aid": "0",
        "boarding_subsidy": "0",
        "family": (a_guardian(2 * number), a_guardian(2 * number + 1)),
    }
    return StudentRecord(**{**values, **changes})


def undocumented(number: int = 0, **changes: Any) -> StudentRecord:
    """A pupil without a document, known by the number of the first guardian."""
    return a_record(number, **{"document_type": "Z", "document_number": None, **changes})


def twins(number: int = 0) -> tuple[StudentRecord, StudentRecord]:
    """Two children of one birthday and one family, each with an ID of its own."""
    one = a_record(number)
    serial = 499 - number // 364 % 200
    other = citizen_id(born(number), serial, str(one.sex))
    return one, a_record(number, name=one.name + "二", document_number=other)


def records(count: int, start: int = 0) -> Iterator[StudentRecord]:
    """So many pupils."""
    return (a_record(number) for number in range(start, start + count))
