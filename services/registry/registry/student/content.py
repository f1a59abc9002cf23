"""What is sealed of a pupil: the record, and the reasons that came with it."""

import json
from typing import Final
from uuid import UUID

from chassis.sealing import Vault
from contracts.event import Words
from contracts.record import StudentRecord
from contracts.sync import OpenProblem

_TABLE: Final = "student_version"
_COLUMN: Final = "record_sealed"


class Content(Words):
    """The content of one version."""

    record: StudentRecord
    reasons: str | None = None
    """情况说明: the reasons that warnings ask for, as the sheet or the form gave them."""


class NationalWords(Words):
    """What the nation has said of a pupil, in its own words."""

    problems: tuple[OpenProblem, ...] = ()
    rejections: tuple[str, ...] = ()


_NOTHING: Final = NationalWords()


def written(record: StudentRecord, reasons: str | None) -> bytes:
    """The content as JSON: the same for the same content."""
    body = record.model_dump_json(exclude_none=True, exclude_defaults=True)
    return f'{{"record":{body},"reasons":{json.dumps(reasons, ensure_ascii=False)}}}'.encode()


def read(content: bytes) -> Content:
    """What `written` wrote, now or by an older release that knew other fields."""
    found: Content = Content.__pydantic_validator__.validate_json(content, extra="ignore")
    return found


def digest(vault: Vault, content: bytes) -> bytes:
    """The keyed hash by which the same content is known again."""
    return vault.blind("uniqueness", "content", content.decode())


def seal(vault: Vault, content: bytes, record_id: UUID) -> bytes:
    """The content as it is stored."""
    return vault.seal(content, table=_TABLE, column=_COLUMN, row=record_id)


def opened(vault: Vault, sealed: bytes, record_id: UUID) -> bytes:
    """The stored content as `written` wrote it. Raises SealBroken."""
    return vault.open(sealed, table=_TABLE, column=_COLUMN, row=record_id)


def unseal(vault: Vault, sealed: bytes, record_id: UUID) -> Content:
    """The stored content. Raises SealBroken."""
    return read(opened(vault, sealed, record_id))


def seal_number(vault: Vault, value: str, number_id: UUID) -> bytes:
    """A number as it is stored."""
    return vault.seal(value.encode(), table="student_number", column="value_sealed", row=number_id)


def unseal_number(vault: Vault, sealed: bytes, number_id: UUID) -> str:
    """The stored number. Raises SealBroken."""
    return vault.open(sealed, table="student_number", column="value_sealed", row=number_id).decode()


def seal_words(vault: Vault, words: NationalWords, enrolment_id: UUID) -> bytes:
    """The nation's words as they are stored."""
    return vault.seal(words.model_dump_json().encode(), table="enrolment", column="standing_sealed", row=enrolment_id)


def unseal_words(vault: Vault, sealed: bytes | None, enrolment_id: UUID) -> NationalWords:
    """The stored words; none where nothing is stored. Raises SealBroken."""
    if sealed is None:
        return _NOTHING
    opened = vault.open(sealed, table="enrolment", column="standing_sealed", row=enrolment_id)
    return NationalWords.model_validate_json(opened, extra="ignore")
