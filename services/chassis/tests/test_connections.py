"""Which connection of the pool a transaction gets."""

import asyncio

from chassis.transaction import Database

AT_ONCE = 5


async def test_what_comes_one_after_another_uses_one_connection(database: Database) -> None:
    met = asyncio.Barrier(AT_ONCE)

    async def backend(*, together: bool) -> int:
        async with database.snapshot() as tx:
            if together:
                await met.wait()
            [(pid,)] = await tx.fetch("SELECT pg_backend_pid()")
            return int(pid)

    several = await asyncio.gather(*(backend(together=True) for _ in range(AT_ONCE)))
    assert len(set(several)) == AT_ONCE
    assert len({await backend(together=False) for _ in range(2 * AT_ONCE)}) == 1
