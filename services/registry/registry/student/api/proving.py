"""Evidence over HTTP."""

import hashlib
from pathlib import PurePath
from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Depends, File, Form, Response, UploadFile
from pydantic import BaseModel

from chassis.http import allow, resource
from chassis.ids import new_id
from contracts.refusal import NotFound
from contracts.values import Role
from registry.student import commands
from registry.student.api.asking import UNMASKED, Db, Who, own, seen
from registry.student.commands import Proof
from registry.student.errors import EvidenceRefused
from registry.student.files import MEGABYTE, Files, content_type_of
from registry.student.queries.evidence import Evidence, evidence
from registry.student.settings import student_settings

router = APIRouter(prefix="/v1", tags=["evidence"])
KINDS = {
    "household-register": "户口簿", "identity-document": "身份证件", "guardian-document": "监护人证件",
    "birth-certificate": "出生医学证明", "residence-permit": "居住证明", "disability-certificate": "残疾证明",
    "orphan-certificate": "孤儿证明", "martyr-certificate": "烈士或优抚证明", "other": "其他材料",
}  # fmt: skip
"""What a file proves."""
Kept = Annotated[Files, Depends(resource(Files))]


class Added(BaseModel):
    """A file that was taken in."""

    id: UUID
    kind: str
    kind_name: str
    name: str
    content_type: str
    size: int


@router.post(
    "/students/{student_id}/evidence",
    status_code=201,
    dependencies=[allow(Role.REGISTRAR)],
    max_body_size=(student_settings().evidence_megabytes + 1) * MEGABYTE,
)
async def add(
    student_id: UUID,
    db: Db,
    actor: Who,
    files: Kept,
    file: Annotated[UploadFile, File()],
    kind: Annotated[str, Form(max_length=40)] = "other",
) -> Added:
    """A PDF, JPG or PNG is kept with a draft or a returned pupil; sent twice, once."""
    if kind not in KINDS:
        raise EvidenceRefused("evidence-kind", f"材料种类不在列表中。请选择：{'、'.join(KINDS.values())}。")
    async with db.snapshot() as tx:
        await own(tx, actor, student_id, "为该学生上传材料")
    most = student_settings().evidence_megabytes
    content = await file.read(most * MEGABYTE + 1)
    content_type = content_type_of(content, most)
    name = PurePath((file.filename or "").replace("\\", "/")).name[:100] or KINDS[kind]
    proof = Proof(new_id(), kind, name, content_type, len(content), hashlib.sha256(content).digest())
    await files.keep(proof.id, content)
    there: UUID | None = None
    try:
        async with db.transaction(actor) as tx:
            there = await commands.add_evidence(tx, student_id, proof)
    finally:
        if there != proof.id:
            await files.drop(proof.id)
    return Added(id=there, kind=kind, kind_name=KINDS[kind], name=name, content_type=content_type, size=proof.size)


@router.get("/evidence/{evidence_id}", dependencies=[allow(*UNMASKED)], response_class=Response)
async def download(evidence_id: UUID, db: Db, actor: Who, files: Kept) -> Response:
    """The file; the read is audited."""
    async with db.transaction(actor) as tx:
        found = (await evidence(tx, [evidence_id])).get(evidence_id)
        if found is None:
            raise NotFound("佐证材料")
        school_id = (await seen(tx, actor, found.student_id)).school_id
        objects = [("student", found.student_id), ("evidence", evidence_id)]
        tx.note("evidence.read", objects, organisation=school_id)
        content = await files.take(evidence_id)
    return attachment(found, content)


def attachment(found: Evidence, content: bytes) -> Response:
    """The file under its own name; no browser is to show it within a page or to guess what it is."""
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(found.name)}",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content, media_type=found.content_type, headers=headers)


@router.delete("/evidence/{evidence_id}", status_code=204, dependencies=[allow(Role.REGISTRAR)])
async def remove(evidence_id: UUID, db: Db, actor: Who) -> None:
    """The file is no longer shown with the pupil."""
    async with db.transaction(actor) as tx:
        found = (await evidence(tx, [evidence_id])).get(evidence_id)
        if found is None or found.removed:
            raise NotFound("佐证材料")
        await own(tx, actor, found.student_id, "删除该学生的材料")
        await commands.remove_evidence(tx, evidence_id, found.student_id)
