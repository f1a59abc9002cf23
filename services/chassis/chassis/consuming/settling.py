"""A batch comes to its end, whatever is in it: applied as a whole, by halves, or one by one."""

import logging
import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING

from chassis.consuming.applying import Applying, Attempt
from chassis.consuming.declaring import Subscribers
from chassis.consuming.records import Fault, Record
from chassis.faults import Verdict, verdict
from contracts.refusal import Refusal
from contracts.topics import Topic

if TYPE_CHECKING:
    from chassis.transaction import Database

_log = logging.getLogger(__name__)

WINDOW = 1000
"""Events of a partition over which the share of poison is measured."""
ENOUGH = 200
"""Below so many events a share says nothing."""
MOST_PARKED = 0.01
"""Above this share it is a bug and not poison."""


class TooManyParked(Exception):  # noqa: N818 - it says what has happened
    """Partitions have so much poison that it must be a bug of ours; nothing more of them is parked."""

    def __init__(self, partitions: Sequence[int]) -> None:
        super().__init__(f"partitions {', '.join(map(str, partitions))}")
        self.partitions = partitions


class Share:
    """The share of poison among the last events of each partition."""

    def __init__(self) -> None:
        self._windows: dict[int, tuple[float, float]] = {}

    def note(self, partition: int, events: int, parked: int) -> None:
        """So many more have come, so many of them parked. What is older than the window fades."""
        seen, bad = self._windows.get(partition, (0.0, 0.0))
        fade = min(1.0, WINDOW / (seen + events)) if seen + events else 1.0
        self._windows[partition] = ((seen + events) * fade, (bad + parked) * fade)

    def exceeded(self) -> Sequence[int]:
        """Partitions with more than one parked in a hundred."""
        return [
            partition for partition, (seen, bad) in self._windows.items() if seen >= ENOUGH and bad > seen * MOST_PARKED
        ]

    def forget(self, partitions: Sequence[int]) -> None:
        """Begin anew with these partitions."""
        for partition in partitions:
            self._windows.pop(partition, None)


class Settling:
    """Brings batches of one topic to their end."""

    def __init__(self, database: "Database", subscribers: Subscribers, topic: Topic) -> None:
        self.topic = topic
        self.share = Share()
        self._applying = Applying(database, subscribers, topic)

    async def settle(self, records: Sequence[Record]) -> None:
        """Every record has its outcome, committed.

        Raises what must be tried again later (all of the batch; what is done will be seen), and TooManyParked.
        """
        if stopped := set(self.share.exceeded()) & {record.partition for record in records}:
            raise TooManyParked(sorted(stopped))
        attempt = Attempt()
        try:
            await self._applying.apply(records, attempt)
        except Exception as error:
            found = verdict(error)
            if found is Verdict.LATER:
                raise
            if len(records) == 1:
                await self._settle_one(records[0], error, attempt.drained)
                return
            if found is Verdict.UNKNOWN:
                _log.warning(
                    "%s: %d events failed together with %s", self.topic.name, len(records), type(error).__name__
                )
            middle = len(records) // 2
            await self.settle(records[:middle])
            await self.settle(records[middle:])
        else:
            self._note(records, attempt.parked)

    async def _settle_one(self, record: Record, error: Exception, drained: Sequence[Record]) -> None:
        """The record alone, then what waited for it; when it is itself the one that fails, it is parked."""
        if drained:
            alone = Attempt()
            try:
                await self._applying.apply([record], alone, drain=False)
            except Exception as again:
                if verdict(again) is Verdict.LATER:
                    raise
                error = again
            else:
                self._note([record], alone.parked)
                for waited in drained:
                    await self.settle([waited])
                return
        if not isinstance(error, Refusal):
            # Never the message: a database's errors quote the values.
            _log.error(
                "%s: an event of %s is parked after %s at %s",
                self.topic.name,
                _kind(record),
                type(error).__name__,
                _where(error),
            )
        record.fault = Fault.of(error)
        attempt = Attempt()
        await self._applying.apply([record], attempt)
        self._note([record], attempt.parked)

    def _note(self, records: Sequence[Record], parked: int) -> None:
        counts: dict[int, int] = {}
        for record in records:
            counts[record.partition] = counts.get(record.partition, 0) + 1
        most = max(counts, key=counts.__getitem__)
        for partition, events in counts.items():
            # A batch spans few partitions; poison within one is counted where most of it came from.
            self.share.note(partition, events, parked if partition == most else 0)


def _where(error: BaseException) -> str:
    """The line that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "?"


def _kind(record: Record) -> str:
    return record.envelope.type if record.envelope else "unknown type"
