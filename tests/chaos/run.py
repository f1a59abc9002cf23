"""A run: a stack under load, rounds of faults, and after each round rest and the oracle's verdict.

Everything about a run stands in its folder: `rounds.json` after every round, journals, logs, the page. A run that was
cut short goes on with its next round when it is started again with the same seed.
"""

import asyncio
import json
import os
import random
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import asyncpg
from aiokafka.errors import KafkaError

from local_stack.layout import read_json
from tests.chaos.canaries import in_stack, numbers
from tests.chaos.check import Report, heads_of, quiesce, verify
from tests.chaos.load import Load
from tests.chaos.load.founding import Founded, found
from tests.chaos.load.settings import NATION
from tests.chaos.nemesis.planning import Act, point_for, someone, waves
from tests.chaos.nemesis.processes import Processes
from tests.chaos.nemesis.replaying import deliver_again
from tests.chaos.rounds import Round, timed, told
from tests.chaos.standing import counts, versions
from tests.chaos.tiers import Tier
from tests.harness.eventually import eventually
from tests.harness.whole import WholeStack

Say = Callable[[str], None]
LONGEST_WAVE, HURRIED_WAVE = 30.0, 4.0
"""Seconds that a wave is waited for: what was killed has to be back, or the next would kill what does not work yet.
Where the time of a round's faults is used up, on a slow machine, less is waited for."""
WORK = 4
"""Changes that are acknowledged between two waves, where the people are not slower."""
CHECKED_WITHIN = 60.0
"""Seconds for which the checker asks again a server that is away."""
WHOLE = 0.25
"""Share of the kills of a program that its keeper does not survive either."""


class Run:
    """One run on one folder."""

    def __init__(self, wanted: Tier, seed: int, folder: Path, say: Say) -> None:
        self.tier = wanted
        self.seed = seed
        self.folder = folder
        self.journals = folder / "journals"
        self.say = say
        self.versions: dict[str, str] = read_json(folder / "report.json").get("versions", {})
        self.rounds: list[Round] = [Round(**each) for each in _read(folder / "rounds.json")]
        self.stack = WholeStack(folder / "stack", split=wanted.split, environment={**NATION, "NATION_SEED": str(seed)})
        self.heads: list[Any] = []
        """Ends of the audit's chains, kept outside of the stack."""
        self._founded: Founded | None = None
        self._began, self._started = time.monotonic(), time.time()
        self._hurry_from = self._began

    async def go(self) -> bool:
        """Every round that is left, as long as there is time; whether all rounds are clean."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)
        try:
            seconds = await asyncio.to_thread(self.stack.start)
            self.say(f"the stack is ready after {seconds:.1f} s, {len(self.stack.programs)} processes")
            self.versions = await versions(self.stack.about())
            self._founded = await found(self.stack, self.tier.load)
            self.say(f"{len(self._founded.schools)} schools are founded")
            while len(self.rounds) < self.tier.rounds and self._is_time():
                done = await self.round(len(self.rounds))
                self.rounds.append(done)
                _write(self.folder / "rounds.json", [asdict(each) for each in self.rounds])
                if not done.is_clean:
                    break
            if self.rounds:
                await self._look_for_people(self.rounds[-1])
        finally:
            await asyncio.to_thread(self.stack.stop)
        return all(each.is_clean for each in self.rounds)

    async def _look_for_people(self, last: Round) -> None:
        """Nobody's number may stand anywhere outside of what is sealed, whatever died with it in its hands."""
        with timed(last, "scan"):
            found = await in_stack(self.stack, numbers, since=self._started)
        last.troubles += [f"a person's number stands in {each}" for each in found]
        self.say(f"scanned for people's numbers in {last.seconds['scan']} s: {'; '.join(found) or 'none'}")
        _write(self.folder / "rounds.json", [asdict(each) for each in self.rounds])

    def _is_time(self) -> bool:
        """Whether another round fits: the first always does."""
        spent = time.monotonic() - self._began
        longest = max((sum(each.seconds.values()) for each in self.rounds), default=0.0)
        return not self.rounds or spent + longest < self.tier.minutes * 60

    async def round(self, number: int) -> Round:
        """Load, faults, heal, rest, check."""
        done, chance = Round(number), random.Random(f"{self.seed} round {number}")
        processes = Processes(self.stack, chance)
        processes.overlook()
        processes.hit.update(fault["point"] for each in self.rounds for fault in each.faults if fault["point"])
        load = await self._begin_load(number)
        try:
            with timed(done, "alone"):
                await self._one_by_one(processes, number)
            with timed(done, "faults"):
                await self._fault(done, processes, chance, load)
            with timed(done, "heal"):
                await processes.disarm()
                if not await processes.settled():
                    done.troubles.append("not every program came back")
                await load.finish(within=8)
            if not load.acknowledged:
                done.troubles.append("nobody was told that anything is done")
            with timed(done, "again"):
                for _ in range(self._deliveries(number) - 1):
                    done.redelivered.append(await deliver_again(processes))
                    await self._rest(done)
        finally:
            await load.stop()
            await processes.close()
        with timed(done, "rest"):
            await self._rest(done)
        with timed(done, "check"):
            await self._check(done, quiet=True)
        processes.crashes()
        done.faults = [each.as_json() for each in processes.faults]
        done.sheets = load.sheets
        done.troubles += load.troubles
        for (op, outcome), times in sorted(load.counts().items()):
            done.operations.setdefault(op, {})[outcome] = times
        done.counts = await counts(self.stack.about())
        done.load = round(os.getloadavg()[1], 1)
        self.say(told(done))
        return done

    def _deliveries(self, number: int) -> int:
        return self.tier.deliveries if number == self.tier.rounds - 1 else 2

    async def _begin_load(self, number: int) -> Load:
        assert self._founded is not None
        before = {int(key): value for key, value in self.rounds[-1].sheets.items()} if self.rounds else {}
        load = Load(
            self.stack.urls, self._founded, self.tier.load, self.journals, self.seed,
            round_number=number, sheets_before=before,
        )  # fmt: skip
        await load.start()
        return load

    async def _one_by_one(self, processes: Processes, number: int) -> None:
        """Programs die by turns while nothing else is wrong."""
        count, names = self.tier.dose.of(self.tier.rounds).alone, processes.names
        for turn in range(number * count, (number + 1) * count):
            await processes.kill(names[turn % len(names)], whole=turn // len(names) % 2 == 1, alone=True)
            await processes.over()
            await processes.settled(within=LONGEST_WAVE)  # who needs what has died is back later than that itself

    async def _fault(self, done: Round, processes: Processes, chance: random.Random, load: Load) -> None:
        plan = waves(self.tier.dose.of(self.tier.rounds), chance)
        longer: list[asyncio.Task[None]] = []
        self._hurry_from = time.monotonic() + self.tier.faults_share * 60 * self.tier.minutes / self.tier.rounds
        for number, wave in enumerate(plan, 1):
            began, before = time.monotonic(), load.acknowledged
            for act in wave:
                await self._act(processes, act, chance, longer)
                await processes.news(within=chance.uniform(0.0, 0.4))
            if number == -(-len(plan) // 2):
                with timed(done, "instant"):
                    await self._check(done, quiet=False)
            await self._most_are_back(processes, began)
            await self._somebody_was_answered(load, before)
            processes.crashes()
            if number % 10 == 0 or number == len(plan):
                kills = Counter(each.kind for each in processes.faults)
                self.say(f"wave {number} of {len(plan)}: {', '.join(f'{n} {kind}' for kind, n in kills.items())}")
        await asyncio.gather(*longer)

    async def _act(
        self, processes: Processes, act: Act, chance: random.Random, longer: list["asyncio.Task[None]"]
    ) -> None:
        if act.kind == "all":
            await processes.kill_all()
            return
        target = act.target or await self._someone(processes, chance, has_lease=act.kind == "stop")
        if target is None:
            return
        if act.kind == "kill":
            await self._is_free(processes, target)
            crash = not act.target and chance.random() < self.tier.dose.crashes
            point = point_for(processes, target, chance) if crash else ""
            await processes.kill(target, point=point, whole=chance.random() < WHOLE)
        elif act.kind == "stop":
            longer.append(asyncio.create_task(processes.stop(target, act.seconds)))
        else:
            longer.append(asyncio.create_task(processes.terminate(target, act.seconds)))

    def _longest(self) -> float:
        return LONGEST_WAVE if time.monotonic() < self._hurry_from else HURRIED_WAVE

    async def _someone(self, processes: Processes, chance: random.Random, *, has_lease: bool) -> str | None:
        """A program to which nothing is being done; waited for, but not for ever."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._longest()):
                while (found := someone(processes, chance, has_lease=has_lease)) is None:
                    await processes.news()
                return found
        return None

    async def _most_are_back(self, processes: Processes, began: float) -> None:
        """Wait until PostgreSQL and most programs work again; long stops go on."""
        first = began + self.tier.shortest_wave

        def are_back() -> bool:
            busy = processes.busy
            return time.monotonic() >= first and "postgres" not in busy and len(busy) <= len(processes.names) // 3

        with suppress(AssertionError):  # the next wave does not wait for ever
            await eventually(are_back, within=first - time.monotonic() + self._longest(), every=0.1)

    async def _somebody_was_answered(self, load: Load, before: int) -> None:
        """Wait until work goes on: what dies while nothing is done loses nothing."""
        with suppress(AssertionError):  # people tell nobody, and some waves leave nobody to answer
            await eventually(lambda: load.acknowledged >= before + WORK, within=self._longest() / 4, every=0.1)

    async def _is_free(self, processes: Processes, name: str) -> None:
        """Wait until a program is back from what was done to it before, but not for ever."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._longest()):
                while name in processes.busy:
                    await processes.news()

    async def _rest(self, done: Round) -> None:
        try:
            await quiesce(self.stack.about(), self.tier.rest_within)
        except AssertionError as restless:
            done.troubles.append(str(restless))

    async def _check(self, done: Round, *, quiet: bool) -> None:
        """The oracle's verdict; in the middle of chaos a server may be away, then it is asked again.

        What cannot be checked there is told; at rest it is a trouble.
        """
        why = "the launcher does not say where anything is"

        async def verified() -> Report | None:
            nonlocal why
            if not (about := self.stack.about()):
                return None
            try:
                return await verify(about, self.journals, quiet=quiet, heads=self.heads)
            except (OSError, KafkaError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as away:
                why = type(away).__name__
                return None

        try:
            report = await eventually(verified, within=CHECKED_WITHIN, every=1)
        except AssertionError:
            if quiet:
                done.troubles.append(f"nothing could be checked: {why}")
            else:
                done.in_the_middle["not possible"] = done.in_the_middle.get("not possible", 0) + 1
                self.say(f"nothing could be checked in the middle: {why}")
            return
        assert report is not None
        if not quiet:
            done.in_the_middle["checked"] = done.in_the_middle.get("checked", 0) + 1
        for number, violation in report.violations.items():
            name = number if quiet else f"{number} in the middle"
            done.violations[name] = [violation.count, violation.witnesses]
        if quiet:
            done.checked, done.not_applicable = report.checked, report.not_applicable
            if report.world is not None and report.is_clean:
                self.heads = list(heads_of(report.world))
        report.world = None


def _read(file: Path) -> list[Mapping[str, Any]]:
    if not file.exists():
        return []
    found: list[Mapping[str, Any]] = json.loads(file.read_text("utf-8"))
    return found


def _write(file: Path, content: Any) -> None:
    growing = file.with_suffix(".growing")
    growing.write_text(json.dumps(content, ensure_ascii=False, default=str), "utf-8")
    growing.replace(file)


def seed_of(what: str) -> int:
    """The seed of a part: `CHAOS_SEED`, or always the same one, so that a commit is judged alike on any day."""
    return int(os.environ.get("CHAOS_SEED") or random.Random(what).randrange(1, 10**6))


def printed(line: str) -> None:
    """A line of progress with the time."""
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {line}\n")
    sys.stdout.flush()


def forget_stack(folder: Path) -> None:
    """A clean, finished run keeps its page, journals and logs; everything else of its stack goes."""
    for each in (folder / "stack").iterdir():
        if each.name == "logs":
            continue
        if each.is_dir():
            shutil.rmtree(each, ignore_errors=True)
        else:
            each.unlink(missing_ok=True)
