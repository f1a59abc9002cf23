"""Everything that the invariants are asked of, as it was found: read once, in memory, in an order that is fair.

Offsets, then topics, then the databases: what a reader has done may be older than what is seen of its effects, never
the other way round. Only `quiet` worlds have nothing on its way between two of them.
"""

import asyncio
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from pydantic import ValidationError

from chassis.sealing import SealBroken, Vault, WireKeys
from contracts.topics import BY_NAME, Kind
from registry.student import content
from registry.student.content import Content
from tests.chaos.check import places
from tests.chaos.check.databases import Service, snapshots
from tests.chaos.check.places import Nation, Object
from tests.chaos.check.sayings import Sayings, sayings
from tests.chaos.check.topics import Broker, Log, Said, read_broker
from tests.chaos.journal import Operation, read

SERVICES: Final = ("registry", "review", "photo", "sync")
GONE: Final = frozenset({"removed", "rejected"})
"""Statuses in which a pupil is none."""
CARRIED: Final = frozenset({"provisional", "confirmed"})
Head = tuple[str, int, int, bytes]
"""Service, chain, number, hash: the end of an audit's chain at some time."""


@dataclass(frozen=True, slots=True)
class Pupil:
    """A pupil as registry has it now."""

    row: Any
    enrolment: Any
    content: Content | None
    """None where it does not open, or is no record."""
    numbers: Mapping[str, str]
    """Kind → the number carried now."""


@dataclass
class World:
    """What stands in databases, topics, folders and journals."""

    quiet: bool
    broker: Broker
    services: Mapping[str, Service]
    objects: Sequence[Object]
    nation: Nation | None
    journals: Sequence[Operation]
    heads: Collection[Head]
    """Ends of chains that were kept elsewhere before."""
    contents: dict[UUID, bytes]
    """Record id, or that of a case of duplicates → the record as JSON."""
    numbers: dict[UUID, str]
    """Number's id → the number."""
    frozen: dict[UUID, bytes]
    """Request → salt and packed content."""
    projections: dict[UUID, bytes]
    """Student → the projection as JSON."""
    national_numbers: dict[UUID, str]
    persons: list[str]
    """Names of those who have accounts."""
    unsealed: list[str]
    """Records of sealed topics that do not open where they stand."""
    vocabulary: list[tuple[str, str]]
    """(word, where) of what is readable in topics, logs, statements and names of files."""
    protected: frozenset[str]
    """Names, numbers and phones that were told to be looked for."""
    keys: Mapping[str, Path]
    """Service → its keyring."""
    sayings: Sayings
    """What owners would say now; asked at rest alone."""

    @property
    def registry(self) -> Service:
        return self.services["registry"]

    @property
    def review(self) -> Service:
        return self.services["review"]

    @property
    def photo(self) -> Service:
        return self.services["photo"]

    @property
    def sync(self) -> Service:
        return self.services["sync"]

    @cached_property
    def pupils(self) -> dict[UUID, Pupil]:
        """Every pupil who is one."""
        return {student: each for student, each in self.everybody.items() if each.row.status not in GONE}

    @cached_property
    def everybody(self) -> dict[UUID, Pupil]:
        """Every pupil who is one or was."""
        enrolments = {row.id: row for row in self.registry["enrolment"]}
        records = {
            (row.student_id, row.version): row.record_id for row in self.registry["student_version"] if row.record_id
        }
        numbers: dict[UUID, dict[str, str]] = {}
        for row in self.registry["student_number"]:
            if row.status in CARRIED and row.id in self.numbers:
                numbers.setdefault(row.student_id, {})[row.kind] = self.numbers[row.id]
        found = {}
        for row in self.registry["student"]:
            written = self.contents.get(records.get((row.id, row.record_version), row.id))
            found[row.id] = Pupil(row, enrolments.get(row.enrolment_id), read_content(written), numbers.get(row.id, {}))
        return found

    def log(self, topic: str) -> Log:
        return self.broker.logs[topic]


def read_content(written: bytes | None) -> Content | None:
    """What is written; None where there is nothing, or no record."""
    try:
        return content.read(written) if written else None
    except ValidationError:
        return None


class _Collector:
    """Takes what is opened while it is read."""

    def __init__(self, keys: Mapping[str, Path]) -> None:
        rings: dict[str, Any] = {}
        for name in (*SERVICES, "nation"):
            rings |= json.loads(keys[name].read_text("utf-8")).get("wire", {})
        self.wire = WireKeys(rings)
        self.contents: dict[UUID, bytes] = {}
        self.numbers: dict[UUID, str] = {}
        self.frozen: dict[UUID, bytes] = {}
        self.projections: dict[UUID, bytes] = {}
        self.national_numbers: dict[UUID, str] = {}
        self.persons: list[str] = []
        self.unsealed: list[str] = []
        self.vocabulary: list[tuple[str, str]] = []
        self._newest: dict[tuple[str, UUID], Said] = {}
        self._seen: set[tuple[str, str]] = set()

    def opened(self, table: str, column: str, row: UUID, plain: bytes) -> None:
        """A value at rest."""
        if table == "student_version" or (table, column) == ("duplicate_case", "record_sealed"):
            self.contents[row] = plain
        elif table == "student_number":
            self.numbers[row] = plain.decode()
        elif table == "submission":
            self.frozen[row] = plain
        elif table == "person":
            self.persons.append(plain.decode())
        elif table == "national_pupil" and column == "projection_sealed":
            self.projections[row] = plain
        elif table == "national_pupil" and column == "number_sealed":
            self.national_numbers[row] = plain.decode()

    def word(self, word: str, where: str) -> None:
        """Something readable."""
        if (word, where) not in self._seen:
            self._seen.add((word, where))
            self.vocabulary.append((word, where))

    def said(self, record: Said) -> None:
        """A record of a topic; only of what is newest, and of facts, the body is kept."""
        where = f"topic {record.topic.name}"
        plain = record.body
        if record.topic.sealed and record.envelope is not None and record.body is not None:
            order = (0, 0) if record.topic.kind is Kind.FOREIGN else record.order
            try:
                record.body = self.wire.open(record.topic.name, record.subject, *order, record.body)
            except SealBroken:
                self.unsealed.append(str(record))
                record.body = None
            plain = None
        for text in (plain, *(value for _, value in record.headers or ())):
            for word in places.words(text or b""):
                self.word(word, where)
        if record.envelope is None or record.topic.kind is not Kind.STATE:
            return
        known = self._newest.get(place := (record.topic.name, record.subject))
        if known is None or known.order < record.order:
            self._newest[place] = record
            record = known or record
        if self._newest[place] is not record:
            record.body = None


def keys_of(stack: Mapping[str, Any]) -> dict[str, Path]:
    """Service → its keyring."""
    return {name: Path(path) for name, path in stack["keys"].items()}


def folder_of(stack: Mapping[str, Any]) -> Path:
    """The stack's folder."""
    return Path(stack["logs"]).parent


async def look(
    stack: Mapping[str, Any],
    journals: Path | None = None,
    *,
    quiet: bool,
    heads: Iterable[Head] = (),
    protected: Iterable[str] = (),
) -> World:
    """The world of a running stack. Raises KeyError, OSError where `stack` is none."""
    keys, folder = keys_of(stack), folder_of(stack)
    operations = read(journals) if journals else []
    collector = _Collector(keys)
    broker = await read_broker(stack["kafka"], collector.said)
    _forget_planted(broker, operations)
    services = await _databases(stack, keys, SERVICES, collector)
    stored = places.objects(folder / "objects")
    for kept in stored:
        for word in places.words(kept.key.encode()):
            collector.word(word, f"file of {kept.service}")
    await asyncio.to_thread(places.words_of_files, places.logs(Path(stack["logs"])), collector.word)
    for service in services.values():
        for word, where in service.words.items():
            collector.word(word, where)
        for row in service["backend"]:
            for word in places.words((row.query or "").encode()):
                collector.word(word, f"statement in {service.name}")
    return World(
        quiet, broker, services, stored, places.nation(folder / "objects"), operations, list(heads),
        collector.contents, collector.numbers, collector.frozen, collector.projections, collector.national_numbers,
        collector.persons, collector.unsealed, collector.vocabulary, frozenset(protected),
        keys, await sayings(stack, keys, broker) if quiet else {},
    )  # fmt: skip


async def look_again(world: World, stack: Mapping[str, Any], name: str) -> World:
    """The world as it was looked at, but for one service's database and what the service would say now of it.

    For who changes one database of a stack that stands still, and asks the invariants after each change.
    """
    collector = _Collector(world.keys)
    services = {**world.services, **await _databases(stack, world.keys, (name,), collector)}
    for word, where in services[name].words.items():
        collector.word(word, where)
    kept = [(word, where) for word, where in world.vocabulary if not where.startswith(f"{name}.")]
    opened = {each: getattr(collector, each) for each in _OPENED.get(name, ())}
    said = {**world.sayings, **await sayings(stack, world.keys, world.broker, only=name)}
    return replace(world, services=services, vocabulary=kept + collector.vocabulary, sayings=said, **opened)


_OPENED: Final = {
    "registry": ("contents", "numbers", "frozen", "persons"),
    "sync": ("projections", "national_numbers"),
}
"""Service → what of a world was sealed in its database."""


async def _databases(
    stack: Mapping[str, Any], keys: Mapping[str, Path], names: Iterable[str], collector: _Collector
) -> dict[str, Service]:
    """What stands in these services' databases; all snapshots are taken before anything is read."""
    services = {name: Service(name, Vault.read(keys[name])) for name in names}
    async with AsyncExitStack() as open_ones:
        found = await snapshots(
            [(each, stack["postgres"][name], collector.opened) for name, each in services.items()], open_ones
        )
        await asyncio.gather(*(each.read() for each in found))
    return services


def planted(operations: Iterable[Operation]) -> set[tuple[str, int, int]]:
    """(topic, partition, offset) of what the rig itself put into topics, as its journals say (`poison`)."""
    return {
        (about["topic"], about["partition"], about["offset"])
        for each in operations
        if each.op == "poison" and each.outcome == "ok"
        for about in [{**each.about, **each.told}]
    }


def _forget_planted(broker: Broker, operations: Iterable[Operation]) -> None:
    ours = planted(operations)
    for name, log in broker.logs.items():
        if ours:
            log.records = [each for each in log.records if (name, each.partition, each.offset) not in ours]


def heads_of(world: World) -> Iterator[Head]:
    """The ends of all chains now."""
    for name, service in world.services.items():
        for row in service["audit_head"]:
            yield name, row.chain, row.seq, bytes(row.hash)


def topic_names(reader: str) -> list[str]:
    """The topics that a service hears."""
    return [topic.name for topic in BY_NAME.values() if reader in topic.readers]
