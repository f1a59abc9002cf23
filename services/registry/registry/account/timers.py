"""What happens to accounts by the clock."""

from datetime import timedelta

from chassis.timing import Due, timer
from registry.account import commands


@timer(every=timedelta(hours=1))
async def forget(due: Due) -> int:
    """Failed attempts of yesterday, and sessions long over, are dropped."""
    async with due.database.transaction() as tx:
        return await commands.forget(tx)
