"""How long a start takes, how much memory the idle stack needs, how long a stop takes."""

import shutil
import statistics

from tests.harness.eventually import waited
from tests.harness.whole import WholeStack, temporary_folder
from tests.performance.measuring import console, memory, table

RUNS = 3
CALM_WITHIN, LOOK_EVERY, CALM = 30.0, 3.0, 0.01
"""Seconds in which the stack has to come to rest, seconds between two looks, and how much memory may still change."""


def _at_rest(stack: WholeStack) -> dict[str, float]:
    """Program → MiB, once two looks in a row find as much."""
    looks = [0.0]
    used: dict[str, float] = {}

    def is_calm() -> bool:
        used.update(memory({**stack.programs, "launcher": stack.about()["launcher"]}))
        looks.append(sum(used.values()))
        return abs(looks[-1] - looks[-2]) < CALM * looks[-1]

    assert waited(is_calm, CALM_WITHIN, LOOK_EVERY), f"the memory of the stack does not come to rest: {looks}"
    return used


def main() -> None:
    """Print cold and warm starts, memory by program, stops."""
    folder = temporary_folder("start")
    stack = WholeStack(folder / "local")
    try:
        cold = stack.start()
        founded = stack.run("county")
        assert founded.returncode == 0, founded.stdout + founded.stderr
        used = _at_rest(stack)
        stops, warm = [stack.stop()], []
        for _ in range(RUNS):
            warm.append(stack.start())
            stops.append(stack.stop())
    finally:
        stack.kill()
        shutil.rmtree(folder, ignore_errors=True)
    table(
        "Start and stop, seconds",
        ["", "median", "worst"],
        [
            ["first start, empty folder", f"{cold:.1f}", ""],
            ["warm start until everything is ready", f"{statistics.median(warm):.1f}", f"{max(warm):.1f}"],
            ["stop", f"{statistics.median(stops):.1f}", f"{max(stops):.1f}"],
        ],
    )
    # The launcher's children are counted under their own names.
    used["launcher"] -= sum(spent for name, spent in used.items() if name != "launcher")
    table(
        "Idle memory, MiB (PSS)",
        ["program", "MiB"],
        [[name, f"{spent:.0f}"] for name, spent in sorted(used.items(), key=lambda item: -item[1])],
    )
    console.print(f"whole stack idle: {sum(used.values()):.0f} MiB")


if __name__ == "__main__":
    main()
