"""Photo finds pupils by keyed hashes that registry has told it: both must fold names and numbers alike."""

import pytest

from photo.domain import NamedBy, fold, named_by
from registry.student.domain import match_fold, name_parts


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("34012120200315001x", "34012120200315001X"),
        ("迪丽 娜尔•买买提", "迪丽娜尔·买买提"),
        ("阿依古丽．吐尔逊", "阿依古丽·吐尔逊"),
        ("G34012120200315001x", "G34012120200315001X"),
        ("张㐂", "张㐂"),
        ("Ａnna Lee", "ANNALEE"),
        ("令狐", "令狐"),
        ("欧阳\u3000娜娜", "欧阳娜娜"),
        ("straße", "STRASSE"),
        ("á\u200bb", "ÁB"),
    ],
)
def test_both_sides_fold_alike(text: str, folded: str) -> None:
    assert match_fold(text) == folded
    assert fold(text) == folded


def test_the_name_that_registry_tells_is_the_one_that_photo_reads() -> None:
    parts = name_parts("2134000001", "2026101", "迪丽 娜尔•买买提")
    assert named_by("2134000001_2026101_迪丽娜尔·买买提") == (NamedBy("name", parts),)
