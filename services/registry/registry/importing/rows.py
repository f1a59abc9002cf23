"""From rows of a sheet to drafts: what stands between reading and `student.commands`."""

from collections.abc import Mapping, Sequence
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
from registry.student.commands import Drafted, Entry
from registry.student.domain import Problem
from registry.student.entry import HEADERS, read_row

_PATHS: Final[Mapping[str, str]] = {header: path for path, header in HEADERS.items()}
FAILED: Final = frozenset({"duplicate", "refused"})


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


def read(packed: bytes) -> ReadChunk:
    """The rows of a chunk, each read by the rules of the record."""
    headers, found = unpack(packed)
    return ReadChunk(headers, [_read(headers, *each) for each in found])


def _read(headers: list[str], number: int, texts: list[str | None], faults: Sequence[tuple[str, str, str]]) -> SheetRow:
    said = read_row({header: text for header, text in zip(headers, texts, strict=True) if text})
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
    )
    return SheetRow(number, texts, entry, ())


async def draft(tx: Tx, vault: Vault, job: Row[Any], chunk: ReadChunk) -> list[Result]:
    """What became of each row, in their order; in a dry run, what would."""
    entries = [row.entry for row in chunk.rows if row.entry is not None]
    act = students.rehearse if job.state == State.CHECKING else students.draft
    drafted = {each.row: each for each in await act(tx, job.school_id, entries)} if entries else {}
    return [_result(vault, job.id, chunk.headers, row, drafted.get(row.number)) for row in chunk.rows]


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
