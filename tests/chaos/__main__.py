"""`python -m tests.chaos --tier 2 --seed 7`: do it to a running system, ask the oracle, write the page.

Exit status: 0 when everything held, 1 when something was violated, 2 when what was asked for cannot be done, 130 when
it was cut short: the same seed goes on.
"""

import argparse
import asyncio
import logging
import os
import random
import signal
import sys
from pathlib import Path

from local_stack.launcher import default_folder
from local_stack.refusing import CannotStartError
from tests.chaos.page import write_page
from tests.chaos.run import Run, forget_stack, printed, tier

VIOLATED, UNUSABLE, CUT_SHORT = 1, 2, 130


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser("python -m tests.chaos", description=__doc__)
    parser.add_argument("--tier", type=int, choices=(1, 2), default=2, help="1: minutes; 2: up to an hour")
    parser.add_argument("--seed", type=int, help="goes on with a run of this seed that was cut short (CHAOS_SEED)")
    parser.add_argument("--minutes", type=float, help="begin no round that would end later")
    parser.add_argument("--rounds", type=int, help="rest and check so often; the dose is shared among them")
    asked = parser.parse_args()
    seed = asked.seed if asked.seed is not None else int(os.environ.get("CHAOS_SEED") or random.randrange(1, 10**6))
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    wanted = tier(asked.tier, asked.minutes, asked.rounds)
    folder = default_folder() / "chaos" / str(seed)
    run = Run(wanted, seed, folder, printed)
    printed(f"tier {wanted.number}, seed {seed}: {folder}")
    if len(run.rounds) >= wanted.rounds:
        printed(f"this run is finished; its page: {write_page(run)}")
        return 0 if all(each.is_clean for each in run.rounds) else VIOLATED
    # Also where a shell has put it into the background and out of the reach of Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: os.kill(os.getpid(), signal.SIGINT))  # the stack is stopped either way
    try:
        clean = asyncio.run(run.go())
    except (CannotStartError, RuntimeError) as error:
        sys.stderr.write(f"{error}\n")
        return UNUSABLE
    except KeyboardInterrupt:
        printed(f"cut short; the same command with --seed {seed} goes on with round {len(run.rounds)}")
        return CUT_SHORT
    finally:
        page = write_page(run)
    printed(f"the page: {page}")
    if clean and len(run.rounds) >= wanted.rounds:
        forget_stack(folder)
    printed(_verdict(run, clean, folder))
    return 0 if clean else VIOLATED


def _verdict(run: Run, clean: bool, folder: Path) -> str:
    if not clean:
        return f"VIOLATED; the evidence stays in {folder}"
    if len(run.rounds) < run.tier.rounds:
        left = run.tier.rounds - len(run.rounds)
        return f"every invariant held; {left} rounds are left: the same command with --seed {run.seed} goes on"
    return "every invariant held"


if __name__ == "__main__":
    sys.exit(main())
