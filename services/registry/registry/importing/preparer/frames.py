"""Prepared rows on their way from the process that has prepared them: what is bytes, and JSON for all the rest."""

import json
import struct
from collections.abc import Iterable
from datetime import date
from typing import Any, Final

from chassis.ids import id_of
from registry.importing.preparer.chunks import SheetRow
from registry.student.commands import Entry, Identity, Prepared
from registry.student.domain import Problem

HEAD: Final = struct.Struct("<I")
_NO_BYTES: Final = b""


def pack(rows: Iterable[SheetRow]) -> bytes:
    """The rows as `unpack` reads them: length of the JSON, the JSON, then every row's bytes one after the other."""
    told: list[Any] = []
    blobs: list[bytes] = []
    for row in rows:
        if row.entry is None:
            told.append((row.number, [(each.code, each.field, each.text) for each in row.problems]))
            continue
        entry = row.entry
        pupil = entry.pupil
        assert isinstance(pupil, Prepared)
        parts = (
            pupil.who.claim, pupil.who.person, pupil.record_id.bytes, pupil.sealed, pupil.digest,
            pupil.formal_index or _NO_BYTES, pupil.name_index, pupil.match_document or _NO_BYTES,
        )  # fmt: skip
        blobs.extend(parts)
        told.append(
            (
                row.number, entry.class_number, entry.grade, entry.school_code, entry.continuation,
                pupil.who.documented, pupil.name, pupil.birth_date and pupil.birth_date.toordinal(), pupil.citizen_id,
                *map(len, parts),
            )
        )  # fmt: skip
    words = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    return b"".join((HEAD.pack(len(words)), words, *blobs))


def unpack(packed: bytes) -> list[SheetRow]:
    """What `pack` packed. Raises ValueError, TypeError or struct.error on anything else."""
    (length,) = HEAD.unpack_from(packed)
    place = HEAD.size + length
    rows: list[SheetRow] = []
    for number, *about in json.loads(packed[HEAD.size : place]):
        if len(about) == 1:
            rows.append(SheetRow(number, None, tuple(Problem(*each) for each in about[0])))
            continue
        class_number, grade, school_code, continuation, documented, name, born, citizen_id, *lengths = about
        parts: list[bytes] = []
        for size in lengths:
            parts.append(packed[place : place + size])
            place += size
        claim, person, record_id, sealed, digest, formal_index, name_index, match_document = parts
        pupil = Prepared(
            Identity(claim, person, documented), id_of(record_id), sealed, digest, name,
            date.fromordinal(born) if born else None, citizen_id, formal_index or None, name_index,
            match_document or None,
        )  # fmt: skip
        rows.append(SheetRow(number, Entry(number, pupil, class_number, grade, school_code, continuation), ()))
    if place != len(packed):
        raise ValueError("bytes left over")
    return rows
