"""The frozen submission: what the reviewer will see, and what the decision is bound to. Source: art. 15."""

from hashlib import sha256
from uuid import UUID

from contracts.event import Words
from contracts.record import StudentRecord
from contracts.registry import PupilNumber
from contracts.values import Stage

SALT_BYTES = 16


class FrozenWarning(Words):
    """A warning and the school's reason; without one where none is asked for."""

    code: str
    field: str
    text: str
    reason: str | None = None


class FrozenEvidence(Words):
    """A file as it was when the school submitted."""

    id: UUID
    kind: str
    sha256: str


class Frozen(Words):
    """Everything that the school submits of a pupil. Names of classes are kept as the reviewer shall read them."""

    school_id: UUID
    school_code: str
    class_id: UUID
    class_number: str
    class_name: str
    stage: Stage
    entry_year: int
    grade_name: str
    numbers: tuple[PupilNumber, ...]
    photo_hash: str | None = None
    """None where a photo is not required and none was taken; then nothing is packed of it."""
    photo_year: int | None = None
    warnings: tuple[FrozenWarning, ...] = ()
    evidence: tuple[FrozenEvidence, ...] = ()
    record: StudentRecord


def packed(frozen: Frozen) -> bytes:
    """The canonical bytes: JSON in the order of the fields, empty ones left out. They are stored as they are."""
    return frozen.model_dump_json(exclude_none=True).encode()


def unpacked(data: bytes) -> Frozen:
    """The submission that was packed, by this release or an earlier one."""
    return Frozen.model_validate_json(data, extra="ignore")


def content_hash(data: bytes, photo_hash: str | None, salt: bytes) -> str:
    """SHA-256 in hex over the packed data, the photo's hash and a salt, each preceded by its length.

    The salt is random and stays sealed, so that the hash, which travels openly, cannot be tried against guesses.
    """
    digest = sha256()
    for part in (salt, (photo_hash or "").encode(), data):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()
