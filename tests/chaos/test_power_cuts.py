"""The power goes: of what was acknowledged PostgreSQL loses nothing, and what Kafka loses is found and said again.

`kill -9` alone cannot see a missing sync: what a killed process has written is in the kernel's memory and comes back.
"""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from chassis import auditing, auditor
from chassis.consuming import Listeners
from chassis.relay import Relay
from local_stack.kafka import KafkaServer
from local_stack.postgres import PostgresServer
from services.chassis.tests.child import taker
from services.chassis.tests.conftest import make_topics, migrate, write_keys
from services.chassis.tests.rig import Rig, running
from services.chassis.tests.test_crashes import all_sent, topic_is_whole
from tests.chaos.power.cutting import cut
from tests.chaos.power.disk import Disk, powered, why_not
from tests.chaos.power.writing import Clerks
from tests.harness.eventually import eventually

CUTS = int(os.environ.get("CHAOS_POWER_CUTS", "10"))
BROKER_CUTS = int(os.environ.get("CHAOS_BROKER_POWER_CUTS", "3"))
_WHY_NOT = why_not()
pytestmark = [
    pytest.mark.timeout(60 + 15 * CUTS + 30 * BROKER_CUTS),
    pytest.mark.skipif(_WHY_NOT is not None, reason=_WHY_NOT or ""),
]


@asynccontextmanager
async def rig_on(maker: str, taken: str, kafka: str, folder: Path) -> AsyncIterator[Rig]:
    topics = make_topics(suffix := uuid4().hex[:8])
    found = Rig(suffix, topics, write_keys(folder, [topics.secret.name]), kafka, maker, taken)
    await found.begin()
    try:
        yield found
    finally:
        await found.end()


async def _databases(server: PostgresServer) -> tuple[str, str]:
    for name in ("maker", "taker"):
        connection = await server.address.connect()
        await connection.execute(f"CREATE DATABASE {name}")
        await connection.close()
        await migrate(server.address.dsn(name))
    return server.address.dsn("maker"), server.address.dsn("taker")


@asynccontextmanager
async def a_postgres(disk: Disk) -> AsyncIterator[PostgresServer]:
    server = PostgresServer(disk.root / "postgres", connections=60)
    try:
        await server.start()
        yield server
    finally:
        await server.kill()


@pytest.mark.part("Power cuts of PostgreSQL", CUTS)
async def test_a_power_cut_takes_no_acknowledged_commit(kafka_server: str, tmp_path: Path) -> None:
    with powered("postgres") as disk:
        async with a_postgres(disk) as server:
            async with rig_on(*await _databases(server), kafka_server, tmp_path) as rig:
                clerks = Clerks(rig)
                hears = taker(rig.topics)
                async with running(Relay(rig.maker, f"maker{rig.suffix}"), Listeners(rig.taker, hears)):
                    async with clerks.writing():
                        for _ in range(CUTS):
                            await _more(clerks, 100)
                            await _cut_postgres(disk, server)
                        await _more(clerks, 20)
                    said = await clerks.said()
                    assert set(said) == set(clerks.subjects)

                    async def settled() -> bool:
                        effects = await rig.effects()
                        behind = {
                            subject: (last, (effects.get(subject) or [0])[-5:])
                            for subject, last in said.items()
                            if effects.get(subject) != list(range(1, last + 1))
                        }
                        some = dict(list(behind.items())[:3])
                        assert not behind, f"{len(behind)} of {len(said)} subjects are not heard whole: {some}"
                        return True

                    await eventually(settled, within=60 + CUTS, every=0.5)
                kept = await clerks.kept()
                assert clerks.acknowledged - kept == set()
                assert kept - clerks.acknowledged <= clerks.unknown
                assert len(kept) == sum(said.values())  # a thing and its fact, or neither
                await all_sent(rig)
                await topic_is_whole(rig, said)
                for topic in (rig.topics.talk, rig.topics.thing):
                    assert (await auditor.audit(rig.maker, topic.name, settled=timedelta(0))).is_clean
                assert await auditing.verify(rig.maker) == []
                print(
                    f"{CUTS} power cuts, {len(clerks.acknowledged)} acknowledged, {len(clerks.unknown)} unknown, 0 lost"
                )


@pytest.mark.part("Power cuts whose loss must be seen (the controls)", 1)
async def test_without_synchronous_commit_the_same_rig_sees_the_loss(kafka_server: str, tmp_path: Path) -> None:
    """The known-bad control of the test above."""
    with powered("control") as disk:
        async with a_postgres(disk) as server:
            maker, taken = await _databases(server)
            connection = await server.address.connect()
            await connection.execute("ALTER DATABASE maker SET synchronous_commit = off")
            await connection.close()
            async with rig_on(maker, taken, kafka_server, tmp_path) as rig:
                clerks = Clerks(rig)
                lost: set[object] = set()
                async with clerks.writing():
                    for _ in range(5):
                        await _more(clerks, 100)
                        await _cut_postgres(disk, server)
                        lost |= clerks.acknowledged - await clerks.kept()
                        if lost:
                            break
                assert lost


async def _more(clerks: Clerks, number: int) -> None:
    least = len(clerks.acknowledged) + number
    await eventually(lambda: len(clerks.acknowledged) >= least, within=60)


async def _cut_postgres(disk: Disk, server: PostgresServer) -> None:
    assert server.running is not None
    await cut(disk, server.running)
    server.tidy()
    await server.start()


@asynccontextmanager
async def a_kafka(disk: Disk) -> AsyncIterator[KafkaServer]:
    server = KafkaServer(disk.root / "kafka")
    try:
        await server.start()
        yield server
    finally:
        await server.kill()


@pytest.mark.part("Power cuts of the broker's log", BROKER_CUTS)
async def test_what_a_power_cut_takes_from_the_broker_is_found_and_said_again(
    template_database: Callable[..., str], tmp_path: Path
) -> None:
    maker, taken, late = (template_database("chassis-delivery", migrate) for _ in range(3))
    with powered("kafka") as disk:
        async with a_kafka(disk) as server, rig_on(maker, taken, server.bootstrap, tmp_path) as rig:
            clerks = Clerks(rig)
            missing = 0
            async with running(Relay(rig.maker, f"maker{rig.suffix}"), Listeners(rig.taker, taker(rig.topics))):
                await _write(clerks, 100)
                disk.sync()  # the broker stood long enough for this much to reach the disk
                for number in range(BROKER_CUTS):
                    await _write_until_cut(clerks, disk, server, go_on=number % 2 == 1)
                    # The control: with the auditor off the loss stays, and whoever reads the topic sees it.
                    found = await _audit(rig, repair=False)
                    assert found > 0, f"cut {number} took nothing: the rig does not cut"
                    with pytest.raises(AssertionError):
                        await topic_is_whole(rig, await clerks.said())
                    missing += found
                    assert await _audit(rig, repair=True) == found
                    await _write(clerks, 50)
                said = await clerks.said()
                expected = {subject: list(range(1, last + 1)) for subject, last in said.items()}

                async def each_once() -> bool:
                    effects = await rig.effects()
                    assert {subject: effects.get(subject) for subject in expected} == expected
                    return True

                await eventually(each_once, within=60, every=0.2)
            assert await _audit(rig, repair=False) == 0
            # Somebody who was not there reads it all from the beginning: nothing is missing, in whatever order it lies.
            newcomer = Rig(rig.suffix, rig.topics, rig.keys, rig.kafka, maker, late)
            try:
                hears = taker(rig.topics)
                hears.service = "newcomer"
                async with running(Listeners(newcomer.taker, hears)):

                    async def the_same() -> bool:
                        effects = await newcomer.effects()
                        assert {subject: effects.get(subject) for subject in expected} == expected
                        return True

                    await eventually(the_same, within=60, every=0.2)
            finally:
                await newcomer.end()
            print(f"{BROKER_CUTS} power cuts of the broker took {missing} records; all were said again")


async def _write(clerks: Clerks, number: int) -> None:
    """So many things more, each of them sent and marked."""
    async with clerks.writing():
        await _more(clerks, number)
    await _all_marked(clerks)


async def _write_until_cut(clerks: Clerks, disk: Disk, server: KafkaServer, *, go_on: bool) -> None:
    """Two hundred things more, then the power goes: when all is marked, or while the clerks go on and rows are sent."""
    assert server.running is not None
    if not go_on:
        await _write(clerks, 200)
        await cut(disk, server.running)
        await server.start()
        return
    async with clerks.writing():
        await _more(clerks, 200)
        before = len(clerks.acknowledged)
        await cut(disk, server.running)
        await server.start()
        assert len(clerks.acknowledged) > before, "nobody wrote while the broker was away"
    await _all_marked(clerks)


async def _all_marked(clerks: Clerks) -> None:
    async def all_marked() -> bool:
        return bool(await clerks.rig.unsent() == 0)

    await eventually(all_marked, within=60, every=0.1)


async def _audit(rig: Rig, *, repair: bool) -> int:
    """How much of facts and states the topics do not have."""
    total = 0
    for topic in (rig.topics.talk, rig.topics.thing):
        report = await auditor.audit(rig.maker, topic.name, repair=repair, settled=timedelta(0))
        assert (report.ghosts, report.differing) == (0, 0), report.witnesses
        assert report.said_again == (report.missing if repair else 0)
        total += report.missing
    return total
