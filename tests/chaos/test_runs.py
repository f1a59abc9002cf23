"""What a run plans and what its page says, without a stack."""

import asyncio
import json
import random
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.chaos import parts
from tests.chaos.__main__ import verdict
from tests.chaos.load.working import turn_of
from tests.chaos.nemesis.planning import Act, Dose, waves
from tests.chaos.nemesis.processes import Fault, Processes
from tests.chaos.page import quantile, recoveries, report, write_page
from tests.chaos.rounds import Round
from tests.chaos.run import Run
from tests.chaos.tiers import tier
from tests.harness.eventually import eventually, until

THE_CUTS = "tests/chaos/test_power_cuts.py::test_a_power_cut_takes_no_acknowledged_commit"


def a_fault(kind: str, target: str, recovered: list[Any] | None = None, **about: Any) -> dict[str, Any]:
    return {
        "kind": kind,
        "target": target,
        "at": 100.0,
        "point": "",
        "recovered": recovered or [],
        **about,
    }


def test_the_waves_of_a_round_have_its_dose_and_follow_from_the_seed() -> None:
    dose = Dose(kills=60, postgres=30, broker=5, stops=5, terminations=3, at_once=1)
    found = waves(dose, random.Random(7))

    acts = Counter((act.kind, act.target) for wave in found for act in wave)
    assert acts == {
        ("kill", "postgres"): 30, ("kill", "kafka"): 5, ("kill", ""): 25,
        ("stop", ""): 5, ("terminate", ""): 3, ("all", ""): 1,
    }  # fmt: skip
    assert all(sum(act.target == "postgres" for act in wave) <= 1 for wave in found)
    with_broker = [n for n, wave in enumerate(found) if Act("kill", "kafka") in wave]
    assert len(with_broker) == 5
    assert min(later - sooner for sooner, later in pairwise(with_broker)) >= 5  # of 31 waves
    lengths = sorted(act.seconds for wave in found for act in wave if act.kind == "stop")
    assert lengths[0] > 6
    assert lengths[-1] == 20
    assert found == waves(dose, random.Random(7))
    assert found != waves(dose, random.Random(8))


def test_all_rounds_together_have_at_least_the_dose_of_tier_two() -> None:
    each = tier(2).dose.of(12)
    assert tier(2).rounds == 12
    assert (each.kills, each.postgres, each.broker, each.stops, each.terminations) == (48, 23, 7, 5, 3)
    assert (each.at_once, each.alone) == (1, 20)
    # Sixteen programs die at once, once a round, and by turns alone.
    assert 12 * (each.postgres + each.at_once + each.alone / 16) >= tier(2).postgres == 300
    assert 12 * (each.broker + each.at_once + each.alone / 16) >= tier(2).broker == 100
    assert 12 * (each.kills + each.alone + each.at_once * 16) >= tier(2).kills == 1000


def test_recovery_is_told_alone_and_beside_others() -> None:
    faults = [
        a_fault("kill", "sync", [["HTTP", 1.0], ["consumer", 2.5]], alone=True),
        a_fault("kill", "photo", [["HTTP", 4.0]]),
        a_fault("kill", "review", [["HTTP", None]]),
        a_fault("kill", "review", [["HTTP", 30.0]], at_once=True),
        a_fault("kill", "review", [["HTTP", 2.0]], whole=True, alone=True),
        a_fault("stop", "review", [["HTTP", 0.1]]),
    ]
    found = {(each["what"], each["how"]): each for each in recoveries(faults)}
    assert (found["HTTP", "alone"]["p50"], found["HTTP", "alone"]["times"]) == (1.0, 1)
    assert found["HTTP, its program begun from nothing", "alone"]["p50"] == 2.0
    assert (found["HTTP", "everything at once"]["p50"], found["HTTP", "everything at once"]["target"]) == (30.0, 20.0)
    assert found["HTTP", "beside others"]["p50"] == 4.0
    assert [(each["times"], each["in_time"]) for each in found.values() if each["what"] == "HTTP"] == [
        (1, 1), (2, 0), (1, 0)
    ]  # fmt: skip
    assert found["HTTP", "beside others"]["p99"] is None
    assert found["HTTP", "beside others"]["never"] == 1
    assert found["consumer", "alone"]["max"] == 2.5


def test_a_consumer_that_is_struck_again_is_counted_and_flatters_nothing(tmp_path: Path) -> None:
    struck = a_fault("kill", "sync", struck_again=True)
    known = a_fault("kill", "sync", [["consumer", 4.0]])
    found = {(each["what"], each["how"]): each for each in recoveries([struck, struck, known])}
    assert (found["consumer", "beside others"]["struck_again"], found["consumer", "beside others"]["times"]) == (2, 1)
    [whole] = recoveries([{**struck, "whole": True}])
    assert (whole["what"], whole["times"], whole["p99"]) == ("consumer, its program begun from nothing", 0, None)
    write_page(a_run(tmp_path, Round(0, faults=[struck, struck, known])))
    assert (
        '<td class="n">0</td><td class="n">2</td><td class="n">&lt; 10</td><td class="n">1</td>'
        in (tmp_path / "report.html").read_text()
    )


def test_the_server_that_dies_with_its_sessions_is_the_same_server() -> None:
    [found] = recoveries([a_fault("kill", "postgres", [["PostgreSQL", 0.5]], whole=True)])
    assert (found["what"], found["target"]) == ("PostgreSQL", 2.0)


def test_a_quantile_is_a_value_that_was_measured() -> None:
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert quantile([float(each) for each in range(1, 101)], 0.99) == 99.0


def test_a_round_that_was_cut_short_is_begun_under_another_name(tmp_path: Path) -> None:
    assert turn_of(tmp_path, 3) == "003"
    (tmp_path / "003").mkdir()
    assert turn_of(tmp_path, 3) == "003-2"
    (tmp_path / "003-2").mkdir()
    assert turn_of(tmp_path, 3) == "003-3"


@pytest.fixture
def no_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No part of the rig was run."""
    monkeypatch.setenv("STACK_FOLDER", str(tmp_path / "elsewhere"))


def a_run(folder: Path, *rounds: Round) -> Run:
    run = Run(tier(1), 5, folder, print)
    run.rounds = list(rounds)
    return run


@pytest.mark.usefixtures("no_parts")
def test_the_page_says_that_everything_held(tmp_path: Path) -> None:
    done = Round(0, faults=[a_fault("kill", "postgres", [["PostgreSQL", 0.5]], alone=True)] * 60, checked=["I1", "I17"])
    write_page(a_run(tmp_path, done))
    told = json.loads((tmp_path / "report.json").read_text())
    results = {each["name"]: (each["result"], each["held"]) for each in told["targets"]}
    assert told["clean"] is True
    assert results["kill -9 of any process, crash points too"] == ("60", True)
    assert results["… of the broker"] == ("0", False)
    assert results["PostgreSQL back, p99, alone"] == ("0.50 s", True)
    assert "Every invariant held" in (tmp_path / "report.html").read_text()


DOSE = [
    *[a_fault("kill", "postgres", [["PostgreSQL", 0.5]])] * 29,
    a_fault("kill", "postgres", whole=True),
    *[a_fault("kill", "kafka")] * 5,
    *[a_fault("kill", "sync")] * 25,
    *[a_fault("stop", "sync")] * 5,
    *[a_fault("terminate", "sync")] * 3,
]


def a_whole_round(**about: Any) -> Round:
    return Round(0, **{"faults": DOSE, "redelivered": [1.0, 1.0], **about})


@pytest.mark.usefixtures("no_parts")
def test_a_run_that_did_what_its_tier_asks_for_has_held(tmp_path: Path) -> None:
    assert verdict(a_run(tmp_path, a_whole_round())) == (0, "every invariant held")
    write_page(a_run(tmp_path, a_whole_round(in_the_middle={"checked": 2, "not possible": 1})))
    page = (tmp_path / "report.html").read_text()
    assert "little was done" not in page
    assert "as much was done" not in page
    assert "asked 2 times while things died and people worked; 1 times it could not be" in page


@pytest.mark.usefixtures("no_parts")
def test_a_run_that_did_too_little_has_not_held(tmp_path: Path) -> None:
    run = a_run(tmp_path, a_whole_round(faults=DOSE[5:]))
    run.tier = replace(run.tier, shortened=False)
    status, said = verdict(run)
    assert (status, said) == (1, "every invariant held, but too little was done: … of PostgreSQL")
    write_page(run)
    assert (
        "Too little was done:</b> kill -9 of any process, crash points too; … of PostgreSQL."
        in (tmp_path / "report.html").read_text()
    )
    run.tier = replace(run.tier, shortened=True)
    assert verdict(run) == (0, said)


@pytest.mark.usefixtures("no_parts")
def test_a_tenth_less_is_told_and_no_more(tmp_path: Path) -> None:
    run = a_run(tmp_path, a_whole_round(faults=DOSE[3:]))
    assert verdict(run) == (0, "every invariant held")
    write_page(run)
    assert "Not quite as much was done as the tier asks for:</b> kill" in (tmp_path / "report.html").read_text()


@pytest.mark.usefixtures("no_parts")
def test_what_is_violated_is_violated_however_little_was_done(tmp_path: Path) -> None:
    status, said = verdict(a_run(tmp_path, a_whole_round(faults=[], troubles=["not at rest"])))
    assert (status, said) == (1, f"VIOLATED; the evidence stays in {tmp_path}")


@pytest.mark.usefixtures("no_parts")
def test_recovery_that_took_too_long_is_told_and_changes_nothing(tmp_path: Path) -> None:
    slow = [*DOSE, a_fault("kill", "postgres", [["PostgreSQL", 60.0]], alone=True)]
    run = a_run(tmp_path, a_whole_round(faults=slow))
    assert verdict(run) == (0, "every invariant held")
    assert [each["name"] for each in report(run)["targets"] if not each["held"]] == ["PostgreSQL back, p99, alone"]


@pytest.mark.usefixtures("no_parts")
def test_recovery_beside_other_faults_is_held_to_the_same_aim(tmp_path: Path) -> None:
    told = report(a_run(tmp_path, a_whole_round(faults=[*DOSE, a_fault("kill", "sync", [["HTTP", 4.0]])])))
    assert [each["name"] for each in told["targets"] if not each["held"]] == ["HTTP back, p99, beside others"]
    [beside] = [each for each in told["recovery"] if (each["what"], each["how"]) == ("HTTP", "beside others")]
    assert (beside["times"], beside["p99"], beside["target"], beside["in_time"]) == (1, 4.0, 3.0, 0)


@pytest.mark.usefixtures("no_parts")
def test_the_page_tells_what_the_parts_did(tmp_path: Path) -> None:
    done = Round(0, faults=[], checked=["I1"])
    parts.note("Power cuts of PostgreSQL", THE_CUTS, 10, "passed", 30.0)
    write_page(a_run(tmp_path, done))
    page = (tmp_path / "report.html").read_text()
    assert '<td>Power cuts of PostgreSQL</td><td class="n">10</td><td class="n">10</td><td class="n">30</td>' in page
    assert json.loads((tmp_path / "report.json").read_text())["clean"] is True
    parts.note("Power cuts of PostgreSQL", THE_CUTS, 10, "failed", 30.0)
    write_page(a_run(tmp_path, done))
    assert json.loads((tmp_path / "report.json").read_text())["clean"] is False
    assert f"failed: {THE_CUTS}" in (tmp_path / "report.html").read_text()


@pytest.mark.usefixtures("no_parts")
def test_a_finished_run_keeps_what_it_stood_on(tmp_path: Path) -> None:
    run = a_run(tmp_path, Round(0))
    run.versions = {"commit": "abc1234"}
    write_page(run)
    write_page(a_run(tmp_path, Round(0)))
    assert json.loads((tmp_path / "report.json").read_text())["versions"] == {"commit": "abc1234"}


@pytest.mark.usefixtures("no_parts")
def test_the_page_keeps_the_evidence_and_escapes_it(tmp_path: Path) -> None:
    done = Round(0, violations={"I17": [2, ["registrar-0#4 <submit> was acknowledged"]]}, troubles=["not at rest"])
    write_page(a_run(tmp_path, done))
    told = json.loads((tmp_path / "report.json").read_text())
    page = (tmp_path / "report.html").read_text()
    assert told["clean"] is False
    assert {each["name"]: each["result"] for each in told["targets"]}["Acknowledged operations lost (RPO)"] == "2"
    assert "Something was violated" in page
    assert "registrar-0#4 &lt;submit&gt; was acknowledged" in page
    assert "not at rest" in page


class Logs:
    """A stack of which only the logs are looked at, and one program that has just died."""

    def __init__(self, folder: Path, **more: int) -> None:
        self.folder = folder
        gone = subprocess.Popen([sys.executable, "-c", ""])
        gone.wait()
        self.programs = self.pids = {"sync-relay": gone.pid, **more}

    def about(self) -> dict[str, Any]:
        return {"logs": str(self.folder), "kafka": "", "postgres": {}}


async def test_what_is_done_to_nobody_is_no_fault(tmp_path: Path) -> None:
    processes = Processes(Logs(tmp_path), random.Random(1))  # type: ignore[arg-type]
    await processes.kill("sync-relay", whole=True)
    await processes.terminate("sync-relay")
    await processes.stop("sync-relay", 1)
    assert processes.faults == []


async def test_a_server_is_killed_with_all_that_it_has_started(tmp_path: Path) -> None:
    words = ("sh", "-c", "tail -f /dev/null & tail -f /dev/null & wait")
    server = await asyncio.create_subprocess_exec(*words)
    leader = psutil.Process(server.pid)
    await eventually(lambda: len(leader.children()) == 2)
    family = [leader, *leader.children()]
    processes = Processes(Logs(tmp_path, postgres=server.pid), random.Random(1))  # type: ignore[arg-type]
    await processes.kill("postgres", whole=True)
    await processes.close()
    await server.wait()
    await eventually(lambda: not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in family))
    assert [(each.target, each.whole) for each in processes.faults] == [("postgres", True)]


async def test_who_is_struck_before_he_consumes_is_known_to_be(tmp_path: Path) -> None:
    processes = Processes(Logs(tmp_path), random.Random(1))  # type: ignore[arg-type]
    waiting: asyncio.Task[None] = asyncio.create_task(until(asyncio.Event(), within=60))
    with processes._doing(Fault("kill", "sync", 1.0)) as first:
        processes._listening["sync"] = (first, waiting)
    with processes._doing(Fault("kill", "sync", 2.0)) as second:
        pass
    assert (first.struck_again, second.struck_again) == (True, False)


def test_a_death_of_an_earlier_round_is_not_counted_again(tmp_path: Path) -> None:
    log = tmp_path / "sync-relay.log"
    died = '{"event": "crash.point", "point": "relay.after_mark"}\n'
    log.write_text(died)
    first = Processes(Logs(tmp_path), random.Random(1))  # type: ignore[arg-type]
    assert first.crashes() == [("sync-relay", "relay.after_mark")]
    second = Processes(Logs(tmp_path), random.Random(1))  # type: ignore[arg-type]
    second.overlook()
    assert second.crashes() == []
    with log.open("a") as more:
        more.write(died * 2)
    assert second.crashes() == [("sync-relay", "relay.after_mark")] * 2
    assert second.hit == {"relay.after_mark": 2}
