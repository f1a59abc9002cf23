"""Fetch what is not sent, send it, mark it. In this order, so that a crash repeats and never loses."""

import asyncio
import logging
import time
from typing import TYPE_CHECKING

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

# Sayings as whole: they are marked so. The last one may lead over the round's number.
_DUE = """
SELECT id FROM (
    SELECT id, sum(rows) OVER (ORDER BY id) - rows AS before FROM saying WHERE sent_at IS NULL ORDER BY id LIMIT $1
) AS unsent WHERE before < $1
"""
_FETCH = """
SELECT id, topic, subject, epoch, version, event_id, type, body, time, actor, cause, traceparent
FROM outbox WHERE saying = ANY($1::bigint[]) ORDER BY id
"""
_MARK = "UPDATE saying SET sent_at = now() WHERE id = ANY($1::bigint[]) AND sent_at IS NULL"
_DEPTH = """
SELECT coalesce(sum(rows), 0), coalesce(extract(epoch FROM now() - min(said_at)), 0)
FROM (SELECT rows, said_at FROM saying WHERE sent_at IS NULL ORDER BY id LIMIT 10000) AS unsent
"""

DEPTH = Gauge("outbox_depth", "Rows of the outbox that are not sent, of up to 10,000 sayings.")
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
            AGE.set(float(age))

    async def _send_for_ever(self, lead: Lead) -> None:
        sending: Sending | None = None
        try:
            while True:
                lead.woken.clear()
                began = time.monotonic()
                due = [row[0] for row in await lead.fetch(_DUE, ROUND)]
                if not due:
                    self._succeed()
                    await _woken(lead)
                    continue
                rows = await lead.fetch(_FETCH, due)
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
                await lead.fetch(_MARK, due)
                SENT.inc(len(rows))
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
