"""Taking back what an import did."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select

from chassis.rows import among
from chassis.transaction import Tx
from contracts import topics
from contracts.record import StudentRecord
from contracts.values import StudentStatus
from registry.classes import queries as classes
from registry.organisation import queries as organisations
from registry.student import content
from registry.student.commands.advancing import Held, advance, lock, version_row
from registry.student.commands.entries import prepare
from registry.student.commands.keys import match_name
from registry.student.commands.planning import stand_in_line
from registry.student.domain import Change
from registry.student.models import ClaimRow, StudentRow, StudentVersionRow


async def take_back(tx: Tx, school_id: UUID, wanted: Mapping[UUID, int | None]) -> int:
    """How many pupils an undo took back: pupil → the version to go back to, None where the import created the pupil.

    Only drafts are: who was submitted once stays, returned or not. A created pupil is removed; an updated one gets the
    earlier content again, unless somebody has changed the record since. The class stays as it is. About fifteen
    statements, however many.
    """
    await stand_in_line(tx, school_id)
    held = await lock(tx, wanted)
    drafts = [each for each in held.values() if each.status is StudentStatus.DRAFT and each.school_id == school_id]
    created = [each for each in drafts if wanted[each.id] is None]
    updated = [each for each in drafts if wanted[each.id] == each.version - 1]
    if created:
        await advance(tx, {each.id: Change.REMOVED for each in created})
    restored = await _restore(tx, school_id, updated) if updated else 0
    if created or restored:
        objects = [("student", each.id) for each in (*created, *updated)]
        tx.note("student.undo", objects, organisation=school_id)
    return len(created) + restored


async def _restore(tx: Tx, school_id: UUID, updated: list[Held]) -> int:
    before = await _contents(tx, {each.id: each.version - 1 for each in updated})
    code = (await organisations.schools(tx, [school_id]))[school_id].code
    numbers = await classes.classes(tx, {each.class_id for each in updated if each.class_id})
    rows: list[dict[str, Any]] = []
    versions, claims = [], []
    for each in updated:
        record, reasons = before[each.id]
        then = prepare(tx.vault, record, reasons)
        version = each.version + 1
        after = Held(
            each.id, each.school_id, each.enrolment_id, each.status, version, version, then.digest, each.class_id
        )
        number = numbers[each.class_id].number if each.class_id else None
        rows.append(
            {
                "id": each.id,
                "version": version,
                "record_version": version,
                "changed_at": tx.now,
                **then.described(),
                "match_name": match_name(tx.vault, code, number, record.name),
            }
        )
        claims.append({"student_id": each.id, "person_index": then.who.person})
        versions.append(version_row(tx, after, Change.REVERTED, record_id=then.record_id, sealed=then.sealed))
    await tx.update(StudentRow, rows, key=["id"])
    await tx.update(ClaimRow, claims, key=["student_id"])
    await tx.insert(StudentVersionRow, versions)
    tx.touch(topics.STUDENT, [each.id for each in updated])
    return len(updated)


async def _contents(tx: Tx, versions: Mapping[UUID, int]) -> dict[UUID, tuple[StudentRecord, str | None]]:
    """What each pupil's record said in that version."""
    rows = await tx.rows(
        select(
            StudentVersionRow.student_id,
            StudentVersionRow.version,
            StudentVersionRow.record_id,
            StudentVersionRow.record_sealed,
        )
        .where(among(StudentVersionRow.student_id, versions), StudentVersionRow.record_id.is_not(None))
        .order_by(StudentVersionRow.version)
    )
    found: dict[UUID, tuple[StudentRecord, str | None]] = {}
    for row in rows:
        if row.version <= versions[row.student_id]:
            opened = content.unseal(tx.vault, row.record_sealed, row.record_id)
            found[row.student_id] = (opened.record, opened.reasons)
    return found
