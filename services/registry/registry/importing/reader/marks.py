"""What stands in a part of a workbook besides values: its size, formulas, merged cells, and what may not be there.

Fifty megabytes of cells are looked at by patterns that only find what is not as every spreadsheet program writes it;
only a part that has such a thing is walked through by a parser, for the exact answer.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final
from xml.parsers import expat

from registry.importing.reader import verdict
from registry.importing.reader.verdict import FileRefused

_CELL: Final = rb' r="(?:[A-Z]|[A-C][A-Z]|D[A-P])(?:[1-9]\d{0,4}|10000[01])"[ />]'
_UNUSUAL_CELL: Final = re.compile(rb"<c(?!" + _CELL + rb")[\s/>]")
_PREFIXED: Final = re.compile(rb":(?:c|f|mergeCell|si)[\s/>]")
_FORMULA: Final = re.compile(rb"<f[\s/>]")
_MERGE: Final = re.compile(rb"<mergeCell\b[^>]{0,200}>")
_STRING: Final = re.compile(rb"<si[\s/>]")
_DOCTYPE: Final = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_EXTERNAL: Final = re.compile(rb"<(?:\w+:)?Relationship\b[^>]*>")
_REFERENCE: Final = re.compile(r"\$?([A-Z]{1,3})\$?([0-9]{1,7})")
_LAST_CELL: Final = re.compile(rb'<c r="([A-Z]{1,2})(\d{1,6})"')
_FURTHEST_TAG: Final = 4_096
"""Bytes of a tag that may be cut between two pieces."""
MOST_FORMULAS: Final = 200_000

Place = tuple[int, int]
"""Row from 1, column from 0."""


@dataclass(slots=True)
class Marks:
    """What was found in one part."""

    formulas: set[Place] = field(default_factory=set)
    merges: list[tuple[Place, Place]] = field(default_factory=list)
    """First and last cell of each range of two or more cells."""


def place_of(reference: str) -> Place | None:
    """`B7` → (7, 1); None when it is no reference."""
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        return None
    column = 0
    for letter in found[1]:
        column = column * 26 + ord(letter) - 64
    return int(found[2]), column - 1


def look(pieces: Iterable[bytes], again: Callable[[], Iterable[bytes]]) -> Marks:
    """What stands in the part; `again` inflates it a second time when only a parser can tell. Raises FileRefused."""
    marks = Marks()
    strings = 0
    last: bytes = b""
    tail = b""
    first = True
    unusual = False
    for piece in pieces:
        text = tail + piece
        if first:
            if not _is_xml(text):
                for _ in pieces:  # counts the rest
                    pass
                return marks
            first = False
        cut = text.rfind(b"<")
        tail, text = (text[cut:], text[:cut]) if len(text) - cut < _FURTHEST_TAG else (b"", text)
        # Bytes that begin a pattern are looked for first: most parts have none, and that is found out in half the time.
        if (b"<!" in text and _DOCTYPE.search(text)) or _DOCTYPE.search(tail):
            raise FileRefused("doctype")
        unusual = unusual or bool(_UNUSUAL_CELL.search(text) or (b":" in text and _PREFIXED.search(text)))
        if unusual:
            break
        strings += len(_STRING.findall(text)) if b"<si" in text else 0
        if strings > verdict.MOST_STRINGS:
            raise FileRefused("too-many-strings")
        last = _collect(text, last, marks)
    if unusual or _UNUSUAL_CELL.search(tail) or _PREFIXED.search(tail):
        return _walk(again())
    _collect(tail, last, marks)
    return marks


def _is_xml(text: bytes) -> bool:
    """Whether the part is XML in UTF-8; what is no XML holds no cells. Raises FileRefused for other encodings."""
    if text[:2] in (b"\xff\xfe", b"\xfe\xff") or text[:2] in (b"<\0", b"\0<"):
        raise FileRefused("damaged")
    start = text[:200].removeprefix(b"\xef\xbb\xbf").lstrip()
    if not start.startswith(b"<"):
        return False
    declared = re.match(rb"<\?xml[^>]*encoding\s*=\s*[\"']([^\"']+)[\"']", start)
    if declared and declared[1].lower() not in (b"utf-8", b"utf8", b"us-ascii", b"ascii"):
        raise FileRefused("damaged")
    return True


def _collect(text: bytes, last: bytes, marks: Marks) -> bytes:
    """Formulas and merges of a piece; the last cell seen, for a formula that the next piece begins with."""
    for found in _FORMULA.finditer(text) if b"<f" in text else ():
        start = text.rfind(b'<c r="', 0, found.start())
        cell = _LAST_CELL.match(text, start) if start >= 0 else _LAST_CELL.match(last)
        if cell is not None:
            _note_formula(marks, place_of((cell[1] + cell[2]).decode()))
    for found in _MERGE.finditer(text) if b"<mergeCell" in text else ():
        reference = re.search(rb"\bref\s*=\s*[\"']([^\"']{1,40})[\"']", found[0])
        _note_merge(marks, reference[1].decode("ascii", "replace") if reference else "")
    start = text.rfind(b'<c r="')
    return text[start : start + 40] if start >= 0 else last


def _note_formula(marks: Marks, place: Place | None) -> None:
    if place is not None and len(marks.formulas) < MOST_FORMULAS:
        marks.formulas.add(place)


def _note_merge(marks: Marks, reference: str) -> None:
    first, _, second = reference.partition(":")
    start, end = place_of(first), place_of(second or first)
    if start is None or end is None:
        raise FileRefused("damaged")
    if start != end and len(marks.merges) < 10_000:
        marks.merges.append((start, (min(end[0], verdict.MOST_ROWS), min(end[1], verdict.MOST_COLUMNS))))


class _Walker:
    """Follows every element of a part, whatever its prefix, its quotes and the order of its attributes."""

    def __init__(self) -> None:
        self.marks = Marks()
        self._row = 0
        self._column = -1
        self._strings = 0

    def doctype(self, *_: Any) -> None:
        raise FileRefused("doctype")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(":")[2]
        if local == "c":
            self._cell(attributes.get("r"))
        elif local == "row":
            number = attributes.get("r", "")
            self._row = int(number) if number.isascii() and number.isdigit() and len(number) < 9 else self._row + 1
            self._column = -1
        elif local == "f":
            _note_formula(self.marks, (self._row, self._column))
        elif local == "mergeCell":
            _note_merge(self.marks, attributes.get("ref", ""))
        elif local == "si":
            self._strings += 1
            if self._strings > verdict.MOST_STRINGS:
                raise FileRefused("too-many-strings")

    def _cell(self, reference: str | None) -> None:
        if reference is None:
            self._column += 1
        else:
            place = place_of(reference)
            if place is None:
                raise FileRefused("damaged")
            self._row, self._column = place
        if self._row > verdict.MOST_ROWS:
            raise FileRefused("too-many-rows")
        if self._column >= verdict.MOST_COLUMNS:
            raise FileRefused("too-many-columns")


def _walk(pieces: Iterable[bytes]) -> Marks:
    walker = _Walker()
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = walker.doctype
    parser.StartElementHandler = walker.start
    try:
        for piece in pieces:
            parser.Parse(piece, False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise FileRefused("damaged") from error
    return walker.marks


def check_relationships(content: bytes) -> None:
    """Raise FileRefused when a part refers to anything outside, other than a cell's hyperlink."""
    for found in _EXTERNAL.findall(content):
        if re.search(rb"TargetMode\s*=\s*[\"']External", found, re.IGNORECASE) and not re.search(
            rb"Type\s*=\s*[\"'][^\"']*/hyperlink[\"']", found
        ):
            raise FileRefused("external-link")
        if re.search(rb"Type\s*=\s*[\"'][^\"']*/vbaProject[\"']", found):
            raise FileRefused("macro")
