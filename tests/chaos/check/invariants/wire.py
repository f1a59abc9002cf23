"""What the delivery promise writes down twice: rows and records, counters, epochs, marks and offsets."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from contracts.topics import BY_NAME, Kind
from tests.chaos.check.invariants.delivery import OPEN, heard, spoken
from tests.chaos.check.registering import always, at_rest, invariant
from tests.chaos.check.topics import Log
from tests.chaos.check.world import SERVICES, World, planted

_SAID = ("subject", "epoch", "version", "type", "time", "actor", "cause", "traceparent")
"""What a row of the outbox and the headers of its record say under the same names."""


def _is_whole(log: Log) -> bool:
    """Nothing of the topic was forgotten yet, as far as its beginnings show."""
    first: dict[int, int] = {}
    for record in log.records:
        first[record.partition] = min(record.offset, first.get(record.partition, record.offset))
    return not any(first.values())


@invariant("I10", "everybody says what is hers to say", always)
def writers(world: World) -> Iterator[str]:
    """Rows of an outbox are of its service's topics, and kept as their kind."""
    for name, service in world.services.items():
        for row in service["outbox"]:
            topic = BY_NAME.get(row.topic)
            if topic is None or (topic.writer, topic.kind) != (name, row.kind):
                yield f"{name} has said version {row.version} of {row.subject} as a {row.kind} of {row.topic}"


@invariant("I10", "a record says what its row of the outbox says", always)
def headers(world: World) -> Iterator[str]:
    """Every header; no event is two rows; a version is said under one id."""
    for topic, log, rows in spoken(world):
        for event_id, times in Counter(row.event_id for row in rows).items():
            if times > 1:
                yield f"{topic.name}: event {event_id} is {times} rows"
        by_id = {row.event_id: row for row in rows}
        by_place = {(row.subject, row.epoch, row.version): row for row in rows}
        for record in log.readable():
            assert record.envelope is not None
            row = by_id.get(record.envelope.id)
            if row is None and (record.subject, *record.order) in by_place:
                yield f"{record} has another id than its row"
            elif row is not None:
                for name in _SAID:
                    if row[name] != getattr(record.envelope, name):
                        yield f"{record} has another {name} than its row"


@invariant("I11", "a counter stands at the last version of its subject", at_rest)
def counters(world: World) -> Iterator[str]:
    """One for each subject of which something was said, and none for others."""
    for topic, log, rows in spoken(world):
        newest: dict[Any, tuple[int, int]] = {}
        for row in rows:
            newest[row.subject] = max(newest.get(row.subject, (0, 0)), (row.epoch, row.version))
        in_topic = log.newest()
        kept = {row.subject: row.version for row in world.services[topic.writer]["counter"] if row.topic == topic.name}
        for subject in kept.keys() | newest.keys() | in_topic.keys():
            said = newest.get(subject) or (in_topic[subject].order if subject in in_topic else None)
            if said is None and (topic.kind is Kind.STATE or _is_whole(log)):
                yield f"{topic.name}: {subject} is counted and nothing was said of it"
            elif said is not None and kept.get(subject) != said[1]:
                yield f"{topic.name}: {subject} is counted at {kept.get(subject)}, said last in version {said[1]}"
    for name, service in world.services.items():
        for row in service["counter"]:
            if row.topic not in BY_NAME or BY_NAME[row.topic].writer != name:
                yield f"{name} counts what {row.topic} says"


@invariant("I12", "an epoch begins by an entry of the audit", always)
def epochs(world: World) -> Iterator[str]:
    """The first is nobody's; each later one was begun by somebody."""
    for name, service in world.services.items():
        begun = 1 + sum("epoch.begin" in row.actions for row in service["audit"])
        found = [row.epoch for row in service["epoch"]]
        if found != [begun]:
            yield f"{name} is in epoch {found}, begun by its audit: {begun}"


@invariant("I13", "nothing was applied that was not said", at_rest)
def nothing_invented(world: World) -> Iterator[str]:
    """Marks and noted ids belong to records."""
    for reader, topic, log in heard(world):
        if not _is_whole(log):
            continue
        service = world.services[reader]
        if topic.kind is Kind.FOREIGN:
            said = {record.envelope.id for record in log.readable() if record.envelope is not None}
            for row in service["inbox"]:
                if row.topic == topic.name and row.event_id not in said:
                    yield f"{reader} has noted an event of {topic.name} that is not there"
            continue
        subjects = log.newest()
        for row in service["watermark"]:
            if row.topic == topic.name and row.subject not in subjects:
                yield f"{reader} stands at {row.version} of {topic.name} {row.subject}, of which nothing was said"


@invariant("I14", "at rest an offset is noted as far as its topic goes", at_rest)
def noted(world: World) -> Iterator[str]:
    """Exactly at the last record of each partition that has one, and nowhere else."""
    last: dict[tuple[str, int], int] = {}
    for name, partition, offset in (
        *((each.topic.name, each.partition, each.offset) for log in world.broker.logs.values() for each in log.records),
        *planted(world.journals),
    ):
        last[name, partition] = max(offset, last.get((name, partition), offset))
    for reader in SERVICES:
        hears: set[str] = {topic.name for topic in BY_NAME.values() if reader in topic.readers}
        due = {place: offset for place, offset in last.items() if place[0] in hears}
        found = {(row.topic, row.partition): row.highest for row in world.services[reader]["inbox_offset"]}
        for place in due.keys() | found.keys():
            if due.get(place) != found.get(place):
                yield f"{reader} has noted {found.get(place)} of {place}, its last record is {due.get(place)}"


@invariant("I20", "what is parked is settled by somebody or by something newer", always)
def settled(world: World) -> Iterator[str]:
    """Open rows are nobody's; a person replays and drops, and what is superseded is so by itself."""
    for name, service in world.services.items():
        for row in service["parked"]:
            if (row.state in OPEN) != (row.settled_at is None):
                yield f"{name}'s parked {row.id} is {row.state}, settled at {row.settled_at}"
            if row.settled_by is not None and row.state not in ("replayed", "dropped"):
                yield f"{name}'s parked {row.id} is {row.state} and was settled by somebody"
            if (row.subject is None) != (row.version is None) or (row.subject is None) != (row.epoch is None):
                yield f"{name}'s parked {row.id} names half of a version"
