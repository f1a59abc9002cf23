"""The whole system under load while everything in it dies, is stopped, and hears everything three times."""

import math
from collections import Counter
from pathlib import Path

import pytest

from tests.chaos.page import RECOVERY, recoveries, report, write_page
from tests.chaos.run import Run, printed, seed_of
from tests.chaos.tiers import tier

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]
GENEROUS = 15
"""The machine may be shared by many: times are reported, and only what never comes back fails."""


async def test_nothing_is_lost_and_nothing_happens_twice_whatever_dies(folder: Path) -> None:
    seed = seed_of("tier one")
    print(f"CHAOS_SEED={seed}")
    run = Run(tier(1), seed, folder, printed)

    clean = await run.go()

    write_page(run)
    [done] = run.rounds
    assert clean, "\n".join([*done.troubles, *(f"{number}: {said}" for number, said in done.violations.items())])
    dose = run.tier.dose
    kinds = Counter(fault["kind"] for fault in done.faults)
    killed = Counter(fault["target"] for fault in done.faults if fault["kind"] == "kill")
    assert kinds["kill"] >= dose.kills
    assert killed["postgres"] >= dose.postgres
    assert killed["kafka"] >= dose.broker
    assert kinds["stop"] >= dose.stops
    assert done.in_the_middle.get("checked") == 1, done.in_the_middle
    assert len(done.redelivered) == run.tier.deliveries - 1
    assert done.operations["submit"]["ok"] > 0
    assert done.operations["approve"]["ok"] > 0
    assert done.counts["pupils registered"] > 0
    assert all(each["held"] for each in report(run)["targets"][:2])
    for each in recoveries(done.faults):
        print(f"{each['what']} {each['how']}: p50 {each['p50']}, p99 {each['p99']}, max {each['max']}")
        assert each["never"] == 0
        assert (each["p50"] or math.inf) < RECOVERY.get(each["what"], 10.0) * GENEROUS
