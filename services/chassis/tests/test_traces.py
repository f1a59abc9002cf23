"""A trace goes through a service, from what it hears to what it says; what is none is left out, and parks nothing."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from aiokafka import AIOKafkaProducer

from chassis.consuming import Listeners, Received, Subscribers
from chassis.envelope import HeaderWriter, key_of, read
from chassis.relay import Relay
from chassis.transaction import Tx
from services.chassis.tests.conftest import Asked, Reported, Topics
from services.chassis.tests.rig import Rig, running
from tests.harness.eventually import eventually

TRACE = "0af7651916cd43dd8448eb211c80319c"
GOOD = f"00-{TRACE}-b7ad6b7169203331-01".encode()
JUNK = [
    b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333\x00-01",
    b"\x00",
    b"",
    b"\xff" * 55,
    GOOD + b"0",
    b"00-00000000000000000000000000000000-b7ad6b7169203331-01",
]


def headers_of(topics: Topics, subject: UUID, trace: bytes | None) -> list[tuple[str, bytes | None]]:
    written = HeaderWriter(topics.report).write(
        key_of(subject), uuid4(), "Reported", 1, 1, datetime(2026, 9, 1, tzinfo=UTC), None, None, None
    )
    return [*written, ("traceparent", trace)]


@pytest.mark.parametrize("trace", [*JUNK, None])
def test_what_is_no_trace_is_left_out(topics: Topics, trace: bytes | None) -> None:
    subject = uuid4()
    headers = headers_of(topics, subject, trace)
    assert read(topics.report, key_of(subject), headers).traceparent is None  # type: ignore[arg-type]  # null is possible


def test_a_trace_is_read(topics: Topics) -> None:
    subject = uuid4()
    headers = headers_of(topics, subject, GOOD)
    assert read(topics.report, key_of(subject), headers).traceparent == GOOD.decode()  # type: ignore[arg-type]  # no null


async def test_what_is_said_because_of_a_record_goes_on_with_its_trace(rig: Rig) -> None:
    hears = Subscribers("taker")

    @hears.hear(rig.topics.report, Reported)
    async def answer(tx: Tx, received: Sequence[Received[Reported]]) -> None:
        for each in received:
            tx.say(each.subject, Asked(number=each.event.number))

    traced, *others = [uuid4() for _ in range(1 + len(JUNK))]
    producer = AIOKafkaProducer(bootstrap_servers=rig.kafka)
    await producer.start()
    for subject, trace in zip([traced, *others], [GOOD, *JUNK], strict=True):
        headers = headers_of(rig.topics, subject, trace)
        await producer.send_and_wait(
            rig.topics.report.name, b'{"number": 1}', key=key_of(subject), headers=headers, partition=0
        )
    await producer.stop()

    async def all_sent() -> bool:
        async with rig.taker.snapshot() as tx:
            sent = await tx.fetch("SELECT 1 FROM spoken WHERE sent_at IS NOT NULL")
            assert await tx.fetch("SELECT 1 FROM parked") == []
        return len(sent) == 1 + len(JUNK)

    async with running(Listeners(rig.taker, hears), Relay(rig.taker, f"taker{rig.suffix}")):
        await eventually(all_sent, within=30)
    said = {UUID(record.key.decode()): dict(record.headers) for record in await rig.records(rig.topics.talk)}
    assert said.keys() == {traced, *others}
    traces = {subject: headers["traceparent"].decode() for subject, headers in said.items() if "traceparent" in headers}
    assert {subject: trace.split("-")[1] for subject, trace in traces.items()} == {traced: TRACE}
