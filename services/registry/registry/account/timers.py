"""What happens to accounts by the clock."""

from datetime import datetime, timedelta

from chassis.timing import timer
from chassis.transaction import Database

from registry.account import commands


@timer(every=timedelta(hours=1))
async def forget(database: Database, now: datetime) -> int:
    """Failed attempts of yesterday, and sessions long over, are dropped."""
    async with database.transaction() as tx:
        return await commands.forget(tx)
