"""审核: cases and decisions. Nothing personal."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from portal.clients.calling import Answer, Caller


class Case(Answer):
    """A request in review's hands."""

    id: UUID
    student_id: UUID
    school_id: UUID | None = None
    school_name: str | None = None
    kind: str = ""
    kind_name: str = ""
    stage: str | None = None
    submission_number: int = 1
    content_hash: str
    submitted_at: datetime
    deadline: date | None = None
    days_left: int | None = None
    overdue: bool = False
    warnings: tuple[str, ...] = ()
    state: str
    decision: str | None = None
    decision_name: str | None = None
    authority_name: str | None = None
    escalated: bool = False
    decided_at: datetime | None = None
    claimed_by_other: bool = False
    may_decide: bool = False
    why_not: str | None = None


class Cases(Answer):
    items: list[Case]
    total: int


class Step(Answer):
    """What happened to a case."""

    what: str
    what_name: str
    at: datetime
    by_me: bool = False
    organisation: str | None = None
    to: str | None = None
    text: str | None = None


class Reason(Answer):
    """Why a case was sent back."""

    code: str
    words: str
    field: str | None = None
    label: str | None = None
    text: str = ""


class CaseDetail(Case):
    reasons: tuple[Reason, ...] = ()
    history: tuple[Step, ...] = ()
    next: UUID | None = None
    previous: UUID | None = None


class Field(Answer):
    field: str
    label: str


class CodedReason(Answer):
    """A reason that a reviewer may choose."""

    code: str
    words: str
    outcomes: tuple[str, ...] = ()
    fields: tuple[Field, ...] = ()
    needs_text: bool = False


class Reasons(Answer):
    items: list[CodedReason]
    longest_text: int = 200


class NotDecided(Answer):
    id: UUID
    code: str = ""
    text: str


class Approved(Answer):
    """The receipt of a batch."""

    approved: tuple[UUID, ...] = ()
    refused: tuple[NotDecided, ...] = ()


class SentBack(Answer):
    """The receipt of a batch that was returned."""

    decided: tuple[UUID, ...] = ()
    refused: tuple[NotDecided, ...] = ()


class SchoolProgress(Answer):
    school_id: UUID
    name: str
    open: int = 0
    approved: int = 0
    returned: int = 0
    rejected: int = 0
    withdrawn: int = 0
    overdue: int = 0
    oldest_days: int | None = None


class Schools(Answer):
    items: tuple[SchoolProgress, ...] = ()
    total: int = 0


class Authority(Answer):
    id: UUID
    name: str


class Authorities(Answer):
    items: tuple[Authority, ...] = ()


class Review:
    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def desk(self) -> dict[str, int]:
        """Counts for the work desk."""
        return await self._caller.get(dict[str, int], "/v1/desk")

    async def cases(self, wanted: dict[str, Any], offset: int, limit: int) -> Cases:
        """The queue: `state`, `school`, `kind`, `overdue`, `flagged`, `sort`."""
        return await self._caller.get(Cases, "/v1/cases", **{**wanted, "offset": offset, "limit": limit})

    async def case(self, case: UUID, wanted: dict[str, Any]) -> CaseDetail:
        """One case with its neighbours in the same list."""
        return await self._caller.get(CaseDetail, f"/v1/cases/{case}", **wanted)

    async def claim(self, case: UUID) -> None:
        """Others see that somebody has it on a screen."""
        await self._caller.post(object, f"/v1/cases/{case}/claim")

    async def approve(self, case: UUID, content_hash: str, key: str | None) -> Case:
        """Agree to what was seen."""
        return await self._caller.post(Case, f"/v1/cases/{case}/approve", {"content_hash": content_hash}, key=key)

    async def send_back(
        self, case: UUID, how: str, content_hash: str, reasons: list[dict[str, Any]], key: str | None
    ) -> Case:
        """`how` is "return" or "reject"."""
        body = {"content_hash": content_hash, "reasons": reasons}
        return await self._caller.post(Case, f"/v1/cases/{case}/{how}", body, key=key)

    async def approve_many(self, cases: list[tuple[str, str]], key: str | None) -> Approved:
        """Pairs of case and hash, decided together."""
        body = {"cases": [{"id": case, "content_hash": content} for case, content in cases]}
        return await self._caller.post(Approved, "/v1/cases/approve", body, key=key)

    async def return_many(
        self, cases: list[tuple[str, str]], reasons: list[dict[str, Any]], key: str | None
    ) -> SentBack:
        """The same of cases that go back to their schools, all for the same reasons."""
        body = {"cases": [{"id": case, "content_hash": content} for case, content in cases], "reasons": reasons}
        return await self._caller.post(SentBack, "/v1/cases/return", body, key=key)

    async def authorities(self, case: UUID) -> Authorities:
        """Who may be handed the case."""
        return await self._caller.get(Authorities, "/v1/authorities", case=case)

    async def reroute(self, case: UUID, authority: str, reason: str, key: str | None) -> Case:
        """Hand a case to another authority."""
        body = {"authority_id": authority, "reason": reason}
        return await self._caller.post(Case, f"/v1/cases/{case}/reroute", body, key=key)

    async def reasons(self) -> Reasons:
        """Reasons with codes."""
        return await self._caller.get(Reasons, "/v1/reasons")

    async def progress(self) -> Schools:
        """How far the schools' cases are, those with most open ones first."""
        return await self._caller.get(Schools, "/v1/progress")
