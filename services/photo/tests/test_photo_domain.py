"""Which photos are due, which may be replaced, whose a file name is."""

from uuid import UUID

import pytest

from contracts.values import PhotoState, StudentStatus
from photo.domain import NamedBy, Requirement, is_due, named_by, why_not_taken

SOMEONE = UUID(int=7)


def a_requirement(status: StudentStatus, state: PhotoState = PhotoState.REQUIRED) -> Requirement:
    return Requirement(UUID(int=8), SOMEONE, UUID(int=2), 2026, state, status)


@pytest.mark.parametrize(
    ("first_grade", "status", "due"),
    [
        (True, StudentStatus.DRAFT, True),
        (True, StudentStatus.REGISTERED, True),
        (True, StudentStatus.REMOVED, False),
        (True, StudentStatus.REJECTED, False),
        (False, StudentStatus.DRAFT, False),
    ],
)
def test_first_graders_of_a_stage_need_a_photo(first_grade: bool, status: StudentStatus, due: bool) -> None:
    assert is_due(first_grade=first_grade, status=status) is due


@pytest.mark.parametrize(
    ("status", "state", "code"),
    [
        (StudentStatus.DRAFT, PhotoState.REQUIRED, None),
        (StudentStatus.DRAFT, PhotoState.ACCEPTED, None),
        (StudentStatus.RETURNED, PhotoState.ACCEPTED, None),
        (StudentStatus.SUBMITTED, PhotoState.ACCEPTED, "photo-under-review"),
        (StudentStatus.REGISTERED, PhotoState.REQUIRED, None),
        (StudentStatus.REGISTERED, PhotoState.ACCEPTED, "photo-already-kept"),
    ],
)
def test_a_photo_may_be_replaced_until_it_is_under_review_or_kept(
    status: StudentStatus, state: PhotoState, code: str | None
) -> None:
    assert why_not_taken(a_requirement(status, state)) == code


def test_a_pupil_without_a_requirement_needs_no_photo() -> None:
    assert why_not_taken(None) == "photo-not-required"


@pytest.mark.parametrize(
    ("stem", "readings"),
    [
        ("34990120200315011x", [("document", ("34990120200315011X",))]),
        ("３４990120200315011X ", [("document", ("34990120200315011X",))]),
        ("L34990120200315123", [("document", ("L34990120200315123",))]),
        ("G34990120200315011X", [("number", ("G34990120200315011X",)), ("document", ("G34990120200315011X",))]),
        ("2134000001_2026101_张三", [("name", ("2134000001", "2026101", "张三"))]),
        ("2134000001_2026101_阿依古丽·买买提", [("name", ("2134000001", "2026101", "阿依古丽·买买提"))]),
        ("2134000001_2026101_阿依古丽•买买提", [("name", ("2134000001", "2026101", "阿依古丽·买买提"))]),
        ("2134000001_2026101_a_b", [("name", ("2134000001", "2026101", "A_B"))]),
        ("2134000001__张三", []),
        ("", []),
        ("x" * 31, []),
    ],
)
def test_file_names_are_read(stem: str, readings: list[tuple[str, tuple[str, ...]]]) -> None:
    assert named_by(stem) == tuple(NamedBy(kind, parts) for kind, parts in readings)
