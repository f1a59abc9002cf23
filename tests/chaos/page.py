"""The page of a run: targets beside what was found, for people (HTML) and for programs (JSON)."""

import json
import math
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, FileSystemLoader

from chassis.crash import POINTS
from tests.chaos import parts
from tests.chaos.nemesis.processes import RARE, SERVERS
from tests.chaos.standing import ROOT

if TYPE_CHECKING:
    from tests.chaos.run import Run

ALONE: Final = "alone"
BESIDE: Final = "beside others"
AT_ONCE: Final = "everything at once"
FROM_NOTHING: Final = ", its program begun from nothing"
RECOVERY: Final[Mapping[str, float]] = {
    "HTTP": 3.0,
    f"HTTP{FROM_NOTHING}": 3.0,
    "consumer": 10.0,
    f"consumer{FROM_NOTHING}": 10.0,
    "PostgreSQL": 2.0,
    "broker": 20.0,
}
"""What is back → seconds that 99 of 100 may take, by itself and beside other faults."""
ENOUGH: Final = 0.9
"""Share of a dose of which less has shown too little, though everything held."""
STARTED: Final = 20.0
"""The same where everything died at once: that is a start of the whole system, and has the seconds of one."""


def write_page(run: "Run") -> Path:
    """`report.json` and `report.html` in the run's folder; the page's path."""
    run.folder.mkdir(parents=True, exist_ok=True)
    found = report(run)
    (run.folder / "report.json").write_text(json.dumps(found, ensure_ascii=False, indent=1, default=str), "utf-8")
    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True)
    environment.filters["seconds"] = lambda value: "–" if value is None else f"{value:.2f}"
    page = run.folder / "report.html"
    page.write_text(environment.get_template("page.html.jinja").render(**found), "utf-8")
    return page


def report(run: "Run") -> dict[str, Any]:
    """Everything that the page tells."""
    faults = [fault for each in run.rounds for fault in each.faults]
    alone = parts.told(run.tier.number)
    recovery = recoveries(faults)
    hit = Counter(fault["point"] for fault in faults if fault["point"])
    held_to = targets(run, faults, recovery, hit)
    operations: dict[str, Counter[str]] = defaultdict(Counter)
    for each in run.rounds:
        for op, outcomes in each.operations.items():
            operations[op].update(outcomes)
    return {
        "tier": run.tier.number,
        "seed": run.seed,
        "written": time.strftime("%Y-%m-%d %H:%M"),
        "clean": bool(run.rounds)
        and all(each.is_clean for each in run.rounds)
        and not any(each["failed"] for each in alone),
        "rounds_wanted": run.tier.rounds,
        "versions": run.versions,
        "folder": str(run.folder.relative_to(ROOT) if run.folder.is_relative_to(ROOT) else run.folder),
        "targets": held_to,
        "doses_missed": [each["name"] for each in held_to if each["dose"] is not None and not each["held"]],
        "too_little": [each["name"] for each in held_to if each["dose"] is not None and each["dose"] < ENOUGH],
        "in_the_middle": dict(sum((Counter(each.in_the_middle) for each in run.rounds), Counter())),
        "parts": alone,
        "recovery": recovery,
        "faults": _table(Counter((fault["target"], fault["kind"]) for fault in faults)),
        "points": {point: hit[point] for point in sorted(POINTS)},
        "rare": sorted(RARE),
        "operations": {op: dict(outcomes) for op, outcomes in sorted(operations.items())},
        "unknown": sum(outcomes["info"] for outcomes in operations.values()),
        "counts": run.rounds[-1].counts if run.rounds else {},
        "checked": run.rounds[-1].checked if run.rounds else [],
        "not_applicable": run.rounds[-1].not_applicable if run.rounds else {},
        "rounds": [
            {**asdict(each), "clean": each.is_clean, "total": sum(each.seconds.values())} for each in run.rounds
        ],
    }


def recoveries(faults: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What was back after kill -9 → how soon: alone, beside other faults, and with all others.

    Alone is what died one by one, and not who by chance was back before the next fault: those are the quick ones. Told
    apart are a process that its keeper begins again, and a program whose keeper died too. Consumers that were struck
    again before they had consumed are in no quantile, and are counted.
    """
    struck: Counter[tuple[str, str]] = Counter()
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: {ALONE: [], BESIDE: [], AT_ONCE: []})
    for fault in faults:
        if fault["kind"] == "kill":
            place = AT_ONCE if fault.get("at_once") else ALONE if fault.get("alone") else BESIDE
            for what, spent in fault["recovered"]:
                found[what + _begun(fault)][place].append(math.inf if spent is None else spent)
            if fault.get("struck_again"):
                struck["consumer" + _begun(fault), place] += 1
                found["consumer" + _begun(fault)].setdefault(place, [])
    return [
        {
            "what": what, "how": how, "times": len(some), "p50": quantile(some, 0.5), "p99": quantile(some, 0.99),
            "max": _finite(max(some, default=math.inf)), "never": sum(math.isinf(each) for each in some),
            "struck_again": struck[what, how], "target": (within := _within(what, how)),
            "in_time": None if within is None else sum(each < within for each in some),
        }
        for what, groups in sorted(found.items())
        for how, some in groups.items()
        if some or struck[what, how]
    ]  # fmt: skip


def _within(what: str, how: str) -> float | None:
    return STARTED if how == AT_ONCE and what in RECOVERY else RECOVERY.get(what)


def _begun(fault: Mapping[str, Any]) -> str:
    return FROM_NOTHING if fault.get("whole", False) and fault["target"] not in SERVERS else ""


def quantile(some: Sequence[float], share: float) -> float | None:
    """The smallest value that so large a share does not exceed; None where that is for ever, or nothing is known."""
    ordered = sorted(some) or [math.inf]
    return _finite(ordered[max(0, math.ceil(share * len(ordered)) - 1)])


def _finite(value: float) -> float | None:
    return None if math.isinf(value) else round(value, 3)


def targets(
    run: "Run", faults: Sequence[Mapping[str, Any]], recovery: Sequence[Mapping[str, Any]], hit: Counter[str]
) -> list[dict[str, Any]]:
    """Each target, what was found, and whether that is enough."""
    dose = run.tier.dose
    kinds = Counter(fault["kind"] for fault in faults)
    killed = Counter(fault["target"] for fault in faults if fault["kind"] == "kill")
    sessions = sum(each["target"] == "postgres" and each.get("whole", False) for each in faults)
    violated = sum(count for each in run.rounds for count, _ in each.violations.values())
    lost = sum(each.violations.get("I17", [0])[0] for each in run.rounds)
    delivered = len(run.rounds[-1].redelivered) + 1 if run.rounds else 0
    common = POINTS - RARE
    found = [
        _target("Invariants violated", 0, violated, violated == 0),
        _target("Acknowledged operations lost (RPO)", 0, lost, lost == 0 and bool(run.rounds)),
        _at_least("kill -9 of any process, crash points too", run.tier.kills, kinds["kill"] + kinds["crash"]),
        _at_least("… of PostgreSQL", run.tier.postgres, killed["postgres"]),
        {**_at_least("… of PostgreSQL with every session of it", min(1, dose.postgres), sessions), "dose": None},
        _at_least("… of the broker", run.tier.broker, killed["kafka"]),
        _at_least("SIGSTOP beyond session or lease", dose.stops, kinds["stop"]),
        _at_least("SIGTERM, then kill -9", dose.terminations, kinds["terminate"]),
        _at_least("Every record delivered in the last round, times", run.tier.deliveries, delivered),
        _at_least("Rounds ended at rest and checked", run.tier.rounds, len(run.rounds)),
    ]
    if run.tier.rounds > 1:  # in one round chance does not come by all of them; they have a test of their own
        chance = _at_least("Crash points hit at random", len(common), len(common & hit.keys()))
        found.append({**chance, "dose": None})
    if len(run.rounds) < run.tier.rounds:
        found = [each if each["held"] or not each["counts"] else {**each, "verdict": "so far"} for each in found]
    for what in RECOVERY:
        for each in recovery:
            if each["what"] == what and each["times"]:
                within = each["target"]
                said = "never" if each["p99"] is None else f"{each['p99']:.2f} s"
                held = each["p99"] is not None and each["p99"] < within
                found.append(_target(f"{what} back, p99, {each['how']}", f"< {within:g} s", said, held))
    return found


def _at_least(name: str, wanted: int, found: int) -> dict[str, Any]:
    share = found / wanted if wanted else 1.0
    return {**_target(name, f"≥ {wanted:,}", f"{found:,}", found >= wanted), "counts": True, "dose": share}


def _target(name: str, wanted: object, found: object, held: bool) -> dict[str, Any]:
    verdict = "held" if held else "missed"
    return {
        "name": name, "target": str(wanted), "result": str(found), "held": held, "verdict": verdict, "counts": False,
        "dose": None,
    }  # fmt: skip


def _table(counted: Counter[tuple[str, str]]) -> dict[str, dict[str, int]]:
    """Program → kind → times."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for (target, kind), times in sorted(counted.items()):
        found[target][kind] = times
    return dict(found)
