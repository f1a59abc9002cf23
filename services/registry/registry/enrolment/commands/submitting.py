"""A school submits its new pupils to its authority. Source: art. 15."""

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chassis.transaction import Tx
from contracts.registry import RequestSubmitted
from contracts.values import RequestKind, WindowKind
from registry.calendar import queries as calendars
from registry.classes.queries import Class
from registry.enrolment import domain, queries
from registry.enrolment.commands.receipts import MOST, Receipt, Refused, Submitted, not_in, unknown
from registry.enrolment.domain import Colour, Frozen, FrozenEvidence, FrozenWarning, State, Verdict
from registry.enrolment.errors import TooMany
from registry.enrolment.models import SubmissionRow
from registry.organisation import queries as organisations
from registry.organisation.queries import School
from registry.student import commands as pupils
from registry.student import queries as students
from registry.student.commands import Held
from registry.student.domain import EDITABLE, Change, Problem, grade, grade_name
from registry.student.queries import Pupil
from registry.student.queries.evidence import evidence_of
from registry.student.queries.tallies import next_waiting


@dataclass(frozen=True, slots=True)
class _Sender:
    """Who submits, and to whom."""

    school: School
    authority_id: UUID | None
    school_year: int
    person_id: UUID
    account_id: UUID


async def submit(tx: Tx, school_id: UUID, ids: Collection[UUID]) -> Receipt:
    """Submit the pupils of the school who are ready, and say of each other one why not.

    At most 1,000 in a call; a few statements more or less, however many pupils. What is submitted is frozen with its
    own request id; the pupil can be changed again only when it comes back. Raises TooMany, WindowNotYetOpen,
    WindowClosed. Source: art. 12, art. 15.
    """
    if len(ids) > MOST:
        raise TooMany(MOST)
    wanted = list(dict.fromkeys(ids))
    sender = await _sender(tx, school_id)
    held = await pupils.lock(tx, wanted)
    refused = {
        each: unknown(each)
        if each not in held or held[each].school_id != school_id
        else not_in(each, held[each].status)
        for each in wanted
        if each not in held or held[each].school_id != school_id or held[each].status not in EDITABLE
    }
    found = await students.pupils(tx, [each for each in wanted if each not in refused])
    judged = await queries.judged(tx, found)
    refused |= {
        each: _not_ready(each, verdict)
        for each, verdict in judged.verdicts.items()
        if verdict.colour is not Colour.GREEN
    }
    ready = [found[each] for each in wanted if each not in refused]
    submitted = await _freeze(tx, sender, ready, judged, held) if ready else ()
    return Receipt(submitted, tuple(refused[each] for each in wanted if each in refused))


@dataclass(frozen=True, slots=True)
class Swept:
    """A part of a whole school, submitted."""

    receipt: Receipt
    after: UUID | None
    """The pupil after whom the next part begins; None when there is no more."""


async def sweep(tx: Tx, school_id: UUID, class_id: UUID | None, after: UUID | None) -> Swept:
    """Submit the next 1,000 pupils, by id, who wait at the school or in one of its classes. Raises like `submit`."""
    ids = await next_waiting(tx, school_id, class_id, after, MOST)
    receipt = await submit(tx, school_id, ids)
    return Swept(receipt, ids[-1] if len(ids) == MOST else None)


async def _sender(tx: Tx, school_id: UUID) -> _Sender:
    calendar = await calendars.calendar_of(tx, school_id)
    today = tx.now.date()
    calendar.require_open(WindowKind.ENTRY, today)
    assert tx.actor is not None
    school = (await organisations.schools(tx, [school_id]))[school_id]
    school.require_open(today)
    authority_id = (await organisations.authority_of(tx, [school_id], today))[school_id]
    return _Sender(school, authority_id, calendar.school_year, tx.actor.person_id, tx.actor.account_id)


def _not_ready(student_id: UUID, verdict: Verdict) -> Refused:
    if verdict.colour is Colour.RED:
        text = f"该生还有{len(verdict.problems)}项问题未改正。请按提示改正后再提交。"
        return Refused(student_id, "has-problems", text, verdict.problems)
    text = f"该生有{len(verdict.unexplained)}项提醒尚未说明原因。请填写原因后再提交。"
    return Refused(
        student_id,
        "reasons-missing",
        text,
        tuple(Problem(each.code, each.field, each.text) for each in verdict.unexplained),
    )


async def _freeze(
    tx: Tx, sender: _Sender, ready: Collection[Pupil], judged: queries.Judged, held: Mapping[UUID, Held]
) -> tuple[Submitted, ...]:
    ids = [each.id for each in ready]
    numbers = await queries.last_numbers(tx, ids)
    evidence = await evidence_of(tx, ids)
    rows: list[dict[str, Any]] = []
    for each in ready:
        assert each.class_id is not None
        verdict, seat = judged.verdicts[each.id], judged.classes[each.class_id]
        files = tuple(
            FrozenEvidence(id=file.id, kind=file.kind, sha256=file.sha256.hex()) for file in evidence.get(each.id, ())
        )
        rows.append(_row(tx, sender, each, _frozen(sender, each, seat, verdict, files), numbers.get(each.id, 0) + 1))
    await tx.insert(SubmissionRow, rows)
    await pupils.advance(tx, dict.fromkeys(ids, Change.SUBMITTED))
    for row, pupil in zip(rows, ready, strict=True):
        tx.say(row["request_id"], _submitted(sender, row, pupil))
    tx.note("enrolment.submit", [("student", each) for each in ids], organisation=sender.school.id)
    return tuple(Submitted(row["student_id"], row["request_id"], row["number"]) for row in rows)


def _frozen(sender: _Sender, pupil: Pupil, seat: Class, verdict: Verdict, files: tuple[FrozenEvidence, ...]) -> Frozen:
    schooling = sender.school.schooling
    return Frozen(
        school_id=pupil.school_id,
        school_code=sender.school.code,
        class_id=seat.id,
        class_number=seat.number,
        class_name=seat.name,
        stage=pupil.stage,
        entry_year=pupil.entry_year,
        grade_name=grade_name(grade(pupil.stage, pupil.entry_year, sender.school_year, schooling)),
        numbers=pupil.numbers,
        photo_hash=pupil.photo_hash,
        photo_year=pupil.photo_year,
        warnings=tuple(
            FrozenWarning(code=each.code, field=each.field, text=each.text, reason=each.reason)
            for each in verdict.warnings
        ),
        evidence=files,
        record=pupil.record,
    )


def _row(tx: Tx, sender: _Sender, pupil: Pupil, frozen: Frozen, number: int) -> dict[str, Any]:
    request_id, salt, packed = tx.new_id(), os.urandom(domain.SALT_BYTES), domain.packed(frozen)
    return {
        "request_id": request_id,
        "student_id": pupil.id,
        "enrolment_id": pupil.enrolment_id,
        "school_id": pupil.school_id,
        "authority_id": sender.authority_id,
        "number": number,
        "state": State.OPEN.value,
        "content_hash": domain.content_hash(packed, frozen.photo_hash, salt),
        "content_sealed": queries.sealed(tx, request_id, salt, packed),
        "warnings": list(dict.fromkeys(each.code for each in frozen.warnings if each.reason)),
        "submitted_by": sender.person_id,
        "account_id": sender.account_id,
        "submitted_at": tx.now,
    }


def _submitted(sender: _Sender, row: Mapping[str, Any], pupil: Pupil) -> RequestSubmitted:
    return RequestSubmitted(
        kind=RequestKind.ENROLMENT,
        student_id=pupil.id,
        enrolment_id=pupil.enrolment_id,
        school_id=pupil.school_id,
        class_id=pupil.class_id,
        stage=pupil.stage,
        authority_id=sender.authority_id,
        submission_number=row["number"],
        content_hash=row["content_hash"],
        submitted_by=sender.person_id,
        submitted_at=row["submitted_at"],
        school_year=sender.school_year,
        warnings=tuple(row["warnings"]),
    )
