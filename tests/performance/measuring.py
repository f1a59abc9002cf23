"""What a running stack costs: CPU and memory by program, children included."""

import os
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from tests.harness.eventually import eventually

console = Console(highlight=False, soft_wrap=True)


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of CPU by program at one moment."""

    seconds: Mapping[str, float]

    def since(self, before: "Cost") -> dict[str, float]:
        """Program → seconds spent between the two moments."""
        return {name: spent - before.seconds.get(name, 0.0) for name, spent in self.seconds.items()}


def cost(pids: Mapping[str, int]) -> Cost:
    """The CPU that each program has used so far, with its children, those that have ended too."""
    found: dict[str, float] = {}
    for name, pid in {**pids, "benchmark": os.getpid()}.items():
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            spent = _of(process)
            for child in process.children(recursive=True) if name != "benchmark" else ():
                with suppress(psutil.NoSuchProcess):
                    spent += _of(child)
            found[name] = spent
    return Cost(found)


def _of(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)


def memory(pids: Mapping[str, int]) -> dict[str, float]:
    """Program → MiB, with its children; memory that processes share is divided among them (PSS)."""
    found: dict[str, float] = {}
    for name, pid in pids.items():
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            mine = [process, *process.children(recursive=True)]
            found[name] = sum(_pss(each) for each in mine)
    return found


def _pss(process: psutil.Process) -> float:
    with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        return float(process.memory_full_info().pss) / 2**20
    return 0.0


def by_service(costs: Mapping[str, float]) -> dict[str, float]:
    """The roles of a service added up: `registry-api` and `registry-relay` are `registry`."""
    found: dict[str, float] = {}
    for name, spent in costs.items():
        service = name.rsplit("-", 1)[0] if name.endswith(("-api", "-worker", "-relay")) else name
        found[service] = found.get(service, 0.0) + spent
    return found


def table(title: str, headers: list[str], rows: list[list[str]]) -> None:
    """Print a table; the first column is words, the others are numbers."""
    shown = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for place, header in enumerate(headers):
        shown.add_column(header, justify="right" if place else "left")
    for row in rows:
        shown.add_row(*row)
    console.print(shown)


async def until(
    ask: Callable[[], Awaitable[Any]], enough: Callable[[Any], bool], within: float = 600, every: float = 0.2
) -> Any:
    """The first answer that is enough. Raises AssertionError with the last one after `within` seconds."""

    async def answered() -> tuple[Any]:
        answer = await ask()
        assert enough(answer), answer
        return (answer,)

    (found,) = await eventually(answered, within=within, every=every)
    return found
