"""How an archive is worked through: match names, make standard photos, note what became of each file, in chunks."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from chassis import crash
from chassis.identity import Actor
from chassis.sealing import Vault
from chassis.transaction import Database
from photo import commands, domain, queries
from photo.archive import Archive, Member
from photo.checks import Standard
from photo.commands import FileResult, Taken
from photo.domain import FileOutcome
from photo.errors import ArchiveRefused
from photo.storage import Album
from photo.working import Workshop

CHUNK = 40
"""Files a transaction: a crash repeats at most so many."""


class ArchiveJob:
    """Works archives through, one chunk and one transaction after the other."""

    def __init__(self, database: Database, album: Album, workshop: Workshop, vault: Vault) -> None:
        self._database = database
        self._album = album
        self._workshop = workshop
        self._vault = vault

    async def run(self, archive_id: UUID) -> int:
        """How many files got a result now; 0 when another worker holds the archive or it is done.

        Begins behind the last file that has a result, so that a killed worker's archive goes on.
        """
        async with self._database.transaction() as tx:
            row = await commands.lease(tx, archive_id)
        if row is None:
            return 0
        actor = uploader(row)
        try:
            archive = Archive(await self._album.take(row.object_key))
        except ArchiveRefused:
            async with self._database.transaction(actor) as tx:
                await commands.record_files(tx, archive_id, [], last=True)
            return 0
        twice = await self._twice(row.school_id, archive.members)
        rest = [member for member in archive.members if member.number > row.done]
        for start in range(0, len(rest), CHUNK):
            chunk = rest[start : start + CHUNK]
            results = await self._chunk(row, archive, chunk, twice)
            async with self._database.transaction(actor) as tx:
                await commands.record_files(tx, archive_id, results, last=start + CHUNK >= len(rest))
                await stand(self._album, [result.taken for result in results if result.taken])
            crash.point("photo.after_row")
        if not rest:
            async with self._database.transaction(actor) as tx:
                await commands.record_files(tx, archive_id, [], last=True)
        return len(rest)

    async def _pupils(self, school: UUID, members: Sequence[Member]) -> dict[int, list[UUID]]:
        """File number → the pupils that its name may mean."""
        hashes: dict[int, list[tuple[str, str]]] = {
            member.number: [
                (reading.kind, self._vault.blind("match", reading.kind, *reading.parts).hex())
                for reading in domain.named_by(member.stem)
            ]
            for member in members
            if member.trouble is None
        }
        wanted: dict[str, set[str]] = {}
        for readings in hashes.values():
            for kind, value in readings:
                wanted.setdefault(kind, set()).add(value)
        async with self._database.snapshot() as tx:
            found = await queries.matched(tx, school, wanted)
        return {
            number: next((found[reading] for reading in readings if reading in found), [])
            for number, readings in hashes.items()
        }

    async def _twice(self, school: UUID, members: Sequence[Member]) -> frozenset[UUID]:
        """Pupils whom more than one file of the archive names: none of those files is taken."""
        pupils = await self._pupils(school, members)
        named = Counter(found[0] for found in pupils.values() if len(found) == 1)
        return frozenset(student for student, files in named.items() if files > 1)

    async def _chunk(
        self, row: Any, archive: Archive, members: Sequence[Member], twice: frozenset[UUID]
    ) -> list[FileResult]:
        pupils = await self._pupils(row.school_id, members)
        return list(
            await asyncio.gather(
                *(self._file(row, archive, member, pupils.get(member.number, []), twice) for member in members)
            )
        )

    async def _file(
        self, row: Any, archive: Archive, member: Member, pupils: list[UUID], twice: frozenset[UUID]
    ) -> FileResult:
        def result(
            said: FileOutcome, reason: str | None = None, student: UUID | None = None, taken: Taken | None = None
        ) -> FileResult:
            return FileResult(member.number, self._seal_name(row.id, member), said, reason, student, taken)

        if member.trouble is not None:
            return result(FileOutcome.REFUSED, member.trouble)
        if not pupils:
            return result(FileOutcome.UNMATCHED, "file-name-unknown")
        if len(pupils) > 1:
            return result(FileOutcome.AMBIGUOUS, "file-name-ambiguous")
        student = pupils[0]
        if student in twice:
            return result(FileOutcome.AMBIGUOUS, "file-twice")
        content = await asyncio.to_thread(archive.read, member)
        standard = content if isinstance(content, str) else await self._workshop.standardise(content)
        if isinstance(standard, str):
            return result(FileOutcome.REFUSED, standard, student)
        return result(FileOutcome.ACCEPTED, None, student, await keep(self._album, student, standard))

    def _seal_name(self, archive_id: UUID, member: Member) -> bytes:
        return self._vault.seal(
            member.name.encode("utf-8", "replace"), table="archive_file", column=f"name:{member.number}", row=archive_id
        )


async def keep(album: Album, student: UUID, standard: Standard) -> Taken:
    """The photo in storage, ready to be noted in a transaction."""
    key = await album.keep("photo", student, standard.sha256, standard.content)
    return Taken(student, standard, key)


async def stand(album: Album, taken: Sequence[Taken]) -> None:
    """The photos are in storage. To be asked in the transaction that notes them, before it commits.

    A photo of the same content may have been left there by somebody who was killed, and its turn to be swept may have
    come between `keep` and the pupil's lock; who sweeps takes that lock too, and leaves what is noted.
    """
    await asyncio.gather(*(album.stand(each.object_key, each.photo.content) for each in taken))


def uploader(row: Any) -> Actor:
    """Who uploaded an archive; what is done with it later is done in her name."""
    return Actor(
        account_id=row.uploaded_by,
        person_id=row.person_id,
        organisation_id=row.school_id,
        roles=frozenset(),
        version=0,
        session_id=None,
    )
