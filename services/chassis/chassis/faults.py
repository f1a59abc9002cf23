"""What an exception means for the work it ended: never, later, or unknown."""

from enum import Enum

from aiokafka.errors import KafkaError
from asyncpg import InterfaceError
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from chassis.envelope import Unreadable
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


_LATER_STATES = ("08", "25P0", "40", "53", "55P03", "57", "58", "XX")
"""SQLSTATE prefixes: connection, idle too long, rolled back, resources, lock not available, operator, system."""
_LATER_TYPES = (Contention, TimeoutError, ConnectionError, OSError, KafkaError, PoolTimeout, InterfaceError)


def sqlstate(error: BaseException) -> str | None:
    """PostgreSQL's five characters, when the error came from there."""
    source = error.orig if isinstance(error, DBAPIError) else error
    found = getattr(source, "sqlstate", None)
    return found if isinstance(found, str) else None


def verdict(error: BaseException) -> Verdict:
    """What the error means."""
    if isinstance(error, Refusal | ValidationError | Unreadable | SealBroken):
        return Verdict.NEVER
    if isinstance(error, _LATER_TYPES):
        return Verdict.LATER
    if isinstance(error, DBAPIError):
        state = sqlstate(error)
        if state is None:
            return Verdict.LATER if error.connection_invalidated or _is_connection(error.orig) else Verdict.UNKNOWN
        return Verdict.LATER if state.startswith(_LATER_STATES) else Verdict.UNKNOWN
    return Verdict.UNKNOWN


def _is_connection(source: object) -> bool:
    return isinstance(source, OSError | InterfaceError) or isinstance(
        getattr(source, "__cause__", None), OSError | InterfaceError
    )
