"""照片."""

from collections.abc import AsyncIterator
from datetime import datetime
from uuid import UUID

from portal.clients.calling import Answer, Caller, Download


class Requirement(Answer):
    """A photo that is due."""

    student_id: UUID
    school_year: int
    state: str
    reason: str | None = None
    text: str | None = None
    remarks: tuple[str, ...] = ()
    """Sentences of what a person should look at in an accepted photo."""


class Requirements(Answer):
    items: list[Requirement]
    total: int


class Taken(Answer):
    student_id: UUID


class Archive(Answer):
    """A ZIP and how far it is."""

    id: UUID
    state: str
    uploaded_at: datetime
    files: int
    done: int
    accepted: int = 0
    ambiguous: int = 0
    unmatched: int = 0
    refused: int = 0

    @property
    def under_way(self) -> bool:
        """Whether a worker has something to do."""
        return self.state != "done"


class Archives(Answer):
    items: list[Archive]


class ArchiveFile(Answer):
    number: int
    name: str
    result: str
    reason: str | None = None
    text: str | None = None
    student_id: UUID | None = None


class ArchiveFiles(Answer):
    items: list[ArchiveFile]
    total: int


class Photo:
    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def desk(self) -> dict[str, int]:
        """Counts for the work desk."""
        return await self._caller.get(dict[str, int], "/v1/desk")

    async def due(self, students: list[UUID], school: UUID | str | None = None) -> Requirements:
        """The photos that are due for at most 200 pupils."""
        if not students:
            return Requirements(items=[], total=0)
        return await self._caller.get(
            Requirements, "/v1/requirements", student=[str(each) for each in students], school=school, limit=200
        )

    async def picture(self, student: UUID) -> Download:
        """The standard photo; the read is audited."""
        return await self._caller.download(f"/v1/students/{student}/photo")

    async def take(self, student: UUID, body: AsyncIterator[bytes], kind: str, length: str | None) -> Taken:
        """Hand one photo on."""
        return await self._caller.upload(Taken, "PUT", f"/v1/students/{student}/photo", body, kind, length=length)

    async def send_archive(self, body: AsyncIterator[bytes], kind: str, length: str | None) -> Archive:
        """Hand a ZIP on."""
        return await self._caller.upload(Archive, "POST", "/v1/archives", body, kind, length=length)

    async def archives(self) -> Archives:
        """The last 20."""
        return await self._caller.get(Archives, "/v1/archives")

    async def archive(self, archive: UUID) -> Archive:
        """How far it is."""
        return await self._caller.get(Archive, f"/v1/archives/{archive}")

    async def files(self, archive: UUID, result: str | None, offset: int, limit: int) -> ArchiveFiles:
        """What became of each file."""
        return await self._caller.get(
            ArchiveFiles, f"/v1/archives/{archive}/files", result=result, offset=offset, limit=limit
        )

    async def match(self, archive: UUID, number: int, student: str) -> Taken:
        """Say whose photo a file is."""
        path = f"/v1/archives/{archive}/files/{number}/match"
        return await self._caller.post(Taken, path, {"student_id": student})
