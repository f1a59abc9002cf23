"""The projection, by hand: what of a record travels, under which columns, and what does not."""

from collections.abc import Callable
from datetime import date

import pytest

from contracts.registry import PupilNumber, StudentRecordChanged
from contracts.sync import Operation
from contracts.values import NumberKind, NumberStatus, Stage, StudentStatus
from sync.national import Projection, operation_for, project

ARecord = Callable[..., StudentRecordChanged]


def test_a_record_becomes_national_columns_and_codes(a_record: ARecord) -> None:
    projected = project(a_record(), photo="ab" * 32)
    assert projected.fields == {
        "xm": "示例学生𠮷",
        "xbm": "2",
        "csrq": "20200315",
        "csdm": "340121000000",
        "hkszdm": "340121000000",
        "sfzjlxm": "1",
        "sfzjh": "999999202003150121",
        "mzm": "01",
        "rxny": "202609",
        "lxdh": "13900000000",
        "sxxjl": "2",
        "grbsm": "L340121202003150042",
        "xjfh": "340121260010001",
        "xxbsm": "2134000001",
        "jdztm": "01",
        "zp": "ab" * 32,
    }
    assert projected.family == (
        {"cyxm": "示例家长1", "gxm": "1", "lxdh": "13900000001", "sfjhrm": "1"},
        {"cyxm": "示例家长2", "gxm": "2", "lxdh": "13900000002", "sfjhrm": "1"},
    )


def test_the_event_names_stage_entry_year_and_class_and_never_the_grade(a_record: ARecord) -> None:
    projected = project(a_record(), photo=None)
    said = projected.record(Operation.NEW, date(2026, 9, 20), projected.content_hash)
    assert (said.province, said.stage, said.entry_year, said.class_number) == ("34", Stage.PRIMARY, 2026, "2026101")
    assert said.operation is Operation.NEW
    assert "一年级" not in said.model_dump_json()
    assert not {"xxNjxxId", "nj"} & said.fields.keys()


def test_the_hash_follows_the_content_and_nothing_else(a_record: ARecord) -> None:
    record = a_record()
    same = record.model_copy(update={"registered_on": date(2026, 10, 1), "class_name": "别名"})
    assert project(record, None).content_hash == project(same, None).content_hash
    hashes = {
        project(changed, photo).content_hash
        for changed, photo in [
            (record, None),
            (record, "ab" * 32),
            (record.model_copy(update={"class_number": "2026102"}), None),
            (record.model_copy(update={"entry_year": 2025}), None),
            (record.model_copy(update={"record": record.record.model_copy(update={"phone": "13900000009"})}), None),
            (record.model_copy(update={"status": StudentStatus.REMOVED}), None),
        ]
    }
    assert len(hashes) == 6


def test_what_is_stored_is_what_was_projected(a_record: ARecord) -> None:
    projected = project(a_record(), photo="ab" * 32)
    assert Projection.from_json(projected.as_json) == projected
    assert projected.with_photo(None).with_photo("ab" * 32).content_hash == projected.content_hash


@pytest.mark.parametrize(
    ("void", "taken_before", "operation"),
    [
        (False, False, Operation.NEW),
        (False, True, Operation.CHANGE),
        (True, True, Operation.VOID),
        (True, False, Operation.VOID),
    ],
)
def test_a_record_is_new_until_the_nation_has_taken_one(void: bool, taken_before: bool, operation: Operation) -> None:
    assert operation_for(void=void, taken_before=taken_before) is operation


def test_the_number_that_the_nation_issued_is_no_news_to_it(a_record: ARecord) -> None:
    told = project(a_record(), None)
    issued = "J340121202003150022"
    numbers = (
        PupilNumber(kind=NumberKind.STUDENT, value=issued, status=NumberStatus.CONFIRMED),
        PupilNumber(kind=NumberKind.REGIONAL, value="340121260010001", status=NumberStatus.CONFIRMED),
    )
    replaced = project(a_record(numbers=numbers), None)
    assert not replaced.is_news_to(told, issued)
    assert replaced.is_news_to(told, None)
    assert project(a_record(numbers=numbers, class_number="2026102"), None).is_news_to(told, issued)


def test_there_is_one_way_of_writing_a_projection() -> None:
    fields = {"xm": '示例"𠮷', "csrq": "20200315"}
    projection = Projection(False, Stage.PRIMARY, 2026, "01", fields, ({"gxm": "1", "cyxm": "示例家长"},))
    turned = Projection(
        False, Stage.PRIMARY, 2026, "01", dict(reversed(fields.items())), ({"cyxm": "示例家长", "gxm": "1"},)
    )
    # What stands in the databases of today was hashed so: another way would be news of every pupil.
    written = (
        '{"class_number":"01","entry_year":2026,"family":[{"cyxm":"示例家长","gxm":"1"}],'
        '"fields":{"csrq":"20200315","xm":"示例\\"𠮷"},"stage":"primary","void":false}'
    )
    assert projection.as_json == turned.as_json == written.encode()
