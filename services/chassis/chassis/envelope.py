"""An event on the wire: a CloudEvent 1.0 in Kafka's binary mode.

The headers are written here and read here, and nowhere else. A reader decides by them alone whether it cares.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple
from uuid import NAMESPACE_URL, UUID, uuid5
from zlib import crc32

from asyncpg.pgproto import pgproto

from chassis.clock import ZONE
from chassis.telemetry.tracing import FORM
from contracts.topics import Kind, Topic

Headers = list[tuple[str, bytes]]
_parse: Callable[[str], UUID] = pgproto.UUID
"""asyncpg's own UUID, a subclass of Python's: it is read four times as fast, and every record has two of them."""

SOURCE = "/cn/34/"
"""The province's code in GB/T 2260, then the service that speaks."""
JSON = b"application/json"
JOSE = b"application/jose"
ENDED = "Ended"
"""The type of a record without a body: the end of its subject."""
_LONGEST_TRACE = 64
_LARGEST_EPOCH = 2**31 - 1
LARGEST_BODY = 900_000
"""Bytes; a larger event is refused to its writer, for the relay could never send it."""


class Unreadable(Exception):  # noqa: N818 - it says what the record is
    """A record whose headers or key are not those of an event. It names the header, never its value."""


class Envelope(NamedTuple):
    """What the headers of a record say. A tuple, for every record has one (decision 19)."""

    subject: UUID
    type: str
    id: UUID
    epoch: int
    version: int
    time: datetime
    actor: UUID | None
    cause: UUID | None
    traceparent: str | None = None

    @property
    def order(self) -> tuple[int, int]:
        """(epoch, version): what is newer is greater."""
        return self.epoch, self.version


def key_of(subject: UUID) -> bytes:
    """The key of the subject's records."""
    return str(subject).encode()


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key: CRC-32, as librdkafka's "consistent" partitioner does it."""
    return crc32(key) % partitions


class HeaderWriter:
    """Writes the headers of one topic's records; what never changes is made once."""

    def __init__(self, topic: Topic) -> None:
        source = (SOURCE + topic.writer).encode()
        content = JOSE if topic.sealed else JSON
        self._common: Headers = [("ce_specversion", b"1.0"), ("content-type", content), ("ce_source", source)]
        self._types: dict[str, tuple[str, bytes]] = {
            name: ("ce_type", name.encode()) for name in (*topic.by_name, ENDED)
        }
        self._last: tuple[datetime | None, bytes] = (None, b"")

    def write(
        self,
        key: bytes,
        event_id: UUID,
        kind: str,
        epoch: int,
        version: int,
        time: datetime,
        actor: UUID | None,
        cause: UUID | None,
        traceparent: str | None,
    ) -> Headers:
        """The headers of one record."""
        if time != self._last[0]:  # everything of one transaction has the same time
            self._last = (time, time.astimezone(UTC).isoformat().replace("+00:00", "Z").encode())
        headers = [
            *self._common,
            ("ce_id", str(event_id).encode()),
            self._types.get(kind) or ("ce_type", kind.encode()),
            ("ce_subject", key),
            ("ce_epoch", b"%d" % epoch),
            ("ce_sequence", b"%d" % version),
            ("ce_time", self._last[1]),
        ]
        if actor is not None:
            headers.append(("ce_actor", str(actor).encode()))
        if cause is not None:
            headers.append(("ce_cause", str(cause).encode()))
        if traceparent is not None:
            headers.append(("traceparent", traceparent.encode()))
        return headers


def read(topic: Topic, key: bytes | None, headers: Iterable[tuple[str, bytes]]) -> Envelope:
    """What the headers say. Raises Unreadable."""
    found = dict(headers)
    subject = _uuid("key", key)
    if found.get("ce_specversion", b"1.0") != b"1.0":
        raise Unreadable("ce_specversion is not 1.0")
    if found.get("ce_subject", key) != key:
        raise Unreadable("ce_subject is not the key")
    if topic.kind is Kind.FOREIGN:
        event_id = _foreign_id(found.get("ce_source") or b"", found.get("ce_id"))
        epoch, version = _number(found, "ce_epoch", 0), _number(found, "ce_sequence", 0)
    else:
        event_id = _uuid("ce_id", found.get("ce_id"))
        epoch, version = _number(found, "ce_epoch"), _number(found, "ce_sequence")
        if epoch < 1 or version < 1:
            raise Unreadable("ce_epoch and ce_sequence begin at 1")
    if epoch > _LARGEST_EPOCH:
        raise Unreadable("ce_epoch is too large")
    return Envelope(
        subject,
        _type(found.get("ce_type")),
        event_id,
        epoch,
        version,
        _moment(found.get("ce_time") or b""),
        _actor(found["ce_actor"]) if "ce_actor" in found else None,
        _uuid("ce_cause", found["ce_cause"]) if "ce_cause" in found else None,
        _trace(trace) if len(trace := found.get("traceparent") or b"") <= _LONGEST_TRACE else None,
    )


def _uuid(name: str, value: bytes | None) -> UUID:
    if value is None or len(value) != 36:
        raise Unreadable(f"{name} is missing or no UUID")
    try:
        return _parse(value.decode("ascii"))
    except ValueError:
        raise Unreadable(f"{name} is no UUID") from None


def _foreign_id(source: bytes, value: bytes | None) -> UUID:
    """Others may name their events as they like; source and id together are unique."""
    if not value:
        raise Unreadable("ce_id is missing")
    try:
        return UUID(value.decode("ascii"))
    except ValueError:
        return uuid5(NAMESPACE_URL, (source + b" " + value).decode("utf-8", "backslashreplace"))


@lru_cache(maxsize=1024)
def _trace(value: bytes) -> str | None:
    """It only accompanies an event, which is good without it: another form is as if none had come."""
    text = value.decode("latin-1")
    return text if FORM.fullmatch(text) else None


def _number(found: dict[str, bytes], name: str, otherwise: int | None = None) -> int:
    value = found.get(name)
    if value is None and otherwise is not None:
        return otherwise
    if value is None or not value.isdigit() or len(value) > 18:
        raise Unreadable(f"{name} is missing or no number")
    return int(value)


# What many records have alike is read once: the type, who acted, and the trace and time of one transaction.
@lru_cache(maxsize=1024)
def _type(value: bytes | None) -> str:
    text = value.decode("ascii", "replace") if value else ""
    if not text or len(text) > 200 or not text.isascii() or not text.isprintable():
        raise Unreadable("ce_type is missing or no name")
    return text


@lru_cache(maxsize=1024)
def _actor(value: bytes) -> UUID:
    return _uuid("ce_actor", value)


@lru_cache(maxsize=1024)
def _moment(value: bytes) -> datetime:
    try:
        moment = datetime.fromisoformat(value.decode("ascii"))
        if moment.tzinfo is None:
            raise Unreadable("ce_time has no time zone")
        return moment.astimezone(ZONE)
    except (ValueError, OverflowError):  # the first and the last day of all may have no counterpart elsewhere
        raise Unreadable("ce_time is no moment") from None
