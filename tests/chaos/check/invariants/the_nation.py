"""The nation's memory and ours."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

from nation.wire import Keys
from tests.chaos.check.registering import at_rest, invariant
from tests.chaos.check.world import World

MOST_REMEMBERED = 50
"""Versions of a pupil that sync tells apart."""


@invariant("I16", "the nation has what we say that it has taken, and answered only what it was told", at_rest)
def both_memories(world: World) -> Iterator[str]:
    """Each answer that is kept was given; each record there was said; each receipt echoes a record of ours."""
    if world.nation is None:
        return
    judged: dict[str, dict[tuple[int, int, str], Any]] = defaultdict(dict)
    for record in world.nation.records:
        judged[record["student"]][record["epoch"], record["version"], record["hash"]] = record
    blind = Keys(world.keys["nation"], "sync.national-record.v1").blind
    spoken: dict[str, set[tuple[int, int, str]]] = {}
    silent = {record["student"] for record in world.nation.records if record["silent"] and record["taken"]}
    for row in world.sync["national_pupil"]:
        student = str(row.student_id)
        said = json.loads(row.spoken)
        spoken[student] = {(epoch, version, content) for epoch, version, content, _ in said}
        yield from _of_pupil(world, row, said, judged.pop(student, {}), silent, blind)
    for student in judged:
        yield f"the nation knows {student}, of whom it was told nothing"
    yield from _receipts(world, spoken)


def _of_pupil(
    world: World,
    row: Any,
    said: list[Any],
    judged: dict[tuple[int, int, str], Any],
    silent: set[str],
    blind: Callable[[str], str],
) -> Iterator[str]:
    """`silent`: pupils of whom the nation took something without saying so; its copy may be newer than we know.

    `blind`: the nation's keyed hash of a number.
    """
    assert world.nation is not None
    student = str(row.student_id)
    taken = []
    for epoch, version, content, answer in said:
        record = judged.pop((epoch, version, content), None)
        if answer is not None and (record is None or bool(record["taken"]) != (answer == "taken")):
            yield f"{student} version {version} is kept as {answer}; the nation does not say so"
        if answer is None and record is not None and not record["silent"] and not world.nation.later:
            yield f"{student} version {version} was answered and is kept as unanswered"
        if answer == "taken":
            taken.append((epoch, version, content))
    if judged and len(said) < MOST_REMEMBERED:
        yield f"the nation has {len(judged)} versions of {student} that were never said"
    newest = max(taken, default=None)
    if row.accepted_version != (newest[1] if newest else None):
        yield f"{student} is kept as accepted in version {row.accepted_version}, newest taken {newest}"
    theirs = world.nation.pupils.get(student)
    if (
        newest
        and student not in silent
        and (theirs is None or (theirs["epoch"], theirs["version"], theirs["hash"]) != newest)
    ):
        yield f"the nation's copy of {student} is not the version that it took last"
    if (row.number_blind is not None) != (student in world.nation.numbered) and row.ended_at is None:
        yield f"a number of {student} is known to one side only"
    number = world.national_numbers.get(row.student_id)
    if number is not None and world.nation.numbered.get(student, blind(number)) != blind(number):
        yield f"the number of {student} is another than the nation issued"


def _receipts(world: World, spoken: dict[str, set[tuple[int, int, str]]]) -> Iterator[str]:
    parked = {(row.partition, row.offset) for row in world.sync["parked"] if row.topic == "national.receipt.v1"}
    for record in world.log("national.receipt.v1").readable():
        if record.body is None or (record.partition, record.offset) in parked:
            continue
        echo = json.loads(record.body)["echo"]
        known = spoken.get(echo["student_id"])
        if known is None:
            yield f"{record} answers for a pupil of whom nothing was said"
        elif (echo["epoch"], echo["version"], echo["content_hash"]) not in known and len(known) < MOST_REMEMBERED:
            yield f"{record} answers what was never said"
