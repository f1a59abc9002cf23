"""What the nation answers, and that it reads what the house seals."""

import base64
import json
from datetime import date
from pathlib import Path
from uuid import UUID

import pytest

from chassis.sealing import SealBroken, WireKeys
from contracts.sync import NationalRecord, Operation
from contracts.values import ProblemType, Stage
from nation.judging import Judge, Judgement, Known, faults, number_for
from nation.settings import NationSettings
from nation.store import Store
from nation.wire import Keys, Unreadable

STUDENT = "01930000-0000-7000-8000-000000000007"
GIRL = "999999202003150121"
TOPICS = ("sync.national-record.v1", "national.receipt.v1")


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    key = base64.b64encode(b"k" * 32).decode()
    path = tmp_path / "nation.keys.json"
    path.write_text(json.dumps({"wire": {topic: {"current": "w1", "keys": {"w1": key}} for topic in TOPICS}}))
    return path


def settings(key_file: Path, **told: float) -> NationSettings:
    """Settings with these shares."""
    return NationSettings.model_validate(
        {"kafka": "127.0.0.1:9", "keys": key_file, "data": key_file.parent / "nation", **told}
    )


def a_record(operation: Operation = Operation.NEW, **fields: str | None) -> NationalRecord:
    said = {"xm": "示例", "xbm": "2", "csrq": "20200315", "sfzjlxm": "1", "sfzjh": GIRL, "xxbsm": "2134000001"}
    said |= {"grbsm": f"G{GIRL}"}
    kept = {column: value for column, value in {**said, **fields}.items() if value is not None}
    return NationalRecord(
        operation=operation, effective_on=date(2026, 9, 20), province="34", stage=Stage.PRIMARY, entry_year=2026,
        class_number="2026101", content_hash="ab" * 32, fields=kept, family=(),
    )  # fmt: skip


def test_the_nation_opens_what_the_house_seals_and_the_other_way_round(key_file: Path) -> None:
    ours = WireKeys.read(key_file)
    sealed = ours.seal(TOPICS[0], UUID(STUDENT), 1, 3, b"body")
    assert Keys(key_file, TOPICS[0]).open(STUDENT, 1, 3, sealed) == b"body"
    answer = Keys(key_file, TOPICS[1]).seal(STUDENT, b"answer")
    assert ours.open(TOPICS[1], UUID(STUDENT), 0, 0, answer) == b"answer"


def test_a_body_that_was_moved_or_changed_is_not_opened(key_file: Path) -> None:
    keys = Keys(key_file, TOPICS[0])
    sealed = WireKeys.read(key_file).seal(TOPICS[0], UUID(STUDENT), 1, 3, b"body")
    other = STUDENT.replace("7000", "7001")
    for student, epoch, version, body in [
        (STUDENT, 1, 4, sealed), (STUDENT, 2, 3, sealed), (other, 1, 3, sealed),
        (STUDENT, 1, 3, sealed[:-2] + b"AA"), (STUDENT, 1, 3, b"<html>"), (STUDENT, 1, 3, b""),
    ]:  # fmt: skip
        with pytest.raises(Unreadable):
            keys.open(student, epoch, version, body)
    with pytest.raises(SealBroken):
        WireKeys.read(key_file).open(TOPICS[1], UUID(other), 0, 0, Keys(key_file, TOPICS[1]).seal(STUDENT, b"answer"))


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({}, ()),
        ({"xm": None}, (("xm", "不能为空"),)),
        ({"csrq": "2020-03-15"}, (("csrq", "格式应为YYYYMMDD"),)),
        ({"sfzjh": "999999202003150122"}, (("sfzjh", "身份证号校验不通过"),)),
        ({"sfzjlxm": "Z", "sfzjh": None}, ()),
    ],
)
def test_a_record_with_faults_is_named_by_column(
    fields: dict[str, str | None], found: tuple[tuple[str, str], ...]
) -> None:
    assert faults(a_record(Operation.NEW, **fields)) == found


def test_numbers_confirm_a_citizen_id_or_replace_a_temporary_one() -> None:
    assert number_for(a_record(), lambda _: True) == f"G{GIRL}"
    temporary = a_record(sfzjlxm="Z", sfzjh=None, grbsm="L340121202003150042")
    # 34012120200315002: the check character by ISO 7064 MOD 11-2 is 2.
    assert number_for(temporary, lambda _: True) == "J340121202003150022"
    assert number_for(temporary, lambda number: "202003150022" not in number) == "J340121202003150049"
    assert number_for(a_record(), lambda _: False) is None


def test_the_same_seed_judges_the_same_record_alike_whatever_the_order(key_file: Path) -> None:
    known = Known(is_duplicate=False, has_number=False)
    judge = Judge(settings(key_file, rejects=0.3, problems=0.3, silent=0.2))
    students = [f"01930000-0000-7000-8000-{n:012d}" for n in range(200)]
    first = {student: judge.judge(student, (1, 1), a_record(), known) for student in students}
    again = {student: judge.judge(student, (1, 1), a_record(), known) for student in reversed(students)}
    assert first == again
    rejected = sum(not one.taken for one in first.values())
    assert 40 < rejected < 80
    assert {one.problem is None for one in first.values()} == {True, False}
    assert {one.silent for one in first.values()} == {True, False}


def test_a_second_pupil_with_the_same_document_is_a_problem_and_gets_no_number(key_file: Path) -> None:
    judge = Judge(settings(key_file, rejects=0, problems=0))
    judged = judge.judge(STUDENT, (1, 1), a_record(), Known(is_duplicate=True, has_number=False))
    assert judged == Judgement(taken=True, problem=ProblemType.DUPLICATE_NUMBER)


def test_the_store_keeps_one_judgement_a_record_and_names_nobody(key_file: Path) -> None:
    keys = Keys(key_file, TOPICS[0])
    store = Store(key_file.parent / "nation")
    judged = Judgement(taken=True, issues_number=True)
    key, document = (STUDENT, 1, 1, "ab" * 32), keys.blind(f"1 {GIRL}")
    memory = store.recall([STUDENT], [document])
    memory.note(key, "new", judged, 1.0)
    memory.take(key, document, void=False)
    memory.issue(keys.blind(f"G{GIRL}"), STUDENT, keys.keep(f"G{GIRL}".encode()))
    store.keep(memory, [])
    again = store.recall([], [])
    again.note(key, "new", Judgement(taken=False), 2.0)
    store.keep(again, [])
    store.close()
    reopened = Store(key_file.parent / "nation")
    recalled = reopened.recall([STUDENT], [document])
    assert recalled.judged == {key: judged}
    assert recalled.holders == {document: {STUDENT}}
    assert not reopened.is_free(keys.blind(f"G{GIRL}"))
    assert reopened.counts()["taken"] == 1
    assert keys.kept(recalled.numbers[STUDENT]).decode() == f"G{GIRL}"
    reopened.close()
    assert all(GIRL.encode() not in file.read_bytes() for file in (key_file.parent / "nation").iterdir())
