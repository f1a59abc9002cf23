"""The chassis's maker and taker with a link before each of their servers, and somebody who goes on speaking."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self
from uuid import UUID

from sqlalchemy.engine import make_url

from chassis.consuming import Listeners, Subscribers
from chassis.relay import Relay
from chassis.transaction import Database
from services.chassis.tests.child import note_effects, open_database
from services.chassis.tests.conftest import Asked, ThingChanged
from services.chassis.tests.rig import Rig, new_subjects, read_topic, running
from tests.chaos.network.link import Link
from tests.chaos.network.speech import Kafka
from tests.harness.eventually import eventually, until

NAMES = ("maker-kafka", "taker-kafka", "maker-postgres", "taker-postgres")


class Pair:
    """A maker and a taker who reach every server through a link. What a test asks itself goes past the links."""

    def __init__(self, rig: Rig, seed: int = 0) -> None:
        self.rig = rig
        host, port = rig.kafka.split(":")
        stored = make_url(rig.maker_dsn)
        self.links = {
            name: Link(host, int(port), Kafka(host, int(port)), chance=random.Random(seed))
            if name.endswith("kafka")
            else Link(stored.host or host, stored.port or 5432, chance=random.Random(seed))
            for name in NAMES
        }
        self.subjects = new_subjects(12)
        self.said = 0
        self._things: dict[UUID, int] = {}

    async def start(self) -> Self:
        """Listen on the links; open the databases through them."""
        await asyncio.gather(*(link.start() for link in self.links.values()))
        self.maker, self.taker = self._database("maker"), self._database("taker")
        return self

    async def stop(self) -> None:
        """Let go of everything."""
        for link in self.links.values():
            link.heal()
        await asyncio.gather(self.maker.close(), self.taker.close())
        await asyncio.gather(*(link.stop() for link in self.links.values()))

    def parts(self) -> tuple[Any, Any]:
        """The relay and the listeners, to be run."""
        return Relay(self.maker, f"maker{self.rig.suffix}"), Listeners(self.taker, self.hears())

    def hears(self) -> Subscribers:
        """What the taker does: one row for each event."""
        found = Subscribers("taker")
        found.hear(self.rig.topics.talk, Asked)(note_effects)
        found.hear(self.rig.topics.thing, ThingChanged)(note_effects)
        return found

    async def speak(self) -> None:
        """One more fact and one more state of each subject."""
        await self.rig.say(self.subjects)
        self.said += 1
        self._things = dict.fromkeys(self.subjects, self.said)
        await self.rig.touch(self.rig.topics.thing, self._things)

    @asynccontextmanager
    async def speaking(self) -> AsyncIterator[None]:
        """Somebody speaks ten times a second until the block ends."""
        ended = asyncio.Event()

        async def go_on() -> None:
            while not ended.is_set():
                await self.speak()
                await until(ended, 0.1)

        speaker = asyncio.create_task(go_on())
        try:
            yield
        finally:
            ended.set()
            await speaker

    async def everything_arrives(self, within: float = 60) -> None:
        """All that was said had its effect once and in order, the newest state came, and nothing is parked or ahead."""
        facts = list(range(1, self.said + 1))

        async def arrived() -> bool:
            assert await self.rig.unsent() == 0
            found = await self.effects()
            assert {each: found.get(each, ([], []))[0] for each in self.subjects} == dict.fromkeys(self.subjects, facts)
            assert all(found[each][1][-1:] == facts[-1:] for each in self.subjects)
            return True

        await eventually(arrived, within=within, every=0.1)
        found = await self.effects()
        assert all(states == sorted(set(states)) for _, states in found.values()), "a state came twice or late"
        assert await self._parked() == 0
        for topic in (self.rig.topics.talk, self.rig.topics.thing):
            assert await eventually(lambda topic=topic: self.rig.offsets_never_run_ahead(topic))  # type: ignore[misc]

    async def effects(self) -> dict[UUID, tuple[list[int], list[int]]]:
        """Of each subject the versions of facts, and those of states, in the order of their effects."""
        from sqlalchemy import text

        found: dict[UUID, tuple[list[int], list[int]]] = {}
        async with self.rig.taker.snapshot() as tx:
            for row in await tx.rows(text("SELECT subject, number, version FROM effect ORDER BY n")):
                # Facts are numbered 0, states as often as was spoken.
                found.setdefault(row.subject, ([], []))[int(row.number > 0)].append(row.version)
        return found

    async def topic_is_in_order(self) -> None:
        """First occurrences of each subject's facts stand in order in the topic; none is missing or a stranger's."""
        first: dict[UUID, list[int]] = {}
        for record in await read_topic(self.rig.kafka, self.rig.topics.talk.name):
            seen = first.setdefault(UUID(record.key.decode()), [])
            version = int(dict(record.headers)["ce_sequence"])
            if version not in seen:
                seen.append(version)
        assert first == {each: list(range(1, self.said + 1)) for each in self.subjects}

    async def _parked(self) -> int:
        from sqlalchemy import text

        async with self.rig.taker.snapshot() as tx:
            return int(await tx.scalar(text("SELECT count(*) FROM parked")))

    def _database(self, who: str) -> Database:
        dsn = make_url(self.rig.maker_dsn if who == "maker" else self.rig.taker_dsn)
        proxied = dsn.set(port=self.links[f"{who}-postgres"].port).render_as_string(hide_password=False)
        told = self.rig.told(proxied) | {"kafka": self.links[f"{who}-kafka"].address}
        opened: Database = open_database(told, self.rig.topics)
        return opened


@asynccontextmanager
async def pair(rig: Rig, seed: int = 0) -> AsyncIterator[Pair]:
    """A pair on links, with its relay and its listeners running."""
    made = await Pair(rig, seed).start()
    try:
        async with running(*made.parts()):
            yield made
    finally:
        await made.stop()


async def last(seconds: float) -> None:
    """A fault lasts so long."""
    await until(asyncio.Event(), seconds)
