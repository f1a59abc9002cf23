"""Which photos are expected after what registry says, on a real database."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from chassis.testing import Spoken, spoken
from chassis.transaction import Database
from contracts import topics
from contracts.registry import StudentChanged
from contracts.values import StudentStatus
from tests.harness.plans import read_whole

Hear = Callable[..., Awaitable[list[str]]]
Told = Callable[[], Awaitable[list[tuple[UUID, int, dict[str, Any] | None]]]]
APupil = Callable[..., StudentChanged]


def said(student: UUID, pupil: StudentChanged | None, version: int = 1) -> Spoken:
    return spoken(topics.STUDENT, student, pupil, version=version)


async def test_a_first_grader_is_expected_to_have_a_photo_and_others_are_not(
    hear: Hear, told: Told, a_pupil: APupil, places: Mapping[str, UUID]
) -> None:
    first, second, removed = uuid4(), uuid4(), uuid4()
    pupil = a_pupil()
    assert await hear(
        said(first, pupil),
        said(second, a_pupil(first_grade=False)),
        said(removed, a_pupil(status=StudentStatus.REMOVED)),
    ) == ["applied"] * 3  # fmt: skip
    assert await told() == [
        (
            pupil.enrolment_id,
            1,
            {
                "student_id": str(first),
                "school_id": str(places["school"]),
                "school_year": 2026,
                "state": "required",
                "sha256": None,
                "reason": None,
            },
        )
    ]


async def test_heard_twice_or_without_news_nothing_more_is_said(hear: Hear, told: Told, a_pupil: APupil) -> None:
    student, pupil = uuid4(), a_pupil()
    once = said(student, pupil)
    assert await hear(once, once) == ["applied", "seen"]
    assert await hear(said(student, pupil.model_copy(update={"class_id": uuid4()}), 2)) == ["applied"]
    assert len(await told()) == 1


async def test_a_pupil_who_moves_takes_the_requirement_along(
    hear: Hear, told: Told, a_pupil: APupil, places: Mapping[str, UUID]
) -> None:
    student, pupil = uuid4(), a_pupil()
    await hear(said(student, pupil), said(student, pupil.model_copy(update={"school_id": places["other_school"]}), 2))
    await hear(said(student, pupil.model_copy(update={"school_id": places["campus"]}), 3))
    assert [body["school_id"] for _, _, body in await told() if body] == [
        str(places["other_school"]),
        str(places["campus"]),
    ]


async def test_what_is_not_due_any_more_ends(hear: Hear, told: Told, a_pupil: APupil, database: Database) -> None:
    removed, ended = uuid4(), uuid4()
    one, other = a_pupil(), a_pupil()
    await hear(said(removed, one), said(ended, other))
    assert await hear(
        said(removed, one.model_copy(update={"status": StudentStatus.REMOVED}), 2), said(ended, None, 2)
    ) == ["applied", "applied"]
    last = {subject: body for subject, _, body in await told()}
    assert last == {one.enrolment_id: None, other.enrolment_id: None}
    async with database.snapshot() as tx:
        assert await tx.scalar(text("SELECT count(*) FROM pupil")) == 1
        assert await tx.scalar(text("SELECT count(*) FROM requirement")) == 0


async def test_five_hundred_pupils_cost_as_many_statements_as_one(
    hear: Hear, a_pupil: APupil, database: Database, statements: Callable[[], AbstractContextManager[list[str]]]
) -> None:
    counts = set()
    for size in (1, 500):
        with statements() as seen:
            await hear(*(said(uuid4(), a_pupil()) for _ in range(size)))
        counts.add(len(seen))
        assert await read_whole(database, seen, {"pupil", "requirement", "photo"}) == []
    assert len(counts) == 1
    assert max(counts) <= 8
