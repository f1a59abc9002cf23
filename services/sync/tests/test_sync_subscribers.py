"""What sync hears and what it says, through the very path of admission, on a real database."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from chassis.testing import Spoken, spoken
from chassis.transaction import Database
from contracts import topics
from contracts.event import Event
from contracts.national import Echo, NumberIssued, ProblemFound, RecordAccepted, RecordRejected, Rejection
from contracts.photo import PhotoChanged
from contracts.registry import ClassChanged, PupilNumber, StudentRecordChanged
from contracts.topics import Topic
from contracts.values import NumberKind, NumberStatus, PhotoState, ProblemType, Stage, StudentStatus
from tests.harness.plans import read_whole

Hear = Callable[..., Awaitable[list[str]]]
Told = Callable[[Topic], Awaitable[list[tuple[UUID, int, dict[str, Any] | None]]]]
ARecord = Callable[..., StudentRecordChanged]
Row = Callable[[UUID], Awaitable[Any]]
MOMENT = datetime(2026, 9, 21, 8, 0, tzinfo=UTC)
NUMBER = "J340121202003150022"


def registered(student: UUID, said: StudentRecordChanged | None, version: int = 1, **rest: Any) -> Spoken:
    return spoken(topics.STUDENT_RECORD, student, said, version=version, **rest)


def receipt(student: UUID, said: Event, **rest: Any) -> Spoken:
    return spoken(topics.RECEIPT, student, said, **rest)


async def echo_of(told: Told, student: UUID, version: int | None = None) -> Echo:
    """The echo of what the nation was told of a pupil, last or under a version."""
    said = await told(topics.NATIONAL_RECORD)
    at, body = [(at, body) for who, at, body in said if who == student and version in (None, at)][-1]
    assert body is not None
    return Echo(student_id=student, epoch=1, version=at, content_hash=body["content_hash"])


def accepted(echo: Echo) -> RecordAccepted:
    return RecordAccepted(echo=echo, answered_at=MOMENT)


def issued(echo: Echo, number: str = NUMBER) -> NumberIssued:
    return NumberIssued(echo=echo, answered_at=MOMENT, number=number)


async def test_a_registered_pupil_is_told_to_the_nation_and_waits_in_silence(
    hear: Hear, told: Told, a_record: ARecord, row_of: Row
) -> None:
    student = uuid4()
    assert await hear(registered(student, a_record())) == ["applied"]
    [(subject, version, body)] = await told(topics.NATIONAL_RECORD)
    assert body is not None
    assert (subject, version, body["operation"], body["effective_on"]) == (student, 1, "new", "2026-09-20")
    assert body["fields"]["xm"] == "示例学生𠮷"
    assert await told(topics.OUTCOME) == []
    assert (await row_of(student)).standing == "waiting"


async def test_the_record_twice_or_without_news_says_nothing_more(
    hear: Hear, told: Told, a_record: ARecord, database: Database
) -> None:
    student, said = uuid4(), a_record()
    body = database.wire.seal(topics.STUDENT_RECORD.name, student, 1, 1, said.model_dump_json().encode())
    once = registered(student, said, body=body)
    assert await hear(once, once) == ["applied", "seen"]
    assert await hear(once) == ["seen"]
    assert await hear(registered(student, said.model_copy(update={"class_name": "别名"}), 2)) == ["applied"]
    assert len(await told(topics.NATIONAL_RECORD)) == 1


async def test_a_changed_record_is_said_again_and_waits(hear: Hear, told: Told, a_record: ARecord) -> None:
    student, said = uuid4(), a_record()
    await hear(registered(student, said))
    await hear(receipt(student, accepted(await echo_of(told, student))))
    changed = said.model_copy(update={"class_number": "2026102"})
    await hear(registered(student, changed, 2, time=datetime(2026, 10, 3, 17, 0, tzinfo=UTC)))
    _, version, body = (await told(topics.NATIONAL_RECORD))[-1]
    assert body is not None
    # 17:00 UTC is the next day in China.
    assert (version, body["operation"], body["effective_on"]) == (2, "change", "2026-10-04")
    outcomes = [(at, said["standing"], said["accepted_version"]) for _, at, said in await told(topics.OUTCOME) if said]
    assert outcomes == [(1, "accepted", 1), (2, "waiting", 1)]


async def test_a_change_before_the_first_answer_is_still_new(hear: Hear, told: Told, a_record: ARecord) -> None:
    student, said = uuid4(), a_record()
    await hear(registered(student, said), registered(student, said.model_copy(update={"entry_year": 2025}), 2))
    bodies = [body for _, _, body in await told(topics.NATIONAL_RECORD)]
    assert [body["operation"] for body in bodies if body] == ["new"]  # the newest of a batch alone is heard
    await hear(registered(student, said.model_copy(update={"entry_year": 2024}), 3))
    assert [body["operation"] for _, _, body in await told(topics.NATIONAL_RECORD) if body] == ["new", "new"]


async def test_a_pupil_who_is_no_longer_registered_is_void_there_and_may_come_back(
    hear: Hear, told: Told, a_record: ARecord
) -> None:
    student, said = uuid4(), a_record()
    await hear(registered(student, said))
    await hear(receipt(student, accepted(await echo_of(told, student))))
    await hear(registered(student, said.model_copy(update={"status": StudentStatus.REMOVED}), 2))
    await hear(receipt(student, accepted(await echo_of(told, student))))
    await hear(registered(student, said, 3))
    assert [body["operation"] for _, _, body in await told(topics.NATIONAL_RECORD) if body] == ["new", "void", "new"]


async def test_a_pupil_the_nation_never_heard_of_is_not_voided(hear: Hear, told: Told, a_record: ARecord) -> None:
    assert await hear(registered(uuid4(), a_record(status=StudentStatus.REMOVED))) == ["applied"]
    assert await told(topics.NATIONAL_RECORD) == []


async def test_the_end_of_a_pupil_leaves_no_personal_data_and_later_answers_do_nothing(
    hear: Hear, told: Told, a_record: ARecord, row_of: Row
) -> None:
    student = uuid4()
    await hear(registered(student, a_record()))
    echo = await echo_of(told, student)
    await hear(receipt(student, issued(echo)))
    assert await hear(registered(student, None, 2)) == ["applied"]
    row = await row_of(student)
    assert (row.projection_sealed, row.answers_sealed, row.number_sealed, row.number_blind) == (None,) * 4
    assert (await told(topics.NATIONAL_RECORD))[-1] == (student, 2, None)
    assert (await told(topics.OUTCOME))[-1] == (student, 2, None)
    assert await hear(receipt(student, accepted(echo))) == ["applied"]
    assert len(await told(topics.OUTCOME)) == 2
    # A new record under the same id begins anew.
    await hear(registered(student, a_record(), 3))
    assert (await told(topics.NATIONAL_RECORD))[-1][1] == 3
    await hear(receipt(student, accepted(await echo_of(told, student))))
    assert (await row_of(student)).standing == "accepted"


def a_photo(student: UUID, state: PhotoState, sha256: str | None = None) -> PhotoChanged:
    return PhotoChanged(student_id=student, school_id=uuid4(), school_year=2026, state=state, sha256=sha256)


async def test_the_photo_travels_as_a_hash_whichever_comes_first(hear: Hear, told: Told, a_record: ARecord) -> None:
    early, late = uuid4(), uuid4()
    first, second = a_record(), a_record()
    await hear(spoken(topics.PHOTO, first.enrolment_id, a_photo(early, PhotoState.ACCEPTED, "ab" * 32)))
    await hear(registered(early, first), registered(late, second))
    await hear(spoken(topics.PHOTO, second.enrolment_id, a_photo(late, PhotoState.REQUIRED)))
    await hear(spoken(topics.PHOTO, second.enrolment_id, a_photo(late, PhotoState.ACCEPTED, "cd" * 32), version=2))
    said = {
        (student, version): body["fields"].get("zp")
        for student, version, body in await told(topics.NATIONAL_RECORD)
        if body
    }
    assert said == {(early, 1): "ab" * 32, (late, 1): None, (late, 2): "cd" * 32}


async def test_a_photo_that_is_no_longer_required_goes_from_the_record(
    hear: Hear, told: Told, a_record: ARecord
) -> None:
    student, said = uuid4(), a_record()
    await hear(spoken(topics.PHOTO, said.enrolment_id, a_photo(student, PhotoState.ACCEPTED, "ab" * 32)))
    await hear(registered(student, said))
    assert await hear(spoken(topics.PHOTO, said.enrolment_id, None, version=2)) == ["applied"]
    bodies = [body for _, _, body in await told(topics.NATIONAL_RECORD) if body]
    assert ["zp" in body["fields"] for body in bodies] == [True, False]


async def test_answers_become_the_standing_that_registry_hears(hear: Hear, told: Told, a_record: ARecord) -> None:
    students = {name: uuid4() for name in ("accepted", "rejected", "problem")}
    said = {name: a_record() for name in students}
    await hear(*(registered(student, said[name]) for name, student in students.items()))
    echo = {name: await echo_of(told, student) for name, student in students.items()}
    await hear(
        receipt(students["accepted"], accepted(echo["accepted"])),
        receipt(students["accepted"], issued(echo["accepted"])),
        receipt(
            students["rejected"],
            RecordRejected(
                echo=echo["rejected"], answered_at=MOMENT, rejections=(Rejection(field="jtzz", reason="不能为空"),)
            ),
        ),
        receipt(
            students["problem"],
            ProblemFound(
                echo=echo["problem"], answered_at=MOMENT, problem=ProblemType.NAME_MISMATCH, note="与人口库不一致"
            ),
        ),
    )
    outcomes = {subject: (version, body) for subject, version, body in await told(topics.OUTCOME)}
    common: dict[str, Any] = {"problems": [], "rejections": [], "number": None, "accepted_version": None}
    assert outcomes == {
        students["accepted"]: (
            1,
            common
            | {
                "standing": "accepted",
                "enrolment_id": str(said["accepted"].enrolment_id),
                "accepted_version": 1,
                "number": NUMBER,
            },
        ),
        students["rejected"]: (
            1,
            common
            | {
                "standing": "rejected",
                "enrolment_id": str(said["rejected"].enrolment_id),
                "rejections": ["家庭地址：不能为空"],
            },
        ),
        students["problem"]: (
            1,
            common
            | {
                "standing": "problem",
                "enrolment_id": str(said["problem"].enrolment_id),
                "accepted_version": 1,
                "problems": [{"problem": "name-mismatch", "found_at_version": 1, "note": "与人口库不一致"}],
            },
        ),
    }


async def test_repeats_and_late_answers_say_nothing_more(hear: Hear, told: Told, a_record: ARecord) -> None:
    student, said = uuid4(), a_record()
    await hear(registered(student, said))
    first = await echo_of(told, student)
    await hear(registered(student, said.model_copy(update={"class_number": "2026102"}), 2))
    second = await echo_of(told, student)
    once = receipt(student, accepted(second))
    assert await hear(once, once, receipt(student, accepted(second))) == ["applied", "seen", "applied"]
    late = RecordRejected(echo=first, answered_at=MOMENT, rejections=())
    await hear(receipt(student, accepted(first)), receipt(student, late))
    assert [(version, body["accepted_version"]) for _, version, body in await told(topics.OUTCOME) if body] == [(1, 2)]


async def test_a_number_that_came_back_from_the_nation_is_not_sent_to_it_again(
    hear: Hear, told: Told, a_record: ARecord
) -> None:
    student, said = uuid4(), a_record()
    await hear(registered(student, said))
    await hear(receipt(student, issued(await echo_of(told, student))))
    numbers = (
        PupilNumber(kind=NumberKind.STUDENT, value=NUMBER, status=NumberStatus.CONFIRMED),
        *said.numbers[1:],
    )
    await hear(registered(student, said.model_copy(update={"numbers": numbers}), 2))
    assert len(await told(topics.NATIONAL_RECORD)) == 1
    changed = said.model_copy(update={"numbers": numbers, "class_number": "2026102"})
    await hear(registered(student, changed, 3))
    assert (await told(topics.NATIONAL_RECORD))[-1][2]["fields"]["grbsm"] == NUMBER  # type: ignore[index]  # it has a body


async def conflicts(database: Database) -> set[tuple[UUID, int, str, str]]:
    async with database.snapshot() as tx:
        rows = await tx.rows(text("SELECT student_id, version, code, heard FROM conflict"))
    assert len(rows) == len(set(rows))
    return {(row.student_id, row.version, row.code, row.heard) for row in rows}


async def test_contradictions_are_kept_for_a_person_and_change_nothing(
    hear: Hear, told: Told, a_record: ARecord, database: Database, row_of: Row
) -> None:
    student, other = uuid4(), uuid4()
    await hear(registered(student, a_record()), registered(other, a_record()))
    echo, others = await echo_of(told, student), await echo_of(told, other)
    await hear(receipt(student, issued(echo)))
    before = await row_of(student)
    contradicting = RecordRejected(echo=echo, answered_at=MOMENT, rejections=(Rejection(field="xm", reason="错"),))
    assert (
        await hear(
            receipt(student, contradicting),
            receipt(student, contradicting),
            receipt(student, issued(echo, "J340121202003150049")),
            receipt(other, issued(others)),
        )
        == ["applied"] * 4
    )
    assert await conflicts(database) == {
        (student, 1, "contradicts-final-answer", "RecordRejected"),
        (student, 1, "second-number", "NumberIssued"),
        (other, 1, "number-of-another-pupil", "NumberIssued"),
    }
    assert await row_of(student) == before
    assert (await row_of(other)).number_sealed is None
    assert len(await told(topics.OUTCOME)) == 1


async def test_two_pupils_with_one_number_in_one_batch_do_not_both_get_it(
    hear: Hear, told: Told, a_record: ARecord, database: Database
) -> None:
    one, two = sorted([uuid4(), uuid4()])
    await hear(registered(one, a_record()), registered(two, a_record()))
    answers = [receipt(student, issued(await echo_of(told, student))) for student in (one, two)]
    assert await hear(*answers) == ["applied", "applied"]
    assert [(who, code) for who, _, code, _ in await conflicts(database)] == [(two, "number-of-another-pupil")]


async def test_what_answers_nothing_we_said_is_parked_and_the_rest_goes_on(
    hear: Hear, told: Told, a_record: ARecord, database: Database
) -> None:
    student, stranger = uuid4(), uuid4()
    await hear(registered(student, a_record()))
    echo = await echo_of(told, student)
    wrong = {
        "version": echo.model_copy(update={"version": 2}),
        "hash": echo.model_copy(update={"content_hash": "00" * 32}),
        "epoch": echo.model_copy(update={"epoch": 2}),
    }
    strangers = echo.model_copy(update={"student_id": stranger})
    good = [uuid4() for _ in range(600)]
    await hear(*(registered(each, a_record()) for each in good))
    answers = [receipt(each, accepted(await _echo(database, each))) for each in good[:20]]
    became = await hear(
        *answers[:10],
        *(receipt(student, accepted(each)) for each in wrong.values()),
        receipt(stranger, accepted(strangers)),
        receipt(stranger, accepted(echo)),
        receipt(student, accepted(echo), body=b"<html>502 Bad Gateway</html>"),
        receipt(student, accepted(echo)),
        *answers[10:],
    )
    assert became == ["applied"] * 10 + ["parked"] * 6 + ["applied"] * 11
    async with database.snapshot() as tx:
        reasons = await tx.rows(text("SELECT reason FROM parked ORDER BY parked_at, id"))
    assert sorted(row.reason for row in reasons) == sorted(
        ["receipt-for-unknown-version"] * 3 + ["receipt-for-unknown-pupil", "receipt-for-another-pupil", "seal-broken"]
    )


async def _echo(database: Database, student: UUID) -> Echo:
    async with database.snapshot() as tx:
        content = await tx.scalar(
            text("SELECT content_hash FROM national_pupil WHERE student_id = :id"), {"id": student}
        )
    return Echo(student_id=student, epoch=1, version=1, content_hash=content)


async def test_five_hundred_pupils_cost_as_many_statements_as_a_hundred(
    hear: Hear,
    a_record: ARecord,
    database: Database,
    statements: Callable[[], AbstractContextManager[list[str]]],
) -> None:
    counted: dict[str, set[int]] = {"project": set(), "photo": set(), "answer": set()}
    ran: list[str] = []

    async def count(what: str, *events: Spoken) -> None:
        with statements() as seen:
            await hear(*events, batch=1000)
        counted[what].add(len(seen))
        ran.extend(seen)

    for size in (100, 500):
        students = {uuid4(): a_record() for _ in range(size)}
        await count("project", *(registered(student, said) for student, said in students.items()))
        photos = [(said.enrolment_id, a_photo(who, PhotoState.ACCEPTED, "ab" * 32)) for who, said in students.items()]
        await count("photo", *(spoken(topics.PHOTO, enrolment, photo) for enrolment, photo in photos))
        async with database.snapshot() as tx:
            rows = await tx.rows(text("SELECT student_id, content_hash FROM national_pupil"))
        answers = []
        for n, row in enumerate(row for row in rows if row.student_id in students):
            echo = Echo(student_id=row.student_id, epoch=1, version=2, content_hash=row.content_hash)
            answers += [receipt(row.student_id, accepted(echo)), receipt(row.student_id, issued(echo, f"G{size}-{n}"))]
        await count("answer", *answers)
    assert {name: len(counts) for name, counts in counted.items()} == {"project": 1, "photo": 1, "answer": 1}
    assert max(counted["project"] | counted["photo"] | counted["answer"]) <= 12
    assert await read_whole(database, ran, {"national_pupil", "enrolment_photo", "conflict"}) == []


async def test_a_class_is_copied_and_forgotten(hear: Hear, database: Database, places: Mapping[str, UUID]) -> None:
    class_id = uuid4()
    said = ClassChanged(
        school_id=places["school"], campus_id=None, number="2026101", name="一年级(1)班", stage=Stage.PRIMARY,
        entry_year=2026, class_type="10",
    )  # fmt: skip
    await hear(spoken(topics.CLASS, class_id, said))
    await hear(spoken(topics.CLASS, class_id, None, version=2))
    async with database.snapshot() as tx:
        assert await tx.scalar(text("SELECT count(*) FROM class_copy")) == 0


@pytest.mark.parametrize("column", ["projection_sealed", "answers_sealed", "number_sealed"])
async def test_nothing_personal_stands_in_the_clear(
    column: str, hear: Hear, told: Told, a_record: ARecord, row_of: Row
) -> None:
    student = uuid4()
    await hear(registered(student, a_record()))
    echo = await echo_of(told, student)
    problem = ProblemFound(echo=echo, answered_at=MOMENT, problem=ProblemType.NAME_MISMATCH, note="示例学生𠮷")
    await hear(receipt(student, issued(echo)), receipt(student, problem))
    row = await row_of(student)
    sealed = bytes(getattr(row, column))
    assert all(text.encode() not in sealed for text in ("示例学生", "999999202003150121", NUMBER))
    others = str([value for name, value in row._mapping.items() if name != column])
    assert "示例" not in others
    assert "99999920200315" not in others
