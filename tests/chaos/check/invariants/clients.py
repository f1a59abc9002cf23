"""What clients were told is what is there."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from tests.chaos.check.registering import always, at_rest, invariant
from tests.chaos.check.world import GONE, World
from tests.chaos.journal import Operation

OUTCOMES = ("created", "updated", "unchanged", "duplicate", "refused")
ENDED = ("checked", "done", "refused", "undone", "expired")
"""States in which an import rests; each is noted in the audit."""
DECISIONS = {"approve": "approved", "return": "returned", "reject": "rejected"}


@invariant("I17", "what was acknowledged is there, what was refused is not", at_rest)
def acknowledged(world: World) -> Iterator[str]:
    """Every `ok` of every journal with its values; every `fail` without a trace; every `info` at most once."""
    # A command of several transactions has a key for each: the one that was sent, and a number.
    keys = {
        (str(row.account_id), key)
        for service in world.services.values()
        for row in service["idempotency"]
        for key in (row.key, row.key.rpartition(".")[0])
    }
    answered = {(str(each.about.get("account")), each.key) for each in world.journals if each.outcome != "fail"}
    for each in world.journals:
        if each.about.get("keyed"):
            place = (str(each.about["account"]), each.key)
            if each.outcome == "ok" and place not in keys:
                yield f"{each} was acknowledged, and its key is not there"
            if each.outcome == "fail" and place in keys and place not in answered:
                yield f"{each} was refused, and its key is there"
    yield from _submitted(world)
    yield from _decided(world)
    yield from _removed(world)
    yield from _edited(world)
    yield from _imported(world)
    yield from _photographed(world)


def _told(world: World, *ops: str) -> Iterator[Operation]:
    return (each for each in world.journals if each.op in ops and each.outcome == "ok")


def _submitted(world: World) -> Iterator[str]:
    requests = {str(row.request_id) for row in world.registry["submission"]}
    for each in _told(world, "submit"):
        for request in each.told.get("requests", ()):
            if request not in requests:
                yield f"{each} was acknowledged, and its request {request} is not there"


def _decided(world: World) -> Iterator[str]:
    final = {str(row.case_id): row.outcome for row in world.review["decision"] if row.final}
    for each in _told(world, *DECISIONS):
        for case in each.told.get("cases", ()):
            if final.get(case) != DECISIONS[each.op]:
                yield f"{each} was acknowledged, and case {case} says {final.get(case)}"


def _removed(world: World) -> Iterator[str]:
    """Nothing leads out of being removed."""
    status = {str(row.id): row.status for row in world.registry["student"]}
    for each in _told(world, "remove"):
        if (found := status.get(str(each.about["student"]))) != "removed":
            yield f"{each} was acknowledged, and the pupil is {found}"


def _edited(world: World) -> Iterator[str]:
    """An edit names the hash of the value that it alone writes: its versions are counted."""
    wanted = [each for each in world.journals if each.op == "edit" and "values" in each.about]
    students = {each.about["student"] for each in wanted}
    written: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in world.registry["student_version"]:
        content = world.contents.get(row.record_id) if row.change == "edited" and row.record_id else None
        if content is not None and str(row.student_id) in students:
            written[str(row.student_id)].append(json.loads(content)["record"])
    # What was refused for a token that was too old is asked again under the same name: the last answer counts.
    last = {(each.journal, each.key): each for each in wanted}
    for each in last.values():
        values = each.about["values"]
        times = sum(
            all(hash_of(str(record.get(field))) == value for field, value in values.items())
            for record in _first_of_each(written[each.about["student"]], list(values))
        )
        if times > 1 or (each.outcome == "ok" and times != 1) or (each.outcome == "fail" and times):
            code = each.told.get("code", "")
            yield f"{each} ended as {each.outcome} {code}".rstrip() + f" and is there {times} times"


def _first_of_each(records: list[dict[str, Any]], fields: list[str]) -> Iterator[dict[str, Any]]:
    """Versions in which one of the fields has changed: a later edit of another field carries them on."""
    before: list[Any] | None = None
    for record in records:
        values = [record.get(field) for field in fields]
        if values != before:
            yield record
        before = values


def hash_of(value: str) -> str:
    """How a journal names a value without saying it."""
    return sha256(value.encode()).hexdigest()


def _imported(world: World) -> Iterator[str]:
    imports = {str(row.id): row for row in world.registry["import"]}
    for each in _told(world, "import"):
        row = imports.get(str(each.told.get("import")))
        if row is None:
            yield f"{each} was acknowledged, and its import is not there"
        else:
            for name in OUTCOMES:
                if name in each.told and each.told[name] != row[name]:
                    yield f"{each} was told {each.told[name]} {name}, the import says {row[name]}"


def _photographed(world: World) -> Iterator[str]:
    photos = {(str(row.student_id), row.sha256) for row in world.photo["photo"]}
    there = {str(row.student_id) for row in world.photo["photo"]}
    archives = {str(row.id) for row in world.photo["archive"]}
    for each in _told(world, "photo"):
        student, digest = str(each.about["student"]), each.told.get("sha256")
        if (student not in there) if digest is None else ((student, digest) not in photos):
            yield f"{each} was acknowledged, and the photo is not there"
    for each in _told(world, "archive"):
        if str(each.told["archive"]) not in archives:
            yield f"{each} was acknowledged, and its archive is not there"


@invariant("I18", "a key acts once", always)
def keys(world: World) -> Iterator[str]:
    """No key was taken without an answer; a repeat was answered as the first; another body was refused."""
    for name, service in world.services.items():
        for row in service["idempotency"]:
            if row.unanswered:
                yield f"{name}: a key of account {row.account_id} was taken and nothing was answered"
    first: dict[tuple[str, str, str], Operation] = {}
    for each in world.journals:
        if each.outcome != "ok" or not each.about.get("keyed"):
            continue
        if each.about.get("another_body"):
            yield f"{each} had the key of another body, and was done"
        before = first.setdefault((str(each.about["account"]), each.op, each.key), each)
        if before.told != each.told:
            yield f"{each} was answered otherwise than {before}"


@invariant("I19", "an import of n rows has n outcomes, and the same file creates nobody twice", at_rest)
def imports(world: World) -> Iterator[str]:
    """Counters = rows = outcomes; nothing hangs; no row of a file that came again created a pupil who is there."""
    outcomes: dict[Any, Counter[str]] = defaultdict(Counter)
    created: dict[Any, list[int]] = defaultdict(list)
    gone = {row.id for row in world.registry["student"] if row.status in GONE}
    for row in world.registry["import_row"]:
        outcomes[row.import_id][row.outcome] += 1
        if row.outcome == "created" and row.student_id not in gone:
            created[row.import_id].append(row.row)
    first: dict[Any, Any] = {}
    for row in world.registry["import"]:
        if row.state in ("waiting", "reading", "checking", "running", "undoing"):
            yield f"import {row.id} is {row.state} and nothing goes on"
            continue
        if row.state not in ENDED:
            yield f"import {row.id} is {row.state}, which is no state"
        if row.state == "expired":
            continue
        counted = {name: row[name] for name in OUTCOMES}
        found = outcomes[row.id]
        if sum(found.values()) != row.rows or sum(counted.values()) != row.rows:
            yield f"import {row.id} of {row.rows} rows has {sum(found.values())}, counted {sum(counted.values())}"
        elif any(found[name] != counted[name] for name in OUTCOMES):
            yield f"import {row.id} counts {counted} and has {dict(found)}"
        for number in created[row.id]:
            before = first.setdefault((row.school_id, row.sha256, number), row.id)
            if before != row.id:
                yield f"row {number} of import {row.id} created a pupil whom import {before} had brought in"
