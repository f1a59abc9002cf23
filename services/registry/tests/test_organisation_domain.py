from datetime import date
from uuid import UUID

import pytest

from contracts.refusal import Refusal
from contracts.values import OrganisationKind as Kind
from contracts.values import Schooling, Stage
from registry.organisation import domain
from registry.organisation.domain import Link

COUNTY, CITY, ZONE = UUID(int=1), UUID(int=2), UUID(int=3)
TODAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    ("kind", "parent"),
    [
        (Kind.PROVINCE, None),
        (Kind.CITY, Kind.PROVINCE),
        (Kind.COUNTY, Kind.CITY),
        (Kind.COUNTY, Kind.PROVINCE),
        (Kind.ZONE, Kind.CITY),
        (Kind.ZONE, Kind.COUNTY),
        (Kind.SCHOOL, Kind.PROVINCE),
        (Kind.SCHOOL, Kind.CITY),
        (Kind.SCHOOL, Kind.COUNTY),
        (Kind.SCHOOL, Kind.ZONE),
        (Kind.CAMPUS, Kind.SCHOOL),
    ],
)
def test_a_kind_stands_below_its_superiors(kind: Kind, parent: Kind | None) -> None:
    domain.check_place(kind, parent)


@pytest.mark.parametrize(
    ("kind", "parent"),
    [
        (Kind.PROVINCE, Kind.CITY),
        (Kind.CITY, None),
        (Kind.CITY, Kind.COUNTY),
        (Kind.COUNTY, Kind.ZONE),
        (Kind.SCHOOL, Kind.SCHOOL),
        (Kind.SCHOOL, None),
        (Kind.CAMPUS, Kind.COUNTY),
        (Kind.CAMPUS, Kind.CAMPUS),
    ],
)
def test_a_kind_stands_nowhere_else(kind: Kind, parent: Kind | None) -> None:
    with pytest.raises(Refusal) as refused:
        domain.check_place(kind, parent)
    assert refused.value.code == "wrong-parent"


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (Kind.PROVINCE, "340000000000"),
        (Kind.COUNTY, "340121000000"),
        (Kind.SCHOOL, "2134000001"),
        (Kind.CAMPUS, ""),
        (Kind.CAMPUS, "2134000002"),
    ],
)
def test_codes_of_the_right_form_pass(kind: Kind, code: str) -> None:
    domain.check_code(kind, code)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (Kind.COUNTY, "340121"),
        (Kind.COUNTY, "110101000000"),
        (Kind.COUNTY, "34012100000Ⅰ"),
        (Kind.SCHOOL, ""),
        (Kind.SCHOOL, "2132000001"),
        (Kind.SCHOOL, "21340000012"),
        (Kind.SCHOOL, "21340000０1"),
    ],
)
def test_codes_of_another_form_are_refused(kind: Kind, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        domain.check_code(kind, code)
    assert refused.value.code == "wrong-code"


def test_a_region_is_stored_with_twelve_digits() -> None:
    assert domain.region("340121") == "340121000000"
    assert domain.region("340121103000") == "340121103000"
    with pytest.raises(Refusal) as short:
        domain.region("3401")
    assert short.value.code == "wrong-code"


@pytest.mark.parametrize("code", ["340176", "340000", "340100", "341882"])
def test_a_zone_a_city_and_the_province_are_regions_too(code: str) -> None:
    assert domain.region(code) == f"{code}000000"


@pytest.mark.parametrize("code", ["999999", "340199000000", "110101", "341822"])
def test_a_region_that_nobody_knows_is_refused(code: str) -> None:
    with pytest.raises(Refusal) as refused:
        domain.region(code)
    assert (refused.value.code, refused.value.sentence) == (
        "unknown-code",
        f"所在地行政区划码没有代码“{code}”。请从列表中选择。",
    )


@pytest.mark.parametrize(
    ("code", "category"),
    [
        ("2134000001", "211"),
        ("2134000001", "218"),
        ("3134000001", "312"),
        ("3434000001", "341"),
        ("3434000001", "345"),
        ("3734000001", "371"),
        ("5134000001", "512"),
        ("3134000001", "219"),  # a primary class attached to a junior school
    ],
)
def test_the_code_of_a_school_begins_like_its_category(code: str, category: str) -> None:
    domain.check_category(code, category)


@pytest.mark.parametrize(("code", "category"), [("2134000001", "311"), ("3134000001", "211"), ("3134000001", "342")])
def test_a_code_of_another_type_of_school_is_refused(code: str, category: str) -> None:
    with pytest.raises(Refusal) as refused:
        domain.check_category(code, category)
    assert refused.value.code == "wrong-school-type"


@pytest.mark.parametrize("kind", [Kind.SCHOOL, Kind.CAMPUS])
def test_a_kindergartens_code_is_no_schools(kind: Kind) -> None:
    with pytest.raises(Refusal) as refused:
        domain.check_code(kind, "1134000001")
    assert refused.value.sentence == (
        "学校标识码的前两位表示学校类型，应为21（小学）、31（初中）、34（高中）、37（工读学校）、51（特殊教育学校）。"
        "请核对学校标识码和学校类别；类型变更的学校须使用新的学校标识码。"
    )


def test_a_nine_year_school_runs_two_stages_unless_it_says_one() -> None:
    assert domain.stages("312", ()) == (Stage.PRIMARY, Stage.JUNIOR)
    assert domain.stages("312", (Stage.JUNIOR,)) == (Stage.JUNIOR,)


def test_a_primary_school_runs_no_senior_stage() -> None:
    with pytest.raises(Refusal) as refused:
        domain.stages("211", (Stage.SENIOR,))
    assert refused.value.code == "wrong-stages"


def test_a_number_of_a_code_set_is_needed() -> None:
    domain.check_coded({"category": "211", "ownership": "1", "area_type": None})
    with pytest.raises(Refusal) as refused:
        domain.check_coded({"category": "999"})
    assert refused.value.code == "unknown-code"


def test_the_first_link_may_begin_in_the_past() -> None:
    assert domain.relink((), Kind.COUNTY, COUNTY, date(2020, 9, 1), TODAY) == (Link(COUNTY, date(2020, 9, 1)),)


def test_a_school_is_handed_over_from_a_day_on() -> None:
    links = (Link(COUNTY, date(2020, 9, 1)),)
    after = domain.relink(links, Kind.CITY, CITY, date(2026, 12, 1), TODAY)
    assert after == (Link(COUNTY, date(2020, 9, 1), date(2026, 12, 1)), Link(CITY, date(2026, 12, 1)))
    assert domain.holding(after, date(2026, 11, 30)) == COUNTY
    assert domain.holding(after, date(2026, 12, 1)) == CITY
    assert domain.holding(after, date(2020, 8, 31)) is None


def test_a_link_that_has_not_begun_is_dropped_for_an_earlier_one() -> None:
    links = (Link(COUNTY, date(2020, 9, 1), date(2027, 3, 1)), Link(CITY, date(2027, 3, 1)))
    after = domain.relink(links, Kind.ZONE, ZONE, date(2026, 12, 1), TODAY)
    assert after == (Link(COUNTY, date(2020, 9, 1), date(2026, 12, 1)), Link(ZONE, date(2026, 12, 1)))


def test_what_was_decided_under_an_authority_stays_with_it() -> None:
    with pytest.raises(Refusal) as refused:
        domain.relink((Link(COUNTY, date(2020, 9, 1)),), Kind.CITY, CITY, date(2026, 11, 23), TODAY)
    assert refused.value.code == "link-in-the-past"


def test_only_an_authority_decides() -> None:
    with pytest.raises(Refusal) as refused:
        domain.relink((), Kind.SCHOOL, UUID(int=9), TODAY, TODAY)
    assert refused.value.code == "authority-not-authority"


def test_the_schooling_of_a_day_is_the_last_that_has_begun() -> None:
    rows = [(date(2020, 9, 1), Schooling.SIX_THREE), (date(2027, 8, 1), Schooling.FIVE_FOUR)]
    assert domain.schooling_on(rows, date(2027, 7, 31)) is Schooling.SIX_THREE
    assert domain.schooling_on(rows, date(2027, 8, 1)) is Schooling.FIVE_FOUR
    assert domain.schooling_on([], TODAY) is Schooling.SIX_THREE
