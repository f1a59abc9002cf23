"""Every topic of the house, in one table. Routing, creation, access lists, AsyncAPI and tests follow from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from contracts import identity, national, photo, registry, review, sync
from contracts.event import Event


class Kind(StrEnum):
    """How a topic's versions are to be read."""

    STATE = "state"
    """Compacted: each record is the subject's whole state, the newest (epoch, version) wins, a null body is the end."""
    FACT = "fact"
    """Kept 90 days: every event matters, versions 1..n of a subject without a gap."""
    FOREIGN = "foreign"
    """Written by the nation: no versions of ours; deduplicated by event id and the answered version."""


MANY = 24
FEW = 6
FACTS_KEPT = timedelta(days=90)


@dataclass(frozen=True, slots=True, eq=False)
class Topic:
    """A topic. Two topics are the same only if they are the same row of this table."""

    name: str
    kind: Kind
    writer: str
    readers: frozenset[str]
    events: tuple[type[Event], ...]
    about: str
    partitions: int
    sealed: bool = False
    retention: timedelta | None = None
    by_name: Mapping[str, type[Event]] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {event.__name__: event for event in self.events})


def _state(
    name: str, writer: str, readers: str, event: type[Event], about: str, *, many: bool = False, sealed: bool = False
) -> Topic:
    return Topic(name, Kind.STATE, writer, frozenset(readers.split()), (event,), about, MANY if many else FEW, sealed)


ORGANISATION = _state(
    "registry.organisation.v1", "registry", "review photo sync", identity.OrganisationChanged, "organisation id"
)
ACCOUNT = _state("registry.account.v1", "registry", "review photo sync", identity.AccountChanged, "account id")
CALENDAR = _state("registry.calendar.v1", "registry", "review photo sync", registry.CalendarChanged, "organisation id")
CLASS = _state("registry.class.v1", "registry", "sync", registry.ClassChanged, "class id")
STUDENT = _state("registry.student.v1", "registry", "photo", registry.StudentChanged, "student id", many=True)
STUDENT_RECORD = _state(
    "registry.student-record.v1",
    "registry",
    "sync",
    registry.StudentRecordChanged,
    "student id",
    many=True,
    sealed=True,
)
REQUEST = Topic(
    "registry.request.v1", Kind.FACT, "registry", frozenset({"review"}),
    (registry.RequestSubmitted, registry.WithdrawalAsked), "request id", MANY, retention=FACTS_KEPT,
)  # fmt: skip
DECISION = Topic(
    "review.decision.v1", Kind.FACT, "review", frozenset({"registry"}),
    (review.RequestApproved, review.RequestReturned, review.RequestRejected, review.RequestWithdrawn, review.StepDecided),
    "request id", MANY, retention=FACTS_KEPT,
)  # fmt: skip
PHOTO = _state("photo.photo.v1", "photo", "registry sync", photo.PhotoChanged, "enrolment id", many=True)
NATIONAL_RECORD = _state(
    "sync.national-record.v1", "sync", "nation", sync.NationalRecord, "student id", many=True, sealed=True
)
RECEIPT = Topic(
    "national.receipt.v1", Kind.FOREIGN, "nation", frozenset({"sync"}),
    (national.RecordAccepted, national.RecordRejected, national.ProblemFound, national.NumberIssued),
    "student id", MANY, sealed=True, retention=FACTS_KEPT,
)  # fmt: skip
OUTCOME = _state(
    "sync.outcome.v1", "sync", "registry", sync.NationalStandingChanged, "student id", many=True, sealed=True
)

TOPICS: tuple[Topic, ...] = (
    ORGANISATION, ACCOUNT, CALENDAR, CLASS, STUDENT, STUDENT_RECORD, REQUEST, DECISION, PHOTO, NATIONAL_RECORD,
    RECEIPT, OUTCOME,
)  # fmt: skip
BY_NAME: Mapping[str, Topic] = {topic.name: topic for topic in TOPICS}
