"""The nation's memory and ours."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

from contracts.topics import NATIONAL_RECORD, OUTCOME, RECEIPT, STUDENT_RECORD
from nation.wire import Keys
from tests.chaos.check.invariants.copies import said_last
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


@invariant("I16", "where a pupil stands with the nation is what was said of it", at_rest)
def standings(world: World) -> Iterator[str]:
    """Standing and problems as sync said them; school and class as registry did; the number's version as answered."""
    outcomes, records = said_last(world, OUTCOME.name), said_last(world, STUDENT_RECORD.name)
    numbered = set()
    for record in world.log(RECEIPT.name).readable():
        if record.body is not None and (answer := json.loads(record.body)).get("number"):
            echo = answer["echo"]
            numbered.add((echo["student_id"], echo["epoch"], echo["version"]))
    spoken = {row.subject: row.time for row in world.sync["outbox"] if row.topic == NATIONAL_RECORD.name}
    for row in world.sync["national_pupil"]:
        outcome, record_of = outcomes.get(row.student_id), records.get(row.student_id)
        if outcome is not None and (row.standing, row.problem_count) != (
            outcome["standing"], len(outcome["problems"]),
        ):  # fmt: skip
            yield f"{row.student_id} is kept as {row.standing} with {row.problem_count} problems, said otherwise"
        if row.ended_at is not None:
            continue
        here = (str(row.school_id), row.class_number)
        if record_of is not None and here != (record_of["school_id"], record_of["class_number"]):
            yield f"{row.student_id} is kept at another school or in another class than registry has said"
        at = (str(row.student_id), row.number_epoch, row.number_version)
        if (row.number_blind is not None and at not in numbered) or (row.number_blind is None and any(at[1:])):
            yield f"{row.student_id} has a number that no answer to that version has brought"
        if spoken.get(row.student_id) != row.spoken_at:
            yield f"{row.student_id} was told at another moment than the outbox says"
    problems = {row.enrolment_id: row.problem_count for row in world.sync["national_pupil"] if row.ended_at is None}
    for row in world.registry["enrolment"]:
        if row.problem_count != problems.get(row.id, 0):
            yield f"enrolment {row.id} has {row.problem_count} problems, sync {problems.get(row.id, 0)}"
