"""Frozen submissions over HTTP: what a reviewer decides on. Source: art. 15."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field

from chassis.http import allow, resource
from chassis.sealing import Vault
from chassis.transaction import Tx
from contracts.refusal import NotFound
from contracts.values import STATUS_NAMES, NumberKind, NumberStatus, Role
from registry.account import queries as accounts
from registry.enrolment import commands, domain, queries
from registry.enrolment.api.asking import Db, Who
from registry.enrolment.api.pre_review import ReturnReason
from registry.enrolment.domain import State
from registry.enrolment.queries import Submission
from registry.organisation import queries as organisations
from registry.student.api.proving import Kept, attachment
from registry.student.domain import masked_name, masked_number
from registry.student.domain.wording import names, texts
from registry.student.queries.evidence import evidence

router = APIRouter(prefix="/v1/requests", tags=["requests"])
READERS = (Role.REGISTRAR, Role.OFFICER, Role.PROVINCE_ADMIN)
Safe = Annotated[Vault, Depends(resource(Vault))]


class School(BaseModel):
    """The school that asks."""

    id: UUID
    name: str
    code: str


class Number(BaseModel):
    """A number that the pupil had when the request was frozen."""

    kind: NumberKind
    value: str
    status: NumberStatus


class Warned(BaseModel):
    """A warning and the school's reason; without one where none was asked for."""

    code: str
    field: str
    text: str
    reason: str | None


class File(BaseModel):
    """A file that proves an item."""

    id: UUID
    name: str
    kind: str
    content_type: str


class Changed(BaseModel):
    """An item that differs from the submission before; empty where there is nothing."""

    field: str
    before: str
    after: str


class Likeness(BaseModel):
    """Another pupil who may be the same child; without id and school where the asker may not see them."""

    student_id: UUID | None
    school_name: str | None
    status_name: str


class Request(BaseModel):
    """A frozen submission, unmasked."""

    request_id: UUID
    student_id: UUID
    school: School
    class_name: str
    class_number: str
    grade_name: str
    entry_year: int
    submission_number: int
    submitted_at: datetime
    submitted_by: str
    state: State
    state_name: str
    withdrawal_asked_at: datetime | None
    reasons: list[ReturnReason]
    content_hash: str
    photo_hash: str | None
    record: dict[str, str]
    names: dict[str, str]
    numbers: list[Number]
    warnings: list[Warned]
    evidence: list[File]
    changes: list[Changed]
    duplicates: list[Likeness]


class Ids(BaseModel):
    """The requests that a page shows."""

    model_config = ConfigDict(extra="forbid")

    ids: list[UUID] = Field(max_length=200)


class Glance(BaseModel):
    """A request as a list shows it, masked."""

    request_id: UUID
    student_id: UUID
    name: str
    sex: str
    class_name: str
    school_id: UUID
    school_name: str
    document: str
    submission_number: int
    warnings: int
    changed: bool
    """Whether something differs from the submission before."""


@router.get("/{request_id}", dependencies=[allow(*READERS)])
async def look(request_id: UUID, db: Db, actor: Who, vault: Safe) -> Request:
    """What the school submitted, in full; the read is noted."""
    async with db.transaction(actor) as tx:
        found = await commands.read(tx, actor, request_id)
        files = await _files(tx, found)
        place = (await organisations.places(tx, [found.school_id]))[found.school_id]
        by = (await accounts.names_of(tx, vault, [found.account_id])).get(found.account_id, "")
        alike = await queries.likenesses(tx, actor, found.student_id)
    frozen = found.frozen
    return Request(
        request_id=found.request_id,
        student_id=found.student_id,
        school=School(id=found.school_id, name=place.name, code=frozen.school_code),
        class_name=frozen.class_name,
        class_number=frozen.class_number,
        grade_name=frozen.grade_name,
        entry_year=frozen.entry_year,
        submission_number=found.number,
        submitted_at=found.submitted_at,
        submitted_by=by,
        state=found.state,
        state_name=domain.STATE_NAMES[found.state],
        withdrawal_asked_at=found.withdrawal_asked_at,
        reasons=[ReturnReason.model_validate(each) for each in found.reasons],
        content_hash=found.content_hash,
        photo_hash=frozen.photo_hash,
        record=texts(frozen.record),
        names=names(frozen.record),
        numbers=[Number(kind=each.kind, value=each.value, status=each.status) for each in frozen.numbers],
        warnings=[
            Warned(code=each.code, field=each.field, text=each.text, reason=each.reason) for each in frozen.warnings
        ],
        evidence=files,
        changes=_changes(found),
        duplicates=[
            Likeness(student_id=each.student_id, school_name=each.school_name, status_name=STATUS_NAMES[each.status])
            for each in alike
        ],
    )


@router.get("/{request_id}/evidence/{evidence_id}", dependencies=[allow(*READERS)], response_class=Response)
async def proof(request_id: UUID, evidence_id: UUID, db: Db, actor: Who, files: Kept) -> Response:
    """A file that was submitted, for whoever may see the request; the read is audited."""
    async with db.transaction(actor) as tx:
        found = await queries.request(tx, actor, request_id)
        asked = [each.id for each in found.frozen.evidence if each.id == evidence_id]
        kept = (await evidence(tx, asked)).get(evidence_id)
        if kept is None:
            raise NotFound("佐证材料")
        objects = [("request", request_id), ("student", found.student_id), ("evidence", evidence_id)]
        tx.note("evidence.read", objects, organisation=found.school_id)
        content = await files.take(evidence_id)
    return attachment(kept, content)


async def _files(tx: Tx, found: Submission) -> list[File]:
    kept = await evidence(tx, [each.id for each in found.frozen.evidence])
    return [
        File(id=each.id, name=kept[each.id].name, kind=each.kind, content_type=kept[each.id].content_type)
        for each in found.frozen.evidence
        if each.id in kept
    ]


def _changes(found: Submission) -> list[Changed]:
    if found.before is None:
        return []
    return [
        Changed(field=each.field, before=each.before, after=each.after)
        for each in domain.differences(found.before, found.frozen)
    ]


@router.post("/lookup", dependencies=[allow(*READERS)])
async def look_up(body: Ids, db: Db, actor: Who) -> list[Glance]:
    """Requests as a list shows them; those that the actor may not see are missing."""
    async with db.snapshot() as tx:
        found = await queries.looked_up(tx, actor, body.ids)
        places = await organisations.places(tx, {each.school_id for each in found})
    return [
        Glance(
            request_id=each.request_id,
            student_id=each.student_id,
            name=masked_name(each.frozen.record.name),
            sex=names(each.frozen.record).get("sex", ""),
            class_name=each.frozen.class_name,
            school_id=each.school_id,
            school_name=places[each.school_id].name,
            document=masked_number(each.frozen.record.document_number),
            submission_number=each.number,
            warnings=len(each.frozen.warnings),
            changed=each.is_changed,
        )
        for each in found
    ]
