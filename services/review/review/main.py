"""Wiring: `python -m review api|worker|relay|migrate|all`."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from chassis.sealing import Vault
from chassis.service import Service
from chassis.transaction import Database
from review import timers
from review.api import ROUTERS
from review.settings import ReviewSettings
from review.subscribers import subscribers


@asynccontextmanager
async def resources(settings: ReviewSettings, database: Database, vault: Vault) -> AsyncIterator[Mapping[type, object]]:
    """What routes of review ask for beside the database: nothing."""
    yield {}


service = Service(
    name="review",
    settings=ReviewSettings,
    subscribers=subscribers,
    builders={},
    routers=ROUTERS,
    timers=(timers.escalate, timers.route_waiting, timers.release_expired),
    migrations="review",
    resources=resources,
    commands=None,
)
