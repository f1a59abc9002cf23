"""A roster for one school: good rows, rows that are wrong on purpose, and what the photos are named after."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.worksheet._write_only import WriteOnlyWorksheet

from contracts.record import CLASS_HEADER
from sample.faults import FAULTS, INCOMPLETE
from sample.people import People, Pupil
from sample.rows import HEADERS, Cell, Row, row_of


class Fate(StrEnum):
    """What is to become of a row."""

    GOOD = "good"
    REFUSED = "refused"
    """At import."""
    DUPLICATE = "duplicate"
    INCOMPLETE = "incomplete"
    """Drafted, red at pre-review until corrected."""
    WITHOUT_PHOTO = "without-photo"
    """Drafted and complete, but nobody took a photo that can be used."""


@dataclass(frozen=True, slots=True)
class Entered:
    """A row of the roster and the child it is about."""

    pupil: Pupil
    row: Row
    fate: Fate
    why: str = ""
    """Code of the refusal, or name of what is missing."""


@dataclass(frozen=True, slots=True)
class Roster:
    """The rows of a sheet for one school."""

    school_code: str
    entry_year: int
    seed: int
    entered: tuple[Entered, ...]


def roster(
    seed: int,
    pupils: int,
    school_code: str,
    class_numbers: Sequence[str],
    entry_year: int,
    *,
    faults: bool = True,
) -> Roster:
    """So many rows, spread evenly over the classes; without `faults` all of them are good."""
    people = People(seed, entry_year)
    wrong = _wrong_rows(pupils) if faults else {}
    entered: list[Entered] = []
    placed = 0
    children = people.pupils()
    while len(entered) < pupils:
        pupil = next(children)
        if len(entered) in wrong and pupil.document is None:
            continue  # the faults are about numbers
        # Class after class, so that a class is a run of rows, as in a real sheet.
        class_number = class_numbers[placed * len(class_numbers) // pupils]
        placed += 1
        row = row_of(pupil, people.random, school_code=school_code, class_number=class_number, entry_year=entry_year)
        fate, why = wrong.get(len(entered), (Fate.GOOD, ""))
        entered.append(_spoiled(pupil, row, fate, why, entered))
    return Roster(school_code, entry_year, seed, tuple(entered))


def _wrong_rows(pupils: int) -> dict[int, tuple[Fate, str]]:
    """Index of a row → what is wrong with it: one row per fault, spread over the sheet, as long as they stay few."""
    kinds = [(Fate.REFUSED, fault.code) for fault in FAULTS]
    kinds += [(Fate.DUPLICATE, "")] * 2
    kinds += [(Fate.INCOMPLETE, name) for name in INCOMPLETE]
    kinds += [(Fate.WITHOUT_PHOTO, name) for name in ("none", "not-an-image", "truncated", "landscape", "twice")]
    kinds = kinds[: pupils // 5]
    step = pupils / (len(kinds) + 1)
    return {int((place + 1) * step): kind for place, kind in enumerate(kinds)}


def _spoiled(pupil: Pupil, row: Row, fate: Fate, why: str, before: Sequence[Entered]) -> Entered:
    if fate is Fate.REFUSED:
        next(fault for fault in FAULTS if fault.code == why).spoil(row, pupil)
    elif fate is Fate.INCOMPLETE:
        INCOMPLETE[why](row, pupil)
    elif fate is Fate.DUPLICATE:
        again = next(each for each in reversed(before) if each.fate is Fate.GOOD and each.pupil.document)
        # The same child once more, in another class: the clerk pasted two lists together.
        return Entered(again.pupil, {**again.row, CLASS_HEADER: row[CLASS_HEADER]}, fate)
    return Entered(pupil, row, fate, why)


def write_workbook(found: Roster, file: Path) -> None:
    """The roster as .xlsx with the official headers; identity numbers are text, as they must be."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("学生信息")
    assert isinstance(sheet, WriteOnlyWorksheet)
    sheet.freeze_panes = "D2"
    sheet.append(list(HEADERS))
    for entered in found.entered:
        sheet.append([_cell(sheet, entered.row[header]) for header in HEADERS])
    growing = file.with_name(file.name + ".growing")
    book.save(growing)
    growing.replace(file)


def _cell(sheet: WriteOnlyWorksheet, value: Cell) -> object:
    if not isinstance(value, str):
        return value
    if not value:
        return None
    if value.startswith("="):
        return value  # a real formula, as a careless clerk leaves one
    cell = WriteOnlyCell(sheet, value=value)
    cell.number_format = "@"
    return cell
