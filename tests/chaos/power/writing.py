"""Clerks of the chassis's own small service, who write until they are told to stop and remember what they were told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

from sqlalchemy import text

from services.chassis.tests.conftest import Asked
from services.chassis.tests.rig import Rig
from tests.harness.eventually import eventually

AWAY_WITHIN = 120.0
"""Seconds for which a server may be away while clerks go on trying."""
_INSERT = text("INSERT INTO thing (id, number) VALUES (:id, 1)")


class Clerks:
    """Each writes one thing after the other: a row, a fact of her own subject, a state, an entry in the audit."""

    def __init__(self, rig: Rig, number: int = 8) -> None:
        self.rig = rig
        self.subjects = [uuid4() for _ in range(number)]
        self.acknowledged: set[UUID] = set()
        self.unknown: set[UUID] = set()
        """A dropped connection: done, or not done."""

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        """They write until the block ends."""
        tasks = [asyncio.create_task(self._write(subject)) for subject in self.subjects]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _write(self, subject: UUID) -> None:
        while True:
            await eventually(lambda: self._wrote(subject), within=AWAY_WITHIN, every=0.05)

    async def _wrote(self, subject: UUID) -> bool:
        """Whether one thing more is acknowledged."""
        thing = uuid4()
        self.unknown.add(thing)
        try:
            async with self.rig.maker.transaction() as tx:
                await tx.execute(_INSERT, {"id": thing})
                tx.say(subject, Asked(number=0))
                tx.touch(self.rig.topics.thing, [thing])
                tx.note("thing.made", [("thing", thing)])
        except Exception:  # noqa: BLE001 - whatever a lost server looks like, the fate is unknown
            return False
        self.unknown.discard(thing)
        self.acknowledged.add(thing)
        return True

    async def kept(self) -> set[UUID]:
        """The things that the database has."""
        async with self.rig.maker.snapshot() as tx:
            return {row.id for row in await tx.rows(text("SELECT id FROM thing"))}

    async def said(self) -> dict[UUID, int]:
        """The last version of each subject's facts."""
        async with self.rig.maker.snapshot() as tx:
            found = await tx.rows(
                text("SELECT subject, version FROM counter WHERE topic = :t"), {"t": self.rig.topics.talk.name}
            )
        return {row.subject: row.version for row in found}
