"""What an exception means for the events whose work it ended: never, later, or unknown."""

from enum import Enum

from aiokafka.errors import KafkaError
from pydantic import ValidationError

from chassis.envelope import Unreadable
from chassis.outages import is_conflict, is_outage
from chassis.sealing import SealBroken
from contracts.refusal import Refusal


class Verdict(Enum):
    """What is to be done about a failure."""

    NEVER = "never"
    """It was refused or cannot be read: the same will happen again."""
    LATER = "later"
    """A deadlock, a timeout, a server away: the same will work once the trouble is over."""
    UNKNOWN = "unknown"
    """Anything else: it may be one event of many."""


class Contention(Exception):  # noqa: N818 - it says what has happened
    """Another process was faster with the same rows; what it did is seen on the next try."""


def verdict(error: BaseException) -> Verdict:
    """What the error means."""
    if isinstance(error, Refusal | ValidationError | Unreadable | SealBroken):
        return Verdict.NEVER
    if isinstance(error, Contention | KafkaError) or is_conflict(error) or is_outage(error):
        return Verdict.LATER
    return Verdict.UNKNOWN
