"""What an exception means: the other side is away, two transactions were in each other's way, or neither."""

import sys
from collections.abc import Callable, Iterator
from typing import Final

_CONFLICTS: Final = frozenset({"40001", "40P01", "55P03"})
"""Serialization failure, deadlock, lock timeout: the same again will probably do."""
_AWAY: Final = ("08", "53", "57", "58")
"""Classes of SQLSTATE: connection, resources, operator's intervention, system."""
_UNREADABLE: Final = ("22",)
"""A value that the database cannot hold: it came from outside and nobody had checked it."""


def is_conflict(error: BaseException) -> bool:
    """Whether the transaction lost against another one, and may be tried again as it was."""
    return _means(error, lambda each: _state(each) in _CONFLICTS)


def is_outage(error: BaseException) -> bool:
    """Whether the database, the objects' storage or the network is away, or too busy: later it may well succeed."""
    return _means(
        error,
        lambda each: _state(each)[:2] in _AWAY or isinstance(each, ConnectionError | TimeoutError) or _is_away(each),
    )


def is_unreadable(error: BaseException) -> bool:
    """Whether the database could not read a value: a NUL in a text, a number out of its range."""
    asyncpg = sys.modules.get("asyncpg.exceptions")
    return _means(
        error,
        lambda each: _state(each)[:2] in _UNREADABLE or (asyncpg is not None and isinstance(each, asyncpg.DataError)),
    )


def _means(error: BaseException, says: Callable[[BaseException], bool]) -> bool:
    """Whether the error or what it came from says so; of what failed together, everything must."""
    if isinstance(error, BaseExceptionGroup):
        return all(_means(each, says) for each in error.exceptions)
    return any(says(each) for each in _chain(error))


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, the driver's own error inside it, and what they came from."""
    seen: set[int] = set()
    pending: list[BaseException | None] = [error]
    while pending:
        each = pending.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        original = getattr(each, "orig", None)
        pending += [each.__cause__, original if isinstance(original, BaseException) else None]


def _state(error: BaseException) -> str:
    found = getattr(error, "sqlstate", None)
    return found if isinstance(found, str) else ""


def _is_away(error: BaseException) -> bool:
    # Who does not use one of these (the portal uses none) has not imported it, and does not meet its errors.
    sqlalchemy, asyncpg = sys.modules.get("sqlalchemy.exc"), sys.modules.get("asyncpg.exceptions")
    if sqlalchemy is not None and (
        isinstance(error, sqlalchemy.TimeoutError) or getattr(error, "connection_invalidated", False)
    ):
        return True
    # What a storage answers that can be understood has a class of its own; this one is all the rest.
    obstore = sys.modules.get("obstore.exceptions")
    if obstore is not None and isinstance(error, obstore.GenericError):
        return True
    return asyncpg is not None and isinstance(error, asyncpg.ConnectionDoesNotExistError | asyncpg.InternalClientError)
