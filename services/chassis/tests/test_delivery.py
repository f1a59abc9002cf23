"""From a command of one service to the effect in another, on a real broker."""

import json
import zlib
from uuid import UUID, uuid4

from cloudevents.kafka import from_binary
from cloudevents.kafka.conversion import KafkaMessage

from chassis.consuming import Listeners
from chassis.relay import Relay
from services.chassis.tests.child import taker
from services.chassis.tests.rig import Rig, new_subjects, running
from tests.harness.eventually import eventually


async def test_what_is_said_has_its_effect_elsewhere(rig: Rig) -> None:
    subjects = new_subjects(40)
    relay, listeners = Relay(rig.maker, f"maker{rig.suffix}"), Listeners(rig.taker, taker(rig.topics))
    async with running(relay, listeners):
        await rig.say(subjects, times=3)
        await rig.touch(rig.topics.secret, {uuid4(): 5})

        async def all_there() -> bool:
            found = await rig.effects()
            return len(found) == 41 and all(found[each] == [1, 2, 3] for each in subjects)

        await eventually(all_there, within=60)
        assert (relay.why_not_ready(), listeners.why_not_ready()) == (None, None)
        await eventually(lambda: rig.offsets_never_run_ahead(rig.topics.talk), within=60)
        committed = await eventually(lambda: rig.committed(rig.topics.talk), within=60)
    assert sum(committed.values()) >= 120  # the marks that end the relay's transactions have offsets too
    assert await rig.unsent() == 0


async def test_a_record_is_read_by_the_public_cloudevents_sdk(rig: Rig) -> None:
    subject = uuid4()
    async with running(Relay(rig.maker, f"maker{rig.suffix}")):
        await rig.say([subject])

        async def is_sent() -> bool:
            return await rig.unsent() == 0

        await eventually(is_sent, within=60)
    [record] = await rig.records(rig.topics.talk)
    event = from_binary(KafkaMessage(headers=dict(record.headers), key=record.key, value=record.value))
    assert event["specversion"] == "1.0"
    assert event["type"] == "Asked"
    assert event["source"] == "/cn/34/maker"
    assert event["subject"] == str(subject)
    assert (event["epoch"], event["sequence"]) == ("1", "1")
    assert event["datacontenttype"] == "application/json"
    assert event["time"].endswith("Z")
    assert UUID(event["id"]).version == 7
    assert event.data == {"number": 0} or json.loads(event.data) == {"number": 0}
    # Any language finds the partition: CRC-32 of the key, as librdkafka's consistent partitioner does.
    assert record.partition == zlib.crc32(str(subject).encode()) % 3
