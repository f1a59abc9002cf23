"""Pupils: who is one, with which numbers, where, and how it came to this."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import groupby, pairwise
from typing import Any, Final

from chassis.clock import ZONE
from contracts.values import check_digit
from registry.student.commands.keys import identity
from registry.student.domain import basics
from tests.chaos.check.registering import always, at_rest, invariant
from tests.chaos.check.world import CARRIED, GONE, World

EDGES: Final = frozenset(
    {
        ("draft", "edited", "draft"),
        ("draft", "placed", "draft"),
        ("draft", "reverted", "draft"),
        ("draft", "submitted", "submitted"),
        ("draft", "removed", "removed"),
        ("returned", "edited", "returned"),
        ("returned", "placed", "returned"),
        ("returned", "submitted", "submitted"),
        ("returned", "removed", "removed"),
        ("submitted", "registered", "registered"),
        ("submitted", "reopened", "returned"),
        ("submitted", "rejected", "rejected"),
        ("registered", "renumbered", "registered"),
    }
)
"""Written down once more, by hand: (status, what happens, status)."""


@invariant("I3", "an identity is held by one pupil, and every pupil holds one", always)
def one_claim(world: World) -> Iterator[str]:
    """Claims ↔ present pupils, one to one; each claim is the keyed hash of the record that holds it."""
    held: dict[Any, list[Any]] = defaultdict(list)
    for row in world.registry["identity_claim"]:
        held[row.student_id].append(row)
    documents: Counter[bytes] = Counter()
    for student_id, pupil in world.pupils.items():
        claims = held.pop(student_id, [])
        if len(claims) != 1:
            yield f"student {student_id} holds {len(claims)} claims"
            continue
        if pupil.content is None or basics(pupil.content.record):
            continue
        who = identity(world.registry.vault, pupil.content.record)
        if who.documented:
            documents[who.claim] += 1
        if claims[0].index != who.claim:
            yield f"student {student_id} holds another identity than the record says"
    for student_id in held:
        yield f"a claim is held by {student_id}, who is no pupil"
    for times in documents.values():
        if times > 1:
            yield f"{times} pupils have the same document"


@invariant("I4", "numbers are unique, never reused, and replaced only by the nation", always)
def numbers(world: World) -> Iterator[str]:
    """Each present pupil carries one 学籍号 and one 地区学号 of the right form; each replaced one has a successor."""
    carried: Counter[tuple[Any, str]] = Counter()
    values: dict[str, Any] = {}
    by_nation = set()
    rows = world.registry["student_number"]
    for row in rows:
        if row.status in CARRIED:
            carried[row.student_id, row.kind] += 1
        if row.issuer == "nation":
            by_nation.add(row.student_id)
        value = world.numbers.get(row.id)
        if value is None or row.status == "void":
            continue
        if values.setdefault(value, row.id) != row.id:
            yield f"numbers {row.id} and {values[value]} are the same"
        if not _well_formed(row.kind, value):
            yield f"number {row.id} is no number of kind {row.kind}"
    for row in rows:
        if row.status == "replaced" and row.student_id not in by_nation:
            yield f"number {row.id} was replaced and not by the nation"
    for student_id in world.pupils:
        for kind in ("student", "regional"):
            if carried[student_id, kind] != 1:
                yield f"student {student_id} carries {carried[student_id, kind]} numbers of kind {kind}"


def _well_formed(kind: str, value: str) -> bool:
    if kind == "regional":
        return len(value) == 15 and value.isascii() and value.isalnum()
    if len(value) != 19 or not value[1:18].isdigit():
        return False
    # J is what the nation gives to who has no citizen ID.
    return value[0] == "L" or (value[0] in "GJ" and check_digit(value[1:18]) == value[18])


@invariant("I5", "every history is a path of the table of statuses", always)
def histories(world: World) -> Iterator[str]:
    """The first version is a draft; every step is in the table."""
    for rows in _versions(world).values():
        first = rows[0]
        if (first.change, first.status) != ("drafted", "draft"):
            yield f"student {first.student_id} began as {first.status} by {first.change}"
        for before, after in pairwise(rows):
            if (before.status, after.change, after.status) not in EDGES:
                step = f"{before.status} → {after.change} → {after.status}"
                yield f"student {after.student_id} version {after.version}: {step}"


@invariant("I6", "versions are 1 to n, and the pupil is as the last one says", always)
def versions(world: World) -> Iterator[str]:
    """Without gap or repeat; version, status, school, enrolment and place of the content agree."""
    histories = _versions(world)
    for row in world.registry["student"]:
        rows = histories.pop(row.id, [])
        if [each.version for each in rows] != list(range(1, len(rows) + 1)):
            yield f"student {row.id} has versions {[each.version for each in rows][:20]}"
            continue
        if not rows or row.version != rows[-1].version:
            yield f"student {row.id} is at version {row.version} of {len(rows)}"
            continue
        last = rows[-1]
        if (row.status, row.school_id, row.enrolment_id) != (last.status, last.school_id, last.enrolment_id):
            yield f"student {row.id} is not as its version {last.version} says"
        if row.record_version != max(each.version for each in rows if each.record_id):
            yield f"student {row.id} has its content of version {row.record_version}"
    for student_id in histories:
        yield f"versions of {student_id} have no student"


def _versions(world: World) -> dict[Any, list[Any]]:
    found: dict[Any, list[Any]] = defaultdict(list)
    for row in world.registry["student_version"]:
        found[row.student_id].append(row)
    return found


@invariant("I7", "headcounts are a ledger", at_rest)
def headcounts(world: World) -> Iterator[str]:
    """By school: drafted − removed − rejected = pupils now; by class: its counter = its pupils = open placements."""
    ledger: Counter[Any] = Counter()
    for row in world.registry["student_version"]:
        ledger[row.school_id] += row.change == "drafted"
        ledger[row.school_id] -= row.status in GONE
    here = Counter(row.school_id for row in world.registry["student"] if row.status not in GONE)
    for school in ledger.keys() | here.keys():
        if ledger[school] != here[school]:
            yield f"school {school} has {here[school]} pupils, by its versions {ledger[school]}"
    seated = Counter(row.class_id for row in world.registry["enrolment"] if row.ended_on is None and row.class_id)
    for row in world.registry["class"]:
        if row.size != seated[row.id]:
            yield f"class {row.id} counts {row.size} and has {seated[row.id]}"
    placed = {row.enrolment_id: row.class_id for row in world.registry["class_placement"] if row.left_on is None}
    for row in world.registry["enrolment"]:
        if row.ended_on is None and row.class_id != placed.get(row.id):
            yield f"enrolment {row.id} is in {row.class_id}, placed in {placed.get(row.id)}"


@invariant("I9", "a pupil belongs to exactly one school, and nobody is in limbo", at_rest)
def one_school(world: World) -> Iterator[str]:
    """One running enrolment, the one that the pupil names, at the pupil's school; submitted ⇔ one open submission."""
    running: dict[Any, list[Any]] = defaultdict(list)
    by_id = {row.id: row for row in world.registry["enrolment"]}
    for row in world.registry["enrolment"]:
        if row.ended_on is None:
            running[row.student_id].append(row.id)
    waiting = Counter(row.student_id for row in world.registry["submission"] if row.state == "open")
    for row in world.registry["student"]:
        if row.status not in GONE and running[row.id] != [row.enrolment_id]:
            yield f"student {row.id} has {len(running[row.id])} running enrolments"
        if waiting[row.id] != (row.status == "submitted"):
            yield f"student {row.id} is {row.status} with {waiting[row.id]} open submissions"
    for enrolment_id in by_id.keys() - {row.enrolment_id for row in world.registry["student_version"]}:
        yield f"enrolment {enrolment_id} is of no version of any pupil"
    for row in world.registry["student_version"]:
        enrolment = by_id.get(row.enrolment_id)
        if enrolment is None or enrolment.school_id != row.school_id or enrolment.student_id != row.student_id:
            yield f"student {row.student_id} version {row.version} is at a school where it has no enrolment"


@invariant("I28", "of who ended nothing stays that holds a place or names anybody", at_rest)
def ended(world: World) -> Iterator[str]:
    """Removed and rejected pupils carry no number, run no enrolment, need no photo; ended records are empty."""
    gone = {row.id for row in world.registry["student"] if row.status in GONE}
    for row in world.registry["student_number"]:
        if row.student_id in gone and row.status in CARRIED:
            yield f"student {row.student_id} is gone and carries number {row.id}"
    for row in world.registry["enrolment"]:
        if row.student_id in gone and row.ended_on is None:
            yield f"student {row.student_id} is gone and its enrolment {row.id} runs"
    for row in world.photo["requirement"]:
        if row.student_id in gone:
            yield f"student {row.student_id} is gone and photo still waits for a picture"
    for row in world.sync["national_pupil"]:
        if row.ended_at is not None and (row.sealed or row.number_blind is not None):
            yield f"the record of {row.student_id} has ended and sync still knows who it was"


@invariant("I7", "a pupil sat where its versions say", at_rest)
def placements(world: World) -> Iterator[str]:
    """The classes of an enrolment, one after the other, with the days on which it came and left."""
    seats: dict[Any, list[Any]] = defaultdict(list)
    for row in world.registry["class_placement"]:
        seats[row.enrolment_id].append(row)
    versions: dict[Any, list[Any]] = defaultdict(list)
    for row in world.registry["student_version"]:
        versions[row.enrolment_id].append(row)
    ended = {row.id: row.ended_on for row in world.registry["enrolment"]}
    for enrolment in seats.keys() | versions.keys():
        due = []
        for _, some in groupby(versions.get(enrolment, ()), key=lambda row: row.class_id):
            first = next(some)
            if first.class_id is not None and first.status not in GONE:
                due.append((first.class_id, day_of(first.at)))
        found = [(row.class_id, row.placed_on) for row in seats[enrolment]]
        if sorted(due, key=str) != sorted(found, key=str):
            yield f"enrolment {enrolment} was placed otherwise than its versions say"
        leaving = [row.placed_on for row in seats[enrolment][1:]] + [ended.get(enrolment)]
        if found and sorted(map(str, leaving)) != sorted(str(row.left_on) for row in seats[enrolment]):
            yield f"enrolment {enrolment} left a class on another day than it came to the next, or ended"
    for rows in versions.values():
        last = rows[-1]
        if ended.get(last.enrolment_id) != (day_of(last.at) if last.status in GONE else None):
            yield f"enrolment {last.enrolment_id} ended on another day than its last version says"


def day_of(moment: Any) -> Any:
    """The day on which it was, as clerks have it."""
    return moment.astimezone(ZONE).date()


@invariant("I3", "a claim knows of its pupil what the pupil knows", always)
def claims(world: World) -> Iterator[str]:
    """A guardian's child has a sequence, an own document none; an open case names who holds the identity."""
    students = {row.id: row for row in world.registry["student"]}
    for row in world.registry["identity_claim"]:
        student = students.get(row.student_id)
        if student is not None and (row.person_index, row.sequence == 0) != (student.person_index, student.documented):
            yield f"the claim of {row.student_id} says another person than the pupil's row"
    for row in world.registry["duplicate_case"]:
        holder = students.get(row.holder_id)
        if holder is None or holder.school_id != row.holder_school_id:
            yield f"duplicate {row.id} is held at another school"
        if (row.kind == "claim") != (row.student_id is None):
            yield f"duplicate {row.id} is a {row.kind} with the wrong number of pupils"
        later = students.get(row.student_id)
        ended = any(each is not None and each.status in GONE for each in (holder, later))
        if row.closed_at is not None and row.settled_by is None and not ended:
            yield f"duplicate {row.id} was closed by nobody"
        if row.closed_at is None and (row.settled_by is not None or ended):
            yield f"duplicate {row.id} is open and nobody needs it any more"


@invariant("I6", "a pupil began and changed when its versions say", always)
def moments(world: World) -> Iterator[str]:
    """The first version's moment, and the last one's place."""
    first: dict[Any, Any] = {}
    last: dict[Any, Any] = {}
    for row in world.registry["student_version"]:
        first.setdefault(row.student_id, row)
        last[row.student_id] = row
    enrolments = {row.id: row for row in world.registry["enrolment"]}
    for row in world.registry["student"]:
        if row.id in first and first[row.id].at != row.created_at:
            yield f"student {row.id} was made at another moment than its first version"
        enrolment = enrolments.get(row.enrolment_id)
        if row.id in last and enrolment is not None and last[row.id].class_id != enrolment.class_id:
            yield f"student {row.id} sits in another class than its last version says"
