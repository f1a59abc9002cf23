"""The nation is silent, cut off while it answers, repeats, contradicts itself and talks rubbish: what held, holds."""

import asyncio
import json
import os
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiokafka import AIOKafkaProducer

from chassis.envelope import HeaderWriter, partition_of
from chassis.migrating import upgrade
from chassis.topics import create
from contracts.topics import NATIONAL_RECORD, RECEIPT
from local_stack.kafka import KafkaServer
from nation.wire import Keys
from services.chassis.tests.rig import read_topic
from tests.chaos.network.link import Link
from tests.chaos.network.pair import last
from tests.chaos.network.speech import Kafka, producing
from tests.harness.eventually import eventually
from tests.journeys.test_national_link import PARTITIONS, a_record
from tests.journeys.test_national_link import Link as Programs

PUPILS = 40
"""So few that no partition comes to the 200 events from which a share of rubbish counts as a bug and stops it
(`consuming.settling.ENOUGH`): pupils fall into partitions by chance, and with 60 one run in thirty had a full one."""
WAITING = int(os.environ.get("CHAOS_WAITING", "300"))
"""Pupils of an outage: 40,000 are registered in an hour of the busiest day."""
DRAINED_WITHIN = 600.0
NATION = {
    "NATION_REJECTS": "0", "NATION_PROBLEMS": "0", "NATION_NUMBERS": "0", "NATION_REPEATS": "0.5",
    "NATION_REORDERS": "0.5", "NATION_DELAYS": "0.2", "NATION_DELAY": "PT1S", "NATION_BATCH": "20",
}  # fmt: skip


class Abroad:
    """Sync and the nation as two programs, with a link between the nation and the broker."""

    def __init__(self, programs: Programs, link: Link, bootstrap: str) -> None:
        self.programs, self.link, self.bootstrap = programs, link, bootstrap
        self.students = [uuid4() for _ in range(PUPILS)]
        self._receipts = Keys(programs.keys["nation"], RECEIPT.name)

    async def tell(self, version: int) -> None:
        """Registry says every pupil anew."""
        await self.programs.say([(student, version, a_record(n, version)) for n, student in enumerate(self.students)])

    async def pupils(self) -> dict[UUID, Any]:
        """What sync knows of each."""
        rows = await self.programs.rows(
            "SELECT student_id, spoken, standing, accepted_version, number_version FROM national_pupil"
        )
        return {row["student_id"]: row for row in rows}

    async def is_numbered(self, student: UUID) -> bool:
        """Whether the pupil has a number of the nation."""
        return (await self.pupils())[student]["number_version"] is not None

    async def all_said(self, content: int) -> bool:
        """Whether sync has said the n-th content of every pupil, and its relay has sent it."""
        said = await self.programs.rows(
            "SELECT 1 FROM watermark WHERE topic = 'registry.student-record.v1' AND version >= $1", content
        )
        return len(said) == len(self.students) and not await self.programs.rows(
            "SELECT 1 FROM saying WHERE sent_at IS NULL"
        )

    async def all_taken(self) -> bool:
        """Whether the nation has taken the newest record of every pupil, and sync has heard of it."""
        found = await self.pupils()
        assert len(found) == len(self.students)
        return all(row["accepted_version"] == json.loads(row["spoken"])[-1][1] for row in found.values())

    async def answer(self, student: UUID, kind: str, *, body: bytes | None = None, sealed_for: UUID | None = None,
                     **said: Any) -> None:  # fmt: skip
        """A receipt in the nation's name; `body` instead of everything, `sealed_for` another pupil."""
        key = str(student).encode()
        if body is None:
            text = json.dumps({"answered_at": datetime.now(UTC).isoformat(), **said}).encode()
            body = self.sealed(sealed_for or student, text)
        headers = HeaderWriter(RECEIPT).write(key, uuid4(), kind, 1, 1, datetime.now(UTC), None, None, None)
        producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap)
        await producer.start()
        place = partition_of(key, PARTITIONS)
        await producer.send_and_wait(RECEIPT.name, body, key=key, headers=headers, partition=place)
        await producer.stop()

    def sealed(self, student: UUID, text: bytes) -> bytes:
        """The text, whatever it is, as the nation seals what it says of the pupil."""
        return self._receipts.seal(str(student), text)

    def sealed_by_a_stranger(self, student: UUID, text: bytes) -> bytes:
        """The same by somebody who calls his key as the nation calls its own."""
        ring = json.loads(self.programs.keys["nation"].read_text())["wire"][RECEIPT.name]
        forged = {name: b64encode(os.urandom(32)).decode() for name in ring["keys"]}
        file = self.programs.keys["nation"].with_name("stranger.json")
        file.write_text(json.dumps({"wire": {RECEIPT.name: {**ring, "keys": forged}}}))
        return Keys(file, RECEIPT.name).seal(str(student), text)

    async def echo(self, student: UUID) -> dict[str, Any]:
        """What names the newest record of the pupil."""
        epoch, version, content, _ = json.loads((await self.pupils())[student]["spoken"])[-1]
        return {"student_id": str(student), "epoch": epoch, "version": version, "content_hash": content}


@pytest.fixture
async def abroad(
    own_kafka: Callable[[], Awaitable[KafkaServer]], fresh_database: Callable[[str], str], tmp_path: Path
) -> AsyncIterator[Abroad]:
    broker = await own_kafka()
    async with running(broker, fresh_database("sync"), tmp_path) as found:
        yield found


@asynccontextmanager
async def running(broker: KafkaServer, dsn: str, folder: Path) -> AsyncIterator[Abroad]:
    await create(broker.bootstrap, cap=PARTITIONS)
    await asyncio.to_thread(upgrade, dsn, package="sync")
    link = await Link("127.0.0.1", broker.port, Kafka("127.0.0.1", broker.port)).start()
    programs = Programs(folder, broker.bootstrap, dsn)
    programs.environment.update(NATION, NATION_KAFKA=link.address)
    for name in ("sync", "nation"):
        programs.start(name)
    try:
        for name in ("sync", "nation"):
            await programs.until_ready(name)
        yield Abroad(programs, link, broker.bootstrap)
    finally:
        # Shown where the test has failed: what sync would not take, and why.
        print(await programs.rows("SELECT type, reason, detail, count(*) FROM parked GROUP BY 1, 2, 3"))
        for process in programs.running.values():
            process.kill()
            process.wait()
        await link.stop()


@pytest.mark.timeout(400)
@pytest.mark.part("Outages of the nation, its answers and its rubbish", 1)
async def test_the_nation_is_silent_cut_off_and_talks_rubbish(abroad: Abroad) -> None:
    await abroad.tell(1)
    await eventually(abroad.all_taken, within=60, every=0.2)

    # Silent (X1): sync goes on saying; the backlog is drained in order when the nation is back.
    abroad.link.silence()
    for version in (2, 3, 4):
        await abroad.tell(version)
        await eventually(partial(abroad.all_said, version), within=60, every=0.2)
    await last(4)
    assert {row["standing"] for row in (await abroad.pupils()).values()} == {"waiting"}
    assert await abroad.programs.is_ready("sync")
    abroad.link.heal()
    await eventually(abroad.all_taken, within=60, every=0.2)

    # Its answers are stored, and the connection is gone before it learns that (X2): it answers again.
    abroad.link.reset_at(producing, after=True, times=1)
    await abroad.tell(5)
    await eventually(lambda: abroad.link.is_spent, within=30)
    await eventually(abroad.all_taken, within=60, every=0.2)
    await _is_in_order(abroad)

    # Answers that cannot be true, or are none (X3 to X6).
    one, two, three, *_ = abroad.students
    before = await abroad.pupils()
    echo, others = await abroad.echo(one), await abroad.echo(two)
    await abroad.answer(one, "NumberIssued", echo=echo, number="G999999202001010017")
    await eventually(partial(abroad.is_numbered, one), within=30)  # whose answer comes first nobody knows otherwise
    await abroad.answer(two, "NumberIssued", echo=others, number="G999999202001010017")
    await abroad.answer(one, "NumberIssued", echo=echo, number="G999999202001010025")
    await abroad.answer(two, "RecordRejected", echo=others, rejections=[{"field": "xm", "reason": "错"}])
    await abroad.answer(three, "RecordAccepted", echo=echo)
    await abroad.answer(uuid4(), "RecordAccepted", echo=echo)
    await abroad.answer(one, "RecordAccepted", echo={**echo, "version": 99})
    await abroad.answer(one, "RecordAccepted", body=b"<html>502 Bad Gateway</html>")
    await abroad.answer(one, "RecordAccepted", sealed_for=two, echo=echo)
    await abroad.answer(one, "RecordAccepted", echo={"student_id": str(one)})
    await abroad.answer(one, "RecordAccepted", body=b"x" * 1_000_000)
    whole = json.dumps(
        {"answered_at": datetime.now(UTC).isoformat(), "echo": echo, "note": "已收到"}, ensure_ascii=False
    )
    for body in (whole[:-1].encode(), whole.encode("gb18030")):
        await abroad.answer(one, "RecordAccepted", body=abroad.sealed(one, body))
    await abroad.answer(one, "RecordAccepted", body=abroad.sealed_by_a_stranger(one, whole.encode()))
    await abroad.answer(one, "ProblemFound", echo=echo, problem="no such problem")
    await abroad.answer(one, "Whispered", echo=echo)
    await abroad.tell(6)
    await eventually(partial(abroad.all_said, 6), within=60, every=0.2)

    async def is_told() -> bool:
        found = await abroad.programs.rows("SELECT reason FROM parked ORDER BY reason")
        assert [row["reason"] for row in found] == [
            *["invalid"] * 4,
            *["receipt-for-another-pupil"] * 2,
            "receipt-for-unknown-version",
            *["seal-broken"] * 4,
        ]
        return True

    await eventually(is_told, within=30, every=0.2)

    async def contradictions_are_noted() -> bool:
        found = await abroad.programs.rows("SELECT student_id, code FROM conflict")
        return {tuple(row) for row in found} == {
            (one, "second-number"), (two, "number-of-another-pupil"), (two, "contradicts-final-answer"),
        }  # fmt: skip

    await eventually(contradictions_are_noted, within=30, every=0.2)
    await eventually(abroad.all_taken, within=60, every=0.2)
    after = await abroad.pupils()
    assert after[one]["number_version"] is not None
    assert after[two]["number_version"] is None
    assert all(after[each]["accepted_version"] >= before[each]["accepted_version"] for each in after)


@pytest.mark.timeout(120 + 2 * DRAINED_WITHIN)
@pytest.mark.part("Pupils who waited for a nation that was away, drained in order", WAITING)
async def test_what_an_outage_has_piled_up_is_drained_in_order(abroad: Abroad) -> None:
    abroad.students = [uuid4() for _ in range(WAITING)]
    abroad.link.silence()
    for version in (1, 2):
        await abroad.tell(version)
        await eventually(partial(abroad.all_said, version), within=DRAINED_WITHIN, every=0.5)
    assert {row["standing"] for row in (await abroad.pupils()).values()} == {"waiting"}
    abroad.link.heal()
    began = time.monotonic()
    await eventually(abroad.all_taken, within=DRAINED_WITHIN, every=0.5)
    print(f"{WAITING} pupils in two versions: drained in {time.monotonic() - began:.0f} s")
    await _is_in_order(abroad)


async def _is_in_order(abroad: Abroad) -> None:
    """First occurrences of each pupil's records rise, and the nation's newest is the last that was said."""
    said: dict[bytes, list[int]] = {}
    for record in await read_topic(abroad.bootstrap, NATIONAL_RECORD.name):
        said.setdefault(record.key, []).append(int(dict(record.headers)["ce_sequence"]))
    assert all(versions == sorted(versions) for versions in said.values())
    for student in _some(abroad.students):
        theirs = await abroad.programs.nation(f"/state?student={student}")
        assert theirs["newest"]["version"] == said[str(student).encode()][-1]
        assert len({(one["epoch"], one["version"]) for one in theirs["records"]}) == len(theirs["records"])


def _some(students: Sequence[UUID]) -> Sequence[UUID]:
    """Each is asked for by itself."""
    return students[:: max(7, len(students) // 100)]
