"""What a registrar has on her desk: a workbook of pupils, and their photos."""

import io
import random
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from openpyxl import Workbook

from contracts.record import REASONS_HEADER
from sample.faults import FAULTS
from sample.people import People, Pupil
from sample.portraits import portrait
from sample.rows import HEADERS, Row, row_of
from tests.chaos.load.founding import School

PER_CLASS = 45
REASON = "照片由学校统一采集，随后补传。"
SMALL = (364, 448)
"""Pixels of a photo: large enough to be taken, small enough to leave the processor to others."""


@dataclass(slots=True)
class Sheet:
    """A workbook and the children in it, by row."""

    number: int
    name: str
    content: bytes
    pupils: Sequence[Pupil]
    class_numbers: Sequence[str]
    """Of each pupil."""
    students: Mapping[int, str] = field(default_factory=dict)
    """Row of the sheet → student, once they are drafted."""

    def children(self) -> Iterator[tuple[str, Pupil, str]]:
        """Those who were drafted, each with the class."""
        for row, student in sorted(self.students.items()):
            yield student, self.pupils[row - 2], self.class_numbers[row - 2]


class Papers:
    """One school's pupils, from a seed: the same seed makes the same sheets."""

    def __init__(self, school: School, seed: int, first: int = 0) -> None:
        """`first` is how many sheets the school has had before: classes are filled one after the other."""
        self._school = school
        self._people = People(seed, school.entry_year)
        self._children = self._people.pupils()
        self._number = first

    def sheet(self, rows: int, faults: float, reasoned: float = 0.0) -> Sheet | None:
        """The next workbook; None when every class is full. `reasoned` is the chance that its rows give reasons."""
        school, chance = self._school, self._people.random
        first = self._number * rows
        if (first + rows - 1) // PER_CLASS >= len(school.classes):
            return None
        pupils, lines = [], []
        reason = {REASONS_HEADER: REASON} if reasoned and chance.random() < reasoned else {}
        places = [school.classes[seat // PER_CLASS] for seat in range(first, first + rows)]
        for class_number in places:
            pupil = next(self._children)
            line = row_of(
                pupil, chance, school_code=school.code, class_number=class_number,
                entry_year=school.entry_year,
            )  # fmt: skip
            line |= reason
            if pupil.document and chance.random() < faults:
                chance.choice(FAULTS).spoil(line, pupil)
            pupils.append(pupil)
            lines.append(line)
        self._number += 1
        return Sheet(self._number, f"第{self._number}批.xlsx", _workbook(lines), pupils, places)


def _workbook(rows: Sequence[Row]) -> bytes:
    book = Workbook(write_only=True)
    sheet = book.create_sheet("学生信息")
    sheet.append(list(HEADERS))
    for row in rows:
        sheet.append([row[header] if row[header] != "" else None for header in HEADERS])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def archive(sheet: Sheet, school: School, without: frozenset[str], chance: random.Random) -> bytes:
    """A ZIP with a photo of each child, but for the students who are photographed one by one."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as whole:
        for student, pupil, class_number in sheet.children():
            if student not in without:
                name = pupil.document or f"{school.code}_{class_number}_{pupil.name}"
                whole.writestr(f"{name}.jpg", portrait(pupil, chance, SMALL))
        whole.writestr("花名册.txt", "拍摄顺序见花名册".encode())
    return out.getvalue()


def single(pupil: Pupil, chance: random.Random) -> bytes:
    """One photo."""
    return portrait(pupil, chance, SMALL)


def new_phone(number: int) -> str:
    """A telephone number that nobody has: no operator has numbers that begin with 100."""
    return f"100{number % 10**8:08}"
