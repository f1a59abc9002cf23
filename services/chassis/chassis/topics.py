"""The topics in Kafka, as the contracts declare them. Partitions are named once and never changed."""

from collections.abc import Mapping, Sequence

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

import chassis.broken_connections  # noqa: F401 - before a client is made
from chassis.retention import of_topic
from contracts.topics import TOPICS, Topic

_COPIES = 3


class WrongTopics(Exception):  # noqa: N818 - it says what was found
    """Topics do not stand in the cluster as they are declared; a sentence that says which and what to do."""


def partitions_of(topic: Topic, cap: int | None) -> int:
    """How many partitions the topic has here."""
    return min(topic.partitions, cap) if cap else topic.partitions


async def create(bootstrap: str, cap: int | None = None, *, topics: Sequence[Topic] = TOPICS) -> None:
    """Make the topics that are missing. Raises WrongTopics when one that is there has other partitions."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        brokers = len((await admin.describe_cluster())["brokers"])
        missing = [topic for topic in topics if topic.name not in await _partitions(admin, topics)]
        if missing:
            answer = await admin.create_topics(
                [
                    NewTopic(
                        topic.name,
                        partitions_of(topic, cap),
                        min(_COPIES, brokers),
                        topic_configs={
                            **of_topic(topic),
                            "min.insync.replicas": str(max(1, min(_COPIES, brokers) - 1)),
                        },
                    )
                    for topic in missing
                ]
            )
            for name, code, *_ in answer.topic_errors:
                if code and for_code(code) is not TopicAlreadyExistsError:
                    raise WrongTopics(f"{name} cannot be made: {for_code(code).__name__}.")
        _compare(await _partitions(admin, topics), cap, topics)
    finally:
        await admin.close()


async def verify(bootstrap: str, cap: int | None = None, *, topics: Sequence[Topic] = TOPICS) -> None:
    """Return when every topic is there with its partitions. Raises WrongTopics."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        found = await _partitions(admin, topics)
        if missing := [topic.name for topic in topics if topic.name not in found]:
            raise WrongTopics(f"{', '.join(missing)} are not there. Create the topics first.")
        _compare(found, cap, topics)
    finally:
        await admin.close()


async def _partitions(admin: AIOKafkaAdminClient, topics: Sequence[Topic]) -> Mapping[str, int]:
    there = set(await admin.list_topics())
    asked = [topic.name for topic in topics if topic.name in there]
    if not asked:
        return {}
    described = await admin.describe_topics(asked)
    for each in described:
        if each["error_code"]:
            raise KafkaError(f"{each['topic']}: {for_code(each['error_code']).__name__}")
    return {each["topic"]: len(each["partitions"]) for each in described}


def _compare(found: Mapping[str, int], cap: int | None, topics: Sequence[Topic]) -> None:
    wrong = [
        f"{topic.name} has {found[topic.name]} partitions and not {partitions_of(topic, cap)}"
        for topic in topics
        if topic.name in found and found[topic.name] != partitions_of(topic, cap)
    ]
    if wrong:
        raise WrongTopics(
            f"{'; '.join(wrong)}. The order of a subject's events hangs on the number: it never changes. Declare a new"
            " version of the topic instead, or set PARTITIONS_CAP to what it was."
        )
