"""Sheets of new pupils."""

from collections.abc import AsyncIterator
from datetime import datetime
from uuid import UUID

from portal.clients.calling import Answer, Caller, Download, Said

UNDER_WAY = frozenset({"waiting", "reading", "checking", "running", "undoing"})


class Accepted(Answer):
    id: UUID
    repeated: bool = False


class Reason(Answer):
    outcome: str
    code: str = ""
    text: str
    rows: int


class Refusal(Answer):
    code: str
    text: str


class Import(Answer):
    """An import and its receipt."""

    id: UUID
    school_id: UUID | None = None
    file: str = ""
    mode: str = ""
    state: str
    stage: str
    progress: int
    rows: int | None = None
    done: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    duplicate: int = 0
    refused: int = 0
    undone: int = 0
    by_reason: tuple[Reason, ...] = ()
    refusal: Refusal | None = None
    unknown_columns: tuple[str, ...] = ()
    uploaded_at: datetime
    ended_at: datetime | None = None

    @property
    def under_way(self) -> bool:
        """Whether a worker has something to do."""
        return self.state in UNDER_WAY

    @property
    def failed(self) -> int:
        """Rows to be corrected."""
        return self.duplicate + self.refused


class ImportPage(Answer):
    items: list[Import]
    total: int


class RowSaid(Said):
    header: str = ""


class Row(Answer):
    row: int
    outcome: str
    name: str = ""
    student_id: UUID | None = None
    problems: tuple[RowSaid, ...] = ()


class Rows(Answer):
    items: list[Row]
    total: int


class Imports:
    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def template(self) -> Download:
        """The sheet to fill in."""
        return await self._caller.download("/v1/imports/template.xlsx")

    async def upload(self, body: AsyncIterator[bytes], kind: str, length: str | None, mode: str) -> Accepted:
        """Hand a sheet on."""
        return await self._caller.upload(Accepted, "POST", "/v1/imports", body, kind, length=length, mode=mode)

    async def history(self, school: str | None, offset: int, limit: int) -> ImportPage:
        """Newest first."""
        return await self._caller.get(ImportPage, "/v1/imports", school=school, offset=offset, limit=limit)

    async def one(self, import_id: UUID) -> Import:
        """How far it is."""
        return await self._caller.get(Import, f"/v1/imports/{import_id}")

    async def rows(self, import_id: UUID, outcomes: list[str], offset: int, limit: int) -> Rows:
        """What became of rows."""
        return await self._caller.get(
            Rows, f"/v1/imports/{import_id}/rows", outcome=outcomes, offset=offset, limit=limit
        )

    async def run(self, import_id: UUID, key: str | None) -> Import:
        """Carry out what a dry run has shown."""
        return await self._caller.post(Import, f"/v1/imports/{import_id}/run", key=key)

    async def undo(self, import_id: UUID, key: str | None) -> Import:
        """Take back what it created."""
        return await self._caller.post(Import, f"/v1/imports/{import_id}/undo", key=key)

    async def failures(self, import_id: UUID) -> Download:
        """The rows that failed, as a workbook."""
        return await self._caller.download(f"/v1/imports/{import_id}/failures.xlsx")
