"""Every named line: a process of the whole stack dies there, is begun again, and nothing is lost."""

import os
import random
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import asyncpg
import pytest
from pwdlib.hashers.argon2 import Argon2Hasher

from chassis.crash import POINTS
from contracts.topics import REQUEST
from sample.clients import Services
from tests.chaos.check import quiesce, verify
from tests.chaos.journal import Journal
from tests.chaos.load import Load, LoadSettings
from tests.chaos.load.founding import Founded, found
from tests.chaos.load.settings import NATION
from tests.chaos.nemesis.poisoning import plant
from tests.chaos.nemesis.processes import REACHED, Processes
from tests.chaos.run import seed_of
from tests.harness.eventually import eventually
from tests.harness.whole import WholeStack

TIMES = int(os.environ.get("CHAOS_CRASHES", "1"))
"""How often a process dies at each point; in a migration once, at the first start."""
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900 * TIMES)]
SEED = seed_of("crash points")
BUSY = LoadSettings(schools=2, classes=40, sheet=9, pause=1.0, sign_ins=0.0)


@pytest.fixture
async def stack(folder: Path) -> AsyncIterator[WholeStack]:
    """The whole system, whose first start died in the middle of a migration."""
    found = WholeStack(folder / "local", split=True, environment=NATION)
    found.tell_next_start("review-migrate", CRASH_AT="migrate.mid")
    with pytest.raises(RuntimeError, match="review migrate ended with -9"):
        found.start()
    found.start()
    yield found
    found.stop()


@pytest.mark.part("Deaths at a crash point, every point reached", 1 + (len(POINTS) - 1) * TIMES)
async def test_every_crash_point_is_hit_and_everything_holds(stack: WholeStack, folder: Path) -> None:
    print(f"CHAOS_SEED={SEED}")
    founded = await found(stack, BUSY)
    processes = Processes(stack, random.Random(SEED))
    load = Load(stack.urls, founded, BUSY, folder / "journals", SEED)
    began = time.monotonic()
    await load.start()
    for wave in the_waves() * TIMES:
        for name, point in wave:
            await processes.kill(name, point=point)
        await lead_there(stack, founded, folder, [point for _, point in wave])
        try:
            await eventually(lambda: everybody_died(processes), within=120, every=0.3)
        except AssertionError as error:
            raise AssertionError(f"{error}; people at work so far: {load.counts()}") from error
        print(f"{time.monotonic() - began:.0f} s: {', '.join(f'{name} at {point}' for name, point in wave)}")
    assert await processes.settled()
    await load.finish(within=10)
    await load.stop()
    await processes.close()

    assert processes.hit.keys() == POINTS
    assert min(times for point, times in processes.hit.items() if point != "migrate.mid") >= TIMES
    await quiesce(stack.about(), within=120)
    report = await verify(stack.about(), folder / "journals", quiet=True)
    assert report.told() == ""
    assert load.troubles == []
    assert load.counts()["submit", "ok"] > 0
    assert load.counts()["approve", "ok"] > 0


def the_waves() -> list[list[tuple[str, str]]]:
    """(program, point): each point once, by the program that has the fewest to die at; each program once a wave."""
    turns: dict[str, list[str]] = {name: [] for name in REACHED if is_process(name)}
    for point in sorted(POINTS - {"migrate.mid"}, key=lambda each: len(able(each))):
        least = min(able(point), key=lambda name: (len(turns[name]), name))
        turns[least].append(point)
    return [
        [(name, points[number]) for name, points in turns.items() if number < len(points)]
        for number in range(max(map(len, turns.values())))
    ]


def able(point: str) -> list[str]:
    """The programs that come by the point."""
    return [name for name, points in REACHED.items() if point in points and is_process(name)]


def is_process(name: str) -> bool:
    """Whether it is one of the three processes of a service."""
    return name.endswith(("-api", "-worker", "-relay"))


def everybody_died(processes: Processes) -> bool:
    """Whether nobody is armed any more."""
    processes.crashes()
    assert not processes.armed, f"not reached yet: {processes.armed}"
    return True


async def lead_there(stack: WholeStack, founded: Founded, folder: Path, points: Sequence[str]) -> None:
    """What ordinary work does not come by: poison, and a password whose hash was made more weakly."""
    if "dlq.after_park_before_offset" in points:
        with Journal(folder / "journals" / "poisoner.jsonl") as journal:
            await plant(stack.about(), journal, REQUEST)
    if "login.after_rehash" in points:
        login = founded.officers[0]
        password = founded.accounts.people[login]["password"]
        weak = Argon2Hasher(time_cost=1, memory_cost=8_192, parallelism=1).hash(password)
        connection = await asyncpg.connect(stack.about()["postgres"]["registry"])
        try:
            await connection.execute(
                "UPDATE credential SET hash = $1 FROM account WHERE account.id = account_id AND login = $2", weak, login
            )
        finally:
            await connection.close()
        async with Services(stack.urls) as services:
            await founded.accounts.enter(services, login)


def test_each_point_stands_with_a_program() -> None:
    assert {point for wave in the_waves() for _, point in wave} == POINTS - {"migrate.mid"}
    assert all(len({name for name, _ in wave}) == len(wave) for wave in the_waves())
