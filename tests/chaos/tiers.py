"""How much a run does: of tier 1 minutes, of tier 2 up to an hour."""

import os
from dataclasses import dataclass, replace

from tests.chaos.load import LoadSettings
from tests.chaos.nemesis.planning import Dose


@dataclass(frozen=True, slots=True)
class Tier:
    """How much a run does."""

    number: int
    rounds: int
    dose: Dose
    """Of all rounds together."""
    deliveries: int
    """Times that everything is delivered in the last round; in each before it twice, what came earlier too."""
    load: LoadSettings
    minutes: float
    shortened: bool
    """Somebody asked for fewer minutes: then it is no fault that less was done."""
    split: bool
    """Each service in three processes, as in production; a laptop has one, and takes a third of the processor."""
    kills: int = 60
    """kill -9 that there have to be: those of the dose, of all at once and one by one, and at crash points."""
    postgres: int = 30
    broker: int = 5
    """Those of the servers among them."""
    shortest_wave: float = 2.5
    """Seconds from one wave to the next, where what was killed is back sooner."""
    faults_share: float = 0.5
    """Of a round's time; the rest is for deaths one by one before it, and for heal, rest and check."""
    rest_within: float = 120.0


def tier(number: int, minutes: float | None = None, rounds: int | None = None) -> Tier:
    """The settings of a tier; `CHAOS_KILLS`, `CHAOS_POSTGRES`, `CHAOS_BROKER`, `CHAOS_STOPS` change its dose."""
    if number == 1:
        load = LoadSettings(schools=3, classes=40, sheet=9, pause=1.0)
        found = Tier(1, 1, Dose(), 3, load, minutes or 5, minutes is not None, split=False)
    else:
        load = LoadSettings(schools=4, classes=99, sheet=15, pause=2.0, between_sheets=20.0)
        # With all at once (12 × 16) a little more than 1,000 kills, one in about 3 s; 300 of PostgreSQL, 100 of the
        # broker. Fifteen of each program alone, so that the slowest of them says something.
        dose = Dose(kills=576, postgres=276, broker=84, stops=60, terminations=36, at_once=12, alone=240)
        found = Tier(
            2, rounds or 12, dose, 5, load, minutes or 60, minutes is not None, split=True, kills=1000,
            postgres=300, broker=100, shortest_wave=7.5, faults_share=0.7,
        )  # fmt: skip
    changed = {
        name: int(os.environ[variable])
        for name in ("kills", "postgres", "broker", "stops")
        if (variable := f"CHAOS_{name.upper()}") in os.environ
    }
    return replace(
        found,
        dose=replace(found.dose, **changed),
        kills=changed.get("kills", found.kills),
        postgres=changed.get("postgres", found.postgres),
        broker=changed.get("broker", found.broker),
    )
