"""Outbox, topics, inboxes: what was said is in the topic, and what is in the topic has had its effect once."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from chassis.envelope import partition_of
from contracts.topics import BY_NAME, Kind, Topic
from tests.chaos.check.registering import always, at_rest, invariant
from tests.chaos.check.topics import NO_PRODUCER, Log, Said
from tests.chaos.check.world import SERVICES, World, planted

OPEN = ("parked", "behind")
LEADERS = ("relay", "chassis timers")
"""The connections that hold an advisory lock for as long as they live, as they are called."""


def spoken(world: World) -> Iterator[tuple[Topic, Log, list[Any]]]:
    """Each topic of ours with its records and its writer's outbox rows."""
    rows: dict[str, list[Any]] = defaultdict(list)
    for service in world.services.values():
        for row in service["outbox"]:
            rows[row.topic].append(row)
    for name, log in world.broker.logs.items():
        if BY_NAME[name].kind is not Kind.FOREIGN:
            yield BY_NAME[name], log, rows[name]


def heard(world: World) -> Iterator[tuple[str, Topic, Log]]:
    """(reader, topic, its records): every hearing of the house's services."""
    for reader in SERVICES:
        for name, log in world.broker.logs.items():
            if reader in BY_NAME[name].readers:
                yield reader, BY_NAME[name], log


@invariant("I10", "a topic holds what was said: nothing is lost", at_rest)
def nothing_lost(world: World) -> Iterator[str]:
    """Of facts every row of the outbox, of state the newest of each subject, and it is the last record there."""
    for topic, log, rows in spoken(world):
        if topic.kind is Kind.FACT:
            there = {record.envelope.id for record in log.readable() if record.envelope}
            for row in rows:
                if row.sent_at is not None and row.event_id not in there:
                    yield f"{topic.name} lacks version {row.version} of {row.subject}"
            continue
        last = {record.subject: record for record in log.readable()}
        newest: dict[Any, Any] = {}
        for row in rows:
            if (known := newest.get(row.subject)) is None or (known.epoch, known.version) < (row.epoch, row.version):
                newest[row.subject] = row
        for subject, row in newest.items():
            found = last.get(subject)
            if found is None or found.order < (row.epoch, row.version):
                yield f"{topic.name} lacks version {row.version} of {subject}, its newest"


@invariant("I10", "a topic holds what was said: nothing else", always)
def no_ghosts(world: World) -> Iterator[str]:
    """Every record was a row of the outbox under the same key; superseded states may have been forgotten there."""
    for topic, log, rows in spoken(world):
        known = {row.event_id: row.subject for row in rows}
        newest: dict[Any, tuple[int, int]] = {}
        for row in rows:
            newest[row.subject] = max(newest.get(row.subject, (0, 0)), (row.epoch, row.version))
        for record in log.records:
            if record.envelope is None:
                yield f"{record} is no event"
                continue
            counts = topic.kind is Kind.FACT or record.order >= newest.get(record.subject, (0, 0))
            if counts and known.get(record.envelope.id) != record.subject:
                yield f"{record} was never said"


@invariant("I11", "a subject keeps to one partition, and its versions come in order", always)
def in_order(world: World) -> Iterator[str]:
    """First occurrences: facts 1, 2, 3, …, states rising; repeats may come at any time."""
    for topic, log, _ in spoken(world):
        seen: dict[Any, tuple[int, int]] = {}
        for record in log.readable():
            assert record.key is not None
            if record.partition != partition_of(record.key, log.partitions):
                yield f"{record} lies in a partition of others"
                continue
            before = seen.get(record.subject)
            if before is not None and record.order <= before:
                continue  # a repeat, or what `_inverted` tells
            if topic.kind is Kind.FACT and not _follows(before, record.order):
                yield f"{record} of {record.subject} has version {record.order} after {before}"
            seen[record.subject] = record.order
        yield from _inverted(log)


def _follows(before: tuple[int, int] | None, order: tuple[int, int]) -> bool:
    if before is None:
        return order[1] == 1
    return order[1] == before[1] + 1 if order[0] == before[0] else order[1] <= before[1] + 1


def _inverted(log: Log) -> Iterator[str]:
    """Versions whose first occurrence stands behind a newer one of the same subject."""
    highest: dict[Any, tuple[int, int]] = {}
    known: set[tuple[Any, tuple[int, int]]] = set()
    for record in log.readable():
        place = (record.subject, record.order)
        if place not in known and record.order < highest.get(record.subject, (0, 0)):
            yield f"{record} of {record.subject} has version {record.order} behind a newer one"
        known.add(place)
        highest[record.subject] = max(highest.get(record.subject, (0, 0)), record.order)


@invariant("I12", "a version never has two contents", always)
def one_content(world: World) -> Iterator[str]:
    """Over outbox, topic and what readers have applied: a database that was restored to the past would show here."""
    for topic, log, rows in spoken(world):
        found: dict[tuple[Any, int, int], bytes] = {}
        marks: dict[tuple[Any, int, int], bytes] = {}
        for row in rows:
            place = (row.subject, row.epoch, row.version)
            if found.setdefault(place, row.hash) != row.hash:
                yield f"{topic.name} {place} was said twice with other contents"
        for record in log.readable():
            place = (record.subject, *record.order)
            marks[place] = record.mark
            if found.setdefault(place, record.hash) != record.hash:
                yield f"{record} says version {record.order} of {record.subject} with other contents"
        for reader in sorted(topic.readers & set(SERVICES)):
            for row in world.services[reader]["watermark"]:
                if row.topic == topic.name:
                    place = (row.subject, row.epoch, row.version)
                    if marks.get(place, row.hash) != row.hash:
                        yield f"{reader} has applied other contents of {topic.name} {place}"


@invariant("I13", "every event has had its effect, once", at_rest)
def effect_once(world: World) -> Iterator[str]:
    """Watermarks stand at the newest version of every subject; foreign ids are all noted; one case a request."""
    for reader, topic, log in heard(world):
        service = world.services[reader]
        held_up = {row.subject for row in service["parked"] if row.topic == topic.name and row.state in OPEN}
        if topic.kind is Kind.FOREIGN:
            ids = {row.event_id for row in service["inbox"] if row.topic == topic.name}
            for record in log.readable():
                if record.envelope is not None and record.envelope.id not in ids:
                    yield f"{reader} has never heard {record}"
            continue
        marks = {row.subject: (row.epoch, row.version) for row in service["watermark"] if row.topic == topic.name}
        for subject, newest in log.newest().items():
            if marks.get(subject) != newest.order and subject not in held_up:
                yield f"{reader} stands at {marks.get(subject)} of {topic.name} {subject}, newest {newest.order}"
    asked = {record.subject for record in world.log("registry.request.v1").readable()}
    for row in world.review["review_case"]:
        if row.id not in asked:
            yield f"case {row.id} was opened by no request"


@invariant("I14", "a committed offset is never ahead of its effect", always)
def offsets(world: World) -> Iterator[str]:
    """At most one more than the highest offset that the reader noted in the transaction of the effect."""
    for (reader, topic, partition), committed in world.broker.committed.items():
        if reader not in SERVICES:
            continue
        noted = {(row.topic, row.partition): row.highest for row in world.services[reader]["inbox_offset"]}
        highest = noted.get((topic, partition), -1)
        if committed > highest + 1:
            yield f"{reader} has committed {committed} of {topic}/{partition} and noted {highest}"


@invariant("I20", "poison is parked once, and nothing later of its subject is applied", always)
def parking(world: World) -> Iterator[str]:
    """One row a place; a mark is held up exactly while something is parked or waits; facts stop in front of it."""
    for name in SERVICES:
        service = world.services[name]
        parked_at = Counter((row.topic, row.partition, row.offset) for row in service["parked"])
        for where, times in parked_at.items():
            if times > 1:
                yield f"{name} has parked {where} {times} times"
        parked: dict[tuple[str, Any], list[Any]] = defaultdict(list)
        for row in service["parked"]:
            if row.state in OPEN and row.subject is not None and BY_NAME[row.topic].kind is not Kind.FOREIGN:
                parked[row.topic, row.subject].append(row)
        waits = {(row.topic, row.subject) for row in service["waiting"]}
        for row in service["watermark"]:
            place = (row.topic, row.subject)
            held = "parked" if place in parked else "waiting" if place in waits else None
            if row.held != held:
                yield f"{name} {place} is held up as {row.held}, found {held}"
            for each in parked.get(place, ()):
                if each.reason != "conflict" and (each.epoch, each.version) <= (row.epoch, row.version):
                    yield f"{name} applied version {row.version} of {place} over one that is parked"


@invariant("I20", "poison that was planted is parked by everybody who hears it", at_rest)
def planted_is_parked(world: World) -> Iterator[str]:
    """Whoever parks nothing overlooks what he cannot read; settled by hand it is still known to have been parked."""
    for topic, partition, offset in sorted(planted(world.journals)):
        for name in sorted(BY_NAME[topic].readers & set(SERVICES)):
            parked = {(row.topic, row.partition, row.offset) for row in world.services[name]["parked"]}
            if (topic, partition, offset) not in parked:
                yield f"{name} has not parked {topic}/{partition}@{offset}, which nobody can read"


@invariant("I29", "whoever stopped leading writes no more", always)
def fencing(world: World) -> Iterator[str]:
    """In every partition the tokens of the relays never fall."""
    for log in world.broker.logs.values():
        if log.topic.kind is Kind.FOREIGN:
            continue
        newest: dict[int, Said] = {}
        for record in log.records:
            if record.producer == NO_PRODUCER:
                continue
            before = newest.get(record.partition)
            if before is not None and record.producer < before.producer:
                yield f"{record} was written under token {record.producer} after {before} under {before.producer}"
            else:
                newest[record.partition] = record


@invariant("I30", "at rest nothing is on its way", at_rest)
def at_a_standstill(world: World) -> Iterator[str]:
    """Nothing unsent, unread, waiting, parked but what was planted; no forgotten transaction, no lock but leaders'."""
    yield from standstill(world)
    ours = planted(world.journals)
    for name, service in world.services.items():
        for row in service["parked"]:
            if row.state in OPEN and (row.topic, row.partition, row.offset) not in ours:
                yield f"{name} has parked {row.topic}/{row.partition}@{row.offset}: {row.reason}"
        for row in service["prepared"]:
            yield f"{name} has a prepared transaction {row.gid}"
        for row in service["backend"]:
            if row.state == "idle in transaction" and row.long:
                yield f"{name} has a transaction that was forgotten open by backend {row.pid}"
        for row in service["lock"]:
            if row.holder not in LEADERS:
                yield f"{name} has an advisory lock {row.key} of backend {row.pid}, which leads nothing"


def standstill(world: World) -> Iterator[str]:
    """What is still on its way: unsent rows, unread records, waiting facts, answers that the nation still owes."""
    for name, service in world.services.items():
        unsent = sum(row.sent_at is None for row in service["outbox"])
        if unsent:
            yield f"{name} has {unsent} rows to send"
        if service["waiting"]:
            yield f"{name} has {len(service['waiting'])} facts that wait for earlier ones"
    for name, log in world.broker.logs.items():
        ends: dict[int, int] = {}
        for record in log.records:
            ends[record.partition] = record.offset + 1
        for reader in sorted(BY_NAME[name].readers):
            for partition, end in ends.items():
                committed = world.broker.committed.get((reader, name, partition), 0)
                if committed < end:
                    yield f"{reader} has {end - committed} records of {name}/{partition} to read"
    if world.nation is not None and world.nation.later:
        yield f"the nation owes {world.nation.later} answers"
