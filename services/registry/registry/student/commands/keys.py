"""The keyed hashes by which a pupil is known: unique, suspected, searched, matched by photo."""

from typing import NamedTuple

from chassis.sealing import Vault
from contracts.record import StudentRecord
from registry.student.domain import answering_guardian, folded, match_fold, name_parts, own_document

UNIQUE = "uniqueness"
"""The key of these never leaves registry."""


class Identity(NamedTuple):
    """Who a record is of."""

    claim: bytes
    """Index of the own document, or of the guardian's number."""
    person: bytes
    """Index of name, sex and birth date."""
    documented: bool
    """Whether the claim is on a document of the pupil's own."""

    @property
    def short(self) -> bytes:
        """16 bytes that are equal for the same child in one sheet."""
        return self.claim[:16] if self.documented else self.claim[:8] + self.person[:8]


def identity(vault: Vault, record: StudentRecord) -> Identity:
    """Who the record is of; `domain.basics` must have found nothing. Source: art. 13."""
    person = person_index(vault, record)
    document = own_document(record)
    if document is not None:
        return Identity(document_index(vault, *document), person, documented=True)
    guardian = answering_guardian(record)
    assert guardian is not None
    assert guardian.document_number is not None
    return Identity(vault.blind(UNIQUE, "guardian", guardian.document_number), person, documented=False)


def document_index(vault: Vault, kind: str, number: str) -> bytes:
    """The claim index of an own document."""
    return vault.blind(UNIQUE, "document", kind, number)


def number_index(vault: Vault, value: str) -> bytes:
    """The index of a number that was given out."""
    return vault.blind(UNIQUE, "number", value)


def person_index(vault: Vault, record: StudentRecord) -> bytes:
    """The index of name, sex and birth date."""
    born = record.birth_date.isoformat() if record.birth_date else ""
    return vault.blind(UNIQUE, "person", folded(record.name), record.sex or "", born)


def name_index(vault: Vault, name: str) -> bytes:
    """The index of a whole name, by which lists are searched."""
    return vault.blind("name", folded(name))


def match_document(vault: Vault, record: StudentRecord) -> bytes | None:
    """The hash under which photo finds a file that is named by the pupil's own document."""
    return vault.blind("match", "document", match_fold(record.document_number)) if record.document_number else None


def match_number(vault: Vault, number: str) -> bytes:
    """The hash under which photo finds a file that is named by the 学籍号."""
    return vault.blind("match", "number", match_fold(number))


def match_name(vault: Vault, school_code: str, class_number: str | None, name: str) -> bytes | None:
    """The hash under which photo finds 学校标识码_班号_姓名; None until there is a class."""
    if not class_number:
        return None
    return vault.blind("match", "name", *name_parts(school_code, class_number, name))
