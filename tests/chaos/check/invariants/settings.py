"""The settings on which every promise stands."""

from collections.abc import Iterator

from chassis.consuming.listening import make_broker, subscribe
from chassis.settings import ServiceSettings
from contracts.topics import TOPICS, Kind
from tests.chaos.check.registering import always, invariant
from tests.chaos.check.world import SERVICES, World

OF_DATABASES = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "data_checksums": "on"}
OF_BROKER = {"auto.create.topics.enable": "false", "unclean.leader.election.enable": "false"}
POLICY = {Kind.STATE: "compact", Kind.FACT: "delete", Kind.FOREIGN: "delete"}


@invariant("I33", "nothing is set so that it may lose", always)
def settings(world: World) -> Iterator[str]:
    """Databases write through, the broker makes and loses no topics by itself, consumers commit by hand."""
    for name, service in world.services.items():
        found = {row.name: row.setting for row in service["setting"]}
        for setting, value in OF_DATABASES.items():
            if found.get(setting) != value:
                yield f"{name}'s database has {setting} = {found.get(setting)}"
    for setting, value in OF_BROKER.items():
        if world.broker.settings.get(setting) != value:
            yield f"the broker has {setting} = {world.broker.settings.get(setting)}"
    capped = {log.partitions for log in world.broker.logs.values()}
    for topic in TOPICS:
        log = world.broker.logs.get(topic.name)
        if log is None:
            yield f"{topic.name} is not there"
            continue
        if log.partitions not in (topic.partitions, min(topic.partitions, max(capped))):
            yield f"{topic.name} has {log.partitions} partitions"
        if log.settings.get("cleanup.policy") != POLICY[topic.kind]:
            yield f"{topic.name} has cleanup.policy = {log.settings.get('cleanup.policy')}"
    yield from _consumers(world)


def _consumers(world: World) -> Iterator[str]:
    """What the house's only maker of subscribers would start, asked of the subscribers themselves."""
    for name in SERVICES:
        keys = world.keys[name]
        settings = ServiceSettings(
            database="postgresql+asyncpg://nobody@nowhere/none",
            kafka="127.0.0.1:9",
            keys=keys,
            token_public_keys=keys,
            data=keys.parent,
        )
        for topic in TOPICS:
            if name not in topic.readers:
                continue
            arguments = subscribe(make_broker(settings), settings, name, topic)._connection_args
            if arguments["enable_auto_commit"] is not False:
                yield f"{name} commits {topic.name} by itself"
            if arguments["auto_offset_reset"] != "earliest":
                yield f"{name} begins {topic.name} at {arguments['auto_offset_reset']}"
