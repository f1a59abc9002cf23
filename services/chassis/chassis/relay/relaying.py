"""Fetch what is not sent, send it, mark it. In this order, so that a crash repeats and never loses."""

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from aiokafka.errors import ProducerFenced
from prometheus_client import Counter, Gauge

from chassis import crash
from chassis.relay.leading import Lead, leadership
from chassis.relay.sending import Sending

if TYPE_CHECKING:
    from chassis.transaction import Database

_log = logging.getLogger(__name__)

ROUND = 4000
"""Rows of one round: large enough that the broker's transaction costs little, small enough for a few megabytes."""
SMALL = ROUND // 8
"""A round of fewer rows is small: a backlog is worked off without a rest."""
POLL = 1.0
"""Seconds after which it looks without having been woken: a notification is only a hint."""
_PAUSE = 1.0
"""Seconds between tries while the broker is away."""
_TROUBLE = 10.0
"""Seconds without success after which the process says that it is not ready."""

_FETCH = """
SELECT id, topic, subject, epoch, version, event_id, type, body, time, actor, cause, traceparent
FROM outbox WHERE published_at IS NULL ORDER BY id LIMIT $1
"""
_MARK = "UPDATE outbox SET published_at = now() WHERE id = ANY($1::bigint[]) AND published_at IS NULL"
_DEPTH = """
SELECT count(*), coalesce(extract(epoch FROM now() - min(time)), 0)
FROM (SELECT time FROM outbox WHERE published_at IS NULL ORDER BY id LIMIT 10000) AS unsent
"""

DEPTH = Gauge("outbox_depth", "Rows of the outbox that are not sent, up to 10,000.")
AGE = Gauge("outbox_age_seconds", "Seconds for which the oldest row of the outbox waits to be sent.")
LEADS = Gauge("relay_leads", "1 while this process leads.")
SENT = Counter("relay_sent", "Rows sent and acknowledged.")
FAILED = Counter("relay_failures", "Rounds whose fate was unknown; they were sent again.", ["error"])


class Relay:
    """Sends what the service says. Any number may run; one leads."""

    def __init__(self, database: "Database", service: str) -> None:
        self._database = database
        self._service = service
        self._trouble: str | None = None
        self._good_at = time.monotonic()
        self._emptied: float | None = None
        """When nothing was left to be sent; whatever is unsent has become so since."""

    def why_not_ready(self) -> str | None:
        """A sentence when nothing could be sent for a while."""
        if self._trouble is None or time.monotonic() - self._good_at < _TROUBLE:
            return None
        return f"The relay cannot send: {self._trouble}."

    async def run(self) -> None:
        """Wait for the lead, lead, and again, until cancelled."""
        while True:
            try:
                async with leadership(self._database) as lead:
                    LEADS.set(1)
                    await self._lead(lead)
            except ProducerFenced:
                _log.warning("%s: another relay leads; this one steps back", self._service)
            except Exception as error:  # noqa: BLE001 - a relay never ends by itself
                # Whatever it was, the connection is gone and with it the lead. Nothing was marked that was not sent.
                self._fail(error)
            finally:
                LEADS.set(0)
            await asyncio.sleep(_PAUSE)

    async def _lead(self, lead: Lead) -> None:
        """Send until the connection, and so the lead, is lost."""
        beating = asyncio.create_task(self._beat(lead))
        sending = asyncio.create_task(self._send_for_ever(lead))
        try:
            done, _ = await asyncio.wait((beating, sending), return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (beating, sending):
                task.cancel()
            await asyncio.gather(beating, sending, return_exceptions=True)

    async def _beat(self, lead: Lead) -> None:
        while True:
            [(depth, age)] = await lead.beat(_DEPTH)
            DEPTH.set(depth)
            # What is said again has its old time, and has waited no longer than since everything was sent.
            AGE.set(float(age) if self._emptied is None else min(float(age), time.monotonic() - self._emptied))

    async def _send_for_ever(self, lead: Lead) -> None:
        sending: Sending | None = None
        try:
            while True:
                lead.woken.clear()
                began = time.monotonic()
                rows = await lead.fetch(_FETCH, ROUND)
                if not rows:
                    self._emptied = time.monotonic()
                    self._succeed()
                    await _woken(lead)
                    continue
                crash.point("relay.after_fetch")
                try:
                    if sending is None:
                        sending = await self._new_producer()
                    await sending.send(rows)
                except ProducerFenced:
                    raise
                except Exception as error:  # noqa: BLE001 - whatever it was, the answer is the same
                    # Unknown whether they arrived: nothing is marked, another producer sends them again.
                    self._fail(error)
                    if sending is not None:
                        await sending.stop()
                    sending = None
                    await asyncio.sleep(_PAUSE)
                    continue
                crash.point("relay.after_ack_before_mark")
                await self._mark(lead, rows)
                crash.point("relay.after_mark")
                self._succeed()
                if len(rows) < SMALL:
                    await asyncio.sleep(max(0.0, began + self._database.settings.spacing - time.monotonic()))
        finally:
            if sending is not None:
                await sending.stop()

    async def _new_producer(self) -> Sending:
        settings = self._database.settings
        sending = Sending(settings.kafka, self._service, self._database.topics, settings.partitions_cap)
        try:
            await sending.start()
        except BaseException:
            await sending.stop()
            raise
        return sending

    async def _mark(self, lead: Lead, rows: Sequence[Any]) -> None:
        await lead.fetch(_MARK, [row["id"] for row in rows])
        SENT.inc(len(rows))

    def _succeed(self) -> None:
        self._trouble, self._good_at = None, time.monotonic()

    def _fail(self, error: Exception) -> None:
        self._trouble = type(error).__name__
        FAILED.labels(type(error).__name__).inc()
        _log.warning("%s: the relay tries again after %s", self._service, type(error).__name__)


async def _woken(lead: Lead) -> None:
    try:
        async with asyncio.timeout(POLL):
            await lead.woken.wait()
    except TimeoutError:
        return
