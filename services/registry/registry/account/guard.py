"""A token is good for 60 seconds elsewhere; here it ends with its session and its account."""

from typing import Annotated

from fastapi import APIRouter, Depends

from chassis.http import Actor, current_actor, database
from chassis.transaction import Database
from registry.account import queries


async def require_living(
    db: Annotated[Database, Depends(database)], actor: Annotated[Actor, Depends(current_actor)]
) -> None:
    """Raise SessionOver unless the actor's account and session still live."""
    await queries.require_living(db, actor)


def guarded(*routers: APIRouter) -> tuple[APIRouter, ...]:
    """The routers, each behind `require_living`."""
    found = []
    for router in routers:
        outer = APIRouter(dependencies=[Depends(require_living)])
        outer.include_router(router)
        found.append(outer)
    return tuple(found)
