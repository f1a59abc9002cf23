"""The numbers of pupils and schools: their lives, and the pools that they come from."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from registry.student.domain.status import Change
from tests.chaos.check.invariants.pupils import day_of
from tests.chaos.check.registering import always, invariant
from tests.chaos.check.world import CARRIED, World


@invariant("I4", "numbers come and go with versions, of the pupil's own enrolment", always)
def lives_of_numbers(world: World) -> Iterator[str]:
    """Every pupil has had one of each kind; what is carried has no end, and what is not has one.

    Who is registered gets numbers of the nation's alone, and each replaces one; until then it is provisional.
    """
    had: dict[Any, set[str]] = defaultdict(set)
    days: dict[Any, set[Any]] = defaultdict(set)
    history = world.registry["student_version"]
    for row in history:
        days[row.student_id].add(day_of(row.at))
    owner = {row.id: row.student_id for row in world.registry["enrolment"]}
    registered = {row.student_id: row.at for row in history if row.change == Change.REGISTERED}
    renewed: Counter[Any] = Counter()
    for row in world.registry["student_number"]:
        if row.issuer != "province" and (row.student_id not in registered or row.kind != "student"):
            yield f"number {row.id} is the nation's, which never heard of its pupil"
        had[row.student_id].add(row.kind)
        if row.enrolment_id is not None and owner.get(row.enrolment_id) != row.student_id:
            yield f"number {row.id} was given to another enrolment than its pupil's"
        if not _fits(row):
            yield f"number {row.id} of kind {row.kind} by the {row.issuer} is {row.status} until {row.valid_until}"
        if not {row.valid_from, row.valid_until or row.valid_from} <= days[row.student_id]:
            yield f"number {row.id} came or went on a day on which nothing was done"
        if row.kind == "student":
            renewed[row.student_id] += row.student_id in registered and _made_after(row.id, registered[row.student_id])
            renewed[row.student_id] -= row.status == "replaced"
    for student_id, more in renewed.items():
        if more:
            yield f"the nation has given student {student_id} {more} numbers more than it has replaced"
    for row in world.registry["student"]:
        if had[row.id] != {"student", "regional"}:
            yield f"student {row.id} has had numbers of the kinds {sorted(had[row.id])}"


def _fits(row: Any) -> bool:
    """Whether its status goes with its end, and with who gave it."""
    if (row.valid_until is None) != (row.status in CARRIED):
        return False
    provisional = (row.kind, row.issuer) == ("student", "province")
    return row.status not in CARRIED or (row.status == "provisional") == provisional


def _made_after(row_id: Any, moment: Any) -> bool:
    """As the id says: its first 48 bits are the milliseconds of its making."""
    return bool(row_id.int >> 80 > moment.timestamp() * 1000)


@invariant("I4", "numbers come from their pools", always)
def pools(world: World) -> Iterator[str]:
    """A pool stands at its last number."""
    if world.registry.broken:
        return  # what does not open is told by I27, and may be the last of its pool
    highest: dict[tuple[str, str], int] = {}
    for row in world.registry["student_number"]:
        place = _pool(row, world.numbers[row.id])
        if place is not None:
            highest[place[0]] = max(highest.get(place[0], 0), place[1])
    found = {(row.kind, row.pool): row.last for row in world.registry["number_serial"]}
    for pool, last in found.items():
        if last < _WITH_LETTERS and highest.get(pool) != last:
            yield f"pool {pool} stands at {last}, its last number is {highest.get(pool)}"
    for pool in highest.keys() - found.keys():
        yield f"numbers of pool {pool} came from nowhere"


_WITH_LETTERS = 10_000
"""From here on serials are written with letters."""


def _pool(row: Any, value: str) -> tuple[tuple[str, str], int] | None:
    """(kind, pool) and serial of a number that the province made; nothing of serials that are written with letters."""
    if row.issuer != "province":
        return None
    if row.kind == "regional" and value[11:].isdigit():
        return ("regional", value[:11]), int(value[11:])
    if value[0] == "L" and value[15:].isdigit():
        return ("temporary", value[1:15]), int(value[15:])
    return None


@invariant("I4", "the numbers of a county's schools come from its pool", always)
def school_numbers(world: World) -> Iterator[str]:
    """The highest is where the pool stands."""
    given: dict[str, int] = {}
    for row in world.registry["organisation"]:
        if row.school_number is not None:
            given[row.county_code] = max(given.get(row.county_code, 0), int(row.school_number))
    kept = {row.county_code: row.last for row in world.registry["school_number_pool"]}
    for county in kept.keys() | given.keys():
        if kept.get(county) != given.get(county):
            yield f"schools of {county} have numbers to {given.get(county)}, the pool stands at {kept.get(county)}"
