from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.record import Family, StudentRecord
from contracts.refusal import Refusal
from contracts.registry import PupilNumber
from contracts.review import Reason, RequestApproved, RequestRejected, RequestReturned, RequestWithdrawn
from contracts.values import NumberKind, NumberStatus, PhotoState, Stage
from registry.enrolment import domain
from registry.enrolment.domain import Colour, Photo, State
from registry.student.domain import EDGES, Caution, Change, Problem

ONE, OTHER, REQUEST = UUID(int=1), UUID(int=2), UUID(int=9)
NOW = datetime(2026, 9, 20, 8, tzinfo=UTC)
A_PROBLEM = Problem("missing", "address", "“现住址”没有填写。")
A_WARNING = Caution("no-phone", "phone", "请核对。")
A_REMINDER = Caution("document-expired", "document_validity", "请更新。", asks=False)
PHOTO = Photo(due=True, entry_year=2026, state=PhotoState.ACCEPTED, year=2026, sha256="ab")


@pytest.mark.parametrize(
    ("found", "reasons", "remark", "colour"),
    [
        ([], {}, None, Colour.GREEN),
        ([A_REMINDER], {}, None, Colour.GREEN),
        ([A_WARNING], {}, None, Colour.AMBER),
        ([A_WARNING], {"no-phone": "家中无电话"}, None, Colour.GREEN),
        ([A_WARNING], {"other": "家中无电话"}, None, Colour.AMBER),
        ([A_WARNING], {}, "家中无电话", Colour.GREEN),
        ([A_PROBLEM], {}, None, Colour.RED),
        ([A_PROBLEM, A_WARNING], {"no-phone": "家中无电话"}, None, Colour.RED),
    ],
)
def test_red_before_amber_before_green(
    found: list[Problem | Caution], reasons: dict[str, str], remark: str | None, colour: Colour
) -> None:
    assert domain.verdict(found, reasons, remark).colour is colour


def test_a_reason_of_its_own_stands_before_the_remark_of_the_sheet() -> None:
    warning, reminder = domain.verdict([A_WARNING, A_REMINDER], {"no-phone": "家中无电话"}, "见说明").warnings
    assert (warning.reason, reminder.reason) == ("家中无电话", None)


@pytest.mark.parametrize(
    ("photo", "code"),
    [
        (PHOTO, None),
        (replace(PHOTO, due=False, state=None), None),
        (replace(PHOTO, state=None, sha256=None), "photo-missing"),
        (replace(PHOTO, state=PhotoState.REQUIRED, sha256=None), "photo-missing"),
        (replace(PHOTO, state=PhotoState.REFUSED, sha256=None), "photo-refused"),
        (replace(PHOTO, year=2020), "photo-missing"),
    ],
)
def test_the_first_grade_needs_an_accepted_photo_of_the_entry_year(photo: Photo, code: str | None) -> None:
    found = domain.of_photo(photo, required=True)
    assert (found.code if found else None) == code
    assert found is None or isinstance(found, Problem)


def test_a_setting_makes_a_missing_photo_a_warning_that_asks() -> None:
    found = domain.of_photo(replace(PHOTO, state=None, sha256=None), required=False)
    assert isinstance(found, Caution)
    assert domain.verdict([found], {}).colour is Colour.AMBER


SUBMISSION = domain.Submission(REQUEST, ONE, "h1", State.OPEN)
REASONS = (Reason(code="incomplete", field="address", text="住址不完整"),)


def decided(kind: type[Any], content_hash: str = "h1", student: UUID = ONE) -> Any:
    if kind is RequestWithdrawn:
        return RequestWithdrawn(student_id=student, content_hash=content_hash, closed_at=NOW)
    reasons = {} if kind is RequestApproved else {"reasons": REASONS}
    return kind(student_id=student, content_hash=content_hash, decided_by=OTHER, decided_at=NOW, **reasons)


@pytest.mark.parametrize(
    ("kind", "state", "change", "reasons"),
    [
        (RequestApproved, State.APPROVED, Change.REGISTERED, ()),
        (RequestReturned, State.RETURNED, Change.REOPENED, REASONS),
        (RequestRejected, State.REJECTED, Change.REJECTED, REASONS),
        (RequestWithdrawn, State.WITHDRAWN, Change.REOPENED, ()),
    ],
)
def test_what_comes_of_a_decision(kind: type, state: State, change: Change, reasons: tuple[Reason, ...]) -> None:
    assert domain.effect(SUBMISSION, decided(kind)) == domain.Effect(state, change, reasons)
    assert domain.effect(replace(SUBMISSION, state=state), decided(kind)) is None


@pytest.mark.parametrize("kind", [RequestApproved, RequestReturned, RequestRejected, RequestWithdrawn])
def test_a_decision_on_other_contents_reopens_and_says_why(kind: type) -> None:
    found = domain.effect(SUBMISSION, decided(kind, "h2"))
    assert found is not None
    assert (found.state, found.change, found.reasons[0].code) == (State.CONFLICT, Change.REOPENED, "content-conflict")
    assert domain.effect(replace(SUBMISSION, state=State.CONFLICT), decided(kind, "h2")) is None


@pytest.mark.parametrize("state", [State.RETURNED, State.REJECTED, State.WITHDRAWN, State.CONFLICT])
def test_a_second_and_other_decision_is_refused(state: State) -> None:
    with pytest.raises(Refusal) as refused:
        domain.effect(replace(SUBMISSION, state=state), decided(RequestApproved))
    assert refused.value.code == "other-decision"


def test_a_decision_that_names_another_pupil_is_refused() -> None:
    with pytest.raises(Refusal) as refused:
        domain.effect(SUBMISSION, decided(RequestApproved, student=OTHER))
    assert refused.value.code == "other-pupil"


def test_every_effect_is_an_edge_of_the_pupils_life() -> None:
    submitted = {after for (_, change), after in EDGES.items() if change is Change.SUBMITTED}
    assert all((status, change) in EDGES for status in submitted for _, change in domain.EFFECTS.values())


def a_submission(**record: Any) -> domain.Frozen:
    mother = Family(name="李四", relation="2", guardian="1", phone="13800000000")
    return domain.Frozen(
        school_id=ONE,
        school_code="2134000001",
        class_id=OTHER,
        class_number="2026101",
        class_name="2026级(1)班",
        stage=Stage.PRIMARY,
        entry_year=2026,
        grade_name="一年级",
        numbers=(PupilNumber(kind=NumberKind.REGIONAL, value="340121260010001", status=NumberStatus.CONFIRMED),),
        photo_hash="ab" * 32,
        photo_year=2026,
        warnings=(),
        evidence=(),
        record=StudentRecord(**{"name": "𠮷·买买提", "birth_date": date(2020, 3, 15), "family": (mother,), **record}),
    )


def test_what_is_frozen_comes_out_as_it_went_in() -> None:
    assert domain.unpacked(domain.packed(a_submission())) == a_submission()
    without = a_submission().model_copy(update={"photo_hash": None, "photo_year": None})
    assert domain.unpacked(domain.packed(without)) == without
    assert domain.packed(a_submission()) == domain.packed(a_submission())


def test_a_submission_of_a_later_release_can_be_read() -> None:
    data = domain.packed(a_submission()).replace(b'{"school_id"', b'{"later":1,"school_id"', 1)
    assert domain.unpacked(data) == a_submission()


def test_the_hash_covers_data_photo_and_salt() -> None:
    data, salt = domain.packed(a_submission()), b"s" * 16
    # sha256 over three parts, each behind its length in eight bytes; computed with sha256sum.
    assert domain.content_hash(b"data", "photo", b"salt") == (
        "562200d45c149dc7190f0fc632dbc68a06ecdc609ebc3fcfd8c21f8c72301b80"
    )
    hashes = {
        domain.content_hash(data, "ab", salt),
        domain.content_hash(data + b" ", "ab", salt),
        domain.content_hash(data, "ac", salt),
        domain.content_hash(data, None, salt),
        domain.content_hash(data, "ab", b"t" * 16),
    }
    assert len(hashes) == 5


@given(st.tuples(st.binary(), st.text("ab"), st.binary()), st.tuples(st.binary(), st.text("ab"), st.binary()))
def test_parts_cannot_be_moved_between_each_other(one: Any, other: Any) -> None:
    if one != other:
        assert domain.content_hash(one[0], one[1], one[2]) != domain.content_hash(other[0], other[1], other[2])


def test_differences_are_named_by_path_in_the_order_of_the_form() -> None:
    before = a_submission(address="长丰县")
    changed = a_submission(address="长丰县水湖镇", phone="13900000000")
    after = changed.model_copy(
        update={
            "class_number": "2026102",
            "warnings": (domain.FrozenWarning(code="same-person", field="name", text="…", reason="双胞胎"),),
        }
    )
    assert [(each.field, each.before, each.after) for each in domain.differences(before, after)] == [
        ("address", "长丰县", "长丰县水湖镇"),
        ("phone", "", "13900000000"),
        ("class_number", "2026101", "2026102"),
        ("warnings.same-person", "", "双胞胎"),
    ]
    assert domain.differences(before, before) == []


def test_a_family_member_that_was_added_shows_by_its_place() -> None:
    father = Family(name="张三", relation="1", guardian="0")
    before = a_submission()
    after = a_submission(family=(*before.record.family, father))
    assert [(each.field, each.after) for each in domain.differences(before, after)] == [
        ("family.1.name", "张三"),
        ("family.1.relation", "1"),
        ("family.1.guardian", "0"),
    ]
