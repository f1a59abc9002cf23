"""What a library says again and again is told now and then, with how often it was said."""

import logging
from typing import Final

EVERY: Final = 10.0
"""Seconds from one telling of the same words to the next."""
MOST: Final = 500
"""Sentences that are remembered: a library that puts something else into each would fill the memory."""


class SaidBefore(logging.Filter):
    """Lets the same words of the named libraries through once in `EVERY` seconds.

    Without it a consumer whose broker is away for an hour writes some three million lines, and spends half of its time
    on them. Words are the same whatever is put into them. The next line that is told has `again`: how many were not.
    """

    def __init__(self, *libraries: str) -> None:
        super().__init__()
        self._libraries = libraries
        self._told: dict[tuple[str, int, str], tuple[float, int]] = {}
        """(logger, level, words) → (when it was told last, how often it was said since)."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is to be told."""
        if record.name.partition(".")[0] not in self._libraries:
            return True
        words = (record.name, record.levelno, str(record.msg))
        told, since = self._told.get(words, (None, 0))
        if told is not None and record.created - told < EVERY:
            self._told[words] = told, since + 1
            return False
        if len(self._told) >= MOST:
            self._told.clear()
        self._told[words] = record.created, 0
        if since:
            record.again = since
        return True
