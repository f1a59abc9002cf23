from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from chassis.consuming import Received
from chassis.testing import deliver
from chassis.testing import spoken as said
from chassis.transaction import Database
from contracts import topics
from contracts.review import RequestApproved, RequestRejected, RequestReturned, RequestWithdrawn, StepDecided
from contracts.sync import NationalStandingChanged, OpenProblem, Standing
from contracts.values import NumberKind, NumberStatus, PhotoState, ProblemType, StudentStatus
from registry.enrolment import commands, queries
from registry.enrolment.domain import State
from registry.main import subscribers
from registry.student import commands as student_commands
from registry.student.commands import Entry
from tests.harness.people import a_record
from tests.harness.pupils import DECIDED, Pupils, decision, photo_of


@pytest.fixture
async def pupils(database: Database, tree: Any, a_class: Any) -> Pupils:
    return await Pupils.of(database, tree, a_class)


async def versions(database: Database, student_id: UUID) -> list[tuple[int, str, str]]:
    async with database.snapshot() as tx:
        rows = await tx.rows(
            text("SELECT version, change, status FROM student_version WHERE student_id = :id ORDER BY version"),
            {"id": student_id},
        )
    return [tuple(row) for row in rows]


async def test_an_approved_pupil_is_registered_and_the_record_is_said(
    pupils: Pupils, database: Database, spoken: Any, tree: Any
) -> None:
    (submission,) = await pupils.submitted()
    assert await spoken(topics.STUDENT_RECORD) == []
    assert await deliver(database, subscribers, [decision(RequestApproved, submission)]) == ["applied"]
    pupil = await pupils.pupil(submission.student_id)
    async with database.snapshot() as tx:
        assert (pupil.status, pupil.registered_on) == (StudentStatus.REGISTERED, tx.now.date())
    (after,) = await pupils.submissions([submission.request_id])
    assert (after.state, after.decided_at, after.reasons) == (State.APPROVED, DECIDED, ())
    assert await versions(database, pupil.id) == [
        (1, "drafted", "draft"),
        (2, "submitted", "submitted"),
        (3, "registered", "registered"),
    ]
    async with database.snapshot() as tx:
        rows = await tx.rows(
            text("SELECT topic, version, body FROM outbox WHERE subject = :id ORDER BY id"), {"id": pupil.id}
        )
        record = next(row for row in rows if row.topic == topics.STUDENT_RECORD.name)
        opened = database.wire.open(record.topic, pupil.id, 1, record.version, bytes(record.body))
        assert b'"status":"registered"' in opened
        audit = await tx.row(text("SELECT actions, objects FROM audit ORDER BY at DESC, seq DESC LIMIT 1"))
    assert [row.version for row in rows if row.topic == topics.STUDENT.name] == [1, 2, 3]
    assert audit is not None
    assert (audit.actions, audit.objects) == (["enrolment.approved"], [pupil.id])


async def test_a_returned_pupil_is_corrected_and_submitted_as_a_new_request(
    pupils: Pupils, database: Database, tree: Any, spoken: Any
) -> None:
    (first,) = await pupils.submitted()
    await deliver(database, subscribers, [decision(RequestReturned, first)])
    assert await pupils.status(first.student_id) is StudentStatus.RETURNED
    async with database.snapshot() as tx:
        (line,) = (await queries.listing(tx, tree.school, None, None, 0, 10)).lines
    assert line.returned == ({"code": "incomplete", "field": "address", "text": "住址缺门牌号"},)
    async with database.transaction(tree.registrar) as tx:
        corrected = Entry(1, a_record(0, address="长丰县水湖镇幸福村12号"), "2026101", grade=1)
        (done,) = await student_commands.draft(tx, tree.school, [corrected])
    assert done.student_id == first.student_id
    (again,) = (await pupils.submit([first.student_id])).submitted
    assert again.submission_number == 2
    assert again.request_id != first.request_id
    (second,) = await pupils.submissions([again.request_id])
    assert second.content_hash != first.content_hash
    assert second.is_changed
    assert second.before == first.frozen
    (kept,) = await pupils.submissions([first.request_id])
    assert (kept.state, kept.frozen) == (State.RETURNED, first.frozen)
    await deliver(database, subscribers, [decision(RequestApproved, second)])
    assert await pupils.status(first.student_id) is StudentStatus.REGISTERED
    assert [subject for subject, _ in await spoken(topics.REQUEST)] == [first.request_id, second.request_id]


async def test_the_same_contents_again_have_another_hash(pupils: Pupils, database: Database) -> None:
    (first,) = await pupils.submitted()
    await deliver(database, subscribers, [decision(RequestReturned, first)])
    await pupils.submit([first.student_id])
    second = await pupils.last_submission(first.student_id)
    assert (second.frozen, second.is_changed) == (first.frozen, False)
    assert second.content_hash != first.content_hash


async def test_a_rejected_pupil_ends_and_frees_seat_and_identity(pupils: Pupils, database: Database) -> None:
    (submission,) = await pupils.submitted()
    await deliver(database, subscribers, [decision(RequestRejected, submission)])
    assert await pupils.status(submission.student_id) is StudentStatus.REJECTED
    (after,) = await pupils.submissions([submission.request_id])
    assert [each["code"] for each in after.reasons] == ["incomplete"]
    async with database.snapshot() as tx:
        assert await tx.scalar(text("SELECT count(*) FROM identity_claim")) == 0
        assert await tx.scalar(text("SELECT sum(size) FROM class")) == 0
    (receipt,) = (await pupils.submit([submission.student_id])).refused
    assert receipt.code == "wrong-status"


async def test_a_withdrawn_pupil_can_be_changed_again(pupils: Pupils, database: Database, tree: Any) -> None:
    (submission,) = await pupils.submitted()
    async with database.transaction(tree.registrar) as tx:
        await commands.ask_withdrawal(tx, tree.school, [submission.student_id])
    await deliver(database, subscribers, [decision(RequestWithdrawn, submission)])
    assert await pupils.status(submission.student_id) is StudentStatus.RETURNED
    (after,) = await pupils.submissions([submission.request_id])
    assert (after.state, after.decided_at) == (State.WITHDRAWN, DECIDED)
    async with database.snapshot() as tx:
        (line,) = (await queries.listing(tx, tree.school, None, None, 0, 10)).lines
        assert line.returned is None
        assert (await queries.desk(tx, tree.registrar))["withdrawals_asked"] == 0
    assert len((await pupils.submit([submission.student_id])).submitted) == 1


async def test_a_decision_that_was_faster_than_the_withdrawal_stands(
    pupils: Pupils, database: Database, tree: Any
) -> None:
    (submission,) = await pupils.submitted()
    async with database.transaction(tree.registrar) as tx:
        await commands.ask_withdrawal(tx, tree.school, [submission.student_id])
    await deliver(database, subscribers, [decision(RequestApproved, submission)])
    assert await pupils.status(submission.student_id) is StudentStatus.REGISTERED


async def test_delivered_twice_acts_once(pupils: Pupils, database: Database) -> None:
    (submission,) = await pupils.submitted()
    approved = decision(RequestApproved, submission)
    assert await deliver(database, subscribers, [approved, approved]) == ["applied", "seen"]
    assert await deliver(database, subscribers, [approved]) == ["seen"]
    assert len(await versions(database, submission.student_id)) == 3


async def test_review_that_was_restored_may_say_the_same_decision_again(pupils: Pupils, database: Database) -> None:
    (submission,) = await pupils.submitted()
    first, again = decision(RequestApproved, submission), decision(RequestApproved, submission, epoch=2)
    assert await deliver(database, subscribers, [first]) == ["applied"]
    assert await deliver(database, subscribers, [again]) == ["applied"]
    assert len(await versions(database, submission.student_id)) == 3


async def test_out_of_order_waits_for_what_comes_before(pupils: Pupils, database: Database) -> None:
    (submission,) = await pupils.submitted()
    step, approved = decision(StepDecided, submission), decision(RequestApproved, submission, version=2)
    assert await deliver(database, subscribers, [approved]) == ["waiting"]
    assert await pupils.status(submission.student_id) is StudentStatus.SUBMITTED
    assert await deliver(database, subscribers, [step]) == ["applied"]
    assert await pupils.status(submission.student_id) is StudentStatus.REGISTERED


@pytest.mark.parametrize("kind", [RequestApproved, RequestReturned, RequestRejected, RequestWithdrawn])
async def test_a_decision_on_other_contents_reopens_the_pupil_and_says_why(
    pupils: Pupils, database: Database, tree: Any, kind: type
) -> None:
    (submission,) = await pupils.submitted()
    wrong = decision(kind, submission, content_hash="0" * 64)
    assert await deliver(database, subscribers, [wrong]) == ["applied"]
    assert await pupils.status(submission.student_id) is StudentStatus.RETURNED
    (after,) = await pupils.submissions([submission.request_id])
    assert after.state is State.CONFLICT
    assert after.reasons[0]["code"] == "content-conflict"
    async with database.snapshot() as tx:
        assert (await queries.desk(tx, tree.officer))["submission_conflicts"] == 1
        (line,) = (await queries.listing(tx, tree.school, None, None, 0, 10)).lines
        assert line.returned is not None
        assert line.returned[0]["text"].startswith("主管单位的审核结论与本校提交的内容不一致")
    await pupils.submit([submission.student_id])
    async with database.snapshot() as tx:
        assert (await queries.desk(tx, tree.officer))["submission_conflicts"] == 0


async def test_what_nobody_can_act_on_is_parked_and_the_others_go_on(pupils: Pupils, database: Database) -> None:
    known, decided = await pupils.submitted(2)
    await deliver(database, subscribers, [decision(RequestReturned, decided)])
    (stranger,) = await pupils.submitted(1, start=9)
    events = [
        said(topics.DECISION, uuid4(), decision(RequestApproved, stranger).event),
        decision(RequestApproved, known),
        decision(RequestApproved, decided, version=2),
    ]
    assert await deliver(database, subscribers, events) == ["parked", "applied", "parked"]
    assert await pupils.status(known.student_id) is StudentStatus.REGISTERED
    assert await pupils.status(decided.student_id) is StudentStatus.RETURNED
    async with database.snapshot() as tx:
        reasons = await tx.rows(text("SELECT reason FROM parked ORDER BY reason"))
    assert len(reasons) == 2


async def test_a_batch_of_decisions_takes_the_same_statements_as_one(
    pupils: Pupils, database: Database, statements: Any
) -> None:
    found = await pupils.submitted(12)
    counts = []
    for part in (found[:2], found[2:]):
        received: list[Received[Any]] = [
            Received(each.request_id, decision(RequestApproved, each).event, uuid4(), 1, 1, DECIDED, None, None)
            for each in part
        ]
        async with database.transaction() as tx:
            with statements(tx) as count:
                await commands.apply_decisions(tx, received)
            counts.append(len(count))
    assert counts[0] == counts[1] <= 7


async def test_photos_are_noted_and_taken_back(pupils: Pupils, database: Database) -> None:
    (pupil,) = await pupils.draft(photo=False)
    now = await pupils.pupil(pupil)
    photo = said(topics.PHOTO, now.enrolment_id, photo_of(now))
    refused = said(topics.PHOTO, now.enrolment_id, photo_of(now, state=PhotoState.REFUSED, sha256=None), version=2)
    assert await deliver(database, subscribers, [photo, photo]) == ["applied", "seen"]
    assert (await pupils.pupil(pupil)).photo_hash == "ab" * 32
    assert await deliver(database, subscribers, [refused]) == ["applied"]
    assert (await pupils.pupil(pupil)).photo_state is PhotoState.REFUSED
    assert await deliver(database, subscribers, [photo]) == ["seen"]
    assert await deliver(database, subscribers, [said(topics.PHOTO, now.enrolment_id, None, version=3)]) == ["applied"]
    assert (await pupils.pupil(pupil)).photo_state is None


async def test_a_photo_after_registration_disturbs_nothing(pupils: Pupils, database: Database) -> None:
    (submission,) = await pupils.submitted()
    await deliver(database, subscribers, [decision(RequestApproved, submission)])
    pupil = await pupils.pupil(submission.student_id)
    await deliver(database, subscribers, [said(topics.PHOTO, pupil.enrolment_id, photo_of(pupil, sha256="cd" * 32))])
    after = await pupils.pupil(submission.student_id)
    assert (after.photo_hash, after.version, after.status) == ("cd" * 32, pupil.version, StudentStatus.REGISTERED)


async def test_the_nations_answer_shows_on_the_pupil(pupils: Pupils, database: Database) -> None:
    (submission,) = await pupils.submitted()
    await deliver(database, subscribers, [decision(RequestApproved, submission)])
    pupil = await pupils.pupil(submission.student_id)
    accepted = NationalStandingChanged(
        standing=Standing.ACCEPTED, enrolment_id=pupil.enrolment_id, accepted_version=1, number="G999999202609010018"
    )
    problem = NationalStandingChanged(
        standing=Standing.PROBLEM,
        enrolment_id=pupil.enrolment_id,
        accepted_version=1,
        number="G999999202609010018",
        problems=(OpenProblem(problem=ProblemType.NAME_MISMATCH, found_at_version=1, note="姓名与公安库不一致"),),
    )
    assert await deliver(database, subscribers, [said(topics.OUTCOME, pupil.id, accepted)]) == ["applied"]
    after = await pupils.pupil(pupil.id)
    number = after.number(NumberKind.STUDENT)
    assert number is not None
    assert (after.standing, number.value, number.status) == (
        Standing.ACCEPTED,
        "G999999202609010018",
        NumberStatus.CONFIRMED,
    )
    assert await deliver(database, subscribers, [said(topics.OUTCOME, pupil.id, problem, version=2)]) == ["applied"]
    after = await pupils.pupil(pupil.id)
    assert (after.standing, after.problem_count) == (Standing.PROBLEM, 1)
    assert after.problems[0].note == "姓名与公安库不一致"
    assert [change for _, change, _ in await versions(database, pupil.id)] == [
        "drafted", "submitted", "registered", "renumbered",
    ]  # fmt: skip
