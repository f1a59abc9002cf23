"""From rows of a sheet to drafts: what stands between reading and `student.commands`."""

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row

from chassis.sealing import Vault
from chassis.transaction import Tx
from registry.importing.commands import Result
from registry.importing.domain import State
from registry.importing.reader.frames import pack, unpack
from registry.student import commands as students
from registry.student.commands import Drafted, Entry, SheetMemory
from registry.student.domain import Problem
from registry.student.entry import HEADERS, SheetReader

_PATHS: Final[Mapping[str, str]] = {header: path for path, header in HEADERS.items()}
FAILED: Final = frozenset({"duplicate", "refused"})
_STEP: Final = 20
_ROW: Final = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class SheetRow:
    """A row of the sheet: an entry, or the problems for which it is none."""

    number: int
    texts: list[str | None]
    entry: Entry | None
    problems: tuple[Problem, ...]

    def refused(self, problem: Problem) -> "SheetRow":
        """The row, refused for one more reason."""
        return SheetRow(self.number, self.texts, None, (*self.problems, problem))


@dataclass(frozen=True, slots=True)
class ReadChunk:
    """Rows and the headers of their texts."""

    headers: list[str]
    rows: list[SheetRow]


def read(vault: Vault, packed: bytes) -> Iterator[ReadChunk]:
    """The rows of a chunk, each read by the rules of the record and prepared to be drafted; grows a few rows a step.

    Only the last step's chunk is whole. Whoever has something else to do may do it between two steps.
    """
    headers, found = unpack(packed)
    chunk, reader = ReadChunk(headers, []), SheetReader(headers)
    for start in range(0, len(found), _STEP):
        chunk.rows.extend(_read(vault, reader, *each) for each in found[start : start + _STEP])
        yield chunk


def _read(
    vault: Vault,
    reader: SheetReader,
    number: int,
    texts: list[str | None],
    faults: Sequence[tuple[str, str, str]],
) -> SheetRow:
    said = reader.read(texts)
    problems = said.problems
    if faults:
        own = tuple(Problem(code, _PATHS.get(header, ""), text) for code, header, text in faults)
        named = {problem.field for problem in own}
        problems = own + tuple(problem for problem in problems if problem.field not in named)
    if said.record is None or problems:
        return SheetRow(number, texts, None, problems)
    entry = Entry(
        row=number,
        record=said.record,
        class_number=said.class_number,
        grade=said.grade,
        school_code=said.school_code,
        continuation=said.continuation,
        reasons=said.reasons,
        prepared=students.prepare(vault, said.record, said.reasons),
    )
    return SheetRow(number, texts, entry, ())


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
    results = [_result(vault, job.id, chunk.headers, row, by_row.get(row.number)) for row in chunk.rows]
    return Done(results, drafted)


async def undo(tx: Tx, job: Row[Any], found: Sequence[Row[Any]]) -> int:
    """How many pupils of the rows were taken back."""
    return await students.take_back(
        tx, job.school_id, {row.student_id: row.previous_version for row in found if row.student_id}
    )


def _result(vault: Vault, import_id: UUID, headers: list[str], row: SheetRow, drafted: Drafted | None) -> Result:
    if drafted is None:
        outcome, problems = "refused", row.problems
    else:
        outcome, problems = drafted.outcome.value, drafted.problems
    cells = None
    if outcome in FAILED:
        cells = vault.seal(
            pack(headers, [(row.number, row.texts, [])]), table="import_row", column=str(row.number), row=import_id
        )
    if drafted is None:
        return Result(row.number, outcome, problems=problems, cells_sealed=cells)
    return Result(
        row.number,
        outcome,
        student_id=drafted.student_id,
        previous_version=drafted.previous_version,
        problems=problems,
        cells_sealed=cells,
    )


def open_cells(vault: Vault, import_id: UUID, row: int, sealed: bytes) -> dict[str, str]:
    """Header → text of a failed row."""
    headers, found = unpack(vault.open(sealed, table="import_row", column=str(row), row=import_id))
    return {header: text for header, text in zip(headers, found[0][1], strict=True) if text}
