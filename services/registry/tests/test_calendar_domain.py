from datetime import date

import pytest

from contracts.refusal import Refusal
from contracts.values import Schooling, Stage, WindowKind
from registry.calendar import domain
from registry.calendar.domain import Calendar, Extended, Grade, Span

P, J, S = Stage.PRIMARY, Stage.JUNIOR, Stage.SENIOR
SIX, FIVE = Schooling.SIX_THREE, Schooling.FIVE_FOUR


def a_calendar(*extensions: Extended, holidays: set[date] | None = None, worked: set[date] | None = None) -> Calendar:
    windows = {kind: season.span(2026) for kind, season in domain.DEFAULT_SEASONS.items()}
    return Calendar(2026, windows, extensions, frozenset(holidays or ()), frozenset(worked or ()))


def test_the_default_windows_are_those_of_the_law() -> None:
    calendar = a_calendar()
    assert calendar.windows == {
        WindowKind.ENTRY: Span(date(2026, 8, 1), date(2026, 9, 30)),
        WindowKind.GRADUATION: Span(date(2027, 6, 1), date(2027, 7, 31)),
        WindowKind.TRANSFER: Span(date(2026, 8, 15), date(2027, 7, 14)),
    }


@pytest.mark.parametrize(
    ("kind", "day", "opened"),
    [
        (WindowKind.ENTRY, date(2026, 7, 31), False),
        (WindowKind.ENTRY, date(2026, 8, 1), True),
        (WindowKind.ENTRY, date(2026, 9, 30), True),
        (WindowKind.ENTRY, date(2026, 10, 1), False),
        (WindowKind.GRADUATION, date(2027, 7, 31), True),
        (WindowKind.TRANSFER, date(2026, 8, 14), False),
        (WindowKind.TRANSFER, date(2026, 8, 15), True),
        (WindowKind.TRANSFER, date(2027, 7, 14), True),
        (WindowKind.TRANSFER, date(2027, 7, 15), False),
    ],
)
def test_windows_hold_on_their_first_and_last_day(kind: WindowKind, day: date, opened: bool) -> None:
    assert a_calendar().is_open(kind, day) is opened


def test_a_closed_window_says_when_it_closed_and_what_to_do() -> None:
    with pytest.raises(Refusal) as refused:
        a_calendar().require_open(WindowKind.ENTRY, date(2026, 11, 24))
    assert refused.value.code == "window-closed"
    assert refused.value.sentence == "新生注册已于2026年9月30日截止。确需办理的，请由主管单位凭文号申请延期后再办。"


def test_a_window_that_has_not_opened_says_when_it_will() -> None:
    with pytest.raises(Refusal) as refused:
        a_calendar().require_open(WindowKind.GRADUATION, date(2026, 11, 24))
    assert refused.value.code == "window-not-yet-open"


def test_the_longest_extension_of_its_kind_counts() -> None:
    calendar = a_calendar(
        Extended(WindowKind.ENTRY, date(2026, 12, 31), "皖教秘基〔2026〕88号"),
        Extended(WindowKind.ENTRY, date(2026, 10, 31), "合教〔2026〕12号"),
    )
    assert calendar.closes(WindowKind.ENTRY) == date(2026, 12, 31)
    assert calendar.is_open(WindowKind.ENTRY, date(2026, 11, 24))
    assert calendar.closes(WindowKind.GRADUATION) == date(2027, 7, 31)


def test_an_extension_extends_within_its_year() -> None:
    calendar = a_calendar(Extended(WindowKind.ENTRY, date(2026, 10, 31), "合教〔2026〕12号"))
    domain.check_extension(calendar, WindowKind.ENTRY, date(2026, 11, 1))
    with pytest.raises(Refusal) as refused:
        domain.check_extension(calendar, WindowKind.ENTRY, date(2026, 10, 31))
    assert refused.value.code == "extension-too-short"
    with pytest.raises(Refusal) as refused:
        domain.check_extension(calendar, WindowKind.ENTRY, date(2027, 8, 1))
    assert refused.value.code == "window-outside-year"


def test_a_window_neither_runs_backwards_nor_leaves_its_year() -> None:
    domain.check_window(Span(date(2026, 8, 20), date(2026, 10, 15)), 2026)
    with pytest.raises(Refusal) as refused:
        domain.check_window(Span(date(2026, 10, 15), date(2026, 8, 20)), 2026)
    assert refused.value.code == "window-backwards"
    with pytest.raises(Refusal) as refused:
        domain.check_window(Span(date(2026, 7, 31), date(2026, 10, 15)), 2026)
    assert refused.value.code == "window-outside-year"


@pytest.mark.parametrize(
    ("school_year", "entry_year", "stage", "schooling", "expected", "name"),
    [
        (2026, 2026, P, SIX, Grade(1), "一年级"),
        (2026, 2021, P, SIX, Grade(6), "六年级"),
        (2026, 2020, P, SIX, Grade(6, overdue=True), "六年级"),
        (2026, 2022, P, FIVE, Grade(5), "五年级"),
        (2026, 2021, P, FIVE, Grade(5, overdue=True), "五年级"),
        (2026, 2026, J, SIX, Grade(7), "七年级"),
        (2026, 2024, J, SIX, Grade(9), "九年级"),
        (2026, 2026, J, FIVE, Grade(6), "六年级"),
        (2026, 2023, J, FIVE, Grade(9), "九年级"),
        (2026, 2022, J, FIVE, Grade(9, overdue=True), "九年级"),
        (2026, 2026, S, SIX, Grade(10), "高一"),
        (2026, 2024, S, FIVE, Grade(12), "高三"),
        (2026, 2020, S, SIX, Grade(12, overdue=True), "高三"),
        (2026, 2027, P, SIX, Grade(0), ""),
    ],
)
def test_the_grade_follows_from_the_entry_year(
    school_year: int, entry_year: int, stage: Stage, schooling: Schooling, expected: Grade, name: str
) -> None:
    found = domain.grade(school_year, entry_year, stage, schooling)
    assert found == expected
    assert found.name == name


def test_a_grade_leads_back_to_its_entry_year() -> None:
    assert domain.entry_year_of(2026, 1, P, SIX) == 2026
    assert domain.entry_year_of(2026, 9, J, FIVE) == 2023
    with pytest.raises(ValueError):
        domain.entry_year_of(2026, 6, P, FIVE)


def test_a_school_year_begins_on_the_first_of_august() -> None:
    assert domain.school_year_of(date(2026, 7, 31)) == 2025
    assert domain.school_year_of(date(2026, 8, 1)) == 2026
