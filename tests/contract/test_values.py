"""Citizen IDs, code sets and the sheet, against values taken from the standards by hand."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.iso7064 import mod_11_2

from contracts import codes, record
from contracts.values import born_on, check_digit, sex_of


@pytest.mark.parametrize(
    ("citizen_id", "born", "sex"),
    [("34052419800101001X", date(1980, 1, 1), "1"), ("11010519491231002X", date(1949, 12, 31), "2")],
)
def test_published_examples_are_valid(citizen_id: str, born: date, sex: str) -> None:
    assert born_on(citizen_id) == born
    assert sex_of(citizen_id) == sex


@pytest.mark.parametrize(
    "wrong",
    [
        "340524198001010010",  # check digit
        "34052419800101001x",  # lower case is normalised by whoever reads it, not here
        "340524198002300010",  # 30 February
        "34052419800101001",  # 17 characters
        "３40524198001010018",  # full-width digit
        "",
    ],
)
def test_wrong_numbers_have_no_birth_date(wrong: str) -> None:
    assert born_on(wrong) is None


@given(st.from_regex(r"[0-9]{17}", fullmatch=True))
def test_the_check_digit_is_the_standards(seventeen: str) -> None:
    assert check_digit(seventeen) == mod_11_2.calc_check_digit(seventeen)


@pytest.mark.parametrize(
    ("name", "word", "code"),
    [
        ("民族", "汉", "01"), ("民族", "汉族", "01"), ("民族", "1", "01"), ("民族", "壮族", "08"), ("性别", "男", "1"),
        ("家庭成员关系_学籍", "爷爷", "3"), ("家庭成员关系_学籍", "父亲", "1"), ("国籍地区", "中国", "CHN"),
        ("港澳台侨外", "否", "00"), ("身份证件类型", "其它", "Z"), ("留守儿童", "非留守儿童", "0"),
    ],
)  # fmt: skip
def test_names_aliases_and_codes_are_read(name: str, word: str, code: str) -> None:
    assert codes.SETS[name].read(word) == code


def test_an_unknown_word_has_no_code() -> None:
    assert codes.SETS["民族"].read("火星族") is None


def test_every_item_of_the_form_stands_once_and_names_a_known_code_set() -> None:
    assert [item.number for item in record.ITEMS] == list(range(1, 49))
    assert [item.number for item in record.FAMILY_ITEMS] == list(range(49, 61))
    assert all(item.codes in codes.SETS for item in (*record.ITEMS, *record.FAMILY_ITEMS) if item.codes)
    assert {item.field for item in record.ITEMS if item.field} | {"blood_type", "family"} == set(
        record.StudentRecord.model_fields
    )
    assert {item.field for item in record.FAMILY_ITEMS} == set(record.Family.model_fields)


def test_the_official_sheet_has_its_headers_once_and_reasons_last() -> None:
    headers = record.sheet_headers()
    assert len(headers) == len(set(headers)) == 75
    assert headers[:5] == ("学籍接续标识", "学校标识码", "姓名", "性别", "出生日期")
    assert "成员1姓名" in headers
    assert {item.header for item in record.BY_FIELD.values()} <= set(headers)
    assert "成员2职务" in headers
    assert headers[-1] == "情况说明"
