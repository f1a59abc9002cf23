"""Delivering to a service without a broker, along the very path that records take in production."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chassis.clock import now
from chassis.consuming import Subscribers
from chassis.consuming.records import Record
from chassis.consuming.settling import Settling
from chassis.envelope import ENDED, HeaderWriter, key_of, partition_of
from chassis.ids import new_id
from chassis.transaction import Database
from contracts.event import Event
from contracts.topics import Kind, Topic

_OFFSETS = itertools.count()
_PARTITIONS = 6


@dataclass(frozen=True, slots=True)
class Spoken:
    """An event as its speaker says it."""

    topic: Topic
    subject: UUID
    event: Event | None
    version: int
    epoch: int
    id: UUID
    time: datetime
    actor: UUID | None
    cause: UUID | None
    body: bytes | None
    """Instead of the event: what a broken speaker writes."""


def spoken(
    topic: Topic,
    subject: UUID,
    event: Event | None,
    *,
    version: int = 1,
    epoch: int = 1,
    id: UUID | None = None,  # noqa: A002 - the event's id is called so everywhere
    time: datetime | None = None,
    actor: UUID | None = None,
    cause: UUID | None = None,
    body: bytes | None = None,
) -> Spoken:
    """An event for `deliver`; None is the end of the subject. `body` replaces the event's own bytes."""
    return Spoken(topic, subject, event, version, epoch, id or new_id(), time or now(), actor, cause, body)


async def deliver(
    database: Database, subscribers: Subscribers, events: Sequence[Spoken], *, batch: int = 500
) -> list[str]:
    """What became of each event: applied, seen, waiting or parked, after all of them were handed over in this order.

    Neighbours of one topic share batches. Raises what the service would try again later.
    """
    records = [record_of(database, said) for said in events]
    for topic, run in itertools.groupby(records, key=lambda record: record.topic):
        settling = Settling(database, subscribers, topic)
        together = list(run)
        for start in range(0, len(together), batch):
            await settling.settle(together[start : start + batch])
    return [record.outcome.value if record.outcome else "lost" for record in records]


def record_of(database: Database, said: Spoken) -> Record:
    """The record as it would stand in the topic, sealed if the topic is."""
    key, foreign = key_of(said.subject), said.topic.kind is Kind.FOREIGN
    value = said.body
    if value is None and said.event is not None:
        value = said.event.model_dump_json().encode()
        if said.topic.sealed:
            order = (0, 0) if foreign else (said.epoch, said.version)
            value = database.wire.seal(said.topic.name, said.subject, *order, value)
    kind = ENDED if said.event is None else type(said.event).__name__
    headers = HeaderWriter(said.topic).write(
        key, said.id, kind, said.epoch, said.version, said.time, said.actor, said.cause, None
    )
    return Record.of(said.topic, partition_of(key, _PARTITIONS), next(_OFFSETS), key, value, headers)
