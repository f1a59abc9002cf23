"""Personal data: sealed where it stands, and nowhere else; photos and their files."""

import json
import re
import time
from collections import defaultdict
from collections.abc import Iterator
from hashlib import sha256
from typing import Final
from uuid import UUID

from chassis.sealing import SealBroken
from contracts.values import born_on
from registry.student import content
from registry.student.commands.keys import identity, name_index, number_index
from registry.student.domain import basics
from sync.models import blind_number
from tests.chaos.check.places import Object
from tests.chaos.check.registering import always, at_rest, invariant
from tests.chaos.check.world import World, read_content

ORPHANS_KEPT: Final = {"archive": 2.5, "imports": 2.5, "photo": 26.0, "evidence": 26.0}
"""Folder → hours for which an object may stand without a row: one, and until its turn to be swept comes."""
_HAN: Final = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U000323af·]+")
_LONGEST_NAME: Final = 12
_SPARING: Final = ("log ", "statement in ", "file of ")
"""Where so few Chinese characters stand that two of them, within others, are somebody's name and no chance."""
_KEYS: Final = {
    "photo": re.compile(r"(photo|archive)/[0-9a-f]{2}/[0-9a-f-]{36}/[0-9a-f]{64}"),
    "registry": re.compile(r"(evidence|imports)/[0-9a-f]{2}/[0-9a-f-]{36}"),
}
_UNFINISHED: Final = re.compile(r"#\d+$")


@invariant("I26", "nothing personal stands where somebody can read it", always)
def no_plaintext(world: World) -> Iterator[str]:
    """Topics, logs, statements, names of files and readable columns: no valid ID, no name, number or phone."""
    names, numbers = _protected(world)
    for word, where in world.vocabulary:
        if word[-1].isascii():
            digits = word.lstrip("GgLl")
            if word in numbers or (len(digits) == 18 and born_on(digits.upper())):
                yield f"a number of a person in {where}"
        elif word in names or any(_inside(word, names, 2 if where.startswith(_SPARING) else 3)):
            yield f"a name of a person in {where}"


def _inside(words: str, names: set[str], shortest: int) -> Iterator[bool]:
    """Names of so many characters and more within a run: where much is written, two are too often something else."""
    longest = min(len(words), _LONGEST_NAME + 1)
    for start in range(len(words)):
        for end in range(start + shortest, min(len(words), start + longest) + 1):
            if words[start:end] in names:
                yield True


def _protected(world: World) -> tuple[set[str], set[str]]:
    """Names; numbers and phones: everything that the vault holds and whatever was told to be looked for."""
    names = {word for word in world.protected if _HAN.fullmatch(word)} | set(world.persons)
    numbers = {word for word in world.protected if not _HAN.fullmatch(word)}
    numbers |= set(world.numbers.values()) | set(world.national_numbers.values())
    for written in world.contents.values():
        record = json.loads(written)["record"]
        for about in (record, *record.get("family", ())):
            names.add(about.get("name") or "")
            numbers |= {about.get("document_number") or "", about.get("phone") or ""}
    return {name for name in names if _HAN.fullmatch(name) and len(name) > 1}, numbers - {""}


@invariant("I27", "what is sealed opens where it stands, and its keyed hashes are of what it holds", always)
def seals(world: World) -> Iterator[str]:
    """At rest and in topics; no nonce twice; names, identities, contents and numbers fit their blind indexes."""
    for service in world.services.values():
        yield from (f"{each} does not open" for each in service.broken)
        yield from (f"{each} was sealed with a nonce that was used before" for each in service.repeated)
    yield from (f"{each} does not open" for each in world.unsealed)
    vault = world.registry.vault
    for row in world.registry["student_number"]:
        value = world.numbers.get(row.id)
        if value is not None and row.value_index != number_index(vault, value):
            yield f"number {row.id} has the index of another"
    for student_id, pupil in world.everybody.items():
        if pupil.content is None:
            if not world.registry.broken:
                yield f"what is sealed of student {student_id} is no record"
            continue
        record = pupil.content.record
        body = content.written(record, pupil.content.reasons)
        found = [pupil.row.name_index == name_index(vault, record.name)]
        found.append(pupil.row.digest == content.digest(vault, body))
        if not basics(record):
            who = identity(vault, record)
            found.append((pupil.row.person_index, pupil.row.documented) == (who.person, who.documented))
        if not all(found):
            yield f"student {student_id} has an index of another content"
    for row in world.sync["national_pupil"]:
        number = world.national_numbers.get(row.student_id)
        if number is not None and row.number_blind != blind_number(world.sync.vault, number):
            yield f"sync's number of {row.student_id} has the index of another"


@invariant("I27", "a case of duplicates has the index of what was entered", always)
def duplicates(world: World) -> Iterator[str]:
    """Of the identity that is held, or of the person that is alike."""
    vault = world.registry.vault
    records: dict[UUID, list[bytes]] = defaultdict(list)
    for row in world.registry["student_version"]:
        if row.record_id in world.contents:
            records[row.student_id].append(world.contents[row.record_id])
    for row in world.registry["duplicate_case"]:
        held = [found.record for each in records[row.holder_id] if (found := read_content(each)) is not None]
        who_held = [identity(vault, each) for each in held if not basics(each)]
        if row.index not in [each.claim if row.kind == "claim" else each.person for each in who_held]:
            yield f"duplicate {row.id} is held by who was never the same"
        attempt = read_content(world.contents.get(row.id))
        if attempt is not None and not basics(attempt.record):
            who = identity(vault, attempt.record)
            if row.index != (who.claim if row.kind == "claim" else who.person):
                yield f"duplicate {row.id} has the index of another"


@invariant("I21", "rows and stored files are one to one", at_rest)
def files(world: World) -> Iterator[str]:
    """Each photo, archive and proof is there with the contents that its row says; the present photo is one of them."""
    there = {(each.service, each.key): each for each in world.objects}
    wanted: set[tuple[str, str]] = set()
    for name, place, digest, size, is_needed in _rows(world):
        wanted.add(place)
        if is_needed and place not in there:
            yield f"{name} has no file"
        elif is_needed and digest is not None:
            plain = _opened(world, there[place])
            if plain is None or sha256(plain).digest() != digest or size not in (None, len(plain)):
                yield f"{name} has a file of other contents"
    for (service, key), each in there.items():
        # What somebody was killed while writing has a number behind its name until it is swept.
        if service not in _KEYS or not _KEYS[service].fullmatch(_UNFINISHED.sub("", key)):
            yield f"a file of {service} has a name that no rule makes"
        elif (service, key) not in wanted and time.time() - each.changed > ORPHANS_KEPT[key.partition("/")[0]] * 3600:
            yield f"{service}'s file {key} has no row"
    yield from _present_photos(world)


def _rows(world: World) -> Iterator[tuple[str, tuple[str, str], bytes | None, int | None, bool]]:
    """(name, place, SHA-256 and size of the contents, whether the file must be there) of each row that names a file."""
    for row in world.photo["photo"]:
        yield f"photo {row.id}", ("photo", row.object_key), bytes.fromhex(row.sha256), None, True
    for row in world.photo["archive"]:
        yield f"archive {row.id}", ("photo", row.object_key), bytes.fromhex(row.sha256), row.bytes, True
    for row in world.registry["evidence"]:
        place = ("registry", f"evidence/{row.id.hex[-2:]}/{row.id}")
        yield f"evidence {row.id}", place, row.sha256, row.size, row.removed_at is None
    for row in world.registry["import"]:
        place = ("registry", f"imports/{row.id.hex[-2:]}/{row.id}")
        yield f"import {row.id}", place, None, None, row.state in ("waiting", "reading")


def _present_photos(world: World) -> Iterator[str]:
    taken = {(row.enrolment_id, row.sha256) for row in world.photo["photo"]}
    for row in world.photo["requirement"]:
        if row.state == "accepted" and (row.enrolment_id, row.sha256) not in taken:
            yield f"enrolment {row.enrolment_id} has an accepted photo that nobody took"


def _opened(world: World, stored: Object) -> bytes | None:
    """What is stored; None where it does not open."""
    folder, _, owner, *name = stored.key.split("/")
    column = name[0] if name else "object"
    try:
        return world.services[stored.service].vault.open(
            stored.path.read_bytes(), table=folder, column=column, row=UUID(owner)
        )
    except (SealBroken, OSError):
        return None


@invariant("I21", "a photo is its pupil's, of the pupil's year", at_rest)
def photos(world: World) -> Iterator[str]:
    """The pupil of the enrolment and of the file's name; the present photo is of the year that is asked for."""
    pupils = {row.enrolment_id: row.student_id for row in world.photo["pupil"]}
    due = {row.enrolment_id: row for row in world.photo["requirement"]}
    came = {row.student_id for row in world.photo["archive_file"] if row.result == "accepted"}
    came |= {each for row in world.photo["audit"] if "photo.taken" in row.actions for each in row.objects}
    for row in world.photo["photo"]:
        if row.student_id not in came:
            yield f"photo {row.id} came in no archive, and nobody took it"
        if row.object_key.split("/")[2] != str(row.student_id) or pupils.get(row.enrolment_id, row.student_id) != (
            row.student_id
        ):
            yield f"photo {row.id} is another pupil's"
        asked = due.get(row.enrolment_id)
        if asked is not None and asked.sha256 == row.sha256 and asked.school_year != row.school_year:
            yield f"photo {row.id} is of another year than it was asked for"
