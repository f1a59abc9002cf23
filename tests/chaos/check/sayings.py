"""What services would say now of all that they have ever said: by their own builders, each in one snapshot."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import photo.main
import registry.main
import sync.main
from chassis.sealing import SealBroken
from chassis.settings import ServiceSettings
from chassis.transaction import Database, Tx
from contracts.refusal import Refusal
from contracts.topics import Topic
from photo.settings import PhotoSettings
from registry.settings import RegistrySettings
from review.settings import ReviewSettings
from sync.settings import SyncSettings
from tests.chaos.check.topics import Broker

_SERVICES: Final[Mapping[str, tuple[type[ServiceSettings], Mapping[Any, Any]]]] = {
    "registry": (RegistrySettings, registry.main.BUILDERS),
    "review": (ReviewSettings, {}),
    "photo": (PhotoSettings, photo.main.BUILDERS),
    "sync": (SyncSettings, sync.main.BUILDERS),
}
"""Service → its settings, and what it says of states. Review speaks of facts alone."""
_AT_ONCE: Final = 500
Sayings = dict[str, dict[UUID, bytes | None]]
"""Topic → subject → the body that would be said, None for an end; without those of whom nothing would be said."""


def opened(service: str, stack: Mapping[str, Any], keys: Mapping[str, Path]) -> Database:
    """A service's database, as the service itself has it; to be closed."""
    settings, builders = _SERVICES[service]
    return Database(
        settings(
            database=stack["postgres"][service].replace("postgresql://", "postgresql+asyncpg://"),
            kafka=stack["kafka"],
            keys=keys[service],
            token_public_keys=keys[service],
            data=keys[service].parent,
        ),
        builders=builders,
    )


async def sayings(
    stack: Mapping[str, Any], keys: Mapping[str, Path], broker: Broker, only: str | None = None
) -> Sayings:
    """What would be said of each subject of each state topic; of one service's alone, if so asked."""
    found: Sayings = {}
    for service, (_, builders) in _SERVICES.items():
        if only not in (None, service) or not builders:
            continue
        database = opened(service, stack, keys)
        try:
            async with database.snapshot() as tx:
                for topic in builders:
                    subjects = sorted(broker.logs[topic.name].newest()) if topic.name in broker.logs else []
                    of_topic = found.setdefault(topic.name, {})
                    for start in range(0, len(subjects), _AT_ONCE):
                        of_topic |= await _built(database, tx, topic, subjects[start : start + _AT_ONCE])
        finally:
            await database.close()
    return found


async def _built(database: Database, tx: Tx, topic: Topic, subjects: Sequence[UUID]) -> dict[UUID, bytes | None]:
    """One whose values do not open is left to who looks at the seals; one that cannot be said is said to be so."""
    try:
        built = await database.build(tx, topic, subjects)
    except (Refusal, SealBroken, AssertionError, LookupError, TypeError, ValueError) as error:
        if len(subjects) > 1:
            return {each: body for one in subjects for each, body in (await _built(database, tx, topic, [one])).items()}
        return {} if isinstance(error, SealBroken) else {subjects[0]: b'"cannot be said"'}
    return {subject: None if event is None else event.model_dump_json().encode() for subject, event in built.items()}
