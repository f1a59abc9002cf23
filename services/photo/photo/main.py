"""Wiring: `python -m photo api|worker|relay|migrate|all`."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from chassis.objects import opened
from chassis.sealing import Vault
from chassis.service import Service
from chassis.transaction import Builder, Database
from contracts import topics
from contracts.topics import Topic
from photo import api, queries, timers
from photo.jobs import ArchiveJob
from photo.settings import PhotoSettings
from photo.storage import Album
from photo.subscribers import subscribers
from photo.working import Workshop

BUILDERS: Mapping[Topic, Builder] = {topics.PHOTO: queries.changed}
"""Topic → who reads the state that is said on it."""


@asynccontextmanager
async def resources(settings: PhotoSettings, database: Database, vault: Vault) -> AsyncIterator[Mapping[type, object]]:
    """What routes and timers ask for beside the database: storage, children that decode, the job."""
    album = Album(opened(settings.objects_url), vault)
    workshop = Workshop(settings.children)
    try:
        yield {Album: album, Workshop: workshop, ArchiveJob: ArchiveJob(database, album, workshop, vault)}
    finally:
        workshop.close()


service = Service(
    name="photo",
    settings=PhotoSettings,
    subscribers=subscribers,
    builders=BUILDERS,
    routers=(api.router,),
    timers=(timers.work_archives_through, timers.sweep),
    migrations="photo",
    resources=resources,
)
