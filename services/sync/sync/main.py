"""Wiring: `python -m sync api|worker|relay|migrate|all`."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from chassis.sealing import Vault
from chassis.service import Service
from chassis.transaction import Builder, Database
from contracts import topics
from contracts.topics import Topic
from sync import api, queries
from sync.settings import SyncSettings
from sync.subscribers import subscribers

BUILDERS: Mapping[Topic, Builder] = {
    topics.NATIONAL_RECORD: queries.records_said,
    topics.OUTCOME: queries.outcomes_said,
}
"""Topic → who reads the state that is said on it."""


@asynccontextmanager
async def resources(settings: SyncSettings, database: Database, vault: Vault) -> AsyncIterator[Mapping[type, object]]:
    """Routes of sync ask for nothing beside the database."""
    yield {}


service = Service(
    name="sync",
    settings=SyncSettings,
    subscribers=subscribers,
    builders=BUILDERS,
    routers=(api.router,),
    timers=(),
    migrations="sync",
    resources=resources,
)
