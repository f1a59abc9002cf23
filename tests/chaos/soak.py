"""`python -m tests.chaos.soak --minutes 20`: nothing is broken, people work, and no program may grow.

Prints progress every minute, then what each program took at first and at last; `soak.json` keeps every look. Exit
status: 0 all flat, fast enough, nothing left to be sent and every invariant held, 1 not, 2 the stack did not start.
"""

import argparse
import asyncio
import json
import logging
import random
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import asyncpg

from local_stack.launcher import default_folder
from tests.chaos.check import quiesce, verify
from tests.chaos.load import Load, LoadSettings
from tests.chaos.load.founding import found
from tests.chaos.load.settings import NATION
from tests.chaos.run import forget_stack, printed
from tests.harness.eventually import eventually
from tests.harness.whole import WholeStack
from tests.performance.measuring import memory, table

RATE: Final = 55.0
"""Pupils a second that are registered: five times the busiest hour."""
ENOUGH: Final = 0.9
"""Share of the rate of which less is too little."""
EVERY: Final = 10.0
"""Seconds between two looks."""
WARMING: Final = 0.25
"""Share of the looks in which caches fill and pools open: they are shown and not judged."""
GROWTH: Final = 0.08
ROOM: Final = 12.0
"""A program is flat when it grows by less than this share, or by less than so many MiB."""
SERVERS: Final = frozenset({"postgres", "kafka"})
"""They fill the memory that their settings give them, and are shown and not judged."""
PEOPLE: Final = LoadSettings(
    schools=18, classes=99, sheet=90, officers=3, pause=4.0, between_rounds=10.0, between_sheets=16.0,
    between_looks=1.5, photographed=0.1, dry_runs=0.1, singles=0.1, faults=0.02, edits=0.05, twice=0.05, returns=0.02,
    removals=0.01, withdrawals=0.01,
)  # fmt: skip
"""Enough people for more than that rate; the machine says how many it were.

One sheet in ten is photographed: a photo takes 42 ms of a core, so that 55 a second would want more than two cores for
themselves. What is unusual (edits, what is sent twice or back) is rarer than in the runs with faults.
"""
WITHOUT_PHOTOS: Final = {"REGISTRY_PHOTO_REQUIRED": "false"}
"""Who is not photographed is explained instead."""


@dataclass(frozen=True, slots=True)
class Look:
    """One moment."""

    at: float
    """Seconds since the beginning."""
    memory: Mapping[str, float]
    """Program → MiB."""
    registered: int
    """Pupils so far."""
    unsent: int
    """Rows of all outboxes."""


@dataclass(frozen=True, slots=True)
class Growth:
    """What a program took after warming up, and at last: medians of a quarter of the looks each, in MiB."""

    program: str
    first: float
    last: float

    @property
    def is_flat(self) -> bool:
        """Whether it is as large as it was."""
        return self.last - self.first < max(ROOM, GROWTH * self.first)


def growths(looks: Sequence[Look]) -> list[Growth]:
    """Each program's growth. Needs eight looks at least; raises ValueError for fewer."""
    if len(looks) < 8:
        raise ValueError(f"{len(looks)} looks are too few to tell what grows.")
    judged = looks[int(len(looks) * WARMING) :]
    part = max(1, len(judged) // 4)
    return [
        Growth(
            program,
            statistics.median(look.memory.get(program, 0.0) for look in judged[:part]),
            statistics.median(look.memory.get(program, 0.0) for look in judged[-part:]),
        )
        for program in sorted(looks[-1].memory)
    ]


async def soak(stack: WholeStack, folder: Path, minutes: float, seed: int) -> list[Look]:
    """The looks at a stack at which people work for so long."""
    founded = await found(stack, PEOPLE)
    printed(f"{len(founded.schools)} schools are founded")
    load = Load(stack.urls, founded, PEOPLE, folder / "journals", seed)
    looks: list[Look] = []
    await load.start()
    began = time.monotonic()

    async def looked_to_the_end() -> bool:
        at = time.monotonic() - began
        taken = await asyncio.to_thread(memory, stack.programs)
        looks.append(Look(round(at, 1), taken, *await _progress(stack)))
        if len(looks) % 6 == 1:
            printed(
                f"{at / 60:.0f} min: {looks[-1].registered} pupils registered, {looks[-1].unsent} rows to send, "
                f"{sum(mib for name, mib in taken.items() if name not in SERVERS):.0f} MiB in services"
            )
        return at >= minutes * 60

    try:
        await eventually(looked_to_the_end, within=minutes * 60 + 2 * EVERY, every=EVERY)
    finally:
        await load.finish(within=20)
        await load.stop()
    for trouble in load.troubles:
        printed(f"  {trouble}")
    return looks


async def _progress(stack: WholeStack) -> tuple[int, int]:
    """Pupils registered and rows unsent."""
    registered, unsent = 0, 0
    for service, dsn in stack.about()["postgres"].items():
        connection = await asyncpg.connect(dsn, timeout=10)
        try:
            with suppress(asyncpg.UndefinedTableError):
                unsent += await connection.fetchval("SELECT count(*) FROM outbox WHERE published_at IS NULL")
            if service == "registry":
                registered = await connection.fetchval("SELECT count(*) FROM student WHERE status = 'registered'")
        finally:
            await connection.close()
    return registered, unsent


def rate(looks: Sequence[Look]) -> float:
    """Pupils registered a second, once the first workbooks have come through."""
    first, last = looks[int(len(looks) * WARMING)], looks[-1]
    return (last.registered - first.registered) / (last.at - first.at)


def told(looks: Sequence[Look], left: int) -> bool:
    """Print what came out; whether every judged program is flat, enough was done, and nothing is left to be sent.

    `left`: rows that wait to be sent once everybody has gone home.
    """
    found = growths(looks)
    table(
        f"Memory over {looks[-1].at / 60:.0f} minutes, MiB (PSS)",
        ["program", "first", "last", "verdict"],
        [
            [
                each.program, f"{each.first:.0f}", f"{each.last:.0f}",
                "shown" if each.program in SERVERS else "flat" if each.is_flat else "GROWS",
            ]
            for each in found
        ],
    )  # fmt: skip
    done, waited = rate(looks), max(look.unsent for look in looks)
    is_enough = done >= ENOUGH * RATE
    verdict = "" if is_enough else f", FEWER than nine tenths of {RATE:g}"
    printed(
        f"{done:.1f} pupils/s registered{verdict}; at most {waited} rows waited to be sent, {left or 'none'} in the end"
    )
    return is_enough and not left and all(each.is_flat for each in found if each.program not in SERVERS)


async def go(stack: WholeStack, folder: Path, minutes: float, seed: int) -> bool:
    """Whether nothing grew, enough was done, and every invariant held at rest."""
    looks = await soak(stack, folder, minutes, seed)
    (folder / "soak.json").write_text(json.dumps([asdict(each) for each in looks]), "utf-8")
    rests = True
    try:
        await quiesce(stack.about(), within=120)
    except AssertionError as restless:
        printed(str(restless))
        rests = False
    report = await verify(stack.about(), folder / "journals", quiet=rests)
    printed(report.told() or f"{len(report.checked)} invariants held{' at rest' if rests else ''}")
    _, left = await _progress(stack)
    return told(looks, left) and rests and report.is_clean


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser("python -m tests.chaos.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--seed", type=int, default=random.randrange(1, 10**6))
    asked = parser.parse_args()
    if asked.minutes * 60 < 8 * EVERY + EVERY:
        parser.error("it takes two minutes at least to see what grows")
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    folder = default_folder() / "soak" / str(asked.seed)
    folder.mkdir(parents=True, exist_ok=True)
    about = {**NATION, **WITHOUT_PHOTOS, "NATION_SEED": str(asked.seed)}
    stack = WholeStack(folder / "stack", split=True, environment=about)
    printed(f"soak, seed {asked.seed}: {folder}")
    try:
        stack.start()
    except RuntimeError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    try:
        clean = asyncio.run(go(stack, folder, asked.minutes, asked.seed))
    finally:
        stack.stop()
    if clean:
        forget_stack(folder)
    printed("everything is flat" if clean else f"NOT FLAT, too slow, or something was violated; evidence in {folder}")
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
