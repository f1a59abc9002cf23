"""What a service hears, declared."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

from chassis.envelope import ENDED
from chassis.transaction import Tx
from contracts.event import Event
from contracts.topics import Kind, Topic

E_co = TypeVar("E_co", bound=Event | None, covariant=True)


class Received(NamedTuple, Generic[E_co]):
    """An event with its envelope; a tuple as that is."""

    subject: UUID
    event: E_co
    id: UUID
    epoch: int
    version: int
    time: datetime
    actor: UUID | None
    """The account that acted."""
    cause: UUID | None
    """The event that made the speaker say this."""


Hearer = Callable[[Tx, Sequence[Received[Any]]], Awaitable[None]]
H = TypeVar("H", bound=Hearer)


@dataclass(frozen=True, slots=True)
class Hearing:
    """One function and the types of records that it gets."""

    topic: Topic
    types: frozenset[str]
    hearer: Hearer


class Subscribers:
    """Everything that one service hears."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.hearings: list[Hearing] = []

    def hear(self, topic: Topic, *events: type[Event]) -> Callable[[H], H]:
        """The function gets these events of the topic, in batches.

        Of facts, at most one per subject and call; of state, only the newest of each subject; of foreign events all,
        in the order of their coming.
        Raises ValueError for a topic that does not list this service as a reader, or does not carry the event.
        """
        if not events:
            raise ValueError(f"Say which events of {topic.name} are heard.")
        for event in events:
            if topic.by_name.get(event.__name__) is not event:
                raise ValueError(f"{topic.name} does not carry {event.__name__}.")
        return self._declare(topic, frozenset(event.__name__ for event in events))

    def ended(self, topic: Topic) -> Callable[[H], H]:
        """The function gets the subjects of a state topic that have ended.

        Raises ValueError for a topic that does not carry state or does not list this service as a reader.
        """
        if topic.kind is not Kind.STATE:
            raise ValueError(f"{topic.name} carries no state: nothing ends on it.")
        return self._declare(topic, frozenset({ENDED}))

    @property
    def topics(self) -> Sequence[Topic]:
        """The topics that are heard, in the order of their declaration."""
        return list(dict.fromkeys(hearing.topic for hearing in self.hearings))

    def of(self, topic: Topic) -> Mapping[str, Sequence[Hearer]]:
        """Type of record → who hears it."""
        found: dict[str, list[Hearer]] = {}
        for hearing in self.hearings:
            if hearing.topic is topic:
                for kind in hearing.types:
                    found.setdefault(kind, []).append(hearing.hearer)
        return found

    def _declare(self, topic: Topic, types: frozenset[str]) -> Callable[[H], H]:
        if self.service not in topic.readers:
            raise ValueError(
                f"{topic.name} does not list {self.service} among its readers; its access list would refuse it."
            )

        def declare(hearer: H) -> H:
            self.hearings.append(Hearing(topic, types, hearer))
            return hearer

        return declare
