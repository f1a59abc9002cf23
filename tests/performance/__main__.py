"""`python -m tests.performance [NAME…]`: run the benchmarks one after the other, each in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
NOT_BENCHMARKS = {"__init__", "__main__", "measuring"}


def main(wanted: list[str]) -> int:
    """Exit code: that of the first benchmark that failed."""
    known = sorted(path.stem for path in HERE.glob("*.py") if path.stem not in NOT_BENCHMARKS)
    unknown = [name for name in wanted if name not in known]
    if unknown:
        sys.stderr.write(f"There is no benchmark {', '.join(unknown)}; there are {', '.join(known)}.\n")
        return 2
    code = 0
    print(f"{len(wanted or known)} benchmarks on {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start")
    for name in wanted or known:
        print(f"\n== {name}", flush=True)
        ended = subprocess.run([sys.executable, "-W", "ignore", "-m", f"tests.performance.{name}"], check=False)
        code = code or ended.returncode
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
