"""From rows of a sheet to drafts: what stands between reading and `student.commands`."""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row

from chassis.sealing import Vault
from chassis.transaction import Tx
from registry.importing.commands import Result
from registry.importing.domain import State
from registry.importing.preparer.chunks import ReadChunk, SheetRow
from registry.importing.reader.frames import pack, unpack
from registry.student import commands as students
from registry.student.commands import Drafted, SheetMemory

FAILED: Final = frozenset({"duplicate", "refused"})
_ROW: Final = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Done:
    """A chunk that was drafted, or rehearsed."""

    results: list[Result]
    drafted: Sequence[Drafted]

    @property
    def identities(self) -> bytes:
        """Which children its rows were, as `remembered` reads it."""
        return b"".join(
            _ROW.pack(each.row) + each.identity for each in self.drafted if each.identity and _holds_its_row(each)
        )


def _holds_its_row(drafted: Drafted) -> bool:
    return drafted.outcome.value not in FAILED


def remembered(identities: Iterable[bytes]) -> SheetMemory:
    """What earlier chunks of the sheet took."""
    memory = SheetMemory()
    for noted in identities:
        for start in range(0, len(noted), _ROW.size + 16):
            (row,) = _ROW.unpack_from(noted, start)
            memory.identities[noted[start + _ROW.size : start + _ROW.size + 16]] = row
    return memory


async def draft(tx: Tx, vault: Vault, job: Row[Any], chunk: ReadChunk, memory: SheetMemory) -> Done:
    """What became of each row, in their order; in a dry run, what would."""
    entries = [row.entry for row in chunk.rows if row.entry is not None]
    act = students.rehearse if job.state == State.CHECKING else students.draft
    drafted = await act(tx, job.school_id, entries, memory)
    by_row = {each.row: each for each in drafted}
    results = [_result(row, by_row.get(row.number)) for row in chunk.rows]
    return Done(_with_cells(vault, job.id, chunk, results), drafted)


async def undo(tx: Tx, job: Row[Any], found: Sequence[Row[Any]]) -> int:
    """How many pupils of the rows were taken back."""
    return await students.take_back(
        tx, job.school_id, {row.student_id: row.previous_version for row in found if row.student_id}
    )


def _result(row: SheetRow, drafted: Drafted | None) -> Result:
    if drafted is None:
        return Result(row.number, "refused", problems=row.problems)
    return Result(
        row.number,
        drafted.outcome.value,
        student_id=drafted.student_id,
        previous_version=drafted.previous_version,
        problems=drafted.problems,
    )


def _with_cells(vault: Vault, import_id: UUID, chunk: ReadChunk, results: list[Result]) -> list[Result]:
    """The results, those of failed rows with what stands in them, sealed."""
    if not any(each.outcome in FAILED for each in results):
        return results
    headers, texts = chunk.cells()

    def sealed(row: int) -> bytes:
        return vault.seal(pack(headers, [(row, texts[row], [])]), table="import_row", column=str(row), row=import_id)

    return [replace(each, cells_sealed=sealed(each.row)) if each.outcome in FAILED else each for each in results]


def open_cells(vault: Vault, import_id: UUID, row: int, sealed: bytes) -> dict[str, str]:
    """Header → text of a failed row."""
    headers, found = unpack(vault.open(sealed, table="import_row", column=str(row), row=import_id))
    return {header: text for header, text in zip(headers, found[0][1], strict=True) if text}
