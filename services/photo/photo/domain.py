"""Rules of photos: which are due, which may be replaced, whose a file name is. No input or output."""

import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from contracts.values import PhotoState, StudentStatus

EXPECTING = frozenset({StudentStatus.DRAFT, StudentStatus.RETURNED, StudentStatus.SUBMITTED, StudentStatus.REGISTERED})
"""Statuses in which a pupil of the first grade must have a photo."""


class ArchiveStage(StrEnum):
    """How far a ZIP is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"


class FileOutcome(StrEnum):
    """What became of a file of a ZIP."""

    ACCEPTED = "accepted"
    AMBIGUOUS = "ambiguous"
    """Its name fits several pupils, or several files are of one: a person says whose it is."""
    UNMATCHED = "unmatched"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Requirement:
    """A photo that is due, with what has come of it."""

    enrolment_id: UUID
    student_id: UUID
    school_id: UUID
    school_year: int
    state: PhotoState
    status: StudentStatus
    sha256: str | None = None
    """Of the photo that counts."""

    def has(self, sha256: str) -> bool:
        """Whether this very photo counts already."""
        return self.state is PhotoState.ACCEPTED and self.sha256 == sha256


def is_due(*, first_grade: bool, status: StudentStatus) -> bool:
    """Whether an enrolment needs a photo of its entry year. Source: art. 12."""
    return first_grade and status in EXPECTING


def why_not_taken(requirement: Requirement | None) -> str | None:
    """Code of why a new photo cannot be taken for this enrolment now, None when it can.

    The entry-year photo is kept with the record and never overwritten. Source: art. 12.
    """
    if requirement is None:
        return "photo-not-required"
    if requirement.status is StudentStatus.SUBMITTED:
        return "photo-under-review"
    if requirement.status is StudentStatus.REGISTERED and requirement.state is PhotoState.ACCEPTED:
        return "photo-already-kept"
    return None


def with_equal_values(contents: Mapping[UUID, str]) -> frozenset[UUID]:
    """Pupils whose picture is another one's as well."""
    times = Counter(contents.values())
    return frozenset(student for student, content in contents.items() if times[content] > 1)


@dataclass(frozen=True, slots=True)
class NamedBy:
    """What a file's name says of its pupil, as parts for a match index."""

    kind: str
    """"document", "number" or "name"."""
    parts: tuple[str, ...]


def named_by(stem: str) -> tuple[NamedBy, ...]:
    """The readings of a file name without its ending, most telling first; empty when it names nobody.

    A citizen ID or another document number, a 学籍号, or 学校标识码_班号_姓名. Source: regulation §6 of the house.
    """
    text = fold(stem)
    pieces = text.split("_")
    if len(pieces) >= 3:
        name = "_".join(pieces[2:])
        return (NamedBy("name", (pieces[0], pieces[1], name)),) if all((pieces[0], pieces[1], name)) else ()
    if not text or len(text) > 30:
        return ()
    readings = (NamedBy("document", (text,)),)
    return (NamedBy("number", (text,)), *readings) if len(text) == 19 and text[0] in "GJL" else readings


def fold(text: str) -> str:
    """A name or number in the form in which match indexes are made: NFKC, upper case, no blanks, dots as `·`."""
    folded = unicodedata.normalize("NFKC", text).upper()
    for dot in "•‧・．.":
        folded = folded.replace(dot, "·")
    return "".join(character for character in folded if not character.isspace() and character.isprintable())
