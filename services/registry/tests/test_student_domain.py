from datetime import date
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import ric

from contracts.record import StudentRecord
from contracts.refusal import Refusal
from contracts.values import Schooling, Stage, StudentStatus, born_on, check_digit
from registry.student import domain
from registry.student.domain import AgeRule, Change, Circumstances, Place, Problem, School, SchoolClass, purpose
from registry.student.entry import CLASS, GRADE, HEADERS, SheetReader, read_form
from registry.student.showing import fields, masked, names
from tests.harness.people import a_guardian, a_record, records

ID = UUID(int=1)
NO_DOCUMENT = {"document_number": None, "document_type": "Z"}
SCHOOL = School(
    ID, "2134000001", "中心校", "340121", "001", frozenset({Stage.PRIMARY}), Schooling.SIX_THREE, school_year=2026
)
FIRST = SchoolClass(ID, ID, "2026101", "2026级(1)班", Stage.PRIMARY, 2026, None, "10", None)
TODAY = date(2026, 9, 15)


def codes(problems: Any) -> list[tuple[str, str]]:
    return sorted((each.field, each.code) for each in problems)


def missing(**changes: Any) -> list[tuple[str, str]]:
    return codes(domain.complete(a_record(1, **changes), entry_year=2026, placed=True))


@given(
    born=st.dates(date(1950, 1, 1), date(2025, 12, 31)),
    region=st.sampled_from(["340121", "110105", "342221"]),
    sequence=st.integers(0, 999),
)
def test_check_digits_are_those_of_another_implementation(born: date, region: str, sequence: int) -> None:
    body = f"{region}{born:%Y%m%d}{sequence:03}"
    number = body + check_digit(body)
    assert number[17] == ric.calc_check_digit(number)
    assert born_on(number) == born
    assert domain.fault_of(number) is None
    for place in range(17):
        wrong = number[:place] + str((int(number[place]) + 1) % 10) + number[place + 1 :]
        assert born_on(wrong) is None


@given(st.text(max_size=30))
def test_no_text_at_all_is_taken_for_a_number_that_it_is_not(text: str) -> None:
    found = domain.fault_of(text)
    if found is None:
        assert ric.calc_check_digit(text) == text[17]
    else:
        assert "请" in found[1]


def test_numbers_have_their_layout() -> None:
    assert domain.temporary_number("340121", date(2020, 3, 15), 7) == "L340121202003150007"
    assert domain.formal_number("34012120200315001X") == "G34012120200315001X"
    assert domain.regional_number("340121", 2026, "1", 7) == "340121260010007"


@given(st.integers(1, domain.MOST_REGIONAL), st.integers(1, domain.MOST_REGIONAL))
def test_regional_numbers_have_fifteen_characters_and_never_meet(one: int, other: int) -> None:
    first, second = (domain.regional_number("340121", 2026, "001", serial) for serial in (one, other))
    assert len(first) == len(second) == 15
    assert (first == second) == (one == other)


@pytest.mark.parametrize(
    ("grade", "number", "expected"),
    [
        (1, None, Place(Stage.PRIMARY, 2026, True, None)),
        (1, "2026101", Place(Stage.PRIMARY, 2026, True, FIRST)),
        (None, "2026101", Place(Stage.PRIMARY, 2026, True, FIRST)),
        (None, None, Place(Stage.PRIMARY, 2026, True, None)),
        (0, None, "preschool"),
        (2, None, "not-first-grade"),
        (7, None, "stage-not-here"),
        (1, "2026199", "unknown-class"),
        (1, "2025101", "class-grade-mismatch"),
        (1, "2026102", "class-closed"),
    ],
)
def test_where_an_entry_puts_a_pupil(grade: int | None, number: str | None, expected: Any) -> None:
    classes = {
        "2026101": FIRST,
        "2025101": SchoolClass(ID, ID, "2025101", "2025级(1)班", Stage.PRIMARY, 2025, None, "10", None),
        "2026102": SchoolClass(ID, ID, "2026102", "2026级(2)班", Stage.PRIMARY, 2026, None, "10", date(2026, 9, 1)),
    }
    found = domain.place(SCHOOL, classes, grade, number, TODAY)
    assert (found.code if isinstance(found, Problem) else found) == expected


@pytest.mark.parametrize(("born", "young"), [(date(2020, 8, 31), False), (date(2020, 9, 1), True)])
def test_six_years_are_counted_on_the_last_of_august(born: date, young: bool) -> None:
    assert AgeRule().is_too_young(born, 2026) is young


def test_a_complete_record_lacks_nothing() -> None:
    for record in records(200):
        assert domain.complete(record, entry_year=2026, placed=True) == []


@pytest.mark.parametrize(
    "field",
    [
        "sex", "birth_date", "birthplace", "ethnicity", "nationality", "document_type", "overseas", "health",
        "residence", "residence_kind", "entry_month", "entry_way", "attendance", "address", "postal_address",
        "home_address", "phone", "postcode", "only_child", "preschool", "left_behind", "migrant", "orphan", "martyr",
        "needs_aid", "boarding_subsidy",
    ],
)  # fmt: skip
def test_every_starred_item_must_be_filled_in(field: str) -> None:
    assert (field, "missing") in missing(**{field: None})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"native_place": None, "email": None, "talent": None}, []),
        ({"family": ()}, [("family.0.name", "family-missing")]),
        ({"family": (a_guardian(0, phone=None),)}, [("family.0.phone", "missing")]),
        ({"family": (a_guardian(0, guardian="0"),)}, [("family.0.guardian", "guardian-missing")]),
        ({"family": (a_guardian(0, relation="9"),)}, [("family.0.relation_note", "relation-note")]),
        ({"family": (a_guardian(0, relation="9", relation_note="叔父"),)}, []),
        ({"inclusive": "1", "disability": "1"}, []),
        ({"inclusive": "1", "disability": "2"}, [("disability", "disability-mismatch")]),
        ({"inclusive": "3", "disability": "5"}, []),
        ({"inclusive": "9", "disability": "4"}, []),
        ({"inclusive": "9"}, [("disability", "disability-mismatch")]),
        ({"inclusive": "0", "disability": "4"}, []),
        ({"entry_month": "202509"}, [("entry_month", "entry-month-mismatch")]),
        ({"document_validity": "2021.06.01-2031.06.01"}, []),
        ({"document_validity": "20210601-20310601"}, []),
        ({"document_validity": "2021.06.01-长期"}, []),
        ({"document_validity": "到明年"}, [("document_validity", "bad-validity")]),
        ({"document_validity": "2031.06.01-2021.06.01"}, [("document_validity", "bad-validity")]),
        ({"overseas": "51"}, [("overseas", "overseas-mismatch")]),
        ({"nationality": "USA"}, [("overseas", "overseas-mismatch")]),
        ({"nationality": "USA", "overseas": "51"}, []),
    ],
)
def test_items_that_must_agree(changes: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert missing(**changes) == expected


def test_a_pupil_without_a_class_is_told_so() -> None:
    found = domain.complete(a_record(1), entry_year=2026, placed=False)
    assert codes(found) == [("class_number", "class-missing")]


OF_ANOTHER_KIND = {"document_type": "Z", "document_number": "E12345678"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"document_number": None}, ["missing"]),
        ({"document_number": None, "document_type": "Z"}, []),
        ({"document_number": None, "document_type": "Z", "family": ()}, ["guardian-needed"]),
        (
            {"document_number": None, "document_type": "Z", "family": (a_guardian(0, guardian="0"),)},
            ["guardian-needed"],
        ),
        (
            {"document_number": None, "document_type": "Z", "family": (a_guardian(0, document_number="123"),)},
            ["guardian-needed", "id-length"],
        ),
        ({"sex": "2"}, ["sex-mismatch"]),
        ({"birth_date": date(2020, 1, 2)}, ["birth-mismatch"]),
        ({"document_number": "34012120200315001"}, ["id-length"]),
        ({"document_number": "3401212020A3150012"}, ["id-characters"]),
        ({"document_number": "340121202013450010"}, ["id-date"]),
        ({"document_type": "A", "document_number": "E12345678"}, []),
        ({"document_type": "Z"}, ["document-type-mismatch"]),
        ({"document_type": "A"}, ["document-type-mismatch"]),
        ({"document_type": "9"}, []),
        ({"family": (a_guardian(0, document_type="Z"),)}, ["document-type-mismatch"]),
        (
            {"document_number": None, "document_type": "Z", "family": (a_guardian(0, **OF_ANOTHER_KIND),)},
            ["guardian-needed"],
        ),
    ],
)
def test_what_keeps_a_record_from_being_a_persons(changes: dict[str, Any], expected: list[str]) -> None:
    assert sorted(each.code for each in domain.basics(a_record(1, **changes))) == expected


def test_a_number_that_is_a_citizen_id_counts_as_one_whatever_type_is_named() -> None:
    record = a_record(1, document_type="Z")
    assert domain.own_document(record) == ("1", record.document_number)


def test_a_citizen_id_under_another_type_is_said_in_words() -> None:
    (own,) = domain.basics(a_record(1, document_type="Z"))
    assert (own.field, own.text) == (
        "document_type",
        "身份证件号是有效的居民身份证号，与身份证件类型不符。请把身份证件类型改为“居民身份证”，或核对证件号。",
    )
    (mothers,) = domain.basics(a_record(1, family=(a_guardian(1), a_guardian(2, document_type="A"))))
    assert mothers.field == "family.1.document_type"
    assert mothers.text.startswith("成员2的身份证件号是有效的居民身份证号")


def about(**changes: Any) -> Circumstances:
    values: dict[str, Any] = {
        "stage": Stage.PRIMARY, "entry_year": 2026, "first_grade": True, "age": AgeRule(enforced=False),
        "today": TODAY, **changes,
    }  # fmt: skip
    return Circumstances(**values)


@pytest.mark.parametrize(
    ("record", "circumstances", "expected"),
    [
        ({}, {}, []),
        ({"family": (a_guardian(0),)}, {}, [("one-guardian", True)]),
        ({}, {"class_size": 46, "class_standard": 45}, [("class-above-standard", True)]),
        ({}, {"class_size": 45, "class_standard": 45}, []),
        ({}, {"suspicions": 1}, [("suspected-duplicate", True)]),
        ({"residence": "340208000000"}, {}, [("region-retired", True)]),
        ({"birthplace": "340208000000"}, {}, []),
        ({"birthplace": "349999000000"}, {}, [("region-unknown", True)]),
        ({"birthplace": "110105000000"}, {}, []),
        ({"birth_date": date(2020, 9, 1)}, {}, [("age-below", True)]),
        ({"birth_date": date(2017, 8, 30)}, {}, [("age-above", True)]),
        ({"birth_date": date(2020, 9, 1)}, {"first_grade": False}, []),
        ({"document_validity": "2015.06.01-2020.06.01"}, {}, [("document-expired", False)]),
    ],
)
def test_what_is_unusual_and_what_asks_for_a_reason(
    record: dict[str, Any], circumstances: dict[str, Any], expected: list[tuple[str, bool]]
) -> None:
    # The region of every synthetic ID is unknown, which is only shown.
    found = domain.warnings(a_record(1, **record), about(**circumstances))
    assert [(each.code, each.asks) for each in found if each.code != "id-region-unknown"] == expected
    assert [each.asks for each in found if each.code == "id-region-unknown"] == [False]


def test_the_life_of_a_record_has_only_the_steps_of_the_table() -> None:
    for status in StudentStatus:
        for change in Change:
            assert domain.after(status, change) == domain.EDGES.get((status, change))
    assert domain.after(StudentStatus.REGISTERED, Change.EDITED) is None
    assert domain.after(StudentStatus.SUBMITTED, Change.REMOVED) is None
    assert domain.after(StudentStatus.REMOVED, Change.SUBMITTED) is None


@given(st.integers(0, 20_000))
def test_what_a_form_shows_it_takes_again(number: int) -> None:
    record = a_record(number)
    read = read_form(fields(record))
    assert read.problems == ()
    assert read.record == record


def test_a_sheet_says_what_a_form_says_wherever_its_columns_stand() -> None:
    record = a_record(7)
    cells = {HEADERS[path]: text for path, text in fields(record).items()}
    cells |= {"本校自用": "不看", GRADE: " 一年级 ", CLASS: "01.0"}
    for headers in (sorted(cells), sorted(cells, reverse=True)):
        read = SheetReader(headers).read([cells[header] for header in headers])
        assert (read.record, read.problems) == (record, ())
        assert (read.grade, read.class_number, read.school_code, read.reasons) == (1, "01", None, None)
    blank = SheetReader(["姓名", GRADE]).read(["", None])
    assert (blank.record, blank.grade, [each.code for each in blank.problems]) == (None, None, ["missing"])


def test_masks_hide_numbers_phones_and_addresses() -> None:
    record = a_record(1, email="zhang@example.org")
    shown = masked(fields(record))
    assert shown["name"] == record.name
    assert shown["document_number"] == str(record.document_number)[:3] + "*" * 11 + str(record.document_number)[-4:]
    assert shown["phone"] == "139****0001"
    assert shown["family.0.document_number"].count("*") == 11
    assert shown["email"] == "z****@example.org"
    assert "幸福村" not in "".join(shown.values())
    assert names(record)["family.0.relation"] == "母亲"


@pytest.mark.parametrize(
    ("one", "other"),
    [("迪丽娜尔·买买提", "迪丽娜尔•买买提"), ("张 三", "张三"), ("Anna Lee", "ANNA LEE"), ("张三", "张　三")],
)
def test_names_are_compared_without_what_clerks_write_differently(one: str, other: str) -> None:
    assert domain.folded(one) == domain.folded(other)


def test_a_guardian_answers_only_when_marked_and_with_a_valid_number() -> None:
    wrong = a_guardian(0, document_number="340121199001010011")
    right = a_guardian(1)
    assert domain.answering_guardian(StudentRecord(name="张三", family=(wrong, right))) == right
    for kind, number, answers in (
        ("A", "E12345678", True), ("6", "A123456(7)", True), ("A", "E123", False), ("Z", "E12345678", False),
        ("Z", right.document_number, False), ("1", "E12345678", False), (None, "E12345678", False),
    ):  # fmt: skip
        foreign = a_guardian(0, document_type=kind, document_number=number)
        found = domain.answering_guardian(StudentRecord(name="张三", family=(foreign,)))
        assert (found is not None) is answers, (kind, number)
    unmarked = a_guardian(1, guardian="0")
    assert domain.answering_guardian(StudentRecord(name="张三", family=(wrong, unmarked))) is None


@pytest.mark.parametrize(
    "reason",
    [
        "核对999999202003150114",
        "９９９９９９２０２００３１５０１１４",
        "9\u200b99999 20200315 0114",
        "打138-5551-2345",
        "旧证999999200315011",
    ],
)
def test_a_reason_that_holds_a_persons_number_is_refused(reason: str) -> None:
    with pytest.raises(Refusal) as refused:
        purpose(reason)
    assert refused.value.code == "number-in-reason"
    assert not any(each.isdigit() for each in refused.value.sentence)


@pytest.mark.parametrize("reason", ["核对证件", " 家长来电，2026年9月1日 ", "皖教〔2026〕12号"])
def test_another_reason_is_kept_as_typed(reason: str) -> None:
    assert purpose(reason) == reason.strip()
