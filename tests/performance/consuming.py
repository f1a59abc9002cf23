"""A consumer in batches of 500 against the same consumer with one event per transaction."""

import asyncio
import statistics
import time
from functools import partial
from uuid import uuid4

from sqlalchemy import text

from chassis.consuming import Listeners
from services.chassis.tests.child import taker
from services.chassis.tests.rig import Rig
from tests.harness.eventually import eventually
from tests.performance.measuring import table
from tests.performance.relay import fill, relayed, stage

EVENTS = 10_000
SINGLE = 400
ROUNDS = 3


async def consumed(rig: Rig, events: int, batch: int) -> tuple[float, float]:
    """Seconds, and seconds of CPU of this process, until so many new events have had their effect."""
    subjects = sorted(uuid4() for _ in range(events // 4))
    await fill(rig, subjects, events)
    await relayed(rig)
    rig.taker.settings.batch = batch
    before = await effects(rig)
    running = asyncio.create_task(Listeners(rig.taker, taker(rig.topics)).run())
    await eventually(partial(have_come, rig, before + 1), within=60, every=0.005)  # joining is not measured
    began, spent, start = time.perf_counter(), time.process_time(), await effects(rig)
    await eventually(partial(have_come, rig, before + events), within=600, every=0.1)
    now = await effects(rig)
    took, cpu, done = time.perf_counter() - began, time.process_time() - spent, now - start
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return took / done, cpu / done


async def have_come(rig: Rig, number: int) -> bool:
    return await effects(rig) >= number


async def effects(rig: Rig) -> int:
    async with rig.taker.snapshot() as tx:
        return int(await tx.scalar(text("SELECT last_value * is_called::int FROM effect_n_seq")))


async def main() -> None:
    """Print rates and CPU, medians of several rounds that take turns."""
    found: dict[int, list[tuple[float, float]]] = {1: [], 500: []}
    async with stage() as rig:
        for _ in range(ROUNDS):
            found[500].append(await consumed(rig, EVENTS, 500))
            found[1].append(await consumed(rig, SINGLE, 1))
    rows = [
        [
            f"batches of {batch}",
            f"{statistics.median(1 / seconds for seconds, _ in took):,.0f}",
            f"{statistics.median(cpu for _, cpu in took) * 1e6:.0f}",
        ]
        for batch, took in found.items()
    ]
    table(f"facts with one row of effect each, medians of {ROUNDS} rounds", ["", "events/s", "µs CPU an event"], rows)


if __name__ == "__main__":
    asyncio.run(main())
