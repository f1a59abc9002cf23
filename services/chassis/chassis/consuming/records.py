"""A record as it came, and what is found out about it."""

import json
from base64 import b64decode, b64encode
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

from pydantic import ValidationError

from chassis import envelope
from chassis.consuming.declaring import Received
from chassis.envelope import ENDED, Envelope, Headers, Unreadable
from chassis.sealing import SealBroken
from chassis.transaction.tx import Cause
from contracts.event import Event
from contracts.refusal import Refusal
from contracts.topics import Kind, Topic

if TYPE_CHECKING:
    from chassis.sealing import WireKeys


class Outcome(StrEnum):
    """What became of a record."""

    APPLIED = "applied"
    SEEN = "seen"
    """It, or a newer state of its subject, has been applied before."""
    WAITING = "waiting"
    """An earlier fact of its subject has not come yet."""
    PARKED = "parked"
    """It cannot be applied, or an earlier fact of its subject is parked."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a record cannot be applied: a code, and words without any of its content."""

    reason: str
    detail: str = ""

    @classmethod
    def of(cls, error: BaseException) -> Self:
        """What an exception says, as far as it may be kept."""
        if isinstance(error, Refusal):
            return cls(error.code)
        if isinstance(error, ValidationError):
            found = error.errors(include_input=False)
            lines = (f"{'.'.join(map(_named, each['loc']))}: {each['type']}" for each in found)
            return cls("invalid", "; ".join(lines)[:500])
        if isinstance(error, Unreadable):
            return cls("unreadable", str(error))
        if isinstance(error, SealBroken):
            return cls("seal-broken", str(error))
        return cls("failed", type(error).__name__)


def _named(part: int | str) -> str:
    """A step to a field. The key of a mapping came from outside: it may be personal, or nothing a text can hold."""
    said = str(part)
    return said if (said.isascii() and said.isidentifier()) or said.isdigit() else "?"


CONFLICT = Fault("conflict", "The same version with other bytes has been applied: was its writer restored to the past?")
BEHIND = Fault("behind", "An earlier fact of its subject is parked.")


@dataclass(slots=True, eq=False)
class Record:
    """One record of a topic."""

    topic: Topic
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    envelope: Envelope | None = None
    fault: Fault | None = None
    event: Event | None = None
    is_open: bool = False
    """Whether `event` has been read from the body."""
    waiting_id: UUID | None = None
    """Its row among the waiting, when it comes from there."""
    parked_id: UUID | None = None
    """Its row among the parked, when it is replayed from there."""
    outcome: Outcome | None = None

    @classmethod
    def of(
        cls, topic: Topic, partition: int, offset: int, key: bytes | None, value: bytes | None, headers: Any
    ) -> Self:
        """The record with what its headers say, or with its fault."""
        record = cls(topic, partition, offset, key, value, list(headers))
        try:
            record.envelope = envelope.read(topic, key, record.headers)
            if value is None and topic.kind is not Kind.STATE:
                raise Unreadable("the body is missing")
        except Unreadable as error:
            record.fault = Fault.of(error)
        return record

    @property
    def kind(self) -> str:
        """The type of the record; without a body it is the end of its subject, whatever it is called."""
        assert self.envelope is not None
        return ENDED if self.value is None else self.envelope.type

    @property
    def hash(self) -> bytes:
        """16 bytes of what it says: the same version never has two."""
        return blake2b((self.value or b"") + self.kind.encode(), digest_size=16).digest()

    @property
    def fingerprint(self) -> bytes:
        """16 bytes of all of it: the same record delivered again has the same."""
        found = blake2b(self.key or b"", digest_size=16)
        for name, value in self.headers:
            found.update(name.encode() + b"=" + (value or b"") + b"\n")
        found.update(self.value or b"")
        return found.digest()

    def open(self, wire: "WireKeys | None") -> None:
        """Read the event from the body, once.

        Raises ValidationError, SealBroken.
        """
        if self.is_open:
            return
        assert self.envelope is not None
        if self.value is not None:
            body, said = self.value, self.envelope
            if self.topic.sealed:
                assert wire is not None
                epoch, version = (0, 0) if self.topic.kind is Kind.FOREIGN else said.order
                body = wire.open(self.topic.name, said.subject, epoch, version, body)
            validator = self.topic.by_name[said.type].__pydantic_validator__
            self.event = validator.validate_json(body, extra="ignore")
        self.is_open = True

    def received(self) -> Received[Any]:
        """What its hearer gets."""
        said = self.envelope
        assert said is not None
        return Received(said.subject, self.event, said.id, said.epoch, said.version, said.time, said.actor, said.cause)

    def cause(self) -> tuple[UUID, Cause]:
        """Its subject, and what it is to whatever is said of that because of it."""
        said = self.envelope
        assert said is not None
        return said.subject, Cause(said.id, said.actor, said.traceparent)

    def to_bytes(self) -> bytes:
        """All of it, to be sealed and kept."""
        return json.dumps(
            {
                "partition": self.partition,
                "offset": self.offset,
                "key": _b64(self.key),
                "value": _b64(self.value),
                "headers": [[name, _b64(value)] for name, value in self.headers],
            }
        ).encode()

    @classmethod
    def from_bytes(cls, topic: Topic, kept: bytes) -> Self:
        """The record that was kept."""
        found = json.loads(kept)
        headers = [(name, _bytes(value) or b"") for name, value in found["headers"]]
        return cls.of(topic, found["partition"], found["offset"], _bytes(found["key"]), _bytes(found["value"]), headers)


def _b64(value: bytes | None) -> str | None:
    return None if value is None else b64encode(value).decode()


def _bytes(value: str | None) -> bytes | None:
    return None if value is None else b64decode(value)
