"""Poison for a topic, with a note of where it is, so that nobody takes it for a fault of the system."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from aiokafka import AIOKafkaProducer

from contracts.topics import Topic
from tests.chaos.journal import Journal


async def plant(stack: Mapping[str, Any], journal: Journal, topic: Topic, body: bytes = b"{") -> None:
    """A record that nobody can read, under a key that nobody else has."""
    producer = AIOKafkaProducer(bootstrap_servers=stack["kafka"], acks="all")
    await producer.start()
    try:
        n = journal.invoke("poison", uuid4(), topic=topic.name)
        there = await producer.send_and_wait(topic.name, body, key=str(uuid4()).encode())
        journal.ok(n, partition=there.partition, offset=there.offset)
    finally:
        await producer.stop()
