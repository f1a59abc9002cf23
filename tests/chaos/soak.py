"""`python -m tests.chaos.soak --minutes 20`: people work, and no program, queue or table may grow out of bounds.

Nothing is broken, or with `--faults 20` a program or a server dies every twenty seconds. With `--pupils 320000` many
more schools work until so many pupils are registered: eight hours of the busiest kind. Prints progress every minute,
then what each program took at first and at last; `soak.json` keeps every look. Exit status: 0 all flat, fast enough,
nothing left to be sent, every invariant held and nothing personal readable, 1 not, 2 the stack did not start.
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
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

import asyncpg
from aiokafka.errors import KafkaError

from contracts.topics import TOPICS
from local_stack.launcher import default_folder
from tests.chaos.canaries import in_stack, numbers
from tests.chaos.check import quiesce, verify
from tests.chaos.check.comparing import compared, in_words, pairs
from tests.chaos.check.quiescence import MARK, lag
from tests.chaos.load import Load, LoadSettings
from tests.chaos.load.founding import found
from tests.chaos.load.settings import NATION
from tests.chaos.nemesis.planning import someone
from tests.chaos.nemesis.processes import Processes
from tests.chaos.run import WHOLE, forget_stack, printed
from tests.harness.eventually import eventually
from tests.harness.whole import WholeStack
from tests.performance.measuring import memory, table

RATE: Final = 55.0
"""Pupils a second that are registered: five times the busiest hour."""
ENOUGH: Final = 0.9
"""Share of the rate of which less is too little."""
AMID_FAULTS: Final = 0.5
"""The same while programs and servers die: what a minute without a broker leaves undone, people do not make up for."""
SHARES: Final = (0.15, 0.05, 0.8)
"""Of the deaths: PostgreSQL, the broker, any other program."""
BLOAT: Final = 1.25
"""How much more of the databases a pupil may take later than at first, beside one KiB."""
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
CROWD: Final = replace(
    PEOPLE, schools=84, sheet=720, officers=8, apart=True, between_rounds=45.0, between_sheets=200.0, between_looks=4.0,
    photographed=0.01, edits=0.01, removals=0.005, singles=0.01, dry_runs=0.05, sign_ins=0.01, reasoned=0.95,
    submitted=720, approved=200,
)  # fmt: skip
"""A whole city: enough seats for 374,000 pupils. A school brings in its year in a few sheets.

What costs a person's time rather than the system's is rarer still, so that eight hours fit into thirty-six minutes.
"""
CROWD_RATE: Final = 150.0
"""Pupils a second of a crowd."""
_DIED: Final = asyncpg.InternalClientError
"""asyncpg's word where a server dies between two questions on one connection."""
LARGE: Final = 100_000
"""Pupils of whom more do not fit into the checker's memory: they are compared by sums."""
WITHOUT_PHOTOS: Final = {"REGISTRY_PHOTO_REQUIRED": "false"}
"""Who is not photographed is explained instead."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a soak is to be."""

    minutes: float
    """After which it ends."""
    seed: int
    faults: float = 0.0
    """Seconds from one death to the next; 0: nothing dies."""
    pupils: int | None = None
    """Registered, with whom it ends earlier; a crowd works for them."""

    @property
    def people(self) -> LoadSettings:
        """Who works."""
        return CROWD if self.pupils else PEOPLE

    @property
    def wanted(self) -> float:
        """Pupils a second that are enough."""
        if self.pupils:
            return CROWD_RATE
        return RATE * (AMID_FAULTS if self.faults else ENOUGH)


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
    stored: int = 0
    """Bytes of all databases."""
    unread: int = 0
    """Records of all topics that somebody has still to hear."""


@dataclass(frozen=True, slots=True)
class Growth:
    """What a program took after warming up, and at last: medians of a quarter of the looks each, in MiB.

    Where programs die the first is the most of a half: who begins anew begins small, and may come back to what it was.
    """

    program: str
    first: float
    last: float

    @property
    def is_flat(self) -> bool:
        """Whether it is as large as it was."""
        return self.last - self.first < max(ROOM, GROWTH * self.first)


def growths(looks: Sequence[Look], *, die: bool = False) -> list[Growth]:
    """Each program's growth, where programs die or not. Needs eight looks at least; raises ValueError for fewer."""
    if len(looks) < 8:
        raise ValueError(f"{len(looks)} looks are too few to tell what grows.")
    judged = looks[int(len(looks) * WARMING) :]
    part = max(1, len(judged) // 4)
    return [
        Growth(
            program,
            max(look.memory.get(program, 0.0) for look in judged[: 2 * part])
            if die
            else statistics.median(look.memory.get(program, 0.0) for look in judged[:part]),
            statistics.median(look.memory.get(program, 0.0) for look in judged[-part:]),
        )
        for program in sorted(looks[-1].memory)
    ]


async def soak(stack: WholeStack, folder: Path, plan: Plan) -> list[Look]:
    """The looks at a stack at which people work; at a moment when a server is away there is none."""
    founded = await found(stack, plan.people)
    printed(f"{len(founded.schools)} schools are founded")
    load = Load(stack.urls, founded, plan.people, folder / "journals", plan.seed)
    looks: list[Look] = []
    await load.start()
    began = time.monotonic()
    chance = random.Random(f"{plan.seed} soak")
    processes = Processes(stack, chance)

    async def looked_to_the_end() -> bool:
        at = time.monotonic() - began
        with suppress(OSError, KafkaError, asyncpg.PostgresError, asyncpg.InterfaceError, _DIED, TimeoutError):
            taken = await asyncio.to_thread(memory, stack.programs)
            looks.append(Look(round(at, 1), taken, *await _progress(stack)))
            if len(looks) % 6 == 1:
                printed(
                    f"{at / 60:.0f} min: {looks[-1].registered} pupils registered, {looks[-1].unsent} rows to send, "
                    f"{looks[-1].unread} records to hear, {len(processes.faults)} deaths, "
                    f"{sum(mib for name, mib in taken.items() if name not in SERVERS):.0f} MiB in services"
                )
        are_there = plan.pupils is not None and bool(looks) and looks[-1].registered >= plan.pupils
        return at >= plan.minutes * 60 or are_there

    nemesis = asyncio.create_task(_kill(processes, chance, plan.faults), name="nemesis") if plan.faults else None
    try:
        await eventually(looked_to_the_end, within=plan.minutes * 60 + 60 + 2 * EVERY, every=EVERY)
    finally:
        if nemesis is not None:
            nemesis.cancel()
            await asyncio.gather(nemesis, return_exceptions=True)
            if not await processes.settled():
                printed("not every program came back")
        await load.finish(within=20)
        await load.stop()
        await processes.close()
    for trouble in load.troubles:
        printed(f"  {trouble}")
    return looks


async def _kill(processes: Processes, chance: random.Random, every: float) -> None:
    """Something dies every so many seconds: a server now and then, else a program that is not struck already."""
    while True:
        due = time.monotonic() + every
        await eventually(lambda: time.monotonic() >= due, within=every + 60, every=0.5)  # noqa: B023 - awaited here
        name = chance.choices(("postgres", "kafka", None), SHARES)[0] or someone(processes, chance)
        if name is not None and name not in processes.busy:
            await processes.kill(name, whole=chance.random() < WHOLE)


async def _progress(stack: WholeStack) -> tuple[int, int, int, int]:
    """Pupils registered, rows unsent, bytes stored, records to be heard."""
    registered, unsent, stored = 0, 0, 0
    for service, dsn in stack.about()["postgres"].items():
        connection = await asyncpg.connect(dsn, timeout=10)
        try:
            with suppress(asyncpg.UndefinedTableError):
                unsent += await connection.fetchval("SELECT coalesce(sum(rows), 0) FROM saying WHERE sent_at IS NULL")
            stored += await connection.fetchval("SELECT pg_database_size(current_database())")
            if service == "registry":
                registered = await connection.fetchval("SELECT count(*) FROM student WHERE status = 'registered'")
        finally:
            await connection.close()
    behind = await lag(stack.about()["kafka"], TOPICS)
    return registered, unsent, stored, sum(max(0, each - MARK) for each in behind.values())


def rate(looks: Sequence[Look]) -> float:
    """Pupils registered a second, once the first workbooks have come through."""
    first, last = looks[int(len(looks) * WARMING)], looks[-1]
    return (last.registered - first.registered) / (last.at - first.at)


def stored(looks: Sequence[Look]) -> tuple[float, float]:
    """KiB that a pupil more took in the databases: in the first half after warming up, and in the second."""
    judged = looks[int(len(looks) * WARMING) :]
    middle = judged[len(judged) // 2]

    def of(since: Look, till: Look) -> float:
        return (till.stored - since.stored) / 1024 / max(1, till.registered - since.registered)

    return of(judged[0], middle), of(middle, judged[-1])


def told(looks: Sequence[Look], left: int, plan: Plan) -> bool:
    """Print what came out; whether every judged program is flat, enough was done, and nothing is left to be sent.

    `left`: what waits to be sent or heard once everybody has gone home.
    """
    found, wanted = growths(looks, die=bool(plan.faults)), plan.wanted
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
    done = rate(looks)
    is_enough = done >= wanted and looks[-1].registered >= (plan.pupils or 0)
    verdict = "" if is_enough else f", FEWER than {wanted:g}"
    unsent = max(look.unsent for look in looks)
    printed(
        f"{looks[-1].registered} pupils, {done:.1f} pupils/s registered{verdict}; at most {unsent} rows waited to be "
        f"sent and {max(look.unread for look in looks)} records to be heard, {left or 'none'} in the end"
    )
    before, after = stored(looks)
    is_bloated = after > BLOAT * before + 1
    printed(f"a pupil took {before:.1f} KiB in the databases, later {after:.1f}{', BLOATED' if is_bloated else ''}")
    are_flat = all(each.is_flat for each in found if each.program not in SERVERS)
    return is_enough and not left and not is_bloated and are_flat


async def go(stack: WholeStack, folder: Path, plan: Plan) -> bool:
    """Whether nothing grew, enough was done, and everything held at rest."""
    began = time.time()
    looks = await soak(stack, folder, plan)
    (folder / "soak.json").write_text(json.dumps([asdict(each) for each in looks]), "utf-8")
    rests = True
    try:
        await quiesce(stack.about(), within=300)
    except AssertionError as restless:
        printed(str(restless))
        rests = False
    is_large = looks[-1].registered > LARGE
    holds = await compare(stack, folder) if is_large else await check(stack, folder, rests)
    readable = await in_stack(stack, numbers, since=began)
    printed("\n".join(readable) or "nobody's number stands in topics, tables, logs or files")
    _, unsent, _, unread = await _progress(stack)
    return told(looks, unsent + unread, plan) and rests and holds and not readable


async def check(stack: WholeStack, folder: Path, rests: bool) -> bool:
    """Whether every invariant holds."""
    report = await verify(stack.about(), folder / "journals", quiet=rests)
    printed(report.told() or f"{len(report.checked)} invariants held{' at rest' if rests else ''}")
    return report.is_clean


async def compare(stack: WholeStack, folder: Path) -> bool:
    """Whether databases, journals and audits agree."""
    unlike = await compared(stack.about(), folder / "journals")
    printed(
        in_words(unlike) or f"{len(list(pairs()))} comparisons of the databases, the journals and four audits agree"
    )
    return not unlike


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser("python -m tests.chaos.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, help="20, or with --pupils twice as long as they should take")
    parser.add_argument("--pupils", type=int, help="end when so many are registered, by a crowd of people")
    parser.add_argument(
        "--faults", type=float, default=0, metavar="SECONDS", help="from one death to the next; 0: none"
    )
    parser.add_argument("--seed", type=int, default=random.randrange(1, 10**6))
    asked = parser.parse_args()
    minutes = asked.minutes or (2 * asked.pupils / CROWD_RATE / 60 if asked.pupils else 20)
    if minutes * 60 < 8 * EVERY + EVERY:
        parser.error("it takes two minutes at least to see what grows")
    plan = Plan(minutes, asked.seed, asked.faults, asked.pupils)
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
        clean = asyncio.run(go(stack, folder, plan))
    finally:
        stack.stop()
    if clean:
        forget_stack(folder)
    printed("everything is flat" if clean else f"NOT FLAT, too slow, or something was violated; evidence in {folder}")
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
