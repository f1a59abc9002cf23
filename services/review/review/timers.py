"""What review does by itself."""

from datetime import timedelta

from chassis.timing import Due, timer
from review import commands


@timer(every=timedelta(minutes=1))
async def escalate(due: Due) -> int:
    """How many cases past their deadline were brought before the next level up."""
    async with due.database.transaction() as tx:
        return await commands.escalate(tx)


@timer(every=timedelta(minutes=10))
async def route_waiting(due: Due) -> int:
    """How many cases found their authority because a link began."""
    async with due.database.transaction() as tx:
        return await commands.route_waiting(tx)


@timer(every=timedelta(minutes=1))
async def release_expired(due: Due) -> int:
    """How many claims ended."""
    async with due.database.transaction() as tx:
        return await commands.release_expired(tx)
