"""The epoch of a service: it rises when a backup was restored, and with it everything said from then on is newer."""

from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from chassis.transaction import Database


async def raise_epoch(database: "Database") -> int:
    """The new epoch. Without it, readers would take for old what a restored service says under versions used before."""
    async with database.transaction() as tx:
        epoch = int(await tx.scalar(text("UPDATE epoch SET epoch = epoch + 1 RETURNING epoch")))
        tx.note("epoch.raise", [], detail={"epoch": epoch})
    return epoch
