"""What a clerk gets back for many pupils at once: nobody's fault keeps the others waiting."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from contracts.refusal import NotFound
from contracts.values import STATUS_NAMES, StudentStatus
from registry.student.domain import Problem

MOST: Final = 1_000
"""Pupils in a call."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """A pupil whose submission now waits for the authority."""

    student_id: UUID
    request_id: UUID
    submission_number: int


@dataclass(frozen=True, slots=True)
class Refused:
    """A pupil for whom it was not done, and what to do."""

    student_id: UUID
    code: str
    text: str
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of each pupil of a submission; together they are all that were asked for."""

    submitted: tuple[Submitted, ...]
    refused: tuple[Refused, ...]


def unknown(student_id: UUID) -> Refused:
    """A pupil who is not there, or is another school's."""
    refusal = NotFound("学生")
    return Refused(student_id, refusal.code, refusal.sentence)


def not_in(student_id: UUID, status: StudentStatus) -> Refused:
    """A pupil whom the school cannot submit now."""
    if status is StudentStatus.SUBMITTED:
        text = "该生已提交，正在等待主管单位审核，无需重复提交。如需修改，请先申请撤回。"
        return Refused(student_id, "already-submitted", text)
    if status is StudentStatus.REGISTERED:
        return Refused(student_id, "already-registered", "该生已正式注册入籍，无需再提交。")
    text = f"该生目前{STATUS_NAMES[status]}，不能提交。请刷新列表查看最新状态。"
    return Refused(student_id, "wrong-status", text)
