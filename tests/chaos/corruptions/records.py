"""Corruptions of requests and pupils."""

from collections.abc import AsyncIterator

from contracts.values import check_digit
from registry.student import content
from registry.student.commands.keys import number_index
from tests.chaos.corruptions.places import A_DRAFT, APPROVED
from tests.chaos.planting import Garden, plant


@plant("I1")
async def approved_on_other_contents(garden: Garden) -> AsyncIterator[None]:
    statement = f"UPDATE decision SET content_hash = repeat('0', 64) WHERE case_id = ({APPROVED})"
    async with garden.changed("review", "decision", statement):
        yield


@plant("I1")
async def registered_and_never_approved(garden: Garden) -> AsyncIterator[None]:
    statement = "UPDATE submission SET state = 'approved' WHERE state = 'withdrawn'"
    async with garden.changed("registry", "submission", statement):
        yield


@plant("I1")
async def a_case_of_another_submission(garden: Garden) -> AsyncIterator[None]:
    statement = f"UPDATE review_case SET submission_number = submission_number + 1 WHERE id = ({APPROVED})"
    async with garden.changed("review", "review_case", statement):
        yield


@plant("I2", also=["I1"])
async def decided_twice(garden: Garden) -> AsyncIterator[None]:
    again = (
        "INSERT INTO decision SELECT case_id, step + 1, 'returned', true, content_hash, reasons, decided_by,"
        f" account_id, organisation_id, decided_at FROM decision WHERE case_id = ({APPROVED})"
    )
    async with garden.superuser("review") as connection:
        await connection.execute("DROP INDEX decision_final")
    try:
        async with garden.changed("review", "decision", again):
            yield
    finally:
        async with garden.superuser("review") as connection:
            await connection.execute("CREATE UNIQUE INDEX decision_final ON decision (case_id) WHERE final")


@plant("I3")
async def a_pupil_without_a_claim(garden: Garden) -> AsyncIterator[None]:
    statement = f"DELETE FROM identity_claim WHERE student_id = ({A_DRAFT})"
    async with garden.changed("registry", "identity_claim", statement):
        yield


@plant("I4", also=["I8"])
async def a_number_with_a_wrong_check_digit(garden: Garden) -> AsyncIterator[None]:
    vault = garden.world.registry.vault
    row = next(
        row
        for row in garden.world.registry["student_number"]
        if row.kind == "student" and row.status == "provisional" and garden.world.numbers[row.id].startswith("G")
        # Of a draft's number nothing was said yet.
        if row.student_id in garden.world.pupils
        if garden.world.pupils[row.student_id].row.status == "registered"
    )
    right = garden.world.numbers[row.id]
    wrong = right[:-1] + ("1" if right[-1] == "0" else "0")
    statement = "UPDATE student_number SET value_sealed = $2, value_index = $3 WHERE id = $1"
    values = (row.id, content.seal_number(vault, wrong, row.id), number_index(vault, wrong))
    async with garden.changed("registry", "student_number", statement, *values):
        yield


@plant("I5")
async def a_step_that_is_not_in_the_table(garden: Garden) -> AsyncIterator[None]:
    statement = (
        "UPDATE student_version SET change = 'reopened' WHERE (student_id, version) IN"
        " (SELECT student_id, version FROM student_version WHERE change = 'submitted' ORDER BY 1, 2 LIMIT 1)"
    )
    async with garden.changed("registry", "student_version", statement):
        yield


@plant("I6")
async def a_version_too_many(garden: Garden) -> AsyncIterator[None]:
    statement = f"UPDATE student SET version = version + 1 WHERE id = ({A_DRAFT})"
    async with garden.changed("registry", "student", statement):
        yield


@plant("I7")
async def a_seat_too_many(garden: Garden) -> AsyncIterator[None]:
    statement = "UPDATE class SET size = size + 1 WHERE id = (SELECT min(id::text)::uuid FROM class)"
    async with garden.changed("registry", "class", statement):
        yield


@plant("I8")
async def a_change_that_nobody_was_told_of(garden: Garden) -> AsyncIterator[None]:
    statement = "UPDATE class SET entry_year = entry_year + 1 WHERE id = (SELECT min(id::text)::uuid FROM class)"
    async with garden.changed("registry", "class", statement):
        yield


@plant("I8")
async def a_copy_that_is_another(garden: Garden) -> AsyncIterator[None]:
    statement = (
        "UPDATE account_copy SET version = version + 1 WHERE id = (SELECT min(id::text)::uuid FROM account_copy)"
    )
    async with garden.changed("review", "account_copy", statement):
        yield


@plant("I8")
async def another_number_than_sync_has_said(garden: Garden) -> AsyncIterator[None]:
    """A good one, under its own index."""
    vault = garden.world.registry.vault
    row = next(
        row for row in garden.world.registry["student_number"] if row.kind == "student" and row.status == "confirmed"
    )
    digits = garden.world.numbers[row.id][1:15] + "999"
    other = f"G{digits}{check_digit(digits)}"
    statement = "UPDATE student_number SET value_sealed = $2, value_index = $3 WHERE id = $1"
    values = (row.id, content.seal_number(vault, other, row.id), number_index(vault, other))
    async with garden.changed("registry", "student_number", statement, *values):
        yield


@plant("I9")
async def a_pupil_at_two_schools(garden: Garden) -> AsyncIterator[None]:
    statement = (
        "UPDATE enrolment SET school_id = (SELECT min(id::text)::uuid FROM organisation WHERE kind = 'school'"
        f" AND id <> enrolment.school_id) WHERE student_id = ({A_DRAFT})"
    )
    async with garden.changed("registry", "enrolment", statement):
        yield


@plant("I28", also=["I8", "I24"])
async def a_photo_due_from_who_is_gone(garden: Garden) -> AsyncIterator[None]:
    gone = next(row for row in garden.world.registry["student"] if row.status == "removed")
    statement = (
        "INSERT INTO requirement (enrolment_id, student_id, school_id, school_year, state, changed_at)"
        " VALUES ($1, $2, $3, 2026, 'required', now())"
    )
    values = (gone.enrolment_id, gone.id, gone.school_id)
    async with garden.changed("photo", "requirement", statement, *values):
        yield
