"""What a chunk's rows say, and what of that can be found out before the database is asked."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from chassis.sealing import Vault
from registry.importing.reader.frames import unpack
from registry.student.commands import Entry, prepare
from registry.student.domain import Problem
from registry.student.entry import HEADERS, SheetReader

_PATHS: Final[Mapping[str, str]] = {header: path for path, header in HEADERS.items()}
_STEP: Final = 20


class SheetRow(NamedTuple):
    """A row of the sheet: an entry, or the problems for which it is none."""

    number: int
    entry: Entry | None
    problems: tuple[Problem, ...]

    def refused(self, problem: Problem) -> "SheetRow":
        """The row, refused for one more reason."""
        return SheetRow(self.number, None, (*self.problems, problem))


@dataclass(frozen=True, slots=True)
class ReadChunk:
    """Rows, and the chunk that they were read from."""

    packed: bytes
    rows: list[SheetRow]

    def cells(self) -> tuple[list[str], dict[int, list[str | None]]]:
        """The headers, and row → its texts in their order."""
        headers, found = unpack(self.packed)
        return headers, {number: texts for number, texts, _ in found}


def read(vault: Vault, packed: bytes) -> Iterator[ReadChunk]:
    """The rows of a chunk, each read by the rules of the record and prepared to be drafted; grows a few rows a step.

    Only the last step's chunk is whole. Whoever has something else to do may do it between two steps.
    """
    headers, found = unpack(packed)
    chunk, reader = ReadChunk(packed, []), SheetReader(headers)
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
        return SheetRow(number, None, problems)
    entry = Entry(
        row=number,
        pupil=prepare(vault, said.record, said.reasons),
        class_number=said.class_number,
        grade=said.grade,
        school_code=said.school_code,
        continuation=said.continuation,
    )
    return SheetRow(number, entry, ())
