from datetime import date
from uuid import UUID

import pytest

from contracts.refusal import Refusal
from contracts.values import Stage
from registry.classes import domain
from registry.classes.domain import Band, Shape, Signal

P, J, S = Stage.PRIMARY, Stage.JUNIOR, Stage.SENIOR


def test_a_class_number_is_entry_year_stage_and_two_digits() -> None:
    assert domain.number(2026, P, 1) == "2026101"
    assert domain.number(2026, J, 12) == "2026212"
    assert domain.number(2024, S, 3) == "2024303"


def test_numbers_of_closed_classes_are_not_given_again() -> None:
    assert domain.next_number(2026, P, []) == "2026101"
    assert domain.next_number(2026, P, ["2026101", "2026104", "2026201"]) == "2026105"


def test_a_cohort_has_at_most_99_numbers() -> None:
    with pytest.raises(Refusal) as refused:
        domain.next_number(2026, P, ["2026199"])
    assert refused.value.code == "no-class-number-left"


@pytest.mark.parametrize(
    ("stage", "size", "expected"),
    [
        (P, 45, Band.STANDARD),
        (P, 46, Band.ABOVE),
        (J, 50, Band.STANDARD),
        (J, 51, Band.ABOVE),
        (S, 55, Band.ABOVE),
        (P, 56, Band.LARGE),
        (P, 65, Band.LARGE),
        (P, 66, Band.OVERSIZE),
    ],
)
def test_sizes_fall_into_bands(stage: Stage, size: int, expected: Band) -> None:
    assert domain.band(stage, size) is expected


@pytest.mark.parametrize(
    ("limit", "size", "province", "code"),
    [
        (60, 55, False, None),
        (65, 55, False, None),
        (66, 55, False, "limit-of-the-province"),
        (66, 55, True, None),
        (54, 55, True, "limit-not-raised"),
        (44, 0, True, "limit-not-raised"),
    ],
)
def test_who_may_raise_a_limit_how_far(limit: int, size: int, province: bool, code: str | None) -> None:
    if code is None:
        domain.check_limit(limit, size, P, province=province)
        return
    with pytest.raises(Refusal) as refused:
        domain.check_limit(limit, size, P, province=province)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("planned", "existing", "code"),
    [(None, 0, "no-plan"), (2, 2, "plan-used-up"), (2, 1, None), (0, 0, "plan-used-up")],
)
def test_classes_stay_within_the_plan(planned: int | None, existing: int, code: str | None) -> None:
    if code is None:
        domain.check_plan(planned, existing, 2026, P)
        return
    with pytest.raises(Refusal) as refused:
        domain.check_plan(planned, existing, 2026, P)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("stage", "entry_year", "class_type", "code"),
    [
        (P, 2026, "10", None),
        (P, 2027, "12", None),
        (J, 2026, "20", "stage-not-of-school"),
        (P, 2026, "20", "wrong-class-type"),
        (P, 2026, "19", "wrong-class-type"),
        (P, 2028, "10", "entry-year-out-of-reach"),
        (P, 2019, "10", "entry-year-out-of-reach"),
    ],
)
def test_a_class_fits_its_school_and_stage(stage: Stage, entry_year: int, class_type: str, code: str | None) -> None:
    if code is None:
        domain.check_new(stage, entry_year, class_type, [P], 2026)
        return
    with pytest.raises(Refusal) as refused:
        domain.check_new(stage, entry_year, class_type, [P], 2026)
    assert refused.value.code == code


def a_shape(number: int, size: int, *, teacher: bool = True, created: date = date(2026, 8, 20)) -> Shape:
    return Shape(UUID(int=number), (UUID(int=100), P, 2026), size, teacher, created)


def test_classes_that_stand_out_are_signalled() -> None:
    shapes = [
        a_shape(1, 44),
        a_shape(2, 43, teacher=False),
        a_shape(3, 9),
        a_shape(4, 0, created=date(2026, 11, 2)),
        a_shape(5, 42),
    ]
    assert domain.signals(shapes, date(2026, 11, 24)) == {
        UUID(int=1): (),
        UUID(int=2): (Signal.NO_HEAD_TEACHER,),
        UUID(int=3): (Signal.SIZE_OUTLIER,),
        UUID(int=4): (Signal.CREATED_LATE, Signal.EMPTY),
        UUID(int=5): (),
    }


def test_before_the_entry_deadline_an_empty_class_is_nothing_strange() -> None:
    assert domain.signals([a_shape(1, 0), a_shape(2, 40)], date(2026, 9, 30)) == {UUID(int=1): (), UUID(int=2): ()}
