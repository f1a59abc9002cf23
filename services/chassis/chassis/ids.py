"""Identifiers."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A UUID of version 7: it rises with time, so that indexes grow at their end."""
    return uuid7()
