"""Imports and archives: the accounts that each keeps of itself."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from registry.student.domain.status import Change
from tests.chaos.check.registering import at_rest, invariant
from tests.chaos.check.world import World

MODE_OF = {"checked": "dry-run", "expired": "dry-run", "done": "run", "undone": "run", "refused": ""}
"""State in which an import rests → its mode, where only one leads there."""


@invariant("I19", "an import and an archive keep their own accounts", at_rest)
def accounts_of_jobs(world: World) -> Iterator[str]:
    """Rows of imports that are there, held by nobody once they ended, of pupils who are there; files of archives."""
    imports = {row.id: row for row in world.registry["import"]}
    drafted = {
        row.student_id: row for row in world.registry["student_version"] if row.change == Change.DRAFTED
    }  # fmt: skip
    history = {(row.student_id, row.version): row.at for row in world.registry["student_version"]}
    taken_back = {each for row in world.registry["audit"] if "import.undo" in row.actions for each in row.objects}
    undone: Counter[Any] = Counter()
    made: set[Any] = set()
    for row in world.registry["import_row"]:
        undone[row.import_id] += row.undone
        of = imports.get(row.import_id)
        for wrong in ("has no import",) if of is None else _row_of(row, of, drafted.get(row.student_id), made):
            yield f"row {row.row} of import {row.import_id} {wrong}"
        if of is not None and row.previous_version is not None and not _was_at(row, of, history):
            yield f"row {row.row} of import {row.import_id} came upon another version than {row.previous_version}"
    for row in imports.values():
        if row.state not in MODE_OF:
            continue  # whoever hangs is told elsewhere, and no other state is one
        if MODE_OF[row.state] not in (row.mode, ""):
            yield f"import {row.id} of mode {row.mode} is {row.state}"
        if undone[row.id] and row.id not in taken_back:
            yield f"import {row.id} has rows undone, and nobody undid it"
        if row.lease is not None or row.leased_until is not None:
            yield f"import {row.id} is {row.state} and still held"
        if row.state == "done" and (row.chunks != row.next_chunk or row.undone > undone[row.id]):
            yield f"import {row.id} is done with {row.next_chunk} of {row.chunks} chunks"
        if (row.state == "refused") != (row.refusal_code is not None) or (
            (row.refusal_code is None) != (row.refusal_text is None)
        ):
            yield f"import {row.id} is {row.state} for {row.refusal_code}"
    yield from _archives(world)


def _was_at(row: Any, of: Any, history: Mapping[tuple[Any, int], Any]) -> bool:
    """Whether the version that a row came upon was the pupil's at the time of the import."""
    version, following = (history.get((row.student_id, row.previous_version + more)) for more in (0, 1))
    began_in_time = version is not None and (of.ended_at is None or version <= of.ended_at)
    return began_in_time and (following is None or following >= of.uploaded_at)


def _row_of(row: Any, of: Any, drafted: Any, made: set[Any]) -> Iterator[str]:
    """How the outcome of a row differs from its import's doings; `made`: pupils whom other rows have created."""
    if row.code != row.first_code or (row.code is None) != (row.outcome not in ("refused", "duplicate")):
        yield f"is {row.outcome} for {row.code}, its first problem is {row.first_code}"
    if (row.previous_version is not None) != (row.outcome in ("updated", "unchanged")):
        yield f"is {row.outcome} of version {row.previous_version}"
    if of.mode == "run" and (row.outcome in ("created", "updated", "unchanged")) != (row.student_id is not None):
        yield f"is {row.outcome} and names {row.student_id}"
    if row.student_id is None or row.outcome != "created":
        return
    if (
        row.student_id in made
        or drafted is None
        or (drafted.account_id, drafted.school_id) != (of.uploaded_by, of.school_id)
    ):
        yield f"did not create {row.student_id}"
    made.add(row.student_id)


def _archives(world: World) -> Iterator[str]:
    files = Counter(row.archive_id for row in world.photo["archive_file"])
    pictures = {row.student_id for row in world.photo["photo"]}
    for row in world.photo["archive"]:
        if row.state != "done" or row.lease_until is not None:
            yield f"archive {row.id} is {row.state} and held until {row.lease_until}"
        elif not row.files == row.done == files[row.id]:
            yield f"archive {row.id} of {row.files} files has {row.done} done and {files[row.id]} results"
        if row.object_key.split("/")[2] != str(row.id):
            yield f"archive {row.id} has the file of another"
    for row in world.photo["archive_file"]:
        if (row.result == "accepted") != (row.reason is None):
            yield f"file {row.number} of archive {row.archive_id} is {row.result} for {row.reason}"
        if row.result == "accepted" and row.student_id not in pictures:
            yield f"file {row.number} of archive {row.archive_id} was accepted for who has no photo"
