"""Pre-review, submission, and what a reviewer reads."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from portal.clients.calling import Answer, Caller, Download, Said
from portal.clients.registry.students import Evidence, Number


class Warned(Said):
    """A warning and the school's reason."""

    asks: bool = True


class Checked(Answer):
    """A pupil with what the checks say."""

    student_id: UUID
    name: str
    class_name: str | None = None
    grade_name: str | None = None
    status: str = ""
    status_name: str = ""
    verdict: str
    problems: tuple[Said, ...] = ()
    warnings: tuple[Warned, ...] = ()
    returned: list[Said] | None = None
    version: int = 0


class Season(Answer):
    """The window of entry; days_left is negative once it has closed."""

    opens: date
    closes: date
    days_left: int


class PreReview(Answer):
    items: list[Checked]
    total: int
    counts: dict[str, int]
    to_explain: dict[str, int] = Field(default_factory=dict)
    """Code of a warning → pupils who still wait for a reason."""
    examples: dict[str, str] = Field(default_factory=dict)
    """Code of such a warning → its words for one of the pupils."""
    window: Season | None = None


class Explained(Answer):
    explained: int


class NotSubmitted(Answer):
    student_id: UUID
    code: str = ""
    text: str
    problems: tuple[Said, ...] = ()


class Submitted(Answer):
    student_id: UUID
    request_id: UUID
    submission_number: int = 1


class Receipt(Answer):
    """What became of a submission."""

    submitted: tuple[Submitted, ...] | int = ()
    refused: tuple[NotSubmitted, ...] = ()

    @property
    def count(self) -> int:
        """How many were submitted."""
        return self.submitted if isinstance(self.submitted, int) else len(self.submitted)


class Asked(Answer):
    """What became of a wish to take submissions back."""

    asked: int
    refused: tuple[NotSubmitted, ...] = ()


class SchoolName(Answer):
    id: UUID | None = None
    name: str = ""
    code: str = ""


class Difference(Answer):
    field: str
    before: str | None = None
    after: str | None = None


class Likeness(Answer):
    """Another pupil who may be the same child."""

    student_id: UUID | None = None
    school_name: str | None = None
    status_name: str = ""


class Submission(Answer):
    """The frozen submission, unmasked; the read is audited."""

    request_id: UUID
    student_id: UUID
    school: SchoolName
    class_name: str | None = None
    grade_name: str | None = None
    submission_number: int = 1
    submitted_at: datetime
    submitted_by: str | None = None
    content_hash: str
    photo_hash: str | None = None
    record: dict[str, str | None]
    names: dict[str, str | None] = Field(default_factory=dict)
    numbers: tuple[Number, ...] = ()
    warnings: tuple[Said, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    changes: tuple[Difference, ...] = ()
    duplicates: tuple[Likeness, ...] = ()
    withdrawal_asked_at: datetime | None = None


class Glimpse(Answer):
    """A submission on a list, masked."""

    request_id: UUID
    student_id: UUID
    name: str
    sex: str | None = None
    class_name: str | None = None
    school_name: str | None = None
    document: str | None = None
    warnings: int = 0
    changed: bool = False


class SchoolProgress(Answer):
    school_id: UUID
    name: str
    classes: int = 0
    drafts: int = 0
    red: int | None = None
    submitted: int = 0
    registered: int = 0
    returned: int = 0
    rejected: int = 0
    unplaced: int = 0
    photos_missing: int | None = None
    problems: int | None = None


class Schools(Answer):
    items: tuple[SchoolProgress, ...] = ()
    total: int = 0


class Enrolment:
    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def pre_review(self, wanted: dict[str, Any], offset: int, limit: int) -> PreReview:
        """Drafts and returned pupils with all that the checks say."""
        return await self._caller.get(PreReview, "/v1/pre-review", **{**wanted, "offset": offset, "limit": limit})

    async def explain(self, students: list[str] | None, code: str | None, reason: str, key: str | None) -> Explained:
        """A reason for the warnings of many; without pupils, of all who wait for one to this warning."""
        body = {"students": students, "code": code, "reason": reason}
        return await self._caller.post(Explained, "/v1/pre-review/reasons", body, key=key)

    async def submit(self, students: list[str], key: str | None) -> Receipt:
        """Ask the authority."""
        return await self._caller.post(Receipt, "/v1/submissions", {"students": students}, key=key)

    async def submit_all(self, class_id: str | None, key: str | None) -> Receipt:
        """Every green pupil."""
        return await self._caller.post(Receipt, "/v1/submissions/all", {"class_id": class_id or None}, key=key)

    async def withdraw(self, students: list[str], key: str | None) -> Asked:
        """Ask for submissions back."""
        return await self._caller.post(Asked, "/v1/submissions/withdraw", {"students": students}, key=key)

    async def submission(self, request: UUID) -> Submission:
        """The frozen submission."""
        return await self._caller.get(Submission, f"/v1/requests/{request}")

    async def evidence(self, request: UUID, evidence: UUID) -> Download:
        """A file that was submitted; the read is audited."""
        return await self._caller.download(f"/v1/requests/{request}/evidence/{evidence}")

    async def lookup(self, requests: list[UUID]) -> list[Glimpse]:
        """The submissions of a page in one read."""
        if not requests:
            return []
        return await self._caller.post(list[Glimpse], "/v1/requests/lookup", {"ids": [str(each) for each in requests]})

    async def progress(self, under: str | None, offset: int, limit: int) -> Schools:
        """How far the schools are."""
        return await self._caller.get(Schools, "/v1/progress", under=under, offset=offset, limit=limit)
