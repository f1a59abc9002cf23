"""Wiring of the small service."""

import os
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends
from pydantic_settings import SettingsConfigDict
from sqlalchemy import text

from chassis.consuming import Subscribers
from chassis.http import allow_anyone, database
from chassis.identity.copies import hear_identity
from chassis.service import Service
from chassis.settings import ServiceSettings
from chassis.timing import Due, timer
from chassis.transaction import Database, Tx
from contracts import topics
from contracts.event import Event
from contracts.photo import PhotoChanged
from contracts.values import PhotoState


class SmallSettings(ServiceSettings):
    """Settings of the small service."""

    model_config = SettingsConfigDict(env_prefix="SMALL_")


router = APIRouter(prefix="/v1", dependencies=[allow_anyone()])
Db = Annotated[Database, Depends(database)]


@router.post("/wishes", status_code=201)
async def wish(db: Db) -> UUID:
    """Say something."""
    new = uuid4()
    async with db.transaction() as tx:
        await tx.execute(text("INSERT INTO wish (id, number) VALUES (:id, 1)"), {"id": new})
        tx.touch(topics.PHOTO, [new])
    return new


@router.get("/slow")
async def slow(db: Db) -> str:
    """Leave a trace, then take most of a second."""
    async with db.transaction() as tx:
        await tx.execute(text("INSERT INTO wish (id, number) VALUES (:id, 2)"), {"id": uuid4()})
    async with db.snapshot() as tx:
        await tx.execute(text("SELECT pg_sleep(0.8)"))
    return "done"


@router.get("/fails")
async def fails() -> None:
    """Fail with something personal in the exception."""
    raise ValueError("欧阳金丝雀 999999201509011238 13900001111")


@timer(every=timedelta(milliseconds=50))
async def tick(due: Due) -> int:
    """Leave a trace of who ran it when."""
    async with due.database.transaction() as tx:
        inserted = text("INSERT INTO tick (worker, began) VALUES (:w, clock_timestamp()) RETURNING n")
        n = await tx.scalar(inserted, {"w": str(os.getpid())})
    async with due.database.transaction() as tx:
        await tx.execute(text("SELECT pg_sleep(0.02)"))
        await tx.execute(text("UPDATE tick SET ended = clock_timestamp() WHERE n = :n"), {"n": n})
    return 0


async def build(tx: Tx, ids: Sequence[UUID]) -> Mapping[UUID, Event | None]:
    """What is said of wishes."""
    return {
        each: PhotoChanged(student_id=each, school_id=each, school_year=2026, state=PhotoState.REQUIRED) for each in ids
    }


subscribers = Subscribers("photo")
hear_identity(subscribers)

service = Service(
    name="photo",
    settings=SmallSettings,
    subscribers=subscribers,
    builders={topics.PHOTO: build},
    routers=[router],
    timers=[tick],
    migrations="small",
)
