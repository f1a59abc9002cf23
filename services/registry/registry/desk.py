"""The work desk: counts that are links, contributed by the areas."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends

from chassis.http import Actor, allow, current_actor, database
from chassis.transaction import Database, Tx
from contracts.values import Role

Contributor = Callable[[Tx, Actor], Awaitable[Mapping[str, int]]]
"""What an area has to say to somebody: key of a link → count. Keys of different areas do not collide."""


def desk(contributors: Sequence[Contributor]) -> APIRouter:
    """`GET /v1/desk`, with the counts of all areas read from one snapshot."""
    router = APIRouter(prefix="/v1", tags=["desk"])

    @router.get("/desk", dependencies=[allow(*Role)])
    async def look(
        db: Annotated[Database, Depends(database)], actor: Annotated[Actor, Depends(current_actor)]
    ) -> dict[str, int]:
        """Counts for the work desk of whoever asks."""
        counts: dict[str, int] = {}
        async with db.snapshot() as tx:
            for contribute in contributors:
                counts.update(await contribute(tx, actor))
        return counts

    return router
