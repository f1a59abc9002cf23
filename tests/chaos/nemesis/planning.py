"""Which faults a round has, in waves: several overlap, and the next wave comes when most is back."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from tests.chaos.nemesis.processes import HEARING, RARE, REACHED, SERVERS, Processes


@dataclass(frozen=True, slots=True)
class Dose:
    """How much of everything a round has."""

    kills: int = 60
    """kill -9 of any process, those of PostgreSQL and of the broker among them."""
    postgres: int = 30
    broker: int = 5
    stops: int = 5
    """SIGSTOP beyond the session of a consumer."""
    longest_stop: float = 20.0
    """Seconds: beyond the lease of a relay, and as long as the longest block of an event loop."""
    terminations: int = 3
    """SIGTERM, kill -9 two seconds later."""
    at_once: int = 1
    """Everything dies at once and starts in another order."""
    crashes: float = 0.5
    """Share of kills of a service's process whose next start dies at a crash point."""
    alone: int = 0
    """kill -9 of one program, each when all is well again: what its recovery takes by itself."""

    def of(self, parts: int) -> "Dose":
        """The dose of one round of so many, rounded up."""
        each = [-(-number // parts) for number in (self.kills, self.postgres, self.broker, self.stops)]
        kills, postgres, broker, stops = each
        return Dose(
            kills, min(postgres, kills), min(broker, kills - min(postgres, kills)), stops, self.longest_stop,
            -(-self.terminations // parts), -(-self.at_once // parts), self.crashes, -(-self.alone // parts),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Act:
    """One fault of a wave."""

    kind: str
    """kill, stop, terminate, all."""
    target: str = ""
    """Empty: whoever is not busy."""
    seconds: float = 0.0


SESSION = 6.0
"""Seconds after which a silent consumer is out of its group."""


def waves(dose: Dose, chance: random.Random) -> list[list[Act]]:
    """The round's waves: a server and a process or two die together; stops and ends run beside them."""
    singles = [Act("kill")] * (dose.kills - dose.postgres - dose.broker)
    brokers = [Act("kill", "kafka")] * dose.broker
    databases = [Act("kill", "postgres")] * dose.postgres
    longer = [Act("stop", seconds=_length(dose, number, chance)) for number in range(dose.stops)]
    longer += [Act("terminate", seconds=2.0)] * dose.terminations
    count = max(1, len(databases), len(singles) // 2)
    found: list[list[Act]] = [[] for _ in range(count)]
    for acts in (databases, singles):
        for number, place in enumerate(_spread(len(acts), count)):
            found[place].append(acts[number])
    chance.shuffle(found)
    # Not shuffled: who is killed again and again before anybody can have heard of it shows how soon nobody is back.
    for number, place in enumerate(_spread(len(brokers), count)):
        found[place].append(brokers[number])
    # What takes long begins early, or the round would wait for it at its end.
    for number, place in enumerate(_spread(len(longer), max(1, count * 2 // 3))):
        found[place].append(longer[number])
    for number in range(dose.at_once):
        found.insert(count * (number + 1) // (dose.at_once + 1), [Act("all")])
    return [wave for wave in found if wave]


def _length(dose: Dose, number: int, chance: random.Random) -> float:
    """Every fifth stop as long as it may be, the others beyond a session."""
    return dose.longest_stop if number % 5 == 0 else chance.uniform(SESSION + 1.5, SESSION + 4)


def _spread(number: int, places: int) -> Iterator[int]:
    return (place * places // number for place in range(number))


def someone(processes: Processes, chance: random.Random, *, has_lease: bool = False) -> str | None:
    """A program that nothing is done to now, on request one with a session or a lease; None when all are busy."""
    free = [name for name in processes.names if name not in processes.busy and name not in SERVERS]
    if has_lease:
        free = [name for name in free if name in HEARING or name.endswith("-relay")]
    return chance.choice(free) if free else None


def point_for(processes: Processes, name: str, chance: random.Random) -> str:
    """The point of the program's that was hit least often, and the pass at which it dies there; "" for none."""
    points = [point for point in REACHED.get(name, ()) if point not in RARE]
    if not points:
        return ""
    chance.shuffle(points)
    point = min(points, key=lambda each: processes.hit[each])
    return f"{point}:{chance.choice((1, 1, 2, 3))}"
