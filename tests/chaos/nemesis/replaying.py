"""Everything is delivered again: readers are stopped beyond their sessions, their groups set back to the beginning."""

import logging
import os
import signal
import time
from contextlib import AsyncExitStack, suppress

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata

from contracts.topics import NATIONAL_RECORD, TOPICS
from tests.chaos.nemesis.processes import HEARING, Processes
from tests.harness.eventually import eventually

EMPTY_WITHIN = 30.0
"""Seconds for the broker to find out that a stopped member is gone; its session is six."""


def groups() -> dict[str, list[str]]:
    """Group → the topics that it reads; the nation's too."""
    found = {
        f"{reader}.{topic.name}": [topic.name] for topic in TOPICS for reader in topic.readers if reader != "nation"
    }
    return {**found, "nation": [NATIONAL_RECORD.name]}


async def deliver_again(processes: Processes) -> float:
    """Every record of every topic is delivered to every reader once more; the seconds that readers stood still.

    The readers are the workers and the nation. Raises TimeoutError when the broker keeps their groups.
    """
    stack = processes.stack
    readers = [name for name in stack.pids if name in HEARING or name == "nation"]
    pids = [stack.pids[name] for name in readers]
    began = time.monotonic()
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        await _set_back(stack.about()["kafka"], groups())
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
    return time.monotonic() - began


logging.getLogger("aiokafka.consumer.group_coordinator").setLevel(logging.CRITICAL)  # a refusal is waited out here


async def _set_back(bootstrap: str, wanted: dict[str, list[str]]) -> None:
    async with AsyncExitStack() as stack:
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
        await admin.start()
        stack.push_async_callback(admin.close)
        described = await admin.describe_topics(sorted({name for names in wanted.values() for name in names}))
        partitions = {each["topic"]: len(each["partitions"]) for each in described}
        left = dict(wanted)

        async def all_begin_again() -> bool:
            for group, names in list(left.items()):
                with suppress(KafkaError):  # a member's session has not ended yet
                    await _begin_again(bootstrap, group, [
                        TopicPartition(name, each) for name in names for each in range(partitions[name])
                    ])  # fmt: skip
                    del left[group]
            return not left

        try:
            await eventually(all_begin_again, within=EMPTY_WITHIN, every=1)
        except AssertionError:
            raise TimeoutError(f"groups with members still: {', '.join(sorted(left))}") from None


async def _begin_again(bootstrap: str, group: str, places: list[TopicPartition]) -> None:
    """Commit offset 0, which only a group without members lets somebody do who is none. Raises KafkaError."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False)
    await consumer.start()
    try:
        consumer.assign(places)
        await consumer.commit({place: OffsetAndMetadata(0, "") for place in places})
    finally:
        await consumer.stop()
